// Tests of base/clock.c.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/random.h"

static void test_system(void **state)
{
    (void)state;
    const struct clock *clock = clock_system();
    int64_t before = clock_monotonic_us(clock);
    assert_true(clock_now_us(clock) > INT64_C(1577836800) * US_PER_S); // 2020
    assert_true(clock_monotonic_us(clock) >= before);
}

static void test_append(void **state)
{
    (void)state;
    static const struct {
        int64_t time_us;
        const char *want;
    } cases[] = {
        {0, "1970-01-01T00:00:00Z"},
        {1, "1970-01-01T00:00:00.000001Z"},
        {1000, "1970-01-01T00:00:00.001Z"},
        {999999, "1970-01-01T00:00:00.999999Z"},
        {-1, "1969-12-31T23:59:59.999999Z"},
        {-US_PER_S, "1969-12-31T23:59:59Z"},
        {INT64_C(951782400) * US_PER_S, "2000-02-29T00:00:00Z"},
        {INT64_C(951868799) * US_PER_S, "2000-02-29T23:59:59Z"},
        {INT64_C(1767323045678901), "2026-01-02T03:04:05.678901Z"},
        {INT64_C(4107542399) * US_PER_S, "2100-02-28T23:59:59Z"},
        {INT64_C(4107542400) * US_PER_S, "2100-03-01T00:00:00Z"},
        {TIME_MIN_US, "0000-01-01T00:00:00Z"},
        {TIME_MAX_US, "9999-12-31T23:59:59.999999Z"},
    };
    CLEANUP(buf_done) struct buf buf;
    buf_init(&buf, TIME_TEXT_MAX - 1);
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        buf_reset(&buf);
        time_append(&buf, cases[i].time_us);
        assert_string_equal(buf_cstr(&buf), cases[i].want);
        int64_t back = 0;
        assert_int_equal(time_parse(buf_str(&buf), &back), ERR_OK);
        assert_int_equal(back, cases[i].time_us);
    }
}

static void test_parse(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int64_t want;
    } cases[] = {
        {"1970-01-01", 0},
        {"1970-01-02", INT64_C(86400) * US_PER_S},
        {"1970-01-01t00:00:00z", 0},
        {"1970-01-01 00:00:00+00:00", 0},
        {"1970-01-01T00:00:00-00:00", 0},
        {"1970-01-01T01:30:00+01:30", 0},
        {"1969-12-31T16:00:00-08:00", 0},
        {"1970-01-01T00:00:00.5Z", 500000},
        {"1970-01-01T00:00:00.000001Z", 1},
        {"1970-01-01T00:00:00.0000019Z", 1},
        {"1970-01-01T00:00:00.123456789Z", 123456},
        {"1969-12-31T23:59:59.999999999Z", -1},
        {"2000-02-29T00:00:00Z", INT64_C(951782400) * US_PER_S},
        {"0000-02-29", TIME_MIN_US + INT64_C(59) * 86400 * US_PER_S},
        {"0000-01-01T23:59:00+23:59", TIME_MIN_US},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        int64_t time_us = 4711;
        assert_int_equal(time_parse(str_of(cases[i].text), &time_us), ERR_OK);
        assert_int_equal(time_us, cases[i].want);
    }
}

static void test_parse_invalid(void **state)
{
    (void)state;
    static const struct str cases[] = {
        {0},
        STR_INIT(""),
        STR_INIT("1970"),
        STR_INIT("1970-1-1"),
        STR_INIT("70-01-01"),
        STR_INIT("19700101"),
        STR_INIT("1970-00-01"),
        STR_INIT("1970-13-01"),
        STR_INIT("1970-01-00"),
        STR_INIT("1970-01-32"),
        STR_INIT("1970-04-31"),
        STR_INIT("1970-02-29"),
        STR_INIT("1900-02-29"),
        STR_INIT("-001-01-01"),
        STR_INIT("10000-01-01"),
        STR_INIT("1970-01-01T"),
        STR_INIT("1970-01-01Z"),
        STR_INIT("1970-01-01\0"),
        STR_INIT("1970-01-01\0"
                 "00:00:00Z"),
        STR_INIT("1970-01-01T00:00Z"),
        STR_INIT("1970-01-01T00:00:00"),
        STR_INIT("1970-01-01T24:00:00Z"),
        STR_INIT("1970-01-01T00:60:00Z"),
        STR_INIT("1970-01-01T00:00:60Z"),
        STR_INIT("1970-01-01T00:00:00.Z"),
        STR_INIT("1970-01-01T00:00:00,5Z"),
        STR_INIT("1970-01-01T00:00:00.1234567890Z"),
        STR_INIT("1970-01-01T00:00:00.5"),
        STR_INIT("1970-01-01T00:00:00+0100"),
        STR_INIT("1970-01-01T00:00:00+24:00"),
        STR_INIT("1970-01-01T00:00:00+01:60"),
        STR_INIT("1970-01-01T00:00:00+01"),
        STR_INIT("1970-01-01T00:00:00Z "),
        STR_INIT(" 1970-01-01T00:00:00Z"),
        STR_INIT("0000-01-01T00:00:00+00:01"),
        STR_INIT("9999-12-31T23:59:59-00:01"),
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        int64_t time_us = 4711;
        assert_int_equal(time_parse(cases[i], &time_us), ERR_INVALID);
        assert_int_equal(time_us, 4711);
    }
}

static void test_http(void **state)
{
    (void)state;
    static const struct {
        int64_t time_s;
        const char *want;
    } cases[] = {
        {0, "Thu, 01 Jan 1970 00:00:00 GMT"},
        {784111777, "Sun, 06 Nov 1994 08:49:37 GMT"},
        {-1, "Wed, 31 Dec 1969 23:59:59 GMT"},
        {951782400, "Tue, 29 Feb 2000 00:00:00 GMT"},
        {1767323045, "Fri, 02 Jan 2026 03:04:05 GMT"},
        {253402300799, "Fri, 31 Dec 9999 23:59:59 GMT"},
        {-62167219200, "Sat, 01 Jan 0000 00:00:00 GMT"},
    };
    CLEANUP(buf_done) struct buf buf;
    buf_init(&buf, TIME_TEXT_MAX - 1);
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        buf_reset(&buf);
        time_append_http(&buf, cases[i].time_s * US_PER_S);
        assert_string_equal(buf_cstr(&buf), cases[i].want);
        int64_t back = 0;
        assert_int_equal(time_parse_http(buf_str(&buf), &back), ERR_OK);
        assert_int_equal(back, cases[i].time_s * US_PER_S);
    }
}

static void test_http_invalid(void **state)
{
    (void)state;
    static const struct str cases[] = {
        {0},
        STR_INIT(""),
        STR_INIT("Thu, 01 Jan 1970 00:00:00"),
        STR_INIT("Thu, 01 Jan 1970 00:00:00 UTC"),
        STR_INIT("Fri, 01 Jan 1970 00:00:00 GMT"), // it was a Thursday
        STR_INIT("Xxx, 01 Jan 1970 00:00:00 GMT"),
        STR_INIT("thu, 01 jan 1970 00:00:00 gmt"),
        STR_INIT("Thu, 00 Jan 1970 00:00:00 GMT"),
        STR_INIT("Sun, 29 Feb 1970 00:00:00 GMT"),
        STR_INIT("Thu, 01 Foo 1970 00:00:00 GMT"),
        STR_INIT("Thu, 01 Jan 1970 24:00:00 GMT"),
        STR_INIT("Thu, 01 Jan 1970 00:00:60 GMT"),
        STR_INIT("Thu, 1 Jan 1970 00:00:00 GMT "),
        STR_INIT("Thu, 01 Jan 1970 00:00:00 GMT "),
        STR_INIT("Sunday, 06-Nov-94 08:49:37 GMT"),
        STR_INIT("Sun Nov  6 08:49:37 1994"),
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        int64_t time_us = 4711;
        assert_int_equal(time_parse_http(cases[i], &time_us), ERR_INVALID);
        assert_int_equal(time_us, 4711);
    }
}

// Every day of 10,000 years is one more than the day before it.
static void test_every_day(void **state)
{
    (void)state;
    CLEANUP(buf_done) struct buf buf;
    buf_init(&buf, TIME_TEXT_MAX);
    struct str before = STR_NULL;
    char last[TIME_TEXT_MAX];
    int64_t count = 0;
    for (int64_t at = TIME_MIN_US; at < TIME_MAX_US; at += INT64_C(86400) * US_PER_S) {
        buf_reset(&buf);
        time_append(&buf, at);
        int64_t back = 0;
        assert_int_equal(time_parse(str_slice(buf_str(&buf), 0, 10), &back), ERR_OK);
        assert_int_equal(back, at);
        if (before.ptr != NULL)
            assert_true(memcmp(before.ptr, buf.ptr, 10) < 0);
        memcpy(last, buf.ptr, 10);
        before = (struct str){.ptr = last, .len = 10};
        count++;
    }
    assert_int_equal(count, 3652425);
}

static void test_random(void **state)
{
    (void)state;
    CLEANUP(buf_done) struct buf buf;
    buf_init(&buf, TIME_TEXT_MAX);
    struct random random;
    random_seed(&random, 3);
    for (int i = 0; i < 20000; i++) {
        int64_t time_us = random_between(&random, TIME_MIN_US, TIME_MAX_US);
        int64_t back = 0;
        buf_reset(&buf);
        time_append(&buf, time_us);
        assert_int_equal(time_parse(buf_str(&buf), &back), ERR_OK);
        assert_int_equal(back, time_us);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_system),    cmocka_unit_test(test_append),
        cmocka_unit_test(test_parse),     cmocka_unit_test(test_parse_invalid),
        cmocka_unit_test(test_http),      cmocka_unit_test(test_http_invalid),
        cmocka_unit_test(test_every_day), cmocka_unit_test(test_random),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
