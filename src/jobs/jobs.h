// The job runner: claims due jobs, runs them, keeps their leases; knows no kind of job.
#ifndef SUNLEAD_JOBS_H
#define SUNLEAD_JOBS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/error.h"
#include "domain/job.h"
#include "sql/sql.h"
#include "store/job_store.h"

struct jobs;

// One run of a claimed job. Everything of the run lives in its arena and dies with job_run_end().
struct job_run {
    struct job job;
    struct arena *arena;
    struct jobs *jobs;
    void *app; // jobs_settings.app
    // the runner's own
    struct job_run *next;
    struct job_run *prev;
};

// A kind's work. Called on the runner's thread; must not block: it starts something, whose
// completion goes on, until job_run_end() is called exactly once, from any thread. The job's row is
// changed by the kind, in the same operation as its effect (job_store_finish(),
// job_store_reschedule()); a run that ends without that is run again when its lease ends.
typedef void job_run_fn(struct job_run *run);

struct jobs_settings {
    struct sql *db;
    const struct clock *clock;
    job_run_fn *kinds[JOB_KIND_COUNT]; // by enum job_kind
    void *app;
    size_t concurrency; // runs at once; 0: 64
    // Of one kind at once, so that a slow kind leaves room for the others; 0: as many as there are.
    size_t kind_max[JOB_KIND_COUNT];
};

// jobs_open() makes a runner that does not run yet: jobs_start() begins.
MUST_CHECK enum err jobs_open(const struct jobs_settings *settings, struct jobs **ret_jobs,
                              struct error *err);

// jobs_start() starts the runner's thread. On a database without other processes it first takes
// back what a killed process left running.
MUST_CHECK enum err jobs_start(struct jobs *jobs, struct error *err);

// jobs_wake() tells the runner that a job may have become due. From any thread, never blocks. NULL
// is fine (no jobs here).
void jobs_wake(struct jobs *jobs);

// job_run_end() ends a run: frees its arena (the run with it) and makes room for the next.
void job_run_end(struct job_run *run);

// jobs_drain() claims no more jobs and waits until none runs, timeout_ms at most; then hands the
// rest back in the database. Returns how many were still running. Blocks.
size_t jobs_drain(struct jobs *jobs, unsigned timeout_ms);

// jobs_close() ends the thread and frees the runner; nothing may run any more. NULL is fine.
void jobs_close(struct jobs *jobs);

// jobs_running() is the number of runs under way, for health.
size_t jobs_running(struct jobs *jobs);

#endif
