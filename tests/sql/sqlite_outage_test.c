// Tests of what happens when the file cannot be written: the errors, the log lines, the recovery.
#include "sql/temp_db.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdatomic.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "base/fs.h"

#define TABLE "CREATE TABLE w (id INTEGER PRIMARY KEY AUTOINCREMENT, text TEXT)"

// Faults of the disk, put between SQLite and the system.
static atomic_int write_errno;
static atomic_bool sync_fails;

typedef ssize_t pwrite_fn(int fd, const void *bytes, size_t len, off64_t at);
static pwrite_fn *real_pwrite;

static ssize_t faulty_pwrite(int fd, const void *bytes, size_t len, off64_t at)
{
    int number = atomic_load(&write_errno);
    if (number == 0)
        return real_pwrite(fd, bytes, len, at);
    errno = number;
    return -1;
}

// SQLite's library finds this one before the system's.
int fdatasync(int fd)
{
    if (!atomic_load(&sync_fails))
        return fsync(fd);
    errno = EIO;
    return -1;
}

static int setup(void **state)
{
    if (temp_db_setup(state) != 0)
        return -1;
    struct temp_db *db = *state;
    char path[96];
    snprintf(path, sizeof(path), "%s/log", db->folder);
    int fd = open(path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if (fd < 0)
        return -1;
    log_setup(LOG_INFO, LOG_TEXT, fd);
    return 0;
}

static int teardown(void **state)
{
    struct temp_db *db = *state;
    atomic_store(&write_errno, 0);
    atomic_store(&sync_fails, false);
    log_setup(LOG_OFF, LOG_TEXT, 2);
    sql_close_ptr(&db->sql);
    return temp_db_teardown(state);
}

static int count_lines(struct temp_db *db, const char *event)
{
    struct str text;
    const char *path = arena_printf(db->arena, "%s/log", db->folder).ptr;
    assert_int_equal(fs_read_all(path, db->arena, 1 << 20, &text, NULL), ERR_OK);
    int count = 0;
    for (const char *at = text.ptr; (at = strstr(at, event)) != NULL; at++)
        count++;
    return count;
}

static const struct sql_stmt insert_text = {.name = "insert",
                                            .text = "INSERT INTO w (text) VALUES ($1)"};

static struct sql_op *write_text(struct temp_db *db, size_t len)
{
    char *bytes = arena_raw(db->arena, len);
    memset(bytes, 'x', len);
    struct sql_op *op = sql_op_new(db->arena, "write", SQL_LANE_WRITE);
    (void)SQL_STEP(op, &insert_text, SQLV_TEXT(((struct str){bytes, len})));
    enum err code = sql_run(db->sql, op);
    assert_int_equal(code, op->error.code);
    return op;
}

static void assert_outage(struct temp_db *db, const struct sql_op *op, const char *cause)
{
    assert_int_equal(op->error.code, ERR_UNAVAILABLE);
    assert_string_equal(op->error.message, "the database cannot be written at the moment");
    assert_true(op->error.retry_after_s > 0);
    if (strstr(op->error.cause, cause) == NULL)
        print_error("%s\n", op->error.cause);
    assert_non_null(strstr(op->error.cause, cause));
    assert_false(sql_is_available(db->sql));
}

// Waits for the end of the outage, which is found without anybody writing.
static void await_recovery(struct temp_db *db)
{
    for (int i = 0; i < 1000 && !sql_is_available(db->sql); i++)
        usleep(10000);
    assert_true(sql_is_available(db->sql));
    assert_int_equal(count_lines(db, "database.unavailable"), 1);
    assert_int_equal(count_lines(db, "database.recovered"), 1);
    assert_int_equal(write_text(db, 10)->error.code, ERR_OK);
}

static void test_page_limit(void **state)
{
    struct temp_db *db = *state;
    temp_db_open(db);
    temp_db_script(db, TABLE);
    assert_int_equal(write_text(db, 10)->error.code, ERR_OK);
    assert_int_equal(temp_db_run(db, SQL_LANE_WRITE, "PRAGMA max_page_count=10"), ERR_OK);
    for (int i = 0; i < 5; i++)
        assert_outage(db, write_text(db, 50000), "full");
    assert_int_equal(temp_db_i64(db, "SELECT count(*) FROM w"), 1);
    assert_int_equal(write_text(db, 10)->error.code, ERR_OK);
    assert_false(sql_is_available(db->sql));
    await_recovery(db);
    assert_int_equal(write_text(db, 50000)->error.code, ERR_OK);
    assert_int_equal(temp_db_i64(db, "SELECT count(*) FROM w"), 4);
}

static void fail_writes(struct temp_db *db, int number, const char *cause)
{
    temp_db_open(db);
    temp_db_script(db, TABLE);
    assert_int_equal(write_text(db, 10)->error.code, ERR_OK);
    atomic_store(&write_errno, number);
    for (int i = 0; i < 20; i++)
        assert_outage(db, write_text(db, 10), cause);
    assert_int_equal(temp_db_i64(db, "SELECT count(*) FROM w"), 1);
    assert_int_equal(count_lines(db, "database.unavailable"), 1);
    assert_int_equal(count_lines(db, "database.recovered"), 0);
    atomic_store(&write_errno, 0);
    await_recovery(db);
    assert_int_equal(temp_db_i64(db, "SELECT count(*) FROM w"), 2);
    temp_db_close(db);
    temp_db_open(db);
    assert_int_equal(temp_db_i64(db, "SELECT count(*) FROM w"), 2);
}

static void test_disk_full(void **state)
{
    fail_writes(*state, ENOSPC, "full");
}

static void test_disk_broken(void **state)
{
    fail_writes(*state, EIO, "Input/output error");
}

static void test_disk_read_only(void **state)
{
    fail_writes(*state, EROFS, "Read-only file system");
}

static void count_done(struct sql_op *op)
{
    (void)atomic_fetch_add((atomic_int *)op->done_ctx, 1);
}

// The commit of a group fails: none of them may seem stored.
static void test_group_on_full_disk(void **state)
{
    struct temp_db *db = *state;
    temp_db_open(db);
    temp_db_script(db, TABLE);
    atomic_int count = 0;
    struct sql_op *ops[100];
    atomic_store(&write_errno, ENOSPC);
    for (int i = 0; i < 100; i++) {
        ops[i] = sql_op_new(db->arena, "write", SQL_LANE_WRITE);
        (void)SQL_STEP(ops[i], &insert_text, SQLV_TEXT(STR("a")));
        (void)SQL_STEP(ops[i], &insert_text, SQLV_TEXT(STR("b")));
        ops[i]->done = count_done;
        ops[i]->done_ctx = &count;
        sql_submit(db->sql, ops[i]);
    }
    while (atomic_load(&count) < 100)
        usleep(100);
    for (int i = 0; i < 100; i++)
        assert_int_equal(ops[i]->error.code, ERR_UNAVAILABLE);
    atomic_store(&write_errno, 0);
    assert_int_equal(temp_db_i64(db, "SELECT count(*) FROM w"), 0);
    await_recovery(db);
    assert_int_equal(temp_db_i64(db, "SELECT count(*) FROM w"), 1);
}

// What was written but not forced to the disk may come back after a crash.
static void test_sync_fails(void **state)
{
    struct temp_db *db = *state;
    temp_db_open(db);
    temp_db_script(db, TABLE);
    assert_int_equal(write_text(db, 10)->error.code, ERR_OK);
    atomic_store(&sync_fails, true);
    struct sql_op *op = write_text(db, 10);
    assert_int_equal(op->error.code, ERR_UNKNOWN_OUTCOME);
    assert_false(sql_is_available(db->sql));
    atomic_store(&sync_fails, false);
    await_recovery(db);
    assert_int_equal(temp_db_i64(db, "SELECT count(*) FROM w"), 2);
}

static void test_file_turns_read_only(void **state)
{
    struct temp_db *db = *state;
    temp_db_open(db);
    temp_db_script(db, TABLE);
    assert_int_equal(temp_db_run(db, SQL_LANE_WRITE, "PRAGMA query_only=1"), ERR_OK);
    assert_outage(db, write_text(db, 10), "readonly");
    assert_int_equal(temp_db_i64(db, "SELECT count(*) FROM w"), 0);
    await_recovery(db);
}

static void test_file_size_limit(void **state)
{
    struct temp_db *db = *state;
    temp_db_open(db);
    temp_db_script(db, TABLE);
    struct rlimit before;
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    void (*handler)(int) = signal(SIGXFSZ, SIG_IGN);
    struct rlimit limit = {.rlim_cur = 100000, .rlim_max = before.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
    int stored = 0;
    struct sql_op *op;
    while ((op = write_text(db, 10000))->error.code == ERR_OK)
        stored++;
    assert_outage(db, op, "File too large");
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
    (void)signal(SIGXFSZ, handler);
    assert_int_equal(temp_db_i64(db, "SELECT count(*) FROM w"), stored);
    await_recovery(db);
}

// A real full disk, where mounting is allowed.
static void test_small_disk(void **state)
{
    struct temp_db *db = *state;
    char disk[80];
    snprintf(disk, sizeof(disk), "%s/disk", db->folder);
    assert_int_equal(mkdir(disk, 0700), 0);
    if (mount("tmpfs", disk, "tmpfs", 0, "size=1m") != 0) {
        assert_int_equal(rmdir(disk), 0);
        skip();
    }
    snprintf(db->url, sizeof(db->url), "sqlite:%s/test.db", disk);
    temp_db_open(db);
    temp_db_script(db, TABLE);
    int64_t stored = 0;
    struct sql_op *op;
    while ((op = write_text(db, 20000))->error.code == ERR_OK)
        stored++;
    assert_outage(db, op, "full");
    assert_true(stored > 3);
    assert_int_equal(temp_db_i64(db, "SELECT count(*) FROM w"), stored);
    assert_int_equal(mount("tmpfs", disk, "tmpfs", MS_REMOUNT, "size=16m"), 0);
    await_recovery(db);
    assert_int_equal(temp_db_i64(db, "SELECT count(*) FROM w"), stored + 1);
    temp_db_close(db);
    assert_int_equal(umount(disk), 0);
    assert_int_equal(rmdir(disk), 0);
}

// A process that may not write the file starts, reads and refuses to write, until it may.
static void test_no_right_to_write(void **state)
{
    struct temp_db *db = *state;
    temp_db_open(db);
    temp_db_script(db, TABLE);
    assert_int_equal(write_text(db, 10)->error.code, ERR_OK);
    assert_int_equal(chmod(db->path, 0400), 0);
    assert_int_equal(write_text(db, 10)->error.code, ERR_OK);
    temp_db_close(db);
    temp_db_open(db);
    assert_int_equal(temp_db_i64(db, "SELECT count(*) FROM w"), 2);
    struct sql_op *op = write_text(db, 10);
    if (geteuid() == 0) {
        assert_int_equal(op->error.code, ERR_OK);
        return;
    }
    assert_outage(db, op, "readonly");
    assert_int_equal(chmod(db->path, 0600), 0);
    await_recovery(db);
}

static void test_file_vanished_before_first_read(void **state)
{
    struct temp_db *db = *state;
    temp_db_open(db);
    temp_db_script(db, TABLE);
    assert_int_equal(unlink(db->path), 0);
    struct sql_op *op = sql_op_new(db->arena, "read", SQL_LANE_SHORT);
    (void)sql_op_step(op, temp_db_stmt(db, "SELECT * FROM w"), 0, NULL);
    assert_int_equal(sql_run(db->sql, op), ERR_UNAVAILABLE);
    assert_string_equal(op->error.message, "the database cannot be read at the moment");
    assert_int_equal(access(db->path, F_OK), -1);
}

// Another program holds the file for longer than we wait.
static void test_busy(void **state)
{
    struct temp_db *db = *state;
    temp_db_open(db);
    temp_db_script(db, TABLE);
    assert_int_equal(temp_db_run(db, SQL_LANE_WRITE, "PRAGMA busy_timeout=20"), ERR_OK);
    sqlite3 *other;
    assert_int_equal(sqlite3_open(db->path, &other), SQLITE_OK);
    assert_int_equal(sqlite3_exec(other, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
    assert_outage(db, write_text(db, 10), "locked");
    assert_int_equal(temp_db_i64(db, "SELECT count(*) FROM w"), 0);
    assert_int_equal(sqlite3_exec(other, "COMMIT", NULL, NULL, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_close(other), SQLITE_OK);
    await_recovery(db);
}

static void test_damaged(void **state)
{
    struct temp_db *db = *state;
    temp_db_open(db);
    temp_db_script(db, TABLE);
    for (int i = 0; i < 10; i++)
        assert_int_equal(write_text(db, 3000)->error.code, ERR_OK);
    temp_db_close(db);
    CLEANUP(fd_close) int fd = open(db->path, O_RDWR | O_CLOEXEC);
    char garbage[3 * 4096];
    memset(garbage, 0xA5, sizeof(garbage));
    assert_int_equal(pwrite(fd, garbage, sizeof(garbage), 5 * 4096), sizeof(garbage));
    temp_db_open(db);
    struct sql_op *op = sql_op_new(db->arena, "read", SQL_LANE_SHORT);
    (void)sql_op_step(op, temp_db_stmt(db, "SELECT sum(length(text)) FROM w"), 0, NULL);
    assert_int_equal(sql_run(db->sql, op), ERR_CORRUPT);
    assert_string_equal(op->error.message, "the database is damaged");
}

static int install_faults(void **state)
{
    (void)state;
    if (sqlite3_initialize() != SQLITE_OK)
        return -1;
    sqlite3_vfs *vfs = sqlite3_vfs_find(NULL);
    static const char name[] = "pwrite64";
    sqlite3_syscall_ptr real = vfs->xGetSystemCall(vfs, name);
    if (real == NULL)
        return -1;
    real_pwrite = (pwrite_fn *)real;
    return vfs->xSetSystemCall(vfs, name, (sqlite3_syscall_ptr)faulty_pwrite);
}

#define TEST(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_page_limit),
        TEST(test_disk_full),
        TEST(test_disk_broken),
        TEST(test_disk_read_only),
        TEST(test_group_on_full_disk),
        TEST(test_sync_fails),
        TEST(test_file_turns_read_only),
        TEST(test_file_size_limit),
        TEST(test_small_disk),
        TEST(test_no_right_to_write),
        TEST(test_file_vanished_before_first_read),
        TEST(test_busy),
        TEST(test_damaged),
    };
    return cmocka_run_group_tests(tests, install_faults, NULL);
}
