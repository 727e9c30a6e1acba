// Owns the surroundings of the kinds of jobs in tests.
#include "support/task_fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <ftw.h>

#include "base/log.h"
#include "base/thread.h"
#include "tasks/project_json.h"

#define SETTLE_US (20 * US_PER_S)

static const struct fake_route login_route = {
    TASK_LOGIN, {{.body = "{\"token\":\"secret-token\",\"company\":{\"id\":7}}"}}};

static void add_order(struct task_fixture *f)
{
    struct project_request request = {.latitude = OPT_F64(37.7749),
                                      .longitude = OPT_F64(-122.4194)};
    const struct project_defaults defaults = {
        .hardware = {.panel_id = OPT_I64(1), .inverter_id = OPT_I64(1)},
        .lse_id = 734,
        .kwh_usage = 10800,
    };
    struct lead lead = store_new_lead(1);
    f->lead_id = store_add_lead(f->store, 1);
    project_complete(&request, &lead, &defaults);
    struct order order = store_new_order(f->lead_id, STORE_T0_US);
    order.request = project_request_text(&request, f->store->arena);
    struct sql_op *op = store_write(f->store);
    order_store_insert(op, &order, false);
    store_run(f->store, op);
    f->order_id = store_get_order_of_op(f->store, order.op_id).id;
    assert_true(f->order_id > 0);
}

static void open_upstream(struct task_fixture *f, const char *api)
{
    struct lightfusion_settings settings = {
        .api = api,
        .storage = fake_server_url(f->server),
        .api_key = "secret-key",
        .breaker_failures = 1000,
    };
    if (api == NULL) {
        settings.api = fake_server_url(f->server);
        settings.email = "a@b.c";
        settings.password = "secret-password";
    }
    assert_int_equal(http_client_open("sunlead-test", 16, 16, &f->http, NULL), ERR_OK);
    assert_int_equal(lightfusion_open(&settings, f->http, &f->lf, NULL), ERR_OK);
}

static int64_t read_tasks_now(const struct clock *clock)
{
    struct task_fixture *f = CONTAINER_OF(clock, struct task_fixture, tasks_clock);
    void (*on_read)(struct task_fixture *) = atomic_load(&f->on_read);
    if (on_read != NULL)
        on_read(f);
    return test_clock_now(&f->clock);
}

struct task_fixture *task_fixture_open(const struct fake_route *routes, size_t count,
                                       const char *api)
{
    struct fake_route all[16];
    struct task_fixture *f = calloc(1, sizeof(*f));
    check(f != NULL && count < COUNT_OF(all));
    if (count > 0)
        memcpy(all, routes, count * sizeof(*routes));
    all[count] = login_route;
    assert_int_equal(store_fixture_setup((void **)&f->store), 0);
    test_clock_init(&f->clock, STORE_T0_US);
    f->tasks_clock =
        (struct clock){.now_us = read_tasks_now, .monotonic_us = f->clock.clock.monotonic_us};
    f->server = fake_server_open(all, count + 1);
    open_upstream(f, api);
    snprintf(f->files_dir, sizeof(f->files_dir), "/tmp/sunlead-task-test-XXXXXX");
    assert_non_null(mkdtemp(f->files_dir));
    assert_int_equal(pool_open(&f->pool, "test", 2, 100, NULL), ERR_OK);
    file_announcer_init(&f->announcer, f->store->db, &f->clock.clock);
    const struct files_settings files = {.dir = f->files_dir,
                                         .http = f->http,
                                         .pool = f->pool,
                                         .announcer = &f->announcer.announcer};
    assert_int_equal(files_open(&files, &f->files, NULL), ERR_OK);
    assert_int_equal(watch_open(&f->watch, NULL), ERR_OK);
    f->notices = (struct notices){.db = f->store->db, .watch = f->watch};
    f->tasks = (struct tasks){
        .db = f->store->db,
        .clock = &f->tasks_clock,
        .lf = f->lf,
        .http = f->http,
        .files = f->files,
        .notices = &f->notices,
        .poll_notes = poll_notes_open(f->store->db, &f->clock.clock),
    };
    add_order(f);
    return f;
}

// Models are made where a test says how.
static void make_no_models(struct job_run *run)
{
    job_run_finish(run);
}

void task_fixture_start(struct task_fixture *f)
{
    const struct jobs_settings settings = {
        .db = f->store->db,
        .clock = &f->clock.clock,
        .kinds = {[JOB_ORDER] = task_order_run,
                  [JOB_POLL] = task_poll_run,
                  [JOB_FILES] = task_files_run,
                  [JOB_CONVERT] = f->tasks.convert == NULL ? make_no_models : task_convert_run},
        .app = &f->tasks,
    };
    assert_int_equal(jobs_open(&settings, &f->jobs, NULL), ERR_OK);
    assert_int_equal(jobs_start(f->jobs, NULL), ERR_OK);
}

void task_fixture_stop(struct task_fixture *f)
{
    if (f->jobs != NULL)
        assert_int_equal(jobs_drain(f->jobs, 10000), 0);
    jobs_close(TAKE_PTR(f->jobs));
}

static int remove_entry(const char *path, const struct stat *stat, int kind, struct FTW *ftw)
{
    (void)stat;
    (void)kind;
    (void)ftw;
    return remove(path);
}

void task_fixture_close(struct task_fixture *f)
{
    task_fixture_stop(f);
    http_client_close(f->http);
    pool_close(f->pool);
    watch_close(f->watch);
    files_close(f->files);
    lightfusion_close(f->lf);
    fake_server_close(f->server);
    assert_int_equal(nftw(f->files_dir, remove_entry, 8, FTW_DEPTH | FTW_PHYS), 0);
    assert_int_equal(store_fixture_teardown((void **)&f->store), 0);
    poll_notes_close(f->tasks.poll_notes);
    free(f);
}

static struct job_summary summary_of(struct task_fixture *f)
{
    struct arena *arena = arena_open(0);
    struct job_summary summary = {0};
    struct sql_op *op = sql_op_new(arena, "summary", SQL_LANE_SHORT);
    job_store_summary(op, &summary);
    assert_int_equal(sql_run(f->store->db, op), ERR_OK);
    arena_close(arena);
    return summary;
}

static bool is_settled(struct task_fixture *f)
{
    if (jobs_running(f->jobs) > 0)
        return false;
    struct job_summary summary = summary_of(f);
    bool due = summary.next_run_at.set && summary.next_run_at.value <= test_clock_now(&f->clock);
    // The summary's two statements may see a job before and after it was claimed.
    bool moved = (summary.ready > 0) != summary.next_run_at.set;
    return summary.running == 0 && !due && !moved && jobs_running(f->jobs) == 0;
}

void task_fixture_settle(struct task_fixture *f)
{
    int64_t deadline_us = clock_monotonic_us(clock_system()) + SETTLE_US;
    jobs_wake(f->jobs);
    while (!is_settled(f)) {
        if (clock_monotonic_us(clock_system()) >= deadline_us)
            fail_msg("it does not settle: the order is %s",
                     store_text(f->store, "SELECT state FROM sunlead_orders"));
        usleep(500);
    }
}

void task_fixture_advance(struct task_fixture *f, int64_t by_us)
{
    test_clock_add(&f->clock, by_us);
    task_fixture_settle(f);
}

int64_t task_fixture_next(struct task_fixture *f)
{
    struct job_summary summary = summary_of(f);
    if (!summary.next_run_at.set)
        fail_msg("there is no next job");
    int64_t by_us = summary.next_run_at.value - test_clock_now(&f->clock);
    task_fixture_advance(f, by_us);
    return by_us;
}

void task_set_order(struct task_fixture *f, const char *text)
{
    store_exec(f->store,
               arena_printf(f->store->arena,
                            "UPDATE sunlead_orders SET version = version + 1, %s WHERE id = %lld",
                            text, (long long)f->order_id)
                   .ptr);
}

void task_set_project(struct task_fixture *f)
{
    task_set_order(f, arena_printf(f->store->arena,
                                   "state = 'created', attempts = 1, project_id = 123, "
                                   "house_id = 456, sending_at = %lld, created_at = %lld",
                                   (long long)STORE_T0_US, (long long)STORE_T0_US)
                          .ptr);
    store_exec(f->store, "UPDATE sunlead_jobs SET kind = 'poll', turn = 0");
}

struct order task_order(struct task_fixture *f)
{
    return store_get_order(f->store, f->order_id);
}

struct lead task_lead(struct task_fixture *f)
{
    return store_get_lead(f->store, f->lead_id);
}

int64_t task_job_due_us(struct task_fixture *f, enum job_kind kind)
{
    int64_t run_at_us =
        store_i64(f->store, arena_printf(f->store->arena,
                                         "SELECT run_at FROM sunlead_jobs WHERE state = 'ready' "
                                         "AND kind = '%s' AND order_id = %lld",
                                         job_kind_names[kind], (long long)f->order_id)
                                .ptr);
    return run_at_us == INT64_MIN ? -1 : run_at_us - test_clock_now(&f->clock);
}

int64_t task_events(struct task_fixture *f, const char *type)
{
    return store_i64(f->store, arena_printf(f->store->arena,
                                            "SELECT count(*) FROM sunlead_events WHERE type = '%s' "
                                            "AND order_id = %lld",
                                            type, (long long)f->order_id)
                                   .ptr);
}

void task_assert_failure(const struct order *order, enum order_failure failure, const char *part)
{
    assert_int_equal(order->failure, failure);
    if (part == NULL) {
        assert_null(order->failure_detail.ptr);
        return;
    }
    struct str detail = order->failure_detail;
    if (detail.ptr == NULL || memmem(detail.ptr, detail.len, part, strlen(part)) == NULL)
        fail_msg("\"%.*s\" does not hold \"%s\"", STR_ARG(detail), part);
}
