// A database in a temporary folder, and short words for working on it.
#ifndef SUNLEAD_TESTS_SQL_TEMP_DB_H
#define SUNLEAD_TESTS_SQL_TEMP_DB_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <dirent.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/log.h"
#include "sql/sql.h"

struct temp_db {
    struct arena *arena;
    struct sql *sql; // NULL until opened
    char folder[64];
    char path[96];
    char url[112];
};

// temp_folder_remove() removes a folder of files.
static inline int temp_folder_remove(const char *folder)
{
    DIR *dir = opendir(folder);
    if (dir == NULL)
        return -1;
    struct dirent *entry;
    while ((entry = readdir(dir)) != NULL)
        (void)unlinkat(dirfd(dir), entry->d_name, 0);
    closedir(dir);
    return rmdir(folder);
}

// temp_db_setup() makes a folder and the names, without opening.
static inline int temp_db_setup(void **state)
{
    struct temp_db *db = calloc(1, sizeof(*db));
    if (db == NULL)
        return -1;
    log_setup(LOG_OFF, LOG_TEXT, 2);
    db->arena = arena_open(0);
    snprintf(db->folder, sizeof(db->folder), "/tmp/sunlead-sql-test-XXXXXX");
    if (mkdtemp(db->folder) == NULL)
        return -1;
    snprintf(db->path, sizeof(db->path), "%s/test.db", db->folder);
    snprintf(db->url, sizeof(db->url), "sqlite:%s", db->path);
    *state = db;
    return 0;
}

static inline int temp_db_teardown(void **state)
{
    struct temp_db *db = *state;
    sql_close(db->sql);
    int code = temp_folder_remove(db->folder);
    arena_close(db->arena);
    free(db);
    return code;
}

static inline void temp_db_open(struct temp_db *db)
{
    struct error err;
    error_reset(&err);
    enum err code = sql_open(db->url, true, &db->sql, &err);
    if (code != ERR_OK)
        print_error("%s (%s)\n", err.message, err.cause);
    assert_int_equal(code, ERR_OK);
}

static inline void temp_db_close(struct temp_db *db)
{
    sql_close_ptr(&db->sql);
}

static inline int temp_db_setup_open(void **state)
{
    if (temp_db_setup(state) != 0)
        return -1;
    temp_db_open(*state);
    return 0;
}

static inline void temp_db_script(struct temp_db *db, const char *text)
{
    struct error err;
    error_reset(&err);
    enum err code = sql_script(db->sql, str_of(text), &err);
    if (code != ERR_OK)
        print_error("%s (%s)\n", err.message, err.cause);
    assert_int_equal(code, ERR_OK);
}

// temp_db_stmt() makes a statement that lives as long as the fixture.
static inline const struct sql_stmt *temp_db_stmt(struct temp_db *db, const char *text)
{
    struct sql_stmt *stmt = arena_new(db->arena, struct sql_stmt, 1);
    stmt->name = text;
    stmt->text = text;
    return stmt;
}

// temp_db_run() runs one statement without parameters in a lane.
static inline enum err temp_db_run(struct temp_db *db, enum sql_lane lane, const char *text)
{
    struct sql_op *op = sql_op_new(db->arena, text, lane);
    (void)sql_op_step(op, temp_db_stmt(db, text), 0, NULL);
    return sql_run(db->sql, op);
}

static inline void temp_db_keep_i64(void *ctx, const struct sql_row *row)
{
    *(int64_t *)ctx = sql_row_i64(row, 0);
}

// temp_db_i64() is the one number that a query gives.
static inline int64_t temp_db_i64(struct temp_db *db, const char *text)
{
    int64_t value = INT64_MIN;
    struct sql_op *op = sql_op_new(db->arena, text, SQL_LANE_SHORT);
    struct sql_step *step = sql_op_step(op, temp_db_stmt(db, text), 0, NULL);
    step->on_row = temp_db_keep_i64;
    step->ctx = &value;
    enum err code = sql_run(db->sql, op);
    if (code != ERR_OK)
        print_error("%s (%s)\n", op->error.message, op->error.cause);
    assert_int_equal(code, ERR_OK);
    assert_int_equal(step->rows, 1);
    return value;
}

#endif
