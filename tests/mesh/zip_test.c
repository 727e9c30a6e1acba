// Tests of zip archives: what a reader finds where.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "mesh/zip.h"

static size_t number_at(struct str zip, size_t at, size_t bytes)
{
    assert_true(at + bytes <= zip.len);
    size_t value = 0;
    for (size_t i = 0; i < bytes; i++)
        value |= (size_t)(unsigned char)zip.ptr[at + i] << 8 * i;
    return value;
}

static void add(struct zip *zip, const char *name, struct str bytes)
{
    zip_begin(zip, str_of(name));
    buf_append_str(zip->buf, bytes);
    zip_end(zip);
}

// By the directory, as readers go: the name, the sizes, the checksum, the place of the bytes.
static void check_entry(struct str zip, size_t *directory, const char *name, struct str bytes)
{
    size_t at = *directory;
    assert_int_equal(number_at(zip, at, 4), 0x02014B50);
    assert_int_equal(number_at(zip, at + 8, 2), 0);  // flags
    assert_int_equal(number_at(zip, at + 10, 2), 0); // stored
    size_t local = number_at(zip, at + 42, 4);
    assert_int_equal(number_at(zip, local, 4), 0x04034B50);
    // The two headers agree from the version on to the length of the name.
    assert_memory_equal(zip.ptr + at + 6, zip.ptr + local + 4, 24);
    assert_int_equal(number_at(zip, local + 18, 4), bytes.len);
    assert_int_equal(number_at(zip, local + 22, 4), bytes.len);
    size_t name_len = number_at(zip, local + 26, 2);
    assert_int_equal(name_len, strlen(name));
    assert_memory_equal(zip.ptr + local + 30, name, name_len);
    assert_memory_equal(zip.ptr + at + 46, name, name_len);
    size_t extra = local + 30 + name_len, extra_len = number_at(zip, local + 28, 2);
    assert_int_equal(number_at(zip, extra + 2, 2), extra_len - 4);
    size_t first = extra + extra_len;
    assert_int_equal(first % ZIP_ALIGNMENT, 0);
    assert_memory_equal(zip.ptr + first, bytes.ptr, bytes.len);
    *directory = at + 46 + name_len;
}

static void test_entries(void **state)
{
    (void)state;
    // Each length of a name moves the padding by one.
    for (size_t name_len = 1; name_len <= 70; name_len++) {
        CLEANUP(arena_close_ptr) struct arena *arena = arena_open(0);
        char name[80] = {0};
        memset(name, 'n', name_len);
        struct buf buf;
        struct zip zip;
        struct error err;
        buf_init_arena(&buf, arena, 4096);
        zip_init(&zip, &buf, 3, arena);
        add(&zip, name, STR("123456789"));
        add(&zip, "empty", STR(""));
        add(&zip, "b", STR("x"));
        assert_int_equal(zip_finish(&zip, &err), ERR_OK);
        struct str bytes = buf_str(&buf);
        size_t end = bytes.len - 22;
        assert_int_equal(number_at(bytes, end, 4), 0x06054B50);
        assert_int_equal(number_at(bytes, end + 10, 2), 3);
        size_t at = number_at(bytes, end + 16, 4);
        assert_int_equal(number_at(bytes, at + 16, 4), 0xCBF43926); // the well-known check value
        check_entry(bytes, &at, name, STR("123456789"));
        check_entry(bytes, &at, "empty", STR(""));
        check_entry(bytes, &at, "b", STR("x"));
        assert_int_equal(at, end);
        assert_int_equal(number_at(bytes, end + 12, 4), end - number_at(bytes, end + 16, 4));
    }
}

static void test_full(void **state)
{
    (void)state;
    CLEANUP(arena_close_ptr) struct arena *arena = arena_open(0);
    for (size_t max = 0; max < 200; max++) {
        struct buf buf;
        struct zip zip;
        struct error err;
        buf_init_arena(&buf, arena, max);
        zip_init(&zip, &buf, 1, arena);
        add(&zip, "a", STR("123456789"));
        enum err code = zip_finish(&zip, &err);
        assert_int_equal(code, max < 64 + 9 + 47 + 22 ? ERR_TOO_LARGE : ERR_OK);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_entries),
        cmocka_unit_test(test_full),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
