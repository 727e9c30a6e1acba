// Looks up writes whose connection broke before it was known whether they were committed.
#include <libpq-fe.h> // first: one of its macros names what base/banned.h forbids

#include "sql/driver_postgres.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/thread.h"

#define PROVE_US   (8 * US_PER_S) // somebody waits for the answer
#define PAUSE_US   (100 * US_PER_MS)
#define CALL_MS    2000
#define CLOSING_US US_PER_S
#define KNOCK_US   US_PER_S       // how long a server that may not be there is waited for
#define BACK_US    (3 * US_PER_S) // and one that others could connect to just before

// A connection that broke, and what was under way on it.
struct postgres_lost {
    struct postgres_lost *next;
    struct postgres_backend backend;
    struct postgres_list tasks;
    int64_t until_us; // monotonic
};

// The prover's connection while it has something to look up.
struct look {
    struct postgres_db *db;
    PGconn *handle; // NULL: none
    int64_t now_us;
    bool is_closing; // it is the last look, whatever the time
    unsigned opened; // connections of the lanes, when it last tried to connect
};

static int64_t monotonic_us(void)
{
    return clock_monotonic_us(clock_system());
}

static void clear_ptr(PGresult **result)
{
    PQclear(*result);
}

// A connection on which something failed may be in any state.
static void close_handle(struct look *look)
{
    PQfinish(TAKE_PTR(look->handle));
}

// ---- Backends.

static void take_backend(void *ctx, const struct sql_row *row)
{
    struct postgres_backend *backend = ctx;
    backend->pid = sql_row_i64(row, 0);
    backend->started_us = sql_row_i64(row, 1);
}

enum err postgres_backend_find(struct pg_conn *handle, struct postgres_backend *ret_backend,
                               struct error *err)
{
    static const struct sql_stmt stmt = {
        .name = "backend_find",
        .text = "SELECT pid, backend_start FROM pg_stat_activity WHERE pid = pg_backend_pid() "
                "AND backend_start IS NOT NULL",
    };
    CLEANUP(arena_close_ptr) struct arena *arena = arena_open(0);
    CLEANUP(clear_ptr) PGresult *result = NULL;
    *ret_backend = (struct postgres_backend){0};
    const struct sql_step step = {.stmt = &stmt, .on_row = take_backend, .ctx = ret_backend};
    const struct postgres_call call = {handle, arena, monotonic_us() + CALL_MS * US_PER_MS};
    if (postgres_run_step(&call, &step, &result, NULL) == ERR_OK)
        postgres_deliver_rows(&step, result, arena);
    if (PQtransactionStatus(handle) != PQTRANS_IDLE)
        return postgres_error_unavailable(err, PQerrorMessage(handle));
    return ERR_OK;
}

// Tells a backend to end, and whether it is gone: then what it did not commit is never committed.
// One whose commit waits for a standby is left alone unless `force`: ended, it would show what no
// standby has. A server that is a standby itself proves nothing.
static bool end_backend(struct look *look, const struct postgres_backend *backend, bool force)
{
    static const struct sql_stmt stmt = {
        .name = "backend_end",
        .text = "SELECT CASE WHEN $3 OR wait_event IS DISTINCT FROM 'SyncRep' "
                "THEN pg_terminate_backend(pid) END FROM pg_stat_activity "
                "WHERE pid = $1 AND backend_start = $2 "
                "UNION ALL SELECT false WHERE pg_is_in_recovery()",
    };
    if (backend->pid == 0 || look->handle == NULL)
        return false;
    CLEANUP(arena_close_ptr) struct arena *arena = arena_open(0);
    CLEANUP(clear_ptr) PGresult *result = NULL;
    const struct sql_value params[] = {SQLV_INT(backend->pid), SQLV_TIME(backend->started_us),
                                       SQLV_BOOL(force)};
    const struct sql_step step = {.stmt = &stmt, .params = params, .param_count = 3};
    const struct postgres_call call = {look->handle, arena, monotonic_us() + CALL_MS * US_PER_MS};
    if (postgres_run_step(&call, &step, &result, NULL) == ERR_OK)
        return PQntuples(result) == 0;
    close_handle(look);
    return false;
}

// ---- Proofs.

// What a proof read, until all of it is there.
struct proof {
    PGresult *results[SQL_STEPS_MAX];
    bool is_committed;
};

static void proof_clear(struct proof *proof)
{
    for (size_t i = 0; i < SQL_STEPS_MAX; i++)
        PQclear(TAKE_PTR(proof->results[i]));
}

static enum err run_proof(const struct postgres_call *call, const struct sql_op *steps,
                          struct proof *proof)
{
    struct error err;
    TRY(postgres_run_text(call, "BEGIN", &err));
    for (size_t i = 0; i < steps->step_count; i++) {
        TRY(postgres_run_step(call, &steps->steps[i], &proof->results[i], &err));
        proof->is_committed = PQntuples(proof->results[0]) > 0;
        if (!proof->is_committed)
            break;
    }
    return postgres_run_text(call, "COMMIT", &err);
}

// Hands the rows over, once, and sets the operation's error to what the proof says.
static void deliver_proof(struct sql_op *op, const struct proof *proof)
{
    enum err found = ERR_OK;
    for (size_t i = 0; i < op->proof->step_count; i++) {
        struct sql_step *step = &op->proof->steps[i];
        postgres_deliver_rows(step, proof->results[i], op->arena);
        if (found == ERR_OK)
            found = sql_step_count(step, PQntuples(proof->results[i]), &op->error);
    }
}

static void log_outcome(const struct sql_op *op, const char *outcome)
{
    log_event(LOG_INFO, "database.write_looked_up",
              "a connection broke before it told whether a write was stored",
              LOG_TEXT_FIELD("operation", op->name), LOG_TEXT_FIELD("outcome", outcome));
}

// What is known to be stored but cannot be read has no answer either.
static void set_unknown(struct sql_op *op, bool is_committed)
{
    (void)error_set(&op->error, ERR_UNKNOWN_OUTCOME, "%s",
                    is_committed
                        ? "The connection to the database broke. This was stored, but cannot be "
                          "read at the moment: look before you send it again."
                        : "The connection to the database broke. It is not known whether this was "
                          "stored: look before you send it again.");
    error_cause(&op->error, is_committed ? "PostgreSQL: what was stored could not be read in time"
                                         : "PostgreSQL: it could not be looked up in time");
}

// Whether the write was committed, as far as that can be seen now, and what the proof read of it.
static enum err look_up(struct look *look, struct sql_op *op, struct proof *proof)
{
    error_reset(&op->error);
    if (look->handle == NULL)
        return ERR_UNAVAILABLE;
    const struct postgres_call call = {look->handle, op->arena,
                                       monotonic_us() + CALL_MS * US_PER_MS};
    enum err code = run_proof(&call, op->proof, proof);
    if (code != ERR_OK)
        close_handle(look);
    return code;
}

// Ends a task if its fate is known, or if time is up.
static bool settle(struct look *look, struct postgres_task *task, bool is_gone)
{
    struct sql_op *op = task->op;
    bool is_late = look->is_closing || look->now_us >= task->prove_until_us;
    CLEANUP(proof_clear) struct proof proof = {0};
    bool was_seen = look_up(look, op, &proof) == ERR_OK;
    task->is_committed = task->is_committed || proof.is_committed;
    if (was_seen && proof.is_committed) {
        log_outcome(op, "stored");
        deliver_proof(op, &proof);
        postgres_task_fail(task); // or not: the error is what the proof says
    } else if (was_seen && is_gone && !is_late && !task->is_committed &&
               task->tries++ < POSTGRES_TRIES_MAX) {
        log_outcome(op, "repeated");
        postgres_submit_again(look->db, task);
    } else if (was_seen && is_gone && !task->is_committed) {
        log_outcome(op, "not stored");
        (void)postgres_error_unavailable(&op->error, "the connection broke");
        postgres_task_fail(task);
    } else if (is_late) {
        set_unknown(op, task->is_committed);
        postgres_task_fail(task);
    } else {
        return false;
    }
    return true;
}

// Returns whether there is nothing more to do for it.
static bool look_at(struct look *look, struct postgres_lost *lost)
{
    struct postgres_list left;
    postgres_list_init(&left);
    // In this order: what is not there once the backend is gone never comes.
    bool is_gone = end_backend(look, &lost->backend, lost->tasks.head == NULL);
    struct postgres_task *task;
    while ((task = postgres_list_pop(&lost->tasks)) != NULL) {
        if (!settle(look, task, is_gone))
            postgres_list_push(&left, task);
    }
    if (postgres_list_put_back(&lost->tasks, &left) > 0)
        return false;
    bool is_late = look->is_closing || look->now_us >= lost->until_us;
    if (is_late && !is_gone)
        (void)end_backend(look, &lost->backend, true);
    return is_late || is_gone || lost->backend.pid == 0;
}

// ---- The thread.

// A server that does not answer is given up soon and asked anew, so that one that is back is found
// at once; but not while others connect to it, if slowly. Nobody waits for it beyond his own time.
static int64_t connect_deadline_us(struct look *look, const struct postgres_lost *list)
{
    int64_t knock_us = monotonic_us() + (look->is_closing ? CLOSING_US : KNOCK_US);
    unsigned opened = atomic_load(&look->db->opened);
    bool is_back = opened != look->opened;
    look->opened = opened;
    int64_t until_us = look->is_closing || !is_back ? knock_us : monotonic_us() + BACK_US;
    for (; list != NULL; list = list->next)
        until_us = list->until_us < until_us ? list->until_us : until_us;
    return until_us > knock_us ? until_us : knock_us;
}

static void connect_again(struct look *look, const struct postgres_lost *list)
{
    if (look->handle != NULL)
        return;
    const struct postgres_session session = {
        .statement_timeout_ms = CALL_MS,
        .is_read_only = true,
        .deadline_us = connect_deadline_us(look, list),
    };
    const struct postgres_address *address = look->db->session_address;
    if (address == NULL)
        address = &look->db->address;
    (void)!postgres_connect(address, &session, &look->handle, NULL);
}

// Looks at all that are lost; how many are done with.
static size_t look_at_all(struct look *look, struct postgres_lost **list)
{
    size_t count = 0;
    connect_again(look, *list);
    look->now_us = monotonic_us();
    while (*list != NULL) {
        struct postgres_lost *lost = *list;
        if (!look_at(look, lost)) {
            list = &lost->next;
            continue;
        }
        *list = lost->next;
        free(lost);
        count++;
    }
    return count;
}

// Waits until there is something to look at: at once what is new, after a pause what was looked at
// before. False: there will be nothing more.
static bool wait_for_lost(struct postgres_prover *prover, struct postgres_lost **list,
                          bool *ret_closing)
{
    int64_t until_us = *list == NULL ? INT64_MAX : monotonic_us() + PAUSE_US;
    mutex_lock(&prover->mutex);
    while (prover->lost == NULL && !(prover->is_closing && *list != NULL) && !prover->is_over) {
        if (!cond_wait_until(&prover->wake, &prover->mutex, until_us))
            break;
    }
    struct postgres_lost **end = list;
    while (*end != NULL)
        end = &(*end)->next;
    *end = TAKE_PTR(prover->lost);
    *ret_closing = prover->is_closing;
    mutex_unlock(&prover->mutex);
    return *list != NULL;
}

static void *prover_main(void *ctx)
{
    struct postgres_db *db = ctx;
    struct postgres_prover *prover = &db->prover;
    struct postgres_lost *list = NULL;
    struct look look = {.db = db};
    bool is_new = true;
    while (wait_for_lost(prover, &list, &look.is_closing)) {
        if (is_new)
            look.opened = atomic_load(&db->opened);
        size_t count = look_at_all(&look, &list);
        is_new = list == NULL;
        if (is_new)
            close_handle(&look);
        mutex_lock(&prover->mutex);
        prover->busy -= count;
        bool is_idle = prover->busy == 0;
        mutex_unlock(&prover->mutex);
        if (is_idle)
            postgres_wake(db); // which may wait for that to end
    }
    return NULL;
}

void postgres_prover_take(struct postgres_db *db, const struct postgres_backend *backend,
                          struct postgres_list *tasks)
{
    struct postgres_prover *prover = &db->prover;
    struct postgres_lost *lost = calloc(1, sizeof(*lost));
    check(lost != NULL);
    lost->backend = *backend;
    lost->until_us = monotonic_us() + PROVE_US;
    postgres_list_init(&lost->tasks);
    struct postgres_task *task;
    while ((task = postgres_list_pop(tasks)) != NULL) {
        if (task->prove_until_us == 0)
            task->prove_until_us = lost->until_us;
        postgres_list_push(&lost->tasks, task);
    }
    mutex_lock(&prover->mutex);
    lost->next = prover->lost;
    prover->lost = lost;
    prover->busy++;
    mutex_unlock(&prover->mutex);
    pthread_cond_signal(&prover->wake);
}

void postgres_prover_init(struct postgres_prover *prover)
{
    check(pthread_mutex_init(&prover->mutex, NULL) == 0);
    cond_init(&prover->wake);
}

enum err postgres_prover_start(struct postgres_db *db, struct error *err)
{
    TRY(thread_start(&db->prover.thread, "sql-prove", prover_main, db, err));
    db->prover.started = true;
    return ERR_OK;
}

bool postgres_prover_is_idle(struct postgres_prover *prover)
{
    mutex_lock(&prover->mutex);
    bool is_idle = prover->busy == 0;
    mutex_unlock(&prover->mutex);
    return is_idle;
}

void postgres_prover_hurry(struct postgres_prover *prover)
{
    mutex_lock(&prover->mutex);
    prover->is_closing = true;
    mutex_unlock(&prover->mutex);
    pthread_cond_signal(&prover->wake);
}

void postgres_prover_done(struct postgres_prover *prover)
{
    mutex_lock(&prover->mutex);
    prover->is_over = true;
    mutex_unlock(&prover->mutex);
    pthread_cond_signal(&prover->wake);
    if (prover->started)
        thread_join(prover->thread);
    pthread_cond_destroy(&prover->wake);
    pthread_mutex_destroy(&prover->mutex);
}
