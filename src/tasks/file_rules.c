// Reads a company's settings for a job, and ends the runs of those that may not store files.
#include "tasks/file_rules.h"

#include "base/log.h"
#include "store/company_store.h"
#include "store/file_store.h"

void file_rules_read(struct task *task, struct sql_op *op)
{
    const struct tasks *tasks = task->tasks;
    struct file_rules *rules = arena_new(task->arena, struct file_rules, 1);
    task->rules = rules;
    company_store_get(op, task->order.company_id, &rules->company);
    company_store_usage_if_bounded(op, task->order.company_id, tasks->file_policy.quota,
                                   &rules->stored_bytes);
}

enum file_ruling file_rules_judge(struct task *task, int64_t more_bytes)
{
    struct file_rules *rules = task->rules;
    rules->policy = file_policy_of(&rules->company, &task->tasks->file_policy);
    rules->ruling = FILE_MAY_BE_STORED;
    error_reset(&rules->why);
    if (task->lead.id == 0)
        rules->ruling = FILE_LEAD_GONE;
    else if (rules->policy.retention == RETENTION_STREAM)
        rules->ruling = FILE_NOT_KEPT;
    else if (file_quota_check(&rules->policy, rules->stored_bytes, more_bytes, &rules->why) !=
             ERR_OK)
        rules->ruling = FILE_QUOTA_FULL;
    return rules->ruling;
}

struct opt_i64 file_rules_room(const struct task *task)
{
    const struct file_rules *rules = task->rules;
    int64_t room = file_quota_room(&rules->policy, rules->stored_bytes);
    return room == INT64_MAX ? (struct opt_i64){0} : OPT_I64(room);
}

bool file_rules_leave_alone(const struct model_file *file)
{
    return file->state == MODEL_FILE_REMOVED || file->state == MODEL_FILE_REMOTE;
}

// ---- The end of a run that may store nothing.

static enum err apply_hold(struct task *task, struct task_change *change, int64_t now_us,
                           struct error *err)
{
    struct order *order = &task->order;
    (void)err;
    order->updated_at = OPT_I64(now_us);
    change->job = TASK_JOB_FINISH;
    switch (task->rules->ruling) {
    case FILE_NOT_KEPT:
        order->files = FILES_REMOTE;
        break;
    case FILE_LEAD_GONE:
        order->files = FILES_REMOVED;
        break;
    case FILE_QUOTA_FULL:
        change->job = TASK_JOB_AGAIN;
        change->again_at_us = now_us + task_span_us(task, FILE_QUOTA_WAIT_US);
        break;
    case FILE_MAY_BE_STORED:
        break;
    }
    return ERR_OK;
}

static void held(struct sql_op *op)
{
    struct task *task = op->done_ctx;
    if (task_failed_by(task, op, "files.store_failed"))
        return;
    task_commit(task, apply_hold, NULL);
}

static struct model_file row_of(const struct task *task, enum model_file_kind kind)
{
    const struct file_rules *rules = task->rules;
    struct model_file file = {
        .project_id = task->order.project_id.value,
        .company_id = task->order.company_id,
        .name = model_file_name(kind),
        .kind = kind,
        .content_type = model_file_content_type(kind),
        .updated_at = OPT_I64(task_now_us(task)),
    };
    switch (rules->ruling) {
    case FILE_NOT_KEPT:
        file.state = MODEL_FILE_REMOTE;
        break;
    case FILE_LEAD_GONE:
        file.state = MODEL_FILE_REMOVED;
        file.error = MODEL_FILE_REMOVED_WORDS;
        break;
    case FILE_QUOTA_FULL:
        file.state = MODEL_FILE_PENDING;
        file.error = str_of(rules->why.message);
        break;
    case FILE_MAY_BE_STORED:
        break;
    }
    return file;
}

// Whether a file waits for nothing: it is stored, or nobody asked for it again.
static bool is_settled(const struct row_list *known, enum model_file_kind kind)
{
    const struct model_file *files = known->objects;
    for (size_t i = 0; i < known->count; i++) {
        if (files[i].kind == kind)
            return files[i].state == MODEL_FILE_STORED || file_rules_leave_alone(&files[i]);
    }
    return false;
}

bool file_rules_hold(struct task *task, const struct row_list *known)
{
    if (file_rules_judge(task, 0) == FILE_MAY_BE_STORED)
        return false;
    struct sql_op *op = sql_op_new(task->arena, "files_hold", SQL_LANE_WRITE);
    struct model_file *rows = arena_new(task->arena, struct model_file, MODEL_FILE_KIND_COUNT);
    size_t count = 0;
    op->is_idempotent = true;
    for (int kind = MODEL_FILE_NONE + 1; kind <= MODEL_FILE_ORIGINAL_MAX; kind++) {
        if (is_settled(known, (enum model_file_kind)kind))
            continue;
        rows[count] = row_of(task, (enum model_file_kind)kind);
        file_store_put(op, &rows[count], rows[count].updated_at.value);
        count++;
    }
    // With all of them stored there is nothing to wait for.
    if (count == 0 && task->rules->ruling == FILE_QUOTA_FULL)
        return false;
    if (task->rules->ruling == FILE_QUOTA_FULL)
        log_event(LOG_WARN, "files.quota_full", task->rules->why.message,
                  LOG_I64("company_id", task->order.company_id),
                  LOG_I64("order_id", task->order.id));
    op->done = held;
    op->done_ctx = task;
    if (count == 0)
        task_commit(task, apply_hold, NULL);
    else
        sql_submit(task->tasks->db, op);
    return true;
}
