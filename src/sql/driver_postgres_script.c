// Scripts on PostgreSQL: one transaction, one process at a time.
#include <libpq-fe.h> // first: one of its macros names what base/banned.h forbids

#include "sql/driver_postgres.h"

#include "base/thread.h"

// What waits for a lock on a table holds up all who come behind it: better to give way soon, to let
// them through and to come back, for ten minutes.
#define BEGIN                                                                                      \
    "BEGIN; SET LOCAL statement_timeout = 0; SET LOCAL TimeZone = 'UTC'; "                         \
    "SELECT pg_advisory_xact_lock(7957675014270316132); SET LOCAL lock_timeout = '300ms'"
#define LOCK_TRIES    750
#define LOCK_PAUSE_MS 500

static void finish_ptr(PGconn **handle)
{
    PQfinish(*handle);
}

static void clear_ptr(PGresult **result)
{
    PQclear(*result);
}

// Puts the statement that an administrator has to run before the server's words on a missing right:
// the first that is missing of those that migrations need.
static void advise(PGconn *handle, struct error *err)
{
    static const char question[] =
        "SELECT CASE WHEN current_schema() IS NULL "
        "THEN format('GRANT USAGE, CREATE ON SCHEMA public TO %I', current_user) "
        "WHEN NOT has_schema_privilege(current_schema(), 'CREATE') "
        "THEN format('GRANT CREATE ON SCHEMA %I TO %I', current_schema(), current_user) "
        "ELSE (SELECT format('GRANT %I TO %I', pg_get_userbyid(relowner), current_user) "
        "FROM pg_class WHERE relnamespace = current_schema()::regnamespace AND relkind IN ('r', "
        "'p') AND (relname = 'leads' OR relname ~ '^sunlead_') "
        "AND NOT pg_has_role(relowner, 'USAGE') LIMIT 1) END";
    PQclear(PQexec(handle, "ROLLBACK"));
    CLEANUP(clear_ptr) PGresult *result = PQexec(handle, question);
    if (err == NULL || PQntuples(result) != 1 || PQgetisnull(result, 0, 0) != 0)
        return;
    struct error said = *err;
    (void)error_set(err, ERR_FORBIDDEN, "a right is missing in the database: %.150s",
                    PQgetvalue(result, 0, 0));
    error_cause(err, "%s", said.cause);
}

// Runs texts of several statements. *ret_locked tells that a lock was not to be had.
static enum err run_text(PGconn *handle, const char *text, bool *ret_locked, struct error *err)
{
    CLEANUP(clear_ptr) PGresult *result = PQexec(handle, text);
    ExecStatusType status = PQresultStatus(result);
    if (status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK || status == PGRES_EMPTY_QUERY)
        return ERR_OK;
    *ret_locked = postgres_error_is_locked(result);
    if (*ret_locked)
        return error_set(err, ERR_UNAVAILABLE,
                         "a table is in use by a transaction that does not end");
    if (postgres_sqlstate(result)[0] == '\0')
        return postgres_error_unavailable(err, PQerrorMessage(handle));
    return postgres_error(result, err);
}

static enum err run_record(PGconn *handle, const struct sql_step *record, struct arena *arena,
                           struct error *err)
{
    const struct postgres_call call = {handle, arena, INT64_MAX};
    CLEANUP(clear_ptr) PGresult *result = NULL;
    return postgres_run_step(&call, record, &result, err);
}

static enum err run_once(PGconn *handle, const struct sql_script *script, bool *ret_locked,
                         struct error *err)
{
    CLEANUP(arena_close_ptr) struct arena *arena = arena_open(0);
    *ret_locked = false;
    TRY(run_text(handle, BEGIN, ret_locked, err));
    if (script->record != NULL)
        TRY(run_record(handle, script->record, arena, err));
    TRY(run_text(handle, arena_str(arena, script->text).ptr, ret_locked, err));
    return run_text(handle, "COMMIT", ret_locked, err);
}

enum err postgres_run_script(struct sql *sql, const struct sql_script *script, struct error *err)
{
    const struct postgres_db *db = CONTAINER_OF(sql, struct postgres_db, sql);
    CLEANUP(finish_ptr) PGconn *handle = NULL;
    const struct postgres_session session = {.statement_timeout_ms = 0};
    // Through a pooler it does too: all of it is one transaction, and so is what it locks and sets.
    const struct postgres_address *address = db->session_address;
    if (address == NULL)
        address = &db->address;
    TRY(postgres_connect(address, &session, &handle, err));
    enum err code = ERR_OK;
    bool locked = true;
    for (int i = 0; i < LOCK_TRIES && locked; i++) {
        if (i > 0) {
            PQclear(PQexec(handle, "ROLLBACK"));
            thread_pause_ms(LOCK_PAUSE_MS);
        }
        code = run_once(handle, script, &locked, err);
    }
    if (code != ERR_OK && err != NULL && strstr(err->cause, "PostgreSQL 42501") != NULL)
        advise(handle, err);
    return code;
}
