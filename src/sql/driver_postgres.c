// The PostgreSQL driver's face: opening and closing a database.
#include "sql/driver_postgres.h"

#include <unistd.h>

#include "base/clock.h"
#include "base/fs.h"
#include "base/log.h"

// A write that failed for want of room is the last word on the server's disk for so long.
#define FULL_US (5 * US_PER_S)

static void close_db(struct sql *sql)
{
    struct postgres_db *db = CONTAINER_OF(sql, struct postgres_db, sql);
    postgres_prover_hurry(&db->prover);
    postgres_loop_done(db);
    postgres_connector_done(&db->connector);
    postgres_prover_done(&db->prover);
    for (size_t i = 0; i < POSTGRES_LANES; i++)
        postgres_lane_done(&db->lanes[i]);
    postgres_listener_done(db);
    postgres_outbox_done(&db->outbox);
    postgres_stmts_done(&db->stmts);
    fd_close(&db->epoll_fd);
    fd_close(&db->wake_fd);
    postgres_address_done(&db->address);
    postgres_address_done(&db->direct);
    pthread_mutex_destroy(&db->inbox.mutex);
    free(db);
}

// A pooler that nobody told of is used as one that was: what is prepared or set on its connections
// would meet others.
static enum err look_for_pooler(struct postgres_db *db, const char *url, struct error *err)
{
    bool found;
    TRY(postgres_pooler_find(&db->address, &found, err));
    if (!found)
        return ERR_OK;
    log_event(LOG_WARN, "database.pooler_found",
              "DATABASE_URL leads to a pooler in transaction mode, and is used as with "
              "DATABASE_POOLER=1: set that, and DATABASE_DIRECT_URL to the database itself");
    postgres_address_done(&db->address);
    TRY(postgres_address_init(&db->address, url, true, err));
    for (size_t i = 0; i < POSTGRES_LANES; i++)
        postgres_lane_init(db, (enum sql_lane)i, true);
    return ERR_OK;
}

// The first connection is opened here, so that an address that leads nowhere is known at once.
static enum err start_db(struct postgres_db *db, const struct sql_settings *settings,
                         struct error *err)
{
    struct postgres_conn *first = &db->lanes[SQL_LANE_SHORT].conns[0];
    TRY(postgres_address_init(&db->address, settings->url, settings->is_pooled, err));
    if (!settings->is_pooled)
        TRY(look_for_pooler(db, settings->url, err));
    db->session_address = db->address.is_pooled ? NULL : &db->address;
    if (settings->direct_url != NULL) {
        TRY(postgres_address_init(&db->direct, settings->direct_url, false, err));
        db->session_address = &db->direct;
    }
    TRY(postgres_connect(first->address, first->session, &first->handle, err));
    first->state = POSTGRES_CONNECTING;
    first->lane->was_asked = true;
    db->connector.arrived = first;
    db->probes = 1;
    if (settings->direct_url != NULL)
        TRY(postgres_session_verify(&db->direct, first->handle, err));
    return postgres_loop_start(db, err);
}

// Any number of processes share a database: there is nothing to lock.
static enum err open_db(const struct sql_settings *settings, struct sql **ret_db, struct error *err)
{
    struct postgres_db *db = calloc(1, sizeof(*db));
    check(db != NULL);
    db->sql.driver = &sql_driver_postgres;
    db->epoll_fd = -1;
    db->wake_fd = -1;
    check(pthread_mutex_init(&db->inbox.mutex, NULL) == 0);
    postgres_list_init(&db->inbox.list);
    postgres_connector_init(&db->connector);
    postgres_listener_init(db);
    postgres_outbox_init(&db->outbox);
    postgres_prover_init(&db->prover);
    random_seed(&db->random, (uint64_t)random_id());
    for (size_t i = 0; i < POSTGRES_LANES; i++)
        postgres_lane_init(db, (enum sql_lane)i, settings->is_pooled);
    enum err code = start_db(db, settings, err);
    if (code != ERR_OK) {
        close_db(&db->sql);
        return code;
    }
    *ret_db = &db->sql;
    return ERR_OK;
}

static size_t queue_length(const struct sql *sql)
{
    const struct postgres_db *db = (const struct postgres_db *)sql;
    return atomic_load_explicit(&db->lanes[SQL_LANE_WRITE].length, memory_order_relaxed) +
           atomic_load_explicit(&db->lanes[POSTGRES_LANE_ALONE].length, memory_order_relaxed);
}

static bool is_available(const struct sql *sql)
{
    const struct postgres_db *db = (const struct postgres_db *)sql;
    int64_t full_us = atomic_load_explicit(&db->full_us, memory_order_relaxed);
    bool is_full = full_us != 0 && clock_monotonic_us(clock_system()) - full_us < FULL_US;
    return !is_full && !atomic_load_explicit(&db->down, memory_order_relaxed);
}

const struct sql_driver sql_driver_postgres = {
    .name = "postgres",
    .scheme = "postgres", // postgres: and postgresql:
    .capabilities = 0,
    .open = open_db,
    .close = close_db,
    .submit = postgres_submit,
    .script = postgres_run_script,
    .session_open = postgres_session_open,
    .session_close = postgres_session_close,
    .session_run = postgres_session_run,
    .queue_length = queue_length,
    .is_available = is_available,
    .listen = postgres_listen,
    .broadcast = postgres_broadcast,
    .row_columns = postgres_row_columns,
    .row_is_null = postgres_row_is_null,
    .row_i64 = postgres_row_i64,
    .row_f64 = postgres_row_f64,
    .row_str = postgres_row_str,
};
