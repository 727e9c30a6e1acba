// What an engine provides. For sql.c, migrate.c and the drivers; everybody else uses sql.h.
#ifndef SUNLEAD_SQL_DRIVER_H
#define SUNLEAD_SQL_DRIVER_H

#include "sql/sql.h"

struct sql_driver;

// An open database. Drivers put it first into a struct of their own.
struct sql {
    const struct sql_driver *driver;
};

// A row while its callback runs.
struct sql_row {
    const struct sql_driver *driver;
    void *cursor; // the driver's
};

// A script and, where not NULL, the record of it: a statement that is run first, in the same
// transaction, so that of two processes that run the same script only one gets through.
struct sql_script {
    struct str text;
    const struct sql_step *record;
};

// A connection of its own on which one thread runs statement after statement, as preparing a
// migration needs it. Drivers put it first into a struct of their own.
struct sql_session {
    const struct sql_driver *driver;
    bool is_pooled; // whatever is set ends with the transaction, or would be another's
};

// The functions mean what those of the same name in sql.h say. submit() finds op->error reset.
struct sql_driver {
    const char *name;   // "sqlite", also the middle part of NNN_name.sqlite.sql
    const char *scheme; // "sqlite:", how its URLs begin
    unsigned capabilities;
    enum err (*open)(const struct sql_settings *settings, struct sql **ret_db, struct error *err);
    void (*close)(struct sql *db);
    void (*submit)(struct sql *db, struct sql_op *op);
    enum err (*script)(struct sql *db, const struct sql_script *script, struct error *err);
    bool (*exists)(const char *url); // NULL: opening makes nothing

    // NULL where no other program works on the tables, so that nothing has to be prepared.
    // session_run() runs one statement, which commits by itself unless a BEGIN came before;
    // ERR_TIMEOUT when a lock was not to be had within lock_timeout. All of them block.
    enum err (*session_open)(struct sql *db, struct sql_session **ret_session, struct error *err);
    void (*session_close)(struct sql_session *session);
    enum err (*session_run)(struct sql_session *session, const char *text, sql_row_fn *on_row,
                            void *ctx, struct error *err);

    size_t (*queue_length)(const struct sql *db);
    bool (*is_available)(const struct sql *db);
    // NULL: no other process works on the database.
    void (*listen)(struct sql *db, sql_notice_fn *fn, void *ctx);
    void (*broadcast)(struct sql *db, struct str text);

    size_t (*row_columns)(const struct sql_row *row);
    bool (*row_is_null)(const struct sql_row *row, size_t i);
    int64_t (*row_i64)(const struct sql_row *row, size_t i);
    double (*row_f64)(const struct sql_row *row, size_t i);
    struct str (*row_str)(const struct sql_row *row, size_t i);
};

extern const struct sql_driver sql_driver_sqlite;
extern const struct sql_driver sql_driver_postgres;

// sql_op_finish() calls done; op may be gone when it returns.
static inline void sql_op_finish(struct sql_op *op)
{
    op->done(op);
}

// sql_op_reject() ends an operation that could not be queued: ERR_UNAVAILABLE, try again in a
// second.
void sql_op_reject(struct sql_op *op);

// sql_step_count() stores how many rows a step had and applies its when_none.
MUST_CHECK enum err sql_step_count(struct sql_step *step, int64_t rows, struct error *err);

#endif
