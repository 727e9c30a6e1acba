// The loops: threads that each serve a share of the connections.
#ifndef SUNLEAD_HTTP_LOOP_H
#define SUNLEAD_HTTP_LOOP_H

#include "http/http_core.h"

// http_loops_open() starts settings.loops loops that accept from listen_fd, which stays the
// caller's. ERR_INTERNAL if that fails; http_loops_close() is needed all the same.
MUST_CHECK enum err http_loops_open(struct http_server *server, int listen_fd, struct error *err);

// http_loops_close() ends the loops and all connections. No request may be parked.
void http_loops_close(struct http_server *server);

// http_loop_wake() makes a loop look around soon. From any thread.
void http_loop_wake(struct http_loop *loop);

#endif
