// Tests of base/fs.c, in a temporary folder.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fs.h"

struct fixture {
    struct arena *arena;
    char folder[64];
};

static int setup(void **state)
{
    struct fixture *fixture = calloc(1, sizeof(*fixture));
    if (fixture == NULL)
        return -1;
    fixture->arena = arena_open(0);
    snprintf(fixture->folder, sizeof(fixture->folder), "/tmp/sunlead-fs-test-XXXXXX");
    *state = fixture;
    return mkdtemp(fixture->folder) == NULL ? -1 : 0;
}

static int teardown(void **state)
{
    struct fixture *fixture = *state;
    int code = rmdir(fixture->folder);
    arena_close(fixture->arena);
    free(fixture);
    return code;
}

static const char *path_of(struct fixture *fixture, const char *name)
{
    return arena_printf(fixture->arena, "%s/%s", fixture->folder, name).ptr;
}

static void write_file(const char *path, struct str text)
{
    CLEANUP(fd_close) int fd = open(path, O_CREAT | O_TRUNC | O_WRONLY | O_CLOEXEC, 0600);
    assert_true(fd >= 0);
    assert_int_equal(fs_write_all(fd, text.ptr, text.len, NULL), ERR_OK);
}

static void test_make_dirs(void **state)
{
    struct fixture *fixture = *state;
    struct error err;
    const char *deep = path_of(fixture, "a/b/c/");
    assert_int_equal(fs_make_dirs(deep, &err), ERR_OK);
    assert_int_equal(fs_make_dirs(deep, &err), ERR_OK);
    assert_int_equal(fs_make_dirs(fixture->folder, &err), ERR_OK);
    assert_int_equal(fs_make_dirs("/", &err), ERR_OK);
    assert_int_equal(fs_make_dirs(".", &err), ERR_OK);
    struct stat st;
    assert_int_equal(stat(path_of(fixture, "a"), &st), 0);
    assert_int_equal(st.st_mode & 0777, 0700);

    const char *file = path_of(fixture, "file");
    write_file(file, STR("x"));
    assert_int_equal(fs_make_dirs(file, &err), ERR_INTERNAL);
    assert_non_null(strstr(err.message, "Not a directory"));
    assert_int_equal(fs_make_dirs(path_of(fixture, "file/below"), &err), ERR_INTERNAL);

    char long_path[PATH_MAX + 1];
    memset(long_path, 'x', PATH_MAX);
    long_path[PATH_MAX] = '\0';
    assert_int_equal(fs_make_dirs(long_path, &err), ERR_INTERNAL);

    assert_int_equal(unlink(file), 0);
    assert_int_equal(rmdir(path_of(fixture, "a/b/c")), 0);
    assert_int_equal(rmdir(path_of(fixture, "a/b")), 0);
    assert_int_equal(rmdir(path_of(fixture, "a")), 0);
}

static void test_read_all(void **state)
{
    static const size_t sizes[] = {0, 1, 255, 256, 4096, 100000};
    static char bytes[100000];
    struct fixture *fixture = *state;
    const char *path = path_of(fixture, "file");
    struct error err;
    memset(bytes, 'x', sizeof(bytes));
    for (size_t i = 0; i < COUNT_OF(sizes); i++) {
        struct str text = STR_NULL;
        write_file(path, (struct str){.ptr = bytes, .len = sizes[i]});
        assert_int_equal(fs_read_all(path, fixture->arena, sizes[i], &text, &err), ERR_OK);
        assert_int_equal(text.len, sizes[i]);
        assert_int_equal(strlen(text.ptr), sizes[i]);
        assert_int_equal(fs_read_all(path, fixture->arena, sizes[i] + 1, &text, &err), ERR_OK);
        assert_int_equal(text.len, sizes[i]);
        if (sizes[i] == 0)
            continue;
        assert_int_equal(fs_read_all(path, fixture->arena, sizes[i] - 1, &text, &err),
                         ERR_TOO_LARGE);
    }
    assert_int_equal(unlink(path), 0);
}

static void test_read_all_odd(void **state)
{
    struct fixture *fixture = *state;
    struct error err;
    struct str text = STR_NULL;
    const char *path = path_of(fixture, "missing");
    assert_int_equal(fs_read_all(path, fixture->arena, 10, &text, &err), ERR_NOT_FOUND);
    assert_non_null(strstr(err.message, "/missing: No such file or directory"));
    assert_int_equal(fs_read_all(fixture->folder, fixture->arena, 10000, &text, &err),
                     ERR_INTERNAL);
    // A file that says it has no size.
    assert_int_equal(fs_read_all("/proc/self/status", fixture->arena, 100000, &text, &err), ERR_OK);
    assert_true(text.len > 100);
    assert_int_equal(fs_read_all("/proc/self/status", fixture->arena, 100, &text, &err),
                     ERR_TOO_LARGE);
}

static void test_write_full(void **state)
{
    (void)state;
    struct error err;
    CLEANUP(fd_close) int fd = open("/dev/full", O_WRONLY | O_CLOEXEC);
    assert_true(fd >= 0);
    assert_int_equal(fs_write_all(fd, "x", 1, &err), ERR_UNAVAILABLE);
    assert_non_null(strstr(err.message, "No space left"));
    assert_int_equal(fs_write_all(-1, "x", 1, &err), ERR_INTERNAL);
    assert_int_equal(fs_write_all(-1, "", 0, &err), ERR_OK);
}

static void publish(struct fixture *fixture, struct str content)
{
    struct error err;
    const char *tmp = path_of(fixture, "new.tmp");
    CLEANUP(fd_close) int fd = open(tmp, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0600);
    assert_true(fd >= 0);
    assert_int_equal(fs_write_all(fd, content.ptr, content.len, &err), ERR_OK);
    assert_int_equal(fs_publish(fd, tmp, path_of(fixture, "file"), &err), ERR_OK);
    assert_int_equal(access(tmp, F_OK), -1);
}

static void test_publish(void **state)
{
    struct fixture *fixture = *state;
    const char *path = path_of(fixture, "file");
    struct error err;
    struct str text = STR_NULL;
    publish(fixture, STR("first"));
    publish(fixture, STR("second"));
    assert_int_equal(fs_read_all(path, fixture->arena, 100, &text, &err), ERR_OK);
    assert_true(str_equal(text, STR("second")));

    CLEANUP(fd_close) int fd = open(path, O_RDONLY | O_CLOEXEC);
    assert_int_equal(fs_publish(fd, path_of(fixture, "gone"), path, &err), ERR_NOT_FOUND);
    assert_int_equal(fs_publish(-1, path, path, &err), ERR_INTERNAL);
    assert_int_equal(unlink(path), 0);
}

static void test_err(void **state)
{
    (void)state;
    static const struct {
        int number;
        enum err code;
    } cases[] = {
        {ENOENT, ERR_NOT_FOUND},  {ENOSPC, ERR_UNAVAILABLE}, {EDQUOT, ERR_UNAVAILABLE},
        {EROFS, ERR_UNAVAILABLE}, {EIO, ERR_UNAVAILABLE},    {EACCES, ERR_INTERNAL},
        {0, ERR_INTERNAL},        {99999, ERR_INTERNAL},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct error err;
        errno = cases[i].number;
        assert_int_equal(fs_err(&err, "open", "/x"), cases[i].code);
        assert_int_equal(err.code, cases[i].code);
        assert_true(str_starts(str_of(err.message), STR("open /x: ")));
    }
}

static void test_fd_close(void **state)
{
    (void)state;
    int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
    assert_true(fd >= 0);
    fd_close(&fd);
    assert_int_equal(fd, -1);
    fd_close(&fd);
    assert_int_equal(fd, -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_make_dirs, setup, teardown),
        cmocka_unit_test_setup_teardown(test_read_all, setup, teardown),
        cmocka_unit_test_setup_teardown(test_read_all_odd, setup, teardown),
        cmocka_unit_test(test_write_full),
        cmocka_unit_test_setup_teardown(test_publish, setup, teardown),
        cmocka_unit_test(test_err),
        cmocka_unit_test(test_fd_close),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
