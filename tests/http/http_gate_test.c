// Tests of http/http_gate.c, alone and with raw bytes through a server.
#include "http/http_server_fixture.h"

#include "http/http_gate.h"

static void hello(struct http_request *request)
{
    http_respond(request, 200, "text/plain", STR("hello"));
}

static void echo(struct http_request *request)
{
    http_respond(request, 200, "application/json", http_body(request));
}

static const struct http_route routes[] = {
    {.method = HTTP_GET, .pattern = "/hello", .handler = hello},
    {.method = HTTP_POST, .pattern = "/echo", .handler = echo, .flags = HTTP_ROUTE_JSON_BODY},
};

static const struct http_server_settings settings = {
    .routes = routes, .route_count = COUNT_OF(routes), .loops = 2};

static int setup(void **state)
{
    *state = open_server(&settings);
    return 0;
}

static int teardown(void **state)
{
    http_server_close(*state);
    return 0;
}

// status: 400 is ours, as problem details; -400 is libmicrohttpd's bare one.
struct row {
    struct str bytes;
    int status;
    bool closed;
};

#define ROW(bytes_, status_, closed_)                                                              \
    {                                                                                              \
        .bytes = STR_INIT(bytes_), .status = (status_), .closed = (closed_)                        \
    }
#define GET  "GET /hello HTTP/1.1\r\n"
#define POST "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n"

static void expect_rows(struct http_server *server, const struct row *rows, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        bool closed = false;
        int status = ask_once(server, rows[i].bytes, &closed);
        if (status != rows[i].status || closed != rows[i].closed)
            fail_msg("%d%s for %s", status, closed ? " and closed" : "", rows[i].bytes.ptr);
    }
}

static void test_framing(void **state)
{
    static const struct row rows[] = {
        ROW(POST "Content-Length: 2\r\n\r\n{}", 200, false),
        ROW(POST "Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n", 200, false),
        ROW(POST "Transfer-Encoding: Chunked\r\n\r\n1\r\n{\r\n1\r\n}\r\n0\r\nA: b\r\n\r\n", 200,
            false),
        ROW(POST "Content-Length: 2\r\nContent-Length: 2\r\n\r\n{}", 400, true),
        ROW(POST "Content-Length: 2\r\ncontent-length: 3\r\n\r\n{} ", 400, true),
        ROW(POST "Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400, true),
        ROW(POST "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400,
            true),
        ROW(POST "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", 400, true),
        ROW(POST "Transfer-Encoding: identity\r\n\r\n", 400, true),
        ROW(POST "Transfer-Encoding:\r\n\r\n", 400, true),
        ROW("POST /echo HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400, true),
        ROW(POST "Content-Length: 2\r\nContent-Type: text/plain\r\n\r\n{}", 400, true),
        // refused by libmicrohttpd before the gate
        ROW(POST "Content-Length: x\r\n\r\n", -400, true),
        ROW(POST "Content-Length: +2\r\n\r\n{}", -400, true),
        ROW(POST "Content-Length: -2\r\n\r\n{}", -400, true),
        ROW(POST "Content-Length: 2, 2\r\n\r\n{}", -400, true),
        ROW(POST "Content-Length:\r\n\r\n", -400, true),
        ROW(POST "Content-Length: 99999999999999999999\r\n\r\n", -413, true),
        ROW(POST "Transfer-Encoding: chunked\r\n\r\nx\r\n", -400, true),
        ROW(POST "Transfer-Encoding: chunked\r\n\r\n2\r\n{}xx", -400, true),
        ROW(POST "Transfer-Encoding: chunked\r\n\r\n99999999999999999\r\n", -413, true),
    };
    expect_rows(*state, rows, COUNT_OF(rows));
}

static void test_host(void **state)
{
    static const struct row rows[] = {
        ROW(GET "Host: a\r\n\r\n", 200, false),
        ROW(GET "hOST: [::1]:8080\r\n\r\n", 200, false),
        ROW(GET "Host:\r\n\r\n", 200, false),
        ROW("GET /hello HTTP/1.0\r\n\r\n", 200, true),
        ROW(GET "\r\n", 400, true),
        ROW(GET "Host: a\r\nHost: a\r\n\r\n", 400, true),
        ROW(GET "Host: a\r\nHost: b\r\n\r\n", 400, true),
        ROW(GET "Host: a, b\r\n\r\n", 400, true),
        ROW(GET "Host: a b\r\n\r\n", 400, true),
        ROW(GET "Host: a/b\r\n\r\n", 400, true),
        ROW(GET "Host: user@a\r\n\r\n", 400, true),
        ROW("GET http://a/hello HTTP/1.1\r\nHost: A\r\n\r\n", 200, false),
        ROW("GET http://b/hello HTTP/1.1\r\nHost: a\r\n\r\n", 400, true),
    };
    expect_rows(*state, rows, COUNT_OF(rows));
}

static void test_lines(void **state)
{
    static const struct row rows[] = {
        ROW(GET "Host: a\r\nA: b\tc\xc3\xa4\r\n\r\n", 200, false),
        ROW(GET "Host: a\r\nA:b \r\nB: \t\r\nC:\r\n\r\n", 200, false),
        ROW("\r\n" GET "Host: a\r\n\r\n", 200, false),
        ROW(GET "Host: a\r\nA : b\r\n\r\n", 400, true),
        ROW(GET "Host: a\r\nA\t: b\r\n\r\n", 400, true),
        ROW(GET "Host: a\r\n: b\r\n\r\n", 400, true),
        ROW(GET "Host: a\r\nA(: b\r\n\r\n", 400, true),
        ROW(GET "Host: a\r\n\xc3\xa4: b\r\n\r\n", 400, true),
        ROW(GET "Host: a\r\nA\x01: b\r\n\r\n", 400, true),
        ROW(GET "Host: a\r\nA: b\x01\r\n\r\n", 400, true),
        ROW(GET "Host: a\r\nA: b\x7f\r\n\r\n", 400, true),
        ROW(GET "Host: a\r\nA: b\rc\r\n\r\n", 400, true),
        ROW(GET "Host: a\r\nA: b\0c\r\n\r\n", 400, true),
        ROW(GET "Host: a\r\nA: b\0\r\n\r\n", 400, true),
        ROW(GET "Host: a\0\r\nA: b\r\n\r\n", 400, true),
        // a NUL that would end the headers early, and with them the request
        ROW(GET "Host: a\r\n\0A: b\r\n\r\n", 400, true),
        ROW(GET "Host: a\nA: b\r\n\r\n", 400, true),
        ROW(GET "Host: a\r\nA: b\r\n\n", 400, true),
        ROW(GET "Host: a\r\nA: b\n\r\n", 400, true),
        ROW("GET /hello HTTP/1.1\nHost: a\r\n\r\n", 400, true),
        ROW(GET "Host: a\r\nA: b\r\n c\r\n\r\n", 400, true),
        ROW(GET "Host: a\r\n A: b\r\n\r\n", 400, true),
        // refused by libmicrohttpd before the gate
        ROW(GET "Host: a\r\nA\r\n\r\n", -400, true),
        ROW(GET " Host: a\r\n\r\n", 400, true),
    };
    expect_rows(*state, rows, COUNT_OF(rows));
}

static void test_request_line(void **state)
{
    static const struct row rows[] = {
        ROW("GET /hello?a=%41&b HTTP/1.1\r\nHost: a\r\n\r\n", 200, false),
        ROW("GET /hello HTTP/1.2\r\nHost: a\r\n\r\n", 200, false),
        ROW("GET /he llo HTTP/1.1\r\nHost: a\r\n\r\n", 400, false),
        ROW("GET /%00 HTTP/1.1\r\nHost: a\r\n\r\n", 400, false),
        ROW("GET /%zz HTTP/1.1\r\nHost: a\r\n\r\n", 400, false),
        ROW("GET /../etc/passwd HTTP/1.1\r\nHost: a\r\n\r\n", 400, false),
        ROW("GET /hello?a=%ff HTTP/1.1\r\nHost: a\r\n\r\n", 400, false),
        ROW("GET * HTTP/1.1\r\nHost: a\r\n\r\n", 400, false),
        ROW("OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n", 204, false),
        ROW("CONNECT a:80 HTTP/1.1\r\nHost: a\r\n\r\n", 400, false),
        ROW("get /hello HTTP/1.1\r\nHost: a\r\n\r\n", 405, false),
        ROW("BREW /hello HTTP/1.1\r\nHost: a\r\n\r\n", 405, false),
        ROW("BREW /nothing HTTP/1.1\r\nHost: a\r\n\r\n", 404, false),
        ROW("GET /hello HTTP/2.0\r\nHost: a\r\n\r\n", -505, true),
        ROW("GET /hello HTTP/0.9\r\nHost: a\r\n\r\n", -505, true),
        ROW("GET /hello\r\n\r\n", -400, true),
        ROW("\x16\x03\x01\r\n\r\n", 0, true),
    };
    expect_rows(*state, rows, COUNT_OF(rows));
}

// After a broken request nothing more of the connection is answered.
static void test_nothing_smuggled(void **state)
{
    struct reply reply;
    int fd = dial(*state);
    send_text(fd, POST "Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" GET
                       "Host: a\r\n\r\n");
    read_reply(fd, &reply);
    assert_int_equal(reply.status, 400);
    assert_true(is_closed(fd));
    reply_done(&reply);
    close(fd);
}

static void test_rules(void **state)
{
    struct http_gate gate = {0};
    (void)state;
    http_gate_header(&gate, STR("Host"), STR("a"));
    http_gate_header(&gate, STR("content-LENGTH"), STR("12 "));
    http_gate_header(&gate, STR("Content-Type"), STR("application/json"));
    http_gate_header(&gate, STR("Expect"), STR("100-continue"));
    http_gate_header(&gate, STR("X-Request-Id"), STR("abc"));
    http_gate_header(&gate, STR("X-Request-Id"), STR("def"));
    assert_null(http_gate_finish(&gate, false));
    assert_int_equal(gate.length, 12);
    assert_true(str_equal(gate.request_id, STR("abc")));
    assert_true(str_equal(gate.expect, STR("100-continue")));

    static const char *const lengths[] = {"", "-1", "+1", "0x1", "1 1", "9223372036854775808"};
    for (size_t i = 0; i < COUNT_OF(lengths); i++) {
        struct http_gate broken = {0};
        http_gate_header(&broken, STR("Host"), STR("a"));
        http_gate_header(&broken, STR("Content-Length"), str_of(lengths[i]));
        assert_non_null(http_gate_finish(&broken, false));
    }
}

static void test_request_ids(void **state)
{
    static const char longest[] =
        "0123456789abcdef0123456789abcdef0123456789ABCDEF0123456789._-xyz";
    (void)state;
    struct http_gate gate = {0};
    http_gate_header(&gate, STR("X-Request-Id"), STR(longest));
    assert_int_equal(gate.request_id.len, 64);
    static const char *const insane[] = {
        "",    "a b",      "a/b",
        "a\"", "\xc3\xa4", "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdefg"};
    for (size_t i = 0; i < COUNT_OF(insane); i++) {
        struct http_gate other = {0};
        http_gate_header(&other, STR("X-Request-Id"), str_of(insane[i]));
        assert_null(other.request_id.ptr);
        assert_null(other.fault);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rules),
        cmocka_unit_test(test_request_ids),
        cmocka_unit_test_setup_teardown(test_framing, setup, teardown),
        cmocka_unit_test_setup_teardown(test_host, setup, teardown),
        cmocka_unit_test_setup_teardown(test_lines, setup, teardown),
        cmocka_unit_test_setup_teardown(test_request_line, setup, teardown),
        cmocka_unit_test_setup_teardown(test_nothing_smuggled, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
