// Tests of http/http_target.c.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/buf.h"
#include "http/http_target.h"

// path | segments, each behind a '>' | pairs, each behind a '&'
static void describe(struct buf *text, const struct http_target *target)
{
    buf_append_str(text, target->path);
    buf_append_char(text, '|');
    for (size_t i = 0; i < target->segment_count && i < HTTP_SEGMENTS_MAX; i++) {
        buf_append_char(text, '>');
        buf_append_str(text, target->segments[i]);
    }
    buf_append_char(text, '|');
    for (size_t i = 0; i < target->pair_count; i++) {
        buf_append_char(text, '&');
        buf_append_str(text, target->pairs[i].name);
        buf_append_char(text, '=');
        buf_append_str(text, target->pairs[i].value);
    }
}

static void expect(struct str raw, const char *want)
{
    struct arena *arena CLEANUP(arena_close_ptr) = arena_open(0);
    struct buf text CLEANUP(buf_done);
    struct http_target target;
    buf_init(&text, 65536);
    const char *fault = http_target_parse(raw, arena, &target);
    if (fault == NULL)
        describe(&text, &target);
    else
        BUF_LITERAL(&text, "fault");
    assert_string_equal(buf_cstr(&text), want);
}

static void test_targets(void **state)
{
    static const struct {
        const char *raw;
        const char *want;
    } rows[] = {
        {"/", "/||"},
        {"/a", "/a|>a|"},
        {"/a/b", "/a/b|>a>b|"},
        {"/a/", "/a/|>a>|"},
        {"//a", "//a|>>a|"},
        {"/a%2Fb/c", "/a/b/c|>a/b>c|"},
        {"/%61%7a", "/az|>az|"},
        {"/%C3%A4", "/\xc3\xa4|>\xc3\xa4|"},
        {"/\xc3\xa4", "/\xc3\xa4|>\xc3\xa4|"},
        {"/a+b", "/a+b|>a+b|"},
        {"/a%20b", "/a b|>a b|"},
        {"/a?", "/a|>a|"},
        {"/a?x=1&y=2", "/a|>a|&x=1&y=2"},
        {"/a?x=1&&y", "/a|>a|&x=1&y="},
        {"/a?x=%26%3D&y=a=b", "/a|>a|&x=&=&y=a=b"},
        {"/a?q=a+b%2Bc&=v", "/a|>a|&q=a b+c&=v"},
        {"/a?b/c?d", "/a|>a|&b/c?d="},
        {"/...", "/...|>...|"},
        {"*", "*||"},
        {"http://host/a?b=c", "/a|>a|&b=c"},
        {"HTTPS://host", "/||"},
        {"http://host?b", "/||&b="},
        // what is not allowed
        {"", "fault"},
        {"a", "fault"},
        {"?a", "fault"},
        {"**", "fault"},
        {"host:80", "fault"},
        {"ftp://host/a", "fault"},
        {"/%", "fault"},
        {"/%4", "fault"},
        {"/%4g", "fault"},
        {"/%00", "fault"},
        {"/%0a", "fault"},
        {"/%7F", "fault"},
        {"/a b", "fault"},
        {"/a\tb", "fault"},
        {"/a\x7f", "fault"},
        {"/a#b", "fault"},
        {"/.", "fault"},
        {"/a/../b", "fault"},
        {"/a/..", "fault"},
        {"/%2e%2E/b", "fault"},
        {"/%ff", "fault"},
        {"/%C3", "fault"},
        {"/\xc3", "fault"},
        {"/a?%", "fault"},
        {"/a?x=%0", "fault"},
        {"/a?x=%00", "fault"},
        {"/a?x%0d", "fault"},
        {"/a?x=%ff", "fault"},
        {"/a?x=a b", "fault"},
    };
    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++)
        expect(str_of(rows[i].raw), rows[i].want);
    expect((struct str){.ptr = "/a\0b", .len = 4}, "fault");
}

static void test_authority(void **state)
{
    struct arena *arena CLEANUP(arena_close_ptr) = arena_open(0);
    struct http_target target;
    (void)state;
    assert_null(http_target_parse(STR("http://a.b:80/x"), arena, &target));
    assert_true(str_equal(target.authority, STR("a.b:80")));
    assert_null(http_target_parse(STR("/x"), arena, &target));
    assert_null(target.authority.ptr);
}

static void test_bounds(void **state)
{
    struct arena *arena CLEANUP(arena_close_ptr) = arena_open(0);
    struct buf text CLEANUP(buf_done);
    struct http_target target;
    (void)state;
    buf_init(&text, 65536);
    BUF_LITERAL(&text, "/?");
    for (size_t i = 0; i < HTTP_PAIRS_MAX; i++)
        BUF_LITERAL(&text, "a&");
    assert_null(http_target_parse(buf_str(&text), arena, &target));
    assert_int_equal(target.pair_count, HTTP_PAIRS_MAX);
    BUF_LITERAL(&text, "a");
    assert_non_null(http_target_parse(buf_str(&text), arena, &target));

    buf_reset(&text);
    for (size_t i = 0; i < HTTP_SEGMENTS_MAX; i++)
        BUF_LITERAL(&text, "/s");
    assert_null(http_target_parse(buf_str(&text), arena, &target));
    assert_int_equal(target.segment_count, HTTP_SEGMENTS_MAX);
    BUF_LITERAL(&text, "/s");
    assert_null(http_target_parse(buf_str(&text), arena, &target));
    assert_int_equal(target.segment_count, HTTP_SEGMENTS_MAX + 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_targets),
        cmocka_unit_test(test_authority),
        cmocka_unit_test(test_bounds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
