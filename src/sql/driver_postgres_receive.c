// Results of a PostgreSQL connection in pipeline mode, and which operation they belong to.
#include <libpq-fe.h> // first: one of its macros names what base/banned.h forbids

#include "sql/driver_postgres.h"

#include "base/clock.h"
#include "base/crash.h"

#define RETRIES_MAX 5

// A prepared statement would have columns of other types now.
#define RETYPED "0A000"

static bool is_any(const char *sqlstate, const char *const *codes, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (strcmp(sqlstate, codes[i]) == 0)
            return true;
    }
    return false;
}

// Failures that come by chance, of which the operation itself knows nothing: it was rolled back,
// and none of its rows were handed over.
static bool is_chance(const char *sqlstate)
{
    static const char *const codes[] = {"40001", "40P01"};
    return is_any(sqlstate, codes, COUNT_OF(codes));
}

// A connection that is not what it was: its prepared statements are gone or do not fit the tables
// any more, or its server became a standby (connections that only read never write).
static bool is_worn(const char *sqlstate, enum sql_lane lane)
{
    static const char *const codes[] = {"26000", RETYPED, "42P05"};
    return is_any(sqlstate, codes, COUNT_OF(codes)) ||
           (lane == SQL_LANE_WRITE && strcmp(sqlstate, "25006") == 0);
}

// A failure that may come of a column's type that is not what it was: its value went in the form of
// the old one, or its statement cannot be planned with it. Tables that are changed are rare, and
// values that do not fit are not much more frequent: the types are asked for.
static bool may_be_retyped(const struct postgres_task *failed)
{
    static const char *const codes[] = {"22P03", "22P02", "22003", "22007",
                                        "22008", "42804", "42846", "42883"};
    return failed->phase == POSTGRES_RUN && !failed->is_by_commit && !failed->was_verified &&
           is_any(failed->sqlstate, codes, COUNT_OF(codes));
}

// A pooler does not say how severe it is in words that are the same in all languages, whether it
// was told of (DATABASE_POOLER) or not. Its last word tells nothing of the backend, which may go on
// to commit.
static bool is_by_server(const PGresult *result)
{
    return PQresultErrorField(result, PG_DIAG_SEVERITY_NONLOCALIZED) != NULL;
}

static bool is_fatal(const PGresult *result)
{
    const char *severity = PQresultErrorField(result, PG_DIAG_SEVERITY);
    if (is_by_server(result))
        severity = PQresultErrorField(result, PG_DIAG_SEVERITY_NONLOCALIZED);
    return severity != NULL && (strcmp(severity, "FATAL") == 0 || strcmp(severity, "PANIC") == 0);
}

// PgBouncer's words to those who still wait for a backend.
static bool is_refusal(const struct postgres_conn *conn, const PGresult *result)
{
    static const struct str words[] = {
        STR_INIT("query_wait_timeout"),
        STR_INIT("server login has been failing"),
    };
    struct str text = str_of(PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY));
    for (size_t i = 0; conn->db->address.is_pooled && i < COUNT_OF(words); i++) {
        if (str_starts(text, words[i]))
            return true;
    }
    return false;
}

// Of each statement that is prepared first the statement itself is answered, then its description.
static void take_prepared(struct postgres_conn *conn, struct postgres_task *task, PGresult *result)
{
    bool ok = PQresultStatus(result) == PGRES_COMMAND_OK;
    bool is_description = task->at % 2 == 1;
    struct postgres_stmt *stmt = task->fresh[task->at / 2];
    if (ok && is_description && postgres_stmt_describe(stmt, result))
        task->is_retyped = true;
    if (!ok && task->phase == POSTGRES_PREPARE)
        conn->prepared[stmt->index] = 0;
    postgres_task_take(task, result);
}

// Takes the tasks of the transaction that ended. Returns the one that failed; NULL: none. What one
// of them saw of the types holds for all connections.
static struct postgres_task *pop(struct postgres_conn *conn, struct postgres_list *ret_tasks)
{
    struct postgres_task *failed = NULL;
    struct postgres_task *task;
    bool is_retyped = false;
    postgres_list_init(ret_tasks);
    do {
        task = postgres_list_pop(&conn->sent);
        postgres_list_push(ret_tasks, task);
        is_retyped = is_retyped || task->is_retyped || strcmp(task->sqlstate, RETYPED) == 0;
        if (failed == NULL && task->op->error.code != ERR_OK)
            failed = task;
    } while (!task->is_last);
    conn->awaited = conn->sent.head;
    conn->in_flight--;
    if (is_retyped)
        postgres_lanes_renew(conn->db);
    return failed;
}

static void retry(struct postgres_lane *lane, struct postgres_list *tasks)
{
    for (struct postgres_task *task = tasks->head; task != NULL; task = task->next)
        postgres_task_reset(task);
    postgres_lane_put_back(lane, tasks);
}

static void note_room(struct postgres_db *db, const struct postgres_task *task)
{
    if (task->op->lane != SQL_LANE_WRITE)
        return;
    if (strncmp(task->sqlstate, "53", 2) == 0)
        atomic_store(&db->full_us, clock_monotonic_us(clock_system()));
    else if (task->op->error.code == ERR_OK && atomic_load(&db->full_us) != 0)
        atomic_store(&db->full_us, 0);
}

// Queues a task in another lane, behind all that wait there.
static void move(struct postgres_db *db, unsigned to, struct postgres_task *task)
{
    postgres_task_reset(task);
    if (postgres_lane_admit(&db->lanes[to]))
        postgres_lane_add(&db->lanes[to], task);
    else
        sql_op_reject(task->op);
}

// The others come first again, all together without the one that undid them: each round has one
// less. A failure of the commit itself tells not whose it is: then all are tried one by one.
static void part(struct postgres_conn *conn, struct postgres_list *tasks,
                 struct postgres_task *failed)
{
    struct postgres_list others;
    struct postgres_task *task;
    bool is_told = !failed->is_by_commit;
    postgres_list_init(&others);
    while ((task = postgres_list_pop(tasks)) != NULL) {
        task->is_alone = !is_told;
        if (task != failed || !is_told)
            postgres_list_push(&others, task);
    }
    if (is_told)
        move(conn->db, POSTGRES_LANE_ALONE, failed);
    retry(conn->lane, &others);
}

static void finish(struct postgres_conn *conn, struct postgres_list *tasks)
{
    struct postgres_task *task;
    while ((task = postgres_list_pop(tasks)) != NULL) {
        note_room(conn->db, task);
        postgres_task_finish(task);
    }
}

// The end of a transaction that was undone. What failed by chance, by others or for what the
// connection is, is tried again.
static void end_failed(struct postgres_conn *conn, struct postgres_list *tasks,
                       struct postgres_task *failed)
{
    const struct postgres_lane_settings *settings = conn->lane->settings;
    bool is_stale = is_worn(failed->sqlstate, failed->op->lane);
    bool is_locked = strcmp(failed->sqlstate, "55P03") == 0 &&
                     &conn->db->lanes[settings->when_locked] != conn->lane;
    bool again =
        (is_stale || is_locked || is_chance(failed->sqlstate)) && failed->tries++ < RETRIES_MAX;
    if (is_stale)
        conn->is_stale = true;
    if (tasks->head->next != NULL && !(is_stale && again))
        part(conn, tasks, failed);
    else if (may_be_retyped(failed))
        postgres_conn_verify(conn, tasks);
    else if (!again)
        finish(conn, tasks);
    else if (is_locked)
        move(conn->db, settings->when_locked, postgres_list_pop(tasks));
    else
        retry(conn->lane, tasks);
}

static void end_prepare(struct postgres_conn *conn)
{
    struct postgres_list tasks;
    struct postgres_task *failed = pop(conn, &tasks);
    conn->is_preparing = false;
    if (failed != NULL)
        end_failed(conn, &tasks, failed);
    else if (conn->is_stale)
        retry(conn->lane, &tasks);
    else
        postgres_conn_send(conn, &tasks);
}

// A task that failed goes again if the types are others than it went by, as it or another one saw.
static void end_verify(struct postgres_conn *conn)
{
    struct postgres_list tasks;
    const struct postgres_task *failed = pop(conn, &tasks);
    if (failed->is_retyped || failed->forgotten != conn->db->stmts.forgotten)
        retry(conn->lane, &tasks);
    else
        finish(conn, &tasks);
}

static void end_run(struct postgres_conn *conn)
{
    struct postgres_list tasks;
    struct postgres_task *failed = pop(conn, &tasks);
    if (postgres_lane_writes(conn->lane))
        crash_here(CRASH_DB_COMMITTED);
    if (failed == NULL)
        finish(conn, &tasks);
    else
        end_failed(conn, &tasks, failed);
}

// The end of one command's results. The last command of a task is followed by the next task's, if
// that has any.
static void pass(struct postgres_conn *conn, struct postgres_task *task)
{
    task->at++;
    while (task->at == task->op->step_count && !task->is_last)
        task = task->next;
    conn->awaited = task;
}

static void take(struct postgres_conn *conn, PGresult *result)
{
    static void (*const end_of[])(struct postgres_conn *) = {
        [POSTGRES_PREPARE] = end_prepare,
        [POSTGRES_RUN] = end_run,
        [POSTGRES_VERIFY] = end_verify,
    };
    struct postgres_task *task = conn->awaited;
    if (result == NULL) {
        pass(conn, task);
    } else if (PQresultStatus(result) == PGRES_PIPELINE_SYNC) {
        PQclear(result);
        end_of[task->phase](conn);
    } else if (task->phase == POSTGRES_RUN) {
        postgres_task_take(task, result);
    } else {
        take_prepared(conn, task, result);
    }
}

bool postgres_conn_receive(struct postgres_conn *conn)
{
    while (conn->state == POSTGRES_READY && conn->in_flight > 0 && PQisBusy(conn->handle) == 0) {
        PGresult *result = PQgetResult(conn->handle);
        bool is_bad = PQstatus(conn->handle) == CONNECTION_BAD;
        if (is_bad && (result == NULL || postgres_sqlstate(result)[0] == '\0')) {
            PQclear(result); // libpq's own words on the end of the connection
            return false;
        }
        if (result != NULL && is_fatal(result)) {
            conn->is_terminated = is_by_server(result);
            conn->is_refused = is_refusal(conn, result);
            PQclear(result);
            return false;
        }
        conn->progress_us = clock_monotonic_us(clock_system());
        take(conn, result);
    }
    return true;
}
