// Sends model orders, behind the fence that keeps each from being paid for twice.
#include "base/crash.h"
#include "base/log.h"
#include "tasks/project_json.h"
#include "tasks/task.h"
#include "tasks/task_lookup.h"

// So many fences without an answer are told from those of other processes, the last ones.
#define UNSURE_MAX 8

// A create under way.
struct sending {
    struct lf_create create;
    struct project_request request;
    int64_t began_at_us; // order.sending_at of this attempt
    // The same of the fence that was last to be stored, and of those whose commit had no answer:
    // one of them may be what is found stored.
    int64_t fence_at_us;
    int64_t unsure_at_us[UNSURE_MAX];
    size_t unsure_count;
};

static struct lf_create *create_of(struct task *task)
{
    return &((struct sending *)task->own)->create;
}

// An answer is about its own attempt only: when another process took the order over and sent it
// again, or a person settled it, it tells nothing of that. A paid project that the order cannot
// take then is noted in the log, for a person to find.
static enum err must_be_this_attempt(struct task *task, struct error *err)
{
    const struct sending *sending = task->own;
    const struct lf_create *create = &sending->create;
    const struct order *order = &task->order;
    bool waits = order->state == ORDER_SENDING || order->state == ORDER_UNKNOWN ||
                 order->state == ORDER_PARKED || order->state == ORDER_REQUESTED;
    if (waits && order->sending_at.set && order->sending_at.value == sending->began_at_us)
        return ERR_OK;
    if (create->project_id > 0)
        log_event(LOG_ERROR, "order.project_left", "a project was made that its order cannot take",
                  LOG_I64("order_id", order->id), LOG_I64("project_id", create->project_id),
                  LOG_I64("house_id", create->house_id.value),
                  LOG_TEXT_FIELD("state", order_state_names[order->state]));
    return error_set(err, ERR_CONFLICT, "the order is not in this attempt any more");
}

// ---- After the answer.

static void note_figures(struct order *order, const struct project_figures *figures)
{
    order->system_size = figures->system_size;
    order->panel_count = figures->panel_count;
    order->annual_production = figures->annual_production;
    order->estimated_cost = figures->estimated_cost;
    order->annual_savings = figures->annual_savings;
}

static bool is_created_as(const struct order *order, int64_t project_id)
{
    return order->created_at.set && order->project_id.set && order->project_id.value == project_id;
}

static enum err apply_created(struct task *task, struct task_change *change, int64_t now_us,
                              struct error *err)
{
    const struct lf_create *create = create_of(task);
    if (is_created_as(&task->order, create->project_id)) {
        change->job = TASK_JOB_FINISH;
        return ERR_OK; // stored already, only the word of it was lost
    }
    TRY(must_be_this_attempt(task, err));
    TRY(order_go(&task->order, ORDER_CREATED, now_us, err));
    task->order.project_id = OPT_I64(create->project_id);
    task->order.house_id = create->house_id;
    task->order.answered = true;
    note_figures(&task->order, &create->figures);
    if (create->details.adders.len > 0 || create->details.panel.len > 0)
        task->order.details = project_details_text(&create->details, task->arena);
    change->job = TASK_JOB_FINISH;
    change->add = JOB_POLL;
    int64_t wait_us =
        upstream_state_next_poll_us(task->tasks->upstream, &task->order, now_us, task_jitter());
    change->add_at_us = now_us + task_span_us(task, wait_us);
    return ERR_OK;
}

// LightFusion's number for the project is linked to another order already: a person has to look.
static enum err apply_taken(struct task *task, struct task_change *change, int64_t now_us,
                            struct error *err)
{
    struct str words = arena_printf(
        task->arena, "LightFusion answered with project %lld, which another order has already.",
        (long long)create_of(task)->project_id);
    TRY(must_be_this_attempt(task, err));
    TRY(order_go(&task->order, ORDER_PARKED, now_us, err));
    order_fail_with(&task->order, FAILURE_UNCLEAR, words);
    change->job = TASK_JOB_FINISH;
    return ERR_OK;
}

static void park_taken(struct task *task)
{
    task_commit(task, apply_taken, NULL);
}

// Nothing was sent: the order waits for its next try, or fails when there were enough.
static enum err apply_not_sent(struct task *task, struct task_change *change, int64_t now_us,
                               struct error *err)
{
    const struct lf_call *call = &create_of(task)->call;
    bool enough = task->order.attempts >= ORDER_TRIES_MAX;
    TRY(must_be_this_attempt(task, err));
    if (task->order.state == ORDER_PARKED) // its job is gone: only a person sets it going again
        return error_set(err, ERR_CONFLICT, "the order was parked meanwhile");
    TRY(order_go(&task->order, enough ? ORDER_FAILED : ORDER_REQUESTED, now_us, err));
    order_fail_with(&task->order, call->failure, call->words);
    if (enough) {
        change->job = TASK_JOB_FINISH;
        return ERR_OK;
    }
    // What our own client held back (breaker, limits, a fence too old) never left: it is no try of
    // the order's.
    if (!call->attempted || call->http.held_back)
        task->order.attempts--;
    int64_t wait_us = task_span_us(task, order_backoff_us(task->run->job.attempt, task_jitter()));
    int64_t asked_us = (int64_t)call->retry_after_s * US_PER_S;
    change->job = TASK_JOB_AGAIN;
    change->again_at_us = now_us + (asked_us > wait_us ? asked_us : wait_us);
    return ERR_OK;
}

static enum err apply_refused(struct task *task, struct task_change *change, int64_t now_us,
                              struct error *err)
{
    const struct lf_call *call = &create_of(task)->call;
    TRY(must_be_this_attempt(task, err));
    TRY(order_go(&task->order, ORDER_FAILED, now_us, err));
    order_fail_with(&task->order, FAILURE_REFUSED, call->words);
    change->job = TASK_JOB_FINISH;
    return ERR_OK;
}

// Nobody knows whether a project was made. What is known of it (an id without a house) is kept.
static enum err apply_unclear(struct task *task, struct task_change *change, int64_t now_us,
                              struct error *err)
{
    const struct lf_create *create = create_of(task);
    TRY(must_be_this_attempt(task, err));
    TRY(order_go(&task->order, ORDER_UNKNOWN, now_us, err));
    order_fail_with(&task->order, FAILURE_UNCLEAR, create->call.words);
    if (create->call.outcome == LF_OK && create->project_id > 0)
        task->order.project_id = OPT_I64(create->project_id);
    change->job = TASK_JOB_AGAIN;
    change->again_at_us = now_us + task_span_us(task, TASK_LOOKUP_DELAY_US);
    return ERR_OK;
}

static void answered(struct lf_call *call)
{
    struct task *task = call->ctx;
    crash_here(CRASH_CREATE_ANSWERED);
    task_note_call(task, call);
    switch (call->outcome) {
    case LF_OK:
        if (create_of(task)->house_id.set)
            task_commit_or(task, apply_created, NULL, park_taken);
        else
            task_commit_or(task, apply_unclear, NULL, park_taken);
        return;
    case LF_NOT_SENT:
        task_commit(task, apply_not_sent, NULL);
        return;
    case LF_REFUSED:
    case LF_NOT_FOUND:
        task_commit(task, apply_refused, NULL);
        return;
    case LF_UNCLEAR:
        task_commit(task, apply_unclear, NULL);
        return;
    }
}

// ---- Before the request.

// The last look before the request is handed to the network: the fence has to be fresh, since
// another process may take the order over when this one was held up.
static bool still_fresh(struct lf_create *create)
{
    const struct task *task = create->call.ctx;
    int64_t age_us = task_now_us(task) - task->order.sending_at.value;
    if (age_us < 0 || age_us >= task_span_us(task, ORDER_SEND_FRESH_US))
        return false;
    crash_here(CRASH_CREATE_SENDING);
    return true;
}

static void send(struct task *task)
{
    struct sending *sending = task->own;
    sending->began_at_us = task->order.sending_at.value;
    sending->create = (struct lf_create){
        .call = task_call(task, answered),
        .request = &sending->request,
        .still_wanted = still_fresh,
    };
    lightfusion_create(task->tasks->lf, &sending->create);
}

// Whether the order is behind a fence of this run, of which it was not heard that it was stored, so
// that nothing was sent.
static bool is_own_fence(const struct task *task)
{
    const struct sending *sending = task->own;
    size_t known = sending->unsure_count < UNSURE_MAX ? sending->unsure_count : UNSURE_MAX;
    for (size_t i = 0; i < known && task->order.state == ORDER_SENDING; i++) {
        if (task->order.sending_at.value == sending->unsure_at_us[i])
            return true;
    }
    return false;
}

static enum err apply_sending(struct task *task, struct task_change *change, int64_t now_us,
                              struct error *err)
{
    (void)change;
    struct sending *sending = task->own;
    if (task->is_unsure)
        sending->unsure_at_us[sending->unsure_count++ % UNSURE_MAX] = sending->fence_at_us;
    bool is_own = is_own_fence(task);
    // Only from here: what another process sends must not be sent a second time.
    if (task->order.state != ORDER_REQUESTED && !is_own)
        return error_set(err, ERR_CONFLICT, "the order is not waiting to be sent any more");
    // That it can be read is not enough, since a failover may lose it yet: it is stored anew, for
    // the same attempt.
    if (is_own)
        task->order.attempts--;
    sending->fence_at_us = now_us;
    return order_go(&task->order, ORDER_SENDING, now_us, err);
}

static enum err apply_unreadable(struct task *task, struct task_change *change, int64_t now_us,
                                 struct error *err)
{
    TRY(order_go(&task->order, ORDER_FAILED, now_us, err));
    order_fail_with(&task->order, FAILURE_REFUSED, STR("The stored request cannot be read."));
    change->job = TASK_JOB_FINISH;
    return ERR_OK;
}

static void begin_sending(struct task *task)
{
    struct sending *sending = arena_new(task->arena, struct sending, 1);
    struct error err;
    error_reset(&err);
    task->own = sending;
    if (project_request_read(task->order.request, task->arena, &sending->request, &err) != ERR_OK) {
        log_error(LOG_ERROR, "order.unreadable", &err);
        task_commit(task, apply_unreadable, NULL);
        return;
    }
    task_commit(task, apply_sending, send);
}

// The process that was sending is gone, and nobody heard the answer.
static enum err apply_interrupted(struct task *task, struct task_change *change, int64_t now_us,
                                  struct error *err)
{
    TRY(must_be_this_attempt(task, err));
    TRY(order_go(&task->order, ORDER_UNKNOWN, now_us, err));
    order_fail_with(&task->order, FAILURE_UNCLEAR,
                    STR("The server stopped while the order was being sent."));
    change->job = TASK_JOB_AGAIN;
    change->again_at_us = now_us + task_span_us(task, TASK_LOOKUP_DELAY_US);
    return ERR_OK;
}

static void begin_interrupted(struct task *task)
{
    struct sending *sending = arena_new(task->arena, struct sending, 1);
    sending->began_at_us = task->order.sending_at.value;
    task->own = sending;
    task_commit(task, apply_interrupted, NULL);
}

// The job takes the place of one that died: nothing is sent any more. Where nothing was sent, that
// is the end; otherwise a person has to find out what became of it.
static enum err apply_given_up(struct task *task, struct task_change *change, int64_t now_us,
                               struct error *err)
{
    bool is_unsent = task->order.state == ORDER_REQUESTED;
    if (!is_unsent && task->order.state != ORDER_SENDING && task->order.state != ORDER_UNKNOWN)
        return error_set(err, ERR_CONFLICT, "the order has gone on meanwhile");
    TRY(order_go(&task->order, is_unsent ? ORDER_FAILED : ORDER_PARKED, now_us, err));
    order_fail_with(&task->order, is_unsent ? FAILURE_GIVEN_UP : FAILURE_UNCLEAR,
                    STR("Working on the order came to nothing again and again."));
    change->job = TASK_JOB_FINISH;
    return ERR_OK;
}

static void loaded(struct task *task)
{
    enum order_state state = task->order.state;
    bool is_ours = state == ORDER_REQUESTED || state == ORDER_SENDING || state == ORDER_UNKNOWN;
    if (is_ours && job_is_exhausted(&task->run->job)) {
        task_commit(task, apply_given_up, NULL);
        return;
    }
    switch (state) {
    case ORDER_REQUESTED:
        begin_sending(task);
        return;
    case ORDER_SENDING:
        begin_interrupted(task);
        return;
    case ORDER_UNKNOWN:
        task_lookup(task);
        return;
    case ORDER_NONE:
    case ORDER_PARKED:
    case ORDER_CREATED:
    case ORDER_PROCESSING:
    case ORDER_COMPLETED:
    case ORDER_FAILED:
    case ORDER_CANCELLED:
        task_leave(task, 0, STR_NULL);
        return;
    }
}

void task_order_run(struct job_run *run)
{
    task_begin(run, loaded);
}
