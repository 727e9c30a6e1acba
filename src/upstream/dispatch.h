// The way of a call: its turn, the gates before it, the request, and what becomes of it.
#ifndef SUNLEAD_UPSTREAM_DISPATCH_H
#define SUNLEAD_UPSTREAM_DISPATCH_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "upstream/breaker.h"
#include "upstream/lightfusion.h"
#include "upstream/limiter.h"
#include "upstream/session.h"
#include "upstream/turns.h"

// What is particular to a kind of call.
struct lf_kind {
    const char *name; // method and path template, for the log
    enum exchange_call exchange;
    enum lf_class class;
    const char *method;
    bool paid;         // on a connection of its own, never repeated
    unsigned total_ms; // of one request
    size_t answer_max_bytes;
    // Fills in what depends on the session; false: the session does not allow the call
    // (LF_NOT_FOUND). NULL: nothing does.
    bool (*prepare)(struct lf_call *call);
    // Takes a 2xx answer; false if it makes no sense. May prepare a further request by
    // lf_call_again().
    bool (*take)(struct lf_call *call);
    // Called last before done(). NULL: nothing to do.
    void (*end)(struct lf_call *call);
};

struct lf_list {
    struct lf_call *first;
    struct lf_call *last;
    size_t count;
};

// What other threads hand over.
struct lf_inbox {
    pthread_mutex_t mutex;
    struct lf_list calls;
    bool closed;
    bool isolated;
    // the answer of a shared budget
    bool granted;
    unsigned grant_calls;
    int64_t grant_wait_us;
};

// What is left of a grant of a shared budget.
struct lf_lease {
    struct lf_budget budget; // ask NULL: the cap is ours alone
    bool asked;
    unsigned calls;
    int64_t until_us; // when those that are left lapse
    int64_t again_us; // when there may be more
};

// What other threads ask for.
struct lf_report {
    pthread_mutex_t mutex;
    enum lf_health health;
    char words[256];
};

struct lightfusion {
    struct lf_inbox inbox;
    struct lf_report report;
    struct arena *arena; // of the settings' copies
    const char *api;
    const char *storage;
    const struct clock *clock;
    unsigned pace;
    struct http_client *http;
    struct http_close_hook close_hook;
    // the network thread's own
    struct http_timer wake;   // there is something in the inbox
    struct http_timer resume; // a waiting call may go, or has waited too long
    struct session session;
    struct breaker breaker;
    struct limiter limiter;
    struct lf_lease lease;
    bool isolated;
    int64_t limited_until_us; // after a 429 with Retry-After
    int64_t pace_wait_us;     // how long the cap keeps the next call
    struct lf_list waiting[LF_CLASS_COUNT];
    struct turns turns;
    bool closing;
};

// lf_dispatch_init() prepares the dispatching parts of a client whose settings are there.
void lf_dispatch_init(struct lightfusion *lf);

// lf_dispatch_is_empty() tells whether no call waits. Only on the network thread, or after it.
bool lf_dispatch_is_empty(const struct lightfusion *lf);

// lf_call_start() hands a call over, whose arena, done and request (http.arena, http.url, http.body
// and maybe http.still_wanted, all else zeroed) are set. From any thread.
void lf_call_start(struct lightfusion *lf, struct lf_call *call, const struct lf_kind *kind);

// lf_call_again() asks, inside take(), for a further request of the same call.
void lf_call_again(struct lf_call *call, const char *url, struct str body);

#endif
