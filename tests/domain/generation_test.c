// Tests of domain/generation.c: models of many shapes are followed as the program does it, each
// learning from what was noticed of those before.
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/random.h"
#include "domain/generation.h"

#define S        US_PER_S
#define MODELS   2500
#define MEASURED 1500 // the last ones, when the schedule has settled

typedef double draw_fn(struct random *random);

static double draw_uniform(struct random *random)
{
    return 30 + 90 * random_unit(random);
}

static double draw_narrow(struct random *random)
{
    return 44 + 2 * random_unit(random);
}

static double draw_two_humps(struct random *random)
{
    double hump = random_unit(random) < 0.5 ? 35 : 100;
    return hump + 8 * random_unit(random);
}

// Log-normal, median 50 s: 5 % take more than 190 s.
static double draw_long_tail(struct random *random)
{
    double u = fmax(random_unit(random), 1e-9);
    double normal = sqrt(-2 * log(u)) * cos(2 * M_PI * random_unit(random));
    return fmin(50 * exp(0.8 * normal), 1700);
}

// Log-normal, median 60 s: 5 % take less than 34 s, 5 % more than 107 s.
static double draw_short_tail(struct random *random)
{
    double u = fmax(random_unit(random), 1e-9);
    double normal = sqrt(-2 * log(u)) * cos(2 * M_PI * random_unit(random));
    return 60 * exp(0.35 * normal);
}

static double draw_minutes(struct random *random)
{
    return 300 + 300 * random_unit(random);
}

static double draw_slow(struct random *random)
{
    return 600 + 900 * random_unit(random);
}

static double draw_fast(struct random *random)
{
    return 1 + 3 * random_unit(random);
}

struct followed {
    int looks;
    double late_s;
    struct generation_span span;
};

// A look takes up to 300 ms on the way.
static struct followed follow(const struct generation *g, double took_s, struct random *random)
{
    struct followed followed = {0};
    int64_t took_us = (int64_t)(took_s * 1e6);
    int64_t age_us = 0;
    int64_t seen_us = 0;
    for (;;) {
        age_us += generation_next_look_us(g, age_us, random_unit(random));
        followed.looks++;
        int64_t asked_us = age_us + random_between(random, 0, 300 * US_PER_MS);
        if (asked_us >= took_us) {
            followed.late_s = (double)(asked_us - took_us) / 1e6;
            followed.span = (struct generation_span){seen_us, asked_us, seen_us == 0};
            return followed;
        }
        seen_us = asked_us;
    }
}

struct result {
    double looks;      // a model
    double in_time;    // share that is noticed within 6 s
    double late_max_s; // of the measured ones
    double first_s;
    double step_s;
};

// Follows models of one shape after the other; each shape begins with what the one before taught.
struct world {
    struct generation g;
    struct generation_span spans[GENERATION_SPANS_MAX];
    size_t seen;
    struct random random;
};

static struct result run(struct world *world, draw_fn *draw, int models, int measured)
{
    struct result result = {0};
    if (world->seen == 0)
        generation_learn(&world->g, NULL, 0);
    for (int i = 0; i < models; i++) {
        struct followed followed = follow(&world->g, draw(&world->random), &world->random);
        world->spans[world->seen++ % GENERATION_SPANS_MAX] = followed.span;
        if (i % 20 == 0) // once a minute, as it were
            generation_learn(&world->g, world->spans,
                             world->seen < GENERATION_SPANS_MAX ? world->seen
                                                                : GENERATION_SPANS_MAX);
        if (i < models - measured)
            continue;
        result.looks += followed.looks / (double)measured;
        result.in_time += (followed.late_s <= 6) / (double)measured;
        result.late_max_s = fmax(result.late_max_s, followed.late_s);
    }
    result.first_s = (double)world->g.first_us / 1e6;
    result.step_s = (double)world->g.step_us / 1e6;
    return result;
}

struct shape {
    const char *what;
    draw_fn *draw;
    double looks_max;
    double in_time_min;
    double late_max_s;
};

static const struct shape shapes[] = {
    {"30 to 120 s", draw_uniform, 8, 0.95, 20}, {"about 45 s", draw_narrow, 2.5, 0.95, 10},
    {"two humps", draw_two_humps, 6, 0.95, 40}, {"a long tail", draw_long_tail, 8, 0.5, 80},
    {"10 to 25 minutes", draw_slow, 8, 0, 400}, {"1 to 4 s", draw_fast, 2, 0.95, 10},
};

static void test_shapes(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(shapes); i++) {
        const struct shape *shape = &shapes[i];
        struct world world = {0};
        random_seed(&world.random, 7 + i);
        struct result result = run(&world, shape->draw, MODELS, MEASURED);
        print_message("%s: %.2f looks, %.1f %% within 6 s, at most %.1f s late, first look after "
                      "%.1f s, then every %.1f s\n",
                      shape->what, result.looks, 100 * result.in_time, result.late_max_s,
                      result.first_s, result.step_s);
        assert_true(result.looks <= shape->looks_max);
        assert_true(result.in_time >= shape->in_time_min);
        assert_true(result.late_max_s <= shape->late_max_s);
    }
}

// What the first models of an installation meet: learnt from are those that came before the last
// five, since some are always at work.
static struct result run_first(struct world *world, draw_fn *draw, size_t from, size_t to)
{
    struct result result = {0};
    double count = (double)(to - from);
    for (size_t i = 0; i < to; i++) {
        generation_learn(&world->g, world->spans, i < 5 ? 0 : i - 5);
        struct followed followed = follow(&world->g, draw(&world->random), &world->random);
        world->spans[i] = followed.span;
        if (i < from)
            continue;
        result.looks += followed.looks / count;
        result.in_time += (followed.late_s <= 6) / count;
    }
    return result;
}

#define SEEDS 40

static void test_from_the_start(void **state)
{
    static const struct {
        const char *what;
        draw_fn *draw;
        size_t from; // models
        size_t to;
        double looks_max;
        double in_time_min;
    } rows[] = {
        {"30 to 120 s, the first 30", draw_uniform, 0, 30, 8, 0.95},
        {"30 to 120 s, the next", draw_uniform, 30, 300, 8, 0.95},
        {"a short tail, the first 30", draw_short_tail, 0, 30, 8, 0.9},
        {"a short tail, the next", draw_short_tail, 30, 300, 8, 0.92},
        {"5 to 10 minutes, the first 5", draw_minutes, 0, 5, 30, 0},
        {"5 to 10 minutes, the next 15", draw_minutes, 5, 20, 15, 0},
        {"5 to 10 minutes, after that", draw_minutes, 20, 300, 9, 0},
    };
    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct result sum = {0};
        for (uint64_t seed = 0; seed < SEEDS; seed++) {
            struct world world = {0};
            random_seed(&world.random, seed);
            struct result result = run_first(&world, rows[i].draw, rows[i].from, rows[i].to);
            sum.looks += result.looks / SEEDS;
            sum.in_time += result.in_time / SEEDS;
        }
        print_message("%s: %.2f looks, %.1f %% within 6 s\n", rows[i].what, sum.looks,
                      100 * sum.in_time);
        assert_true(sum.looks <= rows[i].looks_max);
        assert_true(sum.in_time >= rows[i].in_time_min);
    }
}

// LightFusion becomes faster, or slower: the schedule follows.
static void test_change(void **state)
{
    static draw_fn *const order[] = {draw_slow,    draw_uniform, draw_narrow,
                                     draw_uniform, draw_fast,    draw_uniform};
    (void)state;
    struct world world = {0};
    random_seed(&world.random, 3);
    for (size_t i = 0; i < COUNT_OF(order); i++) {
        struct result result = run(&world, order[i], 2 * MODELS, MEASURED);
        print_message("%.2f looks, %.1f %% within 6 s, first %.1f s\n", result.looks,
                      100 * result.in_time, result.first_s);
        assert_true(result.looks <= 8);
        if (order[i] != draw_slow)
            assert_true(result.in_time >= 0.95);
    }
}

static void fill(struct generation_span *spans, size_t count, double from_s, double to_s)
{
    for (size_t i = 0; i < count; i++) {
        int64_t took_us = (int64_t)((from_s + (to_s - from_s) * (double)i / (double)count) * 1e6);
        spans[i] = (struct generation_span){took_us - 3 * S, took_us + 3 * S, false};
    }
}

static void test_too_little_is_known(void **state)
{
    (void)state;
    struct generation_span spans[GENERATION_SPANS_MIN];
    struct generation g = {0};
    assert_false(generation_is_known(&g));
    assert_false(generation_remaining_us(&g, 0).set);
    fill(spans, COUNT_OF(spans), 30, 120);
    generation_learn(&g, spans, GENERATION_SPANS_MIN - 1);
    assert_false(generation_is_known(&g));
    generation_learn(&g, spans, GENERATION_SPANS_MIN);
    assert_true(generation_is_known(&g));
    // What says too little does not count.
    static const struct generation_span useless[] = {
        {100 * S, 100 * S, false}, {0, 0, true},
        {-S, 5 * S, false},        {1795 * S, 1801 * S, false},
        {20 * S, 60 * S, false},   {0, 600 * S, false},
    };
    for (size_t i = 0; i < COUNT_OF(useless); i++) {
        spans[7] = useless[i];
        generation_learn(&g, spans, GENERATION_SPANS_MIN);
        assert_false(generation_is_known(&g));
    }
    spans[7] = (struct generation_span){0, 600 * S, true};
    generation_learn(&g, spans, GENERATION_SPANS_MIN);
    assert_true(generation_is_known(&g));
}

static void test_next_look(void **state)
{
    (void)state;
    static struct generation_span spans[GENERATION_SPANS_MAX + 1];
    struct generation g;
    fill(spans, GENERATION_SPANS_MAX, 30, 120);
    spans[GENERATION_SPANS_MAX] = (struct generation_span){0, S, true}; // beyond the newest
    generation_learn(&g, spans, GENERATION_SPANS_MAX + 1);
    assert_int_equal(g.count, GENERATION_SPANS_MAX);
    assert_in_range(g.first_us, 34 * S, 40 * S);
    assert_int_equal(generation_next_look_us(&g, 0, 0), g.first_us);
    assert_int_equal(generation_next_look_us(&g, -5 * S, 0),
                     g.first_us + 5 * S); // a clock set back
    // A look of a user shortly before the first one stands for it.
    assert_in_range(generation_next_look_us(&g, g.first_us - 2 * S, 0), 5 * S, 7 * S);
    assert_int_equal(generation_next_look_us(&g, g.first_us - 4 * S, 0), 4 * S);
    for (int64_t age_us = g.first_us; age_us < 115 * S; age_us += S)
        assert_in_range(generation_next_look_us(&g, age_us, 0), 5 * S, 7 * S);
    assert_int_equal(generation_next_look_us(&g, 124 * S, 0), 12400 * US_PER_MS);
    assert_int_equal(generation_next_look_us(&g, 1700 * S, 0), 60 * S);
    assert_true(generation_next_look_us(&g, 60 * S, 1) < generation_next_look_us(&g, 60 * S, 0));
}

// Those ordered last teach nothing until the slow ones among them are done too.
static void test_settled(void **state)
{
    (void)state;
    struct generation_span spans[GENERATION_SPANS_MIN];
    struct generation g = {0};
    assert_int_equal(generation_settled_us(&g), 132 * S);
    generation_learn(&g, NULL, 0);
    assert_in_range(generation_settled_us(&g), 132 * S, 133 * S);
    fill(spans, COUNT_OF(spans), 400, 600);
    generation_learn(&g, spans, COUNT_OF(spans));
    assert_in_range(generation_settled_us(&g), 650 * S, 670 * S);
}

static void test_remaining(void **state)
{
    (void)state;
    struct generation_span spans[GENERATION_SPANS_MAX];
    struct generation g;
    fill(spans, COUNT_OF(spans), 30, 120);
    generation_learn(&g, spans, COUNT_OF(spans));
    static const struct {
        int64_t age_s;
        int64_t remaining_s;
    } rows[] = {{-10, 85}, {0, 75}, {30, 45}, {75, 22}, {110, 5}};
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct opt_i64 remaining = generation_remaining_us(&g, rows[i].age_s * S);
        assert_true(remaining.set);
        assert_in_range(remaining.value, (rows[i].remaining_s - 2) * S,
                        (rows[i].remaining_s + 2) * S);
    }
    assert_false(generation_remaining_us(&g, 122 * S).set);
    assert_false(generation_remaining_us(&g, 5000 * S).set);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_shapes),    cmocka_unit_test(test_from_the_start),
        cmocka_unit_test(test_change),    cmocka_unit_test(test_too_little_is_known),
        cmocka_unit_test(test_next_look), cmocka_unit_test(test_settled),
        cmocka_unit_test(test_remaining),
    };
    return cmocka_run_group_tests_name("generation", tests, NULL, NULL);
}
