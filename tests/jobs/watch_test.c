// Tests of jobs/watch.h: who is woken, when, and how often.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>
#include <stdatomic.h>

#include "base/clock.h"
#include "base/thread.h"
#include "jobs/watch.h"
#include "support/waiter.h"

#define NEVER_US INT64_MAX

struct sleeper {
    struct watcher watcher;
    struct waiter *waiter;
    atomic_int woken;
};

static void on_woken(struct watcher *watcher)
{
    struct sleeper *sleeper = CONTAINER_OF(watcher, struct sleeper, watcher);
    atomic_fetch_add(&sleeper->woken, 1);
    waiter_add(sleeper->waiter);
}

struct fixture {
    struct watch *watch;
    struct waiter *waiter;
};

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));
    check(f != NULL);
    assert_int_equal(watch_open(&f->watch, NULL), ERR_OK);
    f->waiter = waiter_open();
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    watch_close(f->watch);
    waiter_close(f->waiter);
    free(f);
    return 0;
}

static void sleep_on(struct fixture *f, struct sleeper *sleeper, int64_t order_id, int64_t at_us)
{
    sleeper->watcher =
        (struct watcher){.order_id = order_id, .wake_at_us = at_us, .woken = on_woken};
    sleeper->waiter = f->waiter;
    watch_add(f->watch, &sleeper->watcher);
}

static int64_t now_us(void)
{
    return clock_monotonic_us(clock_system());
}

static void test_notify(void **state)
{
    // 1, 257 and 513 meet in one slot.
    static const int64_t ids[] = {1, 257, 1, 513, 2, 257};
    struct fixture *f = *state;
    struct sleeper sleepers[COUNT_OF(ids)] = {0};
    for (size_t i = 0; i < COUNT_OF(ids); i++)
        sleep_on(f, &sleepers[i], ids[i], NEVER_US);
    static const int64_t notices[] = {3, 257, 257, 1, 2, 513};
    for (size_t n = 0; n < COUNT_OF(notices); n++) {
        watch_notify(f->watch, notices[n]);
        for (size_t i = 0; i < COUNT_OF(ids); i++) {
            int want = 0;
            for (size_t k = 0; k <= n; k++)
                want |= notices[k] == ids[i];
            assert_int_equal(atomic_load(&sleepers[i].woken), want);
        }
    }
}

static void test_time_limit(void **state)
{
    struct fixture *f = *state;
    struct sleeper late = {0};
    struct sleeper soon = {0};
    struct sleeper past = {0};
    sleep_on(f, &late, 1, NEVER_US);
    int64_t due_us = now_us() + 50 * US_PER_MS;
    sleep_on(f, &soon, 1, due_us); // earlier than what the thread waits for
    waiter_wait(f->waiter, 1);
    assert_true(now_us() >= due_us);
    assert_int_equal(atomic_load(&soon.woken), 1);
    sleep_on(f, &past, 1, now_us() - 1);
    waiter_wait(f->waiter, 2);
    assert_int_equal(atomic_load(&past.woken), 1);
    assert_int_equal(atomic_load(&late.woken), 0);
    watch_flush(f->watch);
    assert_int_equal(atomic_load(&late.woken), 1);
    assert_int_equal(atomic_load(&soon.woken), 1);
}

static void test_remove(void **state)
{
    struct fixture *f = *state;
    struct sleeper sleepers[3] = {0};
    for (int order = 0; order < 3; order++) {
        // The first, the middle and the last of a list.
        for (int i = 0; i < 3; i++)
            sleep_on(f, &sleepers[i], 7, NEVER_US);
        assert_true(watch_remove(f->watch, &sleepers[order].watcher));
        assert_false(watch_remove(f->watch, &sleepers[order].watcher));
        watch_notify(f->watch, 7);
        for (int i = 0; i < 3; i++) {
            assert_int_equal(atomic_load(&sleepers[i].woken), i != order);
            assert_false(watch_remove(f->watch, &sleepers[i].watcher));
            atomic_store(&sleepers[i].woken, 0);
        }
    }
}

static void test_flush(void **state)
{
    struct fixture *f = *state;
    struct sleeper sleepers[600] = {0};
    for (size_t i = 0; i < COUNT_OF(sleepers); i++)
        sleep_on(f, &sleepers[i], (int64_t)i + 1, NEVER_US);
    watch_flush(f->watch);
    for (size_t i = 0; i < COUNT_OF(sleepers); i++)
        assert_int_equal(atomic_load(&sleepers[i].woken), 1);
    watch_flush(f->watch); // nobody is left
}

// A watcher that waits again each time it is woken, from inside woken().
struct eager {
    struct watcher watcher;
    struct watch *watch;
    struct waiter *waiter;
    int left;
};

static void wait_again(struct watcher *watcher)
{
    struct eager *eager = CONTAINER_OF(watcher, struct eager, watcher);
    if (--eager->left > 0) {
        watcher->wake_at_us = 0;
        watch_add(eager->watch, watcher);
    }
    waiter_add(eager->waiter);
}

static void test_add_again_when_woken(void **state)
{
    struct fixture *f = *state;
    struct eager eager = {.watcher = {.order_id = 5, .wake_at_us = NEVER_US, .woken = wait_again},
                          .watch = f->watch,
                          .waiter = f->waiter,
                          .left = 20};
    watch_add(f->watch, &eager.watcher);
    watch_notify(f->watch, 5);
    waiter_wait(f->waiter, 20);
}

// ---- Many threads: each watcher is woken once or taken back, never both, never neither.

#define THREADS 4
#define ROUNDS  500

struct worker {
    pthread_t thread;
    struct fixture *f;
    int number;
    int woken;
    int removed;
};

static void *sleep_and_remove(void *ctx)
{
    struct worker *worker = ctx;
    struct waiter *waiter = waiter_open();
    for (int i = 0; i < ROUNDS; i++) {
        struct sleeper sleeper = {.waiter = waiter};
        int64_t limit_us = i % 3 == 0 ? now_us() + i % 200 : NEVER_US;
        sleeper.watcher =
            (struct watcher){.order_id = i % 8 + 1, .wake_at_us = limit_us, .woken = on_woken};
        watch_add(worker->f->watch, &sleeper.watcher);
        if (i % 2 == worker->number % 2)
            watch_notify(worker->f->watch, i % 8 + 1);
        if (watch_remove(worker->f->watch, &sleeper.watcher)) {
            assert_int_equal(atomic_load(&sleeper.woken), 0);
            worker->removed++;
            continue;
        }
        worker->woken++;
        waiter_wait(waiter, (size_t)worker->woken);
        assert_int_equal(atomic_load(&sleeper.woken), 1);
    }
    waiter_close(waiter);
    return NULL;
}

static void test_many_threads(void **state)
{
    struct fixture *f = *state;
    struct worker workers[THREADS];
    for (int i = 0; i < THREADS; i++) {
        workers[i] = (struct worker){.f = f, .number = i};
        assert_int_equal(
            thread_start(&workers[i].thread, "watch-test", sleep_and_remove, &workers[i], NULL),
            ERR_OK);
    }
    int sum = 0;
    for (int i = 0; i < THREADS; i++) {
        thread_join(workers[i].thread);
        sum += workers[i].woken + workers[i].removed;
    }
    assert_int_equal(sum, THREADS * ROUNDS);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_notify), TEST(test_time_limit),           TEST(test_remove),
        TEST(test_flush),  TEST(test_add_again_when_woken), TEST(test_many_threads),
    };
    watch_close(NULL);
    return cmocka_run_group_tests_name("watch", tests, NULL, NULL);
}
