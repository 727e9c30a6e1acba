// A clock that goes only when a test says so.
#ifndef SUNLEAD_TEST_CLOCK_H
#define SUNLEAD_TEST_CLOCK_H

#include <stdatomic.h>
#include <stdint.h>

#include "base/clock.h"

struct test_clock {
    struct clock clock; // UTC stands still; the monotonic time is the system's
    _Atomic int64_t now_us;
};

// test_clock_init() sets the clock to a time.
void test_clock_init(struct test_clock *clock, int64_t now_us);

// test_clock_now() is the time.
int64_t test_clock_now(struct test_clock *clock);

// test_clock_set() moves the clock to a time.
void test_clock_set(struct test_clock *clock, int64_t now_us);

// test_clock_add() moves it on.
void test_clock_add(struct test_clock *clock, int64_t by_us);

#endif
