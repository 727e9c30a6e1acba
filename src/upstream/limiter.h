// The cap on calls a minute.
#ifndef SUNLEAD_UPSTREAM_LIMITER_H
#define SUNLEAD_UPSTREAM_LIMITER_H

#include <stdbool.h>
#include <stdint.h>

// A token bucket. A tenth of the minute's calls may go at once, the others follow evenly; so that
// no minute sees more than per_minute of them (per_minute + 1 below 10). One thread; times are
// monotonic microseconds.
struct limiter {
    int64_t every_us; // one more call each; 0: no cap
    int64_t burst_us; // what an unused limiter has saved up
    int64_t free_us;  // when all that was saved up is spent, and the next call may go
};

// limiter_init() makes a limiter; per_minute 0 is no cap.
void limiter_init(struct limiter *limiter, unsigned per_minute);

// limiter_take() takes one call. When it may not go yet it returns false and in how many
// microseconds it may.
bool limiter_take(struct limiter *limiter, int64_t now_us, int64_t *ret_wait_us);

#endif
