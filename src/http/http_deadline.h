// Absolute deadlines of connections: a list of all of them and a thread that shuts the late ones
// down.
#ifndef SUNLEAD_HTTP_DEADLINE_H
#define SUNLEAD_HTTP_DEADLINE_H

#include <stddef.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/error.h"
#include "http/http_core.h"

#define HTTP_NO_DEADLINE INT64_MAX

struct http_deadlines;

// http_deadlines_open() starts the thread. It looks around every tick_ms, by which connections may
// be late.
MUST_CHECK enum err http_deadlines_open(const struct clock *clock, unsigned tick_ms,
                                        struct http_deadlines **ret_deadlines, struct error *err);

// http_deadlines_add() puts a connection under watch; its fd must stay open until
// http_deadlines_remove().
void http_deadlines_add(struct http_deadlines *deadlines, struct http_connection *connection);

// http_deadlines_remove() ends the watch. Afterwards the thread does not touch the connection any
// more.
void http_deadlines_remove(struct http_deadlines *deadlines, struct http_connection *connection);

// http_deadlines_count() is the number of connections.
size_t http_deadlines_count(struct http_deadlines *deadlines);

// http_deadlines_close() stops the thread. No connection may be left. NULL is fine.
void http_deadlines_close(struct http_deadlines *deadlines);

// http_deadline_set() moves a connection's deadline. Only the connection's loop calls it.
static inline void http_deadline_set(struct http_connection *connection, int64_t deadline_us)
{
    atomic_store_explicit(&connection->deadline_us, deadline_us, memory_order_relaxed);
}

// http_deadline_begin_sending() sets the connection's deadline send_ms from now, for an answer of
// so many bytes. It moves on as long as the peer takes what is sent. Only the connection's loop
// calls it.
void http_deadline_begin_sending(struct http_connection *connection, uint64_t bytes);

// http_deadline_end_sending() makes the deadline a fixed one again. Only the connection's loop
// calls it.
static inline void http_deadline_end_sending(struct http_connection *connection)
{
    atomic_store_explicit(&connection->sending, false, memory_order_relaxed);
}

// http_deadline_await_body() tells whether the rest of a body is still to come. Only the
// connection's loop calls it.
static inline void http_deadline_await_body(struct http_connection *connection, bool awaited)
{
    atomic_store_explicit(&connection->body_awaited, awaited, memory_order_relaxed);
}

#endif
