// Stores the ends of runs that have nothing else to store, those of many in one operation.
#include "base/buf.h"
#include "base/log.h"
#include "jobs/jobs_core.h"

// One operation is under way at most: what ends meanwhile is stored with the next, so that the more
// there is to do, the less each of them costs.
struct finish {
    struct jobs *jobs;
    struct arena *arena;
    struct job_run *runs;
};

static void stored(struct sql_op *op);

static void store(struct jobs *jobs, struct job_run *runs)
{
    struct arena *arena = arena_open(0);
    struct finish *finish = arena_new(arena, struct finish, 1);
    struct buf text;
    buf_init_arena(&text, arena, SIZE_MAX);
    for (const struct job_run *run = runs; run != NULL; run = run->finished)
        buf_printf(&text, "%s[%lld,%lld]", run == runs ? "[" : ",", (long long)run->job.id,
                   (long long)run->job.attempt);
    buf_append_char(&text, ']');
    *finish = (struct finish){.jobs = jobs, .arena = arena, .runs = runs};
    struct sql_op *op = sql_op_new(arena, "jobs_finish", SQL_LANE_WRITE);
    op->is_idempotent = true; // who comes second finds no lease, which is no matter here
    job_store_finish_all(op, buf_str(&text));
    op->done = stored;
    op->done_ctx = finish;
    sql_submit(jobs->settings.db, op);
}

static struct job_run *take_finished(struct jobs *jobs)
{
    mutex_lock(&jobs->mutex);
    struct job_run *runs = jobs->finished;
    jobs->finished = NULL;
    jobs->finishing = runs != NULL;
    mutex_unlock(&jobs->mutex);
    return runs;
}

// A job whose end was not stored is run again when its lease ends. The runner may be freed with the
// end of the last run.
static void stored(struct sql_op *op)
{
    struct finish *finish = op->done_ctx;
    struct job_run *run = finish->runs;
    struct job_run *next = take_finished(finish->jobs);
    if (op->error.code != ERR_OK)
        log_error(LOG_WARN, "jobs.finish_failed", &op->error);
    if (next != NULL)
        store(finish->jobs, next);
    while (run != NULL) {
        struct job_run *other = run->finished;
        job_run_end(run);
        run = other;
    }
    arena_close(finish->arena);
}

void job_run_finish(struct job_run *run)
{
    struct jobs *jobs = run->jobs;
    mutex_lock(&jobs->mutex);
    run->finished = jobs->finished;
    jobs->finished = run;
    bool is_first = !jobs->finishing;
    jobs->finishing = true;
    mutex_unlock(&jobs->mutex);
    if (is_first)
        store(jobs, take_finished(jobs));
}
