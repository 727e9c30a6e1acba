// Tests of domain/order_words.c.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "domain/order_words.h"

#define SENTENCE_MAX 200

static struct str words_of(enum order_state state, enum order_failure failure)
{
    return order_error_sentence(&(struct order){.state = state, .failure = failure});
}

// Those that a person has to know of say something; those that go their way do not.
static void test_who_speaks(void **state)
{
    (void)state;
    for (int f = FAILURE_NONE; f <= FAILURE_GONE; f++) {
        enum order_failure failure = (enum order_failure)f;
        static const enum order_state silent[] = {ORDER_NONE, ORDER_SENDING, ORDER_COMPLETED,
                                                  ORDER_CANCELLED};
        for (size_t i = 0; i < COUNT_OF(silent); i++)
            assert_null(words_of(silent[i], failure).ptr);
        assert_non_null(words_of(ORDER_FAILED, failure).ptr);
    }
    static const enum order_state quiet[] = {ORDER_REQUESTED, ORDER_CREATED, ORDER_PROCESSING};
    for (size_t i = 0; i < COUNT_OF(quiet); i++) {
        assert_null(words_of(quiet[i], FAILURE_NONE).ptr);
        assert_non_null(words_of(quiet[i], FAILURE_UNAVAILABLE).ptr);
        assert_non_null(words_of(quiet[i], FAILURE_LIMITED).ptr);
        assert_non_null(words_of(quiet[i], FAILURE_UNAUTHORIZED).ptr);
    }
    assert_non_null(words_of(ORDER_PROCESSING, FAILURE_GONE).ptr);
    assert_non_null(words_of(ORDER_UNKNOWN, FAILURE_UNCLEAR).ptr);
    assert_non_null(words_of(ORDER_PARKED, FAILURE_UNCLEAR).ptr);
    assert_false(str_equal(words_of(ORDER_UNKNOWN, FAILURE_UNCLEAR),
                           words_of(ORDER_PARKED, FAILURE_UNCLEAR)));
}

// One or two sentences, and none of our own words in them.
static void test_sentences(void **state)
{
    static const char *const jargon[] = {"sunlead", "upstream", "HTTP", "job", "breaker", "null"};
    (void)state;
    for (int s = ORDER_NONE; s <= ORDER_CANCELLED; s++) {
        for (int f = FAILURE_NONE; f <= FAILURE_GONE; f++) {
            struct str words = words_of((enum order_state)s, (enum order_failure)f);
            if (words.ptr == NULL)
                continue;
            assert_in_range(words.len, 20, SENTENCE_MAX);
            assert_int_equal(words.ptr[words.len - 1], '.');
            for (size_t i = 0; i < COUNT_OF(jargon); i++)
                assert_null(strstr(words.ptr, jargon[i]));
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_who_speaks),
        cmocka_unit_test(test_sentences),
    };
    return cmocka_run_group_tests_name("order_words", tests, NULL, NULL);
}
