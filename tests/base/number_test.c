// Tests of base/number.c.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <float.h>
#include <math.h>

#include "base/number.h"
#include "base/random.h"

static void test_parse_i64(void **state)
{
    (void)state;
    static const struct {
        struct str text;
        int64_t min;
        int64_t max;
        enum err code;
        int64_t want;
    } cases[] = {
        {STR_INIT("0"), INT64_MIN, INT64_MAX, ERR_OK, 0},
        {STR_INIT("-0"), INT64_MIN, INT64_MAX, ERR_OK, 0},
        {STR_INIT("007"), INT64_MIN, INT64_MAX, ERR_OK, 7},
        {STR_INIT("9223372036854775807"), INT64_MIN, INT64_MAX, ERR_OK, INT64_MAX},
        {STR_INIT("-9223372036854775808"), INT64_MIN, INT64_MAX, ERR_OK, INT64_MIN},
        {STR_INIT("9223372036854775808"), INT64_MIN, INT64_MAX, ERR_INVALID, 0},
        {STR_INIT("-9223372036854775809"), INT64_MIN, INT64_MAX, ERR_INVALID, 0},
        {STR_INIT("99999999999999999999"), INT64_MIN, INT64_MAX, ERR_INVALID, 0},
        {STR_INIT("1"), 1, 100, ERR_OK, 1},
        {STR_INIT("100"), 1, 100, ERR_OK, 100},
        {STR_INIT("0"), 1, 100, ERR_INVALID, 0},
        {STR_INIT("101"), 1, 100, ERR_INVALID, 0},
        {STR_INIT("-5"), -5, -5, ERR_OK, -5},
        {{0}, INT64_MIN, INT64_MAX, ERR_INVALID, 0},
        {STR_INIT(""), INT64_MIN, INT64_MAX, ERR_INVALID, 0},
        {STR_INIT("-"), INT64_MIN, INT64_MAX, ERR_INVALID, 0},
        {STR_INIT("+1"), INT64_MIN, INT64_MAX, ERR_INVALID, 0},
        {STR_INIT("--1"), INT64_MIN, INT64_MAX, ERR_INVALID, 0},
        {STR_INIT(" 1"), INT64_MIN, INT64_MAX, ERR_INVALID, 0},
        {STR_INIT("1 "), INT64_MIN, INT64_MAX, ERR_INVALID, 0},
        {STR_INIT("1.0"), INT64_MIN, INT64_MAX, ERR_INVALID, 0},
        {STR_INIT("1e3"), INT64_MIN, INT64_MAX, ERR_INVALID, 0},
        {STR_INIT("0x1"), INT64_MIN, INT64_MAX, ERR_INVALID, 0},
        {STR_INIT("1\0"), INT64_MIN, INT64_MAX, ERR_INVALID, 0},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        int64_t value = 4711;
        enum err code = number_parse_i64(cases[i].text, cases[i].min, cases[i].max, &value);
        assert_int_equal(code, cases[i].code);
        assert_int_equal(value, code == ERR_OK ? cases[i].want : 4711);
    }
}

static void test_parse_f64(void **state)
{
    (void)state;
    static const struct {
        struct str text;
        enum err code;
        double want;
    } cases[] = {
        {STR_INIT("0"), ERR_OK, 0},
        {STR_INIT("-0"), ERR_OK, -0.0},
        {STR_INIT("15000"), ERR_OK, 15000},
        {STR_INIT("-122.4194"), ERR_OK, -122.4194},
        {STR_INIT("0.1"), ERR_OK, 0.1},
        {STR_INIT("1e5"), ERR_OK, 1e5},
        {STR_INIT("1E+05"), ERR_OK, 1e5},
        {STR_INIT("2.5e-3"), ERR_OK, 2.5e-3},
        {STR_INIT("1.7976931348623157e308"), ERR_OK, DBL_MAX},
        {STR_INIT("5e-324"), ERR_OK, 5e-324},
        {STR_INIT("1e-999"), ERR_OK, 0},
        {STR_INIT("1e309"), ERR_INVALID, 0},
        {STR_INIT("-1e309"), ERR_INVALID, 0},
        {{0}, ERR_INVALID, 0},
        {STR_INIT(""), ERR_INVALID, 0},
        {STR_INIT("-"), ERR_INVALID, 0},
        {STR_INIT("+1"), ERR_INVALID, 0},
        {STR_INIT("01"), ERR_INVALID, 0},
        {STR_INIT("-01"), ERR_INVALID, 0},
        {STR_INIT(".5"), ERR_INVALID, 0},
        {STR_INIT("5."), ERR_INVALID, 0},
        {STR_INIT("5.e1"), ERR_INVALID, 0},
        {STR_INIT("1e"), ERR_INVALID, 0},
        {STR_INIT("1e+"), ERR_INVALID, 0},
        {STR_INIT("1,5"), ERR_INVALID, 0},
        {STR_INIT(" 1"), ERR_INVALID, 0},
        {STR_INIT("1 "), ERR_INVALID, 0},
        {STR_INIT("1\0"), ERR_INVALID, 0},
        {STR_INIT("0x10"), ERR_INVALID, 0},
        {STR_INIT("nan"), ERR_INVALID, 0},
        {STR_INIT("inf"), ERR_INVALID, 0},
        {STR_INIT("Infinity"), ERR_INVALID, 0},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        double value = 4711;
        enum err code = number_parse_f64(cases[i].text, &value);
        assert_int_equal(code, cases[i].code);
        double want = code == ERR_OK ? cases[i].want : 4711;
        assert_memory_equal(&value, &want, sizeof(value));
    }
}

static void test_parse_f64_length(void **state)
{
    (void)state;
    char text[401];
    double value = 0;
    memset(text, '1', sizeof(text));
    text[1] = '.';
    assert_int_equal(number_parse_f64((struct str){.ptr = text, .len = 400}, &value), ERR_OK);
    assert_true(value > 1.11 && value < 1.12);
    assert_int_equal(number_parse_f64((struct str){.ptr = text, .len = 401}, &value), ERR_INVALID);
}

static void test_append_i64(void **state)
{
    (void)state;
    static const struct {
        int64_t value;
        const char *want;
    } cases[] = {
        {0, "0"},
        {7, "7"},
        {-7, "-7"},
        {10, "10"},
        {1234567890, "1234567890"},
        {INT64_MAX, "9223372036854775807"},
        {INT64_MIN, "-9223372036854775808"},
    };
    CLEANUP(buf_done) struct buf buf;
    buf_init(&buf, 100);
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        buf_reset(&buf);
        number_append_i64(&buf, cases[i].value);
        assert_string_equal(buf_cstr(&buf), cases[i].want);
        int64_t back = 0;
        assert_int_equal(number_parse_i64(buf_str(&buf), INT64_MIN, INT64_MAX, &back), ERR_OK);
        assert_int_equal(back, cases[i].value);
    }
}

static void assert_round_trip(struct buf *buf, double value)
{
    buf_reset(buf);
    number_append_f64(buf, value);
    double back = 0;
    assert_int_equal(number_parse_f64(buf_str(buf), &back), ERR_OK);
    assert_memory_equal(&back, &value, sizeof(value));
}

static void test_append_f64(void **state)
{
    (void)state;
    static const struct {
        double value;
        const char *want;
    } cases[] = {
        {0, "0"},
        {-0.0, "-0"},
        {15000, "15000"},
        {-3, "-3"},
        {10.5, "10.5"},
        {37.7749, "37.7749"},
        {-122.4194, "-122.4194"},
        {37.774929, "37.774929"},
        {0.1, "0.1"},
        {0.1 + 0.2, "0.30000000000000004"},
        {1.0 / 3, "0.3333333333333333"},
        {100.0 / 3, "33.333333333333336"},
        {123456.789, "123456.789"},
        {0.000001, "0.000001"},
        {0.0000011, "0.0000011"},
        {0.00000099, "9.9e-7"},
        {1e-7, "1e-7"},
        {1.5e-9, "1.5e-9"},
        {123456789012345.6, "123456789012345.6"},
        {999999999999999.9, "999999999999999.9"},
        {0x1p53 - 1, "9007199254740991"},
        {0x1p53, "9007199254740992"},
        {0x1p53 + 2, "9007199254740994"},
        {123456789012345680000.0, "123456789012345680000"},
        {1e20, "100000000000000000000"},
        {1e21, "1e+21"},
        {1.5e300, "1.5e+300"},
        {1e22, "1e+22"},
        {DBL_MAX, "1.7976931348623157e+308"},
        {-DBL_MAX, "-1.7976931348623157e+308"},
        {DBL_MIN, "2.2250738585072014e-308"},
        {5e-324, "5e-324"},
        {DBL_EPSILON, "2.220446049250313e-16"},
    };
    CLEANUP(buf_done) struct buf buf;
    buf_init(&buf, 100);
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        assert_round_trip(&buf, cases[i].value);
        assert_string_equal(buf_cstr(&buf), cases[i].want);
    }
}

// Decimals as people write them come back as they were written.
static void test_append_f64_short(void **state)
{
    (void)state;
    CLEANUP(buf_done) struct buf buf;
    CLEANUP(buf_done) struct buf want;
    buf_init(&buf, 100);
    buf_init(&want, 100);
    struct random random;
    random_seed(&random, 1);
    for (int i = 0; i < 20000; i++) {
        int64_t whole = random_between(&random, 0, 9999999);
        int64_t fraction = random_between(&random, 0, 9999999) * 10 + random_between(&random, 1, 9);
        buf_reset(&want);
        buf_printf(&want, "%lld.%08lld", (long long)whole, (long long)fraction);
        double value = 0;
        assert_int_equal(number_parse_f64(buf_str(&want), &value), ERR_OK);
        buf_reset(&buf);
        number_append_f64(&buf, value);
        assert_string_equal(buf_cstr(&buf), buf_cstr(&want));
    }
}

static void test_append_f64_random(void **state)
{
    (void)state;
    CLEANUP(buf_done) struct buf buf;
    buf_init(&buf, 100);
    struct random random;
    random_seed(&random, 2);
    for (int i = 0; i < 20000; i++) {
        uint64_t bits = random_u64(&random);
        double value;
        memcpy(&value, &bits, sizeof(value));
        if (isfinite(value))
            assert_round_trip(&buf, value);
        assert_round_trip(&buf, random_unit(&random) * 360 - 180);
        assert_round_trip(&buf, ldexp(1, (int)(i % 2098) - 1074));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_parse_i64),         cmocka_unit_test(test_parse_f64),
        cmocka_unit_test(test_parse_f64_length),  cmocka_unit_test(test_append_i64),
        cmocka_unit_test(test_append_f64),        cmocka_unit_test(test_append_f64_short),
        cmocka_unit_test(test_append_f64_random),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
