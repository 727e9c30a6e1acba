// The HTTP client: one thread that drives all outgoing calls, and timers on it.
#ifndef SUNLEAD_HTTP_CLIENT_H
#define SUNLEAD_HTTP_CLIENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/error.h"
#include "base/number.h"
#include "base/str.h"

struct http_client;

// How far a call came. Whether a request may have had an effect is the question that matters with
// paid calls.
enum http_fate {
    HTTP_NOT_SENT, // no byte of the request left: DNS, connect, TLS failed, or it was never started
    HTTP_ANSWERED, // status and whole body are there
    HTTP_BROKEN,   // once connected: time-out, reset, answer cut or too large; the peer may have
                   // acted
};

struct http_call;
typedef void http_call_done_fn(struct http_call *call);

// Takes a piece of a 2xx answer's body; returning false breaks the call off (HTTP_BROKEN).
typedef bool http_call_data_fn(struct http_call *call, const void *bytes, size_t len);

#define HTTP_CALL_HEADERS_MAX 8
#define HTTP_CALL_WANTED_MAX  4

// A header of the answer that the caller wants to see; all others cost nothing.
struct http_wanted {
    const char *name; // set by the caller; NULL ends the list
    struct str value; // set by the client, in the arena; repeated ones are joined by commas. Null:
                      // it did not come, or is too long (512 bytes)
};

// A body that is read from an open file while it is sent.
struct http_file_body {
    int fd;
    int64_t offset;
    int64_t len;
};

// Who signs calls by AWS Signature Version 4, in the Authorization header. A POST must have a
// Content-Type then, and the names of a query stand in their order, each with its '='. A large body
// waits for the peer's "100 Continue" (1 s at most).
struct http_signer {
    const char *scope; // of CURLOPT_AWS_SIGV4: "aws:amz:us-east-1:s3"
    const char *key_id;
    const char *secret;
};

// One outgoing call, in the caller's arena until done was called (on the client's thread). No
// redirect is followed and nothing is repeated, except what changes nothing (GET, HEAD, is_read)
// and went out on a kept-alive connection which the peer had closed meanwhile.
struct http_call {
    // set by the caller
    struct arena *arena;
    const char *method;                        // "GET", "POST", "PUT", "DELETE", "HEAD"
    const char *url;                           // http or https, NUL-ended
    struct str headers[HTTP_CALL_HEADERS_MAX]; // "Name: value", NUL-ended, one line; null ends
    struct str body;                           // null: none
    const struct http_file_body *file_body;    // NULL: `body`; only with PUT
    const struct http_signer *signer;          // NULL: not signed; must outlive the call
    unsigned connect_ms;                       // 0: 5,000
    unsigned total_ms;                         // 0: 30,000, absolute
    unsigned stall_s;                          // broken off when nothing moves for so long; 0: no
    size_t answer_max_bytes;                   // 0: 1 MiB; beyond it the call is broken off
    bool is_read;          // may be sent twice: it changes nothing more, whatever the method
    bool fresh_connection; // a connection of its own, HTTP/1.1, closed afterwards (paid calls)
    struct http_wanted wanted[HTTP_CALL_WANTED_MAX];
    http_call_data_fn *on_data; // NULL: the body is gathered in `answer`; bodies of non-2xx always
                                // are. Status and headers are there when it is called
    http_call_done_fn *done;
    void *ctx;
    // Looked at on the client's thread before connecting and again when connected, directly before
    // the first byte of the request leaves; false: HTTP_NOT_SENT. NULL: go.
    bool (*still_wanted)(struct http_call *call);
    // set by the client
    enum http_fate fate;
    bool held_back;          // HTTP_NOT_SENT by our own side: not wanted, too many waiting, closing
    int status;              // HTTP_ANSWERED, or HTTP_BROKEN after the headers; else 0
    struct str answer;       // the body, in the arena; null if none was gathered
    struct str content_type; // null if none
    struct opt_i64 content_length;
    unsigned retry_after_s; // from Retry-After (seconds or date), capped at 3,600; 0: none
    struct opt_i64 date_us; // from Date: the peer's clock, UTC
    char detail[160];       // what went wrong, for people; "" if nothing did
    int64_t duration_us;    // from the start of connecting
    struct http_call *next; // the client's
};

// A function to run later on the client's thread, in the caller's memory until it has run. Zeroed
// at first.
struct http_timer {
    void (*run)(struct http_timer *timer);
    int64_t due_us; // monotonic; the client's
    size_t slot;    // the client's; 0: not waiting
};

// A function to run on the client's thread when http_client_close() begins, in the caller's memory
// until then.
struct http_close_hook {
    void (*run)(struct http_close_hook *hook);
    struct http_close_hook *next; // the client's
};

// http_client_open() starts the thread. calls_max bounds the calls in flight; further ones wait
// their turn (their total_ms does not run yet), up to queue_max, then they end as HTTP_NOT_SENT.
// user_agent must outlive it. Proxies are taken from the environment as curl does (http_proxy,
// https_proxy, no_proxy), never for this machine itself.
MUST_CHECK enum err http_client_open(const char *user_agent, size_t calls_max, size_t queue_max,
                                     struct http_client **ret_client, struct error *err);

// http_client_close() runs the close hooks, drops timers, ends calls in flight (done is called with
// HTTP_BROKEN or HTTP_NOT_SENT), stops the thread and frees. Calls handed over on the client's
// thread meanwhile end as HTTP_NOT_SENT; other threads must not hand over any. Blocks until done;
// not for the client's thread. NULL is fine.
void http_client_close(struct http_client *client);

// http_client_call() hands a call over. From any thread; done is called exactly once, never inside
// this function.
void http_client_call(struct http_client *client, struct http_call *call);

// http_client_run_after() runs the timer's function once on the client's thread, delay_ms from now
// at the earliest (0: as soon as possible; those due at once run in the order of these calls). From
// any thread. A timer that waits already is moved. After close begins it is dropped.
void http_client_run_after(struct http_client *client, struct http_timer *timer, unsigned delay_ms);

// http_client_cancel_timer() takes a waiting timer back; only on the client's thread. False if it
// was not waiting.
bool http_client_cancel_timer(struct http_client *client, struct http_timer *timer);

// http_client_on_close() registers a hook. From any thread, before close begins.
void http_client_on_close(struct http_client *client, struct http_close_hook *hook);

#endif
