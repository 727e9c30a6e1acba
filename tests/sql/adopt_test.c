// Tests of adopting a leads table that another system made and goes on working on.
#include "sql/postgres_db.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/thread.h"
#include "sql/sql_driver.h"
#include "support/postgres.h"

#define WRITERS 4

// Moments, also on a loaded machine.
#define BLOCK_MAX_US (2 * US_PER_S)

// The tables of the older system, whose programs log in as "crm" and may do nothing else.
#define COMPANIES                                                                                  \
    "CREATE TABLE companies (id SERIAL PRIMARY KEY, name TEXT NOT NULL);"                          \
    "CREATE TABLE users (id SERIAL PRIMARY KEY, company_id INTEGER REFERENCES companies(id));"     \
    "INSERT INTO companies (name) SELECT 'c' || n FROM generate_series(1, 9) n;"                   \
    "INSERT INTO users (company_id) SELECT id FROM companies;"
#define LEADS                                                                                      \
    "CREATE TABLE leads (id SERIAL PRIMARY KEY, "                                                  \
    "company_id INTEGER REFERENCES companies(id), "                                                \
    "creator_id INTEGER NOT NULL REFERENCES users(id), latitude DECIMAL(10,8) NOT NULL, "          \
    "longitude DECIMAL(11,8) NOT NULL, address VARCHAR(255), system_size DECIMAL(10,2), "          \
    "sync_status VARCHAR(20) DEFAULT 'pending' "                                                   \
    "CHECK (sync_status IN ('pending', 'synced', 'failed', 'syncing')), "                          \
    "created_at TIMESTAMP DEFAULT now(), updated_at TIMESTAMP DEFAULT now());"
#define WITH_3D                                                                                    \
    "ALTER TABLE leads ADD lightfusion_3d_project_id INTEGER, ADD lightfusion_3d_house_id "        \
    "INTEGER, ADD model_3d_status VARCHAR(50), ADD model_3d_created_at TIMESTAMPTZ, "              \
    "ADD model_3d_completed_at TIMESTAMPTZ;"
#define CRM                                                                                        \
    "DO $$ BEGIN CREATE ROLE crm LOGIN; EXCEPTION WHEN duplicate_object THEN NULL; END $$;"        \
    "GRANT USAGE ON SCHEMA public TO crm; GRANT SELECT, INSERT, UPDATE, DELETE ON leads, "         \
    "companies, users TO crm;"                                                                     \
    "GRANT USAGE ON leads_id_seq TO crm;"
#define INSERT "INSERT INTO leads (company_id, creator_id, latitude, longitude) "

static void make_old(struct postgres_db_fixture *db, const char *leads, int rows)
{
    postgres_db_script(db, COMPANIES);
    postgres_db_script(db, leads);
    postgres_db_script(db, CRM);
    const char *fill = arena_printf(db->arena,
                                    INSERT "SELECT 1 + n %% 9, 1 + n %% 9, 37.5, -122 FROM "
                                           "generate_series(1, %d) n",
                                    rows)
                           .ptr;
    postgres_db_script(db, fill);
}

// How many counters tell another number of leads than there are.
static int64_t wrong_totals(struct postgres_db_fixture *db)
{
    return postgres_db_i64(
        db, "SELECT count(*) FROM (SELECT coalesce(company_id, 0) AS c, "
            "lightfusion_3d_project_id IS NOT NULL AS m, count(*) AS n FROM leads GROUP BY 1, 2) l "
            "FULL JOIN (SELECT company_id AS c, has_3d_model AS m, sum(leads) AS n FROM "
            "sunlead_lead_counts GROUP BY 1, 2 HAVING sum(leads) <> 0) s "
            "ON s.c = l.c AND s.m = l.m WHERE s.n IS DISTINCT FROM l.n");
}

static int64_t count_missing(struct postgres_db_fixture *db)
{
    struct migration_state *states;
    size_t count;
    int64_t missing = 0;
    assert_int_equal(migrate_list(db->sql, db->arena, &states, &count, NULL), ERR_OK);
    for (size_t i = 0; i < count; i++)
        missing += states[i].applied_us.set ? 0 : 1;
    return missing;
}

// What an adopted table has in the end is what a fresh one has.
static void test_adopted(void **state)
{
    struct postgres_db_fixture *db = *state;
    static const char *const tables[] = {LEADS, LEADS WITH_3D};
    for (size_t i = 0; i < COUNT_OF(tables); i++) {
        postgres_db_script(db, "DROP SCHEMA public CASCADE; CREATE SCHEMA public");
        make_old(db, tables[i], 1000);
        struct migrate_prepare plan;
        assert_int_equal(migrate_plan(db->sql, db->arena, &plan, NULL), ERR_OK);
        assert_true(plan.is_adoption && plan.leads.exists && plan.leads.rows > 0);
        assert_int_equal(plan.leads.problem_count, 0);
        assert_int_equal(plan.step_count, 7); // columns, six indexes
        assert_int_equal(
            postgres_db_i64(db, "SELECT count(*) FROM pg_indexes WHERE tablename = 'leads'"), 1);
        postgres_db_migrate(db);
        assert_int_equal(count_missing(db), 0);
        assert_int_equal(postgres_db_i64(db, "SELECT count(*) FROM leads WHERE latitude = 37.5 AND "
                                             "source = 4 AND state = 0 AND NOT is_2d"),
                         1000);
        assert_int_equal(wrong_totals(db), 0);
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
        {"DROP TABLE leads; CREATE TABLE leads (id BIGINT) PARTITION BY RANGE (id)",
         "it is a partitioned table"},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        postgres_db_script(db, "DROP SCHEMA public CASCADE; CREATE SCHEMA public");
        make_old(db, LEADS, 10);
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
    make_old(db, LEADS, 10);
    postgres_db_script(db, "ALTER TABLE leads ALTER latitude TYPE TEXT, DROP longitude, "
                           "ALTER id DROP DEFAULT");
    struct migrate_prepare plan;
    assert_int_equal(migrate_plan(db->sql, db->arena, &plan, NULL), ERR_OK);
    assert_int_equal(plan.leads.problem_count, 3);
}

// ---- The older system at work.

struct crm {
    const char *url;
    int number;
    atomic_bool *stop;
    int64_t writes;
    int64_t longest_us;
    pthread_t thread;
};

static void crm_write(struct crm *crm, struct sql *sql, int64_t n)
{
    static const struct sql_stmt stmts[] = {
        {.name = "insert", .text = INSERT "VALUES (1 + $1 % 9, 1, 1, 1)"},
        {.name = "update",
         .text = "UPDATE leads SET address = 'x', updated_at = now() WHERE id = $1 * 3"},
        {.name = "move", .text = "UPDATE leads SET company_id = 1 + $1 % 9 WHERE id = $1 * 5"},
        {.name = "no company", .text = "UPDATE leads SET company_id = NULL WHERE id = $1 * 7"},
        {.name = "delete", .text = "DELETE FROM leads WHERE id = $1 * 11"},
    };
    CLEANUP(arena_close_ptr) struct arena *arena = arena_open(0);
    struct sql_op *op = sql_op_new(arena, "crm", SQL_LANE_WRITE);
    SQL_STEP(op, &stmts[n % (int64_t)COUNT_OF(stmts)], SQLV_INT(n * WRITERS + crm->number));
    int64_t start_us = clock_monotonic_us(clock_system());
    enum err code = sql_run(sql, op);
    int64_t took_us = clock_monotonic_us(clock_system()) - start_us;
    if (code != ERR_OK)
        fail_msg("the older system's %s: %s (%s)", op->steps[0].stmt->name, op->error.message,
                 op->error.cause);
    crm->writes++;
    crm->longest_us = took_us > crm->longest_us ? took_us : crm->longest_us;
}

static void *crm_run(void *ctx)
{
    struct crm *crm = ctx;
    struct sql *sql = NULL;
    struct error err;
    error_reset(&err);
    if (sql_open(crm->url, false, &sql, &err) != ERR_OK)
        fail_msg("crm: %s (%s)", err.message, err.cause);
    for (int64_t n = 1; !atomic_load(crm->stop); n++)
        crm_write(crm, sql, n);
    sql_close(sql);
    return NULL;
}

struct crms {
    struct crm crm[WRITERS];
    atomic_bool stop;
};

static void crms_start(struct postgres_db_fixture *db, struct crms *crms)
{
    const char *user = strstr(db->url, "sunlead@");
    atomic_store(&crms->stop, false);
    for (int i = 0; i < WRITERS; i++) {
        crms->crm[i] = (struct crm){
            .url = arena_printf(db->arena, "postgres://crm%s", user + strlen("sunlead")).ptr,
            .number = i,
            .stop = &crms->stop,
        };
        assert_int_equal(thread_start(&crms->crm[i].thread, "crm", crm_run, &crms->crm[i], NULL),
                         ERR_OK);
    }
}

static void crms_stop(struct crms *crms)
{
    atomic_store(&crms->stop, true);
    for (int i = 0; i < WRITERS; i++) {
        thread_join(crms->crm[i].thread);
        assert_true(crms->crm[i].writes > 0);
        if (crms->crm[i].longest_us > BLOCK_MAX_US)
            fail_msg("a statement of the older system took %lld us",
                     (long long)crms->crm[i].longest_us);
    }
}

static void test_others_write(void **state)
{
    struct postgres_db_fixture *db = *state;
    struct crms crms;
    make_old(db, LEADS, 100000);
    crms_start(db, &crms);
    postgres_db_migrate(db);
    crms_stop(&crms);
    assert_int_equal(wrong_totals(db), 0);
    assert_true(postgres_db_i64(db, "SELECT sum(leads) FROM sunlead_lead_counts "
                                    "WHERE company_id = 0") > 0);
}

// ---- Several at once, and killed ones.

static pid_t start_migrating(const char *url)
{
    pid_t child = fork();
    assert_true(child >= 0);
    if (child != 0)
        return child;
    struct sql *sql = NULL;
    struct error err;
    error_reset(&err);
    size_t applied = 0;
    enum err code = sql_open(url, false, &sql, &err);
    if (code == ERR_OK)
        code = migrate_up(sql, &applied, &err);
    if (code != ERR_OK)
        print_error("%s (%s)\n", err.message, err.cause);
    sql_close(sql);
    _exit(code == ERR_OK ? (int)applied : 100);
}

static void test_ten_at_once(void **state)
{
    struct postgres_db_fixture *db = *state;
    enum { PROCESSES = 10 };
    pid_t children[PROCESSES];
    struct crms crms;
    make_old(db, LEADS, 20000);
    sql_close_ptr(&db->sql);
    for (int i = 0; i < PROCESSES; i++)
        children[i] = start_migrating(db->url);
    crms_start(db, &crms);
    int total = 0;
    for (int i = 0; i < PROCESSES; i++) {
        int status;
        assert_int_equal(waitpid(children[i], &status, 0), children[i]);
        assert_true(WIFEXITED(status));
        assert_int_not_equal(WEXITSTATUS(status), 100);
        total += WEXITSTATUS(status);
    }
    crms_stop(&crms);
    postgres_db_open(db);
    assert_int_equal(count_missing(db), 0);
    assert_int_equal(total, postgres_db_i64(db, "SELECT count(*) FROM sunlead_migrations"));
    assert_int_equal(wrong_totals(db), 0);
}

// Killed again and again, a little later each time, it gets through and has counted once.
static void test_killed(void **state)
{
    struct postgres_db_fixture *db = *state;
    struct crms crms;
    make_old(db, LEADS, 30000);
    sql_close_ptr(&db->sql);
    crms_start(db, &crms);
    bool done = false;
    for (unsigned delay_ms = 10; !done; delay_ms += 15) {
        int status;
        pid_t child = start_migrating(db->url);
        thread_pause_ms(delay_ms);
        (void)kill(child, SIGKILL);
        assert_int_equal(waitpid(child, &status, 0), child);
        done = WIFEXITED(status);
        if (done)
            assert_int_not_equal(WEXITSTATUS(status), 100);
    }
    crms_stop(&crms);
    postgres_db_open(db);
    assert_int_equal(count_missing(db), 0);
    assert_int_equal(wrong_totals(db), 0);
    assert_int_equal(postgres_db_i64(db, "SELECT count(*) FROM pg_index WHERE indrelid = "
                                         "'leads'::regclass AND indisvalid"),
                     7);
}

// ---- Transactions that last.

static void session_run(struct sql_session *session, const char *text)
{
    struct error err;
    error_reset(&err);
    if (session->driver->session_run(session, text, NULL, NULL, &err) != ERR_OK)
        fail_msg("%s: %s (%s)", text, err.message, err.cause);
}

static struct sql_session *session_open(struct postgres_db_fixture *db)
{
    struct sql_session *session = NULL;
    assert_int_equal(db->sql->driver->session_open(db->sql, &session, NULL), ERR_OK);
    return session;
}

// Neither does the migration fail for a transaction that lasts, nor do others queue behind it.
static void test_lasting_transaction(void **state)
{
    struct postgres_db_fixture *db = *state;
    struct crms crms;
    make_old(db, LEADS, 1000);
    struct sql_session *lasting = session_open(db);
    session_run(lasting, "BEGIN");
    session_run(lasting, "UPDATE leads SET address = 'y' WHERE id = 1000000");
    pid_t child = start_migrating(db->url);
    crms_start(db, &crms);
    thread_pause_ms(2500);
    assert_int_equal(waitpid(child, NULL, WNOHANG), 0);
    session_run(lasting, "COMMIT");
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) != 100);
    crms_stop(&crms);
    lasting->driver->session_close(lasting);
    assert_int_equal(count_missing(db), 0);
    assert_int_equal(wrong_totals(db), 0);
}

// What a build that was cut off left behind is built again.
static void test_invalid_index(void **state)
{
    struct postgres_db_fixture *db = *state;
    make_old(db, LEADS WITH_3D, 1000);
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
    make_old(db, LEADS, 90);
    postgres_db_migrate(db);
    struct sql_session *a = session_open(db);
    struct sql_session *b = session_open(db);
    static const char *const levels[] = {"READ COMMITTED", "REPEATABLE READ", "SERIALIZABLE"};
    for (size_t i = 0; i < COUNT_OF(levels); i++) {
        const char *begin = arena_printf(db->arena, "BEGIN ISOLATION LEVEL %s", levels[i]).ptr;
        session_run(a, begin);
        session_run(b, begin);
        session_run(b, "SET LOCAL lock_timeout = '2s'");
        session_run(a, INSERT "VALUES (1, 1, 1, 1)");
        session_run(b, INSERT "VALUES (2, 1, 1, 1)");
        session_run(b, INSERT "VALUES (1, 1, 1, 1)");
        session_run(a, "DELETE FROM leads WHERE id = (SELECT min(id) FROM leads "
                       "WHERE company_id = 2)");
        session_run(a, "COMMIT");
        session_run(b, INSERT "VALUES (1, 1, 1, 1)");
        session_run(b, "COMMIT");
        assert_int_equal(wrong_totals(db), 0);
    }
    a->driver->session_close(a);
    b->driver->session_close(b);
}

// Thousands of leads in one transaction cost each as much as the first ones do.
static void test_many_in_one_transaction(void **state)
{
    struct postgres_db_fixture *db = *state;
    make_old(db, LEADS, 9);
    postgres_db_migrate(db);
    struct sql_session *crm = session_open(db);
    session_run(crm, "SET statement_timeout = '20s'");
    session_run(crm, "DO $$ BEGIN FOR i IN 1..20000 LOOP " INSERT
                     "VALUES (1 + i % 2, 1, 1, 1); END LOOP; END $$");
    assert_int_equal(wrong_totals(db), 0);
    for (int i = 0; i < 2000; i++)
        session_run(crm, INSERT "VALUES (1, 1, 1, 1)");
    assert_int_equal(wrong_totals(db), 0);
    assert_true(postgres_db_i64(db, "SELECT count(*) FROM sunlead_lead_counts "
                                    "WHERE company_id = 1") < 10000);
    session_run(crm, "TRUNCATE leads CASCADE");
    assert_int_equal(wrong_totals(db), 0);
    assert_int_equal(postgres_db_i64(db, "SELECT count(*) FROM sunlead_lead_counts"), 0);
    crm->driver->session_close(crm);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        POSTGRES_TEST(test_adopted),
        POSTGRES_TEST(test_as_the_files),
        POSTGRES_TEST(test_refusals),
        POSTGRES_TEST(test_all_problems),
        POSTGRES_TEST(test_others_write),
        POSTGRES_TEST(test_ten_at_once),
        POSTGRES_TEST(test_killed),
        POSTGRES_TEST(test_lasting_transaction),
        POSTGRES_TEST(test_invalid_index),
        POSTGRES_TEST(test_counting_never_waits),
        POSTGRES_TEST(test_many_in_one_transaction),
    };
    return cmocka_run_group_tests(tests, postgres_db_start, postgres_db_stop);
}
