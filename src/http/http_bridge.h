// The bridge between libmicrohttpd and requests.
#ifndef SUNLEAD_HTTP_BRIDGE_H
#define SUNLEAD_HTTP_BRIDGE_H

#include "http/http_core.h"

// http_bridge_open() makes the daemon of a loop, which serves connections that come in on
// listen_fd. The loop polls it. NULL if that fails.
struct MHD_Daemon *http_bridge_open(struct http_loop *loop, int listen_fd);

#endif
