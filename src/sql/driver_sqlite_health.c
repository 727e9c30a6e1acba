// Whether the database can be written: one log line when it ends, one when it is so again.
#include "sql/driver_sqlite.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/thread.h"

// On a disk that is almost full small writes succeed between failing ones: that is one outage.
#define QUIET_US US_PER_S

void sqlite_health_init(struct sqlite_health *health)
{
    check(pthread_mutex_init(&health->mutex, NULL) == 0);
}

void sqlite_health_done(struct sqlite_health *health)
{
    pthread_mutex_destroy(&health->mutex);
}

void sqlite_health_failed(struct sqlite_health *health, const struct error *err)
{
    int64_t now_us = clock_monotonic_us(clock_system());
    mutex_lock(&health->mutex);
    health->last_failure_us = now_us;
    bool first = !atomic_exchange(&health->down, true);
    mutex_unlock(&health->mutex);
    if (first)
        log_error(LOG_ERROR, "database.unavailable", err);
}

void sqlite_health_succeeded(struct sqlite_health *health)
{
    if (!atomic_load_explicit(&health->down, memory_order_relaxed))
        return;
    int64_t now_us = clock_monotonic_us(clock_system());
    mutex_lock(&health->mutex);
    bool over = now_us - health->last_failure_us >= QUIET_US;
    if (over)
        over = atomic_exchange(&health->down, false);
    mutex_unlock(&health->mutex);
    if (over)
        log_event(LOG_INFO, "database.recovered", "the database can be written again");
}
