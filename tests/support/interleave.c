// Drives sessions of PostgreSQL one statement at a time.
#include <libpq-fe.h> // first: one of its macros names what base/banned.h forbids

#include "support/interleave.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <poll.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/clock.h"
#include "sql/driver_postgres.h"

#define SCHEDULE_MAX (INTERLEAVE_MAX * (SQL_STEPS_MAX + 1))
#define STMTS_MAX    256
#define LOOK_MS      1 // after this long without an answer, whether the session is held up
#define STUCK_US     (30 * US_PER_S)
#define TEXT_MAX     (64 * 1024)

struct session {
    PGconn *conn;
    char pid[16];
    bool prepared[STMTS_MAX];
    struct postgres_task *task;
    size_t next; // step; op->step_count: the end of the transaction, then nothing
    bool is_waiting;
    struct interleave_side side;
};

struct interleave {
    struct postgres_stmts stmts;
    struct session sessions[INTERLEAVE_MAX];
    PGconn *observer;
    char *keep;    // copies all tables
    char *restore; // puts the copies back
    size_t turns;
};

// ---- The session that looks.

static void clear_ptr(PGresult **result)
{
    PQclear(*result);
}

static PGconn *connect_to(const char *url)
{
    struct postgres_address address;
    struct error err;
    error_reset(&err);
    PGconn *conn = NULL;
    const struct postgres_session session = {.statement_timeout_ms = 0};
    if (postgres_address_init(&address, url, false, &err) != ERR_OK ||
        postgres_connect(&address, &session, &conn, &err) != ERR_OK)
        fail_msg("%s (%s)", err.message, err.cause);
    postgres_address_done(&address);
    return conn;
}

static PGresult *query(PGconn *conn, const char *text)
{
    PGresult *result = PQexec(conn, text);
    ExecStatusType status = PQresultStatus(result);
    if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK)
        fail_msg("%s: %s", text, PQerrorMessage(conn));
    return result;
}

int64_t interleave_i64(struct interleave *it, const char *text)
{
    CLEANUP(clear_ptr) PGresult *result = query(it->observer, text);
    int64_t value = INT64_MIN;
    if (PQntuples(result) == 1 && PQgetisnull(result, 0, 0) == 0 &&
        number_parse_i64(str_of(PQgetvalue(result, 0, 0)), INT64_MIN, INT64_MAX, &value) != ERR_OK)
        fail_msg("%s: not a number", text);
    return value;
}

// Triggers sleep while the tables are put back: what they keep is put back too.
static void write_scripts(struct interleave *it)
{
    struct buf keep;
    struct buf restore;
    buf_init(&keep, TEXT_MAX);
    buf_init(&restore, TEXT_MAX);
    buf_append_str(&restore, STR("BEGIN; SET LOCAL session_replication_role = replica;"));
    CLEANUP(clear_ptr)
    PGresult *tables =
        query(it->observer, "SELECT table_name FROM information_schema.tables "
                            "WHERE table_schema = 'public' AND table_type = 'BASE TABLE' "
                            "AND table_name <> 'sunlead_migrations'");
    for (int i = 0; i < PQntuples(tables); i++) {
        const char *name = PQgetvalue(tables, i, 0);
        buf_printf(&keep,
                   "DROP TABLE IF EXISTS kept_%s; "
                   "CREATE TEMPORARY TABLE kept_%s AS SELECT * FROM public.%s;",
                   name, name, name);
        buf_printf(&restore, "DELETE FROM %s; INSERT INTO %s SELECT * FROM kept_%s;", name, name,
                   name);
    }
    buf_append_str(&restore, STR("COMMIT"));
    it->keep = strdup(buf_cstr(&keep));
    it->restore = strdup(buf_cstr(&restore));
    check(it->keep != NULL && it->restore != NULL);
    buf_done(&keep);
    buf_done(&restore);
}

struct interleave *interleave_open(const char *url)
{
    struct interleave *it = calloc(1, sizeof(*it));
    check(it != NULL);
    it->observer = connect_to(url);
    PQclear(query(it->observer, "SET client_min_messages = error"));
    for (size_t i = 0; i < INTERLEAVE_MAX; i++) {
        struct session *session = &it->sessions[i];
        session->conn = connect_to(url);
        PQclear(query(session->conn, "SET deadlock_timeout = '5ms'"));
        (void)snprintf(session->pid, sizeof(session->pid), "%d", PQbackendPID(session->conn));
    }
    write_scripts(it);
    return it;
}

void interleave_close(struct interleave *it)
{
    if (it == NULL)
        return;
    for (size_t i = 0; i < INTERLEAVE_MAX; i++)
        PQfinish(it->sessions[i].conn);
    PQfinish(it->observer);
    postgres_stmts_done(&it->stmts);
    free(it->keep);
    free(it->restore);
    free(it);
}

// ---- One session.

static void prepare(struct session *session)
{
    for (size_t i = 0; i < session->side.op->step_count; i++) {
        struct postgres_stmt *stmt = session->task->stmts[i];
        check(stmt->index < STMTS_MAX);
        if (session->prepared[stmt->index])
            continue;
        CLEANUP(clear_ptr)
        PGresult *parsed = PQprepare(session->conn, stmt->name, stmt->text, 0, NULL);
        check(parsed != NULL);
        CLEANUP(clear_ptr) PGresult *described = PQdescribePrepared(session->conn, stmt->name);
        if (PQresultStatus(described) != PGRES_COMMAND_OK)
            fail_msg("%s: %s", stmt->stmt->name, PQerrorMessage(session->conn));
        postgres_stmt_describe(stmt, described);
        session->prepared[stmt->index] = true;
    }
}

static void send_step(struct session *session)
{
    struct postgres_values values;
    struct postgres_task *task = session->task;
    const struct postgres_stmt *stmt = task->stmts[session->next];
    task->at = session->next;
    postgres_values_fill(&values, &task->op->steps[task->at], stmt, task->op->arena);
    if (PQsendQueryPrepared(session->conn, stmt->name, (int)values.count, values.values,
                            values.lengths, values.formats, 1) != 1)
        fail_msg("%s: %s", stmt->stmt->name, PQerrorMessage(session->conn));
    session->is_waiting = true;
}

static void take_step(struct interleave *it, struct session *session)
{
    PGresult *result;
    while ((result = PQgetResult(session->conn)) != NULL)
        postgres_task_take(session->task, result);
    session->is_waiting = false;
    it->turns++;
    if (session->next == 0)
        session->side.first_turn = it->turns;
    // What failed has no further steps: its transaction ends.
    session->next =
        session->task->op->error.code == ERR_OK ? session->next + 1 : session->task->op->step_count;
}

static bool is_held_up(struct interleave *it, const struct session *session)
{
    const char *const values[] = {session->pid};
    CLEANUP(clear_ptr)
    PGresult *result = PQexecParams(it->observer, "SELECT cardinality(pg_blocking_pids($1)) > 0", 1,
                                    NULL, values, NULL, NULL, 0);
    if (PQresultStatus(result) != PGRES_TUPLES_OK)
        fail_msg("%s", PQerrorMessage(it->observer));
    return strcmp(PQgetvalue(result, 0, 0), "t") == 0;
}

// Waits until the session's statement is done or another session holds it up; returns which. One
// that was held up is looked at right away.
static bool settle(struct interleave *it, struct session *session, bool was_held_up)
{
    int wait_ms = was_held_up ? 0 : LOOK_MS;
    int64_t deadline_us = clock_monotonic_us(clock_system()) + STUCK_US;
    struct pollfd ready = {.fd = PQsocket(session->conn), .events = POLLIN};
    while (PQisBusy(session->conn) != 0) {
        int count = poll(&ready, 1, wait_ms);
        if (count > 0 && PQconsumeInput(session->conn) != 1)
            fail_msg("%s", PQerrorMessage(session->conn));
        if (count == 0 && is_held_up(it, session))
            return false;
        wait_ms = LOOK_MS;
        if (clock_monotonic_us(clock_system()) > deadline_us)
            fail_msg("%s: no answer", session->task->stmts[session->task->at]->stmt->name);
    }
    take_step(it, session);
    return true;
}

static void end_transaction(struct session *session)
{
    bool ok = session->task->op->error.code == ERR_OK;
    PQclear(query(session->conn, ok ? "COMMIT" : "ROLLBACK"));
    session->next++;
}

static bool is_done(const struct session *session)
{
    return session->next > session->side.op->step_count;
}

// Lets a session that is not held up do its next step.
static void go_on(struct interleave *it, struct session *session)
{
    if (session->next == session->side.op->step_count) {
        end_transaction(session);
        return;
    }
    if (session->next == 0) // which reads nothing: the order of these does not matter
        PQclear(query(session->conn, "BEGIN"));
    send_step(session);
    if (!settle(it, session, false))
        session->side.waits++;
}

// ---- All of them.

static void settle_waiting(struct interleave *it, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (it->sessions[i].is_waiting)
            (void)settle(it, &it->sessions[i], true);
    }
}

static void ignore_done(struct sql_op *op)
{
    (void)op;
}

static void begin(struct interleave *it, const struct interleave_case *what, struct arena *arena)
{
    PQclear(query(it->observer, it->restore));
    it->turns = 0;
    for (size_t i = 0; i < what->count; i++) {
        struct session *session = &it->sessions[i];
        struct sql_op *op = what->make(what->ctx, arena, i);
        error_reset(&op->error);
        op->done = ignore_done;
        session->side = (struct interleave_side){.op = op};
        session->task = postgres_task_new(op);
        session->task->phase = POSTGRES_RUN;
        session->next = 0;
        postgres_task_resolve(session->task, &it->stmts);
        prepare(session);
    }
}

static bool was_deadlock(const struct session *session)
{
    return strcmp(session->task->sqlstate, "40P01") == 0;
}

// Ends what a schedule left, begins again what met a deadlock, and hands over what was read.
static void end(struct interleave *it, const struct interleave_case *what)
{
    bool is_open = true;
    int64_t deadline_us = clock_monotonic_us(clock_system()) + STUCK_US;
    while (is_open) {
        assert_true(clock_monotonic_us(clock_system()) < deadline_us);
        is_open = false;
        for (size_t i = 0; i < what->count; i++) {
            struct session *session = &it->sessions[i];
            if (is_done(session) && was_deadlock(session)) {
                assert_true(what->may_deadlock);
                postgres_task_reset(session->task);
                session->side.deadlocks++;
                session->next = 0;
            }
            is_open = is_open || !is_done(session);
            if (!session->is_waiting && !is_done(session))
                go_on(it, session);
        }
        settle_waiting(it, what->count);
    }
    for (size_t i = 0; i < what->count; i++)
        postgres_task_finish(it->sessions[i].task);
}

static void run(struct interleave *it, const struct interleave_case *what, const char *schedule)
{
    CLEANUP(arena_close_ptr) struct arena *arena = arena_open(0);
    begin(it, what, arena);
    for (const char *turn = schedule; *turn != '\0'; turn++) {
        struct session *session = &it->sessions[*turn - '0'];
        if (session->is_waiting || is_done(session))
            continue;
        go_on(it, session);
        settle_waiting(it, what->count);
    }
    end(it, what);
    struct interleave_side sides[INTERLEAVE_MAX];
    for (size_t i = 0; i < what->count; i++)
        sides[i] = it->sessions[i].side;
    const char *wrong = what->verdict(what->ctx, sides);
    if (wrong != NULL)
        fail_msg("in the order %s: %s", schedule, wrong);
}

// The next order of the letters, by the alphabet. False: that was the last one.
static bool permute(char *schedule)
{
    size_t len = strlen(schedule);
    size_t i = len - 1;
    while (i > 0 && schedule[i - 1] >= schedule[i])
        i--;
    if (i == 0)
        return false;
    size_t j = len - 1;
    while (schedule[j] <= schedule[i - 1])
        j--;
    char swapped = schedule[i - 1];
    schedule[i - 1] = schedule[j];
    schedule[j] = swapped;
    for (size_t end_at = len - 1; i < end_at; i++, end_at--) {
        swapped = schedule[i];
        schedule[i] = schedule[end_at];
        schedule[end_at] = swapped;
    }
    return true;
}

void interleave_all(struct interleave *it, const struct interleave_case *what)
{
    CLEANUP(arena_close_ptr) struct arena *arena = arena_open(0);
    char schedule[SCHEDULE_MAX + 1];
    size_t len = 0;
    check(what->count <= INTERLEAVE_MAX);
    PQclear(query(it->observer, it->keep));
    for (size_t i = 0; i < what->count; i++) {
        size_t turns = what->make(what->ctx, arena, i)->step_count + 1;
        memset(schedule + len, '0' + (int)i, turns);
        len += turns;
    }
    schedule[len] = '\0';
    do {
        run(it, what, schedule);
    } while (permute(schedule) && !(what->is_symmetric && schedule[0] != '0'));
    PQclear(query(it->observer, it->restore));
}
