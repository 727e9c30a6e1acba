// Keeps strangers out while there is no authentication: requests through a proxy, for a foreign
// host or by a foreign web page.
#include "api/api.h"

// 127.x.x.x in digits; a name such as 127.example.com is anybody's.
static bool is_loopback_v4(struct str host)
{
    if (!str_starts(host, STR("127.")))
        return false;
    for (size_t i = 0; i < host.len; i++) {
        if (host.ptr[i] != '.' && (host.ptr[i] < '0' || host.ptr[i] > '9'))
            return false;
    }
    return true;
}

static bool is_loopback_name(struct str host)
{
    return str_equal_nocase(host, STR("localhost")) || str_equal(host, STR("[::1]")) ||
           is_loopback_v4(host);
}

// The host without its port; an IPv6 address keeps its brackets.
static struct str host_name(struct str host)
{
    size_t from = 0;
    if (host.len > 0 && host.ptr[0] == '[')
        from = str_find(host, ']', 0);
    return str_slice(host, 0, str_find(host, ':', from));
}

// Whether the page that a browser sends this for is ours to answer. Anything but a page sends no
// Origin.
static bool is_welcome_origin(struct str origin, const struct api *api)
{
    static const struct str schemes[] = {STR_INIT("http://"), STR_INIT("https://")};
    struct str allowed = str_of(api->cors_origin);
    if (origin.ptr == NULL || str_equal(origin, allowed) || str_equal(allowed, STR("*")))
        return true;
    for (size_t i = 0; i < COUNT_OF(schemes); i++) {
        if (str_starts(origin, schemes[i]))
            return is_loopback_name(host_name(str_slice(origin, schemes[i].len, origin.len)));
    }
    return false;
}

// A browser that was lured to a name that points to us sends that name as Host (DNS rebinding), and
// a proxy says so itself. Any page may make a browser send a POST without a body here, though not
// read the answer.
static const char *objection(struct http_request *request, const struct api *api)
{
    static const struct str forwarding[] = {STR_INIT("Forwarded"), STR_INIT("X-Forwarded-"),
                                            STR_INIT("X-Real-IP")};
    for (size_t i = 0; i < COUNT_OF(forwarding); i++) {
        if (http_has_header(request, forwarding[i]))
            return "Requests through a proxy are refused: sunlead has no authentication yet. "
                   "Start it with --insecure to allow them.";
    }
    if (!is_loopback_name(host_name(http_header(request, "Host"))))
        return "Requests for another host than localhost are refused: sunlead has no "
               "authentication yet. Start it with --insecure to allow them.";
    if (http_method_of(request) != HTTP_GET &&
        !is_welcome_origin(http_header(request, "Origin"), api))
        return "Changes by pages of another origin are refused. Set CORS_ORIGIN to allow them.";
    return NULL;
}

bool api_guard(struct http_request *request, void *app)
{
    const struct api *api = app;
    const char *words = api->insecure ? NULL : objection(request, api);
    if (words == NULL)
        return true;
    struct error err;
    error_reset(&err);
    (void)error_set(&err, ERR_FORBIDDEN, "%s", words);
    http_problem(request, &err);
    return false;
}
