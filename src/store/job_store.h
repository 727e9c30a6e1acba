// The jobs table: steps that queue, claim and end jobs.
#ifndef SUNLEAD_STORE_JOB_STORE_H
#define SUNLEAD_STORE_JOB_STORE_H

#include <stddef.h>
#include <stdint.h>

#include "domain/job.h"
#include "sql/sql.h"
#include "store/row_into.h"

// ---- Queueing.

// job_store_add() queues a job for an order, unless a live one of its kind is there: then that
// one's time is moved up to run_at_us, and it gets this one's priority, if that is earlier and it
// does not run. If its kind takes
// turns it gets one when it is due, by job_store_take_turns().
void job_store_add(struct sql_op *op, const struct job *job);

// job_store_add_once_more() is job_store_add() for what must not be lost where such a job runs
// already, which may have read what there was before: that one runs once more when it is finished.
// Of kinds with runs_once_more.
void job_store_add_once_more(struct sql_op *op, const struct job *job);

// job_store_add_for_new_order() queues a job for the order that operation op_id inserted, if it
// did. It is due at once, and its turn is that of a newcomer: beside the next one of all, but
// behind those of its own company.
void job_store_add_for_new_order(struct sql_op *op, enum job_kind kind, int64_t op_id,
                                 enum job_priority priority, int64_t now_us);

// job_store_add_for_new_orders() does so for many orders, by a JSON array of their op_ids. Those of
// a company get rising turns.
void job_store_add_for_new_orders(struct sql_op *op, enum job_kind kind, struct str op_ids,
                                  enum job_priority priority, int64_t now_us);

// job_store_add_for_completed_order() queues a job for the order that operation op_id inserted, if
// that order is completed.
void job_store_add_for_completed_order(struct sql_op *op, enum job_kind kind, int64_t op_id,
                                       int64_t now_us);

// ---- Claiming.

// job_store_take_turns() gives a turn to each job of a kind that became due without one, a thousand
// at most.
void job_store_take_turns(struct sql_op *op, enum job_kind kind, int64_t now_us);

// What a runner asks for: due jobs, until a lease ends.
struct job_claim {
    int64_t worker;
    int64_t now_us;
    int64_t lease_until_us;
    int64_t company_max; // of a kind with turns: jobs of one company that run anywhere; 0: no cap
};

// job_store_claim_lock() makes claims wait for each other until they are committed, which a cap for
// each company needs where other processes claim too. To be the step before the claims.
void job_store_claim_lock(struct sql_op *op);

// job_store_claim() takes up to max jobs of a kind that is not paused and adds them to the list (of
// struct job): by turns or, for a kind without, those that have been due for longest.
void job_store_claim(struct sql_op *op, const struct job_claim *claim, enum job_kind kind,
                     size_t max, struct row_list *list);

// job_store_next() reads when the next of the jobs of some kinds (a JSON array of names) that are
// not due yet will be.
void job_store_next(struct sql_op *op, struct str kinds, int64_t now_us,
                    struct opt_i64 *next_run_at);

// ---- The end of a run.

// job_store_finish() removes a job that ended well. One that is to run once more becomes ready
// instead, and job->run_at is set. ERR_CANCELLED fails the operation when the lease was lost
// meanwhile.
void job_store_finish(struct sql_op *op, struct job *job);

// job_store_finish_all() removes those of many jobs whose lease was not lost: a JSON array of
// arrays of id and attempt.
void job_store_finish_all(struct sql_op *op, struct str jobs);

// job_store_reschedule() gives a job back that did something or has to wait, to be run at
// job->run_at (nobody waits for the next poll); job->last_error is noted, also in the history
// unless it is null. ERR_CANCELLED as above.
void job_store_reschedule(struct sql_op *op, const struct job *job, int64_t now_us);

// job_store_fail() gives a job back whose run came to nothing, as job_store_reschedule() does. It
// is dead if there were too many such runs in a row.
void job_store_fail(struct sql_op *op, const struct job *job, int64_t now_us);

// ---- Leases.

// job_store_heartbeat() extends the leases of those jobs of a worker whose ids are in a JSON array:
// what it claimed and does not run any more is left to the end of its lease.
void job_store_heartbeat(struct sql_op *op, int64_t worker, struct str ids, int64_t lease_until_us);

// What becomes of jobs whose worker was lost: one that was lost once runs again at once, one that
// is lost again and again after a pause that doubles, so that a process that cannot stay up does
// not use up the tries of all that it ran.
struct job_rescued {
    int64_t wait_us;     // the first pause; 0: JOB_RESCUE_WAIT_US
    int64_t wait_max_us; // 0: JOB_RESCUE_WAIT_MAX_US
    int64_t ready;
    int64_t dead;
};

// job_store_rescue() takes back jobs whose lease ended before now_us, but for those that somebody
// is changing just then. The run counts as one that came to nothing.
void job_store_rescue(struct sql_op *op, int64_t now_us, struct job_rescued *rescued);

// job_store_rescue_all() takes back all running jobs; only where no other process can hold them.
void job_store_rescue_all(struct sql_op *op, int64_t now_us, struct job_rescued *rescued);

// JOB_MEND_MAX is how many orders are mended together.
#define JOB_MEND_MAX 500

// job_store_mend() queues a job for each order that is live, was not changed since before_us, and
// has no job to bring it on: because that died or was cancelled (then the new one is exhausted), or
// is lost. The step counts its rows. Parked orders wait for a person.
struct sql_step *job_store_mend(struct sql_op *op, int64_t before_us, int64_t now_us);

// job_store_release() hands a worker's jobs back but for those in a JSON array of ids, when it
// stops, or does not know whether it got them.
void job_store_release(struct sql_op *op, int64_t worker, struct str but_ids, int64_t now_us);

// ---- The state of the queue.

struct job_summary {
    int64_t ready;
    int64_t running;
    int64_t dead;
    struct opt_i64 next_run_at; // of the ready ones
};

// job_store_summary() reads all of the summary.
void job_store_summary(struct sql_op *op, struct job_summary *summary);

#endif
