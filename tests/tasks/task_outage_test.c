// Tests of what becomes of a paid project when the database cannot be written as its answer comes.
#include "support/task_fixture.h"

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#define S US_PER_S

static const char created_body[] = "{\"id\":123,\"lead_id\":456}";

// Faults of the disk: SQLite's library finds this function before the system's.
static atomic_int failing_syncs;

int fdatasync(int fd)
{
    if (atomic_load(&failing_syncs) <= 0)
        return fsync(fd);
    atomic_fetch_sub(&failing_syncs, 1);
    errno = EIO;
    return -1;
}

static void make_read_only(struct task_fixture *f)
{
    store_exec(f->store, "PRAGMA query_only=ON"); // until the engine opens the file anew
}

static void fail_syncs(struct task_fixture *f)
{
    (void)f;
    atomic_store(&failing_syncs, 3);
}

static void await_created(struct task_fixture *f)
{
    int64_t deadline_us = clock_monotonic_us(clock_system()) + 20 * S;
    while (task_job_due_us(f, JOB_POLL) < 0) {
        assert_true(clock_monotonic_us(clock_system()) < deadline_us);
        usleep(5000);
    }
}

// The database goes away while LightFusion makes the project, and comes back later.
static void run_outage(void (*outage)(struct task_fixture *f))
{
    const struct fake_route route = {TASK_CREATE,
                                     {{.status = 201, .body = created_body, .delay_ms = 150}}};
    struct task_fixture *f = task_fixture_open(&route, 1, NULL);
    task_fixture_start(f);
    fake_server_wait(f->server, TASK_CREATE, 1);
    outage(f);
    await_created(f);
    task_fixture_settle(f);
    struct order order = task_order(f);
    assert_int_equal(order.state, ORDER_CREATED);
    assert_int_equal(order.project_id.value, 123);
    assert_int_equal(order.house_id.value, 456);
    assert_int_equal(order.attempts, 1);
    assert_int_equal(task_lead(f).lightfusion_3d_project_id.value, 123);
    assert_int_equal(task_events(f, "order.created"), 1);
    assert_int_equal(fake_server_count(f->server, TASK_CREATE), 1);
    assert_int_equal(store_i64(f->store, "SELECT count(*) FROM sunlead_jobs"), 1);
    task_fixture_close(f);
}

static void test_unwritable(void **state)
{
    (void)state;
    run_outage(make_read_only);
}

// Whether a commit is on disk is not known: it is looked up, and made again if need be.
static void test_unknown_outcome(void **state)
{
    (void)state;
    run_outage(fail_syncs);
    assert_true(atomic_load(&failing_syncs) < 3);
    atomic_store(&failing_syncs, 0);
}

// The same before the request: nothing is sent while the fence cannot be stored.
static void test_unwritable_before_the_fence(void **state)
{
    (void)state;
    const struct fake_route route = {TASK_CREATE, {{.status = 201, .body = created_body}}};
    struct task_fixture *f = task_fixture_open(&route, 1, NULL);
    store_exec(f->store, "CREATE TRIGGER no_fence BEFORE UPDATE ON sunlead_orders "
                         "WHEN new.state = 'sending' BEGIN SELECT raise(ABORT, 'no'); END");
    task_fixture_start(f);
    int64_t deadline_us = clock_monotonic_us(clock_system()) + 10 * S;
    while (store_i64(f->store, "SELECT count(*) FROM sunlead_jobs WHERE attempt = 1") == 0 ||
           jobs_running(f->jobs) > 0) {
        assert_true(clock_monotonic_us(clock_system()) < deadline_us);
        usleep(1000);
    }
    assert_int_equal(task_order(f).state, ORDER_REQUESTED);
    assert_int_equal(fake_server_count(f->server, ""), 0);
    // The job's lease ends, and the next run goes through.
    store_exec(f->store, "DROP TRIGGER no_fence");
    for (int i = 0; i < 4; i++) {
        test_clock_add(&f->clock, 10 * S);
        jobs_wake(f->jobs);
        usleep(20000);
    }
    await_created(f);
    assert_int_equal(fake_server_count(f->server, TASK_CREATE), 1);
    task_fixture_close(f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_unwritable),
        cmocka_unit_test(test_unknown_outcome),
        cmocka_unit_test(test_unwritable_before_the_fence),
    };
    return cmocka_run_group_tests_name("task_outage", tests, NULL, NULL);
}
