// Tests of app/copy.c, from a SQLite file to a PostgreSQL server.
#include "sql/postgres_db.h"
#include "sql/temp_db.h"

#include <pthread.h>

#include "app/copy.h"
#include "store/lead_store.h"
#include "support/postgres.h"

struct fixture {
    struct temp_db *from;
    struct postgres_db_fixture *to;
    struct copy_report report;
    struct error err;
};

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));
    void *from = NULL;
    void *to = NULL;
    if (f == NULL || temp_db_setup_open(&from) != 0 || postgres_db_setup(&to) != 0)
        return -1;
    f->from = from;
    f->to = to;
    size_t applied;
    if (migrate_up(f->from->sql, &applied, &f->err) != ERR_OK)
        return -1;
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    void *from = f->from;
    void *to = f->to;
    free(f);
    return postgres_db_teardown(&to) + temp_db_teardown(&from);
}

// Runs a copy, which must end with a code.
static void copy(struct fixture *f, enum err code)
{
    error_reset(&f->err);
    // The statements of a copy live as long as the databases.
    enum err got = copy_run(f->from->sql, f->to->sql, f->to->arena, &f->report, &f->err);
    if (got != code)
        print_error("%s: %s (%s)\n", err_name(got), f->err.message, f->err.cause);
    assert_int_equal(got, code);
}

static const struct copy_outcome *outcome_of(const struct fixture *f, const char *table)
{
    for (size_t i = 0; i < f->report.count; i++) {
        if (strcmp(f->report.outcomes[i].table, table) == 0)
            return &f->report.outcomes[i];
    }
    fail_msg("no table %s", table);
    return NULL;
}

static void assert_equal_rows(const struct fixture *f, const char *table, int64_t rows)
{
    const struct copy_outcome *outcome = outcome_of(f, table);
    assert_null(outcome->difference);
    assert_int_equal(outcome->from.rows, rows);
    assert_int_equal(outcome->to.rows, rows);
    assert_string_equal(outcome->from.sha256, outcome->to.sha256);
}

static void assert_all_equal(const struct fixture *f)
{
    for (size_t i = 0; i < f->report.count; i++) {
        if (f->report.outcomes[i].difference != NULL)
            fail_msg("%s: %s", f->report.outcomes[i].table, f->report.outcomes[i].difference);
    }
    assert_true(f->report.is_equal);
}

#define LEAD "INSERT INTO leads (id, company_id, creator_id, latitude, longitude, created_at, "

// Rows of all tables, in more than one batch, with values at the ends of what can be stored.
static const char rows[] =
    LEAD "updated_at, address, kwh_usage, installation_date, is_2d, model_3d_status) VALUES "
         "(1, 9007199254740991, 1, 0.1, -179.99999999999997, 1767225600000001, 1767225600000002, "
         "'quote \" back \\ tab \x09 \xc3\xa9 \xf0\x9f\x8f\xa0 line' || char(10) || char(1, 127), "
         "5e-324, -62167219200000000, 1, 'processing'),"
         "(2, 1, 1, -90, 180, 0, -1, '', 1.7976931348623157e308, 253402300799999999, 0, NULL),"
         "(3, 1, 1, 0.30000000000000004, 1e-7, 1, 1, 'x', 1e22, -62135596800000001, 0, 'other'),"
         "(4, 1, 1, 2.5, 9007199254740993, 1, 1, NULL, 123456789012345680000.0, "
         "-62162121600000000, 0, NULL);" // February 29 of the year 0
         "WITH RECURSIVE n(i) AS (SELECT 5 UNION ALL SELECT i + 1 FROM n WHERE i < 2300)" LEAD
         "updated_at, lightfusion_3d_project_id) SELECT i, i % 7, 1, i / 7.0, i / 3.0, i, i, "
         "CASE WHEN i % 3 = 0 THEN i END FROM n;"
         "DELETE FROM leads WHERE id IN (1500, 2300);"
         "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 450)"
         "INSERT INTO sunlead_orders (id, lead_id, company_id, state, version, op_id, attempts, "
         "latitude, longitude, request, files, answered, polls, lookups, poll_failed, updated_at) "
         "SELECT i, i, 1, (SELECT value FROM json_each('[\"requested\", \"sending\", \"unknown\", "
         "\"parked\", \"created\", \"processing\", \"completed\", \"failed\", \"cancelled\"]') "
         "WHERE key = i % 9), 1, 9223372036854775807 - i, 1, 1.5, 2.5, '{ \"a\": \"\\u0041\"}', "
         "'none', i % 2, 0, 0, 0, i FROM n;"
         "INSERT INTO sunlead_jobs (id, kind, order_id, company_id, state, attempt, lease_until, "
         "worker, last_error) VALUES (7, 'order', 1, 1, 'running', 2, 1767225600000000, "
         "-9223372036854775808, 'why'), (8, 'poll', 2, 1, 'ready', 0, NULL, NULL, NULL);"
         "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 700)"
         "INSERT INTO sunlead_files (project_id, company_id, name, kind, state) "
         "SELECT i, i % 3, name, 'obj', 'pending' FROM n, "
         "(SELECT 'scene.obj' AS name UNION SELECT 'Texture' UNION SELECT 'scene-1');"
         "INSERT INTO sunlead_events (id, at, type, data) VALUES (5, 1, 'a', NULL), "
         "(6, 2, 'b', '{}');"
         "INSERT INTO sunlead_project_id_sources VALUES ('lead.id', 2, 0), ('build.id', 1, 5);";

static void test_all(void **state)
{
    struct fixture *f = *state;
    temp_db_script(f->from, rows);
    copy(f, ERR_OK);
    assert_all_equal(f);
    assert_int_equal(f->report.count, copy_table_count);
    assert_equal_rows(f, "leads", 2298);
    assert_equal_rows(f, "sunlead_orders", 450);
    assert_equal_rows(f, "sunlead_jobs", 2);
    assert_equal_rows(f, "sunlead_files", 2100);
    assert_equal_rows(f, "sunlead_events", 2);
    assert_equal_rows(f, "sunlead_project_id_sources", 2);
    assert_equal_rows(f, "sunlead_lead_totals", outcome_of(f, "sunlead_lead_totals")->from.rows);
    assert_int_equal(postgres_db_i64(f->to, "SELECT sum(leads)::bigint FROM sunlead_lead_counts"),
                     2298);
    // What the server has, in its own words.
    assert_int_equal(postgres_db_i64(f->to, "SELECT count(*) FROM leads WHERE id = 1 AND "
                                            "latitude = 0.1 AND kwh_usage = 5e-324 AND is_2d "
                                            "AND created_at = '2026-01-01 00:00:00.000001+00' AND "
                                            "installation_date = '0001-01-01 00:00:00+00 BC' AND "
                                            "strpos(address, E'\\n\\x01\\x7f') > 0"),
                     1);
    assert_int_equal(postgres_db_i64(f->to, "SELECT count(*) FROM leads WHERE id = 4 AND "
                                            "installation_date = '0001-02-29 00:00:00+00 BC'"),
                     1);
    assert_int_equal(postgres_db_i64(f->to, "SELECT op_id FROM sunlead_orders ORDER BY id LIMIT 1"),
                     INT64_MAX - 1);
}

static struct lead read_lead(struct sql *db, struct arena *arena, int64_t id)
{
    struct lead lead = {0};
    struct sql_op *op = sql_op_new(arena, "read_lead", SQL_LANE_SHORT);
    lead_store_get(op, id, ERR_NOT_FOUND, &lead);
    assert_int_equal(sql_run(db, op), ERR_OK);
    return lead;
}

static void test_leads_read_the_same(void **state)
{
    struct fixture *f = *state;
    temp_db_script(f->from, rows);
    copy(f, ERR_OK);
    for (int64_t id = 1; id < 20; id++) {
        struct lead a = read_lead(f->from->sql, f->from->arena, id);
        struct lead b = read_lead(f->to->sql, f->to->arena, id);
        for (size_t i = 0; i < lead_table.count; i++)
            assert_true(field_equal(&lead_table.fields[i], &a, &b));
    }
}

// No id is given twice, not even that of a lead that is gone.
static void test_ids_go_on(void **state)
{
    struct fixture *f = *state;
    temp_db_script(f->from, rows);
    copy(f, ERR_OK);
    static const struct {
        const char *insert;
        int64_t id;
    } cases[] = {
        {"INSERT INTO leads (company_id, creator_id, latitude, longitude, created_at, updated_at) "
         "VALUES (1, 1, 1, 1, now(), now()) RETURNING id",
         2301},
        {"INSERT INTO sunlead_orders (lead_id, company_id, state, version, op_id, attempts, "
         "latitude, longitude, request, files, answered, polls, lookups, poll_failed) VALUES "
         "(9000, 1, 'failed', 1, 1, 1, 1, 1, '', 'none', false, 0, 0, false) RETURNING id",
         451},
        {"INSERT INTO sunlead_jobs (kind, order_id, company_id, state, attempt) VALUES "
         "('poll', 9, 1, 'ready', 0) RETURNING id",
         9},
        {"INSERT INTO sunlead_events (at, type) VALUES (now(), 'a') RETURNING id", 7},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        int64_t id = 0;
        struct sql_op *op = postgres_db_op(f->to, SQL_LANE_WRITE, cases[i].insert);
        op->steps[0].on_row = postgres_db_keep_i64;
        op->steps[0].ctx = &id;
        postgres_db_expect(f->to, op, ERR_OK);
        assert_int_equal(id, cases[i].id);
    }
}

static void test_empty_installation(void **state)
{
    struct fixture *f = *state;
    copy(f, ERR_OK);
    assert_all_equal(f);
    int64_t id = 0;
    struct sql_op *op = postgres_db_op(
        f->to, SQL_LANE_WRITE,
        "INSERT INTO leads (company_id, creator_id, latitude, longitude, created_at, updated_at) "
        "VALUES (1, 1, 1, 1, now(), now()) RETURNING id");
    op->steps[0].on_row = postgres_db_keep_i64;
    op->steps[0].ctx = &id;
    postgres_db_expect(f->to, op, ERR_OK);
    assert_int_equal(id, 1);
}

// Stops a copy behind all tables but the jobs, and lets it go on.
static const char break_job[] = "UPDATE sunlead_jobs SET last_error = char(0) WHERE id = 7";
static const char mend_job[] = "UPDATE sunlead_jobs SET last_error = 'why' WHERE id = 7";

static void assert_message(const struct fixture *f, const char *part)
{
    if (strstr(f->err.message, part) == NULL)
        fail_msg("\"%s\" is not in \"%s\"", part, f->err.message);
}

static void test_goes_on(void **state)
{
    struct fixture *f = *state;
    temp_db_script(f->from, rows);
    temp_db_script(f->from, break_job);
    copy(f, ERR_INVALID);
    assert_message(f, "sunlead_jobs, id 7, column last_error: holds a NUL");
    assert_int_equal(postgres_db_i64(f->to, "SELECT count(*) FROM leads"), 2298);
    temp_db_script(f->from, mend_job);
    copy(f, ERR_OK);
    assert_all_equal(f);
    assert_int_equal(postgres_db_i64(f->to, "SELECT count(*) FROM information_schema.tables "
                                            "WHERE table_name = 'sunlead_copy'"),
                     0);
    // Once it has ended there is nothing to go on with.
    copy(f, ERR_OK);
    assert_true(f->report.was_copied);
    postgres_db_script(f->to, "UPDATE leads SET updated_at = now() WHERE id = 1");
    copy(f, ERR_CONFLICT);
    assert_message(f, "the target has rows in leads");
}

// A part of a table is there, and its key is a number with a text.
static void test_goes_on_inside_of_a_table(void **state)
{
    struct fixture *f = *state;
    temp_db_script(f->from, rows);
    temp_db_script(f->from, "UPDATE sunlead_files SET error = char(0) WHERE project_id = 600 "
                            "AND name = 'scene-1'");
    copy(f, ERR_INVALID);
    assert_message(f, "sunlead_files, project_id 600, name scene-1, column error: holds a NUL");
    assert_int_equal(postgres_db_i64(f->to, "SELECT count(*) FROM sunlead_files"), 1000);
    temp_db_script(f->from, "UPDATE sunlead_files SET error = NULL");
    copy(f, ERR_OK);
    assert_all_equal(f);
}

// The last batch of a process that was killed.
static const char last_batch[] =
    "SET LOCAL sunlead.copy = 'on';"
    "UPDATE sunlead_copy SET copied = 2, last_number = 8 WHERE part = 'sunlead_jobs';"
    "INSERT INTO sunlead_jobs (id, kind, order_id, company_id, state, attempt, lease_until, "
    "worker, last_error) VALUES (7, 'order', 1, 1, 'running', 2, '2026-01-01 00:00:00+00', "
    "-9223372036854775808, 'why'), (8, 'poll', 2, 1, 'ready', 0, NULL, NULL, NULL);"
    "SELECT pg_sleep(1)";

static void *run_last_batch(void *ctx)
{
    const struct fixture *f = ctx;
    postgres_db_script(f->to, last_batch);
    return NULL;
}

static void wait_for_sleep(struct fixture *f)
{
    static const struct sql_stmt stmt = {
        .name = "sleeps",
        .text = "SELECT 1 FROM pg_stat_activity WHERE wait_event = 'PgSleep'",
    };
    struct sql_op *op = sql_op_new(f->to->arena, "wait_for_sleep", SQL_LANE_SHORT);
    const struct sql_step *step = sql_op_step(op, &stmt, 0, NULL);
    do {
        postgres_db_expect(f->to, op, ERR_OK);
    } while (step->rows == 0);
}

static void test_waits_for_the_last_batch(void **state)
{
    struct fixture *f = *state;
    temp_db_script(f->from, rows);
    temp_db_script(f->from, break_job);
    copy(f, ERR_INVALID);
    temp_db_script(f->from, mend_job);
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, run_last_batch, f), 0);
    wait_for_sleep(f);
    copy(f, ERR_OK);
    assert_all_equal(f);
    assert_int_equal(pthread_join(thread, NULL), 0);
}

// Keys are compared by their bytes, however the target would order its texts.
static void test_another_order_of_texts(void **state)
{
    struct fixture *f = *state;
    temp_db_script(f->from, rows);
    postgres_db_migrate(f->to);
    postgres_db_script(f->to, "ALTER TABLE sunlead_files ALTER COLUMN name "
                              "TYPE TEXT COLLATE \"en-x-icu\"");
    copy(f, ERR_OK);
    assert_all_equal(f);
}

static void test_nobody_else_writes(void **state)
{
    struct fixture *f = *state;
    temp_db_script(f->from, rows);
    temp_db_script(f->from, break_job);
    copy(f, ERR_INVALID);
    static const char *const writes[] = {
        "UPDATE leads SET address = 'x' WHERE id = 1",
        "DELETE FROM sunlead_orders WHERE id = 1",
        "UPDATE sunlead_jobs SET state = 'running' WHERE id = 0",
        "INSERT INTO sunlead_events (at, type) VALUES (now(), 'a')",
        "TRUNCATE sunlead_files",
    };
    for (size_t i = 0; i < COUNT_OF(writes); i++)
        postgres_db_expect(f->to, postgres_db_op(f->to, SQL_LANE_WRITE, writes[i]),
                           ERR_UNAVAILABLE);
    temp_db_script(f->from, mend_job);
    copy(f, ERR_OK);
    postgres_db_expect(f->to, postgres_db_op(f->to, SQL_LANE_WRITE, writes[0]), ERR_OK);
}

static void tamper(struct fixture *f, const char *change)
{
    char text[500];
    snprintf(text, sizeof(text), "SET sunlead.copy = 'on'; %s", change);
    postgres_db_script(f->to, text);
}

static void test_differences(void **state)
{
    static const struct {
        const char *table;
        const char *tamper;
        const char *undo;
        const char *difference;
        int64_t more; // rows in the target
    } cases[] = {
        {"leads", "UPDATE leads SET address = 'y' WHERE id IN (3, 2200)",
         "UPDATE leads SET address = CASE WHEN id = 3 THEN 'x' END WHERE id IN (3, 2200)",
         "id 3 differs in address", 0},
        {"leads", "UPDATE leads SET id = -id WHERE id = 1100",
         "UPDATE leads SET id = -id WHERE id = -1100", "id -1100 is only in the target", 0},
        {"leads", "UPDATE leads SET id = id + 10000 WHERE id IN (1100, 1200)",
         "UPDATE leads SET id = id - 10000 WHERE id > 10000", "id 1100 is only in the source", 0},
        {"leads", LEAD "updated_at) VALUES (5000, 1, 1, 1, 1, now(), now())",
         "DELETE FROM leads WHERE id = 5000", "id 5000 is only in the target", 1},
        {"sunlead_files",
         "UPDATE sunlead_files SET name = 'z' WHERE project_id = 9 AND "
         "name = 'scene.obj'",
         "UPDATE sunlead_files SET name = 'scene.obj' WHERE name = 'z'",
         "project_id 9, name scene.obj is only in the source", 0},
        {"sunlead_lead_totals",
         "UPDATE sunlead_lead_counts SET leads = leads + 1 WHERE company_id = 2 AND "
         "NOT has_3d_model",
         "UPDATE sunlead_lead_counts SET leads = leads - 1 WHERE company_id = 2 AND "
         "NOT has_3d_model",
         "company_id 2, has_3d_model 0 differs in leads", 0},
    };
    struct fixture *f = *state;
    temp_db_script(f->from, rows);
    temp_db_script(f->from, break_job);
    copy(f, ERR_INVALID);
    temp_db_script(f->from, mend_job);
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        tamper(f, cases[i].tamper);
        copy(f, ERR_OK);
        assert_false(f->report.is_equal);
        const struct copy_outcome *outcome = outcome_of(f, cases[i].table);
        assert_non_null(outcome->difference);
        assert_string_equal(outcome->difference, cases[i].difference);
        assert_string_not_equal(outcome->from.sha256, outcome->to.sha256);
        assert_int_equal(outcome->to.rows, outcome->from.rows + cases[i].more);
        tamper(f, cases[i].undo);
    }
    copy(f, ERR_OK);
    assert_all_equal(f);
}

// Rows that PostgreSQL cannot take are named, and the copy goes on when they are mended.
static void test_refused_rows(void **state)
{
    static const struct {
        const char *change;
        const char *mend;
        const char *message;
    } cases[] = {
        {"UPDATE leads SET promo_code = CAST(x'41ff' AS TEXT) WHERE id = 2",
         "UPDATE leads SET promo_code = NULL", "leads, id 2, column promo_code: is not UTF-8"},
        {"UPDATE leads SET system_size = 9e999 WHERE id = 2", "UPDATE leads SET system_size = NULL",
         "leads, id 2, column system_size: is not a finite number"},
        {"UPDATE leads SET created_at = 253402300800000000 WHERE id = 2",
         "UPDATE leads SET created_at = 1 WHERE id = 2",
         "leads, id 2, column created_at: is not a time"},
        {"UPDATE leads SET roof_material = 'a' || char(0) WHERE id = 1400",
         "UPDATE leads SET roof_material = NULL",
         "leads, id 1400, column roof_material: holds a NUL"},
        {"UPDATE leads SET panel_count = 2147483648 WHERE id = 1400",
         "UPDATE leads SET panel_count = NULL", "leads, id 1400, column panel_count: "},
        {"UPDATE leads SET model_3d_status = printf('%051d', 1) WHERE id = 2299",
         "UPDATE leads SET model_3d_status = NULL WHERE id = 2299",
         "leads, id 2299, column model_3d_status: "},
    };
    struct fixture *f = *state;
    temp_db_script(f->from, rows);
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        temp_db_script(f->from, cases[i].change);
        copy(f, ERR_INVALID);
        assert_message(f, cases[i].message);
        temp_db_script(f->from, cases[i].mend);
    }
    assert_int_equal(postgres_db_i64(f->to, "SELECT max(id) FROM leads"), 2298);
    copy(f, ERR_OK);
    assert_all_equal(f);
}

// A rule of the target's own names its column too.
static void test_refused_by_a_check(void **state)
{
    struct fixture *f = *state;
    temp_db_script(f->from, rows);
    postgres_db_migrate(f->to);
    postgres_db_script(f->to, "ALTER TABLE sunlead_orders ADD CONSTRAINT "
                              "sunlead_orders_lead_id_check CHECK (lead_id <> 333)");
    copy(f, ERR_INVALID);
    assert_message(f, "sunlead_orders, id 333, column lead_id: ");
    assert_int_equal(postgres_db_i64(f->to, "SELECT max(id) FROM sunlead_orders"), 332);
}

static void test_target_not_empty(void **state)
{
    static const struct {
        const char *make;
        const char *drop;
    } targets[] = {
        // Of somebody else, not migrated: it stays as it is.
        {"CREATE TABLE leads (id BIGSERIAL PRIMARY KEY); INSERT INTO leads DEFAULT VALUES",
         "DROP TABLE leads"},
        {"CREATE TABLE sunlead_events (id BIGINT); INSERT INTO sunlead_events VALUES (1)",
         "DROP TABLE sunlead_events"},
    };
    struct fixture *f = *state;
    for (size_t i = 0; i < COUNT_OF(targets); i++) {
        postgres_db_script(f->to, targets[i].make);
        copy(f, ERR_CONFLICT);
        assert_message(f, "the target has rows in ");
        assert_int_equal(postgres_db_i64(f->to, "SELECT count(*) FROM information_schema.tables "
                                                "WHERE table_schema = current_schema()"),
                         1);
        postgres_db_script(f->to, targets[i].drop);
    }
}

static void test_another_source(void **state)
{
    struct fixture *f = *state;
    temp_db_script(f->from, rows);
    temp_db_script(f->from, break_job);
    copy(f, ERR_INVALID);
    temp_db_script(f->from, mend_job);
    // The same installation, which went on meanwhile.
    temp_db_script(f->from, "UPDATE leads SET updated_at = 1767225600000003 WHERE id = 1");
    copy(f, ERR_CONFLICT);
    assert_message(f, "the source was changed since");
    temp_db_script(f->from, "UPDATE leads SET updated_at = 1767225600000002 WHERE id = 1");
    // Another one.
    temp_db_script(f->from, "UPDATE sunlead_migrations SET applied_us = applied_us + 1");
    copy(f, ERR_CONFLICT);
    assert_message(f, "of another installation");
    temp_db_script(f->from, "UPDATE sunlead_migrations SET applied_us = applied_us - 1");
    copy(f, ERR_OK);
    assert_all_equal(f);
}

static void test_source_of_another_state(void **state)
{
    struct fixture *f = *state;
    temp_db_script(f->from, "ALTER TABLE leads ADD COLUMN colour TEXT");
    copy(f, ERR_CONFLICT);
    assert_message(f, "leads of the source has a column that sunlead does not know: colour");
    temp_db_script(f->from, "DELETE FROM sunlead_migrations WHERE name LIKE '002%'");
    copy(f, ERR_CONFLICT);
    assert_message(f, "the source lacks migration 002_create_orders: run sunlead migrate up");
    temp_db_script(f->from, "INSERT INTO sunlead_migrations VALUES ('999_later', '', 1)");
    copy(f, ERR_CONFLICT);
    assert_int_equal(postgres_db_i64(f->to, "SELECT count(*) FROM information_schema.tables "
                                            "WHERE table_schema = current_schema()"),
                     0);
}

int main(void)
{
#define TEST(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_all),
        TEST(test_leads_read_the_same),
        TEST(test_ids_go_on),
        TEST(test_empty_installation),
        TEST(test_goes_on),
        TEST(test_goes_on_inside_of_a_table),
        TEST(test_waits_for_the_last_batch),
        TEST(test_another_order_of_texts),
        TEST(test_nobody_else_writes),
        TEST(test_differences),
        TEST(test_refused_rows),
        TEST(test_refused_by_a_check),
        TEST(test_target_not_empty),
        TEST(test_another_source),
        TEST(test_source_of_another_state),
    };
    return cmocka_run_group_tests(tests, postgres_db_start, postgres_db_stop);
}
