// The jobs table as a person sees it: lists, retries, cancels, pauses; and what is too old goes.
#ifndef SUNLEAD_STORE_JOB_ADMIN_STORE_H
#define SUNLEAD_STORE_JOB_ADMIN_STORE_H

#include "domain/job.h"
#include "sql/sql.h"
#include "store/row_into.h"

// Which jobs are meant; what is not set means all.
struct job_filter {
    enum job_kind kind;
    enum job_state state;
    struct opt_i64 company_id;
    struct opt_i64 order_id;
    struct opt_i64 before; // ids below this one
};

// job_store_get() reads a job. when_none fails the operation where there is none.
void job_store_get(struct sql_op *op, int64_t id, enum err when_none, struct job *job);

// job_store_list() adds the newest jobs that match to a list (of struct job), as many as it holds.
void job_store_list(struct sql_op *op, const struct job_filter *filter, struct row_list *list);

// job_store_retry() makes a job due now, which is dead, cancelled, or ready for a later time.
// ERR_CONFLICT fails the operation when it runs, when another job does the same for its order, or
// when the order that it is to send has ended.
void job_store_retry(struct sql_op *op, int64_t id, int64_t now_us);

// JOB_RETRY_MAX is how many jobs are retried together.
#define JOB_RETRY_MAX 1000

// job_store_retry_all() does so for the dead and cancelled ones that match, the newest
// JOB_RETRY_MAX of them; those that cannot be retried are left. The step counts its rows.
struct sql_step *job_store_retry_all(struct sql_op *op, const struct job_filter *filter,
                                     int64_t now_us);

// job_store_cancel() ends a job that is not dead or cancelled; the run of one that runs ends
// without an effect on it. ERR_CONFLICT fails the operation when it has ended already.
void job_store_cancel(struct sql_op *op, int64_t id, int64_t now_us);

// JOB_HASTEN_MAX is how many jobs are hastened together.
#define JOB_HASTEN_MAX 1000

// job_store_hasten() makes jobs due soon whose orders were held back since LightFusion was not to
// be reached: the first at from_us, the others one after the other, every JOB_HASTEN_EVERY_US; none
// later than it was.
void job_store_hasten(struct sql_op *op, int64_t from_us);

// job_store_hasten_files() makes the jobs due that wait to store files of a company's models.
void job_store_hasten_files(struct sql_op *op, int64_t company_id, int64_t now_us);

#define JOB_HASTEN_EVERY_US INT64_C(20000)

// JOB_PURGE_MAX is how many rows are removed together.
#define JOB_PURGE_MAX 500

// job_store_purge() removes dead and cancelled jobs that ended before a time, JOB_PURGE_MAX at
// most.
void job_store_purge(struct sql_op *op, int64_t before_us);

// A kind of job, and how many there are of it.
struct job_kind_state {
    enum job_kind kind;
    bool paused;
    struct opt_i64 paused_at;
    struct str paused_by;
    int64_t ready;
    int64_t running;
    int64_t dead;
    struct opt_i64 next_run_at; // of the ready ones
};

extern const struct field_table job_kind_table;

// job_store_kinds() reads the state of every kind into an array by enum job_kind; texts are copied
// into the operation's arena.
void job_store_kinds(struct sql_op *op, struct job_kind_state kinds[JOB_KIND_COUNT]);

// job_store_pause() has no more jobs of a kind claimed; by whom is null where it is not known.
// Pausing again changes nothing.
void job_store_pause(struct sql_op *op, enum job_kind kind, struct str by, int64_t now_us);

// job_store_resume() ends that.
void job_store_resume(struct sql_op *op, enum job_kind kind);

#endif
