// Tests of upstream/lightfusion.h against a scripted server: what answers mean, sessions, limits,
// look-ups.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <unistd.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/log.h"
#include "http/http_client.h"
#include "support/fake_server.h"
#include "support/waiter.h"
#include "upstream/lightfusion.h"

#define LOGIN    "POST /v1/users/sessions"
#define CREATE   "POST /v1/lead/create"
#define COMPLETE "POST /v1/leads/"
#define ADDERS   "POST /v3/adders.ListProjectAdders"
#define PRICES   "POST /v3/adders.GetPriceBreakdown"
#define LEADS    "GET /v1/leads?"
#define TOKEN    "secret-token-1"
#define PASSWORD "secret-password"

static const struct fake_route login_route = {
    LOGIN,
    {{.body = "{\"token\":\"" TOKEN "\",\"company\":{\"id\":7}}"},
     {.body = "{\"token\":\"secret-token-2\",\"company\":{\"id\":7}}"}}};

struct fixture {
    struct fake_server *server;
    struct http_client *http;
    struct lightfusion *lf;
    struct waiter *waiter;
    struct arena *arenas[256]; // one for each call
    size_t arena_count;
};

// The login route comes before the given ones.
static void open_with(struct fixture *f, const struct fake_route *routes, size_t count,
                      struct lightfusion_settings settings)
{
    struct fake_route all[16] = {login_route};
    for (size_t i = 0; i < count; i++)
        all[i + 1] = routes[i];
    memset(f, 0, sizeof(*f));
    f->server = fake_server_open(all, count + 1);
    f->waiter = waiter_open();
    assert_int_equal(http_client_open("sunlead-test", 32, 32, &f->http, NULL), ERR_OK);
    settings.api = fake_server_url(f->server);
    settings.storage = "http://127.0.0.1:9/storage/";
    assert_int_equal(lightfusion_open(&settings, f->http, &f->lf, NULL), ERR_OK);
}

static struct lightfusion_settings with_login(void)
{
    return (struct lightfusion_settings){.email = "a@b.c", .password = PASSWORD};
}

static void open_fixture(struct fixture *f, const struct fake_route *routes, size_t count)
{
    open_with(f, routes, count, with_login());
}

static void close_fixture(struct fixture *f)
{
    http_client_close(f->http);
    lightfusion_close(f->lf);
    fake_server_close(f->server);
    waiter_close(f->waiter);
    while (f->arena_count > 0)
        arena_close(f->arenas[--f->arena_count]);
}

static void on_done(struct lf_call *call)
{
    waiter_add(call->ctx);
}

static struct lf_call new_call(struct fixture *f)
{
    check(f->arena_count < COUNT_OF(f->arenas));
    f->arenas[f->arena_count] = arena_open(0);
    return (struct lf_call){
        .arena = f->arenas[f->arena_count++], .done = on_done, .ctx = f->waiter};
}

static const struct project_request request = {
    .latitude = {37.7749, true},
    .longitude = {-122.4194, true},
    .unit = STR_INIT("kwh"),
};

static struct lf_create run_create(struct fixture *f)
{
    struct lf_create *create = malloc(sizeof(*create));
    check(create != NULL);
    *create = (struct lf_create){.call = new_call(f), .request = &request};
    size_t count = waiter_count(f->waiter);
    lightfusion_create(f->lf, create);
    waiter_wait(f->waiter, count + 1);
    struct lf_create result = *create;
    free(create);
    return result;
}

static struct lf_complete run_complete(struct fixture *f)
{
    struct lf_complete *complete = malloc(sizeof(*complete));
    check(complete != NULL);
    *complete = (struct lf_complete){.call = new_call(f), .house_id = 456};
    size_t count = waiter_count(f->waiter);
    lightfusion_complete(f->lf, complete);
    waiter_wait(f->waiter, count + 1);
    struct lf_complete result = *complete;
    free(complete);
    return result;
}

static struct lf_details run_details(struct fixture *f)
{
    struct lf_details *details = malloc(sizeof(*details));
    check(details != NULL);
    *details = (struct lf_details){.call = new_call(f), .project_id = 123, .house_id = 456};
    size_t count = waiter_count(f->waiter);
    lightfusion_details(f->lf, details);
    waiter_wait(f->waiter, count + 1);
    struct lf_details result = *details;
    free(details);
    return result;
}

static struct lf_find run_find(struct fixture *f)
{
    struct lf_find *find = malloc(sizeof(*find));
    check(find != NULL);
    *find = (struct lf_find){.call = new_call(f),
                             .latitude = 37.7749,
                             .longitude = -122.4194,
                             .since_us = 100 * US_PER_S};
    size_t count = waiter_count(f->waiter);
    lightfusion_find(f->lf, find);
    waiter_wait(f->waiter, count + 1);
    struct lf_find result = *find;
    free(find);
    return result;
}

static void assert_text(struct str text, const char *want)
{
    if (want == NULL) {
        assert_null(text.ptr);
        return;
    }
    if (text.ptr == NULL || text.len != strlen(want) || memcmp(text.ptr, want, text.len) != 0)
        print_error("got  %.*s\nwant %s\n", STR_ARG(text), want);
    assert_true(str_equal(text, str_of(want)));
}

// What an answer means for a create and for a call that may be repeated.
struct meaning_row {
    struct fake_answer answer;
    enum lf_outcome create;
    enum order_failure create_failure;
    enum lf_outcome complete;
    enum order_failure complete_failure;
    unsigned retry_after_s;
    const char *words; // NULL: not looked at
};

static const struct meaning_row meaning_rows[] = {
    {{.status = 200, .body = "{\"id\":123,\"lead\":{}}"},
     LF_OK,
     FAILURE_NONE,
     LF_OK,
     FAILURE_NONE,
     0,
     NULL},
    {{.status = 201, .body = "{\"id\":\"123\",\"lead\":{}}"},
     LF_OK,
     FAILURE_NONE,
     LF_OK,
     FAILURE_NONE,
     0,
     NULL},
    {{.status = 202, .body = "{\"id\":1,\"lead\":{}}", .end = FAKE_CLOSE_SOON},
     LF_OK,
     FAILURE_NONE,
     LF_OK,
     FAILURE_NONE,
     0,
     NULL},
    {{.status = 200, .body = "{\"status\":\"processing\"}"},
     LF_UNCLEAR,
     FAILURE_UNCLEAR,
     LF_UNCLEAR,
     FAILURE_UNAVAILABLE,
     0,
     "LightFusion's answer (200) makes no sense"},
    {{.status = 200, .body = "{\"id\":123,\"lead\":{}"},
     LF_UNCLEAR,
     FAILURE_UNCLEAR,
     LF_UNCLEAR,
     FAILURE_UNAVAILABLE,
     0,
     NULL},
    {{.status = 204}, LF_UNCLEAR, FAILURE_UNCLEAR, LF_UNCLEAR, FAILURE_UNAVAILABLE, 0, NULL},
    {{.status = 302, .headers = "Location: /v1/users/sessions\r\n"},
     LF_UNCLEAR,
     FAILURE_UNCLEAR,
     LF_UNCLEAR,
     FAILURE_UNAVAILABLE,
     0,
     "LightFusion answered 302 without a word"},
    {{.status = 307, .headers = "Location: /v1/users/sessions\r\n"},
     LF_UNCLEAR,
     FAILURE_UNCLEAR,
     LF_UNCLEAR,
     FAILURE_UNAVAILABLE,
     0,
     NULL},
    {{.status = 400, .body = "{\"error\":\"no roof\"}"},
     LF_REFUSED,
     FAILURE_REFUSED,
     LF_REFUSED,
     FAILURE_REFUSED,
     0,
     "no roof"},
    {{.status = 402, .body = "pay first"},
     LF_REFUSED,
     FAILURE_REFUSED,
     LF_REFUSED,
     FAILURE_REFUSED,
     0,
     "pay first"},
    {{.status = 403}, LF_REFUSED, FAILURE_REFUSED, LF_REFUSED, FAILURE_REFUSED, 0, NULL},
    {{.status = 404}, LF_REFUSED, FAILURE_REFUSED, LF_NOT_FOUND, FAILURE_GONE, 0, NULL},
    {{.status = 408}, LF_UNCLEAR, FAILURE_UNCLEAR, LF_UNCLEAR, FAILURE_UNAVAILABLE, 0, NULL},
    {{.status = 409}, LF_REFUSED, FAILURE_REFUSED, LF_REFUSED, FAILURE_REFUSED, 0, NULL},
    {{.status = 422, .body = "{\"message\":\"consumption\\u0007 is wrong\"}"},
     LF_REFUSED,
     FAILURE_REFUSED,
     LF_REFUSED,
     FAILURE_REFUSED,
     0,
     "consumption is wrong"},
    {{.status = 429, .headers = "Retry-After: 17\r\n", .body = "slow down"},
     LF_NOT_SENT,
     FAILURE_LIMITED,
     LF_NOT_SENT,
     FAILURE_LIMITED,
     17,
     "slow down"},
    {{.status = 499}, LF_REFUSED, FAILURE_REFUSED, LF_REFUSED, FAILURE_REFUSED, 0, NULL},
    {{.status = 500, .body = "{\"id\":123}"},
     LF_UNCLEAR,
     FAILURE_UNCLEAR,
     LF_UNCLEAR,
     FAILURE_UNAVAILABLE,
     0,
     NULL},
    {{.status = 502}, LF_UNCLEAR, FAILURE_UNCLEAR, LF_UNCLEAR, FAILURE_UNAVAILABLE, 0, NULL},
    {{.status = 503, .headers = "Retry-After: 5\r\n"},
     LF_UNCLEAR,
     FAILURE_UNCLEAR,
     LF_UNCLEAR,
     FAILURE_UNAVAILABLE,
     5,
     NULL},
    {{.status = 504}, LF_UNCLEAR, FAILURE_UNCLEAR, LF_UNCLEAR, FAILURE_UNAVAILABLE, 0, NULL},
    {{.status = 999}, LF_UNCLEAR, FAILURE_UNCLEAR, LF_UNCLEAR, FAILURE_UNAVAILABLE, 0, NULL},
    {{.end = FAKE_NO_ANSWER},
     LF_UNCLEAR,
     FAILURE_UNCLEAR,
     LF_UNCLEAR,
     FAILURE_UNAVAILABLE,
     0,
     NULL},
    {{.end = FAKE_RESET}, LF_UNCLEAR, FAILURE_UNCLEAR, LF_UNCLEAR, FAILURE_UNAVAILABLE, 0, NULL},
    {{.status = 201, .body = "{\"id\":123,\"lead\":{}}", .end = FAKE_CUT},
     LF_UNCLEAR,
     FAILURE_UNCLEAR,
     LF_UNCLEAR,
     FAILURE_UNAVAILABLE,
     0,
     NULL},
    {{.status = 400, .body = "no roof", .end = FAKE_CUT},
     LF_UNCLEAR,
     FAILURE_UNCLEAR,
     LF_UNCLEAR,
     FAILURE_UNAVAILABLE,
     0,
     NULL},
};

static void check_call(const struct meaning_row *row, const struct lf_call *call,
                       enum lf_outcome outcome, enum order_failure failure)
{
    if (call->outcome != outcome || call->failure != failure)
        print_error("status %d, end %d: outcome %d, failure %d\n", row->answer.status,
                    (int)row->answer.end, (int)call->outcome, (int)call->failure);
    assert_int_equal(call->outcome, outcome);
    assert_int_equal(call->failure, failure);
    assert_int_equal(call->retry_after_s, row->retry_after_s);
    if (outcome == LF_OK)
        assert_null(call->words.ptr);
    else
        assert_true(call->words.len > 0);
    if (row->words != NULL)
        assert_text(call->words, row->words);
    assert_int_equal(call->status,
                     row->answer.end == FAKE_NO_ANSWER || row->answer.end == FAKE_RESET
                         ? 0
                         : row->answer.status);
}

static void test_what_answers_mean(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(meaning_rows); i++) {
        const struct meaning_row *row = &meaning_rows[i];
        struct fake_route routes[] = {{CREATE, {row->answer}}, {COMPLETE, {row->answer}}};
        struct fixture f;
        open_fixture(&f, routes, 2);
        struct lf_create create = run_create(&f);
        check_call(row, &create.call, row->create, row->create_failure);
        assert_int_equal(fake_server_count(f.server, CREATE), 1);
        close_fixture(&f);
        open_fixture(&f, routes, 2);
        struct lf_complete complete = run_complete(&f);
        check_call(row, &complete.call, row->complete, row->complete_failure);
        assert_int_equal(complete.reading.known, row->complete == LF_OK);
        assert_int_equal(fake_server_count(f.server, COMPLETE), 1);
        close_fixture(&f);
    }
}

static void test_an_unreached_create_is_not_sent(void **state)
{
    (void)state;
    struct fixture f;
    open_with(&f, NULL, 0, (struct lightfusion_settings){.api_key = "key-key"});
    fake_server_close(f.server);
    f.server = NULL;
    struct lf_create create = run_create(&f);
    assert_int_equal(create.call.outcome, LF_NOT_SENT);
    assert_int_equal(create.call.failure, FAILURE_UNAVAILABLE);
    assert_int_equal(create.call.status, 0);
    assert_true(str_starts(create.call.words, STR("LightFusion was not reached: ")));
    close_fixture(&f);
}

static void test_a_create_is_sent_once_on_its_own_connection(void **state)
{
    (void)state;
    static const struct fake_route routes[] = {
        {COMPLETE, {{.body = "{\"lead\":{\"state\":0}}"}}},
        {CREATE, {{.end = FAKE_NO_ANSWER}, {.body = "{\"id\":1,\"lead_id\":2}"}}},
    };
    struct fixture f;
    open_fixture(&f, routes, 2);
    run_complete(&f); // leaves a kept-alive connection
    assert_int_equal(fake_server_connections(f.server), 1);
    struct lf_create create = run_create(&f);
    assert_int_equal(create.call.outcome, LF_UNCLEAR);
    assert_int_equal(fake_server_count(f.server, CREATE), 1);
    assert_int_equal(fake_server_connections(f.server), 2);
    create = run_create(&f);
    assert_int_equal(create.call.outcome, LF_OK);
    assert_int_equal(create.project_id, 1);
    assert_int_equal(create.house_id.value, 2);
    assert_int_equal(fake_server_connections(f.server), 3);
    close_fixture(&f);
}

static bool refuse(struct lf_create *create)
{
    return create->call.ctx == NULL;
}

static void test_an_unwanted_create_is_not_sent(void **state)
{
    (void)state;
    static const struct fake_route routes[] = {{CREATE, {{.body = "{\"id\":1}"}}}};
    struct fixture f;
    open_fixture(&f, routes, 1);
    struct lf_create create = {.call = new_call(&f), .request = &request, .still_wanted = refuse};
    lightfusion_create(f.lf, &create);
    waiter_wait(f.waiter, 1);
    assert_int_equal(create.call.outcome, LF_NOT_SENT);
    assert_text(create.call.words, "not wanted any more");
    assert_int_equal(fake_server_count(f.server, CREATE), 0);
    struct arena *arena = arena_open(0);
    struct str words;
    assert_int_equal(lightfusion_health(f.lf, arena, &words), LF_HEALTH_UP); // the login was fine
    arena_close(arena);
    close_fixture(&f);
}

static void test_requests_carry_token_and_json(void **state)
{
    (void)state;
    static const struct fake_route routes[] = {{CREATE, {{.body = "{\"id\":1}"}}},
                                               {COMPLETE, {{.body = "{\"lead\":{}}"}}}};
    struct fixture f;
    open_fixture(&f, routes, 2);
    run_create(&f);
    run_complete(&f);
    const char *login = fake_server_request(f.server, 0);
    assert_null(strstr(login, "Authorization"));
    assert_non_null(strstr(login, "{\"contact\":\"a@b.c\",\"password\":\"" PASSWORD "\"}"));
    const char *create = fake_server_request(f.server, 1);
    assert_non_null(strstr(create, "\r\nAuthorization: Bearer " TOKEN "\r\n"));
    assert_non_null(strstr(create, "\r\nContent-Type: application/json\r\n"));
    assert_non_null(strstr(create, "\r\n\r\n{\"latitude\":37.7749,"));
    const char *complete = fake_server_request(f.server, 2);
    assert_non_null(strstr(complete, COMPLETE "456/complete HTTP/1.1\r\n"));
    assert_non_null(strstr(complete, "\r\nContent-Length: 0\r\n"));
    close_fixture(&f);
}

static void test_an_api_key_is_the_token(void **state)
{
    (void)state;
    static const struct fake_route routes[] = {
        {COMPLETE, {{.status = 401, .body = "your key key-12345 is bad"}}}};
    struct fixture f;
    open_with(&f, routes, 1,
              (struct lightfusion_settings){.api_key = "key-12345", .email = "", .password = ""});
    struct lf_complete complete = run_complete(&f);
    assert_non_null(
        strstr(fake_server_request(f.server, 0), "Authorization: Bearer key-12345\r\n"));
    assert_int_equal(complete.call.outcome, LF_NOT_SENT);
    assert_int_equal(complete.call.failure, FAILURE_UNAUTHORIZED);
    assert_int_equal(complete.call.status, 401);
    assert_text(complete.call.words, "your key *** is bad");
    assert_int_equal(fake_server_count(f.server, ""), 1);
    struct lf_find find = run_find(&f); // no session, no company
    assert_int_equal(find.call.outcome, LF_NOT_FOUND);
    assert_int_equal(fake_server_count(f.server, ""), 1);
    close_fixture(&f);
}

static void test_no_credentials_no_header(void **state)
{
    (void)state;
    static const struct fake_route routes[] = {{COMPLETE, {{.body = "{\"lead\":{}}"}}}};
    struct fixture f;
    open_with(&f, routes, 1, (struct lightfusion_settings){0});
    struct lf_complete complete = run_complete(&f);
    assert_int_equal(complete.call.outcome, LF_OK);
    assert_null(strstr(fake_server_request(f.server, 0), "Authorization"));
    close_fixture(&f);
}

static void start_completes(struct fixture *f, struct lf_complete *completes, size_t count)
{
    for (size_t i = 0; i < count; i++)
        completes[i] = (struct lf_complete){.call = new_call(f), .house_id = (int64_t)i + 1};
    for (size_t i = 0; i < count; i++)
        lightfusion_complete(f->lf, &completes[i]);
}

static void test_one_login_serves_all_first_calls(void **state)
{
    (void)state;
    static const struct fake_route routes[] = {{COMPLETE, {{.body = "{\"lead\":{}}"}}}};
    struct fixture f;
    open_fixture(&f, routes, 1);
    struct lf_complete completes[20];
    start_completes(&f, completes, 20);
    waiter_wait(f.waiter, 20);
    for (size_t i = 0; i < 20; i++)
        assert_int_equal(completes[i].call.outcome, LF_OK);
    assert_int_equal(fake_server_count(f.server, LOGIN), 1);
    close_fixture(&f);
}

// 20 calls in flight at once all get 401.
static void test_one_login_for_any_number_of_401s(void **state)
{
    (void)state;
    struct fake_route routes[21] = {0};
    for (size_t i = 0; i < 5; i++) { // four houses a route
        static char names[5][40];
        snprintf(names[i], sizeof(names[i]), COMPLETE "%zu", i + 1);
        routes[i].request = names[i];
        for (size_t j = 0; j < 4; j++)
            routes[i].answers[j] = (struct fake_answer){.status = 401, .delay_ms = 100};
        routes[i].answers[4] = (struct fake_answer){.body = "{\"lead\":{}}"};
    }
    struct lightfusion_settings settings = with_login();
    settings.concurrency = 32;
    struct fixture f;
    open_with(&f, routes, 5, settings);
    struct lf_complete completes[20];
    for (size_t i = 0; i < 20; i++)
        completes[i] = (struct lf_complete){.call = new_call(&f), .house_id = (int64_t)(i % 5) + 1};
    for (size_t i = 0; i < 20; i++)
        lightfusion_complete(f.lf, &completes[i]);
    waiter_wait(f.waiter, 20);
    for (size_t i = 0; i < 20; i++) {
        assert_int_equal(completes[i].call.outcome, LF_OK);
        assert_int_equal(completes[i].call.status, 200);
    }
    assert_int_equal(fake_server_count(f.server, LOGIN), 2); // the first, and one for all
    assert_int_equal(fake_server_count(f.server, COMPLETE), 40);
    close_fixture(&f);
}

static void test_a_create_is_replayed_after_401(void **state)
{
    (void)state;
    static const struct fake_route routes[] = {
        {CREATE, {{.status = 401}, {.status = 201, .body = "{\"id\":5}"}}}};
    struct fixture f;
    open_fixture(&f, routes, 1);
    struct lf_create create = run_create(&f);
    assert_int_equal(create.call.outcome, LF_OK);
    assert_int_equal(create.project_id, 5);
    assert_int_equal(fake_server_count(f.server, LOGIN), 2);
    assert_int_equal(fake_server_count(f.server, CREATE), 2);
    assert_non_null(strstr(fake_server_request(f.server, 3), "Bearer secret-token-2\r\n"));
    close_fixture(&f);
}

static void test_401_after_a_fresh_login_is_not_sent(void **state)
{
    (void)state;
    static const struct fake_route routes[] = {{CREATE, {{.status = 401, .body = "go away"}}}};
    struct fixture f;
    open_fixture(&f, routes, 1);
    struct lf_create create = run_create(&f);
    assert_int_equal(create.call.outcome, LF_NOT_SENT);
    assert_int_equal(create.call.failure, FAILURE_UNAUTHORIZED);
    assert_int_equal(create.call.status, 401);
    assert_text(create.call.words, "go away");
    assert_int_equal(fake_server_count(f.server, LOGIN), 2);
    assert_int_equal(fake_server_count(f.server, CREATE), 2);
    struct arena *arena = arena_open(0);
    struct str words;
    assert_int_equal(lightfusion_health(f.lf, arena, &words), LF_HEALTH_DOWN);
    assert_text(words, "go away");
    arena_close(arena);
    close_fixture(&f);
}

struct login_row {
    struct fake_answer answer;
    enum order_failure failure;
    size_t logins; // after a second call
};

static void test_failed_logins_leave_creates_unsent(void **state)
{
    (void)state;
    static const struct login_row rows[] = {
        {{.status = 401, .body = "wrong password " PASSWORD}, FAILURE_UNAUTHORIZED, 1},
        {{.status = 403}, FAILURE_UNAUTHORIZED, 1},
        {{.status = 422}, FAILURE_UNAUTHORIZED, 1},
        {{.status = 404}, FAILURE_UNAUTHORIZED, 1},
        {{.status = 429}, FAILURE_LIMITED, 2},
        {{.status = 500}, FAILURE_UNAVAILABLE, 2},
        {{.status = 302}, FAILURE_UNAVAILABLE, 2},
        {{.end = FAKE_NO_ANSWER}, FAILURE_UNAVAILABLE, 2},
        {{.body = "{\"token\":\"a\\r\\nEvil: 1\"}"}, FAILURE_UNAVAILABLE, 2},
        {{.body = "{}"}, FAILURE_UNAVAILABLE, 2},
        {{.body = "<html>"}, FAILURE_UNAVAILABLE, 2},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        const struct fake_route route = {LOGIN, {rows[i].answer}};
        struct fixture f;
        open_fixture(&f, NULL, 0);
        fake_server_close(f.server);
        http_client_close(f.http);
        lightfusion_close(f.lf);
        f.server = fake_server_open(&route, 1);
        assert_int_equal(http_client_open("sunlead-test", 32, 32, &f.http, NULL), ERR_OK);
        struct lightfusion_settings settings = with_login();
        settings.api = settings.storage = fake_server_url(f.server);
        assert_int_equal(lightfusion_open(&settings, f.http, &f.lf, NULL), ERR_OK);
        struct lf_create create = run_create(&f);
        assert_int_equal(create.call.outcome, LF_NOT_SENT);
        assert_int_equal(create.call.failure, rows[i].failure);
        assert_true(create.call.words.len > 0);
        assert_null(
            memmem(create.call.words.ptr, create.call.words.len, PASSWORD, strlen(PASSWORD)));
        create = run_create(&f);
        assert_int_equal(create.call.outcome, LF_NOT_SENT);
        assert_int_equal(create.call.failure, rows[i].failure);
        assert_int_equal(fake_server_count(f.server, LOGIN), rows[i].logins);
        assert_int_equal(fake_server_count(f.server, ""), rows[i].logins);
        close_fixture(&f);
    }
}

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

static void test_details_come_from_two_calls(void **state)
{
    (void)state;
    static const struct fake_route routes[] = {
        {ADDERS, {{.body = "{\"panel\":{\"ID\":1},\"inverter\":[],\"storage\":null}"}}},
        {PRICES,
         {{.body = "{\"items\":[],\"total_amount\":100.5}"}, {.status = 500}, {.body = "[]"}}},
    };
    struct fixture f;
    open_fixture(&f, routes, 2);
    struct lf_details details = run_details(&f);
    assert_int_equal(details.call.outcome, LF_OK);
    assert_text(details.panel, "{\"ID\":1}");
    assert_text(details.inverter, "[]");
    assert_text(details.storage, NULL);
    assert_text(details.price_breakdown, "{\"items\":[],\"total_amount\":100.5}");
    assert_true(details.total_amount.value == 100.5);
    assert_non_null(
        strstr(fake_server_request(f.server, 2), "{\"project_id\":123,\"house_id\":456}"));
    for (int i = 0; i < 2; i++) {
        details = run_details(&f);
        assert_int_equal(details.call.outcome, LF_OK);
        assert_int_equal(details.call.failure, FAILURE_NONE);
        assert_text(details.panel, "{\"ID\":1}");
        assert_null(details.price_breakdown.ptr);
        assert_false(details.total_amount.set);
        assert_null(details.call.words.ptr);
    }
    close_fixture(&f);
}

static void test_details_need_the_first_call(void **state)
{
    (void)state;
    static const struct fake_route routes[] = {
        {ADDERS, {{.status = 404}, {.status = 500}, {.body = "[]"}}}, {PRICES, {{.body = "{}"}}}};
    struct fixture f;
    open_fixture(&f, routes, 2);
    assert_int_equal(run_details(&f).call.outcome, LF_NOT_FOUND);
    assert_int_equal(run_details(&f).call.outcome, LF_UNCLEAR);
    assert_int_equal(run_details(&f).call.outcome, LF_UNCLEAR);
    assert_int_equal(fake_server_count(f.server, PRICES), 0);
    close_fixture(&f);
}

// 0.00001 degrees of latitude are 1.1 m.
#define LEAD(id, latitude, created)                                                                \
    "{\"id\":" id ",\"latitude\":" latitude ",\"longitude\":-122.4194,\"created_at\":" created "}"

static void test_find_pages_and_measures(void **state)
{
    (void)state;
    static const struct fake_route routes[] = {
        {LEADS "company_id=7&limit=100&offset=0 ",
         {{.body = "{\"leads\":[" LEAD("1", "37.7749", "\"1970-01-01T00:01:40Z\"") "," LEAD(
               "2", "37.77494", "\"1970-01-01T00:00:40Z\"") ","  // 4.4 m, a minute early
           LEAD("3", "37.77495", "\"1970-01-01T00:02:00Z\"") "," // 5.6 m
           LEAD("4", "37.7749", "\"1970-01-01T00:00:39Z\"") "]}"}}},
        {LEADS "company_id=7&limit=100&offset=4 ",
         {{.body = "{\"leads\":[" LEAD("5", "\"37.7749\"", "null") "," LEAD(
               "1", "37.7749", "null") "," LEAD("6", "null", "null") ",{}]}"}}},
        {LEADS "company_id=7&limit=100&offset=8 ", {{.body = "{\"leads\":null}"}}},
    };
    struct fixture f;
    open_fixture(&f, routes, 3);
    struct lf_find find = run_find(&f);
    assert_int_equal(find.call.outcome, LF_OK);
    assert_int_equal(find.count, 3);
    assert_int_equal(find.candidates[0].house_id, 1);
    assert_int_equal(find.candidates[1].house_id, 2);
    assert_int_equal(find.candidates[2].house_id, 5);
    assert_true(find.candidates[0].created_us.value == 100 * US_PER_S);
    assert_false(find.candidates[2].created_us.set);
    assert_int_equal(fake_server_count(f.server, LEADS), 3);
    close_fixture(&f);
}

static void test_find_tells_absent_from_unknown(void **state)
{
    (void)state;
    static const struct {
        struct fake_answer answers[2];
        enum lf_outcome want;
    } rows[] = {
        {{{.body = "{\"leads\":[]}"}}, LF_OK},
        {{{.body = "{\"leads\":null}"}}, LF_OK},
        // The same page again: no paging here, and that was all.
        {{{.body = "{\"leads\":[" LEAD("9", "1", "null") "]}"}}, LF_OK},
        {{{.status = 404}}, LF_NOT_FOUND},
        {{{.status = 405}}, LF_NOT_FOUND},
        {{{.status = 500}}, LF_UNCLEAR},
        {{{.body = "{}"}}, LF_UNCLEAR},
        {{{.body = "{\"leads\":7}"}}, LF_UNCLEAR},
        {{{.body = "{\"leads\":[" LEAD("9", "1", "null") "]}"}, {.status = 500}}, LF_UNCLEAR},
        {{{.body = "{\"leads\":[" LEAD("9", "1", "null") "]}"}, {.end = FAKE_CUT, .body = "{}"}},
         LF_UNCLEAR},
        {{{.body = "{\"leads\":[" LEAD("null", "37.7749", "null") "]}"}}, LF_UNCLEAR},
        {{{.status = 403}}, LF_REFUSED},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct fake_route route = {LEADS, {rows[i].answers[0], rows[i].answers[1]}};
        struct fixture f;
        open_fixture(&f, &route, 1);
        struct lf_find find = run_find(&f);
        if (find.call.outcome != rows[i].want)
            print_error("row %zu: outcome %d\n", i, (int)find.call.outcome);
        assert_int_equal(find.call.outcome, rows[i].want);
        assert_int_equal(find.count, 0);
        close_fixture(&f);
    }
}

static void test_find_gives_up_on_long_lists(void **state)
{
    (void)state;
    struct buf body;
    buf_init(&body, 1 << 20);
    buf_printf(&body, "{\"leads\":[");
    for (int i = 0; i < 5001; i++)
        buf_printf(&body, "%s{\"latitude\":1,\"longitude\":1}", i == 0 ? "" : ",");
    buf_printf(&body, "]}");
    const struct fake_route route = {LEADS, {{.body = buf_cstr(&body)}}};
    struct fixture f;
    open_fixture(&f, &route, 1);
    struct lf_find find = run_find(&f);
    assert_int_equal(find.call.outcome, LF_NOT_FOUND);
    assert_true(find.call.words.len > 0);
    assert_int_equal(fake_server_count(f.server, LEADS), 2);
    close_fixture(&f);
    buf_done(&body);
}

static void test_find_keeps_32_candidates(void **state)
{
    (void)state;
    struct buf body;
    buf_init(&body, 1 << 20);
    buf_printf(&body, "{\"leads\":[");
    for (int i = 1; i <= 40; i++)
        buf_printf(&body, "%s{\"id\":%d,\"latitude\":37.7749,\"longitude\":-122.4194}",
                   i == 1 ? "" : ",", i);
    buf_printf(&body, "]}");
    const struct fake_route route = {LEADS,
                                     {{.body = buf_cstr(&body)}, {.body = "{\"leads\":[]}"}}};
    struct fixture f;
    open_fixture(&f, &route, 1);
    struct lf_find find = run_find(&f);
    assert_int_equal(find.call.outcome, LF_OK);
    assert_int_equal(find.count, LF_CANDIDATES_MAX);
    close_fixture(&f);
    buf_done(&body);
}

static void test_distances(void **state)
{
    (void)state;
    static const struct {
        double a[2];
        double b[2];
        double want_m;
        double within_m;
    } rows[] = {
        {{0, 0}, {0, 0}, 0, 0},
        {{0, 0}, {0, 1}, 111195.08, 0.1},
        {{0, 0}, {1, 0}, 111195.08, 0.1},
        {{60, 10}, {60, 11}, 55596.25, 1},
        {{37.7749, -122.4194}, {37.77494, -122.4194}, 4.4478, 0.001},
        {{0, 179.99999}, {0, -179.99999}, 2.2239, 0.001},
        {{90, 0}, {90, 123}, 0, 1e-6},
        {{90, 0}, {-90, 0}, 20015114.4, 1},
        {{0, 0}, {0, 180}, 20015114.4, 1},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        double got_m =
            lightfusion_distance_m(rows[i].a[0], rows[i].a[1], rows[i].b[0], rows[i].b[1]);
        double off_m = got_m - rows[i].want_m;
        if (off_m > rows[i].within_m || off_m < -rows[i].within_m)
            print_error("row %zu: %f m\n", i, got_m);
        assert_true(off_m <= rows[i].within_m && off_m >= -rows[i].within_m);
    }
}

static void test_hostile_answers_are_unclear(void **state)
{
    (void)state;
    static char huge[1200 * 1024];
    memset(huge, ' ', sizeof(huge));
    memcpy(huge, "{\"id\":1,\"lead\":{}}", 18);
    static char deep[100000];
    memset(deep, '[', sizeof(deep));
    struct fake_answer answers[] = {
        {.body = huge, .body_len = sizeof(huge)},
        {.body = deep, .body_len = sizeof(deep)},
        {.body = "{\"id\":1,\"lead\":{}}\0\0", .body_len = 20},
        {.body = "{\"id\":{\"id\":1},\"lead\":[[]]}"},
        {.body = "\xff\xfe{\"id\":1}"},
        {.body = "{\"id\":1e400,\"lead\":1e400}"},
    };
    for (size_t i = 0; i < COUNT_OF(answers); i++) {
        struct fake_route routes[] = {{CREATE, {answers[i]}}, {COMPLETE, {answers[i]}}};
        struct fixture f;
        open_fixture(&f, routes, 2);
        struct lf_create create = run_create(&f);
        assert_int_equal(create.call.outcome, LF_UNCLEAR);
        assert_int_equal(create.call.failure, FAILURE_UNCLEAR);
        assert_int_equal(create.project_id, 0);
        assert_int_equal(fake_server_count(f.server, CREATE), 1);
        struct lf_complete complete = run_complete(&f);
        assert_int_equal(complete.call.outcome, LF_UNCLEAR);
        assert_int_equal(complete.call.failure, FAILURE_UNAVAILABLE);
        close_fixture(&f);
    }
}

static void test_secrets_stay_out_of_words_and_log(void **state)
{
    (void)state;
    static const struct fake_route routes[] = {
        {CREATE,
         {{.status = 400, .body = "{\"error\":\"bad " TOKEN " and " PASSWORD " " TOKEN "\"}"}}}};
    int log[2];
    assert_int_equal(pipe(log), 0);
    log_setup(LOG_DEBUG, LOG_JSON, log[1]);
    struct fixture f;
    open_fixture(&f, routes, 1);
    struct lf_create create = run_create(&f);
    assert_text(create.call.words, "bad *** and *** ***");
    close_fixture(&f);
    log_setup(LOG_OFF, LOG_TEXT, 2);
    close(log[1]);
    static char lines[65536];
    ssize_t len = read(log[0], lines, sizeof(lines) - 1);
    assert_true(len > 0);
    lines[len] = '\0';
    close(log[0]);
    assert_non_null(strstr(lines, "upstream.login"));
    assert_non_null(strstr(lines, "upstream.call"));
    assert_non_null(strstr(lines, CREATE));
    assert_null(strstr(lines, "secret"));
}

static void test_health_follows_the_last_call(void **state)
{
    (void)state;
    static const struct fake_route routes[] = {{COMPLETE,
                                                {{.status = 503, .body = "closed for today"},
                                                 {.body = "{\"lead\":{}}"},
                                                 {.status = 404}}}};
    struct fixture f;
    open_fixture(&f, routes, 1);
    struct arena *arena = arena_open(0);
    struct str words;
    assert_int_equal(lightfusion_health(f.lf, arena, &words), LF_HEALTH_UNTRIED);
    run_complete(&f);
    assert_int_equal(lightfusion_health(f.lf, arena, &words), LF_HEALTH_DOWN);
    assert_text(words, "closed for today");
    run_complete(&f);
    assert_int_equal(lightfusion_health(f.lf, arena, &words), LF_HEALTH_UP);
    assert_null(words.ptr);
    run_complete(&f);
    assert_int_equal(lightfusion_health(f.lf, arena, &words), LF_HEALTH_UP);
    arena_close(arena);
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

static void test_addresses(void **state)
{
    (void)state;
    static const struct {
        const char *api;
        bool good;
    } rows[] = {
        {"http://localhost:8085", true},
        {"https://example.com/api/", true},
        {"", false},
        {NULL, false},
        {"localhost:8085", false},
        {"ftp://localhost", false},
        {"http://", false},
        {"http:///x", false},
        {"http://user:secret@host", false},
        {"http://host?x=1", false},
        {"http://host#x", false},
        {"http://ho st", false},
        {"http://host\r\nX: 1", false},
    };
    struct http_client *http;
    assert_int_equal(http_client_open("t", 1, 1, &http, NULL), ERR_OK);
    struct lightfusion *lfs[COUNT_OF(rows)] = {0};
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct error err;
        error_reset(&err);
        struct lightfusion_settings settings = {.api = rows[i].api, .storage = "http://s/x/"};
        enum err code = lightfusion_open(&settings, http, &lfs[i], &err);
        assert_int_equal(code, rows[i].good ? ERR_OK : ERR_INVALID);
        assert_int_equal(strlen(err.message) == 0, rows[i].good);
        assert_null(strstr(err.message, "secret"));
    }
    struct lightfusion *lf = NULL;
    struct lightfusion_settings bad_key = {
        .api = "http://h", .storage = "http://h", .api_key = "a\r\nX: 1"};
    assert_int_equal(lightfusion_open(&bad_key, http, &lf, NULL), ERR_INVALID);
    struct arena *arena = arena_open(0);
    assert_text(lightfusion_file_url(lfs[0], arena, 123, "obj"),
                "http://s/x/leads/123/mesh/scene.obj");
    arena_close(arena);
    http_client_close(http);
    for (size_t i = 0; i < COUNT_OF(rows); i++)
        lightfusion_close(lfs[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_answers_mean),
        cmocka_unit_test(test_an_unreached_create_is_not_sent),
        cmocka_unit_test(test_a_create_is_sent_once_on_its_own_connection),
        cmocka_unit_test(test_an_unwanted_create_is_not_sent),
        cmocka_unit_test(test_requests_carry_token_and_json),
        cmocka_unit_test(test_an_api_key_is_the_token),
        cmocka_unit_test(test_no_credentials_no_header),
        cmocka_unit_test(test_one_login_serves_all_first_calls),
        cmocka_unit_test(test_one_login_for_any_number_of_401s),
        cmocka_unit_test(test_a_create_is_replayed_after_401),
        cmocka_unit_test(test_401_after_a_fresh_login_is_not_sent),
        cmocka_unit_test(test_failed_logins_leave_creates_unsent),
        cmocka_unit_test(test_concurrency_is_capped),
        cmocka_unit_test(test_calls_a_minute_are_capped),
        cmocka_unit_test(test_429_holds_back_further_calls),
        cmocka_unit_test(test_the_breaker_opens_and_a_login_tries_first),
        cmocka_unit_test(test_an_open_breaker_leaves_a_sent_create_alone),
        cmocka_unit_test(test_calls_wait_for_their_turn_30_seconds_at_most),
        cmocka_unit_test(test_details_come_from_two_calls),
        cmocka_unit_test(test_details_need_the_first_call),
        cmocka_unit_test(test_find_pages_and_measures),
        cmocka_unit_test(test_find_tells_absent_from_unknown),
        cmocka_unit_test(test_find_gives_up_on_long_lists),
        cmocka_unit_test(test_find_keeps_32_candidates),
        cmocka_unit_test(test_distances),
        cmocka_unit_test(test_hostile_answers_are_unclear),
        cmocka_unit_test(test_secrets_stay_out_of_words_and_log),
        cmocka_unit_test(test_health_follows_the_last_call),
        cmocka_unit_test(test_closing_ends_waiting_calls_unsent),
        cmocka_unit_test(test_calls_started_while_closing_end_unsent),
        cmocka_unit_test(test_addresses),
    };
    log_setup(LOG_OFF, LOG_TEXT, 2);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
