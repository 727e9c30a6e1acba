// The jobs table: steps that queue, claim and end jobs.
#ifndef SUNLEAD_STORE_JOB_STORE_H
#define SUNLEAD_STORE_JOB_STORE_H

#include <stddef.h>
#include <stdint.h>

#include "domain/job.h"
#include "sql/sql.h"
#include "store/row_into.h"

// job_store_add() queues a job for an order, unless a live one of its kind is there: then that
// one's time is moved up to run_at_us if that is earlier and it does not run.
void job_store_add(struct sql_op *op, const struct job *job);

// job_store_add_for_new_order() queues a job for the order that operation op_id inserted, if it
// did.
void job_store_add_for_new_order(struct sql_op *op, enum job_kind kind, int64_t op_id,
                                 int64_t now_us);

// job_store_add_for_completed_order() does so if that order is completed.
void job_store_add_for_completed_order(struct sql_op *op, enum job_kind kind, int64_t op_id,
                                       int64_t now_us);

// What a runner asks for: due jobs of some kinds, until a lease ends.
struct job_claim {
    int64_t worker;
    struct str kinds; // a JSON array of names
    int64_t now_us;
    int64_t lease_until_us;
};

// job_store_claim() takes up to list->max jobs that are due, oldest first, and reads them into the
// list (of struct job).
void job_store_claim(struct sql_op *op, const struct job_claim *claim, struct row_list *list);

// job_store_finish() removes a job that ended well. ERR_CANCELLED fails the operation when the
// lease was lost meanwhile.
void job_store_finish(struct sql_op *op, const struct job *job);

// job_store_reschedule() gives a job back, to be run at job->run_at with job->last_error noted.
// ERR_CANCELLED as above.
void job_store_reschedule(struct sql_op *op, const struct job *job, int64_t now_us);

// job_store_heartbeat() extends the leases of those jobs of a worker whose ids are in a JSON array:
// what it claimed and does not run any more is left to the end of its lease.
void job_store_heartbeat(struct sql_op *op, int64_t worker, struct str ids, int64_t lease_until_us);

// job_store_rescue() makes jobs ready again whose lease ended before now_us, but for those that
// somebody is changing just then.
void job_store_rescue(struct sql_op *op, int64_t now_us);

// job_store_rescue_all() makes all running jobs ready again; only where no other process can hold
// them.
void job_store_rescue_all(struct sql_op *op, int64_t now_us);

// job_store_release() hands a worker's jobs back, when it stops.
void job_store_release(struct sql_op *op, int64_t worker, int64_t now_us);

// The state of the queue.
struct job_summary {
    int64_t ready;
    int64_t running;
    int64_t dead;
    struct opt_i64 next_run_at; // of the ready ones
};

// job_store_next() reads the time of the next ready job of some kinds (a JSON array of names) only.
void job_store_next(struct sql_op *op, struct str kinds, struct job_summary *summary);

// job_store_summary() reads all of the summary.
void job_store_summary(struct sql_op *op, struct job_summary *summary);

#endif
