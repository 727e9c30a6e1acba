// Tests of columns whose type somebody else changes while connections know the old one.
#include "sql/postgres_db.h"

#include "support/waiter.h"

#define OPS 24 // at once: more than one connection is opened for them

static const struct sql_stmt insert = {.name = "insert", .text = "INSERT INTO a (x) VALUES ($1)"};
static const struct sql_stmt find = {.name = "find", .text = "SELECT x FROM a WHERE x = $1"};
static const struct sql_stmt all = {.name = "all", .text = "SELECT x FROM a"};

static void count_done(struct sql_op *op)
{
    waiter_add(op->done_ctx);
}

// Runs the statement on as many connections as there are for it; each has the same value.
static void run_many(struct postgres_db_fixture *db, enum sql_lane lane,
                     const struct sql_stmt *stmt, const struct sql_value *value)
{
    struct waiter *waiter = waiter_open();
    struct sql_op *ops[OPS];
    for (int i = 0; i < OPS; i++) {
        ops[i] = sql_op_new(arena_open(0), stmt->name, lane); // the driver has it meanwhile
        (void)sql_op_step(ops[i], stmt, value == NULL ? 0 : 1, value);
        ops[i]->done = count_done;
        ops[i]->done_ctx = waiter;
        sql_submit(db->sql, ops[i]);
    }
    waiter_wait(waiter, OPS);
    waiter_close(waiter);
    for (int i = 0; i < OPS; i++) {
        if (ops[i]->error.code != ERR_OK)
            fail_msg("%s: %s (%s)", stmt->name, ops[i]->error.message, ops[i]->error.cause);
        arena_close(ops[i]->arena);
    }
}

static void alter(struct postgres_db_fixture *db, const char *type)
{
    postgres_exec(
        postgres_db_server, db->url,
        arena_printf(db->arena, "ALTER TABLE a ALTER x TYPE %s USING x::%s", type, type).ptr);
}

static void expect_stored(struct postgres_db_fixture *db, const char *want)
{
    const char *text =
        arena_printf(db->arena, "SELECT count(*) FROM a WHERE x::text = '%s'", want).ptr;
    assert_int_equal(postgres_db_i64(db, text), OPS);
}

struct change {
    const char *from;
    struct sql_value before;
    const char *to;
    struct sql_value after;
    const char *want;
};

#define TEXT(s)                                                                                    \
    {                                                                                              \
        SQL_TEXT, .text = STR_INIT(s)                                                              \
    }

static const struct change changes[] = {
    {"INTEGER", {SQL_INT, .i64 = 7}, "BIGINT", {SQL_INT, .i64 = 3000000000}, "3000000000"},
    {"SMALLINT", {SQL_INT, .i64 = 7}, "INTEGER", {SQL_INT, .i64 = 70000}, "70000"},
    {"INTEGER", {SQL_INT, .i64 = 7}, "NUMERIC(10,2)", {SQL_FLOAT, .f64 = 37.25}, "37.25"},
    {"NUMERIC(6,2)",
     {SQL_FLOAT, .f64 = 1},
     "DOUBLE PRECISION",
     {SQL_FLOAT, .f64 = 1e300},
     "1e+300"},
    {"VARCHAR(3)", TEXT("abc"), "TEXT", TEXT("abcdef"), "abcdef"},
    {"TEXT", TEXT("7"), "BIGINT", TEXT("8"), "8"},
    {"BIGINT", {SQL_INT, .i64 = 7}, "TEXT", {SQL_INT, .i64 = 8}, "8"},
    {"BIGINT", {SQL_INT, .i64 = 7}, "INTEGER", {SQL_INT, .i64 = 8}, "8"},
    {"TIMESTAMP",
     {SQL_TIME, .i64 = 0},
     "TIMESTAMPTZ",
     {SQL_TIME, .i64 = 1000000},
     "1970-01-01 00:00:01+00"},
};

// Writes are the first to meet the new type: none fails, and each value is stored as it is.
static void test_written_first(void **state)
{
    struct postgres_db_fixture *db = *state;
    for (size_t i = 0; i < COUNT_OF(changes); i++) {
        const struct change *change = &changes[i];
        postgres_db_script(db, arena_printf(db->arena,
                                            "SET TimeZone = 'UTC'; DROP TABLE IF EXISTS a; "
                                            "CREATE TABLE a (x %s)",
                                            change->from)
                                   .ptr);
        run_many(db, SQL_LANE_WRITE, &insert, &change->before);
        alter(db, change->to);
        run_many(db, SQL_LANE_WRITE, &insert, &change->after);
        if (strcmp(change->to, "TIMESTAMPTZ") != 0 || !postgres_db_is_pooled)
            expect_stored(db, change->want);
    }
}

// Reads are the first to meet it.
static void test_read_first(void **state)
{
    struct postgres_db_fixture *db = *state;
    for (size_t i = 0; i < COUNT_OF(changes); i++) {
        const struct change *change = &changes[i];
        postgres_db_script(
            db,
            arena_printf(db->arena, "DROP TABLE IF EXISTS a; CREATE TABLE a (x %s)", change->from)
                .ptr);
        run_many(db, SQL_LANE_SHORT, &find, &change->before);
        run_many(db, SQL_LANE_LONG, &all, NULL);
        alter(db, change->to);
        run_many(db, SQL_LANE_SHORT, &find, &change->after);
        run_many(db, SQL_LANE_LONG, &all, NULL);
    }
}

// What no error tells: a value that is rounded for the old type would be stored so in the new one.
// A read of the table sees that its type is another, for all connections.
static void test_silent(void **state)
{
    struct postgres_db_fixture *db = *state;
    const struct sql_value tenth = SQLV_FLOAT(0.1);
    postgres_db_script(db, "CREATE TABLE a (x REAL); INSERT INTO a VALUES (3)");
    run_many(db, SQL_LANE_WRITE, &insert, &tenth);
    run_many(db, SQL_LANE_SHORT, &all, NULL);
    postgres_exec(postgres_db_server, db->url,
                  "ALTER TABLE a ALTER x TYPE DOUBLE PRECISION USING 3");
    run_many(db, SQL_LANE_SHORT, &all, NULL);
    run_many(db, SQL_LANE_WRITE, &insert, &tenth);
    expect_stored(db, "0.1");
}

// What one connection was told of the new types is not sent to another that knows the old ones.
static void test_connections_of_two_minds(void **state)
{
    struct postgres_db_fixture *db = *state;
    const struct sql_value small = SQLV_INT(7);
    postgres_db_script(db, "CREATE TABLE a (x INTEGER)");
    run_many(db, SQL_LANE_WRITE, &insert, &small);
    run_many(db, SQL_LANE_SHORT, &find, &small);
    alter(db, "BIGINT");
    // One connection is opened anew, and learns the types anew.
    postgres_exec(postgres_db_server, db->url,
                  "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE "
                  "application_name = 'sunlead' AND datname = current_database() "
                  "AND query LIKE 'INSERT%' LIMIT 1");
    for (int i = 0; i < 3; i++) {
        run_many(db, SQL_LANE_WRITE, &insert, &small);
        run_many(db, SQL_LANE_SHORT, &find, &small);
    }
}

// A value that really does not fit is refused as before, and costs no connection.
static void test_values_that_do_not_fit(void **state)
{
    struct postgres_db_fixture *db = *state;
    const struct sql_value large = SQLV_INT(3000000000);
    postgres_db_script(db, "CREATE TABLE a (x INTEGER)");
    int64_t backend = postgres_db_i64(db, "SELECT pg_backend_pid()");
    for (int i = 0; i < 3; i++) {
        struct sql_op *op = sql_op_new(db->arena, "find", SQL_LANE_SHORT);
        (void)sql_op_step(op, &find, 1, &large);
        postgres_db_expect(db, op, ERR_INVALID);
        op = sql_op_new(db->arena, "insert", SQL_LANE_WRITE);
        (void)sql_op_step(op, &insert, 1, &large);
        postgres_db_expect(db, op, ERR_INVALID);
    }
    if (!postgres_db_is_pooled)
        assert_int_equal(postgres_db_i64(db, "SELECT pg_backend_pid()"), backend);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        POSTGRES_TEST(test_written_first),
        POSTGRES_TEST(test_read_first),
        POSTGRES_TEST(test_silent),
        POSTGRES_TEST(test_connections_of_two_minds),
        POSTGRES_TEST(test_values_that_do_not_fit),
    };
    int failed = cmocka_run_group_tests(tests, postgres_db_start, postgres_db_stop);
    postgres_db_is_pooled = true;
    return failed + cmocka_run_group_tests_name("by way of PgBouncer", tests, postgres_db_start,
                                                postgres_db_stop);
}
