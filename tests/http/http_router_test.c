// Tests of http/http_router.c.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "http/http_router.h"
#include "http/http_target.h"

static void nothing(struct http_request *request)
{
    (void)request;
}

#define DEEP "/1/2/3/4/5/6/7/8/9/10/11/12/13/14/15/16"

static const struct http_route routes[] = {
    {.method = HTTP_GET, .pattern = "/", .handler = nothing},
    {.method = HTTP_GET, .pattern = "/leads", .handler = nothing},
    {.method = HTTP_POST, .pattern = "/leads", .handler = nothing},
    {.method = HTTP_GET, .pattern = "/leads/{id}", .handler = nothing},
    {.method = HTTP_PUT, .pattern = "/leads/{id}", .handler = nothing},
    {.method = HTTP_POST, .pattern = "/leads/export", .handler = nothing},
    {.method = HTTP_GET, .pattern = "/leads/{id}/files/{name}", .handler = nothing},
    {.method = HTTP_GET, .pattern = "/leads/export/last", .handler = nothing},
    {.method = HTTP_DELETE, .pattern = "/{a}/{b}/{c}/{d}", .handler = nothing},
    {.method = HTTP_GET, .pattern = DEEP, .handler = nothing},
};

static struct http_match find(enum http_method method, const char *path, struct http_target *target,
                              struct arena *arena)
{
    struct http_router *router = http_router_open(routes, COUNT_OF(routes));
    assert_null(http_target_parse(str_of(path), arena, target));
    struct http_match match =
        http_router_find(router, method, target->segments, target->segment_count);
    // The rule is the router's: only its route is looked at afterwards.
    static struct http_rule rule;
    if (match.rule != NULL) {
        rule = *match.rule;
        match.rule = &rule;
    }
    http_router_close(router);
    return match;
}

static void test_find(void **state)
{
    enum { G = 1 << HTTP_GET, P = 1 << HTTP_POST, U = 1 << HTTP_PUT, D = 1 << HTTP_DELETE };
    static const struct {
        enum http_method method;
        const char *path;
        const char *pattern; // NULL: none
        unsigned allowed;
    } rows[] = {
        {HTTP_GET, "/", "/", 0},
        {HTTP_POST, "/", NULL, G},
        {HTTP_GET, "/leads", "/leads", 0},
        {HTTP_POST, "/leads", "/leads", 0},
        {HTTP_DELETE, "/leads", NULL, G | P},
        {HTTP_METHOD_COUNT, "/leads", NULL, G | P},
        {HTTP_GET, "/leads/", NULL, 0},
        {HTTP_GET, "/Leads", NULL, 0},
        {HTTP_GET, "/lead", NULL, 0},
        {HTTP_GET, "/leadss", NULL, 0},
        {HTTP_GET, "/leads/7", "/leads/{id}", 0},
        {HTTP_PUT, "/leads/a%2fb", "/leads/{id}", 0},
        // literal first, but {id} takes what the literal does not
        {HTTP_POST, "/leads/export", "/leads/export", 0},
        {HTTP_GET, "/leads/export", "/leads/{id}", 0},
        {HTTP_DELETE, "/leads/export", NULL, G | P | U},
        {HTTP_GET, "/leads/export/last", "/leads/export/last", 0},
        {HTTP_GET, "/leads/export/first", NULL, 0},
        {HTTP_GET, "/leads/export/files/x", "/leads/{id}/files/{name}", 0},
        {HTTP_GET, "/leads/7/files/x", "/leads/{id}/files/{name}", 0},
        {HTTP_DELETE, "/leads/7/files/x", "/{a}/{b}/{c}/{d}", 0},
        {HTTP_PUT, "/leads/7/files/x", NULL, G | D},
        {HTTP_GET, "/leads/7/files/", NULL, 0},
        {HTTP_GET, "/leads//files/x", NULL, 0},
        {HTTP_DELETE, "//b/c/d", NULL, 0},
        {HTTP_GET, DEEP, DEEP, 0},
        {HTTP_GET, DEEP "/17", NULL, 0},
    };
    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct arena *arena CLEANUP(arena_close_ptr) = arena_open(0);
        struct http_target target;
        struct http_match match = find(rows[i].method, rows[i].path, &target, arena);
        if (rows[i].pattern == NULL) {
            assert_null(match.rule);
            assert_int_equal(match.allowed, rows[i].allowed);
        } else {
            assert_non_null(match.rule);
            assert_string_equal(match.rule->route->pattern, rows[i].pattern);
            assert_int_equal(match.rule->route->method, rows[i].method);
        }
    }
}

static void test_params(void **state)
{
    struct arena *arena CLEANUP(arena_close_ptr) = arena_open(0);
    struct http_target target;
    (void)state;
    struct http_match match = find(HTTP_GET, "/leads/7/files/a%20b", &target, arena);
    assert_int_equal(match.rule->param_count, 2);
    assert_true(str_equal(match.rule->params[0].name, STR("id")));
    assert_true(str_equal(match.rule->params[1].name, STR("name")));
    assert_true(str_equal(target.segments[match.rule->params[1].segment], STR("a b")));
}

static void test_empty(void **state)
{
    struct str segment = STR("a");
    (void)state;
    struct http_router *router = http_router_open(NULL, 0);
    assert_null(http_router_find(router, HTTP_GET, NULL, 0).rule);
    assert_null(http_router_find(router, HTTP_GET, &segment, 1).rule);
    http_router_close(router);
    http_router_close(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_find),
        cmocka_unit_test(test_params),
        cmocka_unit_test(test_empty),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
