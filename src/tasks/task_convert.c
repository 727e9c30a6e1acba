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
#include "tasks/task.h"

// A conversion whose process dies is tried this often; one that was cut off with all of sunlead
// counts too.
#define DEATHS_MAX 3
#define CUTS_MAX   10

// A conversion under way.
struct converting {
    struct convert_run run;
    struct row_list known; // rows of struct model_file
    struct files_get contents[CONVERT_SOURCES_MAX];
    size_t got;
    char *tmp_paths[CONVERT_PRODUCTS_MAX]; // NULL: it has its name
    size_t tmp_count;
    struct files_put put;
    size_t put_count;
    struct model_file files[CONVERT_PRODUCTS_MAX];
    size_t file_count;
    struct error error;
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

static void stored(struct sql_op *op)
{
    struct task *task = op->done_ctx;
    const struct converting *converting = converting_of(task);
    if (op->error.code == ERR_CANCELLED) {
        job_run_end(task->run); // another process has taken the job over
        return;
    }
    if (op->error.code != ERR_OK) {
        log_error(LOG_WARN, "convert.store_failed", &op->error);
        task_fail(task, &op->error);
        return;
    }
    crash_here(CRASH_CONVERT_STORED);
    if (converting->error.code == ERR_OK)
        log_event(LOG_INFO, "convert.done", "a model was made for browsers and phones",
                  LOG_I64("order_id", task->order.id),
                  LOG_I64("project_id", task->order.project_id.value),
                  LOG_I64("cpu_ms", converting->run.cpu_ms),
                  LOG_I64("memory_kb", converting->run.rss_kb));
    else
        log_event(LOG_WARN, "convert.failed", converting->error.message,
                  LOG_I64("order_id", task->order.id),
                  LOG_I64("project_id", task->order.project_id.value),
                  LOG_TEXT_FIELD("cause", converting->error.cause));
    notices_order_changed(task->tasks->notices, task->order.id);
    job_run_end(task->run);
}

// All rows change together.
static void store(struct task *task)
{
    struct converting *converting = converting_of(task);
    struct sql_op *op = sql_op_new(task->arena, "convert_store", SQL_LANE_WRITE);
    op->is_idempotent = true; // who comes second finds no lease, which is no matter here
    for (size_t i = 0; i < converting->file_count; i++)
        file_store_put(op, &converting->files[i]);
    job_store_finish(op, &task->run->job);
    op->done = stored;
    op->done_ctx = task;
    crash_here(CRASH_CONVERT_STORING);
    sql_submit(task->tasks->db, op);
}

// What was made before stays.
static void give_up(struct task *task, const struct error *err)
{
    struct converting *converting = converting_of(task);
    let_go(converting);
    converting->error = *err;
    converting->file_count = convert_files_init(&task->order, task_now_us(task), converting->files);
    for (size_t i = 0; i < converting->file_count; i++) {
        converting->files[i].state = MODEL_FILE_FAILED;
        converting->files[i].error = str_of(converting->error.message);
    }
    store(task);
}

// Our side cannot now: later, for as long as it takes.
static void hinder(struct task *task, const struct error *err)
{
    log_error(LOG_WARN, "convert.hindered", err);
    let_go(converting_of(task));
    const char *words = err->cause[0] != '\0' ? err->cause : err->message;
    int64_t wait_us = task_span_us(task, order_backoff_us(task->run->job.attempt, task_jitter()));
    task_leave(task, task_now_us(task) + wait_us, arena_printf(task->arena, "%s", words));
}

static void fail(struct task *task, const struct error *err)
{
    if (task->run->job.failures + 1 >= DEATHS_MAX) {
        give_up(task, err);
        return;
    }
    log_error(LOG_WARN, "convert.died", err);
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

static void converted(struct convert_run *run)
{
    struct task *task = run->ctx;
    struct converting *converting = converting_of(task);
    switch (run->end) {
    case CONVERT_DONE:
        crash_here(CRASH_CONVERT_MADE);
        converting->file_count =
            convert_files_init(&task->order, task_now_us(task), converting->files);
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

static void files_known(struct sql_op *op)
{
    struct task *task = op->done_ctx;
    struct error err;
    error_reset(&err);
    if (op->error.code != ERR_OK) {
        log_error(LOG_WARN, "convert.list_failed", &op->error);
        task_fail(task, &op->error);
        return;
    }
    if (!choose_sources(converting_of(task))) {
        (void)error_set(&err, ERR_NOT_FOUND, "there is no mesh to convert");
        give_up(task, &err);
    } else if (task->run->job.failures >= CUTS_MAX) {
        (void)error_set(&err, ERR_EXHAUSTED, "the conversion was cut off again and again");
        give_up(task, &err);
    } else {
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
    converting->known = (struct row_list){
        .arena = task->arena,
        .table = &model_file_table,
        .objects = arena_new(task->arena, struct model_file, MODEL_FILE_KIND_COUNT),
        .max = MODEL_FILE_KIND_COUNT,
    };
    struct sql_op *op = sql_op_new(task->arena, "convert_known", SQL_LANE_SHORT);
    file_store_list(op, task->order.project_id.value, &converting->known);
    op->done = files_known;
    op->done_ctx = task;
    sql_submit(task->tasks->db, op);
}

void task_convert_run(struct job_run *run)
{
    task_begin(run, loaded);
}
