// What every request must pass on its way to a handler.
#ifndef SUNLEAD_HTTP_EXCHANGE_H
#define SUNLEAD_HTTP_EXCHANGE_H

#include "http/http_core.h"

// http_exchange_admit() looks at a request whose headers are complete: gate, limits, route, guard.
// Where it may not go on the answer is in the request afterwards.
void http_exchange_admit(struct http_request *request, size_t header_bytes, bool http_1_0);

// http_exchange_body() takes a piece of the body.
void http_exchange_body(struct http_request *request, const char *bytes, size_t len);

// http_exchange_run() calls the handler once the whole request is there.
void http_exchange_run(struct http_request *request);

// http_exchange_has_body() tells whether a body is announced.
bool http_exchange_has_body(const struct http_request *request);

// http_exchange_refuses_early() tells whether the answer that is there already goes out before the
// body is read, which ends the connection.
bool http_exchange_refuses_early(const struct http_request *request);

#endif
