// The calls that libmicrohttpd makes to the server.
#ifndef SUNLEAD_HTTP_LOOP_H
#define SUNLEAD_HTTP_LOOP_H

#include "http/http_core.h"

// http_loop_start() starts the loops on the server's listening socket. ERR_INTERNAL if that fails.
MUST_CHECK enum err http_loop_start(struct http_server *server, struct error *err);

// http_loop_stop() ends the loops and all connections. None may be parked.
void http_loop_stop(struct http_server *server);

#endif
