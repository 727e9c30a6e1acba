// What PostgreSQL's SQLSTATEs mean to a caller.
#include <libpq-fe.h> // first: one of its macros names what base/banned.h forbids

#include "sql/driver_postgres.h"

// Of the first row that the code begins with.
static const struct {
    const char *sqlstate;
    enum err err;
    const char *message; // NULL: that of unavailability
} meanings[] = {
    {"23505", ERR_CONFLICT, "it exists already"},
    {"23503", ERR_INVALID, "it refers to something that does not exist"},
    {"23", ERR_INVALID, "a value breaks a rule of the database"},
    {"22", ERR_INVALID, "a value does not fit the database"},
    {"54", ERR_TOO_LARGE, "a value is too large for the database"},
    {"57014", ERR_TIMEOUT, "the database took too long"},
    {"XX001", ERR_CORRUPT, "the database is damaged"},
    {"XX002", ERR_CORRUPT, "the database is damaged"},
    {"08", ERR_UNAVAILABLE, NULL},    // connection
    {"25006", ERR_UNAVAILABLE, NULL}, // read only: a standby
    {"28", ERR_UNAVAILABLE, NULL},    // may not log in
    {"40", ERR_UNAVAILABLE, NULL},    // deadlock, serialisation
    {"53", ERR_UNAVAILABLE, NULL},    // no room
    {"55P03", ERR_UNAVAILABLE, NULL}, // lock not available
    {"57P", ERR_UNAVAILABLE, NULL},   // shutting down
    {"42P05", ERR_UNAVAILABLE, NULL}, // another's prepared statement
    {"58", ERR_UNAVAILABLE, NULL},    // the server's system
};

#define OUTAGE_RETRY_S 2

const char *postgres_sqlstate(const struct pg_result *result)
{
    const char *sqlstate = PQresultErrorField(result, PG_DIAG_SQLSTATE);
    return sqlstate == NULL ? "" : sqlstate;
}

bool postgres_error_is_locked(const struct pg_result *result)
{
    return strcmp(postgres_sqlstate(result), "55P03") == 0;
}

// What a connection of our own never says.
static const char *hint_at(const char *sqlstate)
{
    return strcmp(sqlstate, "42P05") == 0
               ? " (others share this connection: the address is a pooler's, set DATABASE_POOLER=1)"
               : "";
}

// libpq speaks in lines.
static void set_cause(struct error *err, const char *sqlstate, const char *text)
{
    if (err == NULL)
        return;
    struct str line = str_trim(str_of(text));
    while (line.len > 0 && line.ptr[line.len - 1] == '\n')
        line.len--;
    error_cause(err, "PostgreSQL%s%s: %.*s%s", sqlstate[0] == '\0' ? "" : " ", sqlstate,
                STR_ARG(line), hint_at(sqlstate));
    for (char *c = err->cause; *c != '\0'; c++) {
        if (*c == '\n' || *c == '\t')
            *c = ' ';
    }
}

enum err postgres_error_unavailable(struct error *err, const char *cause)
{
    (void)error_set(err, ERR_UNAVAILABLE, "the database cannot be reached at the moment");
    if (err != NULL)
        err->retry_after_s = OUTAGE_RETRY_S;
    set_cause(err, "", cause);
    return ERR_UNAVAILABLE;
}

// The column of a constraint that PostgreSQL named: table_column_check, table_column_fkey. That of
// a partition (leads_0) is named by the whole table (leads).
static struct str column_of_constraint(const PGresult *result)
{
    struct str table = str_of(PQresultErrorField(result, PG_DIAG_TABLE_NAME));
    struct str name = str_of(PQresultErrorField(result, PG_DIAG_CONSTRAINT_NAME));
    static const struct str endings[] = {STR_INIT("_check"), STR_INIT("_fkey")};
    while (table.len > 0 && !str_starts(name, table)) {
        do
            table.len--;
        while (table.len > 0 && table.ptr[table.len] != '_');
    }
    if (table.len == 0 || name.ptr == NULL)
        return STR_NULL;
    for (size_t i = 0; i < COUNT_OF(endings); i++) {
        struct str ending = endings[i];
        if (name.len > table.len + 1 + ending.len &&
            str_equal(str_slice(name, name.len - ending.len, name.len), ending))
            return str_slice(name, table.len + 1, name.len - ending.len);
    }
    return STR_NULL;
}

static void add_place(struct error *err, const PGresult *result, const char *sqlstate)
{
    static const struct {
        const char *sqlstate;
        const char *detail;
    } places[] = {
        {"23502", "must not be null"},
        {"23503", "refers to something that does not exist"},
        {"23514", "is not one of the allowed values"},
    };
    for (size_t i = 0; i < COUNT_OF(places); i++) {
        if (strcmp(places[i].sqlstate, sqlstate) != 0)
            continue;
        struct str column = str_of(PQresultErrorField(result, PG_DIAG_COLUMN_NAME));
        if (column.ptr == NULL)
            column = column_of_constraint(result);
        char pointer[128];
        int len = snprintf(pointer, sizeof(pointer), "/%.*s", STR_ARG(column));
        if (column.ptr != NULL && len > 0 && (size_t)len < sizeof(pointer))
            (void)error_place(err, (struct str){pointer, (size_t)len}, "%s", places[i].detail);
    }
}

enum err postgres_error(const struct pg_result *result, struct error *err)
{
    const char *sqlstate = postgres_sqlstate(result);
    const char *text = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);
    enum err code = ERR_INTERNAL;
    const char *message = "the database refused a statement";
    for (size_t i = 0; i < COUNT_OF(meanings); i++) {
        if (!str_starts(str_of(sqlstate), str_of(meanings[i].sqlstate)))
            continue;
        code = meanings[i].err;
        message = meanings[i].message;
        break;
    }
    if (message == NULL)
        (void)postgres_error_unavailable(err, "");
    else
        (void)error_set(err, code, "%s", message);
    if (err != NULL) {
        add_place(err, result, sqlstate);
        set_cause(err, sqlstate, text == NULL ? PQresultErrorMessage(result) : text);
    }
    return code;
}
