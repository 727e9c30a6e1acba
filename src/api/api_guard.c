// Keeps strangers out while there is no authentication: requests through a proxy or for a foreign
// host.
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

// A browser that was lured to a name that points to us sends that name as Host (DNS rebinding), and
// a proxy says so itself.
static const char *objection(struct http_request *request)
{
    static const char *const forwarding[] = {"Forwarded", "X-Forwarded-For", "X-Forwarded-Host",
                                             "X-Forwarded-Proto", "X-Real-IP"};
    for (size_t i = 0; i < COUNT_OF(forwarding); i++) {
        if (http_header(request, forwarding[i]).ptr != NULL)
            return "Requests through a proxy are refused: sunlead has no authentication yet. "
                   "Start it with --insecure to allow them.";
    }
    if (!is_loopback_name(host_name(http_header(request, "Host"))))
        return "Requests for another host than localhost are refused: sunlead has no "
               "authentication yet. Start it with --insecure to allow them.";
    return NULL;
}

bool api_guard(struct http_request *request, void *app)
{
    const struct api *api = app;
    const char *words = api->insecure ? NULL : objection(request);
    if (words == NULL)
        return true;
    struct error err;
    error_reset(&err);
    (void)error_set(&err, ERR_FORBIDDEN, "%s", words);
    http_problem(request, &err);
    return false;
}
