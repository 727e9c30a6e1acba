// Loads orders and commits their changes for all kinds of jobs.
#include "tasks/task.h"

#include "base/crash.h"
#include "base/log.h"
#include "base/pace.h"
#include "base/random.h"
#include "store/file_store.h"
#include "store/job_store.h"
#include "store/lead_store.h"
#include "store/order_commit.h"
#include "tasks/convert_plan.h"

#define RETRY_FIRST_MS  1000u
#define RETRY_MAX_MS    10000u
#define STALE_TRIES_MAX 50

int64_t task_now_us(const struct task *task)
{
    return clock_now_us(task->tasks->clock);
}

int64_t task_span_us(const struct task *task, int64_t span_us)
{
    return pace_us(task->tasks->pace, span_us);
}

double task_jitter(void)
{
    return (double)random_id() / 9007199254740992.0;
}

// ---- Loading.

static void load(struct task *task, const char *name, sql_done_fn *done)
{
    struct sql_op *op = sql_op_new(task->arena, name, SQL_LANE_SHORT);
    task->order = (struct order){0};
    task->lead = (struct lead){0};
    order_store_get(op, task->run->job.order_id, ERR_NOT_FOUND, &task->order);
    lead_store_get_of_order(op, task->run->job.order_id, &task->lead);
    op->done = done;
    op->done_ctx = task;
    sql_submit(task->tasks->db, op);
}

static void begin_loaded(struct sql_op *op)
{
    struct task *task = op->done_ctx;
    if (op->error.code == ERR_OK) {
        task->then(task);
        return;
    }
    if (op->error.code == ERR_NOT_FOUND) {
        task_leave(task, 0, STR("the order is gone"));
        return;
    }
    log_error(LOG_WARN, "job.load_failed", &op->error);
    task_fail(task, &op->error);
}

void task_begin(struct job_run *run, task_step_fn *loaded)
{
    struct task *task = arena_new(run->arena, struct task, 1);
    *task = (struct task){.run = run, .tasks = run->app, .arena = run->arena, .then = loaded};
    load(task, "task_load", begin_loaded);
}

// ---- Leaving without a change.

static void left(struct sql_op *op)
{
    struct task *task = op->done_ctx;
    if (op->error.code != ERR_OK && op->error.code != ERR_CANCELLED)
        log_error(LOG_WARN, "job.leave_failed", &op->error);
    job_run_end(task->run);
}

static void give_back(struct task *task, struct sql_op *op)
{
    crash_here(CRASH_JOB_LEAVING);
    op->is_idempotent = true; // who comes second finds no lease, which is no matter here
    op->done = left;
    op->done_ctx = task;
    sql_submit(task->tasks->db, op);
}

void task_leave(struct task *task, int64_t again_at_us, struct str why)
{
    if (again_at_us == 0 && task->exchange_count == 0) {
        job_run_finish(task->run);
        return;
    }
    struct sql_op *op = sql_op_new(task->arena, "task_leave", SQL_LANE_WRITE);
    struct job *job = &task->run->job;
    if (again_at_us == 0) {
        job_store_finish(op, job);
    } else {
        job->run_at = OPT_I64(again_at_us);
        job->last_error = str_cut(why, JOB_ERROR_MAX);
        job_store_reschedule(op, job, task_now_us(task));
    }
    task_store_exchanges(task, op);
    give_back(task, op);
}

// Without the database nothing can be said of the job: its lease ends by itself.
void task_fail(struct task *task, const struct error *err)
{
    struct sql_op *op = sql_op_new(task->arena, "task_fail", SQL_LANE_WRITE);
    struct job *job = &task->run->job;
    int64_t now_us = task_now_us(task);
    const char *cause = err->cause[0] != '\0' ? err->cause : err->message;
    job->run_at =
        OPT_I64(now_us + task_span_us(task, order_backoff_us(job->failures + 1, task_jitter())));
    job->last_error = str_cut(arena_printf(task->arena, "%s", cause), JOB_ERROR_MAX);
    job_store_fail(op, job, now_us);
    give_back(task, op);
}

bool task_failed_by(struct task *task, const struct sql_op *op, const char *event)
{
    if (op->error.code == ERR_OK)
        return false;
    log_error(LOG_WARN, event, &op->error);
    task_fail(task, &op->error);
    return true;
}

// ---- Committing.

static void commit_again(struct task *task);

static void retry_now(struct http_timer *timer)
{
    commit_again(CONTAINER_OF(timer, struct task, timer));
}

static void log_commit_failed(const struct task *task, const struct error *err)
{
    log_event(LOG_ERROR, "job.commit_failed", err->message,
              LOG_I64("order_id", task->run->job.order_id), LOG_I64("lead_id", task->order.lead_id),
              LOG_TEXT_FIELD("error", err_name(err->code)), LOG_TEXT_FIELD("cause", err->cause));
}

static void retry_later(struct task *task, const struct error *err)
{
    if (task->tries++ == 0)
        log_commit_failed(task, err);
    unsigned shift = task->tries < 5 ? task->tries - 1 : 4;
    unsigned delay_ms = RETRY_FIRST_MS << shift;
    task->timer.run = retry_now;
    http_client_run_after(task->tasks->http, &task->timer,
                          delay_ms < RETRY_MAX_MS ? delay_ms : RETRY_MAX_MS);
}

static void add_job_steps(struct task *task, struct sql_op *op, int64_t now_us)
{
    struct job *job = &task->run->job;
    const struct task_change *change = &task->change;
    const struct job added = {
        .kind = change->add,
        .order_id = task->order.id,
        .company_id = task->order.company_id,
        .priority = change->add == JOB_POLL ? JOB_PRIORITY_BATCH : JOB_PRIORITY_WAITING,
        .run_at = OPT_I64(change->add_at_us),
        .created_at = OPT_I64(now_us),
    };
    // A conversion that runs may have begun before the last file came.
    if (change->convert != NULL && change->convert->is_newer)
        job_store_add_once_more(op, &added);
    else if (change->add != JOB_NONE)
        job_store_add(op, &added);
    if (change->convert != NULL)
        file_store_await(op, change->convert->files, change->convert->count);
    if (task->lease_lost)
        return;
    if (change->job == TASK_JOB_FINISH)
        job_store_finish(op, job);
    if (change->job == TASK_JOB_AGAIN) {
        job->run_at = OPT_I64(change->again_at_us);
        job->last_error = task->order.failure_detail;
        job_store_reschedule(op, job, now_us);
    }
}

static void note_sources(const struct task *task, struct sql_op *op)
{
    for (int i = 0; task->change.note_sources && i < SOURCE_COUNT; i++) {
        const struct opt_i64 *said = &task->change.sources[i];
        if (said->set)
            order_store_note_id_source(op, (enum project_id_source)i,
                                       said->value == task->order.project_id.value);
    }
}

static void committed(struct sql_op *op);

static void log_state(const struct task *task)
{
    static const char *const words[] = {
        [ORDER_NONE] = "",
        [ORDER_REQUESTED] = "the model could not be ordered and will be tried again",
        [ORDER_SENDING] = "a model is being ordered",
        [ORDER_UNKNOWN] = "it is not known whether the model was ordered; it will be looked up",
        [ORDER_PARKED] = "a person has to decide: link the project or order again",
        [ORDER_CREATED] = "LightFusion has the project",
        [ORDER_PROCESSING] = "LightFusion works on the model",
        [ORDER_COMPLETED] = "the model is completed",
        [ORDER_FAILED] = "there will be no model",
        [ORDER_CANCELLED] = "the order was cancelled",
    };
    const struct order *order = &task->order;
    // While it is being sent, the failure is that of the try before.
    bool bad = order->failure != FAILURE_NONE && order->state != ORDER_SENDING;
    struct log_field project = LOG_STR("project_id", STR_NULL);
    struct log_field again = LOG_STR("retry_in_s", STR_NULL);
    if (order->project_id.set)
        project = LOG_I64("project_id", order->project_id.value);
    if (bad && task->change.job == TASK_JOB_AGAIN)
        again = LOG_I64("retry_in_s", (task->change.again_at_us - task_now_us(task)) / US_PER_S);
    log_event(bad ? LOG_WARN : LOG_INFO, order_event_type(order->state), words[order->state],
              LOG_I64("order_id", order->id), LOG_I64("lead_id", order->lead_id), project,
              LOG_STR("failure", str_of(bad ? order_failure_names[order->failure] : NULL)),
              LOG_STR("detail", bad ? order->failure_detail : STR_NULL), again);
}

static void add_order_steps(struct task *task, struct sql_op *op, int64_t now_us)
{
    struct order *order = &task->order;
    if (task->lead_part != TASK_LEAD_ALL && order->failure == FAILURE_NONE)
        order_fail_with(order, FAILURE_NONE, task->lead_refusal);
    switch (task->lead_part) {
    case TASK_LEAD_ALL:
        order_commit(op, order, task->before, &task->lead, now_us);
        return;
    case TASK_LEAD_WITHOUT_FIGURES:
        order_commit_without_figures(op, order, task->before, &task->lead, now_us);
        return;
    case TASK_LEAD_NOTHING:
        order_commit(op, order, task->before, &(const struct lead){0}, now_us);
        return;
    }
}

// The steps at which a trial kills the process, before and after the commit of a state.
static const struct {
    enum crash_step storing;
    enum crash_step stored;
} crash_steps[] = {
    [ORDER_NONE] = {CRASH_NONE, CRASH_NONE},
    [ORDER_REQUESTED] = {CRASH_STORING_REQUESTED, CRASH_STORED_REQUESTED},
    [ORDER_SENDING] = {CRASH_STORING_SENDING, CRASH_STORED_SENDING},
    [ORDER_UNKNOWN] = {CRASH_STORING_UNKNOWN, CRASH_STORED_UNKNOWN},
    [ORDER_PARKED] = {CRASH_STORING_PARKED, CRASH_STORED_PARKED},
    [ORDER_CREATED] = {CRASH_STORING_CREATED, CRASH_STORED_CREATED},
    [ORDER_PROCESSING] = {CRASH_STORING_PROCESSING, CRASH_STORED_PROCESSING},
    [ORDER_COMPLETED] = {CRASH_STORING_COMPLETED, CRASH_STORED_COMPLETED},
    [ORDER_FAILED] = {CRASH_STORING_FAILED, CRASH_STORED_FAILED},
    [ORDER_CANCELLED] = {CRASH_NONE, CRASH_NONE},
};

static void commit_loaded(struct sql_op *load_op)
{
    struct task *task = load_op->done_ctx;
    if (load_op->error.code != ERR_OK) {
        retry_later(task, &load_op->error);
        return;
    }
    int64_t now_us = task_now_us(task);
    task->before = task->order.state;
    task->known_detail = task->order.failure_detail;
    struct error err;
    error_reset(&err);
    task->change = (struct task_change){.job = TASK_JOB_KEEP};
    if (task->apply(task, &task->change, now_us, &err) != ERR_OK) {
        log_error(LOG_INFO, "job.overtaken", &err);
        task_leave(task, now_us + task_span_us(task, US_PER_S),
                   str_of("the order was changed meanwhile"));
        return;
    }
    struct sql_op *op = sql_op_new(task->arena, "task_commit", SQL_LANE_WRITE);
    add_order_steps(task, op, now_us);
    add_job_steps(task, op, now_us);
    note_sources(task, op);
    task_store_exchanges(task, op);
    op->done = committed;
    op->done_ctx = task;
    crash_here(crash_steps[task->order.state].storing);
    sql_submit(task->tasks->db, op);
}

static void commit_again(struct task *task)
{
    arena_rewind(task->arena, task->mark);
    load(task, "task_reload", commit_loaded);
}

static void commit_done(struct task *task)
{
    crash_here(crash_steps[task->order.state].stored);
    if (task->order.state != task->before)
        log_state(task);
    task->order.version++;
    task->exchange_count = 0;
    notices_order_changed(task->tasks->notices, task->order.id);
    if (task->change.add != JOB_NONE)
        jobs_wake_at(task->run->jobs, task->change.add_at_us);
    // One that is due later is for this process: the others look before they are late.
    if (task->change.add != JOB_NONE && task->change.add_at_us <= task_now_us(task))
        notices_job_added(task->tasks->notices);
    if (task->then == NULL)
        job_run_end(task->run);
    else
        task->then(task);
}

// What an order knows may have been paid for: when its lead's row, whose columns may be narrower
// than ours, refuses it, the order is stored with less of the lead, and says so.
static bool commit_less(struct task *task, const struct error *err)
{
    static const char *const left_out[] = {
        [TASK_LEAD_WITHOUT_FIGURES] = "The lead's row refuses the model's figures",
        [TASK_LEAD_NOTHING] = "The lead's row refuses what became of the order",
    };
    if (task->lead.id == 0 || task->lead_part == TASK_LEAD_NOTHING)
        return false;
    const struct order *order = &task->order;
    bool has_figures =
        order->system_size.set || order->panel_count.set || order->annual_production.set;
    task->lead_part = task->lead_part == TASK_LEAD_ALL && has_figures ? TASK_LEAD_WITHOUT_FIGURES
                                                                      : TASK_LEAD_NOTHING;
    struct str place = str_of(err->place_count > 0 ? err->places[0].pointer : "");
    const char *words = err->place_count > 0 ? err->places[0].detail : err->message;
    task->lead_refusal =
        arena_printf(task->arena, "%s: %.*s %s.", left_out[task->lead_part], STR_ARG(place), words);
    // What the next try needs is not given back with what this one took.
    task->mark = arena_mark(task->arena);
    // Once for an order, however often it is polled.
    if (str_equal(task->known_detail, task->lead_refusal))
        return true;
    log_event(LOG_ERROR, "order.lead_refused", left_out[task->lead_part],
              LOG_I64("order_id", order->id), LOG_I64("lead_id", order->lead_id),
              LOG_STR("place", place), LOG_TEXT_FIELD("detail", words),
              LOG_TEXT_FIELD("cause", err->cause), LOG_F64("system_size", order->system_size.value),
              LOG_I64("panel_count", order->panel_count.value),
              LOG_F64("annual_production", order->annual_production.value));
    return true;
}

static void commit_refused(struct task *task, const struct error *err)
{
    // A trigger's own words and a missing permission are internal to the driver.
    bool is_row =
        err->code == ERR_INVALID || err->code == ERR_TOO_LARGE || err->code == ERR_INTERNAL;
    if (is_row && commit_less(task, err)) {
        commit_again(task);
        return;
    }
    log_commit_failed(task, err);
    task_fail(task, err);
}

static void committed(struct sql_op *op)
{
    struct task *task = op->done_ctx;
    task->is_unsure = op->error.code == ERR_UNKNOWN_OUTCOME;
    switch (op->error.code) {
    case ERR_OK:
        commit_done(task);
        return;
    case ERR_CANCELLED:
        task->lease_lost = true;
        commit_again(task);
        return;
    case ERR_STALE:
        if (++task->stale_tries % STALE_TRIES_MAX != 0)
            commit_again(task);
        else
            retry_later(task, &op->error);
        return;
    case ERR_CONFLICT:
        if (task->conflict != NULL) {
            task->conflict(task);
            return;
        }
        break;
    case ERR_UNAVAILABLE:
    case ERR_TIMEOUT:
    case ERR_UNKNOWN_OUTCOME: // the next reading tells, and a change that was made is made again
        retry_later(task, &op->error);
        return;
    case ERR_INVALID:
    case ERR_NOT_FOUND:
    case ERR_UNAUTHENTICATED:
    case ERR_FORBIDDEN:
    case ERR_LIMITED:
    case ERR_TOO_LARGE:
    case ERR_UPSTREAM:
    case ERR_CORRUPT:
    case ERR_EXHAUSTED:
    case ERR_INTERNAL:
        break;
    }
    commit_refused(task, &op->error);
}

void task_commit(struct task *task, task_apply_fn *apply, task_step_fn *then)
{
    task_commit_or(task, apply, then, NULL);
}

void task_commit_or(struct task *task, task_apply_fn *apply, task_step_fn *then,
                    task_step_fn *conflict)
{
    task->apply = apply;
    task->then = then;
    task->conflict = conflict;
    task->mark = arena_mark(task->arena);
    task->tries = 0;
    task->stale_tries = 0;
    task->is_unsure = false;
    task->lead_part = TASK_LEAD_ALL;
    commit_again(task);
}
