// The circuit breaker: stops calls to a peer that keeps failing, then lets one probe through.
#ifndef SUNLEAD_UPSTREAM_BREAKER_H
#define SUNLEAD_UPSTREAM_BREAKER_H

#include <stdbool.h>
#include <stdint.h>

// Closed until failures_max failures in a row open it for open_us; then one probe decides. It never
// ends a call that was sent. One thread; times are monotonic microseconds.
struct breaker {
    unsigned failures_max;
    int64_t open_us;
    unsigned failures; // in a row
    bool open;
    int64_t open_until_us;
    bool probing;
};

enum breaker_advice {
    BREAKER_GO,
    BREAKER_PROBE, // one call may go, marked as the probe
    BREAKER_STOP,
};

enum breaker_verdict {
    BREAKER_GOOD,
    BREAKER_BAD,
    BREAKER_NO_VERDICT, // the call tells nothing of the peer
};

enum breaker_change { BREAKER_SAME, BREAKER_OPENED, BREAKER_CLOSED };

// breaker_init() makes a closed breaker.
void breaker_init(struct breaker *breaker, unsigned failures_max, int64_t open_us);

// breaker_ask() tells whether a call may go now; asking changes nothing.
enum breaker_advice breaker_ask(const struct breaker *breaker, int64_t now_us);

// breaker_begin_probe() notes that the probe is on its way. Only after BREAKER_PROBE.
void breaker_begin_probe(struct breaker *breaker);

// breaker_report() takes what became of a call; probe tells whether it was the probe. While the
// breaker is open, calls that were sent before do not count.
enum breaker_change breaker_report(struct breaker *breaker, bool probe,
                                   enum breaker_verdict verdict, int64_t now_us);

#endif
