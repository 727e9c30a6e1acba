// That only one process at a time changes a database that several share.
#include "sql/migrate_lock.h"

#include "base/log.h"
#include "base/thread.h"

#define PAUSE_MS 100

// Whoever builds an index concurrently waits for all statements that run, so nobody may wait in
// one: the lock is tried again and again. It belongs to a transaction that does nothing else, so
// that a pooler keeps its connection, and no statement of which is ever open for long.
#define TRY_LOCK "SELECT pg_try_advisory_xact_lock(7957675014270316133)"

static void take_bool(void *ctx, const struct sql_row *row)
{
    *(bool *)ctx = sql_row_i64(row, 0) != 0;
}

static enum err try_lock(struct sql_session *holder, bool *ret_locked, struct error *err)
{
    const struct sql_driver *driver = holder->driver;
    TRY(driver->session_run(holder, "BEGIN ISOLATION LEVEL READ COMMITTED", NULL, NULL, err));
    TRY(driver->session_run(holder, TRY_LOCK, take_bool, ret_locked, err));
    return driver->session_run(
        holder, *ret_locked ? "SET LOCAL idle_in_transaction_session_timeout = 0" : "ROLLBACK",
        NULL, NULL, err);
}

enum err migrate_lock_take(struct sql *db, struct migrate_lock *lock, struct error *err)
{
    const struct sql_driver *driver = db->driver;
    *lock = (struct migrate_lock){0};
    if (driver->session_open == NULL)
        return ERR_OK;
    TRY(driver->session_open(db, &lock->holder, err));
    bool locked = false;
    for (bool first = true; !locked; first = false) {
        if (!first)
            thread_pause_ms(PAUSE_MS);
        TRY(try_lock(lock->holder, &locked, err));
        if (!locked && first)
            log_event(LOG_INFO, "migration.waiting", "another process migrates the database");
    }
    return driver->session_open(db, &lock->work, err);
}

enum err migrate_lock_check(const struct migrate_lock *lock, struct error *err)
{
    if (lock->holder == NULL)
        return ERR_OK;
    return lock->holder->driver->session_run(lock->holder, "SELECT 1", NULL, NULL, err);
}

void migrate_lock_release(struct migrate_lock *lock)
{
    if (lock->work != NULL)
        lock->work->driver->session_close(lock->work);
    if (lock->holder != NULL)
        lock->holder->driver->session_close(lock->holder);
    *lock = (struct migrate_lock){0};
}
