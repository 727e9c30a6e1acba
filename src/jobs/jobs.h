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
    struct job_run *finished; // the next of those whose end is being stored
};

// A kind's work. Called on the runner's thread; must not block: it starts something, whose
// completion goes on, until job_run_end() or job_run_finish() is called exactly once, from any
// thread. The job's row is changed by the kind, in the same operation as its effect
// (job_store_finish(), job_store_reschedule()); a run that ends without that is run again when its
// lease ends. run->job.run_at is not set at first: a kind that gives the job back sets it, and is
// run again then.
typedef void job_run_fn(struct job_run *run);

struct jobs_settings {
    struct sql *db;
    const struct clock *clock;
    job_run_fn *kinds[JOB_KIND_COUNT]; // by enum job_kind; a kind without one is left to others
    void *app;
    size_t concurrency; // runs at once; 0: 64
    // Of one kind at once, so that a slow kind leaves room for the others; 0: as many as there are.
    size_t kind_max[JOB_KIND_COUNT];
    // Of one company at once, over all processes, of a kind that takes turns; 0: no cap.
    size_t company_max;
    int64_t keep_jobs_us;   // how long dead and cancelled jobs are kept; 0: for ever
    int64_t keep_events_us; // how long events are kept; 0: for ever
    unsigned pace;          // of leases and of looks at the queue (base/pace.h)
};

// JOBS_NOTICE tells other processes that jobs may be due which this one has no room for.
#define JOBS_NOTICE STR("jobs")

// jobs_open() makes a runner that does not run yet: jobs_start() begins.
MUST_CHECK enum err jobs_open(const struct jobs_settings *settings, struct jobs **ret_jobs,
                              struct error *err);

// jobs_start() starts the runner's thread. On a database without other processes it first takes
// back what a killed process left running.
MUST_CHECK enum err jobs_start(struct jobs *jobs, struct error *err);

// jobs_wake() tells the runner that a job may have become due. From any thread, never blocks. False
// when it may have no room for one just now; NULL (no jobs here) never has.
bool jobs_wake(struct jobs *jobs);

// jobs_wake_at() tells it that a job will be due at a time. Like the one above.
void jobs_wake_at(struct jobs *jobs, int64_t at_us);

// job_run_end() ends a run: frees its arena (the run with it) and makes room for the next.
void job_run_end(struct job_run *run);

// job_run_finish() removes the job's row, and then ends the run. For a run that has nothing else to
// store: the ends of many are stored together.
void job_run_finish(struct job_run *run);

// jobs_drain() claims no more jobs and waits until none runs, timeout_ms at most; then hands the
// rest back in the database and tells other processes. Returns how many were still running. NULL
// is fine. Blocks.
size_t jobs_drain(struct jobs *jobs, unsigned timeout_ms);

// jobs_close() ends the thread and frees the runner; nothing may run any more. NULL is fine.
void jobs_close(struct jobs *jobs);

// jobs_running() is the number of runs under way, for health. NULL is fine.
size_t jobs_running(struct jobs *jobs);

#endif
