// Tests of base/pool.c.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdatomic.h>

#include "base/pool.h"
#include "base/thread.h"

struct piece {
    struct pool_work work;
    atomic_int *count;
};

static void count_piece(struct pool_work *work)
{
    struct piece *piece = CONTAINER_OF(work, struct piece, work);
    atomic_fetch_add(piece->count, 1);
}

static void test_runs_all(void **state)
{
    (void)state;
    static const unsigned threads[] = {1, 2, 8};
    for (size_t i = 0; i < COUNT_OF(threads); i++) {
        atomic_int count = 0;
        struct piece pieces[500];
        struct pool *pool = NULL;
        struct error err;
        assert_int_equal(pool_open(&pool, "test", threads[i], COUNT_OF(pieces), &err), ERR_OK);
        for (size_t k = 0; k < COUNT_OF(pieces); k++) {
            pieces[k] = (struct piece){.work = {.run = count_piece}, .count = &count};
            assert_int_equal(pool_submit(pool, &pieces[k].work), ERR_OK);
        }
        pool_close(pool);
        assert_int_equal(atomic_load(&count), COUNT_OF(pieces));
    }
    pool_close(NULL);
}

// Work that waits until the test lets it go.
struct gate {
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    struct pool_work work;
    bool entered;
    bool open;
};

static void pass_gate(struct pool_work *work)
{
    struct gate *gate = CONTAINER_OF(work, struct gate, work);
    mutex_lock(&gate->mutex);
    gate->entered = true;
    pthread_cond_broadcast(&gate->changed);
    while (!gate->open)
        (void)cond_wait_until(&gate->changed, &gate->mutex, INT64_MAX);
    mutex_unlock(&gate->mutex);
}

static void gate_wait_entered(struct gate *gate)
{
    mutex_lock(&gate->mutex);
    while (!gate->entered)
        (void)cond_wait_until(&gate->changed, &gate->mutex, INT64_MAX);
    mutex_unlock(&gate->mutex);
}

static void gate_open(struct gate *gate)
{
    mutex_lock(&gate->mutex);
    gate->open = true;
    pthread_cond_broadcast(&gate->changed);
    mutex_unlock(&gate->mutex);
}

static void test_bound(void **state)
{
    (void)state;
    struct gate gate = {.mutex = PTHREAD_MUTEX_INITIALIZER, .work = {.run = pass_gate}};
    cond_init(&gate.changed);
    atomic_int count = 0;
    struct piece pieces[4];
    for (size_t i = 0; i < COUNT_OF(pieces); i++)
        pieces[i] = (struct piece){.work = {.run = count_piece}, .count = &count};

    struct pool *pool = NULL;
    assert_int_equal(pool_open(&pool, "test", 1, 3, NULL), ERR_OK);
    assert_int_equal(pool_submit(pool, &gate.work), ERR_OK);
    gate_wait_entered(&gate);
    // The only thread is busy; three may wait.
    for (size_t i = 0; i < 3; i++)
        assert_int_equal(pool_submit(pool, &pieces[i].work), ERR_OK);
    assert_int_equal(pool_submit(pool, &pieces[3].work), ERR_UNAVAILABLE);
    assert_int_equal(atomic_load(&count), 0);
    gate_open(&gate);
    pool_close(pool);
    assert_int_equal(atomic_load(&count), 3);
    pthread_cond_destroy(&gate.changed);
}

// Work that submits itself again, as long as the pool takes it.
struct again {
    struct pool_work work;
    struct pool *pool;
    atomic_int rounds;
    atomic_int refused;
};

static void run_again(struct pool_work *work)
{
    struct again *again = CONTAINER_OF(work, struct again, work);
    atomic_fetch_add(&again->rounds, 1);
    if (pool_submit(again->pool, work) != ERR_OK)
        atomic_fetch_add(&again->refused, 1);
}

static void test_submit_while_closing(void **state)
{
    (void)state;
    struct again again = {.work = {.run = run_again}};
    assert_int_equal(pool_open(&again.pool, "test", 2, 10, NULL), ERR_OK);
    assert_int_equal(pool_submit(again.pool, &again.work), ERR_OK);
    pool_close(again.pool);
    assert_true(atomic_load(&again.rounds) >= 1);
    assert_int_equal(atomic_load(&again.refused), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_runs_all),
        cmocka_unit_test(test_bound),
        cmocka_unit_test(test_submit_while_closing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
