// Time: an injected clock, and times to text and back.
#ifndef SUNLEAD_BASE_CLOCK_H
#define SUNLEAD_BASE_CLOCK_H

#include <stdint.h>

#include "base/buf.h"
#include "base/error.h"
#include "base/str.h"

#define US_PER_MS INT64_C(1000)
#define US_PER_S  INT64_C(1000000)

// A source of time. clock_system() is the real one; tests make their own.
struct clock {
    int64_t (*now_us)(const struct clock *clock);       // UTC microseconds since 1970
    int64_t (*monotonic_us)(const struct clock *clock); // never goes back; no relation to UTC
};

// clock_system() is the clock of the machine. It lives for ever.
const struct clock *clock_system(void);

// clock_now_us() reads UTC microseconds.
static inline int64_t clock_now_us(const struct clock *clock)
{
    return clock->now_us(clock);
}

// clock_monotonic_us() reads the monotonic time in microseconds.
static inline int64_t clock_monotonic_us(const struct clock *clock)
{
    return clock->monotonic_us(clock);
}

// TIME_TEXT_MAX is enough for what time_append() adds, with its NUL.
#define TIME_TEXT_MAX 32

// The first and the last microsecond of the years that texts can hold, 0000 to 9999.
#define TIME_MIN_US (INT64_C(-62167219200) * US_PER_S)
#define TIME_MAX_US (INT64_C(253402300800) * US_PER_S - 1)

// time_append() adds a time as RFC 3339 in UTC with Z; a fraction only where there is one (3 or 6
// digits). TIME_MIN_US to TIME_MAX_US; others are a programming error.
void time_append(struct buf *buf, int64_t time_us);

// time_parse() reads RFC 3339 (any offset, fraction up to 9 digits, cut to microseconds; also a
// bare date, which is midnight UTC). ERR_INVALID otherwise, also for leap seconds and for times
// that are not between TIME_MIN_US and TIME_MAX_US.
MUST_CHECK enum err time_parse(struct str s, int64_t *ret_time_us);

// time_append_http() adds a time as HTTP's IMF-fixdate (RFC 9110, section 5.6.7).
void time_append_http(struct buf *buf, int64_t time_us);

// time_parse_http() reads an IMF-fixdate. ERR_INVALID otherwise.
MUST_CHECK enum err time_parse_http(struct str s, int64_t *ret_time_us);

#endif
