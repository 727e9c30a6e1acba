// Makes models for browsers and phones of a completed project's files, all of them or none.
#include <errno.h>
#include <unistd.h>

#include "base/crash.h"
#include "base/fs.h"
#include "base/log.h"
#include "convert/convert.h"
#include "json/json_read.h"
#include "store/file_store.h"
#include "store/job_store.h"
#include "tasks/convert_plan.h"
#include "tasks/file_rules.h"
#include "tasks/task.h"

// A conversion whose process dies is tried this often; one that was cut off with all of sunlead
// counts too.
#define DEATHS_MAX 3
#define CUTS_MAX   10

// A conversion under way.
struct converting {
    struct convert_run run;
    int64_t began_us; // before it was read what there is: that is the age of what is made of it
    struct row_list known; // rows of struct model_file
    struct files_get contents[CONVERT_SOURCES_MAX];
    size_t got;
    char *tmp_paths[CONVERT_PRODUCTS_MAX]; // NULL: it has its name
    size_t tmp_count;
    struct files_put put;
    size_t put_count;
    struct model_file files[CONVERT_PRODUCTS_MAX];
    size_t file_count;
    struct error error;  // why nothing was made; it is noted on what was made before
    int64_t again_at_us; // 0: the job is done
};

static struct converting *converting_of(const struct task *task)
{
    return task->own;
}

// What is open goes, and what has no name.
static void let_go(struct converting *converting)
{
    for (size_t i = 0; i < converting->run.source_count; i++)
        fd_close(&converting->run.sources[i].fd);
    for (size_t i = 0; i < converting->tmp_count; i++) {
        fd_close(&converting->run.products[i].fd);
        if (converting->tmp_paths[i] != NULL)
            (void)unlink(converting->tmp_paths[i]);
    }
    converting->run.source_count = converting->tmp_count = 0;
}

// ---- The ends.

static void log_end(const struct task *task)
{
    const struct converting *converting = converting_of(task);
    if (converting->again_at_us != 0)
        log_event(LOG_WARN, "files.quota_full", converting->error.message,
                  LOG_I64("company_id", task->order.company_id),
                  LOG_I64("order_id", task->order.id));
    else if (converting->error.code != ERR_OK)
        log_event(LOG_WARN, "convert.failed", converting->error.message,
                  LOG_I64("order_id", task->order.id),
                  LOG_I64("project_id", task->order.project_id.value),
                  LOG_TEXT_FIELD("cause", converting->error.cause));
    else if (converting->files[0].state == MODEL_FILE_STORED)
        log_event(LOG_INFO, "convert.done", "a model was made for browsers and phones",
                  LOG_I64("order_id", task->order.id),
                  LOG_I64("project_id", task->order.project_id.value),
                  LOG_I64("cpu_ms", converting->run.cpu_ms),
                  LOG_I64("memory_kb", converting->run.rss_kb));
}

static void stored(struct sql_op *op)
{
    struct task *task = op->done_ctx;
    if (op->error.code == ERR_CANCELLED) {
        job_run_end(task->run); // another process has taken the job over
        return;
    }
    if (task_failed_by(task, op, "convert.store_failed"))
        return;
    crash_here(CRASH_CONVERT_STORED);
    log_end(task);
    notices_order_changed(task->tasks->notices, task->order.id);
    job_run_end(task->run);
}

static void end_job(struct task *task, struct sql_op *op)
{
    const struct converting *converting = converting_of(task);
    struct job *job = &task->run->job;
    if (converting->again_at_us == 0) {
        job_store_finish(op, job);
        return;
    }
    job->run_at = OPT_I64(converting->again_at_us);
    job->last_error = str_of(converting->error.message);
    job_store_reschedule(op, job, task_now_us(task));
}

// All rows change together.
static void store(struct task *task)
{
    struct converting *converting = converting_of(task);
    struct sql_op *op = sql_op_new(task->arena, "convert_store", SQL_LANE_WRITE);
    op->is_idempotent = true; // who comes second finds no lease, which is no matter here
    for (size_t i = 0; i < converting->file_count; i++)
        file_store_put(op, &converting->files[i], task_now_us(task));
    if (converting->error.code != ERR_OK)
        file_store_note(op, task->order.project_id.value, str_of(converting->error.message),
                        converting->began_us);
    end_job(task, op);
    op->done = stored;
    op->done_ctx = task;
    crash_here(CRASH_CONVERT_STORING);
    sql_submit(task->tasks->db, op);
}

// All rows say the same. What was made before stays.
static void store_unmade(struct task *task, enum model_file_state state, struct str why)
{
    struct converting *converting = converting_of(task);
    let_go(converting);
    converting->file_count =
        convert_files_init(&task->order, converting->began_us, converting->files);
    for (size_t i = 0; i < converting->file_count; i++) {
        converting->files[i].state = state;
        converting->files[i].error = why;
    }
    store(task);
}

static void give_up(struct task *task, const struct error *err)
{
    struct converting *converting = converting_of(task);
    converting->error = *err;
    store_unmade(task, MODEL_FILE_FAILED, str_of(converting->error.message));
}

// ---- What the company's settings allow.

// The manifest is small, and tells how long each step took: its size is hardly ever the same.
static bool is_counted(enum model_file_kind kind)
{
    return !model_file_is_original(kind) && kind != MODEL_FILE_MANIFEST;
}

// The sizes of what is made of the originals, as far as rows in a state know them.
static int64_t known_bytes(const struct converting *converting, enum model_file_state state)
{
    const struct model_file *files = converting->known.objects;
    int64_t bytes = 0;
    for (size_t i = 0; i < converting->known.count; i++) {
        if (is_counted(files[i].kind) && files[i].state == state)
            bytes += files[i].size.value;
    }
    return bytes;
}

// The rows keep the sizes of what found no room, so that it is not made again until there is some.
static void wait_for_room(struct task *task)
{
    struct converting *converting = converting_of(task);
    converting->error = task->rules->why;
    converting->again_at_us = task_now_us(task) + task_span_us(task, FILE_QUOTA_WAIT_US);
    let_go(converting);
    for (size_t i = 0; i < converting->file_count; i++)
        converting->files[i].error = str_of(converting->error.message);
    store(task);
}

// Ends the run where nothing is to be stored. more_bytes: what the company will have more then.
static bool is_ruled_out(struct task *task, int64_t more_bytes)
{
    switch (file_rules_judge(task, more_bytes)) {
    case FILE_MAY_BE_STORED:
        return false;
    case FILE_NOT_KEPT:
        store_unmade(task, MODEL_FILE_REMOTE, STR_NULL);
        return true;
    case FILE_LEAD_GONE:
        store_unmade(task, MODEL_FILE_REMOVED, MODEL_FILE_REMOVED_WORDS);
        return true;
    case FILE_QUOTA_FULL:
        break;
    }
    // What replaces as much fits, and of what replaces something it shows only when it is made.
    if (known_bytes(converting_of(task), MODEL_FILE_STORED) > 0 && more_bytes <= 0)
        return false;
    wait_for_room(task);
    return true;
}

static void log_unmade(const struct task *task, const char *event, const struct error *err)
{
    log_event(LOG_WARN, event, err->message, LOG_I64("order_id", task->order.id),
              LOG_I64("project_id", task->order.project_id.value),
              LOG_TEXT_FIELD("code", err_name(err->code)),
              LOG_STR("cause", err->cause[0] == '\0' ? STR_NULL : str_of(err->cause)));
}

// Our side cannot now: later, for as long as it takes.
static void hinder(struct task *task, const struct error *err)
{
    log_unmade(task, "convert.hindered", err);
    let_go(converting_of(task));
    int64_t wait_us = task_span_us(task, order_backoff_us(task->run->job.attempt, task_jitter()));
    struct str words = arena_printf(task->arena, "%s%s%s", err->message,
                                    err->cause[0] == '\0' ? "" : ": ", err->cause);
    task_leave(task, task_now_us(task) + wait_us, words);
}

static void fail(struct task *task, const struct error *err)
{
    if (task->run->job.failures + 1 >= DEATHS_MAX) {
        give_up(task, err);
        return;
    }
    log_unmade(task, "convert.died", err);
    let_go(converting_of(task));
    task_fail(task, err);
}

// ---- What was made goes into the store.

// Of a process that was taken over nothing is believed: what is no JSON is left out.
static struct str read_manifest(struct task *task, const struct convert_product *product)
{
    CLEANUP(json_doc_free_ptr) struct json_doc *doc = NULL;
    if (product->size > MODEL_FILE_DATA_MAX)
        return STR_NULL;
    char *bytes = arena_raw(task->arena, (size_t)product->size);
    struct str text = {.ptr = bytes, .len = (size_t)product->size};
    if (pread(product->fd, bytes, text.len, 0) != product->size ||
        json_parse(text, &doc, NULL) != ERR_OK || !json_is_object(json_root(doc)))
        return STR_NULL;
    return json_dump(json_root(doc), task->arena);
}

static void fill_row(struct task *task, size_t index)
{
    struct converting *converting = converting_of(task);
    const struct convert_product *product = &converting->run.products[index];
    struct model_file *file = &converting->files[index];
    file->state = MODEL_FILE_STORED;
    file->size = OPT_I64(product->size);
    file->sha256 = str_of(product->sha256);
    if (file->kind == MODEL_FILE_MANIFEST)
        file->data = read_manifest(task, product);
}

static void put_next(struct task *task);

static void is_put(struct files_put *put)
{
    struct task *task = put->ctx;
    struct converting *converting = converting_of(task);
    if (put->error.code != ERR_OK) {
        hinder(task, &put->error);
        return;
    }
    crash_here(CRASH_CONVERT_NAMED);
    converting->tmp_paths[converting->put_count++] = NULL;
    put_next(task);
}

static void put_next(struct task *task)
{
    struct converting *converting = converting_of(task);
    size_t index = converting->put_count;
    if (index == converting->file_count) {
        let_go(converting);
        store(task);
        return;
    }
    struct convert_product *product = &converting->run.products[index];
    fill_row(task, index);
    converting->put = (struct files_put){
        .fd = product->fd,
        .tmp_path = converting->tmp_paths[index],
        .size = product->size,
        .sha256 = str_of(product->sha256),
        .content_type = converting->files[index].content_type,
        .done = is_put,
        .ctx = task,
    };
    files_put_start(task->tasks->files, &converting->put);
}

// ---- The conversion.

// The rows of what was made, pending. Returns how many bytes more that is than what it replaces.
static int64_t init_made_files(struct converting *converting, const struct task *task)
{
    int64_t bytes = 0;
    converting->file_count =
        convert_files_init(&task->order, converting->began_us, converting->files);
    for (size_t i = 0; i < converting->file_count; i++) {
        converting->files[i].size = OPT_I64(converting->run.products[i].size);
        if (is_counted(converting->files[i].kind))
            bytes += converting->run.products[i].size;
    }
    return bytes - known_bytes(converting, MODEL_FILE_STORED);
}

static void converted(struct convert_run *run)
{
    struct task *task = run->ctx;
    struct converting *converting = converting_of(task);
    switch (run->end) {
    case CONVERT_DONE:
        crash_here(CRASH_CONVERT_MADE);
        if (!is_ruled_out(task, init_made_files(converting, task)))
            put_next(task);
        return;
    case CONVERT_REFUSED:
        give_up(task, &run->error);
        return;
    case CONVERT_DIED:
        fail(task, &run->error);
        return;
    case CONVERT_HINDERED:
        hinder(task, &run->error);
        return;
    }
}

static enum err make_tmp_files(struct task *task, struct error *err)
{
    struct converting *converting = converting_of(task);
    while (converting->tmp_count < convert_product_count()) {
        size_t i = converting->tmp_count;
        TRY(files_create_tmp(task->tasks->files, task->arena, &converting->tmp_paths[i],
                             &converting->run.products[i].fd, err));
        converting->tmp_count++;
    }
    return ERR_OK;
}

static void start(struct task *task)
{
    struct converting *converting = converting_of(task);
    struct convert_run *run = &converting->run;
    struct error err;
    error_reset(&err);
    if (make_tmp_files(task, &err) != ERR_OK) {
        hinder(task, &err);
        return;
    }
    run->done = converted;
    run->ctx = task;
    crash_here(CRASH_CONVERT_STARTING);
    if (convert_start(task->tasks->convert, run) != ERR_OK) {
        (void)error_set(&err, ERR_UNAVAILABLE, "too many conversions wait");
        hinder(task, &err);
    }
}

// ---- What it is made of.

static void get_next(struct task *task);

static void is_got(struct files_get *get)
{
    struct task *task = get->ctx;
    struct converting *converting = converting_of(task);
    if (get->error.code == ERR_OK) {
        converting->run.sources[converting->got++].fd = get->fd;
        get_next(task);
    } else if (get->error.code == ERR_UNAVAILABLE) {
        hinder(task, &get->error);
    } else {
        give_up(task, &get->error);
    }
}

static void get_next(struct task *task)
{
    struct converting *converting = converting_of(task);
    if (converting->got == converting->run.source_count) {
        start(task);
        return;
    }
    struct files_get *get = &converting->contents[converting->got];
    get->done = is_got;
    get->ctx = task;
    files_get_start(task->tasks->files, get);
}

static bool add_source(struct converting *converting, enum model_file_kind kind)
{
    const struct model_file *files = converting->known.objects;
    for (size_t i = 0; i < converting->known.count; i++) {
        if (files[i].kind != kind || files[i].state != MODEL_FILE_STORED)
            continue;
        size_t count = converting->run.source_count++;
        converting->run.sources[count] = (struct convert_source){.name = files[i].name, .fd = -1};
        converting->contents[count].sha256 = files[i].sha256;
        return true;
    }
    return false;
}

// The mesh first, then what it names.
static bool choose_sources(struct converting *converting)
{
    if (!add_source(converting, MODEL_FILE_OBJ) && !add_source(converting, MODEL_FILE_PLY))
        return false;
    (void)add_source(converting, MODEL_FILE_MTL);
    (void)add_source(converting, MODEL_FILE_JPG);
    return true;
}

// The mesh may have been removed since the conversion was asked for.
static void end_without_mesh(struct task *task)
{
    const struct converting *converting = converting_of(task);
    const struct model_file *files = converting->known.objects;
    for (size_t i = 0; i < converting->known.count; i++) {
        if (model_file_is_original(files[i].kind) && file_rules_leave_alone(&files[i])) {
            store_unmade(task, files[i].state, files[i].error);
            return;
        }
    }
    struct error err;
    error_reset(&err);
    (void)error_set(&err, ERR_NOT_FOUND, "there is no mesh to convert");
    give_up(task, &err);
}

static struct opt_i64 size_of(const struct converting *converting, enum model_file_kind kind)
{
    const struct model_file *files = converting->known.objects;
    for (size_t i = 0; i < converting->known.count; i++) {
        if (files[i].kind == kind)
            return files[i].size;
    }
    return (struct opt_i64){0};
}

static void files_known(struct sql_op *op)
{
    struct task *task = op->done_ctx;
    struct error err;
    error_reset(&err);
    if (task_failed_by(task, op, "convert.list_failed"))
        return;
    struct converting *converting = converting_of(task);
    converting->file_count =
        convert_files_init(&task->order, converting->began_us, converting->files);
    for (size_t i = 0; i < converting->file_count; i++)
        converting->files[i].size = size_of(converting, converting->files[i].kind);
    if (!choose_sources(converting)) {
        end_without_mesh(task);
    } else if (task->run->job.failures >= CUTS_MAX) {
        (void)error_set(&err, ERR_EXHAUSTED, "the conversion was cut off again and again");
        give_up(task, &err);
    } else if (!is_ruled_out(task, known_bytes(converting, MODEL_FILE_PENDING))) {
        get_next(task);
    }
}

static void loaded(struct task *task)
{
    if (task->order.state != ORDER_COMPLETED || !task->order.project_id.set) {
        task_leave(task, 0, STR_NULL);
        return;
    }
    struct converting *converting = arena_new(task->arena, struct converting, 1);
    task->own = converting;
    converting->began_us = task_now_us(task);
    converting->known = file_store_rows(task->arena);
    // What a company has stored is added up over many rows.
    struct sql_op *op = sql_op_new(task->arena, "convert_known", SQL_LANE_LONG);
    file_store_list(op, task->order.project_id.value, &converting->known);
    file_rules_read(task, op);
    op->done = files_known;
    op->done_ctx = task;
    sql_submit(task->tasks->db, op);
}

void task_convert_run(struct job_run *run)
{
    task_begin(run, loaded);
}
