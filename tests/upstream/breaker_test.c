// Tests of upstream/breaker.h and upstream/limiter.h, with times made up.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/clock.h"
#include "upstream/breaker.h"
#include "upstream/limiter.h"

#define OPEN_US (30 * US_PER_S)

static void open_breaker(struct breaker *breaker, int64_t now_us)
{
    breaker_init(breaker, 5, OPEN_US);
    for (int i = 0; i < 4; i++)
        assert_int_equal(breaker_report(breaker, false, BREAKER_BAD, now_us), BREAKER_SAME);
    assert_int_equal(breaker_report(breaker, false, BREAKER_BAD, now_us), BREAKER_OPENED);
}

static void test_opens_after_failures_in_a_row(void **state)
{
    (void)state;
    struct breaker breaker;
    open_breaker(&breaker, 0);
    assert_int_equal(breaker_ask(&breaker, 0), BREAKER_STOP);
    assert_int_equal(breaker_ask(&breaker, OPEN_US - 1), BREAKER_STOP);
}

static void test_a_success_between_keeps_it_closed(void **state)
{
    (void)state;
    struct breaker breaker;
    breaker_init(&breaker, 5, OPEN_US);
    for (int i = 0; i < 20; i++) {
        enum breaker_verdict verdict = i % 5 == 4 ? BREAKER_GOOD : BREAKER_BAD;
        assert_int_equal(breaker_report(&breaker, false, verdict, i), BREAKER_SAME);
        assert_int_equal(breaker_ask(&breaker, i), BREAKER_GO);
    }
}

static void test_calls_without_a_verdict_do_not_count(void **state)
{
    (void)state;
    struct breaker breaker;
    breaker_init(&breaker, 2, OPEN_US);
    for (int i = 0; i < 10; i++)
        breaker_report(&breaker, false, BREAKER_NO_VERDICT, i);
    assert_int_equal(breaker_ask(&breaker, 10), BREAKER_GO);
    assert_int_equal(breaker_report(&breaker, false, BREAKER_BAD, 0), BREAKER_SAME);
    assert_int_equal(breaker_report(&breaker, false, BREAKER_NO_VERDICT, 0), BREAKER_SAME);
    assert_int_equal(breaker_report(&breaker, false, BREAKER_BAD, 0), BREAKER_OPENED);
}

static void test_one_probe_closes_it(void **state)
{
    (void)state;
    struct breaker breaker;
    open_breaker(&breaker, 1000);
    assert_int_equal(breaker_ask(&breaker, 1000 + OPEN_US), BREAKER_PROBE);
    breaker_begin_probe(&breaker);
    assert_int_equal(breaker_ask(&breaker, 1000 + OPEN_US), BREAKER_STOP);
    assert_int_equal(breaker_ask(&breaker, 1000 + 10 * OPEN_US), BREAKER_STOP);
    assert_int_equal(breaker_report(&breaker, true, BREAKER_GOOD, 1000 + OPEN_US), BREAKER_CLOSED);
    assert_int_equal(breaker_ask(&breaker, 1000 + OPEN_US), BREAKER_GO);
    // It takes all the failures again to open it.
    for (int i = 0; i < 4; i++)
        assert_int_equal(breaker_report(&breaker, false, BREAKER_BAD, 0), BREAKER_SAME);
    assert_int_equal(breaker_report(&breaker, false, BREAKER_BAD, 0), BREAKER_OPENED);
}

static void test_a_failed_probe_opens_it_anew(void **state)
{
    (void)state;
    struct breaker breaker;
    open_breaker(&breaker, 0);
    breaker_begin_probe(&breaker);
    assert_int_equal(breaker_report(&breaker, true, BREAKER_BAD, OPEN_US + 7), BREAKER_SAME);
    assert_int_equal(breaker_ask(&breaker, 2 * OPEN_US + 6), BREAKER_STOP);
    assert_int_equal(breaker_ask(&breaker, 2 * OPEN_US + 7), BREAKER_PROBE);
}

static void test_a_probe_without_a_verdict_makes_way_for_another(void **state)
{
    (void)state;
    struct breaker breaker;
    open_breaker(&breaker, 0);
    breaker_begin_probe(&breaker);
    assert_int_equal(breaker_report(&breaker, true, BREAKER_NO_VERDICT, OPEN_US), BREAKER_SAME);
    assert_int_equal(breaker_ask(&breaker, OPEN_US), BREAKER_PROBE);
}

static void test_earlier_calls_do_not_move_an_open_breaker(void **state)
{
    (void)state;
    struct breaker breaker;
    open_breaker(&breaker, 0);
    assert_int_equal(breaker_report(&breaker, false, BREAKER_BAD, OPEN_US / 2), BREAKER_SAME);
    assert_int_equal(breaker_report(&breaker, false, BREAKER_GOOD, OPEN_US / 2), BREAKER_SAME);
    assert_int_equal(breaker_ask(&breaker, OPEN_US - 1), BREAKER_STOP);
    assert_int_equal(breaker_ask(&breaker, OPEN_US), BREAKER_PROBE);
}

static void test_no_minute_sees_more_than_the_cap(void **state)
{
    (void)state;
    static const unsigned caps[] = {10, 11, 60, 99, 100, 1000, 6000};
    for (size_t i = 0; i < COUNT_OF(caps); i++) {
        struct limiter limiter;
        limiter_init(&limiter, caps[i]);
        int64_t now_us = 0;
        int64_t times_us[20000];
        size_t count = 0;
        while (now_us < 180 * US_PER_S) {
            int64_t wait_us = 0;
            if (limiter_take(&limiter, now_us, &wait_us))
                times_us[count++] = now_us;
            else
                assert_true(wait_us > 0);
            now_us += wait_us;
        }
        for (size_t j = caps[i]; j < count; j++)
            assert_true(times_us[j] - times_us[j - caps[i]] >= 60 * US_PER_S - 1000);
        assert_true(count >= caps[i] * 27 / 10); // and not much less
    }
}

static void test_unused_calls_are_saved_up_to_the_burst(void **state)
{
    (void)state;
    struct limiter limiter;
    limiter_init(&limiter, 100);
    int64_t wait_us;
    int64_t now_us = 3600 * US_PER_S;
    for (int i = 0; i < 10; i++)
        assert_true(limiter_take(&limiter, now_us, &wait_us));
    assert_false(limiter_take(&limiter, now_us, &wait_us));
    assert_true(wait_us <= US_PER_S);
    assert_true(limiter_take(&limiter, now_us + wait_us, &wait_us));
}

static void test_no_cap_is_no_cap(void **state)
{
    (void)state;
    struct limiter limiter;
    int64_t wait_us;
    limiter_init(&limiter, 0);
    for (int i = 0; i < 10000; i++)
        assert_true(limiter_take(&limiter, 5, &wait_us));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_opens_after_failures_in_a_row),
        cmocka_unit_test(test_a_success_between_keeps_it_closed),
        cmocka_unit_test(test_calls_without_a_verdict_do_not_count),
        cmocka_unit_test(test_one_probe_closes_it),
        cmocka_unit_test(test_a_failed_probe_opens_it_anew),
        cmocka_unit_test(test_a_probe_without_a_verdict_makes_way_for_another),
        cmocka_unit_test(test_earlier_calls_do_not_move_an_open_breaker),
        cmocka_unit_test(test_no_minute_sees_more_than_the_cap),
        cmocka_unit_test(test_unused_calls_are_saved_up_to_the_burst),
        cmocka_unit_test(test_no_cap_is_no_cap),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
