// Owns the pace of calls.
#include "upstream/limiter.h"

#include "base/clock.h"

void limiter_init(struct limiter *limiter, unsigned per_minute)
{
    *limiter = (struct limiter){0};
    if (per_minute == 0)
        return;
    int64_t burst = per_minute < 10 ? 1 : per_minute / 10;
    int64_t steady = per_minute == 1 ? 1 : per_minute - burst;
    limiter->every_us = 60 * US_PER_S / steady;
    limiter->burst_us = (burst - 1) * limiter->every_us;
}

bool limiter_take(struct limiter *limiter, int64_t now_us, int64_t *ret_wait_us)
{
    if (limiter->every_us == 0)
        return true;
    int64_t saved_from_us = now_us - limiter->burst_us;
    if (limiter->free_us < saved_from_us)
        limiter->free_us = saved_from_us;
    if (limiter->free_us > now_us) {
        *ret_wait_us = limiter->free_us - now_us;
        return false;
    }
    limiter->free_us += limiter->every_us;
    return true;
}
