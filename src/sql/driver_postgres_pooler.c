// Finds out that an address is a pooler's though nobody said so.
#include <libpq-fe.h> // first: one of its macros names what base/banned.h forbids

#include "sql/driver_postgres.h"

#include "base/clock.h"

#define ASK_US (5 * US_PER_S)
#define ROUNDS 3

static void finish_ptr(PGconn **handle)
{
    PQfinish(*handle);
}

static void clear_ptr(PGresult **result)
{
    PQclear(*result);
}

static void keep_pid(void *ctx, const struct sql_row *row)
{
    *(int64_t *)ctx = sql_row_i64(row, 0);
}

// The backend that serves this statement; 0: not known.
static int64_t ask(PGconn *handle)
{
    static const struct sql_stmt stmt = {.name = "backend_pid", .text = "SELECT pg_backend_pid()"};
    CLEANUP(arena_close_ptr) struct arena *arena = arena_open(0);
    CLEANUP(clear_ptr) PGresult *result = NULL;
    int64_t pid = 0;
    const struct sql_step step = {.stmt = &stmt, .on_row = keep_pid, .ctx = &pid};
    const struct postgres_call call = {handle, arena, clock_monotonic_us(clock_system()) + ASK_US};
    if (postgres_run_text(&call, "BEGIN", NULL) == ERR_OK &&
        postgres_run_step(&call, &step, &result, NULL) == ERR_OK &&
        postgres_run_text(&call, "COMMIT", NULL) == ERR_OK)
        postgres_deliver_rows(&step, result, arena);
    return pid;
}

// A session has one backend, which has no other session. A pooler gives away the one that was used
// last, or takes turns: either shows at once on two connections.
static bool is_shared(PGconn *one, PGconn *other)
{
    int64_t first = ask(one);
    for (int i = 0; i < ROUNDS; i++) {
        int64_t others = ask(other);
        int64_t again = ask(one);
        if (first == 0 || others == 0 || again == 0)
            return false;
        if (others == first || again != first)
            return true;
    }
    return false;
}

// A pooler makes up the process that it tells its clients.
enum err postgres_pooler_find(const struct postgres_address *address, bool *ret_found,
                              struct error *err)
{
    static const struct postgres_session session = {0};
    struct postgres_address bare = *address;
    CLEANUP(finish_ptr) PGconn *one = NULL;
    CLEANUP(finish_ptr) PGconn *other = NULL;
    bare.is_pooled = true;
    *ret_found = false;
    TRY(postgres_connect(&bare, &session, &one, err));
    if (ask(one) == PQbackendPID(one))
        return ERR_OK;
    TRY(postgres_connect(&bare, &session, &other, err));
    *ret_found = is_shared(one, other);
    return ERR_OK;
}
