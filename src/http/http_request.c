// What handlers ask of a request.
#include <microhttpd.h>

#include "http/http_core.h"

void *http_app(const struct http_request *request)
{
    return request->server->settings.app;
}

struct arena *http_arena(struct http_request *request)
{
    return request->arena;
}

struct str http_request_id(const struct http_request *request)
{
    return request->id;
}

enum http_method http_method_of(const struct http_request *request)
{
    return request->method;
}

bool http_is_head(const struct http_request *request)
{
    return str_equal(request->method_text, STR("HEAD"));
}

struct str http_path(const struct http_request *request)
{
    return request->target.path;
}

const char *http_pattern(const struct http_request *request)
{
    return request->rule == NULL ? NULL : request->rule->route->pattern;
}

struct str http_param(const struct http_request *request, const char *name)
{
    const struct http_rule *rule = request->rule;
    struct str wanted = str_of(name);
    size_t i = 0;
    check(rule != NULL);
    while (i < rule->param_count && !str_equal(rule->params[i].name, wanted))
        i++;
    check(i < rule->param_count);
    return request->target.segments[rule->params[i].segment];
}

struct str http_query(const struct http_request *request, const char *name)
{
    struct str wanted = str_of(name);
    for (size_t i = 0; i < request->target.pair_count; i++) {
        if (str_equal(request->target.pairs[i].name, wanted))
            return request->target.pairs[i].value;
    }
    return STR_NULL;
}

static bool is_listed(struct str name, const char *const *names)
{
    for (size_t i = 0; names[i] != NULL; i++) {
        if (str_equal(name, str_of(names[i])))
            return true;
    }
    return false;
}

static bool is_repeated(const struct http_target *target, size_t at)
{
    for (size_t i = 0; i < at; i++) {
        if (str_equal(target->pairs[i].name, target->pairs[at].name))
            return true;
    }
    return false;
}

enum err http_query_check(const struct http_request *request, const char *const *names,
                          struct error *err)
{
    const struct http_target *target = &request->target;
    enum err code = ERR_OK;
    for (size_t i = 0; i < target->pair_count; i++) {
        struct str name = target->pairs[i].name;
        const char *detail = NULL;
        if (!is_listed(name, names))
            detail = "unknown parameter";
        else if (is_repeated(target, i))
            detail = "stands more than once";
        if (detail == NULL)
            continue;
        struct str place = arena_printf(request->arena, "?%.*s", STR_ARG(name));
        code = error_place(err, place, "%s", detail);
    }
    return code;
}

struct str http_header(struct http_request *request, const char *name)
{
    const char *value = MHD_lookup_connection_value(request->mhd, MHD_HEADER_KIND, name);
    return str_trim(str_of(value));
}

struct header_search {
    struct str prefix;
    bool found;
};

static enum MHD_Result match_header(void *cls, enum MHD_ValueKind kind, const char *key,
                                    const char *value)
{
    struct header_search *search = cls;
    (void)kind;
    (void)value;
    search->found = str_equal_nocase(str_slice(str_of(key), 0, search->prefix.len), search->prefix);
    return search->found ? MHD_NO : MHD_YES;
}

bool http_has_header(struct http_request *request, struct str prefix)
{
    struct header_search search = {.prefix = prefix};
    MHD_get_connection_values(request->mhd, MHD_HEADER_KIND, match_header, &search);
    return search.found;
}

struct str http_body(const struct http_request *request)
{
    return buf_str(&request->body);
}
