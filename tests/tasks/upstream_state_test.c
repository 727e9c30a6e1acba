// Tests of tasks/upstream_state.c, on every engine: what two processes share on one database.
#include "support/store_fixture.h"

#include <stdlib.h>
#include <unistd.h>

#include "domain/generation.h"
#include "store/order_store.h"
#include "store/upstream_store.h"
#include "support/test_clock.h"
#include "tasks/upstream_state.h"
#include "upstream/lightfusion_fixture.h"

#define S         US_PER_S
#define SETTLE_US (20 * US_PER_S)

// A process: a client of its own, on a connection of its own where the engine allows that.
struct process {
    struct sql *db;
    bool owns_db;
    struct fixture f;
    struct upstream_state *state;
};

static bool is_shared(struct store_fixture *store)
{
    return (sql_capabilities(store->db) & SQL_CAP_SOLE_OWNER) == 0;
}

static struct process *start(struct store_fixture *store, const struct clock *clock,
                             unsigned calls_per_minute)
{
    static const struct fake_route routes[] = {{COMPLETE, {{.body = "{\"lead\":{}}"}}}};
    struct process *process = calloc(1, sizeof(*process));
    check(process != NULL);
    process->db = store->db;
    process->owns_db = is_shared(store);
    if (process->owns_db)
        assert_int_equal(sql_open(store->url, false, &process->db, NULL), ERR_OK);
    open_with(
        &process->f, routes, 1,
        (struct lightfusion_settings){.api_key = "key", .calls_per_minute = calls_per_minute});
    const struct upstream_state_settings settings = {
        .db = process->db,
        .http = process->f.http,
        .lf = process->f.lf,
        .clock = clock,
        .calls_per_minute = calls_per_minute,
    };
    assert_int_equal(upstream_state_open(&settings, &process->state, NULL), ERR_OK);
    return process;
}

static void stop(struct process *process)
{
    upstream_state_stop(process->state);
    close_fixture(&process->f);
    upstream_state_close(process->state);
    if (process->owns_db)
        sql_close(process->db);
    free(process);
}

// ---- Isolation.

static void set_stored(struct store_fixture *store, bool isolated)
{
    struct sql_op *op = store_write(store);
    if (isolated)
        upstream_store_isolate(op, STORE_T0_US);
    else
        upstream_store_restore(op);
    store_run(store, op);
}

static void wait_isolated(struct process *process, bool isolated)
{
    int64_t deadline_us = clock_monotonic_us(clock_system()) + SETTLE_US;
    while (upstream_state_isolated_at(process->state).set != isolated) {
        assert_true(clock_monotonic_us(clock_system()) < deadline_us);
        usleep(1000);
    }
}

static void test_isolation_is_there_from_the_start(void **state)
{
    struct store_fixture *store = *state;
    set_stored(store, true);
    struct process *process = start(store, clock_system(), 0);
    assert_int_equal(upstream_state_isolated_at(process->state).value, STORE_T0_US);
    assert_int_equal(run_complete(&process->f).call.outcome, LF_NOT_SENT);
    upstream_state_set_isolated(process->state, (struct opt_i64){0});
    assert_int_equal(run_complete(&process->f).call.outcome, LF_OK);
    assert_int_equal(fake_server_count(process->f.server, COMPLETE), 1);
    stop(process);
}

static void test_isolation_is_followed(void **state)
{
    struct store_fixture *store = *state;
    if (!is_shared(store))
        return; // nobody else can change it
    struct process *process = start(store, clock_system(), 0);
    for (int i = 0; i < 2; i++) {
        int64_t began_us = clock_monotonic_us(clock_system());
        set_stored(store, true);
        wait_isolated(process, true);
        assert_true(clock_monotonic_us(clock_system()) - began_us < 2 * S);
        assert_int_equal(run_complete(&process->f).call.outcome, LF_NOT_SENT);
        set_stored(store, false);
        wait_isolated(process, false);
        assert_int_equal(run_complete(&process->f).call.outcome, LF_OK);
    }
    stop(process);
}

// ---- The cap.

static void wait_count(struct process *processes[2], size_t count)
{
    int64_t deadline_us = clock_monotonic_us(clock_system()) + SETTLE_US;
    while (waiter_count(processes[0]->f.waiter) + waiter_count(processes[1]->f.waiter) < count) {
        assert_true(clock_monotonic_us(clock_system()) < deadline_us);
        usleep(1000);
    }
}

static size_t sent(struct process *processes[2])
{
    return fake_server_count(processes[0]->f.server, "") +
           fake_server_count(processes[1]->f.server, "");
}

// 600 a minute: 60 at once, then one each 111 ms, for both together, by the clock of the database:
// those of the two processes are an hour apart, and stand still.
static void test_one_cap_for_two(void **state)
{
    struct store_fixture *store = *state;
    if (!is_shared(store))
        return; // one process alone: the client's own cap
    struct test_clock clocks[2];
    struct process *processes[2];
    for (int i = 0; i < 2; i++) {
        test_clock_init(&clocks[i], STORE_T0_US + i * 3600 * S);
        processes[i] = start(store, &clocks[i].clock, 600);
    }
    static struct lf_complete polls[2][40];
    int64_t began_us = clock_monotonic_us(clock_system());
    for (int i = 0; i < 2; i++)
        start_completes(&processes[i]->f, polls[i], COUNT_OF(polls[i]));
    for (size_t count = 60; count <= 80; count++) {
        wait_count(processes, count);
        size_t most = sent(processes);
        int64_t took_us = clock_monotonic_us(clock_system()) - began_us;
        assert_in_range(most, count, 60 + took_us / 111111 + 1);
    }
    assert_int_equal(sent(processes), 80);
    for (int i = 0; i < 2; i++) {
        assert_true(fake_server_count(processes[i]->f.server, "") > 0);
        stop(processes[i]);
    }
}

// What cannot be leased while the database is away is asked for again; closing does not wait for
// it.
static void test_closing_while_calls_wait(void **state)
{
    struct store_fixture *store = *state;
    struct test_clock clock;
    test_clock_init(&clock, STORE_T0_US);
    struct process *process = start(store, &clock.clock, 1);
    static struct lf_complete polls[3];
    start_completes(&process->f, polls, COUNT_OF(polls));
    waiter_wait(process->f.waiter, 1);
    upstream_state_stop(process->state);
    http_client_close(process->f.http);
    process->f.http = NULL;
    assert_int_equal(waiter_count(process->f.waiter), 3);
    assert_int_equal(polls[2].call.outcome, LF_NOT_SENT);
    stop(process);
}

// ---- Generation times.

// Models that took from 30 to 120 s, each seen every six seconds.
static void add_history(struct store_fixture *store, int count)
{
    for (int i = 0; i < count; i++) {
        struct order order =
            store_get_order(store, store_add_order(store, store_add_lead(store, 1), STORE_T0_US));
        int64_t took_us = 30 * S + 90 * S * i / count;
        order.state = ORDER_COMPLETED;
        order.answered = true;
        order.created_at = OPT_I64(STORE_T0_US);
        order.unfinished_at = OPT_I64(STORE_T0_US + took_us - 3 * S);
        order.completed_at = OPT_I64(STORE_T0_US + took_us + 3 * S);
        struct sql_op *op = store_write(store);
        order_store_save(op, &order);
        store_run(store, op);
    }
}

static void test_polls_follow_the_history(void **state)
{
    struct store_fixture *store = *state;
    const struct order created = {
        .state = ORDER_CREATED, .answered = true, .created_at = OPT_I64(STORE_T0_US)};
    struct order linked = created;
    linked.answered = false;
    add_history(store, GENERATION_SPANS_MIN - 1);
    struct process *process = start(store, clock_system(), 0);
    assert_in_range(upstream_state_next_poll_us(process->state, &created, STORE_T0_US, 0), 33 * S,
                    41 * S);
    assert_false(upstream_state_eta(process->state, &created, OPT_I64(0), STORE_T0_US).set);
    stop(process);

    add_history(store, 1);
    process = start(store, clock_system(), 0);
    int64_t wait_us = upstream_state_next_poll_us(process->state, &created, STORE_T0_US, 0);
    assert_in_range(wait_us, 33 * S, 41 * S);
    wait_us = upstream_state_next_poll_us(process->state, &created, STORE_T0_US + 60 * S, 0);
    assert_in_range(wait_us, 5 * S, 7 * S);
    assert_int_equal(upstream_state_next_poll_us(process->state, &linked, STORE_T0_US, 0),
                     ORDER_FIRST_POLL_US);
    assert_int_equal(upstream_state_next_poll_us(NULL, &created, STORE_T0_US, 0),
                     ORDER_FIRST_POLL_US);
    stop(process);
}

static void test_eta(void **state)
{
    static const struct {
        enum order_state state;
        int64_t age_s;
        int64_t next_try_s; // from now
        int64_t eta_s;      // -1: nobody knows
    } rows[] = {
        {ORDER_CREATED, 0, 20, 75},     {ORDER_PROCESSING, 75, 3, 22},
        {ORDER_PROCESSING, 500, 3, -1}, {ORDER_REQUESTED, 0, 0, 75},
        {ORDER_REQUESTED, 0, 100, 175}, {ORDER_REQUESTED, 0, -9, 75},
        {ORDER_SENDING, 0, 0, 75},      {ORDER_UNKNOWN, 0, 100, -1},
        {ORDER_PARKED, 0, 0, -1},       {ORDER_COMPLETED, 100, 0, -1},
        {ORDER_FAILED, 100, 3600, -1},  {ORDER_CANCELLED, 0, 0, -1},
    };
    struct store_fixture *store = *state;
    add_history(store, 60);
    struct process *process = start(store, clock_system(), 0);
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        const struct order order = {.state = rows[i].state, .created_at = OPT_I64(STORE_T0_US)};
        int64_t now_us = STORE_T0_US + rows[i].age_s * S;
        struct opt_i64 eta = upstream_state_eta(process->state, &order,
                                                OPT_I64(now_us + rows[i].next_try_s * S), now_us);
        assert_int_equal(eta.set, rows[i].eta_s >= 0);
        if (eta.set)
            assert_in_range(eta.value - now_us, (rows[i].eta_s - 3) * S, (rows[i].eta_s + 3) * S);
    }
    stop(process);
}

#define TEST(name)                                                                                 \
    cmocka_unit_test_setup_teardown(name, store_fixture_setup, store_fixture_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_isolation_is_there_from_the_start),
        TEST(test_isolation_is_followed),
        TEST(test_one_cap_for_two),
        TEST(test_closing_while_calls_wait),
        TEST(test_polls_follow_the_history),
        TEST(test_eta),
    };
    return store_fixture_run_suite("upstream_state", tests, COUNT_OF(tests));
}
