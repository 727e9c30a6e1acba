// Keeping the write-ahead log short.
#include "sql/driver_sqlite.h"

#include <sqlite3.h>

#include "base/clock.h"
#include "base/log.h"

#define PASSIVE_PAGES    1000
#define RESTART_PAGES    16384 // 64 MB
#define RESTART_PAUSE_US (2 * US_PER_S)
#define RESTART_BUSY_MS  50
#define RESTART_TRIES    10

static int count_pages(void *ctx, struct sqlite3 *handle, const char *name, int pages)
{
    struct sqlite_writer *writer = ctx;
    (void)handle;
    (void)name;
    writer->wal_pages = pages;
    return SQLITE_OK;
}

void sqlite_checkpoint_watch(struct sqlite_writer *writer)
{
    // Instead of SQLite's own checkpoint, which would hold up those who wait for the commit.
    (void)sqlite3_wal_hook(writer->conn->handle, count_pages, writer);
}

static bool is_due(const struct sqlite_writer *writer)
{
    int since = writer->wal_pages - writer->checkpoint_pages;
    return since >= PASSIVE_PAGES || (since < 0 && writer->wal_pages >= PASSIVE_PAGES);
}

// In many short tries: SQLite waits for a place among the readers to become free, even when that
// place meanwhile serves readers that are in nobody's way.
static int restart_log(struct sqlite_writer *writer, int64_t now_us)
{
    struct sqlite3 *handle = writer->conn->handle;
    (void)sqlite3_busy_timeout(handle, RESTART_BUSY_MS);
    int code = SQLITE_BUSY;
    for (int i = 0; i < RESTART_TRIES && code == SQLITE_BUSY; i++)
        code = sqlite3_wal_checkpoint_v2(handle, NULL, SQLITE_CHECKPOINT_RESTART, NULL, NULL);
    (void)sqlite3_busy_timeout(handle, SQLITE_WRITER_BUSY_MS);
    if (code != SQLITE_OK)
        writer->next_restart_us = now_us + RESTART_PAUSE_US;
    return code;
}

// A passive checkpoint moves what no reader needs; the log starts over when the next transaction
// finds no reader in it. Where readers never leave it, a log that got long waits for those who are
// in it now, but not all the time for a long read.
static int checkpoint(struct sqlite_writer *writer)
{
    int64_t now_us = clock_monotonic_us(clock_system());
    if (writer->wal_pages >= RESTART_PAGES && now_us >= writer->next_restart_us)
        return restart_log(writer, now_us);
    return sqlite3_wal_checkpoint_v2(writer->conn->handle, NULL, SQLITE_CHECKPOINT_PASSIVE, NULL,
                                     NULL);
}

// Writing goes on: the log grows until a later checkpoint succeeds.
static void log_failure(struct sqlite3 *handle, int code)
{
    struct error failure, err;
    error_reset(&failure);
    error_reset(&err);
    (void)sqlite_error(handle, code, true, &failure);
    (void)error_set(&err, failure.code, "the write-ahead log cannot be moved into the database");
    error_cause(&err, "%s", failure.cause);
    log_error(LOG_WARN, "database.checkpoint_failed", &err);
}

void sqlite_checkpoint_if_due(struct sqlite_writer *writer)
{
    if (!is_due(writer))
        return;
    int code = checkpoint(writer);
    writer->checkpoint_pages = writer->wal_pages;
    bool failed = code != SQLITE_OK && (code & 0xff) != SQLITE_BUSY;
    if (failed && !writer->checkpoint_failed) {
        log_failure(writer->conn->handle, code);
    }
    writer->checkpoint_failed = failed;
}
