// Fetches a completed project's mesh files, all at once.
#include "base/crash.h"
#include "base/log.h"
#include "base/thread.h"
#include "store/file_store.h"
#include "tasks/file_rules.h"
#include "tasks/convert_plan.h"
#include "tasks/task.h"

// A file that LightFusion does not show (404) is asked for this often: it may be late.
#define MISSING_TRIES 5
#define TRIES_MAX     10
// When it is our side that cannot (a full disk), it may be able to at any moment.
#define OURS_AGAIN_MAX_US (60 * US_PER_S)

struct fetching;

// One of the files that are fetched side by side.
struct file_fetch {
    struct files_fetch fetch;
    struct fetching *fetching;
    struct model_file file;
    struct file_fetch *next; // of those that have ended
};

// A fetch of all files under way. Downloads end on any thread; what comes of them is stored one
// after the other, by whoever is `storing`, and only he touches the task and what is below.
struct fetching {
    pthread_mutex_t mutex; // guards the three below
    struct file_fetch *ended;
    unsigned left; // that have not ended, or are not stored
    bool storing;
    struct task *task;
    struct row_list known; // rows of struct model_file
    struct file_fetch files[MODEL_FILE_ORIGINAL_COUNT];
    unsigned fetched;
    unsigned wanted_again; // worth another run
    unsigned left_alone;   // removed, or not to be stored
    bool is_ours;          // one of them failed by our side
    bool is_full;          // one of them is beyond the company's quota
    struct error error;    // of a row that could not be stored
};

static struct fetching *fetching_of(const struct task *task)
{
    return task->own;
}

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
    if (fetching->left_alone > 0)
        order->files = FILES_REMOVED;
    change->job = TASK_JOB_FINISH;
    if (fetching->wanted_again > 0) {
        if (order->files == FILES_FAILED)
            order->files = FILES_PENDING;
        change->job = TASK_JOB_AGAIN;
        int64_t wait_us = order_backoff_us(task->run->job.attempt, task_jitter());
        if (fetching->is_ours && wait_us > OURS_AGAIN_MAX_US)
            wait_us = OURS_AGAIN_MAX_US;
        if (fetching->is_full)
            wait_us = FILE_QUOTA_WAIT_US;
        change->again_at_us = now_us + task_span_us(task, wait_us);
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
    struct fetching *fetching = fetching_of(task);
    pthread_mutex_destroy(&fetching->mutex);
    if (fetching->error.code != ERR_OK) {
        task_fail(task, &fetching->error);
        return;
    }
    log_event(
        LOG_INFO, "files.fetched", "mesh files were fetched", LOG_I64("order_id", task->order.id),
        LOG_I64("project_id", task->order.project_id.value), LOG_I64("fetched", fetching->fetched),
        LOG_I64("still_missing", fetching->wanted_again));
    convert_plan_begin(task, arena_new(task->arena, struct convert_plan, 1), commit_files);
}

// ---- One file.

// What is known of a file; NULL: nothing.
static const struct model_file *known_of(const struct fetching *fetching, enum model_file_kind kind)
{
    const struct model_file *files = fetching->known.objects;
    for (size_t i = 0; i < fetching->known.count; i++) {
        if (files[i].kind == kind)
            return &files[i];
    }
    return NULL;
}

// What a fetch means for the file and for another run. A full disk of ours is waited out for as
// long as it takes, and a run that was cut off is no try of the file's. Another job for the same
// files begins anew.
static void judge(struct fetching *fetching, struct file_fetch *one, bool is_first_run)
{
    const struct files_fetch *fetch = &one->fetch;
    const struct model_file *known = known_of(fetching, fetch->kind);
    struct model_file *file = &one->file;
    if (fetch->error.code == ERR_OK) {
        file->state = MODEL_FILE_STORED;
        file->size = OPT_I64(fetch->size);
        file->sha256 = str_of(fetch->sha256);
        fetching->fetched++;
        return;
    }
    file->error = str_of(fetch->error.message);
    if (fetch->error.code == ERR_EXHAUSTED) { // of room
        (void)file_rules_judge(fetching->task, INT64_MAX);
        file->error = str_of(fetching->task->rules->why.message);
        file->state = MODEL_FILE_PENDING;
        fetching->is_full = true;
        fetching->wanted_again++;
        return;
    }
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
        fetching->is_ours = fetching->is_ours || is_ours;
    }
}

static void store_ended(struct fetching *fetching);

static void file_stored(struct sql_op *op)
{
    struct fetching *fetching = op->done_ctx;
    struct task *task = fetching->task;
    if (op->error.code != ERR_OK) {
        // The content is kept under its hash.
        log_error(LOG_WARN, "files.store_failed", &op->error);
        fetching->error = op->error;
    } else {
        crash_here(CRASH_FILE_STORED);
        notices_order_changed(task->tasks->notices, task->order.id);
    }
    mutex_lock(&fetching->mutex);
    fetching->left--;
    mutex_unlock(&fetching->mutex);
    store_ended(fetching);
}

// With the words of the file's row: where there is no room, they tell of the quota.
static void log_failed(const struct file_fetch *one)
{
    const struct error *err = &one->fetch.error;
    log_event(one->file.state == MODEL_FILE_PENDING ? LOG_INFO : LOG_WARN, "files.fetch_failed",
              one->file.error.ptr, LOG_I64("order_id", one->fetching->task->order.id),
              LOG_I64("project_id", one->file.project_id), LOG_STR("file", one->file.name),
              LOG_TEXT_FIELD("code", err_name(err->code)),
              LOG_STR("cause", err->cause[0] == '\0' ? STR_NULL : str_of(err->cause)));
}

static void store_file(struct file_fetch *one)
{
    struct fetching *fetching = one->fetching;
    struct task *task = fetching->task;
    enum model_file_kind kind = one->fetch.kind;
    one->file = (struct model_file){
        .project_id = task->order.project_id.value,
        .company_id = task->order.company_id,
        .name = model_file_name(kind),
        .kind = kind,
        .content_type = model_file_content_type(kind),
        .updated_at = OPT_I64(task_now_us(task)),
    };
    judge(fetching, one, task->run->job.attempt == 1);
    if (one->fetch.error.code != ERR_OK)
        log_failed(one);
    struct sql_op *op = sql_op_new(task->arena, "files_store", SQL_LANE_WRITE);
    op->is_idempotent = true;
    file_store_put(op, &one->file, one->file.updated_at.value);
    op->done = file_stored;
    op->done_ctx = fetching;
    sql_submit(task->tasks->db, op);
}

// Stores the next of those that have ended. Only for him who is storing.
static void store_ended(struct fetching *fetching)
{
    mutex_lock(&fetching->mutex);
    struct file_fetch *one = fetching->ended;
    bool all = fetching->left == 0;
    fetching->storing = one != NULL;
    if (one != NULL)
        fetching->ended = one->next;
    mutex_unlock(&fetching->mutex);
    if (one != NULL)
        store_file(one);
    else if (all)
        finish(fetching->task);
}

static void fetched(struct files_fetch *fetch)
{
    struct file_fetch *one = fetch->ctx;
    struct fetching *fetching = one->fetching;
    mutex_lock(&fetching->mutex);
    bool is_alone = !fetching->storing;
    fetching->storing = true;
    one->next = fetching->ended;
    fetching->ended = one;
    mutex_unlock(&fetching->mutex);
    if (is_alone)
        store_ended(fetching);
}

// ---- All of them.

static bool is_fetched(const struct fetching *fetching, enum model_file_kind kind)
{
    const struct model_file *known = known_of(fetching, kind);
    return known != NULL && known->state == MODEL_FILE_STORED;
}

static bool is_left_alone(const struct fetching *fetching, enum model_file_kind kind)
{
    const struct model_file *known = known_of(fetching, kind);
    return known != NULL && file_rules_leave_alone(known);
}

// Begins those that are not there. The first may end before the last is begun, so all is ready
// before, and nothing is touched afterwards.
static void fetch_all(struct task *task)
{
    struct fetching *fetching = fetching_of(task);
    struct files *files = task->tasks->files;
    unsigned count = 0;
    for (int kind = MODEL_FILE_NONE + 1; kind <= MODEL_FILE_ORIGINAL_MAX; kind++) {
        if (is_fetched(fetching, (enum model_file_kind)kind)) {
            fetching->fetched++;
            continue;
        }
        if (is_left_alone(fetching, (enum model_file_kind)kind)) {
            fetching->left_alone++;
            continue;
        }
        struct file_fetch *one = &fetching->files[count++];
        one->fetching = fetching;
        one->fetch = (struct files_fetch){
            .url = lightfusion_file_url(task->tasks->lf, task->arena, task->order.project_id.value,
                                        model_file_kind_names[kind]),
            .kind = (enum model_file_kind)kind,
            .room = file_rules_room(task),
            .done = fetched,
            .ctx = one,
        };
    }
    fetching->left = count;
    if (count == 0)
        finish(task);
    for (unsigned i = 0; i < count; i++) {
        crash_here(CRASH_FILE_FETCHING);
        files_fetch_start(files, &fetching->files[i].fetch);
    }
}

static void files_known(struct sql_op *op)
{
    struct task *task = op->done_ctx;
    if (task_failed_by(task, op, "files.list_failed"))
        return;
    struct fetching *fetching = fetching_of(task);
    if (file_rules_hold(task, &fetching->known))
        return;
    check(pthread_mutex_init(&fetching->mutex, NULL) == 0);
    fetch_all(task);
}

// Whether there is something to fetch at all.
static void loaded(struct task *task)
{
    if (task->order.state != ORDER_COMPLETED || !task->order.project_id.set) {
        task_leave(task, 0, STR_NULL);
        return;
    }
    struct fetching *fetching = arena_new(task->arena, struct fetching, 1);
    task->own = fetching;
    fetching->task = task;
    fetching->known = file_store_rows(task->arena);
    // What a company has stored is added up over many rows.
    struct sql_op *op = sql_op_new(task->arena, "files_known", SQL_LANE_LONG);
    file_store_list(op, task->order.project_id.value, &fetching->known);
    file_rules_read(task, op);
    op->done = files_known;
    op->done_ctx = task;
    sql_submit(task->tasks->db, op);
}

void task_files_run(struct job_run *run)
{
    task_begin(run, loaded);
}
