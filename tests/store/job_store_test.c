// The contract of store/job_store.h, on every engine.
#include "support/store_fixture.h"

#include <stdio.h>

#include "store/job_store.h"

#define T0        STORE_T0_US
#define S         INT64_C(1000000)
#define ALL_KINDS STR("[\"order\",\"poll\",\"files\"]")
#define LEASE     JOB_LEASE_US
#define CLAIM_MAX 100

static void add(struct store_fixture *f, enum job_kind kind, int64_t order_id, int64_t run_at_us)
{
    struct sql_op *op = store_write(f);
    job_store_add(op, &(struct job){.kind = kind,
                                    .order_id = order_id,
                                    .company_id = 7,
                                    .run_at = OPT_I64(run_at_us),
                                    .created_at = OPT_I64(T0)});
    store_run(f, op);
}

struct claimed {
    size_t count;
    struct job jobs[CLAIM_MAX];
};

static int64_t f_company_max; // what claims ask for; 0 but where a test sets it

static struct claimed claim(struct store_fixture *f, int64_t worker, int64_t now_us, size_t max)
{
    struct claimed claimed = {0};
    struct row_list list = {
        .arena = f->arena, .table = &job_table, .objects = claimed.jobs, .max = max};
    struct sql_op *op = store_write(f);
    const struct job_claim claim = {worker, now_us, now_us + LEASE, f_company_max};
    if (f_company_max > 0)
        job_store_claim_lock(op);
    job_store_take_turns(op, JOB_ORDER, now_us);
    for (int kind = JOB_NONE + 1; kind < JOB_KIND_COUNT; kind++)
        job_store_claim(op, &claim, (enum job_kind)kind, max, &list);
    store_run(f, op);
    claimed.count = list.count;
    return claimed;
}

static struct job claim_one(struct store_fixture *f, int64_t now_us)
{
    struct claimed claimed = claim(f, 1, now_us, 1);
    assert_int_equal(claimed.count, 1);
    return claimed.jobs[0];
}

static struct job_summary summary_of(struct store_fixture *f)
{
    struct job_summary summary = {0};
    struct sql_op *op = store_read(f);
    job_store_summary(op, &summary);
    store_run(f, op);
    return summary;
}

static void test_add_and_claim(void **state)
{
    struct store_fixture *f = *state;
    add(f, JOB_POLL, 11, T0 + 5);
    assert_int_equal(claim(f, 1, T0 + 4, 10).count, 0); // not due
    struct claimed claimed = claim(f, 99, T0 + 5, 10);
    assert_int_equal(claimed.count, 1);
    const struct job *job = &claimed.jobs[0];
    assert_true(job->id > 0);
    assert_int_equal(job->kind, JOB_POLL);
    assert_int_equal(job->order_id, 11);
    assert_int_equal(job->company_id, 7);
    assert_int_equal(job->state, JOB_RUNNING);
    assert_int_equal(job->attempt, 1);
    assert_int_equal(job->run_at.value, T0 + 5);
    assert_int_equal(job->lease_until.value, T0 + 5 + LEASE);
    assert_int_equal(job->worker.value, 99);
    assert_null(job->last_error.ptr);
    assert_int_equal(job->created_at.value, T0);
    assert_int_equal(job->updated_at.value, T0 + 5);
    assert_int_equal(claim(f, 1, T0 + 100 * LEASE, 10).count, 0); // it runs
}

// A poll that somebody begins to wait for comes to whichever process claims it as such, once.
static void test_somebody_waits(void **state)
{
    struct store_fixture *f = *state;
    struct job poll = {.kind = JOB_POLL,
                       .order_id = 11,
                       .company_id = 7,
                       .priority = JOB_PRIORITY_BATCH,
                       .run_at = OPT_I64(T0 + 9 * S),
                       .created_at = OPT_I64(T0)};
    for (int i = 0; i < 2; i++) {
        struct sql_op *op = store_write(f);
        job_store_add(op, &poll);
        store_run(f, op);
        poll.priority = JOB_PRIORITY_WAITING;
        poll.run_at = OPT_I64(T0);
    }
    struct job job = claim_one(f, T0);
    assert_int_equal(job.priority, JOB_PRIORITY_WAITING);
    job.run_at = OPT_I64(T0 + S);
    struct sql_op *op = store_write(f);
    job_store_reschedule(op, &job, T0);
    store_run(f, op);
    assert_int_equal(claim_one(f, T0 + S).priority, JOB_PRIORITY_BATCH);
}

// What a second add of the same job does: by the state of the first and the times.
struct upsert_row {
    int64_t first_us;
    bool running;
    int64_t second_us;
    int64_t want_us;
};

static void test_add_again(void **state)
{
    static const struct upsert_row rows[] = {
        {T0 + 10, false, T0 + 20, T0 + 10}, // later: stays
        {T0 + 10, false, T0 + 10, T0 + 10},
        {T0 + 10, false, T0 + 5, T0 + 5}, // earlier: moved up
        {T0 + 10, true, T0 + 5, T0 + 10}, // it runs: nothing
    };
    struct store_fixture *f = *state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        const struct upsert_row *row = &rows[i];
        store_exec(f, "DELETE FROM sunlead_jobs");
        add(f, JOB_POLL, 1, row->first_us);
        if (row->running)
            (void)claim_one(f, row->first_us);
        add(f, JOB_POLL, 1, row->second_us);
        if (store_i64(f, "SELECT run_at FROM sunlead_jobs") != row->want_us)
            fail_msg("row %zu", i);
        assert_int_equal(store_i64(f, "SELECT count(*) FROM sunlead_jobs"), 1);
        assert_string_equal(store_text(f, "SELECT state FROM sunlead_jobs"),
                            row->running ? "running" : "ready");
    }
    // Other kinds and orders are other jobs; a dead one stands in nobody's way.
    add(f, JOB_FILES, 1, T0);
    add(f, JOB_POLL, 2, T0);
    assert_int_equal(store_i64(f, "SELECT count(*) FROM sunlead_jobs"), 3);
    store_exec(f, "UPDATE sunlead_jobs SET state = 'dead'");
    add(f, JOB_POLL, 2, T0);
    assert_int_equal(store_i64(f, "SELECT count(*) FROM sunlead_jobs"), 4);
}

static void test_add_for_new_order(void **state)
{
    struct store_fixture *f = *state;
    int64_t order_id = store_add_order(f, store_add_lead(f, 1), T0);
    int64_t op_id = store_get_order(f, order_id).op_id;
    store_exec(f, "DELETE FROM sunlead_jobs");
    struct sql_op *op = store_write(f);
    job_store_add_for_new_order(op, JOB_ORDER, op_id, JOB_PRIORITY_WAITING, T0 + 3);
    job_store_add_for_new_order(op, JOB_ORDER, op_id + 1, JOB_PRIORITY_WAITING,
                                T0 + 3); // made none
    store_run(f, op);
    struct job job = claim_one(f, T0 + 3);
    assert_int_equal(job.order_id, order_id);
    assert_int_equal(job.kind, JOB_ORDER);
    assert_int_equal(job.company_id, 1);
    assert_int_equal(claim(f, 1, T0 + LEASE, 10).count, 0);
}

static void test_claim_takes_the_oldest(void **state)
{
    struct store_fixture *f = *state;
    // Stored in an order that is neither that of the times nor its reverse.
    static const int offsets[] = {5, 1, 9, 3, 7, 0, 8, 2, 6, 4};
    for (size_t i = 0; i < COUNT_OF(offsets); i++)
        add(f, JOB_POLL, 100 + offsets[i], T0 + offsets[i]);
    assert_int_equal(claim(f, 1, T0 + 9, 0).count, 0);
    int next = 0;
    static const size_t max[] = {1, 3, 4, 10};
    static const size_t want[] = {1, 3, 4, 1}; // the last, due at 9, is not
    for (size_t i = 0; i < COUNT_OF(max); i++) {
        struct claimed claimed = claim(f, 1, T0 + 8, max[i]);
        assert_int_equal(claimed.count, want[i]);
        bool seen[10] = {false};
        for (size_t k = 0; k < claimed.count; k++)
            seen[claimed.jobs[k].order_id - 100] = true;
        for (size_t k = 0; k < claimed.count; k++)
            assert_true(seen[next++]);
    }
    assert_int_equal(summary_of(f).ready, 1);
}

static struct sql_op *claim_op(struct store_fixture *f, struct row_list *list, int64_t worker)
{
    struct sql_op *op = store_write(f);
    *list = (struct row_list){.arena = f->arena,
                              .table = &job_table,
                              .objects = arena_new(f->arena, struct job, 10),
                              .max = 10};
    const struct job_claim claim = {worker, T0, T0 + LEASE, 0};
    job_store_claim(op, &claim, JOB_POLL, 10, list);
    return op;
}

static void test_claims_at_once_share(void **state)
{
    struct store_fixture *f = *state;
    for (int i = 0; i < 25; i++)
        add(f, JOB_POLL, i + 1, T0);
    struct row_list lists[4];
    struct sql_op *ops[4];
    for (int i = 0; i < 4; i++)
        ops[i] = claim_op(f, &lists[i], i + 1);
    store_run_together(f, ops, 4);
    bool seen[26] = {false};
    size_t count = 0;
    for (int i = 0; i < 4; i++) {
        assert_int_equal(ops[i]->error.code, ERR_OK);
        const struct job *jobs = lists[i].objects;
        for (size_t k = 0; k < lists[i].count; k++, count++) {
            assert_false(seen[jobs[k].order_id]);
            seen[jobs[k].order_id] = true;
        }
    }
    assert_int_equal(count, 25);
}

enum ending { FINISH, RESCHEDULE };

static struct sql_op *end_op(struct store_fixture *f, struct job *job, enum ending ending)
{
    struct sql_op *op = store_write(f);
    if (ending == FINISH) {
        job_store_finish(op, job);
    } else {
        job->run_at = OPT_I64(T0 + 60 * S);
        job->last_error = STR("no luck");
        job_store_reschedule(op, job, T0 + 2);
    }
    return op;
}

static void add_once_more(struct store_fixture *f, int64_t run_at_us)
{
    struct sql_op *op = store_write(f);
    job_store_add_once_more(op, &(struct job){.kind = JOB_CONVERT,
                                              .order_id = 1,
                                              .company_id = 7,
                                              .run_at = OPT_I64(run_at_us),
                                              .created_at = OPT_I64(T0)});
    store_run(f, op);
}

// What is asked for while it runs comes after it, whatever the clock of him who asked says. Before
// that it is asked for once, however often.
static void test_once_more(void **state)
{
    struct store_fixture *f = *state;
    static const int64_t asked_us[] = {T0 + S, T0 + 20 * S, T0 - 20 * S};
    add_once_more(f, T0 + 60 * S);
    add_once_more(f, T0);
    struct job job = claim_one(f, T0);
    for (size_t i = 0; i < COUNT_OF(asked_us); i++) {
        int64_t now_us = T0 + (40 + (int64_t)i) * S;
        add_once_more(f, asked_us[i]);
        add_once_more(f, asked_us[i]);
        assert_int_equal(claim(f, 1, now_us, 10).count, 0);
        struct job other = {.id = job.id, .kind = JOB_CONVERT, .attempt = job.attempt - 1};
        store_fails(f, end_op(f, &other, FINISH), ERR_CANCELLED);
        job.run_at = (struct opt_i64){0};
        store_run(f, end_op(f, &job, FINISH));
        assert_true(job.run_at.set);
        assert_int_equal(store_i64(f, "SELECT lease_until FROM sunlead_jobs"), INT64_MIN);
        int64_t attempt = job.attempt;
        job = claim_one(f, now_us);
        assert_int_equal(job.attempt, attempt + 1);
    }
    job.run_at = (struct opt_i64){0};
    store_run(f, end_op(f, &job, FINISH));
    assert_false(job.run_at.set);
    assert_int_equal(store_i64(f, "SELECT count(*) FROM sunlead_jobs"), 0);
}

static void test_finish_and_reschedule(void **state)
{
    struct store_fixture *f = *state;
    add(f, JOB_POLL, 1, T0);
    struct job job = claim_one(f, T0);
    store_run(f, end_op(f, &job, RESCHEDULE));
    assert_int_equal(store_i64(f, "SELECT run_at FROM sunlead_jobs"), T0 + 60 * S);
    assert_int_equal(store_i64(f, "SELECT lease_until FROM sunlead_jobs"), INT64_MIN);
    assert_int_equal(store_i64(f, "SELECT worker FROM sunlead_jobs"), INT64_MIN);
    assert_int_equal(claim(f, 1, T0 + 60 * S - 1, 1).count, 0);
    job = claim_one(f, T0 + 60 * S);
    assert_int_equal(job.attempt, 2);
    assert_true(str_equal(job.last_error, STR("no luck")));
    store_run(f, end_op(f, &job, FINISH));
    assert_int_equal(store_i64(f, "SELECT count(*) FROM sunlead_jobs"), 0);
}

// A run whose lease is lost changes nothing, and nothing beside it in its operation.
static void test_lost_lease(void **state)
{
    static const char *const losses[] = {
        "UPDATE sunlead_jobs SET state = 'ready'",
        "UPDATE sunlead_jobs SET attempt = attempt + 1",
        "UPDATE sunlead_jobs SET state = 'dead'",
        "DELETE FROM sunlead_jobs",
    };
    struct store_fixture *f = *state;
    for (size_t i = 0; i < COUNT_OF(losses); i++) {
        for (int ending = FINISH; ending <= RESCHEDULE; ending++) {
            store_exec(f, "DELETE FROM sunlead_jobs");
            add(f, JOB_POLL, 1, T0);
            struct job job = claim_one(f, T0);
            store_exec(f, losses[i]);
            int64_t run_at_us = store_i64(f, "SELECT run_at FROM sunlead_jobs");
            struct sql_op *op = end_op(f, &job, (enum ending)ending);
            job_store_add(op, &(struct job){.kind = JOB_FILES,
                                            .order_id = 1,
                                            .run_at = OPT_I64(T0),
                                            .created_at = OPT_I64(T0)});
            store_fails(f, op, ERR_CANCELLED);
            assert_int_equal(store_i64(f, "SELECT run_at FROM sunlead_jobs"), run_at_us);
            assert_int_equal(store_i64(f, "SELECT count(*) FROM sunlead_jobs WHERE kind='files'"),
                             0);
        }
    }
}

static void run_rescue(struct store_fixture *f, int64_t now_us)
{
    struct sql_op *op = store_write(f);
    struct job_rescued rescued = {0};
    job_store_rescue(op, now_us, &rescued);
    store_run(f, op);
    assert_int_equal(rescued.ready + rescued.dead, op->steps[0].rows);
}

static void test_heartbeat_and_rescue(void **state)
{
    struct store_fixture *f = *state;
    for (int i = 1; i <= 4; i++)
        add(f, JOB_POLL, i, T0);
    struct claimed ours = claim(f, 1, T0, 3);
    struct claimed theirs = claim(f, 2, T0, 1);
    assert_int_equal(ours.count + theirs.count, 4);
    // Two of the first worker's go on. The third ended without a word; a number of the other
    // worker's in the list means nothing.
    struct str ids = arena_printf(f->arena, "[%lld,%lld,%lld]", (long long)ours.jobs[0].id,
                                  (long long)ours.jobs[1].id, (long long)theirs.jobs[0].id);
    struct sql_op *op = store_write(f);
    job_store_heartbeat(op, 1, ids, T0 + 2 * LEASE);
    store_run(f, op);
    assert_int_equal(op->steps[0].rows, 2);
    run_rescue(f, T0 + LEASE); // a lease that ends now still holds
    assert_int_equal(summary_of(f).running, 4);
    run_rescue(f, T0 + LEASE + 1);
    assert_int_equal(summary_of(f).running, 2);
    struct claimed again = claim(f, 3, T0 + LEASE + 1, 10);
    assert_int_equal(again.count, 2);
    for (size_t i = 0; i < again.count; i++) {
        assert_int_equal(again.jobs[i].attempt, 2);
        assert_true(again.jobs[i].id == ours.jobs[2].id || again.jobs[i].id == theirs.jobs[0].id);
        assert_int_equal(again.jobs[i].run_at.value, T0 + LEASE + 1);
    }
    op = store_write(f);
    job_store_heartbeat(op, 1, STR("[]"), T0 + 9 * LEASE);
    store_run(f, op);
    assert_int_equal(op->steps[0].rows, 0);
}

static void test_rescued_again_and_again(void **state)
{
    // A process that cannot stay up: at once, then after 1 s, 2 s, ... and at most 10 min. Its jobs
    // have their tries for hours.
    struct store_fixture *f = *state;
    int64_t now_us = T0;
    add(f, JOB_POLL, 1, T0);
    for (int lost = 1; lost <= 19; lost++) {
        int64_t wait_s = lost == 1 ? 0 : lost < 12 ? 1 << (lost - 2) : 600;
        assert_int_equal(claim(f, 1, now_us, 1).count, 1);
        struct sql_op *op = store_write(f);
        struct job_rescued rescued = {0};
        job_store_rescue_all(op, now_us, &rescued);
        store_run(f, op);
        assert_int_equal(rescued.ready, 1);
        assert_int_equal(store_i64(f, "SELECT run_at FROM sunlead_jobs") - now_us,
                         (wait_s < 600 ? wait_s : 600) * S);
        now_us = store_i64(f, "SELECT run_at FROM sunlead_jobs");
    }
    // And as the caller wants it.
    store_exec(f, "UPDATE sunlead_jobs SET failures = 3, state = 'running'");
    struct sql_op *op = store_write(f);
    struct job_rescued rescued = {.wait_us = 10, .wait_max_us = 30};
    job_store_rescue_all(op, now_us, &rescued);
    store_run(f, op);
    assert_int_equal(store_i64(f, "SELECT run_at FROM sunlead_jobs") - now_us, 30);
}

static void test_rescue_all(void **state)
{
    struct store_fixture *f = *state;
    for (int i = 1; i <= 3; i++)
        add(f, JOB_POLL, i, T0 + (i == 3 ? S : 0));
    assert_int_equal(claim(f, 1, T0, 10).count, 2);
    struct sql_op *op = store_write(f);
    struct job_rescued rescued = {0};
    job_store_rescue_all(op, T0 + 1, &rescued);
    store_run(f, op);
    assert_int_equal(rescued.ready, 2);
    assert_int_equal(claim(f, 2, T0 + 1, 10).count, 2);
    assert_int_equal(store_i64(f, "SELECT run_at FROM sunlead_jobs WHERE order_id = 3"), T0 + S);
}

static void test_release(void **state)
{
    struct store_fixture *f = *state;
    for (int i = 1; i <= 2; i++)
        add(f, JOB_POLL, i, T0);
    struct job ours = claim(f, 1, T0, 1).jobs[0];
    assert_int_equal(claim(f, 2, T0, 1).count, 1);
    struct sql_op *op = store_write(f);
    job_store_release(op, 1, STR("[]"), T0 + 1);
    store_run(f, op);
    assert_int_equal(summary_of(f).running, 1);
    struct claimed again = claim(f, 3, T0 + 1, 10);
    assert_int_equal(again.count, 1);
    assert_int_equal(again.jobs[0].id, ours.id);
    assert_int_equal(again.jobs[0].attempt, 2);
    store_fails(f, end_op(f, &ours, FINISH), ERR_CANCELLED);
}

static void test_summary(void **state)
{
    struct store_fixture *f = *state;
    struct job_summary summary = summary_of(f);
    assert_int_equal(summary.ready + summary.running + summary.dead, 0);
    assert_false(summary.next_run_at.set);
    for (int i = 1; i <= 6; i++)
        add(f, JOB_POLL, i, T0 + i);
    (void)claim_one(f, T0 + 1);
    store_exec(f, "UPDATE sunlead_jobs SET state = 'dead' WHERE order_id IN (2, 3)");
    summary = summary_of(f);
    assert_int_equal(summary.ready, 3);
    assert_int_equal(summary.running, 1);
    assert_int_equal(summary.dead, 2);
    assert_int_equal(summary.next_run_at.value, T0 + 4);
    // Of those that are not due yet.
    struct opt_i64 next = {0};
    struct sql_op *op = store_read(f);
    job_store_next(op, ALL_KINDS, T0 + 3, &next);
    store_run(f, op);
    assert_int_equal(next.value, T0 + 4);
    op = store_read(f);
    job_store_next(op, STR("[\"order\",\"files\"]"), T0, &next);
    store_run(f, op);
    assert_false(next.set);
}

#define TEST(name)                                                                                 \
    cmocka_unit_test_setup_teardown(name, store_fixture_setup, store_fixture_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_somebody_waits),
        TEST(test_add_and_claim),
        TEST(test_add_again),
        TEST(test_add_for_new_order),
        TEST(test_claim_takes_the_oldest),
        TEST(test_claims_at_once_share),
        TEST(test_finish_and_reschedule),
        TEST(test_once_more),
        TEST(test_lost_lease),
        TEST(test_heartbeat_and_rescue),
        TEST(test_rescued_again_and_again),
        TEST(test_rescue_all),
        TEST(test_release),
        TEST(test_summary),
    };
    return store_fixture_run_suite_pooled("job_store", tests, COUNT_OF(tests));
}
