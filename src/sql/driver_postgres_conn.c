// A connection of PostgreSQL in pipeline mode: sending, and what happens when it breaks.
#include <libpq-fe.h> // first: one of its macros names what base/banned.h forbids

#include "sql/driver_postgres.h"

#include <sys/epoll.h>

#include "base/clock.h"
#include "base/crash.h"

#define STUCK_MARGIN_US (5 * US_PER_S)

static bool is_pooled(const struct postgres_conn *conn)
{
    return conn->db->address.is_pooled;
}

static void watch(struct postgres_conn *conn, int operation)
{
    struct epoll_event event = {
        .events = EPOLLIN | (conn->wants_output ? EPOLLOUT : 0u),
        .data.ptr = conn,
    };
    check(epoll_ctl(conn->db->epoll_fd, operation, PQsocket(conn->handle), &event) == 0);
}

void postgres_conn_begin(struct postgres_conn *conn)
{
    conn->state = POSTGRES_READY;
    conn->is_preparing = false;
    conn->is_terminated = false;
    conn->is_refused = false;
    conn->is_stale = false;
    conn->wants_output = false;
    if (conn->prepared_count > 0)
        memset(conn->prepared, 0, conn->prepared_count);
    check(PQsetnonblocking(conn->handle, 1) == 0 && PQenterPipelineMode(conn->handle) == 1);
    watch(conn, EPOLL_CTL_ADD);
}

// Sends what libpq could not; epoll tells when there is room.
static bool flush(struct postgres_conn *conn)
{
    int left = PQflush(conn->handle);
    if (left < 0 || PQsocket(conn->handle) < 0)
        return false;
    if (conn->wants_output != (left > 0)) {
        conn->wants_output = left > 0;
        watch(conn, EPOLL_CTL_MOD);
    }
    return true;
}

static void make_room(struct postgres_conn *conn, size_t count)
{
    if (count <= conn->prepared_count)
        return;
    size_t room = count * 2;
    conn->prepared = realloc(conn->prepared, room);
    check(conn->prepared != NULL);
    memset(conn->prepared + conn->prepared_count, 0, room - conn->prepared_count);
    conn->prepared_count = room;
}

// Whether the types of its parameters are known and, where it can be, that it is prepared.
static bool is_ready(const struct postgres_conn *conn, const struct postgres_stmt *stmt)
{
    bool is_prepared = is_pooled(conn) || conn->prepared[stmt->index] != 0;
    return is_prepared && stmt->param_types != NULL;
}

bool postgres_conn_knows(struct postgres_conn *conn, struct postgres_task *task)
{
    postgres_task_resolve(task, &conn->db->stmts);
    make_room(conn, conn->db->stmts.count);
    for (size_t i = 0; i < task->op->step_count; i++) {
        if (!is_ready(conn, task->stmts[i]))
            return false;
    }
    return true;
}

// Has the server parse those statements that this connection does not know; all of them, without a
// name, to verify their types.
static bool send_prepares(struct postgres_conn *conn, struct postgres_task *task)
{
    size_t count = 0;
    bool sent = true;
    bool is_verified = task->phase == POSTGRES_VERIFY;
    for (size_t i = 0; i < task->op->step_count; i++) {
        struct postgres_stmt *stmt = task->stmts[i];
        if (!is_verified && is_ready(conn, stmt))
            continue;
        if (!is_verified)
            conn->prepared[stmt->index] = 1; // taken back if it fails
        task->fresh[count++] = stmt;
        const char *name = is_verified || is_pooled(conn) ? "" : stmt->name;
        if (PQsendPrepare(conn->handle, name, stmt->text, 0, NULL) != 1 ||
            PQsendDescribePrepared(conn->handle, name) != 1)
            sent = false;
    }
    return sent;
}

static bool send_step(struct postgres_conn *conn, const struct postgres_stmt *stmt,
                      const struct postgres_values *values)
{
    int count = (int)values->count;
    if (is_pooled(conn))
        return PQsendQueryParams(conn->handle, stmt->text, count, stmt->param_types, values->values,
                                 values->lengths, values->formats, 1) == 1;
    return PQsendQueryPrepared(conn->handle, stmt->name, count, values->values, values->lengths,
                               values->formats, 1) == 1;
}

static bool send_steps(struct postgres_conn *conn, struct postgres_task *task)
{
    struct postgres_values values;
    for (size_t i = 0; i < task->op->step_count; i++) {
        const struct postgres_stmt *stmt = task->stmts[i];
        postgres_values_fill(&values, &task->op->steps[i], stmt, task->op->arena);
        if (!send_step(conn, stmt, &values))
            return false;
    }
    return true;
}

static void send_as(struct postgres_conn *conn, struct postgres_list *tasks,
                    enum postgres_phase phase)
{
    bool sent = true;
    if (conn->awaited == NULL)
        conn->awaited = tasks->head;
    if (conn->in_flight++ == 0)
        conn->progress_us = clock_monotonic_us(clock_system());
    struct postgres_task *task;
    while ((task = postgres_list_pop(tasks)) != NULL) {
        task->at = 0;
        task->phase = phase;
        if (phase == POSTGRES_RUN)
            task->forgotten = conn->db->stmts.forgotten;
        task->is_last = tasks->head == NULL;
        postgres_list_push(&conn->sent, task);
        sent = sent && (phase == POSTGRES_RUN ? send_steps(conn, task) : send_prepares(conn, task));
    }
    if (!conn->is_preparing && postgres_lane_writes(conn->lane))
        crash_here(CRASH_DB_COMMITTING);
    if (!sent || PQpipelineSync(conn->handle) != 1 || !flush(conn))
        postgres_conn_break(conn, PQerrorMessage(conn->handle));
}

void postgres_conn_send(struct postgres_conn *conn, struct postgres_list *tasks)
{
    conn->is_preparing = !postgres_conn_knows(conn, tasks->head);
    send_as(conn, tasks, conn->is_preparing ? POSTGRES_PREPARE : POSTGRES_RUN);
}

void postgres_conn_verify(struct postgres_conn *conn, struct postgres_list *task)
{
    task->head->was_verified = true;
    send_as(conn, task, POSTGRES_VERIFY);
}

void postgres_conn_handle(struct postgres_conn *conn, unsigned events)
{
    if ((events & EPOLLOUT) != 0 && !flush(conn)) {
        postgres_conn_break(conn, PQerrorMessage(conn->handle));
        return;
    }
    // What came before the end is still there to be taken.
    bool ended = PQconsumeInput(conn->handle) != 1;
    if (!postgres_conn_receive(conn) || ended)
        postgres_conn_break(conn, PQerrorMessage(conn->handle));
}

// Whether a task that was sent may be sent again: it is certain that nothing of it was stored, or
// it does not matter. The server takes one transaction after the other, and commits one only when
// all its steps are through. A pooler's last word tells nothing of the backend.
static bool is_undone(const struct postgres_conn *conn, const struct postgres_task *task,
                      bool may_be_committed)
{
    if (task->op->lane != SQL_LANE_WRITE || task->phase != POSTGRES_RUN ||
        task->op->is_idempotent || conn->is_refused)
        return true;
    return conn->is_terminated && !is_pooled(conn) && !may_be_committed;
}

// Whether all results of the first transaction came, but for its end.
static bool is_through(const struct postgres_conn *conn)
{
    const struct postgres_task *task = conn->awaited;
    return task != NULL && task->is_last && task->at >= task->op->step_count;
}

static void set_lost(struct postgres_task *task, bool undone, const char *why)
{
    if (undone) {
        (void)postgres_error_unavailable(&task->op->error, why);
        return;
    }
    (void)error_set(&task->op->error, ERR_UNKNOWN_OUTCOME,
                    "the connection to the database broke; it is not known whether it was stored");
    error_cause(&task->op->error, "PostgreSQL: %s", why);
}

void postgres_conn_break(struct postgres_conn *conn, const char *why)
{
    if (conn->state != POSTGRES_READY)
        return;
    char cause[200];
    (void)snprintf(cause, sizeof(cause), "%s", why);
    struct postgres_list again;
    struct postgres_list lost;
    struct postgres_list unsure;
    postgres_list_init(&again);
    postgres_list_init(&lost);
    postgres_list_init(&unsure);
    bool was_writing = postgres_lane_writes(conn->lane) && conn->in_flight > 0;
    bool may_be_committed = is_through(conn);
    struct postgres_task *task;
    while ((task = postgres_list_pop(&conn->sent)) != NULL) {
        bool undone = is_undone(conn, task, may_be_committed);
        bool retried = undone && task->tries++ < POSTGRES_TRIES_MAX;
        bool proved = !undone && task->op->proof != NULL;
        may_be_committed = may_be_committed && !task->is_last;
        postgres_task_reset(task);
        if (!retried && !proved)
            set_lost(task, undone, cause);
        postgres_list_push(retried ? &again : proved ? &unsure : &lost, task);
    }
    conn->in_flight = 0;
    conn->awaited = NULL;
    conn->state = POSTGRES_CLOSED;
    // A socket that libpq closed already is not watched any more.
    (void)epoll_ctl(conn->db->epoll_fd, EPOLL_CTL_DEL, PQsocket(conn->handle), NULL);
    PQfinish(TAKE_PTR(conn->handle));
    if (conn->is_refused)
        postgres_note_refusal(conn->db, cause);
    // Its backend may hang in the commit, with all its locks.
    if (was_writing && (unsure.head != NULL || conn->backend.pid != 0))
        postgres_prover_take(conn->db, &conn->backend, &unsure);
    postgres_lane_put_back(conn->lane, &again);
    while ((task = postgres_list_pop(&lost)) != NULL)
        postgres_task_fail(task);
}

void postgres_conn_break_stuck(struct postgres_conn *conn)
{
    const unsigned last = POSTGRES_TRIES_MAX - 1;
    for (struct postgres_task *task = conn->sent.head; task != NULL; task = task->next) {
        if (task->tries < last)
            task->tries = last;
    }
    postgres_conn_break(conn, "no answer in time");
}

bool postgres_conn_is_stuck(const struct postgres_conn *conn, int64_t now_us)
{
    int64_t limit_us =
        (int64_t)conn->lane->settings->session.statement_timeout_ms * US_PER_MS + STUCK_MARGIN_US;
    return conn->state == POSTGRES_READY && conn->in_flight > 0 &&
           now_us - conn->progress_us > limit_us;
}
