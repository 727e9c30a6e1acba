// Keeps in step with the database what concerns all calls to LightFusion.
#include "tasks/upstream_state.h"

#include <stdlib.h>

#include "base/log.h"
#include "base/thread.h"
#include "domain/generation.h"
#include "store/exchange_store.h"
#include "store/history_store.h"
#include "store/upstream_store.h"
#include "upstream/limiter.h"

#define TICK_MS           1000
#define LEARN_US          (60 * US_PER_S)
#define LEASE_AGAIN_US    US_PER_S // after the database failed
#define LEASE_WAIT_MAX_US (60 * US_PER_S)
#define LEASE_PART        60 // of a minute's calls are leased at once
#define EXCHANGES_KEEP_US (30 * 86400 * US_PER_S)

struct upstream_state {
    struct upstream_state_settings settings;
    pthread_mutex_t mutex;
    pthread_cond_t idle;
    bool stopping;
    unsigned under_way; // operations
    struct generation generation;
    struct opt_i64 isolated_at;
    uint64_t isolations; // counts changes made here: what was read before one is old
    // of the tick, one at a time
    struct http_timer timer;
    struct arena *arena;
    int64_t learn_at_us; // monotonic
    bool learns;
    uint64_t isolations_before;
    struct opt_i64 isolated_read;
    struct generation_history history;
    // of the lease, one at a time
    struct arena *lease_arena;
    struct budget_request request;
    struct budget_grant grant;
};

static bool is_shared(const struct upstream_state *state)
{
    return (sql_capabilities(state->settings.db) & SQL_CAP_SOLE_OWNER) == 0;
}

// ---- Operations under way, for the end to wait for.

static bool begin(struct upstream_state *state)
{
    mutex_lock(&state->mutex);
    bool goes = !state->stopping;
    state->under_way += goes ? 1 : 0;
    mutex_unlock(&state->mutex);
    return goes;
}

static void end(struct upstream_state *state)
{
    mutex_lock(&state->mutex);
    state->under_way--;
    pthread_cond_signal(&state->idle);
    mutex_unlock(&state->mutex);
}

// ---- Isolation.

static void log_isolation(bool isolated)
{
    if (isolated)
        log_event(LOG_WARN, "upstream.isolated", "LightFusion is not called until it is restored");
    else
        log_event(LOG_INFO, "upstream.restored", "LightFusion is called again");
}

static void take_isolated_locked(struct upstream_state *state, struct opt_i64 isolated_at)
{
    bool changed = state->isolated_at.set != isolated_at.set;
    state->isolated_at = isolated_at;
    lightfusion_isolate(state->settings.lf, isolated_at.set);
    if (changed)
        log_isolation(isolated_at.set);
}

void upstream_state_set_isolated(struct upstream_state *state, struct opt_i64 isolated_at)
{
    mutex_lock(&state->mutex);
    state->isolations++;
    take_isolated_locked(state, isolated_at);
    mutex_unlock(&state->mutex);
}

struct opt_i64 upstream_state_isolated_at(struct upstream_state *state)
{
    mutex_lock(&state->mutex);
    struct opt_i64 isolated_at = state->isolated_at;
    mutex_unlock(&state->mutex);
    return isolated_at;
}

// ---- The tick.

static struct sql_op *make_reading(struct upstream_state *state)
{
    int64_t now_us = clock_monotonic_us(clock_system());
    arena_reset(state->arena);
    mutex_lock(&state->mutex);
    state->isolations_before = state->isolations;
    mutex_unlock(&state->mutex);
    state->learns = now_us >= state->learn_at_us;
    if (state->learns)
        state->learn_at_us = now_us + LEARN_US;
    struct sql_op *op =
        sql_op_new(state->arena, "upstream_read", state->learns ? SQL_LANE_LONG : SQL_LANE_SHORT);
    upstream_store_get(op, &state->isolated_read);
    if (state->learns)
        history_store_get(
            op, clock_now_us(state->settings.clock) - generation_settled_us(&state->generation),
            &state->history);
    return op;
}

static void take_reading(struct upstream_state *state)
{
    struct generation learnt;
    if (state->learns)
        generation_learn(&learnt, state->history.spans, state->history.count);
    mutex_lock(&state->mutex);
    if (state->learns)
        state->generation = learnt;
    if (state->isolations == state->isolations_before)
        take_isolated_locked(state, state->isolated_read);
    mutex_unlock(&state->mutex);
}

static void tick_again(struct upstream_state *state)
{
    unsigned wait_ms = is_shared(state) ? TICK_MS : (unsigned)(LEARN_US / US_PER_MS);
    http_client_run_after(state->settings.http, &state->timer, wait_ms);
    end(state);
}

static void purge(struct upstream_state *state);

static bool is_stopping(struct upstream_state *state)
{
    mutex_lock(&state->mutex);
    bool stopping = state->stopping;
    mutex_unlock(&state->mutex);
    return stopping;
}

static void log_failed(const struct upstream_state *state, const char *event,
                       const struct error *err)
{
    if (!sql_is_outage(state->settings.db, err))
        log_error(LOG_WARN, event, err);
}

// A full portion tells that there is more.
static void purged(struct sql_op *op)
{
    struct upstream_state *state = op->done_ctx;
    if (op->error.code != ERR_OK)
        log_failed(state, "upstream.purge_failed", &op->error);
    else if (op->steps[0].rows >= EXCHANGE_PURGE_MAX && !is_stopping(state)) {
        purge(state);
        return;
    }
    tick_again(state);
}

static void purge(struct upstream_state *state)
{
    arena_reset(state->arena);
    struct sql_op *op = sql_op_new(state->arena, "exchanges_purge", SQL_LANE_WRITE);
    exchange_store_purge(op, clock_now_us(state->settings.clock) - EXCHANGES_KEEP_US);
    op->done = purged;
    op->done_ctx = state;
    sql_submit(state->settings.db, op);
}

static void reading_done(struct sql_op *op)
{
    struct upstream_state *state = op->done_ctx;
    if (op->error.code == ERR_OK)
        take_reading(state);
    else
        log_failed(state, "upstream.read_failed", &op->error);
    if (state->learns && op->error.code == ERR_OK)
        purge(state);
    else
        tick_again(state);
}

static void tick(struct http_timer *timer)
{
    struct upstream_state *state = CONTAINER_OF(timer, struct upstream_state, timer);
    if (!begin(state))
        return;
    struct sql_op *op = make_reading(state);
    op->done = reading_done;
    op->done_ctx = state;
    sql_submit(state->settings.db, op);
}

// ---- The budget that is shared.

static void leased(struct sql_op *op)
{
    struct upstream_state *state = op->done_ctx;
    int64_t wait_us = LEASE_AGAIN_US;
    if (op->error.code == ERR_OK)
        wait_us = state->grant.wait_us;
    else
        log_error(LOG_WARN, "upstream.lease_failed", &op->error);
    if (wait_us > LEASE_WAIT_MAX_US)
        wait_us = LEASE_WAIT_MAX_US;
    // From here on the operation may be made anew.
    unsigned calls = op->error.code == ERR_OK ? (unsigned)state->grant.calls : 0;
    lightfusion_grant(state->settings.lf, calls, wait_us);
    end(state);
}

// Calls that were leased and not made are lost to all: no more than are waited for.
static void lease(void *ctx, unsigned wanted)
{
    struct upstream_state *state = ctx;
    struct limiter limiter;
    unsigned most = state->settings.calls_per_minute / LEASE_PART;
    if (!begin(state))
        return; // the client's end denies those that wait
    if (wanted > most)
        wanted = most;
    limiter_init(&limiter, state->settings.calls_per_minute);
    state->request = (struct budget_request){
        .every_us = limiter.every_us,
        .burst_us = limiter.burst_us,
        .wanted = wanted > 0 ? wanted : 1,
    };
    arena_reset(state->lease_arena);
    struct sql_op *op = sql_op_new(state->lease_arena, "upstream_lease", SQL_LANE_WRITE);
    upstream_store_lease(op, &state->request, &state->grant);
    op->done = leased;
    op->done_ctx = state;
    sql_submit(state->settings.db, op);
}

// ---- What follows from generation times.

static void copy_generation(struct upstream_state *state, struct generation *ret_generation)
{
    mutex_lock(&state->mutex);
    *ret_generation = state->generation;
    mutex_unlock(&state->mutex);
}

int64_t upstream_state_next_poll_us(struct upstream_state *state, const struct order *order,
                                    int64_t now_us, double jitter)
{
    struct generation generation;
    // How old a project is that was looked up or linked, nobody knows.
    if (state == NULL || !order->answered || !order->created_at.set)
        return order_next_poll_us(order, now_us, jitter);
    copy_generation(state, &generation);
    return generation_next_look_us(&generation, now_us - order->created_at.value, jitter);
}

struct opt_i64 upstream_state_eta(struct upstream_state *state, const struct order *order,
                                  struct opt_i64 next_try_at, int64_t now_us)
{
    struct generation generation;
    struct opt_i64 remaining = {0};
    int64_t from_us = now_us;
    if (state == NULL)
        return remaining;
    copy_generation(state, &generation);
    switch (order->state) {
    case ORDER_REQUESTED:
    case ORDER_SENDING:
        if (next_try_at.set && next_try_at.value > now_us)
            from_us = next_try_at.value;
        remaining = generation_remaining_us(&generation, 0);
        break;
    case ORDER_CREATED:
    case ORDER_PROCESSING:
        remaining = generation_remaining_us(&generation, now_us - order->created_at.value);
        break;
    case ORDER_NONE:
    case ORDER_UNKNOWN:
    case ORDER_PARKED:
    case ORDER_COMPLETED:
    case ORDER_FAILED:
    case ORDER_CANCELLED:
        break;
    }
    if (remaining.set)
        remaining.value += from_us;
    return remaining;
}

// ---- Its life.

static void upstream_state_free(struct upstream_state *state)
{
    arena_close(state->arena);
    arena_close(state->lease_arena);
    pthread_cond_destroy(&state->idle);
    pthread_mutex_destroy(&state->mutex);
    free(state);
}

enum err upstream_state_open(const struct upstream_state_settings *settings,
                             struct upstream_state **ret_state, struct error *err)
{
    struct upstream_state *state = calloc(1, sizeof(*state));
    check(state != NULL);
    state->settings = *settings;
    state->arena = arena_open(0);
    state->lease_arena = arena_open(0);
    check(pthread_mutex_init(&state->mutex, NULL) == 0);
    cond_init(&state->idle);
    struct sql_op *op = make_reading(state);
    if (sql_run(settings->db, op) != ERR_OK) {
        *err = op->error;
        upstream_state_free(state);
        return err->code;
    }
    take_reading(state);
    if (is_shared(state) && settings->calls_per_minute > 0)
        lightfusion_share_budget(settings->lf, &(struct lf_budget){.ask = lease, .ctx = state});
    state->timer.run = tick;
    check(begin(state));
    tick_again(state);
    *ret_state = state;
    return ERR_OK;
}

void upstream_state_stop(struct upstream_state *state)
{
    if (state == NULL)
        return;
    mutex_lock(&state->mutex);
    state->stopping = true;
    while (state->under_way > 0)
        cond_wait_until(&state->idle, &state->mutex, INT64_MAX);
    mutex_unlock(&state->mutex);
}

void upstream_state_close(struct upstream_state *state)
{
    if (state == NULL)
        return;
    check(state->stopping && state->under_way == 0);
    upstream_state_free(state);
}
