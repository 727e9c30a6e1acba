// A connection to a SQLite file: its settings and its prepared statements.
#include "sql/driver_sqlite.h"
#include "sql/sql_text.h"

#include <sqlite3.h>

#define SLOTS_AT_FIRST 64
#define BUSY_STEP_MS   10
#define STMT_TEXT_MAX  (64 * 1024)

// How long a statement waits for another process that has the file. A reader waits on a thread that
// serves others too.
static const int busy_ms[] = {
    [SQLITE_USE_READ] = 1000,
    [SQLITE_USE_WRITE] = SQLITE_WRITER_BUSY_MS,
    [SQLITE_USE_SCRIPT] = 30000,
};

static const char *const pragmas[] = {
    [SQLITE_USE_READ] = "PRAGMA query_only=ON; PRAGMA temp_store=MEMORY; PRAGMA cache_size=-2000;",
    [SQLITE_USE_WRITE] =
        ("PRAGMA synchronous=FULL; PRAGMA foreign_keys=ON; PRAGMA temp_store=MEMORY;"
         "PRAGMA journal_size_limit=67108864; PRAGMA cache_size=-64000;"
         "PRAGMA wal_autocheckpoint=4000;"),
    [SQLITE_USE_SCRIPT] = ("PRAGMA synchronous=FULL; PRAGMA foreign_keys=ON;"
                           "PRAGMA temp_store=MEMORY; PRAGMA journal_size_limit=67108864;"),
};

static void finalize(struct sqlite_prepared *prepared)
{
    for (size_t i = 0; i < prepared->part_count; i++)
        (void)sqlite3_finalize(prepared->parts[i]);
    prepared->part_count = 0;
}

// Once a process: SQLite's count of its memory takes a lock that all threads share at each
// allocation.
static void configure_library(void)
{
    (void)sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
}

static enum err configure(struct sqlite3 *handle, enum sqlite_use use, struct error *err)
{
    (void)sqlite3_busy_timeout(handle, busy_ms[use]);
    (void)sqlite3_db_config(handle, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
    (void)sqlite3_db_config(handle, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
    (void)sqlite3_db_config(handle, SQLITE_DBCONFIG_DQS_DML, 0, NULL);
    (void)sqlite3_db_config(handle, SQLITE_DBCONFIG_DQS_DDL, 0, NULL);
    int code = sqlite3_exec(handle, pragmas[use], NULL, NULL, NULL);
    return code == SQLITE_OK ? ERR_OK : sqlite_error(handle, code, use != SQLITE_USE_READ, err);
}

enum err sqlite_conn_open(struct sqlite_db *db, enum sqlite_use use, struct sqlite_conn **ret_conn,
                          struct error *err)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    (void)pthread_once(&once, configure_library);

    CLEANUP(sqlite_conn_close_ptr) struct sqlite_conn *conn = calloc(1, sizeof(*conn));
    check(conn != NULL);
    conn->db = db;
    // Without SQLITE_OPEN_CREATE: a file that was lost must not come back empty.
    int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_PRIVATECACHE |
                SQLITE_OPEN_EXRESCODE;
    int code = sqlite3_open_v2(db->path, &conn->handle, flags, NULL);
    if (code != SQLITE_OK)
        return sqlite_error(conn->handle, code, use != SQLITE_USE_READ, err);
    TRY(configure(conn->handle, use, err));
    conn->slot_count = SLOTS_AT_FIRST;
    conn->slots = calloc(conn->slot_count, sizeof(conn->slots[0]));
    check(conn->slots != NULL);
    *ret_conn = TAKE_PTR(conn);
    return ERR_OK;
}

// Steps a statement; while another process has the file, again and again for as long as a
// connection of this use waits. SQLite itself does not wait when it changes the journal mode.
static int step_patiently(struct sqlite3_stmt *handle)
{
    int code = sqlite3_step(handle);
    for (int waited_ms = 0; (code & 0xFF) == SQLITE_BUSY && waited_ms < SQLITE_WRITER_BUSY_MS;
         waited_ms += BUSY_STEP_MS) {
        (void)sqlite3_reset(handle);
        (void)sqlite3_sleep(BUSY_STEP_MS);
        code = sqlite3_step(handle);
    }
    return code;
}

enum err sqlite_conn_use_log(struct sqlite_conn *conn, struct error *err)
{
    struct sqlite3_stmt *handle = NULL;
    int code = sqlite3_prepare_v2(conn->handle, "PRAGMA journal_mode=WAL", -1, &handle, NULL);
    if (code == SQLITE_OK)
        code = step_patiently(handle);
    enum err result = ERR_OK;
    if (code != SQLITE_ROW)
        result = sqlite_error(conn->handle, code, true, err);
    else if (!str_equal(str_of((const char *)sqlite3_column_text(handle, 0)), STR("wal")))
        result = error_set(err, ERR_INVALID, "SQLite cannot keep a write-ahead log there");
    (void)sqlite3_finalize(handle);
    TRY(result);
    // A first read opens the log, so that what is wrong with it shows now.
    code = sqlite3_exec(conn->handle, "SELECT count(*) FROM sqlite_schema", NULL, NULL, NULL);
    return code == SQLITE_OK ? ERR_OK : sqlite_error(conn->handle, code, false, err);
}

void sqlite_conn_close(struct sqlite_conn *conn)
{
    if (conn == NULL)
        return;
    for (size_t i = 0; i < conn->slot_count; i++) {
        finalize(&conn->slots[i]);
    }
    free(conn->slots);
    check(sqlite3_close(conn->handle) == SQLITE_OK);
    free(conn);
}

void sqlite_conn_close_ptr(struct sqlite_conn **conn)
{
    sqlite_conn_close(*conn);
    *conn = NULL;
}

bool sqlite_conn_in_transaction(const struct sqlite_conn *conn)
{
    return sqlite3_get_autocommit(conn->handle) == 0;
}

static struct sqlite_prepared *find_slot(struct sqlite_prepared *slots, size_t slot_count,
                                         const struct sql_stmt *stmt)
{
    uint64_t hash = ((uintptr_t)stmt >> 4) * UINT64_C(0x9e3779b97f4a7c15);
    for (size_t i = (size_t)(hash >> 32);; i++) {
        struct sqlite_prepared *slot = &slots[i & (slot_count - 1)];
        if (slot->stmt == stmt || slot->stmt == NULL)
            return slot;
    }
}

static void grow_slots(struct sqlite_conn *conn)
{
    size_t count = conn->slot_count * 2;
    struct sqlite_prepared *slots = calloc(count, sizeof(slots[0]));
    check(slots != NULL);
    for (size_t i = 0; i < conn->slot_count; i++) {
        if (conn->slots[i].stmt != NULL)
            *find_slot(slots, count, conn->slots[i].stmt) = conn->slots[i];
    }
    free(conn->slots);
    conn->slots = slots;
    conn->slot_count = count;
}

// Prepares the statement that a text begins with as the next part, and leaves the rest of the text.
static enum err prepare_part(struct sqlite_conn *conn, struct str *text,
                             struct sqlite_prepared *prepared, struct error *err)
{
    struct sqlite3_stmt *handle = NULL;
    const char *rest = NULL;
    int code = sqlite3_prepare_v3(conn->handle, text->ptr, (int)text->len,
                                  SQLITE_PREPARE_PERSISTENT, &handle, &rest);
    if (code != SQLITE_OK)
        return sqlite_error(conn->handle, code, false, err);
    check(handle != NULL && prepared->part_count < SQLITE_PARTS_MAX);
    *text = str_trim(str_slice(*text, (size_t)(rest - text->ptr), text->len));
    size_t count = (size_t)sqlite3_bind_parameter_count(handle);
    prepared->param_count = count > prepared->param_count ? count : prepared->param_count;
    prepared->parts[prepared->part_count++] = handle;
    return ERR_OK;
}

static enum err prepare(struct sqlite_conn *conn, const struct sql_stmt *stmt,
                        struct sqlite_prepared *prepared, struct error *err)
{
    CLEANUP(buf_done) struct buf expanded;
    CLEANUP(buf_done) struct buf text;
    buf_init(&expanded, STMT_TEXT_MAX);
    buf_init(&text, STMT_TEXT_MAX);
    sql_text_expand(stmt, stmt->sqlite != NULL ? stmt->sqlite : stmt->text, &expanded);
    sqlite_stmt_rewrite(buf_str(&expanded), &text);
    check(!expanded.overflow);
    check(!text.overflow && text.len > 0);
    *prepared = (struct sqlite_prepared){.stmt = stmt, .text = stmt->text};
    struct str rest = buf_str(&text);
    enum err code = ERR_OK;
    do
        code = prepare_part(conn, &rest, prepared, err);
    while (code == ERR_OK && rest.len > 0);
    if (code != ERR_OK)
        finalize(prepared);
    return code;
}

enum err sqlite_conn_prepare(struct sqlite_conn *conn, const struct sql_stmt *stmt,
                             struct sqlite_prepared **ret_prepared, struct error *err)
{
    struct sqlite_prepared *slot = find_slot(conn->slots, conn->slot_count, stmt);
    if (slot->stmt == NULL) {
        struct sqlite_prepared prepared;
        TRY(prepare(conn, stmt, &prepared, err));
        if (conn->slots_used >= conn->slot_count / 2) {
            grow_slots(conn);
            slot = find_slot(conn->slots, conn->slot_count, stmt);
        }
        *slot = prepared;
        conn->slots_used++;
    }
    check(slot->text == stmt->text);
    *ret_prepared = slot;
    return ERR_OK;
}
