// Tests of tasks/task_lookup.c: what becomes of an order whose fate is unknown.
#include "support/task_fixture.h"

#include <stdio.h>
#include <string.h>

#define S US_PER_S

#define PLACE    "\"latitude\":37.7749,\"longitude\":-122.4194"
#define ONE      "{\"leads\":[{\"id\":456," PLACE "}]}"
#define TWO      "{\"leads\":[{\"id\":456," PLACE "},{\"id\":457," PLACE "}]}"
#define NONE     "{\"leads\":[]}"
#define FAR_AWAY "{\"leads\":[{\"id\":456,\"latitude\":37.7751,\"longitude\":-122.4194}]}"
#define OLD      "{\"leads\":[{\"id\":456,\"created_at\":\"2025-12-31T23:58:59Z\"," PLACE "}]}"
#define STATUS   "{\"lead\":{\"id\":456,\"lead_id\":456,\"state\":0,\"build\":{\"id\":123}}}"
#define NOTE(source, equal, differed)                                                              \
    "INSERT INTO sunlead_project_id_sources (source, equal, differed) VALUES ('" source            \
    "', " equal ", " differed ")"

// One look-up: what LightFusion and the database say, and where the order is then.
struct lookup_row {
    const char *what;
    const char *sql;           // before; NULL: nothing
    struct fake_answer leads;  // the first page
    struct fake_answer status; // of the house
    struct fake_answer prices; // for an id and the house
    enum order_state state;
    const char *words;  // part of the failure's; NULL: none
    int64_t project_id; // 0: none
    int64_t house_id;   // 0: none
    enum job_kind job;  // what is left
    int64_t min_us;     // when it is due
    int64_t max_us;
};

#define PARKED(words_, project_, house_) ORDER_PARKED, words_, project_, house_, JOB_NONE, 0, 0
#define FOUND(project_)                  ORDER_CREATED, NULL, project_, 456, JOB_POLL, 0, 0
#define UNKNOWN(min_, max_)              ORDER_UNKNOWN, "at first", 0, 0, JOB_ORDER, min_, max_
#define ABSENT                           UNKNOWN(295 * S, 295 * S)

static const struct lookup_row lookup_rows[] = {
    {"found, by build.id",
     NOTE("build.id", "3", "0"),
     {.body = ONE},
     {.body = STATUS},
     {0},
     FOUND(123)},
    {"found, sources agree",
     NOTE("build.id", "3", "0") ", ('lead.id', 1, 0)",
     {.body = ONE},
     {.body = "{\"lead\":{\"id\":123,\"build\":{\"id\":123}}}"},
     {0},
     FOUND(123)},
    {"found, sources differ",
     NOTE("build.id", "3", "0") ", ('lead.id', 3, 0)",
     {.body = ONE},
     {.body = STATUS},
     {.status = 404},
     PARKED("its status names: 456, 123.", 0, 456)},
    {"found, no source known",
     NULL,
     {.body = ONE},
     {.body = STATUS},
     {.status = 404},
     PARKED("its status names: 456, 123.", 0, 456)},
    {"found, a source that differed once",
     NOTE("build.id", "9", "1"),
     {.body = ONE},
     {.body = STATUS},
     {.status = 404},
     PARKED("does not tell the project", 0, 456)},
    {"found, the source's id is missing",
     NOTE("build.id", "3", "0"),
     {.body = ONE},
     {.body = "{\"lead\":{\"state\":0}}"},
     {0},
     PARKED("does not tell the project", 0, 456)},
    {"found, and the number was told",
     "UPDATE sunlead_orders SET project_id = 99",
     {.body = ONE},
     {.status = 500},
     {0},
     FOUND(99)},
    {"found, its status fails",
     NOTE("build.id", "3", "0"),
     {.body = ONE},
     {.status = 500},
     {0},
     UNKNOWN(1, 3 * S)},
    {"several",
     NULL,
     {.body = TWO},
     {0},
     {0},
     PARKED("several projects at this place; their houses: 456, 457.", 0, 0)},
    {"none", NULL, {.body = NONE}, {0}, {0}, ABSENT},
    {"one far away", NULL, {.body = FAR_AWAY}, {0}, {0}, ABSENT},
    {"one from before", NULL, {.body = OLD}, {0}, {0}, ABSENT},
    {"no look-up", NULL, {.status = 404}, {0}, {0}, PARKED("no look-up", 0, 0)},
    {"no look-up, but the number was told",
     "UPDATE sunlead_orders SET project_id = 99",
     {.status = 404},
     {0},
     {0},
     PARKED("no look-up", 99, 0)},
    {"the look-up fails", NULL, {.status = 500}, {0}, {0}, UNKNOWN(1, 3 * S)},
    {"the look-up is cut", NULL, {.body = ONE, .end = FAKE_CUT}, {0}, {0}, UNKNOWN(1, 3 * S)},
    {"the look-up is limited",
     NULL,
     {.status = 429, .headers = "Retry-After: 77\r\n"},
     {0},
     {0},
     UNKNOWN(77 * S, 77 * S)},
    {"the look-up makes no sense", NULL, {.body = "{\"leads\":7}"}, {0}, {0}, UNKNOWN(1, 3 * S)},
};

static struct task_fixture *open_unknown(const struct fake_route *routes, size_t count)
{
    struct task_fixture *f = task_fixture_open(routes, count, NULL);
    task_set_order(f, "state = 'unknown', attempts = 1, sending_at = requested_at, "
                      "failure = 'unclear', failure_detail = 'at first'");
    test_clock_add(&f->clock, 5 * S);
    return f;
}

static void check_row(struct task_fixture *f, const struct lookup_row *row)
{
    struct order order = task_order(f);
    assert_int_equal(order.state, row->state);
    task_assert_failure(&order, row->words == NULL ? FAILURE_NONE : FAILURE_UNCLEAR, row->words);
    assert_int_equal(order.project_id.set ? order.project_id.value : 0, row->project_id);
    assert_int_equal(order.house_id.set ? order.house_id.value : 0, row->house_id);
    assert_int_equal(order.attempts, 1);
    struct lead lead = task_lead(f);
    bool linked = row->state == ORDER_CREATED;
    assert_int_equal(lead.has_3d_model, linked);
    assert_int_equal(lead.model_3d_status, linked ? MODEL_PROCESSING : MODEL_PENDING);
    assert_int_equal(fake_server_count(f->server, TASK_CREATE), 0);
    if (row->job == JOB_POLL) // what was found is polled at once
        assert_true(fake_server_count(f->server, TASK_COMPLETE) > 0);
    else if (row->job == JOB_NONE)
        assert_int_equal(store_i64(f->store, "SELECT count(*) FROM sunlead_jobs"), 0);
    else
        assert_in_range(task_job_due_us(f, row->job), row->min_us, row->max_us);
}

static void test_one_look(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(lookup_rows); i++) {
        const struct lookup_row *row = &lookup_rows[i];
        const struct fake_route routes[] = {
            {TASK_FIRST, {row->leads}},
            {TASK_LEADS, {{.body = NONE}}},
            // A poll that follows is not ours to look at.
            {TASK_COMPLETE, {row->status, {.status = 503}}},
            {TASK_ADDERS, {{.body = "{}"}}},
            {TASK_PRICES, {row->prices}},
        };
        print_message("%s\n", row->what);
        struct task_fixture *f = open_unknown(routes, COUNT_OF(routes));
        if (row->sql != NULL)
            store_exec(f->store, row->sql);
        if (row->job == JOB_POLL) { // stop before the poll changes the order again
            task_fixture_start(f);
            fake_server_wait(f->server, TASK_COMPLETE, 1);
            task_fixture_settle(f);
            struct order order = task_order(f);
            assert_int_equal(order.state, row->state);
            assert_int_equal(order.project_id.value, row->project_id);
            assert_int_equal(order.house_id.value, row->house_id);
            assert_int_equal(task_events(f, "order.created"), 1);
            assert_int_equal(task_lead(f).lightfusion_3d_project_id.value, row->project_id);
            assert_int_equal(fake_server_count(f->server, TASK_CREATE), 0);
        } else {
            task_fixture_start(f);
            task_fixture_settle(f);
            check_row(f, row);
        }
        task_fixture_close(f);
    }
}

// ---- Absent: proved by two complete look-ups, the second 300 s after the request.

static const struct fake_route absent_routes[] = {
    {TASK_LEADS, {{.body = NONE}}},
    {TASK_CREATE, {{.body = "{\"id\":123,\"lead_id\":456}"}}},
};

static void test_proved_absent(void **state)
{
    (void)state;
    struct task_fixture *f = open_unknown(absent_routes, COUNT_OF(absent_routes));
    task_fixture_start(f);
    task_fixture_settle(f);
    assert_int_equal(task_order(f).lookups, 1);
    task_fixture_advance(f, 295 * S - 1);
    assert_int_equal(task_order(f).state, ORDER_UNKNOWN);
    assert_int_equal(fake_server_count(f->server, TASK_LEADS), 1);
    assert_int_equal(fake_server_count(f->server, TASK_CREATE), 0);
    task_fixture_advance(f, 1);
    struct order order = task_order(f);
    assert_int_equal(fake_server_count(f->server, TASK_LEADS), 2);
    assert_int_equal(fake_server_count(f->server, TASK_CREATE), 1);
    assert_int_equal(order.state, ORDER_CREATED);
    assert_int_equal(order.attempts, 2);
    assert_int_equal(order.lookups, 0);
    assert_int_equal(order.sending_at.value, STORE_T0_US + 300 * S);
    assert_int_equal(task_events(f, "order.requested"), 2);
    task_fixture_close(f);
}

static void test_one_late_look_proves_nothing(void **state)
{
    // The first complete look-up comes long after the request: there has to be a second one.
    (void)state;
    struct task_fixture *f = open_unknown(absent_routes, COUNT_OF(absent_routes));
    test_clock_add(&f->clock, 1000 * S);
    task_fixture_start(f);
    task_fixture_settle(f);
    assert_int_equal(task_order(f).state, ORDER_UNKNOWN);
    assert_int_equal(fake_server_count(f->server, TASK_CREATE), 0);
    assert_in_range(task_job_due_us(f, JOB_ORDER), 12 * S, 20 * S);
    (void)task_fixture_next(f);
    assert_int_equal(task_order(f).state, ORDER_CREATED);
    assert_int_equal(fake_server_count(f->server, TASK_LEADS), 2);
    task_fixture_close(f);
}

static void test_a_look_counts_from_its_begin(void **state)
{
    // Asked after 105 s, answered and stored after 405: the project may have been shown in between.
    (void)state;
    const struct fake_route routes[] = {
        {TASK_LEADS, {{.body = NONE, .delay_ms = 150}, {.body = NONE}}},
        {TASK_CREATE, {{.body = "{\"id\":123,\"lead_id\":456}"}}},
    };
    struct task_fixture *f = open_unknown(routes, COUNT_OF(routes));
    task_set_order(f, "lookups = 1");
    test_clock_add(&f->clock, 100 * S);
    task_fixture_start(f);
    fake_server_wait(f->server, TASK_LEADS, 1);
    task_fixture_advance(f, 300 * S);
    assert_int_equal(task_order(f).state, ORDER_UNKNOWN);
    assert_int_equal(task_order(f).lookups, 2);
    assert_int_equal(fake_server_count(f->server, TASK_CREATE), 0);
    (void)task_fixture_next(f);
    assert_int_equal(task_order(f).state, ORDER_CREATED);
    task_fixture_close(f);
}

static void test_absent_after(void **state)
{
    // The setting, and what a pace makes of it.
    (void)state;
    static const struct {
        int64_t after_us;
        unsigned pace;
        int64_t proof_us; // after the request
    } rows[] = {{600 * S, 0, 600 * S}, {0, 10, 30 * S}, {600 * S, 10, 60 * S}};
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct task_fixture *f = open_unknown(absent_routes, COUNT_OF(absent_routes));
        f->tasks.absent_after_us = rows[i].after_us;
        f->tasks.pace = rows[i].pace;
        task_fixture_start(f);
        task_fixture_settle(f);
        task_fixture_advance(f, rows[i].proof_us - 5 * S - 1);
        assert_int_equal(task_order(f).state, ORDER_UNKNOWN);
        task_fixture_advance(f, 1);
        assert_int_equal(task_order(f).state, ORDER_CREATED);
        task_fixture_close(f);
    }
}

static void test_failed_looks_do_not_count(void **state)
{
    (void)state;
    const struct fake_route routes[] = {
        {TASK_LEADS, {{.body = NONE}, {.status = 500}, {.status = 500}, {.body = NONE}}},
        {TASK_CREATE, {{.body = "{\"id\":123,\"lead_id\":456}"}}},
    };
    struct task_fixture *f = open_unknown(routes, COUNT_OF(routes));
    task_fixture_start(f);
    task_fixture_settle(f);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(task_order(f).state, ORDER_UNKNOWN);
        assert_int_equal(task_order(f).lookups, 1);
        (void)task_fixture_next(f);
    }
    assert_int_equal(task_order(f).state, ORDER_CREATED);
    task_fixture_close(f);
}

static void test_shown_late(void **state)
{
    // Not yet in the list at first, but at the second look.
    (void)state;
    const struct fake_route routes[] = {
        {TASK_FIRST, {{.body = NONE}, {.body = ONE}}},
        {TASK_LEADS, {{.body = NONE}}},
        {TASK_COMPLETE, {{.body = STATUS}}},
    };
    struct task_fixture *f = open_unknown(routes, COUNT_OF(routes));
    store_exec(f->store, NOTE("build.id", "3", "0"));
    task_fixture_start(f);
    task_fixture_settle(f);
    assert_int_equal(task_order(f).state, ORDER_UNKNOWN);
    (void)task_fixture_next(f);
    assert_int_equal(task_order(f).project_id.value, 123);
    assert_int_equal(fake_server_count(f->server, TASK_CREATE), 0);
    task_fixture_close(f);
}

static void test_absent_too_often(void **state)
{
    (void)state;
    struct task_fixture *f = open_unknown(absent_routes, COUNT_OF(absent_routes));
    task_set_order(f, "attempts = 10");
    task_fixture_start(f);
    task_fixture_settle(f);
    (void)task_fixture_next(f);
    assert_int_equal(task_order(f).state, ORDER_PARKED);
    assert_int_equal(fake_server_count(f->server, TASK_CREATE), 0);
    assert_int_equal(store_i64(f->store, "SELECT count(*) FROM sunlead_jobs"), 0);
    task_fixture_close(f);
}

static void test_absent_with_a_number(void **state)
{
    // LightFusion told the project's number: it exists, whatever its list says.
    (void)state;
    struct task_fixture *f = open_unknown(absent_routes, COUNT_OF(absent_routes));
    task_set_order(f, "project_id = 99");
    task_fixture_start(f);
    task_fixture_settle(f);
    assert_int_equal(task_order(f).state, ORDER_UNKNOWN);
    (void)task_fixture_next(f);
    struct order order = task_order(f);
    assert_int_equal(order.state, ORDER_PARKED);
    assert_int_equal(order.project_id.value, 99);
    assert_int_equal(fake_server_count(f->server, TASK_CREATE), 0);
    assert_int_equal(store_i64(f->store, "SELECT count(*) FROM sunlead_jobs"), 0);
    task_fixture_close(f);
}

// ---- Other orders.

static void add_other_order(struct task_fixture *f, const char *set)
{
    int64_t mine = f->order_id;
    f->order_id = store_add_order(f->store, store_add_lead(f->store, 1), STORE_T0_US);
    task_set_order(f, set);
    store_exec(f->store,
               arena_printf(f->store->arena, "DELETE FROM sunlead_jobs WHERE order_id = %lld",
                            (long long)f->order_id)
                   .ptr);
    f->order_id = mine;
}

static void test_houses_of_other_orders(void **state)
{
    // Of two at the place one belongs to another order.
    (void)state;
    const struct fake_route routes[] = {
        {TASK_FIRST, {{.body = TWO}}},
        {TASK_LEADS, {{.body = NONE}}},
        {"POST /v1/leads/457/", {{.body = STATUS}}},
    };
    struct task_fixture *f = open_unknown(routes, COUNT_OF(routes));
    store_exec(f->store, NOTE("build.id", "3", "0"));
    add_other_order(f, "state = 'completed', house_id = 456, project_id = 122");
    task_fixture_start(f);
    task_fixture_settle(f);
    struct order order = task_order(f);
    assert_int_equal(order.house_id.value, 457);
    assert_int_equal(order.project_id.value, 123);
    task_fixture_close(f);
}

static void test_project_of_another_order(void **state)
{
    (void)state;
    const struct fake_route routes[] = {
        {TASK_FIRST, {{.body = ONE}}},
        {TASK_LEADS, {{.body = NONE}}},
        {TASK_COMPLETE, {{.body = STATUS}}},
    };
    struct task_fixture *f = open_unknown(routes, COUNT_OF(routes));
    store_exec(f->store, NOTE("build.id", "3", "0"));
    add_other_order(f, "state = 'completed', house_id = 1, project_id = 123");
    task_fixture_start(f);
    task_fixture_settle(f);
    struct order order = task_order(f);
    assert_int_equal(order.state, ORDER_PARKED);
    task_assert_failure(&order, FAILURE_UNCLEAR, "belongs to another order");
    assert_int_equal(order.house_id.value, 456);
    assert_false(order.project_id.set);
    assert_int_equal(store_i64(f->store, "SELECT count(*) FROM sunlead_jobs"), 0);
    task_fixture_close(f);
}

// ---- The order moves on while it is looked up.

static void test_overtaken(void **state)
{
    // Another process proved it absent and sends it again: the old look-up changes nothing.
    static const char *const bodies[] = {NONE, ONE, TWO};
    (void)state;
    for (size_t i = 0; i < COUNT_OF(bodies); i++) {
        const struct fake_route routes[] = {
            {TASK_FIRST, {{.body = bodies[i], .delay_ms = 150}}},
            {TASK_LEADS, {{.body = NONE}}},
            {TASK_COMPLETE, {{.body = STATUS}}},
        };
        struct task_fixture *f = open_unknown(routes, COUNT_OF(routes));
        task_set_order(f, "lookups = 1");
        store_exec(f->store, NOTE("build.id", "3", "0"));
        test_clock_add(&f->clock, 1000 * S);
        task_fixture_start(f);
        fake_server_wait(f->server, TASK_FIRST, 1);
        task_set_order(f, "state = 'sending', attempts = 2, lookups = 0, "
                          "sending_at = sending_at + 400000000");
        store_exec(f->store, "DELETE FROM sunlead_jobs");
        task_fixture_settle(f);
        struct order order = task_order(f);
        assert_int_equal(order.state, ORDER_SENDING);
        assert_int_equal(order.lookups, 0);
        assert_false(order.project_id.set);
        task_fixture_close(f);
    }
}

#define TEST(name) cmocka_unit_test(name)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_one_look),
        TEST(test_proved_absent),
        TEST(test_one_late_look_proves_nothing),
        TEST(test_a_look_counts_from_its_begin),
        TEST(test_absent_after),
        TEST(test_failed_looks_do_not_count),
        TEST(test_shown_late),
        TEST(test_absent_too_often),
        TEST(test_absent_with_a_number),
        TEST(test_houses_of_other_orders),
        TEST(test_project_of_another_order),
        TEST(test_overtaken),
    };
    return cmocka_run_group_tests_name("task_lookup", tests, NULL, NULL);
}
