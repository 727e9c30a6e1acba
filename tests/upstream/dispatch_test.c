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

// A thousand polls wait: a create and what a user asks for go with the next slots.
static void test_classes_take_turns(void **state)
{
    (void)state;
    static const struct fake_route routes[] = {
        {COMPLETE, {{.body = "{\"lead\":{}}", .delay_ms = 100}}},
        {ADDERS, {{.body = "{}"}}},
        {PRICES, {{.body = "{}"}}},
        {CREATE, {{.body = "{\"id\":1}"}}}};
    struct lightfusion_settings settings = {.api_key = "key", .concurrency = 8};
    static struct lf_complete polls[1000];
    struct fixture f;
    open_with(&f, routes, COUNT_OF(routes), settings);
    start_completes(&f, polls, COUNT_OF(polls));
    fake_server_wait(f.server, COMPLETE, 5); // the other slots are kept for others
    size_t done = waiter_count(f.waiter);
    struct lf_create create = run_create(&f);
    struct lf_details details = {.call = new_call(&f), .project_id = 123, .house_id = 456};
    details.call.class = LF_CLASS_USER;
    size_t count = waiter_count(f.waiter);
    lightfusion_details(f.lf, &details);
    fake_server_wait(f.server, PRICES, 1);
    assert_int_equal(create.call.outcome, LF_OK);
    // Meanwhile a few rounds of polls went, of the two hundred that there are.
    assert_in_range(waiter_count(f.waiter) - done, 1, 50);
    assert_true(waiter_count(f.waiter) >= count);
    http_client_close(f.http); // the rest is not waited for
    f.http = NULL;
    assert_int_equal(waiter_count(f.waiter), COUNT_OF(polls) + 2);
    assert_int_equal(details.call.outcome, LF_OK);
    close_fixture(&f);
}

static void test_isolation(void **state)
{
    (void)state;
    static const struct fake_route routes[] = {
        {COMPLETE, {{.body = "{\"lead\":{}}", .delay_ms = 200}, {.body = "{\"lead\":{}}"}}},
        {CREATE, {{.body = "{\"id\":1}"}}}};
    struct fixture f;
    open_fixture(&f, routes, 2);
    struct lf_complete sent;
    start_completes(&f, &sent, 1);
    fake_server_wait(f.server, COMPLETE, 1);
    lightfusion_isolate(f.lf, true);
    struct lf_create create = run_create(&f);
    assert_int_equal(create.call.outcome, LF_NOT_SENT);
    assert_int_equal(create.call.failure, FAILURE_UNAVAILABLE);
    assert_int_equal(create.call.retry_after_s, 30);
    assert_false(create.call.attempted);
    assert_non_null(memmem(create.call.words.ptr, create.call.words.len, "isolated", 8));
    waiter_wait(f.waiter, 2);
    assert_int_equal(sent.call.outcome, LF_OK); // it was under way
    assert_int_equal(fake_server_count(f.server, CREATE), 0);
    lightfusion_isolate(f.lf, false);
    assert_int_equal(run_create(&f).call.outcome, LF_OK);
    close_fixture(&f);
}

// ---- A budget that others share.

struct budget {
    struct lf_budget budget;
    struct waiter *asked;
    _Atomic unsigned wanted; // by the last ask
};

static void on_ask(void *ctx, unsigned wanted)
{
    struct budget *budget = ctx;
    budget->wanted = wanted;
    waiter_add(budget->asked);
}

static void test_shared_budget(void **state)
{
    (void)state;
    static const struct fake_route routes[] = {{COMPLETE, {{.body = "{\"lead\":{}}"}}}};
    struct budget budget = {{on_ask, &budget}, waiter_open(), 0};
    struct lightfusion_settings settings = {.api_key = "key", .calls_per_minute = 1};
    struct fixture f;
    open_with(&f, routes, 1, settings);
    lightfusion_share_budget(f.lf, &budget.budget);
    static struct lf_complete polls[10];
    start_completes(&f, polls, COUNT_OF(polls));
    waiter_wait(budget.asked, 1);
    lightfusion_grant(f.lf, 4, 0);
    waiter_wait(f.waiter, 4);
    waiter_wait(budget.asked, 2); // there is more to do
    assert_int_equal(budget.wanted, 6);
    lightfusion_grant(f.lf, 0, 50 * US_PER_MS); // nothing now: it asks again by itself
    waiter_wait(budget.asked, 3);
    assert_int_equal(fake_server_count(f.server, COMPLETE), 4);
    lightfusion_grant(f.lf, 100, 0);
    waiter_wait(f.waiter, 10);
    assert_int_equal(run_complete(&f).call.outcome, LF_OK); // of what is left
    assert_int_equal(waiter_count(budget.asked), 3);
    close_fixture(&f);
    waiter_close(budget.asked);
}

static void test_a_grant_lapses(void **state)
{
    (void)state;
    static const struct fake_route routes[] = {{COMPLETE, {{.body = "{\"lead\":{}}"}}}};
    struct moved_clock moved = {{moved_now_us, moved_monotonic_us}, 0};
    struct budget budget = {{on_ask, &budget}, waiter_open(), 0};
    struct lightfusion_settings settings = {.api_key = "key", .clock = &moved.clock};
    struct fixture f;
    open_with(&f, routes, 1, settings);
    lightfusion_share_budget(f.lf, &budget.budget);
    struct lf_complete polls[2];
    start_completes(&f, &polls[0], 1);
    waiter_wait(budget.asked, 1);
    lightfusion_grant(f.lf, 5, 0);
    waiter_wait(f.waiter, 1);
    move_clock(&moved, 3 * US_PER_S); // others have had the four calls that are left
    start_completes(&f, &polls[1], 1);
    waiter_wait(budget.asked, 2);
    lightfusion_grant(f.lf, 1, 0);
    waiter_wait(f.waiter, 2);
    close_fixture(&f);
    waiter_close(budget.asked);
}

// ---- What was said.

// Takes down, inside done(), what was said.
struct listener {
    struct lf_create create;
    struct lf_find find;
    struct waiter *waiter;
    struct exchange exchange;
};

static void on_said(struct lf_call *call)
{
    static const struct str hide[] = {STR_INIT("smith")};
    struct listener *listener = call->ctx;
    listener->exchange = lightfusion_exchange(call, hide, COUNT_OF(hide));
    waiter_add(listener->waiter);
}

static struct lf_call listening_call(struct fixture *f, struct listener *listener)
{
    struct lf_call call = new_call(f);
    call.done = on_said;
    call.ctx = listener;
    listener->waiter = f->waiter;
    return call;
}

static struct exchange listen_create(struct fixture *f, struct listener *listener)
{
    size_t count = waiter_count(f->waiter);
    listener->create = (struct lf_create){.call = listening_call(f, listener), .request = &request};
    lightfusion_create(f->lf, &listener->create);
    waiter_wait(f->waiter, count + 1);
    return listener->exchange;
}

static struct exchange listen_find(struct fixture *f, struct listener *listener)
{
    size_t count = waiter_count(f->waiter);
    listener->find = (struct lf_find){.call = listening_call(f, listener)};
    lightfusion_find(f->lf, &listener->find);
    waiter_wait(f->waiter, count + 1);
    return listener->exchange;
}

static void test_exchanges(void **state)
{
    (void)state;
    static const struct fake_route routes[] = {
        {CREATE,
         {{.body = "{\"id\":1,\"echo\":\"" TOKEN "\",\"email\":\"a@b.c\"}"},
          {.status = 422, .body = "{\"error\":\"no roof for Smith\"}"},
          {.end = FAKE_RESET}}},
        {LEADS,
         {{.body = "{\"leads\":[]}"},
          {.status = 500, .body = "{\"error\":\"bad\",\"leads\":[\"Adams\"]}"}}}};
    static struct listener listener;
    struct fixture f;
    open_fixture(&f, routes, 2);
    struct exchange said = listen_create(&f, &listener);
    assert_int_equal(said.call, EXCHANGE_CREATE);
    assert_int_equal(said.outcome, EXCHANGE_OK);
    assert_int_equal(said.status.value, 200);
    assert_non_null(memmem(said.request.ptr, said.request.len, "\"latitude\":37.7749", 18));
    assert_text(said.answer, "{\"id\":1,\"echo\":\"***\",\"email\":\"***\"}");
    said = listen_create(&f, &listener);
    assert_int_equal(said.outcome, EXCHANGE_REFUSED);
    assert_int_equal(said.status.value, 422);
    assert_text(said.answer, "{\"error\":\"no roof for ***\"}");
    said = listen_create(&f, &listener);
    assert_int_equal(said.outcome, EXCHANGE_UNCLEAR);
    assert_false(said.status.set);
    assert_true(str_starts(said.answer, STR("LightFusion's answer was lost")));

    // Of other people's leads nothing is kept.
    said = listen_find(&f, &listener);
    assert_int_equal(said.call, EXCHANGE_FIND);
    assert_int_equal(said.status.value, 200);
    assert_null(said.request.ptr);
    assert_text(said.answer, "0 leads were looked through, 0 of them new and at the place.");
    said = listen_find(&f, &listener);
    assert_int_equal(said.outcome, EXCHANGE_UNCLEAR);
    assert_text(said.answer, "bad");

    lightfusion_isolate(f.lf, true);
    assert_int_equal(listen_create(&f, &listener).call, EXCHANGE_NONE);
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
        cmocka_unit_test(test_classes_take_turns),
        cmocka_unit_test(test_isolation),
        cmocka_unit_test(test_shared_budget),
        cmocka_unit_test(test_a_grant_lapses),
        cmocka_unit_test(test_exchanges),
        cmocka_unit_test(test_calls_wait_for_their_turn_30_seconds_at_most),
        cmocka_unit_test(test_closing_ends_waiting_calls_unsent),
        cmocka_unit_test(test_calls_started_while_closing_end_unsent),
    };
    log_setup(LOG_OFF, LOG_TEXT, 2);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
