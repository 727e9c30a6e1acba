// Tests of adopting a leads table while others work on it, at once, and killed in between.
#include "sql/old_db.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/thread.h"
#include "support/postgres.h"

#define WRITERS 4

// Moments, also on a loaded machine; and on one that is busy with ten processes beside.
#define BLOCK_MAX_US      (2 * US_PER_S)
#define BUSY_BLOCK_MAX_US (10 * US_PER_S)

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
    // The first one opens the connection.
    if (n > 1 && took_us > crm->longest_us)
        crm->longest_us = took_us;
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

static void crms_stop(struct crms *crms, int64_t limit_us)
{
    atomic_store(&crms->stop, true);
    for (int i = 0; i < WRITERS; i++) {
        thread_join(crms->crm[i].thread);
        assert_true(crms->crm[i].writes > 0);
        if (crms->crm[i].longest_us > limit_us)
            fail_msg("a statement of the older system took %lld us",
                     (long long)crms->crm[i].longest_us);
    }
}

static void test_others_write(void **state)
{
    struct postgres_db_fixture *db = *state;
    struct crms crms;
    old_db_make(db, LEADS, 100000);
    crms_start(db, &crms);
    postgres_db_migrate(db);
    crms_stop(&crms, BLOCK_MAX_US);
    assert_int_equal(old_db_wrong_totals(db), 0);
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
    old_db_make(db, LEADS, 20000);
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
    crms_stop(&crms, BUSY_BLOCK_MAX_US);
    postgres_db_open(db);
    assert_int_equal(old_db_missing(db), 0);
    assert_int_equal(total, postgres_db_i64(db, "SELECT count(*) FROM sunlead_migrations"));
    assert_int_equal(old_db_wrong_totals(db), 0);
}

// Killed again and again, a little later each time, it gets through and has counted once.
static void test_killed(void **state)
{
    struct postgres_db_fixture *db = *state;
    struct crms crms;
    old_db_make(db, LEADS, 30000);
    sql_close_ptr(&db->sql);
    crms_start(db, &crms);
    bool done = false;
    for (unsigned delay_ms = 10; !done; delay_ms += 5 + delay_ms / 4) {
        int status;
        pid_t child = start_migrating(db->url);
        thread_pause_ms(delay_ms);
        (void)kill(child, SIGKILL);
        assert_int_equal(waitpid(child, &status, 0), child);
        done = WIFEXITED(status);
        if (done)
            assert_int_not_equal(WEXITSTATUS(status), 100);
    }
    crms_stop(&crms, BUSY_BLOCK_MAX_US);
    postgres_db_open(db);
    assert_int_equal(old_db_missing(db), 0);
    assert_int_equal(old_db_wrong_totals(db), 0);
    assert_int_equal(postgres_db_i64(db, "SELECT count(*) FROM pg_index WHERE indrelid = "
                                         "'leads'::regclass AND indisvalid"),
                     7);
}

// ---- Transactions that last.

// Neither does the migration fail for a transaction that lasts, nor do others queue behind it.
static void test_lasting_transaction(void **state)
{
    struct postgres_db_fixture *db = *state;
    struct crms crms;
    old_db_make(db, LEADS, 1000);
    struct sql_session *lasting = old_db_session(db);
    old_db_run(lasting, "BEGIN");
    old_db_run(lasting, "UPDATE leads SET address = 'y' WHERE id = 1000000");
    pid_t child = start_migrating(db->url);
    crms_start(db, &crms);
    thread_pause_ms(2500);
    assert_int_equal(waitpid(child, NULL, WNOHANG), 0);
    old_db_run(lasting, "COMMIT");
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) != 100);
    crms_stop(&crms, BLOCK_MAX_US);
    lasting->driver->session_close(lasting);
    assert_int_equal(old_db_missing(db), 0);
    assert_int_equal(old_db_wrong_totals(db), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        POSTGRES_TEST(test_others_write),
        POSTGRES_TEST(test_ten_at_once),
        POSTGRES_TEST(test_killed),
        POSTGRES_TEST(test_lasting_transaction),
    };
    return cmocka_run_group_tests(tests, postgres_db_start, postgres_db_stop);
}
