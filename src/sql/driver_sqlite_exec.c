// Running statements on a SQLite connection.
#include "sql/driver_sqlite.h"

#include <sqlite3.h>

#define STMT(text_)                                                                                \
    {                                                                                              \
        .name = text_, .text = text_                                                               \
    }

const struct sql_stmt sqlite_begin_read = STMT("BEGIN");
const struct sql_stmt sqlite_begin_write = STMT("BEGIN IMMEDIATE");
const struct sql_stmt sqlite_commit = STMT("COMMIT");
const struct sql_stmt sqlite_savepoint = STMT("SAVEPOINT op");
const struct sql_stmt sqlite_savepoint_undo = STMT("ROLLBACK TO op");
const struct sql_stmt sqlite_savepoint_release = STMT("RELEASE op");

static int bind_value(struct sqlite3_stmt *handle, int at, const struct sql_value *value)
{
    switch (value->type) {
    case SQL_NULL:
        return sqlite3_bind_null(handle, at);
    case SQL_INT:
    case SQL_TIME:
    case SQL_BOOL:
        return sqlite3_bind_int64(handle, at, value->i64);
    case SQL_FLOAT:
        return sqlite3_bind_double(handle, at, value->f64);
    case SQL_TEXT:
        // Static: the text lives until the operation is done, and each run binds all parameters
        // anew.
        return sqlite3_bind_text64(handle, at, value->text.ptr, value->text.len, SQLITE_STATIC,
                                   SQLITE_UTF8);
    }
    check_failed("known type of value", __FILE__, __LINE__);
}

// Each of several statements has the parameters up to the last one that it names.
static int bind_params(struct sqlite3_stmt *handle, const struct sql_step *step)
{
    int count = sqlite3_bind_parameter_count(handle);
    for (int i = 0; i < count; i++) {
        int code = bind_value(handle, i + 1, &step->params[i]);
        if (code != SQLITE_OK)
            return code;
    }
    return SQLITE_OK;
}

// Steps through the rows; SQLITE_DONE at the end.
static int run_rows(struct sqlite3_stmt *handle, const struct sql_step *step, int64_t *ret_rows)
{
    const struct sql_row row = {.driver = &sql_driver_sqlite, .cursor = handle};
    int code;
    while ((code = sqlite3_step(handle)) == SQLITE_ROW) {
        ++*ret_rows;
        if (step->on_row != NULL)
            step->on_row(step->ctx, &row);
    }
    return code;
}

static enum err exec_part(struct sqlite_conn *conn, struct sqlite3_stmt *handle,
                          const struct sql_step *step, int64_t *ret_rows, struct error *err)
{
    bool writing = sqlite3_stmt_readonly(handle) == 0;
    *ret_rows = 0;
    int code = bind_params(handle, step);
    if (code == SQLITE_OK)
        code = run_rows(handle, step, ret_rows);
    enum err result = code == SQLITE_DONE ? ERR_OK : sqlite_error(conn->handle, code, writing, err);
    if (sqlite3_column_count(handle) == 0 && writing)
        *ret_rows = sqlite3_changes64(conn->handle);
    (void)sqlite3_reset(handle);
    return result;
}

enum err sqlite_exec_step(struct sqlite_conn *conn, struct sql_step *step, struct error *err)
{
    struct sqlite_prepared *prepared;
    TRY(sqlite_conn_prepare(conn, step->stmt, &prepared, err));
    check(step->param_count == prepared->param_count);
    int64_t first;
    TRY(exec_part(conn, prepared->parts[0], step, &first, err));
    int64_t rows = first;
    for (size_t i = 1; i < prepared->part_count && rows > 0; i++)
        TRY(exec_part(conn, prepared->parts[i], step, &rows, err));
    return sql_step_count(step, first, err);
}

enum err sqlite_exec(struct sqlite_conn *conn, const struct sql_stmt *stmt, struct error *err)
{
    struct sqlite_prepared *prepared;
    TRY(sqlite_conn_prepare(conn, stmt, &prepared, err));
    int code = sqlite3_step(prepared->parts[0]);
    enum err result = ERR_OK;
    if (code != SQLITE_DONE)
        result = sqlite_error(conn->handle, code, stmt != &sqlite_begin_read, err);
    (void)sqlite3_reset(prepared->parts[0]);
    return result;
}

enum err sqlite_exec_steps(struct sqlite_conn *conn, struct sql_op *op)
{
    for (size_t i = 0; i < op->step_count; i++)
        TRY(sqlite_exec_step(conn, &op->steps[i], &op->error));
    return ERR_OK;
}

void sqlite_rollback(struct sqlite_conn *conn)
{
    // It fails only when SQLite did it by itself already.
    if (sqlite_conn_in_transaction(conn))
        (void)sqlite3_exec(conn->handle, "ROLLBACK", NULL, NULL, NULL);
}

static enum err run_text(struct sqlite_conn *conn, struct str text, struct error *err)
{
    CLEANUP(arena_close_ptr) struct arena *arena = arena_open(0);
    const char *copy = arena_str(arena, text).ptr;
    int code = sqlite3_exec(conn->handle, copy, NULL, NULL, NULL);
    return code == SQLITE_OK ? ERR_OK : sqlite_error(conn->handle, code, true, err);
}

static enum err run_script(struct sqlite_conn *conn, const struct sql_script *script,
                           struct error *err)
{
    TRY(sqlite_exec(conn, &sqlite_begin_write, err));
    if (script->record != NULL) {
        struct sql_step record = *script->record;
        TRY(sqlite_exec_step(conn, &record, err));
    }
    TRY(run_text(conn, script->text, err));
    return sqlite_exec(conn, &sqlite_commit, err);
}

enum err sqlite_exec_script(struct sqlite_conn *conn, const struct sql_script *script,
                            struct error *err)
{
    enum err code = run_script(conn, script, err);
    if (code != ERR_OK)
        sqlite_rollback(conn);
    return code;
}

size_t sqlite_row_columns(const struct sql_row *row)
{
    return (size_t)sqlite3_column_count(row->cursor);
}

bool sqlite_row_is_null(const struct sql_row *row, size_t i)
{
    return sqlite3_column_type(row->cursor, (int)i) == SQLITE_NULL;
}

int64_t sqlite_row_i64(const struct sql_row *row, size_t i)
{
    return sqlite3_column_int64(row->cursor, (int)i);
}

double sqlite_row_f64(const struct sql_row *row, size_t i)
{
    return sqlite3_column_double(row->cursor, (int)i);
}

struct str sqlite_row_str(const struct sql_row *row, size_t i)
{
    if (sqlite3_column_type(row->cursor, (int)i) == SQLITE_NULL)
        return STR_NULL;
    const char *text = (const char *)sqlite3_column_text(row->cursor, (int)i);
    size_t len = (size_t)sqlite3_column_bytes(row->cursor, (int)i);
    return (struct str){.ptr = text == NULL ? "" : text, .len = text == NULL ? 0 : len};
}
