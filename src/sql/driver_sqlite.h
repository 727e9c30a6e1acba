// The parts of the SQLite driver, for its own files only.
#ifndef SUNLEAD_SQL_DRIVER_SQLITE_H
#define SUNLEAD_SQL_DRIVER_SQLITE_H

#include <pthread.h>
#include <stdatomic.h>

#include "base/buf.h"
#include "base/pool.h"
#include "sql/sql_driver.h"

struct sqlite3;
struct sqlite3_stmt;
struct sqlite_db;

// How long the writer waits for another process that has the file.
#define SQLITE_WRITER_BUSY_MS 5000

// What a connection is for.
enum sqlite_use {
    SQLITE_USE_READ,   // refuses to write
    SQLITE_USE_WRITE,  // the writer's
    SQLITE_USE_SCRIPT, // one script
};

#define SQLITE_PARTS_MAX 3

// A prepared statement, kept as long as its connection.
struct sqlite_prepared {
    const struct sql_stmt *stmt; // NULL: a free slot
    const char *text;            // the statement's, to notice one that did not live long enough
    struct sqlite3_stmt *parts[SQLITE_PARTS_MAX]; // each runs if the one before it had rows
    size_t part_count;
    size_t param_count; // of all
};

// A connection and its prepared statements, by the pointer of the statement. One thread at a time.
struct sqlite_conn {
    struct sqlite_db *db;
    struct sqlite3 *handle;
    struct sqlite_prepared *slots; // a power of two, at most half full
    size_t slot_count;
    size_t slots_used;
    struct sqlite_conn *next; // in the list of readers
    struct sqlite_conn **prev;
};

// The connections for reading, each of which belongs to the thread that opened it.
struct sqlite_readers {
    pthread_mutex_t mutex; // guards list
    pthread_key_t key;     // the thread's struct sqlite_conn
    struct sqlite_conn *list;
};

// Whether the file can be written. One log line when that ends and one when it is so again.
struct sqlite_health {
    pthread_mutex_t mutex; // guards last_failure_us
    int64_t last_failure_us;
    atomic_bool down;
};

// The only thread that writes, and its queue.
struct sqlite_writer {
    pthread_mutex_t mutex; // guards what follows, up to length
    pthread_cond_t wake;
    struct sql_op *head;
    struct sql_op **tail;
    bool sleeping;
    bool closing;
    atomic_size_t length;
    pthread_t thread;
    bool started;
    // The thread's own:
    struct sqlite_conn *conn; // NULL: to be opened again
    int64_t opened_us;
    int wal_pages;
    int checkpoint_pages; // wal_pages at the last checkpoint
    int64_t next_restart_us;
    bool checkpoint_failed;
};

struct sqlite_db {
    struct sql sql;
    char *path; // absolute
    int lock_fd;
    struct sqlite_health health;
    struct sqlite_readers readers;
    struct sqlite_writer writer;
    struct pool *pool; // for long reads
};

// driver_sqlite_lock.c

// sqlite_lock_take() takes the lock file beside the database and writes the process id into it.
// ERR_CONFLICT names the process that has it. It is held until the descriptor is closed.
MUST_CHECK enum err sqlite_lock_take(const char *path, int *ret_fd, struct error *err);

// driver_sqlite_error.c

// sqlite_error() turns a result code of the connection's last call into an error. writing chooses
// the words. A connection that is NULL is fine.
enum err sqlite_error(struct sqlite3 *handle, int code, bool writing, struct error *err);

// sqlite_error_lost() is the error of operations that were rolled back with another one, which
// failed by `by`.
enum err sqlite_error_lost(const struct error *by, struct error *err);

// sqlite_error_is_outage() tells whether the file failed, rather than a step that found nothing.
bool sqlite_error_is_outage(const struct error *err);

// driver_sqlite_health.c

// sqlite_health_init() starts with a database that is well.
void sqlite_health_init(struct sqlite_health *health);

// sqlite_health_done() frees.
void sqlite_health_done(struct sqlite_health *health);

// sqlite_health_failed() reports an ERR_UNAVAILABLE, which is logged if it is the first of an
// outage.
void sqlite_health_failed(struct sqlite_health *health, const struct error *err);

// sqlite_health_succeeded() reports that something was written. The outage is over when nothing
// failed for a while.
void sqlite_health_succeeded(struct sqlite_health *health);

// driver_sqlite_conn.c

// sqlite_conn_open() opens a connection to a file that exists. ERR_UNAVAILABLE, ERR_CORRUPT.
MUST_CHECK enum err sqlite_conn_open(struct sqlite_db *db, enum sqlite_use use,
                                     struct sqlite_conn **ret_conn, struct error *err);

// sqlite_conn_use_log() puts the file into WAL mode, where readers and the writer do not wait for
// each other.
MUST_CHECK enum err sqlite_conn_use_log(struct sqlite_conn *conn, struct error *err);

// sqlite_conn_close() closes it with its statements. NULL is fine.
void sqlite_conn_close(struct sqlite_conn *conn);

// sqlite_conn_close_ptr() is sqlite_conn_close() for CLEANUP.
void sqlite_conn_close_ptr(struct sqlite_conn **conn);

// sqlite_conn_prepare() finds or prepares a statement. The result is valid until the next call.
MUST_CHECK enum err sqlite_conn_prepare(struct sqlite_conn *conn, const struct sql_stmt *stmt,
                                        struct sqlite_prepared **ret_prepared, struct error *err);

// sqlite_conn_in_transaction() is false when there is none, or when SQLite itself rolled it back.
bool sqlite_conn_in_transaction(const struct sqlite_conn *conn);

// driver_sqlite_text.c

// sqlite_stmt_rewrite() writes a statement's text in SQLite's words: $1 as ?1, {last:table} as a
// query.
void sqlite_stmt_rewrite(struct str text, struct buf *out);

// driver_sqlite_exec.c

// sqlite_exec() runs a statement without parameters and rows.
MUST_CHECK enum err sqlite_exec(struct sqlite_conn *conn, const struct sql_stmt *stmt,
                                struct error *err);

// sqlite_exec_step() runs a step with its callbacks.
MUST_CHECK enum err sqlite_exec_step(struct sqlite_conn *conn, struct sql_step *step,
                                     struct error *err);

// sqlite_exec_steps() runs the steps of an operation up to the first that fails, whose error stays
// in op.
MUST_CHECK enum err sqlite_exec_steps(struct sqlite_conn *conn, struct sql_op *op);

// sqlite_exec_script() runs a script in one transaction.
MUST_CHECK enum err sqlite_exec_script(struct sqlite_conn *conn, const struct sql_script *script,
                                       struct error *err);

// sqlite_rollback() ends the transaction, if there is one, without storing anything.
void sqlite_rollback(struct sqlite_conn *conn);

extern const struct sql_stmt sqlite_begin_read, sqlite_begin_write, sqlite_commit, sqlite_savepoint,
    sqlite_savepoint_undo, sqlite_savepoint_release;

// sqlite_row_columns() and those below are the accessors of struct sql_driver.
size_t sqlite_row_columns(const struct sql_row *row);

// sqlite_row_is_null() is sql_row_is_null().
bool sqlite_row_is_null(const struct sql_row *row, size_t i);

// sqlite_row_i64() is sql_row_i64().
int64_t sqlite_row_i64(const struct sql_row *row, size_t i);

// sqlite_row_f64() is sql_row_f64().
double sqlite_row_f64(const struct sql_row *row, size_t i);

// sqlite_row_str() is sql_row_str().
struct str sqlite_row_str(const struct sql_row *row, size_t i);

// driver_sqlite_read.c

// sqlite_readers_init() makes an empty list of connections.
MUST_CHECK enum err sqlite_readers_init(struct sqlite_readers *readers, struct error *err);

// sqlite_readers_done() closes the connections of all threads.
void sqlite_readers_done(struct sqlite_readers *readers);

// sqlite_read() runs a read on the calling thread's connection and finishes the operation.
void sqlite_read(struct sqlite_db *db, struct sql_op *op);

// sqlite_read_pooled() hands a long read to the pool.
void sqlite_read_pooled(struct sqlite_db *db, struct sql_op *op);

// driver_sqlite_writer.c

// sqlite_writer_init() prepares an empty queue.
void sqlite_writer_init(struct sqlite_writer *writer);

// sqlite_writer_start() opens the writer's connection, sets the journal mode and starts the thread.
MUST_CHECK enum err sqlite_writer_start(struct sqlite_db *db, struct error *err);

// sqlite_writer_done() writes what is queued, ends the thread and closes its connection.
void sqlite_writer_done(struct sqlite_writer *writer);

// sqlite_write() queues a write.
void sqlite_write(struct sqlite_db *db, struct sql_op *op);

// driver_sqlite_checkpoint.c

// sqlite_checkpoint_watch() makes a new connection of the writer count the pages of its log.
void sqlite_checkpoint_watch(struct sqlite_writer *writer);

// sqlite_checkpoint_if_due() moves the log into the file when it is long enough. On the writer's
// thread, between transactions.
void sqlite_checkpoint_if_due(struct sqlite_writer *writer);

#endif
