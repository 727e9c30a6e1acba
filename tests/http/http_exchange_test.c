// Tests of http/http_exchange.c: what requests must pass on their way to a handler.
#include "http/http_server_fixture.h"

static void hello(struct http_request *request)
{
    http_respond(request, 200, "text/plain", STR("hello"));
}

static void echo(struct http_request *request)
{
    http_respond(request, 200, "application/json", http_body(request));
}

static void checked(struct http_request *request)
{
    static const char *const names[] = {"limit", "offset", NULL};
    struct error err;
    error_reset(&err);
    if (http_query_check(request, names, &err) == ERR_OK)
        http_respond(request, 204, NULL, STR_NULL);
    else
        http_problem(request, &err);
}

static const struct http_route routes[] = {
    {.method = HTTP_GET, .pattern = "/hello", .handler = hello},
    {.method = HTTP_POST, .pattern = "/echo", .handler = echo, .flags = HTTP_ROUTE_JSON_BODY},
    {.method = HTTP_PUT,
     .pattern = "/echo",
     .handler = echo,
     .flags = HTTP_ROUTE_JSON_BODY | HTTP_ROUTE_OPTIONAL_BODY,
     .body_max = 4},
    {.method = HTTP_GET, .pattern = "/checked", .handler = checked},
};

static const struct http_server_settings plain = {.routes = routes,
                                                  .route_count = COUNT_OF(routes),
                                                  .loops = 2,
                                                  .body_max_bytes = 100000,
                                                  .app = "app"};

static int setup(void **state)
{
    *state = open_server(&plain);
    return 0;
}

static int teardown(void **state)
{
    http_server_close(*state);
    return 0;
}

static void test_query_check(void **state)
{
    struct reply reply;
    int fd = dial(*state);
    get(fd, "/checked?limit=1&offset=2");
    expect_status(fd, 204);
    get(fd, "/checked?limit=1&limit=2");
    expect_status(fd, 400);
    get(fd, "/checked?limit=1&%3Cb%3E=2");
    read_reply(fd, &reply);
    assert_int_equal(reply.status, 400);
    assert_non_null(strstr(buf_cstr(&reply.body), "\"?<b>\""));
    reply_done(&reply);
    close(fd);
}

static void test_bytewise(void **state)
{
    static const char text[] =
        "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n"
        "Transfer-Encoding: chunked\r\n\r\n3;x=y\r\n[1,\r\n2\r\n2]\r\n0\r\n\r\n";
    int fd = dial(*state);
    for (size_t i = 0; i < sizeof(text) - 1; i++)
        send_str(fd, (struct str){.ptr = &text[i], .len = 1});
    expect_body(fd, "[1,2]");
    close(fd);
}

static void send_body(int fd, const char *head, size_t len)
{
    struct buf text CLEANUP(buf_done);
    buf_init(&text, (size_t)1 << 20);
    buf_printf(&text,
               "%s\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: %zu\r\n\r\n",
               head, len);
    send_str(fd, buf_str(&text));
    buf_reset(&text);
    while (text.len < len)
        buf_append_char(&text, ' ');
    send_str(fd, buf_str(&text));
}

static void send_chunked(int fd, size_t len)
{
    struct buf text CLEANUP(buf_done);
    buf_init(&text, (size_t)1 << 20);
    buf_printf(&text,
               "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n"
               "Transfer-Encoding: chunked\r\n\r\n%zx\r\n",
               len);
    for (size_t i = 0; i < len; i++)
        buf_append_char(&text, ' ');
    BUF_LITERAL(&text, "\r\n0\r\n\r\n");
    send_str(fd, buf_str(&text));
}

static void test_body_limits(void **state)
{
    struct reply reply;
    int fd = dial(*state);
    send_body(fd, "POST /echo HTTP/1.1", 100000);
    read_reply(fd, &reply);
    assert_int_equal(reply.status, 200);
    assert_int_equal(reply.body.len, 100000);
    reply_done(&reply);
    send_chunked(fd, 100000);
    expect_status(fd, 200);
    send_body(fd, "PUT /echo HTTP/1.1", 4);
    expect_status(fd, 200);
    send_chunked(fd, 100001);
    expect_status(fd, 413);
    send_body(fd, "POST /echo HTTP/1.1", 100001);
    expect_status(fd, 413);
    assert_true(is_closed(fd));
    close(fd);
    fd = dial(*state);
    send_body(fd, "PUT /echo HTTP/1.1", 5);
    expect_status(fd, 413);
    assert_true(is_closed(fd));
    close(fd);
    fd = dial(*state);
    send_body(fd, "GET /hello HTTP/1.1", 1);
    expect_status(fd, 413);
    assert_true(is_closed(fd));
    close(fd);
}

// The answer comes through although the client sends on and on before it reads.
static void test_large_refused_body(void **state)
{
    for (int i = 0; i < 5; i++) {
        int fd = dial(*state);
        send_body(fd, "POST /echo HTTP/1.1", 1000000);
        expect_status(fd, 413);
        close(fd);
    }
}

static void test_body_needed(void **state)
{
    static const struct {
        const char *head; // method, path and headers
        const char *body;
        int status;
    } rows[] = {
        {"POST /echo HTTP/1.1\r\nContent-Type: application/json", "1", 200},
        {"POST /echo HTTP/1.1\r\nContent-Type: Application/JSON; charset=utf-8", "1", 200},
        {"POST /echo HTTP/1.1\r\nContent-Type: application/merge-patch+json", "1", 200},
        {"POST /echo HTTP/1.1\r\nContent-Type: text/plain", "1", 415},
        {"POST /echo HTTP/1.1\r\nContent-Type: text/x+json", "1", 415},
        {"POST /echo HTTP/1.1\r\nContent-Type: application/jsonx", "1", 415},
        {"POST /echo HTTP/1.1\r\nContent-Type: json", "1", 415},
        {"POST /echo HTTP/1.1\r\nContent-Type:", "1", 415},
        {"POST /echo HTTP/1.1\r\nA: b", "1", 415},
        {"POST /echo HTTP/1.1\r\nA: b", "", 400},
        {"PUT /echo HTTP/1.1\r\nA: b", "", 200},
        {"PUT /echo HTTP/1.1\r\nA: b", "1", 415},
        {"GET /hello HTTP/1.1\r\nA: b", "", 200},
        {"POST /nothing HTTP/1.1\r\nA: b", "123", 404},
        {"DELETE /echo HTTP/1.1\r\nA: b", "123", 405},
    };
    // All on one connection: small bodies of refused requests are read.
    int fd = dial(*state);
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct buf text CLEANUP(buf_done);
        buf_init(&text, 4096);
        buf_printf(&text, "%s\r\nHost: a\r\nContent-Length: %zu\r\n\r\n%s", rows[i].head,
                   strlen(rows[i].body), rows[i].body);
        send_str(fd, buf_str(&text));
        expect_status(fd, rows[i].status);
    }
    close(fd);
}

static void test_expect_continue(void **state)
{
    char text[64] = {0};
    int fd = dial(*state);
    send_text(fd, "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n"
                  "Expect: 100-continue\r\nContent-Length: 2\r\n\r\n");
    assert_int_equal(recv(fd, text, 25, MSG_WAITALL), 25);
    assert_string_equal(text, "HTTP/1.1 100 Continue\r\n\r\n");
    send_text(fd, "{}");
    expect_body(fd, "{}");
    send_text(fd, "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Type: text/plain\r\n"
                  "Expect: 100-continue\r\nContent-Length: 2\r\n\r\n");
    expect_status(fd, 415);
    assert_true(is_closed(fd));
    close(fd);
}

// A request whose headers have exactly so many bytes, in the request line or behind it.
static void send_sized(int fd, size_t len, bool in_line)
{
    struct buf text CLEANUP(buf_done);
    buf_init(&text, 65536);
    BUF_LITERAL(&text, "GET /hello?");
    size_t fill = len - strlen("GET /hello? HTTP/1.1\r\nHost: a\r\nA: b\r\n\r\n");
    for (size_t i = 0; in_line && i < fill; i++)
        buf_append_char(&text, 'x');
    BUF_LITERAL(&text, " HTTP/1.1\r\nHost: a\r\nA: b");
    for (size_t i = 0; !in_line && i < fill; i++)
        buf_append_char(&text, 'x');
    BUF_LITERAL(&text, "\r\n\r\n");
    assert_int_equal(text.len, len);
    send_str(fd, buf_str(&text));
}

static void test_header_limits(void **state)
{
    static const struct {
        size_t len;
        bool in_line;
        int status;
    } rows[] = {
        {8192, false, 200},  {8192, true, 200},   {8193, false, 431},
        {8193, true, 431},   {8300, true, 414},   {12000, true, 414},
        {12000, false, 431}, {100000, true, 414}, {100000, false, 431},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        int fd = dial(*state);
        if (rows[i].len <= 60000)
            send_sized(fd, rows[i].len, rows[i].in_line);
        else
            for (size_t k = 0; k < 4; k++)
                send_sized(fd, 25000, rows[i].in_line);
        expect_status(fd, rows[i].status);
        if (rows[i].status != 200)
            assert_true(is_closed(fd));
        close(fd);
    }
}

static void test_many_parameters(void **state)
{
    struct buf text CLEANUP(buf_done);
    buf_init(&text, 65536);
    BUF_LITERAL(&text, "/hello?");
    for (int i = 0; i < 4000; i++)
        BUF_LITERAL(&text, "a&");
    int fd = dial(*state);
    get(fd, buf_cstr(&text));
    expect_status(fd, 400);
    get(fd, "/hello");
    expect_body(fd, "hello");
    close(fd);
}

static bool guard(struct http_request *request, void *app)
{
    struct error err;
    check(strcmp(app, "app") == 0 && http_pattern(request) != NULL);
    if (http_header(request, "authorization").ptr != NULL)
        return true;
    error_set(&err, ERR_UNAUTHENTICATED, "who are you");
    http_problem(request, &err);
    return false;
}

static void test_guard(void **state)
{
    struct http_server_settings settings = plain;
    (void)state;
    settings.guard = guard;
    struct http_server *server = open_server(&settings);
    int fd = dial(server);
    get(fd, "/hello");
    expect_status(fd, 401);
    get(fd, "/nothing");
    expect_status(fd, 404);
    send_body(fd, "POST /echo HTTP/1.1", 1000);
    expect_status(fd, 401);
    send_body(fd, "POST /echo HTTP/1.1\r\nAuthorization: me", 1000);
    expect_status(fd, 200);
    close(fd);
    http_server_close(server);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_query_check, setup, teardown),
        cmocka_unit_test_setup_teardown(test_bytewise, setup, teardown),
        cmocka_unit_test_setup_teardown(test_body_limits, setup, teardown),
        cmocka_unit_test_setup_teardown(test_large_refused_body, setup, teardown),
        cmocka_unit_test_setup_teardown(test_body_needed, setup, teardown),
        cmocka_unit_test_setup_teardown(test_expect_continue, setup, teardown),
        cmocka_unit_test_setup_teardown(test_header_limits, setup, teardown),
        cmocka_unit_test_setup_teardown(test_many_parameters, setup, teardown),
        cmocka_unit_test(test_guard),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
