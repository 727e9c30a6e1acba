// Opening a connection to PostgreSQL.
#include <libpq-fe.h> // first: one of its macros names what base/banned.h forbids

#include "sql/driver_postgres.h"

#include <errno.h>
#include <poll.h>

#include "base/clock.h"

#define SERVER_VERSION_MIN 130000
#define TIMEOUT_S          5
#define TIMEOUT_MAX_S      3600

static void finish_ptr(PGconn **handle)
{
    PQfinish(*handle);
}

static void ignore_notice(void *ctx, const PGresult *result)
{
    (void)ctx;
    (void)result;
}

static bool is_list(const char *name)
{
    return strcmp(name, "host") == 0 || strcmp(name, "hostaddr") == 0 || strcmp(name, "port") == 0;
}

// Part i of a list by commas, the only part of a list of one; false: there is no such part.
static bool part_of(struct str list, size_t i, struct str *ret_part)
{
    bool is_single = str_find(list, ',', 0) == list.len;
    *ret_part = str_split(&list, ',');
    for (size_t n = 0; n < i && !is_single; n++) {
        if (list.ptr == NULL)
            return false;
        *ret_part = str_split(&list, ',');
    }
    return true;
}

static size_t count_hosts(const struct postgres_address *address)
{
    struct str hosts = postgres_address_get(address, "host");
    if (hosts.ptr == NULL)
        hosts = postgres_address_get(address, "hostaddr");
    size_t count = 1;
    for (size_t at = 0; (at = str_find(hosts, ',', at)) < hosts.len; at++)
        count++;
    return count;
}

// Begins to connect to one of the hosts. libpq itself would go from one to the next only where it
// blocks, and say notices to standard error meanwhile.
static PGconn *begin(const struct postgres_address *address, size_t host, struct arena *arena)
{
    const char *names[POSTGRES_ADDRESS_MAX + 1] = {NULL};
    const char *values[POSTGRES_ADDRESS_MAX + 1] = {NULL};
    size_t count = 0;
    for (size_t i = 0; i < address->count; i++) {
        struct str part = str_of(address->values[i]);
        if (is_list(address->names[i]) && !part_of(part, host, &part))
            continue;
        names[count] = address->names[i];
        values[count++] = arena_str(arena, part).ptr;
    }
    PGconn *handle = PQconnectStartParams(names, values, 0);
    check(handle != NULL);
    (void)PQsetNoticeReceiver(handle, ignore_notice, NULL);
    (void)PQsetErrorVerbosity(handle, PQERRORS_VERBOSE); // with the code
    return handle;
}

// Waits for the connection. False: it failed, or took too long.
static bool complete(PGconn *handle, int64_t deadline_us)
{
    PostgresPollingStatusType wanted = PGRES_POLLING_WRITING;
    if (PQstatus(handle) == CONNECTION_BAD)
        return false;
    while (wanted != PGRES_POLLING_OK && wanted != PGRES_POLLING_FAILED) {
        int64_t left_us = deadline_us - clock_monotonic_us(clock_system());
        struct pollfd ready = {
            .fd = PQsocket(handle),
            .events = wanted == PGRES_POLLING_READING ? POLLIN : POLLOUT,
        };
        if (left_us <= 0)
            return false;
        int count = poll(&ready, 1, (int)(left_us / US_PER_MS) + 1);
        if (count > 0)
            wanted = PQconnectPoll(handle);
        else if (count < 0 && errno != EINTR)
            return false;
    }
    return wanted == PGRES_POLLING_OK;
}

// Plans are made once a statement and connection: planning each time anew, for the values at hand,
// costs more than it gains on statements that all go by an index; and one that was made while a
// table was small must not go through all of it for ever. What is tried again, and what waits for a
// row, is written for the isolation that is the server's own default.
static enum err configure(PGconn *handle, const struct postgres_session *session,
                          int64_t deadline_us)
{
    const struct postgres_call call = {.handle = handle, .deadline_us = deadline_us};
    char text[512];
    char lock_timeout[64] = "";
    if (session->lock_timeout_ms > 0)
        (void)snprintf(lock_timeout, sizeof(lock_timeout), "SET lock_timeout = %u; ",
                       session->lock_timeout_ms);
    int len = snprintf(text, sizeof(text),
                       "SET TimeZone = 'UTC'; SET jit = off; SET statement_timeout = %u; %s"
                       "SET plan_cache_mode = force_generic_plan; SET enable_seqscan = %s; "
                       "SET default_transaction_isolation = 'read committed'; "
                       "SET default_transaction_read_only = %s",
                       session->statement_timeout_ms, lock_timeout,
                       session->goes_by_index ? "off" : "on", session->is_read_only ? "on" : "off");
    check(len > 0 && (size_t)len < sizeof(text));
    return postgres_run_text(&call, text, NULL);
}

// The words of a refusal behind its code, which has no result to stand in: "FATAL:  28P01: ...",
// whatever the language. NULL: it is not that code.
static const char *find_code(const char *words, const char *sqlstate)
{
    char mark[16];
    (void)snprintf(mark, sizeof(mark), ":  %s: ", sqlstate);
    const char *found = strstr(words, mark);
    return found == NULL ? NULL : found + strlen(":  ");
}

// What no later try changes, and what does. ERR_OK: it is none of that.
static enum err judge_refusal(const PGconn *handle, const char *words, struct error *err)
{
    const char *role = PQuser(handle);
    const char *database = PQdb(handle);
    const char *said;
    enum err code = ERR_FORBIDDEN;
    if ((said = find_code(words, "28P01")) != NULL)
        (void)error_set(err, code, "the server refuses the password of the role %s", role);
    else if ((said = find_code(words, "28000")) != NULL)
        (void)error_set(err, code,
                        "the server does not let the role %s in: there is no such role, it lacks "
                        "LOGIN, or pg_hba.conf has no line for it",
                        role);
    else if ((said = find_code(words, "3D000")) != NULL)
        code = error_set(err, ERR_NOT_FOUND,
                         "the server has no such database: CREATE DATABASE \"%s\" OWNER \"%s\"",
                         database, role);
    else if ((said = find_code(words, "42501")) != NULL)
        (void)error_set(err, code, "a right is missing: GRANT CONNECT ON DATABASE \"%s\" TO \"%s\"",
                        database, role);
    else
        return ERR_OK;
    error_cause(err, "PostgreSQL %.*s", (int)strcspn(said, "\n"), said);
    return code;
}

static enum err judge_failure(const PGconn *handle, bool is_late, struct error *err)
{
    struct str words = str_of(PQerrorMessage(handle));
    TRY(judge_refusal(handle, words.ptr, err));
    if (str_starts(words, STR("could not translate host name")) &&
        strstr(words.ptr, "Temporary") == NULL)
        return error_set(err, ERR_NOT_FOUND, "the host %s is not known", PQhost(handle));
    // Behind the first line are places in the server's source.
    char line[200];
    (void)snprintf(line, sizeof(line), "%.*s", (int)strcspn(words.ptr, "\n"), words.ptr);
    return postgres_error_unavailable(err, is_late ? "no answer in time" : line);
}

static enum err ask_anything(PGconn *handle, int64_t deadline_us)
{
    const struct postgres_call call = {.handle = handle, .deadline_us = deadline_us};
    return postgres_run_text(&call, "SELECT 1", NULL);
}

static enum err try_host(PGconn *handle, const struct postgres_address *address,
                         const struct postgres_session *session, int64_t timeout_us,
                         struct error *err)
{
    int64_t deadline_us = clock_monotonic_us(clock_system()) + timeout_us;
    bool is_open = complete(handle, deadline_us);
    if (is_open && address->is_pooled)
        is_open = ask_anything(handle, deadline_us) == ERR_OK;
    else if (is_open)
        is_open = configure(handle, session, deadline_us) == ERR_OK;
    if (!is_open) {
        bool is_late = clock_monotonic_us(clock_system()) >= deadline_us;
        return judge_failure(handle, is_late, err);
    }
    (void)PQsetErrorVerbosity(handle, PQERRORS_DEFAULT);
    if (PQserverVersion(handle) < SERVER_VERSION_MIN)
        return error_set(err, ERR_INVALID, "PostgreSQL 13 or newer is needed");
    return ERR_OK;
}

// Those hosts that are left share what time is left, so that one that is silent takes not all.
static int64_t host_timeout_us(const struct postgres_session *session, size_t left,
                               int64_t timeout_us)
{
    if (session->deadline_us == 0)
        return timeout_us;
    int64_t share_us = (session->deadline_us - clock_monotonic_us(clock_system())) / (int64_t)left;
    return share_us < timeout_us ? share_us : timeout_us;
}

enum err postgres_connect(const struct postgres_address *address,
                          const struct postgres_session *session, struct pg_conn **ret_handle,
                          struct error *err)
{
    int64_t timeout_s = TIMEOUT_S;
    (void)!number_parse_i64(postgres_address_get(address, "connect_timeout"), 1, TIMEOUT_MAX_S,
                            &timeout_s);
    enum err code = ERR_INTERNAL;
    size_t hosts = count_hosts(address);
    for (size_t i = 0; i < hosts && code != ERR_OK; i++) {
        CLEANUP(arena_close_ptr) struct arena *arena = arena_open(0);
        CLEANUP(finish_ptr) PGconn *handle = begin(address, i, arena);
        code = try_host(handle, address, session,
                        host_timeout_us(session, hosts - i, timeout_s * US_PER_S), err);
        if (code == ERR_OK)
            *ret_handle = TAKE_PTR(handle);
    }
    return code;
}
