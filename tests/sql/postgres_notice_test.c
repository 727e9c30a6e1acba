// Tests of notices between processes on PostgreSQL: who hears what, and what happens when a
// connection ends.
#include "sql/postgres_db.h"

#include <signal.h>
#include <stdatomic.h>
#include <sys/types.h>
#include <time.h>

#include "base/clock.h"
#include "base/thread.h"
#include "support/waiter.h"

#define TEXTS_MAX  64
#define EARS_MAX   6
#define DEADLINE_S 20

// A process that listens: a database opened once more.
struct ear {
    struct sql *sql;
    struct waiter *waiter;
    pthread_mutex_t mutex; // guards what follows
    size_t count;
    char texts[TEXTS_MAX][SQL_NOTICE_MAX + 1]; // "*" for a null text
};

struct fixture {
    struct postgres_db_fixture *db;
    struct ear ears[EARS_MAX];
    size_t ear_count;
};

static void on_notice(void *ctx, struct str text)
{
    struct ear *ear = ctx;
    mutex_lock(&ear->mutex);
    if (ear->count < TEXTS_MAX)
        (void)snprintf(ear->texts[ear->count], sizeof(ear->texts[0]), "%.*s",
                       STR_ARG(text.ptr == NULL ? STR("*") : text));
    ear->count++;
    mutex_unlock(&ear->mutex);
    waiter_add(ear->waiter);
}

static struct sql *open_again(struct fixture *f, const char *parameters)
{
    const char *url = arena_printf(f->db->arena, "%s%s", f->db->url, parameters).ptr;
    struct sql *sql = NULL;
    assert_int_equal(sql_open(url, false, &sql, NULL), ERR_OK);
    return sql;
}

// Waits for so many notices, the first (which is null) included.
static void expect(struct ear *ear, size_t count, const char *const *texts)
{
    waiter_wait(ear->waiter, count);
    mutex_lock(&ear->mutex);
    size_t got = ear->count;
    mutex_unlock(&ear->mutex);
    assert_int_equal(got, count);
    for (size_t i = 0; i < count; i++)
        assert_string_equal(ear->texts[i], texts[i]);
}

#define EXPECT(ear, ...)                                                                           \
    expect((ear), sizeof((const char *[]){__VA_ARGS__}) / sizeof(char *),                          \
           (const char *[]){__VA_ARGS__})

// Opens a database that listens and waits until it hears.
static struct ear *listen_by(struct fixture *f, const char *parameters)
{
    check(f->ear_count < EARS_MAX);
    struct ear *ear = &f->ears[f->ear_count++];
    ear->waiter = waiter_open();
    check(pthread_mutex_init(&ear->mutex, NULL) == 0);
    ear->sql = open_again(f, parameters);
    sql_listen(ear->sql, on_notice, ear);
    EXPECT(ear, "*");
    return ear;
}

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));
    check(f != NULL);
    *state = f;
    return postgres_db_setup((void **)&f->db);
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    for (size_t i = 0; i < f->ear_count; i++) {
        sql_close(f->ears[i].sql);
        waiter_close(f->ears[i].waiter);
        pthread_mutex_destroy(&f->ears[i].mutex);
    }
    int code = postgres_db_teardown((void **)&f->db);
    free(f);
    return code;
}

static void say(struct fixture *f, const char *text)
{
    sql_broadcast(f->db->sql, str_of(text));
}

// ---- Who hears what.

static void test_others_hear(void **state)
{
    struct fixture *f = *state;
    struct ear *a = listen_by(f, "");
    struct ear *b = listen_by(f, "");
    say(f, "one");
    EXPECT(a, "*", "one");
    say(f, NULL);
    EXPECT(a, "*", "one", "*");
    sql_broadcast(a->sql, STR("two"));
    EXPECT(b, "*", "one", "*", "two");
    say(f, "three");
    EXPECT(a, "*", "one", "*", "three"); // never what it says itself
    EXPECT(b, "*", "one", "*", "two", "three");
}

static void test_schemas_are_apart(void **state)
{
    struct fixture *f = *state;
    postgres_db_script(f->db, "CREATE SCHEMA \"Other one\"");
    static const char other[] = "&options=-csearch_path%3D%22Other%5C%20one%22";
    struct ear *a = listen_by(f, "");
    struct ear *b = listen_by(f, other);
    struct sql *c = open_again(f, other);
    say(f, "here");
    EXPECT(a, "*", "here");
    sql_broadcast(c, STR("there"));
    EXPECT(b, "*", "there");
    say(f, "again");
    EXPECT(a, "*", "here", "again");
    sql_close(c);
}

static void test_foreign_payloads(void **state)
{
    struct fixture *f = *state;
    struct ear *ear = listen_by(f, "");
    const char *long_text =
        arena_printf(f->db->arena, "'1 ' || repeat('x', %d)", SQL_NOTICE_MAX + 1).ptr;
    const char *const payloads[] = {
        "''",
        "'x'",
        "'12'",
        "'12 '",
        "' x'",
        "'-1 x'",
        "'0 x'",
        "'1x x'",
        "'99999999999999999999 x'",
        "'1 ' || repeat(E'\\n', 7000)",
        long_text,
        "E'1 a\\n\\n\\nb c\\n'",
    };
    for (size_t i = 0; i < COUNT_OF(payloads); i++)
        postgres_exec(
            postgres_db_server, f->db->url,
            arena_printf(f->db->arena,
                         "SELECT pg_notify('sunlead_' || oid, %s) FROM pg_namespace WHERE "
                         "nspname = 'public'",
                         payloads[i])
                .ptr);
    EXPECT(ear, "*", "a", "b c");
}

static const struct sql_stmt wait_for_lock = {.name = "wait",
                                              .text = "SELECT pg_advisory_xact_lock_shared(7)"};

// Keeps all that is written waiting, notices too, until release() is called.
struct jam {
    struct sql *holder;
    struct waiter *done;
    struct sql_op *ops[16]; // as many as are sent at once
};

static void count_done(struct sql_op *op)
{
    waiter_add(op->done_ctx);
}

static void run_on(struct fixture *f, struct sql *sql, const char *text)
{
    struct sql_op *op = postgres_db_op(f->db, SQL_LANE_WRITE, text);
    assert_int_equal(sql_run(sql, op), ERR_OK);
}

static void jam(struct fixture *f, struct jam *jam)
{
    jam->holder = open_again(f, "");
    jam->done = waiter_open();
    run_on(f, jam->holder, "SELECT pg_advisory_lock(7)");
    for (size_t i = 0; i < COUNT_OF(jam->ops); i++) {
        jam->ops[i] = sql_op_new(f->db->arena, "jam", SQL_LANE_WRITE);
        (void)sql_op_step(jam->ops[i], &wait_for_lock, 0, NULL);
        jam->ops[i]->done = count_done;
        jam->ops[i]->done_ctx = jam->done;
        sql_submit(f->db->sql, jam->ops[i]);
    }
}

static void release(struct fixture *f, struct jam *jam)
{
    run_on(f, jam->holder, "SELECT pg_advisory_unlock(7)");
    waiter_wait(jam->done, COUNT_OF(jam->ops));
    sql_close(jam->holder);
    waiter_close(jam->done);
}

static void test_what_waits_goes_together(void **state)
{
    struct fixture *f = *state;
    struct ear *ear = listen_by(f, "");
    struct jam jammed;
    jam(f, &jammed);
    say(f, "first");
    for (int i = 0; i < 1000; i++) {
        say(f, "second");
        say(f, "seco");
        say(f, "first");
    }
    release(f, &jammed);
    EXPECT(ear, "*", "first", "second", "seco", "first");
    say(f, "third");
    EXPECT(ear, "*", "first", "second", "seco", "first", "third");
}

static void test_too_many_are_everything(void **state)
{
    struct fixture *f = *state;
    struct ear *ear = listen_by(f, "");
    struct jam jammed;
    jam(f, &jammed);
    for (int i = 0; i < 2000; i++)
        say(f, arena_printf(f->db->arena, "order %d", i).ptr);
    release(f, &jammed);
    EXPECT(ear, "*", "order 0", "*");
    say(f, "order 1");
    EXPECT(ear, "*", "order 0", "*", "order 1");
}

// As many as one payload takes arrive whole.
static void test_a_full_payload(void **state)
{
    enum { LINES = 60 };
    struct fixture *f = *state;
    struct ear *ear = listen_by(f, "");
    const char *texts[LINES + 2] = {"*", "first"};
    struct jam jammed;
    jam(f, &jammed);
    say(f, "first");
    for (int i = 0; i < LINES; i++) {
        texts[i + 2] =
            arena_printf(f->db->arena, "%0*d", i % 2 == 0 ? SQL_NOTICE_MAX : 1, i + 1).ptr;
        say(f, texts[i + 2]);
    }
    release(f, &jammed);
    expect(ear, LINES + 2, texts);
}

// However much there is to tell, the others are not woken all the time.
static void test_pauses(void **state)
{
    struct fixture *f = *state;
    struct ear *ear = listen_by(f, "");
    int64_t started_us = clock_monotonic_us(clock_system());
    for (size_t i = 0; i < 20; i++) {
        say(f, "one");
        waiter_wait(ear->waiter, i + 2);
    }
    assert_true(clock_monotonic_us(clock_system()) - started_us >= 19 * 5 * US_PER_MS);
}

// ---- When a connection ends.

// The listening backends of a database.
#define LISTENERS "FROM pg_stat_activity WHERE datname = current_database() AND query LIKE 'DO %'"

static void test_a_lost_connection(void **state)
{
    struct fixture *f = *state;
    struct ear *ear = listen_by(f, "");
    assert_int_equal(postgres_db_i64(f->db, "SELECT count(pg_terminate_backend(pid)) " LISTENERS),
                     1);
    EXPECT(ear, "*", "*");
    say(f, "one");
    EXPECT(ear, "*", "*", "one");
    assert_int_equal(postgres_db_i64(f->db, "SELECT count(*) " LISTENERS), 1);
}

static void test_a_restart(void **state)
{
    struct fixture *f = *state;
    struct ear *ear = listen_by(f, "");
    postgres_halt(postgres_db_server, true);
    say(f, "lost");
    struct sql_op *op = postgres_db_op(f->db, SQL_LANE_WRITE, "SELECT 1");
    assert_int_not_equal(sql_run(f->db->sql, op), ERR_OK); // nor was what came before it sent
    postgres_resume(postgres_db_server);
    EXPECT(ear, "*", "*");
    while (sql_run(f->db->sql, postgres_db_op(f->db, SQL_LANE_WRITE, "SELECT 1")) != ERR_OK)
        continue;
    // What was lost is made good by the next one.
    say(f, "one");
    EXPECT(ear, "*", "*", "*");
    say(f, "two");
    EXPECT(ear, "*", "*", "*", "two");
}

// A backend that is there but says nothing, as when its machine froze.
static void test_a_silent_server(void **state)
{
    struct fixture *f = *state;
    struct ear *ear = listen_by(f, "&keepalives_idle=1&tcp_user_timeout=500");
    pid_t backend = (pid_t)postgres_db_i64(f->db, "SELECT pid " LISTENERS);
    assert_int_equal(kill(backend, SIGSTOP), 0);
    int64_t deadline_us = clock_monotonic_us(clock_system()) + DEADLINE_S * US_PER_S;
    const struct timespec pause = {.tv_nsec = 2 * 1000 * 1000};
    while (waiter_count(ear->waiter) < 2 && clock_monotonic_us(clock_system()) < deadline_us)
        (void)nanosleep(&pause, NULL);
    assert_int_equal(kill(backend, SIGCONT), 0);
    EXPECT(ear, "*", "*");
    say(f, "one");
    EXPECT(ear, "*", "*", "one");
}

// One that answers is kept, however long nobody says anything.
static void test_silence(void **state)
{
    struct fixture *f = *state;
    struct ear *ear = listen_by(f, "&keepalives_idle=1&tcp_user_timeout=10000");
    static const char age[] =
        "SELECT (1000 * extract(epoch FROM query_start - backend_start))::bigint " LISTENERS;
    int64_t deadline_us = clock_monotonic_us(clock_system()) + DEADLINE_S * US_PER_S;
    const struct timespec pause = {.tv_nsec = 50 * 1000 * 1000};
    while (postgres_db_i64(f->db, age) < 1000 && clock_monotonic_us(clock_system()) < deadline_us)
        (void)nanosleep(&pause, NULL);
    assert_true(postgres_db_i64(f->db, age) >= 1000); // it was asked again
    say(f, "one");
    EXPECT(ear, "*", "one");
}

// ---- Ending.

struct talker {
    struct sql *sql;
    atomic_bool stop;
};

static void *talk(void *ctx)
{
    struct talker *talker = ctx;
    while (!atomic_load(&talker->stop)) {
        sql_broadcast(talker->sql, STR("a"));
        sql_broadcast(talker->sql, STR("b"));
    }
    return NULL;
}

static void test_end_while_notices_arrive(void **state)
{
    struct fixture *f = *state;
    struct talker talker = {.sql = f->db->sql};
    pthread_t thread;
    assert_int_equal(thread_start(&thread, "talk", talk, &talker, NULL), ERR_OK);
    for (int i = 0; i < 20; i++) {
        struct ear *ear = &f->ears[0];
        *ear = (struct ear){.waiter = waiter_open()};
        check(pthread_mutex_init(&ear->mutex, NULL) == 0);
        ear->sql = open_again(f, "");
        sql_listen(ear->sql, on_notice, ear);
        if (i % 4 > 0)
            waiter_wait(ear->waiter, 3);
        if (i % 4 > 1) {
            sql_listen(ear->sql, NULL, NULL);
            size_t count = waiter_count(ear->waiter);
            sql_broadcast(ear->sql, STR("own"));
            assert_int_equal(waiter_count(ear->waiter), count);
        }
        sql_close(ear->sql);
        pthread_mutex_destroy(&ear->mutex);
        waiter_close(ear->waiter);
    }
    atomic_store(&talker.stop, true);
    thread_join(thread);
}

// Nobody's connection stays when nobody listens any more; one can listen again.
static void test_listen_again(void **state)
{
    struct fixture *f = *state;
    struct ear *ear = listen_by(f, "");
    sql_listen(ear->sql, NULL, NULL);
    int64_t deadline_us = clock_monotonic_us(clock_system()) + DEADLINE_S * US_PER_S;
    while (postgres_db_i64(f->db, "SELECT count(*) " LISTENERS) > 0)
        assert_true(clock_monotonic_us(clock_system()) < deadline_us);
    say(f, "to nobody");
    run_on(f, f->db->sql, "SELECT 1");
    sql_listen(ear->sql, on_notice, ear);
    EXPECT(ear, "*", "*");
    say(f, "one");
    EXPECT(ear, "*", "*", "one");
}

// What was said before the end is sent.
static void test_close_sends(void **state)
{
    struct fixture *f = *state;
    struct ear *ear = listen_by(f, "");
    struct sql *other = open_again(f, "");
    sql_broadcast(other, STR("one"));
    sql_broadcast(other, STR("two"));
    sql_close(other);
    EXPECT(ear, "*", "one", "two");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_others_hear),
        TEST(test_schemas_are_apart),
        TEST(test_foreign_payloads),
        TEST(test_what_waits_goes_together),
        TEST(test_too_many_are_everything),
        TEST(test_a_full_payload),
        TEST(test_pauses),
        TEST(test_a_lost_connection),
        TEST(test_a_restart),
        TEST(test_a_silent_server),
        TEST(test_silence),
        TEST(test_end_while_notices_arrive),
        TEST(test_listen_again),
        TEST(test_close_sends),
    };
    return cmocka_run_group_tests(tests, postgres_db_start, postgres_db_stop);
}
