// Operations, values and rows as every engine sees them, and the choice of the engine.
#include "sql/sql.h"

#include "base/thread.h"
#include "sql/sql_driver.h"

static const struct sql_driver *const drivers[] = {&sql_driver_sqlite, &sql_driver_postgres};

static const struct sql_driver *driver_of(const char *url)
{
    for (size_t i = 0; i < COUNT_OF(drivers); i++) {
        if (str_starts(str_of(url), str_of(drivers[i]->scheme)))
            return drivers[i];
    }
    return NULL;
}

bool sql_exists(const char *url)
{
    const struct sql_driver *driver = driver_of(url);
    return driver == NULL || driver->exists == NULL || driver->exists(url);
}

const char *sql_engine_of(const char *url)
{
    const struct sql_driver *driver = driver_of(url);
    return driver == NULL ? "" : driver->name;
}

enum err sql_open(const char *url, bool lock, struct sql **ret_db, struct error *err)
{
    return sql_open_as(&(struct sql_settings){.url = url, .lock = lock}, ret_db, err);
}

enum err sql_open_as(const struct sql_settings *settings, struct sql **ret_db, struct error *err)
{
    struct str s = str_of(settings->url);
    const struct sql_driver *driver = driver_of(settings->url);
    if (driver != NULL)
        return driver->open(settings, ret_db, err);
    // The URL may hold a password: only its scheme is shown.
    struct str scheme = str_slice(s, 0, str_find(s, ':', 0));
    return error_set(err, ERR_INVALID,
                     "%.*s: no such kind of database; write sqlite:PATH or postgres://...",
                     STR_ARG(scheme));
}

void sql_close(struct sql *db)
{
    if (db != NULL)
        db->driver->close(db);
}

void sql_close_ptr(struct sql **db)
{
    sql_close(*db);
    *db = NULL;
}

unsigned sql_capabilities(const struct sql *db)
{
    return db->driver->capabilities;
}

const char *sql_engine(const struct sql *db)
{
    return db->driver->name;
}

size_t sql_queue_length(const struct sql *db)
{
    return db->driver->queue_length(db);
}

bool sql_is_available(const struct sql *db)
{
    return db->driver->is_available(db);
}

bool sql_is_outage(const struct sql *db, const struct error *err)
{
    return err->code == ERR_UNAVAILABLE && !sql_is_available(db);
}

void sql_listen(struct sql *db, sql_notice_fn *fn, void *ctx)
{
    if (db->driver->listen != NULL)
        db->driver->listen(db, fn, ctx);
}

void sql_broadcast(struct sql *db, struct str text)
{
    check(text.ptr == NULL || (text.len > 0 && text.len <= SQL_NOTICE_MAX));
    if (db->driver->broadcast != NULL)
        db->driver->broadcast(db, text);
}

enum err sql_script(struct sql *db, struct str text, struct error *err)
{
    return db->driver->script(db, &(struct sql_script){.text = text}, err);
}

struct sql_op *sql_op_new(struct arena *arena, const char *name, enum sql_lane lane)
{
    // Not cleared: sql_op_step() fills the steps, and an operation is several kilobytes.
    struct sql_op *op = arena_raw(arena, sizeof(*op));
    op->name = name;
    op->arena = arena;
    op->lane = lane;
    op->step_count = 0;
    op->done = NULL;
    op->done_ctx = NULL;
    op->is_idempotent = false;
    op->proof = NULL;
    op->next = NULL;
    op->db = NULL;
    error_reset(&op->error);
    return op;
}

struct sql_op *sql_op_proof(struct sql_op *op)
{
    check(op->lane == SQL_LANE_WRITE && op->proof == NULL);
    op->proof = sql_op_new(op->arena, op->name, SQL_LANE_SHORT);
    return op->proof;
}

struct sql_step *sql_op_step(struct sql_op *op, const struct sql_stmt *stmt, size_t param_count,
                             const struct sql_value *params)
{
    check(op->step_count < SQL_STEPS_MAX);
    struct sql_value *copy = NULL;
    if (param_count > 0) {
        size_t bytes = arena_array_size(param_count, sizeof(*params));
        copy = arena_raw(op->arena, bytes);
        memcpy(copy, params, bytes);
    }
    struct sql_step *step = &op->steps[op->step_count++];
    *step = (struct sql_step){.stmt = stmt, .params = copy, .param_count = param_count};
    return step;
}

void sql_op_reject(struct sql_op *op)
{
    (void)error_set(&op->error, ERR_UNAVAILABLE, "the database has too much to do at the moment");
    op->error.retry_after_s = 1;
    sql_op_finish(op);
}

enum err sql_step_count(struct sql_step *step, int64_t rows, struct error *err)
{
    step->rows = rows;
    if (rows > 0 || step->when_none == ERR_OK)
        return ERR_OK;
    return error_set(err, step->when_none, "%s",
                     step->none_message == NULL ? err_name(step->when_none) : step->none_message);
}

void sql_submit(struct sql *db, struct sql_op *op)
{
    op->db = db;
    op->next = NULL;
    error_reset(&op->error);
    db->driver->submit(db, op);
}

struct waiter {
    pthread_mutex_t mutex; // guards done
    pthread_cond_t changed;
    bool done;
};

static void wake_waiter(struct sql_op *op)
{
    struct waiter *waiter = op->done_ctx;
    mutex_lock(&waiter->mutex);
    waiter->done = true;
    pthread_cond_signal(&waiter->changed);
    mutex_unlock(&waiter->mutex);
}

enum err sql_run(struct sql *db, struct sql_op *op)
{
    struct waiter waiter = {.done = false};
    check(pthread_mutex_init(&waiter.mutex, NULL) == 0);
    cond_init(&waiter.changed);
    sql_done_fn *done = op->done;
    void *done_ctx = op->done_ctx;
    op->done = wake_waiter;
    op->done_ctx = &waiter;
    sql_submit(db, op);
    mutex_lock(&waiter.mutex);
    while (!waiter.done)
        (void)cond_wait_until(&waiter.changed, &waiter.mutex, INT64_MAX);
    mutex_unlock(&waiter.mutex);
    pthread_cond_destroy(&waiter.changed);
    pthread_mutex_destroy(&waiter.mutex);
    op->done = done;
    op->done_ctx = done_ctx;
    return op->error.code;
}
