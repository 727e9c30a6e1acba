// What the runner does now and then: minds leases, removes what is too old, mends stuck orders.
#include <assert.h>

#include "base/log.h"
#include "base/pace.h"
#include "jobs/jobs_core.h"
#include "store/event_store.h"
#include "store/job_admin_store.h"
#include "store/request_store.h"

#define PURGE_MORE_US (250 * US_PER_MS) // after full portions
#define MEND_US       (60 * US_PER_S)
#define STUCK_US      (60 * US_PER_S) // without a job and a change for so long

bool jobs_is_time(int64_t now_us, int64_t at_us, int64_t longest_us)
{
    return now_us >= at_us || at_us - now_us > longest_us;
}

static void note_rescued(struct jobs *jobs, const struct job_rescued *rescued)
{
    if (rescued->dead > 0)
        log_event(LOG_ERROR, "jobs.dead", "jobs were cut off again and again; they are given up",
                  LOG_I64("count", rescued->dead));
    if (rescued->ready > 0)
        (void)jobs_wake(jobs);
}

// Extends the leases of what runs here before it rescues what others lost, so that an outage of the
// database, in which no heartbeat passed, does not make this runner steal from itself.
static void renew_and_rescue(struct jobs *jobs)
{
    CLEANUP(arena_close_ptr) struct arena *arena = arena_open(0);
    struct sql_op *op = sql_op_new(arena, "jobs_upkeep", SQL_LANE_WRITE);
    struct job_rescued rescued = {
        .wait_us = pace_us(jobs->settings.pace, JOB_RESCUE_WAIT_US),
        .wait_max_us = pace_us(jobs->settings.pace, JOB_RESCUE_WAIT_MAX_US),
    };
    int64_t now_us = jobs_now_us(jobs);
    op->is_idempotent = true;
    job_store_heartbeat(op, jobs->worker, jobs_running_ids(jobs, arena), now_us + jobs->lease_us);
    job_store_rescue(op, now_us, &rescued);
    if (jobs_run_op(jobs, op, "jobs.upkeep_failed") != ERR_OK)
        return;
    if (rescued.ready > 0)
        log_event(LOG_INFO, "jobs.rescued", "jobs whose process did not renew them are run again",
                  LOG_I64("count", rescued.ready));
    note_rescued(jobs, &rescued);
}

// A full portion tells that there is more.
static bool has_full_step(const struct sql_op *op)
{
    static_assert(JOB_PURGE_MAX == EVENT_PURGE_MAX, "portions are alike");
    for (size_t i = 0; i < op->step_count; i++) {
        if (op->steps[i].rows >= JOB_PURGE_MAX)
            return true;
    }
    return false;
}

// Returns whether there is more to remove.
static bool purge(struct jobs *jobs, int64_t now_us)
{
    CLEANUP(arena_close_ptr) struct arena *arena = arena_open(0);
    struct sql_op *op = sql_op_new(arena, "jobs_purge", SQL_LANE_WRITE);
    op->is_idempotent = true;
    if (jobs->settings.keep_jobs_us > 0)
        job_store_purge(op, now_us - jobs->settings.keep_jobs_us);
    if (jobs->settings.keep_events_us > 0)
        event_store_purge(op, now_us - jobs->settings.keep_events_us);
    request_store_purge(op, now_us - REQUEST_KEPT_US, JOB_PURGE_MAX);
    return jobs_run_op(jobs, op, "jobs.purge_failed") == ERR_OK && has_full_step(op);
}

static void mend(struct jobs *jobs, int64_t now_us)
{
    CLEANUP(arena_close_ptr) struct arena *arena = arena_open(0);
    struct sql_op *op = sql_op_new(arena, "jobs_mend", SQL_LANE_WRITE);
    op->is_idempotent = true;
    const struct sql_step *step =
        job_store_mend(op, now_us - pace_us(jobs->settings.pace, STUCK_US), now_us);
    if (jobs_run_op(jobs, op, "jobs.mend_failed") != ERR_OK || step->rows == 0)
        return;
    log_event(LOG_WARN, "jobs.mended", "orders had no job to bring them on: they got new ones",
              LOG_I64("count", step->rows));
    (void)jobs_wake(jobs);
}

void jobs_plan_upkeep(struct jobs *jobs, int64_t now_us)
{
    jobs->upkeep_at_us = jobs->purge_at_us = jobs->mend_at_us = now_us + jobs->upkeep_us;
}

void jobs_upkeep(struct jobs *jobs, int64_t now_us)
{
    if (jobs_is_time(now_us, jobs->upkeep_at_us, jobs->upkeep_us)) {
        jobs->upkeep_at_us = now_us + jobs->upkeep_us;
        renew_and_rescue(jobs);
    }
    if (jobs_is_time(now_us, jobs->purge_at_us, jobs->upkeep_us))
        jobs->purge_at_us = now_us + (purge(jobs, now_us) ? PURGE_MORE_US : jobs->upkeep_us);
    int64_t mend_us = pace_us(jobs->settings.pace, MEND_US);
    if (jobs_is_time(now_us, jobs->mend_at_us, mend_us)) {
        jobs->mend_at_us = now_us + mend_us;
        mend(jobs, now_us);
    }
}

int64_t jobs_upkeep_due_us(const struct jobs *jobs)
{
    int64_t due_us =
        jobs->upkeep_at_us < jobs->purge_at_us ? jobs->upkeep_at_us : jobs->purge_at_us;
    return due_us < jobs->mend_at_us ? due_us : jobs->mend_at_us;
}

void jobs_take_over(struct jobs *jobs)
{
    CLEANUP(arena_close_ptr) struct arena *arena = arena_open(0);
    struct sql_op *op = sql_op_new(arena, "jobs_take_over", SQL_LANE_WRITE);
    struct job_rescued rescued = {
        .wait_us = pace_us(jobs->settings.pace, JOB_RESCUE_WAIT_US),
        .wait_max_us = pace_us(jobs->settings.pace, JOB_RESCUE_WAIT_MAX_US),
    };
    op->is_idempotent = true;
    job_store_rescue_all(op, jobs_now_us(jobs), &rescued);
    if (jobs_run_op(jobs, op, "jobs.take_over_failed") != ERR_OK)
        return;
    if (rescued.ready > 0)
        log_event(LOG_INFO, "jobs.taken_over", "jobs of a killed process are run again",
                  LOG_I64("count", rescued.ready));
    note_rescued(jobs, &rescued);
}
