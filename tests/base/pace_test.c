// Tests of base/pace.h.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/macro.h"
#include "base/pace.h"

static void test_pace(void **state)
{
    (void)state;
    static const struct {
        unsigned pace;
        int64_t span_us;
        int64_t want_us;
    } rows[] = {
        {0, 300000000, 300000000},          {1, 300000000, 300000000},
        {60, 300000000, 5000000},           {60, 5000000, PACE_LEAST_US},
        {60, PACE_LEAST_US, PACE_LEAST_US}, {60, 1000, 1000}, // not made longer either
        {PACE_MAX, 86400000000, 86400000},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++)
        assert_int_equal(pace_us(rows[i].pace, rows[i].span_us), rows[i].want_us);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_pace)};
    return cmocka_run_group_tests_name("pace", tests, NULL, NULL);
}
