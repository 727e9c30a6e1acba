// Owns the decision whether a failing peer is called at all.
#include "upstream/breaker.h"

#include "base/macro.h"

void breaker_init(struct breaker *breaker, unsigned failures_max, int64_t open_us)
{
    *breaker = (struct breaker){.failures_max = failures_max, .open_us = open_us};
}

enum breaker_advice breaker_ask(const struct breaker *breaker, int64_t now_us)
{
    if (!breaker->open)
        return BREAKER_GO;
    if (breaker->probing || now_us < breaker->open_until_us)
        return BREAKER_STOP;
    return BREAKER_PROBE;
}

void breaker_begin_probe(struct breaker *breaker)
{
    check(breaker->open && !breaker->probing);
    breaker->probing = true;
}

static enum breaker_change report_probe(struct breaker *breaker, enum breaker_verdict verdict,
                                        int64_t now_us)
{
    breaker->probing = false;
    switch (verdict) {
    case BREAKER_GOOD:
        breaker->open = false;
        breaker->failures = 0;
        return BREAKER_CLOSED;
    case BREAKER_BAD:
        breaker->open_until_us = now_us + breaker->open_us;
        return BREAKER_SAME;
    case BREAKER_NO_VERDICT:
        return BREAKER_SAME;
    }
    return BREAKER_SAME;
}

enum breaker_change breaker_report(struct breaker *breaker, bool probe,
                                   enum breaker_verdict verdict, int64_t now_us)
{
    if (probe)
        return report_probe(breaker, verdict, now_us);
    if (breaker->open || verdict == BREAKER_NO_VERDICT)
        return BREAKER_SAME;
    breaker->failures = verdict == BREAKER_GOOD ? 0 : breaker->failures + 1;
    if (breaker->failures < breaker->failures_max)
        return BREAKER_SAME;
    breaker->open = true;
    breaker->open_until_us = now_us + breaker->open_us;
    return BREAKER_OPENED;
}
