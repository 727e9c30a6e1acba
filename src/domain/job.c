// The job's fields.
#include "domain/job.h"

const char *const job_kind_names[] = {NULL, "order", "poll", "files", FIELD_NAMES_END};
const char *const job_state_names[] = {NULL, "ready", "running", "dead", FIELD_NAMES_END};

static const struct field job_fields[] = {
    {FIELD_AS_I64(struct job, id)},
    {FIELD_AS_ENUM(struct job, kind, enum job_kind, job_kind_names)},
    {FIELD_AS_I64(struct job, order_id)},
    {FIELD_AS_I64(struct job, company_id)},
    {FIELD_AS_ENUM(struct job, state, enum job_state, job_state_names)},
    {FIELD_AS_I64(struct job, attempt)},
    {FIELD_AS_TIME(struct job, run_at)},
    {FIELD_AS_TIME(struct job, lease_until)},
    {FIELD_AS_OPT_I64(struct job, worker)},
    {FIELD_AS_STR(struct job, last_error, JOB_ERROR_MAX)},
    {FIELD_AS_TIME(struct job, created_at)},
    {FIELD_AS_TIME(struct job, updated_at)},
};

const struct field_table job_table = FIELD_TABLE("job", job_fields, struct job);
