// The writer: one thread that commits whatever is queued in one transaction.
#include "sql/driver_sqlite.h"

#include "base/clock.h"
#include "base/crash.h"
#include "base/thread.h"

#define QUEUE_MAX 4096
#define GROUP_MAX 256
#define REOPEN_US (US_PER_S / 2)
#define PROBE_US  (US_PER_S / 2)

// The smallest write: the file's own number of a version, which nobody uses.
static const struct sql_stmt probe = {.name = "probe", .text = "PRAGMA user_version=0"};

void sqlite_writer_init(struct sqlite_writer *writer)
{
    check(pthread_mutex_init(&writer->mutex, NULL) == 0);
    cond_init(&writer->wake);
    writer->tail = &writer->head;
}

void sqlite_write(struct sqlite_db *db, struct sql_op *op)
{
    struct sqlite_writer *writer = &db->writer;
    mutex_lock(&writer->mutex);
    size_t length = atomic_load_explicit(&writer->length, memory_order_relaxed);
    bool taken = length < QUEUE_MAX;
    bool wake = taken && writer->sleeping;
    if (taken) {
        *writer->tail = op;
        writer->tail = &op->next;
        writer->sleeping = false;
        atomic_store_explicit(&writer->length, length + 1, memory_order_relaxed);
    }
    mutex_unlock(&writer->mutex);
    if (wake)
        pthread_cond_signal(&writer->wake);
    if (!taken)
        sql_op_reject(op);
}

// The first operations of the queue, up to GROUP_MAX.
static size_t take_locked(struct sqlite_writer *writer, struct sql_op **ops)
{
    size_t count = 0;
    while (writer->head != NULL && count < GROUP_MAX) {
        ops[count] = writer->head;
        writer->head = ops[count++]->next;
    }
    if (writer->head == NULL)
        writer->tail = &writer->head;
    (void)atomic_fetch_sub_explicit(&writer->length, count, memory_order_relaxed);
    return count;
}

// Waits for operations. None come when it is time to probe, or to end (*ret_end).
static size_t take_group(struct sqlite_db *db, struct sql_op **ops, bool *ret_end)
{
    struct sqlite_writer *writer = &db->writer;
    int64_t deadline_us = INT64_MAX;
    if (atomic_load_explicit(&db->health.down, memory_order_relaxed))
        deadline_us = clock_monotonic_us(clock_system()) + PROBE_US;
    mutex_lock(&writer->mutex);
    bool in_time = true;
    while (writer->head == NULL && !writer->closing && in_time) {
        writer->sleeping = true;
        in_time = cond_wait_until(&writer->wake, &writer->mutex, deadline_us);
    }
    writer->sleeping = false;
    size_t count = take_locked(writer, ops);
    *ret_end = count == 0 && writer->closing;
    mutex_unlock(&writer->mutex);
    return count;
}

static enum err open_conn(struct sqlite_db *db, struct error *err)
{
    struct sqlite_writer *writer = &db->writer;
    writer->opened_us = clock_monotonic_us(clock_system());
    TRY(sqlite_conn_open(db, SQLITE_USE_WRITE, &writer->conn, err));
    sqlite_checkpoint_watch(writer);
    return ERR_OK;
}

// After a failure of the file what SQLite remembers of it may be wrong, or it is open for reading
// only: begins anew, though not at once again and again.
static enum err ready_conn(struct sqlite_db *db, struct error *err)
{
    struct sqlite_writer *writer = &db->writer;
    bool down = atomic_load_explicit(&db->health.down, memory_order_relaxed);
    int64_t now_us = clock_monotonic_us(clock_system());
    if (writer->conn != NULL && (!down || now_us - writer->opened_us < REOPEN_US))
        return ERR_OK;
    sqlite_conn_close(TAKE_PTR(writer->conn));
    return open_conn(db, err);
}

// Takes back what a failed operation did. Without its savepoint nothing of the group may stay.
static void undo_op(struct sqlite_conn *conn)
{
    enum err code = sqlite_exec(conn, &sqlite_savepoint_undo, NULL);
    if (code == ERR_OK)
        code = sqlite_exec(conn, &sqlite_savepoint_release, NULL);
    if (code != ERR_OK)
        sqlite_rollback(conn);
}

// Runs one operation in the transaction of its group; what it did is undone if it fails. A
// statement that fails undoes itself: an operation of one statement needs no savepoint, nor does
// one that is alone.
static void run_op(struct sqlite_conn *conn, struct sql_op *op, bool alone)
{
    bool savepoint = !alone && op->step_count > 1;
    if (savepoint && sqlite_exec(conn, &sqlite_savepoint, &op->error) != ERR_OK)
        return;
    enum err code = sqlite_exec_steps(conn, op);
    if (code == ERR_OK && savepoint)
        code = sqlite_exec(conn, &sqlite_savepoint_release, &op->error);
    if (code == ERR_OK || !sqlite_conn_in_transaction(conn))
        return;
    if (savepoint)
        undo_op(conn);
    else if (alone)
        sqlite_rollback(conn);
}

// Nothing of these was stored: those that did not fail by themselves fail by this.
static void fail_group(struct sql_op **ops, size_t count, const struct error *err)
{
    for (size_t i = 0; i < count; i++) {
        if (ops[i]->error.code == ERR_OK)
            ops[i]->error = *err;
    }
}

// Runs operations up to the one that makes SQLite give up the whole transaction, and those before
// it with it (it does so when the disk is full, for example). Returns how many were run.
static size_t run_transaction(struct sqlite_conn *conn, struct sql_op **ops, size_t count)
{
    struct error err;
    error_reset(&err);
    if (sqlite_exec(conn, &sqlite_begin_write, &err) != ERR_OK) {
        fail_group(ops, count, &err);
        return count;
    }
    for (size_t i = 0; i < count; i++) {
        run_op(conn, ops[i], count == 1);
        if (sqlite_conn_in_transaction(conn))
            continue;
        (void)sqlite_error_lost(&ops[i]->error, &err);
        fail_group(ops, i + 1, &err);
        return i + 1;
    }
    crash_here(CRASH_DB_COMMITTING);
    if (sqlite_exec(conn, &sqlite_commit, &err) != ERR_OK) {
        sqlite_rollback(conn);
        fail_group(ops, count, &err);
    }
    crash_here(CRASH_DB_COMMITTED);
    return count;
}

static void run_group(struct sqlite_db *db, struct sql_op **ops, size_t count)
{
    struct error err;
    error_reset(&err);
    if (ready_conn(db, &err) != ERR_OK) {
        fail_group(ops, count, &err);
        return;
    }
    size_t ran = 0;
    while (ran < count)
        ran += run_transaction(db->writer.conn, ops + ran, count - ran);
}

static void finish_group(struct sqlite_db *db, struct sql_op **ops, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (sqlite_error_is_outage(&ops[i]->error))
            sqlite_health_failed(&db->health, &ops[i]->error);
        else if (ops[i]->error.code == ERR_OK)
            sqlite_health_succeeded(&db->health);
        sql_op_finish(ops[i]);
    }
}

static void run_probe(struct sqlite_db *db)
{
    struct error err = {0};
    enum err code = ready_conn(db, &err);
    if (code == ERR_OK)
        code = sqlite_exec(db->writer.conn, &probe, &err);
    if (code == ERR_OK)
        sqlite_health_succeeded(&db->health);
    else
        sqlite_health_failed(&db->health, &err);
}

static void *writer_main(void *ctx)
{
    struct sqlite_db *db = ctx;
    struct sql_op *ops[GROUP_MAX];
    for (;;) {
        bool end;
        size_t count = take_group(db, ops, &end);
        if (end)
            return NULL;
        if (count == 0) {
            run_probe(db);
            continue;
        }
        run_group(db, ops, count);
        finish_group(db, ops, count);
        sqlite_checkpoint_if_due(&db->writer);
    }
}

enum err sqlite_writer_start(struct sqlite_db *db, struct error *err)
{
    struct sqlite_writer *writer = &db->writer;
    TRY(open_conn(db, err));
    TRY(sqlite_conn_use_log(writer->conn, err));
    TRY(thread_start(&writer->thread, "sql-write", writer_main, db, err));
    writer->started = true;
    return ERR_OK;
}

void sqlite_writer_done(struct sqlite_writer *writer)
{
    mutex_lock(&writer->mutex);
    writer->closing = true;
    mutex_unlock(&writer->mutex);
    pthread_cond_signal(&writer->wake);
    if (writer->started)
        thread_join(writer->thread);
    sqlite_conn_close(TAKE_PTR(writer->conn));
    pthread_cond_destroy(&writer->wake);
    pthread_mutex_destroy(&writer->mutex);
}
