// The tree of segments behind the route table.
#include "http/http_router.h"

#include "base/arena.h"
#include "http/http_target.h"

// One place in the tree. Literal children form a list; a {name} child takes what none of them
// takes.
struct node {
    struct str literal;
    struct node *sibling;
    struct node *literals;
    struct node *wildcard;
    const struct http_rule *rules[HTTP_METHOD_COUNT];
};

struct http_router {
    struct arena *arena;
    struct node root;
};

static bool is_wildcard(struct str segment)
{
    return segment.len > 2 && segment.ptr[0] == '{' && segment.ptr[segment.len - 1] == '}';
}

static bool is_literal(const struct node *node, struct str segment)
{
    return node->literal.len == segment.len &&
           memcmp(node->literal.ptr, segment.ptr, segment.len) == 0;
}

static struct node *literal_child(struct http_router *router, struct node *node, struct str segment)
{
    for (struct node *child = node->literals; child != NULL; child = child->sibling) {
        if (is_literal(child, segment))
            return child;
    }
    struct node *child = arena_new(router->arena, struct node, 1);
    child->literal = segment;
    child->sibling = node->literals;
    node->literals = child;
    return child;
}

static struct node *wildcard_child(struct http_router *router, struct node *node)
{
    if (node->wildcard == NULL)
        node->wildcard = arena_new(router->arena, struct node, 1);
    return node->wildcard;
}

static void add_param(struct http_rule *rule, struct str segment, size_t at)
{
    check(rule->param_count < HTTP_PARAMS_MAX);
    rule->params[rule->param_count].name = str_slice(segment, 1, segment.len - 1);
    rule->params[rule->param_count].segment = at;
    rule->param_count++;
}

static void add_route(struct http_router *router, const struct http_route *route)
{
    struct http_rule *rule = arena_new(router->arena, struct http_rule, 1);
    rule->route = route;
    check(route->method < HTTP_METHOD_COUNT && route->handler != NULL);
    check(route->pattern[0] == '/');
    struct node *node = &router->root;
    struct str rest = str_of(route->pattern + 1);
    if (rest.len == 0)
        rest = STR_NULL;
    for (size_t at = 0; rest.ptr != NULL; at++) {
        check(at < HTTP_SEGMENTS_MAX);
        struct str segment = str_split(&rest, '/');
        if (is_wildcard(segment)) {
            add_param(rule, segment, at);
            node = wildcard_child(router, node);
        } else {
            node = literal_child(router, node, segment);
        }
    }
    check(node->rules[route->method] == NULL);
    node->rules[route->method] = rule;
}

struct http_router *http_router_open(const struct http_route *routes, size_t count)
{
    struct arena *arena = arena_open(0);
    struct http_router *router = arena_new(arena, struct http_router, 1);
    router->arena = arena;
    for (size_t i = 0; i < count; i++)
        add_route(router, &routes[i]);
    return router;
}

void http_router_close(struct http_router *router)
{
    if (router != NULL)
        arena_close(router->arena);
}

static bool take_rule(const struct node *node, enum http_method method, struct http_match *match)
{
    if (method < HTTP_METHOD_COUNT && node->rules[method] != NULL) {
        match->rule = node->rules[method];
        return true;
    }
    for (unsigned m = 0; m < HTTP_METHOD_COUNT; m++) {
        if (node->rules[m] != NULL)
            match->allowed |= 1u << m;
    }
    return false;
}

// Literal segments first, {name} when they lead nowhere. Goes no deeper than the deepest pattern.
static bool find(const struct node *node, enum http_method method, const struct str *segments,
                 size_t count, struct http_match *match)
{
    if (count == 0)
        return take_rule(node, method, match);
    for (const struct node *child = node->literals; child != NULL; child = child->sibling) {
        if (is_literal(child, segments[0])) {
            if (find(child, method, segments + 1, count - 1, match))
                return true;
            break;
        }
    }
    return segments[0].len > 0 && node->wildcard != NULL &&
           find(node->wildcard, method, segments + 1, count - 1, match);
}

struct http_match http_router_find(const struct http_router *router, enum http_method method,
                                   const struct str *segments, size_t count)
{
    struct http_match match = {0};
    if (count <= HTTP_SEGMENTS_MAX)
        find(&router->root, method, segments, count, &match);
    return match;
}
