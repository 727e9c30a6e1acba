// Tests of looking up writes whose connection broke while they were being committed.
#include "sql/postgres_db.h"

#include "base/thread.h"
#include "support/waiter.h"

// What is inserted into this table ends its own connection at the commit.
#define FATAL_TABLE                                                                                \
    "CREATE TABLE fatal (x BIGINT);"                                                               \
    "CREATE FUNCTION die() RETURNS trigger LANGUAGE plpgsql AS "                                   \
    "'BEGIN PERFORM pg_terminate_backend(pg_backend_pid()); PERFORM pg_sleep(10); RETURN NULL; "   \
    "END';"                                                                                        \
    "CREATE CONSTRAINT TRIGGER die AFTER INSERT ON fatal DEFERRABLE INITIALLY DEFERRED "           \
    "FOR EACH ROW EXECUTE FUNCTION die();"

static void count_done(struct sql_op *op)
{
    waiter_add(op->done_ctx);
}

static void count_row(void *ctx, const struct sql_row *row)
{
    (void)row;
    (*(int *)ctx)++;
}

static void wait_for(struct postgres_db_fixture *db, const char *query)
{
    while (postgres_db_i64(db, query) == 0)
        thread_pause_ms(2);
}

// The reads of a proof fail once behind the one that tells that the write was committed: they are
// tried again, and each row is handed over once.
static void test_reads_that_fail(void **state)
{
    struct postgres_db_fixture *db = *state;
    postgres_db_script(db, FATAL_TABLE "CREATE TABLE ready (x BIGINT)");
    struct postgres_db_fixture other = {.arena = db->arena, .url = db->url};
    postgres_db_open(&other);
    struct waiter *waiter = waiter_open();
    struct waiter *held = waiter_open();

    // Keeps the first try of the proof waiting; when it goes on it divides by zero.
    struct sql_op *holder = sql_op_new(db->arena, "holder", SQL_LANE_WRITE);
    (void)postgres_db_step(db, holder, "SELECT pg_advisory_xact_lock(7)");
    (void)postgres_db_step(db, holder,
                           "DO $$ BEGIN WHILE NOT EXISTS (SELECT FROM pg_locks WHERE locktype = "
                           "'advisory' AND objid = 7 AND NOT granted) LOOP PERFORM "
                           "pg_sleep(0.005); END LOOP; END $$");
    (void)postgres_db_step(db, holder, "INSERT INTO ready VALUES (1)");
    holder->done = count_done;
    holder->done_ctx = held;
    sql_submit(other.sql, holder);
    wait_for(&other, "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND objid = 7");

    int rows[3] = {0};
    CLEANUP(arena_close_ptr) struct arena *arena = arena_open(0);
    struct sql_op *op = sql_op_new(arena, "write", SQL_LANE_WRITE);
    (void)postgres_db_step(db, op, "INSERT INTO fatal VALUES (1)");
    struct sql_op *proof = sql_op_proof(op);
    static const char *const reads[] = {
        "SELECT 42",
        "SELECT CASE WHEN count(pg_advisory_xact_lock_shared(7)) > 0 THEN 1 END",
        "SELECT 1 / count(*) FROM ready",
    };
    for (size_t i = 0; i < COUNT_OF(reads); i++) {
        struct sql_step *step = postgres_db_step(db, proof, reads[i]);
        step->on_row = count_row;
        step->ctx = &rows[i];
    }
    op->done = count_done;
    op->done_ctx = waiter;
    sql_submit(db->sql, op);
    waiter_wait(waiter, 1);
    waiter_wait(held, 1);
    assert_int_equal(op->error.code, ERR_OK);
    for (size_t i = 0; i < COUNT_OF(reads); i++)
        assert_int_equal(rows[i], 1);
    sql_close(other.sql);
    waiter_close(waiter);
    waiter_close(held);
}

// What can never be read is stored all the same, which the answer says; no row is handed over.
static void test_reads_that_always_fail(void **state)
{
    struct postgres_db_fixture *db = *state;
    int rows = 0;
    postgres_db_script(db, FATAL_TABLE);
    struct sql_op *op = sql_op_new(db->arena, "write", SQL_LANE_WRITE);
    (void)postgres_db_step(db, op, "INSERT INTO fatal VALUES (1)");
    struct sql_step *step = postgres_db_step(db, sql_op_proof(op), "SELECT 42");
    step->on_row = count_row;
    step->ctx = &rows;
    (void)postgres_db_step(db, op->proof, "SELECT 1 / 0");
    postgres_db_expect(db, op, ERR_UNKNOWN_OUTCOME);
    assert_non_null(strstr(op->error.message, "was stored"));
    assert_int_equal(rows, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        POSTGRES_TEST(test_reads_that_fail),
        POSTGRES_TEST(test_reads_that_always_fail),
    };
    return cmocka_run_group_tests(tests, postgres_db_start, postgres_db_stop);
}
