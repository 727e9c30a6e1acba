// How much faster than in earnest the program's time-outs run, for trials that cannot wait.
#ifndef SUNLEAD_BASE_PACE_H
#define SUNLEAD_BASE_PACE_H

#include <stdint.h>

// A loaded machine needs this long for a step; nothing is made shorter.
#define PACE_LEAST_US INT64_C(250000)

#define PACE_MAX 1000

// pace_us() is a span by a pace: 0 and 1 leave it, 60 makes a minute a second.
static inline int64_t pace_us(unsigned pace, int64_t span_us)
{
    if (pace <= 1 || span_us <= PACE_LEAST_US)
        return span_us;
    return span_us / pace < PACE_LEAST_US ? PACE_LEAST_US : span_us / pace;
}

#endif
