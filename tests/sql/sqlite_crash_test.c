// Test that a write whose completion was called survives kill -9, whole, and that no half of one is
// there.
#include "sql/temp_db.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>

#include "base/fs.h"
#include "base/random.h"

#define ROUNDS    12
#define IN_FLIGHT 32
#define ACKS_MAX  200000

static const struct sql_stmt insert_head = {.name = "head",
                                            .text = "INSERT INTO head (mark) VALUES ($1)"};
static const struct sql_stmt insert_tail = {
    .name = "tail", .text = "INSERT INTO tail (head_id, mark, pad) VALUES ({last:head}, $1, $2)"};

// One of the child's writers: submits the next write when one is done.
struct lane {
    struct sql *sql;
    struct arena *arena;
    int64_t mark;
    int fd;
};

static void submit_next(struct lane *lane);

// The write to the pipe is the acknowledgement; it is shorter than what a pipe takes whole.
static void acknowledge(struct sql_op *op)
{
    struct lane *lane = op->done_ctx;
    if (op->error.code != ERR_OK || write(lane->fd, &lane->mark, sizeof(lane->mark)) < 0)
        _exit(1);
    lane->mark += IN_FLIGHT;
    submit_next(lane);
}

static void submit_next(struct lane *lane)
{
    arena_reset(lane->arena);
    struct sql_op *op = sql_op_new(lane->arena, "crash", SQL_LANE_WRITE);
    (void)SQL_STEP(op, &insert_head, SQLV_INT(lane->mark));
    for (int i = 0; i < 3; i++)
        (void)SQL_STEP(op, &insert_tail, SQLV_INT(lane->mark), SQLV_TEXT(STR("some padding text")));
    op->done = acknowledge;
    op->done_ctx = lane;
    sql_submit(lane->sql, op);
}

static void run_child(struct temp_db *db, int64_t first, int fd)
{
    struct sql *sql = NULL;
    if (sql_open(db->url, true, &sql, NULL) != ERR_OK)
        _exit(2);
    static struct lane lanes[IN_FLIGHT];
    for (int i = 0; i < IN_FLIGHT; i++) {
        lanes[i] = (struct lane){.sql = sql, .mark = first + i, .fd = fd};
        lanes[i].arena = arena_open(0);
    }
    for (int i = 0; i < IN_FLIGHT; i++)
        submit_next(&lanes[i]);
    for (;;)
        pause();
}

// Reads the acknowledgements until the child is dead; it is killed after the first `kill_after` of
// them.
static size_t read_acks(int fd, pid_t child, size_t kill_after, int64_t *marks)
{
    size_t bytes = 0;
    bool killed = false;
    for (;;) {
        ssize_t got = read(fd, (char *)marks + bytes, ACKS_MAX * sizeof(*marks) - bytes);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            break;
        bytes += (size_t)got;
        if (!killed && bytes / sizeof(*marks) >= kill_after) {
            assert_int_equal(kill(child, SIGKILL), 0);
            killed = true;
        }
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status));
    return bytes / sizeof(*marks);
}

static bool has_mark(struct temp_db *db, struct arena *arena, int64_t mark)
{
    static const struct sql_stmt find = {.name = "find",
                                         .text = "SELECT 1 FROM head WHERE mark = $1"};
    arena_reset(arena);
    struct sql_op *op = sql_op_new(arena, "find", SQL_LANE_SHORT);
    struct sql_step *step = SQL_STEP(op, &find, SQLV_INT(mark));
    assert_int_equal(sql_run(db->sql, op), ERR_OK);
    return step->rows == 1;
}

static void check_round(struct temp_db *db, const int64_t *marks, size_t count)
{
    CLEANUP(arena_close_ptr) struct arena *arena = arena_open(0);
    temp_db_open(db);
    for (size_t i = 0; i < count; i++)
        assert_true(has_mark(db, arena, marks[i]));
    assert_int_equal(temp_db_i64(db, "SELECT count(*) FROM head WHERE 3 <> (SELECT count(*) FROM "
                                     "tail WHERE head_id = head.id AND mark = head.mark)"),
                     0);
    assert_int_equal(temp_db_i64(db, "SELECT 3 * (SELECT count(*) FROM head) - (SELECT count(*) "
                                     "FROM tail)"),
                     0);
    assert_int_equal(temp_db_i64(db, "SELECT integrity_check = 'ok' FROM pragma_integrity_check"),
                     1);
    temp_db_close(db);
}

static void test_kill(void **state)
{
    struct temp_db *db = *state;
    struct random random;
    random_seed(&random, 20);
    temp_db_open(db);
    temp_db_script(db, "CREATE TABLE head (id INTEGER PRIMARY KEY AUTOINCREMENT, mark INTEGER);"
                       "CREATE INDEX head_mark ON head (mark);"
                       "CREATE TABLE tail (id INTEGER PRIMARY KEY AUTOINCREMENT, head_id INTEGER "
                       "NOT NULL REFERENCES head (id), mark INTEGER, pad TEXT);"
                       "CREATE INDEX tail_head ON tail (head_id)");
    temp_db_close(db);
    int64_t *marks = malloc(ACKS_MAX * sizeof(*marks));
    assert_non_null(marks);
    for (int round = 0; round < ROUNDS; round++) {
        int fds[2];
        assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
        pid_t child = fork();
        assert_true(child >= 0);
        if (child == 0)
            run_child(db, (round + 1) * INT64_C(1000000), fds[1]);
        fd_close(&fds[1]);
        size_t kill_after = (size_t)random_between(&random, 1, 1500);
        size_t count = read_acks(fds[0], child, kill_after, marks);
        fd_close(&fds[0]);
        assert_true(count >= kill_after);
        check_round(db, marks, count);
    }
    free(marks);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_kill, temp_db_setup, temp_db_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
