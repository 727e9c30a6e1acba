// The contract of store/request_store.h, on every engine.
#include "support/store_fixture.h"

#include "store/request_store.h"

#define T0  STORE_T0_US
#define DAY (24 * INT64_C(3600000000))

static struct stored_request request_of(const char *id, int64_t op_id, int64_t at_us)
{
    return (struct stored_request){
        .id = str_of(id), .fingerprint = STR("f1"), .op_id = op_id, .created_at = OPT_I64(at_us)};
}

// Adds a request, in an operation that also inserts an event.
static struct sql_op *adding(struct store_fixture *f, const struct stored_request *row,
                             int64_t replaces_op)
{
    static const struct sql_stmt effect = {
        .name = "effect",
        .text = "INSERT INTO sunlead_events (at, type, op_id) VALUES ($1, 'x', $2)",
    };
    const struct request_claim claim = {row->created_at.value - DAY, replaces_op};
    struct sql_op *op = store_write(f);
    SQL_STEP(op, &effect, SQLV_TIME(row->created_at.value), SQLV_INT(row->op_id));
    request_store_add(op, row, &claim);
    return op;
}

static void add(struct store_fixture *f, const char *id, int64_t op_id, int64_t at_us)
{
    struct stored_request row = request_of(id, op_id, at_us);
    store_run(f, adding(f, &row, 0));
}

static struct stored_request get(struct store_fixture *f, const char *id, int64_t now_us)
{
    struct stored_request row = {0};
    struct sql_op *op = store_read(f);
    request_store_get(op, str_of(id), now_us - DAY, &row);
    store_run(f, op);
    return row;
}

static void answer(struct store_fixture *f, const char *id, int64_t op_id, const char *text)
{
    struct stored_request row = request_of(id, op_id, T0);
    row.status = OPT_I64(201);
    row.location = STR("/api/leads/1");
    row.answer = str_of(text);
    struct sql_op *op = store_write(f);
    request_store_answer(op, &row, T0 + 7);
    store_run(f, op);
}

static int64_t effects(struct store_fixture *f)
{
    return store_i64(f, "SELECT count(*) FROM sunlead_events");
}

static void test_add_and_answer(void **state)
{
    struct store_fixture *f = *state;
    assert_null(get(f, "r a", T0).id.ptr);
    add(f, "r a", 11, T0);
    struct stored_request row = get(f, "r a", T0);
    assert_true(str_equal(row.id, STR("r a")) && str_equal(row.fingerprint, STR("f1")));
    assert_int_equal(row.op_id, 11);
    assert_int_equal(row.created_at.value, T0);
    assert_false(row.status.set);
    answer(f, "r a", 12, "another's");
    assert_false(get(f, "r a", T0).status.set);
    answer(f, "r a", 11, "{\"a\": \"\xc3\xa9\"}");
    answer(f, "r a", 11, "a second one");
    row = get(f, "r a", T0);
    assert_int_equal(row.status.value, 201);
    assert_true(str_equal(row.location, STR("/api/leads/1")));
    assert_true(str_equal(row.answer, STR("{\"a\": \"\xc3\xa9\"}")));
    assert_int_equal(store_i64(f, "SELECT answered_at FROM sunlead_requests"), T0 + 7);
}

// Neither the key nor the effect of the second is stored.
static void test_a_key_is_taken_once(void **state)
{
    struct store_fixture *f = *state;
    add(f, "r a", 11, T0);
    struct stored_request second = request_of("r a", 12, T0 + 1);
    store_fails(f, adding(f, &second, 0), ERR_STALE);
    store_fails(f, adding(f, &second, 99), ERR_STALE);
    assert_int_equal(effects(f), 1);
    assert_int_equal(get(f, "r a", T0).op_id, 11);
    add(f, "s a", 13, T0); // of another route
    assert_int_equal(effects(f), 2);
}

static void test_at_once(void **state)
{
    struct store_fixture *f = *state;
    struct sql_op *ops[5];
    size_t done = 0;
    for (size_t i = 0; i < COUNT_OF(ops); i++) {
        struct stored_request row = request_of("r a", 20 + (int64_t)i, T0);
        ops[i] = adding(f, &row, 0);
    }
    store_run_together(f, ops, COUNT_OF(ops));
    for (size_t i = 0; i < COUNT_OF(ops); i++) {
        done += ops[i]->error.code == ERR_OK;
        assert_true(ops[i]->error.code == ERR_OK || ops[i]->error.code == ERR_STALE);
    }
    assert_int_equal(done, 1);
    assert_int_equal(effects(f), 1);
}

// An operation that had nothing to do but the key may be repeated, or replaced when it is known.
static void test_again(void **state)
{
    struct store_fixture *f = *state;
    add(f, "r a", 11, T0);
    answer(f, "r a", 11, "{}");
    add(f, "r a", 11, T0);
    struct stored_request next = request_of("r a", 12, T0 + 1);
    store_run(f, adding(f, &next, 11));
    struct stored_request row = get(f, "r a", T0);
    assert_int_equal(row.op_id, 12);
    assert_false(row.status.set || row.answer.ptr != NULL || row.location.ptr != NULL);
    struct stored_request late = request_of("r a", 13, T0 + 1);
    store_fails(f, adding(f, &late, 11), ERR_STALE);
}

static void test_a_day(void **state)
{
    struct store_fixture *f = *state;
    add(f, "r a", 11, T0);
    assert_non_null(get(f, "r a", T0 + DAY - 1).id.ptr);
    assert_null(get(f, "r a", T0 + DAY).id.ptr);
    struct stored_request early = request_of("r a", 12, T0 + DAY - 1);
    store_fails(f, adding(f, &early, 0), ERR_STALE);
    add(f, "r a", 13, T0 + DAY);
    assert_int_equal(get(f, "r a", T0 + DAY).op_id, 13);
}

static void test_drop(void **state)
{
    struct store_fixture *f = *state;
    struct stored_request rows[] = {request_of("r a", 12, T0), request_of("r b", 11, T0),
                                    request_of("r a", 11, T0)};
    add(f, "r a", 11, T0);
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct sql_op *op = store_write(f);
        request_store_drop(op, &rows[i]);
        store_run(f, op);
        assert_int_equal(get(f, "r a", T0).id.ptr == NULL, i == 2);
    }
}

static void test_purge(void **state)
{
    struct store_fixture *f = *state;
    static const char *const ids[] = {"r a", "r b", "r c", "r d"};
    for (size_t i = 0; i < COUNT_OF(ids); i++)
        add(f, ids[i], 11 + (int64_t)i, T0 + (int64_t)i);
    struct sql_op *op = store_write(f);
    request_store_purge(op, T0 + 2, 2);
    store_run(f, op);
    assert_int_equal(store_i64(f, "SELECT count(*) FROM sunlead_requests"), 2);
    assert_null(get(f, "r b", T0).id.ptr);
    op = store_write(f);
    request_store_purge(op, T0 + 2, 2);
    store_run(f, op);
    assert_string_equal(store_text(f, "SELECT min(id) FROM sunlead_requests"), "r d");
}

int main(void)
{
#define ON_DB(test)                                                                                \
    cmocka_unit_test_setup_teardown(test, store_fixture_setup, store_fixture_teardown)
    const struct CMUnitTest tests[] = {
        ON_DB(test_add_and_answer), ON_DB(test_a_key_is_taken_once),
        ON_DB(test_at_once),        ON_DB(test_again),
        ON_DB(test_a_day),          ON_DB(test_drop),
        ON_DB(test_purge),
    };
    return store_fixture_run_suite_pooled("request_store", tests, COUNT_OF(tests));
}
