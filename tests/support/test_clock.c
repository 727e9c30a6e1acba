// A clock that goes only when a test says so.
#include "support/test_clock.h"

static int64_t read_now(const struct clock *clock)
{
    return atomic_load(&CONTAINER_OF(clock, struct test_clock, clock)->now_us);
}

static int64_t read_monotonic(const struct clock *clock)
{
    (void)clock;
    return clock_monotonic_us(clock_system());
}

void test_clock_init(struct test_clock *clock, int64_t now_us)
{
    clock->clock = (struct clock){.now_us = read_now, .monotonic_us = read_monotonic};
    atomic_init(&clock->now_us, now_us);
}

int64_t test_clock_now(struct test_clock *clock)
{
    return atomic_load(&clock->now_us);
}

void test_clock_set(struct test_clock *clock, int64_t now_us)
{
    atomic_store(&clock->now_us, now_us);
}

void test_clock_add(struct test_clock *clock, int64_t by_us)
{
    (void)atomic_fetch_add(&clock->now_us, by_us);
}
