// Reads any bytes as a request target and looks for its route.
#include "fuzz/fuzz.h"

#include "base/arena.h"
#include "base/buf.h"
#include "http/http_router.h"
#include "http/http_target.h"

static void nothing(struct http_request *request)
{
    (void)request;
}

static const struct http_route routes[] = {
    {.method = HTTP_GET, .pattern = "/", .handler = nothing},
    {.method = HTTP_GET, .pattern = "/a", .handler = nothing},
    {.method = HTTP_POST, .pattern = "/a/b", .handler = nothing},
    {.method = HTTP_GET, .pattern = "/a/{x}", .handler = nothing},
    {.method = HTTP_GET, .pattern = "/{x}/b/{y}", .handler = nothing},
    {.method = HTTP_DELETE, .pattern = "/{x}/{y}/{z}/c", .handler = nothing},
};

static void check_text(struct str s)
{
    check(s.ptr != NULL && s.ptr[s.len] == '\0' && str_is_utf8(s));
    for (size_t i = 0; i < s.len; i++)
        check((unsigned char)s.ptr[i] >= 0x20 && s.ptr[i] != 0x7f);
}

static void encode(struct buf *buf, struct str s)
{
    for (size_t i = 0; i < s.len; i++)
        buf_printf(buf, "%%%02X", (unsigned)(unsigned char)s.ptr[i]);
}

// What was decoded is decoded to the same again when every byte of it is escaped.
static void check_round_trip(const struct http_target *target, struct arena *arena)
{
    struct buf text;
    struct http_target again;
    buf_init_arena(&text, arena, (size_t)1 << 20);
    for (size_t i = 0; i < target->segment_count; i++) {
        buf_append_char(&text, '/');
        encode(&text, target->segments[i]);
    }
    if (target->segment_count == 0)
        buf_append_char(&text, '/');
    for (size_t i = 0; i < target->pair_count; i++) {
        buf_append_char(&text, i == 0 ? '?' : '&');
        encode(&text, target->pairs[i].name);
        buf_append_char(&text, '=');
        encode(&text, target->pairs[i].value);
    }
    check(!text.overflow && http_target_parse(buf_str(&text), arena, &again) == NULL);
    check(again.segment_count == target->segment_count && again.pair_count == target->pair_count);
    check(str_equal(again.path, target->path));
    for (size_t i = 0; i < target->segment_count; i++)
        check(str_equal(again.segments[i], target->segments[i]));
    for (size_t i = 0; i < target->pair_count; i++) {
        check(str_equal(again.pairs[i].name, target->pairs[i].name));
        check(str_equal(again.pairs[i].value, target->pairs[i].value));
    }
}

static void check_route(const struct http_target *target)
{
    struct http_router *router = http_router_open(routes, COUNT_OF(routes));
    for (unsigned m = 0; m <= HTTP_METHOD_COUNT; m++) {
        struct http_match match =
            http_router_find(router, (enum http_method)m, target->segments, target->segment_count);
        check(match.rule == NULL || match.rule->route->method == m);
        for (size_t i = 0; match.rule != NULL && i < match.rule->param_count; i++)
            check(target->segments[match.rule->params[i].segment].len > 0);
    }
    http_router_close(router);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena *arena CLEANUP(arena_close_ptr) = arena_open(0);
    struct http_target target;
    struct str raw = {.ptr = (const char *)data, .len = size};
    if (http_target_parse(raw, arena, &target) != NULL)
        return 0;
    check(target.pair_count <= HTTP_PAIRS_MAX);
    check_text(target.path);
    for (size_t i = 0; i < target.segment_count && i < HTTP_SEGMENTS_MAX; i++)
        check(target.segments[i].ptr >= target.path.ptr &&
              target.segments[i].ptr + target.segments[i].len <= target.path.ptr + target.path.len);
    for (size_t i = 0; i < target.pair_count; i++) {
        check_text(target.pairs[i].name);
        check_text(target.pairs[i].value);
    }
    check_route(&target);
    if (target.path.ptr[0] == '/' && target.segment_count <= HTTP_SEGMENTS_MAX)
        check_round_trip(&target, arena);
    return 0;
}
