// The distribution of generation times by their spans, and the looks that follow from it.
#include "domain/generation.h"

#include <math.h>
#include <string.h>

#define S             INT64_C(1000000)
#define AT_MOST_US    (1800 * S)             // what took longer was given up before
#define NARROW_US     (30 * S)               // spans up to this are good, wider ones by their end
#define STEP_MIN_US   (5900 * INT64_C(1000)) // a look itself takes a moment too
#define STEP_FACTOR   1.03
#define LOOKS_MAX     7.9 // on average
#define LOOKS_DOUBT   0.8
#define EARLY_SHARE   0.025    // may be done for longer than a step at the first look
#define SPARSE_SHARE  0.001    // likewise at each further one
#define FIRST_SPAN    1.5      // steps
#define FIRST_USUAL   0.25     // share of models that are done at their first look, at most
#define GAP_MAX_US    (30 * S) // between looks while ends are to be expected
#define TAIL_MIN_US   (10 * S) // and when nearly all were done by then
#define TAIL_MAX_US   (60 * S)
#define FIRST_MAX_US  (300 * S) // somebody may watch the progress
#define LOOK_AGAIN_US (3 * S)   // at the earliest
#define OLD_SHARE     0.98
#define WALK_MAX      10000
#define JITTER        0.01
// What is believed of an installation without history: evenly from 30 to 120 s.
#define PRIOR_FROM_US (30 * S)
#define PRIOR_TO_US   (120 * S)
#define PRIOR_STEP_US (3 * S)
#define PRIOR_SPANS   ((size_t)((PRIOR_TO_US - PRIOR_FROM_US) / PRIOR_STEP_US))
#define PRIOR_SLACK   1.25 // a look comes later than the end
#define PRIOR_DOUBT   3    // models that speak for it from the start

bool generation_is_known(const struct generation *generation)
{
    return generation->count >= GENERATION_SPANS_MIN;
}

int64_t generation_settled_us(const struct generation *generation)
{
    int64_t longest_us = generation->cell_us * GENERATION_CELLS;
    if (longest_us < PRIOR_TO_US)
        longest_us = PRIOR_TO_US;
    return longest_us + longest_us / 10;
}

static bool is_usable(const struct generation_span *span)
{
    if (span->by_us <= 0 || span->by_us > AT_MOST_US || span->after_us < 0 ||
        span->after_us >= span->by_us)
        return false;
    int64_t width_us = span->by_us - span->after_us;
    return span->first || width_us <= NARROW_US || width_us <= span->by_us / 2;
}

// Spans of one weight.
struct evidence {
    const struct generation_span *spans;
    size_t count;
    double weight; // of each
};

static double weight_of(const struct evidence *evidence)
{
    double weight = 0;
    for (size_t i = 0; i < evidence->count; i++)
        weight += is_usable(&evidence->spans[i]) ? evidence->weight : 0;
    return weight;
}

// How far back from its first look the time of a model may lie that was done by then, as a part of
// the way to the usual one: a step and a half, up to half of the age when the first look comes so
// late that it finds many. So it comes earlier when many are done by then, later when few are.
static double haste(const struct evidence *seen, double weight)
{
    double first = 0;
    for (size_t i = 0; i < seen->count; i++)
        first += seen->spans[i].first && is_usable(&seen->spans[i]) ? 1 : 0;
    return fmin(fmax((first / weight - FIRST_USUAL) / FIRST_USUAL, 0), 1);
}

// What is believed before there is enough: it makes up for the spans that lack, and the less the
// more of those that are there contradict it.
static void fill_prior(struct generation_span spans[PRIOR_SPANS], const struct evidence *seen,
                       size_t usable, struct evidence *ret_prior)
{
    double fits = 0;
    for (size_t i = 0; i < seen->count; i++)
        fits +=
            is_usable(&seen->spans[i]) && (double)seen->spans[i].by_us <= PRIOR_SLACK * PRIOR_TO_US
                ? 1
                : 0;
    double belief = (fits + PRIOR_DOUBT) / ((double)usable + PRIOR_DOUBT);
    double missing = usable < GENERATION_SPANS_MIN ? (double)(GENERATION_SPANS_MIN - usable) : 0;
    for (size_t i = 0; i < PRIOR_SPANS; i++) {
        int64_t after_us = PRIOR_FROM_US + (int64_t)i * PRIOR_STEP_US;
        spans[i] = (struct generation_span){after_us, after_us + PRIOR_STEP_US, false};
    }
    *ret_prior = (struct evidence){spans, PRIOR_SPANS, missing * belief * belief / PRIOR_SPANS};
}

// Where the time of a model lies, evenly spread.
static void place(const struct generation *g, const struct generation_span *span, double *ret_from,
                  double *ret_to)
{
    double to = (double)span->by_us;
    double back = FIRST_SPAN * (double)g->step_us;
    if (to / 2 > back)
        back += (to / 2 - back) * g->haste;
    *ret_from = span->first ? fmax(to - back, 0) : (double)span->after_us;
    *ret_to = to;
}

// The sum of all ramps from 0 at a span's beginning to 1 at its end. Only the cells inside of a
// span are worked out; those behind it are counted once, at the first of them.
static void add_ramps(struct generation *g, const struct evidence *evidence, double *ended)
{
    for (size_t i = 0; i < evidence->count; i++) {
        double from;
        double to;
        if (!is_usable(&evidence->spans[i]))
            continue;
        place(g, &evidence->spans[i], &from, &to);
        size_t cell = (size_t)(from / (double)g->cell_us) + 1;
        for (; cell <= GENERATION_CELLS && (double)cell * (double)g->cell_us < to; cell++)
            g->done[cell] +=
                evidence->weight * ((double)cell * (double)g->cell_us - from) / (to - from);
        ended[cell] += evidence->weight;
    }
}

static void spread(struct generation *g, const struct evidence evidence[2], double weight)
{
    double ended[GENERATION_CELLS + 2] = {0};
    memset(g->done, 0, sizeof(g->done));
    for (int i = 0; i < 2; i++) {
        if (evidence[i].weight > 0)
            add_ramps(g, &evidence[i], ended);
    }
    double before = 0;
    for (size_t cell = 0; cell <= GENERATION_CELLS; cell++) {
        before += ended[cell];
        g->done[cell] = (g->done[cell] + before) / weight;
    }
}

// The share of models that take age_us at most.
static double share_done(const struct generation *g, int64_t age_us)
{
    double at = fmax((double)age_us, 0) / (double)g->cell_us;
    if (at >= GENERATION_CELLS)
        return 1;
    size_t cell = (size_t)at;
    return g->done[cell] + (g->done[cell + 1] - g->done[cell]) * (at - (double)cell);
}

// The last age by which no more than a share is done; INT64_MAX if all ever are.
static int64_t age_of_share(const struct generation *g, double share)
{
    size_t low = 0;
    size_t high = GENERATION_CELLS;
    if (g->done[high] <= share)
        return INT64_MAX;
    while (high - low > 1) {
        size_t middle = (low + high) / 2;
        if (g->done[middle] <= share)
            low = middle;
        else
            high = middle;
    }
    double part = (share - g->done[low]) / (g->done[high] - g->done[low]);
    return (int64_t)(((double)low + fmax(part, 0)) * (double)g->cell_us);
}

static int64_t clamp(int64_t value, int64_t min, int64_t max)
{
    return value < min ? min : value > max ? max : value;
}

static int64_t step_at(const struct generation *g, int64_t age_us)
{
    int64_t sparse_until_us = age_of_share(g, share_done(g, age_us) + SPARSE_SHARE);
    int64_t step_us = g->step_us;
    if (sparse_until_us == INT64_MAX)
        step_us = clamp(age_us / 10, TAIL_MIN_US, TAIL_MAX_US);
    else
        step_us += clamp(sparse_until_us - age_us, 0, GAP_MAX_US);
    return step_us < g->step_us ? g->step_us : step_us;
}

static void plan(struct generation *g)
{
    g->first_us = clamp(age_of_share(g, EARLY_SHARE) + g->step_us, LOOK_AGAIN_US, FIRST_MAX_US);
}

static double looks_expected(const struct generation *g)
{
    double looks = 1;
    int64_t age_us = g->first_us;
    for (int i = 0; i < WALK_MAX && share_done(g, age_us) < 1; i++) {
        looks += 1 - share_done(g, age_us);
        age_us += step_at(g, age_us);
    }
    return looks;
}

static int64_t longest_of(const struct evidence *evidence)
{
    int64_t longest_us = 0;
    for (size_t i = 0; i < evidence->count; i++) {
        if (is_usable(&evidence->spans[i]) && evidence->spans[i].by_us > longest_us)
            longest_us = evidence->spans[i].by_us;
    }
    return longest_us;
}

// The mean of few spans is chance too: it must not make the steps longer.
static double looks_max(size_t count)
{
    if (count < GENERATION_SPANS_MIN)
        return LOOKS_MAX;
    return LOOKS_MAX + LOOKS_DOUBT * (1 - (double)count / GENERATION_SPANS_MAX);
}

void generation_learn(struct generation *generation, const struct generation_span *spans,
                      size_t count)
{
    struct generation_span prior_spans[PRIOR_SPANS];
    struct evidence evidence[2];
    struct evidence *seen = &evidence[0];
    struct evidence *prior = &evidence[1];
    struct generation g = {.step_us = STEP_MIN_US};
    if (count > GENERATION_SPANS_MAX)
        count = GENERATION_SPANS_MAX;
    *seen = (struct evidence){spans, count, 1};
    g.count = (size_t)weight_of(seen);
    fill_prior(prior_spans, seen, g.count, prior);
    int64_t longest_us = longest_of(seen);
    if (prior->weight > 0 && longest_us < PRIOR_TO_US)
        longest_us = PRIOR_TO_US;
    double weight = weight_of(seen) + weight_of(prior);
    g.cell_us = longest_us / GENERATION_CELLS + 1;
    g.haste = haste(seen, weight);
    for (;;) {
        spread(&g, evidence, weight);
        plan(&g);
        if (looks_expected(&g) <= looks_max(g.count) || g.step_us > FIRST_MAX_US)
            break;
        g.step_us = (int64_t)((double)g.step_us * STEP_FACTOR);
    }
    *generation = g;
}

int64_t generation_next_look_us(const struct generation *generation, int64_t age_us, double jitter)
{
    // One look shortly before the first stands for it.
    int64_t wait_us = generation->first_us - age_us;
    if (wait_us < generation->step_us / 2)
        wait_us = step_at(generation, age_us);
    wait_us -= (int64_t)(JITTER * jitter * (double)wait_us);
    return wait_us < LOOK_AGAIN_US ? LOOK_AGAIN_US : wait_us;
}

struct opt_i64 generation_remaining_us(const struct generation *generation, int64_t age_us)
{
    if (!generation_is_known(generation))
        return (struct opt_i64){0};
    double done = share_done(generation, age_us);
    if (done >= OLD_SHARE)
        return (struct opt_i64){0};
    int64_t at_us = age_of_share(generation, done + (1 - done) / 2);
    return OPT_I64(at_us > age_us ? at_us - age_us : 0);
}
