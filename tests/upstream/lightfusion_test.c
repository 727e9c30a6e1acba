// Tests of upstream/lightfusion.h against a scripted server: what answers mean, and the calls
// themselves.
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
        // What changes nothing is asked once more where the login's connection seems to be dead.
        bool silent = row->answer.end == FAKE_NO_ANSWER || row->answer.end == FAKE_RESET;
        assert_int_equal(fake_server_count(f.server, COMPLETE), silent ? 2 : 1);
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
    assert_true(create.call.attempted);
    assert_true(str_starts(create.call.words, STR("LightFusion was not reached: ")));
    close_fixture(&f);
}

static void test_a_create_is_sent_once_on_its_own_connection(void **state)
{
    (void)state;
    static const struct fake_route routes[] = {
        {COMPLETE, {{.body = "{\"lead\":{\"state\":0}}"}}},
        {CREATE, {{.body = "{\"id\":1,\"lead_id\":2}"}, {.end = FAKE_NO_ANSWER}}},
    };
    struct fixture f;
    open_fixture(&f, routes, 2);
    run_complete(&f); // leaves a kept-alive connection
    assert_int_equal(fake_server_connections(f.server), 1);
    struct lf_create create = run_create(&f);
    assert_int_equal(create.call.outcome, LF_OK);
    assert_int_equal(create.project_id, 1);
    assert_int_equal(create.house_id.value, 2);
    assert_int_equal(fake_server_connections(f.server), 2);
    create = run_create(&f);
    assert_int_equal(create.call.outcome, LF_UNCLEAR);
    assert_int_equal(fake_server_count(f.server, CREATE), 2);
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
        cmocka_unit_test(test_details_come_from_two_calls),
        cmocka_unit_test(test_details_need_the_first_call),
        cmocka_unit_test(test_hostile_answers_are_unclear),
        cmocka_unit_test(test_health_follows_the_last_call),
        cmocka_unit_test(test_addresses),
    };
    log_setup(LOG_OFF, LOG_TEXT, 2);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
