// Tests of files/files.c.
#include "files/store_fixture.h"

#include "files/files_dir.h"

static const struct raw_answer no_answers[] = {
    {0},
};

static const char *const bad_hashes[] = {
    "",
    "ab",
    "../../../../../../../../../../../../../../../../../../etc/passwd",
    "/../../../../../../../../../../../../../../../../../../etc/passwd",
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b85",
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b8555",
    "E3B0C44298FC1C149AFBF4C8996FB92427AE41E4649B934CA495991B7852B855",
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b85g",
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b85/",
};

static void test_open_read(void **state)
{
    (void)state;
    struct fixture fixture;
    setup(&fixture, no_answers);
    int fd = -1;
    int64_t size = -1;
    struct error err;
    for (size_t i = 0; i < COUNT_OF(bad_hashes); i++) {
        struct str hash = str_of(bad_hashes[i]);
        assert_int_equal(files_open_read(fixture.files, hash, &fd, &size, &err), ERR_INVALID);
    }
    assert_int_equal(files_open_read(fixture.files, STR_NULL, &fd, &size, &err), ERR_INVALID);
    char hash[SHA256_HEX + 1];
    sha256_hex(STR("never stored"), hash);
    assert_int_equal(files_open_read(fixture.files, str_of(hash), &fd, &size, &err), ERR_NOT_FOUND);
    assert_null(strstr(err.message, fixture.dir));

    // What is no plain file is not opened: a link out of the store, a folder.
    const char *folder = arena_printf(fixture.arena, "%s/%.2s", fixture.dir, hash).ptr;
    const char *path = arena_printf(fixture.arena, "%s/%s", folder, hash).ptr;
    assert_int_equal(mkdir(folder, 0700), 0);
    assert_int_equal(symlink("/etc/passwd", path), 0);
    assert_int_equal(files_open_read(fixture.files, str_of(hash), &fd, &size, &err),
                     ERR_UNAVAILABLE);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(mkdir(path, 0700), 0);
    assert_int_equal(files_open_read(fixture.files, str_of(hash), &fd, &size, &err),
                     ERR_UNAVAILABLE);
    assert_int_equal(rmdir(path), 0);
    assert_int_equal(fd, -1);
    assert_int_equal(size, -1);
    teardown(&fixture);
}

// Opening removes what killed processes left, not what another process works on.
static void test_left_overs(void **state)
{
    (void)state;
    struct fixture fixture;
    setup(&fixture, no_answers);
    struct error err;
    char *in_use = NULL;
    CLEANUP(fd_close) int fd = -1;
    assert_int_equal(files_create_tmp(fixture.files, fixture.arena, &in_use, &fd, &err), ERR_OK);
    const char *left = arena_printf(fixture.arena, "%s/tmp/left", fixture.dir).ptr;
    int left_fd = open(left, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
    assert_true(left_fd >= 0);
    fd_close(&left_fd);
    assert_int_equal(mkdir(arena_printf(fixture.arena, "%s/tmp/folder", fixture.dir).ptr, 0700), 0);
    assert_int_equal(mkfifo(arena_printf(fixture.arena, "%s/tmp/fifo", fixture.dir).ptr, 0600), 0);

    struct files *other = NULL;
    assert_int_equal(files_open(fixture.dir, fixture.http, fixture.pool, &other, &err), ERR_OK);
    files_close(other);
    files_close(NULL);
    assert_int_equal(access(left, F_OK), -1);
    assert_int_equal(access(in_use, F_OK), 0);
    struct stat st;
    assert_int_equal(stat(in_use, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);

    fd_close(&fd);
    assert_int_equal(files_open(fixture.dir, fixture.http, fixture.pool, &other, &err), ERR_OK);
    files_close(other);
    assert_int_equal(access(in_use, F_OK), -1);
    teardown(&fixture);
}

static void test_open_fails(void **state)
{
    (void)state;
    struct fixture fixture;
    setup(&fixture, no_answers);
    struct files *other = NULL;
    struct error err;
    error_reset(&err);
    assert_int_not_equal(files_open("/dev/null/files", fixture.http, fixture.pool, &other, &err),
                         ERR_OK);
    assert_non_null(strstr(err.message, "/dev/null"));
    char long_path[5000];
    memset(long_path, 'x', sizeof(long_path) - 1);
    long_path[sizeof(long_path) - 1] = '\0';
    assert_int_not_equal(files_open(long_path, fixture.http, fixture.pool, &other, &err), ERR_OK);
    const char *in_the_way = arena_printf(fixture.arena, "%s/other", fixture.root).ptr;
    assert_int_equal(mkdir(in_the_way, 0700), 0);
    int fd = open(arena_printf(fixture.arena, "%s/tmp", in_the_way).ptr,
                  O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
    assert_true(fd >= 0);
    fd_close(&fd);
    assert_int_not_equal(files_open(in_the_way, fixture.http, fixture.pool, &other, &err), ERR_OK);
    assert_null(other);
    teardown(&fixture);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_open_read),
        cmocka_unit_test(test_left_overs),
        cmocka_unit_test(test_open_fails),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
