// Tests of base/random.c.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/macro.h"
#include "base/random.h"

static void test_bytes(void **state)
{
    (void)state;
    static unsigned char bytes[100000];
    unsigned counts[256] = {0};
    random_bytes(bytes, 0);
    random_bytes(bytes, sizeof(bytes));
    for (size_t i = 0; i < sizeof(bytes); i++)
        counts[bytes[i]]++;
    for (size_t i = 0; i < COUNT_OF(counts); i++)
        assert_in_range(counts[i], 200, 600); // 391 to be expected, 20 the deviation
}

static void test_id(void **state)
{
    (void)state;
    int64_t before = 0;
    for (int i = 0; i < 1000; i++) {
        int64_t id = random_id();
        assert_true(id >= 1 && id < INT64_C(1) << 53);
        assert_int_not_equal(id, before);
        before = id;
    }
}

static void test_repeatable(void **state)
{
    (void)state;
    // The first numbers of the reference implementation for the seed 1234567.
    static const uint64_t want[] = {UINT64_C(6457827717110365317), UINT64_C(3203168211198807973),
                                    UINT64_C(9817491932198370423), UINT64_C(4593380528125082431),
                                    UINT64_C(16408922859458223821)};
    struct random random;
    random_seed(&random, 1234567);
    for (size_t i = 0; i < COUNT_OF(want); i++)
        assert_true(random_u64(&random) == want[i]);
}

static void test_between(void **state)
{
    (void)state;
    static const struct {
        int64_t min;
        int64_t max;
    } cases[] = {
        {0, 0}, {-3, 3}, {INT64_MAX, INT64_MAX}, {INT64_MIN, INT64_MAX}, {INT64_MIN, 0},
    };
    struct random random;
    random_seed(&random, 4);
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        for (int k = 0; k < 1000; k++) {
            int64_t number = random_between(&random, cases[i].min, cases[i].max);
            assert_true(number >= cases[i].min && number <= cases[i].max);
        }
    }
    unsigned seen = 0;
    for (int k = 0; k < 1000; k++)
        seen |= 1u << (random_between(&random, -3, 3) + 3);
    assert_int_equal(seen, 0x7F);
}

static void test_unit(void **state)
{
    (void)state;
    struct random random;
    random_seed(&random, 5);
    double sum = 0;
    for (int i = 0; i < 10000; i++) {
        double number = random_unit(&random);
        assert_true(number >= 0 && number < 1);
        sum += number;
    }
    assert_true(sum > 4800 && sum < 5200);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bytes),      cmocka_unit_test(test_id),
        cmocka_unit_test(test_repeatable), cmocka_unit_test(test_between),
        cmocka_unit_test(test_unit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
