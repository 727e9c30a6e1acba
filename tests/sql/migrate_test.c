// Tests of migrations on SQLite: the built-in ones, order, failures, changed and unknown ones.
#include "sql/temp_db.h"

#include <fcntl.h>
#include <sys/wait.h>

#include "base/fs.h"
#include "sql/migrate.h"

#define FILE_OF(name_, text_)                                                                      \
    {                                                                                              \
        .name = name_, .text = text_, .text_len = sizeof(text_) - 1                                \
    }

static const struct migration_file files[] = {
    FILE_OF("000_first.sql", "CREATE TABLE first (x TEXT); INSERT INTO first VALUES ('a')"),
    FILE_OF("001_second.postgres.sql", "this is for another engine"),
    FILE_OF("001_second.sql", "this is for any other engine"),
    FILE_OF("001_second.sqlite.sql", "ALTER TABLE first ADD COLUMN y;"),
    FILE_OF("002_other.postgres.sql", "this is for another engine"),
    FILE_OF("003_third.sql", "INSERT INTO first VALUES ('b', 1);"),
};

static size_t up(struct temp_db *db, size_t file_count)
{
    const struct migration_set set = {.files = files, .count = file_count};
    struct error err;
    error_reset(&err);
    size_t applied = 99;
    enum err code = migrate_up_of(db->sql, &set, &applied, &err);
    if (code != ERR_OK)
        print_error("%s (%s)\n", err.message, err.cause);
    assert_int_equal(code, ERR_OK);
    return applied;
}

static void test_steps(void **state)
{
    struct temp_db *db = *state;
    assert_int_equal(up(db, 0), 0);
    assert_int_equal(temp_db_i64(db, "SELECT count(*) FROM sqlite_schema"), 0);
    assert_int_equal(up(db, 1), 1);
    assert_int_equal(up(db, 1), 0);
    assert_int_equal(up(db, COUNT_OF(files)), 2);
    assert_int_equal(up(db, COUNT_OF(files)), 0);
    assert_int_equal(temp_db_i64(db, "SELECT sum(y) FROM first"), 1);
    assert_int_equal(temp_db_i64(db, "SELECT count(*) FROM sunlead_migrations"), 3);
}

static void test_failure_leaves_nothing(void **state)
{
    struct temp_db *db = *state;
    static const struct migration_file bad_files[] = {
        FILE_OF("000_good.sql", "CREATE TABLE good (x);"),
        FILE_OF("001_bad.sql", "CREATE TABLE bad (x); INSERT INTO missing VALUES (1);"),
        FILE_OF("002_later.sql", "CREATE TABLE later (x);"),
    };
    const struct migration_set set = {.files = bad_files, .count = COUNT_OF(bad_files)};
    struct error err;
    error_reset(&err);
    size_t applied;
    assert_int_equal(migrate_up_of(db->sql, &set, &applied, &err), ERR_INTERNAL);
    assert_int_equal(applied, 1);
    assert_non_null(strstr(err.message, "001_bad"));
    assert_non_null(strstr(err.cause, "missing"));
    assert_int_equal(temp_db_i64(db, "SELECT count(*) FROM sunlead_migrations"), 1);
    assert_int_equal(
        temp_db_i64(db, "SELECT count(*) FROM sqlite_schema WHERE name IN ('bad', 'later')"), 0);
}

static void test_conflict_inside(void **state)
{
    struct temp_db *db = *state;
    static const struct migration_file bad_files[] = {
        FILE_OF("000_twice.sql", "CREATE TABLE t (x UNIQUE); INSERT INTO t VALUES (1), (1);"),
    };
    const struct migration_set set = {.files = bad_files, .count = COUNT_OF(bad_files)};
    struct error err;
    error_reset(&err);
    size_t applied;
    assert_int_equal(migrate_up_of(db->sql, &set, &applied, &err), ERR_CONFLICT);
    assert_non_null(strstr(err.message, "000_twice"));
    assert_int_equal(applied, 0);
}

static struct migration_state *list(struct temp_db *db, size_t *ret_count)
{
    struct migration_state *states = NULL;
    struct error err;
    error_reset(&err);
    assert_int_equal(migrate_list(db->sql, db->arena, &states, ret_count, &err), ERR_OK);
    return states;
}

static void test_built_in(void **state)
{
    struct temp_db *db = *state;
    size_t count;
    struct migration_state *states = list(db, &count);
    assert_true(count >= 2);
    assert_string_equal(states[0].name, "000_create_leads");
    assert_string_equal(states[1].name, "001_add_3d_fields_to_leads");
    for (size_t i = 0; i < count; i++)
        assert_false(states[i].applied_us.set);
    assert_int_equal(temp_db_i64(db, "SELECT count(*) FROM sqlite_schema"), 0);

    size_t applied;
    assert_int_equal(migrate_up(db->sql, &applied, NULL), ERR_OK);
    assert_int_equal(applied, count);
    states = list(db, &count);
    assert_int_equal(count, applied);
    for (size_t i = 0; i < count; i++) {
        assert_true(states[i].applied_us.set && states[i].applied_us.value > 0);
        assert_false(states[i].is_changed || states[i].is_unknown);
    }
    assert_int_equal(migrate_up(db->sql, &applied, NULL), ERR_OK);
    assert_int_equal(applied, 0);
    assert_int_equal(temp_db_i64(db, "SELECT count(*) FROM leads WHERE model_3d_status = 'failed' "
                                     "AND lightfusion_3d_project_id = 1"),
                     0);
    assert_int_equal(
        temp_db_i64(db, "SELECT count(*) FROM sqlite_schema WHERE name IN ("
                        "'idx_leads_lightfusion_3d_project_id', "
                        "'idx_leads_lightfusion_3d_house_id', 'idx_leads_model_3d_status')"),
        3);
}

static void test_changed_and_unknown(void **state)
{
    struct temp_db *db = *state;
    size_t count, applied;
    assert_int_equal(migrate_up(db->sql, &applied, NULL), ERR_OK);
    temp_db_script(db, "CREATE TABLE saved AS SELECT name, sha256 FROM sunlead_migrations;"
                       "UPDATE sunlead_migrations SET sha256 = 'x' WHERE name LIKE '001%'");
    struct migration_state *states = list(db, &count);
    assert_false(states[0].is_changed);
    assert_true(states[1].is_changed);
    struct error err;
    error_reset(&err);
    assert_int_equal(migrate_up(db->sql, &applied, &err), ERR_CONFLICT);
    assert_non_null(strstr(err.message, "001_add_3d_fields_to_leads"));
    temp_db_script(db, "UPDATE sunlead_migrations SET sha256 = "
                       "(SELECT sha256 FROM saved WHERE saved.name = sunlead_migrations.name)");
    assert_int_equal(migrate_up(db->sql, &applied, NULL), ERR_OK);

    temp_db_script(db, "INSERT INTO sunlead_migrations VALUES ('999_future', 'x', 5);"
                       "INSERT INTO sunlead_migrations VALUES ('000_a', 'x', 5)");
    states = list(db, &count);
    assert_string_equal(states[0].name, "000_a");
    assert_true(states[0].is_unknown);
    assert_string_equal(states[count - 1].name, "999_future");
    assert_true(states[count - 1].is_unknown);
    assert_int_equal(states[count - 1].applied_us.value, 5);
    error_reset(&err);
    assert_int_equal(migrate_up(db->sql, &applied, &err), ERR_CONFLICT);
    assert_non_null(strstr(err.message, "000_a"));
}

// Processes that migrate at the same time: each migration is applied once, all of them succeed.
static void test_at_once(void **state)
{
    struct temp_db *db = *state;
    enum { PROCESSES = 6 };
    pid_t children[PROCESSES];
    for (int i = 0; i < PROCESSES; i++) {
        children[i] = fork();
        assert_true(children[i] >= 0);
        if (children[i] == 0) {
            struct sql *sql = NULL;
            struct error err;
            error_reset(&err);
            size_t applied = 0;
            enum err code = sql_open(db->url, false, &sql, &err);
            if (code == ERR_OK)
                code = migrate_up(sql, &applied, &err);
            if (code != ERR_OK)
                print_error("%s (%s)\n", err.message, err.cause);
            sql_close(sql);
            _exit(code == ERR_OK ? (int)applied : 100);
        }
    }
    size_t total = 0;
    for (int i = 0; i < PROCESSES; i++) {
        int status;
        assert_int_equal(waitpid(children[i], &status, 0), children[i]);
        assert_true(WIFEXITED(status));
        assert_int_not_equal(WEXITSTATUS(status), 100);
        total += (size_t)WEXITSTATUS(status);
    }
    temp_db_open(db);
    size_t count;
    (void)list(db, &count);
    assert_int_equal(total, count);
}

// Each file says which locks it takes.
static void test_locks_are_told(void **state)
{
    struct migration_state *states;
    size_t count;
    (void)state;
    CLEANUP(arena_close_ptr) struct arena *arena = arena_open(0);
    static const char *const engines[] = {"sqlite", "postgres"};
    for (size_t engine = 0; engine < COUNT_OF(engines); engine++) {
        migrate_list_new(engines[engine], arena, &states, &count);
        assert_true(count >= 4);
        for (size_t i = 0; i < count; i++)
            assert_true(states[i].locks.len > 0 && !states[i].applied_us.set);
    }
}

// The specification's text is in the program to the letter, behind the line on locks.
static void test_specified_text(void **state)
{
    static const char want[] =
        "-- File: db/migrations/001_add_3d_fields_to_leads.sql\n"
        "ALTER TABLE leads \n"
        "ADD COLUMN IF NOT EXISTS lightfusion_3d_project_id INTEGER,\n"
        "ADD COLUMN IF NOT EXISTS lightfusion_3d_house_id INTEGER,\n"
        "ADD COLUMN IF NOT EXISTS model_3d_status VARCHAR(50),\n"
        "ADD COLUMN IF NOT EXISTS model_3d_created_at TIMESTAMPTZ,\n"
        "ADD COLUMN IF NOT EXISTS model_3d_completed_at TIMESTAMPTZ;\n"
        "\n"
        "CREATE INDEX IF NOT EXISTS idx_leads_lightfusion_3d_project_id ON "
        "leads(lightfusion_3d_project_id);\n"
        "CREATE INDEX IF NOT EXISTS idx_leads_lightfusion_3d_house_id ON "
        "leads(lightfusion_3d_house_id);\n"
        "CREATE INDEX IF NOT EXISTS idx_leads_model_3d_status ON leads(model_3d_status);\n";
    (void)state;
    for (size_t i = 0; i < migration_file_count; i++) {
        if (strcmp(migration_files[i].name, "001_add_3d_fields_to_leads.sql") == 0) {
            const char *text = migration_files[i].text;
            assert_int_equal(strncmp(text, "-- Locks: ", 10), 0);
            assert_string_equal(strchr(text, '\n') + 1, want);
            return;
        }
    }
    fail();
}

#define TEST_OPEN(test)   cmocka_unit_test_setup_teardown(test, temp_db_setup_open, temp_db_teardown)
#define TEST_CLOSED(test) cmocka_unit_test_setup_teardown(test, temp_db_setup, temp_db_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST_OPEN(test_steps),
        TEST_OPEN(test_failure_leaves_nothing),
        TEST_OPEN(test_conflict_inside),
        TEST_OPEN(test_built_in),
        TEST_OPEN(test_changed_and_unknown),
        TEST_CLOSED(test_at_once),
        cmocka_unit_test(test_locks_are_told),
        cmocka_unit_test(test_specified_text),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
