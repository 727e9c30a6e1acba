// Tests of json_decode() in json/json_read.h.
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "json/json_read.h"

enum colour { COLOUR_NONE, COLOUR_RED, COLOUR_HIDDEN, COLOUR_BLUE };
static const char *const colour_names[] = {NULL, "red", NULL, "blue", FIELD_NAMES_END};

enum size { SIZE_SMALL, SIZE_LARGE };
static const char *const size_names[] = {"small", "large", FIELD_NAMES_END};

struct inner {
    struct opt_i64 n;
    struct str text;
};

struct thing {
    int64_t whole;
    struct opt_i64 opt_whole;
    double number;
    struct opt_f64 opt_number;
    bool flag;
    struct str text;
    struct opt_i64 at;
    enum colour colour;
    double list[3];
    struct inner inner;
    struct str raw;
    struct str other_name;
    int64_t fixed;
    struct str hidden;
    enum size size;
    struct opt_f64 at_least;
    struct opt_f64 at_most;
    struct str kept;
    double kept_list[1];
};

static const struct field inner_fields[] = {
    {FIELD_AS_OPT_I64(struct inner, n), .flags = FIELD_REQUIRED, .min = 1, .max = 5},
    {FIELD_AS_STR(struct inner, text, 4)},
};
static const struct field_table inner_table = FIELD_TABLE("inner", inner_fields, struct inner);

static const struct field fields[] = {
    {FIELD_AS_I64(struct thing, whole), .flags = FIELD_REQUIRED, .min = 1, .max = 1e6},
    {FIELD_AS_OPT_I64(struct thing, opt_whole)},
    {FIELD_AS_F64(struct thing, number), .flags = FIELD_REQUIRED, .min = -90, .max = 90},
    {FIELD_AS_OPT_F64(struct thing, opt_number)},
    {FIELD_AS_BOOL(struct thing, flag)},
    {FIELD_AS_STR(struct thing, text, 8)},
    {FIELD_AS_TIME(struct thing, at)},
    {FIELD_AS_ENUM(struct thing, colour, enum colour, colour_names)},
    {FIELD_AS_F64_LIST(struct thing, list, 3), .min = 0, .max = 1e3},
    {FIELD_AS_OBJECT(struct thing, inner, &inner_table)},
    {FIELD_AS_RAW(struct thing, raw, 16)},
    {FIELD_AS_STR(struct thing, other_name, 8), .alias = {"Othername", "otherName"}},
    {FIELD_AS_I64(struct thing, fixed), .flags = FIELD_READ_ONLY},
    {FIELD_AS_STR(struct thing, hidden, 8), .flags = FIELD_NO_JSON},
    {FIELD_AS_ENUM(struct thing, size, enum size, size_names)},
    {FIELD_AS_OPT_F64(struct thing, at_least), .min = 0.5, .max = (double)INFINITY},
    {FIELD_AS_OPT_F64(struct thing, at_most), .min = -(double)INFINITY, .max = -1},
    {FIELD_AS_STR(struct thing, kept, 8), .flags = FIELD_NOT_NULL},
    {FIELD_AS_F64_LIST(struct thing, kept_list, 1), .flags = FIELD_NOT_NULL},
};
static const struct field_table table = FIELD_TABLE("thing", fields, struct thing);

// One decoded text with all that belongs to it.
struct outcome {
    struct arena *arena;
    struct thing thing;
    uint64_t seen;
    enum err code;
    struct error err;
};

static void outcome_done(struct outcome *outcome)
{
    arena_close(outcome->arena);
}

static void decode_at(struct outcome *outcome, const char *text, unsigned flags, const char *prefix)
{
    struct json_doc *doc CLEANUP(json_doc_free_ptr) = NULL;
    *outcome = (struct outcome){.arena = arena_open(0)};
    enum err parsed = json_parse(str_of(text), &doc, &outcome->err);
    if (parsed != ERR_OK)
        print_error("%s: %s\n", text, outcome->err.message);
    assert_int_equal(parsed, ERR_OK);
    struct json_decoding how = {.flags = flags, .prefix = prefix, .arena = outcome->arena};
    outcome->code = json_decode(&table, json_root(doc), &how, &outcome->thing, &outcome->err);
    outcome->seen = how.seen;
}

static void decode(struct outcome *outcome, const char *text, unsigned flags)
{
    decode_at(outcome, text, flags, "");
}

static uint64_t seen_of(const char *const *names, size_t count)
{
    uint64_t seen = 0;
    for (size_t i = 0; i < count; i++)
        seen |= UINT64_C(1) << field_find(&table, str_of(names[i]));
    return seen;
}

static void test_everything(void **state)
{
    (void)state;
    struct outcome out CLEANUP(outcome_done);
    decode(
        &out,
        "{\"whole\": 12.0, \"opt_whole\": -3, \"number\": 37, \"opt_number\": 0.5, "
        "\"flag\": true, \"text\": \"Zürich\", \"at\": \"2024-02-29T12:00:00.5+01:00\", "
        "\"colour\": \"blue\", \"list\": [1, 2.5, 0], \"inner\": {\"n\": 5, \"text\": \"four\"}, "
        "\"raw\": {\"a\": [1, null]}, \"otherName\": \"x\", \"size\": \"large\", "
        "\"at_least\": 1e9, \"at_most\": -1, \"kept\": \"\", \"kept_list\": [-1]}",
        JSON_NEW);
    assert_int_equal(out.code, ERR_OK);
    const struct thing *thing = &out.thing;
    assert_int_equal(thing->whole, 12);
    assert_true(thing->opt_whole.set && thing->opt_whole.value == -3);
    assert_true(thing->number == 37);
    assert_true(thing->opt_number.set && thing->opt_number.value == 0.5);
    assert_true(thing->flag);
    assert_true(str_equal(thing->text, STR("Zürich")));
    assert_true(thing->at.set && thing->at.value == INT64_C(1709204400500000));
    assert_int_equal(thing->colour, COLOUR_BLUE);
    assert_true(thing->list[0] == 1 && thing->list[1] == 2.5 && thing->list[2] == 0);
    assert_true(thing->inner.n.set && thing->inner.n.value == 5);
    assert_true(str_equal(thing->inner.text, STR("four")));
    assert_true(str_equal(thing->raw, STR("{\"a\":[1,null]}")));
    assert_true(str_equal(thing->other_name, STR("x")));
    assert_int_equal(thing->size, SIZE_LARGE);
    assert_true(str_equal(thing->kept, STR("")));
    static const char *const absent[] = {"fixed", "hidden"};
    uint64_t all = (UINT64_C(1) << COUNT_OF(fields)) - 1;
    assert_int_equal(out.seen, all & ~seen_of(absent, COUNT_OF(absent)));
}

static void test_null_is_seen_and_clears(void **state)
{
    (void)state;
    struct outcome out CLEANUP(outcome_done);
    decode(&out,
           "{\"opt_whole\": null, \"opt_number\": null, \"text\": null, \"at\": null, "
           "\"colour\": null, \"list\": null, \"inner\": null, \"raw\": null, \"Othername\": null}",
           0);
    assert_int_equal(out.code, ERR_OK);
    static const struct thing nothing = {0};
    for (size_t i = 0; i < table.count; i++) {
        if (fields[i].type != FIELD_OBJECT)
            assert_true(field_equal(&fields[i], &out.thing, &nothing));
    }
    assert_false(out.thing.inner.n.set);
    static const char *const names[] = {"opt_whole", "opt_number", "text", "at",        "colour",
                                        "list",      "inner",      "raw",  "other_name"};
    assert_int_equal(out.seen, seen_of(names, COUNT_OF(names)));
}

static void test_nothing_at_all(void **state)
{
    (void)state;
    struct outcome out CLEANUP(outcome_done);
    decode(&out, "{}", 0);
    assert_int_equal(out.code, ERR_OK);
    assert_int_equal(out.seen, 0);
}

// Each text has exactly one mistake.
static void test_mistakes(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        const char *pointer;
        const char *detail;
    } cases[] = {
        {"[]", "", "must be an object"},
        {"null", "", "must be an object"},
        {"{\"whole\": \"12\"}", "/whole", "must be a whole number from 1 to 1000000"},
        {"{\"whole\": 12.5}", "/whole", "must be a whole number from 1 to 1000000"},
        {"{\"whole\": 0}", "/whole", "must be a whole number from 1 to 1000000"},
        {"{\"whole\": 1000001}", "/whole", "must be a whole number from 1 to 1000000"},
        {"{\"whole\": true}", "/whole", "must be a whole number from 1 to 1000000"},
        {"{\"whole\": [1]}", "/whole", "must be a whole number from 1 to 1000000"},
        {"{\"whole\": null}", "/whole", "must not be null"},
        {"{\"opt_whole\": {}}", "/opt_whole", "must be a whole number"},
        {"{\"opt_whole\": 1e19}", "/opt_whole", "must be a whole number"},
        {"{\"number\": 90.000001}", "/number", "must be a number from -90 to 90"},
        {"{\"number\": -90.5}", "/number", "must be a number from -90 to 90"},
        {"{\"number\": \"1\"}", "/number", "must be a number from -90 to 90"},
        {"{\"number\": null}", "/number", "must not be null"},
        {"{\"opt_number\": false}", "/opt_number", "must be a number"},
        {"{\"at_least\": 0.4}", "/at_least", "must be a number of at least 0.5"},
        {"{\"at_most\": 0}", "/at_most", "must be a number of at most -1"},
        {"{\"flag\": 1}", "/flag", "must be true or false"},
        {"{\"flag\": \"true\"}", "/flag", "must be true or false"},
        {"{\"flag\": null}", "/flag", "must not be null"},
        {"{\"text\": 5}", "/text", "must be text of at most 8 bytes"},
        {"{\"text\": \"123456789\"}", "/text", "must be text of at most 8 bytes"},
        {"{\"text\": \"1234567ü\"}", "/text", "must be text of at most 8 bytes"},
        {"{\"kept\": null}", "/kept", "must not be null"},
        {"{\"at\": \"yesterday\"}", "/at", "must be an RFC 3339 time"},
        {"{\"at\": 1709204400}", "/at", "must be an RFC 3339 time"},
        {"{\"colour\": \"green\"}", "/colour", "must be one of: red, blue"},
        {"{\"colour\": 1}", "/colour", "must be one of: red, blue"},
        {"{\"size\": null}", "/size", "must not be null"},
        {"{\"list\": [1, 2]}", "/list", "must be 3 numbers"},
        {"{\"list\": [1, 2, 3, 4]}", "/list", "must be 3 numbers"},
        {"{\"list\": {}}", "/list", "must be 3 numbers"},
        {"{\"kept_list\": null}", "/kept_list", "must not be null"},
        {"{\"list\": [1, -1, 3]}", "/list/1", "must be a number from 0 to 1000"},
        {"{\"list\": [1, 2, null]}", "/list/2", "must be a number from 0 to 1000"},
        {"{\"inner\": []}", "/inner", "must be an object"},
        {"{\"inner\": {\"n\": 6}}", "/inner/n", "must be a whole number from 1 to 5"},
        {"{\"inner\": {\"n\": null}}", "/inner/n", "must not be null"},
        {"{\"inner\": {\"m\": 1}}", "/inner/m", "unknown member"},
        {"{\"raw\": [1, 2, 3, 4, 5, 6, 7, 8]}", "/raw", "must be at most 16 bytes of JSON"},
        {"{\"fixed\": 1}", "/fixed", "is read-only"},
        {"{\"fixed\": null}", "/fixed", "is read-only"},
        {"{\"hidden\": \"x\"}", "/hidden", "unknown member"},
        {"{\"Text\": \"x\"}", "/Text", "unknown member"},
        {"{\"\": 1}", "/", "unknown member"},
        {"{\"a/b~c\": 1}", "/a~1b~0c", "unknown member"},
        {"{\"other_name\": \"a\", \"otherName\": \"a\"}", "/otherName",
         "is the same as other_name: give one of them"},
        {"{\"Othername\": 1}", "/Othername", "must be text of at most 8 bytes"},
        {"{\"Othername\": null, \"otherName\": \"a\"}", "/otherName",
         "is the same as Othername: give one of them"},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct outcome out CLEANUP(outcome_done);
        decode(&out, cases[i].text, 0);
        assert_int_equal(out.code, ERR_INVALID);
        assert_int_equal(out.err.code, ERR_INVALID);
        assert_int_equal(out.err.place_count, 1);
        assert_string_equal(out.err.places[0].pointer, cases[i].pointer);
        assert_string_equal(out.err.places[0].detail, cases[i].detail);
        assert_true(strlen(out.err.message) > 0);
    }
}

static void test_bounds_are_inclusive(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "{\"whole\": 1}",
        "{\"whole\": 1000000}",
        "{\"number\": 90}",
        "{\"number\": -90.0}",
        "{\"text\": \"12345678\"}",
        "{\"text\": \"123456ü\"}",
        "{\"at_least\": 0.5}",
        "{\"list\": [0, 1000, 0]}",
        "{\"raw\": [1, 2, 3, 4, 5, 67]}",
        "{\"opt_whole\": 9223372036854775807}",
    };
    for (size_t i = 0; i < COUNT_OF(texts); i++) {
        struct outcome out CLEANUP(outcome_done);
        decode(&out, texts[i], 0);
        assert_int_equal(out.code, ERR_OK);
    }
}

static void test_required_counts_for_new_objects(void **state)
{
    (void)state;
    struct outcome out CLEANUP(outcome_done);
    decode(&out, "{\"number\": 1, \"inner\": {}}", JSON_NEW);
    assert_int_equal(out.code, ERR_INVALID);
    assert_int_equal(out.err.place_count, 2);
    assert_string_equal(out.err.places[0].pointer, "/whole");
    assert_string_equal(out.err.places[0].detail, "is required");
    assert_string_equal(out.err.places[1].pointer, "/inner/n");
    assert_string_equal(out.err.places[1].detail, "is required");
}

static void test_all_mistakes_are_collected(void **state)
{
    (void)state;
    struct outcome out CLEANUP(outcome_done);
    decode_at(&out,
              "{\"zzz\": 1, \"text\": 1, \"number\": 2, \"whole\": \"x\", \"list\": [1, \"2\", 3]}",
              0, "/lead");
    assert_int_equal(out.code, ERR_INVALID);
    static const char *const pointers[] = {"/lead/whole", "/lead/text", "/lead/list/1",
                                           "/lead/zzz"};
    assert_int_equal(out.err.place_count, COUNT_OF(pointers));
    for (size_t i = 0; i < COUNT_OF(pointers); i++)
        assert_string_equal(out.err.places[i].pointer, pointers[i]);
    // What is right was decoded none the less.
    assert_true(out.thing.number == 2);
}

static void test_more_mistakes_than_places(void **state)
{
    (void)state;
    struct outcome out CLEANUP(outcome_done);
    decode(&out,
           "{\"a\":1,\"b\":1,\"c\":1,\"d\":1,\"e\":1,\"f\":1,\"g\":1,\"h\":1,\"i\":1,\"j\":1}", 0);
    assert_int_equal(out.code, ERR_INVALID);
    assert_int_equal(out.err.place_count, ERROR_PLACES_MAX);
    assert_string_equal(out.err.places[ERROR_PLACES_MAX - 1].pointer, "/h");
}

static void test_hostile_names_are_cut_and_cleaned(void **state)
{
    (void)state;
    char text[2000];
    char name[1000] = "\\u001b[31m\\n";
    memset(name + strlen(name), '/', sizeof name - strlen(name) - 1);
    snprintf(text, sizeof text, "{\"%s\": 1}", name);
    struct outcome out CLEANUP(outcome_done);
    decode(&out, text, 0);
    assert_int_equal(out.err.place_count, 1);
    const char *pointer = out.err.places[0].pointer;
    assert_int_equal(pointer[0], '/');
    assert_true(strlen(pointer) < sizeof out.err.places[0].pointer);
    for (; *pointer != '\0'; pointer++)
        assert_true((unsigned char)*pointer >= 0x20);
}

static void test_read_only_where_allowed(void **state)
{
    (void)state;
    struct outcome out CLEANUP(outcome_done);
    decode(&out, "{\"fixed\": 7}", JSON_READ_ONLY_OK);
    assert_int_equal(out.code, ERR_OK);
    assert_int_equal(out.thing.fixed, 7);
    static const char *const names[] = {"fixed"};
    assert_int_equal(out.seen, seen_of(names, 1));
}

static void test_lenient(void **state)
{
    (void)state;
    struct outcome out CLEANUP(outcome_done);
    decode(&out,
           "{\"whole\": \"7\", \"opt_whole\": 1.5, \"number\": 1e6, \"opt_number\": \" 2.5 \", "
           "\"flag\": 1, \"text\": \"longer than eight\", \"at\": \"soon\", \"colour\": \"green\", "
           "\"list\": [1], \"inner\": 3, \"raw\": [1, 2, 3, 4, 5, 6, 7, 8, 9], \"kept\": null, "
           "\"other_name\": \"a\", \"otherName\": \"b\", \"new_member\": {}, \"fixed\": 3}",
           JSON_LENIENT);
    assert_int_equal(out.code, ERR_OK);
    assert_int_equal(out.err.place_count, 0);
    const struct thing *thing = &out.thing;
    assert_int_equal(thing->whole, 7);
    assert_false(thing->opt_whole.set);
    assert_true(thing->number == 1e6);
    assert_true(thing->opt_number.set && thing->opt_number.value == 2.5);
    assert_false(thing->flag);
    assert_true(str_equal(thing->text, STR("longer than eight")));
    assert_false(thing->at.set);
    assert_int_equal(thing->colour, COLOUR_NONE);
    assert_true(thing->list[0] == 0);
    assert_false(thing->inner.n.set);
    assert_true(str_equal(thing->raw, STR("[1,2,3,4,5,6,7,8,9]")));
    assert_null(thing->kept.ptr);
    assert_true(str_equal(thing->other_name, STR("a")));
    assert_int_equal(thing->fixed, 3);
}

static void test_lenient_takes_no_object_for_empty(void **state)
{
    (void)state;
    struct outcome out CLEANUP(outcome_done);
    decode(&out, "[]", JSON_LENIENT);
    assert_int_equal(out.code, ERR_OK);
    assert_int_equal(out.seen, 0);
}

// Texts must outlive the document they came from.
static void test_texts_are_copies(void **state)
{
    (void)state;
    struct outcome out CLEANUP(outcome_done);
    decode(&out, "{\"text\": \"kept\"}", 0);
    assert_true(str_equal(out.thing.text, STR("kept")));
    assert_int_equal(out.thing.text.ptr[out.thing.text.len], '\0');
}

static void test_prefix_and_err_may_be_left_out(void **state)
{
    (void)state;
    struct json_doc *doc CLEANUP(json_doc_free_ptr) = NULL;
    struct arena *arena CLEANUP(arena_close_ptr) = arena_open(0);
    struct thing thing = {0};
    assert_int_equal(json_parse(STR("{\"whole\": 0}"), &doc, NULL), ERR_OK);
    struct json_decoding how = {.arena = arena};
    assert_int_equal(json_decode(&table, json_root(doc), &how, &thing, NULL), ERR_INVALID);
}

// A member that the caller reads himself, at the root only.
static void test_aside(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        enum err want;
    } rows[] = {
        {"{\"whole\": 1, \"more\": [1, 2]}", ERR_OK},
        {"{\"whole\": 1, \"less\": [1, 2]}", ERR_INVALID},
        {"{\"whole\": 1, \"more\": 1, \"inner\": {\"more\": 1}}", ERR_INVALID},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct json_doc *doc CLEANUP(json_doc_free_ptr) = NULL;
        struct arena *arena CLEANUP(arena_close_ptr) = arena_open(0);
        struct thing thing = {0};
        struct json_decoding how = {.aside = "more", .arena = arena};
        assert_int_equal(json_parse(str_of(rows[i].text), &doc, NULL), ERR_OK);
        assert_int_equal(json_decode(&table, json_root(doc), &how, &thing, NULL), rows[i].want);
    }
}

// What is absent keeps its default, what is null does not.
static void test_defaults(void **state)
{
    (void)state;
    static const struct inner full = {.n = {3, true}, .text = STR_INIT("x")};
    struct json_doc *doc CLEANUP(json_doc_free_ptr) = NULL;
    struct arena *arena CLEANUP(arena_close_ptr) = arena_open(0);
    struct json_decoding how = {.arena = arena};
    struct thing thing = {.opt_whole = OPT_I64(1),
                          .opt_number = OPT_F64(2),
                          .text = STR("x"),
                          .list = {1, 2, 3},
                          .inner = full};
    assert_int_equal(
        json_parse(STR("{\"opt_whole\": null, \"list\": null, \"inner\": null}"), &doc, NULL),
        ERR_OK);
    assert_int_equal(json_decode(&table, json_root(doc), &how, &thing, NULL), ERR_OK);
    assert_false(thing.opt_whole.set);
    assert_true(thing.list[0] == 0 && thing.list[2] == 0);
    assert_false(thing.inner.n.set);
    assert_null(thing.inner.text.ptr);
    assert_true(thing.opt_number.set && thing.opt_number.value == 2);
    assert_true(str_equal(thing.text, STR("x")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_everything),
        cmocka_unit_test(test_null_is_seen_and_clears),
        cmocka_unit_test(test_nothing_at_all),
        cmocka_unit_test(test_mistakes),
        cmocka_unit_test(test_bounds_are_inclusive),
        cmocka_unit_test(test_required_counts_for_new_objects),
        cmocka_unit_test(test_all_mistakes_are_collected),
        cmocka_unit_test(test_more_mistakes_than_places),
        cmocka_unit_test(test_hostile_names_are_cut_and_cleaned),
        cmocka_unit_test(test_read_only_where_allowed),
        cmocka_unit_test(test_lenient),
        cmocka_unit_test(test_lenient_takes_no_object_for_empty),
        cmocka_unit_test(test_texts_are_copies),
        cmocka_unit_test(test_prefix_and_err_may_be_left_out),
        cmocka_unit_test(test_aside),
        cmocka_unit_test(test_defaults),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
