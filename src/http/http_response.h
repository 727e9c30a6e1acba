// What the server's own files need of answering.
#ifndef SUNLEAD_HTTP_RESPONSE_H
#define SUNLEAD_HTTP_RESPONSE_H

#include "http/http_core.h"

// http_answer_check() aborts unless the request still wants an answer.
void http_answer_check(const struct http_request *request);

// http_answer_done() publishes the answer that was put into the request, and wakes its loop if the
// request is parked. The request must not be touched afterwards, except by its loop.
void http_answer_done(struct http_request *request);

// http_answer_resume() lets the loop go on with a request that is set aside and answered. The
// request must not be touched afterwards.
void http_answer_resume(struct http_request *request);

// http_answer_queue() hands the answer to libmicrohttpd; on the loop. False if that failed: close
// the connection.
MUST_CHECK bool http_answer_queue(struct http_request *request);

// http_refuse() is http_problem_status() with words of the server's own.
void http_refuse(struct http_request *request, int status, const char *message);

#endif
