// A lane's queue, and which of its connections gets what.
#include "sql/driver_postgres.h"

#include "base/clock.h"

// One operation at a time where it may be slow, or comes to wait for a lock: those behind it on a
// connection would wait. Writes
// that wait together are one transaction, since each ends by forcing the log to the disk. They take
// locks in any order: what keeps one of them from its end, be it a lock that is not to be had soon,
// undoes them all. That one is tried again alone, the others together.
static const struct postgres_lane_settings settings[POSTGRES_LANES] = {
    [SQL_LANE_SHORT] = {"short", 2, 64, 1, 4096, {5000, 500, true, 0, true}, SQL_LANE_LONG},
    [SQL_LANE_LONG] = {"long", 2, 1, 1, 256, {30000, 0, true, 0, false}, SQL_LANE_LONG},
    [SQL_LANE_WRITE] = {"write", 2, 1, 32, 4096, {10000, 100, false, 0, true}, POSTGRES_LANE_ALONE},
    [POSTGRES_LANE_ALONE] =
        {"alone", 4, 1, 1, 4096, {10000, 2000, false, 0, true}, POSTGRES_LANE_ALONE},
};

// With a pooler one operation at a time: it takes a backend away when a transaction has ended,
// though it may have passed on the first half of the next one already. Connections cost little
// there.
static const struct postgres_lane_settings pooled_settings[POSTGRES_LANES] = {
    [SQL_LANE_SHORT] = {"short", 8, 1, 1, 4096, {5000, 0, true, 0, false}, SQL_LANE_SHORT},
    [SQL_LANE_LONG] = {"long", 2, 1, 1, 256, {30000, 0, true, 0, false}, SQL_LANE_LONG},
    [SQL_LANE_WRITE] = {"write", 8, 1, 1, 4096, {10000, 0, false, 0, false}, SQL_LANE_WRITE},
    [POSTGRES_LANE_ALONE] =
        {"alone", 1, 1, 1, 4096, {10000, 0, false, 0, false}, POSTGRES_LANE_ALONE},
};

void postgres_lane_init(struct postgres_db *db, enum sql_lane lane, bool is_pooled)
{
    struct postgres_lane *made = &db->lanes[lane];
    made->settings = is_pooled ? &pooled_settings[lane] : &settings[lane];
    check(made->settings->connections <= POSTGRES_CONNS_MAX);
    postgres_list_init(&made->queue);
    for (size_t i = 0; i < made->settings->connections; i++) {
        struct postgres_conn *conn = &made->conns[i];
        conn->db = db;
        conn->lane = made;
        conn->address = &db->address;
        conn->session = &made->settings->session;
        postgres_list_init(&conn->sent);
    }
}

void postgres_lane_done(struct postgres_lane *lane)
{
    for (size_t i = 0; i < lane->settings->connections; i++) {
        postgres_conn_break(&lane->conns[i], "closing");
        free(lane->conns[i].prepared);
    }
}

void postgres_lane_add(struct postgres_lane *lane, struct postgres_task *task)
{
    postgres_list_push(&lane->queue, task);
}

bool postgres_lane_admit(struct postgres_lane *lane)
{
    if (atomic_fetch_add_explicit(&lane->length, 1, memory_order_relaxed) < lane->settings->bound)
        return true;
    (void)atomic_fetch_sub_explicit(&lane->length, 1, memory_order_relaxed);
    return false;
}

void postgres_lane_put_back(struct postgres_lane *lane, struct postgres_list *first)
{
    size_t count = postgres_list_put_back(&lane->queue, first);
    (void)atomic_fetch_add_explicit(&lane->length, count, memory_order_relaxed);
}

static struct postgres_task *take(struct postgres_lane *lane)
{
    struct postgres_task *task = postgres_list_pop(&lane->queue);
    if (task != NULL)
        (void)atomic_fetch_sub_explicit(&lane->length, 1, memory_order_relaxed);
    return task;
}

// The connection with the least to do that has room; NULL: none.
static struct postgres_conn *pick(struct postgres_lane *lane)
{
    struct postgres_conn *best = NULL;
    for (size_t i = 0; i < lane->settings->connections; i++) {
        struct postgres_conn *conn = &lane->conns[i];
        bool has_room = conn->state == POSTGRES_READY && !conn->is_preparing && !conn->is_stale &&
                        conn->in_flight < lane->settings->depth;
        if (has_room && (best == NULL || conn->in_flight < best->in_flight))
            best = conn;
    }
    return best;
}

static bool is_connecting(const struct postgres_lane *lane)
{
    bool found = false;
    for (size_t i = 0; i < lane->settings->connections; i++)
        found = found || lane->conns[i].state == POSTGRES_CONNECTING;
    return found;
}

bool postgres_lane_writes(const struct postgres_lane *lane)
{
    return lane != NULL && !lane->settings->session.is_read_only;
}

bool postgres_lane_is_open(const struct postgres_lane *lane)
{
    bool found = false;
    for (size_t i = 0; i < lane->settings->connections; i++)
        found = found || (lane->conns[i].state == POSTGRES_READY && !lane->conns[i].is_stale);
    return found;
}

// After failures only one at a time is tried, until it opens.
void postgres_lane_grow(struct postgres_db *db, struct postgres_lane *lane)
{
    if (is_connecting(lane))
        return;
    if (db->failures > 0 && (db->probes > 0 || clock_monotonic_us(clock_system()) < db->retry_us))
        return;
    for (size_t i = 0; i < lane->settings->connections; i++) {
        if (lane->conns[i].state != POSTGRES_CLOSED)
            continue;
        lane->conns[i].state = POSTGRES_CONNECTING;
        lane->was_asked = true;
        db->probes++;
        postgres_connector_ask(&lane->conns[i]);
        return;
    }
}

// A lane that was used is to be found well again also when nobody asks for it. The connections of
// those that are alone are more than are needed.
bool postgres_lane_wants(const struct postgres_db *db, const struct postgres_lane *lane)
{
    if (lane->queue.head != NULL)
        return true;
    bool is_needed = lane->was_asked && lane != &db->lanes[POSTGRES_LANE_ALONE];
    return is_needed && !postgres_lane_is_open(lane);
}

static void take_all(struct postgres_lane *lane, struct postgres_list *ret_tasks)
{
    struct postgres_task *task;
    postgres_list_init(ret_tasks);
    while ((task = take(lane)) != NULL)
        postgres_list_push(ret_tasks, task);
}

// What is alone can also be that on a connection that others share.
static void hand_over(struct postgres_lane *lane, struct postgres_lane *to)
{
    struct postgres_list all;
    take_all(lane, &all);
    for (struct postgres_task *task = all.head; task != NULL; task = task->next)
        task->is_alone = true;
    postgres_lane_put_back(to, &all);
}

// What waits for a connection that cannot be had is told so at once.
static void refuse(struct postgres_db *db, struct postgres_lane *lane)
{
    struct postgres_list all;
    struct postgres_task *task;
    take_all(lane, &all);
    while ((task = postgres_list_pop(&all)) != NULL) {
        (void)postgres_error_unavailable(&task->op->error, "");
        error_cause(&task->op->error, "%s", db->failure.cause);
        postgres_task_fail(task);
    }
}

// What waits and may be one transaction on a connection.
static void gather(struct postgres_lane *lane, struct postgres_conn *conn,
                   struct postgres_list *ret_tasks)
{
    size_t count = 0;
    postgres_list_init(ret_tasks);
    do
        postgres_list_push(ret_tasks, take(lane));
    while (++count < lane->settings->batch && lane->queue.head != NULL &&
           !ret_tasks->head->is_alone && !lane->queue.head->is_alone &&
           postgres_conn_knows(conn, ret_tasks->head) &&
           postgres_conn_knows(conn, lane->queue.head));
}

void postgres_lanes_renew(struct postgres_db *db)
{
    postgres_stmts_forget(&db->stmts);
    if (!db->address.is_pooled)
        postgres_lanes_end(db);
}

void postgres_lanes_end(struct postgres_db *db)
{
    for (size_t i = 0; i < POSTGRES_LANES; i++) {
        for (size_t j = 0; j < db->lanes[i].settings->connections; j++)
            db->lanes[i].conns[j].is_stale = true;
    }
}

static void close_stale(struct postgres_lane *lane)
{
    for (size_t i = 0; i < lane->settings->connections; i++) {
        if (lane->conns[i].is_stale && lane->conns[i].in_flight == 0)
            postgres_conn_break(&lane->conns[i], "it is good for nothing more");
    }
}

void postgres_lane_run(struct postgres_db *db, struct postgres_lane *lane)
{
    close_stale(lane);
    while (lane->queue.head != NULL) {
        struct postgres_conn *conn = pick(lane);
        if (conn == NULL || conn->in_flight > 0)
            postgres_lane_grow(db, lane);
        if (conn == NULL)
            break;
        struct postgres_list tasks;
        gather(lane, conn, &tasks);
        postgres_conn_send(conn, &tasks);
    }
    if (lane->queue.head == NULL || db->failures == 0 || postgres_lane_is_open(lane))
        return;
    struct postgres_lane *writers = &db->lanes[SQL_LANE_WRITE];
    if (lane != &db->lanes[POSTGRES_LANE_ALONE] || !postgres_lane_is_open(writers)) {
        refuse(db, lane);
        return;
    }
    hand_over(lane, writers);
    postgres_lane_run(db, writers);
}

bool postgres_lane_is_idle(const struct postgres_lane *lane)
{
    if (lane->queue.head != NULL)
        return false;
    for (size_t i = 0; i < lane->settings->connections; i++) {
        if (lane->conns[i].in_flight > 0)
            return false;
    }
    return true;
}
