// What all kinds of jobs share: loading an order, and committing a change of it whatever comes
// between.
#ifndef SUNLEAD_TASKS_TASK_H
#define SUNLEAD_TASKS_TASK_H

#include "domain/lead.h"
#include "domain/order.h"
#include "store/order_store.h"
#include "tasks/tasks.h"

struct convert_plan;

#define TASK_HIDE_MAX      4
#define TASK_EXCHANGES_MAX 6

// How much of an order's change goes into its lead's row, which another system may have made.
enum task_lead_part { TASK_LEAD_ALL, TASK_LEAD_WITHOUT_FIGURES, TASK_LEAD_NOTHING };

struct task;
struct file_rules;
typedef void task_step_fn(struct task *task);

// What a commit does to the job that runs.
enum task_job_end { TASK_JOB_KEEP, TASK_JOB_FINISH, TASK_JOB_AGAIN };

// What commits together with the order; filled by a task_apply_fn.
struct task_change {
    enum task_job_end job;
    int64_t again_at_us; // TASK_JOB_AGAIN
    enum job_kind add;   // a job of another kind to queue, or JOB_NONE
    int64_t add_at_us;
    const struct convert_plan *convert; // models to await, by a job that is queued; or NULL
    bool note_sources; // whether the sources below were compared with the project id
    struct opt_i64 sources[SOURCE_COUNT];
};

// Changes task->order, which was just read, and says what commits with it. It may be called several
// times for one commit, each time on a fresh reading; what it took from the task's arena the time
// before is gone then. An error means that the order is not in a
// state for this change any more: nothing is stored, and the job is run again soon.
typedef enum err task_apply_fn(struct task *task, struct task_change *change, int64_t now_us,
                               struct error *err);

struct task {
    struct job_run *run;
    struct tasks *tasks;
    struct arena *arena;
    struct order order; // as last read
    struct lead lead;   // its lead; id 0: gone
    task_apply_fn *apply;
    task_step_fn *then;      // after the load or commit; NULL after a commit: the run ends
    enum order_state before; // the state that a commit started from
    task_step_fn
        *conflict; // when a commit would link a project that another order has; NULL: the run ends
    enum task_lead_part lead_part; // less when the row refused more
    struct str lead_refusal;       // why, to be noted on the order
    struct str known_detail;       // of the order as it was read
    struct task_change change;
    struct str hide[TASK_HIDE_MAX];                // not shown in exchanges
    bool hides;                                    // whether it was filled in
    struct exchange exchanges[TASK_EXCHANGES_MAX]; // to be stored with the next commit
    size_t exchange_count;
    struct arena_mark mark; // of the arena before the commit: what a try took is given back
    unsigned tries;         // of a database that is down
    unsigned stale_tries;   // of an order that others change
    bool is_unsure;         // whether what was tried last may be stored, though the commit failed
    bool lease_lost;
    struct http_timer timer;
    struct file_rules *rules;  // of a kind that stores files (tasks/file_rules.h); NULL: not read
    struct convert_plan *plan; // convert_plan_begin()'s
    void *own;                 // the kind's
};

// task_begin() makes the task of a run, loads its order and calls loaded(). A job whose order is
// gone is finished.
void task_begin(struct job_run *run, task_step_fn *loaded);

// task_commit() reads the order, applies a change and stores order, lead, jobs and event in one
// operation; then it calls then(), or ends the run if that is NULL. When somebody else changed the
// order meanwhile it starts again; when the database is down it goes on trying for as long as the
// process lives, since what the change holds may have been paid for.
void task_commit(struct task *task, task_apply_fn *apply, task_step_fn *then);

// task_commit_or() is task_commit() with something to do when the change would link a project that
// another order has (conflict() then goes on with another commit); without it such a run ends and
// is tried again when its lease ends.
void task_commit_or(struct task *task, task_apply_fn *apply, task_step_fn *then,
                    task_step_fn *conflict);

// task_leave() ends the run without a change of the order; the job is run again at again_at_us, or
// finished if that is 0. What was noted of calls is stored.
void task_leave(struct task *task, int64_t again_at_us, struct str why);

// task_is_awaited() tells whether a poll is one that somebody waits for: here, or in the process
// that queued it.
bool task_is_awaited(const struct task *task);

// task_call() is the common part of a call to LightFusion for the task: done() gets the task as
// ctx.
struct lf_call task_call(struct task *task, lf_done_fn *done);

// task_note_call() keeps what was said in a call, inside its done(), to be stored by the next
// commit.
void task_note_call(struct task *task, struct lf_call *call);

// task_store_exchanges() adds steps that store what was noted.
void task_store_exchanges(struct task *task, struct sql_op *op);

// task_fail() ends a run that came to nothing by a mistake of ours or of the database's: the job is
// run again later, and is dead when that happens again and again.
void task_fail(struct task *task, const struct error *err);

// task_failed_by() does that, and logs the event, if an operation of the task failed. Whether it
// did.
bool task_failed_by(struct task *task, const struct sql_op *op, const char *event);

// task_now_us() is the time by the tasks' clock.
int64_t task_now_us(const struct task *task);

// task_span_us() is one of domain/order.h's spans, as long as it is here.
int64_t task_span_us(const struct task *task, int64_t span_us);

// task_jitter() is a chance from 0 to 1.
double task_jitter(void);

#endif
