// Single statements on a PostgreSQL connection that is not in pipeline mode, each with a deadline.
#include <libpq-fe.h> // first: one of its macros names what base/banned.h forbids

#include "sql/driver_postgres.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>

#include "base/clock.h"

#define STEP_TEXT_MAX (64 * 1024)

static void clear_ptr(PGresult **result)
{
    PQclear(*result);
}

// Waits until a result is there. False: the connection broke, or time is up.
static bool wait_for(PGconn *handle, int64_t deadline_us)
{
    while (PQisBusy(handle) != 0) {
        int64_t left_us = deadline_us - clock_monotonic_us(clock_system());
        if (left_us <= 0)
            return false;
        int64_t left_ms = left_us / US_PER_MS + 1;
        struct pollfd ready = {.fd = PQsocket(handle), .events = POLLIN};
        if (poll(&ready, 1, left_ms > INT_MAX ? INT_MAX : (int)left_ms) < 0 && errno != EINTR)
            return false;
        if (PQconsumeInput(handle) != 1)
            return false;
    }
    return true;
}

// The only result of what was sent; NULL without one in time.
static PGresult *take_result(PGconn *handle, int sent, int64_t deadline_us)
{
    PGresult *result = NULL;
    while (sent == 1) {
        if (!wait_for(handle, deadline_us)) {
            PQclear(result);
            return NULL;
        }
        PGresult *next = PQgetResult(handle);
        if (next == NULL)
            break;
        PQclear(result);
        result = next;
    }
    return result;
}

static enum err judge(PGconn *handle, const PGresult *result, struct error *err)
{
    ExecStatusType status = result == NULL ? PGRES_FATAL_ERROR : PQresultStatus(result);
    if (status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK)
        return ERR_OK;
    if (result == NULL || postgres_sqlstate(result)[0] == '\0')
        return postgres_error_unavailable(err, PQerrorMessage(handle));
    return postgres_error(result, err);
}

enum err postgres_run_text(const struct postgres_call *call, const char *text, struct error *err)
{
    CLEANUP(clear_ptr)
    PGresult *result =
        take_result(call->handle, PQsendQuery(call->handle, text), call->deadline_us);
    if (result != NULL && PQresultStatus(result) == PGRES_EMPTY_QUERY)
        return ERR_OK;
    return judge(call->handle, result, err);
}

enum err postgres_run_step(const struct postgres_call *call, const struct sql_step *step,
                           struct pg_result **ret_result, struct error *err)
{
    PGconn *handle = call->handle;
    CLEANUP(buf_done) struct buf text;
    buf_init(&text, STEP_TEXT_MAX);
    (void)postgres_text_write(step->stmt, false, &text);
    check(buf_cstr(&text) != NULL);
    CLEANUP(clear_ptr)
    PGresult *prepared =
        take_result(handle, PQsendPrepare(handle, "", text.ptr, 0, NULL), call->deadline_us);
    TRY(judge(handle, prepared, err));
    CLEANUP(clear_ptr)
    PGresult *described =
        take_result(handle, PQsendDescribePrepared(handle, ""), call->deadline_us);
    TRY(judge(handle, described, err));
    struct postgres_stmt stmt = {0};
    struct postgres_values values;
    (void)postgres_stmt_describe(&stmt, described);
    postgres_values_fill(&values, step, &stmt, call->arena);
    free(stmt.param_types);
    int sent = PQsendQueryPrepared(handle, "", (int)values.count, values.values, values.lengths,
                                   values.formats, 1);
    CLEANUP(clear_ptr) PGresult *result = take_result(handle, sent, call->deadline_us);
    TRY(judge(handle, result, err));
    *ret_result = TAKE_PTR(result);
    return ERR_OK;
}

void postgres_deliver_rows(const struct sql_step *step, const struct pg_result *result,
                           struct arena *arena)
{
    struct postgres_cursor cursor = {.result = result, .arena = arena};
    const struct sql_row row = {.driver = &sql_driver_postgres, .cursor = &cursor};
    int rows = step->on_row == NULL ? 0 : PQntuples(result);
    for (cursor.row = 0; cursor.row < rows; cursor.row++)
        step->on_row(step->ctx, &row);
}
