// Tests of the lock file beside a SQLite database.
#include "sql/temp_db.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "base/fs.h"

static const char *lock_path(struct temp_db *db)
{
    return arena_printf(db->arena, "%s.lock", db->path).ptr;
}

static void test_second_is_refused(void **state)
{
    struct temp_db *db = *state;
    temp_db_open(db);
    struct error err;
    error_reset(&err);
    struct sql *second = NULL;
    assert_int_equal(sql_open(db->url, true, &second, &err), ERR_CONFLICT);
    assert_null(second);
    struct str want =
        arena_printf(db->arena, "process %d uses the database %s", getpid(), db->path);
    assert_string_equal(err.message, want.ptr);
    // Who opens it for a moment needs no lock.
    assert_int_equal(sql_open(db->url, false, &second, &err), ERR_OK);
    sql_close(second);
    assert_int_equal(sql_open(db->url, true, &second, &err), ERR_CONFLICT);
    temp_db_close(db);
    temp_db_open(db);
}

static void test_other_process(void **state)
{
    struct temp_db *db = *state;
    int fds[2];
    assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        struct sql *sql = NULL;
        char code = (char)sql_open(db->url, true, &sql, NULL);
        ssize_t sent = write(fds[1], &code, 1);
        while (sent == 1)
            pause();
        _exit(1);
    }
    char code = -1;
    assert_int_equal(read(fds[0], &code, 1), 1);
    assert_int_equal(code, ERR_OK);
    struct error err;
    error_reset(&err);
    assert_int_equal(sql_open(db->url, true, &db->sql, &err), ERR_CONFLICT);
    assert_non_null(strstr(err.message, arena_printf(db->arena, "process %d ", child).ptr));
    // A lock goes with its process, however that ends.
    assert_int_equal(kill(child, SIGKILL), 0);
    assert_int_equal(waitpid(child, NULL, 0), child);
    temp_db_open(db);
    fd_close(&fds[0]);
    fd_close(&fds[1]);
}

static void test_file(void **state)
{
    struct temp_db *db = *state;
    temp_db_open(db);
    struct stat st;
    assert_int_equal(stat(lock_path(db), &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    struct str text;
    assert_int_equal(fs_read_all(lock_path(db), db->arena, 100, &text, NULL), ERR_OK);
    assert_true(str_equal(text, arena_printf(db->arena, "%d\n", getpid())));
}

static void test_no_lock_wanted(void **state)
{
    struct temp_db *db = *state;
    struct error err;
    assert_int_equal(sql_open(db->url, false, &db->sql, &err), ERR_OK);
    assert_int_equal(access(lock_path(db), F_OK), -1);
    assert_int_equal(errno, ENOENT);
}

// The holder may not have written its id yet, or something else wrote into the file.
static void test_strange_text(void **state)
{
    static const char *const texts[] = {"", "x", "-5\n", "99999999999999999999999999999999999999"};
    struct temp_db *db = *state;
    temp_db_open(db);
    for (size_t i = 0; i < COUNT_OF(texts); i++) {
        CLEANUP(fd_close) int fd = open(lock_path(db), O_WRONLY | O_TRUNC | O_CLOEXEC);
        assert_true(fd >= 0);
        assert_int_equal(fs_write_all(fd, texts[i], strlen(texts[i]), NULL), ERR_OK);
        struct error err;
        struct sql *second = NULL;
        assert_int_equal(sql_open(db->url, true, &second, &err), ERR_CONFLICT);
        struct str want = arena_printf(db->arena, "another process uses the database %s", db->path);
        assert_string_equal(err.message, want.ptr);
    }
}

static void test_lock_cannot_be_made(void **state)
{
    struct temp_db *db = *state;
    assert_int_equal(mkdir(lock_path(db), 0700), 0);
    struct error err;
    error_reset(&err);
    assert_int_not_equal(sql_open(db->url, true, &db->sql, &err), ERR_OK);
    assert_non_null(strstr(err.message, lock_path(db)));
    assert_int_equal(rmdir(lock_path(db)), 0);
}

#define TEST(test) cmocka_unit_test_setup_teardown(test, temp_db_setup, temp_db_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_second_is_refused), TEST(test_other_process), TEST(test_file),
        TEST(test_no_lock_wanted),    TEST(test_strange_text),  TEST(test_lock_cannot_be_made),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
