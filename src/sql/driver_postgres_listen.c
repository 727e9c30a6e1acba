// The connection that hears what other processes tell by NOTIFY.
#include <libpq-fe.h> // first: one of its macros names what base/banned.h forbids

#include "sql/driver_postgres.h"

#include <sys/epoll.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/thread.h"

// Where the address has no keepalives: a silent server is asked whether it lives, and has so long
// to answer.
#define SILENCE_US (30 * US_PER_S)
#define ANSWER_US  (15 * US_PER_S)

// Doing it again does no harm: it is also how a silent server is asked. LISTEN takes no expression.
static const char listen_text[] = "DO $$ BEGIN EXECUTE 'LISTEN " POSTGRES_CHANNEL
                                  "' || coalesce((" POSTGRES_SCHEMA "), 0); END $$";

static const struct postgres_session session = {.statement_timeout_ms = 0, .is_read_only = false};

void postgres_listener_init(struct postgres_db *db)
{
    struct postgres_listener *listener = &db->listener;
    check(pthread_mutex_init(&listener->mutex, NULL) == 0);
    cond_init(&listener->called);
    listener->conn.db = db;
    listener->conn.session = &session;
}

void postgres_listen(struct sql *sql, sql_notice_fn *fn, void *ctx)
{
    struct postgres_db *db = CONTAINER_OF(sql, struct postgres_db, sql);
    struct postgres_listener *listener = &db->listener;
    mutex_lock(&listener->mutex);
    listener->fn = fn;
    listener->ctx = ctx;
    while (listener->calling)
        (void)cond_wait_until(&listener->called, &listener->mutex, INT64_MAX);
    mutex_unlock(&listener->mutex);
    postgres_wake(db);
}

static void tell(struct postgres_listener *listener, struct str text)
{
    mutex_lock(&listener->mutex);
    sql_notice_fn *fn = listener->fn;
    void *ctx = listener->ctx;
    listener->calling = fn != NULL;
    mutex_unlock(&listener->mutex);
    if (fn == NULL)
        return;
    fn(ctx, text);
    mutex_lock(&listener->mutex);
    listener->calling = false;
    pthread_cond_broadcast(&listener->called);
    mutex_unlock(&listener->mutex);
}

static bool is_wanted(struct postgres_db *db)
{
    mutex_lock(&db->listener.mutex);
    bool wanted = db->listener.fn != NULL;
    mutex_unlock(&db->listener.mutex);
    return wanted && db->session_address != NULL;
}

static int64_t now_us(void)
{
    return clock_monotonic_us(clock_system());
}

// ---- Opening and closing.

static void close_conn(struct postgres_db *db)
{
    struct postgres_listener *listener = &db->listener;
    if (listener->conn.handle != NULL) {
        // A socket that libpq closed already is not watched any more.
        (void)epoll_ctl(db->epoll_fd, EPOLL_CTL_DEL, PQsocket(listener->conn.handle), NULL);
        PQfinish(TAKE_PTR(listener->conn.handle));
    }
    listener->conn.state = POSTGRES_CLOSED;
    listener->is_asking = false;
    listener->is_hearing = false;
}

void postgres_listener_done(struct postgres_db *db)
{
    close_conn(db);
    pthread_cond_destroy(&db->listener.called);
    pthread_mutex_destroy(&db->listener.mutex);
}

// To be opened again later.
static void note_failure(struct postgres_db *db, const struct error *failure)
{
    struct postgres_listener *listener = &db->listener;
    listener->failures++;
    listener->retry_us = now_us() + postgres_backoff_us(db, listener->failures);
    if (!listener->is_lost)
        log_event(LOG_WARN, "notices.lost",
                  "changes that other processes make are seen later: no connection for notices",
                  LOG_TEXT_FIELD("cause", failure->cause));
    listener->is_lost = true;
}

static void fail(struct postgres_db *db, const char *why)
{
    struct error failure;
    (void)postgres_error_unavailable(&failure, why);
    close_conn(db);
    note_failure(db, &failure);
}

static void ask(struct postgres_db *db)
{
    struct postgres_listener *listener = &db->listener;
    listener->is_asking = true;
    listener->asked_us = now_us();
    if (PQsendQuery(listener->conn.handle, listen_text) != 1)
        fail(db, PQerrorMessage(listener->conn.handle));
}

void postgres_listener_begin(struct postgres_db *db)
{
    struct postgres_conn *conn = &db->listener.conn;
    if (conn->handle == NULL) {
        conn->state = POSTGRES_CLOSED;
        note_failure(db, &conn->failure);
        return;
    }
    conn->state = POSTGRES_READY;
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = conn};
    check(epoll_ctl(db->epoll_fd, EPOLL_CTL_ADD, PQsocket(conn->handle), &event) == 0);
    ask(db);
}

// ---- Hearing.

// What was broadcast before is not heard: whoever listens looks for himself.
static void note_hearing(struct postgres_listener *listener)
{
    listener->is_asking = false;
    if (listener->is_hearing)
        return;
    listener->is_hearing = true;
    listener->failures = 0;
    if (listener->is_lost)
        log_event(LOG_INFO, "notices.recovered",
                  "changes that other processes make are seen at once");
    listener->is_lost = false;
    tell(listener, STR_NULL);
}

static bool take_answer(struct postgres_listener *listener)
{
    PGconn *handle = listener->conn.handle;
    while (listener->is_asking && PQisBusy(handle) == 0) {
        PGresult *result = PQgetResult(handle);
        bool ok = result == NULL || PQresultStatus(result) == PGRES_COMMAND_OK;
        if (result == NULL)
            note_hearing(listener);
        PQclear(result);
        if (!ok)
            return false;
    }
    return true;
}

static void take_notices(struct postgres_db *db)
{
    PGnotify *heard;
    while ((heard = PQnotifies(db->listener.conn.handle)) != NULL) {
        struct str rest = postgres_notice_begin(&db->outbox, str_of(heard->extra));
        struct str text;
        while (postgres_notice_next(&rest, &text))
            tell(&db->listener, text);
        PQfreemem(heard);
    }
}

void postgres_listener_handle(struct postgres_db *db)
{
    struct postgres_listener *listener = &db->listener;
    PGconn *handle = listener->conn.handle;
    if (handle == NULL)
        return; // closed by an event before this one
    listener->heard_us = now_us();
    // What came before the end is still there to be taken.
    bool ended = PQconsumeInput(handle) != 1;
    bool ok = take_answer(listener);
    take_notices(db);
    if (ended || !ok)
        fail(db, PQerrorMessage(handle));
}

// ---- Time.

static int64_t limit_us(const struct postgres_db *db, const char *name, int64_t unit_us,
                        int64_t otherwise_us)
{
    int64_t value = 0;
    struct str text = postgres_address_get(db->session_address, name);
    bool set = number_parse_i64(text, 1, INT32_MAX, &value) == ERR_OK;
    return set ? value * unit_us : otherwise_us;
}

int64_t postgres_listener_due_us(struct postgres_db *db)
{
    const struct postgres_listener *listener = &db->listener;
    switch (listener->conn.state) {
    case POSTGRES_CLOSED:
        // A database that is down is tried by the lanes.
        return is_wanted(db) && db->failures == 0 ? listener->retry_us : INT64_MAX;
    case POSTGRES_CONNECTING:
        return INT64_MAX;
    case POSTGRES_READY:
        break;
    }
    if (!is_wanted(db))
        return 0;
    if (listener->is_asking)
        return listener->asked_us + limit_us(db, "tcp_user_timeout", US_PER_MS, ANSWER_US);
    return listener->heard_us + limit_us(db, "keepalives_idle", US_PER_S, SILENCE_US);
}

void postgres_listener_run(struct postgres_db *db)
{
    struct postgres_listener *listener = &db->listener;
    if (now_us() < postgres_listener_due_us(db))
        return;
    if (listener->conn.state == POSTGRES_CLOSED) {
        listener->conn.state = POSTGRES_CONNECTING;
        listener->conn.address = db->session_address;
        postgres_connector_ask(&listener->conn);
    } else if (!is_wanted(db)) {
        close_conn(db);
    } else if (listener->is_asking) {
        fail(db, "no answer in time");
    } else {
        ask(db);
    }
}
