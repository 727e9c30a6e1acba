// Tests of numbers as text.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "mesh/mesh_number.h"

static void test_fixed(void **state)
{
    (void)state;
    static const struct {
        double value;
        int64_t scale;
        const char *text;
    } rows[] = {
        {0, 1000, "0"},
        {-0.0004, 1000, "0"},
        {-0.0006, 1000, "-0.001"},
        {12.5, 1000, "12.5"},
        {-12.05, 100, "-12.05"},
        {0.999, 100, "1"},
        {1e12, 1000000, "1000000000000"},
        {-8.999e18, 1, "-8999000000000000000"},
        {0.000000000001, 1000000000000, "0.000000000001"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        char text[MESH_NUMBER_TEXT_MAX + 1];
        *mesh_number_put_fixed(text, rows[i].value, rows[i].scale) = '\0';
        assert_string_equal(text, rows[i].text);
    }
}

static void test_index(void **state)
{
    (void)state;
    char text[MESH_NUMBER_TEXT_MAX + 1];
    *mesh_number_put_index(text, 0) = '\0';
    assert_string_equal(text, "0");
    *mesh_number_put_index(text, UINT32_MAX) = '\0';
    assert_string_equal(text, "4294967295");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_fixed),
        cmocka_unit_test(test_index),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
