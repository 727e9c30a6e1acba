// The SQLite driver's face: opening and closing a file, and which thread runs an operation.
#include "sql/driver_sqlite.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "base/fs.h"

#define LONG_READERS   2
#define LONG_READS_MAX 256

// The parts of a path: its folder (made if it does not exist) and its last name.
static enum err split_path(const char *path, struct arena *arena, struct str *ret_folder,
                           struct str *ret_name, struct error *err)
{
    struct str s = str_of(path);
    size_t slash = s.len;
    while (slash > 0 && s.ptr[slash - 1] != '/')
        slash--;
    *ret_name = str_slice(s, slash, s.len);
    *ret_folder = arena_str(arena, slash == 0 ? STR(".") : str_slice(s, 0, slash));
    if (ret_name->len == 0 || str_starts(s, STR("//")))
        return error_set(err, ERR_INVALID, "sqlite:%s names no file; write sqlite:PATH", path);
    return fs_make_dirs(ret_folder->ptr, err);
}

// Absolute, because connections are opened at any time, and because SQLite gives names such as
// ":memory:" and "file:" a meaning.
static enum err absolute_path(const char *path, char **ret_path, struct error *err)
{
    CLEANUP(arena_close_ptr) struct arena *arena = arena_open(0);
    struct str folder, name;
    TRY(split_path(path, arena, &folder, &name, err));
    char *real = realpath(folder.ptr, NULL);
    if (real == NULL)
        return fs_err(err, "cannot use folder", folder.ptr);
    struct buf buf;
    buf_init(&buf, 4096);
    buf_printf(&buf, "%s/%.*s", strcmp(real, "/") == 0 ? "" : real, STR_ARG(name));
    free(real);
    *ret_path = buf_cstr(&buf) == NULL ? NULL : strdup(buf.ptr);
    buf_done(&buf);
    if (*ret_path == NULL)
        return error_set(err, ERR_INVALID, "the path of the database is too long");
    return ERR_OK;
}

// SQLite would make the file readable for all; its log gets the file's mode. O_EXCL: a descriptor
// of a file that is open here must never be closed, since that drops SQLite's locks on it.
static enum err make_file(const char *path, struct error *err)
{
    int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0 && errno != EEXIST)
        return fs_err(err, "cannot make the database", path);
    fd_close(&fd);
    return ERR_OK;
}

static void close_db(struct sql *sql)
{
    struct sqlite_db *db = CONTAINER_OF(sql, struct sqlite_db, sql);
    pool_close(db->pool);
    sqlite_writer_done(&db->writer);
    sqlite_readers_done(&db->readers);
    sqlite_health_done(&db->health);
    fd_close(&db->lock_fd);
    free(db->path);
    free(db);
}

// Says which file it is that cannot be opened.
static enum err start_writer(struct sqlite_db *db, const char *path, struct error *err)
{
    struct error failure;
    error_reset(&failure);
    enum err code = sqlite_writer_start(db, &failure);
    if (code == ERR_OK)
        return ERR_OK;
    (void)error_set(err, code, "%s: %s", path, failure.message);
    error_cause(err, "%s", failure.cause);
    return code;
}

static enum err start_db(struct sqlite_db *db, const char *path, bool lock, struct error *err)
{
    TRY(absolute_path(path, &db->path, err));
    if (lock)
        TRY(sqlite_lock_take(db->path, &db->lock_fd, err));
    TRY(make_file(db->path, err));
    TRY(start_writer(db, path, err));
    return pool_open(&db->pool, "sql-read", LONG_READERS, LONG_READS_MAX, err);
}

static enum err open_db(const struct sql_settings *settings, struct sql **ret_db, struct error *err)
{
    if (settings->is_pooled)
        return error_set(err, ERR_INVALID, "a pooler is for postgres:// only");
    struct sqlite_db *db = calloc(1, sizeof(*db));
    check(db != NULL);
    db->sql.driver = &sql_driver_sqlite;
    db->lock_fd = -1;
    enum err code = sqlite_readers_init(&db->readers, err);
    if (code != ERR_OK) {
        free(db);
        return code;
    }
    sqlite_health_init(&db->health);
    sqlite_writer_init(&db->writer);
    code = start_db(db, settings->url + strlen(sql_driver_sqlite.scheme), settings->lock, err);
    if (code != ERR_OK) {
        close_db(&db->sql);
        return code;
    }
    *ret_db = &db->sql;
    return ERR_OK;
}

static bool file_exists(const char *url)
{
    return access(url + strlen(sql_driver_sqlite.scheme), F_OK) == 0;
}

static void submit_op(struct sql *sql, struct sql_op *op)
{
    struct sqlite_db *db = CONTAINER_OF(sql, struct sqlite_db, sql);
    switch (op->lane) {
    case SQL_LANE_SHORT:
        sqlite_read(db, op);
        return;
    case SQL_LANE_LONG:
        sqlite_read_pooled(db, op);
        return;
    case SQL_LANE_WRITE:
        sqlite_write(db, op);
        return;
    }
    check_failed("known lane", __FILE__, __LINE__);
}

static enum err run_script(struct sql *sql, const struct sql_script *script, struct error *err)
{
    struct sqlite_db *db = CONTAINER_OF(sql, struct sqlite_db, sql);
    CLEANUP(sqlite_conn_close_ptr) struct sqlite_conn *conn = NULL;
    TRY(sqlite_conn_open(db, SQLITE_USE_SCRIPT, &conn, err));
    return sqlite_exec_script(conn, script, err);
}

static size_t queue_length(const struct sql *sql)
{
    const struct sqlite_db *db = (const struct sqlite_db *)sql;
    return atomic_load_explicit(&db->writer.length, memory_order_relaxed);
}

static bool is_available(const struct sql *sql)
{
    const struct sqlite_db *db = (const struct sqlite_db *)sql;
    return !atomic_load_explicit(&db->health.down, memory_order_relaxed);
}

const struct sql_driver sql_driver_sqlite = {
    .name = "sqlite",
    .scheme = "sqlite:",
    .capabilities = SQL_CAP_SOLE_OWNER | SQL_CAP_INLINE_READS,
    .open = open_db,
    .close = close_db,
    .submit = submit_op,
    .script = run_script,
    .exists = file_exists,
    .queue_length = queue_length,
    .is_available = is_available,
    .row_columns = sqlite_row_columns,
    .row_is_null = sqlite_row_is_null,
    .row_i64 = sqlite_row_i64,
    .row_f64 = sqlite_row_f64,
    .row_str = sqlite_row_str,
};
