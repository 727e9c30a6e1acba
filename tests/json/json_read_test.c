// Tests of json/json_read.h: parsing, and looking at values.
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "json/json_read.h"

static struct json_doc *parse(const char *text)
{
    struct json_doc *doc = NULL;
    struct error err;
    error_reset(&err);
    enum err code = json_parse(str_of(text), &doc, &err);
    if (code != ERR_OK)
        print_error("%s: %s\n", text, err.message);
    assert_int_equal(code, ERR_OK);
    return doc;
}

static void assert_refused(struct str text, const char *want)
{
    struct json_doc *doc = NULL;
    struct error err;
    error_reset(&err);
    assert_int_equal(json_parse(text, &doc, &err), ERR_INVALID);
    assert_null(doc);
    assert_int_equal(err.code, ERR_INVALID);
    assert_int_equal(err.place_count, 0);
    assert_string_equal(err.message, want);
}

static void test_parse_refuses(void **state)
{
    (void)state;
    static const struct {
        struct str text;
        const char *want;
    } cases[] = {
        {STR_INIT(""), "line 1, column 1: there is no text"},
        {{NULL, 0}, "line 1, column 1: there is no text"},
        {STR_INIT("  "), "line 1, column 2: unexpected token near end of file"},
        {STR_INIT("{"), "line 1, column 1: string or '}' expected near end of file"},
        {STR_INIT("{\"a\": 1,}"), "line 1, column 9: string or '}' expected near '}'"},
        {STR_INIT("[1,]"), "line 1, column 4: unexpected token near ']'"},
        {STR_INIT("{\"a\": 1}\nx"), "line 2, column 1: end of file expected near 'x'"},
        {STR_INIT("{} {}"), "line 1, column 4: end of file expected near '{'"},
        {STR_INIT("{\"a\": 1,\n \"a\": 2}"), "line 2, column 4: duplicate object key near '\"a\"'"},
        {STR_INIT("{'a': 1}"), "line 1, column 2: string or '}' expected near '''"},
        {STR_INIT("[NaN]"), "line 1, column 4: invalid token near 'NaN'"},
        {STR_INIT("[Infinity]"), "line 1, column 9: invalid token near 'Infinity'"},
        {STR_INIT("[01]"), "line 1, column 2: invalid token near '0'"},
        {STR_INIT("[1e400]"), "line 1, column 6: real number overflow near '1e400'"},
        {STR_INIT("[9223372036854775808]"),
         "line 1, column 20: too big integer near '9223372036854775808'"},
        {STR_INIT("[\"\\u0000\"]"), "line 1, column 9: \\u0000 is not allowed in a text"},
        {STR_INIT("{\"\\u0000\": 1}"),
         "line 1, column 9: \\u0000 is not allowed in a member's name"},
        {STR_INIT("[\"\\ud800\"]"),
         "line 1, column 9: invalid Unicode '\\uD800' near '\"\\ud800\"'"},
        {STR_INIT("[\"\\x\"]"), "line 1, column 4: invalid escape near '\"\\x'"},
        {STR_INIT("[\"a\nb\"]"), "line 1, column 3: unexpected newline near '\"a'"},
        {STR_INIT("[\"a\x01z\"]"), "line 1, column 3: control character 0x1 near '\"a'"},
        {STR_INIT("[\"a\0\"]"), "line 1, column 3: control character 0x0 near '\"a'"},
        {STR_INIT("[\"\xff\"]"), "line 1, column 2: unable to decode byte 0xff near '\"'"},
        {STR_INIT("[\"\xed\xa0\x80\"]"), "line 1, column 2: unable to decode byte 0xed near '\"'"},
        {STR_INIT("\xef\xbb\xbf[]"), "line 1, column 1: invalid token"},
        {STR_INIT("\0"), "line 1, column 1: invalid token near end of file"},
        // The piece of the input that jansson quotes is left out unless it is plain ASCII.
        {STR_INIT("\x1b[31m"), "line 1, column 1: invalid token"},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++)
        assert_refused(cases[i].text, cases[i].want);
}

static void test_parse_takes_any_value_at_the_root(void **state)
{
    (void)state;
    static const char *const texts[] = {"{}", "[]", " null ", "1", "-0.5e3", "\"text\"", "true"};
    for (size_t i = 0; i < COUNT_OF(texts); i++)
        json_doc_free(parse(texts[i]));
    json_doc_free(NULL);
}

// Fills text with count times before, then after; the result has a NUL.
static void repeat(char *text, const char *before, size_t count, const char *after)
{
    size_t len = strlen(before);
    for (size_t i = 0; i < count; i++)
        memcpy(text + i * len, before, len);
    memcpy(text + count * len, after, strlen(after) + 1);
}

static void test_parse_bounds_the_depth(void **state)
{
    (void)state;
    char text[8 * JSON_DEPTH_MAX];
    repeat(text, "[", JSON_DEPTH_MAX, "");
    repeat(text + JSON_DEPTH_MAX, "]", JSON_DEPTH_MAX, "");
    json_doc_free(parse(text));
    repeat(text, "[", JSON_DEPTH_MAX + 1, "");
    repeat(text + JSON_DEPTH_MAX + 1, "]", JSON_DEPTH_MAX + 1, "");
    assert_refused(str_of(text), "line 1, column 33: nested deeper than 32 levels");
    repeat(text, "{\"a\":", JSON_DEPTH_MAX + 1, "");
    assert_refused(str_of(text), "line 1, column 161: nested deeper than 32 levels");
    repeat(text, "\n[", JSON_DEPTH_MAX + 1, "");
    assert_refused(str_of(text), "line 34, column 1: nested deeper than 32 levels");
}

static void test_parse_counts_no_brackets_in_texts(void **state)
{
    (void)state;
    char text[8 * JSON_DEPTH_MAX] = "[\"";
    repeat(text + 2, "[{\\\"", 1 + JSON_DEPTH_MAX, "\\\\\"]");
    json_doc_free(parse(text));
    // A text that never ends hides what follows; it is refused all the same.
    text[strlen(text) - 2] = '[';
    assert_non_null(strstr(text, "[]"));
    struct json_doc *doc = NULL;
    assert_int_equal(json_parse(str_of(text), &doc, NULL), ERR_INVALID);
}

static void test_parse_bounds_the_values(void **state)
{
    (void)state;
    static char text[2 * JSON_VALUES_MAX + 10] = "[";
    // The array is a value itself.
    repeat(text + 1, "1,", JSON_VALUES_MAX - 2, "1]");
    json_doc_free(parse(text));
    repeat(text + 1, "1,", JSON_VALUES_MAX - 1, "1]");
    assert_refused(str_of(text), "line 1, column 199999: more than 100000 values");
}

static void test_kinds(void **state)
{
    (void)state;
    struct json_doc *doc CLEANUP(json_doc_free_ptr) =
        parse("{\"o\": {}, \"a\": [1, \"x\"], \"n\": null, \"s\": \"text\", \"e\": \"\"}");
    const struct json_value *root = json_root(doc);
    assert_true(json_is_object(root));
    assert_true(json_is_object(json_member(root, "o")));
    assert_true(json_is_array(json_member(root, "a")));
    assert_true(json_is_null(json_member(root, "n")));
    assert_true(json_is_string(json_member(root, "s")));
    assert_false(json_is_array(root));
    assert_false(json_is_null(root));
    assert_false(json_is_string(root));
    assert_false(json_is_object(json_member(root, "a")));
    assert_int_equal(json_length(json_member(root, "a")), 2);
    assert_int_equal(json_length(root), 0);
    assert_true(str_equal(json_text(json_element(json_member(root, "a"), 1)), STR("x")));
    assert_true(str_equal(json_text(json_member(root, "s")), STR("text")));
    assert_true(str_equal(json_text(json_member(root, "e")), STR("")));
    assert_null(json_text(json_member(root, "n")).ptr);
    assert_null(json_element(json_member(root, "a"), 2));
    assert_null(json_member(json_member(root, "a"), "x"));
}

static void test_what_is_absent_is_of_no_kind(void **state)
{
    (void)state;
    assert_false(json_is_object(NULL));
    assert_false(json_is_array(NULL));
    assert_false(json_is_null(NULL));
    assert_false(json_is_string(NULL));
    assert_null(json_member(NULL, "a"));
    assert_null(json_element(NULL, 0));
    assert_int_equal(json_length(NULL), 0);
    assert_null(json_text(NULL).ptr);
    assert_false(json_number(NULL).set);
    assert_false(json_i64(NULL).set);
}

static void test_numbers(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        struct opt_f64 number;
        struct opt_i64 whole;
    } cases[] = {
        {"12", {12, true}, {12, true}},
        {"-12.0", {-12, true}, {-12, true}},
        {"1e3", {1000, true}, {1000, true}},
        {"12.5", {12.5, true}, {0, false}},
        {"9223372036854775807", {9223372036854775808.0, true}, {INT64_MAX, true}},
        {"-9223372036854775808", {-9223372036854775808.0, true}, {INT64_MIN, true}},
        {"9223372036854775808.0", {9223372036854775808.0, true}, {0, false}},
        {"1e300", {1e300, true}, {0, false}},
        {"\"12\"", {12, true}, {12, true}},
        {"\" 12.0 \"", {12, true}, {12, true}},
        {"\"9223372036854775807\"", {9223372036854775808.0, true}, {INT64_MAX, true}},
        {"\"12 kWh\"", {0, false}, {0, false}},
        {"\"\"", {0, false}, {0, false}},
        {"\"nan\"", {0, false}, {0, false}},
        {"true", {0, false}, {0, false}},
        {"null", {0, false}, {0, false}},
        {"[1]", {0, false}, {0, false}},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct json_doc *doc CLEANUP(json_doc_free_ptr) = parse(cases[i].text);
        struct opt_f64 number = json_number(json_root(doc));
        struct opt_i64 whole = json_i64(json_root(doc));
        assert_int_equal(number.set, cases[i].number.set);
        assert_true(number.value == cases[i].number.value);
        assert_int_equal(whole.set, cases[i].whole.set);
        assert_true(whole.value == cases[i].whole.value);
    }
}

static void test_dump(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        const char *want;
    } cases[] = {
        {" null ", "null"},
        {"[ ]", "[]"},
        {"{ }", "{}"},
        {"[true, false, null]", "[true,false,null]"},
        {"[0, -0, 0.0, -0.0, 1e-400]", "[0,0,0,0,0]"},
        {"[1e15, 9e18, 1e19, -1e20, 1e21, 1.5e-9]",
         "[1000000000000000,9000000000000000000,10000000000000000000.0,"
         "-100000000000000000000.0,1e+21,1.5e-9]"},
        {"{\"b\": [1, 2.50, 0.1, 1.0, -7], \"a\": {\"c\": \"x\\ny\"}}",
         "{\"b\":[1,2.5,0.1,1,-7],\"a\":{\"c\":\"x\\ny\"}}"},
        {"{\"a\\\"b\\u00e9\": \"\\ud83d\\ude00\"}", "{\"a\\\"bé\":\"😀\"}"},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct json_doc *doc CLEANUP(json_doc_free_ptr) = parse(cases[i].text);
        struct arena *arena CLEANUP(arena_close_ptr) = arena_open(0);
        struct str dump = json_dump(json_root(doc), arena);
        assert_int_equal(dump.len, strlen(cases[i].want));
        assert_memory_equal(dump.ptr, cases[i].want, dump.len);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_parse_refuses),
        cmocka_unit_test(test_parse_takes_any_value_at_the_root),
        cmocka_unit_test(test_parse_bounds_the_depth),
        cmocka_unit_test(test_parse_counts_no_brackets_in_texts),
        cmocka_unit_test(test_parse_bounds_the_values),
        cmocka_unit_test(test_kinds),
        cmocka_unit_test(test_what_is_absent_is_of_no_kind),
        cmocka_unit_test(test_numbers),
        cmocka_unit_test(test_dump),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
