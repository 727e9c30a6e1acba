// Signs addresses by AWS Signature Version 4. (Calls of our own are signed by libcurl.)
#include "files/s3_sign.h"

#include <string.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/hmac.h"

#define QUERY_MAX (16 * 1024)
#define DATE_LEN  8 // "20130524"

static bool is_plain(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
           (c != '\0' && strchr("-._~", c) != NULL);
}

void s3_append_encoded(struct buf *buf, struct str text)
{
    for (size_t i = 0; i < text.len; i++) {
        if (is_plain(text.ptr[i]))
            buf_append_char(buf, text.ptr[i]);
        else
            buf_printf(buf, "%%%02X", (unsigned char)text.ptr[i]);
    }
}

static void append_param(struct buf *query, const char *name, struct str value)
{
    if (value.ptr == NULL)
        return;
    buf_printf(query, "%s%s=", query->len > 0 ? "&" : "", name);
    s3_append_encoded(query, value);
}

// "20130524T000000Z"
static struct str time_text(int64_t now_us, struct arena *arena)
{
    struct buf full;
    struct buf text;
    buf_init_arena(&full, arena, 64);
    buf_init_arena(&text, arena, 64);
    time_append(&full, now_us - now_us % US_PER_S);
    for (size_t i = 0; i < full.len && full.ptr[i] != '.' && full.ptr[i] != 'Z'; i++) {
        if (full.ptr[i] != '-' && full.ptr[i] != ':')
            buf_append_char(&text, full.ptr[i]);
    }
    buf_append_char(&text, 'Z');
    return buf_str(&text);
}

// In the order of their names, which the signature is over.
static struct str query_of(const struct s3_key *key, const struct s3_grant *grant, struct str time,
                           struct str scope, struct arena *arena)
{
    struct buf query;
    buf_init_arena(&query, arena, QUERY_MAX);
    append_param(&query, "X-Amz-Algorithm", STR("AWS4-HMAC-SHA256"));
    append_param(&query, "X-Amz-Credential",
                 arena_printf(arena, "%.*s/%.*s", STR_ARG(key->id), STR_ARG(scope)));
    append_param(&query, "X-Amz-Date", time);
    append_param(&query, "X-Amz-Expires", arena_printf(arena, "%u", grant->expires_s));
    append_param(&query, "X-Amz-Security-Token", key->session_token);
    append_param(&query, "X-Amz-SignedHeaders", STR("host"));
    append_param(&query, "response-content-disposition", grant->disposition);
    append_param(&query, "response-content-type", grant->content_type);
    check(!query.overflow);
    return buf_str(&query);
}

static struct str host_of(struct str origin)
{
    size_t slashes = str_find(origin, '/', 0);
    return str_slice(origin, slashes + 2, origin.len);
}

static struct str text_to_sign(const struct s3_grant *grant, struct str query, struct str time,
                               struct str scope, struct arena *arena)
{
    char hash[SHA256_HEX + 1];
    struct str request =
        arena_printf(arena, "%s\n%.*s\n%.*s\nhost:%.*s\n\nhost\nUNSIGNED-PAYLOAD", grant->method,
                     STR_ARG(grant->path), STR_ARG(query), STR_ARG(host_of(grant->origin)));
    sha256_hex(request, hash);
    return arena_printf(arena, "AWS4-HMAC-SHA256\n%.*s\n%.*s\n%s", STR_ARG(time), STR_ARG(scope),
                        hash);
}

// Each mac is the key of the next.
static void sign(const struct s3_key *key, struct str date, struct str text, struct arena *arena,
                 unsigned char mac[SHA256_BYTES])
{
    const struct str steps[] = {date, key->region, STR("s3"), STR("aws4_request"), text};
    struct str by = arena_printf(arena, "AWS4%.*s", STR_ARG(key->secret));
    for (size_t i = 0; i < COUNT_OF(steps); i++) {
        unsigned char next[SHA256_BYTES];
        hmac_sha256(by, steps[i], next);
        memcpy(mac, next, sizeof(next));
        by = (struct str){.ptr = (const char *)mac, .len = SHA256_BYTES};
    }
}

struct str s3_presign(const struct s3_key *key, const struct s3_grant *grant, struct arena *arena)
{
    unsigned char mac[SHA256_BYTES];
    struct str time = time_text(grant->now_us, arena);
    struct str date = str_slice(time, 0, DATE_LEN);
    struct str scope =
        arena_printf(arena, "%.*s/%.*s/s3/aws4_request", STR_ARG(date), STR_ARG(key->region));
    struct str query = query_of(key, grant, time, scope, arena);
    sign(key, date, text_to_sign(grant, query, time, scope, arena), arena, mac);
    struct buf url;
    buf_init_arena(&url, arena, 2 * QUERY_MAX);
    buf_printf(&url, "%.*s%.*s?%.*s&X-Amz-Signature=", STR_ARG(grant->origin), STR_ARG(grant->path),
               STR_ARG(query));
    for (size_t i = 0; i < sizeof(mac); i++)
        buf_printf(&url, "%02x", mac[i]);
    check(!url.overflow);
    return (struct str){.ptr = buf_cstr(&url), .len = url.len};
}
