// Tests of adopting a leads table that another system made: what it becomes, what is refused,
// totals.
#include "sql/old_db.h"

#include "support/postgres.h"

// What an adopted table has in the end is what a fresh one has.
static void test_adopted(void **state)
{
    struct postgres_db_fixture *db = *state;
    static const char *const tables[] = {LEADS, LEADS WITH_3D};
    for (size_t i = 0; i < COUNT_OF(tables); i++) {
        postgres_db_script(db, "DROP SCHEMA public CASCADE; CREATE SCHEMA public");
        old_db_make(db, tables[i], 1000);
        struct migrate_prepare plan;
        assert_int_equal(migrate_plan(db->sql, db->arena, &plan, NULL), ERR_OK);
        assert_true(plan.is_adoption && plan.leads.exists && plan.leads.rows > 0);
        assert_int_equal(plan.leads.problem_count, 0);
        assert_int_equal(plan.step_count, 7); // columns, six indexes
        assert_int_equal(
            postgres_db_i64(db, "SELECT count(*) FROM pg_indexes WHERE tablename = 'leads'"), 1);
        postgres_db_migrate(db);
        assert_int_equal(old_db_missing(db), 0);
        assert_int_equal(postgres_db_i64(db, "SELECT count(*) FROM leads WHERE latitude = 37.5 AND "
                                             "source = 4 AND state = 0 AND NOT is_2d"),
                         1000);
        assert_int_equal(old_db_wrong_totals(db), 0);
        assert_int_equal(
            postgres_db_i64(db, "SELECT count(*) FROM pg_indexes WHERE tablename = 'leads'"), 7);
        assert_int_equal(migrate_plan(db->sql, db->arena, &plan, NULL), ERR_OK);
        assert_int_equal(plan.step_count, 0);
        sql_close_ptr(&db->sql);
        postgres_db_open(db);
    }
}

// The columns and indexes that the runner makes are those of the files.
static void test_as_the_files(void **state)
{
    struct postgres_db_fixture *db = *state;
    static const char kept[] =
        "CREATE SCHEMA kept; CREATE TABLE kept.shape AS SELECT attname::text AS name, "
        "format_type(atttypid, atttypmod) AS type FROM pg_attribute WHERE attrelid = "
        "'leads'::regclass AND attnum > 0; INSERT INTO kept.shape SELECT indexname::text, indexdef "
        "FROM pg_indexes WHERE tablename = 'leads'";
    postgres_db_migrate(db);
    postgres_db_script(db, kept);
    postgres_db_script(db, "DROP SCHEMA public CASCADE; CREATE SCHEMA public;"
                           "CREATE TABLE leads (id BIGSERIAL PRIMARY KEY, company_id BIGINT, "
                           "creator_id BIGINT, latitude DOUBLE PRECISION, "
                           "longitude DOUBLE PRECISION)");
    sql_close_ptr(&db->sql);
    postgres_db_open(db);
    postgres_db_migrate(db);
    assert_int_equal(
        postgres_db_i64(db, "SELECT count(*) FROM kept.shape WHERE (name, type) NOT IN "
                            "(SELECT attname::text, format_type(atttypid, atttypmod) FROM "
                            "pg_attribute WHERE attrelid = 'leads'::regclass AND attnum > 0 "
                            "UNION ALL SELECT indexname::text, indexdef FROM pg_indexes "
                            "WHERE tablename = 'leads')"),
        0);
}

// ---- Refusals.

static void test_refusals(void **state)
{
    struct postgres_db_fixture *db = *state;
    static const struct {
        const char *change;
        const char *problem;
    } cases[] = {
        {"ALTER TABLE leads ALTER latitude TYPE TEXT", "column latitude is text; wanted: numeric"},
        {"ALTER TABLE leads DROP longitude", "column longitude is missing"},
        {"ALTER TABLE leads DROP company_id", "column company_id is missing"},
        {"ALTER TABLE leads ALTER id DROP DEFAULT", "column id does not count itself"},
        {"ALTER SEQUENCE leads_id_seq OWNED BY NONE", "column id does not count itself"},
        {"ALTER TABLE leads DROP CONSTRAINT leads_pkey", "no primary key or unique index on id"},
        {"ALTER TABLE leads ADD tax_id TEXT NOT NULL DEFAULT 'x'; ALTER TABLE leads ALTER tax_id "
         "DROP DEFAULT",
         "column tax_id is NOT NULL without a default"},
        {"ALTER TABLE leads ALTER sync_status SET NOT NULL", "column sync_status is NOT NULL"},
        {"ALTER TABLE leads ADD model_3d_status VARCHAR(6)", "has no room for \"pending\""},
        {"CREATE TYPE status AS ENUM ('pending', 'completed'); ALTER TABLE leads ADD "
         "model_3d_status status",
         "has no room for \"processing\""},
        {"ALTER TABLE leads ADD panel_count INTEGER GENERATED ALWAYS AS (1) STORED",
         "column panel_count is generated"},
        {"ALTER TABLE leads ADD external_lead_id UUID", "column external_lead_id is uuid"},
        {"CREATE DOMAIN place AS TEXT; ALTER TABLE leads ALTER address TYPE place",
         "column address is place"},
        {"ALTER TABLE leads FORCE ROW LEVEL SECURITY", "row level security"},
        {"CREATE TABLE more () INHERITS (leads)", "it inherits or is inherited from"},
        {"ALTER TABLE leads RENAME TO old; CREATE VIEW leads AS SELECT * FROM old", "it is a view"},
        {"DROP TABLE leads; CREATE TABLE leads (id BIGINT) PARTITION BY RANGE (id); CREATE TABLE "
         "leads_0 PARTITION OF leads DEFAULT; INSERT INTO leads VALUES (1)",
         "it is a partitioned table with rows"},
        {"DROP TABLE leads; CREATE TABLE leads (id BIGSERIAL) PARTITION BY RANGE (id)",
         "no primary key or unique index that begins with id"},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        postgres_db_script(db, "DROP SCHEMA public CASCADE; CREATE SCHEMA public");
        old_db_make(db, LEADS, 10);
        postgres_db_script(db, cases[i].change);
        struct migrate_prepare plan;
        struct error err;
        size_t applied;
        error_reset(&err);
        assert_int_equal(migrate_plan(db->sql, db->arena, &plan, NULL), ERR_OK);
        const char *problems = buf_cstr(&plan.leads.problems);
        if (strstr(problems, cases[i].problem) == NULL)
            fail_msg("%s: %s", cases[i].change, problems);
        assert_int_equal(migrate_up(db->sql, &applied, &err), ERR_CONFLICT);
        assert_non_null(strstr(err.message, "the table leads cannot be adopted: "));
        assert_int_equal(
            postgres_db_i64(db, "SELECT count(*) FROM pg_class WHERE relname ~ 'sunlead'"), 0);
    }
}

// All that is wrong is told at once.
static void test_all_problems(void **state)
{
    struct postgres_db_fixture *db = *state;
    old_db_make(db, LEADS, 10);
    postgres_db_script(db, "ALTER TABLE leads ALTER latitude TYPE TEXT, DROP longitude, "
                           "ALTER id DROP DEFAULT");
    struct migrate_prepare plan;
    assert_int_equal(migrate_plan(db->sql, db->arena, &plan, NULL), ERR_OK);
    assert_int_equal(plan.leads.problem_count, 3);
}

// What a build that was cut off left behind is built again.
static void test_invalid_index(void **state)
{
    struct postgres_db_fixture *db = *state;
    old_db_make(db, LEADS WITH_3D, 1000);
    postgres_db_script(db, "CREATE INDEX idx_leads_model_3d_status ON leads(model_3d_status);"
                           "UPDATE pg_index SET indisvalid = false WHERE indexrelid = "
                           "'idx_leads_model_3d_status'::regclass");
    struct migrate_prepare plan;
    assert_int_equal(migrate_plan(db->sql, db->arena, &plan, NULL), ERR_OK);
    assert_int_equal(plan.step_count, 7);
    postgres_db_migrate(db);
    assert_int_equal(postgres_db_i64(db, "SELECT count(*) FROM pg_index WHERE indrelid = "
                                         "'leads'::regclass AND indisvalid"),
                     7);
}

// ---- Counting.

// Two transactions that write leads of the same companies in another order do not meet.
static void test_counting_never_waits(void **state)
{
    struct postgres_db_fixture *db = *state;
    old_db_make(db, LEADS, 90);
    postgres_db_migrate(db);
    struct sql_session *a = old_db_session(db);
    struct sql_session *b = old_db_session(db);
    static const char *const levels[] = {"READ COMMITTED", "REPEATABLE READ", "SERIALIZABLE"};
    for (size_t i = 0; i < COUNT_OF(levels); i++) {
        const char *begin = arena_printf(db->arena, "BEGIN ISOLATION LEVEL %s", levels[i]).ptr;
        old_db_run(a, begin);
        old_db_run(b, begin);
        old_db_run(b, "SET LOCAL lock_timeout = '2s'");
        old_db_run(a, INSERT "VALUES (1, 1, 1, 1)");
        old_db_run(b, INSERT "VALUES (2, 1, 1, 1)");
        old_db_run(b, INSERT "VALUES (1, 1, 1, 1)");
        old_db_run(a, "DELETE FROM leads WHERE id = (SELECT min(id) FROM leads "
                      "WHERE company_id = 2)");
        old_db_run(a, "COMMIT");
        old_db_run(b, INSERT "VALUES (1, 1, 1, 1)");
        old_db_run(b, "COMMIT");
        assert_int_equal(old_db_wrong_totals(db), 0);
    }
    a->driver->session_close(a);
    b->driver->session_close(b);
}

// Thousands of leads in one transaction cost each as much as the first ones do.
static void test_many_in_one_transaction(void **state)
{
    struct postgres_db_fixture *db = *state;
    old_db_make(db, LEADS, 9);
    postgres_db_migrate(db);
    struct sql_session *crm = old_db_session(db);
    old_db_run(crm, "SET statement_timeout = '20s'");
    old_db_run(crm, "DO $$ BEGIN FOR i IN 1..20000 LOOP " INSERT
                    "VALUES (1 + i % 2, 1, 1, 1); END LOOP; END $$");
    assert_int_equal(old_db_wrong_totals(db), 0);
    for (int i = 0; i < 2000; i++)
        old_db_run(crm, INSERT "VALUES (1, 1, 1, 1)");
    assert_int_equal(old_db_wrong_totals(db), 0);
    assert_true(postgres_db_i64(db, "SELECT count(*) FROM sunlead_lead_counts "
                                    "WHERE company_id = 1") < 1000);
    old_db_run(crm, "TRUNCATE leads CASCADE");
    assert_int_equal(old_db_wrong_totals(db), 0);
    assert_int_equal(postgres_db_i64(db, "SELECT count(*) FROM sunlead_lead_counts"), 0);
    crm->driver->session_close(crm);
}

static void take_count(void *ctx, const struct sql_row *row)
{
    *(int64_t *)ctx = sql_row_i64(row, 0);
}

static int64_t session_i64(struct sql_session *session, const char *text)
{
    int64_t value = INT64_MIN;
    assert_int_equal(session->driver->session_run(session, text, take_count, &value, NULL), ERR_OK);
    return value;
}

// A transaction that changes many leads leaves few rows of counters behind: one for some of them at
// most.
static void test_few_rows_a_transaction(void **state)
{
    static const struct {
        const char *change;
        int64_t leads; // that come, or go
    } cases[] = {
        {INSERT "SELECT 1, 1, 1, 1 FROM generate_series(1, 10000)", 10000},
        {INSERT "SELECT 1, 1, 1, 1 FROM generate_series(1, 40000)", 40000},
        {"UPDATE leads SET lightfusion_3d_project_id = id WHERE company_id = 1", 100000},
        {"DELETE FROM leads WHERE company_id = 1", 50000},
    };
    static const char inserted[] = "SELECT pg_stat_get_xact_tuples_inserted("
                                   "'sunlead_lead_counts'::regclass)";
    struct postgres_db_fixture *db = *state;
    old_db_make(db,
                "CREATE TABLE leads (id SERIAL PRIMARY KEY, company_id INTEGER, "
                "creator_id INTEGER, latitude FLOAT8, longitude FLOAT8);",
                0);
    postgres_db_migrate(db);
    struct sql_session *crm = old_db_session(db);
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        old_db_run(crm, "BEGIN");
        int64_t before = session_i64(crm, inserted);
        old_db_run(crm, cases[i].change);
        assert_in_range(session_i64(crm, inserted) - before, 1, cases[i].leads / 90);
        old_db_run(crm, "COMMIT");
        assert_int_equal(old_db_wrong_totals(db), 0);
    }
    crm->driver->session_close(crm);
}

#define COUNTER_ROWS "SELECT count(*) FROM sunlead_lead_counts WHERE company_id = 1"

// Transactions that overlap add to rows of their own, those that follow one another to the same.
static void test_counting_waits_for_nobody(void **state)
{
    struct postgres_db_fixture *db = *state;
    old_db_make(db, LEADS, 9);
    postgres_db_migrate(db);
    struct sql_session *crms[4];
    for (size_t i = 0; i < COUNT_OF(crms); i++) {
        crms[i] = old_db_session(db);
        old_db_run(crms[i], "SET lock_timeout = '1ms'");
    }
    int64_t before = postgres_db_i64(db, COUNTER_ROWS);
    for (int round = 0; round < 50; round++) {
        for (size_t i = 0; i < COUNT_OF(crms); i++) {
            old_db_run(crms[i], "BEGIN");
            old_db_run(crms[i], INSERT "VALUES (1, 1, 1, 1)");
        }
        for (size_t i = 0; i < COUNT_OF(crms); i++)
            old_db_run(crms[i], i == 3 ? "ROLLBACK" : "COMMIT");
    }
    assert_int_equal(old_db_wrong_totals(db), 0);
    assert_in_range(postgres_db_i64(db, COUNTER_ROWS), 1, before + 4);
    for (size_t i = 0; i < COUNT_OF(crms); i++)
        crms[i]->driver->session_close(crms[i]);
}

// Who keeps to one view of the database is not made to fail by what others count meanwhile.
static void test_counting_in_one_view(void **state)
{
    struct postgres_db_fixture *db = *state;
    old_db_make(db, LEADS, 9);
    postgres_db_migrate(db);
    struct sql_session *reporter = old_db_session(db), *crm = old_db_session(db);
    for (int i = 0; i < 200; i++) {
        old_db_run(reporter, i % 2 == 0 ? "BEGIN ISOLATION LEVEL REPEATABLE READ"
                                        : "BEGIN ISOLATION LEVEL SERIALIZABLE");
        (void)session_i64(reporter, COUNTER_ROWS);
        old_db_run(crm, INSERT "VALUES (1, 1, 1, 1)");
        old_db_run(reporter, INSERT "VALUES (1, 1, 1, 1)");
        old_db_run(reporter, i % 3 == 0 ? "ROLLBACK" : "COMMIT");
    }
    assert_int_equal(old_db_wrong_totals(db), 0);
    for (int i = 0; i < 1000; i++) // each folds by chance: none in 1000 with 6 in 10^14
        old_db_run(crm, INSERT "VALUES (1, 1, 1, 1)");
    assert_int_equal(old_db_wrong_totals(db), 0);
    assert_in_range(postgres_db_i64(db, COUNTER_ROWS), 1, 40);
    reporter->driver->session_close(reporter);
    crm->driver->session_close(crm);
}

// The counting runs with its owner's rights. Nobody else may hang it on a table of his own, and no
// function or operator of the same name comes between.
static void test_counting_cannot_be_borrowed(void **state)
{
    static const char *const traps[] = {
        ("CREATE FUNCTION sunlead_count(INTEGER, BOOLEAN, INTEGER) RETURNS VOID LANGUAGE sql "
         "AS 'SELECT 1 / 0'"),
        "CREATE FUNCTION trap(XID8, XID8) RETURNS BOOLEAN LANGUAGE sql AS 'SELECT 1 / 0 > 0'",
        "CREATE OPERATOR <> (LEFTARG = XID8, RIGHTARG = XID8, FUNCTION = trap)",
        "CREATE FUNCTION trap(FLOAT8, NUMERIC) RETURNS BOOLEAN LANGUAGE sql AS 'SELECT 1 / 0 > 0'",
        "CREATE OPERATOR < (LEFTARG = FLOAT8, RIGHTARG = NUMERIC, FUNCTION = trap)",
        "CREATE OPERATOR >= (LEFTARG = FLOAT8, RIGHTARG = NUMERIC, FUNCTION = trap)",
        "CREATE FUNCTION trap(OID, REGCLASS) RETURNS BOOLEAN LANGUAGE sql AS 'SELECT 1 / 0 > 0'",
        "CREATE OPERATOR <> (LEFTARG = OID, RIGHTARG = REGCLASS, FUNCTION = trap)",
        "CREATE FUNCTION current_setting(VARCHAR) RETURNS TEXT LANGUAGE sql AS 'SELECT 1 / 0'",
        "CREATE TABLE theirs (id BIGINT, company_id BIGINT, lightfusion_3d_project_id BIGINT)",
    };
    struct postgres_db_fixture *db = *state;
    old_db_make(db, LEADS, 90);
    postgres_db_migrate(db);
    postgres_db_script(db, "GRANT CREATE ON SCHEMA public TO crm");
    struct sql_session *crm = old_db_session(db);
    old_db_run(crm, "SET ROLE crm");
    for (size_t i = 0; i < COUNT_OF(traps); i++)
        old_db_run(crm, traps[i]);
    for (int i = 0; i < 300; i++)
        old_db_run(crm, INSERT "VALUES (1, 1, 1, 1)");
    assert_int_equal(old_db_wrong_totals(db), 0);
    static const char *const functions[] = {"sunlead_count_lead", "sunlead_leads_truncated"};
    for (size_t i = 0; i < COUNT_OF(functions); i++) {
        const char *hang = arena_printf(db->arena,
                                        "CREATE TRIGGER mine AFTER TRUNCATE ON theirs "
                                        "EXECUTE FUNCTION %s()",
                                        functions[i])
                               .ptr;
        assert_int_not_equal(crm->driver->session_run(crm, hang, NULL, NULL, NULL), ERR_OK);
    }
    assert_int_equal(postgres_db_i64(db, "SELECT count(*) FROM pg_proc WHERE proname ~ '^sunlead_' "
                                         "AND proowner <> 'crm'::regrole "
                                         "AND has_function_privilege('crm', oid, 'EXECUTE')"),
                     0);
    crm->driver->session_close(crm);
    // Who may, by mistake: it counts leads only.
    postgres_db_script(db, "CREATE TRIGGER a AFTER INSERT ON theirs FOR EACH ROW EXECUTE FUNCTION "
                           "sunlead_count_lead(); CREATE TRIGGER b AFTER TRUNCATE ON theirs "
                           "EXECUTE FUNCTION sunlead_leads_truncated(); "
                           "INSERT INTO theirs VALUES (1, 1, 1); TRUNCATE theirs");
    assert_int_equal(old_db_wrong_totals(db), 0);
}

// ---- By way of a pooler.

static enum err reopen(struct postgres_db_fixture *db, const char *direct_url, struct error *err)
{
    const struct sql_settings settings = {
        .url = postgres_pool(postgres_db_server, db->url),
        .is_pooled = true,
        .direct_url = direct_url,
    };
    sql_close_ptr(&db->sql);
    error_reset(err);
    return sql_open_as(&settings, &db->sql, err);
}

// What a session of the pooler's has that was set by somebody.
#define SET_SINCE                                                                                  \
    "SELECT count(*) FROM pg_settings WHERE source = 'session' AND name IN ('lock_timeout', "      \
    "'statement_timeout', 'jit', 'default_transaction_read_only', 'plan_cache_mode', "             \
    "'client_connection_check_interval')"

static void test_adopted_through_a_pooler(void **state)
{
    struct postgres_db_fixture *db = *state;
    struct migrate_prepare plan;
    struct error err;
    size_t applied;
    old_db_make(db, LEADS, 10);
    // With rows indexes are built past the pooler only; the columns come through it.
    assert_int_equal(reopen(db, NULL, &err), ERR_OK);
    assert_int_equal(migrate_up(db->sql, &applied, &err), ERR_CONFLICT);
    assert_non_null(strstr(err.message, "DATABASE_DIRECT_URL"));
    assert_int_equal(postgres_db_i64(db, SET_SINCE), 0);
    assert_int_equal(postgres_db_i64(db, "SELECT count(model_3d_status) FROM leads"), 0);
    assert_int_equal(reopen(db, db->url, &err), ERR_OK);
    postgres_db_migrate(db);
    assert_int_equal(old_db_missing(db), 0);
    assert_int_equal(postgres_db_i64(db, SET_SINCE), 0);
    // Without rows there is nothing to wait for.
    postgres_db_script(db, "DROP SCHEMA public CASCADE; CREATE SCHEMA public");
    old_db_make(db, LEADS, 0);
    assert_int_equal(reopen(db, NULL, &err), ERR_OK);
    assert_int_equal(migrate_plan(db->sql, db->arena, &plan, NULL), ERR_OK);
    assert_int_equal(plan.step_count, 1);
    postgres_db_migrate(db);
    assert_int_equal(postgres_db_i64(db, SET_SINCE), 0);
}

static void test_direct_address_of_another_database(void **state)
{
    struct postgres_db_fixture *db = *state;
    struct error err;
    const char *other = postgres_create(postgres_db_server, NULL);
    assert_int_equal(reopen(db, other, &err), ERR_CONFLICT);
    assert_non_null(strstr(err.message, "DATABASE_DIRECT_URL leads to another database"));
    postgres_drop(postgres_db_server, other);
    assert_int_equal(reopen(db, db->url, &err), ERR_OK);
}

// ---- Partitions, which come and go without a trigger.

static void test_recount(void **state)
{
    struct postgres_db_fixture *db = *state;
    bool recounted = true;
    postgres_db_migrate(db);
    assert_int_equal(migrate_recount(db->sql, &recounted, NULL), ERR_OK);
    assert_false(recounted); // an ordinary table
    postgres_db_script(db, "DROP SCHEMA public CASCADE; CREATE SCHEMA public;"
                           "CREATE TABLE leads (id BIGSERIAL PRIMARY KEY, company_id BIGINT, "
                           "creator_id BIGINT, latitude FLOAT8, longitude FLOAT8) "
                           "PARTITION BY RANGE (id);"
                           "CREATE TABLE a PARTITION OF leads FOR VALUES FROM (0) TO (100);"
                           "CREATE TABLE b PARTITION OF leads FOR VALUES FROM (100) TO (200);");
    sql_close_ptr(&db->sql);
    postgres_db_open(db);
    postgres_db_migrate(db);
    postgres_db_script(db, INSERT "SELECT 1 + n % 3, 1, 1, 1 FROM generate_series(1, 150) n");
    assert_int_equal(old_db_wrong_totals(db), 0);
    static const char *const changes[] = {
        "ALTER TABLE leads DETACH PARTITION b",
        "ALTER TABLE leads ATTACH PARTITION b FOR VALUES FROM (100) TO (200)",
        "TRUNCATE b",
        "DROP TABLE a",
    };
    for (size_t i = 0; i < COUNT_OF(changes); i++) {
        postgres_db_script(db, changes[i]);
        assert_int_not_equal(old_db_wrong_totals(db), 0);
        assert_int_equal(migrate_recount(db->sql, &recounted, NULL), ERR_OK);
        assert_true(recounted);
        assert_int_equal(old_db_wrong_totals(db), 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        POSTGRES_TEST(test_adopted),
        POSTGRES_TEST(test_as_the_files),
        POSTGRES_TEST(test_refusals),
        POSTGRES_TEST(test_all_problems),
        POSTGRES_TEST(test_invalid_index),
        POSTGRES_TEST(test_counting_never_waits),
        POSTGRES_TEST(test_many_in_one_transaction),
        POSTGRES_TEST(test_few_rows_a_transaction),
        POSTGRES_TEST(test_counting_waits_for_nobody),
        POSTGRES_TEST(test_counting_in_one_view),
        POSTGRES_TEST(test_counting_cannot_be_borrowed),
        POSTGRES_TEST(test_adopted_through_a_pooler),
        POSTGRES_TEST(test_direct_address_of_another_database),
        POSTGRES_TEST(test_recount),
    };
    return cmocka_run_group_tests(tests, postgres_db_start, postgres_db_stop);
}
