// The contract of store/poll_store.h, on every engine.
#include "support/store_fixture.h"

#include <stdio.h>

#include "store/job_store.h"
#include "store/order_store.h"
#include "store/poll_store.h"

#define T0    STORE_T0_US
#define NOW   (T0 + 60 * INT64_C(1000000))
#define AGAIN (T0 + 66 * INT64_C(1000000) + 7)

// Orders at work, their leads, and their jobs, which run.
#define ORDERS 4

struct polled {
    int64_t leads[ORDERS];
    struct poll_note notes[ORDERS];
    struct job jobs[ORDERS];
};

static void claim_all(struct store_fixture *f, struct polled *p)
{
    struct row_list list = {
        .arena = f->arena, .table = &job_table, .objects = p->jobs, .max = ORDERS};
    struct sql_op *op = store_write(f);
    job_store_claim(op, &(struct job_claim){1, T0, T0 + JOB_LEASE_US, 0}, JOB_POLL, ORDERS, &list);
    store_run(f, op);
    assert_int_equal(list.count, ORDERS);
    for (size_t i = 0; i < ORDERS; i++) {
        struct poll_note *note = &p->notes[p->jobs[i].order_id - p->notes[0].order_id];
        note->job_id = p->jobs[i].id;
        note->attempt = p->jobs[i].attempt;
    }
}

static struct polled set_up(struct store_fixture *f)
{
    struct polled p = {0};
    for (size_t i = 0; i < ORDERS; i++) {
        p.leads[i] = store_add_lead(f, 1);
        int64_t id = store_add_order(f, p.leads[i], T0);
        struct sql_op *op = store_write(f);
        job_store_add(op, &(struct job){.kind = JOB_POLL,
                                        .order_id = id,
                                        .company_id = 1,
                                        .run_at = OPT_I64(T0),
                                        .created_at = OPT_I64(T0)});
        store_run(f, op);
        p.notes[i] = (struct poll_note){
            .order_id = id, .version = 5, .progress = OPT_I64(40 + (int64_t)i), .run_at_us = AGAIN};
    }
    store_exec(f, "UPDATE sunlead_orders SET state = 'processing', version = 5, polls = 2, "
                  "progress = 30, project_id = id + 1000, house_id = id + 2000, "
                  "poll_failed = TRUE");
    claim_all(f, &p);
    return p;
}

static bool is_stored[ORDERS];

static void take_stored(void *ctx, const struct sql_row *row)
{
    const struct polled *p = ctx;
    int64_t at = sql_row_i64(row, 0) - p->notes[0].order_id;
    assert_in_range(at, 0, ORDERS - 1);
    is_stored[at] = true;
}

static void note(struct store_fixture *f, struct polled *p)
{
    memset(is_stored, 0, sizeof(is_stored));
    struct sql_op *op = store_write(f);
    struct sql_step *step = poll_store_note(op, p->notes, ORDERS, NOW);
    step->on_row = take_stored;
    step->ctx = p;
    store_run(f, op);
}

static struct job job_of(struct store_fixture *f, const struct polled *p, size_t at)
{
    struct job job = {0};
    struct row_list list = {.arena = f->arena, .table = &job_table, .objects = &job, .max = 1};
    static const struct sql_stmt stmt = {
        .name = "test_job",
        .text = "SELECT {columns} FROM sunlead_jobs WHERE id = $1",
        .table = &job_table,
    };
    struct sql_op *op = store_read(f);
    struct sql_step *step = SQL_STEP(op, &stmt, SQLV_INT(p->notes[at].job_id));
    step->on_row = row_list_take;
    step->ctx = &list;
    store_run(f, op);
    assert_int_equal(list.count, 1);
    return job;
}

static void test_notes(void **state)
{
    struct store_fixture *f = *state;
    struct polled p = set_up(f);
    p.notes[3].progress = (struct opt_i64){0};
    note(f, &p);
    for (size_t i = 0; i < ORDERS; i++) {
        assert_true(is_stored[i]);
        struct order order = store_get_order(f, p.notes[i].order_id);
        assert_int_equal(order.version, 6);
        assert_int_equal(order.polls, 3);
        assert_int_equal(order.progress.value, i == 3 ? 30 : 40 + i);
        assert_int_equal(order.polled_at.value, NOW);
        assert_int_equal(order.unfinished_at.value, NOW);
        assert_int_equal(order.updated_at.value, NOW);
        assert_false(order.poll_failed);
        struct lead lead = store_get_lead(f, p.leads[i]);
        assert_int_equal(lead.last_synced_at.value, NOW);
        assert_int_not_equal(lead.updated_at.value, NOW);
        struct job job = job_of(f, &p, i);
        assert_int_equal(job.state, JOB_READY);
        assert_int_equal(job.run_at.value, AGAIN);
        assert_int_equal(job.failures, 0);
        assert_false(job.lease_until.set || job.worker.set);
    }
}

// The lead follows now and then.
static void test_leads_every_half_minute(void **state)
{
    struct store_fixture *f = *state;
    struct polled p = set_up(f);
    note(f, &p);
    for (size_t i = 0; i < ORDERS; i++)
        p.notes[i].version++;
    struct sql_op *op = store_write(f);
    poll_store_note(op, p.notes, ORDERS, NOW + POLL_LEAD_EVERY_US);
    store_run(f, op);
    assert_int_equal(store_get_order(f, p.notes[0].order_id).polls, 4);
    assert_int_equal(store_get_lead(f, p.leads[0]).last_synced_at.value, NOW);
    for (size_t i = 0; i < ORDERS; i++)
        p.notes[i].version++;
    op = store_write(f);
    poll_store_note(op, p.notes, ORDERS, NOW + POLL_LEAD_EVERY_US + 1);
    store_run(f, op);
    assert_int_equal(store_get_lead(f, p.leads[0]).last_synced_at.value,
                     NOW + POLL_LEAD_EVERY_US + 1);
}

// What was changed meanwhile is left, and the job with it: the poll is stored by itself then.
static void test_changed_meanwhile(void **state)
{
    struct store_fixture *f = *state;
    struct polled p = set_up(f);
    p.notes[0].version = 4;
    p.notes[1].attempt = 2;
    store_exec(f, "UPDATE sunlead_orders SET state = 'completed' "
                  "WHERE id = (SELECT max(id) FROM sunlead_orders)");
    note(f, &p);
    assert_false(is_stored[0]);
    assert_int_equal(store_get_order(f, p.notes[0].order_id).polls, 2);
    assert_int_equal(job_of(f, &p, 0).state, JOB_RUNNING);
    assert_true(is_stored[1]); // only the lease was lost
    assert_int_equal(store_get_order(f, p.notes[1].order_id).polls, 3);
    assert_int_equal(job_of(f, &p, 1).state, JOB_RUNNING);
    assert_true(is_stored[2]);
    assert_int_equal(job_of(f, &p, 2).state, JOB_READY);
    assert_false(is_stored[3]);
    assert_int_equal(store_get_order(f, p.notes[3].order_id).version, 5);
    assert_int_equal(job_of(f, &p, 3).state, JOB_RUNNING);
}

static void test_lead_ordered_anew(void **state)
{
    struct store_fixture *f = *state;
    struct polled p = set_up(f);
    store_exec(f, "UPDATE sunlead_orders SET lead_id = (SELECT min(lead_id) FROM sunlead_orders), "
                  "state = 'failed' WHERE id = (SELECT max(id) FROM sunlead_orders)");
    note(f, &p);
    assert_true(is_stored[0]);
    assert_false(store_get_lead(f, p.leads[0]).last_synced_at.set);
    assert_true(store_get_lead(f, p.leads[1]).last_synced_at.set);
}

#define TEST(name)                                                                                 \
    cmocka_unit_test_setup_teardown(name, store_fixture_setup, store_fixture_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_notes),
        TEST(test_leads_every_half_minute),
        TEST(test_changed_meanwhile),
        TEST(test_lead_ordered_anew),
    };
    return store_fixture_run_suite("poll_store", tests, COUNT_OF(tests));
}
