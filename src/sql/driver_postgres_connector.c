// Opening connections to PostgreSQL on a thread of its own.
#include <libpq-fe.h> // first: one of its macros names what base/banned.h forbids

#include "sql/driver_postgres.h"

#include "base/thread.h"

void postgres_connector_init(struct postgres_connector *connector)
{
    check(pthread_mutex_init(&connector->mutex, NULL) == 0);
    cond_init(&connector->wake);
}

static struct postgres_conn *next_wanted(struct postgres_connector *connector)
{
    mutex_lock(&connector->mutex);
    while (connector->wanted == NULL && !connector->closing)
        (void)cond_wait_until(&connector->wake, &connector->mutex, INT64_MAX);
    struct postgres_conn *conn = connector->closing ? NULL : connector->wanted;
    if (conn != NULL)
        connector->wanted = conn->next;
    mutex_unlock(&connector->mutex);
    return conn;
}

static void *connector_main(void *ctx)
{
    struct postgres_db *db = ctx;
    struct postgres_connector *connector = &db->connector;
    struct postgres_conn *conn;
    while ((conn = next_wanted(connector)) != NULL) {
        error_reset(&conn->failure);
        enum err code =
            postgres_connect(conn->address, conn->session, &conn->handle, &conn->failure);
        bool has_backend = !conn->address->is_pooled && postgres_lane_writes(conn->lane);
        if (code == ERR_OK && has_backend)
            code = postgres_backend_find(conn->handle, &conn->backend, &conn->failure);
        if (code != ERR_OK)
            PQfinish(TAKE_PTR(conn->handle));
        mutex_lock(&connector->mutex);
        conn->next = connector->arrived;
        connector->arrived = conn;
        mutex_unlock(&connector->mutex);
        postgres_wake(db);
    }
    return NULL;
}

enum err postgres_connector_start(struct postgres_db *db, struct error *err)
{
    struct postgres_connector *connector = &db->connector;
    TRY(thread_start(&connector->thread, "sql-connect", connector_main, db, err));
    connector->started = true;
    return ERR_OK;
}

void postgres_connector_ask(struct postgres_conn *conn)
{
    struct postgres_connector *connector = &conn->db->connector;
    mutex_lock(&connector->mutex);
    conn->next = connector->wanted;
    connector->wanted = conn;
    mutex_unlock(&connector->mutex);
    pthread_cond_signal(&connector->wake);
}

struct postgres_conn *postgres_connector_take(struct postgres_connector *connector)
{
    mutex_lock(&connector->mutex);
    struct postgres_conn *arrived = TAKE_PTR(connector->arrived);
    mutex_unlock(&connector->mutex);
    return arrived;
}

void postgres_connector_done(struct postgres_connector *connector)
{
    mutex_lock(&connector->mutex);
    connector->closing = true;
    mutex_unlock(&connector->mutex);
    pthread_cond_signal(&connector->wake);
    if (connector->started)
        thread_join(connector->thread);
    for (struct postgres_conn *conn = connector->arrived; conn != NULL; conn = conn->next)
        PQfinish(TAKE_PTR(conn->handle));
    pthread_cond_destroy(&connector->wake);
    pthread_mutex_destroy(&connector->mutex);
}
