// Tests of base/error.c.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/error.h"

static void test_set(void **state)
{
    (void)state;
    struct error err;
    assert_int_equal(error_set(&err, ERR_NOT_FOUND, "no lead %d", 7), ERR_NOT_FOUND);
    assert_int_equal(err.code, ERR_NOT_FOUND);
    assert_string_equal(err.message, "no lead 7");
    assert_string_equal(err.cause, "");
    assert_int_equal(err.place_count, 0);
    assert_int_equal(err.retry_after_s, 0);

    error_cause(&err, "row %d", 3);
    assert_string_equal(err.cause, "row 3");
    assert_int_equal(error_place(&err, STR("/a"), "bad"), ERR_INVALID);
    err.retry_after_s = 5;

    // The arguments may be parts of the error itself.
    assert_int_equal(error_set(&err, ERR_CONFLICT, "again: %s", err.message), ERR_CONFLICT);
    assert_string_equal(err.message, "again: no lead 7");
    assert_string_equal(err.cause, "");
    assert_int_equal(err.place_count, 0);
    assert_int_equal(err.retry_after_s, 0);
}

static void test_null(void **state)
{
    (void)state;
    assert_int_equal(error_set(NULL, ERR_STALE, "x"), ERR_STALE);
    error_cause(NULL, "x");
    assert_int_equal(error_place(NULL, STR("/x"), "x"), ERR_INVALID);
}

// A long text is cut to what fits, and never inside a character.
static void test_cut(void **state)
{
    (void)state;
    char text[1001];
    struct error err;
    error_reset(&err);

    memset(text, 'a', sizeof(text) - 1);
    text[1000] = '\0';
    (void)error_set(&err, ERR_INVALID, "%.*s", 255, text);
    assert_int_equal(strlen(err.message), 255);
    (void)error_set(&err, ERR_INVALID, "%.*s", 256, text);
    assert_int_equal(strlen(err.message), 255);
    (void)error_set(&err, ERR_INVALID, "%s", text);
    assert_int_equal(strlen(err.message), 255);
    error_cause(&err, "%s", text);
    assert_int_equal(strlen(err.cause), 255);

    memcpy(text + 253, "\xe2\x82\xac", 3);
    (void)error_set(&err, ERR_INVALID, "%s", text);
    assert_int_equal(strlen(err.message), 253);
    (void)error_place(&err, str_of(text), "%s", text);
    assert_int_equal(strlen(err.places[0].pointer), 127);
    assert_int_equal(strlen(err.places[0].detail), 159);

    memcpy(text + 125, "\xe2\x82\xac", 3);
    memcpy(text + 158, "\xe2\x82\xac", 3);
    (void)error_place(&err, str_of(text), "%s", text);
    assert_int_equal(strlen(err.places[1].pointer), 125);
    assert_int_equal(strlen(err.places[1].detail), 158);
}

static void test_place(void **state)
{
    (void)state;
    static const struct {
        struct str pointer;
        const char *want;
        const char *message;
    } cases[] = {
        {STR_INIT("/latitude"), "/latitude", "/latitude: is wrong"},
        {STR_INIT(""), "", "is wrong"},
        {{0}, "", "is wrong"},
        {STR_INIT("?li\nmit\x7f"), "?li?mit?", "?li?mit?: is wrong"},
        {STR_INIT("/a\0b"), "/a?b", "/a?b: is wrong"},
        {STR_INIT("/\xc3\xa9\xff\xe2\x82"), "/\xc3\xa9???", "/\xc3\xa9???: is wrong"},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct error err;
        error_reset(&err);
        assert_int_equal(error_place(&err, cases[i].pointer, "is %s", "wrong"), ERR_INVALID);
        assert_int_equal(err.code, ERR_INVALID);
        assert_int_equal(err.place_count, 1);
        assert_string_equal(err.places[0].pointer, cases[i].want);
        assert_string_equal(err.places[0].detail, "is wrong");
        assert_string_equal(err.message, cases[i].message);
    }
}

static void test_place_limit(void **state)
{
    (void)state;
    struct error err;
    error_reset(&err);
    for (int i = 0; i < ERROR_PLACES_MAX + 1; i++)
        assert_int_equal(error_place(&err, STR("/x"), "wrong %d", i), ERR_INVALID);
    assert_int_equal(err.place_count, ERROR_PLACES_MAX);
    assert_string_equal(err.places[ERROR_PLACES_MAX - 1].detail, "wrong 7");
    assert_string_equal(err.message, "/x: wrong 0");
}

static void test_name(void **state)
{
    (void)state;
    assert_string_equal(err_name(ERR_OK), "ok");
    assert_string_equal(err_name(ERR_NOT_FOUND), "not_found");
    assert_string_equal(err_name(ERR_INTERNAL), "internal");
    assert_string_equal(err_name((enum err)99), "unknown");
    for (int code = 0; code <= ERR_INTERNAL; code++)
        assert_string_not_equal(err_name((enum err)code), "unknown");
}

static enum err try_both(enum err first, int *reached)
{
    TRY(first);
    *reached = 1;
    return ERR_OK;
}

static void test_try(void **state)
{
    (void)state;
    int reached = 0;
    assert_int_equal(try_both(ERR_LIMITED, &reached), ERR_LIMITED);
    assert_int_equal(reached, 0);
    assert_int_equal(try_both(ERR_OK, &reached), ERR_OK);
    assert_int_equal(reached, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_set),         cmocka_unit_test(test_null),
        cmocka_unit_test(test_cut),         cmocka_unit_test(test_place),
        cmocka_unit_test(test_place_limit), cmocka_unit_test(test_name),
        cmocka_unit_test(test_try),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
