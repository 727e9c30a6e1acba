// Answers that are files, with ranges and entity tags.
#include <unistd.h>

#include "http/http_range.h"
#include "http/http_response.h"

// RFC 9110, section 13.2.2: If-None-Match comes before Range, and If-Range decides whether Range
// counts.
static struct http_range wanted_range(struct http_request *request, uint64_t length,
                                      struct str etag)
{
    struct str range = http_header(request, "Range");
    struct str condition = http_header(request, "If-Range");
    if (!str_equal(request->method_text, STR("GET")) ||
        (condition.ptr != NULL && !http_etag_same(condition, etag)))
        return (struct http_range){.kind = HTTP_RANGE_WHOLE};
    return http_range_parse(range, length);
}

static void refuse_range(struct http_request *request, int fd, uint64_t length)
{
    close(fd);
    http_set_header(request, "Content-Range",
                    arena_printf(request->arena, "bytes */%llu", (unsigned long long)length));
    http_refuse(request, 416, "The range lies beyond the end of the file.");
}

static void set_part(struct http_request *request, struct http_range range, uint64_t length)
{
    request->answer.status = 206;
    request->answer.offset = range.offset;
    request->answer.length = range.length;
    uint64_t last = range.offset + range.length - 1;
    struct str value =
        arena_printf(request->arena, "bytes %llu-%llu/%llu", (unsigned long long)range.offset,
                     (unsigned long long)last, (unsigned long long)length);
    http_set_header(request, "Content-Range", value);
}

void http_respond_file(struct http_request *request, const char *content_type, int fd,
                       uint64_t length, struct str etag)
{
    http_answer_check(request);
    check(fd >= 0 && content_type != NULL && str_find(etag, '"', 0) == etag.len);
    struct http_answer *answer = &request->answer;
    answer->status = 200;
    answer->content_type = content_type;
    answer->length = length;
    http_set_header(request, "ETag", arena_printf(request->arena, "\"%.*s\"", STR_ARG(etag)));
    http_set_header(request, "Accept-Ranges", STR("bytes"));
    if (http_etag_listed(http_header(request, "If-None-Match"), etag)) {
        answer->status = 304;
    } else {
        struct http_range range = wanted_range(request, length, etag);
        if (range.kind == HTTP_RANGE_UNSATISFIABLE) {
            refuse_range(request, fd, length);
            return;
        }
        if (range.kind == HTTP_RANGE_PART)
            set_part(request, range, length);
    }
    answer->fd = fd;
    http_answer_done(request);
}
