// Fetches a completed project's mesh files, one after the other.
#include "base/crash.h"
#include "base/log.h"
#include "store/file_store.h"
#include "tasks/convert_plan.h"
#include "tasks/task.h"

// A file that LightFusion does not show (404) is asked for this often: it may be late.
#define MISSING_TRIES 5
#define TRIES_MAX     10

// A fetch of all files under way.
struct fetching {
    struct files_fetch fetch;
    enum model_file_kind kind; // the one in hand
    struct row_list known;     // rows of struct model_file
    struct model_file file;
    unsigned fetched;
    unsigned wanted_again; // worth another run
};

static struct fetching *fetching_of(const struct task *task)
{
    return task->own;
}

static void fetch_next(struct task *task);

// ---- When all were tried.

static enum err apply_files(struct task *task, struct task_change *change, int64_t now_us,
                            struct error *err)
{
    const struct fetching *fetching = fetching_of(task);
    struct order *order = &task->order;
    (void)err;
    order->updated_at = OPT_I64(now_us);
    order->files = FILES_DONE;
    if (fetching->fetched < MODEL_FILE_ORIGINAL_COUNT)
        order->files = fetching->fetched > 0 ? FILES_PARTIAL : FILES_FAILED;
    change->job = TASK_JOB_FINISH;
    if (fetching->wanted_again > 0) {
        if (order->files == FILES_FAILED)
            order->files = FILES_PENDING;
        change->job = TASK_JOB_AGAIN;
        change->again_at_us =
            now_us + task_span_us(task, order_backoff_us(task->run->job.attempt, task_jitter()));
    } else if (task->plan->is_due) {
        change->add = JOB_CONVERT;
        change->add_at_us = now_us;
        change->convert = task->plan;
    }
    return ERR_OK;
}

static void commit_files(struct task *task)
{
    task_commit(task, apply_files, NULL);
}

static void finish(struct task *task)
{
    log_event(LOG_INFO, "files.fetched", "mesh files were fetched",
              LOG_I64("order_id", task->order.id),
              LOG_I64("project_id", task->order.project_id.value),
              LOG_I64("fetched", fetching_of(task)->fetched),
              LOG_I64("still_missing", fetching_of(task)->wanted_again));
    convert_plan_begin(task, arena_new(task->arena, struct convert_plan, 1), commit_files);
}

// ---- One file.

// What is stored of the file in hand; NULL: nothing.
static const struct model_file *known_of(const struct fetching *fetching)
{
    const struct model_file *files = fetching->known.objects;
    for (size_t i = 0; i < fetching->known.count; i++) {
        if (files[i].kind == fetching->kind)
            return &files[i];
    }
    return NULL;
}

// What a fetch means for the file and for another run. A full disk of ours is waited out for as
// long as it takes, and a run that was cut off is no try of the file's. Another job for the same
// files begins anew.
static void judge(struct fetching *fetching, bool is_first_run)
{
    const struct model_file *known = known_of(fetching);
    struct model_file *file = &fetching->file;
    const struct files_fetch *fetch = &fetching->fetch;
    if (fetch->error.code == ERR_OK) {
        file->state = MODEL_FILE_STORED;
        file->size = OPT_I64(fetch->size);
        file->sha256 = str_of(fetch->sha256);
        fetching->fetched++;
        return;
    }
    file->error = str_of(fetch->error.message);
    bool missing = fetch->error.code == ERR_NOT_FOUND;
    bool is_ours = fetch->error.code == ERR_UNAVAILABLE;
    if (known != NULL && !is_first_run)
        file->tries = known->tries;
    file->tries += is_ours ? 0 : 1;
    bool again = is_ours || file->tries < (missing ? MISSING_TRIES : TRIES_MAX);
    file->state = missing ? MODEL_FILE_MISSING : MODEL_FILE_FAILED;
    if (again) {
        file->state = MODEL_FILE_PENDING;
        fetching->wanted_again++;
    }
}

static void file_stored(struct sql_op *op)
{
    struct task *task = op->done_ctx;
    if (op->error.code != ERR_OK) {
        // The content is kept under its hash.
        log_error(LOG_WARN, "files.store_failed", &op->error);
        task_fail(task, &op->error);
        return;
    }
    crash_here(CRASH_FILE_STORED);
    notices_order_changed(task->tasks->notices, task->order.id);
    fetch_next(task);
}

static void fetched(struct files_fetch *fetch)
{
    struct task *task = fetch->ctx;
    struct fetching *fetching = fetching_of(task);
    fetching->file = (struct model_file){
        .project_id = task->order.project_id.value,
        .company_id = task->order.company_id,
        .name = model_file_name(fetch->kind),
        .kind = fetch->kind,
        .content_type = model_file_content_type(fetch->kind),
        .updated_at = OPT_I64(task_now_us(task)),
    };
    judge(fetching, task->run->job.attempt == 1);
    if (fetch->error.code != ERR_OK)
        log_error(fetching->file.state == MODEL_FILE_PENDING ? LOG_INFO : LOG_WARN,
                  "files.fetch_failed", &fetch->error);
    struct sql_op *op = sql_op_new(task->arena, "files_store", SQL_LANE_WRITE);
    op->is_idempotent = true;
    file_store_put(op, &fetching->file);
    op->done = file_stored;
    op->done_ctx = task;
    sql_submit(task->tasks->db, op);
}

static bool is_fetched(const struct fetching *fetching)
{
    const struct model_file *known = known_of(fetching);
    return known != NULL && known->state == MODEL_FILE_STORED;
}

static void fetch_next(struct task *task)
{
    struct fetching *fetching = fetching_of(task);
    while (++fetching->kind <= MODEL_FILE_ORIGINAL_MAX && is_fetched(fetching))
        fetching->fetched++;
    if (fetching->kind > MODEL_FILE_ORIGINAL_MAX) {
        finish(task);
        return;
    }
    fetching->fetch = (struct files_fetch){
        .url = lightfusion_file_url(task->tasks->lf, task->arena, task->order.project_id.value,
                                    model_file_kind_names[fetching->kind]),
        .kind = fetching->kind,
        .done = fetched,
        .ctx = task,
    };
    crash_here(CRASH_FILE_FETCHING);
    files_fetch_start(task->tasks->files, &fetching->fetch);
}

static void files_known(struct sql_op *op)
{
    struct task *task = op->done_ctx;
    if (op->error.code != ERR_OK) {
        log_error(LOG_WARN, "files.list_failed", &op->error);
        task_fail(task, &op->error);
        return;
    }
    fetch_next(task);
}

static void loaded(struct task *task)
{
    if (task->order.state != ORDER_COMPLETED || !task->order.project_id.set) {
        task_leave(task, 0, STR_NULL);
        return;
    }
    struct fetching *fetching = arena_new(task->arena, struct fetching, 1);
    task->own = fetching;
    fetching->known = (struct row_list){
        .arena = task->arena,
        .table = &model_file_table,
        .objects = arena_new(task->arena, struct model_file, MODEL_FILE_KIND_COUNT),
        .max = MODEL_FILE_KIND_COUNT,
    };
    struct sql_op *op = sql_op_new(task->arena, "files_known", SQL_LANE_SHORT);
    file_store_list(op, task->order.project_id.value, &fetching->known);
    op->done = files_known;
    op->done_ctx = task;
    sql_submit(task->tasks->db, op);
}

void task_files_run(struct job_run *run)
{
    task_begin(run, loaded);
}
