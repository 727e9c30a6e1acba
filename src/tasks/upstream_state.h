// What all processes share of the way to LightFusion, by the database: how long models take, the
// cap on calls, and whether a person isolated it.
#ifndef SUNLEAD_TASKS_UPSTREAM_STATE_H
#define SUNLEAD_TASKS_UPSTREAM_STATE_H

#include <stdint.h>

#include "base/clock.h"
#include "base/error.h"
#include "domain/order.h"
#include "http/http_client.h"
#include "sql/sql.h"
#include "upstream/lightfusion.h"

struct upstream_state;

// Everything must outlive the state, but for http: upstream_state_stop() comes before its close.
struct upstream_state_settings {
    struct sql *db;
    struct http_client *http; // for its timers
    struct lightfusion *lf;
    const struct clock *clock;
    unsigned calls_per_minute; // 0: no cap
};

// upstream_state_open() reads the state, and keeps it fresh from then on: isolation within a second
// where other processes can change it, generation times every minute. Where others share the
// database the client's cap is taken from there. Before the client's first call. Blocks.
MUST_CHECK enum err upstream_state_open(const struct upstream_state_settings *settings,
                                        struct upstream_state **ret_state, struct error *err);

// upstream_state_stop() ends the refreshing; waits for what is under way. NULL is fine.
void upstream_state_stop(struct upstream_state *state);

// upstream_state_close() frees it; stopped before. NULL is fine.
void upstream_state_close(struct upstream_state *state);

// upstream_state_next_poll_us() is how long to wait before the next poll of an order that is not
// done at now_us: by what is known of generation times; by the fixed schedule where nobody knows
// how old its project is, and with a NULL state. From any thread.
int64_t upstream_state_next_poll_us(struct upstream_state *state, const struct order *order,
                                    int64_t now_us, double jitter);

// upstream_state_eta() is when an order's model will probably be completed; next_try_at is its
// job's. Unset where nobody can tell. From any thread.
struct opt_i64 upstream_state_eta(struct upstream_state *state, const struct order *order,
                                  struct opt_i64 next_try_at, int64_t now_us);

// upstream_state_set_isolated() takes over what this process has just stored: since when
// LightFusion is isolated, or unset.
void upstream_state_set_isolated(struct upstream_state *state, struct opt_i64 isolated_at);

// upstream_state_isolated_at() is since when it is.
struct opt_i64 upstream_state_isolated_at(struct upstream_state *state);

#endif
