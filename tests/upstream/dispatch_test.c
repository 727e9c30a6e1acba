// Tests of the way of calls to LightFusion against a scripted server: caps, the breaker, closing.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "support/fake_server.h"
#include "support/waiter.h"
#include "upstream/lightfusion_fixture.h"

static void test_concurrency_is_capped(void **state)
{
    (void)state;
    static const struct fake_route routes[] = {
        {COMPLETE, {{.body = "{\"lead\":{}}", .delay_ms = 50}}}};
    struct lightfusion_settings settings = with_login();
    settings.concurrency = 3;
    struct fixture f;
    open_with(&f, routes, 1, settings);
    struct lf_complete completes[12];
    int64_t start_us = clock_monotonic_us(clock_system());
    start_completes(&f, completes, 12);
    waiter_wait(f.waiter, 12);
    assert_true(clock_monotonic_us(clock_system()) - start_us >= 4 * 50 * US_PER_MS);
    assert_true(fake_server_connections(f.server) <= 3);
    close_fixture(&f);
}

static void test_calls_a_minute_are_capped(void **state)
{
    (void)state;
    static const struct fake_route routes[] = {{COMPLETE, {{.body = "{\"lead\":{}}"}}}};
    struct lightfusion_settings settings = with_login();
    settings.calls_per_minute = 600; // 60 at once, then one each 111 ms
    struct fixture f;
    open_with(&f, routes, 1, settings);
    static struct lf_complete completes[62];
    int64_t start_us = clock_monotonic_us(clock_system());
    start_completes(&f, completes, 62); // and the login
    waiter_wait(f.waiter, 62);
    assert_true(clock_monotonic_us(clock_system()) - start_us >= 3 * 105 * US_PER_MS);
    for (size_t i = 0; i < 62; i++)
        assert_int_equal(completes[i].call.outcome, LF_OK);
    close_fixture(&f);
}

static void test_429_holds_back_further_calls(void **state)
{
    (void)state;
    static const struct fake_route routes[] = {
        {COMPLETE, {{.status = 429, .headers = "Retry-After: 30\r\n"}, {.body = "{\"lead\":{}}"}}}};
    struct fixture f;
    open_fixture(&f, routes, 1);
    struct lf_complete complete = run_complete(&f);
    assert_int_equal(complete.call.retry_after_s, 30);
    complete = run_complete(&f);
    assert_int_equal(complete.call.outcome, LF_NOT_SENT);
    assert_int_equal(complete.call.failure, FAILURE_LIMITED);
    assert_in_range(complete.call.retry_after_s, 29, 30);
    assert_false(complete.call.attempted);
    assert_int_equal(fake_server_count(f.server, COMPLETE), 1);
    close_fixture(&f);
}

// A clock that tests move.
struct moved_clock {
    struct clock clock;
    int64_t ahead_us;
};

static int64_t moved_now_us(const struct clock *clock)
{
    (void)clock;
    return clock_now_us(clock_system());
}

static int64_t moved_monotonic_us(const struct clock *clock)
{
    const struct moved_clock *moved = (const struct moved_clock *)(const void *)clock;
    return clock_monotonic_us(clock_system()) + __atomic_load_n(&moved->ahead_us, __ATOMIC_RELAXED);
}

static void move_clock(struct moved_clock *moved, int64_t by_us)
{
    __atomic_add_fetch(&moved->ahead_us, by_us, __ATOMIC_RELAXED);
}

static void test_the_breaker_opens_and_a_login_tries_first(void **state)
{
    (void)state;
    static const struct fake_route routes[] = {{COMPLETE, {{.status = 500}}},
                                               {CREATE, {{.body = "{\"id\":1}"}}}};
    struct moved_clock moved = {{moved_now_us, moved_monotonic_us}, 0};
    struct lightfusion_settings settings = with_login();
    settings.clock = &moved.clock;
    struct fixture f;
    open_with(&f, routes, 2, settings);
    for (int i = 0; i < 5; i++)
        assert_int_equal(run_complete(&f).call.outcome, LF_UNCLEAR);
    struct lf_create create = run_create(&f);
    assert_int_equal(create.call.outcome, LF_NOT_SENT);
    assert_int_equal(create.call.failure, FAILURE_UNAVAILABLE);
    assert_in_range(create.call.retry_after_s, 29, 30);
    assert_false(create.call.attempted);
    assert_int_equal(fake_server_count(f.server, LOGIN), 1);

    move_clock(&moved, 31 * US_PER_S);
    assert_int_equal(run_complete(&f).call.outcome, LF_UNCLEAR); // the probe, which fails
    assert_int_equal(run_complete(&f).call.outcome, LF_NOT_SENT);
    assert_int_equal(fake_server_count(f.server, COMPLETE), 6);

    move_clock(&moved, 31 * US_PER_S);
    create = run_create(&f);
    assert_int_equal(create.call.outcome, LF_OK);
    assert_int_equal(fake_server_count(f.server, LOGIN), 2); // the probe
    assert_int_equal(fake_server_count(f.server, CREATE), 1);
    assert_int_equal(run_complete(&f).call.outcome, LF_UNCLEAR); // closed again
    close_fixture(&f);
}

static void test_an_open_breaker_leaves_a_sent_create_alone(void **state)
{
    (void)state;
    static const struct fake_route routes[] = {{COMPLETE, {{.status = 503}}},
                                               {CREATE, {{.body = "{\"id\":9}", .delay_ms = 400}}}};
    struct fixture f;
    open_fixture(&f, routes, 2);
    struct lf_create create = {.call = new_call(&f), .request = &request};
    lightfusion_create(f.lf, &create);
    fake_server_wait(f.server, CREATE, 1);
    struct lf_complete completes[8];
    start_completes(&f, completes, 8);
    waiter_wait(f.waiter, 9);
    assert_int_equal(create.call.outcome, LF_OK);
    assert_int_equal(create.project_id, 9);
    assert_int_equal(run_complete(&f).call.outcome, LF_NOT_SENT);
    close_fixture(&f);
}

static void test_calls_wait_for_their_turn_30_seconds_at_most(void **state)
{
    (void)state;
    static const struct fake_route routes[] = {
        {COMPLETE, {{.body = "{\"lead\":{}}", .delay_ms = 300}}}};
    struct moved_clock moved = {{moved_now_us, moved_monotonic_us}, 0};
    struct lightfusion_settings settings = with_login();
    settings.clock = &moved.clock;
    settings.concurrency = 1;
    struct fixture f;
    open_with(&f, routes, 1, settings);
    struct lf_complete completes[3];
    start_completes(&f, completes, 3);
    fake_server_wait(f.server, COMPLETE, 1);
    move_clock(&moved, 30 * US_PER_S);
    waiter_wait(f.waiter, 3);
    assert_int_equal(completes[0].call.outcome, LF_OK);
    for (int i = 1; i < 3; i++) {
        assert_int_equal(completes[i].call.outcome, LF_NOT_SENT);
        assert_int_equal(completes[i].call.failure, FAILURE_UNAVAILABLE);
    }
    close_fixture(&f);
}

static void test_closing_ends_waiting_calls_unsent(void **state)
{
    (void)state;
    static const struct fake_route routes[] = {{CREATE, {{.end = FAKE_SILENT}}},
                                               {COMPLETE, {{.end = FAKE_SILENT}}}};
    struct lightfusion_settings settings = with_login();
    settings.concurrency = 2;
    struct fixture f;
    open_with(&f, routes, 2, settings);
    struct lf_create create = {.call = new_call(&f), .request = &request};
    lightfusion_create(f.lf, &create);
    fake_server_wait(f.server, CREATE, 1);
    struct lf_complete completes[5];
    start_completes(&f, completes, 5);
    fake_server_wait(f.server, COMPLETE, 1);
    struct lf_create late = {.call = new_call(&f), .request = &request};
    struct lf_find find = {.call = new_call(&f)};
    lightfusion_create(f.lf, &late);
    lightfusion_find(f.lf, &find);
    http_client_close(f.http);
    f.http = NULL;
    assert_int_equal(waiter_count(f.waiter), 8);
    assert_int_equal(create.call.outcome, LF_UNCLEAR);
    assert_int_equal(late.call.outcome, LF_NOT_SENT);
    assert_int_equal(find.call.outcome, LF_NOT_SENT);
    assert_int_equal(completes[0].call.outcome, LF_UNCLEAR);
    for (int i = 1; i < 5; i++)
        assert_int_equal(completes[i].call.outcome, LF_NOT_SENT);
    close_fixture(&f);
}

struct eager {
    struct lf_find find;
    struct fixture *f;
    int left;
};

static void on_eager(struct lf_call *call)
{
    struct eager *eager = CONTAINER_OF(call, struct eager, find.call);
    check(call->outcome != LF_OK);
    if (--eager->left > 0)
        lightfusion_find(eager->f->lf, &eager->find);
    else
        waiter_add(eager->f->waiter);
}

static void test_calls_started_while_closing_end_unsent(void **state)
{
    (void)state;
    static const struct fake_route routes[] = {{LEADS, {{.end = FAKE_SILENT}}}};
    struct fixture f;
    open_fixture(&f, routes, 1);
    struct eager eager = {.find.call = new_call(&f), .f = &f, .left = 3};
    eager.find.call.done = on_eager;
    lightfusion_find(f.lf, &eager.find);
    fake_server_wait(f.server, LEADS, 1);
    http_client_close(f.http);
    f.http = NULL;
    assert_int_equal(waiter_count(f.waiter), 1);
    assert_int_equal(eager.find.call.outcome, LF_NOT_SENT);
    close_fixture(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_concurrency_is_capped),
        cmocka_unit_test(test_calls_a_minute_are_capped),
        cmocka_unit_test(test_429_holds_back_further_calls),
        cmocka_unit_test(test_the_breaker_opens_and_a_login_tries_first),
        cmocka_unit_test(test_an_open_breaker_leaves_a_sent_create_alone),
        cmocka_unit_test(test_calls_wait_for_their_turn_30_seconds_at_most),
        cmocka_unit_test(test_closing_ends_waiting_calls_unsent),
        cmocka_unit_test(test_calls_started_while_closing_end_unsent),
    };
    log_setup(LOG_OFF, LOG_TEXT, 2);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
