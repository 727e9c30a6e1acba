// Whose job is next, on every engine: turns of companies, caps, pauses, and what people do to jobs.
#include "support/store_fixture.h"

#include <stdio.h>

#include "base/buf.h"
#include "store/event_store.h"
#include "store/job_admin_store.h"
#include "store/job_store.h"

#define T0    STORE_T0_US
#define S     INT64_C(1000000)
#define LEASE JOB_LEASE_US

// Orders of a company, in the states that the test needs, with op_ids from first on.
static void add_orders(struct store_fixture *f, int64_t company, int64_t first, int64_t count)
{
    store_exec(f, arena_printf(f->arena,
                               "INSERT INTO sunlead_orders (lead_id, company_id, state, version, "
                               "op_id, attempts, latitude, longitude, request, files, answered, "
                               "polls, lookups, poll_failed) WITH RECURSIVE n(i) AS (SELECT %lld "
                               "UNION ALL SELECT i + 1 FROM n WHERE i < %lld) SELECT i, %lld, "
                               "'requested', 1, i, 0, 0, 0, '{}', 'none', FALSE, 0, 0, FALSE "
                               "FROM n",
                               (long long)first, (long long)(first + count - 1), (long long)company)
                      .ptr);
}

// Queues the jobs of such orders as one batch.
static void add_batch(struct store_fixture *f, int64_t company, int64_t first, int64_t count,
                      int64_t now_us)
{
    struct buf ids;
    buf_init_arena(&ids, f->arena, SIZE_MAX);
    for (int64_t i = 0; i < count; i++)
        buf_printf(&ids, "%c%lld", i == 0 ? '[' : ',', (long long)(first + i));
    buf_append_char(&ids, ']');
    add_orders(f, company, first, count);
    struct sql_op *op = store_write(f);
    job_store_add_for_new_orders(op, JOB_ORDER, buf_str(&ids), JOB_PRIORITY_BATCH, now_us);
    store_run(f, op);
    assert_int_equal(op->steps[0].rows, count);
}

static void add_single(struct store_fixture *f, int64_t company, int64_t op_id,
                       enum job_priority priority, int64_t now_us)
{
    add_orders(f, company, op_id, 1);
    struct sql_op *op = store_write(f);
    job_store_add_for_new_order(op, JOB_ORDER, op_id, priority, now_us);
    store_run(f, op);
}

// Claims and returns the companies' ids in the order of their turns.
static size_t claim(struct store_fixture *f, int64_t now_us, int64_t company_max, size_t max,
                    struct job *jobs)
{
    struct row_list list = {.arena = f->arena, .table = &job_table, .objects = jobs, .max = max};
    const struct job_claim wanted = {1, now_us, now_us + LEASE, company_max};
    struct sql_op *op = store_write(f);
    if (company_max > 0)
        job_store_claim_lock(op);
    job_store_take_turns(op, JOB_ORDER, now_us);
    job_store_claim(op, &wanted, JOB_ORDER, max, &list);
    store_run(f, op);
    return list.count;
}

static int64_t claim_company(struct store_fixture *f, int64_t now_us)
{
    struct job job = {0};
    return claim(f, now_us, 0, 1, &job) == 1 ? job.company_id : 0;
}

// ---- Turns.

static void test_a_single_order_beside_a_batch(void **state)
{
    struct store_fixture *f = *state;
    add_batch(f, 1, 1, 5000, T0);
    struct job jobs[100];
    assert_int_equal(claim(f, T0, 0, 100, jobs), 100);
    // For the same priority, which it would not even have: at most one of the batch comes before
    // it.
    add_single(f, 2, 9001, JOB_PRIORITY_BATCH, T0 + 1);
    int64_t first = claim_company(f, T0 + 1);
    if (first == 1)
        first = claim_company(f, T0 + 1);
    assert_int_equal(first, 2);
    // Somebody waits for this one.
    add_single(f, 3, 9002, JOB_PRIORITY_WAITING, T0 + 2);
    assert_int_equal(claim_company(f, T0 + 2), 3);
    assert_int_equal(claim_company(f, T0 + 2), 1);
}

static void test_batches_alternate(void **state)
{
    struct store_fixture *f = *state;
    add_batch(f, 1, 1, 1000, T0);
    struct job jobs[200];
    assert_int_equal(claim(f, T0, 0, 200, jobs), 200);
    add_batch(f, 2, 2001, 1000, T0 + 1);
    // Whatever is taken, both have the same of it, but for one.
    int64_t difference = 0;
    for (int i = 0; i < 50; i++) {
        difference += claim_company(f, T0 + 1) == 1 ? 1 : -1;
        assert_in_range(difference + 1, 0, 2);
    }
    assert_int_equal(claim(f, T0 + 1, 0, 100, jobs), 100);
    for (int i = 0; i < 100; i++)
        difference += jobs[i].company_id == 1 ? 1 : -1;
    assert_in_range(difference + 1, 0, 2);
}

static void test_a_late_batch_goes_on_behind_its_own(void **state)
{
    struct store_fixture *f = *state;
    add_batch(f, 1, 1, 10, T0);
    add_batch(f, 2, 101, 10, T0);
    add_batch(f, 1, 201, 10, T0 + 1); // gains its company nothing
    int64_t count_of[3] = {0};
    for (int i = 0; i < 20; i++)
        count_of[claim_company(f, T0 + 1)]++;
    assert_int_equal(count_of[1], 10);
    assert_int_equal(count_of[2], 10);
}

static void test_turns_of_those_that_waited(void **state)
{
    // Given back for later: no turn until it is due, and then those of the companies alternate.
    struct store_fixture *f = *state;
    add_batch(f, 1, 1, 20, T0);
    add_batch(f, 2, 101, 20, T0);
    struct job jobs[40];
    assert_int_equal(claim(f, T0, 0, 40, jobs), 40);
    for (int i = 0; i < 40; i++) {
        struct sql_op *op = store_write(f);
        // All of company 1 are due before those of company 2.
        jobs[i].run_at = OPT_I64(T0 + jobs[i].company_id * S + i);
        job_store_reschedule(op, &jobs[i], T0);
        store_run(f, op);
    }
    assert_int_equal(store_i64(f, "SELECT max(turn) FROM sunlead_jobs"), 0);
    assert_int_equal(claim_company(f, T0 + S - 1), 0);
    int64_t difference = 0;
    for (int i = 0; i < 40; i++) {
        difference += claim_company(f, T0 + 9 * S) == 1 ? 1 : -1;
        assert_in_range(difference + 1, 0, 2);
    }
}

// ---- Caps.

static void test_cap_of_a_company(void **state)
{
    struct store_fixture *f = *state;
    struct job jobs[40];
    add_batch(f, 1, 1, 300, T0);
    assert_int_equal(claim(f, T0, 3, 10, jobs), 3);
    add_batch(f, 2, 1001, 2, T0 + 1);
    add_batch(f, 3, 2001, 5, T0 + 1);
    // Behind 297 that may not run yet.
    assert_int_equal(claim(f, T0 + 1, 3, 10, jobs), 5);
    assert_int_equal(claim(f, T0 + 1, 3, 10, jobs), 0);
    assert_int_equal(store_i64(f, "SELECT count(*) FROM sunlead_jobs WHERE state = 'running' "
                                  "AND company_id = 1"),
                     3);
    store_exec(f, "DELETE FROM sunlead_jobs WHERE state = 'running' AND company_id = 1");
    assert_int_equal(claim(f, T0 + 1, 3, 2, jobs), 2);
    assert_int_equal(claim(f, T0 + 1, 3, 2, jobs), 1);
    // Without a cap the rest comes at once.
    assert_int_equal(claim(f, T0 + 1, 0, 40, jobs), 40);
}

static struct sql_op *capped_claim(struct store_fixture *f, struct row_list *list, int64_t worker)
{
    struct sql_op *op = store_write(f);
    const struct job_claim wanted = {worker, T0, T0 + LEASE, 5};
    *list = (struct row_list){.arena = f->arena,
                              .table = &job_table,
                              .objects = arena_new(f->arena, struct job, 10),
                              .max = 10};
    job_store_claim_lock(op);
    job_store_claim(op, &wanted, JOB_ORDER, 10, list);
    return op;
}

static void test_cap_holds_among_claims_at_once(void **state)
{
    struct store_fixture *f = *state;
    add_batch(f, 1, 1, 50, T0);
    struct row_list lists[4];
    struct sql_op *ops[4];
    for (int i = 0; i < 4; i++)
        ops[i] = capped_claim(f, &lists[i], i + 1);
    store_run_together(f, ops, 4);
    size_t count = 0;
    for (int i = 0; i < 4; i++) {
        assert_int_equal(ops[i]->error.code, ERR_OK);
        count += lists[i].count;
    }
    assert_int_equal(count, 5);
}

// ---- Pauses.

static void pause_kind(struct store_fixture *f, enum job_kind kind, const char *by, int64_t now_us)
{
    struct sql_op *op = store_write(f);
    job_store_pause(op, kind, str_of(by), now_us);
    store_run(f, op);
}

static void test_pause_and_resume(void **state)
{
    struct store_fixture *f = *state;
    struct job_kind_state kinds[JOB_KIND_COUNT];
    struct job jobs[10];
    add_batch(f, 1, 1, 10, T0);
    assert_int_equal(claim(f, T0, 0, 2, jobs), 2);
    pause_kind(f, JOB_ORDER, "Ann", T0 + 1);
    pause_kind(f, JOB_ORDER, "Bob", T0 + 2); // comes second
    assert_int_equal(claim(f, T0 + 3, 0, 2, jobs), 0);
    assert_int_equal(claim(f, T0 + 3, 1, 2, jobs), 0);
    struct sql_op *op = store_write(f);
    job_store_kinds(op, kinds);
    store_run(f, op);
    assert_true(kinds[JOB_ORDER].paused);
    assert_int_equal(kinds[JOB_ORDER].paused_at.value, T0 + 1);
    assert_true(str_equal(kinds[JOB_ORDER].paused_by, STR("Ann")));
    assert_int_equal(kinds[JOB_ORDER].ready, 8);
    assert_int_equal(kinds[JOB_ORDER].running, 2);
    assert_false(kinds[JOB_POLL].paused);
    assert_int_equal(kinds[JOB_POLL].ready, 0);
    op = store_write(f);
    job_store_resume(op, JOB_ORDER);
    store_run(f, op);
    assert_int_equal(claim(f, T0 + 3, 0, 2, jobs), 2);
}

// ---- Failures, and what people do about them.

static struct job get(struct store_fixture *f, int64_t id)
{
    struct job job = {0};
    struct sql_op *op = store_read(f);
    job_store_get(op, id, ERR_NOT_FOUND, &job);
    store_run(f, op);
    return job;
}

static void test_dead_after_enough_failures(void **state)
{
    struct store_fixture *f = *state;
    const int64_t max = job_kind_rules[JOB_ORDER].failures_max;
    struct job job = {0};
    int64_t now_us = T0;
    add_single(f, 1, 1, JOB_PRIORITY_WAITING, T0);
    for (int64_t i = 1; i <= max; i++) {
        assert_int_equal(claim(f, now_us, 0, 1, &job), 1);
        assert_int_equal(job.failures, i - 1);
        struct sql_op *op = store_write(f);
        struct job_rescued rescued = {0};
        now_us += 2 * LEASE;
        if (i % 2 == 0) {
            job_store_rescue(op, now_us, &rescued);
        } else {
            job.run_at = OPT_I64(now_us);
            job.last_error = arena_printf(f->arena, "no. %lld \"x\"", (long long)i);
            job_store_fail(op, &job, now_us);
        }
        store_run(f, op);
        assert_int_equal(rescued.dead, i == max && i % 2 == 0 ? 1 : 0);
    }
    assert_int_equal(claim(f, now_us + 9 * LEASE, 0, 1, &job), 0);
    job = get(f, job.id);
    assert_int_equal(job.state, JOB_DEAD);
    assert_int_equal(job.attempt, max);
    assert_int_equal(job.failures, max);
    assert_true(str_starts(job.last_error, STR("The process that ran it ended")));
    // The last ten of them.
    const char *history = arena_str(f->arena, job.history).ptr;
    assert_non_null(strstr(history, "no. 11 \\\"x\\\""));
    assert_null(strstr(history, "no. 9 "));
    size_t entries = 0;
    for (const char *at = history; (at = strstr(at, "\"attempt\"")) != NULL; at++)
        entries++;
    assert_int_equal(entries, JOB_HISTORY_MAX);
}

static void test_progress_forgives(void **state)
{
    struct store_fixture *f = *state;
    struct job job = {0};
    add_single(f, 1, 1, JOB_PRIORITY_WAITING, T0);
    store_exec(f, "UPDATE sunlead_jobs SET failures = 19");
    assert_int_equal(claim(f, T0, 0, 1, &job), 1);
    job.run_at = OPT_I64(T0 + 1);
    struct sql_op *op = store_write(f);
    job_store_reschedule(op, &job, T0);
    store_run(f, op);
    assert_int_equal(get(f, job.id).failures, 0);
    assert_null(get(f, job.id).history.ptr); // it was no failure
    // To be handed back at the end of a process is none either.
    assert_int_equal(claim(f, T0 + 1, 0, 1, &job), 1);
    op = store_write(f);
    job_store_release(op, 1, STR("[]"), T0 + 2);
    store_run(f, op);
    assert_int_equal(get(f, job.id).failures, 0);
    assert_int_equal(claim(f, T0 + 2, 0, 1, &job), 1);
    // What runs here is not handed back.
    op = store_write(f);
    job_store_release(op, 1, arena_printf(f->arena, "[%lld]", (long long)job.id), T0 + 2);
    store_run(f, op);
    assert_int_equal(get(f, job.id).state, JOB_RUNNING);
}

static void test_retry(void **state)
{
    static const struct {
        const char *set;
        enum err want;
    } rows[] = {
        {"UPDATE sunlead_jobs SET state = 'dead', failures = 20", ERR_OK},
        {"UPDATE sunlead_jobs SET state = 'cancelled'", ERR_OK},
        {"UPDATE sunlead_jobs SET run_at = run_at + $later", ERR_OK},
        {"UPDATE sunlead_jobs SET state = 'running'", ERR_CONFLICT},
        {"UPDATE sunlead_orders SET state = 'cancelled'", ERR_CONFLICT},
    };
    struct store_fixture *f = *state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        store_exec(f, "DELETE FROM sunlead_jobs");
        store_exec(f, "DELETE FROM sunlead_orders");
        add_single(f, 1, 1, JOB_PRIORITY_WAITING, T0);
        int64_t id = store_i64(f, "SELECT id FROM sunlead_jobs");
        if (strstr(rows[i].set, "$later") != NULL) {
            struct job job = {0};
            assert_int_equal(claim(f, T0, 0, 1, &job), 1);
            job.run_at = OPT_I64(T0 + 600 * S);
            struct sql_op *op = store_write(f);
            job_store_reschedule(op, &job, T0);
            store_run(f, op);
        } else {
            store_exec(f, rows[i].set);
        }
        struct sql_op *op = store_write(f);
        job_store_retry(op, id, T0 + 5);
        if (rows[i].want != ERR_OK) {
            store_fails(f, op, rows[i].want);
            continue;
        }
        store_run(f, op);
        struct job job = {0};
        assert_int_equal(claim(f, T0 + 5, 0, 1, &job), 1);
        assert_int_equal(job.failures, 0);
    }
}

static void test_retry_all(void **state)
{
    struct store_fixture *f = *state;
    add_batch(f, 1, 1, 1200, T0);
    add_batch(f, 2, 3001, 3, T0);
    store_exec(f, "UPDATE sunlead_jobs SET state = 'dead', turn = 0");
    // One that another job has taken the place of.
    struct sql_op *op = store_write(f);
    job_store_add(op, &(struct job){.kind = JOB_ORDER,
                                    .order_id = store_i64(f, "SELECT min(order_id) FROM "
                                                             "sunlead_jobs WHERE company_id = 2"),
                                    .company_id = 2,
                                    .run_at = OPT_I64(T0),
                                    .created_at = OPT_I64(T0)});
    store_run(f, op);
    static const struct {
        struct job_filter filter;
        int64_t want;
    } rows[] = {
        {{.kind = JOB_POLL}, 0},
        {{.state = JOB_CANCELLED}, 0},
        {{.company_id = {.set = true, .value = 2}}, 2},
        {{.kind = JOB_ORDER, .state = JOB_DEAD}, JOB_RETRY_MAX},
        {{0}, 200},
        {{0}, 0},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        op = store_write(f);
        job_store_retry_all(op, &rows[i].filter, T0 + 1);
        store_run(f, op);
        assert_int_equal(op->steps[0].rows, rows[i].want);
    }
}

static void test_cancel_list_and_purge(void **state)
{
    struct store_fixture *f = *state;
    struct job jobs[10];
    add_batch(f, 1, 1, 6, T0);
    assert_int_equal(claim(f, T0, 0, 1, jobs), 1);
    struct job running = jobs[0];
    struct sql_op *op = store_write(f);
    job_store_cancel(op, running.id, T0 + 1);
    store_run(f, op);
    op = store_write(f);
    job_store_cancel(op, running.id, T0 + 1);
    store_fails(f, op, ERR_CONFLICT);
    op = store_write(f);
    job_store_finish(op, &running); // its run has lost it
    store_fails(f, op, ERR_CANCELLED);
    // Newest first, page by page.
    struct job_filter filter = {.company_id = OPT_I64(1)};
    int64_t last = INT64_MAX;
    for (size_t want = 4; want > 0; want = want == 4 ? 2 : 0) {
        struct row_list list = {.arena = f->arena, .table = &job_table, .objects = jobs, .max = 4};
        op = store_read(f);
        job_store_list(op, &filter, &list);
        store_run(f, op);
        assert_int_equal(list.count, want);
        for (size_t i = 0; i < want; i++) {
            assert_true(jobs[i].id < last);
            last = jobs[i].id;
        }
        filter.before = OPT_I64(last);
    }
    op = store_write(f);
    job_store_purge(op, T0 + 1);
    store_run(f, op);
    assert_int_equal(op->steps[0].rows, 0);
    op = store_write(f);
    job_store_purge(op, T0 + 2);
    store_run(f, op);
    assert_int_equal(op->steps[0].rows, 1); // the cancelled one
    assert_int_equal(store_i64(f, "SELECT count(*) FROM sunlead_jobs"), 5);
}

static void test_finish_all(void **state)
{
    struct store_fixture *f = *state;
    struct job jobs[4];
    add_batch(f, 1, 1, 4, T0);
    assert_int_equal(claim(f, T0, 0, 3, jobs), 3);
    store_exec(f, arena_printf(f->arena, "UPDATE sunlead_jobs SET attempt = 2 WHERE id = %lld",
                               (long long)jobs[1].id)
                      .ptr);
    struct str list = arena_printf(f->arena, "[[%lld,1],[%lld,1],[%lld,1]]", (long long)jobs[0].id,
                                   (long long)jobs[1].id, (long long)jobs[2].id);
    struct sql_op *op = store_write(f);
    job_store_finish_all(op, list);
    store_run(f, op);
    assert_int_equal(op->steps[0].rows, 2);
    assert_int_equal(get(f, jobs[1].id).state, JOB_RUNNING); // another one has it
}

static void test_purge_of_events(void **state)
{
    struct store_fixture *f = *state;
    for (int i = 0; i < 10; i++) {
        struct sql_op *op = store_write(f);
        event_store_add(op, &(struct event){.type = "lead.changed", .at_us = T0 + i});
        store_run(f, op);
    }
    struct sql_op *op = store_write(f);
    event_store_purge(op, T0 + 4);
    store_run(f, op);
    assert_int_equal(op->steps[0].rows, 4);
    assert_int_equal(store_i64(f, "SELECT count(*) FROM sunlead_events"), 6);
}

#define TEST(name)                                                                                 \
    cmocka_unit_test_setup_teardown(name, store_fixture_setup, store_fixture_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_a_single_order_beside_a_batch),
        TEST(test_batches_alternate),
        TEST(test_a_late_batch_goes_on_behind_its_own),
        TEST(test_turns_of_those_that_waited),
        TEST(test_cap_of_a_company),
        TEST(test_cap_holds_among_claims_at_once),
        TEST(test_pause_and_resume),
        TEST(test_dead_after_enough_failures),
        TEST(test_progress_forgives),
        TEST(test_retry),
        TEST(test_retry_all),
        TEST(test_cancel_list_and_purge),
        TEST(test_finish_all),
        TEST(test_purge_of_events),
    };
    return store_fixture_run_suite_pooled("job_turns", tests, COUNT_OF(tests));
}
