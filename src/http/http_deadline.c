// The list of connections and the reaper. libmicrohttpd's own time limit starts anew with every
// byte, which lets a client hold a connection by dripping; these deadlines are absolute.
#include "http/http_deadline.h"

#include <linux/tcp.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include "base/thread.h"

#define SEND_LEAST  16384 // bytes that a client takes in send_ms, or it is cut
#define SMALL_BYTES 65536 // an answer that the socket takes at once

struct http_deadlines {
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    struct http_connection *head;
    _Atomic size_t count;
    bool stop;
    const struct clock *clock;
    int64_t tick_us;
    pthread_t thread;
};

// Whether the client hung up in the middle of a body: libmicrohttpd does not notice where the end
// came together with the last piece. It has to be seen twice, since a body that is whole may be on
// its way to the handler.
static bool hung_up(struct http_connection *c)
{
    char byte;
    bool end = atomic_load_explicit(&c->body_awaited, memory_order_relaxed) &&
               recv(c->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) == 0;
    bool again = end && c->hung_up;
    c->hung_up = end;
    return again;
}

// How many bytes the peer said it has, since the connection began.
static uint64_t acked_bytes(int fd)
{
    struct tcp_info info = {0};
    socklen_t len = sizeof(info);
    return getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &len) == 0 ? info.tcpi_bytes_acked : 0;
}

// What the peer took before a small answer counts for it too: it is gone at once or a span later.
void http_deadline_begin_sending(struct http_connection *connection, uint64_t bytes)
{
    struct http_server *server = connection->server;
    if (bytes > SMALL_BYTES)
        atomic_store_explicit(&connection->acked, acked_bytes(connection->fd),
                              memory_order_relaxed);
    atomic_store_explicit(&connection->sending, true, memory_order_relaxed);
    http_deadline_set(connection, http_server_now(server) + server->settings.send_ms * US_PER_MS);
}

// Moves the deadline of a peer that takes what is sent. What is left of an answer is the socket's
// at the end, so that the last bytes need not be as many.
static bool goes_on(struct http_connection *c, int64_t deadline, int64_t now)
{
    if (!atomic_load_explicit(&c->sending, memory_order_relaxed))
        return false;
    uint64_t acked = acked_bytes(c->fd);
    uint64_t before = atomic_exchange_explicit(&c->acked, acked, memory_order_relaxed);
    if (acked < before + SEND_LEAST)
        return false;
    // Where the loop has set another meanwhile, that one holds.
    int64_t next = now + c->server->settings.send_ms * US_PER_MS;
    (void)atomic_compare_exchange_strong(&c->deadline_us, &deadline, next);
    return true;
}

// Its loop sees the shutdown as the client's going away and ends the connection.
static void shut_late_ones_locked(struct http_deadlines *deadlines)
{
    int64_t now = clock_monotonic_us(deadlines->clock);
    for (struct http_connection *c = deadlines->head; c != NULL; c = c->next) {
        int64_t deadline = atomic_load_explicit(&c->deadline_us, memory_order_relaxed);
        bool late = now >= deadline && !goes_on(c, deadline, now);
        if (!late && !hung_up(c))
            continue;
        http_deadline_set(c, HTTP_NO_DEADLINE);
        shutdown(c->fd, SHUT_RDWR);
    }
}

static void *reaper_main(void *ctx)
{
    struct http_deadlines *deadlines = ctx;
    mutex_lock(&deadlines->mutex);
    while (!deadlines->stop) {
        int64_t next = clock_monotonic_us(clock_system()) + deadlines->tick_us;
        while (!deadlines->stop && cond_wait_until(&deadlines->changed, &deadlines->mutex, next))
            continue;
        shut_late_ones_locked(deadlines);
    }
    mutex_unlock(&deadlines->mutex);
    return NULL;
}

enum err http_deadlines_open(const struct clock *clock, unsigned tick_ms,
                             struct http_deadlines **ret_deadlines, struct error *err)
{
    struct http_deadlines *deadlines = calloc(1, sizeof(*deadlines));
    if (deadlines == NULL)
        return error_set(err, ERR_INTERNAL, "out of memory");
    pthread_mutex_init(&deadlines->mutex, NULL);
    cond_init(&deadlines->changed);
    deadlines->clock = clock;
    deadlines->tick_us = tick_ms * US_PER_MS;
    enum err code = thread_start(&deadlines->thread, "http-reaper", reaper_main, deadlines, err);
    if (code != ERR_OK) {
        pthread_cond_destroy(&deadlines->changed);
        pthread_mutex_destroy(&deadlines->mutex);
        free(deadlines);
        return code;
    }
    *ret_deadlines = deadlines;
    return ERR_OK;
}

void http_deadlines_add(struct http_deadlines *deadlines, struct http_connection *connection)
{
    mutex_lock(&deadlines->mutex);
    connection->prev = NULL;
    connection->next = deadlines->head;
    if (deadlines->head != NULL)
        deadlines->head->prev = connection;
    deadlines->head = connection;
    deadlines->count++;
    mutex_unlock(&deadlines->mutex);
}

void http_deadlines_remove(struct http_deadlines *deadlines, struct http_connection *connection)
{
    mutex_lock(&deadlines->mutex);
    if (connection->prev != NULL)
        connection->prev->next = connection->next;
    else
        deadlines->head = connection->next;
    if (connection->next != NULL)
        connection->next->prev = connection->prev;
    deadlines->count--;
    mutex_unlock(&deadlines->mutex);
}

size_t http_deadlines_count(struct http_deadlines *deadlines)
{
    return deadlines->count;
}

void http_deadlines_close(struct http_deadlines *deadlines)
{
    if (deadlines == NULL)
        return;
    mutex_lock(&deadlines->mutex);
    deadlines->stop = true;
    pthread_cond_signal(&deadlines->changed);
    mutex_unlock(&deadlines->mutex);
    thread_join(deadlines->thread);
    check(deadlines->head == NULL);
    pthread_cond_destroy(&deadlines->changed);
    pthread_mutex_destroy(&deadlines->mutex);
    free(deadlines);
}
