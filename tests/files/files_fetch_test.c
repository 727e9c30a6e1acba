// Tests of files/files_fetch.c.
#include "files/store_fixture.h"

#include <sys/resource.h>

#include "files/files_store.h"

#define OBJ_TEXT "v 0 0 0\nv 1 0 0\nv 0 1 0\nf 1 2 3\n"
#define MTL_TEXT "newmtl tiles\nKd 1 1 1\n"

static const struct raw_answer plain_answers[] = {
    {.request = "GET /length.obj ", OK "Content-Length: 32\r\n\r\n", STR_INIT(OBJ_TEXT)},
    {.request = "GET /chunked.obj ",
     OK "Transfer-Encoding: chunked\r\n\r\n",
     STR_INIT("8\r\nv 0 0 0\n\r\n18\r\nv 1 0 0\nv 0 1 0\nf 1 2 3\n\r\n0\r\n\r\n")},
    {.request = "GET /scene.mtl ",
     OK "Content-Length: 22\r\nContent-Type: text/plain\r\n\r\n",
     STR_INIT(MTL_TEXT)},
    {0},
};

static void assert_readable(struct fixture *fixture, const char *sha256, struct str want)
{
    struct files_place place = {.sha256 = str_of(sha256)};
    struct error err;
    assert_int_equal(files_locate(fixture->files, fixture->arena, &place, &err), ERR_OK);
    assert_int_equal(place.size, want.len);
    assert_null(place.url.ptr);
    char content[256];
    assert_int_equal(read(place.fd, content, sizeof(content)), want.len);
    assert_memory_equal(content, want.ptr, want.len);
    assert_int_equal(fcntl(place.fd, F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
    fd_close(&place.fd);
}

static void test_stores(void **state)
{
    (void)state;
    struct fixture fixture;
    setup(&fixture, plain_answers);
    assert_census(fixture.dir, 0, 0);
    static const char *const paths[] = {"length.obj", "chunked.obj", "length.obj"};
    char want[SHA256_HEX + 1];
    sha256_hex(STR(OBJ_TEXT), want);
    for (size_t i = 0; i < COUNT_OF(paths); i++) {
        struct wait wait;
        fetch(&fixture, paths[i], MODEL_FILE_OBJ, &wait);
        assert_int_equal(wait.fetch.error.code, ERR_OK);
        assert_int_equal(wait.fetch.size, sizeof(OBJ_TEXT) - 1);
        assert_string_equal(wait.fetch.sha256, want);
        assert_census(fixture.dir, 1, 0); // the same content is the same file
        assert_readable(&fixture, want, STR(OBJ_TEXT));
    }
    struct wait wait;
    fetch(&fixture, "scene.mtl", MODEL_FILE_MTL, &wait);
    assert_int_equal(wait.fetch.error.code, ERR_OK);
    assert_readable(&fixture, wait.fetch.sha256, STR(MTL_TEXT));
    assert_census(fixture.dir, 2, 0);
    teardown(&fixture);
}

static void test_sends_no_credentials(void **state)
{
    (void)state;
    struct fixture fixture;
    setup(&fixture, plain_answers);
    struct wait wait;
    fetch(&fixture, "length.obj", MODEL_FILE_OBJ, &wait);
    assert_int_equal(wait.fetch.error.code, ERR_OK);
    static const char *const never[] = {"Authorization", "Cookie", "X-Api-Key", "Referer"};
    for (size_t i = 0; i < COUNT_OF(never); i++)
        assert_null(strcasestr(fixture.server.request, never[i]));
    teardown(&fixture);
}

static const struct raw_answer bad_answers[] = {
    {.request = "GET /404 ", "HTTP/1.1 404 Not Found\r\nContent-Length: 2\r\n\r\n", STR_INIT("no")},
    {.request = "GET /404-cut ",
     "HTTP/1.1 404 Not Found\r\nContent-Length: 200\r\n\r\n",
     STR_INIT("no")},
    {.request = "GET /403 ", "HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n", STR_INIT("")},
    {.request = "GET /410 ", "HTTP/1.1 410 Gone\r\nContent-Length: 0\r\n\r\n", STR_INIT("")},
    {.request = "GET /500 ", "HTTP/1.1 500 Oops\r\nContent-Length: 32\r\n\r\n", STR_INIT(OBJ_TEXT)},
    {.request = "GET /503 ",
     "HTTP/1.1 503 Later\r\nRetry-After: 77\r\nContent-Length: 0\r\n\r\n",
     STR_INIT("")},
    {.request = "GET /302 ",
     "HTTP/1.1 302 Found\r\nLocation: /ok\r\nContent-Length: 0\r\n\r\n",
     STR_INIT("")},
    {.request = "GET /206 ", "HTTP/1.1 206 Part\r\nContent-Length: 32\r\n\r\n", STR_INIT(OBJ_TEXT)},
    {.request = "GET /204 ", "HTTP/1.1 204 None\r\n\r\n", STR_INIT("")},
    {.request = "GET /empty ", OK "Content-Length: 0\r\n\r\n", STR_INIT("")},
    {.request = "GET /html ", OK "Content-Length: 13\r\n\r\n", STR_INIT("<html></html>")},
    {.request = "GET /cut ", OK "Content-Length: 33\r\n\r\n", STR_INIT(OBJ_TEXT)},
    {.request = "GET /cut-chunks ",
     OK "Transfer-Encoding: chunked\r\n\r\n",
     STR_INIT("20\r\n" OBJ_TEXT "\r\n")},
    {.request = "GET /cut-head ", "HTTP/1.1 200 OK\r\nContent-", STR_INIT("")},
    {.request = "GET /no-answer ", "", STR_INIT("")},
    {.request = "GET /no-http ", "SSH-2.0-OpenSSH_9.2\r\n", STR_INIT("")},
    {.request = "GET /length-lies ",
     OK "Content-Length: 40\r\nTransfer-Encoding: chunked\r\n\r\n",
     STR_INIT("20\r\n" OBJ_TEXT "\r\n0\r\n\r\n")},
    {0},
};

static const struct {
    const char *path;
    enum err want;
    const char *message; // part of it
} bad_cases[] = {
    {"404", ERR_NOT_FOUND, "no such file"},         {"404-cut", ERR_NOT_FOUND, "no such file"},
    {"403", ERR_UPSTREAM, "answered 403"},          {"410", ERR_UPSTREAM, "answered 410"},
    {"500", ERR_UPSTREAM, "answered 500"},          {"503", ERR_UPSTREAM, "answered 503"},
    {"302", ERR_UPSTREAM, "answered 302"},          {"206", ERR_UPSTREAM, "answered 206"},
    {"204", ERR_UPSTREAM, "answered 204"},          {"empty", ERR_CORRUPT, "empty"},
    {"html", ERR_CORRUPT, "no vertices"},           {"cut", ERR_UPSTREAM, "did not come"},
    {"cut-chunks", ERR_UPSTREAM, "did not come"},   {"cut-head", ERR_UPSTREAM, "nothing came"},
    {"no-answer", ERR_UPSTREAM, "did not come"},    {"no-http", ERR_UPSTREAM, "did not come"},
    {"length-lies", ERR_UPSTREAM, "only 32 of 40"},
};

static void test_refuses(void **state)
{
    (void)state;
    struct fixture fixture;
    setup(&fixture, bad_answers);
    for (size_t i = 0; i < COUNT_OF(bad_cases); i++) {
        struct wait wait;
        fetch(&fixture, bad_cases[i].path, MODEL_FILE_OBJ, &wait);
        const struct error *err = &wait.fetch.error;
        if (err->code != bad_cases[i].want || strstr(err->message, bad_cases[i].message) == NULL)
            fail_msg("%s: got %s \"%s\"", bad_cases[i].path, err_name(err->code), err->message);
        assert_int_equal(err->retry_after_s, strcmp(bad_cases[i].path, "503") == 0 ? 77 : 0);
        assert_string_equal(wait.fetch.sha256, "");
        assert_census(fixture.dir, 0, 0);
    }
    teardown(&fixture);
}

static void test_unreachable(void **state)
{
    (void)state;
    struct fixture fixture;
    setup(&fixture, plain_answers);
    struct raw_server nobody = {0};
    raw_listen(&nobody);
    raw_close_sockets(&nobody);
    unsigned port = fixture.server.port;
    fixture.server.port = nobody.port;
    struct wait wait;
    fetch(&fixture, "length.obj", MODEL_FILE_OBJ, &wait);
    assert_int_equal(wait.fetch.error.code, ERR_UPSTREAM);
    fixture.server.port = port;
    teardown(&fixture);
}

static const struct raw_answer silent_answers[] = {
    {.request = "GET /silent ", NULL, STR_INIT("")},
    {0},
};

static void test_timeout(void **state)
{
    (void)state;
    struct fixture fixture;
    setup(&fixture, silent_answers);
    assert_int_equal(fixture.files->connect_ms, 5000);
    assert_int_equal(fixture.files->total_ms, 600000);
    fixture.files->total_ms = 50;
    struct wait wait;
    fetch(&fixture, "silent", MODEL_FILE_OBJ, &wait);
    assert_int_equal(wait.fetch.error.code, ERR_TIMEOUT);
    teardown(&fixture);
}

static const struct raw_answer large_answers[] = {
    {.request = "GET /length.obj ", OK "Content-Length: 32\r\n\r\n", STR_INIT(OBJ_TEXT)},
    {.request = "GET /chunked.obj ",
     OK "Transfer-Encoding: chunked\r\n\r\n",
     STR_INIT("20\r\n" OBJ_TEXT "\r\n0\r\n\r\n")},
    {.request = "GET /announced.obj ", OK "Content-Length: 536870913\r\n\r\n", STR_INIT(OBJ_TEXT)},
    {0},
};

static void test_too_large(void **state)
{
    (void)state;
    struct fixture fixture;
    setup(&fixture, large_answers);
    assert_int_equal(fixture.files->max_bytes, 536870912);
    struct wait wait;
    fetch(&fixture, "announced.obj", MODEL_FILE_OBJ, &wait);
    assert_int_equal(wait.fetch.error.code, ERR_TOO_LARGE);
    assert_string_equal(wait.fetch.error.message, "the file is larger than 536870912 bytes");
    static const char *const paths[] = {"length.obj", "chunked.obj"};
    for (size_t i = 0; i < COUNT_OF(paths); i++) {
        fixture.files->max_bytes = 31;
        fetch(&fixture, paths[i], MODEL_FILE_OBJ, &wait);
        assert_int_equal(wait.fetch.error.code, ERR_TOO_LARGE);
        assert_census(fixture.dir, i == 0 ? 0 : 1, 0);
        fixture.files->max_bytes = 32;
        fetch(&fixture, paths[i], MODEL_FILE_OBJ, &wait);
        assert_int_equal(wait.fetch.error.code, ERR_OK);
        assert_census(fixture.dir, 1, 0);
    }
    teardown(&fixture);
}

// A disk that takes no more: here a limit of the process. Paths are kept out of the message.
static void test_disk_full(void **state)
{
    (void)state;
    struct fixture fixture;
    setup(&fixture, plain_answers);
    signal(SIGXFSZ, SIG_IGN);
    struct rlimit before;
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    struct rlimit full = {.rlim_cur = 10, .rlim_max = before.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &full), 0);
    struct wait wait;
    fetch(&fixture, "length.obj", MODEL_FILE_OBJ, &wait);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
    signal(SIGXFSZ, SIG_DFL);
    assert_int_equal(wait.fetch.error.code, ERR_UNAVAILABLE);
    assert_string_equal(wait.fetch.error.message, "the file cannot be stored on our disk");
    assert_non_null(strstr(wait.fetch.error.cause, "write"));
    assert_census(fixture.dir, 0, 0);

    fetch(&fixture, "length.obj", MODEL_FILE_OBJ, &wait);
    assert_int_equal(wait.fetch.error.code, ERR_OK);
    teardown(&fixture);
}

// Folders that vanish are our trouble, never taken for a 404.
static void test_folders_vanish(void **state)
{
    (void)state;
    struct fixture fixture;
    setup(&fixture, plain_answers);
    const char *tmp = arena_printf(fixture.arena, "%s/tmp", fixture.dir).ptr;
    assert_int_equal(rmdir(tmp), 0);
    struct wait wait;
    fetch(&fixture, "length.obj", MODEL_FILE_OBJ, &wait);
    assert_int_equal(wait.fetch.error.code, ERR_UNAVAILABLE);
    assert_null(strstr(wait.fetch.error.message, fixture.dir));
    assert_non_null(strstr(wait.fetch.error.cause, fixture.dir));
    assert_int_equal(mkdir(tmp, 0700), 0);

    char hex[SHA256_HEX + 1];
    sha256_hex(STR(OBJ_TEXT), hex);
    const char *folder = arena_printf(fixture.arena, "%s/%.2s", fixture.dir, hex).ptr;
    int fd = open(folder, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
    assert_true(fd >= 0);
    fd_close(&fd);
    fetch(&fixture, "length.obj", MODEL_FILE_OBJ, &wait);
    assert_int_equal(wait.fetch.error.code, ERR_UNAVAILABLE);
    assert_int_equal(unlink(folder), 0);
    assert_census(fixture.dir, 0, 0);
    teardown(&fixture);
}

// Work that holds a worker until the gate is opened.
struct gate {
    struct pool_work work;
    int fd;
};

static void block_until_readable(struct pool_work *work)
{
    struct gate *gate = CONTAINER_OF(work, struct gate, work);
    struct pollfd fd = {.fd = gate->fd, .events = POLLIN};
    while (poll(&fd, 1, -1) < 0)
        check(errno == EINTR);
}

// When nobody can take the check over, the download is dropped and the network goes on.
static void test_busy(void **state)
{
    (void)state;
    struct fixture fixture;
    setup(&fixture, plain_answers);
    close_store(&fixture);
    open_store(&fixture, 3);
    int gate_pipe[2];
    assert_int_equal(pipe2(gate_pipe, O_CLOEXEC), 0);
    struct gate gates[5];
    for (size_t i = 0; i < 2 + 3;) { // two workers, three places to wait
        gates[i] = (struct gate){.work = {.run = block_until_readable}, .fd = gate_pipe[0]};
        i += pool_submit(fixture.pool, &gates[i].work) == ERR_OK;
    }
    struct wait wait;
    fetch(&fixture, "length.obj", MODEL_FILE_OBJ, &wait);
    assert_int_equal(wait.fetch.error.code, ERR_UNAVAILABLE);
    assert_string_equal(wait.fetch.error.message, "too many files are being stored");
    assert_census(fixture.dir, 0, 0);
    assert_int_equal(write(gate_pipe[1], "x", 1), 1);
    close_store(&fixture);
    open_store(&fixture, 3);
    fd_close(&gate_pipe[0]);
    fd_close(&gate_pipe[1]);
    teardown(&fixture);
}

static void test_many_at_once(void **state)
{
    (void)state;
    struct fixture fixture;
    setup(&fixture, plain_answers);
    struct wait waits[24];
    for (size_t i = 0; i < COUNT_OF(waits); i++)
        wait_start(&waits[i], &fixture, i % 2 == 0 ? "length.obj" : "scene.mtl",
                   i % 2 == 0 ? MODEL_FILE_OBJ : MODEL_FILE_MTL);
    for (size_t i = 0; i < COUNT_OF(waits); i++) {
        wait_end(&waits[i]);
        assert_int_equal(waits[i].fetch.error.code, ERR_OK);
    }
    assert_census(fixture.dir, 2, 0);
    teardown(&fixture);
}

// Closing the client ends what is under way, and nothing is left.
static void test_close_while_fetching(void **state)
{
    (void)state;
    struct fixture fixture;
    setup(&fixture, silent_answers);
    struct wait waits[12];
    for (size_t i = 0; i < COUNT_OF(waits); i++)
        wait_start(&waits[i], &fixture, "silent", MODEL_FILE_OBJ);
    http_client_close(TAKE_PTR(fixture.http));
    for (size_t i = 0; i < COUNT_OF(waits); i++) {
        wait_end(&waits[i]);
        enum err code = waits[i].fetch.error.code;
        assert_true(code == ERR_UNAVAILABLE || code == ERR_UPSTREAM);
    }
    assert_census(fixture.dir, 0, 0);
    teardown(&fixture);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_stores),
        cmocka_unit_test(test_sends_no_credentials),
        cmocka_unit_test(test_refuses),
        cmocka_unit_test(test_unreachable),
        cmocka_unit_test(test_timeout),
        cmocka_unit_test(test_too_large),
        cmocka_unit_test(test_disk_full),
        cmocka_unit_test(test_folders_vanish),
        cmocka_unit_test(test_busy),
        cmocka_unit_test(test_many_at_once),
        cmocka_unit_test(test_close_while_fetching),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
