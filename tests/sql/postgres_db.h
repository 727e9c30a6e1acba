// A database of a PostgreSQL server that a test program shares, and short words for working on it.
#ifndef SUNLEAD_TESTS_SQL_POSTGRES_DB_H
#define SUNLEAD_TESTS_SQL_POSTGRES_DB_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/arena.h"
#include "base/log.h"
#include "sql/migrate.h"
#include "sql/sql.h"
#include "support/postgres.h"

struct postgres_db_fixture {
    struct arena *arena;
    struct sql *sql;
    const char *url;
};

static struct postgres *postgres_db_server;
static bool postgres_db_is_pooled; // the databases are reached by way of PgBouncer

static inline int postgres_db_start(void **state)
{
    (void)state;
    log_setup(LOG_OFF, LOG_TEXT, 2);
    postgres_db_server = postgres_start();
    return postgres_db_server == NULL ? -1 : 0;
}

static inline int postgres_db_stop(void **state)
{
    (void)state;
    postgres_stop(postgres_db_server);
    return 0;
}

static inline void postgres_db_open(struct postgres_db_fixture *db)
{
    struct error err;
    error_reset(&err);
    struct sql_settings settings = {.url = db->url, .is_pooled = postgres_db_is_pooled};
    if (settings.is_pooled)
        settings.url = postgres_pool(postgres_db_server, db->url);
    enum err code = sql_open_as(&settings, &db->sql, &err);
    if (code != ERR_OK)
        print_error("%s (%s)\n", err.message, err.cause);
    assert_int_equal(code, ERR_OK);
}

// postgres_db_setup() opens a fresh database, of which the migrations were not run.
static inline int postgres_db_setup(void **state)
{
    struct postgres_db_fixture *db = calloc(1, sizeof(*db));
    if (db == NULL)
        return -1;
    db->arena = arena_open(0);
    db->url = postgres_create(postgres_db_server, NULL);
    postgres_db_open(db);
    *state = db;
    return 0;
}

static inline int postgres_db_teardown(void **state)
{
    struct postgres_db_fixture *db = *state;
    sql_close(db->sql);
    postgres_drop(postgres_db_server, db->url);
    arena_close(db->arena);
    free(db);
    return 0;
}

static inline void postgres_db_script(struct postgres_db_fixture *db, const char *text)
{
    struct error err;
    error_reset(&err);
    enum err code = sql_script(db->sql, str_of(text), &err);
    if (code != ERR_OK)
        print_error("%s (%s)\n", err.message, err.cause);
    assert_int_equal(code, ERR_OK);
}

// postgres_db_migrate() runs the program's migrations.
static inline void postgres_db_migrate(struct postgres_db_fixture *db)
{
    struct error err;
    size_t applied;
    error_reset(&err);
    enum err code = migrate_up(db->sql, &applied, &err);
    if (code != ERR_OK)
        print_error("%s (%s)\n", err.message, err.cause);
    assert_int_equal(code, ERR_OK);
}

// postgres_db_stmt() makes a statement that lives as long as the fixture.
static inline const struct sql_stmt *postgres_db_stmt(struct postgres_db_fixture *db,
                                                      const char *text)
{
    struct sql_stmt *stmt = arena_new(db->arena, struct sql_stmt, 1);
    stmt->name = text;
    stmt->text = text;
    return stmt;
}

// postgres_db_step() adds a statement without parameters.
static inline struct sql_step *postgres_db_step(struct postgres_db_fixture *db, struct sql_op *op,
                                                const char *text)
{
    return sql_op_step(op, postgres_db_stmt(db, text), 0, NULL);
}

// postgres_db_op() is an operation of one statement without parameters.
static inline struct sql_op *postgres_db_op(struct postgres_db_fixture *db, enum sql_lane lane,
                                            const char *text)
{
    struct sql_op *op = sql_op_new(db->arena, text, lane);
    (void)postgres_db_step(db, op, text);
    return op;
}

static inline void postgres_db_expect(struct postgres_db_fixture *db, struct sql_op *op,
                                      enum err code)
{
    enum err got = sql_run(db->sql, op);
    if (got != code)
        print_error("%s: %s: %s (%s)\n", op->name, err_name(got), op->error.message,
                    op->error.cause);
    assert_int_equal(got, code);
}

static inline void postgres_db_keep_i64(void *ctx, const struct sql_row *row)
{
    *(int64_t *)ctx = sql_row_i64(row, 0);
}

// postgres_db_i64() is the one number that a query gives.
static inline int64_t postgres_db_i64(struct postgres_db_fixture *db, const char *text)
{
    int64_t value = INT64_MIN;
    struct sql_op *op = postgres_db_op(db, SQL_LANE_SHORT, text);
    op->steps[0].on_row = postgres_db_keep_i64;
    op->steps[0].ctx = &value;
    postgres_db_expect(db, op, ERR_OK);
    return value;
}

#define POSTGRES_TEST(test)                                                                        \
    cmocka_unit_test_setup_teardown(test, postgres_db_setup, postgres_db_teardown)

#endif
