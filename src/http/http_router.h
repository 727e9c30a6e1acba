// Finding the route of a path: the table of patterns as a tree of segments.
#ifndef SUNLEAD_HTTP_ROUTER_H
#define SUNLEAD_HTTP_ROUTER_H

#include <stddef.h>

#include "base/str.h"
#include "http/http_server.h"

// HTTP_PARAMS_MAX is how many {name} segments a pattern may have.
#define HTTP_PARAMS_MAX 4

struct http_router;

// A route with what was worked out of its pattern.
struct http_rule {
    const struct http_route *route;
    struct {
        struct str name;
        size_t segment; // where in the path it stands
    } params[HTTP_PARAMS_MAX];
    size_t param_count;
};

// What a path leads to. rule is NULL if no pattern with the wanted method matches; allowed then has
// bit m for each method m of the patterns that match otherwise (0: no such path).
struct http_match {
    const struct http_rule *rule;
    unsigned allowed;
};

// http_router_open() builds the tree of a table, which must outlive it. A pattern that is malformed
// or stands twice is a programming error.
struct http_router *http_router_open(const struct http_route *routes, size_t count);

// http_router_close() frees it. NULL is fine.
void http_router_close(struct http_router *router);

// http_router_find() looks a path up by its decoded segments. HTTP_METHOD_COUNT as the method is
// one that no route has, to ask for the allowed ones.
struct http_match http_router_find(const struct http_router *router, enum http_method method,
                                   const struct str *segments, size_t count);

#endif
