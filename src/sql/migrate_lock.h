// That only one process at a time changes a database that several share.
#ifndef SUNLEAD_SQL_MIGRATE_LOCK_H
#define SUNLEAD_SQL_MIGRATE_LOCK_H

#include "sql/sql_driver.h"

// The lock, and the session on which its owner works. Nothing where the database is not shared.
struct migrate_lock {
    struct sql_session *holder;
    struct sql_session *work;
};

// migrate_lock_take() waits until nobody else migrates, for as long as it takes. Blocks.
MUST_CHECK enum err migrate_lock_take(struct sql *db, struct migrate_lock *lock, struct error *err);

// migrate_lock_check() makes sure that the lock was not lost since, with its connection.
MUST_CHECK enum err migrate_lock_check(const struct migrate_lock *lock, struct error *err);

// migrate_lock_release() gives it back; fine to call twice, and as CLEANUP(migrate_lock_release).
void migrate_lock_release(struct migrate_lock *lock);

#endif
