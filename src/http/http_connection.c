// What the server keeps per connection: its deadline, and an arena from one request to the next.
#include "http/http_connection.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "http/http_deadline.h"

#define ARENA_BYTES  8192
#define UNSENT_BYTES 131072

// Of what a client does not read the kernel would keep megabytes, and cut other connections when
// all together are too much for it. This bounds what waits behind what is under way, which is the
// client's window.
static void bound_unsent(int fd)
{
    int bytes = UNSENT_BYTES;
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NOTSENT_LOWAT, &bytes, sizeof(bytes));
}

struct http_connection *http_connection_open(struct http_server *server, int fd)
{
    struct http_connection *connection = calloc(1, sizeof(*connection));
    if (connection == NULL) {
        shutdown(fd, SHUT_RDWR);
        return NULL;
    }
    bound_unsent(fd);
    connection->server = server;
    connection->fd = fd;
    http_deadline_set(connection,
                      http_server_now(server) + server->settings.header_deadline_ms * US_PER_MS);
    http_deadlines_add(server->deadlines, connection);
    connection->surplus = http_deadlines_count(server->deadlines) > server->settings.connection_max;
    return connection;
}

static bool is_unread(const struct http_connection *connection)
{
    int waiting = 0;
    return connection->unread || (ioctl(connection->fd, FIONREAD, &waiting) == 0 && waiting > 0);
}

void http_connection_close(struct http_connection *connection)
{
    if (connection == NULL)
        return;
    struct http_server *server = connection->server;
    http_deadlines_remove(server->deadlines, connection);
    if (!server->closing && is_unread(connection))
        http_linger_add(server->linger, connection->fd);
    arena_close(connection->spare);
    free(connection);
}

struct arena *http_connection_arena(struct http_connection *connection)
{
    struct arena *arena = TAKE_PTR(connection->spare);
    return arena != NULL ? arena : arena_open(ARENA_BYTES);
}

void http_connection_put_arena(struct http_connection *connection, struct arena *arena)
{
    check(connection->spare == NULL);
    arena_reset(arena);
    connection->spare = arena;
}
