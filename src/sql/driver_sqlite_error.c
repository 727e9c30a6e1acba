// What SQLite's result codes mean to a caller.
#include "sql/driver_sqlite.h"

#include <errno.h>
#include <sqlite3.h>

// Of the first row that fits: the whole code, or its low byte where the row has no more.
static const struct {
    int code;
    enum err err;
    const char *message; // NULL: that of unavailability
} meanings[] = {
    {SQLITE_CONSTRAINT_UNIQUE, ERR_CONFLICT, "it exists already"},
    {SQLITE_CONSTRAINT_PRIMARYKEY, ERR_CONFLICT, "it exists already"},
    {SQLITE_CONSTRAINT_ROWID, ERR_CONFLICT, "it exists already"},
    {SQLITE_CONSTRAINT_FOREIGNKEY, ERR_INVALID, "it refers to something that does not exist"},
    {SQLITE_CONSTRAINT, ERR_INVALID, "a value breaks a rule of the database"},
    {SQLITE_MISMATCH, ERR_INVALID, "a value breaks a rule of the database"},
    {SQLITE_TOOBIG, ERR_TOO_LARGE, "a value is too large for the database"},
    {SQLITE_INTERRUPT, ERR_CANCELLED, "the statement was called off"},
    {SQLITE_CORRUPT, ERR_CORRUPT, "the database is damaged"},
    {SQLITE_NOTADB, ERR_CORRUPT, "the file is not a database of SQLite"},
    // What could not be forced to the disk may be there after a crash.
    {SQLITE_IOERR_FSYNC, ERR_UNKNOWN_OUTCOME, "it is not known whether the database stored it"},
    {SQLITE_FULL, ERR_UNAVAILABLE, NULL},
    {SQLITE_IOERR, ERR_UNAVAILABLE, NULL},
    {SQLITE_READONLY, ERR_UNAVAILABLE, NULL},
    {SQLITE_CANTOPEN, ERR_UNAVAILABLE, NULL},
    {SQLITE_BUSY, ERR_UNAVAILABLE, NULL},
    {SQLITE_LOCKED, ERR_UNAVAILABLE, NULL},
    {SQLITE_PROTOCOL, ERR_UNAVAILABLE, NULL},
    {SQLITE_PERM, ERR_UNAVAILABLE, NULL},
    {SQLITE_NOMEM, ERR_UNAVAILABLE, NULL},
};

#define OUTAGE_RETRY_S 5

bool sqlite_error_is_outage(const struct error *err)
{
    bool is_file = err->code == ERR_UNAVAILABLE || err->code == ERR_UNKNOWN_OUTCOME;
    return is_file && err->cause[0] != '\0';
}

// "NOT NULL constraint failed: leads.company_id" and "CHECK constraint failed: state BETWEEN 0 AND
// 3" name the column. A check with a name of its own does not.
static void add_place(struct error *err, int code, struct str text)
{
    size_t colon = str_find(text, ':', 0);
    if (code != SQLITE_CONSTRAINT_NOTNULL && code != SQLITE_CONSTRAINT_CHECK)
        return;
    struct str name = str_trim(str_slice(text, colon + 1, text.len));
    if (code == SQLITE_CONSTRAINT_NOTNULL)
        name = str_slice(name, str_find(name, '.', 0) + 1, name.len);
    size_t end = 0;
    while (end < name.len && (isalnum((unsigned char)name.ptr[end]) || name.ptr[end] == '_'))
        end++;
    bool is_column = end > 0 && (code == SQLITE_CONSTRAINT_NOTNULL || end < name.len);
    if (!is_column)
        return;
    char pointer[128];
    int len = snprintf(pointer, sizeof(pointer), "/%.*s", (int)end, name.ptr);
    if (len > 0 && (size_t)len < sizeof(pointer))
        (void)error_place(err, (struct str){pointer, (size_t)len},
                          code == SQLITE_CONSTRAINT_NOTNULL ? "must not be null"
                                                            : "is not one of the allowed values");
}

static enum err set_unavailable(struct error *err, bool writing)
{
    (void)error_set(err, ERR_UNAVAILABLE, "the database cannot be %s at the moment",
                    writing ? "written" : "read");
    if (err != NULL)
        err->retry_after_s = OUTAGE_RETRY_S;
    return ERR_UNAVAILABLE;
}

enum err sqlite_error_lost(const struct error *by, struct error *err)
{
    (void)set_unavailable(err, true);
    if (sqlite_error_is_outage(by))
        error_cause(err, "rolled back with another operation: %s", by->cause);
    return ERR_UNAVAILABLE;
}

static enum err set_meaning(struct error *err, int code, bool writing)
{
    for (size_t i = 0; i < COUNT_OF(meanings); i++) {
        int known = meanings[i].code;
        if (known != code && known != (code & 0xff))
            continue;
        if (meanings[i].message != NULL)
            return error_set(err, meanings[i].err, "%s", meanings[i].message);
        return set_unavailable(err, writing);
    }
    return error_set(err, ERR_INTERNAL, "the database refused a statement");
}

// errno of the system call that failed, 0 if none did. SQLite forgets it when a commit fails: then
// its log file still knows.
static int system_errno(struct sqlite3 *handle, int code)
{
    if (handle == NULL || ((code & 0xff) != SQLITE_IOERR && (code & 0xff) != SQLITE_CANTOPEN))
        return 0;
    int number = sqlite3_system_errno(handle);
    sqlite3_file *log = NULL;
    if (number == 0 &&
        sqlite3_file_control(handle, "main", SQLITE_FCNTL_JOURNAL_POINTER, &log) == SQLITE_OK &&
        log != NULL && log->pMethods != NULL)
        (void)log->pMethods->xFileControl(log, SQLITE_FCNTL_LAST_ERRNO, &number);
    return number;
}

enum err sqlite_error(struct sqlite3 *handle, int code, bool writing, struct error *err)
{
    struct str text = str_of(handle == NULL ? sqlite3_errstr(code) : sqlite3_errmsg(handle));
    int number = system_errno(handle, code);
    enum err result = set_meaning(err, code, writing);
    if (err == NULL)
        return result;
    add_place(err, code, text);
    const char *reason = number == 0 ? NULL : strerrordesc_np(number);
    if (reason != NULL)
        error_cause(err, "SQLite %d: %.*s (%s)", code, STR_ARG(text), reason);
    else
        error_cause(err, "SQLite %d: %.*s", code, STR_ARG(text));
    return result;
}
