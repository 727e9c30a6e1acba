// The contract of store/exchange_store.h, on every engine.
#include "support/store_fixture.h"

#include "store/exchange_store.h"

#define T0  STORE_T0_US
#define S   INT64_C(1000000)
#define DAY (86400 * S)

static struct exchange exchange_of(enum exchange_call call, enum exchange_outcome outcome,
                                   int64_t at_us)
{
    return (struct exchange){
        .at = OPT_I64(at_us),
        .call = call,
        .outcome = outcome,
        .status = OPT_I64(200),
        .duration_ms = 12,
        .request = STR("{\"a\":1}"),
        .answer = STR("caf\xC3\xA9"),
    };
}

static void put(struct store_fixture *f, int64_t order_id, struct exchange exchange)
{
    struct sql_op *op = store_write(f);
    exchange_store_put(op, order_id, &exchange);
    store_run(f, op);
}

static size_t list(struct store_fixture *f, int64_t order_id, struct exchange *exchanges,
                   size_t max)
{
    struct row_list list = {
        .arena = f->arena, .table = &exchange_table, .objects = exchanges, .max = max};
    struct sql_op *op = store_read(f);
    exchange_store_list(op, order_id, &list);
    store_run(f, op);
    return list.count;
}

static void test_put_and_list(void **state)
{
    struct store_fixture *f = *state;
    struct exchange got[EXCHANGES_MAX];
    put(f, 7, exchange_of(EXCHANGE_CREATE, EXCHANGE_UNCLEAR, T0));
    put(f, 7, exchange_of(EXCHANGE_COMPLETE, EXCHANGE_OK, T0 + 3 * S));
    put(f, 7, exchange_of(EXCHANGE_FIND, EXCHANGE_OK, T0 + 2 * S));
    // The neighbours in the order of keys.
    put(f, 6, exchange_of(EXCHANGE_FIND, EXCHANGE_UNCLEAR, T0));
    put(f, 8, exchange_of(EXCHANGE_CREATE, EXCHANGE_OK, T0));
    assert_int_equal(list(f, 7, got, EXCHANGES_MAX), 3);
    assert_int_equal(got[0].call, EXCHANGE_COMPLETE);
    assert_int_equal(got[1].call, EXCHANGE_FIND);
    assert_int_equal(got[2].call, EXCHANGE_CREATE);
    assert_int_equal(got[2].outcome, EXCHANGE_UNCLEAR);
    assert_int_equal(got[2].times, 1);
    assert_int_equal(got[2].at.value, T0);
    assert_int_equal(got[2].status.value, 200);
    assert_int_equal(got[2].duration_ms, 12);
    assert_true(str_equal(got[2].request, STR("{\"a\":1}")));
    assert_true(str_equal(got[2].answer, STR("caf\xC3\xA9")));
    assert_int_equal(list(f, 7, got, 2), 2);
    assert_int_equal(list(f, 9, got, 2), 0);
}

// The same call with the same outcome: the last one stays, and is counted.
static void test_put_again(void **state)
{
    struct store_fixture *f = *state;
    struct exchange got[EXCHANGES_MAX];
    put(f, 7, exchange_of(EXCHANGE_COMPLETE, EXCHANGE_OK, T0));
    put(f, 7, exchange_of(EXCHANGE_COMPLETE, EXCHANGE_NOT_SENT, T0 + S));
    struct exchange last = exchange_of(EXCHANGE_COMPLETE, EXCHANGE_OK, T0 + 2 * S);
    last.status = OPT_I64(201);
    last.duration_ms = 99;
    last.request = STR_NULL;
    last.answer = STR("b");
    put(f, 7, last);
    assert_int_equal(list(f, 7, got, EXCHANGES_MAX), 2);
    assert_int_equal(got[0].outcome, EXCHANGE_OK);
    assert_int_equal(got[0].times, 2);
    assert_int_equal(got[0].at.value, T0 + 2 * S);
    assert_int_equal(got[0].status.value, 201);
    assert_int_equal(got[0].duration_ms, 99);
    assert_null(got[0].request.ptr);
    assert_true(str_equal(got[0].answer, STR("b")));
    assert_int_equal(got[1].times, 1);
}

static void test_purge(void **state)
{
    struct store_fixture *f = *state;
    struct exchange got[EXCHANGES_MAX];
    put(f, 1, exchange_of(EXCHANGE_CREATE, EXCHANGE_OK, T0));
    put(f, 1, exchange_of(EXCHANGE_COMPLETE, EXCHANGE_OK, T0 + 40 * DAY));
    put(f, 2, exchange_of(EXCHANGE_CREATE, EXCHANGE_OK, T0 + DAY));
    put(f, 3, exchange_of(EXCHANGE_CREATE, EXCHANGE_OK, T0 + 30 * DAY));
    struct sql_op *op = store_write(f);
    exchange_store_purge(op, T0 + 20 * DAY);
    store_run(f, op);
    assert_int_equal(list(f, 1, got, EXCHANGES_MAX), 1);
    assert_int_equal(got[0].call, EXCHANGE_COMPLETE);
    assert_int_equal(list(f, 2, got, EXCHANGES_MAX), 0);
    assert_int_equal(list(f, 3, got, EXCHANGES_MAX), 1);
}

// A full portion tells that there may be more.
static void test_purge_portions(void **state)
{
    static const int64_t want[] = {EXCHANGE_PURGE_MAX, 500, 0};
    struct store_fixture *f = *state;
    put(f, 1, exchange_of(EXCHANGE_CREATE, EXCHANGE_OK, T0));
    store_exec(f, "INSERT INTO sunlead_exchanges (id, at, call, outcome, times, duration_ms) "
                  "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1499) "
                  "SELECT 1000 + i, at, call, outcome, times, duration_ms FROM n, "
                  "(SELECT * FROM sunlead_exchanges) AS e");
    for (size_t i = 0; i < COUNT_OF(want); i++) {
        struct sql_op *op = store_write(f);
        exchange_store_purge(op, T0 + DAY);
        store_run(f, op);
        assert_int_equal(op->steps[0].rows, want[i]);
    }
}

#define TEST(name)                                                                                 \
    cmocka_unit_test_setup_teardown(name, store_fixture_setup, store_fixture_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_put_and_list),
        TEST(test_put_again),
        TEST(test_purge),
        TEST(test_purge_portions),
    };
    return store_fixture_run_suite("exchange_store", tests, COUNT_OF(tests));
}
