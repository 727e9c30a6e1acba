// The thread that drives the connections to PostgreSQL.
#include "sql/driver_postgres.h"

#include <errno.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/thread.h"

#define EVENTS_MAX    32
#define TICK_US       US_PER_S // while something is under way
#define BACKOFF_US    (100 * US_PER_MS)
#define BACKOFF_STEPS 5 // 100 ms doubled so often: 3.2 s

void postgres_wake(struct postgres_db *db)
{
    uint64_t one = 1;
    check(write(db->wake_fd, &one, sizeof(one)) == (ssize_t)sizeof(one));
}

static void put_in(struct postgres_db *db, struct postgres_task *task)
{
    mutex_lock(&db->inbox.mutex);
    postgres_list_push(&db->inbox.list, task);
    bool wake = db->inbox.sleeping;
    db->inbox.sleeping = false;
    mutex_unlock(&db->inbox.mutex);
    if (wake)
        postgres_wake(db);
}

void postgres_submit(struct sql *sql, struct sql_op *op)
{
    struct postgres_db *db = CONTAINER_OF(sql, struct postgres_db, sql);
    check((unsigned)op->lane <= SQL_LANE_WRITE);
    struct postgres_lane *lane = &db->lanes[op->lane];
    if (postgres_lane_admit(lane))
        put_in(db, postgres_task_new(op));
    else
        sql_op_reject(op);
}

void postgres_submit_again(struct postgres_db *db, struct postgres_task *task)
{
    struct postgres_lane *lane = &db->lanes[task->op->lane];
    (void)atomic_fetch_add_explicit(&lane->length, 1, memory_order_relaxed);
    put_in(db, task);
}

// Sorts what was submitted into the lanes. Returns whether the database is being closed.
static bool take_inbox(struct postgres_db *db)
{
    mutex_lock(&db->inbox.mutex);
    db->inbox.sleeping = false;
    struct postgres_list list = db->inbox.list;
    bool is_empty = list.head == NULL;
    postgres_list_init(&db->inbox.list);
    bool closing = db->inbox.closing;
    mutex_unlock(&db->inbox.mutex);
    for (struct postgres_task *task = is_empty ? NULL : list.head, *next; task != NULL;
         task = next) {
        next = task->next;
        postgres_lane_add(&db->lanes[task->op->lane], task);
    }
    return closing;
}

// From 100 ms to 3.2 s, give or take a fifth, so that many processes do not come at once.
int64_t postgres_backoff_us(struct postgres_db *db, unsigned failures)
{
    unsigned doubled = failures - 1 < BACKOFF_STEPS ? failures - 1 : BACKOFF_STEPS;
    double jitter = 0.8 + 0.4 * random_unit(&db->random);
    return (int64_t)((double)(BACKOFF_US << doubled) * jitter);
}

static void note_failure(struct postgres_db *db, const struct error *failure, bool is_down)
{
    db->failures++;
    db->failure = *failure;
    db->retry_us = clock_monotonic_us(clock_system()) + postgres_backoff_us(db, db->failures);
    if (!is_down || atomic_exchange(&db->down, true))
        return;
    db->down_us = clock_monotonic_us(clock_system());
    log_error(LOG_ERROR, "database.unavailable", failure);
}

// A lane that has other connections works on, and those that are alone may share others'.
static bool is_needed(struct postgres_db *db, const struct postgres_conn *conn)
{
    return conn->lane != &db->lanes[POSTGRES_LANE_ALONE] && !postgres_lane_is_open(conn->lane);
}

void postgres_note_refusal(struct postgres_db *db, const char *why)
{
    struct error failure;
    (void)postgres_error_unavailable(&failure, why);
    note_failure(db, &failure, true);
    postgres_lanes_end(db);
}

static void note_success(struct postgres_db *db)
{
    db->failures = 0;
    if (!atomic_exchange(&db->down, false))
        return;
    int64_t lasted_us = clock_monotonic_us(clock_system()) - db->down_us;
    log_event(LOG_INFO, "database.recovered", "the database can be reached again",
              LOG_I64("after_s", (lasted_us + US_PER_S - 1) / US_PER_S));
}

static void take_arrived(struct postgres_db *db)
{
    struct postgres_conn *next;
    for (struct postgres_conn *conn = postgres_connector_take(&db->connector); conn != NULL;
         conn = next) {
        next = conn->next;
        if (conn->lane == NULL) {
            postgres_listener_begin(db);
            continue;
        }
        db->probes--;
        if (conn->handle == NULL) {
            conn->state = POSTGRES_CLOSED;
            note_failure(db, &conn->failure, is_needed(db, conn));
        } else {
            postgres_conn_begin(conn);
            (void)atomic_fetch_add(&db->opened, 1);
            note_success(db);
        }
    }
}

// Connections that have died without a word, and a database that is to be found well again also
// when nobody asks for it.
static void look_after(struct postgres_db *db)
{
    int64_t now_us = clock_monotonic_us(clock_system());
    for (size_t i = 0; i < POSTGRES_LANES; i++) {
        for (size_t j = 0; j < db->lanes[i].settings->connections; j++) {
            if (!postgres_conn_is_stuck(&db->lanes[i].conns[j], now_us))
                continue;
            postgres_conn_break_stuck(&db->lanes[i].conns[j]);
            // A pooler that has no server says nothing for long.
            if (db->address.is_pooled)
                postgres_lanes_end(db);
        }
    }
    if (db->failures == 0)
        return;
    for (size_t i = POSTGRES_LANES; i > 0; i--) {
        if (postgres_lane_wants(db, &db->lanes[i - 1]))
            postgres_lane_grow(db, &db->lanes[i - 1]);
    }
    if (db->probes == 0 && now_us >= db->retry_us)
        note_success(db); // all that are needed are open again
}

static bool is_idle(const struct postgres_db *db)
{
    for (size_t i = 0; i < POSTGRES_LANES; i++) {
        if (!postgres_lane_is_idle(&db->lanes[i]))
            return false;
    }
    return true;
}

// How long to wait for events at most: -1 for ever.
static int timeout_ms(struct postgres_db *db)
{
    int64_t now_us = clock_monotonic_us(clock_system());
    int64_t due_us = is_idle(db) ? INT64_MAX : now_us + TICK_US;
    if (db->failures > 0 && db->probes == 0)
        due_us = db->retry_us;
    const int64_t notices_us[] = {postgres_listener_due_us(db), postgres_outbox_due_us(db)};
    for (size_t i = 0; i < COUNT_OF(notices_us); i++) {
        if (notices_us[i] < due_us)
            due_us = notices_us[i];
    }
    if (due_us == INT64_MAX)
        return -1;
    return due_us <= now_us ? 0 : (int)((due_us - now_us) / US_PER_MS) + 1;
}

// Goes to sleep unless something was submitted meanwhile.
static void wait_for_events(struct postgres_db *db)
{
    mutex_lock(&db->inbox.mutex);
    bool sleep = db->inbox.list.head == NULL;
    db->inbox.sleeping = sleep;
    mutex_unlock(&db->inbox.mutex);
    struct epoll_event events[EVENTS_MAX];
    int count = epoll_wait(db->epoll_fd, events, EVENTS_MAX, sleep ? timeout_ms(db) : 0);
    check(count >= 0 || errno == EINTR);
    for (int i = 0; i < count; i++) {
        struct postgres_conn *conn = events[i].data.ptr;
        uint64_t woken;
        if (conn == NULL)
            check(read(db->wake_fd, &woken, sizeof(woken)) == (ssize_t)sizeof(woken));
        else if (conn->lane == NULL)
            postgres_listener_handle(db);
        else if (conn->state == POSTGRES_READY)
            postgres_conn_handle(conn, events[i].events);
    }
}

// Whether there is nothing more to do: what ends may submit again, and so may the prover, which
// has put in what it will once it is idle.
static bool is_over(struct postgres_db *db)
{
    if (!is_idle(db) || postgres_outbox_due_us(db) != INT64_MAX ||
        !postgres_prover_is_idle(&db->prover))
        return false;
    mutex_lock(&db->inbox.mutex);
    bool is_empty = db->inbox.list.head == NULL;
    mutex_unlock(&db->inbox.mutex);
    return is_empty;
}

static void *loop_main(void *ctx)
{
    struct postgres_db *db = ctx;
    for (;;) {
        postgres_outbox_run(db);
        bool closing = take_inbox(db);
        take_arrived(db);
        for (size_t i = 0; i < POSTGRES_LANES; i++)
            postgres_lane_run(db, &db->lanes[i]);
        look_after(db);
        postgres_listener_run(db);
        if (closing && is_over(db))
            return NULL;
        wait_for_events(db);
    }
}

enum err postgres_loop_start(struct postgres_db *db, struct error *err)
{
    db->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    db->wake_fd = eventfd(0, EFD_CLOEXEC);
    if (db->epoll_fd < 0 || db->wake_fd < 0)
        return error_set(err, ERR_INTERNAL, "the system gives no more file descriptors");
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = NULL};
    check(epoll_ctl(db->epoll_fd, EPOLL_CTL_ADD, db->wake_fd, &event) == 0);
    TRY(postgres_connector_start(db, err));
    TRY(postgres_prover_start(db, err));
    TRY(thread_start(&db->thread, "sql-postgres", loop_main, db, err));
    db->started = true;
    return ERR_OK;
}

void postgres_loop_done(struct postgres_db *db)
{
    mutex_lock(&db->inbox.mutex);
    db->inbox.closing = true;
    mutex_unlock(&db->inbox.mutex);
    if (!db->started)
        return;
    postgres_wake(db);
    thread_join(db->thread);
}
