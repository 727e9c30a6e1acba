// Tests of spoiled bodies: sim/sim_spoil.c.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "json/json_read.h"
#include "sim/sim_fault.h"
#include "sim/sim_spoil.h"

static void test_types(void **state)
{
    (void)state;
    static const struct {
        const char *json, *want;
    } table[] = {
        {"{}", "{}"},
        {"{\"a\":1,\"b\":-2.5e3}", "{\"a\":\"#1\",\"b\":\"#-2.5e3\"}"},
        {"{\"a\":\"text\",\"b\":\"\"}", "{\"a\":6,\"b\":2}"},
        {"{\"a\":null,\"b\":[true,false, 7]}", "{\"a\":{},\"b\":[{},{}, \"#7\"]}"},
        {"{\"a\\\"b\":\"\\\"\\\\\",\"c\":{\"d\":0}}", "{\"a\\\"b\":6,\"c\":{\"d\":\"#0\"}}"},
        {"[1,2,3]", "[\"#1\",\"#2\",\"#3\"]"},
    };
    for (size_t i = 0; i < COUNT_OF(table); i++) {
        CLEANUP(arena_close_ptr) struct arena *arena = arena_open(0);
        CLEANUP(json_doc_free_ptr) struct json_doc *doc = NULL;
        struct error err;
        struct str spoiled = sim_spoil_types(str_of(table[i].json), arena);
        if (!str_equal(spoiled, str_of(table[i].want)))
            fail_msg("%.*s", STR_ARG(spoiled));
        assert_int_equal(json_parse(spoiled, &doc, &err), ERR_OK);
    }
}

static void test_length(void **state)
{
    (void)state;
    assert_int_equal(sim_spoil_length(11, SIM_HALF), 5);
    assert_int_equal(sim_spoil_length(11, 0), 0);
    assert_int_equal(sim_spoil_length(11, 10), 10);
    assert_int_equal(sim_spoil_length(11, 12), 11);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_types),
        cmocka_unit_test(test_length),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
