// Tests of http/http_range.c.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "http/http_range.h"

static void test_ranges(void **state)
{
    static const struct {
        const char *header;
        uint64_t total;
        enum http_range_kind kind;
        uint64_t offset;
        uint64_t length;
    } rows[] = {
        {NULL, 10, HTTP_RANGE_WHOLE, 0, 0},
        {"bytes=0-0", 10, HTTP_RANGE_PART, 0, 1},
        {"bytes=0-9", 10, HTTP_RANGE_PART, 0, 10},
        {"bytes=0-10", 10, HTTP_RANGE_PART, 0, 10},
        {"bytes=9-9", 10, HTTP_RANGE_PART, 9, 1},
        {"bytes=10-10", 10, HTTP_RANGE_UNSATISFIABLE, 0, 0},
        {"bytes=3-", 10, HTTP_RANGE_PART, 3, 7},
        {"bytes=-3", 10, HTTP_RANGE_PART, 7, 3},
        {"bytes=-10", 10, HTTP_RANGE_PART, 0, 10},
        {"bytes=-11", 10, HTTP_RANGE_PART, 0, 10},
        {"bytes=-0", 10, HTTP_RANGE_UNSATISFIABLE, 0, 0},
        {"bytes=0-", 0, HTTP_RANGE_UNSATISFIABLE, 0, 0},
        {"bytes=-1", 0, HTTP_RANGE_UNSATISFIABLE, 0, 0},
        {"Bytes=1-2", 10, HTTP_RANGE_PART, 1, 2},
        {"bytes= 1-2 ", 10, HTTP_RANGE_PART, 1, 2},
        {"bytes=2-18446744073709551615", 10, HTTP_RANGE_PART, 2, 8},
        {"bytes=2-99999999999999999999999", 10, HTTP_RANGE_PART, 2, 8},
        {"bytes=99999999999999999999999-", 10, HTTP_RANGE_UNSATISFIABLE, 0, 0},
        {"bytes=-99999999999999999999999", 10, HTTP_RANGE_PART, 0, 10},
        {"bytes=2-1", 10, HTTP_RANGE_WHOLE, 0, 0},
        {"bytes=-", 10, HTTP_RANGE_WHOLE, 0, 0},
        {"bytes=", 10, HTTP_RANGE_WHOLE, 0, 0},
        {"bytes=1", 10, HTTP_RANGE_WHOLE, 0, 0},
        {"bytes=a-2", 10, HTTP_RANGE_WHOLE, 0, 0},
        {"bytes=1-b", 10, HTTP_RANGE_WHOLE, 0, 0},
        {"bytes=1-2-3", 10, HTTP_RANGE_WHOLE, 0, 0},
        {"bytes=1-2,4-5", 10, HTTP_RANGE_WHOLE, 0, 0},
        {"bytes=+1-2", 10, HTTP_RANGE_WHOLE, 0, 0},
        {"bytes=1 -2", 10, HTTP_RANGE_WHOLE, 0, 0},
        {"bits=1-2", 10, HTTP_RANGE_WHOLE, 0, 0},
        {"byt", 10, HTTP_RANGE_WHOLE, 0, 0},
    };
    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct http_range range = http_range_parse(str_of(rows[i].header), rows[i].total);
        assert_int_equal(range.kind, rows[i].kind);
        if (range.kind != HTTP_RANGE_PART)
            continue;
        assert_int_equal(range.offset, rows[i].offset);
        assert_int_equal(range.length, rows[i].length);
    }
}

static void test_listed(void **state)
{
    static const struct {
        const char *header;
        bool want;
    } rows[] = {
        {NULL, false},
        {"", false},
        {"*", true},
        {" * ", true},
        {"\"abc\"", true},
        {"W/\"abc\"", true},
        {"\"x\", \"abc\"", true},
        {"\"x\",\"y\" , W/\"abc\"", true},
        {"\"x\", *", false},
        {"abc", false},
        {"\"abc", false},
        {"\"ab\"", false},
        {"\"abcd\"", false},
        {"\"x\" \"abc\"", false},
        {"w/\"abc\"", false},
        {"\"x\",", false},
        {"\"a,b\", \"abc\"", true},
    };
    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++)
        assert_int_equal(http_etag_listed(str_of(rows[i].header), STR("abc")), rows[i].want);
}

// Weak tags are none for If-Match.
static void test_matches(void **state)
{
    static const struct {
        const char *header;
        bool want;
    } rows[] = {
        {NULL, false},        {"*", true},
        {"\"abc\"", true},    {"\"x\", \"abc\"", true},
        {"W/\"abc\"", false}, {"W/\"abc\", \"abc\"", true},
        {"\"ab\"", false},    {"", false},
    };
    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++)
        assert_int_equal(http_etag_matches(str_of(rows[i].header), STR("abc")), rows[i].want);
}

static void test_same(void **state)
{
    (void)state;
    assert_true(http_etag_same(STR("\"abc\""), STR("abc")));
    assert_false(http_etag_same(STR("W/\"abc\""), STR("abc")));
    assert_false(http_etag_same(STR("\"abc\", \"x\""), STR("abc")));
    assert_false(http_etag_same(STR("Sun, 06 Nov 1994 08:49:37 GMT"), STR("abc")));
    assert_false(http_etag_same(STR_NULL, STR("abc")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ranges),
        cmocka_unit_test(test_listed),
        cmocka_unit_test(test_matches),
        cmocka_unit_test(test_same),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
