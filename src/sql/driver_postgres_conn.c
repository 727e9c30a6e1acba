// A connection of PostgreSQL in pipeline mode: sending, and what happens when it breaks.
#include <libpq-fe.h> // first: one of its macros names what base/banned.h forbids

#include "sql/driver_postgres.h"

#include <sys/epoll.h>

#include "base/clock.h"

#define TRIES_MAX       3
#define STUCK_MARGIN_US (5 * US_PER_S)

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

bool postgres_conn_knows(struct postgres_conn *conn, struct postgres_task *task)
{
    postgres_task_resolve(task, &conn->db->stmts);
    make_room(conn, conn->db->stmts.count);
    for (size_t i = 0; i < task->op->step_count; i++) {
        if (conn->prepared[task->stmts[i]->index] == 0)
            return false;
    }
    return true;
}

// Has the server parse those statements that this connection does not know.
static bool send_prepares(struct postgres_conn *conn, struct postgres_task *task)
{
    size_t count = 0;
    bool sent = true;
    for (size_t i = 0; i < task->op->step_count; i++) {
        struct postgres_stmt *stmt = task->stmts[i];
        if (conn->prepared[stmt->index] != 0)
            continue;
        conn->prepared[stmt->index] = 1; // taken back if it fails
        task->fresh[count++] = stmt;
        if (PQsendPrepare(conn->handle, stmt->name, stmt->text, 0, NULL) != 1 ||
            PQsendDescribePrepared(conn->handle, stmt->name) != 1)
            sent = false;
    }
    return sent;
}

static bool send_steps(struct postgres_conn *conn, struct postgres_task *task)
{
    struct postgres_values values;
    for (size_t i = 0; i < task->op->step_count; i++) {
        const struct postgres_stmt *stmt = task->stmts[i];
        postgres_values_fill(&values, &task->op->steps[i], stmt, task->op->arena);
        if (PQsendQueryPrepared(conn->handle, stmt->name, (int)values.count, values.values,
                                values.lengths, values.formats, 1) != 1)
            return false;
    }
    return true;
}

// Several operations in one transaction take locks in any order: processes that do so take turns,
// or they would wait for each other.
static bool send_turn(struct postgres_conn *conn)
{
    char text[128];
    int len = snprintf(text, sizeof(text),
                       "SELECT set_config('lock_timeout', '%d', true), "
                       "pg_advisory_xact_lock(7957675014270316133)",
                       POSTGRES_LOCK_TIMEOUT_MS);
    check(len > 0 && (size_t)len < sizeof(text));
    return PQsendQueryParams(conn->handle, text, 0, NULL, NULL, NULL, NULL, 1) == 1;
}

void postgres_conn_send(struct postgres_conn *conn, struct postgres_list *tasks)
{
    bool takes_turn = tasks->head->next != NULL;
    bool sent = !takes_turn || send_turn(conn);
    conn->is_preparing = !postgres_conn_knows(conn, tasks->head);
    if (conn->awaited == NULL)
        conn->awaited = tasks->head;
    if (conn->in_flight++ == 0)
        conn->progress_us = clock_monotonic_us(clock_system());
    struct postgres_task *task;
    while ((task = postgres_list_pop(tasks)) != NULL) {
        task->at = 0;
        task->phase = conn->is_preparing ? POSTGRES_PREPARE : POSTGRES_RUN;
        task->awaits_turn = takes_turn;
        task->is_last = tasks->head == NULL;
        takes_turn = false;
        postgres_list_push(&conn->sent, task);
        sent = sent && (conn->is_preparing ? send_prepares(conn, task) : send_steps(conn, task));
    }
    if (!sent || PQpipelineSync(conn->handle) != 1 || !flush(conn))
        postgres_conn_break(conn, PQerrorMessage(conn->handle));
}

void postgres_conn_handle(struct postgres_conn *conn, unsigned events)
{
    if ((events & EPOLLOUT) != 0 && !flush(conn)) {
        postgres_conn_break(conn, PQerrorMessage(conn->handle));
        return;
    }
    // What came before the end is still there to be taken.
    bool ended = PQconsumeInput(conn->handle) != 1;
    if (!postgres_conn_receive(conn) || ended || (conn->is_stale && conn->in_flight == 0))
        postgres_conn_break(conn, PQerrorMessage(conn->handle));
}

// Whether it is certain that nothing of a task was stored, though it was sent. The server takes one
// transaction after the other, and commits one only when all its steps are through.
static bool is_undone(const struct postgres_conn *conn, const struct postgres_task *task,
                      bool may_be_committed)
{
    if (task->op->lane != SQL_LANE_WRITE || task->phase == POSTGRES_PREPARE)
        return true;
    return conn->is_terminated && !may_be_committed;
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
    postgres_list_init(&again);
    postgres_list_init(&lost);
    bool may_be_committed = is_through(conn);
    struct postgres_task *task;
    while ((task = postgres_list_pop(&conn->sent)) != NULL) {
        bool undone = is_undone(conn, task, may_be_committed);
        bool retried = undone && task->tries++ < TRIES_MAX;
        may_be_committed = may_be_committed && !task->is_last;
        postgres_task_reset(task);
        if (!retried)
            set_lost(task, undone, cause);
        postgres_list_push(retried ? &again : &lost, task);
    }
    conn->in_flight = 0;
    conn->awaited = NULL;
    conn->state = POSTGRES_CLOSED;
    // A socket that libpq closed already is not watched any more.
    (void)epoll_ctl(conn->db->epoll_fd, EPOLL_CTL_DEL, PQsocket(conn->handle), NULL);
    PQfinish(TAKE_PTR(conn->handle));
    postgres_lane_put_back(conn->lane, &again);
    while ((task = postgres_list_pop(&lost)) != NULL)
        postgres_task_fail(task);
}

bool postgres_conn_is_stuck(const struct postgres_conn *conn, int64_t now_us)
{
    int64_t limit_us =
        (int64_t)conn->lane->settings->session.statement_timeout_ms * US_PER_MS + STUCK_MARGIN_US;
    return conn->state == POSTGRES_READY && conn->in_flight > 0 &&
           now_us - conn->progress_us > limit_us;
}
