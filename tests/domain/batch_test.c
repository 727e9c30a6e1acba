// Tests of domain/batch.c.
#include "domain/table_check.h"

#include "base/clock.h"
#include "domain/batch.h"

#define NOW (INT64_C(1700000000) * US_PER_S)

static void test_table(void **state)
{
    (void)state;
    ASSERT_TABLE(&batch_table, struct batch, "id", "op_id", "company_id", "creator_id", "items",
                 "created_at");
    ASSERT_FLAGGED(&batch_table, FIELD_NO_JSON, "op_id");
    assert_int_equal(BATCH_ITEMS_MAX, 1000);
}

static void test_counts(void **state)
{
    (void)state;
    struct batch_counts counts = {0};
    for (int order = ORDER_REQUESTED; order <= ORDER_CANCELLED; order++)
        counts.of[order] = INT64_C(1) << order;
    assert_int_equal(batch_count_of(&counts, MODEL_PENDING),
                     (1 << ORDER_REQUESTED) + (1 << ORDER_SENDING) + (1 << ORDER_UNKNOWN) +
                         (1 << ORDER_PARKED));
    assert_int_equal(batch_count_of(&counts, MODEL_PROCESSING),
                     (1 << ORDER_CREATED) + (1 << ORDER_PROCESSING));
    assert_int_equal(batch_count_of(&counts, MODEL_COMPLETED), 1 << ORDER_COMPLETED);
    assert_int_equal(batch_count_of(&counts, MODEL_FAILED), 1 << ORDER_FAILED);
    assert_int_equal(batch_count_of(&counts, MODEL_NONE), 1 << ORDER_CANCELLED);
}

// How many orders stand how after a time, and how long the rest takes.
struct eta_row {
    int64_t age_s;
    int64_t requested;
    int64_t parked;
    int64_t processing;
    int64_t completed;
    int64_t failed;
    int64_t cancelled;
    int64_t want_s; // -1: not known
};

static void test_eta(void **state)
{
    (void)state;
    static const struct eta_row rows[] = {
        {60, 10, 0, 5, 0, 0, 0, -1},   // none has ended
        {60, 10, 0, 5, 0, 0, 3, -1},   // to be cancelled is no pace
        {60, 0, 0, 0, 10, 5, 0, -1},   // all have
        {60, 0, 2, 0, 10, 0, 0, -1},   // the rest waits for a person
        {60, 20, 0, 0, 10, 0, 0, 120}, // 10 a minute
        {60, 10, 0, 10, 8, 2, 0, 120}, //
        {60, 5, 7, 0, 10, 0, 9, 30},   //
        {0, 5, 0, 0, 10, 0, 0, -1},    // a clock that was set back
        {-5, 5, 0, 0, 10, 0, 0, -1},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        const struct eta_row *row = &rows[i];
        const struct batch batch = {.created_at = OPT_I64(NOW - row->age_s * US_PER_S)};
        const struct batch_counts counts = {.of = {[ORDER_REQUESTED] = row->requested,
                                                   [ORDER_PARKED] = row->parked,
                                                   [ORDER_PROCESSING] = row->processing,
                                                   [ORDER_COMPLETED] = row->completed,
                                                   [ORDER_FAILED] = row->failed,
                                                   [ORDER_CANCELLED] = row->cancelled}};
        struct opt_i64 eta = batch_eta(&batch, &counts, NOW);
        if (eta.set != (row->want_s >= 0) || (eta.set && eta.value != NOW + row->want_s * US_PER_S))
            fail_msg("row %zu", i);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_table),
        cmocka_unit_test(test_counts),
        cmocka_unit_test(test_eta),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
