// Tests of domain/exchange.c.
#include "domain/table_check.h"

#include <string.h>

#include "domain/exchange.h"

static void test_table(void **state)
{
    (void)state;
    ASSERT_TABLE(&exchange_table, struct exchange, "at", "call", "outcome", "times", "status",
                 "duration_ms", "request", "answer");
    ASSERT_NAMES(exchange_call_names, NULL, "create", "complete", "details", "find");
    ASSERT_NAMES(exchange_outcome_names, "ok", "not_sent", "refused", "not_found", "unclear");
}

static void test_slots(void **state)
{
    (void)state;
    bool taken[EXCHANGE_SLOTS] = {false};
    for (int call = EXCHANGE_NONE; call < EXCHANGE_CALL_COUNT; call++) {
        for (int outcome = EXCHANGE_OK; outcome < EXCHANGE_OUTCOME_COUNT; outcome++) {
            int slot = exchange_slot(&(struct exchange){.call = (enum exchange_call)call,
                                                        .outcome = (enum exchange_outcome)outcome});
            assert_in_range(slot, 0, EXCHANGE_SLOTS - 1);
            assert_false(taken[slot]);
            taken[slot] = true;
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_table),
        cmocka_unit_test(test_slots),
    };
    return cmocka_run_group_tests_name("exchange", tests, NULL, NULL);
}
