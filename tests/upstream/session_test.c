// Tests of the session with LightFusion against a scripted server: logins, tokens, secrets.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include <unistd.h>

#include "support/fake_server.h"
#include "support/waiter.h"
#include "upstream/lightfusion_fixture.h"

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
    static const struct fake_route routes[] = {
        {COMPLETE "|Bearer " TOKEN, {{.status = 401, .delay_ms = 100}}},
        {COMPLETE "|Bearer secret-token-2", {{.body = "{\"lead\":{}}"}}},
    };
    struct lightfusion_settings settings = with_login();
    settings.concurrency = 32;
    struct fixture f;
    open_with(&f, routes, 2, settings);
    struct lf_complete completes[20];
    start_completes(&f, completes, 20);
    waiter_wait(f.waiter, 20);
    for (size_t i = 0; i < 20; i++) {
        assert_int_equal(completes[i].call.outcome, LF_OK);
        assert_int_equal(completes[i].call.status, 200);
    }
    assert_int_equal(fake_server_count(f.server, LOGIN), 2); // the first, and one for all
    assert_in_range(fake_server_count(f.server, COMPLETE), 21, 40);
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
        {{.status = 422, .body = "{\"detail\":[{\"input\":{\"password\":\"" PASSWORD "\"}}]}"},
         FAILURE_UNAUTHORIZED,
         1},
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

#define WORDS_MAX 500

static void test_secrets_stay_out_of_words_and_log(void **state)
{
    (void)state;
    // A secret across the place where words are cut.
    char long_body[WORDS_MAX + 100];
    memset(long_body, 'x', WORDS_MAX - 5);
    snprintf(long_body + WORDS_MAX - 5, 100, "%s", TOKEN);
    const struct fake_route routes[] = {
        {CREATE,
         {{.status = 400, .body = "{\"error\":\"bad " TOKEN " and " PASSWORD " " TOKEN "\"}"},
          {.status = 400, .body = long_body}}}};
    int log[2];
    assert_int_equal(pipe(log), 0);
    log_setup(LOG_DEBUG, LOG_JSON, log[1]);
    struct fixture f;
    open_fixture(&f, routes, 1);
    struct lf_create create = run_create(&f);
    assert_text(create.call.words, "bad *** and *** ***");
    create = run_create(&f);
    assert_int_equal(create.call.words.len, WORDS_MAX - 2);
    assert_memory_equal(create.call.words.ptr + WORDS_MAX - 6, "x***", 4);
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_requests_carry_token_and_json),
        cmocka_unit_test(test_an_api_key_is_the_token),
        cmocka_unit_test(test_no_credentials_no_header),
        cmocka_unit_test(test_one_login_serves_all_first_calls),
        cmocka_unit_test(test_one_login_for_any_number_of_401s),
        cmocka_unit_test(test_a_create_is_replayed_after_401),
        cmocka_unit_test(test_401_after_a_fresh_login_is_not_sent),
        cmocka_unit_test(test_failed_logins_leave_creates_unsent),
        cmocka_unit_test(test_secrets_stay_out_of_words_and_log),
    };
    log_setup(LOG_OFF, LOG_TEXT, 2);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
