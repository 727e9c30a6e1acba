// Tests of http/http_client.h against a scripted server: the fate of calls, bounds, timers,
// closing.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/random.h"
#include "base/thread.h"
#include "http/http_client.h"
#include "http/http_client_timers.h"
#include "http/http_client_transfer.h"
#include "support/fake_server.h"
#include "support/waiter.h"

// A client with a server to talk to.
struct fixture {
    struct http_client *client;
    struct fake_server *server;
    struct waiter *waiter;
    struct arena *arenas[64]; // one for each call: the client's thread allocates in it
    size_t arena_count;
};

static void open_fixture(struct fixture *f, const struct fake_route *routes, size_t count)
{
    f->server = fake_server_open(routes, count);
    f->waiter = waiter_open();
    f->arena_count = 0;
    assert_int_equal(http_client_open("sunlead-test", 16, 16, &f->client, NULL), ERR_OK);
}

static void close_fixture(struct fixture *f)
{
    http_client_close(f->client);
    fake_server_close(f->server);
    waiter_close(f->waiter);
    while (f->arena_count > 0)
        arena_close(f->arenas[--f->arena_count]);
}

static struct arena *new_arena(struct fixture *f)
{
    assert_true(f->arena_count < COUNT_OF(f->arenas));
    f->arenas[f->arena_count] = arena_open(0);
    return f->arenas[f->arena_count++];
}

static void on_done(struct http_call *call)
{
    waiter_add(call->ctx);
}

static struct http_call new_call(struct fixture *f, const char *method, const char *path)
{
    struct arena *arena = new_arena(f);
    return (struct http_call){
        .arena = arena,
        .method = method,
        .url = arena_printf(arena, "%s%s", fake_server_url(f->server), path).ptr,
        .done = on_done,
        .ctx = f->waiter,
    };
}

static void run_call(struct fixture *f, struct http_call *call)
{
    size_t count = waiter_count(f->waiter);
    http_client_call(f->client, call);
    waiter_wait(f->waiter, count + 1);
}

static void assert_text(struct str text, const char *want)
{
    assert_non_null(text.ptr);
    assert_int_equal(text.len, strlen(want));
    assert_memory_equal(text.ptr, want, text.len);
}

static void test_get_is_answered(void **state)
{
    (void)state;
    static const struct fake_route routes[] = {
        {"GET /a?b=c ",
         {{.body = "hello",
           .headers = "content-type:  text/plain \r\nRetry-After: 7\r\n"
                      "Date: Thu, 01 Jan 1970 00:01:40 GMT\r\n"}}},
    };
    struct fixture f;
    open_fixture(&f, routes, 1);
    struct http_call call = new_call(&f, "GET", "/a?b=c");
    call.headers[0] = STR("X-Test: 1");
    run_call(&f, &call);
    assert_int_equal(call.fate, HTTP_ANSWERED);
    assert_int_equal(call.status, 200);
    assert_text(call.answer, "hello");
    assert_text(call.content_type, "text/plain");
    assert_true(call.content_length.set);
    assert_int_equal(call.content_length.value, 5);
    assert_int_equal(call.retry_after_s, 7);
    assert_true(call.date_us.set && call.date_us.value == 100 * US_PER_S);
    assert_string_equal(call.detail, "");
    assert_false(call.held_back);
    const char *request = fake_server_request(f.server, 0);
    assert_non_null(strstr(request, "\r\nX-Test: 1\r\n"));
    assert_non_null(strstr(request, "\r\nUser-Agent: sunlead-test\r\n"));
    close_fixture(&f);
}

static void test_post_sends_its_body_once(void **state)
{
    (void)state;
    static const struct fake_route routes[] = {{"POST ", {{.status = 201}}}};
    struct fixture f;
    open_fixture(&f, routes, 1);
    size_t len = 1100 * 1024; // libcurl would ask for "100 Continue" from 1 MiB on
    char *body = arena_raw(new_arena(&f), len);
    memset(body, 'x', len);
    struct http_call call = new_call(&f, "POST", "/");
    call.headers[0] = STR("Content-Type: application/json");
    call.body = (struct str){.ptr = body, .len = len};
    run_call(&f, &call);
    assert_int_equal(call.fate, HTTP_ANSWERED);
    assert_int_equal(call.status, 201);
    assert_null(call.answer.ptr);
    const char *request = fake_server_request(f.server, 0);
    assert_null(strcasestr(request, "Expect"));
    assert_int_equal(strlen(strstr(request, "\r\n\r\n") + 4), len);

    struct http_call empty = new_call(&f, "POST", "/");
    run_call(&f, &empty);
    request = fake_server_request(f.server, 1);
    assert_non_null(strstr(request, "\r\nContent-Length: 0\r\n"));
    assert_null(strcasestr(request, "Content-Type"));
    close_fixture(&f);
}

static void test_connections_are_reused_unless_fresh(void **state)
{
    (void)state;
    static const struct fake_route routes[] = {{"", {{.body = "x"}}}};
    struct fixture f;
    open_fixture(&f, routes, 1);
    for (int i = 0; i < 3; i++) {
        struct http_call call = new_call(&f, "POST", "/");
        run_call(&f, &call);
        assert_int_equal(call.fate, HTTP_ANSWERED);
    }
    assert_int_equal(fake_server_connections(f.server), 1);
    for (int i = 0; i < 3; i++) {
        struct http_call call = new_call(&f, "POST", "/");
        call.fresh_connection = true;
        run_call(&f, &call);
        assert_int_equal(call.fate, HTTP_ANSWERED);
    }
    assert_int_equal(fake_server_connections(f.server), 4);
    struct http_call call = new_call(&f, "POST", "/");
    run_call(&f, &call);
    assert_int_equal(fake_server_connections(f.server), 4);
    close_fixture(&f);
}

// How calls to a server that misbehaves end, with and without a kept-alive connection from before.
struct fate_row {
    const char *name;
    struct fake_answer answer;
    int status;
};

static void check_fate(const struct fate_row *row, bool fresh, bool warm)
{
    struct fake_route routes[] = {
        {"POST /warm", {{.body = "x"}}},
        {"POST /call", {row->answer}},
    };
    struct fixture f;
    open_fixture(&f, routes, 2);
    if (warm) {
        struct http_call first = new_call(&f, "POST", "/warm");
        run_call(&f, &first);
        assert_int_equal(first.fate, HTTP_ANSWERED);
    }
    struct http_call call = new_call(&f, "POST", "/call");
    call.body = STR("{}");
    call.fresh_connection = fresh;
    // Where only the clock can end it: soon, unless this machine is too slow even to send it.
    call.total_ms = row->answer.end == FAKE_SILENT || row->answer.delay_ms > 0 ? 100 : 10000;
    do {
        run_call(&f, &call);
        call.total_ms *= 2;
    } while (call.fate == HTTP_NOT_SENT && call.total_ms < 10000);
    if (call.fate != HTTP_BROKEN)
        print_error("%s, fresh %d, warm %d: fate %d\n", row->name, fresh, warm, (int)call.fate);
    assert_int_equal(call.fate, HTTP_BROKEN);
    assert_int_equal(call.status, row->status);
    assert_true(strlen(call.detail) > 0);
    fake_server_wait(f.server, "POST /call", 1);
    assert_int_equal(fake_server_count(f.server, "POST /call"), 1);
    close_fixture(&f);
}

static void test_broken_calls_are_seen_once(void **state)
{
    (void)state;
    static const struct fate_row rows[] = {
        {"closed without an answer", {.end = FAKE_NO_ANSWER}, 0},
        {"reset", {.end = FAKE_RESET}, 0},
        {"cut in the body", {.end = FAKE_CUT, .body = "0123456789"}, 200},
        {"never answered", {.end = FAKE_SILENT}, 0},
        {"answered too late", {.delay_ms = 2000}, 0},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        check_fate(&rows[i], true, false);
        check_fate(&rows[i], true, true);
        check_fate(&rows[i], false, false);
        check_fate(&rows[i], false, true);
    }
}

static void check_repeated(const char *method, enum fake_end end)
{
    const struct fake_route route = {method, {{.body = "1"}, {.end = end}, {.body = "3"}}};
    struct fixture f;
    open_fixture(&f, &route, 1);
    struct http_call call = new_call(&f, method, "/x");
    call.is_read = strcmp(method, "POST") == 0;
    if (call.is_read)
        call.body = STR("{}");
    run_call(&f, &call);
    run_call(&f, &call);
    assert_int_equal(call.fate, HTTP_ANSWERED);
    assert_text(call.answer, "3");
    assert_int_equal(fake_server_count(f.server, ""), 3);
    close_fixture(&f);
}

static void test_a_read_on_a_dead_connection_is_repeated(void **state)
{
    (void)state;
    check_repeated("GET", FAKE_NO_ANSWER);
    check_repeated("GET", FAKE_RESET);
    check_repeated("POST", FAKE_NO_ANSWER);
    check_repeated("POST", FAKE_RESET);
}

static void assert_not_sent(struct fixture *f, const char *url, bool held_back)
{
    struct http_call call = new_call(f, "POST", "/");
    call.url = url;
    call.connect_ms = 300;
    call.total_ms = 2000;
    run_call(f, &call);
    if (call.fate != HTTP_NOT_SENT)
        print_error("%s: fate %d\n", url, (int)call.fate);
    assert_int_equal(call.fate, HTTP_NOT_SENT);
    assert_int_equal(call.status, 0);
    assert_int_equal(call.held_back, held_back);
    assert_true(strlen(call.detail) > 0);
}

static void test_unreached_is_not_sent(void **state)
{
    (void)state;
    struct fixture f;
    open_fixture(&f, NULL, 0);
    struct fake_server *gone = fake_server_open(NULL, 0);
    const char *gone_url = arena_printf(new_arena(&f), "%s/", fake_server_url(gone)).ptr;
    fake_server_close(gone);
    assert_not_sent(&f, gone_url, false);
    assert_not_sent(&f, "http://no-such-host.invalid/", false);
    assert_not_sent(&f, "file:///etc/passwd", false);
    assert_not_sent(&f, "ftp://127.0.0.1/", false);
    assert_not_sent(&f, "http://", false);
    assert_not_sent(&f, "no address", false);
    // A TLS handshake that never ends: the server waits for the end of a request.
    const char *tls = arena_printf(new_arena(&f), "https%s/", fake_server_url(f.server) + 4).ptr;
    assert_not_sent(&f, tls, false);
    assert_int_equal(fake_server_count(f.server, ""), 0);
    close_fixture(&f);
}

static bool never_wanted(struct http_call *call)
{
    (void)call;
    return false;
}

struct fickle {
    struct http_call call;
    int asked;
};

// Says yes before connecting, no when connected.
static bool wanted_once(struct http_call *call)
{
    return CONTAINER_OF(call, struct fickle, call)->asked++ == 0;
}

static void test_unwanted_is_not_sent(void **state)
{
    (void)state;
    static const struct fake_route routes[] = {{"", {{.body = "x"}}}};
    struct fixture f;
    open_fixture(&f, routes, 1);
    struct http_call never = new_call(&f, "POST", "/");
    never.still_wanted = never_wanted;
    run_call(&f, &never);
    assert_int_equal(never.fate, HTTP_NOT_SENT);
    assert_true(never.held_back);
    assert_int_equal(fake_server_connections(f.server), 0);

    struct fickle late = {.call = new_call(&f, "POST", "/")};
    late.call.still_wanted = wanted_once;
    run_call(&f, &late.call);
    assert_int_equal(late.asked, 2);
    assert_int_equal(late.call.fate, HTTP_NOT_SENT);
    assert_true(late.call.held_back);
    assert_int_equal(late.call.status, 0);
    assert_int_equal(fake_server_count(f.server, ""), 0);
    close_fixture(&f);
}

static void test_redirects_are_not_followed(void **state)
{
    (void)state;
    static const struct fake_route routes[] = {
        {"POST /from", {{.status = 307, .headers = "Location: /to\r\n"}}},
        {"POST /to", {{.status = 200}}},
    };
    struct fixture f;
    open_fixture(&f, routes, 2);
    struct http_call call = new_call(&f, "POST", "/from");
    run_call(&f, &call);
    assert_int_equal(call.fate, HTTP_ANSWERED);
    assert_int_equal(call.status, 307);
    assert_int_equal(fake_server_count(f.server, ""), 1);
    close_fixture(&f);
}

static void test_answers_have_a_ceiling(void **state)
{
    (void)state;
    static const struct fake_route routes[] = {{"", {{.body = "0123456789"}}}};
    struct fixture f;
    open_fixture(&f, routes, 1);
    struct http_call call = new_call(&f, "GET", "/");
    call.answer_max_bytes = 10;
    run_call(&f, &call);
    assert_int_equal(call.fate, HTTP_ANSWERED);
    assert_text(call.answer, "0123456789");
    call = new_call(&f, "GET", "/");
    call.answer_max_bytes = 9;
    run_call(&f, &call);
    assert_int_equal(call.fate, HTTP_BROKEN);
    assert_int_equal(call.status, 200);
    assert_string_equal(call.detail, "the answer is larger than 9 bytes");
    close_fixture(&f);
}

struct sink {
    struct waiter *waiter;
    size_t len;
    size_t stop_at;
};

static bool on_piece(struct http_call *call, const void *bytes, size_t len)
{
    (void)bytes;
    struct sink *sink = call->ctx;
    sink->len += len;
    return sink->len < sink->stop_at;
}

static void on_sink_done(struct http_call *call)
{
    waiter_add(((struct sink *)call->ctx)->waiter);
}

static void test_bodies_are_handed_on(void **state)
{
    (void)state;
    static char big[300 * 1024];
    memset(big, 'x', sizeof(big));
    const struct fake_route routes[] = {
        {"GET /big", {{.body = big, .body_len = sizeof(big)}}},
        {"GET /bad", {{.status = 404, .body = "no such file"}}},
    };
    struct fixture f;
    open_fixture(&f, routes, 2);
    struct sink sink = {.waiter = f.waiter, .stop_at = SIZE_MAX};
    struct http_call call = new_call(&f, "GET", "/big");
    call.on_data = on_piece;
    call.done = on_sink_done;
    call.ctx = &sink;
    struct http_call first = call;
    run_call(&f, &first);
    assert_int_equal(first.fate, HTTP_ANSWERED);
    assert_int_equal(sink.len, sizeof(big));
    assert_int_equal(first.answer.len, 0);

    sink = (struct sink){.waiter = f.waiter, .stop_at = 10000};
    struct http_call stopped = call;
    run_call(&f, &stopped);
    assert_int_equal(stopped.fate, HTTP_BROKEN);
    assert_string_equal(stopped.detail, "the reader of the answer broke it off");

    sink = (struct sink){.waiter = f.waiter, .stop_at = SIZE_MAX};
    struct http_call bounded = call;
    bounded.answer_max_bytes = sizeof(big) - 1;
    run_call(&f, &bounded);
    assert_int_equal(bounded.fate, HTTP_BROKEN);

    sink = (struct sink){.waiter = f.waiter, .stop_at = SIZE_MAX};
    struct http_call missing = new_call(&f, "GET", "/bad");
    missing.on_data = on_piece;
    missing.done = on_sink_done;
    missing.ctx = &sink;
    run_call(&f, &missing);
    assert_int_equal(missing.status, 404);
    assert_text(missing.answer, "no such file");
    assert_int_equal(sink.len, 0);
    close_fixture(&f);
}

static void test_wanted_headers(void **state)
{
    (void)state;
    static const struct fake_route routes[] = {
        {"GET /x",
         {{.headers = "ETag: \"abc\"\r\nX-Goog-Hash: crc32c=AAAAAA==\r\nX-Other: y\r\n"
                      "x-goog-hash:  md5=BBBB \r\n",
           .body = "x"},
          {.body = "x"}}},
        {"GET /long", {{.body = "x"}}},
    };
    struct fixture f;
    char line[600];
    int len = snprintf(line, sizeof(line), "ETag: \"%0512d\"\r\n", 0);
    assert_true(len > 512 && (size_t)len < sizeof(line));
    struct fake_route with_long[2] = {routes[0], routes[1]};
    with_long[1].answers[0].headers = line;
    open_fixture(&f, with_long, 2);
    struct http_call call = new_call(&f, "GET", "/x");
    call.wanted[0].name = "etag";
    call.wanted[1].name = "X-Goog-Hash";
    call.wanted[2].name = "Content-Range";
    run_call(&f, &call);
    assert_text(call.wanted[0].value, "\"abc\"");
    assert_text(call.wanted[1].value, "crc32c=AAAAAA==,md5=BBBB");
    assert_null(call.wanted[2].value.ptr);
    run_call(&f, &call); // nothing is left of the answer before
    assert_null(call.wanted[0].value.ptr);
    assert_null(call.wanted[1].value.ptr);

    struct http_call too_long = new_call(&f, "GET", "/long");
    too_long.wanted[0].name = "ETag";
    run_call(&f, &too_long);
    assert_int_equal(too_long.fate, HTTP_ANSWERED);
    assert_null(too_long.wanted[0].value.ptr);
    close_fixture(&f);
}

static void test_stall(void **state)
{
    (void)state;
    static const struct fake_route routes[] = {{"GET /silent", {{.end = FAKE_SILENT}}}};
    struct fixture f;
    open_fixture(&f, routes, 1);
    struct http_call call = new_call(&f, "GET", "/silent");
    call.stall_s = 1;
    run_call(&f, &call);
    assert_int_equal(call.fate, HTTP_BROKEN);
    assert_in_range(call.duration_us, 900 * US_PER_MS, 20 * US_PER_S);
    assert_non_null(strstr(call.detail, "too slow"));
    close_fixture(&f);
}

static void test_retry_after(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        unsigned want;
    } rows[] = {
        {"0", 0},
        {"1", 1},
        {"3600", 3600},
        {"3601", 3600},
        {"99999999999999999999999", 0},
        {"-5", 0},
        {"1.5", 0},
        {"soon", 0},
        {"", 0},
        {"Sun, 06 Nov 1994 08:49:37 GMT", 0},
        {"Sun, 06 Nov 1994 08:50:00 GMT", 20},
        {"Sun, 06 Nov 1994 08:49:41 GMT", 1},
        {"Mon, 07 Nov 1994 08:49:40 GMT", 3600},
    };
    int64_t now_us;
    assert_int_equal(time_parse(STR("1994-11-06T08:49:40.5Z"), &now_us), ERR_OK);
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        unsigned got = retry_after_parse(str_of(rows[i].text), now_us);
        if (got != rows[i].want)
            print_error("Retry-After: %s\n", rows[i].text);
        assert_int_equal(got, rows[i].want);
    }
}

static void test_waiting_calls_are_bounded(void **state)
{
    (void)state;
    static const struct fake_route routes[] = {
        {"GET /slow", {{.delay_ms = 300}}},
        {"GET /fast", {{.body = "x"}}},
    };
    struct fixture f;
    open_fixture(&f, routes, 2);
    struct http_client *narrow;
    assert_int_equal(http_client_open("t", 1, 1, &narrow, NULL), ERR_OK);
    struct http_call slow = new_call(&f, "GET", "/slow");
    http_client_call(narrow, &slow);
    fake_server_wait(f.server, "GET /slow", 1);
    struct http_call next = new_call(&f, "GET", "/fast");
    next.total_ms = 100; // less than it waits
    struct http_call excess = new_call(&f, "GET", "/fast");
    http_client_call(narrow, &next);
    http_client_call(narrow, &excess);
    waiter_wait(f.waiter, 3);
    assert_int_equal(slow.fate, HTTP_ANSWERED);
    assert_int_equal(next.fate, HTTP_ANSWERED);
    assert_int_equal(excess.fate, HTTP_NOT_SENT);
    assert_true(excess.held_back);
    assert_string_equal(excess.detail, "too many calls are waiting");
    http_client_close(narrow);
    close_fixture(&f);
}

struct chain {
    struct http_call call;
    struct fixture *f;
    int left;
};

static void on_chain(struct http_call *call)
{
    struct chain *chain = CONTAINER_OF(call, struct chain, call);
    check(call->fate == HTTP_ANSWERED);
    if (--chain->left > 0)
        http_client_call(chain->f->client, call);
    else
        waiter_add(chain->f->waiter);
}

static void *start_chain(void *ctx)
{
    struct chain *chain = ctx;
    http_client_call(chain->f->client, &chain->call);
    return NULL;
}

static void test_calls_from_many_threads(void **state)
{
    (void)state;
    static const struct fake_route routes[] = {{"", {{.body = "x"}}}};
    struct fixture f;
    open_fixture(&f, routes, 1);
    struct chain chains[24];
    pthread_t threads[COUNT_OF(chains)];
    for (size_t i = 0; i < COUNT_OF(chains); i++) {
        chains[i] = (struct chain){.call = new_call(&f, "POST", "/"), .f = &f, .left = 10};
        chains[i].call.done = on_chain;
        assert_int_equal(thread_start(&threads[i], "t", start_chain, &chains[i], NULL), ERR_OK);
    }
    waiter_wait(f.waiter, COUNT_OF(chains));
    for (size_t i = 0; i < COUNT_OF(chains); i++)
        thread_join(threads[i]);
    assert_int_equal(fake_server_count(f.server, ""), 240);
    assert_true(fake_server_connections(f.server) <= 16);
    close_fixture(&f);
}

static void test_heap_gives_timers_in_order(void **state)
{
    (void)state;
    struct timer_heap heap = {0};
    struct http_timer timers[200] = {0};
    struct random random;
    random_seed(&random, 1);
    for (size_t i = 0; i < COUNT_OF(timers); i++)
        timer_heap_put(&heap, &timers[i], random_between(&random, 0, 50));
    for (size_t i = 0; i < COUNT_OF(timers); i += 3) // moved
        timer_heap_put(&heap, &timers[i], random_between(&random, 0, 50));
    size_t removed = 0;
    for (size_t i = 1; i < COUNT_OF(timers); i += 5, removed++)
        assert_true(timer_heap_remove(&heap, &timers[i]));
    assert_false(timer_heap_remove(&heap, &timers[1]));
    int64_t last_us = 0;
    struct http_timer *timer;
    size_t popped = 0;
    assert_null(timer_heap_pop(&heap, INT64_MAX, 0));
    while ((timer = timer_heap_pop(&heap, INT64_MAX, UINT64_MAX)) != NULL) {
        assert_true(timer->due_us >= last_us);
        assert_int_equal(timer->slot, 0);
        last_us = timer->due_us;
        popped++;
    }
    assert_int_equal(popped + removed, COUNT_OF(timers));
    assert_true(timer_heap_next_us(&heap) == INT64_MAX);
    timer_heap_done(&heap);
}

struct ring {
    struct http_timer timer;
    struct fixture *f;
    int *order;
    size_t *count;
    int number;
    unsigned again;
    int64_t ran_us;
};

static void on_ring(struct http_timer *timer)
{
    struct ring *ring = CONTAINER_OF(timer, struct ring, timer);
    ring->ran_us = clock_monotonic_us(clock_system());
    ring->order[(*ring->count)++] = ring->number;
    if (ring->again > 0) {
        ring->again--;
        http_client_run_after(ring->f->client, timer, 0);
    }
    waiter_add(ring->f->waiter);
}

static void on_cancel(struct http_timer *timer)
{
    struct ring *ring = CONTAINER_OF(timer, struct ring, timer);
    check(http_client_cancel_timer(ring->f->client, &ring[1].timer));
    check(!http_client_cancel_timer(ring->f->client, &ring[1].timer));
    waiter_add(ring->f->waiter);
}

static void test_timers_run_when_due(void **state)
{
    (void)state;
    struct fixture f;
    open_fixture(&f, NULL, 0);
    int order[8];
    size_t count = 0;
    struct ring rings[6];
    for (int i = 0; i < 6; i++)
        rings[i] = (struct ring){
            .timer = {.run = on_ring}, .f = &f, .order = order, .count = &count, .number = i};
    int64_t start_us = clock_monotonic_us(clock_system());
    http_client_run_after(f.client, &rings[3].timer, 60000);
    http_client_run_after(f.client, &rings[0].timer, 120);
    http_client_run_after(f.client, &rings[1].timer, 60);
    http_client_run_after(f.client, &rings[2].timer, 60000);
    http_client_run_after(f.client, &rings[2].timer, 1); // moved
    waiter_wait(f.waiter, 3);
    assert_int_equal(order[0], 2);
    assert_int_equal(order[1], 1);
    assert_int_equal(order[2], 0);
    assert_true(rings[0].ran_us - start_us >= 120 * US_PER_MS);
    assert_true(rings[1].ran_us - start_us >= 60 * US_PER_MS);

    rings[4].timer.run = on_cancel;
    http_client_run_after(f.client, &rings[5].timer, 60000);
    http_client_run_after(f.client, &rings[4].timer, 0);
    waiter_wait(f.waiter, 4);
    rings[1].again = 2;
    http_client_run_after(f.client, &rings[1].timer, 0);
    waiter_wait(f.waiter, 7);
    close_fixture(&f); // rings[3] still waits and is dropped
    assert_int_equal(count, 6);
    assert_int_equal(rings[3].timer.slot, 0);
}

struct closing {
    struct http_close_hook hook;
    struct fixture *f;
    struct http_call late;
    bool ran;
};

static void on_closing(struct http_close_hook *hook)
{
    struct closing *closing = CONTAINER_OF(hook, struct closing, hook);
    closing->ran = true;
    http_client_call(closing->f->client, &closing->late);
}

static void test_close_ends_all_calls(void **state)
{
    (void)state;
    static const struct fake_route routes[] = {{"", {{.end = FAKE_SILENT}}}};
    struct fixture f;
    open_fixture(&f, routes, 1);
    struct closing closing = {
        .hook.run = on_closing, .f = &f, .late = new_call(&f, "POST", "/late")};
    http_client_on_close(f.client, &closing.hook);
    struct http_call calls[20]; // 16 at a time
    for (size_t i = 0; i < COUNT_OF(calls); i++) {
        calls[i] = new_call(&f, "POST", "/");
        http_client_call(f.client, &calls[i]);
    }
    fake_server_wait(f.server, "POST", 16);
    http_client_close(f.client);
    f.client = NULL;
    assert_int_equal(waiter_count(f.waiter), COUNT_OF(calls) + 1);
    for (size_t i = 0; i < COUNT_OF(calls); i++) {
        assert_int_equal(calls[i].fate, i < 16 ? HTTP_BROKEN : HTTP_NOT_SENT);
        assert_int_equal(calls[i].held_back, i >= 16);
    }
    assert_true(closing.ran);
    assert_int_equal(closing.late.fate, HTTP_NOT_SENT);
    assert_true(closing.late.held_back);
    close_fixture(&f);
}

static void test_proxy_is_never_used_for_this_machine(void **state)
{
    (void)state;
    static const struct fake_route routes[] = {
        {"GET http://sunlead.invalid/x ", {{.body = "proxied"}}},
        {"GET /x ", {{.body = "direct"}}},
    };
    struct fake_server *proxy = fake_server_open(routes, 2);
    setenv("http_proxy", fake_server_url(proxy), 1);
    setenv("no_proxy", "example.invalid", 1);
    struct fixture f;
    open_fixture(&f, routes, 2);
    struct http_call call = new_call(&f, "GET", "/x");
    run_call(&f, &call);
    assert_text(call.answer, "direct");
    assert_int_equal(fake_server_count(proxy, ""), 0);
    struct http_call far = new_call(&f, "GET", "/x");
    far.url = "http://sunlead.invalid/x";
    run_call(&f, &far);
    assert_text(far.answer, "proxied");
    unsetenv("http_proxy");
    unsetenv("no_proxy");
    fake_server_close(proxy);
    close_fixture(&f);
}

static void test_interim_answers_do_not_count(void **state)
{
    (void)state;
    static const struct fake_route routes[] = {
        {"",
         {{.status = 103,
           .headers = "Retry-After: 9\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n"}}},
    };
    struct fixture f;
    open_fixture(&f, routes, 1);
    struct http_call call = new_call(&f, "GET", "/");
    run_call(&f, &call);
    assert_int_equal(call.fate, HTTP_ANSWERED);
    assert_int_equal(call.status, 200);
    assert_int_equal(call.retry_after_s, 0);
    assert_false(call.date_us.set);
    close_fixture(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_get_is_answered),
        cmocka_unit_test(test_post_sends_its_body_once),
        cmocka_unit_test(test_connections_are_reused_unless_fresh),
        cmocka_unit_test(test_broken_calls_are_seen_once),
        cmocka_unit_test(test_a_read_on_a_dead_connection_is_repeated),
        cmocka_unit_test(test_unreached_is_not_sent),
        cmocka_unit_test(test_unwanted_is_not_sent),
        cmocka_unit_test(test_redirects_are_not_followed),
        cmocka_unit_test(test_answers_have_a_ceiling),
        cmocka_unit_test(test_bodies_are_handed_on),
        cmocka_unit_test(test_wanted_headers),
        cmocka_unit_test(test_stall),
        cmocka_unit_test(test_retry_after),
        cmocka_unit_test(test_waiting_calls_are_bounded),
        cmocka_unit_test(test_calls_from_many_threads),
        cmocka_unit_test(test_heap_gives_timers_in_order),
        cmocka_unit_test(test_timers_run_when_due),
        cmocka_unit_test(test_close_ends_all_calls),
        cmocka_unit_test(test_proxy_is_never_used_for_this_machine),
        cmocka_unit_test(test_interim_answers_do_not_count),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
