// The LightFusion client: sessions, breaker, limits and what an answer means.
#ifndef SUNLEAD_UPSTREAM_LIGHTFUSION_H
#define SUNLEAD_UPSTREAM_LIGHTFUSION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/number.h"
#include "base/str.h"
#include "domain/exchange.h"
#include "domain/order.h"
#include "domain/project.h"
#include "http/http_client.h"
#include "upstream/turns.h"

struct lightfusion;

// Texts must outlive the client. Where api_key is set and no e-mail is, the key is the bearer
// token.
struct lightfusion_settings {
    const char *api;     // base address
    const char *storage; // base address of the mesh files
    const char *email;
    const char *password;
    const char *api_key;
    unsigned concurrency;      // calls in flight at most; 0: 8
    unsigned calls_per_minute; // 0: no cap
    unsigned breaker_failures; // 0: 5 in a row open the breaker
    unsigned breaker_open_ms;  // 0: 30,000 until one probe may go
    const struct clock *clock; // NULL: clock_system()
    unsigned pace;             // of pauses (base/pace.h)
};

// What became of a call, as far as the caller's next step depends on it.
enum lf_outcome {
    LF_OK,        // 2xx and understood
    LF_NOT_SENT,  // certainly nothing happened: not reached, breaker open, 401 after a fresh login,
                  // 429. Later.
    LF_REFUSED,   // 4xx: LightFusion refuses the data; words has its reasons
    LF_NOT_FOUND, // 404
    LF_UNCLEAR,   // 3xx, 408, 5xx, broken off, or a 2xx that makes no sense: it may have happened
};

struct lf_call;
struct lf_kind;
typedef void lf_done_fn(struct lf_call *call);

// The common part of every call: embedded first in the structs below, in the caller's arena until
// done was called (on the network thread, never inside the function that starts the call).
struct lf_call {
    struct arena *arena;
    lf_done_fn *done;
    void *ctx;
    enum lf_class class; // whose turn it takes; LF_CLASS_OF_KIND: its kind's
    // out
    enum lf_outcome outcome;
    enum order_failure failure; // the class that fits, FAILURE_NONE for LF_OK
    int status;                 // HTTP status, 0 if there was none
    unsigned retry_after_s;     // 0: not said
    struct str words;           // LightFusion's or our own words on a failure, in the arena
    int64_t duration_us;
    bool attempted; // false: the breaker or a limit held the call back, nothing was tried
    // the client's own
    struct http_call http;
    bool said;       // something left for LightFusion
    struct str gist; // of the answer, where that is not to be kept
    struct lf_call *next;
    struct lightfusion *lf;
    const struct lf_kind *kind;
    int64_t started_us;    // monotonic
    int64_t queued_us;     // monotonic; since when it waits for its turn
    uint64_t token_number; // of the session under which it was sent
    bool replayed;         // after a 401
    bool probe;            // the one that tells whether LightFusion is back
    bool again;            // wants a further request
};

// Creates a project. Paid: sent at most once, on a connection of its own. Directly before the
// request is handed over still_wanted (may be NULL) is asked on the network thread, before
// connecting and again when connected, before the first byte leaves; false ends the call as
// LF_NOT_SENT.
struct lf_create {
    struct lf_call call;
    const struct project_request *request; // completed
    bool (*still_wanted)(struct lf_create *create);
    // out, for LF_OK
    int64_t project_id;
    struct opt_i64 house_id;
    struct project_figures figures;
    struct project_details details; // hardware and adders, as far as they were told
};

// lightfusion_create() starts a create.
void lightfusion_create(struct lightfusion *lf, struct lf_create *create);

// Reads a project's state: /complete. project_id is for the log only.
struct lf_complete {
    struct lf_call call;
    int64_t house_id;
    // out, for LF_OK; LF_NOT_FOUND: reading.known is false
    struct project_reading reading;
    struct opt_i64 lead_id;     // lead.lead_id
    struct opt_i64 lead_own_id; // lead.id
    struct opt_i64 build_id;    // lead.build.id
    struct opt_f64 latitude;
    struct opt_f64 longitude;
    struct str lead_completion; // JSON of "lead"
};

// lightfusion_complete() starts a status call.
void lightfusion_complete(struct lightfusion *lf, struct lf_complete *complete);

// Reads hardware, adders and prices of a project: the other two status calls, one after the other.
// LF_OK if the first succeeded; what the second gave is null if it failed. total_amount is the
// price breakdown's.
struct lf_details {
    struct lf_call call;
    int64_t project_id;
    int64_t house_id;
    // out: JSON texts, null if absent
    struct str panel;
    struct str inverter;
    struct str storage;
    struct str adders;
    struct str price_breakdown;
    struct opt_f64 total_amount;
    bool prices_asked; // the client's own
};

// lightfusion_details() starts them.
void lightfusion_details(struct lightfusion *lf, struct lf_details *details);

// One of LightFusion's leads (its id is a house id).
struct lf_candidate {
    int64_t house_id;
    double latitude;
    double longitude;
    struct opt_i64 created_us;
};

#define LF_CANDIDATES_MAX 32

// Looks for the house that a create of unknown fate may have made: LightFusion's leads of the
// session's company within 5 m of the place and created not before since_us (less a minute, and
// less what LightFusion's clock is behind ours by the Date of its answers; entries without a time
// count). Pages through the list (newest first is not promised)
// up to 10,000 entries. LF_NOT_FOUND: this installation has no look-up (no such route, no company
// id in the session, or a list longer than that). LF_OK with count 0 is a complete look-up that
// found none.
struct lf_find {
    struct lf_call call;
    double latitude;
    double longitude;
    int64_t since_us;
    // out
    size_t count; // LF_CANDIDATES_MAX at most
    struct lf_candidate candidates[LF_CANDIDATES_MAX];
    // the client's own
    struct arena *page; // what one page takes
    int64_t company_id;
    int64_t behind_us; // LightFusion's clock
    int64_t offset;
    struct opt_i64 first_id; // of the last page
    bool too_long;
};

// lightfusion_find() starts a look-up.
void lightfusion_find(struct lightfusion *lf, struct lf_find *find);

// The state of the way to LightFusion, for /health: that of the last call that tells anything of
// it.
enum lf_health { LF_HEALTH_UNTRIED, LF_HEALTH_UP, LF_HEALTH_DOWN };

// lightfusion_health() tells how the last calls went; *ret_words (static text or a copy in arena)
// says why when down.
enum lf_health lightfusion_health(struct lightfusion *lf, struct arena *arena,
                                  struct str *ret_words);

// lightfusion_exchange() is what was said in a call, without its time, fit to be kept: its texts
// hold no credentials, nor what looks like a person's data, nor any of the words in hide. Only
// inside done(). EXCHANGE_NONE as its call: nothing was said.
struct exchange lightfusion_exchange(struct lf_call *call, const struct str *hide,
                                     size_t hide_count);

// lightfusion_isolate() holds all calls back (LF_NOT_SENT, not attempted), or lets them go again.
// Those that were sent run to their end. From any thread.
void lightfusion_isolate(struct lightfusion *lf, bool isolated);

// Calls of a budget that others share. ask() is called on the network thread, must not block, and
// is answered by lightfusion_grant() once, from any thread.
struct lf_budget {
    void (*ask)(void *ctx, unsigned wanted);
    void *ctx; // must outlive the client's calls
};

// lightfusion_share_budget() takes the cap on calls from elsewhere, in place of
// settings.calls_per_minute. Before the first call.
void lightfusion_share_budget(struct lightfusion *lf, const struct lf_budget *budget);

// lightfusion_grant() answers ask(): calls may go within the next seconds; if there are none, ask
// again in wait_us.
void lightfusion_grant(struct lightfusion *lf, unsigned calls, int64_t wait_us);

// lightfusion_file_url() is the address of a mesh file ("obj", "jpg", ...), in the arena. No
// credentials go there.
struct str lightfusion_file_url(const struct lightfusion *lf, struct arena *arena,
                                int64_t project_id, const char *kind);

// lightfusion_open() makes the client on top of an HTTP client. ERR_INVALID for a bad address or an
// API key that cannot stand in a header.
MUST_CHECK enum err lightfusion_open(const struct lightfusion_settings *settings,
                                     struct http_client *http, struct lightfusion **ret_lf,
                                     struct error *err);

// lightfusion_close() frees the client. The HTTP client must have been closed before, which ends
// all calls: those not yet sent as LF_NOT_SENT. NULL is fine.
void lightfusion_close(struct lightfusion *lf);

// lightfusion_distance_m() is the distance of two places in metres (haversine; Sinnott 1984), on a
// sphere of 6,371,009 m.
double lightfusion_distance_m(double latitude_a, double longitude_a, double latitude_b,
                              double longitude_b);

#endif
