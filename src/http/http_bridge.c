// What libmicrohttpd calls: a request begins, reads on, is parked, ends.
#include "http/http_bridge.h"

#include <microhttpd.h>
#include <stdarg.h>

#include "base/fs.h"
#include "base/log.h"
#include "http/http_connection.h"
#include "http/http_deadline.h"
#include "http/http_exchange.h"
#include "http/http_response.h"

#define POOL_BYTES       16384
#define CONNECTIONS_LOTS 1000000 // libmicrohttpd's own limit; ours is checked in on_accept()
#define SURPLUS_MAX      256     // connections beyond the limit that are told so

static enum MHD_Result on_accept(void *cls, const struct sockaddr *address, socklen_t len)
{
    struct http_loop *loop = cls;
    struct http_server *server = loop->server;
    (void)address;
    (void)len;
    size_t max = (size_t)server->settings.connection_max + SURPLUS_MAX;
    bool room = http_deadlines_count(server->deadlines) < max;
    return room ? MHD_YES : MHD_NO;
}

static void on_connection(void *cls, struct MHD_Connection *mhd, void **socket_context,
                          enum MHD_ConnectionNotificationCode what)
{
    struct http_loop *loop = cls;
    if (what == MHD_CONNECTION_NOTIFY_STARTED) {
        int fd = MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_CONNECTION_FD)->connect_fd;
        *socket_context = http_connection_open(loop->server, fd);
    } else {
        http_connection_close(*socket_context);
    }
}

static struct str make_id(struct http_server *server, struct arena *arena)
{
    static const char digits[] = "0123456789abcdef";
    uint64_t number = atomic_fetch_add_explicit(&server->id_next, 1, memory_order_relaxed);
    char *text = arena_raw(arena, 20);
    memcpy(text, server->id_prefix, 8);
    text[8] = '-';
    for (int i = 0; i < 10; i++)
        text[9 + i] = digits[number >> (36 - 4 * i) & 15];
    text[19] = '\0';
    return (struct str){.ptr = text, .len = 19};
}

// The query is ours to read. libmicrohttpd would make an entry like a header of each parameter, and
// leave a client whose parameters do not fit into its pool without an answer.
static void hide_query(const char *uri)
{
    char *mark = strchr((char *)(uintptr_t)uri, '?');
    if (mark != NULL && mark[1] != '\0')
        mark[1] = '\0';
}

static void *on_request_line(void *cls, const char *uri, struct MHD_Connection *mhd)
{
    struct http_loop *loop = cls;
    struct http_server *server = loop->server;
    struct http_connection *connection =
        MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_SOCKET_CONTEXT)->socket_context;
    if (connection == NULL)
        return NULL;
    struct arena *arena = http_connection_arena(connection);
    struct http_request *request = arena_new(arena, struct http_request, 1);
    request->server = server;
    request->loop = loop;
    request->connection = connection;
    request->mhd = mhd;
    request->arena = arena;
    request->method = HTTP_METHOD_COUNT;
    request->answer.fd = -1;
    request->started_us = http_server_now(server);
    // The first request has the time since the connection began.
    if (connection->used)
        http_deadline_set(connection,
                          request->started_us + server->settings.header_deadline_ms * US_PER_MS);
    connection->used = true;
    connection->unread = true;
    struct str raw = str_of(uri);
    request->line_bytes = raw.len;
    request->fault = http_target_parse(raw, arena, &request->target);
    hide_query(uri);
    return request;
}

struct header_walk {
    struct http_gate *gate;
    const char *end; // where the line before ended
    bool gap;
};

// libmicrohttpd 0.9.75 ends a header at a NUL, takes a line feed for the end of a line, and a line
// that begins with NUL for the end of the headers. All of this shows as a gap between the texts,
// which lie where they were received; a folded line shows too. Later versions refuse these
// themselves.
static bool is_gapless(const struct header_walk *walk)
{
    return MHD_VERSION >= 0x00097600 || !walk->gap;
}

static enum MHD_Result on_header(void *cls, enum MHD_ValueKind kind, const char *key,
                                 const char *value)
{
    struct header_walk *walk = cls;
    (void)kind;
    struct str name = str_of(key);
    struct str text = str_of(value);
    walk->gap |= name.ptr != walk->end;
    walk->end = text.ptr + text.len + 2;
    http_gate_header(walk->gate, name, text);
    return MHD_YES;
}

static void walk_headers(struct http_request *request, const char *method, const char *version,
                         size_t header_bytes)
{
    struct header_walk walk = {.gate = &request->gate, .end = version + strlen(version) + 2};
    MHD_get_connection_values(request->mhd, MHD_HEADER_KIND, on_header, &walk);
    walk.gap |= method + header_bytes != walk.end + 2;
    if (!is_gapless(&walk) && request->gate.fault == NULL)
        request->gate.fault = "The headers are malformed.";
}

static enum MHD_Result queue_answer(struct http_request *request)
{
    const struct http_answer *answer = &request->answer;
    if (http_flaw_waits(request))
        return MHD_YES;
    if (http_flaw_is_silent(request))
        return MHD_NO;
    // A flaw may be that an answer comes slowly.
    if (request->flawed == NULL)
        http_deadline_begin_sending(request->connection,
                                    answer->fd < 0 ? answer->body.len : answer->length);
    return http_answer_queue(request) ? MHD_YES : MHD_NO;
}

static enum MHD_Result headers_came(struct http_request *request, const char *method,
                                    const char *version)
{
    struct http_server *server = request->server;
    size_t header_bytes =
        MHD_get_connection_info(request->mhd, MHD_CONNECTION_INFO_REQUEST_HEADER_SIZE)->header_size;
    request->counted = true;
    atomic_fetch_add(&server->running, 1);
    request->method_text = str_of(method);
    request->line_bytes += request->method_text.len + strlen(version) + 4;
    walk_headers(request, method, version, header_bytes);
    request->id = request->gate.request_id.ptr != NULL
                      ? arena_str(request->arena, request->gate.request_id)
                      : make_id(server, request->arena);
    http_exchange_admit(request, header_bytes, strcmp(version, "HTTP/1.0") == 0);
    if (http_exchange_refuses_early(request)) {
        http_deadline_set(request->connection, HTTP_NO_DEADLINE);
        return queue_answer(request);
    }
    int64_t deadline = HTTP_NO_DEADLINE;
    if (http_exchange_has_body(request)) {
        deadline = http_server_now(server) + server->settings.body_deadline_ms * US_PER_MS;
        http_deadline_await_body(request->connection, true);
    }
    http_deadline_set(request->connection, deadline);
    return MHD_YES;
}

void http_suspend(struct http_request *request)
{
    check(request->stage == HTTP_HANDLING);
    request->stage = HTTP_PENDING;
}

// An answer that came while the handler still ran needs no parking.
static enum MHD_Result park(struct http_request *request)
{
    enum http_stage expected = HTTP_PENDING;
    MHD_suspend_connection(request->mhd);
    if (!atomic_compare_exchange_strong(&request->stage, &expected, HTTP_PARKED))
        http_answer_resume(request);
    return MHD_YES;
}

static void refuse_late(struct http_request *request)
{
    struct error err;
    error_reset(&err);
    (void)error_set(&err, ERR_UNAVAILABLE, "The server is shutting down.");
    http_problem(request, &err);
}

// From the first look at shut to its answer the request is counted, so that whoever shuts the
// server either is seen here or waits for it.
static enum MHD_Result run_request(struct http_request *request)
{
    struct http_server *server = request->server;
    atomic_fetch_add(&server->in_hand, 1);
    if (server->shut)
        refuse_late(request);
    else
        http_exchange_run(request);
    if (request->stage != HTTP_ANSWERED)
        return park(request);
    atomic_fetch_sub(&server->in_hand, 1);
    return queue_answer(request);
}

static enum MHD_Result request_came(struct http_request *request)
{
    request->connection->unread = false;
    if (request->stage != HTTP_READING)
        return queue_answer(request);
    http_deadline_await_body(request->connection, false);
    http_deadline_set(request->connection, HTTP_NO_DEADLINE);
    return run_request(request);
}

static enum MHD_Result on_access(void *cls, struct MHD_Connection *mhd, const char *url,
                                 const char *method, const char *version, const char *upload,
                                 size_t *upload_size, void **context)
{
    struct http_request *request = *context;
    (void)cls;
    (void)mhd;
    (void)url;
    if (request == NULL)
        return MHD_NO;
    if (!request->counted)
        return headers_came(request, method, version);
    if (*upload_size > 0) {
        http_exchange_body(request, upload, *upload_size);
        *upload_size = 0;
        return MHD_YES;
    }
    return request_came(request);
}

static int status_of(const struct http_request *request)
{
    if (request->queued)
        return request->answer.status;
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(request->mhd, MHD_CONNECTION_INFO_HTTP_STATUS);
    return info == NULL ? 0 : (int)info->http_status;
}

static void log_request(const struct http_request *request, int64_t now,
                        enum MHD_RequestTerminationCode how)
{
    log_event(LOG_DEBUG, "http.request", "", LOG_STR("method", request->method_text),
              LOG_STR("path", request->target.path), LOG_I64("status", status_of(request)),
              LOG_I64("duration_us", now - request->started_us),
              LOG_I64("complete", how == MHD_REQUEST_TERMINATED_COMPLETED_OK),
              LOG_STR("request_id", request->id));
}

static void on_completed(void *cls, struct MHD_Connection *mhd, void **context,
                         enum MHD_RequestTerminationCode how)
{
    struct http_loop *loop = cls;
    struct http_server *server = loop->server;
    struct http_request *request = *context;
    (void)mhd;
    *context = NULL;
    if (request == NULL)
        return;
    struct http_connection *connection = request->connection;
    int64_t now = http_server_now(server);
    log_request(request, now, how);
    if (how == MHD_REQUEST_TERMINATED_COMPLETED_OK)
        http_flaw_sent(request);
    fd_close(&request->answer.fd);
    http_deadline_await_body(connection, false);
    http_deadline_end_sending(connection);
    http_deadline_set(connection, now + server->settings.idle_ms * US_PER_MS);
    bool counted = request->counted;
    http_connection_put_arena(connection, request->arena);
    if (counted)
        atomic_fetch_sub(&server->running, 1);
}

__attribute__((format(printf, 2, 0))) static void on_message(void *cls, const char *format,
                                                             va_list args)
{
    char text[256];
    (void)cls;
    if (!log_enabled(LOG_DEBUG))
        return;
    vsnprintf(text, sizeof(text), format, args);
    log_event(LOG_DEBUG, "http.library", "", LOG_STR("text", str_trim(str_of(text))));
}

static size_t keep_escapes(void *cls, struct MHD_Connection *mhd, char *text)
{
    (void)cls;
    (void)mhd;
    return strlen(text);
}

struct MHD_Daemon *http_bridge_open(struct http_loop *loop, int listen_fd)
{
    const struct http_server_settings *settings = &loop->server->settings;
    unsigned flags = MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ERROR_LOG;
    size_t pool = settings->header_max_bytes * 2;
    return MHD_start_daemon(flags, 0, on_accept, loop, on_access, loop,              //
                            MHD_OPTION_EXTERNAL_LOGGER, on_message, NULL,            //
                            MHD_OPTION_LISTEN_SOCKET, listen_fd,                     //
                            MHD_OPTION_CONNECTION_LIMIT, (unsigned)CONNECTIONS_LOTS, //
                            MHD_OPTION_CONNECTION_MEMORY_LIMIT,
                            pool < POOL_BYTES ? (size_t)POOL_BYTES : pool,
                            MHD_OPTION_STRICT_FOR_CLIENT, 0,                    //
                            MHD_OPTION_SIGPIPE_HANDLED_BY_APP, 1,               //
                            MHD_OPTION_URI_LOG_CALLBACK, on_request_line, loop, //
                            MHD_OPTION_UNESCAPE_CALLBACK, keep_escapes, NULL,   //
                            MHD_OPTION_NOTIFY_COMPLETED, on_completed, loop,    //
                            MHD_OPTION_NOTIFY_CONNECTION, on_connection, loop,  //
                            MHD_OPTION_END);
}
