// Answers: gathering them in the request and handing them to libmicrohttpd.
#include "http/http_response.h"

#include <microhttpd.h>

#include "base/crash.h"
#include "http/http_loop.h"

void http_answer_check(const struct http_request *request)
{
    check(request->stage != HTTP_ANSWERED);
}

void http_answer_done(struct http_request *request)
{
    enum http_stage before = atomic_exchange(&request->stage, HTTP_ANSWERED);
    check(before != HTTP_ANSWERED);
    if (before == HTTP_PARKED)
        http_answer_resume(request);
}

void http_answer_resume(struct http_request *request)
{
    struct http_server *server = request->server;
    struct http_loop *loop = request->loop;
    MHD_resume_connection(request->mhd);
    http_loop_wake(loop);
    atomic_fetch_sub(&server->in_hand, 1);
}

static const struct http_answer_header *find_header(const struct http_answer *answer,
                                                    const char *name)
{
    for (size_t i = 0; i < answer->header_count; i++) {
        if (strcasecmp(answer->headers[i].name, name) == 0)
            return &answer->headers[i];
    }
    return NULL;
}

void http_set_header(struct http_request *request, const char *name, struct str value)
{
    struct http_answer *answer = &request->answer;
    http_answer_check(request);
    for (size_t i = 0; i < value.len; i++)
        check((unsigned char)value.ptr[i] >= 0x20 && value.ptr[i] != 0x7f);
    const struct http_answer_header *old = find_header(answer, name);
    size_t at = old == NULL ? answer->header_count++ : (size_t)(old - answer->headers);
    check(at < COUNT_OF(answer->headers));
    answer->headers[at] =
        (struct http_answer_header){.name = name, .value = arena_str(request->arena, value)};
}

struct str http_answer_header(const struct http_request *request, const char *name)
{
    const struct http_answer_header *header = find_header(&request->answer, name);
    return header == NULL ? STR_NULL : header->value;
}

void http_take_answer(struct http_request *request, http_taker *taker, void *ctx)
{
    http_answer_check(request);
    request->taker = taker;
    request->taker_ctx = ctx;
}

void http_respond(struct http_request *request, int status, const char *content_type,
                  struct str body)
{
    http_answer_check(request);
    check(status >= 200 && status <= 599);
    if (request->taker != NULL) {
        http_taker *taker = TAKE_PTR(request->taker);
        taker(request, status, body, request->taker_ctx);
        return;
    }
    crash_here(CRASH_REQUEST_ANSWERING);
    request->answer.status = status;
    request->answer.content_type = content_type;
    request->answer.body = content_type == NULL ? STR_NULL : body;
    http_answer_done(request);
}

static struct MHD_Response *make_response(struct http_request *request)
{
    struct http_answer *answer = &request->answer;
    if (request->flawed != NULL)
        return http_flaw_response(request);
    if (answer->fd < 0)
        return MHD_create_response_from_buffer(answer->body.len, (void *)answer->body.ptr,
                                               MHD_RESPMEM_PERSISTENT);
    struct MHD_Response *response =
        MHD_create_response_from_fd_at_offset64(answer->length, answer->fd, answer->offset);
    if (response != NULL)
        answer->fd = -1;
    return response;
}

static bool add(struct MHD_Response *response, const char *name, const char *value)
{
    return MHD_add_response_header(response, name, value) == MHD_YES;
}

static bool add_cors(struct MHD_Response *response, const struct http_server *server)
{
    const char *origin = server->settings.cors_origin;
    return origin == NULL ||
           (add(response, "Access-Control-Allow-Origin", origin) &&
            add(response, "Access-Control-Expose-Headers",
                "Accept-Ranges, Content-Disposition, Content-Encoding, Content-Range, ETag, "
                "Idempotency-Replayed, Link, Location, Retry-After, X-Request-Id"));
}

static bool add_headers(struct MHD_Response *response, struct http_request *request)
{
    struct http_answer *answer = &request->answer;
    bool ok = add(response, "X-Request-Id", request->id.ptr);
    if (answer->content_type != NULL) {
        ok = ok && add(response, "Content-Type", answer->content_type);
        if (strstr(answer->content_type, "json") != NULL &&
            find_header(answer, "Cache-Control") == NULL)
            ok = ok && add(response, "Cache-Control", "no-store");
    }
    for (size_t i = 0; i < answer->header_count; i++) {
        if (answer->headers[i].value.len > 0)
            ok = ok && add(response, answer->headers[i].name, answer->headers[i].value.ptr);
    }
    if (request->close || atomic_load_explicit(&request->server->draining, memory_order_relaxed))
        ok = ok && add(response, "Connection", "close");
    return ok && add_cors(response, request->server);
}

bool http_answer_queue(struct http_request *request)
{
    struct MHD_Response *response = make_response(request);
    if (response == NULL)
        return false;
    bool ok =
        add_headers(response, request) &&
        MHD_queue_response(request->mhd, (unsigned)request->answer.status, response) == MHD_YES;
    MHD_destroy_response(response);
    request->queued = ok;
    return ok;
}
