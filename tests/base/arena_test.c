// Tests of base/arena.c.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/arena.h"

static void test_pieces(void **state)
{
    (void)state;
    static const size_t sizes[] = {0, 1, 15, 16, 17, 4095, 4096, 4097, 70000, 3, 1000000, 8};
    CLEANUP(arena_close_ptr) struct arena *arena = arena_open(0);
    unsigned char *pieces[COUNT_OF(sizes)];
    size_t total = 0;
    for (int round = 0; round < 3; round++) {
        total = 0;
        for (size_t i = 0; i < COUNT_OF(sizes); i++) {
            pieces[i] = arena_bytes(arena, sizes[i]);
            assert_non_null(pieces[i]);
            assert_int_equal((uintptr_t)pieces[i] % _Alignof(max_align_t), 0);
            for (size_t k = 0; k < sizes[i]; k++)
                assert_int_equal(pieces[i][k], 0);
            memset(pieces[i], (int)(i + 1), sizes[i]);
            total += sizes[i];
            assert_int_equal(arena_used(arena), total);
        }
        // No piece lies on another.
        for (size_t i = 0; i < COUNT_OF(sizes); i++) {
            for (size_t k = 0; k < sizes[i]; k++)
                assert_int_equal(pieces[i][k], i + 1);
        }
        arena_reset(arena);
        assert_int_equal(arena_used(arena), 0);
    }
}

static void test_many_small(void **state)
{
    (void)state;
    CLEANUP(arena_close_ptr) struct arena *arena = arena_open(64);
    int64_t *numbers[20000];
    for (int i = 0; i < 20000; i++) {
        numbers[i] = arena_new(arena, int64_t, 1);
        *numbers[i] = i;
    }
    for (int i = 0; i < 20000; i++)
        assert_int_equal(*numbers[i], i);
}

static void test_str(void **state)
{
    (void)state;
    CLEANUP(arena_close_ptr) struct arena *arena = arena_open(0);
    assert_null(arena_str(arena, STR_NULL).ptr);

    struct str empty = arena_str(arena, STR(""));
    assert_non_null(empty.ptr);
    assert_int_equal(empty.len, 0);
    assert_string_equal(empty.ptr, "");

    char text[] = "abc";
    struct str copy = arena_str(arena, (struct str){.ptr = text, .len = 2});
    text[0] = 'x';
    assert_int_equal(copy.len, 2);
    assert_string_equal(copy.ptr, "ab");
}

static void test_printf(void **state)
{
    (void)state;
    static const int lengths[] = {0, 1, 254, 255, 256, 257, 5000};
    CLEANUP(arena_close_ptr) struct arena *arena = arena_open(0);
    for (size_t i = 0; i < COUNT_OF(lengths); i++) {
        struct str text = arena_printf(arena, "%*s", lengths[i], "");
        assert_int_equal(text.len, lengths[i]);
        assert_int_equal(strlen(text.ptr), lengths[i]);
    }
    assert_string_equal(arena_printf(arena, "%s-%d", "a", 5).ptr, "a-5");
}

static void test_extend(void **state)
{
    (void)state;
    CLEANUP(arena_close_ptr) struct arena *arena = arena_open(1024);
    char *first = arena_raw(arena, 10);
    memset(first, 'a', 10);
    assert_true(arena_extend(arena, first, 10, 11));
    assert_true(arena_extend(arena, first, 11, 500));
    memset(first, 'a', 500);
    assert_int_equal(arena_used(arena), 500);
    assert_false(arena_extend(arena, first, 500, 5000));
    assert_int_equal(arena_used(arena), 500);

    char *second = arena_bytes(arena, 20);
    assert_false(arena_extend(arena, first, 500, 501));
    assert_true(arena_extend(arena, second, 20, 40));
    memset(second, 'b', 40);
    for (int i = 0; i < 500; i++)
        assert_int_equal(first[i], 'a');
}

static void test_array_size(void **state)
{
    (void)state;
    assert_int_equal(arena_array_size(0, 8), 0);
    assert_int_equal(arena_array_size(3, 8), 24);
    CLEANUP(arena_close_ptr) struct arena *arena = arena_open(0);
    struct str *list = arena_new(arena, struct str, 3);
    for (int i = 0; i < 3; i++)
        assert_null(list[i].ptr);
}

static void test_close(void **state)
{
    (void)state;
    arena_close(NULL);
    struct arena *arena = arena_open(0);
    struct arena *owner = TAKE_PTR(arena);
    assert_null(arena);
    arena_close_ptr(&owner);
    assert_null(owner);
    arena_close_ptr(&owner);
}

static void test_rewind(void **state)
{
    (void)state;
    struct arena *arena = arena_open(256);
    char *kept = arena_bytes(arena, 100);
    memset(kept, 'k', 100);
    for (int round = 0; round < 3; round++) {
        struct arena_mark mark = arena_mark(arena);
        size_t used = arena_used(arena);
        void *first = NULL;
        for (int i = 0; i < 1000; i++) {
            // Blocks of all sizes come and go with it.
            for (size_t size = 1; size < 100000; size *= 7)
                memset(arena_bytes(arena, size), 'x', size);
            arena_rewind(arena, mark);
            assert_int_equal(arena_used(arena), used);
            void *again = arena_bytes(arena, 8);
            if (first == NULL)
                first = again;
            assert_ptr_equal(again, first); // the same memory is given out again
            arena_rewind(arena, mark);
        }
        memset(arena_bytes(arena, 300), 'y', 300); // stays, before the next mark
    }
    for (int i = 0; i < 100; i++)
        assert_int_equal(kept[i], 'k');
    arena_close(arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rewind),     cmocka_unit_test(test_pieces),
        cmocka_unit_test(test_many_small), cmocka_unit_test(test_str),
        cmocka_unit_test(test_printf),     cmocka_unit_test(test_extend),
        cmocka_unit_test(test_array_size), cmocka_unit_test(test_close),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
