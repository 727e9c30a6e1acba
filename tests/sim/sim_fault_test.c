// Tests of rules and plans: sim/sim_fault.c.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "sim/sim_fault.h"

#define ALL_CALLS ((1u << SIM_PROJECT) - 1)
#define FILES     (1u << SIM_JPG | 1u << SIM_OBJ | 1u << SIM_PLY | 1u << SIM_MTL)

static void test_rules(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        struct sim_rule want;
    } table[] = {
        {"create:500", {SIM_FAULT_500, 1u << SIM_CREATE, 0, 1, 1, 0, 0, 0, 0}},
        {"create:lost-after-commit:p=0.1",
         {SIM_FAULT_LOST_AFTER_COMMIT, 1u << SIM_CREATE, 0, 0.1, 1, 0, 0, 0, 0}},
        {"any:outage:after=10s,for=30s",
         {SIM_FAULT_OUTAGE, ALL_CALLS, 0, 1, 1, 0, 0, 10000, 30000}},
        {"any:outage:status=503", {SIM_FAULT_OUTAGE, ALL_CALLS, 503, 1, 1, 0, 0, 0, 0}},
        {"complete:429:times=3", {SIM_FAULT_429, 1u << SIM_COMPLETE, 5000, 1, 1, 0, 3, 0, 0}},
        {"complete:429:retry-after=2m",
         {SIM_FAULT_429, 1u << SIM_COMPLETE, 120000, 1, 1, 0, 0, 0, 0}},
        {"file:cut:at=0,every=3,first=9", {SIM_FAULT_CUT, FILES, 0, 1, 3, 9, 0, 0, 0}},
        {"mtl:short", {SIM_FAULT_SHORT, 1u << SIM_MTL, SIM_HALF, 1, 1, 0, 0, 0, 0}},
        {"lookup:404", {SIM_FAULT_404, 1u << SIM_LEADS | 1u << SIM_LEAD, 0, 1, 1, 0, 0, 0, 0}},
        {"any:latency:by=250ms", {SIM_FAULT_LATENCY, ALL_CALLS, 250, 1, 1, 0, 0, 0, 0}},
        {"any:clock-skew:by=-90", {SIM_FAULT_CLOCK_SKEW, ALL_CALLS, -90000, 1, 1, 0, 0, 0, 0}},
        // Wherever of these it can happen.
        {"any:wrong-types", {SIM_FAULT_WRONG_TYPES, ALL_CALLS & ~FILES, 0, 1, 1, 0, 0, 0, 0}},
        {"any:lost-after-commit",
         {SIM_FAULT_LOST_AFTER_COMMIT, 1u << SIM_CREATE, 0, 1, 1, 0, 0, 0, 0}},
        {"project:stuck:at=99,p=1", {SIM_FAULT_STUCK, 1u << SIM_PROJECT, 99, 1, 1, 0, 0, 0, 0}},
        {"project:files-late:by=1h",
         {SIM_FAULT_FILES_LATE, 1u << SIM_PROJECT, 3600000, 1, 1, 0, 0, 0, 0}},
    };
    for (size_t i = 0; i < COUNT_OF(table); i++) {
        struct sim_rule rule = {0};
        struct error err;
        error_reset(&err);
        if (sim_rule_parse(str_of(table[i].text), &rule, &err) != ERR_OK)
            fail_msg("%s", err.message);
        const struct sim_rule *want = &table[i].want;
        assert_int_equal(rule.fault, want->fault);
        assert_int_equal(rule.places, want->places);
        assert_int_equal(rule.value, want->value);
        assert_true(rule.p == want->p);
        assert_int_equal(rule.every, want->every);
        assert_int_equal(rule.first, want->first);
        assert_int_equal(rule.times, want->times);
        assert_int_equal(rule.after_ms, want->after_ms);
        assert_int_equal(rule.for_ms, want->for_ms);
    }
}

static void test_wrong_rules(void **state)
{
    (void)state;
    static const struct {
        const char *text, *words;
    } table[] = {
        {"", ": no such place"},
        {"create", "create: : no such fault"},
        {"nowhere:500", "nowhere: no such place"},
        {"create:oops", "oops: no such fault"},
        {"create:500:", ": wanted OPTION=VALUE"},
        {"create:500:p", "p: wanted OPTION=VALUE"},
        {"create:500:p=2", "p=2: wanted a number from 0 to 1"},
        {"create:500:p=", "p=: wanted a number from 0 to 1"},
        {"create:500:p=0.1,", "wanted OPTION=VALUE"},
        {"create:500:p=-0.1", "p=-0.1: wanted"},
        {"create:500:q=1", "q: 500 has no such option"},
        {"create:500:by=1s", "by: 500 has no such option"},
        {"create:500:every=0", "every=0: wanted a whole number from 1 to 1000000000"},
        {"create:500:times=1.5", "times=1.5: wanted"},
        {"create:500:after=1d", "after=1d: wanted a duration"},
        {"create:500:after=-1s", "after=-1s: wanted a duration"},
        {"create:500:for=0s", "for=0s: wanted a duration"},
        {"create:latency:by=2h", "by=2h: wanted a duration from 0 to 3600 s"},
        {"create:outage:status=200", "status=200: wanted a whole number from 400 to 599"},
        {"file:huge:mb=4097", "mb=4097: wanted a whole number from 1 to 4096"},
        {"session:lost-after-commit", "session: lost-after-commit cannot happen there"},
        {"any:stuck", "any: stuck cannot happen there"},
        {"project:500", "project: 500 cannot happen there"},
        {"file:wrong-types", "file: wrong-types cannot happen there"},
        {"session:expire", "session: expire cannot happen there"},
        {"project:stuck:at=100", "at=100: wanted a whole number from 0 to 99"},
        {"any:latency:by=99999999999999999999s", "wanted a duration"},
        {"any:latency:by=s", "by=s: wanted a duration"},
    };
    for (size_t i = 0; i < COUNT_OF(table); i++) {
        struct sim_rule rule;
        struct error err;
        error_reset(&err);
        assert_int_equal(sim_rule_parse(str_of(table[i].text), &rule, &err), ERR_INVALID);
        if (strstr(err.message, table[i].words) == NULL ||
            !str_starts(str_of(err.message), str_of(table[i].text)))
            fail_msg("%s: %s", table[i].text, err.message);
    }
}

static void test_longest_rule(void **state)
{
    (void)state;
    char text[SIM_RULE_TEXT_MAX + 2];
    struct sim_rule rule;
    struct error err;
    int at = snprintf(text, sizeof(text), "create:500:times=");
    memset(text + at, '0', sizeof(text) - (size_t)at);
    text[SIM_RULE_TEXT_MAX - 1] = '7';
    text[SIM_RULE_TEXT_MAX] = '\0';
    assert_int_equal(sim_rule_parse(str_of(text), &rule, &err), ERR_OK);
    assert_int_equal(rule.times, 7);
    struct str longer = {text, SIM_RULE_TEXT_MAX + 1};
    assert_int_equal(sim_rule_parse(longer, &rule, &err), ERR_INVALID);
}

static void test_plans(void **state)
{
    (void)state;
    struct sim_plan plan = {0}, read;
    struct error err;
    CLEANUP(buf_done) struct buf buf;
    buf_init(&buf, 1000);
    sim_plan_print(&buf, &plan);
    assert_int_equal(buf.len, 0);
    sim_plan_add(&plan, SIM_FAULT_TWIN, 0);
    sim_plan_add(&plan, SIM_FAULT_CUT, SIM_HALF);
    sim_plan_add(&plan, SIM_FAULT_STUCK, 7);
    sim_plan_add(&plan, SIM_FAULT_STUCK, 9); // the first one counts
    sim_plan_print(&buf, &plan);
    assert_string_equal(buf_cstr(&buf), "cut=-1 stuck=7 twin");
    assert_int_equal(sim_plan_parse(buf_str(&buf), &read, &err), ERR_OK);
    assert_memory_equal(&read, &plan, sizeof(plan));
    assert_int_equal(sim_plan_parse(STR_NULL, &read, &err), ERR_OK);
    assert_int_equal(read.faults, 0);
    static const char *const wrong[] = {"oops", "stuck=x", "stuck=-2", "stuck=7,twin", " twin"};
    for (size_t i = 0; i < COUNT_OF(wrong); i++)
        assert_int_equal(sim_plan_parse(str_of(wrong[i]), &read, &err), ERR_INVALID);
}

static void test_what_plans_mean(void **state)
{
    (void)state;
    static const struct {
        enum sim_fault fault;
        int64_t value;
        int status;
        bool spoils;
    } table[] = {
        {SIM_FAULT_OUTAGE, 0, 0, true},
        {SIM_FAULT_OUTAGE, 502, 502, true},
        {SIM_FAULT_RESET_BEFORE, 0, 0, true},
        {SIM_FAULT_EXPIRE, 0, 401, true},
        {SIM_FAULT_429, 0, 429, true},
        {SIM_FAULT_LATENCY, 5, 0, false},
        {SIM_FAULT_LOST_AFTER_COMMIT, 0, 0, true},
        {SIM_FAULT_RESET_AFTER, 0, 0, false},
        {SIM_FAULT_CUT, 0, 0, true},
        {SIM_FAULT_CLOCK_SKEW, 5, 0, false},
    };
    for (size_t i = 0; i < COUNT_OF(table); i++) {
        struct sim_plan plan = {0};
        sim_plan_add(&plan, table[i].fault, table[i].value);
        assert_int_equal(sim_plan_status(&plan), table[i].status);
        assert_int_equal(sim_plan_spoils(&plan), table[i].spoils);
    }
    struct sim_plan both = {0};
    sim_plan_add(&both, SIM_FAULT_500, 0);
    sim_plan_add(&both, SIM_FAULT_OUTAGE, 0);
    assert_int_equal(sim_plan_status(&both), 0); // who is away says nothing
}

// Whoever reads the help finds each fault with its default as a rule can have it.
static void test_help(void **state)
{
    (void)state;
    CLEANUP(buf_done) struct buf buf;
    buf_init(&buf, 16384);
    sim_fault_help(&buf);
    const char *text = buf_cstr(&buf);
    assert_non_null(text);
    static const char *const lines[] = {
        "\n  any ",  "\n  session ", "\n  latency:by=1s ", "\n  cut:at=N ", "\n  outage:status=N ",
        "\n  twin ", "\n  for=30s "};
    for (size_t i = 0; i < COUNT_OF(lines); i++) {
        if (strstr(text, lines[i]) == NULL)
            fail_msg("%s", lines[i]);
    }
    for (size_t i = 0; i < SIM_FAULT_COUNT; i++) {
        struct sim_plan plan = {0};
        CLEANUP(buf_done) struct buf name;
        buf_init(&name, 100);
        sim_plan_add(&plan, (enum sim_fault)i, 0);
        sim_plan_print(&name, &plan);
        struct str word = str_slice(buf_str(&name), 0, str_find(buf_str(&name), '=', 0));
        assert_true(word.len > 0 && memmem(text, buf.len, word.ptr, word.len) != NULL);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rules),           cmocka_unit_test(test_wrong_rules),
        cmocka_unit_test(test_longest_rule),    cmocka_unit_test(test_plans),
        cmocka_unit_test(test_what_plans_mean), cmocka_unit_test(test_help),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
