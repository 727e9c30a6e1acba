// Reads a project's state from LightFusion and keeps order and lead in step with it.
#include "base/crash.h"
#include "base/log.h"
#include "store/order_commit.h"
#include "tasks/project_json.h"
#include "tasks/task.h"

// LightFusion may not know a project for a moment after it made it.
#define GONE_AFTER_US (300 * US_PER_S)

// Polls fall due at whole tenths of a second: those of one are claimed, and stored, together.
#define TOGETHER_US (100 * US_PER_MS)

// A poll under way.
struct poll {
    struct task *task;
    struct lf_complete complete;
    struct lf_details details;
    struct noted_poll noted;
    bool has_details;
    int64_t began_us; // UTC: polls keep their distance, however long one takes
};

static struct poll *poll_of(const struct task *task)
{
    return task->own;
}

static struct poll *poll_of_noted(struct noted_poll *noted)
{
    return CONTAINER_OF(noted, struct poll, noted);
}

// When to look again: soon at an order that is live, now and then at one whose end may come late,
// or 0: no more.
static int64_t next_look_us(const struct task *task, int64_t now_us)
{
    const struct order *order = &task->order;
    if (order_is_live(order->state)) {
        int64_t began_us = poll_of(task)->began_us;
        int64_t wait_us =
            upstream_state_next_poll_us(task->tasks->upstream, order, began_us, task_jitter());
        int64_t next_us = began_us + task_span_us(task, wait_us);
        next_us = (next_us / TOGETHER_US + 1) * TOGETHER_US;
        return next_us < now_us ? now_us : next_us;
    }
    bool late = order->state == ORDER_FAILED && order->failure == FAILURE_TIMEOUT;
    if (late && now_us - order->created_at.value < task_span_us(task, ORDER_LATE_UNTIL_US))
        return now_us + task_span_us(task, ORDER_LATE_LOOK_US);
    return 0;
}

static void plan_next(const struct task *task, struct task_change *change, int64_t now_us,
                      int64_t not_before_us)
{
    int64_t next_us = next_look_us(task, now_us);
    if (next_us == 0) {
        change->job = TASK_JOB_FINISH;
        return;
    }
    change->job = TASK_JOB_AGAIN;
    change->again_at_us = next_us < not_before_us ? not_before_us : next_us;
}

static enum err give_up_if_late(struct task *task, int64_t now_us, struct error *err)
{
    struct order *order = &task->order;
    int64_t give_up_us = task_span_us(task, ORDER_GIVE_UP_US);
    if (!order_is_live(order->state) || now_us - order->created_at.value < give_up_us)
        return ERR_OK;
    TRY(order_go(order, ORDER_FAILED, now_us, err));
    order_fail_with(order, FAILURE_TIMEOUT, STR("LightFusion did not finish the model in time."));
    return ERR_OK;
}

static enum err must_be_polled(const struct order *order, struct error *err)
{
    bool fits = order->project_id.set && order->house_id.set;
    return fits ? ERR_OK : error_set(err, ERR_CONFLICT, "the order has no project to poll");
}

// ---- After the answer.

static void note_sources(const struct task *task, struct task_change *change)
{
    const struct lf_complete *complete = &poll_of(task)->complete;
    // One note an order is enough; and what was looked up by a source, or linked by hand, proves
    // nothing.
    if (task->order.polls > 1 || !task->order.answered)
        return;
    change->note_sources = true;
    change->sources[SOURCE_LEAD_ID] = complete->lead_own_id;
    change->sources[SOURCE_LEAD_LEAD_ID] = complete->lead_id;
    change->sources[SOURCE_BUILD_ID] = complete->build_id;
}

static void note_details(struct task *task)
{
    const struct poll *poll = poll_of(task);
    struct project_details details = {0};
    struct error err;
    error_reset(&err);
    if (project_details_read(task->order.details, task->arena, &details, &err) != ERR_OK)
        log_error(LOG_WARN, "order.details_unreadable", &err);
    if (poll->complete.lead_completion.len > 0)
        details.lead_completion = poll->complete.lead_completion;
    if (poll->has_details) {
        details.panel = poll->details.panel;
        details.inverter = poll->details.inverter;
        details.storage = poll->details.storage;
        if (poll->details.adders.len > 0)
            details.adders = poll->details.adders;
        if (poll->details.price_breakdown.len > 0)
            details.price_breakdown = poll->details.price_breakdown;
        if (!task->order.estimated_cost.set)
            task->order.estimated_cost = poll->details.total_amount;
    }
    struct str text = project_details_text(&details, task->arena);
    if (text.len > 0)
        task->order.details = text;
}

static enum err apply_reading(struct task *task, struct task_change *change, int64_t now_us,
                              struct error *err)
{
    enum order_state before = task->order.state;
    TRY(must_be_polled(&task->order, err));
    order_take_reading(&task->order, &poll_of(task)->complete.reading, now_us);
    TRY(give_up_if_late(task, now_us, err));
    note_details(task);
    note_sources(task, change);
    plan_next(task, change, now_us, 0);
    // Files that could not be had are tried again when somebody asks for the status.
    bool wanted = before != ORDER_COMPLETED || task->order.files == FILES_PARTIAL ||
                  task->order.files == FILES_FAILED;
    if (task->order.state == ORDER_COMPLETED && wanted) {
        change->add = JOB_FILES;
        change->add_at_us = now_us;
    }
    return ERR_OK;
}

static enum err apply_failed_poll(struct task *task, struct task_change *change, int64_t now_us,
                                  struct error *err)
{
    const struct lf_call *call = &poll_of(task)->complete.call;
    struct order *order = &task->order;
    TRY(must_be_polled(order, err));
    order_take_failed_poll(order, call->attempted, now_us);
    if (order_is_live(order->state))
        order_fail_with(order, call->failure, call->words);
    else if (order->state == ORDER_COMPLETED) // nothing is amiss with the model
        order_fail_with(order, FAILURE_NONE, call->words);
    bool gone = call->outcome == LF_NOT_FOUND && order_is_live(order->state) &&
                now_us - order->created_at.value >= task_span_us(task, GONE_AFTER_US);
    if (gone) {
        TRY(order_go(order, ORDER_FAILED, now_us, err));
        order_fail_with(order, FAILURE_GONE, STR("LightFusion does not know the project."));
    }
    // What was held back here tells nothing of LightFusion.
    if (call->attempted)
        TRY(give_up_if_late(task, now_us, err));
    plan_next(task, change, now_us, now_us + (int64_t)call->retry_after_s * US_PER_S);
    return ERR_OK;
}

static void commit_reading(struct task *task)
{
    task_commit(task, apply_reading, NULL);
}

static void details_read(struct lf_call *call)
{
    struct task *task = call->ctx;
    task_note_call(task, call);
    crash_here(CRASH_DETAILS_ANSWERED);
    poll_of(task)->has_details = call->outcome == LF_OK;
    commit_reading(task);
}

// Hardware and prices are read once, when the model is done; again if that failed.
static bool wants_details(const struct task *task)
{
    const struct project_reading *reading = &poll_of(task)->complete.reading;
    struct project_details known;
    if (!reading->state.set || reading->state.value != LF_DONE)
        return false;
    return task->order.state != ORDER_COMPLETED ||
           project_details_read(task->order.details, task->arena, &known, NULL) != ERR_OK ||
           known.price_breakdown.len == 0;
}

// Not the many polls that find a project at work like the one before.
static bool tells_something(const struct task *task)
{
    const struct lf_complete *complete = &poll_of(task)->complete;
    const struct opt_i64 *state = &complete->reading.state;
    bool at_work = state->set && model_status_of_lightfusion(state->value) == MODEL_PROCESSING;
    return complete->call.outcome != LF_OK || !at_work || task->order.state != ORDER_PROCESSING ||
           task->order.poll_failed;
}

// ---- Most polls find a project at work like the one before: they are stored together.

static void noted(struct noted_poll *poll, bool stored)
{
    struct task *task = poll_of_noted(poll)->task;
    struct job *job = &task->run->job;
    if (!stored) {
        commit_reading(task);
        return;
    }
    job->run_at = OPT_I64(poll->note.run_at_us);
    notices_order_changed(task->tasks->notices, task->order.id);
    job_run_end(task->run);
}

// Whether a reading tells nothing of the order, as it was read before the call, but that time
// passed.
static bool is_as_before(struct task *task, int64_t now_us)
{
    const struct order before = task->order;
    struct error err;
    // For somebody who waits all is stored, at once.
    if (task_is_awaited(task))
        return false;
    if (task->exchange_count > 0 || before.state != ORDER_PROCESSING || before.polls == 0 ||
        must_be_polled(&before, NULL) != ERR_OK)
        return false;
    order_take_reading(&task->order, &poll_of(task)->complete.reading, now_us);
    note_details(task);
    error_reset(&err);
    return give_up_if_late(task, now_us, &err) == ERR_OK &&
           order_is_as_before(&before, &task->order) &&
           !order_shows_on_lead(&task->order, &task->lead, now_us);
}

// A commit begins with the order as it is stored then, so the one that was compared may be changed.
static void note_poll(struct task *task)
{
    int64_t now_us = task_now_us(task);
    struct poll *poll = poll_of(task);
    const struct job *job = &task->run->job;
    if (!is_as_before(task, now_us)) {
        commit_reading(task);
        return;
    }
    poll->noted = (struct noted_poll){
        .note =
            {
                .order_id = task->order.id,
                .version = task->order.version,
                .progress = task->order.progress,
                .job_id = job->id,
                .attempt = job->attempt,
                .run_at_us = next_look_us(task, now_us),
            },
        .done = noted,
    };
    poll_notes_add(task->tasks->poll_notes, &poll->noted);
}

static void completed_read(struct lf_call *call)
{
    struct task *task = call->ctx;
    struct poll *poll = poll_of(task);
    crash_here(CRASH_POLL_ANSWERED);
    if (tells_something(task))
        task_note_call(task, call);
    if (call->outcome != LF_OK) {
        task_commit(task, apply_failed_poll, NULL);
        return;
    }
    if (!wants_details(task)) {
        note_poll(task);
        return;
    }
    poll->details = (struct lf_details){
        .call = task_call(task, details_read),
        .project_id = task->order.project_id.value,
        .house_id = task->order.house_id.value,
    };
    lightfusion_details(task->tasks->lf, &poll->details);
}

// The job takes the place of one that died: LightFusion is not asked, only the time is minded.
static enum err apply_given_up(struct task *task, struct task_change *change, int64_t now_us,
                               struct error *err)
{
    TRY(must_be_polled(&task->order, err));
    TRY(give_up_if_late(task, now_us, err));
    if (order_is_live(task->order.state)) {
        change->job = TASK_JOB_AGAIN;
        change->again_at_us = task->order.created_at.value + task_span_us(task, ORDER_GIVE_UP_US);
    } else {
        plan_next(task, change, now_us, 0);
    }
    return ERR_OK;
}

static void loaded(struct task *task)
{
    if (!task->order.project_id.set || !task->order.house_id.set ||
        task->order.state == ORDER_PARKED) {
        task_leave(task, 0, STR_NULL);
        return;
    }
    if (job_is_exhausted(&task->run->job) && order_is_live(task->order.state)) {
        task_commit(task, apply_given_up, NULL);
        return;
    }
    struct poll *poll = arena_new(task->arena, struct poll, 1);
    task->own = poll;
    poll->task = task;
    poll->began_us = task_now_us(task);
    poll->complete = (struct lf_complete){
        .call = task_call(task, completed_read),
        .house_id = task->order.house_id.value,
    };
    crash_here(CRASH_POLL_ASKING);
    lightfusion_complete(task->tasks->lf, &poll->complete);
}

void task_poll_run(struct job_run *run)
{
    task_begin(run, loaded);
}
