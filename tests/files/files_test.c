// Tests of files/files.c.
#include "base/log.h"
#include "files/store_fixture.h"

#include <zlib.h>

#include "files/content_fixture.h"

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

static enum err locate(struct fixture *fixture, struct str sha256, struct error *err)
{
    struct files_place place = {.sha256 = sha256};
    enum err code = files_locate(fixture->files, fixture->arena, &place, err);
    assert_int_equal(place.fd, -1);
    assert_int_equal(place.size, 0);
    return code;
}

static void test_locate(void **state)
{
    (void)state;
    struct fixture fixture;
    setup(&fixture, no_answers);
    struct error err;
    for (size_t i = 0; i < COUNT_OF(bad_hashes); i++)
        assert_int_equal(locate(&fixture, str_of(bad_hashes[i]), &err), ERR_INVALID);
    assert_int_equal(locate(&fixture, STR_NULL, &err), ERR_INVALID);
    char hash[SHA256_HEX + 1];
    sha256_hex(STR("never stored"), hash);
    assert_int_equal(locate(&fixture, str_of(hash), &err), ERR_NOT_FOUND);
    assert_null(strstr(err.message, fixture.dir));

    // What is no plain file is not opened: a link out of the store, a folder.
    const char *folder = arena_printf(fixture.arena, "%s/%.2s", fixture.dir, hash).ptr;
    const char *path = arena_printf(fixture.arena, "%s/%s", folder, hash).ptr;
    assert_int_equal(mkdir(folder, 0700), 0);
    assert_int_equal(symlink("/etc/passwd", path), 0);
    assert_int_equal(locate(&fixture, str_of(hash), &err), ERR_UNAVAILABLE);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(mkdir(path, 0700), 0);
    assert_int_equal(locate(&fixture, str_of(hash), &err), ERR_UNAVAILABLE);
    assert_int_equal(rmdir(path), 0);
    teardown(&fixture);
}

// What is put can be had until it is removed.
static void test_contents(void **state)
{
    (void)state;
    struct fixture fixture;
    setup(&fixture, no_answers);
    struct content content;
    for (int i = 0; i < 2; i++) { // the second time it is there already
        make_content(&content, &fixture, STR("a content"));
        assert_int_equal(put_content(&content, &fixture), ERR_OK);
        assert_int_not_equal(access(content.tmp_path, F_OK), 0);
        assert_true(content.fd >= 0);
        assert_census(fixture.dir, 1, 0);
        fd_close(&content.fd);
    }
    struct error err;
    CLEANUP(fd_close) int fd = -1;
    assert_int_equal(get_content(&content, &fixture, &fd, &err), ERR_OK);
    char bytes[32];
    assert_int_equal(remove_content(&content, &fixture), ERR_OK);
    assert_int_equal(read(fd, bytes, sizeof(bytes)), 9);
    assert_memory_equal(bytes, "a content", 9);
    assert_census(fixture.dir, 0, 0);
    int none = -1;
    assert_int_equal(get_content(&content, &fixture, &none, &err), ERR_NOT_FOUND);
    assert_int_equal(none, -1);
    assert_int_equal(remove_content(&content, &fixture), ERR_OK); // it is gone, as was wanted
    teardown(&fixture);
}

// What is found where a copy in gzip would do.
static int locate_gzip(struct fixture *fixture, const struct content *content, bool *ret_is_gzip)
{
    struct error err;
    struct files_place place = {.sha256 = str_of(content->sha256), .takes_gzip = true};
    assert_int_equal(files_locate(fixture->files, fixture->arena, &place, &err), ERR_OK);
    struct stat st;
    assert_int_equal(fstat(place.fd, &st), 0);
    assert_int_equal(place.size, st.st_size);
    *ret_is_gzip = place.is_gzip;
    return place.fd;
}

// zlib hands through what is not gzip.
static void assert_reads(int fd, struct str want)
{
    char *bytes = malloc(want.len + 1);
    gzFile file = gzdopen(fd, "rb");
    assert_non_null(bytes);
    assert_non_null(file);
    assert_int_equal(gzread(file, bytes, (unsigned)want.len + 1), want.len);
    assert_memory_equal(bytes, want.ptr, want.len);
    assert_int_equal(gzclose(file), Z_OK);
    free(bytes);
}

// Text has a copy in gzip beside it, if that is smaller by a tenth.
static void test_gzip(void **state)
{
    static const struct {
        const char *type;
        const char *start;
        size_t repeat; // of start
        bool copied;
    } rows[] = {
        {"model/obj", "f 1/1/1 2/2/2 3/3/3\n", 40000, true},
        {"model/mtl", "newmtl a\n", 20, true},
        {"model/mtl", "newmtl a\n", 1, false},
        {"application/json", "{\"triangles\": 100}\n", 10, true},
        {"application/octet-stream", "ply\nformat ascii 1.0\n", 20, true},
        {"application/octet-stream", "ply\r\nformat ascii 1.0\r\n", 20, true},
        {"application/octet-stream", "ply\nformat binary_little_endian 1.0\n", 20, false},
        {"image/jpeg", "newmtl a\n", 20, false},
    };
    (void)state;
    struct fixture fixture;
    setup(&fixture, no_answers);
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct buf text CLEANUP(buf_done);
        buf_init(&text, 1 << 20);
        for (size_t k = 0; k < rows[i].repeat; k++)
            buf_append_str(&text, str_of(rows[i].start));
        struct content content;
        make_content(&content, &fixture, buf_str(&text));
        content.type = rows[i].type;
        assert_int_equal(put_content(&content, &fixture), ERR_OK);
        bool is_gzip = false;
        assert_reads(locate_gzip(&fixture, &content, &is_gzip), buf_str(&text));
        assert_int_equal(is_gzip, rows[i].copied);
        assert_int_equal(take_census(fixture.dir).copies, rows[i].copied);
        assert_census(fixture.dir, 1, 0);
        assert_int_equal(remove_content(&content, &fixture), ERR_OK);
        assert_int_equal(take_census(fixture.dir).copies, 0);
        assert_census(fixture.dir, 0, 0);
        fd_close(&content.fd);
    }
    teardown(&fixture);
}

// A content that was stored without a copy is served as it is, and gets one when it is put again.
static void test_gzip_is_made_up_for(void **state)
{
    struct str text = STR("newmtl a\nnewmtl a\nnewmtl a\nnewmtl a\nnewmtl a\nnewmtl a\n");
    (void)state;
    struct fixture fixture;
    setup(&fixture, no_answers);
    for (int i = 0; i < 3; i++) {
        struct content content;
        bool is_gzip = false;
        make_content(&content, &fixture, text);
        content.type = i == 0 ? "image/jpeg" : "model/mtl";
        assert_int_equal(put_content(&content, &fixture), ERR_OK);
        assert_reads(locate_gzip(&fixture, &content, &is_gzip), text);
        assert_int_equal(is_gzip, i > 0);
        assert_census(fixture.dir, 1, 0);
        fd_close(&content.fd);
    }
    teardown(&fixture);
}

// Without a place for the copy the content is stored all the same; only the log tells.
static void test_gzip_fails(void **state)
{
    struct str text = STR("newmtl a\nnewmtl a\nnewmtl a\nnewmtl a\nnewmtl a\nnewmtl a\n");
    (void)state;
    struct fixture fixture;
    setup(&fixture, no_answers);
    struct content content;
    make_content(&content, &fixture, text);
    content.type = "model/mtl";
    const char *tmp = arena_printf(fixture.arena, "%s/tmp", fixture.dir).ptr;
    const char *aside = arena_printf(fixture.arena, "%s/aside", fixture.root).ptr;
    const char *log = arena_printf(fixture.arena, "%s/log", fixture.root).ptr;
    content.tmp_path =
        (char *)arena_printf(fixture.arena, "%s%s", aside, content.tmp_path + strlen(tmp)).ptr;
    assert_int_equal(rename(tmp, aside), 0);
    CLEANUP(fd_close) int log_fd = open(log, O_CREAT | O_RDWR | O_CLOEXEC, 0600);
    log_setup(LOG_INFO, LOG_TEXT, log_fd);
    enum err code = put_content(&content, &fixture);
    log_setup(LOG_INFO, LOG_TEXT, STDERR_FILENO);
    assert_int_equal(code, ERR_OK);
    bool is_gzip = true;
    assert_reads(locate_gzip(&fixture, &content, &is_gzip), text);
    assert_false(is_gzip);
    char line[1024] = "";
    assert_true(pread(log_fd, line, sizeof(line) - 1, 0) > 0);
    assert_non_null(strstr(line, "files.gzip_failed"));
    assert_int_equal(rename(aside, tmp), 0);
    fd_close(&content.fd);
    teardown(&fixture);
}

// What could not be stored stays where it was.
static void test_put_fails(void **state)
{
    (void)state;
    struct fixture fixture;
    setup(&fixture, no_answers);
    struct content content;
    make_content(&content, &fixture, STR("a content"));
    const char *folder = arena_printf(fixture.arena, "%s/%.2s", fixture.dir, content.sha256).ptr;
    int fd = open(folder, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
    assert_true(fd >= 0);
    fd_close(&fd);
    assert_int_equal(put_content(&content, &fixture), ERR_UNAVAILABLE);
    assert_int_equal(access(content.tmp_path, F_OK), 0);
    assert_int_equal(remove_content(&content, &fixture), ERR_UNAVAILABLE);
    assert_int_equal(unlink(folder), 0);

    memcpy(content.sha256, "../../../", 9);
    assert_int_equal(put_content(&content, &fixture), ERR_INVALID);
    assert_int_equal(remove_content(&content, &fixture), ERR_INVALID);
    struct error err;
    assert_int_equal(get_content(&content, &fixture, &fd, &err), ERR_INVALID);
    assert_census(fixture.dir, 0, 1);
    fd_close(&content.fd);
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
    assert_int_equal(open_files(&fixture, fixture.dir, &other, &err), ERR_OK);
    files_close(other);
    files_close(NULL);
    assert_int_equal(access(left, F_OK), -1);
    assert_int_equal(access(in_use, F_OK), 0);
    struct stat st;
    assert_int_equal(stat(in_use, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);

    fd_close(&fd);
    assert_int_equal(open_files(&fixture, fixture.dir, &other, &err), ERR_OK);
    files_close(other);
    assert_int_equal(access(in_use, F_OK), -1);
    teardown(&fixture);
}

// What another run can go on with stays for a day.
static void test_left_partials(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        int64_t age_s;
        bool stays;
    } rows[] = {
        {"part-0-22612d3122", 23 * 3600, true},
        {"part-1-22612d3122", 25 * 3600, false},
        {"parts", 60, false},
    };
    struct fixture fixture;
    setup(&fixture, no_answers);
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        const char *path = arena_printf(fixture.arena, "%s/tmp/%s", fixture.dir, rows[i].name).ptr;
        CLEANUP(fd_close) int fd = open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
        int64_t then_s = clock_now_us(clock_system()) / US_PER_S - rows[i].age_s;
        const struct timespec times[] = {{.tv_sec = then_s}, {.tv_sec = then_s}};
        assert_int_equal(futimens(fd, times), 0);
    }
    close_store(&fixture);
    open_store(&fixture, 64);
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        const char *path = arena_printf(fixture.arena, "%s/tmp/%s", fixture.dir, rows[i].name).ptr;
        assert_int_equal(access(path, F_OK) == 0, rows[i].stays);
    }
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
    assert_int_not_equal(open_files(&fixture, "/dev/null/files", &other, &err), ERR_OK);
    assert_non_null(strstr(err.message, "/dev/null"));
    char long_path[5000];
    memset(long_path, 'x', sizeof(long_path) - 1);
    long_path[sizeof(long_path) - 1] = '\0';
    assert_int_not_equal(open_files(&fixture, long_path, &other, &err), ERR_OK);
    const char *in_the_way = arena_printf(fixture.arena, "%s/other", fixture.root).ptr;
    assert_int_equal(mkdir(in_the_way, 0700), 0);
    int fd = open(arena_printf(fixture.arena, "%s/tmp", in_the_way).ptr,
                  O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
    assert_true(fd >= 0);
    fd_close(&fd);
    assert_int_not_equal(open_files(&fixture, in_the_way, &other, &err), ERR_OK);
    assert_null(other);
    teardown(&fixture);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_locate),     cmocka_unit_test(test_contents),
        cmocka_unit_test(test_gzip),       cmocka_unit_test(test_gzip_is_made_up_for),
        cmocka_unit_test(test_gzip_fails), cmocka_unit_test(test_put_fails),
        cmocka_unit_test(test_left_overs), cmocka_unit_test(test_left_partials),
        cmocka_unit_test(test_open_fails),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
