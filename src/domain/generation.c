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
#define EARLY_SHARE   0.03     // may be done for longer than a step at the first look
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

bool generation_is_known(const struct generation *generation)
{
    return generation->count >= GENERATION_SPANS_MIN;
}

static bool is_usable(const struct generation_span *span)
{
    if (span->by_us <= 0 || span->by_us > AT_MOST_US || span->after_us < 0 ||
        span->after_us >= span->by_us)
        return false;
    int64_t width_us = span->by_us - span->after_us;
    return span->first || width_us <= NARROW_US || width_us <= span->by_us / 2;
}

// How far back from its first look the time of a model may lie that was done by then, as a part of
// the way to the usual one: a step and a half, up to half of the age when the first look comes so
// late that it finds many. So it comes earlier when many are done by then, later when few are.
static double haste(const struct generation_span *spans, size_t count, size_t usable)
{
    double first = 0;
    for (size_t i = 0; i < count; i++)
        first += spans[i].first && is_usable(&spans[i]) ? 1 : 0;
    return fmin(fmax((first / (double)usable - FIRST_USUAL) / FIRST_USUAL, 0), 1);
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
static void spread(struct generation *g, const struct generation_span *spans, size_t count)
{
    double ended[GENERATION_CELLS + 2] = {0};
    memset(g->done, 0, sizeof(g->done));
    for (size_t i = 0; i < count; i++) {
        double from;
        double to;
        if (!is_usable(&spans[i]))
            continue;
        place(g, &spans[i], &from, &to);
        size_t cell = (size_t)(from / (double)g->cell_us) + 1;
        for (; cell <= GENERATION_CELLS && (double)cell * (double)g->cell_us < to; cell++)
            g->done[cell] += ((double)cell * (double)g->cell_us - from) / (to - from);
        ended[cell]++;
    }
    double before = 0;
    for (size_t cell = 0; cell <= GENERATION_CELLS; cell++) {
        before += ended[cell];
        g->done[cell] = (g->done[cell] + before) / (double)g->count;
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

void generation_learn(struct generation *generation, const struct generation_span *spans,
                      size_t count)
{
    struct generation g = {.step_us = STEP_MIN_US};
    int64_t longest_us = 0;
    if (count > GENERATION_SPANS_MAX)
        count = GENERATION_SPANS_MAX;
    for (size_t i = 0; i < count; i++) {
        if (!is_usable(&spans[i]))
            continue;
        g.count++;
        if (spans[i].by_us > longest_us)
            longest_us = spans[i].by_us;
    }
    *generation = g;
    if (!generation_is_known(&g))
        return;
    g.cell_us = longest_us / GENERATION_CELLS + 1;
    g.haste = haste(spans, count, g.count);
    // The mean of few spans is chance too: it must not make the steps longer.
    double looks_max = LOOKS_MAX + LOOKS_DOUBT * (1 - (double)g.count / GENERATION_SPANS_MAX);
    for (;;) {
        spread(&g, spans, count);
        plan(&g);
        if (looks_expected(&g) <= looks_max || g.step_us > FIRST_MAX_US)
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
