// Orders that lost their job, and jobs that were held back, on every engine.
#include "support/store_fixture.h"

#include <stdio.h>

#include "store/job_admin_store.h"
#include "store/job_store.h"

#define T0   STORE_T0_US
#define S    INT64_C(1000000)
#define NOW  (T0 + 3600 * S)
#define DEAD 20 // failures_max of the kinds

static int64_t mend(struct store_fixture *f, int64_t before_us)
{
    struct sql_op *op = store_write(f);
    const struct sql_step *step = job_store_mend(op, before_us, NOW);
    store_run(f, op);
    return step->rows;
}

// An order, and what became of its job.
static int64_t add_order(struct store_fixture *f, const char *state, const char *job)
{
    int64_t id = store_add_order(f, store_add_lead(f, 3), T0);
    char text[400];
    snprintf(text, sizeof(text),
             "UPDATE sunlead_orders SET state = '%s', project_id = 1000 + id, house_id = 2000 + id "
             "WHERE id = %lld",
             state, (long long)id);
    store_exec(f, text);
    snprintf(text, sizeof(text), "%s WHERE order_id = %lld", job, (long long)id);
    store_exec(f, text);
    return id;
}

#define LOST      "DELETE FROM sunlead_jobs"
#define DIED      "UPDATE sunlead_jobs SET state = 'dead'"
#define CANCELLED "UPDATE sunlead_jobs SET state = 'cancelled', kind = 'poll'"
#define POLLS     "UPDATE sunlead_jobs SET state = 'running', kind = 'poll'"
#define WAITS     "UPDATE sunlead_jobs SET attempt = 1"

static const struct {
    const char *state;
    const char *job;
    const char *kind; // of the new one; NULL: none is needed
    int64_t failures;
} rows[] = {
    {"requested", WAITS, NULL, 0},      {"requested", LOST, "order", 0},
    {"requested", DIED, "order", DEAD}, {"sending", DIED, "order", DEAD},
    {"unknown", DIED, "order", DEAD},   {"unknown", LOST, "order", 0},
    {"parked", LOST, NULL, 0},          {"created", LOST, "poll", 0},
    {"created", DIED, "poll", 0}, // only its order job died
    {"processing", POLLS, NULL, 0},     {"processing", CANCELLED, "poll", DEAD},
    {"completed", LOST, NULL, 0},       {"failed", DIED, NULL, 0},
};

static void test_mend(void **state)
{
    struct store_fixture *f = *state;
    int64_t ids[COUNT_OF(rows)];
    int64_t wanted = 0;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        ids[i] = add_order(f, rows[i].state, rows[i].job);
        wanted += rows[i].kind != NULL ? 1 : 0;
    }
    assert_int_equal(mend(f, T0), 0); // they were just changed
    assert_int_equal(mend(f, T0 + 1), wanted);
    assert_int_equal(mend(f, T0 + 1), 0); // they have jobs now
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        char query[300];
        snprintf(query, sizeof(query),
                 "SELECT count(*) FROM sunlead_jobs WHERE order_id = %lld AND state = 'ready' "
                 "AND attempt = 0 AND kind = '%s' AND failures = %lld AND company_id = "
                 "(SELECT company_id FROM sunlead_orders WHERE id = order_id)",
                 (long long)ids[i], rows[i].kind != NULL ? rows[i].kind : "order",
                 (long long)rows[i].failures);
        if (store_i64(f, query) != (rows[i].kind != NULL ? 1 : 0))
            fail_msg("row %zu", i);
    }
}

// Without a house there is nothing to ask LightFusion for.
static void test_nothing_to_poll(void **state)
{
    struct store_fixture *f = *state;
    add_order(f, "processing", LOST);
    store_exec(f, "UPDATE sunlead_orders SET house_id = NULL");
    assert_int_equal(mend(f, NOW), 0);
}

static void test_many(void **state)
{
    struct store_fixture *f = *state;
    add_order(f, "requested", LOST);
    char text[600];
    snprintf(text, sizeof(text),
             "INSERT INTO sunlead_orders (lead_id, company_id, state, version, op_id, attempts, "
             "latitude, longitude, request, files, answered, polls, lookups, poll_failed, "
             "updated_at) WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n "
             "WHERE i < %d) SELECT -i, 1, 'requested', 1, -i, 0, 0, 0, '{}', 'none', FALSE, 0, 0, "
             "FALSE, (SELECT min(updated_at) FROM sunlead_orders) FROM n",
             JOB_MEND_MAX);
    store_exec(f, text);
    assert_int_equal(mend(f, NOW), JOB_MEND_MAX);
    assert_int_equal(mend(f, NOW), 1);
}

// ---- Held back.

static int64_t run_at_of(struct store_fixture *f, int64_t order_id)
{
    struct job job = {0};
    struct row_list list = {.arena = f->arena, .table = &job_table, .objects = &job, .max = 1};
    struct sql_op *op = store_read(f);
    job_store_list(op, &(struct job_filter){.order_id = OPT_I64(order_id)}, &list);
    store_run(f, op);
    assert_int_equal(list.count, 1);
    return job.run_at.value;
}

static int64_t add_waiting(struct store_fixture *f, const char *failure, const char *error,
                           int64_t run_at_us)
{
    int64_t id = add_order(f, "requested", LOST);
    struct sql_op *op = store_write(f);
    job_store_add(op, &(struct job){.kind = JOB_ORDER,
                                    .order_id = id,
                                    .company_id = 3,
                                    .run_at = OPT_I64(run_at_us),
                                    .created_at = OPT_I64(T0)});
    store_run(f, op);
    char text[200];
    snprintf(text, sizeof(text), "UPDATE sunlead_orders SET failure = %s WHERE id = %lld", failure,
             (long long)id);
    store_exec(f, text);
    snprintf(text, sizeof(text), "UPDATE sunlead_jobs SET last_error = %s WHERE order_id = %lld",
             error, (long long)id);
    store_exec(f, text);
    return id;
}

static void test_hasten(void **state)
{
    struct store_fixture *f = *state;
    int64_t held = add_waiting(f, "'unavailable'", "'held back'", NOW + 600 * S);
    int64_t sooner = add_waiting(f, "'unavailable'", "'held back'", NOW + 500 * S);
    int64_t soonest = add_waiting(f, "'unavailable'", "'held back'", NOW + 10);
    int64_t due = add_waiting(f, "'unavailable'", "'held back'", NOW - S);
    int64_t limited = add_waiting(f, "'limited'", "'too many'", NOW + 600 * S);
    int64_t fresh = add_waiting(f, "NULL", "NULL", NOW + 600 * S);
    struct sql_op *op = store_write(f);
    job_store_hasten(op, NOW);
    store_run(f, op);
    assert_int_equal(run_at_of(f, soonest), NOW);
    assert_int_equal(run_at_of(f, sooner), NOW + JOB_HASTEN_EVERY_US);
    assert_int_equal(run_at_of(f, held), NOW + 2 * JOB_HASTEN_EVERY_US);
    assert_int_equal(run_at_of(f, due), NOW - S);
    assert_int_equal(run_at_of(f, limited), NOW + 600 * S);
    assert_int_equal(run_at_of(f, fresh), NOW + 600 * S);
}

#define TEST(name)                                                                                 \
    cmocka_unit_test_setup_teardown(name, store_fixture_setup, store_fixture_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_mend),
        TEST(test_nothing_to_poll),
        TEST(test_many),
        TEST(test_hasten),
    };
    return store_fixture_run_suite("job_mend", tests, COUNT_OF(tests));
}
