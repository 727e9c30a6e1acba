// The listening socket.
#ifndef SUNLEAD_HTTP_LISTEN_H
#define SUNLEAD_HTTP_LISTEN_H

#include <stdint.h>

#include "base/error.h"

// http_listen_open() listens on a numeric IPv4 or IPv6 address ("::" takes both). Port 0 is any
// free one; *ret_port tells which. ERR_INVALID for an address that is not ours, ERR_CONFLICT for a
// port that is taken.
MUST_CHECK enum err http_listen_open(const char *address, uint16_t port, int *ret_fd,
                                     uint16_t *ret_port, struct error *err);

#endif
