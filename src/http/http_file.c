// Answers that are files, with ranges and entity tags.
#include <unistd.h>

#include "http/http_range.h"
#include "http/http_response.h"

// If-Range decides whether Range counts.
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

// What was set for the file does not hold for an answer that is none.
static void forget_file(struct http_request *request, int fd)
{
    static const char *const names[] = {"ETag", "Content-Disposition", "Content-Encoding"};
    close(fd);
    for (size_t i = 0; i < COUNT_OF(names); i++)
        http_set_header(request, names[i], STR(""));
    http_set_header(request, "Cache-Control", STR("no-store"));
}

static void refuse_range(struct http_request *request, int fd, uint64_t length)
{
    forget_file(request, fd);
    http_set_header(request, "Content-Range",
                    arena_printf(request->arena, "bytes */%llu", (unsigned long long)length));
    http_refuse(request, 416, "The range lies beyond the end of the file.");
}

static void refuse_stale(struct http_request *request, int fd)
{
    struct error err;
    error_reset(&err);
    forget_file(request, fd);
    (void)error_set(&err, ERR_STALE, "The file is not the one that If-Match names.");
    http_problem(request, &err);
}

// A client has what describes the file already (RFC 9110, section 15.4.5).
static void set_unchanged(struct http_request *request)
{
    request->answer.status = 304;
    request->answer.content_type = NULL;
    http_set_header(request, "Content-Disposition", STR(""));
    http_set_header(request, "Content-Encoding", STR(""));
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

// In the order of RFC 9110, section 13.2.2. There is no date of modification to compare with.
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
    struct str match = http_header(request, "If-Match");
    if (match.ptr != NULL && !http_etag_matches(match, etag)) {
        refuse_stale(request, fd);
        return;
    }
    if (http_etag_listed(http_header(request, "If-None-Match"), etag)) {
        set_unchanged(request);
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
