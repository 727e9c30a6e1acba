// Tests of the writer's thread: groups, savepoints, the queue's bound, many threads, closing.
#include "sql/temp_db.h"

#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>

static const struct sql_stmt insert_pair = {.name = "insert",
                                            .text = "INSERT INTO w (a, b) VALUES ($1, $2)"};
static const struct sql_stmt insert_note = {
    .name = "note", .text = "INSERT INTO note (w_id, what) VALUES ({last:w}, $1)"};
static const struct sql_stmt one_row = {.name = "one_row", .text = "SELECT 1"};

#define TABLES                                                                                     \
    "CREATE TABLE w (id INTEGER PRIMARY KEY AUTOINCREMENT, a INTEGER UNIQUE, b INTEGER);"          \
    "CREATE TABLE note (id INTEGER PRIMARY KEY AUTOINCREMENT, w_id INTEGER NOT NULL, what TEXT "   \
    "CHECK (what <> 'bad'))"

// Holds the writer in the middle of an operation until it is let go.
struct gate {
    sem_t reached;
    sem_t go;
    sem_t done;
};

static void gate_wait(void *ctx, const struct sql_row *row)
{
    struct gate *gate = ctx;
    (void)row;
    sem_post(&gate->reached);
    sem_wait(&gate->go);
}

static void gate_done(struct sql_op *op)
{
    struct gate *gate = op->done_ctx;
    sem_post(&gate->done);
}

static void gate_close(struct temp_db *db, struct gate *gate)
{
    sem_init(&gate->reached, 0, 0);
    sem_init(&gate->go, 0, 0);
    sem_init(&gate->done, 0, 0);
    struct sql_op *op = sql_op_new(db->arena, "gate", SQL_LANE_WRITE);
    struct sql_step *step = sql_op_step(op, &one_row, 0, NULL);
    step->on_row = gate_wait;
    step->ctx = gate;
    op->done = gate_done;
    op->done_ctx = gate;
    sql_submit(db->sql, op);
    sem_wait(&gate->reached);
}

static void gate_open(struct gate *gate)
{
    sem_post(&gate->go);
    sem_wait(&gate->done);
    sem_destroy(&gate->reached);
    sem_destroy(&gate->go);
    sem_destroy(&gate->done);
}

static void count_done(struct sql_op *op)
{
    (void)atomic_fetch_add((atomic_int *)op->done_ctx, 1);
}

static void wait_for(atomic_int *count, int want)
{
    while (atomic_load(count) < want)
        usleep(100);
    assert_int_equal(atomic_load(count), want);
}

// A write of a pair and two notes; what "bad" fails at the last statement.
static struct sql_op *make_op(struct arena *arena, int64_t a, const char *what, atomic_int *count)
{
    struct sql_op *op = sql_op_new(arena, "pair", SQL_LANE_WRITE);
    (void)SQL_STEP(op, &insert_pair, SQLV_INT(a), SQLV_INT(1));
    (void)SQL_STEP(op, &insert_note, SQLV_TEXT(STR("first")));
    (void)SQL_STEP(op, &insert_note, SQLV_TEXT(str_of(what)));
    op->done = count_done;
    op->done_ctx = count;
    return op;
}

static void test_failure_among_good(void **state)
{
    struct temp_db *db = *state;
    temp_db_script(db, TABLES);
    struct gate gate;
    atomic_int count = 0;
    struct sql_op *ops[12];
    gate_close(db, &gate);
    for (int i = 0; i < 12; i++) {
        // 3 fails at its last statement, 6 at its first, 9 finds no row.
        ops[i] = make_op(db->arena, i == 6 ? 5 : i, i == 3 ? "bad" : "good", &count);
        if (i == 9) {
            struct sql_step *step =
                sql_op_step(ops[i], temp_db_stmt(db, "UPDATE w SET b = 2 WHERE id = -1"), 0, NULL);
            step->when_none = ERR_STALE;
            step->none_message = "changed meanwhile";
        }
        sql_submit(db->sql, ops[i]);
    }
    assert_int_equal(sql_queue_length(db->sql), 12);
    gate_open(&gate);
    wait_for(&count, 12);
    for (int i = 0; i < 12; i++) {
        enum err want = i == 3 ? ERR_INVALID : i == 6 ? ERR_CONFLICT : i == 9 ? ERR_STALE : ERR_OK;
        assert_int_equal(ops[i]->error.code, want);
    }
    assert_string_equal(ops[3]->error.places[0].pointer, "/what");
    assert_int_equal(sql_queue_length(db->sql), 0);
    assert_int_equal(temp_db_i64(db, "SELECT count(*) FROM w"), 9);
    assert_int_equal(temp_db_i64(db, "SELECT count(*) FROM note"), 18);
    assert_int_equal(
        temp_db_i64(db, "SELECT count(*) FROM note LEFT JOIN w ON w.id = w_id WHERE w.id IS NULL"),
        0);
}

static void test_single_failures_in_group(void **state)
{
    struct temp_db *db = *state;
    temp_db_script(db, TABLES);
    struct gate gate;
    atomic_int count = 0;
    struct sql_op *ops[4];
    gate_close(db, &gate);
    for (int i = 0; i < 4; i++) {
        ops[i] = sql_op_new(db->arena, "single", SQL_LANE_WRITE);
        (void)SQL_STEP(ops[i], &insert_pair, SQLV_INT(i / 2), SQLV_INT(i));
        ops[i]->done = count_done;
        ops[i]->done_ctx = &count;
        sql_submit(db->sql, ops[i]);
    }
    gate_open(&gate);
    wait_for(&count, 4);
    for (int i = 0; i < 4; i++)
        assert_int_equal(ops[i]->error.code, i % 2 == 0 ? ERR_OK : ERR_CONFLICT);
    assert_int_equal(temp_db_i64(db, "SELECT sum(b) FROM w"), 2);
}

// A trigger that rolls back takes the group's whole transaction with it; those behind it begin
// anew.
static void test_lost_transaction(void **state)
{
    struct temp_db *db = *state;
    temp_db_script(db, TABLES ";CREATE TRIGGER t BEFORE INSERT ON w WHEN NEW.b = 13 BEGIN SELECT "
                              "RAISE(ROLLBACK, 'unlucky'); END");
    struct gate gate;
    atomic_int count = 0;
    struct sql_op *ops[6];
    gate_close(db, &gate);
    for (int i = 0; i < 6; i++) {
        ops[i] = make_op(db->arena, i, "good", &count);
        if (i == 3)
            (void)SQL_STEP(ops[i], &insert_pair, SQLV_INT(100), SQLV_INT(13));
        sql_submit(db->sql, ops[i]);
    }
    gate_open(&gate);
    wait_for(&count, 6);
    for (int i = 0; i < 6; i++) {
        enum err want = i < 3 ? ERR_UNAVAILABLE : i == 3 ? ERR_INVALID : ERR_OK;
        assert_int_equal(ops[i]->error.code, want);
    }
    assert_int_equal(temp_db_i64(db, "SELECT count(*) FROM w"), 2);
    assert_int_equal(temp_db_i64(db, "SELECT min(a) FROM w"), 4);
}

static void test_queue_full(void **state)
{
    struct temp_db *db = *state;
    temp_db_script(db, TABLES);
    struct gate gate;
    atomic_int count = 0;
    enum { BOUND = 4096, MORE = 5 };
    gate_close(db, &gate);
    struct sql_op **ops = arena_new(db->arena, struct sql_op *, BOUND + MORE);
    for (int i = 0; i < BOUND + MORE; i++) {
        ops[i] = make_op(db->arena, i, "good", &count);
        sql_submit(db->sql, ops[i]);
    }
    assert_int_equal(atomic_load(&count), MORE);
    for (int i = BOUND; i < BOUND + MORE; i++) {
        assert_int_equal(ops[i]->error.code, ERR_UNAVAILABLE);
        assert_int_equal(ops[i]->error.retry_after_s, 1);
    }
    assert_int_equal(sql_queue_length(db->sql), BOUND);
    gate_open(&gate);
    wait_for(&count, BOUND + MORE);
    assert_int_equal(temp_db_i64(db, "SELECT count(*) FROM w"), BOUND);
    assert_true(sql_is_available(db->sql));
}

struct client {
    struct temp_db *db;
    int64_t first;
    int failures;
};

#define CLIENTS     8
#define WRITES_EACH 300

static void *write_many(void *ctx)
{
    struct client *client = ctx;
    CLEANUP(arena_close_ptr) struct arena *arena = arena_open(0);
    atomic_int count = 0;
    for (int i = 0; i < WRITES_EACH; i++) {
        arena_reset(arena);
        bool bad = i % 10 == 9;
        struct sql_op *op = make_op(arena, client->first + i, bad ? "bad" : "good", &count);
        enum err code = sql_run(client->db->sql, op);
        client->failures += code != ERR_OK;
        assert_int_equal(code, bad ? ERR_INVALID : ERR_OK);
        // What was acknowledged is seen by every reader at once.
        static const struct sql_stmt find = {.name = "find",
                                             .text = "SELECT 1 FROM w WHERE a = $1"};
        op = sql_op_new(arena, "find", SQL_LANE_SHORT);
        struct sql_step *step = SQL_STEP(op, &find, SQLV_INT(client->first + i));
        assert_int_equal(sql_run(client->db->sql, op), ERR_OK);
        assert_int_equal(step->rows, bad ? 0 : 1);
    }
    return NULL;
}

static void test_many_threads(void **state)
{
    struct temp_db *db = *state;
    temp_db_script(db, TABLES);
    struct client clients[CLIENTS];
    pthread_t threads[CLIENTS];
    for (int i = 0; i < CLIENTS; i++) {
        clients[i] = (struct client){.db = db, .first = i * 1000};
        assert_int_equal(pthread_create(&threads[i], NULL, write_many, &clients[i]), 0);
    }
    int failures = 0;
    for (int i = 0; i < CLIENTS; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
        failures += clients[i].failures;
    }
    assert_int_equal(failures, CLIENTS * WRITES_EACH / 10);
    assert_int_equal(temp_db_i64(db, "SELECT count(*) FROM w"), CLIENTS * WRITES_EACH * 9 / 10);
    assert_int_equal(temp_db_i64(db, "SELECT count(*) FROM note"), CLIENTS * WRITES_EACH * 9 / 5);
}

static void test_close_writes_what_is_queued(void **state)
{
    struct temp_db *db = *state;
    temp_db_script(db, TABLES);
    atomic_int count = 0;
    struct sql_op *ops[1000];
    for (int i = 0; i < 1000; i++) {
        ops[i] = make_op(db->arena, i, "good", &count);
        sql_submit(db->sql, ops[i]);
    }
    temp_db_close(db);
    assert_int_equal(atomic_load(&count), 1000);
    for (int i = 0; i < 1000; i++)
        assert_int_equal(ops[i]->error.code, ERR_OK);
    temp_db_open(db);
    assert_int_equal(temp_db_i64(db, "SELECT count(*) FROM w"), 1000);
}

// An operation that its own completion submits again, a few times.
struct chain {
    struct temp_db *db;
    struct sql_op *op;
    atomic_int rounds;
};

static void next_round(struct sql_op *op)
{
    struct chain *chain = op->done_ctx;
    if (atomic_fetch_add(&chain->rounds, 1) < 9)
        sql_submit(op->db, op);
}

static void test_submit_in_done(void **state)
{
    struct temp_db *db = *state;
    temp_db_script(db, TABLES);
    struct chain chain = {.db = db, .op = sql_op_new(db->arena, "chain", SQL_LANE_WRITE)};
    (void)sql_op_step(chain.op, temp_db_stmt(db, "INSERT INTO w (b) VALUES (1)"), 0, NULL);
    chain.op->done = next_round;
    chain.op->done_ctx = &chain;
    sql_submit(db->sql, chain.op);
    wait_for(&chain.rounds, 10);
    assert_int_equal(temp_db_i64(db, "SELECT count(*) FROM w"), 10);
}

#define TEST(test) cmocka_unit_test_setup_teardown(test, temp_db_setup_open, temp_db_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_failure_among_good), TEST(test_single_failures_in_group),
        TEST(test_lost_transaction),   TEST(test_queue_full),
        TEST(test_many_threads),       TEST(test_close_writes_what_is_queued),
        TEST(test_submit_in_done),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
