// The beginning and the end of connections.
#ifndef SUNLEAD_HTTP_CONNECTION_H
#define SUNLEAD_HTTP_CONNECTION_H

#include "http/http_core.h"

// http_connection_open() puts a new connection under the header deadline. NULL (and the socket shut
// down) if there is no memory.
struct http_connection *http_connection_open(struct http_server *server, int fd);

// http_connection_close() frees what is ours of a connection whose sending side is shut and whose
// fd is still open; if unread bytes may be on their way, it goes on to linger. NULL is fine.
void http_connection_close(struct http_connection *connection);

// http_connection_arena() gives an empty arena for the next request; http_connection_put_arena()
// takes it back.
struct arena *http_connection_arena(struct http_connection *connection);

// http_connection_put_arena() resets the arena of a request that has ended and keeps it for the
// next one.
void http_connection_put_arena(struct http_connection *connection, struct arena *arena);

#endif
