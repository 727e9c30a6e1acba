// Tests of tasks/task_poll.c: following a project to its end.
#include "support/task_fixture.h"

#include <stdio.h>
#include <string.h>

#define S US_PER_S

#define PROGRESS(state, percent)                                                                   \
    "{\"lead\":{\"id\":456,\"lead_id\":123,\"state\":" state ",\"build\":{\"id\":124,"             \
    "\"progress\":" percent "}}}"
#define DONE                                                                                       \
    "{\"lead\":{\"id\":456,\"lead_id\":123,\"state\":1,\"build\":{\"id\":124,\"progress\":100},"   \
    "\"house\":{\"system_size\":10.5,\"panel_count\":26},\"production\":{\"annual\":15000}}}"
#define ADDERS "{\"panel\":{\"ID\":1},\"inverter\":[],\"storage\":null,\"adders\":[]}"
#define PRICES "{\"items\":[],\"total_amount\":25000}"

// Files are never there: they are another test's.
#define DETAIL_ROUTES                                                                              \
    {TASK_ADDERS, {{.body = ADDERS}}},                                                             \
    {                                                                                              \
        TASK_PRICES,                                                                               \
        {                                                                                          \
            {                                                                                      \
                .body = PRICES                                                                     \
            }                                                                                      \
        }                                                                                          \
    }

static struct task_fixture *open_created(const struct fake_route *routes, size_t count)
{
    struct task_fixture *f = task_fixture_open(routes, count, NULL);
    task_set_project(f);
    test_clock_add(&f->clock, 20 * S);
    return f;
}

// ---- One poll.

struct poll_row {
    const char *what;
    int64_t age_s; // of the project
    struct fake_answer answer;
    enum order_state state;
    enum order_failure failure;
    bool poll_failed;
    enum model_status lead;
    enum lead_sync sync;
    int64_t lead_state;
    int64_t min_s; // until the next poll; -1: none
    int64_t max_s;
};

static const struct poll_row poll_rows[] = {
    {"progress",
     20,
     {.body = PROGRESS("0", "40")},
     ORDER_PROCESSING,
     FAILURE_NONE,
     false,
     MODEL_PROCESSING,
     LEAD_SYNC_SYNCING,
     LF_PROGRESS,
     5,
     15},
    {"initialized",
     20,
     {.body = PROGRESS("3", "0")},
     ORDER_PROCESSING,
     FAILURE_NONE,
     false,
     MODEL_PROCESSING,
     LEAD_SYNC_SYNCING,
     LF_PROGRESS,
     5,
     15},
    {"progress of an old one",
     1799,
     {.body = PROGRESS("0", "99")},
     ORDER_PROCESSING,
     FAILURE_NONE,
     false,
     MODEL_PROCESSING,
     LEAD_SYNC_SYNCING,
     LF_PROGRESS,
     5,
     15},
    {"an unknown state",
     20,
     {.body = PROGRESS("9", "40")},
     ORDER_CREATED,
     FAILURE_NONE,
     false,
     MODEL_PROCESSING,
     LEAD_SYNC_SYNCING,
     LF_INITIALIZED,
     5,
     15},
    {"no state",
     20,
     {.body = "{\"lead\":{}}"},
     ORDER_CREATED,
     FAILURE_NONE,
     false,
     MODEL_PROCESSING,
     LEAD_SYNC_SYNCING,
     LF_INITIALIZED,
     5,
     15},
    {"done",
     20,
     {.body = DONE},
     ORDER_COMPLETED,
     FAILURE_NONE,
     false,
     MODEL_COMPLETED,
     LEAD_SYNC_SYNCED,
     LF_DONE,
     -1,
     -1},
    {"errored",
     20,
     {.body = PROGRESS("2", "40")},
     ORDER_FAILED,
     FAILURE_ERRORED,
     false,
     MODEL_FAILED,
     LEAD_SYNC_FAILED,
     LF_ERRORED,
     -1,
     -1},
    {"done at the last moment",
     1800,
     {.body = DONE},
     ORDER_COMPLETED,
     FAILURE_NONE,
     false,
     MODEL_COMPLETED,
     LEAD_SYNC_SYNCED,
     LF_DONE,
     -1,
     -1},
    {"given up",
     1800,
     {.body = PROGRESS("0", "99")},
     ORDER_FAILED,
     FAILURE_TIMEOUT,
     false,
     MODEL_FAILED,
     LEAD_SYNC_FAILED,
     LF_ERRORED,
     3600,
     3600},
    {"given up while down",
     1800,
     {.status = 503},
     ORDER_FAILED,
     FAILURE_TIMEOUT,
     true,
     MODEL_FAILED,
     LEAD_SYNC_FAILED,
     LF_ERRORED,
     3600,
     3600},
    {"503",
     20,
     {.status = 503},
     ORDER_CREATED,
     FAILURE_UNAVAILABLE,
     true,
     MODEL_PROCESSING,
     LEAD_SYNC_FAILED,
     LF_INITIALIZED,
     5,
     15},
    {"503 with a time",
     20,
     {.status = 503, .headers = "Retry-After: 100\r\n"},
     ORDER_CREATED,
     FAILURE_UNAVAILABLE,
     true,
     MODEL_PROCESSING,
     LEAD_SYNC_FAILED,
     LF_INITIALIZED,
     100,
     100},
    {"429",
     20,
     {.status = 429, .headers = "Retry-After: 50\r\n"},
     ORDER_CREATED,
     FAILURE_LIMITED,
     true,
     MODEL_PROCESSING,
     LEAD_SYNC_FAILED,
     LF_INITIALIZED,
     50,
     50},
    {"401",
     20,
     {.status = 401},
     ORDER_CREATED,
     FAILURE_UNAUTHORIZED,
     true,
     MODEL_PROCESSING,
     LEAD_SYNC_FAILED,
     LF_INITIALIZED,
     5,
     15},
    {"reset",
     20,
     {.end = FAKE_RESET},
     ORDER_CREATED,
     FAILURE_UNAVAILABLE,
     true,
     MODEL_PROCESSING,
     LEAD_SYNC_FAILED,
     LF_INITIALIZED,
     5,
     15},
    {"cut",
     20,
     {.body = DONE, .end = FAKE_CUT},
     ORDER_CREATED,
     FAILURE_UNAVAILABLE,
     true,
     MODEL_PROCESSING,
     LEAD_SYNC_FAILED,
     LF_INITIALIZED,
     5,
     15},
    {"no sense",
     20,
     {.body = "[]"},
     ORDER_CREATED,
     FAILURE_UNAVAILABLE,
     true,
     MODEL_PROCESSING,
     LEAD_SYNC_FAILED,
     LF_INITIALIZED,
     5,
     15},
    {"not known yet",
     299,
     {.status = 404},
     ORDER_CREATED,
     FAILURE_GONE,
     true,
     MODEL_PROCESSING,
     LEAD_SYNC_FAILED,
     LF_INITIALIZED,
     5,
     15},
    {"gone",
     300,
     {.status = 404},
     ORDER_FAILED,
     FAILURE_GONE,
     true,
     MODEL_FAILED,
     LEAD_SYNC_FAILED,
     LF_ERRORED,
     -1,
     -1},
};

static void check_poll(struct task_fixture *f, const struct poll_row *row)
{
    struct order order = task_order(f);
    struct lead lead = task_lead(f);
    int64_t now_us = test_clock_now(&f->clock);
    assert_int_equal(order.state, row->state);
    assert_int_equal(order.failure, row->failure);
    assert_int_equal(order.poll_failed, row->poll_failed);
    assert_int_equal(order.polled_at.value, now_us);
    assert_int_equal(order.polls, 1);
    assert_int_equal(order.completed_at.set, !order_is_live(order.state));
    assert_int_equal(lead.model_3d_status, row->lead);
    assert_int_equal(lead.sync_status, row->sync);
    assert_int_equal(lead.state, row->lead_state);
    assert_int_equal(lead.last_synced_at.set, !row->poll_failed);
    assert_int_equal(lead.model_3d_completed_at.set, row->state == ORDER_COMPLETED);
    int64_t due_us = task_job_due_us(f, JOB_POLL);
    if (row->min_s < 0)
        assert_int_equal(due_us, -1);
    else
        assert_in_range(due_us, row->min_s * S, row->max_s * S);
}

static void test_one_poll(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(poll_rows); i++) {
        const struct poll_row *row = &poll_rows[i];
        const struct fake_route routes[] = {{TASK_COMPLETE, {row->answer}}, DETAIL_ROUTES};
        print_message("%s\n", row->what);
        struct task_fixture *f = open_created(routes, COUNT_OF(routes));
        test_clock_set(&f->clock, STORE_T0_US + row->age_s * S);
        task_fixture_start(f);
        task_fixture_settle(f);
        check_poll(f, row);
        task_fixture_close(f);
    }
}

// ---- All of them, to the end.

static void test_to_completed(void **state)
{
    (void)state;
    const struct fake_route routes[] = {
        {TASK_COMPLETE,
         {{.body = PROGRESS("3", "0")},
          {.body = PROGRESS("0", "40")},
          {.status = 502},
          {.body = PROGRESS("0", "80")},
          {.body = DONE}}},
        DETAIL_ROUTES,
    };
    struct task_fixture *f = open_created(routes, COUNT_OF(routes));
    task_fixture_start(f);
    task_fixture_settle(f);
    static const int64_t progress[] = {0, 40, 40, 80, 100};
    for (size_t i = 0; i < COUNT_OF(progress); i++) {
        struct order order = task_order(f);
        assert_int_equal(order.progress.value, progress[i]);
        assert_int_equal(order.polls, i + 1);
        assert_int_equal(order.failure, i == 2 ? FAILURE_UNAVAILABLE : FAILURE_NONE);
        // Hardware and prices are asked for once, at the end.
        assert_int_equal(fake_server_count(f->server, TASK_ADDERS), i == 4);
        assert_int_equal(fake_server_count(f->server, TASK_PRICES), i == 4);
        if (i < 4)
            assert_in_range(task_fixture_next(f), 5 * S, 15 * S);
    }
    struct order order = task_order(f);
    struct lead lead = task_lead(f);
    assert_int_equal(order.state, ORDER_COMPLETED);
    assert_true(order.system_size.value == 10.5);
    assert_int_equal(order.panel_count.value, 26);
    assert_true(order.annual_production.value == 15000);
    assert_true(order.estimated_cost.value == 25000);
    static const char *const parts[] = {"\"panel\":{\"ID\":1}", "\"price_breakdown\":{",
                                        "\"lead_completion\":{"};
    for (size_t i = 0; i < COUNT_OF(parts); i++)
        assert_non_null(memmem(order.details.ptr, order.details.len, parts[i], strlen(parts[i])));
    assert_int_equal(lead.model_3d_completed_at.value, order.completed_at.value);
    assert_true(lead.system_size.value == 10.5);
    assert_int_equal(lead.panel_count.value, 26);
    assert_int_equal(task_events(f, "order.processing"), 1);
    assert_int_equal(task_events(f, "order.completed"), 1);
    assert_int_equal(store_i64(f->store, "SELECT count(*) FROM sunlead_jobs WHERE kind='poll'"), 0);
    // The files' job was queued with it, and has looked for them.
    assert_true(fake_server_count(f->server, TASK_MESH) > 0);
    task_fixture_close(f);
}

// ---- A lead's row that another system made, and that refuses what the order tells.

static void refuse_in_lead(struct task_fixture *f, const char *column, const char *when)
{
    store_exec(f->store, arena_printf(f->store->arena,
                                      "CREATE TRIGGER narrow BEFORE UPDATE OF %s ON leads WHEN %s "
                                      "BEGIN SELECT RAISE(ABORT, 'does not fit'); END",
                                      column, when)
                             .ptr);
}

struct refusal_row {
    const char *column;
    const char *when;
    const char *words;
    enum model_status lead; // what its row shows in the end
    enum lead_sync sync;
    bool has_project;
};

static void test_leads_row_refuses(void **state)
{
    (void)state;
    static const struct refusal_row rows[] = {
        {"system_size", "new.system_size >= 10", "figures", MODEL_COMPLETED, LEAD_SYNC_FAILED,
         true},
        {"sync_status", "true", "what became of the order", MODEL_PENDING, LEAD_SYNC_PENDING,
         false},
    };
    const struct fake_route routes[] = {
        {TASK_COMPLETE, {{.body = PROGRESS("0", "40")}, {.body = DONE}}}, DETAIL_ROUTES};
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        const struct refusal_row *row = &rows[i];
        struct task_fixture *f = open_created(routes, COUNT_OF(routes));
        refuse_in_lead(f, row->column, row->when);
        task_fixture_start(f);
        task_fixture_settle(f);
        assert_int_equal(task_order(f).state, ORDER_PROCESSING);
        (void)task_fixture_next(f);
        struct order order = task_order(f);
        struct lead lead = task_lead(f);
        assert_int_equal(order.state, ORDER_COMPLETED);
        assert_true(order.system_size.value == 10.5);
        task_assert_failure(&order, FAILURE_NONE, row->words);
        assert_int_equal(lead.model_3d_status, row->lead);
        assert_int_equal(lead.sync_status, row->sync);
        assert_int_equal(lead.lightfusion_3d_project_id.set, row->has_project);
        assert_true(lead.system_size.value != 10.5);
        assert_int_equal(store_i64(f->store, "SELECT count(*) FROM sunlead_jobs WHERE kind='poll'"),
                         0);
        task_fixture_close(f);
    }
}

static void test_details_may_be_missing(void **state)
{
    (void)state;
    const struct fake_route routes[] = {{TASK_COMPLETE, {{.body = DONE}}},
                                        {TASK_ADDERS, {{.status = 500}}}};
    struct task_fixture *f = open_created(routes, COUNT_OF(routes));
    task_fixture_start(f);
    task_fixture_settle(f);
    struct order order = task_order(f);
    assert_int_equal(order.state, ORDER_COMPLETED);
    assert_false(order.poll_failed);
    assert_null(memmem(order.details.ptr, order.details.len, "\"ID\"", 4));
    task_fixture_close(f);
}

// ---- Which id is the project's.

static void test_sources_are_noted_once(void **state)
{
    (void)state;
    const struct fake_route routes[] = {{TASK_COMPLETE, {{.body = PROGRESS("0", "1")}}}};
    struct task_fixture *f = open_created(routes, COUNT_OF(routes));
    task_set_order(f, "answered = 1");
    task_fixture_start(f);
    task_fixture_settle(f);
    (void)task_fixture_next(f);
    (void)task_fixture_next(f);
    assert_int_equal(task_order(f).polls, 3);
    static const struct {
        const char *source;
        int64_t equal;
    } want[] = {{"lead.id", 0}, {"lead.lead_id", 1}, {"build.id", 0}}; // 456, 123, 124
    for (size_t i = 0; i < COUNT_OF(want); i++) {
        assert_int_equal(
            store_i64(f->store, arena_printf(f->store->arena,
                                             "SELECT equal FROM sunlead_project_id_sources "
                                             "WHERE source = '%s' AND equal + differed = 1",
                                             want[i].source)
                                    .ptr),
            want[i].equal);
    }
    task_fixture_close(f);
}

// ---- Too late.

static void test_late_done(void **state)
{
    (void)state;
    const struct fake_route routes[] = {
        {TASK_COMPLETE,
         {{.body = PROGRESS("0", "99")}, {.body = PROGRESS("0", "99")}, {.body = DONE}}},
        DETAIL_ROUTES,
    };
    struct task_fixture *f = open_created(routes, COUNT_OF(routes));
    test_clock_set(&f->clock, STORE_T0_US + 1800 * S);
    task_fixture_start(f);
    task_fixture_settle(f);
    assert_int_equal(task_order(f).state, ORDER_FAILED);
    assert_int_equal(task_fixture_next(f), 3600 * S);
    assert_int_equal(task_order(f).state, ORDER_FAILED);
    assert_int_equal(task_order(f).failure, FAILURE_TIMEOUT);
    assert_int_equal(task_fixture_next(f), 3600 * S);
    struct order order = task_order(f);
    assert_int_equal(order.state, ORDER_COMPLETED);
    task_assert_failure(&order, FAILURE_NONE, NULL);
    assert_int_equal(task_lead(f).model_3d_status, MODEL_COMPLETED);
    assert_int_equal(task_job_due_us(f, JOB_POLL), -1);
    assert_true(fake_server_count(f->server, TASK_MESH) > 0);
    task_fixture_close(f);
}

static void test_late_done_of_an_older_order(void **state)
{
    (void)state;
    const struct fake_route routes[] = {
        {TASK_COMPLETE, {{.body = PROGRESS("0", "99")}, {.body = DONE}}}, DETAIL_ROUTES};
    struct task_fixture *f = open_created(routes, COUNT_OF(routes));
    test_clock_set(&f->clock, STORE_T0_US + 1800 * S);
    task_fixture_start(f);
    task_fixture_settle(f);
    int64_t newer = store_add_order(f->store, f->lead_id, STORE_T0_US + INT64_C(999999) * S);
    store_exec(f->store,
               "UPDATE sunlead_jobs SET turn = 0 WHERE kind = 'order'"); // not in line yet
    (void)task_fixture_next(f);
    assert_int_equal(task_order(f).state, ORDER_COMPLETED);
    assert_int_equal(store_get_order(f->store, newer).state, ORDER_REQUESTED);
    assert_int_equal(task_lead(f).model_3d_status, MODEL_PENDING);
    task_fixture_close(f);
}

static void test_looked_for_a_day(void **state)
{
    (void)state;
    const struct fake_route routes[] = {{TASK_COMPLETE, {{.body = PROGRESS("0", "99")}}}};
    struct task_fixture *f = open_created(routes, COUNT_OF(routes));
    test_clock_set(&f->clock, STORE_T0_US + 1800 * S);
    task_fixture_start(f);
    task_fixture_settle(f);
    int looks = 0;
    while (task_job_due_us(f, JOB_POLL) >= 0) {
        assert_int_equal(task_fixture_next(f), 3600 * S);
        looks++;
    }
    assert_int_equal(looks, 24);
    assert_int_equal(task_order(f).state, ORDER_FAILED);
    assert_int_equal(task_events(f, "order.failed"), 1);
    task_fixture_close(f);
}

// ---- Orders that are not to be polled.

static void test_nothing_to_poll(void **state)
{
    static const char *const orders[] = {"state = 'parked'", "project_id = NULL", "house_id = NULL",
                                         "state = 'requested', project_id = NULL, house_id = NULL"};
    (void)state;
    for (size_t i = 0; i < COUNT_OF(orders); i++) {
        struct task_fixture *f = open_created(NULL, 0);
        task_set_order(f, orders[i]);
        task_fixture_start(f);
        task_fixture_settle(f);
        assert_int_equal(store_i64(f->store, "SELECT count(*) FROM sunlead_jobs"), 0);
        assert_int_equal(fake_server_count(f->server, ""), 0);
        task_fixture_close(f);
    }
}

static void test_looked_up_ones_prove_nothing(void **state)
{
    (void)state;
    const struct fake_route routes[] = {{TASK_COMPLETE, {{.body = PROGRESS("0", "1")}}}};
    struct task_fixture *f = open_created(routes, COUNT_OF(routes));
    task_fixture_start(f);
    task_fixture_settle(f);
    assert_int_equal(task_order(f).polls, 1);
    assert_int_equal(store_i64(f->store, "SELECT count(*) FROM sunlead_project_id_sources"), 0);
    task_fixture_close(f);
}

static void test_details_are_read_again(void **state)
{
    // They could not be had when the model was done.
    (void)state;
    const struct fake_route routes[] = {{TASK_COMPLETE, {{.body = DONE}}}, DETAIL_ROUTES};
    struct task_fixture *f = open_created(routes, COUNT_OF(routes));
    task_set_order(f, "state = 'completed', polls = 4, details = '{\"adders\": []}'");
    task_fixture_start(f);
    task_fixture_settle(f);
    assert_int_equal(fake_server_count(f->server, TASK_ADDERS), 1);
    assert_int_equal(task_order(f).state, ORDER_COMPLETED);
    task_fixture_close(f);
}

static void test_refresh_of_a_completed_one(void **state)
{
    // A user's refresh: one call, the files are not fetched again.
    (void)state;
    const struct fake_route routes[] = {{TASK_COMPLETE, {{.body = DONE}}}, DETAIL_ROUTES};
    struct task_fixture *f = open_created(routes, COUNT_OF(routes));
    task_set_order(f, "state = 'completed', polls = 4, "
                      "details = '{\"price_breakdown\": {\"total_amount\": 1}}'");
    task_fixture_start(f);
    task_fixture_settle(f);
    assert_int_equal(task_order(f).state, ORDER_COMPLETED);
    assert_int_equal(task_order(f).polls, 5);
    assert_int_equal(fake_server_count(f->server, TASK_COMPLETE), 1);
    assert_int_equal(fake_server_count(f->server, TASK_ADDERS), 0);
    assert_int_equal(fake_server_count(f->server, TASK_MESH), 0);
    assert_int_equal(store_i64(f->store, "SELECT count(*) FROM sunlead_jobs"), 0);
    task_fixture_close(f);
}

static void test_refresh_of_a_completed_one_fails(void **state)
{
    // Nothing is amiss with the model, but who asks is told what was with the asking.
    (void)state;
    const struct fake_route routes[] = {{TASK_COMPLETE, {{.status = 502}}}, DETAIL_ROUTES};
    struct task_fixture *f = open_created(routes, COUNT_OF(routes));
    task_set_order(f, "state = 'completed', polls = 4");
    task_fixture_start(f);
    task_fixture_settle(f);
    struct order order = task_order(f);
    assert_int_equal(order.state, ORDER_COMPLETED);
    assert_true(order.poll_failed);
    task_assert_failure(&order, FAILURE_NONE, "502");
    task_fixture_close(f);
}

static void test_done_then_errored(void **state)
{
    // LightFusion has the last word.
    (void)state;
    const struct fake_route routes[] = {{TASK_COMPLETE, {{.body = PROGRESS("2", "1")}}}};
    struct task_fixture *f = open_created(routes, COUNT_OF(routes));
    task_set_order(f, "state = 'completed', polls = 4");
    task_fixture_start(f);
    task_fixture_settle(f);
    struct order order = task_order(f);
    assert_int_equal(order.state, ORDER_FAILED);
    task_assert_failure(&order, FAILURE_ERRORED, "could not make");
    assert_int_equal(task_lead(f).model_3d_status, MODEL_FAILED);
    assert_false(task_lead(f).model_3d_completed_at.set);
    task_fixture_close(f);
}

// ---- The place of a job that died.

static void test_exhausted(void **state)
{
    (void)state;
    const struct fake_route routes[] = {{TASK_COMPLETE, {{.body = PROGRESS("0", "50")}}}};
    struct task_fixture *f = open_created(routes, COUNT_OF(routes));
    store_exec(f->store, "UPDATE sunlead_jobs SET failures = 20");
    task_fixture_start(f);
    task_fixture_settle(f);
    // Nobody asks until it is late.
    assert_int_equal(fake_server_count(f->server, TASK_COMPLETE), 0);
    assert_int_equal(task_order(f).state, ORDER_CREATED);
    assert_int_equal(task_job_due_us(f, JOB_POLL), 1780 * S);
    task_fixture_stop(f);
    test_clock_add(&f->clock, 1800 * S);
    store_exec(f->store, "UPDATE sunlead_jobs SET failures = 20");
    task_fixture_start(f);
    task_fixture_settle(f);
    assert_int_equal(fake_server_count(f->server, TASK_COMPLETE), 0);
    struct order order = task_order(f);
    assert_int_equal(order.state, ORDER_FAILED);
    task_assert_failure(&order, FAILURE_TIMEOUT, "in time");
    assert_int_equal(task_lead(f).model_3d_status, MODEL_FAILED);
    task_fixture_close(f);
}

// ---- Polls that find nothing new.

static void free_op(struct sql_op *op)
{
    arena_close(op->arena);
}

// Queues a write of another process, ahead of the one that the poll is about to store.
static void change_polled(struct task_fixture *f)
{
    static const struct sql_stmt stmt = {
        .name = "change_polled",
        .text = "UPDATE sunlead_orders SET version = version + 1, annual_savings = 12 "
                "WHERE annual_savings IS NULL AND polls = 2",
    };
    if (fake_server_count(f->server, TASK_COMPLETE) < 3)
        return;
    struct arena *arena = arena_open(0);
    struct sql_op *op = sql_op_new(arena, "change_polled", SQL_LANE_WRITE);
    (void)sql_op_step(op, &stmt, 0, NULL);
    op->done = free_op;
    sql_submit(f->store->db, op);
}

// The first poll of an order, which changes more, then three alike. What others changed while the
// last one was under way stays.
static void test_nothing_new(void **state)
{
    (void)state;
    const struct fake_route routes[] = {{TASK_COMPLETE,
                                         {{.body = PROGRESS("0", "10")},
                                          {.body = PROGRESS("0", "20")},
                                          {.body = PROGRESS("0", "20")}}}};
    struct task_fixture *f = open_created(routes, COUNT_OF(routes));
    struct order before;
    task_fixture_start(f);
    task_fixture_settle(f);
    before = task_order(f);
    struct lead lead = task_lead(f);
    assert_in_range(task_fixture_next(f), 5 * S, 15 * S);
    struct order order = task_order(f);
    assert_int_equal(order.version, before.version + 1);
    assert_int_equal(order.progress.value, 20);
    assert_int_equal(order.polls, 2);
    assert_int_equal(order.unfinished_at.value, test_clock_now(&f->clock));
    assert_int_equal(task_lead(f).updated_at.value, lead.updated_at.value);
    assert_in_range(task_job_due_us(f, JOB_POLL), 5 * S, 15 * S);
    atomic_store(&f->on_read, change_polled);
    assert_in_range(task_fixture_next(f), 5 * S, 15 * S);
    atomic_store(&f->on_read, NULL);
    order = task_order(f);
    assert_int_equal(order.version, before.version + 3);
    assert_int_equal(order.polls, 3);
    assert_true(order.annual_savings.value == 12);
    assert_in_range(task_job_due_us(f, JOB_POLL), 5 * S, 15 * S);
    task_fixture_close(f);
}

#define TEST(name) cmocka_unit_test(name)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_one_poll),
        TEST(test_to_completed),
        TEST(test_details_may_be_missing),
        TEST(test_leads_row_refuses),
        TEST(test_sources_are_noted_once),
        TEST(test_late_done),
        TEST(test_late_done_of_an_older_order),
        TEST(test_looked_for_a_day),
        TEST(test_nothing_to_poll),
        TEST(test_looked_up_ones_prove_nothing),
        TEST(test_details_are_read_again),
        TEST(test_refresh_of_a_completed_one),
        TEST(test_refresh_of_a_completed_one_fails),
        TEST(test_done_then_errored),
        TEST(test_exhausted),
        TEST(test_nothing_new),
    };
    return cmocka_run_group_tests_name("task_poll", tests, NULL, NULL);
}
