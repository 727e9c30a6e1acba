// How long LightFusion works on a model, learnt from those it finished: when to look, what to tell.
#ifndef SUNLEAD_DOMAIN_GENERATION_H
#define SUNLEAD_DOMAIN_GENERATION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/number.h"

// What is known of the time one model took: more than after_us, at most by_us. The truth lies
// between two looks, so that what is learnt never depends on when we happened to look.
struct generation_span {
    int64_t after_us;
    int64_t by_us;
    bool first; // the first look found it done: after_us is not known
};

#define GENERATION_SPANS_MIN 30  // fewer are made up for by what is usual: 30 to 120 s
#define GENERATION_SPANS_MAX 300 // of the models ordered last
#define GENERATION_CELLS     256

// What was learnt, by generation_learn().
struct generation {
    size_t count;     // spans that it rests on
    int64_t first_us; // age of a project at its first look
    int64_t step_us;  // from look to look, where ends are likely
    double haste;     // 0 to 1: how much too late the first looks come
    int64_t cell_us;
    double done[GENERATION_CELLS + 1]; // share of models that take i * cell_us at most
};

// generation_learn() learns from the newest spans; those that say too little (wide ones, as after
// an outage) are left out. What is usual stands in for spans that lack to GENERATION_SPANS_MIN, as
// far as those that are there do not contradict it.
void generation_learn(struct generation *generation, const struct generation_span *spans,
                      size_t count);

// generation_settled_us() is the age at which models are done, nearly all: those ordered more
// lately teach nothing yet, since only the fast ones of them have ended.
int64_t generation_settled_us(const struct generation *generation);

// generation_is_known() tells whether it rests on what was seen alone.
bool generation_is_known(const struct generation *generation);

// generation_next_look_us() is how long to wait before the next look at a project of an age that is
// not done, so that ends are noticed within 6 s nearly always, with 8 looks a model at most on
// average (longer steps where it would be more); jitter is from 0 to 1.
int64_t generation_next_look_us(const struct generation *generation, int64_t age_us, double jitter);

// generation_remaining_us() is the median of what remains for a project of an age that is not done;
// unset where nothing is known or it is older than nearly all were.
struct opt_i64 generation_remaining_us(const struct generation *generation, int64_t age_us);

#endif
