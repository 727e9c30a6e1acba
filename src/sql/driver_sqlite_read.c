// Reads: short ones on the calling thread, long ones on a pool; each thread has its own connection.
#include "sql/driver_sqlite.h"

#include "base/thread.h"

static void unlink_locked(struct sqlite_conn *conn)
{
    *conn->prev = conn->next;
    if (conn->next != NULL)
        conn->next->prev = conn->prev;
}

// Also runs when a thread ends.
static void close_reader(void *ctx)
{
    struct sqlite_conn *conn = ctx;
    struct sqlite_readers *readers = &conn->db->readers;
    mutex_lock(&readers->mutex);
    unlink_locked(conn);
    mutex_unlock(&readers->mutex);
    sqlite_conn_close(conn);
}

enum err sqlite_readers_init(struct sqlite_readers *readers, struct error *err)
{
    if (pthread_key_create(&readers->key, close_reader) != 0)
        return error_set(err, ERR_INTERNAL, "too many open databases");
    check(pthread_mutex_init(&readers->mutex, NULL) == 0);
    return ERR_OK;
}

void sqlite_readers_done(struct sqlite_readers *readers)
{
    (void)pthread_key_delete(readers->key);
    for (struct sqlite_conn *conn = readers->list, *next; conn != NULL; conn = next) {
        next = conn->next;
        sqlite_conn_close(conn);
    }
    pthread_mutex_destroy(&readers->mutex);
}

static enum err open_reader(struct sqlite_db *db, struct sqlite_conn **ret_conn, struct error *err)
{
    struct sqlite_readers *readers = &db->readers;
    TRY(sqlite_conn_open(db, SQLITE_USE_READ, ret_conn, err));
    struct sqlite_conn *conn = *ret_conn;
    mutex_lock(&readers->mutex);
    conn->next = readers->list;
    conn->prev = &readers->list;
    if (conn->next != NULL)
        conn->next->prev = &conn->next;
    readers->list = conn;
    mutex_unlock(&readers->mutex);
    if (pthread_setspecific(readers->key, conn) != 0) {
        close_reader(conn);
        return error_set(err, ERR_INTERNAL, "no memory for a thread's connection");
    }
    return ERR_OK;
}

// Several statements see one state of the database.
static enum err read_in_snapshot(struct sqlite_conn *conn, struct sql_op *op)
{
    TRY(sqlite_exec(conn, &sqlite_begin_read, &op->error));
    enum err code = sqlite_exec_steps(conn, op);
    sqlite_rollback(conn);
    return code;
}

static enum err read_on(struct sqlite_db *db, struct sql_op *op)
{
    struct sqlite_conn *conn = pthread_getspecific(db->readers.key);
    if (conn == NULL)
        TRY(open_reader(db, &conn, &op->error));
    enum err code = op->step_count == 1 ? sqlite_exec_steps(conn, op) : read_in_snapshot(conn, op);
    if (sqlite_error_is_outage(&op->error) || code == ERR_CORRUPT) {
        // What SQLite remembers of the file may be wrong now: the next read begins anew.
        (void)pthread_setspecific(db->readers.key, NULL);
        close_reader(conn);
    }
    return code;
}

void sqlite_read(struct sqlite_db *db, struct sql_op *op)
{
    if (read_on(db, op) != ERR_OK && sqlite_error_is_outage(&op->error))
        sqlite_health_failed(&db->health, &op->error);
    sql_op_finish(op);
}

struct pooled_read {
    struct pool_work work;
    struct sqlite_db *db;
    struct sql_op *op;
};

static void run_pooled(struct pool_work *work)
{
    struct pooled_read *pooled = CONTAINER_OF(work, struct pooled_read, work);
    sqlite_read(pooled->db, pooled->op);
}

void sqlite_read_pooled(struct sqlite_db *db, struct sql_op *op)
{
    struct pooled_read *pooled = arena_new(op->arena, struct pooled_read, 1);
    *pooled = (struct pooled_read){.work = {.run = run_pooled}, .db = db, .op = op};
    if (pool_submit(db->pool, &pooled->work) != ERR_OK)
        sql_op_reject(op);
}
