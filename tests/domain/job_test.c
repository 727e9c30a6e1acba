// Tests of domain/job.c.
#include "domain/table_check.h"

#include "domain/job.h"

static void test_table(void **state)
{
    (void)state;
    ASSERT_TABLE(&job_table, struct job, "id", "kind", "order_id", "company_id", "state",
                 "priority", "turn", "attempt", "failures", "run_at", "lease_until", "worker",
                 "last_error", "history", "created_at", "updated_at");
    assert_int_equal(field_named(&job_table, "last_error")->max_len, 500);
}

static void test_names(void **state)
{
    (void)state;
    ASSERT_NAMES(job_kind_names, NULL, "order", "poll", "files", "convert");
    assert_int_equal(JOB_KIND_COUNT, 5);
    assert_string_equal(job_kind_names[JOB_ORDER], "order");
    assert_string_equal(job_kind_names[JOB_POLL], "poll");
    assert_string_equal(job_kind_names[JOB_FILES], "files");
    assert_string_equal(job_kind_names[JOB_CONVERT], "convert");
    ASSERT_NAMES(job_state_names, NULL, "ready", "running", "dead", "cancelled");
    assert_string_equal(job_state_names[JOB_READY], "ready");
    assert_string_equal(job_state_names[JOB_RUNNING], "running");
    assert_string_equal(job_state_names[JOB_DEAD], "dead");
    assert_string_equal(job_state_names[JOB_CANCELLED], "cancelled");
}

static void test_rules(void **state)
{
    (void)state;
    for (int kind = JOB_NONE + 1; kind < JOB_KIND_COUNT; kind++) {
        assert_int_equal(job_kind_rules[kind].takes_turns, kind == JOB_ORDER);
        assert_true(job_kind_rules[kind].failures_max > 10); // a row of restarts is no reason
    }
}

static void test_lease(void **state)
{
    (void)state;
    assert_int_equal(JOB_LEASE_US, 20000000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_table),
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_rules),
        cmocka_unit_test(test_lease),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
