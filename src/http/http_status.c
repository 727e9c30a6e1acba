// HTTP statuses: which one an error code means, and their reason phrases.
#include "http/http_server.h"

int http_status_of(enum err code)
{
    switch (code) {
    case ERR_OK:
        return 200;
    case ERR_INVALID:
        return 400;
    case ERR_UNAUTHENTICATED:
        return 401;
    case ERR_FORBIDDEN:
        return 403;
    case ERR_NOT_FOUND:
        return 404;
    case ERR_CONFLICT:
        return 409;
    case ERR_STALE:
        return 412;
    case ERR_TOO_LARGE:
        return 413;
    case ERR_LIMITED:
        return 429;
    case ERR_CORRUPT:
    case ERR_INTERNAL:
        return 500;
    case ERR_UPSTREAM:
    case ERR_EXHAUSTED:
        return 502;
    case ERR_UNAVAILABLE:
    case ERR_UNKNOWN_OUTCOME:
    case ERR_CANCELLED:
        return 503;
    case ERR_TIMEOUT:
        return 504;
    }
    return 500;
}

static const struct {
    int status;
    const char *title;
} titles[] = {
    {200, "OK"},
    {201, "Created"},
    {202, "Accepted"},
    {204, "No Content"},
    {206, "Partial Content"},
    {301, "Moved Permanently"},
    {302, "Found"},
    {303, "See Other"},
    {304, "Not Modified"},
    {307, "Temporary Redirect"},
    {308, "Permanent Redirect"},
    {400, "Bad Request"},
    {401, "Unauthorized"},
    {402, "Payment Required"},
    {403, "Forbidden"},
    {404, "Not Found"},
    {405, "Method Not Allowed"},
    {406, "Not Acceptable"},
    {408, "Request Timeout"},
    {409, "Conflict"},
    {410, "Gone"},
    {411, "Length Required"},
    {412, "Precondition Failed"},
    {413, "Content Too Large"},
    {414, "URI Too Long"},
    {415, "Unsupported Media Type"},
    {416, "Range Not Satisfiable"},
    {417, "Expectation Failed"},
    {421, "Misdirected Request"},
    {422, "Unprocessable Content"},
    {428, "Precondition Required"},
    {429, "Too Many Requests"},
    {431, "Request Header Fields Too Large"},
    {500, "Internal Server Error"},
    {501, "Not Implemented"},
    {502, "Bad Gateway"},
    {503, "Service Unavailable"},
    {504, "Gateway Timeout"},
    {505, "HTTP Version Not Supported"},
    {507, "Insufficient Storage"},
};

const char *http_status_title(int status)
{
    for (size_t i = 0; i < COUNT_OF(titles); i++) {
        if (titles[i].status == status)
            return titles[i].title;
    }
    return "Unknown";
}
