// Admitting requests: gate, limits, route, body, guard, handler.
#include "http/http_exchange.h"

#include "http/http_response.h"

static const struct str method_names[HTTP_METHOD_COUNT] = {
    [HTTP_GET] = STR_INIT("GET"),
    [HTTP_POST] = STR_INIT("POST"),
    [HTTP_PUT] = STR_INIT("PUT"),
    [HTTP_DELETE] = STR_INIT("DELETE"),
};

static enum http_method method_of(struct str text)
{
    if (str_equal(text, STR("HEAD")))
        return HTTP_GET;
    unsigned method = 0;
    while (method < HTTP_METHOD_COUNT && !str_equal(text, method_names[method]))
        method++;
    return (enum http_method)method;
}

static struct str allowed_methods(struct arena *arena, unsigned allowed)
{
    struct buf list;
    buf_init_arena(&list, arena, 128);
    for (unsigned m = 0; m < HTTP_METHOD_COUNT; m++) {
        if ((allowed & 1u << m) == 0)
            continue;
        buf_append_str(&list, method_names[m]);
        BUF_LITERAL(&list, ", ");
        if (m == HTTP_GET)
            BUF_LITERAL(&list, "HEAD, ");
    }
    BUF_LITERAL(&list, "OPTIONS");
    return buf_str(&list);
}

bool http_exchange_has_body(const struct http_request *request)
{
    return request->gate.length > 0 || request->gate.transfer_encoding.ptr != NULL;
}

// Small bodies of refused requests are read and dropped, which saves the connection.
bool http_exchange_refuses_early(const struct http_request *request)
{
    const struct http_gate *gate = &request->gate;
    if (request->stage != HTTP_ANSWERED)
        return false;
    return request->close || (http_exchange_has_body(request) &&
                              (gate->expect.ptr != NULL || gate->transfer_encoding.ptr != NULL ||
                               gate->length > request->body_max));
}

static void refuse_and_close(struct http_request *request, int status, const char *message)
{
    request->close = true;
    http_refuse(request, status, message);
}

static void refuse_surplus(struct http_request *request)
{
    struct error err;
    error_reset(&err);
    (void)error_set(&err, ERR_UNAVAILABLE, "Too many connections are open.");
    request->close = true;
    http_problem(request, &err);
}

static void answer_preflight(struct http_request *request, struct str methods)
{
    struct str headers = http_header(request, "Access-Control-Request-Headers");
    http_set_header(request, "Access-Control-Allow-Methods", methods);
    // A tab is allowed there, but not where we write.
    if (str_find(headers, '\t', 0) == headers.len)
        http_set_header(request, "Access-Control-Allow-Headers", headers);
    http_set_header(request, "Access-Control-Max-Age", STR("600"));
}

static void answer_options(struct http_request *request, unsigned allowed)
{
    struct str methods = allowed_methods(request->arena, allowed);
    http_set_header(request, "Allow", methods);
    if (request->server->settings.cors_origin != NULL &&
        http_header(request, "Access-Control-Request-Method").ptr != NULL)
        answer_preflight(request, methods);
    http_respond(request, 204, NULL, STR_NULL);
}

static void refuse_route(struct http_request *request, unsigned allowed)
{
    if (allowed == 0) {
        http_refuse(request, 404, "There is nothing at this address.");
        return;
    }
    http_set_header(request, "Allow", allowed_methods(request->arena, allowed));
    http_refuse(request, 405, "This address does not take this method.");
}

// Finds the route. False if the request is answered.
static bool find_route(struct http_request *request)
{
    const struct http_target *target = &request->target;
    bool options = str_equal(request->method_text, STR("OPTIONS"));
    if (str_equal(target->path, STR("*"))) {
        if (options)
            answer_options(request, (1u << HTTP_METHOD_COUNT) - 1);
        else
            http_refuse(request, 400, "The request target is not a path.");
        return false;
    }
    request->method = method_of(request->method_text);
    struct http_match match = http_router_find(request->server->router, request->method,
                                               target->segments, target->segment_count);
    request->rule = match.rule;
    if (match.rule != NULL)
        return true;
    if (options && match.allowed != 0)
        answer_options(request, match.allowed);
    else
        refuse_route(request, match.allowed);
    return false;
}

static bool is_json_type(struct str content_type)
{
    struct str type = str_trim(str_slice(content_type, 0, str_find(content_type, ';', 0)));
    struct str suffix = str_slice(type, type.len < 5 ? 0 : type.len - 5, type.len);
    return str_equal_nocase(type, STR("application/json")) ||
           (str_equal_nocase(str_slice(type, 0, 12), STR("application/")) &&
            str_equal_nocase(suffix, STR("+json")));
}

// Whether the announced body suits the route. False if the request is answered.
static bool accept_body(struct http_request *request)
{
    const struct http_route *route = request->rule->route;
    bool wanted = (route->flags & HTTP_ROUTE_JSON_BODY) != 0;
    request->body_max = !wanted                ? 0
                        : route->body_max != 0 ? route->body_max
                                               : request->server->settings.body_max_bytes;
    if (request->gate.length > request->body_max) {
        http_refuse(request, 413, wanted ? "The body is too large." : "No body is expected here.");
        return false;
    }
    if (!http_exchange_has_body(request))
        return true;
    if (wanted && !is_json_type(request->gate.content_type)) {
        http_refuse(request, 415, "The body must be JSON (Content-Type: application/json).");
        return false;
    }
    return true;
}

static bool pass_guard(struct http_request *request)
{
    const struct http_server_settings *settings = &request->server->settings;
    if (settings->guard == NULL)
        return true;
    bool passed = settings->guard(request, settings->app);
    check(passed == (request->stage == HTTP_READING));
    return passed;
}

// The absolute form's host must be the one in Host, so that no two can be meant.
static bool same_host(const struct http_request *request)
{
    struct str authority = request->target.authority;
    return authority.ptr == NULL || str_equal_nocase(authority, request->gate.host);
}

void http_exchange_admit(struct http_request *request, size_t header_bytes, bool http_1_0)
{
    size_t header_max = request->server->settings.header_max_bytes;
    const char *fault = http_gate_finish(&request->gate, http_1_0);
    request->body_max = request->server->settings.body_max_bytes;
    if (fault != NULL)
        refuse_and_close(request, 400, fault);
    else if (request->connection->surplus)
        refuse_surplus(request);
    else if (request->line_bytes > header_max)
        refuse_and_close(request, 414, "The request line is too long.");
    else if (header_bytes > header_max)
        refuse_and_close(request, 431, "The headers are too large.");
    else if (request->fault != NULL)
        http_refuse(request, 400, request->fault);
    else if (!same_host(request))
        refuse_and_close(request, 400, "The address names another host than Host.");
    else if (find_route(request) && accept_body(request) && pass_guard(request))
        buf_init_arena(&request->body, request->arena, request->body_max);
}

void http_exchange_body(struct http_request *request, const char *bytes, size_t len)
{
    struct buf *body = &request->body;
    if (request->stage == HTTP_ANSWERED || body->overflow)
        return;
    if (body->cap == 0 && request->gate.length > 0)
        (void)buf_grow(body, (size_t)request->gate.length);
    buf_append(body, bytes, len);
}

// Whether the body that came suits the route. False if the request is answered.
static bool check_body(struct http_request *request)
{
    unsigned flags = request->rule->route->flags;
    if (request->body.overflow) {
        bool wanted = (flags & HTTP_ROUTE_JSON_BODY) != 0;
        http_refuse(request, 413, wanted ? "The body is too large." : "No body is expected here.");
        return false;
    }
    bool required =
        (flags & (HTTP_ROUTE_JSON_BODY | HTTP_ROUTE_OPTIONAL_BODY)) == HTTP_ROUTE_JSON_BODY;
    if (required && request->body.len == 0) {
        http_refuse(request, 400, "A JSON body is required.");
        return false;
    }
    return true;
}

void http_exchange_run(struct http_request *request)
{
    if (!check_body(request))
        return;
    request->stage = HTTP_HANDLING;
    request->rule->route->handler(request);
    // A handler answers or suspends.
    check(request->stage != HTTP_HANDLING);
}
