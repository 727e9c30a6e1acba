// What is done to a leads table that has rows before migrations run on it.
#include "sql/migrate_prepare.h"

#include "base/log.h"
#include "base/thread.h"

// Whoever waits for a lock on the table holds up all who come behind: it gives way soon, lets them
// through and comes back, for ten minutes.
#define LOCK_TIMEOUT   "SET LOCAL lock_timeout = '300ms'; SET LOCAL statement_timeout = 0; "
#define LOCK_TRIES     750
#define LOCK_PAUSE_MS  500
#define BUILD_TRIES    5
#define BUILD_PAUSE_MS 500

static enum err run(struct sql_session *session, const char *text, struct error *err)
{
    return session->driver->session_run(session, text, NULL, NULL, err);
}

// ---- Which indexes the migrations make.

struct index_state {
    bool exists;
    bool is_valid;
    bool is_built;   // just now, by somebody
    bool is_foreign; // of another table
};

static void take_index(void *ctx, const struct sql_row *row)
{
    *(struct index_state *)ctx = (struct index_state){
        .exists = true,
        .is_valid = sql_row_i64(row, 0) != 0,
        .is_built = sql_row_i64(row, 1) != 0,
        .is_foreign = sql_row_i64(row, 2) != 0,
    };
}

static enum err read_index(struct sql_session *session, struct str name,
                           struct index_state *ret_state, struct error *err)
{
    char text[512];
    int len = snprintf(text, sizeof(text),
                       "SELECT i.indisvalid, EXISTS (SELECT 1 FROM pg_stat_progress_create_index p "
                       "WHERE p.index_relid = i.indexrelid), "
                       "i.indrelid IS DISTINCT FROM to_regclass('leads') "
                       "FROM pg_index i WHERE i.indexrelid = to_regclass('%.*s')",
                       STR_ARG(name));
    check(len > 0 && (size_t)len < sizeof(text));
    *ret_state = (struct index_state){0};
    return session->driver->session_run(session, text, take_index, ret_state, err);
}

// The next `CREATE INDEX IF NOT EXISTS name ON leads...` of *rest, as the statement that builds it
// while others write. False: there is none.
static bool next_index(struct str *rest, struct arena *arena, struct migrate_step *ret_step)
{
    const struct str create = STR("CREATE INDEX IF NOT EXISTS ");
    while (rest->ptr != NULL) {
        struct str statement = str_split(rest, ';');
        size_t at = 0;
        while (at < statement.len && !str_starts(str_slice(statement, at, statement.len), create))
            at++;
        struct str words = str_slice(statement, at + create.len, statement.len);
        struct str behind = words;
        struct str name = str_split(&behind, ' ');
        if (at >= statement.len || behind.ptr == NULL || !str_starts(behind, STR("ON leads(")))
            continue;
        *ret_step = (struct migrate_step){
            .kind = MIGRATE_STEP_INDEX,
            .name = arena_str(arena, name),
            .text =
                arena_printf(arena, "CREATE INDEX CONCURRENTLY IF NOT EXISTS %.*s", STR_ARG(words)),
        };
        return true;
    }
    return false;
}

static enum err plan_indexes(struct sql_session *session, struct str texts,
                             struct migrate_prepare *prepare, struct error *err)
{
    struct migrate_step step;
    // Without rows the migrations build them in a moment.
    if (session->is_pooled && prepare->leads.rows == 0)
        return ERR_OK;
    while (next_index(&texts, prepare->leads.arena, &step)) {
        struct index_state state;
        TRY(read_index(session, step.name, &state, err));
        if (state.is_foreign)
            return error_set(err, ERR_CONFLICT, "the name %.*s is taken by another table's index",
                             STR_ARG(step.name));
        step.is_invalid = state.exists && !state.is_valid;
        check(prepare->step_count < MIGRATE_STEPS_MAX);
        if (!state.exists || step.is_invalid)
            prepare->steps[prepare->step_count++] = step;
    }
    return ERR_OK;
}

enum err migrate_prepare_plan(struct sql_session *session, struct arena *arena, struct str texts,
                              struct migrate_prepare *ret_prepare, struct error *err)
{
    ret_prepare->step_count = 0;
    TRY(migrate_leads_read(session, arena, &ret_prepare->leads, err));
    struct migrate_leads *leads = &ret_prepare->leads;
    if (!ret_prepare->is_adoption)
        leads->problem_count = 0;
    if (!leads->is_table)
        return ERR_OK;
    if (leads->change.len > 0)
        ret_prepare->steps[ret_prepare->step_count++] = (struct migrate_step){
            .kind = MIGRATE_STEP_COLUMNS,
            .name = buf_str(&leads->missing),
            .text = buf_str(&leads->change),
        };
    return leads->is_partitioned ? ERR_OK : plan_indexes(session, texts, ret_prepare, err);
}

// ---- Doing it.

// All in one text, which is one transaction: also behind a pooler.
static enum err add_columns(struct sql_session *session, struct arena *arena, const char *change,
                            struct error *err)
{
    const char *text = arena_printf(arena, LOCK_TIMEOUT "%s", change).ptr;
    enum err code = ERR_TIMEOUT;
    for (int i = 0; i < LOCK_TRIES && code == ERR_TIMEOUT; i++) {
        if (i == 1)
            log_event(LOG_INFO, "migration.waiting", "a transaction of somebody else uses leads");
        if (i > 0)
            thread_pause_ms(LOCK_PAUSE_MS);
        error_reset(err);
        code = run(session, text, err);
    }
    if (code == ERR_TIMEOUT)
        return error_set(err, ERR_UNAVAILABLE,
                         "leads is in use by a transaction that does not end");
    return code;
}

// What a killed process began, its server may still be at.
static enum err await_build(struct sql_session *session, struct str name,
                            struct index_state *ret_state, struct error *err)
{
    TRY(read_index(session, name, ret_state, err));
    while (ret_state->exists && !ret_state->is_valid && ret_state->is_built) {
        thread_pause_ms(BUILD_PAUSE_MS);
        TRY(read_index(session, name, ret_state, err));
    }
    return ERR_OK;
}

static enum err build_once(struct sql_session *session, const struct migrate_step *step,
                           struct error *err)
{
    struct index_state state;
    TRY(await_build(session, step->name, &state, err));
    if (state.exists && state.is_valid)
        return ERR_OK;
    if (state.exists) {
        char text[256];
        int len = snprintf(text, sizeof(text), "DROP INDEX CONCURRENTLY IF EXISTS %.*s",
                           STR_ARG(step->name));
        check(len > 0 && (size_t)len < sizeof(text));
        TRY(run(session, text, err));
    }
    return run(session, step->text.ptr, err);
}

// A deadlock with somebody's transaction leaves an invalid index behind: it is built again.
static enum err build(struct sql_session *session, const struct migrate_step *step,
                      struct error *err)
{
    if (session->is_pooled)
        return error_set(err, ERR_CONFLICT,
                         "leads has rows: its indexes are not built through a pooler; set "
                         "DATABASE_DIRECT_URL to the address of PostgreSQL itself");
    TRY(run(session, "SET lock_timeout = 0", err));
    enum err code = ERR_UNAVAILABLE;
    for (int i = 0; i < BUILD_TRIES && code == ERR_UNAVAILABLE; i++) {
        if (i > 0)
            thread_pause_ms(BUILD_PAUSE_MS);
        error_reset(err);
        code = build_once(session, step, err);
    }
    return code;
}

static enum err run_step(struct sql_session *session, struct arena *arena,
                         const struct migrate_step *step, struct error *err)
{
    struct migrate_step ended = *step;
    ended.text = arena_str(arena, step->text);
    switch (step->kind) {
    case MIGRATE_STEP_COLUMNS:
        TRY(add_columns(session, arena, ended.text.ptr, err));
        log_event(LOG_INFO, "migration.columns_added", "leads got the columns that it lacked",
                  LOG_STR("columns", step->name));
        return ERR_OK;
    case MIGRATE_STEP_INDEX:
        TRY(build(session, &ended, err));
        log_event(LOG_INFO, "migration.index_built", "an index of leads was built",
                  LOG_STR("index", step->name));
        return ERR_OK;
    }
    check_failed("known step", __FILE__, __LINE__);
}

static enum err refuse(const struct migrate_leads *leads, struct error *err)
{
    struct str rest = buf_str(&leads->problems);
    struct str first = str_split(&rest, '\n');
    for (struct str line = first; line.len > 0; line = str_split(&rest, '\n'))
        log_event(LOG_ERROR, "migration.refused", "the table leads cannot be adopted",
                  LOG_STR("problem", line));
    return error_set(err, ERR_CONFLICT, "the table leads cannot be adopted: %.*s%s",
                     STR_ARG(str_cut(first, 120)),
                     leads->problem_count > 1 ? " (and more: see sunlead migrate check)" : "");
}

enum err migrate_prepare_run(const struct migrate_lock *lock, const struct migrate_prepare *prepare,
                             struct error *err)
{
    struct error failure;
    error_reset(&failure);
    if (prepare->leads.problem_count > 0)
        return refuse(&prepare->leads, err);
    // A server that notices a vanished client does not go on building for it.
    if (prepare->step_count > 0 && !lock->work->is_pooled)
        (void)!run(lock->work, "SET client_connection_check_interval = '5s'", NULL);
    for (size_t i = 0; i < prepare->step_count; i++) {
        TRY(migrate_lock_check(lock, err));
        if (run_step(lock->work, prepare->leads.arena, &prepare->steps[i], &failure) == ERR_OK)
            continue;
        (void)error_set(err, failure.code, "%.*s: %s", STR_ARG(str_cut(prepare->steps[i].name, 60)),
                        failure.message);
        error_cause(err, "%s", failure.cause);
        return failure.code;
    }
    return ERR_OK;
}
