// Tests of json/json_write.h.
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
#include <math.h>
#include <string.h>

#include "base/clock.h"
#include "json/json_write.h"

#define BUF_MAX 4096

static void assert_text(const struct buf *buf, const char *want)
{
    assert_false(buf->overflow);
    assert_int_equal(buf->len, strlen(want));
    assert_memory_equal(buf_str(buf).ptr, want, buf->len);
}

static void test_str(void **state)
{
    (void)state;
    static const struct {
        struct str text;
        const char *want;
    } cases[] = {
        {STR_INIT(""), "\"\""},
        {{NULL, 0}, "null"},
        {STR_INIT("plain"), "\"plain\""},
        {STR_INIT("\"quoted\""), "\"\\\"quoted\\\"\""},
        {STR_INIT("a\\b/c"), "\"a\\\\b/c\""},
        {STR_INIT("\b\f\n\r\t"), "\"\\b\\f\\n\\r\\t\""},
        {STR_INIT("\x01\x1f\x7f"), "\"\\u0001\\u001f\x7f\""},
        {STR_INIT("a\0b"), "\"a\\u0000b\""},
        {STR_INIT("a\nb\nc"), "\"a\\nb\\nc\""},
        {STR_INIT("Zürich 東京 😀"), "\"Zürich 東京 😀\""},
        // The ends of each length of sequence.
        {STR_INIT("\xc2\x80\xdf\xbf"), "\"\xc2\x80\xdf\xbf\""},
        {STR_INIT("\xe0\xa0\x80\xef\xbf\xbf"), "\"\xe0\xa0\x80\xef\xbf\xbf\""},
        {STR_INIT("\xf0\x90\x80\x80\xf4\x8f\xbf\xbf"), "\"\xf0\x90\x80\x80\xf4\x8f\xbf\xbf\""},
        // What is no UTF-8, byte by byte: U+FFFD is ef bf bd.
        {STR_INIT("\x80"), "\"\xef\xbf\xbd\""},
        {STR_INIT("\xc0\xaf"), "\"\xef\xbf\xbd\xef\xbf\xbd\""},
        {STR_INIT("\xc3"), "\"\xef\xbf\xbd\""},
        {STR_INIT("\xc3(x"), "\"\xef\xbf\xbd(x\""},
        {STR_INIT("\xe0\x9f\xbf"), "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\""},
        {STR_INIT("\xed\xa0\x80"), "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\""},
        {STR_INIT("\xf4\x90\x80\x80"), "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\""},
        {STR_INIT("\xf0\x8f\xbf\xbf"), "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\""},
        {STR_INIT("\xff z"), "\"\xef\xbf\xbd z\""},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct buf buf CLEANUP(buf_done);
        buf_init(&buf, BUF_MAX);
        json_write_str(&buf, cases[i].text);
        assert_text(&buf, cases[i].want);
    }
}

static void test_str_every_byte_is_one_of_three_kinds(void **state)
{
    (void)state;
    for (int c = 0; c < 256; c++) {
        char byte = (char)c;
        struct buf buf CLEANUP(buf_done);
        buf_init(&buf, BUF_MAX);
        json_write_str(&buf, (struct str){&byte, 1});
        bool escaped = c < 0x20 || c == '"' || c == '\\';
        if (escaped)
            assert_int_equal(buf_str(&buf).ptr[1], '\\');
        else if (c < 0x80)
            assert_int_equal(buf_str(&buf).ptr[1], byte);
        else
            assert_memory_equal(buf_str(&buf).ptr, "\"\xef\xbf\xbd\"", 5);
    }
}

static void test_name_knows_whether_a_comma_is_due(void **state)
{
    (void)state;
    struct buf buf CLEANUP(buf_done);
    buf_init(&buf, BUF_MAX);
    buf_append_char(&buf, '{');
    json_write_name(&buf, "a");
    buf_append_char(&buf, '1');
    json_write_name(&buf, "long_name");
    BUF_LITERAL(&buf, "{}}");
    assert_text(&buf, "{\"a\":1,\"long_name\":{}}");
}

enum colour { COLOUR_NONE, COLOUR_RED, COLOUR_HIDDEN, COLOUR_BLUE };
static const char *const colour_names[] = {NULL, "red", NULL, "blue", FIELD_NAMES_END};

struct inner {
    int64_t n;
    struct str text;
};

struct thing {
    int64_t whole;
    struct opt_i64 opt_whole;
    double number;
    struct opt_f64 opt_number;
    bool flag;
    struct str text;
    struct opt_i64 at;
    enum colour colour;
    double list[3];
    struct inner inner;
    struct str raw;
    struct str omitted;
    struct str hidden;
};

static const struct field inner_fields[] = {
    {FIELD_AS_I64(struct inner, n)},
    {FIELD_AS_STR(struct inner, text, 10)},
};
static const struct field_table inner_table = FIELD_TABLE("inner", inner_fields, struct inner);

static const struct field thing_fields[] = {
    {FIELD_AS_I64(struct thing, whole)},
    {FIELD_AS_OPT_I64(struct thing, opt_whole)},
    {FIELD_AS_F64(struct thing, number)},
    {FIELD_AS_OPT_F64(struct thing, opt_number)},
    {FIELD_AS_BOOL(struct thing, flag)},
    {FIELD_AS_STR(struct thing, text, 10)},
    {FIELD_AS_TIME(struct thing, at)},
    {FIELD_AS_ENUM(struct thing, colour, enum colour, colour_names)},
    {FIELD_AS_F64_LIST(struct thing, list, 3)},
    {FIELD_AS_OBJECT(struct thing, inner, &inner_table)},
    {FIELD_AS_RAW(struct thing, raw, 100)},
    {FIELD_AS_STR(struct thing, omitted, 10), .flags = FIELD_OMIT_NULL},
    {FIELD_AS_STR(struct thing, hidden, 10), .flags = FIELD_NO_JSON},
};
static const struct field_table thing_table = FIELD_TABLE("thing", thing_fields, struct thing);

static void test_object_with_everything(void **state)
{
    (void)state;
    const struct thing thing = {
        .whole = -7,
        .opt_whole = OPT_I64(INT64_MAX),
        .number = 37.7749,
        .opt_number = OPT_F64(15000),
        .flag = true,
        .text = STR("a\"b"),
        .at = OPT_I64(0),
        .colour = COLOUR_BLUE,
        .list = {1, 0.5, -2},
        .inner = {.n = 1, .text = STR("x")},
        .raw = STR("{\"k\":[1]}"),
        .omitted = STR("here"),
        .hidden = STR("never seen"),
    };
    struct buf buf CLEANUP(buf_done);
    buf_init(&buf, BUF_MAX);
    json_write_object(&buf, &thing_table, &thing);
    assert_text(&buf, "{\"whole\":-7,\"opt_whole\":9223372036854775807,\"number\":37.7749,"
                      "\"opt_number\":15000,\"flag\":true,\"text\":\"a\\\"b\","
                      "\"at\":\"1970-01-01T00:00:00Z\",\"colour\":\"blue\",\"list\":[1,0.5,-2],"
                      "\"inner\":{\"n\":1,\"text\":\"x\"},\"raw\":{\"k\":[1]},"
                      "\"omitted\":\"here\"}");
}

static void test_object_with_nothing(void **state)
{
    (void)state;
    const struct thing thing = {0};
    struct buf buf CLEANUP(buf_done);
    buf_init(&buf, BUF_MAX);
    json_write_object(&buf, &thing_table, &thing);
    assert_text(&buf, "{\"whole\":0,\"opt_whole\":null,\"number\":0,\"opt_number\":null,"
                      "\"flag\":false,\"text\":null,\"at\":null,\"colour\":null,\"list\":[0,0,0],"
                      "\"inner\":{\"n\":0,\"text\":null},\"raw\":null}");
}

static void test_members_stand_beside_others(void **state)
{
    (void)state;
    const struct inner inner = {.n = 3};
    struct buf buf CLEANUP(buf_done);
    buf_init(&buf, BUF_MAX);
    assert_false(json_write_members(&buf, &inner_table, &inner, true));
    assert_text(&buf, "\"n\":3,\"text\":null");
    buf_reset(&buf);
    assert_false(json_write_members(&buf, &inner_table, &inner, false));
    assert_text(&buf, ",\"n\":3,\"text\":null");
}

static void test_members_may_be_none(void **state)
{
    (void)state;
    const struct thing thing = {0};
    const struct field_table omitted = {.fields = &thing_fields[11], .count = 2};
    struct buf buf CLEANUP(buf_done);
    buf_init(&buf, BUF_MAX);
    assert_true(json_write_members(&buf, &omitted, &thing, true));
    assert_false(json_write_members(&buf, &omitted, &thing, false));
    assert_text(&buf, "");
}

static void test_numbers(void **state)
{
    (void)state;
    static const struct {
        double value;
        const char *want;
    } cases[] = {
        {0, "0"},
        {-0.0, "0"},
        {37.7749, "37.7749"},
        {-122.4194, "-122.4194"},
        {15000, "15000"},
        {0.1, "0.1"},
        {9223372036854774784.0, "9223372036854775000"}, // the last one below 2^63
        {0x1p63, "9223372036854776000.0"},
        {-1e20, "-100000000000000000000.0"},
        {1e21, "1e+21"},
        {5e-324, "5e-324"},
        {(double)NAN, "null"},
        {(double)INFINITY, "null"},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct buf buf CLEANUP(buf_done);
        buf_init(&buf, BUF_MAX);
        json_write_f64(&buf, cases[i].value);
        assert_text(&buf, cases[i].want);
    }
}

static void assert_field_text(size_t field, const struct thing *thing, const char *want)
{
    struct buf buf CLEANUP(buf_done);
    buf_init(&buf, BUF_MAX);
    json_write_value(&buf, &thing_fields[field], thing);
    assert_text(&buf, want);
}

// What a database may hold and JSON cannot say becomes null.
static void test_values_that_json_cannot_say(void **state)
{
    (void)state;
    static const int64_t year_10000_us = INT64_C(253402300800) * US_PER_S;
    static const int64_t before_year_0_us = INT64_C(-62167219200) * US_PER_S - 1;
    assert_field_text(2, &(struct thing){.number = (double)NAN}, "null");
    assert_field_text(3, &(struct thing){.opt_number = OPT_F64((double)INFINITY)}, "null");
    assert_field_text(8, &(struct thing){.list = {1, -(double)INFINITY, 2}}, "[1,null,2]");
    assert_field_text(6, &(struct thing){.at = OPT_I64(year_10000_us)}, "null");
    assert_field_text(6, &(struct thing){.at = OPT_I64(before_year_0_us)}, "null");
    assert_field_text(6, &(struct thing){.at = OPT_I64(year_10000_us - 1)},
                      "\"9999-12-31T23:59:59.999999Z\"");
    assert_field_text(6, &(struct thing){.at = OPT_I64(before_year_0_us + 1)},
                      "\"0000-01-01T00:00:00Z\"");
    assert_field_text(7, &(struct thing){.colour = COLOUR_HIDDEN}, "null");
    assert_field_text(7, &(struct thing){.colour = (enum colour)4}, "null");
    assert_field_text(7, &(struct thing){.colour = (enum colour)1000}, "null");
    assert_field_text(10, &(struct thing){.raw = STR("")}, "null");
}

static void test_problem(void **state)
{
    (void)state;
    struct error err;
    error_reset(&err);
    error_set(&err, ERR_INVALID, "2 members are \"wrong\"");
    assert_int_equal(error_place(&err, STR("/latitude"), "must be a number"), ERR_INVALID);
    assert_int_equal(error_place(&err, STR("?limit"), "must be a number"), ERR_INVALID);
    error_cause(&err, "not for strangers");
    struct buf buf CLEANUP(buf_done);
    buf_init(&buf, BUF_MAX);
    json_write_problem(&buf, 400, "Bad Request", &err);
    assert_text(&buf, "{\"type\":\"about:blank\",\"title\":\"Bad Request\",\"status\":400,"
                      "\"detail\":\"2 members are \\\"wrong\\\"\",\"errors\":["
                      "{\"pointer\":\"/latitude\",\"detail\":\"must be a number\"},"
                      "{\"pointer\":\"?limit\",\"detail\":\"must be a number\"}],"
                      "\"error\":\"2 members are \\\"wrong\\\"\"}");
}

// Who reads the status alone would take it for "not done".
static void test_problem_of_unknown_outcome(void **state)
{
    (void)state;
    struct error err;
    error_reset(&err);
    error_set(&err, ERR_UNKNOWN_OUTCOME, "look first");
    struct buf buf CLEANUP(buf_done);
    buf_init(&buf, BUF_MAX);
    json_write_problem(&buf, 503, "Service Unavailable", &err);
    assert_text(&buf, "{\"type\":\"about:blank\",\"title\":\"Service Unavailable\",\"status\":503,"
                      "\"detail\":\"look first\",\"errors\":[],\"error\":\"look first\","
                      "\"outcome\":\"unknown\"}");
}

static void test_problem_without_a_message(void **state)
{
    (void)state;
    struct error err;
    error_reset(&err);
    struct buf buf CLEANUP(buf_done);
    buf_init(&buf, BUF_MAX);
    json_write_problem(&buf, 404, "Not Found", &err);
    assert_text(&buf, "{\"type\":\"about:blank\",\"title\":\"Not Found\",\"status\":404,"
                      "\"detail\":\"Not Found\",\"errors\":[],\"error\":\"Not Found\"}");
}

// Every ceiling short of what is needed ends in overflow; none in a write beyond it.
static void test_a_full_buffer_overflows_and_nothing_else(void **state)
{
    (void)state;
    const struct thing thing = {.text = STR("a\x01\xff"), .raw = STR("[]"), .at = OPT_I64(1)};
    struct buf whole CLEANUP(buf_done);
    buf_init(&whole, BUF_MAX);
    json_write_object(&whole, &thing_table, &thing);
    for (size_t max = 0; max <= whole.len; max++) {
        struct buf buf CLEANUP(buf_done);
        buf_init(&buf, max);
        json_write_object(&buf, &thing_table, &thing);
        assert_true(buf.len <= max);
        assert_int_equal(buf.overflow, max < whole.len);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_str),
        cmocka_unit_test(test_str_every_byte_is_one_of_three_kinds),
        cmocka_unit_test(test_name_knows_whether_a_comma_is_due),
        cmocka_unit_test(test_object_with_everything),
        cmocka_unit_test(test_object_with_nothing),
        cmocka_unit_test(test_members_stand_beside_others),
        cmocka_unit_test(test_members_may_be_none),
        cmocka_unit_test(test_numbers),
        cmocka_unit_test(test_values_that_json_cannot_say),
        cmocka_unit_test(test_problem),
        cmocka_unit_test(test_problem_of_unknown_outcome),
        cmocka_unit_test(test_problem_without_a_message),
        cmocka_unit_test(test_a_full_buffer_overflows_and_nothing_else),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
