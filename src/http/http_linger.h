// Connections that were answered before all of their request was read: read on, so that the answer
// arrives.
#ifndef SUNLEAD_HTTP_LINGER_H
#define SUNLEAD_HTTP_LINGER_H

#include "base/error.h"

struct http_linger;

// http_linger_open() starts the thread that reads such connections dry.
MUST_CHECK enum err http_linger_open(struct http_linger **ret_linger, struct error *err);

// http_linger_add() takes a duplicate of a socket whose sending side is about to be closed; fd
// itself stays the caller's. What comes in is thrown away until the peer closes, for some seconds
// at most. When too many linger, or no descriptor is left, nothing happens and the peer may miss
// the answer. Never blocks.
void http_linger_add(struct http_linger *linger, int fd);

// http_linger_close() drops all connections and stops the thread. NULL is fine.
void http_linger_close(struct http_linger *linger);

#endif
