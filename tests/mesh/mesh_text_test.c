// Tests of the scanner of text formats.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>

#include "mesh/mesh_text.h"

static void test_numbers(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        double value;
    } rows[] = {
        {"0", 0},
        {"-0.5", -0.5},
        {"+7", 7},
        {".25", 0.25},
        {"3.", 3},
        {"1e3", 1000},
        {"1.5E-3", 0.0015},
        {"  4\n", 4},
        {"4\t5", 4},
        {"4\r\n", 4},
        {"123456789012345678901234567890", 123456789012345678901234567890.0},
        {"0.000000000000000000000000000012345", 1.2345e-29},
        {"4567890.123456789", 4567890.123456789},
        {"1e-300", 1e-300},
        {"1e-500", 0},
        {"0e999", 0},
        {"1.7976931348623157e308", 1.7976931348623157e308},
        {"12\\\n3", 12},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct mesh_text text;
        double value = NAN;
        mesh_text_init(&text, str_of(rows[i].text), true);
        assert_true(mesh_text_number(&text, &value));
        assert_true(fabs(value - rows[i].value) <= fabs(rows[i].value) * 5e-16);
    }
}

static void test_no_numbers(void **state)
{
    (void)state;
    static const char *const rows[] = {"",    "-",   ".",     "e5",    "1e",   "1e+", "nan",
                                       "inf", "1,5", "0x10",  "1.2.3", "1-",   "\n4", "1e309",
                                       "#1",  "--1", "1e999", "1/2",   "1e5.5"};
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct mesh_text text;
        double value;
        mesh_text_init(&text, str_of(rows[i]), true);
        if (mesh_text_number(&text, &value))
            fail_msg("'%s' is no number", rows[i]);
    }
}

// The same numbers as the C library reads, whatever their length.
static void test_many_numbers(void **state)
{
    (void)state;
    uint64_t random = 1;
    for (int i = 0; i < 20000; i++) {
        random = random * UINT64_C(6364136223846793005) + 1442695040888963407U;
        char line[64];
        double wanted = ((double)(int64_t)random) * pow(10, (int)(random >> 59) - 24);
        snprintf(line, sizeof(line), "%.*g", 1 + (int)(random >> 33) % 17, wanted);
        struct mesh_text text;
        double value = NAN;
        mesh_text_init(&text, str_of(line), false);
        assert_true(mesh_text_number(&text, &value));
        assert_true(fabs(value - strtod(line, NULL)) <= fabs(wanted) * 5e-16);
    }
}

static void test_lines(void **state)
{
    (void)state;
    struct mesh_text text;
    mesh_text_init(&text, STR("\xEF\xBB\xBFone two\r\n# three\nfour \\\r\n five\\\nsix\n\nlast"),
                   true);
    assert_true(str_equal(mesh_text_word(&text), STR("one")));
    assert_true(str_equal(mesh_text_word(&text), STR("two")));
    assert_true(mesh_text_at_line_end(&text));
    assert_int_equal(mesh_text_word(&text).len, 0);
    assert_true(mesh_text_next_line(&text));
    assert_true(mesh_text_at_line_end(&text)); // a comment
    assert_true(mesh_text_next_line(&text));
    assert_int_equal(text.line, 3);
    assert_true(str_equal(mesh_text_word(&text), STR("four")));
    assert_true(str_equal(mesh_text_word(&text), STR("five")));
    assert_true(str_equal(mesh_text_word(&text), STR("six")));
    assert_true(mesh_text_next_line(&text));
    assert_int_equal(text.line, 6);
    assert_true(mesh_text_next_line(&text));
    assert_true(str_equal(mesh_text_rest(&text), STR("last")));
    assert_false(mesh_text_next_line(&text));
}

static void test_rest(void **state)
{
    (void)state;
    struct mesh_text text;
    mesh_text_init(&text, STR("map  C:\\my files\\a b.jpg \r\nnext"), true);
    (void)mesh_text_word(&text);
    assert_true(str_equal(mesh_text_rest(&text), STR("C:\\my files\\a b.jpg")));
    assert_true(mesh_text_next_line(&text));
    assert_true(str_equal(mesh_text_word(&text), STR("next")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_numbers),      cmocka_unit_test(test_no_numbers),
        cmocka_unit_test(test_many_numbers), cmocka_unit_test(test_lines),
        cmocka_unit_test(test_rest),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
