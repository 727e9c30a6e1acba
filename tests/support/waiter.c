// Owns a count that tests wait for.
#include "support/waiter.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/thread.h"

#define WAIT_US (20 * US_PER_S)

struct waiter {
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    size_t count;
};

struct waiter *waiter_open(void)
{
    struct waiter *waiter = calloc(1, sizeof(*waiter));
    assert_non_null(waiter);
    assert_int_equal(pthread_mutex_init(&waiter->mutex, NULL), 0);
    cond_init(&waiter->changed);
    return waiter;
}

void waiter_close(struct waiter *waiter)
{
    pthread_cond_destroy(&waiter->changed);
    pthread_mutex_destroy(&waiter->mutex);
    free(waiter);
}

void waiter_add(struct waiter *waiter)
{
    mutex_lock(&waiter->mutex);
    waiter->count++;
    pthread_cond_broadcast(&waiter->changed);
    mutex_unlock(&waiter->mutex);
}

void waiter_wait(struct waiter *waiter, size_t count)
{
    int64_t deadline_us = clock_monotonic_us(clock_system()) + WAIT_US;
    bool in_time = true;
    mutex_lock(&waiter->mutex);
    while (in_time && waiter->count < count)
        in_time = cond_wait_until(&waiter->changed, &waiter->mutex, deadline_us);
    mutex_unlock(&waiter->mutex);
    assert_true(in_time);
}

size_t waiter_count(struct waiter *waiter)
{
    mutex_lock(&waiter->mutex);
    size_t count = waiter->count;
    mutex_unlock(&waiter->mutex);
    return count;
}
