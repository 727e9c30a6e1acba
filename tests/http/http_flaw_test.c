// Tests of answers that go wrong on purpose: http/http_flaw.c.
#include "http/http_server_fixture.h"

#include <sys/mman.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/thread.h"
#include "http/http_flaw.h"

#define BODY       "0123456789"
#define BODY_BYTES (sizeof(BODY) - 1)
#define FAR_MS     3600000

// What the next answers suffer.
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct http_flaw wanted;

static void want(struct http_flaw flaw)
{
    mutex_lock(&lock);
    wanted = flaw;
    mutex_unlock(&lock);
}

static void spoil(struct http_request *request)
{
    mutex_lock(&lock);
    struct http_flaw flaw = wanted;
    mutex_unlock(&lock);
    http_set_flaw(request, &flaw);
}

static void plain(struct http_request *request)
{
    http_respond(request, 200, "text/plain", STR(BODY));
}

static void flawed(struct http_request *request)
{
    spoil(request);
    plain(request);
}

static void flawed_file(struct http_request *request)
{
    spoil(request);
    int fd = memfd_create("answer", MFD_CLOEXEC);
    check(fd >= 0 && write(fd, BODY, BODY_BYTES) == (ssize_t)BODY_BYTES);
    http_respond_file(request, "text/plain", fd, BODY_BYTES, STR("tag"));
}

static void *answer_later(void *ctx)
{
    plain(ctx);
    return NULL;
}

static void flawed_later(struct http_request *request)
{
    struct error err;
    pthread_t thread;
    spoil(request);
    http_suspend(request);
    error_reset(&err);
    check(thread_start(&thread, "later", answer_later, request, &err) == ERR_OK);
    pthread_detach(thread);
}

static const struct http_route routes[] = {
    {.method = HTTP_GET, .pattern = "/plain", .handler = plain},
    {.method = HTTP_GET, .pattern = "/flawed", .handler = flawed},
    {.method = HTTP_GET, .pattern = "/file", .handler = flawed_file},
    {.method = HTTP_GET, .pattern = "/later", .handler = flawed_later},
};

static const char *const flawed_paths[] = {"/flawed", "/file", "/later"};

static int setup(void **state)
{
    log_setup(LOG_OFF, LOG_TEXT, 2);
    // One loop: what waits must not hold the others.
    *state = open_server(&(struct http_server_settings){
        .routes = routes, .route_count = COUNT_OF(routes), .loops = 1});
    return 0;
}

static int teardown(void **state)
{
    http_server_close(*state);
    return 0;
}

static int64_t now_ms(void)
{
    return clock_monotonic_us(clock_system()) / US_PER_MS;
}

// Reads what comes up to the end of the connection, which is a reset or not.
static struct str read_to_end(int fd, char *to, size_t max, bool *ret_reset)
{
    size_t len = 0;
    ssize_t got;
    do {
        got = recv(fd, to + len, max - len, 0);
        len += got > 0 ? (size_t)got : 0;
    } while (got > 0 && len < max);
    *ret_reset = got < 0;
    if (got < 0)
        assert_int_equal(errno, ECONNRESET);
    return (struct str){.ptr = to, .len = len};
}

static void test_delay(void **state)
{
    want((struct http_flaw){.delay_ms = 100});
    for (size_t i = 0; i < COUNT_OF(flawed_paths); i++) {
        int slow = dial(*state), other = dial(*state);
        int64_t begun_ms = now_ms();
        get(slow, flawed_paths[i]);
        get(other, "/plain");
        expect_body(other, BODY);
        char byte;
        assert_int_equal(recv(slow, &byte, 1, MSG_DONTWAIT), -1);
        expect_body(slow, BODY);
        assert_true(now_ms() - begun_ms >= 100);
        get(slow, "/plain");
        expect_body(slow, BODY);
        close(slow);
        close(other);
    }
}

static void test_slow_body(void **state)
{
    want((struct http_flaw){.bytes_per_s = 80, .blanks = 2});
    for (size_t i = 0; i < COUNT_OF(flawed_paths); i++) {
        int slow = dial(*state), other = dial(*state);
        char bytes[1];
        struct reply reply = {0};
        get(slow, flawed_paths[i]);
        assert_true(read_head(slow, &reply));
        assert_true(reply_header_is(&reply, "Content-Length", "12"));
        int64_t begun_ms = now_ms();
        for (size_t at = 0; at < BODY_BYTES + 2; at++) {
            assert_int_equal(recv(slow, bytes, 1, 0), 1);
            assert_int_equal(bytes[0], at < BODY_BYTES ? BODY[at] : ' ');
            if (at == 3) {
                get(other, "/plain");
                expect_body(other, BODY);
            }
        }
        // The first byte comes at once, and the head may have been read after it came.
        assert_true(now_ms() - begun_ms >= 80);
        get(slow, "/plain");
        expect_body(slow, BODY);
        close(slow);
        close(other);
    }
}

static void test_ends(void **state)
{
    static const struct {
        struct http_flaw flaw;
        const char *body; // NULL: not even the head
        bool reset;
    } table[] = {
        {{.end = HTTP_FLAW_CLOSE, .end_after = HTTP_FLAW_HALF}, "01234", false},
        {{.end = HTTP_FLAW_CLOSE, .end_after = 0}, "", false},
        {{.end = HTTP_FLAW_CLOSE, .end_after = 9}, "012345678", false},
        {{.end = HTTP_FLAW_RESET, .end_after = HTTP_FLAW_HALF}, "01234", true},
        {{.end = HTTP_FLAW_RESET, .end_after = 0}, "", true},
        {{.end = HTTP_FLAW_RESET, .end_after = 10}, BODY, true},
        {{.end = HTTP_FLAW_RESET, .end_after = 1000}, BODY, true},
        {{.end = HTTP_FLAW_SILENT}, NULL, true},
        {{.end = HTTP_FLAW_SILENT, .delay_ms = 20}, NULL, true},
        {{.end = HTTP_FLAW_RESET, .end_after = 3, .bytes_per_s = 50}, "012", true},
    };
    for (size_t i = 0; i < COUNT_OF(table) * COUNT_OF(flawed_paths); i++) {
        size_t row = i / COUNT_OF(flawed_paths);
        char bytes[4096];
        bool is_reset;
        want(table[row].flaw);
        int fd = dial(*state);
        get(fd, flawed_paths[i % COUNT_OF(flawed_paths)]);
        struct str text = read_to_end(fd, bytes, sizeof(bytes), &is_reset);
        close(fd);
        assert_int_equal(is_reset, table[row].reset);
        if (table[row].body == NULL) {
            assert_int_equal(text.len, 0);
            continue;
        }
        assert_non_null(memmem(text.ptr, text.len, "Content-Length: 10\r\n", 20));
        const char *end = memmem(text.ptr, text.len, "\r\n\r\n", 4);
        assert_non_null(end);
        size_t head = (size_t)(end - text.ptr) + 4;
        assert_true(str_equal(str_slice(text, head, text.len), str_of(table[row].body)));
    }
}

// Far more than a server would hold in memory.
static void test_blanks(void **state)
{
    const uint64_t blanks = (uint64_t)200 << 20;
    static char bytes[1 << 20];
    want((struct http_flaw){.blanks = blanks});
    for (size_t i = 0; i < COUNT_OF(flawed_paths); i++) {
        struct reply reply = {0};
        int fd = dial(*state);
        get(fd, flawed_paths[i]);
        assert_true(read_head(fd, &reply));
        assert_true(reply_header_is(&reply, "Content-Length", "209715210"));
        uint64_t left = blanks + BODY_BYTES;
        while (left > 0) {
            ssize_t got = recv(fd, bytes, sizeof(bytes), 0);
            assert_true(got > 0 && (uint64_t)got <= left);
            left -= (uint64_t)got;
        }
        assert_int_equal(bytes[0], ' ');
        get(fd, "/plain");
        expect_body(fd, BODY);
        close(fd);
    }
}

// What was sent arrives before the reset, however much it is and however late it is read.
static void test_reset_behind_much(void **state)
{
    const uint64_t all = ((uint64_t)20 << 20) + BODY_BYTES;
    static const uint64_t ends[] = {HTTP_FLAW_HALF, UINT64_MAX - 1};
    static char bytes[1 << 20];
    for (size_t i = 0; i < COUNT_OF(ends); i++) {
        want((struct http_flaw){
            .blanks = all - BODY_BYTES, .end = HTTP_FLAW_RESET, .end_after = ends[i]});
        struct reply reply = {0};
        int fd = dial(*state), other = dial(*state);
        get(fd, "/flawed");
        assert_true(read_head(fd, &reply));
        get(other, "/plain");
        expect_body(other, BODY);
        uint64_t len = 0;
        ssize_t got;
        while ((got = recv(fd, bytes, sizeof(bytes), 0)) > 0)
            len += (uint64_t)got;
        assert_int_equal(errno, ECONNRESET);
        assert_int_equal(len, i == 0 ? all / 2 : all);
        close(fd);
        close(other);
    }
}

static void test_drain_ends_waits(void **state)
{
    struct reply reply = {0};
    char bytes[4096];
    bool is_reset;
    want((struct http_flaw){.delay_ms = FAR_MS});
    int late = dial(*state), slow = dial(*state), other = dial(*state);
    get(late, "/flawed");
    get(other, "/plain"); // served on the one loop: the request before has begun
    expect_body(other, BODY);
    want((struct http_flaw){.bytes_per_s = 1, .blanks = FAR_MS});
    get(slow, "/flawed");
    assert_true(read_head(slow, &reply));
    int64_t begun_ms = now_ms();
    assert_int_equal(http_server_drain(*state, PATIENCE_S * 1000), 0);
    assert_true(now_ms() - begun_ms < PATIENCE_S * 1000 / 2);
    expect_body(late, BODY);
    assert_true(read_to_end(slow, bytes, sizeof(bytes), &is_reset).len < BODY_BYTES);
    close(late);
    close(slow);
    close(other);
}

// A server that is closed without having been drained.
static void test_close_ends_waits(void **state)
{
    (void)state;
    struct http_server *server = open_server(&(struct http_server_settings){
        .routes = routes, .route_count = COUNT_OF(routes), .loops = 1});
    want((struct http_flaw){.delay_ms = FAR_MS});
    int late = dial(server), other = dial(server);
    get(late, "/flawed");
    get(other, "/plain");
    expect_body(other, BODY);
    http_server_close(server);
    assert_true(is_closed(late));
    close(late);
    close(other);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_delay, setup, teardown),
        cmocka_unit_test_setup_teardown(test_slow_body, setup, teardown),
        cmocka_unit_test_setup_teardown(test_ends, setup, teardown),
        cmocka_unit_test_setup_teardown(test_blanks, setup, teardown),
        cmocka_unit_test_setup_teardown(test_reset_behind_much, setup, teardown),
        cmocka_unit_test_setup_teardown(test_drain_ends_waits, setup, teardown),
        cmocka_unit_test(test_close_ends_waits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
