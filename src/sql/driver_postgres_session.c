// A connection to PostgreSQL on which one thread runs statement after statement.
#include <libpq-fe.h> // first: one of its macros names what base/banned.h forbids

#include "sql/driver_postgres.h"

struct session {
    struct sql_session base;
    PGconn *handle;
};

enum err postgres_session_open(struct sql *sql, struct sql_session **ret_session, struct error *err)
{
    const struct postgres_db *db = CONTAINER_OF(sql, struct postgres_db, sql);
    const struct postgres_session settings = {.statement_timeout_ms = 0};
    PGconn *handle = NULL;
    const struct postgres_address *address =
        db->session_address != NULL ? db->session_address : &db->address;
    TRY(postgres_connect(address, &settings, &handle, err));
    struct session *session = calloc(1, sizeof(*session));
    check(session != NULL);
    session->base.driver = &sql_driver_postgres;
    session->base.is_pooled = address->is_pooled;
    session->handle = handle;
    *ret_session = &session->base;
    return ERR_OK;
}

// What tells one database from another: of which server, which of those it has, and where in it
// tables without a schema's name are.
#define IDENTITY                                                                                   \
    "SELECT concat_ws('/', (SELECT system_identifier FROM pg_control_system()), "                  \
    "(SELECT oid FROM pg_database WHERE datname = current_database()), current_schema())"

static void clear_ptr(PGresult **result)
{
    PQclear(*result);
}

enum err postgres_session_verify(const struct postgres_address *direct, PGconn *handle,
                                 struct error *err)
{
    const struct postgres_session settings = {.statement_timeout_ms = 0};
    PGconn *other = NULL;
    if (postgres_connect(direct, &settings, &other, NULL) != ERR_OK)
        return ERR_OK;
    CLEANUP(clear_ptr) PGresult *here = PQexec(handle, IDENTITY);
    CLEANUP(clear_ptr) PGresult *there = PQexec(other, IDENTITY);
    PQfinish(other);
    if (PQntuples(here) != 1 || PQntuples(there) != 1 ||
        strcmp(PQgetvalue(here, 0, 0), PQgetvalue(there, 0, 0)) == 0)
        return ERR_OK;
    return error_set(err, ERR_CONFLICT,
                     "DATABASE_DIRECT_URL leads to another database, or schema, than DATABASE_URL");
}

void postgres_session_close(struct sql_session *base)
{
    struct session *session = CONTAINER_OF(base, struct session, base);
    PQfinish(session->handle);
    free(session);
}

static enum err refuse(const PGconn *handle, const PGresult *result, struct error *err)
{
    if (postgres_sqlstate(result)[0] == '\0')
        return postgres_error_unavailable(err, PQerrorMessage(handle));
    if (!postgres_error_is_locked(result))
        return postgres_error(result, err);
    return error_set(err, ERR_TIMEOUT, "a lock was not to be had in time");
}

enum err postgres_session_run(struct sql_session *base, const char *text, sql_row_fn *on_row,
                              void *ctx, struct error *err)
{
    const struct session *session = CONTAINER_OF(base, struct session, base);
    CLEANUP(arena_close_ptr) struct arena *arena = arena_open(0);
    // What is run in binary keeps its view of the database until the next statement of the
    // transaction, and an index that is built concurrently waits for old views.
    PGresult *result = on_row == NULL
                           ? PQexec(session->handle, text)
                           : PQexecParams(session->handle, text, 0, NULL, NULL, NULL, NULL, 1);
    ExecStatusType status = PQresultStatus(result);
    enum err code = ERR_OK;
    if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK)
        code = refuse(session->handle, result, err);
    struct postgres_cursor cursor = {.result = result, .arena = arena};
    const struct sql_row row = {.driver = &sql_driver_postgres, .cursor = &cursor};
    int rows = code == ERR_OK && on_row != NULL ? PQntuples(result) : 0;
    for (cursor.row = 0; cursor.row < rows; cursor.row++)
        on_row(ctx, &row);
    PQclear(result);
    return code;
}
