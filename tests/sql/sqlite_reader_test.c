// Tests of reads: many threads, snapshots, the pool's bound, a log that must not grow without end.
#include "sql/temp_db.h"

#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <sys/stat.h>

#define READERS 8

static const struct sql_stmt read_total = {.name = "total", .text = "SELECT sum(x) FROM r"};
static const struct sql_stmt move = {
    .name = "move", .text = "UPDATE r SET x = x + CASE id WHEN 1 THEN $1 ELSE -$1 END"};
static const struct sql_stmt insert_big = {.name = "big",
                                           .text = "INSERT INTO big (x) VALUES (zeroblob(20000))"};

struct shared {
    struct temp_db *db;
    atomic_bool stop;
    atomic_int rounds;
};

// Two statements of one operation see the same state, and each state is one between transactions.
static void *read_often(void *ctx)
{
    struct shared *shared = ctx;
    CLEANUP(arena_close_ptr) struct arena *arena = arena_open(0);
    static const struct sql_stmt read_first = {.name = "first",
                                               .text = "SELECT x FROM r WHERE id = 1"};
    while (!atomic_load(&shared->stop)) {
        arena_reset(arena);
        int64_t values[3] = {-1, -1, -1};
        struct sql_op *op = sql_op_new(arena, "read", SQL_LANE_SHORT);
        struct sql_step *steps[] = {
            sql_op_step(op, &read_first, 0, NULL),
            sql_op_step(op, &read_total, 0, NULL),
            sql_op_step(op, &read_first, 0, NULL),
        };
        for (int i = 0; i < 3; i++) {
            steps[i]->on_row = temp_db_keep_i64;
            steps[i]->ctx = &values[i];
        }
        assert_int_equal(sql_run(shared->db->sql, op), ERR_OK);
        assert_int_equal(values[0], values[2]);
        assert_int_equal(values[1], 100);
        (void)atomic_fetch_add(&shared->rounds, 1);
    }
    return NULL;
}

static void test_snapshots(void **state)
{
    struct temp_db *db = *state;
    temp_db_script(db, "CREATE TABLE r (id INTEGER PRIMARY KEY, x INTEGER);"
                       "INSERT INTO r (x) VALUES (50), (50)");
    struct shared shared = {.db = db};
    pthread_t threads[READERS];
    for (int i = 0; i < READERS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, read_often, &shared), 0);
    CLEANUP(arena_close_ptr) struct arena *arena = arena_open(0);
    for (int64_t i = 0; i < 300 || atomic_load(&shared.rounds) < 300; i++) {
        arena_reset(arena);
        struct sql_op *op = sql_op_new(arena, "move", SQL_LANE_WRITE);
        (void)SQL_STEP(op, &move, SQLV_INT(i % 7));
        assert_int_equal(sql_run(db->sql, op), ERR_OK);
    }
    atomic_store(&shared.stop, true);
    for (int i = 0; i < READERS; i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
}

static void *read_once(void *ctx)
{
    assert_int_equal(temp_db_i64(ctx, "SELECT count(*) FROM sqlite_schema"), 0);
    return NULL;
}

// Threads that end give their connection back; the database is closed while others live on.
static void test_threads_come_and_go(void **state)
{
    struct temp_db *db = *state;
    for (int i = 0; i < 50; i++) {
        pthread_t thread;
        assert_int_equal(pthread_create(&thread, NULL, read_once, db), 0);
        assert_int_equal(pthread_join(thread, NULL), 0);
    }
    for (int i = 0; i < 3; i++) {
        assert_int_equal(temp_db_i64(db, "SELECT 1"), 1);
        temp_db_close(db);
        temp_db_open(db);
    }
}

struct gate {
    sem_t reached;
    sem_t go;
};

static void gate_wait(void *ctx, const struct sql_row *row)
{
    struct gate *gate = ctx;
    (void)row;
    sem_post(&gate->reached);
    sem_wait(&gate->go);
}

static void count_done(struct sql_op *op)
{
    (void)atomic_fetch_add((atomic_int *)op->done_ctx, 1);
}

static struct sql_op *submit_long(struct temp_db *db, struct gate *gate, atomic_int *count)
{
    struct sql_op *op = sql_op_new(db->arena, "long", SQL_LANE_LONG);
    struct sql_step *step = sql_op_step(op, temp_db_stmt(db, "SELECT 1"), 0, NULL);
    step->on_row = gate == NULL ? NULL : gate_wait;
    step->ctx = gate;
    op->done = count_done;
    op->done_ctx = count;
    sql_submit(db->sql, op);
    return op;
}

static void test_pool_full(void **state)
{
    struct temp_db *db = *state;
    enum { THREADS = 2, BOUND = 256 };
    struct gate gate;
    atomic_int count = 0;
    sem_init(&gate.reached, 0, 0);
    sem_init(&gate.go, 0, 0);
    for (int i = 0; i < THREADS; i++)
        (void)submit_long(db, &gate, &count);
    for (int i = 0; i < THREADS; i++)
        sem_wait(&gate.reached);
    struct sql_op *last = NULL;
    for (int i = 0; i < BOUND; i++)
        last = submit_long(db, NULL, &count);
    assert_int_equal(atomic_load(&count), 0);
    struct sql_op *refused = submit_long(db, NULL, &count);
    assert_int_equal(atomic_load(&count), 1);
    assert_int_equal(refused->error.code, ERR_UNAVAILABLE);
    assert_int_equal(refused->error.retry_after_s, 1);
    // Short reads and writes do not wait for long ones.
    assert_int_equal(temp_db_i64(db, "SELECT 7"), 7);
    assert_int_equal(temp_db_run(db, SQL_LANE_WRITE, "CREATE TABLE x (y)"), ERR_OK);
    for (int i = 0; i < THREADS; i++)
        sem_post(&gate.go);
    temp_db_close(db);
    assert_int_equal(atomic_load(&count), THREADS + BOUND + 1);
    assert_int_equal(last->error.code, ERR_OK);
    sem_destroy(&gate.reached);
    sem_destroy(&gate.go);
}

// Reads that follow one another without a gap, so that there is always one somewhere in the log.
static void *read_big(void *ctx)
{
    struct shared *shared = ctx;
    while (!atomic_load(&shared->stop)) {
        CLEANUP(arena_close_ptr) struct arena *arena = arena_open(0);
        static const struct sql_stmt count = {
            .name = "count", .text = "SELECT count(length(x)) FROM (SELECT x FROM big LIMIT 20)"};
        struct sql_op *op = sql_op_new(arena, "read", SQL_LANE_SHORT);
        (void)sql_op_step(op, &count, 0, NULL);
        assert_int_equal(sql_run(shared->db->sql, op), ERR_OK);
    }
    return NULL;
}

static void test_log_stays_short(void **state)
{
    struct temp_db *db = *state;
    temp_db_script(db, "CREATE TABLE big (x)");
    struct shared shared = {.db = db};
    pthread_t threads[3];
    for (int i = 0; i < 3; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, read_big, &shared), 0);
    const char *log_path = arena_printf(db->arena, "%s-wal", db->path).ptr;
    int64_t largest = 0;
    CLEANUP(arena_close_ptr) struct arena *arena = arena_open(0);
    for (int i = 0; i < 500; i++) {
        arena_reset(arena);
        struct sql_op *op = sql_op_new(arena, "big", SQL_LANE_WRITE);
        for (int k = 0; k < SQL_STEPS_MAX; k++)
            (void)sql_op_step(op, &insert_big, 0, NULL);
        assert_int_equal(sql_run(db->sql, op), ERR_OK);
        struct stat st;
        assert_int_equal(stat(log_path, &st), 0);
        largest = st.st_size > largest ? st.st_size : largest;
    }
    atomic_store(&shared.stop, true);
    for (int i = 0; i < 3; i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    // 500 operations of 320 KB are 160 MB.
    assert_true(largest < 120 * 1000 * 1000);
}

#define TEST(test) cmocka_unit_test_setup_teardown(test, temp_db_setup_open, temp_db_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_snapshots),
        TEST(test_threads_come_and_go),
        TEST(test_pool_full),
        TEST(test_log_stays_short),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
