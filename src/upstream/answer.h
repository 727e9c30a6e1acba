// What an HTTP answer means for a call, by one table.
#ifndef SUNLEAD_UPSTREAM_ANSWER_H
#define SUNLEAD_UPSTREAM_ANSWER_H

#include <stdbool.h>

#include "base/arena.h"
#include "upstream/breaker.h"
#include "upstream/lightfusion.h"

struct answer_meaning {
    enum lf_outcome outcome;
    enum order_failure failure;
};

// answer_meaning() is what became of a request; paid tells whether it was a create. LF_OK for every
// 2xx.
struct answer_meaning answer_meaning(const struct http_call *http, bool paid);

// answer_nonsense() is the meaning of a 2xx that could not be understood.
struct answer_meaning answer_nonsense(bool paid);

// answer_verdict() is what a request tells the breaker: nothing that our own side held back, bad
// for no answer, 408 and 5xx, good for all others.
enum breaker_verdict answer_verdict(const struct http_call *http);

// answer_words() is why a request failed, in LightFusion's words or ours, in the arena. With
// strict, of an answer only the members meant for it are taken, and not the whole text where there
// are none: it might repeat what was sent. Cleaned, but neither cut nor redacted: session_words()
// does that.
struct str answer_words(const struct http_call *http, bool strict, struct arena *arena);

#endif
