// Owns what libcurl is told about a call and what its result means.
#include "http/http_client_transfer.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/crash.h"
#include "base/number.h"

#define CONNECT_MS        5000
#define TOTAL_MS          30000
#define ANSWER_MAX        (1024u * 1024u)
#define RETRY_AFTER_MAX_S 3600
#define CONTENT_TYPE_MAX  200
#define WANTED_MAX        512
// Idle connections are given up before most servers do so: a request that meets a closing
// connection is lost.
#define CONNECTION_IDLE_MAX_S 30L
#define CONNECTION_LIFE_MAX_S 600L

#define SET(easy, option, value) check(curl_easy_setopt((easy), (option), (value)) == CURLE_OK)

struct transfer *transfer_new(void)
{
    struct transfer *transfer = calloc(1, sizeof(*transfer));
    check(transfer != NULL);
    transfer->easy = curl_easy_init();
    check(transfer->easy != NULL);
    return transfer;
}

void transfer_free(struct transfer *transfer)
{
    if (transfer == NULL)
        return;
    curl_easy_cleanup(transfer->easy);
    curl_slist_free_all(transfer->headers);
    free(transfer);
}

static bool is_2xx(long status)
{
    return status >= 200 && status < 300;
}

static long status_of(const struct transfer *transfer)
{
    long status = 0;
    curl_easy_getinfo(transfer->easy, CURLINFO_RESPONSE_CODE, &status);
    return status >= 200 && status <= 999 ? status : 0;
}

// libcurl calls this each time a connection stands and the request is about to be written: before
// it, not a byte of the request can have left.
static int on_ready(void *ctx, char *ip, char *local_ip, int port, int local_port)
{
    (void)ip, (void)local_ip, (void)port, (void)local_port;
    struct transfer *transfer = ctx;
    struct http_call *call = transfer->call;
    bool safe =
        call->is_read || strcmp(call->method, "GET") == 0 || strcmp(call->method, "HEAD") == 0;
    if (transfer->sends > 0 && (!safe || call->fresh_connection)) {
        snprintf(transfer->words, sizeof(transfer->words),
                 "the connection closed without an answer");
        return CURL_PREREQFUNC_ABORT;
    }
    if (call->still_wanted != NULL && !call->still_wanted(call)) {
        transfer->unwanted = true;
        return CURL_PREREQFUNC_ABORT;
    }
    transfer->sends++;
    return CURL_PREREQFUNC_OK;
}

unsigned retry_after_parse(struct str value, int64_t now_us)
{
    int64_t number;
    if (number_parse_i64(value, 0, INT64_MAX, &number) == ERR_OK)
        return number > RETRY_AFTER_MAX_S ? RETRY_AFTER_MAX_S : (unsigned)number;
    int64_t time_us;
    if (time_parse_http(value, &time_us) != ERR_OK || time_us <= now_us)
        return 0;
    if (time_us - now_us > RETRY_AFTER_MAX_S * US_PER_S)
        return RETRY_AFTER_MAX_S;
    return (unsigned)((time_us - now_us + US_PER_S - 1) / US_PER_S);
}

static void clear_wanted(struct http_call *call)
{
    for (size_t i = 0; i < HTTP_CALL_WANTED_MAX; i++)
        call->wanted[i].value = STR_NULL;
}

static void take_wanted(struct http_call *call, struct str name, struct str value)
{
    for (size_t i = 0; i < HTTP_CALL_WANTED_MAX && call->wanted[i].name != NULL; i++) {
        struct str *before = &call->wanted[i].value;
        if (!str_equal_nocase(name, str_of(call->wanted[i].name)))
            continue;
        if (before->len + value.len > WANTED_MAX)
            *before = STR_NULL;
        else if (before->ptr == NULL)
            *before = arena_str(call->arena, value);
        else
            *before = arena_printf(call->arena, "%.*s,%.*s", STR_ARG(*before), STR_ARG(value));
    }
}

static void take_header(struct http_call *call, struct str name, struct str value)
{
    take_wanted(call, name, value);
    if (str_equal_nocase(name, STR("Content-Type"))) {
        call->content_type = arena_str(call->arena, str_slice(value, 0, CONTENT_TYPE_MAX));
    } else if (str_equal_nocase(name, STR("Content-Length"))) {
        int64_t length;
        if (number_parse_i64(value, 0, INT64_MAX, &length) == ERR_OK)
            call->content_length = OPT_I64(length);
    } else if (str_equal_nocase(name, STR("Retry-After"))) {
        call->retry_after_s = retry_after_parse(value, clock_now_us(clock_system()));
    } else if (str_equal_nocase(name, STR("Date"))) {
        int64_t date_us;
        if (time_parse_http(value, &date_us) == ERR_OK)
            call->date_us = OPT_I64(date_us);
    }
}

static size_t on_header(char *bytes, size_t size, size_t count, void *ctx)
{
    struct transfer *transfer = ctx;
    struct http_call *call = transfer->call;
    size_t len = size * count;
    struct str line = {.ptr = bytes, .len = len};
    if (transfer->body_begun) // trailers
        return len;
    if (str_starts(line,
                   STR("HTTP/"))) { // also behind an interim answer, whose headers do not count
        if (call->fresh_connection)
            crash_here(CRASH_CREATE_ANSWERING);
        call->content_type = STR_NULL;
        call->content_length = (struct opt_i64){0};
        call->retry_after_s = 0;
        call->date_us = (struct opt_i64){0};
        clear_wanted(call);
        return len;
    }
    while (line.len > 0 && (line.ptr[line.len - 1] == '\r' || line.ptr[line.len - 1] == '\n'))
        line.len--;
    size_t colon = str_find(line, ':', 0);
    if (colon < line.len)
        take_header(call, str_slice(line, 0, colon),
                    str_trim(str_slice(line, colon + 1, line.len)));
    return len;
}

static size_t on_body(char *bytes, size_t size, size_t count, void *ctx)
{
    struct transfer *transfer = ctx;
    struct http_call *call = transfer->call;
    size_t len = size * count;
    call->status = (int)status_of(transfer);
    bool handed_on = call->on_data != NULL && is_2xx(call->status);
    if (!transfer->body_begun && !handed_on && transfer->received_max > ANSWER_MAX &&
        call->on_data != NULL)
        transfer->received_max = ANSWER_MAX;
    transfer->body_begun = true;
    if (len > transfer->received_max - transfer->received) {
        snprintf(transfer->words, sizeof(transfer->words), "the answer is larger than %zu bytes",
                 transfer->received_max);
        return 0;
    }
    transfer->received += len;
    if (!handed_on) {
        buf_append(&transfer->body, bytes, len);
        return transfer->body.overflow ? 0 : len;
    }
    if (call->on_data(call, bytes, len))
        return len;
    snprintf(transfer->words, sizeof(transfer->words), "the reader of the answer broke it off");
    return 0;
}

static size_t on_read(char *bytes, size_t size, size_t count, void *ctx)
{
    struct transfer *transfer = ctx;
    const struct http_file_body *body = transfer->call->file_body;
    int64_t left = body->len - transfer->body_sent;
    size_t want = size * count;
    if ((uint64_t)left < want)
        want = (size_t)left;
    if (want == 0)
        return 0;
    ssize_t got = pread(body->fd, bytes, want, body->offset + transfer->body_sent);
    if (got <= 0) {
        snprintf(transfer->words, sizeof(transfer->words), "the body cannot be read: %s",
                 got == 0 ? "it has become shorter" : strerrordesc_np(errno));
        return CURL_READFUNC_ABORT;
    }
    transfer->body_sent += got;
    return (size_t)got;
}

// libcurl rewinds before it sends a body a second time.
static int on_seek(void *ctx, curl_off_t offset, int origin)
{
    struct transfer *transfer = ctx;
    if (origin != SEEK_SET || offset < 0 || offset > transfer->call->file_body->len)
        return CURL_SEEKFUNC_FAIL;
    transfer->body_sent = offset;
    return CURL_SEEKFUNC_OK;
}

static void add_header(struct transfer *transfer, const char *line)
{
    struct curl_slist *longer = curl_slist_append(transfer->headers, line);
    check(longer != NULL);
    transfer->headers = longer;
}

static void set_headers(struct transfer *transfer, const struct http_call *call)
{
    bool has_type = false;
    for (size_t i = 0; i < HTTP_CALL_HEADERS_MAX && call->headers[i].ptr != NULL; i++) {
        struct str name = str_slice(call->headers[i], 0, str_find(call->headers[i], ':', 0));
        has_type = has_type || str_equal_nocase(name, STR("Content-Type"));
        check(strpbrk(call->headers[i].ptr, "\r\n") == NULL);
        add_header(transfer, call->headers[i].ptr);
    }
    // libcurl 7.88 signs the lines that take a header away, which the peer then misses.
    if (call->signer == NULL) {
        // A refused expectation would make libcurl send the request a second time.
        add_header(transfer, "Expect:");
        if (!has_type)
            add_header(transfer, "Content-Type:");
    }
    SET(transfer->easy, CURLOPT_HTTPHEADER, transfer->headers);
}

static void set_file_body(struct transfer *transfer, const struct http_call *call)
{
    CURL *easy = transfer->easy;
    check(strcmp(call->method, "PUT") == 0);
    SET(easy, CURLOPT_UPLOAD, 1L);
    SET(easy, CURLOPT_INFILESIZE_LARGE, (curl_off_t)call->file_body->len);
    SET(easy, CURLOPT_READFUNCTION, on_read);
    SET(easy, CURLOPT_READDATA, transfer);
    SET(easy, CURLOPT_SEEKFUNCTION, on_seek);
    SET(easy, CURLOPT_SEEKDATA, transfer);
}

static void set_signer(CURL *easy, const struct http_signer *signer)
{
    SET(easy, CURLOPT_AWS_SIGV4, signer->scope);
    SET(easy, CURLOPT_USERNAME, signer->key_id);
    SET(easy, CURLOPT_PASSWORD, signer->secret);
}

static void set_method(struct transfer *transfer, const struct http_call *call)
{
    CURL *easy = transfer->easy;
    if (call->file_body != NULL) {
        set_file_body(transfer, call);
    } else if (strcmp(call->method, "HEAD") == 0) {
        SET(easy, CURLOPT_NOBODY, 1L);
    } else if (strcmp(call->method, "GET") == 0 && call->body.ptr == NULL) {
        SET(easy, CURLOPT_HTTPGET, 1L);
    } else if (strcmp(call->method, "POST") == 0 || call->body.ptr != NULL) {
        SET(easy, CURLOPT_POST, 1L);
        SET(easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)call->body.len);
        SET(easy, CURLOPT_POSTFIELDS, call->body.ptr == NULL ? "" : call->body.ptr);
        if (strcmp(call->method, "POST") != 0)
            SET(easy, CURLOPT_CUSTOMREQUEST, call->method);
    } else {
        SET(easy, CURLOPT_CUSTOMREQUEST, call->method);
    }
}

static void set_connection(CURL *easy, const struct http_call *call)
{
    SET(easy, CURLOPT_NOSIGNAL, 1L);
    SET(easy, CURLOPT_PROTOCOLS_STR, "http,https");
    SET(easy, CURLOPT_FOLLOWLOCATION, 0L);
    SET(easy, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
    SET(easy, CURLOPT_SSL_VERIFYPEER, 1L);
    SET(easy, CURLOPT_SSL_VERIFYHOST, 2L);
    SET(easy, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
    SET(easy, CURLOPT_MAXAGE_CONN, CONNECTION_IDLE_MAX_S);
    SET(easy, CURLOPT_MAXLIFETIME_CONN, CONNECTION_LIFE_MAX_S);
    // Without it, ending a call waits for the thread that still resolves its host.
    SET(easy, CURLOPT_QUICK_EXIT, 1L);
    SET(easy, CURLOPT_CONNECTTIMEOUT_MS,
        (long)(call->connect_ms == 0 ? CONNECT_MS : call->connect_ms));
    SET(easy, CURLOPT_TIMEOUT_MS, (long)(call->total_ms == 0 ? TOTAL_MS : call->total_ms));
    SET(easy, CURLOPT_LOW_SPEED_LIMIT, (long)(call->stall_s == 0 ? 0 : 1));
    SET(easy, CURLOPT_LOW_SPEED_TIME, (long)call->stall_s);
    if (!call->fresh_connection)
        return;
    SET(easy, CURLOPT_FRESH_CONNECT, 1L);
    SET(easy, CURLOPT_FORBID_REUSE, 1L);
    SET(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
}

static void clear_result(struct http_call *call)
{
    call->fate = HTTP_NOT_SENT;
    call->held_back = false;
    call->status = 0;
    call->answer = STR_NULL;
    call->content_type = STR_NULL;
    call->content_length = (struct opt_i64){0};
    call->retry_after_s = 0;
    call->date_us = (struct opt_i64){0};
    clear_wanted(call);
    call->detail[0] = '\0';
    call->duration_us = 0;
}

void transfer_begin(struct transfer *transfer, struct http_call *call, const char *user_agent,
                    const char *no_proxy)
{
    CURL *easy = transfer->easy;
    clear_result(call);
    transfer->call = call;
    transfer->received = 0;
    transfer->received_max = call->answer_max_bytes == 0 ? ANSWER_MAX : call->answer_max_bytes;
    transfer->started_us = clock_monotonic_us(clock_system());
    transfer->body_sent = 0;
    transfer->sends = 0;
    transfer->unwanted = false;
    transfer->body_begun = false;
    transfer->error[0] = '\0';
    transfer->words[0] = '\0';
    buf_init_arena(&transfer->body, call->arena, transfer->received_max);

    SET(easy, CURLOPT_PRIVATE, transfer);
    SET(easy, CURLOPT_ERRORBUFFER, transfer->error);
    SET(easy, CURLOPT_URL, call->url);
    SET(easy, CURLOPT_USERAGENT, user_agent);
    SET(easy, CURLOPT_NOPROXY, no_proxy);
    SET(easy, CURLOPT_PREREQFUNCTION, on_ready);
    SET(easy, CURLOPT_PREREQDATA, transfer);
    SET(easy, CURLOPT_HEADERFUNCTION, on_header);
    SET(easy, CURLOPT_HEADERDATA, transfer);
    SET(easy, CURLOPT_WRITEFUNCTION, on_body);
    SET(easy, CURLOPT_WRITEDATA, transfer);
    set_connection(easy, call);
    set_method(transfer, call);
    if (call->signer != NULL)
        set_signer(easy, call->signer);
    set_headers(transfer, call);
}

static void set_detail(struct http_call *call, const char *words)
{
    size_t len = 0;
    for (; words[len] != '\0' && len < sizeof(call->detail) - 1; len++) {
        unsigned char c = (unsigned char)words[len];
        call->detail[len] = c < 0x20 || c == 0x7f ? ' ' : words[len];
    }
    call->detail[len] = '\0';
}

static const char *words_of(const struct transfer *transfer, CURLcode code)
{
    if (transfer->unwanted)
        return "not wanted any more";
    if (transfer->words[0] != '\0')
        return transfer->words;
    return transfer->error[0] != '\0' ? transfer->error : curl_easy_strerror(code);
}

struct http_call *transfer_end(struct transfer *transfer, CURLcode code, const char *words)
{
    struct http_call *call = transfer->call;
    call->duration_us = clock_monotonic_us(clock_system()) - transfer->started_us;
    if (transfer->sends == 0)
        call->fate = HTTP_NOT_SENT;
    else
        call->fate = code == CURLE_OK && words == NULL ? HTTP_ANSWERED : HTTP_BROKEN;
    call->held_back = call->fate == HTTP_NOT_SENT && (transfer->unwanted || words != NULL);
    call->status = call->fate == HTTP_NOT_SENT ? 0 : (int)status_of(transfer);
    if (transfer->body_begun)
        call->answer = buf_str(&transfer->body);
    if (call->fate != HTTP_ANSWERED)
        set_detail(call, words != NULL ? words : words_of(transfer, code));

    transfer->call = NULL;
    curl_easy_reset(transfer->easy); // keeps connections and the DNS cache
    curl_slist_free_all(transfer->headers);
    transfer->headers = NULL;
    return call;
}

void http_call_end_unsent(struct http_call *call, const char *words)
{
    clear_result(call);
    call->held_back = true;
    set_detail(call, words);
}
