// What the runner does now and then: renews leases, takes lost jobs back, removes what is too old.
#include "base/log.h"
#include "base/pace.h"
#include "jobs/jobs_core.h"
#include "store/event_store.h"
#include "store/job_admin_store.h"

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

static void purge(struct jobs *jobs)
{
    CLEANUP(arena_close_ptr) struct arena *arena = arena_open(0);
    struct sql_op *op = sql_op_new(arena, "jobs_purge", SQL_LANE_WRITE);
    int64_t now_us = jobs_now_us(jobs);
    op->is_idempotent = true;
    if (jobs->settings.keep_jobs_us > 0)
        job_store_purge(op, now_us - jobs->settings.keep_jobs_us);
    if (jobs->settings.keep_events_us > 0)
        event_store_purge(op, now_us - jobs->settings.keep_events_us);
    if (op->step_count > 0)
        (void)jobs_run_op(jobs, op, "jobs.purge_failed");
}

void jobs_upkeep(struct jobs *jobs)
{
    renew_and_rescue(jobs);
    purge(jobs);
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
