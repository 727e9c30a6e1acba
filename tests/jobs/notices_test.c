// Tests of jobs/notices.h: who is woken in this process and in another one on the database.
#include "support/store_fixture.h"

#include <stdatomic.h>

#include "jobs/notices.h"
#include "support/test_clock.h"
#include "support/waiter.h"

// A process: a database opened by it, with its waiters and its runner.
struct process {
    struct sql *db;
    struct watch *watch;
    struct jobs *jobs;
    struct notices notices;
    struct waiter *runs; // jobs that were started
};

struct fixture {
    struct store_fixture *store;
    struct test_clock clock; // stands still: a runner looks for jobs only when it is woken
    struct process here;
    struct process there; // where others can use the database
};

static void run_job(struct job_run *run)
{
    struct process *process = run->app;
    job_run_end(run);
    waiter_add(process->runs);
}

static void open_process(struct fixture *f, struct process *process, struct sql *db)
{
    const struct jobs_settings settings = {
        .db = db, .clock = &f->clock.clock, .kinds = {[JOB_POLL] = run_job}, .app = process};
    process->db = db;
    process->runs = waiter_open();
    assert_int_equal(watch_open(&process->watch, NULL), ERR_OK);
    assert_int_equal(jobs_open(&settings, &process->jobs, NULL), ERR_OK);
    process->notices = (struct notices){.db = db, .watch = process->watch, .jobs = process->jobs};
}

static void close_process(struct process *process)
{
    notices_close(&process->notices);
    assert_int_equal(jobs_drain(process->jobs, 5000), 0);
    jobs_close(process->jobs);
    watch_close(process->watch);
    waiter_close(process->runs);
}

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));
    check(f != NULL);
    *state = f;
    if (store_fixture_setup((void **)&f->store) != 0)
        return -1;
    test_clock_init(&f->clock, STORE_T0_US);
    open_process(f, &f->here, f->store->db);
    if (f->store->url == NULL)
        return 0;
    struct sql *db;
    assert_int_equal(sql_open(f->store->url, false, &db, NULL), ERR_OK);
    open_process(f, &f->there, db);
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    if (f->there.db != NULL) {
        close_process(&f->there);
        sql_close(f->there.db);
    }
    close_process(&f->here);
    int code = store_fixture_teardown((void **)&f->store);
    free(f);
    return code;
}

// ---- Waiting.

struct sleeper {
    struct watcher watcher;
    struct waiter *woken;
};

static void on_woken(struct watcher *watcher)
{
    waiter_add(CONTAINER_OF(watcher, struct sleeper, watcher)->woken);
}

// Waits for an order without ever looking by itself.
static void sleep_on(struct process *process, struct sleeper *sleeper, int64_t order_id)
{
    sleeper->watcher =
        (struct watcher){.order_id = order_id, .wake_at_us = INT64_MAX, .woken = on_woken};
    sleeper->woken = waiter_open();
    watch_add(process->watch, &sleeper->watcher);
}

static void stop_sleeping(struct process *process, struct sleeper *sleeper)
{
    (void)watch_remove(process->watch, &sleeper->watcher);
    waiter_close(sleeper->woken);
}

// Begins to listen and waits until it hears.
static void listen_there(struct fixture *f)
{
    struct sleeper sleeper;
    sleep_on(&f->there, &sleeper, 1);
    notices_listen(&f->there.notices);
    waiter_wait(sleeper.woken, 1);
    stop_sleeping(&f->there, &sleeper);
}

// What is for others only is skipped where there are none.
static bool is_alone(const struct fixture *f)
{
    bool alone = (sql_capabilities(f->here.db) & SQL_CAP_SOLE_OWNER) != 0;
    assert_int_equal(alone, f->there.db == NULL);
    return alone;
}

static void add_job(struct fixture *f, int64_t order_id)
{
    struct sql_op *op = store_write(f->store);
    job_store_add(op, &(struct job){.kind = JOB_POLL,
                                    .order_id = order_id,
                                    .company_id = 1,
                                    .run_at = OPT_I64(STORE_T0_US),
                                    .created_at = OPT_I64(STORE_T0_US)});
    store_run(f->store, op);
}

// ---- Tests.

static void test_here(void **state)
{
    struct fixture *f = *state;
    struct sleeper seven, eight;
    notices_listen(&f->here.notices);
    sleep_on(&f->here, &eight, 8);
    sleep_on(&f->here, &seven, 7);
    notices_order_changed(&f->here.notices, 7);
    assert_int_equal(waiter_count(seven.woken), 1);
    stop_sleeping(&f->here, &seven);
    stop_sleeping(&f->here, &eight);

    assert_int_equal(jobs_start(f->here.jobs, NULL), ERR_OK);
    add_job(f, 1);
    notices_job_added(&f->here.notices);
    waiter_wait(f->here.runs, 1);
}

static void test_an_order_there(void **state)
{
    struct fixture *f = *state;
    struct sleeper seven, eight, last;
    if (is_alone(f))
        return;
    listen_there(f);
    sleep_on(&f->there, &seven, 7);
    sleep_on(&f->there, &eight, 8);
    sleep_on(&f->there, &last, INT64_MAX);
    notices_order_changed(&f->here.notices, 7);
    waiter_wait(seven.woken, 1);
    notices_order_changed(&f->here.notices, INT64_MAX);
    waiter_wait(last.woken, 1);
    assert_int_equal(waiter_count(eight.woken), 0);
    stop_sleeping(&f->there, &seven);
    stop_sleeping(&f->there, &eight);
    stop_sleeping(&f->there, &last);
}

static void test_a_job_there(void **state)
{
    struct fixture *f = *state;
    if (is_alone(f))
        return;
    listen_there(f);
    assert_int_equal(jobs_start(f->there.jobs, NULL), ERR_OK);
    for (size_t i = 1; i <= 5; i++) {
        add_job(f, (int64_t)i);
        notices_job_added(&f->here.notices);
        waiter_wait(f->there.runs, i);
    }
}

// Both runners are woken; each job is run by one of them.
static void test_jobs_run_once(void **state)
{
    enum { JOBS = 100 };
    struct fixture *f = *state;
    if (is_alone(f))
        return;
    listen_there(f);
    assert_int_equal(jobs_start(f->there.jobs, NULL), ERR_OK);
    assert_int_equal(jobs_start(f->here.jobs, NULL), ERR_OK);
    for (int i = 1; i <= JOBS; i++) {
        add_job(f, i);
        notices_job_added(&f->here.notices);
    }
    int64_t deadline_us = clock_monotonic_us(clock_system()) + 10 * US_PER_S;
    while (store_i64(f->store, "SELECT count(*) FROM sunlead_jobs WHERE state = 'ready'") > 0)
        assert_true(clock_monotonic_us(clock_system()) < deadline_us);
    assert_int_equal(jobs_drain(f->here.jobs, 5000), 0);
    assert_int_equal(jobs_drain(f->there.jobs, 5000), 0);
    assert_int_equal(waiter_count(f->here.runs) + waiter_count(f->there.runs), JOBS);
    assert_int_equal(store_i64(f->store, "SELECT max(attempt) FROM sunlead_jobs"), 1);
}

static void test_missed_notices(void **state)
{
    struct fixture *f = *state;
    struct sleeper seven, eight;
    if (is_alone(f))
        return;
    listen_there(f);
    assert_int_equal(jobs_start(f->there.jobs, NULL), ERR_OK);
    sleep_on(&f->there, &seven, 7);
    sleep_on(&f->there, &eight, 8);
    add_job(f, 1);
    sql_broadcast(f->here.db, STR_NULL);
    waiter_wait(seven.woken, 1);
    waiter_wait(eight.woken, 1);
    waiter_wait(f->there.runs, 1);
    stop_sleeping(&f->there, &seven);
    stop_sleeping(&f->there, &eight);
}

static void test_what_is_not_understood(void **state)
{
    static const char *const texts[] = {
        "order",    "order ",
        "order 0",  "order -7",
        "order 7x", "order  7",
        "order 7 ", "order +7",
        "orders 7", "Order 7",
        "7",        "job",
        "jobs ",    "order 9223372036854775808",
    };
    struct fixture *f = *state;
    struct sleeper seven, eight;
    if (is_alone(f))
        return;
    listen_there(f);
    sleep_on(&f->there, &seven, 7);
    sleep_on(&f->there, &eight, 8);
    for (size_t i = 0; i < COUNT_OF(texts); i++)
        sql_broadcast(f->here.db, str_of(texts[i]));
    sql_broadcast(f->here.db, STR("order 8"));
    waiter_wait(eight.woken, 1);
    assert_int_equal(waiter_count(seven.woken), 0);
    stop_sleeping(&f->there, &seven);
    stop_sleeping(&f->there, &eight);
}

struct heard {
    struct waiter *waiter;
    atomic_int orders;
};

static void on_notice(void *ctx, struct str text)
{
    struct heard *heard = ctx;
    if (str_equal(text, STR("order 7")))
        atomic_fetch_add(&heard->orders, 1);
    if (text.ptr == NULL || str_equal(text, STR("order 8")))
        waiter_add(heard->waiter);
}

// What was heard is not told again: a third process hears it once.
static void test_no_echo(void **state)
{
    struct fixture *f = *state;
    if (is_alone(f))
        return;
    struct heard heard = {.waiter = waiter_open()};
    struct sql *third;
    struct sleeper seven;
    listen_there(f);
    assert_int_equal(sql_open(f->store->url, false, &third, NULL), ERR_OK);
    sql_listen(third, on_notice, &heard);
    waiter_wait(heard.waiter, 1);
    sleep_on(&f->there, &seven, 7);
    notices_order_changed(&f->here.notices, 7);
    waiter_wait(seven.woken, 1);
    notices_order_changed(&f->there.notices, 8);
    waiter_wait(heard.waiter, 2);
    assert_int_equal(atomic_load(&heard.orders), 1);
    stop_sleeping(&f->there, &seven);
    sql_close(third);
    waiter_close(heard.waiter);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_here),          TEST(test_an_order_there), TEST(test_a_job_there),
        TEST(test_jobs_run_once), TEST(test_missed_notices), TEST(test_what_is_not_understood),
        TEST(test_no_echo),
    };
    return store_fixture_run_suite("notices", tests, COUNT_OF(tests));
}
