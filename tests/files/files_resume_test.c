// Tests of downloads that are broken off and go on: files/files_fetch.c, files/files_partial.c.
#include "files/store_fixture.h"

#include <sys/file.h>

#include "files/files_range.h"
#include "files/files_store.h"

#define SMALL   "v 0 0 0\nv 1 0 0\nv 0 1 0\nf 1 2 3\n" // 32 bytes
#define OTHER   "v 0 0 0\nv 2 0 0\nv 0 2 0\nf 1 2 3\n"
#define TAG     "\"a-1\""
#define PART    "HTTP/1.1 206 Part\r\nContent-Length: 23\r\n"
#define THE_END "Content-Range: bytes 9-31/32\r\n"

static void assert_stored(struct fixture *fixture, const struct wait *wait, struct str want)
{
    char hex[SHA256_HEX + 1];
    sha256_hex(want, hex);
    if (wait->fetch.error.code != ERR_OK)
        fail_msg("%s", wait->fetch.error.message);
    assert_string_equal(wait->fetch.sha256, hex);
    assert_int_equal(wait->fetch.size, want.len);
    struct files_place place = {.sha256 = str_of(hex)};
    assert_int_equal(files_locate(fixture->files, fixture->arena, &place, NULL), ERR_OK);
    assert_int_equal(place.size, want.len);
    fd_close(&place.fd);
}

// When it returns, the server has written down all that it was asked.
static void fetch_mesh(struct fixture *fixture, struct wait *wait)
{
    fetch(fixture, "mesh", MODEL_FILE_OBJ, wait);
    raw_pause(&fixture->server);
    raw_start(&fixture->server);
}

// Each answer brings a piece, and the next begins where it ended.
static void test_goes_on_at_once(void **state)
{
    (void)state;
    struct raw_answer answers[] = {{.request = "GET /mesh ", .etag = TAG, .cut = 100000}, {0}};
    struct fixture fixture;
    setup(&fixture, answers);
    struct str mesh = make_mesh(fixture.arena, 1, 100000);
    answers[0].body = mesh;
    struct wait wait;
    fetch_mesh(&fixture, &wait);
    assert_stored(&fixture, &wait, mesh);
    assert_census(fixture.dir, 1, 0);
    assert_int_equal(fixture.server.used[0], 9);
    assert_int_equal(fixture.server.sent, mesh.len + 8); // each asks for one byte once more
    teardown(&fixture);
}

// Answers that bring next to nothing end the run; the next one, in another process, goes on.
static void test_goes_on_later(void **state)
{
    (void)state;
    static const struct raw_answer answers[] = {
        {.request = "GET /mesh ", .etag = TAG, .body = STR_INIT(SMALL), .cut = 10, .times = 3},
        {.request = "GET /mesh ",
         .head = "HTTP/1.1 503 Later\r\nRetry-After: 7\r\nContent-Length: 0\r\n\r\n",
         .times = 1},
        {.request = "GET /mesh ", .etag = TAG, .body = STR_INIT(SMALL)},
        {0},
    };
    struct fixture fixture;
    setup(&fixture, answers);
    struct wait wait;
    fetch_mesh(&fixture, &wait);
    assert_int_equal(wait.fetch.error.code, ERR_UPSTREAM);
    assert_census(fixture.dir, 0, 1);
    fetch_mesh(&fixture, &wait);
    assert_int_equal(wait.fetch.error.code, ERR_UPSTREAM);
    assert_int_equal(wait.fetch.error.retry_after_s, 7);
    assert_census(fixture.dir, 0, 1);

    close_store(&fixture);
    open_store(&fixture, 64);
    assert_census(fixture.dir, 0, 1);
    fetch_mesh(&fixture, &wait);
    assert_non_null(strstr(fixture.server.request, "Range: bytes=27-\r\n"));
    assert_non_null(strstr(fixture.server.request, "If-Range: " TAG "\r\n"));
    assert_stored(&fixture, &wait, STR(SMALL));
    assert_census(fixture.dir, 1, 0);
    teardown(&fixture);
}

// What comes for the rest of a file, after its first ten bytes came; then it is asked for anew.
static const struct {
    const char *what;
    struct raw_answer answer;
    const char *want; // content
} rests[] = {
    {"right", {.head = PART THE_END "ETag: " TAG "\r\n\r\n"}, SMALL},
    {"no tag", {.head = PART THE_END "\r\n"}, SMALL},
    {"another tag", {.head = PART THE_END "ETag: \"b\"\r\n\r\n"}, OTHER},
    {"a weak tag", {.head = PART THE_END "ETag: W/" TAG "\r\n\r\n"}, OTHER},
    {"begins later", {.head = PART "Content-Range: bytes 10-31/32\r\n\r\n"}, OTHER},
    {"begins earlier", {.head = PART "Content-Range: bytes 0-31/32\r\n\r\n"}, OTHER},
    {"ends earlier", {.head = PART "Content-Range: bytes 9-30/32\r\n\r\n"}, OTHER},
    {"no range", {.head = PART "\r\n"}, OTHER},
    {"no total", {.head = PART "Content-Range: bytes 9-31/*\r\n\r\n"}, OTHER},
    {"other unit", {.head = PART "Content-Range: faces 9-31/32\r\n\r\n"}, OTHER},
    {"nothing", {.head = "HTTP/1.1 206 Part\r\nContent-Length: 0\r\n" THE_END "\r\n"}, OTHER},
    {"416", {.head = "HTTP/1.1 416 No\r\nContent-Length: 0\r\n\r\n"}, OTHER},
    {"all of it", {.head = OK "Content-Length: 32\r\n\r\n", .body = STR_INIT(OTHER)}, OTHER},
    {"a new one", {.etag = "\"b\"", .body = STR_INIT(OTHER)}, OTHER},
};

static void test_rests(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(rests); i++) {
        struct raw_answer answers[] = {
            {.request = "GET /mesh ", .etag = TAG, .body = STR_INIT(SMALL), .cut = 10, .times = 1},
            rests[i].answer,
            {.request = "GET /mesh ", .etag = "\"b\"", .body = STR_INIT(OTHER)},
            {0},
        };
        answers[1].request = "GET /mesh ";
        answers[1].with = "Range: bytes=9-\r\n";
        answers[1].times = 1;
        // Only what the head speaks of: on a connection that is used again, more is another answer.
        if (answers[1].body.ptr == NULL && strstr(answers[1].head, "Content-Length: 0") == NULL)
            answers[1].body = str_slice(STR(SMALL), 9, 32);
        print_message("%s\n", rests[i].what);
        struct fixture fixture;
        setup(&fixture, answers);
        struct wait wait;
        fetch_mesh(&fixture, &wait);
        assert_stored(&fixture, &wait, str_of(rests[i].want));
        assert_int_equal(fixture.server.used[1], 1);
        assert_census(fixture.dir, 1, 0);
        teardown(&fixture);
    }
}

// A tag that does not stand for the very bytes, or none: nothing to go on with.
static void test_no_strong_tag(void **state)
{
    (void)state;
    static const char *const tags[] = {
        "W/\"a\"",
        "\"\"",
        "a",
        "\"a b\"",
        "\"0123456789012345678901234567890123456789012345678901234567890123456789012345678\"",
    };
    for (size_t i = 0; i < COUNT_OF(tags); i++) {
        struct raw_answer answers[] = {
            {.request = "GET /mesh ", .etag = tags[i], .body = STR_INIT(SMALL), .cut = 20},
            {0},
        };
        struct fixture fixture;
        setup(&fixture, answers);
        struct wait wait;
        fetch_mesh(&fixture, &wait);
        assert_int_equal(wait.fetch.error.code, ERR_UPSTREAM);
        assert_int_equal(fixture.server.used[0], 1);
        assert_null(strstr(fixture.server.request, "Range"));
        assert_census(fixture.dir, 0, 0);
        teardown(&fixture);
    }
}

// The longest tag that is kept makes a name that the file system takes.
static void test_longest_tag(void **state)
{
    (void)state;
    static const struct raw_answer answers[] = {
        {.request = "GET /mesh ",
         .etag =
             "\"012345678901234567890123456789012345678901234567890123456789012345678901234567\"",
         .body = STR_INIT(SMALL),
         .cut = 30},
        {0},
    };
    struct fixture fixture;
    setup(&fixture, answers);
    struct wait wait;
    fetch_mesh(&fixture, &wait);
    assert_stored(&fixture, &wait, STR(SMALL));
    assert_int_equal(fixture.server.used[0], 2);
    teardown(&fixture);
}

// Whole, but nobody was there to store it: only its last byte is asked for again.
static void test_whole_partial(void **state)
{
    (void)state;
    static const struct raw_answer answers[] = {
        {.request = "GET /mesh ", .etag = TAG, .body = STR_INIT(SMALL), .cut = 31, .times = 1},
        {.request = "GET /mesh ", .etag = TAG, .body = STR_INIT(SMALL), .cut = 1, .times = 2},
        {.request = "GET /mesh ", .etag = TAG, .body = STR_INIT(SMALL)},
        {0},
    };
    struct fixture fixture;
    setup(&fixture, answers);
    struct wait wait;
    fetch_mesh(&fixture, &wait);
    assert_int_equal(wait.fetch.error.code, ERR_UPSTREAM);
    DIR *folder = opendir(arena_printf(fixture.arena, "%s/tmp", fixture.dir).ptr);
    assert_non_null(folder);
    for (struct dirent *entry; (entry = readdir(folder)) != NULL;) {
        if (entry->d_name[0] == '.')
            continue;
        int fd = openat(dirfd(folder), entry->d_name, O_WRONLY | O_APPEND | O_CLOEXEC);
        assert_int_equal(write(fd, "\n", 1), 1); // the process was killed here
        fd_close(&fd);
    }
    closedir(folder);
    fetch_mesh(&fixture, &wait);
    assert_non_null(strstr(fixture.server.request, "Range: bytes=31-\r\n"));
    assert_stored(&fixture, &wait, STR(SMALL));
    teardown(&fixture);
}

static const struct {
    const char *header;
    const char *message; // NULL: stored
} sums[] = {
    {"x-goog-hash: crc32c=AAAAAA==,md5=J2KTtxl/oHicAji9zBMQhQ==\r\n", NULL},
    {"X-Goog-Hash: crc32c=AAAAAA==\r\nx-goog-hash: md5=J2KTtxl/oHicAji9zBMQhQ==\r\n", NULL},
    {"x-goog-hash: md5=AAAAAAAAAAAAAAAAAAAAAA==\r\n", "has not the MD5"},
    {"x-goog-stored-content-encoding: identity\r\n"
     "x-goog-hash: md5=AAAAAAAAAAAAAAAAAAAAAA==\r\n",
     "has not the MD5"},
    {"x-goog-stored-content-encoding: gzip\r\nx-goog-hash: md5=AAAAAAAAAAAAAAAAAAAAAA==\r\n", NULL},
    {"x-goog-hash: md5=short\r\n", NULL},
};

static void test_sums(void **state)
{
    (void)state;
    char md5[MD5_BASE64 + 1];
    assert_true(md5_base64(STR(SMALL), md5));
    assert_string_equal(md5, "J2KTtxl/oHicAji9zBMQhQ==");
    for (size_t i = 0; i < COUNT_OF(sums); i++) {
        struct raw_answer answers[] = {
            {.request = "GET /mesh ",
             .etag = TAG,
             .header = sums[i].header,
             .body = STR_INIT(SMALL),
             .cut = 20},
            {0},
        };
        struct fixture fixture;
        setup(&fixture, answers);
        struct wait wait;
        fetch_mesh(&fixture, &wait);
        if (sums[i].message == NULL) {
            assert_stored(&fixture, &wait, STR(SMALL));
        } else {
            assert_int_equal(wait.fetch.error.code, ERR_UPSTREAM);
            assert_non_null(strstr(wait.fetch.error.message, sums[i].message));
        }
        assert_census(fixture.dir, sums[i].message == NULL, 0);
        teardown(&fixture);
    }
}

// Somebody else works on the partial file: this one does without.
static void test_partial_in_use(void **state)
{
    (void)state;
    static const struct raw_answer answers[] = {
        {.request = "GET /mesh ", .etag = TAG, .body = STR_INIT(SMALL), .cut = 5, .times = 3},
        {.request = "GET /mesh ", .etag = TAG, .body = STR_INIT(SMALL)},
        {0},
    };
    struct fixture fixture;
    setup(&fixture, answers);
    struct wait wait;
    fetch_mesh(&fixture, &wait);
    assert_census(fixture.dir, 0, 1);
    int fd = -1;
    DIR *folder = opendir(arena_printf(fixture.arena, "%s/tmp", fixture.dir).ptr);
    for (struct dirent *entry; (entry = readdir(folder)) != NULL;) {
        if (entry->d_name[0] != '.')
            fd = openat(dirfd(folder), entry->d_name, O_RDWR | O_CLOEXEC);
    }
    closedir(folder);
    assert_int_equal(flock(fd, LOCK_EX | LOCK_NB), 0);
    fetch_mesh(&fixture, &wait);
    assert_null(strstr(fixture.server.request, "Range"));
    assert_stored(&fixture, &wait, STR(SMALL));
    assert_census(fixture.dir, 1, 1);
    fd_close(&fd);
    teardown(&fixture);
}

// A server that says nothing more is left, and asked anew.
static void test_stall(void **state)
{
    (void)state;
    static const struct raw_answer answers[] = {
        {.request = "GET /mesh ", .etag = TAG, .body = STR_INIT(SMALL), .cut = 10, .times = 1},
        {.request = "GET /mesh ", .head = PART THE_END "\r\n", .hang = true, .times = 1},
        {.request = "GET /mesh ", .etag = TAG, .body = STR_INIT(SMALL)},
        {0},
    };
    struct fixture fixture;
    setup(&fixture, answers);
    assert_int_equal(fixture.files->stall_s, 30);
    fixture.files->stall_s = 1;
    struct wait wait;
    fetch_mesh(&fixture, &wait);
    assert_stored(&fixture, &wait, STR(SMALL));
    teardown(&fixture);
}

static void test_headers(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int64_t first, last, total; // total 0: refused
    } rows[] = {
        {"bytes 0-9/10", 0, 9, 10},
        {"Bytes 5-5/6", 5, 5, 6},
        {"bytes 0-10/10", 0, 0, 0},
        {"bytes 6-5/10", 0, 0, 0},
        {"bytes 0-9/*", 0, 0, 0},
        {"bytes */10", 0, 0, 0},
        {"bytes 0-9", 0, 0, 0},
        {"bytes 0/10", 0, 0, 0},
        {"bytes -1-9/10", 0, 0, 0},
        {"bytes 0-9/99999999999999999999", 0, 0, 0},
        {"bytes", 0, 0, 0},
        {"", 0, 0, 0},
        {NULL, 0, 0, 0},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct files_range range = {0};
        assert_int_equal(files_range_parse(str_of(rows[i].text), &range), rows[i].total != 0);
        if (rows[i].total == 0)
            continue;
        assert_int_equal(range.first, rows[i].first);
        assert_int_equal(range.last, rows[i].last);
        assert_int_equal(range.total, rows[i].total);
    }
    assert_null(files_hash_md5(STR_NULL).ptr);
    assert_null(files_hash_md5(STR("crc32c=n03x6A==")).ptr);
    assert_true(str_equal(files_hash_md5(STR("crc32c=n03x6A==, md5=Ojk9c3dhfxgoKVVHYwFbHQ==")),
                          STR("Ojk9c3dhfxgoKVVHYwFbHQ==")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_goes_on_at_once),
        cmocka_unit_test(test_goes_on_later),
        cmocka_unit_test(test_rests),
        cmocka_unit_test(test_no_strong_tag),
        cmocka_unit_test(test_longest_tag),
        cmocka_unit_test(test_whole_partial),
        cmocka_unit_test(test_sums),
        cmocka_unit_test(test_partial_in_use),
        cmocka_unit_test(test_stall),
        cmocka_unit_test(test_headers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
