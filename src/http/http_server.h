// The HTTP server: connections, the gate, deadlines, routing, suspended requests.
#ifndef SUNLEAD_HTTP_SERVER_H
#define SUNLEAD_HTTP_SERVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/str.h"

struct http_server;
struct http_request;

enum http_method { HTTP_GET, HTTP_POST, HTTP_PUT, HTTP_DELETE, HTTP_METHOD_COUNT };

// A handler answers with http_respond() or http_problem() before it returns, or calls
// http_suspend() and lets something else do it later. It runs on a loop thread and never waits.
typedef void http_handler(struct http_request *request);

enum http_route_flag {
    HTTP_ROUTE_JSON_BODY = 1 << 0,     // a body is required (400) and its type must be JSON (415)
    HTTP_ROUTE_OPTIONAL_BODY = 1 << 1, // with HTTP_ROUTE_JSON_BODY: an empty body is fine
};

// One line of the route table. A pattern is a path whose segments may be {name}, which match any
// one non-empty segment; literal segments win over them. HEAD goes to the GET handler, OPTIONS and
// 405 are answered from the table. Up to 16 segments, 4 of them {name}.
struct http_route {
    enum http_method method;
    const char *pattern;
    http_handler *handler;
    unsigned flags;
    // 0: the server's body_max_bytes; routes without HTTP_ROUTE_JSON_BODY take no body (413)
    size_t body_max;
};

// Called before the handler of every matched route, on the loop thread, when the headers are there
// and the body is not; answers and returns false to stop the request (access rules).
typedef bool http_guard_fn(struct http_request *request, void *app);

struct http_server_settings {
    const char *listen; // address, "127.0.0.1"
    uint16_t port;      // 0: any free port
    unsigned loops;     // threads; 0: one a core
    const struct http_route *routes;
    size_t route_count;
    http_guard_fn *guard;    // NULL: none
    void *app;               // for http_app()
    const char *cors_origin; // NULL: no CORS headers; "*" or one origin
    size_t header_max_bytes; // 0: 8192 (request line and headers; 414 and 431 beyond)
    size_t body_max_bytes;   // 0: 1 MiB
    // Absolute. The first request's headers count from the connection's start, later ones' from
    // their request line.
    unsigned header_deadline_ms; // 0: 10,000
    unsigned body_deadline_ms;   // 0: 60,000, from the end of the headers
    unsigned idle_ms;            // 0: 60,000 from an answer to the next request line
    unsigned send_ms; // 0: 60,000; in each such span the client takes 16 KB of an answer, or is cut
    // 0: 10,000, or half of the descriptors that the process may have. Some more are answered with
    // 503 and closed, those beyond them closed at once.
    unsigned connection_max;
    const struct clock *clock; // NULL: clock_system()
};

// http_server_open() listens and starts the loops. Routes and settings texts must outlive the
// server. ERR_CONFLICT when the port is taken; ERR_INVALID for a bad address.
MUST_CHECK enum err http_server_open(const struct http_server_settings *settings,
                                     struct http_server **ret_server, struct error *err);

// http_server_port() is the port it listens on.
uint16_t http_server_port(const struct http_server *server);

// http_server_drain() closes the listening socket, answers every further request on open
// connections as usual but with "Connection: close", and waits until no request is running or
// timeout_ms passed. Once none is, what still comes is refused (503): no handler runs any more.
// Returns how many were still running. Blocks.
size_t http_server_drain(struct http_server *server, unsigned timeout_ms);

// http_server_close() stops the loops and frees the server. No request may be suspended any more
// (drain, then answer what is left). NULL is fine.
void http_server_close(struct http_server *server);

// http_server_running() is the number of requests between their headers and the end of their
// answer.
size_t http_server_running(const struct http_server *server);

// ---- What a request says. All texts live in the request's arena until the answer is sent.

// http_app() is settings.app.
void *http_app(const struct http_request *request);
// http_arena() is the request's memory.
struct arena *http_arena(struct http_request *request);
// http_request_id() is a short text for logs and the X-Request-Id header (the client's if it is
// sane).
struct str http_request_id(const struct http_request *request);
// http_method_of() is the method; HEAD counts as HTTP_GET.
enum http_method http_method_of(const struct http_request *request);

// http_is_head() tells whether the method is HEAD.
bool http_is_head(const struct http_request *request);
// http_path() is the decoded path.
struct str http_path(const struct http_request *request);
// http_pattern() is the pattern of the matched route; NULL if there is none.
const char *http_pattern(const struct http_request *request);
// http_param() is the decoded text of a {name} segment of the pattern; asking for another is a
// programming error.
struct str http_param(const struct http_request *request, const char *name);
// http_query() is the decoded text of a query parameter; null if absent. Names and values are valid
// UTF-8 without control characters.
struct str http_query(const struct http_request *request, const char *name);
// http_query_check() is ERR_INVALID with a place "?name" if a parameter is not in names
// (NULL-ended) or is repeated.
MUST_CHECK enum err http_query_check(const struct http_request *request, const char *const *names,
                                     struct error *err);
// http_header() is a request header by name without regard to case, trimmed; null if absent.
// Repeated ones: the first.
struct str http_header(struct http_request *request, const char *name);
// http_accepts_gzip() tells whether the client wants an answer in gzip rather than as it is
// (Accept-Encoding: RFC 9110, section 12.5.3).
bool http_accepts_gzip(struct http_request *request);
// http_has_header() tells whether the name of some request header begins with prefix, without
// regard to case.
bool http_has_header(struct http_request *request, struct str prefix);
// http_body() is the whole body; empty if there is none. Not yet there for the guard.
struct str http_body(const struct http_request *request);

// ---- Answering. Exactly one of http_respond(), http_respond_file() and http_problem() a request.

// http_set_header() adds a header to the answer, or replaces it; name must live as long as the
// request, value is copied. A value with control characters is a programming error; an empty one is
// not sent. At most 16 headers.
void http_set_header(struct http_request *request, const char *name, struct str value);

// Called with an answer that is not sent: the status, and a body that lives as long as the request.
// Whoever takes it answers himself, with the same or another one. The headers are set already.
typedef void http_taker(struct http_request *request, int status, struct str body, void *ctx);

// http_take_answer() has the next http_respond() or http_problem() call the taker instead of
// answering. Call it for a suspended request.
void http_take_answer(struct http_request *request, http_taker *taker, void *ctx);

// http_answer_header() is a header that was set for the answer; null if there is none.
struct str http_answer_header(const struct http_request *request, const char *name);

// http_suspend() tells that the answer comes later, from any thread. Call it on the loop thread,
// before anything that could answer is set off. After that the handler touches the request no more;
// until the answer whoever answers has the request and its arena to himself. The connection is set
// aside when the handler returns: an answer given before that costs nothing extra.
void http_suspend(struct http_request *request);

// http_respond() answers. body must live in the request's arena (or for ever), content_type for
// ever; NULL: no body. JSON is sent with Cache-Control: no-store unless the handler set another.
// Afterwards the request is not touched any more.
void http_respond(struct http_request *request, int status, const char *content_type,
                  struct str body);

// http_respond_file() answers with length bytes of an open file (the server closes fd) by sendfile.
// etag is the strong entity tag without quotes. Handles If-Match, If-None-Match, Range (one range),
// If-Range (RFC 9110, sections 13 and 14) and HEAD, and sets ETag, Accept-Ranges and
// Content-Length. Where the answer is not the file (412, 416) it is not to be stored.
void http_respond_file(struct http_request *request, const char *content_type, int fd,
                       uint64_t length, struct str etag);

// http_problem() answers with problem details (RFC 9457) for err; the status is
// http_status_of(err->code), with Retry-After for 503 and 429. It is the place where errors of 5xx
// statuses stop and are logged, with their cause ("http.problem").
void http_problem(struct http_request *request, const struct error *err);

// http_problem_status() is http_problem() with another status than the code's own.
void http_problem_status(struct http_request *request, int status, const struct error *err);

// http_status_of() is the status that an error code means to a client (one table).
int http_status_of(enum err code);

// http_status_title() is the reason phrase of a status (RFC 9110).
const char *http_status_title(int status);

#endif
