// An S3 store as we speak to it: one call at a time for each piece of work, some at a time in all.
#ifndef SUNLEAD_FILES_S3_H
#define SUNLEAD_FILES_S3_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/error.h"
#include "base/str.h"
#include "files/files.h"
#include "files/s3_sign.h"
#include "http/http_client.h"

struct s3_call;
typedef void s3_call_done_fn(struct s3_call *call);

// How the store was when we last heard of it.
enum s3_health { S3_GOOD, S3_AWAY, S3_REFUSING, S3_HEALTH_COUNT };

struct s3 {
    pthread_mutex_t mutex; // guards closing, in_flight, waiting, health
    bool closing;
    unsigned in_flight;
    struct s3_call *waiting;
    struct s3_call **waiting_end;
    enum s3_health health;
    int64_t part_bytes; // larger files go in such parts; tests make it smaller
    struct http_client *http;
    struct http_close_hook hook;
    struct arena *arena;
    struct str origin; // "https://host"
    struct str folder; // "/bucket/prefix/": an object's path begins so
    struct s3_key key;
    struct http_signer signer;
    struct str token_header; // null: none
};

// s3_open() takes the settings apart and waits until the store has answered or cannot be reached,
// which is logged and no error. ERR_INVALID: what is wrong with the address; ERR_UNAUTHENTICATED:
// with the key; ERR_NOT_FOUND: there is no such bucket; ERR_UPSTREAM: it is no S3 store. Blocks.
MUST_CHECK enum err s3_open(const struct files_s3_settings *settings, struct http_client *http,
                            struct s3 **ret_s3, struct error *err);

// s3_close() frees; the client must be closed before. NULL is fine.
void s3_close(struct s3 *s3);

// s3_object_path() is the path of a content's object, in the arena.
struct str s3_object_path(const struct s3 *s3, struct str sha256, struct arena *arena);

// One signed call, in the caller's memory until done was called.
struct s3_call {
    struct s3 *s3;
    struct arena *arena;
    const char *method;
    struct str path;
    struct str query;        // without its '?'; null: none
    struct str content_type; // of the body; null: none
    struct str sha256;       // of the body in hex; null: there is none
    struct str body;
    const struct http_file_body *file_body;
    http_call_data_fn *on_data; // its ctx is the struct s3_call
    size_t answer_max_bytes;
    unsigned total_ms; // 0: 10 minutes
    s3_call_done_fn *done;
    void *ctx;
    struct http_call http; // how it ended
    struct s3_call *next;
};

// s3_call_start() sends a call when its turn comes. done is called once, on the network thread, or
// before this returns when the client is closing. Does not block.
void s3_call_start(struct s3_call *call);

// s3_turns_open() makes calls possible: s3_call_start() may be used from now until the client
// closes.
void s3_turns_open(struct s3 *s3);

// s3_call_result() is ERR_OK after an answer of 2xx; else err says what to do: ERR_NOT_FOUND (404
// of an object), ERR_UNAVAILABLE for all else, with the reason as its cause.
MUST_CHECK enum err s3_call_result(const struct s3_call *call, struct error *err);

// s3_element() is the text of the first element of that name in an answer ("Code"); null if there
// is none, or there are characters in it that are none of an identifier's.
struct str s3_element(struct str answer, const char *name);

// s3_put_run(), s3_get_run() and s3_remove_run() do what is asked of the store of files.
void s3_put_run(struct s3 *s3, struct files_put *put);
void s3_get_run(struct s3 *s3, struct files_get *get);
void s3_remove_run(struct s3 *s3, struct files_remove *remove);

#endif
