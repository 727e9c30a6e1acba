// Tests of the server as a whole: routing, deadlines, suspended requests, draining.
#include "http/http_server_fixture.h"

#include <poll.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/thread.h"

#define WAITING_MAX 512
#define LARGE_BYTES (16 << 20) // more than sockets take
#define SURPLUS     256        // connections beyond the limit that are told so

// Requests that handlers suspended, for the test to answer.
static struct waiting {
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    struct http_request *requests[WAITING_MAX];
    size_t count;
} waiting = {.mutex = PTHREAD_MUTEX_INITIALIZER};

static void hello(struct http_request *request)
{
    http_respond(request, 200, "text/plain", STR("hello"));
}

static void echo(struct http_request *request)
{
    http_respond(request, 200, "application/json", http_body(request));
}

static void item(struct http_request *request)
{
    struct str text =
        arena_printf(http_arena(request), "%.*s %.*s %.*s", STR_ARG(http_param(request, "id")),
                     STR_ARG(http_query(request, "q")), STR_ARG(http_path(request)));
    check(strcmp(http_pattern(request), "/items/{id}") == 0);
    check(http_method_of(request) == HTTP_GET);
    check(strcmp(http_app(request), "app") == 0);
    http_respond(request, 200, "text/plain", text);
}

static void inline_answer(struct http_request *request)
{
    http_suspend(request);
    http_respond(request, 200, "text/plain", STR("inline"));
}

static void large(struct http_request *request)
{
    static char bytes[LARGE_BYTES];
    http_respond(request, 200, "text/plain", (struct str){bytes, sizeof(bytes)});
}

static void later(struct http_request *request)
{
    http_suspend(request);
    mutex_lock(&waiting.mutex);
    check(waiting.count < WAITING_MAX);
    waiting.requests[waiting.count++] = request;
    pthread_cond_broadcast(&waiting.changed);
    mutex_unlock(&waiting.mutex);
}

// Waits until so many requests are suspended.
static void wait_suspended(size_t count)
{
    int64_t deadline = clock_monotonic_us(clock_system()) + PATIENCE_S * US_PER_S;
    mutex_lock(&waiting.mutex);
    while (waiting.count < count)
        assert_true(cond_wait_until(&waiting.changed, &waiting.mutex, deadline));
    mutex_unlock(&waiting.mutex);
}

// Answers all that wait.
static void answer_suspended(void)
{
    mutex_lock(&waiting.mutex);
    for (size_t i = 0; i < waiting.count; i++) {
        struct http_request *request = waiting.requests[i];
        http_set_header(request, "X-Late", STR("yes"));
        http_respond(request, 200, "text/plain",
                     arena_str(http_arena(request), http_param(request, "id")));
    }
    waiting.count = 0;
    mutex_unlock(&waiting.mutex);
}

// What no real handler does: it keeps its loop waiting until the test lets it go.
static struct {
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    bool held;
    bool released;
} hold = {.mutex = PTHREAD_MUTEX_INITIALIZER};

static void set_and_tell(bool *flag)
{
    *flag = true;
    pthread_cond_broadcast(&hold.changed);
}

static void wait_for(const bool *flag)
{
    while (!*flag)
        check(cond_wait_until(&hold.changed, &hold.mutex, INT64_MAX));
}

static void hold_loop(struct http_request *request)
{
    mutex_lock(&hold.mutex);
    set_and_tell(&hold.held);
    wait_for(&hold.released);
    hold.held = hold.released = false;
    mutex_unlock(&hold.mutex);
    hello(request);
}

static const struct http_route routes[] = {
    {.method = HTTP_GET, .pattern = "/hold", .handler = hold_loop},
    {.method = HTTP_GET, .pattern = "/hello", .handler = hello},
    {.method = HTTP_POST, .pattern = "/echo", .handler = echo, .flags = HTTP_ROUTE_JSON_BODY},
    {.method = HTTP_GET, .pattern = "/items/{id}", .handler = item},
    {.method = HTTP_GET, .pattern = "/large", .handler = large},
    {.method = HTTP_GET, .pattern = "/inline", .handler = inline_answer},
    {.method = HTTP_GET, .pattern = "/later/{id}", .handler = later},
};

static const struct http_server_settings plain = {
    .routes = routes, .route_count = COUNT_OF(routes), .loops = 2, .app = "app"};

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

static void test_routing(void **state)
{
    int fd = dial(*state);
    get(fd, "/hello");
    expect_body(fd, "hello");
    get(fd, "/items/a%2Fb%20c?q=%C3%A4+1&x");
    expect_body(fd, "a/b c \xc3\xa4 1 /items/a/b c");
    get(fd, "/items/");
    expect_status(fd, 404);
    get(fd, "/items");
    expect_status(fd, 404);
    get(fd, "/hello/");
    expect_status(fd, 404);
    get(fd, "/echo");
    expect_status(fd, 405);
    close(fd);
}

static void test_keep_alive_and_pipelining(void **state)
{
    struct reply reply;
    int fd = dial(*state);
    for (int i = 0; i < 3; i++)
        send_text(fd, "GET /hello HTTP/1.1\r\nHost: a\r\n\r\n"
                      "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n"
                      "Content-Length: 2\r\n\r\n[]"
                      "GET /inline HTTP/1.1\r\nHost: a\r\n\r\n"
                      "GET /nothing HTTP/1.1\r\nHost: a\r\n\r\n");
    for (int i = 0; i < 3; i++) {
        expect_body(fd, "hello");
        expect_body(fd, "[]");
        expect_body(fd, "inline");
        expect_status(fd, 404);
    }
    send_text(fd, "GET /hello HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    read_reply(fd, &reply);
    assert_true(reply_header_is(&reply, "Connection", "close"));
    assert_true(is_closed(fd));
    reply_done(&reply);
    close(fd);
}

// A clock that only moves when the test moves it.
struct test_clock {
    struct clock clock;
    _Atomic int64_t now_us;
};

static int64_t test_clock_now(const struct clock *clock)
{
    return CONTAINER_OF(clock, const struct test_clock, clock)->now_us;
}

#define TEST_CLOCK                                                                                 \
    {                                                                                              \
        .clock = {.now_us = test_clock_now, .monotonic_us = test_clock_now}, .now_us = US_PER_S    \
    }

// The server's reaper looks around every 10 ms of real time.
static struct http_server *open_timed_server(const struct test_clock *clock)
{
    struct http_server_settings settings = plain;
    settings.clock = &clock->clock;
    settings.header_deadline_ms = 100;
    settings.body_deadline_ms = 20000;
    settings.idle_ms = 30000;
    settings.send_ms = 40000;
    return open_server(&settings);
}

// Sends byte after byte while the clock runs, until the server ends the connection, which must not
// be before the deadline.
static void drip_until_cut(int fd, struct test_clock *clock, int64_t deadline_ms)
{
    int64_t start = clock->now_us;
    struct pollfd polled = {.fd = fd, .events = POLLIN};
    while (poll(&polled, 1, 2) == 0 && send(fd, "x", 1, MSG_NOSIGNAL) == 1)
        clock->now_us += deadline_ms * US_PER_MS / 10;
    assert_true(clock->now_us - start >= deadline_ms * US_PER_MS);
    close(fd);
}

static void test_deadlines(void **state)
{
    struct test_clock clock = TEST_CLOCK;
    (void)state;
    struct http_server *server = open_timed_server(&clock);
    drip_until_cut(dial(server), &clock, 100);

    int fd = dial(server);
    send_text(fd, "GET /hello HTTP/1.1\r\nHost: a\r\nA: ");
    drip_until_cut(fd, &clock, 100);

    fd = dial(server);
    get(fd, "/hello");
    expect_body(fd, "hello");
    send_text(fd, "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n"
                  "Expect: 100-continue\r\nContent-Length: 100000\r\n\r\n");
    char interim[25];
    assert_int_equal(recv(fd, interim, sizeof(interim), MSG_WAITALL), sizeof(interim));
    drip_until_cut(fd, &clock, 20000);

    fd = dial(server);
    send_text(fd, "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n"
                  "Expect: 100-continue\r\nTransfer-Encoding: chunked\r\n\r\n");
    assert_int_equal(recv(fd, interim, sizeof(interim), MSG_WAITALL), sizeof(interim));
    send_text(fd, "2\r\n[]\r\n0\r\nA: ");
    drip_until_cut(fd, &clock, 20000);
    http_server_close(server);
}

// A client whose socket takes little.
static int dial_small(const struct http_server *server)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons(http_server_port(server)),
                                  .sin_addr = {htonl(INADDR_LOOPBACK)}};
    struct timeval patience = {.tv_sec = PATIENCE_S};
    int size = 65536;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
    assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
    return fd;
}

// Who asked for much and reads nothing is cut, though not before the deadline.
static void test_reads_nothing(void **state)
{
    struct test_clock clock = TEST_CLOCK;
    (void)state;
    struct http_server *server = open_timed_server(&clock);
    int fd = dial_small(server);
    struct pollfd polled = {.fd = fd, .events = POLLIN};
    get(fd, "/large");
    assert_int_equal(poll(&polled, 1, PATIENCE_S * 1000), 1);
    int64_t start = clock.now_us;
    int64_t patience = clock_monotonic_us(clock_system()) + PATIENCE_S * US_PER_S;
    while (http_server_running(server) > 0) {
        assert_true(clock_monotonic_us(clock_system()) < patience);
        poll(NULL, 0, 2);
        clock.now_us += 4 * US_PER_S;
    }
    assert_true(clock.now_us - start >= 40 * US_PER_S);
    size_t total = 0;
    char bytes[65536];
    for (ssize_t got; (got = recv(fd, bytes, sizeof(bytes), 0)) > 0;)
        total += (size_t)got;
    assert_true(total < LARGE_BYTES);
    close(fd);
    http_server_close(server);
}

// Who reads on gets all of it, however long that takes.
static void test_reads_slowly(void **state)
{
    struct test_clock clock = TEST_CLOCK;
    (void)state;
    struct http_server *server = open_timed_server(&clock);
    int fd = dial_small(server);
    static char bytes[1 << 20];
    int64_t start = clock.now_us;
    size_t total = 0;
    get(fd, "/large");
    while (total < LARGE_BYTES) {
        ssize_t got = recv(fd, bytes, sizeof(bytes), MSG_WAITALL);
        assert_true(got > 0);
        total += (size_t)got;
        clock.now_us += 30 * US_PER_S;
        poll(NULL, 0, 15); // a look of the reaper
    }
    assert_true(clock.now_us - start >= 16 * 30 * US_PER_S);
    close(fd);
    http_server_close(server);
}

static void test_idle(void **state)
{
    struct test_clock clock = TEST_CLOCK;
    (void)state;
    struct http_server *server = open_timed_server(&clock);
    // Dripping the next request line does not help.
    int fd = dial(server);
    get(fd, "/hello");
    expect_body(fd, "hello");
    drip_until_cut(fd, &clock, 30000);
    // The second request's headers have a deadline of their own.
    fd = dial(server);
    get(fd, "/hello");
    expect_body(fd, "hello");
    clock.now_us += 20 * US_PER_S;
    get(fd, "/hello");
    expect_body(fd, "hello");
    send_text(fd, "GET /hello HTTP/1.1\r\nHost: a\r\nA: ");
    drip_until_cut(fd, &clock, 100);
    http_server_close(server);
}

static void test_suspend(void **state)
{
    int fd = dial(*state);
    get(fd, "/later/one");
    get(fd, "/hello");
    wait_suspended(1);
    assert_int_equal(http_server_running(*state), 1);
    answer_suspended();
    struct reply reply;
    read_reply(fd, &reply);
    assert_int_equal(reply.status, 200);
    assert_true(reply_header_is(&reply, "X-Late", "yes"));
    assert_true(reply_body_is(&reply, "one"));
    reply_done(&reply);
    expect_body(fd, "hello");
    close(fd);
}

// Deadlines do not count for those who wait for us.
static void test_suspended_outlive_deadlines(void **state)
{
    struct test_clock clock = TEST_CLOCK;
    (void)state;
    struct http_server *server = open_timed_server(&clock);
    int fd = dial(server);
    get(fd, "/later/patient");
    wait_suspended(1);
    clock.now_us += 1000 * US_PER_S;
    drip_until_cut(dial(server), &clock, 100);
    answer_suspended();
    expect_body(fd, "patient");
    close(fd);
    http_server_close(server);
}

static void test_many_suspended(void **state)
{
    enum { MANY = 300 };
    int fds[MANY];
    for (int round = 0; round < 3; round++) {
        for (int i = 0; i < MANY; i++) {
            char path[32];
            snprintf(path, sizeof(path), "/later/%d", i);
            if (round == 0)
                fds[i] = dial(*state);
            get(fds[i], path);
        }
        wait_suspended(MANY);
        assert_true(http_server_running(*state) >= MANY);
        // Others are served meanwhile.
        int fd = dial(*state);
        get(fd, "/hello");
        expect_body(fd, "hello");
        close(fd);
        answer_suspended();
        for (int i = 0; i < MANY; i++) {
            char want[32];
            snprintf(want, sizeof(want), "%d", i);
            expect_body(fds[i], want);
        }
    }
    for (int i = 0; i < MANY; i++)
        close(fds[i]);
}

// Many connections that become ready at once are all served, although nothing happens afterwards.
// The number of events that libmicrohttpd fetches at a time (128) is the delicate one.
static void test_many_at_once(void **state)
{
    enum { FEWEST = 126, MOST = 130 };
    struct http_server_settings settings = plain;
    int fds[MOST];
    (void)state;
    settings.loops = 1;
    struct http_server *server = open_server(&settings);
    int holder = dial(server);
    for (size_t i = 0; i < MOST; i++) {
        fds[i] = dial(server);
        get(fds[i], "/hello");
        expect_body(fds[i], "hello");
    }
    for (size_t count = FEWEST; count <= MOST; count++) {
        get(holder, "/hold");
        mutex_lock(&hold.mutex);
        wait_for(&hold.held);
        for (size_t i = 0; i < count; i++)
            get(fds[i], "/hello");
        set_and_tell(&hold.released);
        mutex_unlock(&hold.mutex);
        for (size_t i = 0; i < count; i++)
            expect_body(fds[i], "hello");
        expect_body(holder, "hello");
    }
    for (size_t i = 0; i < MOST; i++)
        close(fds[i]);
    close(holder);
    http_server_close(server);
}

static void test_client_gone(void **state)
{
    for (int i = 0; i < 20; i++) {
        int fd = dial(*state);
        get(fd, "/later/gone");
        wait_suspended(1);
        close(fd);
        answer_suspended();
    }
    assert_int_equal(http_server_drain(*state, PATIENCE_S * 1000), 0);
}

struct answerer {
    _Atomic bool stop;
    pthread_t thread;
};

static void *answer_all(void *ctx)
{
    struct answerer *answerer = ctx;
    while (!answerer->stop)
        answer_suspended();
    return NULL;
}

// Answers race with the handler's return.
static void test_suspend_race(void **state)
{
    struct answerer answerer = {0};
    assert_int_equal(thread_start(&answerer.thread, "answerer", answer_all, &answerer, NULL),
                     ERR_OK);
    int fds[8];
    for (size_t i = 0; i < COUNT_OF(fds); i++)
        fds[i] = dial(*state);
    for (int round = 0; round < 300; round++) {
        for (size_t i = 0; i < COUNT_OF(fds); i++)
            get(fds[i], "/later/race");
        for (size_t i = 0; i < COUNT_OF(fds); i++)
            expect_body(fds[i], "race");
    }
    answerer.stop = true;
    thread_join(answerer.thread);
    for (size_t i = 0; i < COUNT_OF(fds); i++)
        close(fds[i]);
}

// A request that comes between the drain and the end has nobody to answer it.
static void test_refused_after_drain(void **state)
{
    struct http_server *server = *state;
    struct reply reply;
    int idle = dial(server);
    get(idle, "/hello");
    expect_body(idle, "hello");
    assert_int_equal(http_server_drain(server, PATIENCE_S * 1000), 0);
    get(idle, "/later/never");
    read_reply(idle, &reply);
    assert_int_equal(reply.status, 503);
    assert_true(reply_header_is(&reply, "Connection", "close"));
    assert_true(is_closed(idle));
    reply_done(&reply);
    close(idle);
}

static void *drain(void *ctx)
{
    check(http_server_drain(ctx, PATIENCE_S * 1000) == 0);
    return NULL;
}

static bool refuses_connections(const struct http_server *server)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons(http_server_port(server)),
                                  .sin_addr = {htonl(INADDR_LOOPBACK)}};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    bool refused = connect(fd, (struct sockaddr *)&address, sizeof(address)) != 0;
    close(fd);
    return refused;
}

static void test_drain(void **state)
{
    struct http_server *server = *state;
    struct reply reply;
    pthread_t thread;
    int idle = dial(server);
    get(idle, "/hello");
    expect_body(idle, "hello");
    int busy = dial(server);
    get(busy, "/later/drained");
    wait_suspended(1);
    assert_true(http_server_drain(server, 20) >= 1);
    assert_true(refuses_connections(server));
    assert_int_equal(thread_start(&thread, "drain", drain, server, NULL), ERR_OK);

    // An open connection is still served, for the last time.
    get(idle, "/hello");
    read_reply(idle, &reply);
    assert_int_equal(reply.status, 200);
    assert_true(reply_header_is(&reply, "Connection", "close"));
    assert_true(is_closed(idle));
    reply_done(&reply);

    answer_suspended();
    read_reply(busy, &reply);
    assert_true(reply_body_is(&reply, "drained"));
    assert_true(reply_header_is(&reply, "Connection", "close"));
    reply_done(&reply);
    thread_join(thread);
    assert_int_equal(http_server_running(server), 0);
    close(idle);
    close(busy);
}

static void test_close_with_open_connections(void **state)
{
    (void)state;
    struct http_server *server = open_server(&plain);
    int idle = dial(server);
    get(idle, "/hello");
    expect_body(idle, "hello");
    int half = dial(server);
    send_text(half, "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n"
                    "Content-Length: 10\r\n\r\n1");
    http_server_close(server);
    assert_true(is_closed(idle));
    assert_true(is_closed(half));
    close(idle);
    close(half);
}

static void test_open_errors(void **state)
{
    struct http_server_settings settings = plain;
    struct http_server *other = NULL;
    struct error err;
    settings.listen = "127.0.0.1";
    settings.port = http_server_port(*state);
    assert_int_equal(http_server_open(&settings, &other, &err), ERR_CONFLICT);
    settings.port = 0;
    settings.listen = "localhost";
    assert_int_equal(http_server_open(&settings, &other, &err), ERR_INVALID);
    settings.listen = "192.0.2.1";
    assert_int_equal(http_server_open(&settings, &other, &err), ERR_INVALID);
    assert_null(other);
    http_server_close(NULL);
}

static void test_ipv6(void **state)
{
    struct http_server_settings settings = plain;
    struct http_server *server = NULL;
    struct error err;
    (void)state;
    settings.listen = "::";
    settings.loops = 1;
    if (http_server_open(&settings, &server, &err) != ERR_OK)
        skip(); // a machine without IPv6
    int fd = dial(server);
    get(fd, "/hello");
    expect_body(fd, "hello");
    close(fd);
    http_server_close(server);
}

static void test_connection_max(void **state)
{
    struct http_server_settings settings = plain;
    (void)state;
    settings.connection_max = 2;
    settings.loops = 1;
    struct http_server *server = open_server(&settings);
    int first = dial(server);
    get(first, "/hello");
    expect_body(first, "hello");
    int second = dial(server);
    get(second, "/hello");
    expect_body(second, "hello");
    // Some more are told that there is no room, and beyond those there is none for that either.
    int surplus[SURPLUS + 1];
    struct reply refused;
    for (size_t i = 0; i < COUNT_OF(surplus); i++)
        surplus[i] = dial(server);
    assert_true(is_closed(surplus[SURPLUS]));
    get(surplus[0], "/hello");
    read_reply(surplus[0], &refused);
    assert_int_equal(refused.status, 503);
    assert_true(reply_is_problem(&refused));
    assert_true(reply_header_is(&refused, "Retry-After", "1"));
    assert_true(reply_header_is(&refused, "Connection", "close"));
    assert_true(is_closed(surplus[0]));
    reply_done(&refused);
    // The first ones have room as before.
    get(first, "/hello");
    expect_body(first, "hello");
    for (size_t i = 0; i < COUNT_OF(surplus); i++)
        close(surplus[i]);
    close(first);
    // Its place is free once the server saw it go.
    struct reply reply = {0};
    while (reply.status != 200) {
        int fd = dial(server);
        reply.status = 0;
        if (send(fd, "GET /hello HTTP/1.1\r\nHost: a\r\n\r\n", 32, MSG_NOSIGNAL) == 32)
            read_reply(fd, &reply);
        reply_done(&reply);
        close(fd);
    }
    assert_int_equal(reply.status, 200);
    close(second);
    http_server_close(server);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_routing, setup, teardown),
        cmocka_unit_test_setup_teardown(test_keep_alive_and_pipelining, setup, teardown),
        cmocka_unit_test(test_deadlines),
        cmocka_unit_test(test_idle),
        cmocka_unit_test(test_reads_nothing),
        cmocka_unit_test(test_reads_slowly),
        cmocka_unit_test_setup_teardown(test_suspend, setup, teardown),
        cmocka_unit_test(test_suspended_outlive_deadlines),
        cmocka_unit_test_setup_teardown(test_many_suspended, setup, teardown),
        cmocka_unit_test(test_many_at_once),
        cmocka_unit_test_setup_teardown(test_client_gone, setup, teardown),
        cmocka_unit_test_setup_teardown(test_suspend_race, setup, teardown),
        cmocka_unit_test_setup_teardown(test_drain, setup, teardown),
        cmocka_unit_test_setup_teardown(test_refused_after_drain, setup, teardown),
        cmocka_unit_test(test_close_with_open_connections),
        cmocka_unit_test_setup_teardown(test_open_errors, setup, teardown),
        cmocka_unit_test(test_ipv6),
        cmocka_unit_test(test_connection_max),
    };
    cond_init(&waiting.changed);
    cond_init(&hold.changed);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
