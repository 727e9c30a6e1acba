// Runs jobs: one thread that claims what is due and keeps leases; the runs go on elsewhere.
#include "jobs/jobs.h"

#include <stdlib.h>

#include "base/buf.h"
#include "base/crash.h"
#include "base/log.h"
#include "base/pace.h"
#include "base/random.h"
#include "jobs/jobs_core.h"

#define UPKEEPS_OF_LEASE    4
#define CONCURRENCY_DEFAULT 64
#define NOTICE_MS           20 // how long a last notice gets before the process may end

enum err jobs_run_op(struct jobs *jobs, struct sql_op *op, const char *event)
{
    enum err code = sql_run(jobs->settings.db, op);
    if (code != ERR_OK && !sql_is_outage(jobs->settings.db, &op->error))
        log_error(LOG_WARN, event, &op->error);
    return code;
}

int64_t jobs_now_us(const struct jobs *jobs)
{
    return clock_now_us(jobs->settings.clock);
}

struct str jobs_running_ids(struct jobs *jobs, struct arena *arena)
{
    struct buf ids;
    buf_init_arena(&ids, arena, SIZE_MAX);
    buf_append_char(&ids, '[');
    mutex_lock(&jobs->mutex);
    for (const struct job_run *run = jobs->runs; run != NULL; run = run->next) {
        if (run != jobs->runs)
            buf_append_char(&ids, ',');
        number_append_i64(&ids, run->job.id);
    }
    mutex_unlock(&jobs->mutex);
    buf_append_char(&ids, ']');
    return buf_str(&ids);
}

// ---- Runs.

static void link_run_locked(struct jobs *jobs, struct job_run *run)
{
    run->next = jobs->runs;
    if (run->next != NULL)
        run->next->prev = run;
    jobs->runs = run;
}

static void unlink_run_locked(struct jobs *jobs, struct job_run *run)
{
    if (run->prev == NULL)
        jobs->runs = run->next;
    else
        run->prev->next = run->next;
    if (run->next != NULL)
        run->next->prev = run->prev;
}

void jobs_start_run(struct jobs *jobs, const struct job *job)
{
    struct arena *arena = arena_open(0);
    struct job_run *run = arena_new(arena, struct job_run, 1);
    *run = (struct job_run){
        .job = *job,
        .arena = arena,
        .jobs = jobs,
        .app = jobs->settings.app,
    };
    run->job.last_error = arena_str(arena, job->last_error);
    run->job.history = STR_NULL;
    run->job.run_at = (struct opt_i64){0};
    mutex_lock(&jobs->mutex);
    link_run_locked(jobs, run);
    mutex_unlock(&jobs->mutex);
    crash_here(CRASH_JOB_CLAIMED);
    jobs->settings.kinds[job->kind](run);
}

// Something of a kind that may have jobs due can be claimed now.
static bool is_hungry_locked(const struct jobs *jobs)
{
    for (int kind = JOB_NONE + 1; kind < JOB_KIND_COUNT; kind++) {
        if (!jobs->dry[kind])
            return true;
    }
    return false;
}

void job_run_end(struct job_run *run)
{
    struct jobs *jobs = run->jobs;
    struct arena *arena = run->arena;
    const enum job_kind kind = run->job.kind;
    const struct opt_i64 again_at = run->job.run_at;
    mutex_lock(&jobs->mutex);
    check(jobs->running > 0);
    unlink_run_locked(jobs, run);
    mutex_unlock(&jobs->mutex);
    arena_close(arena);
    mutex_lock(&jobs->mutex);
    jobs->running--;
    jobs->running_of[kind]--;
    // Another job of its company may have waited for its end.
    if (jobs->settings.company_max > 0 && job_kind_rules[kind].takes_turns)
        jobs->dry[kind] = false;
    bool is_sooner = again_at.set && again_at.value < jobs->look_at_us;
    if (is_sooner)
        jobs->look_at_us = again_at.value;
    if (is_sooner || jobs->draining || is_hungry_locked(jobs))
        pthread_cond_broadcast(&jobs->cond);
    mutex_unlock(&jobs->mutex);
}

// ---- The thread.

static int64_t until_monotonic(const struct jobs *jobs, int64_t due_us)
{
    int64_t wait_us = due_us - jobs_now_us(jobs);
    if (wait_us > jobs->upkeep_us)
        wait_us = jobs->upkeep_us;
    return clock_monotonic_us(clock_system()) + (wait_us > 0 ? wait_us : 0);
}

// Looks at the queue if it is time to, or if a run ended and more was due than there was room for.
// Returns whether it claimed, so that there may be more to claim.
static bool look_locked(struct jobs *jobs, int64_t now_us)
{
    if (jobs->woken || jobs_is_time(now_us, jobs->look_at_us, jobs->upkeep_us)) {
        jobs->woken = false;
        jobs->look_at_us = now_us + jobs->upkeep_us;
        memset(jobs->dry, 0, sizeof(jobs->dry));
    }
    struct jobs_room room;
    jobs_find_room_locked(jobs, &room);
    if (room.count == 0)
        return false;
    jobs->claiming = true;
    mutex_unlock(&jobs->mutex);
    jobs_claim(jobs, &room);
    mutex_lock(&jobs->mutex);
    jobs->claiming = false;
    pthread_cond_broadcast(&jobs->cond);
    return true;
}

static void *run_loop(void *ctx)
{
    struct jobs *jobs = ctx;
    if ((sql_capabilities(jobs->settings.db) & SQL_CAP_SOLE_OWNER) != 0)
        jobs_take_over(jobs);
    jobs_plan_upkeep(jobs, jobs_now_us(jobs));
    mutex_lock(&jobs->mutex);
    while (!jobs->stopping) {
        int64_t now_us = jobs_now_us(jobs);
        mutex_unlock(&jobs->mutex);
        jobs_upkeep(jobs, now_us);
        mutex_lock(&jobs->mutex);
        if (look_locked(jobs, now_us))
            continue;
        int64_t due_us = jobs_upkeep_due_us(jobs);
        due_us = jobs->look_at_us < due_us ? jobs->look_at_us : due_us;
        if (!jobs->woken && !jobs->stopping)
            cond_wait_until(&jobs->cond, &jobs->mutex, until_monotonic(jobs, due_us));
    }
    mutex_unlock(&jobs->mutex);
    return NULL;
}

// ---- Opening, waking, closing.

static void name_kinds(struct jobs *jobs)
{
    struct buf kinds = {.ptr = jobs->kinds, .cap = sizeof(jobs->kinds), .max = sizeof(jobs->kinds)};
    buf_append_char(&kinds, '[');
    for (int kind = JOB_NONE + 1; kind < JOB_KIND_COUNT; kind++) {
        if (jobs->settings.kinds[kind] != NULL)
            buf_printf(&kinds, "%s\"%s\"", kinds.len > 1 ? "," : "", job_kind_names[kind]);
    }
    BUF_LITERAL(&kinds, "]\0");
    check(!kinds.overflow);
}

enum err jobs_open(const struct jobs_settings *settings, struct jobs **ret_jobs, struct error *err)
{
    struct jobs *jobs = calloc(1, sizeof(*jobs));
    if (jobs == NULL)
        return error_set(err, ERR_INTERNAL, "out of memory");
    check(pthread_mutex_init(&jobs->mutex, NULL) == 0);
    cond_init(&jobs->cond);
    jobs->settings = *settings;
    jobs->upkeep_us = pace_us(settings->pace, JOB_LEASE_US / UPKEEPS_OF_LEASE);
    jobs->lease_us = UPKEEPS_OF_LEASE * jobs->upkeep_us;
    jobs->worker = random_id();
    if (jobs->settings.concurrency == 0)
        jobs->settings.concurrency = CONCURRENCY_DEFAULT;
    name_kinds(jobs);
    *ret_jobs = jobs;
    return ERR_OK;
}

enum err jobs_start(struct jobs *jobs, struct error *err)
{
    mutex_lock(&jobs->mutex);
    enum err code = thread_start(&jobs->thread, "jobs", run_loop, jobs, err);
    jobs->started = code == ERR_OK;
    mutex_unlock(&jobs->mutex);
    return code;
}

static bool has_room_locked(const struct jobs *jobs)
{
    if (!jobs->started || jobs->draining || jobs->running >= jobs->settings.concurrency)
        return false;
    for (int kind = JOB_NONE + 1; kind < JOB_KIND_COUNT; kind++) {
        size_t max = jobs->settings.kind_max[kind];
        if (max > 0 && jobs->running_of[kind] >= max)
            return false;
    }
    return true;
}

bool jobs_wake(struct jobs *jobs)
{
    if (jobs == NULL)
        return false;
    mutex_lock(&jobs->mutex);
    jobs->woken = true;
    bool has_room = has_room_locked(jobs);
    pthread_cond_broadcast(&jobs->cond);
    mutex_unlock(&jobs->mutex);
    return has_room;
}

void jobs_wake_at(struct jobs *jobs, int64_t at_us)
{
    if (jobs == NULL)
        return;
    mutex_lock(&jobs->mutex);
    if (at_us < jobs->look_at_us) {
        jobs->look_at_us = at_us;
        pthread_cond_broadcast(&jobs->cond);
    }
    mutex_unlock(&jobs->mutex);
}

size_t jobs_drain(struct jobs *jobs, unsigned timeout_ms)
{
    if (jobs == NULL)
        return 0;
    int64_t deadline_us = clock_monotonic_us(clock_system()) + timeout_ms * US_PER_MS;
    mutex_lock(&jobs->mutex);
    jobs->draining = true;
    while ((jobs->running > 0 || jobs->claiming) &&
           cond_wait_until(&jobs->cond, &jobs->mutex, deadline_us))
        continue;
    size_t left = jobs->running;
    mutex_unlock(&jobs->mutex);
    if (left > 0) {
        CLEANUP(arena_close_ptr) struct arena *arena = arena_open(0);
        struct sql_op *op = sql_op_new(arena, "jobs_release", SQL_LANE_WRITE);
        op->is_idempotent = true;
        job_store_release(op, jobs->worker, STR("[]"), jobs_now_us(jobs));
        if (jobs_run_op(jobs, op, "jobs.release_failed") == ERR_OK) {
            sql_broadcast(jobs->settings.db, JOBS_NOTICE);
            thread_pause_ms(NOTICE_MS);
        }
    }
    return left;
}

void jobs_close(struct jobs *jobs)
{
    if (jobs == NULL)
        return;
    mutex_lock(&jobs->mutex);
    check(jobs->running == 0);
    jobs->stopping = true;
    pthread_cond_broadcast(&jobs->cond);
    mutex_unlock(&jobs->mutex);
    if (jobs->started)
        thread_join(jobs->thread);
    pthread_cond_destroy(&jobs->cond);
    pthread_mutex_destroy(&jobs->mutex);
    free(jobs);
}

size_t jobs_running(struct jobs *jobs)
{
    if (jobs == NULL)
        return 0;
    mutex_lock(&jobs->mutex);
    size_t running = jobs->running;
    mutex_unlock(&jobs->mutex);
    return running;
}
