// Which migrations a database has, and applying those that it lacks.
#include "sql/migrate.h"

#include "base/clock.h"
#include "base/hash.h"
#include "base/log.h"
#include "sql/sql_driver.h"

static const struct sql_stmt find_table = {
    .name = "migrate.find_table",
    .text = "SELECT 1 FROM information_schema.tables WHERE table_schema = current_schema() "
            "AND table_name = 'sunlead_migrations'",
    .sqlite = "SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = 'sunlead_migrations'",
};

static const char make_table[] =
    "CREATE TABLE IF NOT EXISTS sunlead_migrations (name TEXT PRIMARY KEY, "
    "sha256 TEXT NOT NULL, applied_us BIGINT NOT NULL)";

static const struct sql_stmt read_applied = {
    .name = "migrate.read_applied",
    .text = "SELECT name, sha256, applied_us FROM sunlead_migrations ORDER BY name",
};

static const struct sql_stmt write_applied = {
    .name = "migrate.write_applied",
    .text = "INSERT INTO sunlead_migrations (name, sha256, applied_us) VALUES ($1, $2, $3)",
};

// A migration in the words of this engine.
struct migration {
    struct str name;
    struct str text;
    struct opt_i64 applied_us;
    bool is_changed;
    bool is_unknown;
};

// A record of the database.
struct applied {
    struct applied *next;
    struct str name;
    struct str sha256;
    int64_t applied_us;
};

struct plan {
    struct sql *db; // NULL: still to be made
    struct str engine;
    struct arena *arena;
    struct migration *migrations;
    size_t count;
    struct applied *applied; // last name first
    size_t applied_count;
};

static struct migration *find(const struct plan *plan, struct str name)
{
    for (size_t i = 0; i < plan->count; i++) {
        if (str_equal(plan->migrations[i].name, name))
            return &plan->migrations[i];
    }
    return NULL;
}

// NNN_name.sql is for all engines that have no NNN_name.engine.sql.
static void add_file(struct plan *plan, const struct migration_file *file)
{
    struct str engine = str_of(file->name);
    struct str name = str_split(&engine, '.');
    struct str suffix = engine;
    engine = str_split(&suffix, '.');
    bool is_special = suffix.ptr != NULL;
    check(str_equal(is_special ? suffix : engine, STR("sql")));
    if (is_special && !str_equal(engine, plan->engine))
        return;
    struct migration *migration = find(plan, name);
    if (migration != NULL && !is_special)
        return;
    if (migration == NULL)
        migration = &plan->migrations[plan->count++];
    migration->name = arena_str(plan->arena, name);
    migration->text = (struct str){.ptr = file->text, .len = file->text_len};
}

static void keep_applied(void *ctx, const struct sql_row *row)
{
    struct plan *plan = ctx;
    struct applied *applied = arena_new(plan->arena, struct applied, 1);
    applied->name = arena_str(plan->arena, sql_row_str(row, 0));
    applied->sha256 = arena_str(plan->arena, sql_row_str(row, 1));
    applied->applied_us = sql_row_i64(row, 2);
    applied->next = plan->applied;
    plan->applied = applied;
    plan->applied_count++;
}

static enum err run(struct plan *plan, struct sql_op *op, struct error *err)
{
    enum err code = sql_run(plan->db, op);
    if (code != ERR_OK && err != NULL)
        *err = op->error;
    return code;
}

static enum err load_applied(struct plan *plan, struct error *err)
{
    struct sql_op *op = sql_op_new(plan->arena, "migrate.find_table", SQL_LANE_SHORT);
    struct sql_step *step = sql_op_step(op, &find_table, 0, NULL);
    TRY(run(plan, op, err));
    if (step->rows == 0)
        return ERR_OK;
    op = sql_op_new(plan->arena, "migrate.read_applied", SQL_LANE_SHORT);
    step = sql_op_step(op, &read_applied, 0, NULL);
    step->on_row = keep_applied;
    step->ctx = plan;
    return run(plan, op, err);
}

static void merge_applied(struct plan *plan, const struct applied *applied)
{
    struct migration *migration = find(plan, applied->name);
    if (migration == NULL) {
        migration = &plan->migrations[plan->count++];
        migration->name = applied->name;
        migration->is_unknown = true;
    } else {
        char hash[SHA256_HEX + 1];
        sha256_hex(migration->text, hash);
        migration->is_changed = !str_equal(applied->sha256, str_of(hash));
    }
    migration->applied_us = OPT_I64(applied->applied_us);
}

static int compare_names(const void *a, const void *b)
{
    return strcmp(((const struct migration *)a)->name.ptr, ((const struct migration *)b)->name.ptr);
}

static enum err load(struct plan *plan, const struct migration_set *set, struct error *err)
{
    plan->count = 0;
    plan->applied = NULL;
    plan->applied_count = 0;
    if (plan->db != NULL)
        TRY(load_applied(plan, err));
    plan->migrations = arena_new(plan->arena, struct migration, set->count + plan->applied_count);
    for (size_t i = 0; i < set->count; i++)
        add_file(plan, &set->files[i]);
    for (const struct applied *applied = plan->applied; applied != NULL; applied = applied->next)
        merge_applied(plan, applied);
    if (plan->count > 0)
        qsort(plan->migrations, plan->count, sizeof(plan->migrations[0]), compare_names);
    return ERR_OK;
}

static struct migration_set built_in(void)
{
    return (struct migration_set){.files = migration_files, .count = migration_file_count};
}

static struct plan plan_of(struct sql *db, struct arena *arena)
{
    return (struct plan){.db = db, .engine = str_of(sql_engine(db)), .arena = arena};
}

// The line "-- Locks: ..." of a file.
static struct str locks_of(struct str text)
{
    const struct str start = STR("-- Locks: ");
    while (text.ptr != NULL) {
        struct str line = str_split(&text, '\n');
        if (str_starts(line, start))
            return str_slice(line, start.len, line.len);
    }
    return STR_NULL;
}

static struct migration_state *states_of(const struct plan *plan)
{
    struct migration_state *states = arena_new(plan->arena, struct migration_state, plan->count);
    for (size_t i = 0; i < plan->count; i++) {
        const struct migration *migration = &plan->migrations[i];
        states[i] = (struct migration_state){
            .name = migration->name.ptr,
            .applied_us = migration->applied_us,
            .is_changed = migration->is_changed,
            .is_unknown = migration->is_unknown,
            .locks = locks_of(migration->text),
        };
    }
    return states;
}

enum err migrate_list(struct sql *db, struct arena *arena, struct migration_state **ret_states,
                      size_t *ret_count, struct error *err)
{
    struct plan plan = plan_of(db, arena);
    struct migration_set set = built_in();
    TRY(load(&plan, &set, err));
    *ret_states = states_of(&plan);
    *ret_count = plan.count;
    return ERR_OK;
}

void migrate_list_new(const char *engine, struct arena *arena, struct migration_state **ret_states,
                      size_t *ret_count)
{
    struct plan plan = {.engine = str_of(engine), .arena = arena};
    struct migration_set set = built_in();
    check(load(&plan, &set, NULL) == ERR_OK);
    *ret_states = states_of(&plan);
    *ret_count = plan.count;
}

// ---- Before what is missing is applied.

static struct str missing_texts(const struct plan *plan)
{
    struct buf texts;
    buf_init_arena(&texts, plan->arena, SIZE_MAX);
    for (size_t i = 0; i < plan->count; i++) {
        if (!plan->migrations[i].applied_us.set)
            buf_append_str(&texts, plan->migrations[i].text);
    }
    return buf_str(&texts);
}

static enum err plan_preparation(const struct plan *plan, struct sql_session *session,
                                 struct migrate_prepare *ret_prepare, struct error *err)
{
    struct str texts = missing_texts(plan);
    *ret_prepare = (struct migrate_prepare){.is_adoption = plan->applied_count == 0};
    if (session == NULL || texts.len == 0)
        return ERR_OK;
    return migrate_prepare_plan(session, plan->arena, texts, ret_prepare, err);
}

enum err migrate_plan(struct sql *db, struct arena *arena, struct migrate_prepare *ret_prepare,
                      struct error *err)
{
    struct plan plan = plan_of(db, arena);
    struct migration_set set = built_in();
    struct sql_session *session = NULL;
    TRY(load(&plan, &set, err));
    if (db->driver->session_open != NULL)
        TRY(db->driver->session_open(db, &session, err));
    enum err code = plan_preparation(&plan, session, ret_prepare, err);
    if (session != NULL)
        db->driver->session_close(session);
    return code;
}

// ---- Applying.

// Whether another process applied it meanwhile.
static bool has_record(const struct plan *plan, const struct migration *migration)
{
    struct plan now = plan_of(plan->db, plan->arena);
    if (load_applied(&now, NULL) != ERR_OK)
        return false;
    for (const struct applied *applied = now.applied; applied != NULL; applied = applied->next) {
        if (str_equal(applied->name, migration->name))
            return true;
    }
    return false;
}

static enum err apply(const struct plan *plan, const struct migration *migration,
                      size_t *ret_applied, struct error *err)
{
    char hash[SHA256_HEX + 1];
    sha256_hex(migration->text, hash);
    const struct sql_value params[] = {
        SQLV_TEXT(migration->name),
        SQLV_TEXT(str_of(hash)),
        SQLV_INT(clock_now_us(clock_system())),
    };
    const struct sql_step record = {
        .stmt = &write_applied,
        .params = params,
        .param_count = COUNT_OF(params),
    };
    const struct sql_script script = {.text = migration->text, .record = &record};
    struct error failure;
    error_reset(&failure);
    enum err code = plan->db->driver->script(plan->db, &script, &failure);
    if (code == ERR_CONFLICT && has_record(plan, migration))
        return ERR_OK;
    if (code != ERR_OK) {
        (void)error_set(err, code, "migration %s: %s", migration->name.ptr, failure.message);
        error_cause(err, "%s", failure.cause);
        return code;
    }
    ++*ret_applied;
    log_event(LOG_INFO, "migration.applied", "a migration was applied",
              LOG_STR("name", migration->name));
    return ERR_OK;
}

static enum err refuse_unknown(const struct plan *plan, struct error *err)
{
    for (size_t i = 0; i < plan->count; i++) {
        const struct migration *migration = &plan->migrations[i];
        if (migration->is_unknown)
            return error_set(err, ERR_CONFLICT,
                             "the database is newer than this program: it has migration %s",
                             migration->name.ptr);
        if (migration->is_changed)
            return error_set(err, ERR_CONFLICT,
                             "the database is not this program's: its migration %s had another "
                             "text",
                             migration->name.ptr);
    }
    return ERR_OK;
}

// As a script, so that processes which do it at once wait for each other.
static enum err make_records(const struct plan *plan, struct error *err)
{
    const struct sql_script script = {.text = str_of(make_table)};
    return plan->db->driver->script(plan->db, &script, err);
}

static size_t count_missing(const struct plan *plan)
{
    size_t count = 0;
    for (size_t i = 0; i < plan->count; i++)
        count += plan->migrations[i].applied_us.set ? 0 : 1;
    return count;
}

static enum err apply_missing(const struct plan *plan, const struct migrate_lock *lock,
                              size_t *ret_applied, struct error *err)
{
    struct migrate_prepare prepare;
    TRY(plan_preparation(plan, lock->work, &prepare, err));
    TRY(migrate_prepare_run(lock, &prepare, err));
    TRY(make_records(plan, err));
    for (size_t i = 0; i < plan->count; i++) {
        if (plan->migrations[i].applied_us.set)
            continue;
        TRY(migrate_lock_check(lock, err));
        TRY(apply(plan, &plan->migrations[i], ret_applied, err));
    }
    return ERR_OK;
}

enum err migrate_up_of(struct sql *db, const struct migration_set *set, size_t *ret_applied,
                       struct error *err)
{
    CLEANUP(arena_close_ptr) struct arena *arena = arena_open(0);
    CLEANUP(migrate_lock_release) struct migrate_lock lock = {0};
    struct plan plan = plan_of(db, arena);
    *ret_applied = 0;
    TRY(load(&plan, set, err));
    TRY(refuse_unknown(&plan, err));
    if (count_missing(&plan) == 0)
        return ERR_OK;
    TRY(migrate_lock_take(db, &lock, err));
    // Another process may have done it while this one waited.
    TRY(load(&plan, set, err));
    TRY(refuse_unknown(&plan, err));
    if (count_missing(&plan) == 0)
        return ERR_OK;
    return apply_missing(&plan, &lock, ret_applied, err);
}

// ---- Counting anew.

static void take_is_partitioned(void *ctx, const struct sql_row *row)
{
    *(bool *)ctx = sql_row_i64(row, 0) != 0;
}

static enum err is_partitioned(struct sql *db, bool *ret_partitioned, struct error *err)
{
    struct sql_session *session = NULL;
    *ret_partitioned = false;
    if (db->driver->session_open == NULL)
        return ERR_OK;
    TRY(db->driver->session_open(db, &session, err));
    enum err code = db->driver->session_run(
        session, "SELECT relkind = 'p' FROM pg_class WHERE oid = to_regclass('leads')",
        take_is_partitioned, ret_partitioned, err);
    db->driver->session_close(session);
    return code;
}

enum err migrate_recount(struct sql *db, bool *ret_recounted, struct error *err)
{
    CLEANUP(arena_close_ptr) struct arena *arena = arena_open(0);
    struct plan plan = plan_of(db, arena);
    struct migration_set set = built_in();
    TRY(is_partitioned(db, ret_recounted, err));
    if (!*ret_recounted)
        return ERR_OK;
    TRY(load(&plan, &set, err));
    const struct migration *count = find(&plan, STR("003_count_leads"));
    check(count != NULL);
    const struct sql_script script = {.text = count->text};
    return db->driver->script(db, &script, err);
}

enum err migrate_up(struct sql *db, size_t *ret_applied, struct error *err)
{
    struct migration_set set = built_in();
    return migrate_up_of(db, &set, ret_applied, err);
}
