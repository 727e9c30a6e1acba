// Tests of jobs/jobs.h with kinds of their own: once, in time, not too many, never lost.
#include "support/store_fixture.h"

#include <stdatomic.h>
#include <stdio.h>
#include <unistd.h>

#include "base/thread.h"
#include "jobs/jobs.h"
#include "store/job_admin_store.h"
#include "support/test_clock.h"
#include "support/waiter.h"

#define T0       STORE_T0_US
#define RUNS_MAX 512

// What a run of the tests' kinds does when it is started.
enum manner {
    ENDS,    // finishes its row and ends
    RETURNS, // reschedules its row by a minute and ends
    FORGETS, // ends without a word
    LEAVES,  // has the runner remove its row
    STAYS,   // goes on until the test ends it
};

struct fixture {
    struct store_fixture *store;
    struct test_clock clock;
    struct jobs *jobs;
    size_t poll_max; // of polls at once
    size_t company_max;
    int64_t keep_jobs_us;
    struct waiter *started;
    struct waiter *ended;
    pthread_mutex_t mutex; // guards what follows
    enum manner manner;
    struct job_run *staying[RUNS_MAX];
    struct job seen[RUNS_MAX]; // in the order of their start
    size_t seen_count;
};

static void row_changed(struct sql_op *op)
{
    struct job_run *run = op->done_ctx;
    struct fixture *f = run->app;
    job_run_end(run);
    waiter_add(f->ended);
}

static void change_row(struct job_run *run, enum manner manner)
{
    struct fixture *f = run->app;
    struct sql_op *op = sql_op_new(run->arena, "test_end", SQL_LANE_WRITE);
    if (manner == ENDS) {
        job_store_finish(op, &run->job);
    } else {
        run->job.run_at = OPT_I64(test_clock_now(&f->clock) + 60 * US_PER_S);
        run->job.last_error = STR("again");
        job_store_reschedule(op, &run->job, test_clock_now(&f->clock));
    }
    op->done = row_changed;
    op->done_ctx = run;
    sql_submit(f->store->db, op);
}

static void run_kind(struct job_run *run)
{
    struct fixture *f = run->app;
    mutex_lock(&f->mutex);
    enum manner manner = f->manner;
    check(f->seen_count < RUNS_MAX);
    f->seen[f->seen_count] = run->job;
    f->staying[f->seen_count++] = manner == STAYS ? run : NULL;
    mutex_unlock(&f->mutex);
    waiter_add(f->started);
    if (manner == FORGETS) {
        job_run_end(run);
        waiter_add(f->ended);
    } else if (manner == LEAVES) {
        job_run_finish(run);
        waiter_add(f->ended);
    } else if (manner != STAYS) {
        change_row(run, manner);
    }
}

static void set_manner(struct fixture *f, enum manner manner)
{
    mutex_lock(&f->mutex);
    f->manner = manner;
    mutex_unlock(&f->mutex);
}

static struct job job_seen(struct fixture *f, size_t n)
{
    mutex_lock(&f->mutex);
    check(n < f->seen_count);
    struct job job = f->seen[n];
    mutex_unlock(&f->mutex);
    return job;
}

// Ends the n-th run, which stayed.
static void end_run(struct fixture *f, size_t n, enum manner manner)
{
    mutex_lock(&f->mutex);
    struct job_run *run = f->staying[n];
    f->staying[n] = NULL;
    mutex_unlock(&f->mutex);
    check(run != NULL);
    size_t count = waiter_count(f->ended);
    if (manner == FORGETS) {
        job_run_end(run);
        waiter_add(f->ended);
    } else {
        change_row(run, manner);
    }
    waiter_wait(f->ended, count + 1);
}

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));
    check(f != NULL);
    if (store_fixture_setup((void **)&f->store) != 0)
        return -1;
    test_clock_init(&f->clock, T0);
    check(pthread_mutex_init(&f->mutex, NULL) == 0);
    f->started = waiter_open();
    f->ended = waiter_open();
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    if (f->jobs != NULL)
        assert_int_equal(jobs_drain(f->jobs, 5000), 0);
    jobs_close(f->jobs);
    int code = store_fixture_teardown((void **)&f->store);
    waiter_close(f->started);
    waiter_close(f->ended);
    pthread_mutex_destroy(&f->mutex);
    free(f);
    return code;
}

// Opens the runner without starting it.
static void open_runner(struct fixture *f, size_t concurrency)
{
    const struct jobs_settings settings = {
        .db = f->store->db,
        .clock = &f->clock.clock,
        .kinds = {[JOB_ORDER] = run_kind, [JOB_POLL] = run_kind}, // none for files
        .app = f,
        .concurrency = concurrency,
        .kind_max = {[JOB_POLL] = f->poll_max},
        .company_max = f->company_max,
        .keep_jobs_us = f->keep_jobs_us,
    };
    assert_int_equal(jobs_open(&settings, &f->jobs, NULL), ERR_OK);
}

static void start(struct fixture *f, size_t concurrency)
{
    open_runner(f, concurrency);
    assert_int_equal(jobs_start(f->jobs, NULL), ERR_OK);
}

static void add_kind(struct fixture *f, enum job_kind kind, int64_t order_id, int64_t run_at_us)
{
    struct sql_op *op = store_write(f->store);
    job_store_add(op, &(struct job){.kind = kind,
                                    .order_id = order_id,
                                    .company_id = 1,
                                    .run_at = OPT_I64(run_at_us),
                                    .created_at = OPT_I64(T0)});
    store_run(f->store, op);
}

static void add(struct fixture *f, int64_t order_id, int64_t run_at_us)
{
    add_kind(f, JOB_POLL, order_id, run_at_us);
}

static int64_t count_jobs(struct fixture *f, const char *state)
{
    const char *query =
        arena_printf(f->store->arena, "SELECT count(*) FROM sunlead_jobs WHERE state = '%s'", state)
            .ptr;
    return store_i64(f->store, query);
}

// Waits until so many jobs are in a state.
static void await_jobs(struct fixture *f, const char *state, int64_t count)
{
    int64_t deadline_us = clock_monotonic_us(clock_system()) + 10 * US_PER_S;
    while (count_jobs(f, state) != count) {
        assert_true(clock_monotonic_us(clock_system()) < deadline_us);
        usleep(1000);
    }
}

static void advance(struct fixture *f, int64_t by_us)
{
    test_clock_add(&f->clock, by_us);
    jobs_wake(f->jobs);
}

static void await_none_running(struct fixture *f)
{
    int64_t deadline_us = clock_monotonic_us(clock_system()) + 10 * US_PER_S;
    while (jobs_running(f->jobs) > 0) {
        assert_true(clock_monotonic_us(clock_system()) < deadline_us);
        usleep(1000);
    }
}

// ---- Starting what is due.

static void test_due_jobs_run_once(void **state)
{
    struct fixture *f = *state;
    for (int i = 1; i <= 50; i++)
        add(f, i, T0 - i);
    add(f, 100, T0 + 1);
    start(f, 0);
    waiter_wait(f->ended, 50);
    await_none_running(f);
    bool seen[51] = {false};
    for (size_t i = 0; i < 50; i++) {
        struct job job = job_seen(f, i);
        assert_int_equal(job.attempt, 1);
        assert_false(seen[job.order_id]);
        seen[job.order_id] = true;
    }
    assert_int_equal(store_i64(f->store, "SELECT count(*) FROM sunlead_jobs"), 1);
    jobs_wake(f->jobs);
    advance(f, 1);
    waiter_wait(f->ended, 51);
    assert_int_equal(job_seen(f, 50).order_id, 100);
    assert_int_equal(waiter_count(f->started), 51);
}

static void test_woken_at_once(void **state)
{
    struct fixture *f = *state;
    start(f, 0);
    int64_t begin_us = clock_monotonic_us(clock_system());
    for (int i = 1; i <= 20; i++) {
        add(f, i, T0);
        jobs_wake(f->jobs);
        waiter_wait(f->ended, (size_t)i);
    }
    // Unwoken, the queue is looked at every 5 s.
    assert_true(clock_monotonic_us(clock_system()) - begin_us < 4 * US_PER_S);
    jobs_wake(NULL);
}

static void test_found_without_a_notice(void **state)
{
    struct fixture *f = *state;
    start(f, 0);
    add(f, 1, T0 + 20 * US_PER_MS);
    jobs_wake(f->jobs);
    // Nobody wakes it when the time has come.
    test_clock_add(&f->clock, 20 * US_PER_MS);
    waiter_wait(f->ended, 1);
}

static void test_cap(void **state)
{
    struct fixture *f = *state;
    set_manner(f, STAYS);
    for (int i = 1; i <= 10; i++)
        add(f, i, T0 - i);
    start(f, 3);
    waiter_wait(f->started, 3);
    jobs_wake(f->jobs);
    await_jobs(f, "running", 3);
    assert_int_equal(jobs_running(f->jobs), 3);
    for (size_t n = 0; n < 10; n++) {
        end_run(f, n, ENDS);
        size_t want = n + 4 < 10 ? n + 4 : 10;
        waiter_wait(f->started, want);
        assert_int_equal(waiter_count(f->started), want);
        assert_true(jobs_running(f->jobs) <= 3);
    }
    // The three that were claimed first are the oldest.
    for (size_t n = 0; n < 3; n++)
        assert_true(job_seen(f, n).order_id >= 8);
    await_none_running(f);
}

static void test_retry(void **state)
{
    struct fixture *f = *state;
    set_manner(f, RETURNS);
    add(f, 1, T0);
    start(f, 0);
    for (size_t i = 1; i <= 5; i++) {
        waiter_wait(f->ended, i);
        await_jobs(f, "ready", 1);
        struct job job = job_seen(f, i - 1);
        assert_int_equal(job.attempt, i);
        jobs_wake(f->jobs);
        advance(f, 60 * US_PER_S - 1);
        assert_int_equal(waiter_count(f->started), i);
        advance(f, 1);
    }
    waiter_wait(f->ended, 6);
    set_manner(f, ENDS);
    advance(f, 60 * US_PER_S);
    waiter_wait(f->ended, 7);
    assert_int_equal(store_i64(f->store, "SELECT count(*) FROM sunlead_jobs"), 0);
}

// ---- Leases.

// Waits until the one job's lease was extended at the time that it is.
static void await_lease(struct fixture *f)
{
    int64_t want_us = test_clock_now(&f->clock) + JOB_LEASE_US;
    int64_t deadline_us = clock_monotonic_us(clock_system()) + 10 * US_PER_S;
    while (store_i64(f->store, "SELECT lease_until FROM sunlead_jobs") != want_us) {
        assert_true(clock_monotonic_us(clock_system()) < deadline_us);
        usleep(1000);
    }
}

static void test_heartbeat(void **state)
{
    struct fixture *f = *state;
    set_manner(f, STAYS);
    add(f, 1, T0);
    start(f, 0);
    waiter_wait(f->started, 1);
    for (int i = 1; i <= 9; i++) {
        advance(f, 10 * US_PER_S);
        await_lease(f);
    }
    assert_int_equal(waiter_count(f->started), 1);
    end_run(f, 0, ENDS);
}

static void test_heartbeat_after_an_outage(void **state)
{
    // However late the heartbeat comes, a runner does not take away its own.
    struct fixture *f = *state;
    set_manner(f, STAYS);
    add(f, 1, T0);
    start(f, 0);
    waiter_wait(f->started, 1);
    advance(f, 10 * JOB_LEASE_US);
    await_lease(f);
    end_run(f, 0, ENDS);
    assert_int_equal(waiter_count(f->started), 1);
}

// A kind with a bound of its own leaves room for the others, even when it was there first.
static void test_bound_of_a_kind(void **state)
{
    struct fixture *f = *state;
    set_manner(f, STAYS);
    f->poll_max = 2;
    for (int64_t order_id = 1; order_id <= 5; order_id++)
        add(f, order_id, T0);
    add_kind(f, JOB_ORDER, 6, T0 + 1);
    test_clock_add(&f->clock, 10);
    start(f, 4);
    waiter_wait(f->started, 3);
    usleep(20000);
    assert_int_equal(waiter_count(f->started), 3);
    int64_t orders = 0;
    for (size_t i = 0; i < 3; i++)
        orders += job_seen(f, i).kind == JOB_ORDER ? 1 : 0;
    assert_int_equal(orders, 1);
    for (size_t i = 0; i < 3; i++)
        end_run(f, i, ENDS);
    waiter_wait(f->started, 5);
    end_run(f, 3, ENDS);
    end_run(f, 4, ENDS);
    waiter_wait(f->started, 6);
    end_run(f, 5, ENDS);
}

static void test_clock_set_back(void **state)
{
    struct fixture *f = *state;
    set_manner(f, STAYS);
    add(f, 1, T0);
    start(f, 0);
    waiter_wait(f->started, 1);
    advance(f, -3600 * US_PER_S);
    await_lease(f);
    advance(f, 10 * US_PER_S);
    await_lease(f);
    end_run(f, 0, ENDS);
}

// Moves the clock on in steps of the upkeep until so many runs were started.
static void advance_until_started(struct fixture *f, size_t count, int steps)
{
    for (int i = 0; i < steps && waiter_count(f->started) < count; i++) {
        advance(f, 10 * US_PER_S);
        usleep(20000);
    }
    assert_true(waiter_count(f->started) >= count);
}

static void test_a_run_that_ends_without_a_word(void **state)
{
    struct fixture *f = *state;
    set_manner(f, FORGETS);
    add(f, 1, T0);
    start(f, 0);
    waiter_wait(f->ended, 1);
    set_manner(f, STAYS);
    add(f, 2, T0); // beside it another one runs on
    jobs_wake(f->jobs);
    waiter_wait(f->started, 2);
    advance_until_started(f, 3, 10);
    struct job job = job_seen(f, 2);
    assert_int_equal(job.order_id, 1);
    assert_int_equal(job.attempt, 2);
    assert_true(test_clock_now(&f->clock) > T0 + JOB_LEASE_US);
    end_run(f, 1, ENDS);
    end_run(f, 2, ENDS);
    assert_int_equal(waiter_count(f->started), 3);
}

static void test_lost_lease(void **state)
{
    struct fixture *f = *state;
    set_manner(f, STAYS);
    add(f, 1, T0);
    start(f, 0);
    waiter_wait(f->started, 1);
    store_exec(f->store, "UPDATE sunlead_jobs SET worker = 5, attempt = attempt + 1");
    int64_t lease_us = store_i64(f->store, "SELECT lease_until FROM sunlead_jobs");
    advance(f, 10 * US_PER_S);
    end_run(f, 0, ENDS); // of no effect
    await_none_running(f);
    assert_int_equal(count_jobs(f, "running"), 1);
    assert_int_equal(store_i64(f->store, "SELECT lease_until FROM sunlead_jobs"), lease_us);
    // The other one is not heard of again: rescued here.
    advance_until_started(f, 2, 10);
    assert_int_equal(job_seen(f, 1).attempt, 3);
    end_run(f, 1, ENDS);
    assert_int_equal(store_i64(f->store, "SELECT count(*) FROM sunlead_jobs"), 0);
}

static void test_take_over_at_start(void **state)
{
    // What a killed process left running is run at once, not when its lease ends.
    struct fixture *f = *state;
    if ((sql_capabilities(f->store->db) & SQL_CAP_SOLE_OWNER) == 0)
        skip();
    add(f, 1, T0 - 1);
    add(f, 2, T0 - 1);
    store_exec(f->store, "UPDATE sunlead_jobs SET state = 'running', attempt = 1, worker = 5, "
                         "lease_until = 9000000000000000");
    start(f, 0);
    waiter_wait(f->ended, 2);
    assert_int_equal(job_seen(f, 0).attempt, 2);
    await_none_running(f);
    assert_int_equal(store_i64(f->store, "SELECT count(*) FROM sunlead_jobs"), 0);
}

static void test_kind_of_a_newer_program(void **state)
{
    // A kind that this runner does not know, and a name that this program does not.
    struct fixture *f = *state;
    add(f, 1, T0 - 2);
    add(f, 2, T0 - 1);
    add(f, 3, T0);
    store_exec(f->store, "UPDATE sunlead_jobs SET kind = 'files' WHERE order_id = 1");
    store_exec(f->store, "UPDATE sunlead_jobs SET kind = 'teleport' WHERE order_id = 2");
    start(f, 0);
    waiter_wait(f->ended, 1);
    assert_int_equal(job_seen(f, 0).order_id, 3);
    await_none_running(f);
    assert_int_equal(store_i64(f->store, "SELECT count(*) FROM sunlead_jobs"), 2);
}

static void test_never_started(void **state)
{
    struct fixture *f = *state;
    add(f, 1, T0);
    open_runner(f, 0);
    jobs_wake(f->jobs);
    assert_int_equal(jobs_running(f->jobs), 0);
    assert_int_equal(jobs_drain(f->jobs, 5000), 0);
    assert_int_equal(count_jobs(f, "ready"), 1);
}

static void test_leases_of_a_killed_worker(void **state)
{
    // Claimed by one that is not heard of again, after this runner began: within 30 s all of them
    // run here, and each once.
    struct fixture *f = *state;
    start(f, 0);
    for (int i = 1; i <= 200; i++)
        add(f, i, T0 + US_PER_S);
    struct row_list list = {.arena = f->store->arena,
                            .table = &job_table,
                            .objects = arena_new(f->store->arena, struct job, 200),
                            .max = 200};
    const struct job_claim claim = {5, T0 + US_PER_S, T0 + JOB_LEASE_US, 0};
    struct sql_op *op = store_write(f->store);
    job_store_claim(op, &claim, JOB_POLL, 200, &list);
    store_run(f->store, op);
    assert_int_equal(list.count, 200);
    set_manner(f, LEAVES);
    while (waiter_count(f->ended) < 200 && test_clock_now(&f->clock) < T0 + 30 * US_PER_S) {
        advance(f, 5 * US_PER_S);
        usleep(50000);
    }
    waiter_wait(f->ended, 200);
    await_none_running(f);
    bool seen[201] = {false};
    for (size_t i = 0; i < 200; i++) {
        struct job job = job_seen(f, i);
        assert_int_equal(job.attempt, 2);
        assert_int_equal(job.failures, 1);
        assert_false(seen[job.order_id]);
        seen[job.order_id] = true;
    }
    assert_int_equal(waiter_count(f->started), 200);
    assert_int_equal(store_i64(f->store, "SELECT count(*) FROM sunlead_jobs"), 0);
}

static void test_two_runners_share(void **state)
{
    struct fixture *f = *state;
    set_manner(f, LEAVES);
    for (int i = 1; i <= 300; i++)
        add(f, i, T0);
    // The second one claims beside the first as another process would.
    struct jobs *first;
    open_runner(f, 8);
    first = f->jobs;
    open_runner(f, 8);
    if ((sql_capabilities(f->store->db) & SQL_CAP_SOLE_OWNER) == 0)
        assert_int_equal(jobs_start(first, NULL), ERR_OK);
    assert_int_equal(jobs_start(f->jobs, NULL), ERR_OK);
    waiter_wait(f->ended, 300);
    assert_int_equal(jobs_drain(first, 5000), 0);
    jobs_close(first);
    await_none_running(f);
    bool seen[301] = {false};
    for (size_t i = 0; i < 300; i++) {
        struct job job = job_seen(f, i);
        assert_int_equal(job.attempt, 1);
        assert_false(seen[job.order_id]);
        seen[job.order_id] = true;
    }
    assert_int_equal(waiter_count(f->started), 300);
    assert_int_equal(store_i64(f->store, "SELECT count(*) FROM sunlead_jobs"), 0);
}

// ---- What people do.

static void set_paused(struct fixture *f, bool paused)
{
    struct sql_op *op = store_write(f->store);
    if (paused)
        job_store_pause(op, JOB_POLL, STR_NULL, T0);
    else
        job_store_resume(op, JOB_POLL);
    store_run(f->store, op);
    jobs_wake(f->jobs);
}

static void test_pause(void **state)
{
    struct fixture *f = *state;
    start(f, 0);
    set_paused(f, true);
    for (int i = 1; i <= 5; i++)
        add(f, i, T0);
    add_kind(f, JOB_ORDER, 6, T0);
    jobs_wake(f->jobs);
    waiter_wait(f->ended, 1); // the other kind goes on
    assert_int_equal(job_seen(f, 0).kind, JOB_ORDER);
    jobs_wake(f->jobs);
    usleep(20000);
    assert_int_equal(waiter_count(f->started), 1);
    set_paused(f, false);
    waiter_wait(f->ended, 6);
}

static void test_cap_of_a_company(void **state)
{
    struct fixture *f = *state;
    set_manner(f, STAYS);
    f->company_max = 2;
    for (int i = 1; i <= 6; i++)
        add_kind(f, JOB_ORDER, i, T0 - i);
    start(f, 0);
    waiter_wait(f->started, 2);
    usleep(20000);
    for (size_t n = 0; n < 6; n++) {
        assert_int_equal(waiter_count(f->started), n + 2 < 6 ? n + 2 : 6);
        end_run(f, n, ENDS);
        waiter_wait(f->started, n + 3 < 6 ? n + 3 : 6); // at once, without a notice
    }
}

// Starts the runner and waits until it looks at the clock, by a job that is due.
static void start_looking(struct fixture *f)
{
    add(f, 99, T0);
    start(f, 0);
    waiter_wait(f->started, 1);
}

static void test_old_ones_go(void **state)
{
    struct fixture *f = *state;
    f->keep_jobs_us = 3600 * US_PER_S;
    for (int i = 1; i <= 4; i++)
        add(f, i, T0 + 365 * 86400 * US_PER_S);
    store_exec(f->store, "UPDATE sunlead_jobs SET state = 'dead' WHERE order_id < 3");
    store_exec(f->store, "UPDATE sunlead_jobs SET state = 'cancelled' WHERE order_id = 3");
    start_looking(f);
    advance(f, 3600 * US_PER_S);
    usleep(20000);
    assert_int_equal(count_jobs(f, "dead"), 2);
    advance(f, 10 * US_PER_S);
    await_jobs(f, "dead", 0);
    await_jobs(f, "cancelled", 0);
    assert_int_equal(count_jobs(f, "ready"), 1);
}

static void await_requests(struct fixture *f, int64_t count)
{
    int64_t deadline_us = clock_monotonic_us(clock_system()) + 10 * US_PER_S;
    while (store_i64(f->store, "SELECT count(*) FROM sunlead_requests") != count) {
        assert_true(clock_monotonic_us(clock_system()) < deadline_us);
        usleep(1000);
    }
}

// Requests under a key go after a day, in portions, which follow each other soon.
static void test_old_requests_go(void **state)
{
    struct fixture *f = *state;
    add(f, 1, T0 + 365 * 86400 * US_PER_S);
    store_exec(f->store,
               "INSERT INTO sunlead_requests (id, fingerprint, op_id, created_at) "
               "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1200) "
               "SELECT 'key ' || i, 'f', i, created_at FROM n, sunlead_jobs");
    start_looking(f);
    advance(f, 23 * 3600 * US_PER_S);
    usleep(20000);
    await_requests(f, 1200);
    advance(f, 3600 * US_PER_S);
    await_requests(f, 700);
    advance(f, US_PER_S / 2);
    await_requests(f, 200);
    advance(f, US_PER_S / 2);
    await_requests(f, 0);
}

// An order whose job is gone gets another one.
static void test_a_lost_job(void **state)
{
    struct fixture *f = *state;
    store_add_order(f->store, store_add_lead(f->store, 1), T0);
    store_exec(f->store, "DELETE FROM sunlead_jobs");
    start_looking(f);
    advance(f, 50 * US_PER_S);
    usleep(20000);
    assert_int_equal(waiter_count(f->started), 1); // somebody may be about to bring it on
    advance(f, 60 * US_PER_S);
    waiter_wait(f->started, 2);
}

// ---- Draining.

static void test_drain_with_nothing_running(void **state)
{
    struct fixture *f = *state;
    start(f, 0);
    assert_int_equal(jobs_drain(f->jobs, 5000), 0);
    add(f, 1, T0);
    jobs_wake(f->jobs);
    assert_int_equal(jobs_drain(f->jobs, 50), 0);
    assert_int_equal(count_jobs(f, "ready"), 1); // claimed no more
    assert_int_equal(waiter_count(f->started), 0);
}

static void *drain_slowly(void *ctx)
{
    struct fixture *f = ctx;
    size_t left = jobs_drain(f->jobs, 10000);
    return left == 0 ? NULL : ctx;
}

static void test_drain_waits(void **state)
{
    struct fixture *f = *state;
    set_manner(f, STAYS);
    add(f, 1, T0);
    start(f, 0);
    waiter_wait(f->started, 1);
    pthread_t thread;
    assert_int_equal(thread_start(&thread, "drain", drain_slowly, f, NULL), ERR_OK);
    end_run(f, 0, ENDS);
    void *left = NULL;
    pthread_join(thread, &left);
    assert_null(left);
    assert_int_equal(store_i64(f->store, "SELECT count(*) FROM sunlead_jobs"), 0);
}

static void test_drain_hands_back(void **state)
{
    struct fixture *f = *state;
    set_manner(f, STAYS);
    add(f, 1, T0);
    add(f, 2, T0);
    start(f, 0);
    waiter_wait(f->started, 2);
    assert_int_equal(jobs_drain(f->jobs, 20), 2);
    assert_int_equal(count_jobs(f, "ready"), 2);
    assert_int_equal(store_i64(f->store, "SELECT count(*) FROM sunlead_jobs WHERE worker IS NULL"),
                     2);
    // What ends late changes nothing any more.
    end_run(f, 0, ENDS);
    end_run(f, 1, RETURNS);
    assert_int_equal(count_jobs(f, "ready"), 2);
    assert_int_equal(store_i64(f->store, "SELECT max(run_at) FROM sunlead_jobs"), T0);
}

static void test_drain_amid_claims(void **state)
{
    // Drained at any moment: what was claimed was run, the rest waits.
    struct fixture *f = *state;
    for (int round = 0; round < 10; round++) {
        for (int i = 1; i <= 5; i++)
            add(f, round * 10 + i, T0);
        start(f, 2);
        usleep((useconds_t)round * 300);
        assert_int_equal(jobs_drain(f->jobs, 5000), 0);
        assert_int_equal(count_jobs(f, "running"), 0);
        jobs_close(f->jobs);
        f->jobs = NULL;
        int64_t done = 5 * (round + 1) - count_jobs(f, "ready");
        assert_int_equal(waiter_count(f->started), done);
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_due_jobs_run_once),
        TEST(test_woken_at_once),
        TEST(test_found_without_a_notice),
        TEST(test_cap),
        TEST(test_retry),
        TEST(test_heartbeat),
        TEST(test_heartbeat_after_an_outage),
        TEST(test_bound_of_a_kind),
        TEST(test_clock_set_back),
        TEST(test_a_run_that_ends_without_a_word),
        TEST(test_lost_lease),
        TEST(test_take_over_at_start),
        TEST(test_kind_of_a_newer_program),
        TEST(test_never_started),
        TEST(test_leases_of_a_killed_worker),
        TEST(test_two_runners_share),
        TEST(test_pause),
        TEST(test_cap_of_a_company),
        TEST(test_old_ones_go),
        TEST(test_old_requests_go),
        TEST(test_a_lost_job),
        TEST(test_drain_with_nothing_running),
        TEST(test_drain_waits),
        TEST(test_drain_hands_back),
        TEST(test_drain_amid_claims),
    };
    jobs_close(NULL);
    return store_fixture_run_suite("jobs", tests, COUNT_OF(tests));
}
