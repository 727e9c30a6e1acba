// The contracts of store/upstream_store.h and store/history_store.h, on every engine.
#include "support/store_fixture.h"

#include <stdio.h>

#include "store/history_store.h"
#include "store/order_store.h"
#include "store/upstream_store.h"

#define T0 STORE_T0_US
#define S  INT64_C(1000000)

// ---- The budget: a call a second, and four saved up beside the one that is due.

static struct budget_grant lease(struct store_fixture *f, int64_t now_us, int64_t wanted)
{
    struct budget_grant grant;
    struct sql_op *op = store_write(f);
    const struct budget_request request = {OPT_I64(now_us), S, 4 * S, wanted};
    upstream_store_lease(op, &request, &grant);
    store_run(f, op);
    return grant;
}

static void test_lease(void **state)
{
    static const struct {
        int64_t at_ms;
        int64_t wanted;
        int64_t calls;
        int64_t free_ms;
    } rows[] = {
        {0, 3, 3, -1000}, // all of the past was saved up, four seconds of it count
        {0, 5, 2, 1000},          {0, 1, 0, 1000},       {999, 1, 0, 1000},    {1000, 9, 1, 2000},
        {2500, 1, 1, 3000},       {3000, 1, 1, 4000},    {9000, 1, 1, 6000},   {9000, 9, 4, 10000},
        {100000, 100, 5, 101000}, {90000, 1, 0, 101000}, // a clock that is behind
        {41000, 1, 0, 101000},    {40999, 1, 1, 41999},  {41999, 1, 1, 42999}, // one that was wrong
    };
    struct store_fixture *f = *state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct budget_grant grant = lease(f, T0 + rows[i].at_ms * 1000, rows[i].wanted);
        int64_t free_ms = rows[i].at_ms + grant.wait_us / 1000;
        if (grant.calls != rows[i].calls || free_ms != rows[i].free_ms)
            fail_msg("row %zu: %lld calls, free at %lld ms", i, (long long)grant.calls,
                     (long long)free_ms);
    }
}

// Many who ask at once never get more than there is.
static void test_lease_together(void **state)
{
    struct store_fixture *f = *state;
    struct sql_op *ops[20];
    struct budget_grant grants[COUNT_OF(ops)];
    const struct budget_request request = {OPT_I64(T0), S, 4 * S, 2};
    for (size_t i = 0; i < COUNT_OF(ops); i++) {
        ops[i] = store_write(f);
        upstream_store_lease(ops[i], &request, &grants[i]);
    }
    store_run_together(f, ops, COUNT_OF(ops));
    int64_t calls = 0;
    for (size_t i = 0; i < COUNT_OF(ops); i++) {
        assert_int_equal(ops[i]->error.code, ERR_OK);
        calls += grants[i].calls;
    }
    assert_int_equal(calls, 5);
}

// Without a time that is given it is the database's clock that counts, whatever each process's own
// tells.
static void test_lease_by_the_clock_of_the_database(void **state)
{
    struct store_fixture *f = *state;
    const int64_t hour = 3600 * S;
    struct budget_grant grant;
    const struct budget_request request = {{0}, hour, 0, 1};
    (void)lease(f, T0 + 100000 * hour, 5); // by a clock that is far ahead
    struct sql_op *op = store_write(f);
    upstream_store_lease(op, &request, &grant);
    store_run(f, op);
    assert_int_equal(grant.calls, 1);
    assert_in_range(grant.wait_us, hour - 60 * S, hour);
    store_exec(f, "UPDATE sunlead_upstreams SET free_us = free_us - 3550000000");
    op = store_write(f);
    upstream_store_lease(op, &request, &grant);
    store_run(f, op);
    assert_int_equal(grant.calls, 0);
    assert_in_range(grant.wait_us, 1, 50 * S);
}

// ---- Isolation.

static struct opt_i64 isolated_at(struct store_fixture *f)
{
    struct opt_i64 at = OPT_I64(1);
    struct sql_op *op = store_read(f);
    upstream_store_get(op, &at);
    store_run(f, op);
    return at;
}

static void isolate(struct store_fixture *f, int64_t now_us)
{
    struct sql_op *op = store_write(f);
    upstream_store_isolate(op, now_us);
    store_run(f, op);
}

static void test_isolation(void **state)
{
    struct store_fixture *f = *state;
    assert_false(isolated_at(f).set);
    isolate(f, T0);
    isolate(f, T0 + S); // it is already
    assert_int_equal(isolated_at(f).value, T0);
    (void)lease(f, T0, 1);
    assert_true(isolated_at(f).set);
    struct sql_op *op = store_write(f);
    upstream_store_restore(op);
    store_run(f, op);
    assert_false(isolated_at(f).set);
    isolate(f, T0 + 2 * S);
    assert_int_equal(isolated_at(f).value, T0 + 2 * S);
}

// ---- Generation times.

static struct opt_i64 at(int64_t s)
{
    return s < 0 ? (struct opt_i64){0} : OPT_I64(T0 + s * S);
}

struct past {
    enum order_state state;
    bool answered;
    int64_t created_s;
    int64_t unfinished_s; // -1: none
    int64_t completed_s;
};

static void add_past(struct store_fixture *f, const struct past *past)
{
    struct order order = store_get_order(f, store_add_order(f, store_add_lead(f, 1), T0));
    order.state = past->state;
    order.answered = past->answered;
    order.created_at = at(past->created_s);
    order.unfinished_at = at(past->unfinished_s);
    order.completed_at = at(past->completed_s);
    struct sql_op *op = store_write(f);
    order_store_save(op, &order);
    store_run(f, op);
}

static void test_history(void **state)
{
    static const struct past pasts[] = {
        {ORDER_COMPLETED, true, 10, 50, 57},
        {ORDER_COMPLETED, true, 12, 90, 96},
        {ORDER_COMPLETED, true, 11, -1, 60},
        // Others tell nothing: not completed, of unknown age, or of a time whose slow ones go on.
        {ORDER_FAILED, true, 10, 50, 70},
        {ORDER_PROCESSING, true, 10, 50, -1},
        {ORDER_COMPLETED, false, 10, 50, 70},
        {ORDER_COMPLETED, true, 20, -1, 21},
    };
    struct store_fixture *f = *state;
    struct generation_history history = {.count = 7};
    for (size_t i = 0; i < COUNT_OF(pasts); i++)
        add_past(f, &pasts[i]);
    struct sql_op *op = store_read(f);
    history_store_get(op, T0 + 20 * S, &history);
    store_run(f, op);
    static const struct generation_span want[] = {
        {78 * S, 84 * S, false}, {0, 49 * S, true}, {40 * S, 47 * S, false}};
    assert_int_equal(history.count, COUNT_OF(want));
    for (size_t i = 0; i < COUNT_OF(want); i++) {
        assert_int_equal(history.spans[i].after_us, want[i].after_us);
        assert_int_equal(history.spans[i].by_us, want[i].by_us);
        assert_int_equal(history.spans[i].first, want[i].first);
    }
}

#define TEST(name)                                                                                 \
    cmocka_unit_test_setup_teardown(name, store_fixture_setup, store_fixture_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_lease),
        TEST(test_lease_together),
        TEST(test_lease_by_the_clock_of_the_database),
        TEST(test_isolation),
        TEST(test_history),
    };
    return store_fixture_run_suite("upstream_store", tests, COUNT_OF(tests));
}
