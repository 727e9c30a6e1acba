// Tests of writes that share a transaction on PostgreSQL.
#include "sql/postgres_db.h"

#include "support/waiter.h"

#define OPS     400
#define WAITING 2

static const struct sql_stmt insert = {.name = "insert",
                                       .text = "INSERT INTO a (x, n) VALUES ($1, 0)"};
static const struct sql_stmt add = {.name = "add", .text = "UPDATE a SET n = n + 1 WHERE x = $1"};

static void count_done(struct sql_op *op)
{
    waiter_add(op->done_ctx);
}

static struct sql_op *submit(struct postgres_db_fixture *db, struct sql *sql, struct waiter *waiter,
                             const struct sql_stmt *stmt, int64_t x)
{
    struct sql_op *op = sql_op_new(db->arena, stmt->name, SQL_LANE_WRITE);
    (void)SQL_STEP(op, stmt, SQLV_INT(x));
    op->done = count_done;
    op->done_ctx = waiter;
    sql_submit(sql, op);
    return op;
}

// Has the write connection know both statements: until then each is an operation of its own.
static void begin(struct postgres_db_fixture *db, struct sql *sql)
{
    struct waiter *waiter = waiter_open();
    (void)submit(db, sql, waiter, &insert, -1);
    (void)submit(db, sql, waiter, &add, -1);
    waiter_wait(waiter, 2);
    waiter_close(waiter);
}

static struct sql *open_another(struct postgres_db_fixture *db)
{
    struct postgres_db_fixture another = {.arena = db->arena, .url = db->url};
    postgres_db_open(&another);
    return another.sql;
}

static void make_table(struct postgres_db_fixture *db)
{
    postgres_db_script(db, "CREATE TABLE a (x BIGINT PRIMARY KEY, n BIGINT NOT NULL);"
                           "INSERT INTO a SELECT i, 0 FROM generate_series(10001, 10010) AS i");
}

// What waits together is committed together; what fails is alone with it.
static void test_together(void **state)
{
    struct postgres_db_fixture *db = *state;
    struct sql_op *ops[OPS];
    make_table(db);
    begin(db, db->sql);
    struct waiter *waiter = waiter_open();
    for (int i = 0; i < OPS; i++)
        ops[i] = submit(db, db->sql, waiter, &insert, i);
    waiter_wait(waiter, OPS);
    for (int i = 0; i < OPS; i++)
        assert_int_equal(ops[i]->error.code, ERR_OK);
    assert_in_range(postgres_db_i64(db, "SELECT count(DISTINCT xmin::text) FROM a WHERE x >= 0"), 1,
                    OPS / 2);
    for (int i = 0; i < OPS; i++)
        ops[i] = submit(db, db->sql, waiter, &insert, i % 5 == 0 ? i : OPS + i);
    waiter_wait(waiter, 2 * OPS);
    for (int i = 0; i < OPS; i++)
        assert_int_equal(ops[i]->error.code, i % 5 == 0 ? ERR_CONFLICT : ERR_OK);
    waiter_close(waiter);
    assert_int_equal(postgres_db_i64(db, "SELECT count(*) FROM a WHERE x BETWEEN 0 AND 10000"),
                     OPS + OPS * 4 / 5);
}

// Another program holds a row: only those who want that row wait for it, and others are not undone
// for good with them.
static void test_row_locked_elsewhere(void **state)
{
    struct postgres_db_fixture *db = *state;
    make_table(db);
    begin(db, db->sql);
    struct sql *other = open_another(db);
    struct waiter *held = waiter_open();
    struct waiter *waiter = waiter_open();
    struct waiter *free_ones = waiter_open();
    struct sql_op *holder = sql_op_new(db->arena, "holder", SQL_LANE_WRITE);
    (void)SQL_STEP(holder, &add, SQLV_INT(10001));
    (void)postgres_db_step(db, holder, "SELECT pg_sleep(1.5)");
    holder->done = count_done;
    holder->done_ctx = held;
    sql_submit(other, holder);
    while (postgres_db_i64(db,
                           "SELECT count(*) FROM pg_stat_activity "
                           "WHERE datname = current_database() AND wait_event = 'PgSleep'") == 0)
        continue;
    const struct sql_op *waiting[WAITING];
    for (int i = 0; i < WAITING; i++)
        waiting[i] = submit(db, db->sql, waiter, &add, 10001);
    for (int i = 0; i < OPS; i++)
        (void)submit(db, db->sql, free_ones, &insert, i == OPS - 1 ? 0 : i);
    waiter_wait(free_ones, OPS);
    assert_int_equal(waiter_count(held), 0);
    assert_int_equal(waiter_count(waiter), 0);
    waiter_wait(held, 1);
    waiter_wait(waiter, WAITING);
    for (int i = 0; i < WAITING; i++)
        assert_int_equal(waiting[i]->error.code, ERR_OK);
    assert_int_equal(postgres_db_i64(db, "SELECT n FROM a WHERE x = 10001"), 1 + WAITING);
    assert_int_equal(postgres_db_i64(db, "SELECT count(*) FROM a WHERE x BETWEEN 0 AND 10000"),
                     OPS - 1);
    sql_close(other);
    waiter_close(held);
    waiter_close(waiter);
    waiter_close(free_ones);
}

// What is to be alone shares no transaction also where no connection can be opened for it.
static void test_no_more_connections(void **state)
{
    struct postgres_db_fixture *db = *state;
    struct sql_op *ops[OPS];
    make_table(db);
    begin(db, db->sql);
    postgres_db_expect(db, postgres_db_op(db, SQL_LANE_SHORT, "SELECT 1"), ERR_OK);
    postgres_allow(postgres_db_server, db->url, false);
    struct waiter *waiter = waiter_open();
    for (int i = 0; i < OPS; i++)
        ops[i] = submit(db, db->sql, waiter, &insert, i % 50 == 7 ? 10001 : i);
    waiter_wait(waiter, OPS);
    waiter_close(waiter);
    for (int i = 0; i < OPS; i++)
        assert_int_equal(ops[i]->error.code, i % 50 == 7 ? ERR_CONFLICT : ERR_OK);
    assert_true(sql_is_available(db->sql));
    postgres_allow(postgres_db_server, db->url, true);
}

// A constraint that speaks up at the commit does not tell whose values it means.
static void test_failed_commit(void **state)
{
    struct postgres_db_fixture *db = *state;
    struct sql_op *ops[OPS];
    make_table(db);
    postgres_db_script(db, "ALTER TABLE a DROP CONSTRAINT a_pkey;"
                           "ALTER TABLE a ADD UNIQUE (x) DEFERRABLE INITIALLY DEFERRED");
    begin(db, db->sql);
    struct waiter *waiter = waiter_open();
    for (int i = 0; i < OPS; i++)
        ops[i] = submit(db, db->sql, waiter, &insert, i % 50 == 7 ? 10001 : i);
    waiter_wait(waiter, OPS);
    waiter_close(waiter);
    for (int i = 0; i < OPS; i++)
        assert_int_equal(ops[i]->error.code, i % 50 == 7 ? ERR_CONFLICT : ERR_OK);
}

// Two processes change the same rows, each in an order of its own, and so come to wait for each
// other: what is undone by that is done again.
static void test_crossing(void **state)
{
    static const struct sql_stmt add_slowly = {
        .name = "add_slowly",
        .text = "UPDATE a SET n = n + 1 WHERE x = $1 AND pg_sleep(0.001) IS NOT NULL",
    };
    struct postgres_db_fixture *db = *state;
    make_table(db);
    struct sql *other = open_another(db);
    struct waiter *waiter = waiter_open();
    const struct sql_op *ops[2 * OPS];
    for (int i = 0; i < OPS; i++) {
        ops[2 * i] = submit(db, db->sql, waiter, &add_slowly, 10001 + i % 10);
        ops[2 * i + 1] = submit(db, other, waiter, &add_slowly, 10010 - i % 10);
    }
    waiter_wait(waiter, 2 * OPS);
    waiter_close(waiter);
    sql_close(other);
    for (int i = 0; i < 2 * OPS; i++)
        assert_int_equal(ops[i]->error.code, ERR_OK);
    assert_int_equal(postgres_db_i64(db, "SELECT sum(n)::bigint FROM a WHERE x > 10000"), 2 * OPS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        POSTGRES_TEST(test_together),
        POSTGRES_TEST(test_row_locked_elsewhere),
        POSTGRES_TEST(test_no_more_connections),
        POSTGRES_TEST(test_failed_commit),
        POSTGRES_TEST(test_crossing),
    };
    return cmocka_run_group_tests(tests, postgres_db_start, postgres_db_stop);
}
