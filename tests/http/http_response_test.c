// Tests of answers: http/http_response.c, http_problem.c, http_file.c and http_status.c.
#include "http/http_server_fixture.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include "base/log.h"

#define FILE_BYTES 300000

static int make_file(size_t len)
{
    struct buf text CLEANUP(buf_done);
    buf_init(&text, FILE_BYTES);
    for (size_t i = 0; i < len; i++)
        buf_append_char(&text, (char)('a' + i % 26));
    int fd = memfd_create("answer", MFD_CLOEXEC);
    check(fd >= 0 && write(fd, buf_str(&text).ptr, len) == (ssize_t)len);
    return fd;
}

static void file_of(struct http_request *request, size_t len)
{
    http_set_header(request, "Cache-Control", STR("public"));
    http_set_header(request, "Vary", STR("Accept-Encoding"));
    http_set_header(request, "Content-Encoding", STR("x-test"));
    http_set_header(request, "Content-Disposition", STR("inline"));
    http_respond_file(request, "model/obj", make_file(len), len, STR("tag1"));
}

static void small_file(struct http_request *request)
{
    file_of(request, 100);
}

static void empty_file(struct http_request *request)
{
    file_of(request, 0);
}

static void large_file(struct http_request *request)
{
    static int fd = -1;
    if (fd < 0)
        fd = make_file(FILE_BYTES);
    int copy = fcntl(fd, F_DUPFD_CLOEXEC, 0);
    check(copy >= 0);
    http_respond_file(request, "model/obj", copy, FILE_BYTES, STR("tag1"));
}

static void json(struct http_request *request)
{
    http_set_header(request, "X-One", STR("1"));
    http_set_header(request, "x-one", STR("2"));
    http_set_header(request, "X-None", STR(""));
    http_respond(request, 201, "application/json", STR("{}"));
}

static void cached(struct http_request *request)
{
    http_set_header(request, "Cache-Control", STR("max-age=5"));
    http_respond(request, 200, "application/json", STR("{}"));
}

static void none(struct http_request *request)
{
    http_respond(request, 204, NULL, STR_NULL);
}

static void problem(struct http_request *request)
{
    struct error err;
    error_set(&err, ERR_UNAVAILABLE, "not now");
    err.retry_after_s = 7;
    http_problem(request, &err);
}

static void limited(struct http_request *request)
{
    struct error err;
    error_set(&err, ERR_LIMITED, "slower");
    http_problem(request, &err);
}

static void places(struct http_request *request)
{
    struct error err;
    error_reset(&err);
    for (int i = 0; i < ERROR_PLACES_MAX; i++)
        (void)error_place(&err, STR("/a/\"b"), "%0150d", i);
    http_problem_status(request, 422, &err);
}

// Gives the taken answer with what it was and one more header.
static void taker(struct http_request *request, int status, struct str body, void *ctx)
{
    struct str type = http_answer_header(request, "x-kind");
    check(http_answer_header(request, "X-Other").ptr == NULL);
    http_set_header(request, "X-Taken",
                    arena_printf(http_arena(request), "%d %.*s", status, STR_ARG(type)));
    http_respond(request, *(int *)ctx, "application/json", body);
}

static void taken(struct http_request *request)
{
    static int status = 202;
    http_suspend(request);
    http_take_answer(request, taker, &status);
    http_set_header(request, "X-Kind", STR("mine"));
    http_respond(request, 201, "text/plain", STR("{}"));
}

static const struct http_route routes[] = {
    {.method = HTTP_GET, .pattern = "/small", .handler = small_file},
    {.method = HTTP_GET, .pattern = "/empty", .handler = empty_file},
    {.method = HTTP_GET, .pattern = "/large", .handler = large_file},
    {.method = HTTP_GET, .pattern = "/json", .handler = json},
    {.method = HTTP_DELETE, .pattern = "/json", .handler = none},
    {.method = HTTP_GET, .pattern = "/cached", .handler = cached},
    {.method = HTTP_GET, .pattern = "/problem", .handler = problem},
    {.method = HTTP_GET, .pattern = "/limited", .handler = limited},
    {.method = HTTP_GET, .pattern = "/places", .handler = places},
    {.method = HTTP_GET, .pattern = "/taken", .handler = taken},
};

static const struct http_server_settings plain = {
    .routes = routes, .route_count = COUNT_OF(routes), .loops = 1};

static int setup(void **state)
{
    log_setup(LOG_OFF, LOG_TEXT, 2);
    *state = open_server(&plain);
    return 0;
}

static int teardown(void **state)
{
    http_server_close(*state);
    return 0;
}

// Asks with one more header line (or none) and reads the answer.
static void ask(int fd, const char *method, const char *path, const char *line, struct reply *reply)
{
    struct buf text CLEANUP(buf_done);
    buf_init(&text, 4096);
    buf_printf(&text, "%s %s HTTP/1.1\r\nHost: a\r\n%s%s\r\n", method, path, line,
               line[0] == '\0' ? "" : "\r\n");
    send_str(fd, buf_str(&text));
    read_reply_of(fd, reply, strcmp(method, "HEAD") != 0);
}

static void test_headers(void **state)
{
    struct reply reply;
    int fd = dial(*state);
    ask(fd, "GET", "/json", "", &reply);
    assert_int_equal(reply.status, 201);
    assert_true(reply_header_is(&reply, "Content-Type", "application/json"));
    assert_true(reply_header_is(&reply, "Cache-Control", "no-store"));
    assert_true(reply_header_is(&reply, "X-One", "2"));
    assert_null(reply_header(&reply, "X-None").ptr);
    assert_null(reply_header(&reply, "Server").ptr);
    assert_null(reply_header(&reply, "Access-Control-Allow-Origin").ptr);
    assert_non_null(reply_header(&reply, "Date").ptr);
    assert_int_equal(reply_header(&reply, "X-Request-Id").len, 19);
    reply_done(&reply);

    ask(fd, "GET", "/cached", "X-Request-Id: mine-1", &reply);
    assert_true(reply_header_is(&reply, "Cache-Control", "max-age=5"));
    assert_true(reply_header_is(&reply, "X-Request-Id", "mine-1"));
    reply_done(&reply);

    ask(fd, "GET", "/nothing", "X-Request-Id: not mine", &reply);
    assert_int_equal(reply.status, 404);
    assert_true(reply_is_problem(&reply));
    assert_int_equal(reply_header(&reply, "X-Request-Id").len, 19);
    reply_done(&reply);

    ask(fd, "DELETE", "/json", "", &reply);
    assert_int_equal(reply.status, 204);
    assert_null(reply_header(&reply, "Content-Length").ptr);
    assert_null(reply_header(&reply, "Content-Type").ptr);
    reply_done(&reply);
    close(fd);
}

static void test_head(void **state)
{
    struct reply reply;
    int fd = dial(*state);
    ask(fd, "HEAD", "/json", "", &reply);
    assert_int_equal(reply.status, 201);
    assert_true(reply_header_is(&reply, "Content-Length", "2"));
    reply_done(&reply);
    ask(fd, "HEAD", "/large", "Range: bytes=0-9", &reply);
    assert_int_equal(reply.status, 200);
    assert_true(reply_header_is(&reply, "Content-Length", "300000"));
    assert_true(reply_header_is(&reply, "ETag", "\"tag1\""));
    reply_done(&reply);
    ask(fd, "HEAD", "/nothing", "", &reply);
    assert_int_equal(reply.status, 404);
    reply_done(&reply);
    // The connection is still in step.
    ask(fd, "GET", "/json", "", &reply);
    assert_true(reply_body_is(&reply, "{}"));
    reply_done(&reply);
    close(fd);
}

static void test_problems(void **state)
{
    struct reply reply;
    int fd = dial(*state);
    ask(fd, "GET", "/problem", "", &reply);
    assert_int_equal(reply.status, 503);
    assert_true(reply_is_problem(&reply));
    assert_true(reply_header_is(&reply, "Retry-After", "7"));
    assert_true(reply_header_is(&reply, "Cache-Control", "no-store"));
    reply_done(&reply);
    ask(fd, "GET", "/limited", "", &reply);
    assert_int_equal(reply.status, 429);
    assert_true(reply_header_is(&reply, "Retry-After", "1"));
    reply_done(&reply);
    ask(fd, "GET", "/places", "", &reply);
    assert_int_equal(reply.status, 422);
    assert_true(reply_is_problem(&reply));
    reply_done(&reply);
    close(fd);
}

static void test_file_ranges(void **state)
{
    static const struct {
        const char *path;
        const char *line;
        int status;
        const char *range; // Content-Range; NULL: none
        size_t length;
        char first; // of the body
    } rows[] = {
        {"/small", "", 200, NULL, 100, 'a'},
        {"/small", "Range: bytes=1-3", 206, "bytes 1-3/100", 3, 'b'},
        {"/small", "Range: bytes=-1", 206, "bytes 99-99/100", 1, 'v'},
        {"/small", "Range: bytes=0-", 206, "bytes 0-99/100", 100, 'a'},
        {"/small", "Range: bytes=1-2,5-6", 200, NULL, 100, 'a'},
        {"/small", "Range: lines=1-2", 200, NULL, 100, 'a'},
        {"/small", "Range: bytes=1-3\r\nIf-Range: \"tag1\"", 206, "bytes 1-3/100", 3, 'b'},
        {"/small", "Range: bytes=1-3\r\nIf-Range: \"tag2\"", 200, NULL, 100, 'a'},
        {"/small", "Range: bytes=1-3\r\nIf-Range: W/\"tag1\"", 200, NULL, 100, 'a'},
        {"/small", "If-None-Match: \"tag2\"", 200, NULL, 100, 'a'},
        {"/large", "", 200, NULL, FILE_BYTES, 'a'},
        {"/large", "Range: bytes=26-260025", 206, "bytes 26-260025/300000", 260000, 'a'},
        {"/empty", "", 200, NULL, 0, 0},
        {"/empty", "Range: bytes=1-2,5-6", 200, NULL, 0, 0},
        {"/empty", "Range: bytes=5-2", 200, NULL, 0, 0},
    };
    int fd = dial(*state);
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct reply reply;
        ask(fd, "GET", rows[i].path, rows[i].line, &reply);
        assert_int_equal(reply.status, rows[i].status);
        assert_true(str_equal(reply_header(&reply, "Content-Range"), str_of(rows[i].range)));
        assert_true(reply_header_is(&reply, "ETag", "\"tag1\""));
        assert_true(reply_header_is(&reply, "Accept-Ranges", "bytes"));
        assert_true(reply_header_is(&reply, "Content-Type", "model/obj"));
        assert_int_equal(reply.body.len, rows[i].length);
        for (size_t k = 0; k < reply.body.len; k++)
            assert_int_equal(reply.body.ptr[k], 'a' + (rows[i].first - 'a' + (int)k) % 26);
        reply_done(&reply);
    }
    close(fd);
}

// RFC 9110, section 13.2.2: what comes first when several conditions are given, and what the
// answers have for headers (sections 15.3.7, 15.4.5 and 15.5.17).
static void test_file_precedence(void **state)
{
    static const struct {
        const char *lines;
        int status;
        const char *range; // Content-Range; NULL: none
    } rows[] = {
        {"If-Match: \"tag1\"", 200, NULL},
        {"If-Match: *", 200, NULL},
        {"If-Match: \"tag2\", \"tag1\"", 200, NULL},
        {"If-Match: \"tag2\"", 412, NULL},
        {"If-Match: W/\"tag1\"", 412, NULL},
        {"If-Match: nonsense", 412, NULL},
        {"If-Match: \"tag1\"\r\nIf-None-Match: \"tag1\"", 304, NULL},
        {"If-Match: \"tag2\"\r\nIf-None-Match: \"tag1\"", 412, NULL},
        {"If-Match: \"tag2\"\r\nRange: bytes=0-1", 412, NULL},
        {"If-Match: \"tag1\"\r\nRange: bytes=0-1", 206, "bytes 0-1/100"},
        {"If-None-Match: \"tag1\"", 304, NULL},
        {"If-None-Match: W/\"tag1\"", 304, NULL},
        {"If-None-Match: \"x\", \"tag1\"", 304, NULL},
        {"If-None-Match: \"tag1\"\r\nRange: bytes=0-1", 304, NULL},
        {"If-None-Match: \"tag1\"\r\nRange: bytes=100-", 304, NULL},
        {"If-None-Match: \"tag1\"\r\nRange: bytes=0-1\r\nIf-Range: \"tag2\"", 304, NULL},
        {"If-None-Match: \"tag2\"\r\nRange: bytes=0-1", 206, "bytes 0-1/100"},
        {"If-None-Match: \"tag2\"\r\nRange: bytes=100-", 416, "bytes */100"},
        {"If-None-Match: nonsense", 200, NULL},
        {"Range: bytes=0-1\r\nIf-Range: \"tag1\"", 206, "bytes 0-1/100"},
        {"Range: bytes=0-1\r\nIf-Range: \"tag2\"", 200, NULL},
        {"Range: bytes=0-1\r\nIf-Range: W/\"tag1\"", 200, NULL},
        {"Range: bytes=0-1\r\nIf-Range: \"tag1\", \"tag2\"", 200, NULL},
        {"Range: bytes=0-1\r\nIf-Range: *", 200, NULL},
        {"Range: bytes=0-1\r\nIf-Range: Sun, 06 Nov 1994 08:49:37 GMT", 200, NULL},
        {"Range: bytes=100-\r\nIf-Range: \"tag2\"", 200, NULL},
        {"Range: bytes=100-\r\nIf-Range: \"tag1\"", 416, "bytes */100"},
        {"If-Range: \"tag2\"", 200, NULL},
        {"Range: bytes=0-99", 206, "bytes 0-99/100"},
        {"Range: bytes=99-", 206, "bytes 99-99/100"},
        {"Range: bytes=99-1000", 206, "bytes 99-99/100"},
        {"Range: bytes=-100", 206, "bytes 0-99/100"},
        {"Range: bytes=-1000", 206, "bytes 0-99/100"},
        {"Range: bytes=-0", 416, "bytes */100"},
        {"Range: bytes=100-100", 416, "bytes */100"},
        {"Range: bytes=2-1", 200, NULL},
        {"Range: bytes=0-1,5-6", 200, NULL},
        {"Range: bytes=0-1, -1", 200, NULL},
        {"Range: bytes=500-,0-1", 200, NULL},
        {"Range: items=0-1", 200, NULL},
        // There is no date to compare with, so these do not count (section 13.2.1).
        {"If-Modified-Since: Fri, 31 Dec 2049 23:59:59 GMT", 200, NULL},
        {"If-Unmodified-Since: Sun, 06 Nov 1994 08:49:37 GMT", 200, NULL},
    };
    int fd = dial(*state);
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct reply reply;
        ask(fd, "GET", "/small", rows[i].lines, &reply);
        if (reply.status != rows[i].status)
            fail_msg("%s: %d", rows[i].lines, reply.status);
        bool is_file = reply.status < 400;
        bool has_body = reply.status == 200 || reply.status == 206;
        assert_true(str_equal(reply_header(&reply, "Content-Range"), str_of(rows[i].range)));
        assert_true(reply_header_is(&reply, "Vary", "Accept-Encoding"));
        assert_true(reply_header_is(&reply, "Cache-Control", is_file ? "public" : "no-store"));
        assert_int_equal(reply_header_is(&reply, "ETag", "\"tag1\""), is_file);
        assert_int_equal(reply_header(&reply, "Content-Encoding").ptr != NULL, has_body);
        assert_int_equal(reply_header(&reply, "Content-Disposition").ptr != NULL, has_body);
        assert_int_equal(reply_header_is(&reply, "Content-Type", "model/obj"), has_body);
        assert_int_equal(reply_is_problem(&reply), !is_file);
        // The bytes of a part are looked at by test_file_ranges().
        if (reply.status == 200)
            assert_int_equal(reply.body.len, 100);
        reply_done(&reply);
    }
    close(fd);
}

// Ranges are for GET alone; conditions are for both, and no answer has a body: the next one follows
// at once.
static void test_file_head(void **state)
{
    static const struct {
        const char *lines;
        int status;
        const char *length; // Content-Length; NULL: any
    } rows[] = {
        {"", 200, "100"},
        {"Range: bytes=0-1", 200, "100"},
        {"Range: bytes=100-", 200, "100"},
        {"If-Range: \"tag1\"\r\nRange: bytes=0-1", 200, "100"},
        {"If-None-Match: \"tag2\"", 200, "100"},
        {"If-None-Match: \"tag1\"", 304, NULL},
        {"If-Match: \"tag2\"", 412, NULL},
    };
    int fd = dial(*state);
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct reply reply;
        ask(fd, "HEAD", "/small", rows[i].lines, &reply);
        assert_int_equal(reply.status, rows[i].status);
        assert_null(reply_header(&reply, "Content-Range").ptr);
        if (rows[i].length != NULL)
            assert_true(reply_header_is(&reply, "Content-Length", rows[i].length));
        reply_done(&reply);
    }
    close(fd);
}

static void test_file_conditions(void **state)
{
    struct reply reply;
    int fd = dial(*state);
    ask(fd, "GET", "/small", "If-None-Match: W/\"tag1\"\r\nRange: bytes=0-1", &reply);
    assert_int_equal(reply.status, 304);
    assert_true(reply_header_is(&reply, "ETag", "\"tag1\""));
    assert_true(reply_header_is(&reply, "Cache-Control", "public"));
    reply_done(&reply);
    ask(fd, "HEAD", "/small", "If-None-Match: *", &reply);
    assert_int_equal(reply.status, 304);
    reply_done(&reply);
    ask(fd, "GET", "/small", "Range: bytes=100-", &reply);
    assert_int_equal(reply.status, 416);
    assert_true(reply_is_problem(&reply));
    assert_true(reply_header_is(&reply, "Content-Range", "bytes */100"));
    reply_done(&reply);
    close(fd);
}

static size_t open_files(void)
{
    size_t count = 0;
    for (int fd = 0; fd < 1024; fd++)
        count += fcntl(fd, F_GETFD) >= 0;
    return count;
}

static void test_files_are_closed(void **state)
{
    static const char *const lines[] = {"", "Range: bytes=1-3", "Range: bytes=100-",
                                        "If-None-Match: *"};
    struct reply reply;
    int fd = dial(*state);
    ask(fd, "GET", "/json", "", &reply);
    reply_done(&reply);
    size_t before = open_files();
    for (size_t i = 0; i < 40; i++) {
        ask(fd, i % 2 == 0 ? "GET" : "HEAD", "/small", lines[i / 2 % COUNT_OF(lines)], &reply);
        reply_done(&reply);
    }
    ask(fd, "GET", "/json", "", &reply);
    reply_done(&reply);
    assert_int_equal(open_files(), before);
    close(fd);
}

// The client of a large answer goes away in the middle of it.
static void test_client_leaves_file(void **state)
{
    for (int i = 0; i < 20; i++) {
        char byte = 0;
        int fd = dial(*state);
        send_text(fd, "GET /large HTTP/1.1\r\nHost: a\r\n\r\n");
        assert_int_equal(recv(fd, &byte, 1, 0), 1);
        close(fd);
    }
    struct reply reply;
    int fd = dial(*state);
    ask(fd, "GET", "/large", "", &reply);
    assert_int_equal(reply.body.len, FILE_BYTES);
    reply_done(&reply);
    close(fd);
}

static void test_cors(void **state)
{
    struct http_server_settings settings = plain;
    struct reply reply;
    (void)state;
    settings.cors_origin = "https://console.example";
    struct http_server *server = open_server(&settings);
    int fd = dial(server);
    ask(fd, "GET", "/json", "Origin: https://console.example", &reply);
    assert_true(reply_header_is(&reply, "Access-Control-Allow-Origin", "https://console.example"));
    assert_null(reply_header(&reply, "Access-Control-Allow-Methods").ptr);
    reply_done(&reply);
    ask(fd, "GET", "/nothing", "", &reply);
    assert_int_equal(reply.status, 404);
    assert_non_null(reply_header(&reply, "Access-Control-Allow-Origin").ptr);
    reply_done(&reply);
    ask(fd, "OPTIONS", "/json",
        "Origin: https://console.example\r\nAccess-Control-Request-Method: DELETE\r\n"
        "Access-Control-Request-Headers: content-type, x-a",
        &reply);
    assert_int_equal(reply.status, 204);
    assert_true(
        reply_header_is(&reply, "Access-Control-Allow-Methods", "GET, HEAD, DELETE, OPTIONS"));
    assert_true(reply_header_is(&reply, "Access-Control-Allow-Headers", "content-type, x-a"));
    assert_non_null(reply_header(&reply, "Access-Control-Max-Age").ptr);
    reply_done(&reply);

    // What is allowed in a request's header, but not in an answer's, is not sent back.
    ask(fd, "OPTIONS", "/json",
        "Access-Control-Request-Method: DELETE\r\nAccess-Control-Request-Headers: x-a,\tx-b",
        &reply);
    assert_int_equal(reply.status, 204);
    assert_null(reply_header(&reply, "Access-Control-Allow-Headers").ptr);
    reply_done(&reply);
    close(fd);
    http_server_close(server);
}

static void test_options(void **state)
{
    struct reply reply;
    int fd = dial(*state);
    ask(fd, "OPTIONS", "/json", "Access-Control-Request-Method: GET", &reply);
    assert_int_equal(reply.status, 204);
    assert_true(reply_header_is(&reply, "Allow", "GET, HEAD, DELETE, OPTIONS"));
    assert_null(reply_header(&reply, "Access-Control-Allow-Methods").ptr);
    reply_done(&reply);
    ask(fd, "OPTIONS", "/nothing", "", &reply);
    assert_int_equal(reply.status, 404);
    reply_done(&reply);
    ask(fd, "PUT", "/json", "", &reply);
    assert_int_equal(reply.status, 405);
    assert_true(reply_header_is(&reply, "Allow", "GET, HEAD, DELETE, OPTIONS"));
    assert_true(reply_is_problem(&reply));
    reply_done(&reply);
    close(fd);
}

static void test_statuses(void **state)
{
    (void)state;
    for (int code = ERR_OK; code <= ERR_INTERNAL; code++)
        assert_string_not_equal(http_status_title(http_status_of((enum err)code)), "Unknown");
    assert_int_equal(http_status_of(ERR_UNAVAILABLE), 503);
    assert_int_equal(http_status_of(ERR_INVALID), 400);
    assert_string_equal(http_status_title(404), "Not Found");
    assert_string_equal(http_status_title(599), "Unknown");
}

static void twice(struct http_request *request)
{
    http_respond(request, 200, NULL, STR_NULL);
    http_respond(request, 200, NULL, STR_NULL);
}

static void never(struct http_request *request)
{
    (void)request;
}

static void split_header(struct http_request *request)
{
    http_set_header(request, "X-A", STR("b\r\nSet-Cookie: c"));
    http_respond(request, 200, NULL, STR_NULL);
}

// Runs one request against the handler in a process of its own, which must abort.
static void expect_abort(http_handler *handler)
{
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        const struct http_route route = {.method = HTTP_GET, .pattern = "/", .handler = handler};
        const struct http_server_settings settings = {.routes = &route, .route_count = 1};
        struct reply reply;
        signal(SIGABRT, SIG_DFL);
        close(2);
        int fd = dial(open_server(&settings));
        ask(fd, "GET", "/", "", &reply);
        _exit(0);
    }
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_false(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

static void test_misuse_aborts(void **state)
{
    (void)state;
    expect_abort(twice);
    expect_abort(never);
    expect_abort(split_header);
}

static void test_taken(void **state)
{
    struct reply reply CLEANUP(reply_done) = {0};
    int fd = dial(*state);
    ask(fd, "GET", "/taken", "", &reply);
    assert_int_equal(reply.status, 202);
    assert_true(reply_header_is(&reply, "X-Taken", "201 mine"));
    assert_true(reply_header_is(&reply, "X-Kind", "mine"));
    assert_true(reply_header_is(&reply, "Content-Type", "application/json"));
    assert_true(reply_body_is(&reply, "{}"));
    close(fd);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_taken, setup, teardown),
        cmocka_unit_test(test_misuse_aborts),
        cmocka_unit_test(test_statuses),
        cmocka_unit_test_setup_teardown(test_headers, setup, teardown),
        cmocka_unit_test_setup_teardown(test_head, setup, teardown),
        cmocka_unit_test_setup_teardown(test_problems, setup, teardown),
        cmocka_unit_test_setup_teardown(test_file_ranges, setup, teardown),
        cmocka_unit_test_setup_teardown(test_file_conditions, setup, teardown),
        cmocka_unit_test_setup_teardown(test_file_precedence, setup, teardown),
        cmocka_unit_test_setup_teardown(test_file_head, setup, teardown),
        cmocka_unit_test_setup_teardown(test_files_are_closed, setup, teardown),
        cmocka_unit_test_setup_teardown(test_client_leaves_file, setup, teardown),
        cmocka_unit_test_setup_teardown(test_options, setup, teardown),
        cmocka_unit_test(test_cors),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
