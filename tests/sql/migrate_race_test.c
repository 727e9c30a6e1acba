// Migrating one PostgreSQL database from several programs at once, beside one that uses it.
#include <pthread.h>
#include <time.h>

#include "base/clock.h"
#include "base/random.h"
#include "sql/migrate.h"
#include "sql/postgres_db.h"
#include "support/postgres.h"

#define PROGRAMS   4
#define OFFSET_US  (40 * US_PER_MS) // within this they start
#define MIGRATIONS 5

static struct random offsets;

struct program {
    pthread_t thread;
    const char *url;
    int64_t offset_us;
    enum err code;
    size_t applied;
    struct error err;
};

static void pause_us(int64_t us)
{
    const struct timespec time = {.tv_nsec = us * 1000};
    (void)nanosleep(&time, NULL);
}

static void *migrate_main(void *ctx)
{
    struct program *program = ctx;
    struct sql *sql = NULL;
    pause_us(program->offset_us);
    error_reset(&program->err);
    program->code = sql_open(program->url, false, &sql, &program->err);
    if (program->code == ERR_OK)
        program->code = migrate_up(sql, &program->applied, &program->err);
    sql_close(sql);
    return NULL;
}

// Files of the first migrations, which are numbered from 0.
static struct migration_set first_of(int count)
{
    struct migration_set set = {.files = migration_files, .count = 0};
    while (set.count < migration_file_count && migration_files[set.count].name[2] < '0' + count)
        set.count++;
    return set;
}

static void check_migrated(struct postgres_db_fixture *db)
{
    struct migration_state *states;
    size_t count;
    struct error err;
    error_reset(&err);
    assert_int_equal(migrate_list(db->sql, db->arena, &states, &count, &err), ERR_OK);
    assert_int_equal(count, MIGRATIONS);
    for (size_t i = 0; i < count; i++)
        assert_true(states[i].applied_us.set && !states[i].is_changed && !states[i].is_unknown);
    assert_int_equal(postgres_db_i64(db, "SELECT count(*) FROM sunlead_migrations"), MIGRATIONS);
    assert_int_equal(postgres_db_i64(db, "SELECT count(*) FROM pg_trigger WHERE "
                                         "tgrelid = 'leads'::regclass AND NOT tgisinternal"),
                     4);
}

// Somebody is in the middle of a change of a lead, which stands in a migration's way.
static void *hold_main(void *ctx)
{
    postgres_exec(postgres_db_server, ctx,
                  "BEGIN; LOCK TABLE leads IN ROW EXCLUSIVE MODE; SELECT pg_sleep(0.1); COMMIT");
    return NULL;
}

static void race(struct postgres_db_fixture *db, int already)
{
    const struct migration_set set = first_of(already);
    struct program programs[PROGRAMS];
    struct error err;
    size_t before;
    size_t applied = 0;
    pthread_t holder;
    bool is_held = already > 0;
    error_reset(&err);
    assert_int_equal(migrate_up_of(db->sql, &set, &before, &err), ERR_OK);
    assert_int_equal(before, already);
    if (is_held)
        assert_int_equal(pthread_create(&holder, NULL, hold_main, (void *)(uintptr_t)db->url), 0);
    for (size_t i = 0; i < PROGRAMS; i++) {
        programs[i] =
            (struct program){.url = db->url, .offset_us = random_between(&offsets, 0, OFFSET_US)};
        assert_int_equal(pthread_create(&programs[i].thread, NULL, migrate_main, &programs[i]), 0);
    }
    for (size_t i = 0; i < PROGRAMS; i++)
        assert_int_equal(pthread_join(programs[i].thread, NULL), 0);
    if (is_held)
        assert_int_equal(pthread_join(holder, NULL), 0);
    for (size_t i = 0; i < PROGRAMS; i++) {
        if (programs[i].code != ERR_OK)
            fail_msg("%s (%s)", programs[i].err.message, programs[i].err.cause);
        applied += programs[i].applied;
    }
    assert_int_equal(applied, MIGRATIONS - already);
    check_migrated(db);
}

static void test_fresh(void **state)
{
    race(*state, 0);
}

static void test_after_the_first(void **state)
{
    race(*state, 1);
}

static void test_after_the_second(void **state)
{
    race(*state, 2);
}

// Each round has a database of its own.
#define ROUND                                                                                      \
    POSTGRES_TEST(test_fresh), POSTGRES_TEST(test_after_the_first),                                \
        POSTGRES_TEST(test_after_the_second)

int main(void)
{
    const struct CMUnitTest tests[] = {ROUND, ROUND, ROUND};
    random_seed(&offsets, 1);
    return cmocka_run_group_tests(tests, postgres_db_start, postgres_db_stop);
}
