// One libcurl handle: a call turned into options, an answer turned into the call's result.
#ifndef SUNLEAD_HTTP_CLIENT_TRANSFER_H
#define SUNLEAD_HTTP_CLIENT_TRANSFER_H

#include <curl/curl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "http/http_client.h"

// A handle is used for one call after the other; it belongs to the client's thread.
struct transfer {
    CURL *easy;
    struct http_call *call;
    struct curl_slist *headers;
    struct buf body;
    size_t received;
    size_t received_max;
    int64_t body_sent; // of a file_body
    int64_t started_us;
    int sends;     // how often the request was let out
    bool unwanted; // still_wanted said no
    bool body_begun;
    char error[CURL_ERROR_SIZE]; // libcurl's words
    char words[80];              // ours, which come first
    struct transfer *next;       // the client's lists
    struct transfer *prev;
};

// transfer_new() makes a handle.
struct transfer *transfer_new(void);

// transfer_free() frees it; it must not be in a multi handle any more.
void transfer_free(struct transfer *transfer);

// transfer_begin() sets all options for a call. no_proxy is CURLOPT_NOPROXY.
void transfer_begin(struct transfer *transfer, struct http_call *call, const char *user_agent,
                    const char *no_proxy);

// transfer_end() fills the call's result from libcurl's code, makes the handle ready for the next
// call and returns the call. words replace libcurl's (NULL: its own); with words the client itself
// ended the call.
struct http_call *transfer_end(struct transfer *transfer, CURLcode code, const char *words);

// http_call_end_unsent() fills the result of a call that the client does not start.
void http_call_end_unsent(struct http_call *call, const char *words);

// retry_after_parse() reads the value of Retry-After: seconds or a date, capped at 3,600; 0 for
// anything else.
unsigned retry_after_parse(struct str value, int64_t now_us);

#endif
