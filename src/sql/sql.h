// Databases: operations of a fixed list of statements, submitted with a completion.
#ifndef SUNLEAD_SQL_H
#define SUNLEAD_SQL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/error.h"
#include "base/field.h"
#include "base/str.h"

struct sql;     // an open database
struct sql_row; // a row while its callback runs

// What an engine can do, so that callers ask for the ability and never for the name.
enum sql_capability {
    SQL_CAP_SOLE_OWNER = 1 << 0,   // no other process works on this database
    SQL_CAP_INLINE_READS = 1 << 1, // SQL_LANE_SHORT operations complete before sql_submit() returns
};

enum sql_type { SQL_NULL, SQL_INT, SQL_FLOAT, SQL_TEXT, SQL_TIME, SQL_BOOL };

// A bound parameter. Texts are borrowed until the operation is done. Times are UTC microseconds.
struct sql_value {
    enum sql_type type;
    int64_t i64; // SQL_INT, SQL_TIME, SQL_BOOL
    double f64;
    struct str text;
};

#define SQLV_NULL     ((struct sql_value){.type = SQL_NULL})
#define SQLV_INT(v)   ((struct sql_value){.type = SQL_INT, .i64 = (v)})
#define SQLV_TIME(v)  ((struct sql_value){.type = SQL_TIME, .i64 = (v)})
#define SQLV_BOOL(v)  ((struct sql_value){.type = SQL_BOOL, .i64 = (v) ? 1 : 0})
#define SQLV_FLOAT(v) ((struct sql_value){.type = SQL_FLOAT, .f64 = (v)})
#define SQLV_TEXT(v)  sql_value_text(v)

// sql_value_text() binds a text; a null text is NULL.
struct sql_value sql_value_text(struct str text);

// sql_value_opt_i64() binds an optional integer.
struct sql_value sql_value_opt_i64(struct opt_i64 value);

// sql_value_opt_f64() binds an optional number.
struct sql_value sql_value_opt_f64(struct opt_f64 value);

// sql_value_opt_time() binds an optional time.
struct sql_value sql_value_opt_time(struct opt_i64 value);

// sql_value_field() binds a field of an object by its description.
struct sql_value sql_value_field(const struct field *field, const void *object);

// A statement, written once for all engines and prepared once a connection. It must live as long as
// the database. Parameters are $1, $2, ... ; `{last:leads}` stands for the id that this transaction
// gave the last row it inserted into that table (which counts its ids: AUTOINCREMENT, BIGSERIAL;
// ids that were given do not count, a transaction that inserted none gets another's, and what a
// statement inserts itself may count for it or not). Where an engine needs other words, sqlite
// replaces text; it may be up to three statements there, since the engine has no WITH that writes:
// each runs if the one before it had rows, and those of the first are counted. A statement whose
// step fails an operation of several steps when it finds nothing begins with SELECT, INSERT, UPDATE
// or DELETE.
struct sql_stmt {
    const char *name;
    const char *text;
    const char *sqlite; // NULL: text
    const struct field_table
        *table; // fills {columns} and its like (sql_text.h); NULL: none in the text
};

typedef void sql_row_fn(void *ctx, const struct sql_row *row);

// One statement of an operation.
struct sql_step {
    const struct sql_stmt *stmt;
    const struct sql_value *params;
    size_t param_count;
    sql_row_fn *on_row; // called for each row, on the driver's thread; NULL: rows are only counted
    void *ctx;
    enum err when_none; // not ERR_OK: no row returned or changed fails the whole operation with
                        // this code
    const char *none_message; // shown with it
    int64_t rows;             // out: rows returned (or changed, where none are returned)
};

// Lanes keep slow statements away from fast ones.
enum sql_lane {
    SQL_LANE_SHORT, // point reads and first pages by index
    SQL_LANE_LONG,  // reads that may take a while
    SQL_LANE_WRITE, // one transaction: all steps or none
};

#define SQL_STEPS_MAX 16

struct sql_op;
typedef void sql_done_fn(struct sql_op *op);

// An operation: one transaction of a fixed list of statements. It lives in its caller's arena until
// done was called; between sql_submit() and done the arena belongs to the driver. All row callbacks
// have run and, for a write, the commit is on disk before done is called. done runs on a thread of
// the driver (or inside sql_submit()), must not block, and reads the outcome in error.code (ERR_OK:
// committed).
struct sql_op {
    const char *name; // for logs and metrics
    struct arena *arena;
    enum sql_lane lane;
    size_t step_count;
    struct sql_step steps[SQL_STEPS_MAX];
    sql_done_fn *done;
    void *done_ctx;
    struct error error;
    bool is_idempotent;   // to do it twice is as good as once: it may be repeated blindly
    struct sql_op *proof; // sql_op_proof(); NULL: none
    // for the driver
    struct sql_op *next;
    struct sql *db;
};

// sql_op_new() makes an empty operation in an arena.
struct sql_op *sql_op_new(struct arena *arena, const char *name, enum sql_lane lane);

// sql_op_proof() makes the proof of a write, in its arena: an operation of reads, to which the
// caller adds steps. The first of them finds a row if and only if the write was committed. Where
// the answer of a write is lost, an engine runs its proof instead of giving up: the row callbacks
// and when_none of the proof are then those that count, not the write's.
struct sql_op *sql_op_proof(struct sql_op *op);

// sql_op_step() adds a statement with its parameters (copied into the operation's arena) and
// returns the step, to set on_row or when_none. At most SQL_STEPS_MAX.
struct sql_step *sql_op_step(struct sql_op *op, const struct sql_stmt *stmt, size_t param_count,
                             const struct sql_value *params);

// SQL_STEP(op, stmt, value, ...) is sql_op_step() with the parameters written out.
#define SQL_STEP(op, stmt, ...)                                                                    \
    sql_op_step((op), (stmt),                                                                      \
                sizeof((struct sql_value[]){__VA_ARGS__}) / sizeof(struct sql_value),              \
                (struct sql_value[]){__VA_ARGS__})

// sql_submit() hands the operation over; done is called exactly once, perhaps before sql_submit()
// returns. A full queue, a full disk, a read-only file or a database that is down ends it with
// ERR_UNAVAILABLE and nothing is stored; ERR_INVALID with a place when a check or foreign key of
// the table refuses; ERR_CONFLICT for a unique index; ERR_UNKNOWN_OUTCOME when the fate of the
// commit is not known and its proof, if it has one, did not tell in time. Never blocks, but for the
// statement itself where SQL_CAP_INLINE_READS holds. What is done may be submitted again, also
// inside done.
void sql_submit(struct sql *db, struct sql_op *op);

// sql_run() is sql_submit() that waits for the end and returns op->error.code. Never on a thread
// that serves HTTP or the network, nor on a driver's.
MUST_CHECK enum err sql_run(struct sql *db, struct sql_op *op);

// sql_open() opens the database of a URL: "sqlite:path", made if it does not exist, folders
// included, or "postgres://...", as libpq reads it. ERR_INVALID for a URL that is not understood;
// ERR_UNAVAILABLE for a server that is not reached; ERR_FORBIDDEN, ERR_NOT_FOUND where it does not
// let the role in, or has no such database; ERR_CONFLICT when another process holds it
// (lock true takes the lock file beside a SQLite file for as long as it is open). Blocks.
MUST_CHECK enum err sql_open(const char *url, bool lock, struct sql **ret_db, struct error *err);

// Which database, and how it is reached.
struct sql_settings {
    const char *url;
    // Of PostgreSQL. The URL is that of a pooler, which may serve each transaction by another
    // backend: nothing is prepared and no session is set up.
    bool is_pooled;
    const char *direct_url; // past the pooler, for migrations and look-ups; NULL: none
    bool lock;
};

// sql_open_as() is sql_open() with all settings.
MUST_CHECK enum err sql_open_as(const struct sql_settings *settings, struct sql **ret_db,
                                struct error *err);

// sql_exists() tells whether sql_open() of this URL would find a database: false where it would
// make the file. A URL that is not understood exists.
bool sql_exists(const char *url);

// sql_engine_of() is what sql_engine() would be of the database of a URL; "" for a URL that is not
// understood.
const char *sql_engine_of(const char *url);

// sql_close() runs what is queued, ends the driver's threads and closes. NULL is fine. No thread
// may use it any more.
void sql_close(struct sql *db);

// sql_close_ptr() is sql_close() for CLEANUP.
void sql_close_ptr(struct sql **db);

// sql_capabilities() is a set of enum sql_capability.
unsigned sql_capabilities(const struct sql *db);

// sql_engine() is the engine's name ("sqlite"), for people only.
const char *sql_engine(const struct sql *db);

// sql_queue_length() is how many operations wait for the writer (an estimate, for health and
// metrics).
size_t sql_queue_length(const struct sql *db);

// sql_is_available() tells whether the last write could be stored; the end of an outage is noticed
// within seconds, also when nobody writes.
bool sql_is_available(const struct sql *db);

// sql_is_outage() tells whether an operation failed for what the log tells of the database already,
// once for all.
bool sql_is_outage(const struct sql *db, const struct error *err);

// The longest notice.
#define SQL_NOTICE_MAX 100

// What is called with a notice, on a driver's thread; it must not block. A null text says that
// notices may have been missed: look at everything. The text comes from outside; it is borrowed.
typedef void sql_notice_fn(void *ctx, struct str text);

// sql_listen() has the notices of the other processes on this database handed to fn, and once more
// a null text whenever it begins to hear them: at first, and when the connection was lost. fn NULL
// ends it; no call runs any more then (so not from inside fn). Where SQL_CAP_SOLE_OWNER holds there
// is nothing to hear.
void sql_listen(struct sql *db, sql_notice_fn *fn, void *ctx);

// sql_broadcast() sends a notice to the other processes: one line of 1 to SQL_NOTICE_MAX bytes of
// UTF-8, or a null text. Call it when what it tells of is committed. Never blocks, from any thread.
// The first goes at once; what comes within a few milliseconds, or while it is on its way, goes
// together with the next. Best effort: a notice may get lost, or become a null text, so look for
// changes now and then as well.
void sql_broadcast(struct sql *db, struct str text);

// sql_script() runs a text of several statements in one transaction on a connection of its own, as
// migrations need it. Blocks.
MUST_CHECK enum err sql_script(struct sql *db, struct str text, struct error *err);

// sql_row_columns() is the number of columns of a row.
size_t sql_row_columns(const struct sql_row *row);

// sql_row_is_null() tells whether column i (from 0) is NULL.
bool sql_row_is_null(const struct sql_row *row, size_t i);

// sql_row_i64() reads an integer (or boolean, or time in microseconds); 0 for NULL.
int64_t sql_row_i64(const struct sql_row *row, size_t i);

// sql_row_f64() reads a number; 0 for NULL.
double sql_row_f64(const struct sql_row *row, size_t i);

// sql_row_str() is a text, borrowed until the callback returns; null for NULL.
struct str sql_row_str(const struct sql_row *row, size_t i);

// sql_row_opt_i64() reads an integer or time that may be NULL.
struct opt_i64 sql_row_opt_i64(const struct sql_row *row, size_t i);

// sql_row_opt_f64() reads a number that may be NULL.
struct opt_f64 sql_row_opt_f64(const struct sql_row *row, size_t i);

// sql_row_object() reads the columns from first on into object by the table's SQL fields, in the
// table's order. Texts are copied into the arena. Returns the column behind the last one read.
size_t sql_row_object(const struct sql_row *row, size_t first, const struct field_table *table,
                      struct arena *arena, void *object);

#endif
