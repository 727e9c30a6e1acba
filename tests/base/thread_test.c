// Tests of base/thread.c.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <signal.h>

#include "base/clock.h"
#include "base/thread.h"

struct shared {
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    int count;
    bool go;
    bool usr1_blocked;
    bool segv_blocked;
};

static void shared_init(struct shared *shared)
{
    *shared = (struct shared){.mutex = PTHREAD_MUTEX_INITIALIZER};
    cond_init(&shared->changed);
}

static void shared_done(struct shared *shared)
{
    pthread_cond_destroy(&shared->changed);
    pthread_mutex_destroy(&shared->mutex);
}

static void *count_up(void *ctx)
{
    struct shared *shared = ctx;
    for (int i = 0; i < 1000; i++) {
        mutex_lock(&shared->mutex);
        shared->count++;
        mutex_unlock(&shared->mutex);
    }
    return NULL;
}

static void test_lock(void **state)
{
    (void)state;
    struct shared shared;
    shared_init(&shared);
    pthread_t threads[4];
    for (size_t i = 0; i < COUNT_OF(threads); i++)
        assert_int_equal(
            thread_start(&threads[i], "a name longer than 15", count_up, &shared, NULL), ERR_OK);
    for (size_t i = 0; i < COUNT_OF(threads); i++)
        thread_join(threads[i]);
    assert_int_equal(shared.count, 4000);
    shared_done(&shared);
}

static void *wait_for_go(void *ctx)
{
    struct shared *shared = ctx;
    sigset_t blocked;
    pthread_sigmask(SIG_SETMASK, NULL, &blocked);
    mutex_lock(&shared->mutex);
    shared->usr1_blocked = sigismember(&blocked, SIGUSR1) == 1;
    shared->segv_blocked = sigismember(&blocked, SIGSEGV) == 1;
    while (!shared->go)
        assert_true(cond_wait_until(&shared->changed, &shared->mutex, INT64_MAX));
    shared->count++;
    mutex_unlock(&shared->mutex);
    return NULL;
}

static void test_wait(void **state)
{
    (void)state;
    struct shared shared;
    shared_init(&shared);
    pthread_t thread;
    struct error err;
    assert_int_equal(thread_start(&thread, "waiter", wait_for_go, &shared, &err), ERR_OK);
    mutex_lock(&shared.mutex);
    shared.go = true;
    pthread_cond_broadcast(&shared.changed);
    mutex_unlock(&shared.mutex);
    thread_join(thread);
    assert_int_equal(shared.count, 1);
    assert_true(shared.usr1_blocked);
    assert_false(shared.segv_blocked);
    shared_done(&shared);

    // The mask of who started the thread is as it was.
    sigset_t blocked;
    pthread_sigmask(SIG_SETMASK, NULL, &blocked);
    assert_int_equal(sigismember(&blocked, SIGUSR1), 0);
}

static void test_deadline(void **state)
{
    (void)state;
    struct shared shared;
    shared_init(&shared);
    const struct clock *clock = clock_system();
    mutex_lock(&shared.mutex);
    assert_false(cond_wait_until(&shared.changed, &shared.mutex, -1));
    assert_false(cond_wait_until(&shared.changed, &shared.mutex, 0));
    int64_t deadline_us = clock_monotonic_us(clock) + 20 * US_PER_MS;
    while (cond_wait_until(&shared.changed, &shared.mutex, deadline_us))
        continue;
    assert_true(clock_monotonic_us(clock) >= deadline_us);
    mutex_unlock(&shared.mutex);
    shared_done(&shared);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lock),
        cmocka_unit_test(test_wait),
        cmocka_unit_test(test_deadline),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
