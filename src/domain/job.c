// The job's fields.
#include "domain/job.h"

#include <assert.h>

const char *const job_kind_names[] = {NULL, "order", "poll", "files", "convert", FIELD_NAMES_END};
const char *const job_state_names[] = {NULL,   "ready",     "running",
                                       "dead", "cancelled", FIELD_NAMES_END};

// A run that comes to nothing was cut off, mostly with its process. Only a job that never gets
// further is to end dead, not one that met a row of restarts.
const struct job_kind_rule job_kind_rules[] = {
    [JOB_NONE] = {.failures_max = 1},
    [JOB_ORDER] = {.takes_turns = true, .failures_max = 20},
    [JOB_POLL] = {.failures_max = 20},
    [JOB_FILES] = {.failures_max = 20, .runs_once_more = true},
    [JOB_CONVERT] = {.failures_max = 20, .runs_once_more = true},
};
static_assert(COUNT_OF(job_kind_rules) == JOB_KIND_COUNT, "each kind has its rule");

static const struct field job_fields[] = {
    {FIELD_AS_I64(struct job, id)},
    {FIELD_AS_ENUM(struct job, kind, enum job_kind, job_kind_names)},
    {FIELD_AS_I64(struct job, order_id)},
    {FIELD_AS_I64(struct job, company_id)},
    {FIELD_AS_ENUM(struct job, state, enum job_state, job_state_names)},
    {FIELD_AS_I64(struct job, priority)},
    {FIELD_AS_I64(struct job, turn)},
    {FIELD_AS_I64(struct job, attempt)},
    {FIELD_AS_I64(struct job, failures)},
    {FIELD_AS_TIME(struct job, run_at)},
    {FIELD_AS_TIME(struct job, lease_until)},
    {FIELD_AS_OPT_I64(struct job, worker)},
    {FIELD_AS_STR(struct job, last_error, JOB_ERROR_MAX)},
    {FIELD_AS_RAW(struct job, history, JOB_HISTORY_MAX *(JOB_ERROR_MAX * 6 + 100))},
    {FIELD_AS_TIME(struct job, created_at)},
    {FIELD_AS_TIME(struct job, updated_at)},
};

const struct field_table job_table = FIELD_TABLE("job", job_fields, struct job);

bool job_is_exhausted(const struct job *job)
{
    return job->failures >= job_kind_rules[job->kind].failures_max;
}
