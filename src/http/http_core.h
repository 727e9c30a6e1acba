// What the files of the server share: the server, its connections and its requests.
#ifndef SUNLEAD_HTTP_CORE_H
#define SUNLEAD_HTTP_CORE_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/buf.h"
#include "http/http_flaw.h"
#include "http/http_gate.h"
#include "http/http_linger.h"
#include "http/http_router.h"
#include "http/http_server.h"
#include "http/http_target.h"

struct MHD_Connection;
struct MHD_Daemon;

// HTTP_ANSWER_HEADERS_MAX is how many headers an answer can have.
#define HTTP_ANSWER_HEADERS_MAX 16

// A thread that serves connections.
struct http_loop {
    struct http_server *server;
    struct MHD_Daemon *daemon;
    int epoll_fd;               // the daemon's
    int wake;                   // eventfd
    struct http_flawed *flawed; // those that wait on this loop
    _Atomic bool woken;
    bool listens; // the thread's own
    bool runs;
    pthread_t thread;
};

// A TCP connection. It belongs to its loop; only deadline_us, body_awaited, sending, acked, hung_up
// and the list are touched by the reaper.
struct http_connection {
    struct http_server *server;
    int fd;
    _Atomic int64_t deadline_us; // monotonic; the reaper shuts it down then. INT64_MAX: never
    _Atomic bool body_awaited;   // the rest of a body is still to come
    _Atomic bool sending;        // an answer is on its way: at the deadline, look how it goes
    _Atomic uint64_t acked;      // bytes that the peer had taken when that was last looked at
    bool hung_up;                // the reaper saw that nothing more will come
    struct http_connection *next;
    struct http_connection *prev;
    struct arena *spare; // of the last request, for the next one
    bool used;           // a request line came
    bool surplus;        // beyond connection_max: it is told so
    bool unread;         // a request was answered before all of it was read
};

// Where a request stands. Answers are given in HTTP_READING (by the server itself and the guard),
// HTTP_HANDLING, HTTP_PENDING and HTTP_PARKED.
enum http_stage {
    HTTP_READING,  // head and body come in
    HTTP_HANDLING, // the handler runs
    HTTP_PENDING,  // http_suspend() was called, the handler still runs
    HTTP_PARKED,   // libmicrohttpd keeps the connection aside
    HTTP_ANSWERED, // the answer is in the request
};

struct http_answer_header {
    const char *name;
    struct str value; // NUL-ended
};

struct http_answer {
    int status; // 0: none yet
    const char *content_type;
    struct str body;
    int fd; // -1: the body is in memory
    uint64_t offset;
    uint64_t length;
    struct http_answer_header headers[HTTP_ANSWER_HEADERS_MAX];
    size_t header_count;
};

// A request, in its own arena.
struct http_request {
    struct http_server *server;
    struct http_loop *loop;
    struct http_connection *connection;
    struct MHD_Connection *mhd;
    struct arena *arena;
    _Atomic enum http_stage stage;
    int64_t started_us; // monotonic
    struct str method_text;
    enum http_method method; // HTTP_METHOD_COUNT: none of ours
    bool counted;            // among the running ones
    bool queued;             // the answer is libmicrohttpd's
    bool close;              // the connection ends with this answer
    const char *fault;       // what is wrong with the target; NULL: nothing
    size_t line_bytes;       // of the request line, about
    struct http_target target;
    struct http_gate gate;
    const struct http_rule *rule;
    struct str id;
    size_t body_max;
    struct buf body;
    struct http_answer answer;
    http_taker *taker; // of the next answer; NULL: it is sent
    void *taker_ctx;
    struct http_flawed *flawed; // NULL: the answer goes as it should
};

struct http_deadlines;

struct http_server {
    struct http_server_settings settings; // with the defaults filled in
    struct http_router *router;
    struct http_loop *loops;
    unsigned loop_count;
    struct http_deadlines *deadlines;
    struct http_linger *linger;
    uint16_t port;
    char id_prefix[9]; // of request ids that are made here
    _Atomic uint64_t id_next;
    _Atomic unsigned listening; // loops that accept connections
    _Atomic size_t running;
    // Between their handler's start and their answer; the last that an answer from outside touches
    // of the server.
    _Atomic size_t in_hand;
    _Atomic bool draining;
    _Atomic bool shut; // further requests are refused: no handler runs any more
    _Atomic bool closing;
};

// http_server_now() is the monotonic time.
int64_t http_server_now(const struct http_server *server);

#endif
