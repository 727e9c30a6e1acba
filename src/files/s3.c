// Opens an S3 store: takes its settings apart, tries them once.
#include "files/s3.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/thread.h"

#define FOLDER_HEX     2 // digits of the hash that name the folder
#define PREFIX_MAX     500
#define PART_BYTES     (INT64_C(16) << 20) // of 5 MB to 5 GB, and at most 10,000
#define CHECK_TOTAL_MS 10000

// ---- The address.

static bool all_of(struct str text, const char *more)
{
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];
        if (!(c >= '0' && c <= '9') && !(c >= 'a' && c <= 'z') &&
            (c == '\0' || strchr(more, c) == NULL))
            return false;
    }
    return true;
}

static bool is_bucket(struct str text)
{
    return text.len >= 3 && text.len <= 63 && all_of(text, ".-") && text.ptr[0] != '.' &&
           text.ptr[0] != '-';
}

// Such that it stands in an address and in its signature as it is.
static bool is_path(struct str text)
{
    static const char upper[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ-._~/";
    if (text.len > PREFIX_MAX || !all_of(text, upper))
        return false;
    while (text.ptr != NULL) {
        struct str part = str_split(&text, '/');
        if (part.len == 0 || str_equal(part, STR(".")) || str_equal(part, STR("..")))
            return false;
    }
    return true;
}

struct s3_place {
    struct str bucket;
    struct str prefix; // empty: none
};

static enum err parse_url(const char *url, struct s3_place *place, struct error *err)
{
    struct str rest = str_of(url);
    if (str_starts(rest, STR("s3://"))) {
        rest = str_slice(rest, 5, rest.len);
        while (rest.len > 0 && rest.ptr[rest.len - 1] == '/')
            rest.len--;
        place->bucket = str_split(&rest, '/');
        place->prefix = rest.ptr == NULL ? STR("") : rest;
        if (is_bucket(place->bucket) && (rest.ptr == NULL || is_path(rest)))
            return ERR_OK;
    }
    return error_set(err, ERR_INVALID, "wanted s3://bucket or s3://bucket/prefix");
}

// A port that is the usual one is not in the header that is signed.
static struct str without_usual_port(struct str origin)
{
    struct str port = str_starts(origin, STR("https://")) ? STR(":443") : STR(":80");
    if (origin.len > port.len &&
        str_equal(str_slice(origin, origin.len - port.len, origin.len), port))
        origin.len -= port.len;
    return origin;
}

// AWS names the bucket in the host; a dot in it would not fit its certificate. Others have it in
// the path.
static enum err find_place(struct s3 *s3, const struct files_s3_settings *settings,
                           const struct s3_place *place, struct error *err)
{
    struct arena *arena = s3->arena;
    struct str base = str_of(settings->endpoint);
    struct str path = STR("");
    bool in_host = base.ptr == NULL && str_find(place->bucket, '.', 0) == place->bucket.len;
    if (base.ptr == NULL)
        base = arena_printf(arena, "https://%s%.*ss3.%s.amazonaws.com",
                            in_host ? arena_str(arena, place->bucket).ptr : "", in_host ? 1 : 0,
                            ".", settings->region);
    size_t host_at = str_find(base, '/', 0) + 2;
    size_t host_end = str_find(base, '/', host_at);
    if (host_end < base.len)
        path = str_slice(base, host_end, base.len);
    struct str host = str_slice(base, host_at, host_end);
    if (str_find(host, '@', 0) < host.len ||
        (path.len > 0 && !is_path(str_slice(path, 1, path.len))))
        return error_set(err, ERR_INVALID,
                         "the endpoint is not https://host, http://host:port or one with a path");
    s3->origin = arena_str(arena, without_usual_port(str_slice(base, 0, host_end)));
    s3->folder = arena_printf(arena, "%.*s%s%.*s/%.*s%s", STR_ARG(path), in_host ? "" : "/",
                              STR_ARG(in_host ? STR("") : place->bucket), STR_ARG(place->prefix),
                              place->prefix.len > 0 ? "/" : "");
    return ERR_OK;
}

static void take_key(struct s3 *s3, const struct files_s3_settings *settings)
{
    struct arena *arena = s3->arena;
    s3->key = (struct s3_key){
        .region = arena_str(arena, str_of(settings->region)),
        .id = arena_str(arena, str_of(settings->key_id)),
        .secret = arena_str(arena, str_of(settings->secret)),
        .session_token = arena_str(arena, str_of(settings->session_token)),
    };
    s3->signer = (struct http_signer){
        .scope = arena_printf(arena, "aws:amz:%s:s3", settings->region).ptr,
        .key_id = s3->key.id.ptr,
        .secret = s3->key.secret.ptr,
    };
    if (settings->session_token != NULL)
        s3->token_header = arena_printf(arena, "x-amz-security-token: %s", settings->session_token);
}

struct str s3_object_path(const struct s3 *s3, struct str sha256, struct arena *arena)
{
    return arena_printf(arena, "%.*s%.*s/%.*s", STR_ARG(s3->folder), FOLDER_HEX, sha256.ptr,
                        STR_ARG(sha256));
}

// ---- Trying it.

// What a store says where waiting helps nobody.
static const struct {
    struct str code;
    enum err err;
    const char *words;
} fatal_codes[] = {
    {STR_INIT("NoSuchBucket"), ERR_NOT_FOUND, "there is no such bucket"},
    {STR_INIT("InvalidBucketName"), ERR_NOT_FOUND, "this is no name of a bucket"},
    {STR_INIT("PermanentRedirect"), ERR_INVALID, "the bucket is in another region"},
    {STR_INIT("AuthorizationHeaderMalformed"), ERR_INVALID, "the bucket is in another region"},
    {STR_INIT("InvalidAccessKeyId"), ERR_UNAUTHENTICATED, "the store does not know this key"},
    {STR_INIT("SignatureDoesNotMatch"), ERR_UNAUTHENTICATED, "the secret is not that of the key"},
    {STR_INIT("InvalidToken"), ERR_UNAUTHENTICATED, "the session token is wrong"},
    {STR_INIT("ExpiredToken"), ERR_UNAUTHENTICATED, "the session token is too old"},
    {STR_INIT("RequestTimeTooSkewed"), ERR_INVALID, "this machine's clock is wrong"},
};

static enum err judge_trial(const struct s3_call *call, struct error *err)
{
    const struct http_call *http = &call->http;
    struct str code = s3_element(http->answer, "Code");
    bool answered = http->fate == HTTP_ANSWERED;
    for (size_t i = 0; i < COUNT_OF(fatal_codes); i++) {
        if (answered && http->status >= 300 && str_equal(code, fatal_codes[i].code))
            return error_set(err, fatal_codes[i].err, "%s (%.*s)", fatal_codes[i].words,
                             STR_ARG(code));
    }
    // Who may not list a bucket is not told that an object is missing, but that he may not read it.
    if (answered && http->status == 403 && str_equal(code, STR("AccessDenied"))) {
        log_event(LOG_INFO, "files.store_unsure",
                  "the store of files does not say what is missing: its key may not list, or not "
                  "read");
        return ERR_OK;
    }
    if (answered && (http->status == 401 || http->status == 403))
        return error_set(err, ERR_UNAUTHENTICATED, "the store answered %d (%.*s)", http->status,
                         STR_ARG(str_cut(code, 60)));
    // Any server has a 404, and some a page for whatever they are asked.
    bool is_ok = http->status >= 200 && http->status < 300;
    if (answered && (is_ok || (http->status == 404 && code.ptr == NULL)))
        return error_set(err, ERR_UPSTREAM,
                         "what answers there is no S3 store: it says %d, and no S3 error, of an "
                         "object that is not there",
                         http->status);
    // The rest is logged there, and may change.
    enum err result = s3_call_result(call, err);
    check(result == ERR_NOT_FOUND || result == ERR_UNAVAILABLE);
    return ERR_OK;
}

struct trial {
    struct s3_call call;
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    bool done;
};

static void trial_done(struct s3_call *call)
{
    struct trial *trial = call->ctx;
    mutex_lock(&trial->mutex);
    trial->done = true;
    pthread_cond_signal(&trial->changed);
    mutex_unlock(&trial->mutex);
}

// An object that is not there is asked for: only answers to GET say what is wrong.
static enum err try_store(struct s3 *s3, struct error *err)
{
    CLEANUP(arena_close_ptr) struct arena *arena = arena_open(0);
    struct trial trial = {
        .call = {.s3 = s3,
                 .arena = arena,
                 .method = "GET",
                 .path = arena_printf(arena, "%.*ssunlead-check", STR_ARG(s3->folder)),
                 .total_ms = CHECK_TOTAL_MS,
                 .done = trial_done,
                 .ctx = &trial},
    };
    check(pthread_mutex_init(&trial.mutex, NULL) == 0);
    cond_init(&trial.changed);
    s3_call_start(&trial.call);
    mutex_lock(&trial.mutex);
    while (!trial.done)
        (void)cond_wait_until(&trial.changed, &trial.mutex, INT64_MAX);
    mutex_unlock(&trial.mutex);
    pthread_cond_destroy(&trial.changed);
    pthread_mutex_destroy(&trial.mutex);
    return judge_trial(&trial.call, err);
}

enum err s3_open(const struct files_s3_settings *settings, struct http_client *http,
                 struct s3 **ret_s3, struct error *err)
{
    struct s3_place place = {0};
    TRY(parse_url(settings->url, &place, err));
    if (settings->key_id == NULL || settings->secret == NULL)
        return error_set(err, ERR_UNAUTHENTICATED, "a store at %s needs a key and its secret",
                         settings->url);
    struct s3 *s3 = calloc(1, sizeof(*s3));
    check(s3 != NULL);
    check(pthread_mutex_init(&s3->mutex, NULL) == 0);
    s3->arena = arena_open(0);
    s3->http = http;
    s3->part_bytes = PART_BYTES;
    enum err code = find_place(s3, settings, &place, err);
    if (code != ERR_OK) {
        s3_close(s3);
        return code;
    }
    take_key(s3, settings);
    s3_turns_open(s3);
    *ret_s3 = s3; // the client knows it now: freed only after that
    return try_store(s3, err);
}

void s3_close(struct s3 *s3)
{
    if (s3 == NULL)
        return;
    pthread_mutex_destroy(&s3->mutex);
    arena_close(s3->arena);
    free(s3);
}
