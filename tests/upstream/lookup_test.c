// Tests of the look-up of houses against a scripted server: pages, distances, when it tells
// nothing.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "support/fake_server.h"
#include "support/waiter.h"
#include "upstream/lightfusion_fixture.h"

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

// What LightFusion made after we asked shows an earlier time where its clock is behind.
static void test_find_by_a_clock_that_is_behind(void **state)
{
    (void)state;
    static const struct {
        const char *headers; // NULL: no Date
        size_t want;
    } rows[] = {
        {NULL, 1},
        {"Date: some time\r\n", 1},
        {"Date: Mon, 01 Jan 2035 00:00:00 GMT\r\n", 1},
        {"Date: Thu, 01 Jan 1970 00:00:00 GMT\r\n", 2},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        const struct fake_route route = {
            LEADS,
            {{.headers = rows[i].headers,
              .body = "{\"leads\":[" LEAD("1", "37.7749", "\"1970-01-01T00:01:40Z\"") "," LEAD(
                  "2", "37.7749", "\"1970-01-01T00:00:39Z\"") "]}"},
             {.body = "{\"leads\":[]}"}}};
        struct fixture f;
        open_fixture(&f, &route, 1);
        struct lf_find find = run_find(&f);
        assert_int_equal(find.call.outcome, LF_OK);
        assert_int_equal(find.count, rows[i].want);
        close_fixture(&f);
    }
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
        // An entry that is new and has no place yet may be the one.
        {{{.body = "{\"leads\":[" LEAD("9", "null", "\"1970-01-01T00:01:40Z\"") "]}"}}, LF_UNCLEAR},
        {{{.body = "{\"leads\":[" LEAD("9", "null", "\"1970-01-01T00:00:30Z\"") "]}"}}, LF_OK},
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_find_pages_and_measures),
        cmocka_unit_test(test_find_by_a_clock_that_is_behind),
        cmocka_unit_test(test_find_tells_absent_from_unknown),
        cmocka_unit_test(test_find_gives_up_on_long_lists),
        cmocka_unit_test(test_find_keeps_32_candidates),
        cmocka_unit_test(test_distances),
    };
    log_setup(LOG_OFF, LOG_TEXT, 2);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
