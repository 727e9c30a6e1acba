// Tests of rules in force: sim/sim_faults.c.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "sim/sim_faults.h"

struct hand_clock {
    struct clock clock;
    int64_t us;
};

static int64_t hand_now(const struct clock *clock)
{
    return CONTAINER_OF(clock, struct hand_clock, clock)->us;
}

static struct hand_clock hands = {.clock = {hand_now, hand_now}};

static struct sim_faults *open_with(uint64_t seed, double scale, const char *rule)
{
    struct str text = str_of(rule);
    struct sim_settings settings = {.seed = seed,
                                    .time_scale = scale,
                                    .rules = &text,
                                    .rule_count = rule == NULL ? 0 : 1,
                                    .clock = &hands.clock};
    struct sim_faults *faults = NULL;
    struct error err;
    error_reset(&err);
    if (sim_faults_open(&settings, &faults, &err) != ERR_OK)
        fail_msg("%s", err.message);
    return faults;
}

static bool draws(struct sim_faults *faults, enum sim_place place, enum sim_fault fault)
{
    struct sim_plan plan;
    sim_faults_draw(faults, place, &plan);
    return sim_plan_has(&plan, fault);
}

// What 20 creates meet, as "x..x"; other calls come in between.
static const char *pattern(struct sim_faults *faults, char ret_text[21])
{
    for (int i = 0; i < 20; i++) {
        ret_text[i] = draws(faults, SIM_CREATE, SIM_FAULT_500) ? 'x' : '.';
        assert_false(draws(faults, SIM_SESSION, SIM_FAULT_500));
    }
    ret_text[20] = '\0';
    return ret_text;
}

static void test_conditions(void **state)
{
    (void)state;
    static const struct {
        const char *rule, *want;
    } table[] = {
        {"create:500", "xxxxxxxxxxxxxxxxxxxx"},
        {"create:500:p=0", "...................."},
        {"create:500:every=3", "..x..x..x..x..x..x.."},
        {"create:500:first=2", "xx.................."},
        {"create:500:times=3", "xxx................."},
        {"create:500:every=4,times=2", "...x...x............"},
        {"create:500:every=4,first=9", "...x...x............"},
        {"create:500:after=1s", "...................."},
        {NULL, "...................."},
    };
    for (size_t i = 0; i < COUNT_OF(table); i++) {
        char text[21];
        struct sim_faults *faults = open_with(1, 1, table[i].rule);
        if (strcmp(pattern(faults, text), table[i].want) != 0)
            fail_msg("%s: %s", table[i].rule, text);
        sim_faults_close(faults);
    }
}

static void test_seed(void **state)
{
    (void)state;
    char first[21], again[21], other[21], other_rule[21];
    struct sim_faults *faults = open_with(1, 1, "create:500:p=0.5");
    pattern(faults, first);
    sim_faults_close(faults);
    faults = open_with(1, 1, "any:latency:p=0.5"); // others' draws change nothing
    struct error err;
    error_reset(&err);
    struct str rule = STR("create:500:p=0.5");
    assert_int_equal(sim_faults_add(faults, &rule, 1, false, &err), ERR_OK);
    pattern(faults, again);
    sim_faults_close(faults);
    faults = open_with(2, 1, "create:500:p=0.5");
    pattern(faults, other);
    sim_faults_close(faults);
    faults = open_with(1, 1, "create:500:p=0.51");
    pattern(faults, other_rule);
    sim_faults_close(faults);
    assert_string_equal(first, again);
    assert_string_not_equal(first, other);
    assert_string_not_equal(first, other_rule);
    assert_non_null(strchr(first, 'x'));
    assert_non_null(strchr(first, '.'));
}

static void test_probability(void **state)
{
    (void)state;
    struct sim_faults *faults = open_with(7, 1, "create:500:p=0.1");
    int hits = 0;
    for (int i = 0; i < 10000; i++)
        hits += draws(faults, SIM_CREATE, SIM_FAULT_500);
    assert_in_range(hits, 900, 1100);
    sim_faults_close(faults);
}

static void test_window(void **state)
{
    (void)state;
    static const struct {
        double scale;
        int64_t factor;
    } table[] = {{1, 100}, {100, 1}};
    for (size_t i = 0; i < COUNT_OF(table); i++) {
        int64_t second_us = table[i].factor * US_PER_S / 100;
        struct sim_faults *faults =
            open_with(1, table[i].scale, "create:500:after=10s,for=20s,times=2");
        for (int second = 0; second < 40; second++) {
            bool want = second == 10 || second == 11;
            assert_int_equal(draws(faults, SIM_CREATE, SIM_FAULT_500), want);
            hands.us += second_us;
        }
        sim_faults_close(faults);
        faults = open_with(1, table[i].scale, "create:500:after=10s,for=20s,every=5");
        for (int second = 0; second < 40; second++) {
            bool want = second == 14 || second == 19 || second == 24 || second == 29;
            assert_int_equal(draws(faults, SIM_CREATE, SIM_FAULT_500), want);
            hands.us += second_us;
        }
        sim_faults_close(faults);
    }
}

static void test_several(void **state)
{
    (void)state;
    struct sim_faults *faults = open_with(1, 1, "create:latency:by=5ms");
    static const struct str more[] = {STR_INIT("create:latency:by=9ms"), STR_INIT("any:drip")};
    struct sim_plan plan;
    struct error err;
    error_reset(&err);
    assert_int_equal(sim_faults_add(faults, more, 2, false, &err), ERR_OK);
    sim_faults_draw(faults, SIM_CREATE, &plan);
    assert_int_equal(plan.values[SIM_FAULT_LATENCY], 5); // the one that was there first
    assert_true(sim_plan_has(&plan, SIM_FAULT_DRIP));
    sim_faults_draw(faults, SIM_PROJECT, &plan);
    assert_int_equal(plan.faults, 0);
    assert_int_equal(sim_faults_remove(faults, 1, &err), ERR_OK);
    assert_int_equal(sim_faults_remove(faults, 1, &err), ERR_NOT_FOUND);
    sim_faults_draw(faults, SIM_CREATE, &plan);
    assert_int_equal(plan.values[SIM_FAULT_LATENCY], 9);
    assert_int_equal(sim_faults_add(faults, NULL, 0, true, &err), ERR_OK);
    sim_faults_draw(faults, SIM_CREATE, &plan);
    assert_int_equal(plan.faults, 0);
    sim_faults_close(faults);
}

static void test_limits(void **state)
{
    (void)state;
    struct sim_faults *faults = open_with(1, 1, NULL);
    struct str texts[SIM_RULE_MAX + 1];
    struct error err;
    for (size_t i = 0; i < COUNT_OF(texts); i++)
        texts[i] = STR("create:500");
    error_reset(&err);
    assert_int_equal(sim_faults_add(faults, texts, SIM_RULE_MAX + 1, true, &err), ERR_INVALID);
    assert_string_equal(err.places[0].pointer, "/rules");
    assert_false(draws(faults, SIM_CREATE, SIM_FAULT_500)); // all or none
    error_reset(&err);
    assert_int_equal(sim_faults_add(faults, texts, SIM_RULE_MAX, true, &err), ERR_OK);
    assert_int_equal(sim_faults_add(faults, texts, 1, false, &err), ERR_INVALID);
    error_reset(&err);
    texts[1] = STR("create:oops");
    assert_int_equal(sim_faults_add(faults, texts, 2, true, &err), ERR_INVALID);
    assert_string_equal(err.places[0].pointer, "/rules/1");
    assert_true(draws(faults, SIM_CREATE, SIM_FAULT_500));
    sim_faults_close(faults);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_conditions),  cmocka_unit_test(test_seed),
        cmocka_unit_test(test_probability), cmocka_unit_test(test_window),
        cmocka_unit_test(test_several),     cmocka_unit_test(test_limits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
