// Tests of base/buf.c: each behaviour on the heap and in an arena.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/buf.h"

// The arena to use is the test's state; NULL means the heap.
static void start(struct buf *buf, void **state, size_t max)
{
    if (*state == NULL)
        buf_init(buf, max);
    else
        buf_init_arena(buf, *state, max);
}

static int open_arena(void **state)
{
    *state = arena_open(0);
    return 0;
}

static int close_arena(void **state)
{
    arena_close(*state);
    return 0;
}

static void test_empty(void **state)
{
    CLEANUP(buf_done) struct buf buf;
    start(&buf, state, 10);
    assert_non_null(buf_str(&buf).ptr);
    assert_int_equal(buf_str(&buf).len, 0);
    assert_string_equal(buf_cstr(&buf), "");
    buf_append(&buf, NULL, 0);
    buf_append_str(&buf, STR_NULL);
    assert_false(buf.overflow);
    buf_printf(&buf, "%s", "");
    assert_string_equal(buf_cstr(&buf), "");
}

static void test_append(void **state)
{
    CLEANUP(buf_done) struct buf buf;
    start(&buf, state, 100);
    buf_append(&buf, "ab", 2);
    buf_append_str(&buf, STR("cd"));
    buf_append_char(&buf, 'e');
    BUF_LITERAL(&buf, "fg");
    buf_printf(&buf, "-%d", 12);
    assert_string_equal(buf_cstr(&buf), "abcdefg-12");
    assert_int_equal(buf_str(&buf).len, 10);

    buf_reset(&buf);
    assert_string_equal(buf_cstr(&buf), "");
    buf_append_char(&buf, 'x');
    assert_string_equal(buf_cstr(&buf), "x");
}

static void test_growth(void **state)
{
    CLEANUP(buf_done) struct buf buf;
    start(&buf, state, 1000000);
    for (int i = 0; i < 100000; i++) {
        buf_append_char(&buf, (char)('a' + i % 26));
        // Another piece of the arena in between makes growing in place impossible.
        if (*state != NULL && i == 50000)
            arena_bytes(*state, 10);
    }
    assert_int_equal(buf.len, 100000);
    assert_false(buf.overflow);
    for (int i = 0; i < 100000; i++)
        assert_int_equal(buf.ptr[i], 'a' + i % 26);
}

static void test_overflow(void **state)
{
    static const size_t limits[] = {0, 1, 5, 255, 256, 257, 4096, 5000};
    char bytes[5001];
    memset(bytes, 'x', sizeof(bytes));
    for (size_t i = 0; i < COUNT_OF(limits); i++) {
        size_t max = limits[i];
        CLEANUP(buf_done) struct buf buf;
        start(&buf, state, max);
        buf_append(&buf, bytes, max);
        assert_false(buf.overflow);
        assert_int_equal(buf.len, max);
        assert_int_equal(strlen(buf_cstr(&buf)), max);

        buf_append_char(&buf, 'y');
        assert_true(buf.overflow);
        assert_int_equal(buf.len, max);
        assert_null(buf_cstr(&buf));
        assert_null(buf_grow(&buf, 0));

        buf_reset(&buf);
        buf_append(&buf, bytes, max + 1);
        assert_true(buf.overflow);
        assert_int_equal(buf.len, 0);

        // It stays, also for what would fit.
        buf_append(&buf, NULL, 0);
        buf_printf(&buf, "%s", "");
        assert_true(buf.overflow);
    }
}

static void test_printf_limit(void **state)
{
    for (int max = 254; max < 259; max++) {
        for (int length = max - 1; length <= max + 1; length++) {
            CLEANUP(buf_done) struct buf buf;
            start(&buf, state, (size_t)max);
            buf_printf(&buf, "%*s", length, "");
            assert_int_equal(buf.overflow, length > max);
            assert_int_equal(buf.len, length > max ? 0 : length);
        }
    }
}

static void test_grow(void **state)
{
    CLEANUP(buf_done) struct buf buf;
    start(&buf, state, 1000);
    char *room = buf_grow(&buf, 1000);
    assert_non_null(room);
    memset(room, 'z', 1000);
    assert_int_equal(buf.len, 0);
    buf.len += 1000;
    assert_null(buf_grow(&buf, 1));
    assert_true(buf.overflow);

    buf_reset(&buf);
    assert_null(buf_grow(&buf, SIZE_MAX));
}

static void test_done_twice(void **state)
{
    struct buf buf;
    start(&buf, state, 10);
    buf_append_char(&buf, 'x');
    buf_done(&buf);
    assert_int_equal(buf.len, 0);
    buf_done(&buf);
    buf_append_char(&buf, 'y');
    assert_string_equal(buf_cstr(&buf), "y");
    buf_done(&buf);
}

#define ON_HEAP_AND_ARENA(test)                                                                    \
    cmocka_unit_test(test), cmocka_unit_test_setup_teardown(test, open_arena, close_arena)

int main(void)
{
    const struct CMUnitTest tests[] = {
        ON_HEAP_AND_ARENA(test_empty),        ON_HEAP_AND_ARENA(test_append),
        ON_HEAP_AND_ARENA(test_growth),       ON_HEAP_AND_ARENA(test_overflow),
        ON_HEAP_AND_ARENA(test_printf_limit), ON_HEAP_AND_ARENA(test_grow),
        ON_HEAP_AND_ARENA(test_done_twice),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
