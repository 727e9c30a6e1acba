// Tests of PostgreSQL going away: no wrong answer, no lost write, and back again by itself.
#include "sql/postgres_db.h"

#include <netinet/in.h>
#include <stdatomic.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/thread.h"
#include "support/waiter.h"

#define WRITERS    8
#define WRITES_MAX 20000
#define DEADLINE_S 30

// Threads that write numbers, each into two tables at once, and read in between.
struct load {
    struct postgres_db_fixture *db;
    pthread_t threads[WRITERS];
    atomic_bool stop;
    atomic_int next;
    atomic_int stored;
    atomic_int wrong;
    atomic_int unknown;
    signed char codes[WRITES_MAX]; // enum err by number; -1: not written
};

static const struct sql_stmt insert_a = {.name = "a", .text = "INSERT INTO a (x) VALUES ($1)"};
static const struct sql_stmt insert_b = {.name = "b", .text = "INSERT INTO b (x) VALUES ($1)"};
static const struct sql_stmt read_both = {
    .name = "read", .text = "SELECT a.x FROM a JOIN b ON a.x = b.x WHERE a.x = $1"};

static void note_wrong(struct load *load, const char *what, enum err code)
{
    print_error("%s: %s\n", what, err_name(code));
    atomic_fetch_add(&load->wrong, 1);
}

static enum err write_one(struct load *load, int number)
{
    CLEANUP(arena_close_ptr) struct arena *arena = arena_open(0);
    struct sql_op *op = sql_op_new(arena, "write", SQL_LANE_WRITE);
    (void)SQL_STEP(op, &insert_a, SQLV_INT(number));
    (void)SQL_STEP(op, &insert_b, SQLV_INT(number));
    (void)SQL_STEP(sql_op_proof(op), &read_both, SQLV_INT(number));
    return sql_run(load->db->sql, op);
}

// What was acknowledged can be read, as long as anything can.
static void read_one(struct load *load, int number)
{
    CLEANUP(arena_close_ptr) struct arena *arena = arena_open(0);
    int64_t got = -1;
    struct sql_op *op = sql_op_new(arena, "read", SQL_LANE_SHORT);
    struct sql_step *step = SQL_STEP(op, &read_both, SQLV_INT(number));
    step->on_row = postgres_db_keep_i64;
    step->ctx = &got;
    enum err code = sql_run(load->db->sql, op);
    if (code == ERR_OK ? got != number : code != ERR_UNAVAILABLE)
        note_wrong(load, "read", code);
}

static void *write_and_read(void *ctx)
{
    struct load *load = ctx;
    while (!atomic_load(&load->stop)) {
        int number = atomic_fetch_add(&load->next, 1);
        if (number >= WRITES_MAX)
            return NULL;
        enum err code = write_one(load, number);
        load->codes[number] = (signed char)code;
        if (code == ERR_OK)
            atomic_fetch_add(&load->stored, 1);
        else if (code == ERR_UNKNOWN_OUTCOME)
            atomic_fetch_add(&load->unknown, 1);
        else if (code != ERR_UNAVAILABLE)
            note_wrong(load, "write", code);
        if (code == ERR_OK)
            read_one(load, number);
        const struct timespec pause = {.tv_nsec = code == ERR_OK ? 500 * 1000 : 5 * 1000 * 1000};
        (void)nanosleep(&pause, NULL);
    }
    return NULL;
}

static struct load *load_start(struct postgres_db_fixture *db)
{
    postgres_db_script(db, "CREATE TABLE a (x BIGINT PRIMARY KEY);"
                           "CREATE TABLE b (x BIGINT PRIMARY KEY)");
    struct load *load = arena_new(db->arena, struct load, 1);
    load->db = db;
    memset(load->codes, -1, sizeof(load->codes));
    for (int i = 0; i < WRITERS; i++)
        assert_int_equal(thread_start(&load->threads[i], "load", write_and_read, load, NULL),
                         ERR_OK);
    return load;
}

// Waits until so many more were stored: the database answers.
static void load_wait(struct load *load, int more)
{
    int want = atomic_load(&load->stored) + more;
    int64_t deadline_us = clock_monotonic_us(clock_system()) + DEADLINE_S * US_PER_S;
    while (atomic_load(&load->stored) < want) {
        const struct timespec pause = {.tv_nsec = 2 * 1000 * 1000};
        (void)nanosleep(&pause, NULL);
        if (clock_monotonic_us(clock_system()) > deadline_us)
            fail_msg("the database does not answer again");
    }
}

static void keep_stored(void *ctx, const struct sql_row *row)
{
    struct load *load = ctx;
    int64_t number = sql_row_i64(row, 0);
    check(number >= 0 && number < WRITES_MAX);
    enum err code = (enum err)load->codes[number];
    if (code == ERR_UNAVAILABLE || load->codes[number] < 0)
        print_error("%lld is stored, though it was refused\n", (long long)number);
    else
        load->codes[number] = 100; // seen
}

// Ends the load. Each acknowledged write is there, in both tables; those refused are in none.
static void load_end(struct load *load)
{
    struct postgres_db_fixture *db = load->db;
    atomic_store(&load->stop, true);
    for (int i = 0; i < WRITERS; i++)
        thread_join(load->threads[i]);
    assert_int_equal(atomic_load(&load->wrong), 0);
    struct sql_op *op = postgres_db_op(db, SQL_LANE_LONG, "SELECT x FROM a");
    op->steps[0].on_row = keep_stored;
    op->steps[0].ctx = load;
    postgres_db_expect(db, op, ERR_OK);
    int seen = 0;
    for (int i = 0; i < WRITES_MAX; i++) {
        if (load->codes[i] == ERR_OK)
            fail_msg("%d was acknowledged and is lost", i);
        seen += load->codes[i] == 100;
    }
    assert_int_equal(seen, op->steps[0].rows);
    assert_int_equal(postgres_db_i64(db, "SELECT count(*) FROM a FULL JOIN b USING (x) "
                                         "WHERE a.x IS NULL OR b.x IS NULL"),
                     0);
    assert_true(sql_is_available(db->sql));
}

static void test_killed_backends(void **state)
{
    struct postgres_db_fixture *db = *state;
    struct load *load = load_start(db);
    for (int i = 0; i < 10; i++) {
        load_wait(load, 50);
        postgres_exec(postgres_db_server, db->url,
                      "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                      "WHERE application_name = 'sunlead' AND datname = current_database()");
    }
    load_wait(load, 50);
    load_end(load);
    assert_int_equal(atomic_load(&load->unknown), 0);
}

static void test_restarts(void **state)
{
    struct load *load = load_start(*state);
    for (int i = 0; i < 4; i++) {
        load_wait(load, 50);
        postgres_halt(postgres_db_server, i % 2 == 1);
        postgres_resume(postgres_db_server);
    }
    load_wait(load, 50);
    load_end(load);
}

// While it is down everything is refused at once; its return is noticed without anybody asking.
static void test_down(void **state)
{
    struct postgres_db_fixture *db = *state;
    assert_int_equal(postgres_db_i64(db, "SELECT 1"), 1);
    assert_true(sql_is_available(db->sql));
    postgres_halt(postgres_db_server, false);
    for (int i = 0; i < 20; i++) {
        int64_t started_us = clock_monotonic_us(clock_system());
        struct sql_op *op = postgres_db_op(db, (enum sql_lane)(i % 3), "SELECT 1");
        postgres_db_expect(db, op, ERR_UNAVAILABLE);
        assert_int_not_equal(op->error.retry_after_s, 0);
        assert_true(clock_monotonic_us(clock_system()) - started_us < US_PER_S);
    }
    assert_false(sql_is_available(db->sql));
    struct error err;
    error_reset(&err);
    assert_int_equal(sql_script(db->sql, STR("SELECT 1"), &err), ERR_UNAVAILABLE);
    postgres_resume(postgres_db_server);
    int64_t deadline_us = clock_monotonic_us(clock_system()) + 10 * US_PER_S;
    while (!sql_is_available(db->sql)) {
        const struct timespec pause = {.tv_nsec = 5 * 1000 * 1000};
        (void)nanosleep(&pause, NULL);
        assert_true(clock_monotonic_us(clock_system()) < deadline_us);
    }
    assert_int_equal(postgres_db_i64(db, "SELECT 1"), 1);
}

static void count_done(struct sql_op *op)
{
    waiter_add(op->done_ctx);
}

// Closing does not wait for a database that is gone.
static void test_close_while_down(void **state)
{
    struct postgres_db_fixture *db = *state;
    struct waiter *waiter = waiter_open();
    enum { OPS = 20 };
    postgres_halt(postgres_db_server, true);
    struct sql_op *ops[OPS];
    for (int i = 0; i < OPS; i++) {
        ops[i] = postgres_db_op(db, SQL_LANE_WRITE, "SELECT 1");
        (void)postgres_db_step(db, sql_op_proof(ops[i]), "SELECT 1");
        ops[i]->done = count_done;
        ops[i]->done_ctx = waiter;
        sql_submit(db->sql, ops[i]);
    }
    int64_t started_us = clock_monotonic_us(clock_system());
    sql_close_ptr(&db->sql);
    assert_true(clock_monotonic_us(clock_system()) - started_us < 5 * US_PER_S);
    assert_int_equal(waiter_count(waiter), OPS);
    for (int i = 0; i < OPS; i++)
        assert_int_not_equal(ops[i]->error.code, ERR_OK);
    waiter_close(waiter);
    postgres_resume(postgres_db_server);
}

// Greets as a server does, and says nothing more.
static void *greet_and_freeze(void *ctx)
{
    static const char greeting[] = "R\0\0\0\x08\0\0\0\0"
                                   "S\0\0\0\x18server_version\00016.0\0"
                                   "Z\0\0\0\x05I";
    char heard[4096];
    int fd = accept(*(const int *)ctx, NULL, NULL);
    check(fd >= 0 && read(fd, heard, sizeof(heard)) > 0);
    check(write(fd, greeting, sizeof(greeting) - 1) == (ssize_t)sizeof(greeting) - 1);
    while (read(fd, heard, sizeof(heard)) > 0)
        continue;
    close(fd);
    return NULL;
}

// A peer that accepts and then says nothing does not hold up who connects.
static void test_frozen_peer(void **state)
{
    struct postgres_db_fixture *db = *state;
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof(address);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0 && bind(fd, (struct sockaddr *)&address, len) == 0 && listen(fd, 1) == 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &len), 0);
    struct str url = arena_printf(db->arena,
                                  "postgres://sunlead@127.0.0.1:%u/any?sslmode=disable"
                                  "&gssencmode=disable&connect_timeout=1",
                                  ntohs(address.sin_port));
    pthread_t peer;
    assert_int_equal(thread_start(&peer, "peer", greet_and_freeze, &fd, NULL), ERR_OK);
    const struct sql_settings settings = {.url = url.ptr};
    struct sql *sql = NULL;
    struct error err;
    error_reset(&err);
    int64_t started_us = clock_monotonic_us(clock_system());
    assert_int_equal(sql_open_as(&settings, &sql, &err), ERR_UNAVAILABLE);
    assert_true(clock_monotonic_us(clock_system()) - started_us < 5 * US_PER_S);
    assert_non_null(strstr(err.cause, "in time"));
    thread_join(peer);
    close(fd);
}

// A statement that takes too long is ended by the server; its connection works on.
static void test_statement_timeout(void **state)
{
    struct postgres_db_fixture *db = *state;
    int64_t backend = postgres_db_i64(db, "SELECT pg_backend_pid()");
    postgres_db_expect(db, postgres_db_op(db, SQL_LANE_SHORT, "SELECT pg_sleep(60)"), ERR_TIMEOUT);
    assert_int_equal(postgres_db_i64(db, "SELECT pg_backend_pid()"), backend);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        POSTGRES_TEST(test_killed_backends),
        POSTGRES_TEST(test_restarts),
        POSTGRES_TEST(test_down),
        POSTGRES_TEST(test_close_while_down),
        POSTGRES_TEST(test_frozen_peer),
        POSTGRES_TEST(test_statement_timeout),
    };
    return cmocka_run_group_tests(tests, postgres_db_start, postgres_db_stop);
}
