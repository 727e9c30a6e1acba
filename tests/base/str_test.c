// Tests of base/str.c.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/str.h"

static void assert_str(struct str got, const char *want)
{
    if (want == NULL) {
        assert_null(got.ptr);
        assert_int_equal(got.len, 0);
        return;
    }
    assert_non_null(got.ptr);
    assert_int_equal(got.len, strlen(want));
    assert_memory_equal(got.ptr, want, got.len);
}

static void test_equal(void **state)
{
    (void)state;
    static const struct {
        struct str a;
        struct str b;
        bool equal;
        bool nocase;
        bool secret;
    } cases[] = {
        {STR_INIT(""), STR_INIT(""), true, true, true},
        {STR_INIT("abc"), STR_INIT("abc"), true, true, true},
        {STR_INIT("abc"), STR_INIT("abd"), false, false, false},
        {STR_INIT("abc"), STR_INIT("ab"), false, false, false},
        {STR_INIT("Content-Length"), STR_INIT("content-lENGTH"), false, true, false},
        {STR_INIT("@"), STR_INIT("`"), false, false, false},
        {STR_INIT("["), STR_INIT("{"), false, false, false},
        {STR_INIT("a\0b"), STR_INIT("a\0c"), false, false, false},
        {{0}, STR_INIT(""), false, false, false},
        {{0}, {0}, true, true, false},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        assert_int_equal(str_equal(cases[i].a, cases[i].b), cases[i].equal);
        assert_int_equal(str_equal(cases[i].b, cases[i].a), cases[i].equal);
        assert_int_equal(str_equal_nocase(cases[i].a, cases[i].b), cases[i].nocase);
        assert_int_equal(str_equal_secret(cases[i].a, cases[i].b), cases[i].secret);
        assert_int_equal(str_equal_secret(cases[i].b, cases[i].a), cases[i].secret);
    }
}

static void test_of_starts_find(void **state)
{
    (void)state;
    assert_str(str_of(NULL), NULL);
    assert_str(str_of("x"), "x");

    assert_true(str_starts(STR("/api/leads"), STR("/api/")));
    assert_true(str_starts(STR("/api/"), STR("/api/")));
    assert_true(str_starts(STR("/api/"), STR("")));
    assert_true(str_starts(STR_NULL, STR_NULL));
    assert_false(str_starts(STR("/api"), STR("/api/")));
    assert_false(str_starts(STR_NULL, STR("x")));

    assert_int_equal(str_find(STR("a,b,c"), ',', 0), 1);
    assert_int_equal(str_find(STR("a,b,c"), ',', 2), 3);
    assert_int_equal(str_find(STR("a,b,c"), ',', 4), 5);
    assert_int_equal(str_find(STR("a,b,c"), ',', 99), 5);
    assert_int_equal(str_find(STR_NULL, ',', 0), 0);
}

static void test_trim_slice(void **state)
{
    (void)state;
    assert_str(str_trim(STR(" \t a b\t ")), "a b");
    assert_str(str_trim(STR(" \t ")), "");
    assert_str(str_trim(STR("\n")), "\n");
    assert_str(str_trim(STR_NULL), NULL);

    assert_str(str_slice(STR("abcdef"), 1, 3), "bc");
    assert_str(str_slice(STR("abcdef"), 4, 99), "ef");
    assert_str(str_slice(STR("abcdef"), 7, 9), "");
    assert_str(str_slice(STR("abcdef"), 3, 1), "");
    assert_str(str_slice(STR_NULL, 0, 5), NULL);
}

static void test_split(void **state)
{
    (void)state;
    static const struct {
        struct str text;
        const char *parts[4];
        size_t count;
    } cases[] = {
        {STR_INIT("a/b"), {"a", "b"}, 2}, {STR_INIT("/a//"), {"", "a", "", ""}, 4},
        {STR_INIT(""), {""}, 1},          {STR_INIT("abc"), {"abc"}, 1},
        {STR_INIT("/"), {"", ""}, 2},     {{0}, {NULL}, 0},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct str rest = cases[i].text;
        size_t count = 0;
        while (rest.ptr != NULL) {
            assert_in_range(count, 0, 3);
            assert_str(str_split(&rest, '/'), cases[i].parts[count]);
            count++;
        }
        assert_int_equal(count, cases[i].count);
    }
}

static void test_utf8(void **state)
{
    (void)state;
    static const struct {
        struct str text;
        bool valid;
    } cases[] = {
        {{0}, true},
        {STR_INIT(""), true},
        {STR_INIT("plain ASCII that is longer than a word \x7f"), true},
        {STR_INIT("\0"), true},
        {STR_INIT("12345678\xc3\xa9"), true},
        {STR_INIT("\xc2\x80"), true},
        {STR_INIT("\xdf\xbf"), true},
        {STR_INIT("\xe0\xa0\x80"), true},
        {STR_INIT("\xed\x9f\xbf"), true},
        {STR_INIT("\xee\x80\x80"), true},
        {STR_INIT("\xef\xbf\xbf"), true},
        {STR_INIT("\xf0\x90\x80\x80"), true},
        {STR_INIT("\xf4\x8f\xbf\xbf"), true},
        {STR_INIT("\x80"), false},                 // continuation alone
        {STR_INIT("\xc0\x80"), false},             // overlong NUL
        {STR_INIT("\xc1\xbf"), false},             // overlong
        {STR_INIT("\xe0\x9f\xbf"), false},         // overlong
        {STR_INIT("\xed\xa0\x80"), false},         // surrogate
        {STR_INIT("\xf0\x8f\xbf\xbf"), false},     // overlong
        {STR_INIT("\xf4\x90\x80\x80"), false},     // above U+10FFFF
        {STR_INIT("\xf5\x80\x80\x80"), false},     // no such first byte
        {STR_INIT("\xff"), false},                 // no such first byte
        {STR_INIT("1234567\xc3"), false},          // cut, at the end of a word
        {STR_INIT("\xe2\x82"), false},             // cut
        {STR_INIT("\xf0\x9f\x98"), false},         // cut
        {STR_INIT("\xe2\x82 "), false},            // third byte missing
        {STR_INIT("\xf0\x9f\x98 "), false},        // fourth byte missing
        {STR_INIT("12345678abcdef\xa0gh"), false}, // behind the first word
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++)
        assert_int_equal(str_is_utf8(cases[i].text), cases[i].valid);

    struct str mixed = STR("a\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80");
    assert_int_equal(str_utf8_width(mixed, 0), 1);
    assert_int_equal(str_utf8_width(mixed, 1), 2);
    assert_int_equal(str_utf8_width(mixed, 2), 0);
    assert_int_equal(str_utf8_width(mixed, 3), 3);
    assert_int_equal(str_utf8_width(mixed, 6), 4);
    assert_int_equal(str_utf8_width(mixed, 10), 0);
}

static void test_cut(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        size_t max;
        const char *want;
    } cases[] = {
        {"abc", 3, "abc"},
        {"abc", 2, "ab"},
        {"abc", 0, ""},
        {"a\xc3\xa9", 3, "a\xc3\xa9"},
        {"a\xc3\xa9", 2, "a"},
        {"a\xe2\x82\xac", 3, "a"},
        {"a\xf0\x9f\x98\x80", 4, "a"},
        {"\xf0\x9f\x98\x80", 3, ""},
        {"\xf0\x9f\x98\x80x", 4, "\xf0\x9f\x98\x80"},
        {"\x80\x80\x80\x80\x80\x80", 4, "\x80\x80\x80\x80"}, // no UTF-8 at all
        {"\x80\x80", 1, "\x80"},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++)
        assert_str(str_cut(str_of(cases[i].text), cases[i].max), cases[i].want);
    assert_str(str_cut(STR_NULL, 3), NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_equal),      cmocka_unit_test(test_of_starts_find),
        cmocka_unit_test(test_trim_slice), cmocka_unit_test(test_split),
        cmocka_unit_test(test_utf8),       cmocka_unit_test(test_cut),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
