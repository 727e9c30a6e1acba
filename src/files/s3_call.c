// Sends calls to an S3 store, and knows what its answers mean.
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/thread.h"
#include "files/s3.h"

#define IN_FLIGHT_MAX  32
#define TOTAL_MS       (10 * 60 * 1000)
#define STALL_S        60
#define ELEMENT_MAX    1024
#define NOTHING_SHA256 "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

struct str s3_element(struct str answer, const char *name)
{
    char open[32];
    int len = snprintf(open, sizeof(open), "<%s>", name);
    check(len > 0 && (size_t)len < sizeof(open));
    const char *at = answer.len == 0 ? NULL : memmem(answer.ptr, answer.len, open, (size_t)len);
    if (at == NULL)
        return STR_NULL;
    struct str rest = str_slice(answer, (size_t)(at - answer.ptr) + (size_t)len, answer.len);
    struct str text = str_slice(rest, 0, str_find(rest, '<', 0));
    if (text.len == 0 || text.len > ELEMENT_MAX || text.len == rest.len)
        return STR_NULL;
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] <= ' ' || text.ptr[i] > '~' || text.ptr[i] == '&')
            return STR_NULL;
    }
    return text;
}

// ---- What an answer means.

static const struct {
    const char *event;
    const char *message;
    enum log_level level;
} health_words[S3_HEALTH_COUNT] = {
    [S3_GOOD] = {"files.store_back", "the store of files takes what it is asked again", LOG_INFO},
    [S3_AWAY] = {"files.store_away", "the store of files cannot be used now; files wait for it",
                 LOG_WARN},
    [S3_REFUSING] = {"files.store_refuses",
                     "the store of files refuses us (FILES_URL, FILES_S3_...); files wait",
                     LOG_ERROR},
};

// Where it is none of the files' own fault, a change is logged, and not every call.
static void note_health(struct s3 *s3, enum s3_health health, const struct error *err)
{
    mutex_lock(&s3->mutex);
    bool changed = s3->health != health && !s3->closing;
    if (changed)
        s3->health = health;
    mutex_unlock(&s3->mutex);
    if (changed)
        log_event(health_words[health].level, health_words[health].event,
                  health_words[health].message,
                  LOG_TEXT_FIELD("cause", err == NULL ? "" : err->cause));
}

static enum err away(const struct s3_call *call, struct error *err)
{
    error_set(err, ERR_UNAVAILABLE, "our storage cannot be reached now");
    if (err != NULL)
        err->retry_after_s = call->http.retry_after_s;
    if (call->http.status == 0)
        error_cause(err, "%s: %s", call->method, call->http.detail);
    else
        error_cause(err, "%s: %d %s", call->method, call->http.status, call->http.detail);
    return ERR_UNAVAILABLE;
}

static enum err refused(const struct s3_call *call, struct error *err)
{
    struct str code = s3_element(call->http.answer, "Code");
    error_set(err, ERR_UNAVAILABLE, "our storage refuses us");
    error_cause(err, "%s: %d %.*s", call->method, call->http.status,
                STR_ARG(code.ptr == NULL ? STR("") : str_cut(code, 60)));
    return ERR_UNAVAILABLE;
}

enum err s3_call_result(const struct s3_call *call, struct error *err)
{
    const struct http_call *http = &call->http;
    bool answered = http->fate == HTTP_ANSWERED;
    if (http->held_back) {
        error_set(err, ERR_UNAVAILABLE, "our storage was not asked: %s", http->detail);
        return ERR_UNAVAILABLE;
    }
    if (answered && http->status >= 200 && http->status < 300) {
        note_health(call->s3, S3_GOOD, NULL);
        return ERR_OK;
    }
    struct error failure;
    error_reset(&failure);
    if (!answered || http->status >= 500 || http->status == 429) {
        away(call, &failure);
        note_health(call->s3, S3_AWAY, &failure);
    } else if (http->status == 404 &&
               !str_equal(s3_element(http->answer, "Code"), STR("NoSuchBucket"))) {
        error_set(&failure, ERR_NOT_FOUND, "the file is not stored here any more");
    } else {
        refused(call, &failure);
        note_health(call->s3, S3_REFUSING, &failure);
    }
    if (err != NULL)
        *err = failure;
    return failure.code;
}

// ---- Turns.

static void call_ended(struct http_call *http)
{
    struct s3_call *call = http->ctx;
    struct s3 *s3 = call->s3;
    mutex_lock(&s3->mutex);
    s3->in_flight--;
    struct s3_call *next = s3->waiting;
    if (next != NULL) {
        s3->waiting = next->next;
        if (s3->waiting == NULL)
            s3->waiting_end = &s3->waiting;
        s3->in_flight++;
        http_client_call(s3->http, &next->http);
    }
    mutex_unlock(&s3->mutex);
    call->done(call);
}

static bool on_data(struct http_call *http, const void *bytes, size_t len)
{
    struct s3_call *call = http->ctx;
    return call->on_data(http, bytes, len);
}

static void make_http(struct s3_call *call)
{
    const struct s3 *s3 = call->s3;
    struct arena *arena = call->arena;
    struct str sha256 = call->sha256.ptr == NULL ? STR(NOTHING_SHA256) : call->sha256;
    bool has_query = call->query.ptr != NULL;
    call->http = (struct http_call){
        .arena = arena,
        .method = call->method,
        .url = arena_printf(arena, "%.*s%.*s%s%.*s", STR_ARG(s3->origin), STR_ARG(call->path),
                            has_query ? "?" : "", STR_ARG(call->query))
                   .ptr,
        .body = call->body,
        .file_body = call->file_body,
        .signer = &s3->signer,
        .total_ms = call->total_ms == 0 ? TOTAL_MS : call->total_ms,
        .stall_s = STALL_S,
        .answer_max_bytes = call->answer_max_bytes,
        .is_read = true, // the same object comes of it when it is sent again
        .wanted = {{.name = "ETag"}},
        .on_data = call->on_data == NULL ? NULL : on_data,
        .done = call_ended,
        .ctx = call,
    };
    size_t count = 0;
    // With this the store itself sees to it that what it got is what we sent.
    call->http.headers[count++] =
        arena_printf(arena, "x-amz-content-sha256: %.*s", STR_ARG(sha256));
    if (s3->token_header.ptr != NULL)
        call->http.headers[count++] = s3->token_header;
    if (call->content_type.ptr != NULL)
        call->http.headers[count++] =
            arena_printf(arena, "Content-Type: %.*s", STR_ARG(call->content_type));
}

static void end_unsent(struct s3_call *call)
{
    call->http.held_back = true;
    snprintf(call->http.detail, sizeof(call->http.detail), "sunlead is shutting down");
    call->done(call);
}

void s3_call_start(struct s3_call *call)
{
    struct s3 *s3 = call->s3;
    make_http(call);
    call->next = NULL;
    mutex_lock(&s3->mutex);
    bool closing = s3->closing;
    if (closing) {
        // below, where it is not locked
    } else if (s3->in_flight < IN_FLIGHT_MAX) {
        s3->in_flight++;
        http_client_call(s3->http, &call->http);
    } else {
        *s3->waiting_end = call;
        s3->waiting_end = &call->next;
    }
    mutex_unlock(&s3->mutex);
    if (closing)
        end_unsent(call);
}

// On the network thread, before the calls in flight are ended: no call is handed over after this.
static void on_close(struct http_close_hook *hook)
{
    struct s3 *s3 = CONTAINER_OF(hook, struct s3, hook);
    mutex_lock(&s3->mutex);
    s3->closing = true;
    struct s3_call *call = s3->waiting;
    s3->waiting = NULL;
    s3->waiting_end = &s3->waiting;
    mutex_unlock(&s3->mutex);
    while (call != NULL) {
        struct s3_call *next = call->next;
        end_unsent(call);
        call = next;
    }
}

void s3_turns_open(struct s3 *s3)
{
    s3->waiting_end = &s3->waiting;
    s3->hook.run = on_close;
    http_client_on_close(s3->http, &s3->hook);
}
