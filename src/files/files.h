// The store of files: contents by their SHA-256, and the verified downloads that fill it.
#ifndef SUNLEAD_FILES_H
#define SUNLEAD_FILES_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/error.h"
#include "base/hash.h"
#include "base/pool.h"
#include "domain/model_file.h"
#include "http/http_client.h"

struct files;

struct files_announce;
struct files_announcer;

// Told of each content before it is put into the store, so that one that nobody names in the end
// can be found, and removed.
struct files_announcer {
    void (*start)(const struct files_announcer *announcer, struct files_announce *announce);
};

// One content that is about to be put. done is called once, on any thread.
struct files_announce {
    struct str sha256;
    void (*done)(struct files_announce *announce);
    struct error error; // out; not ERR_OK: it must not be put now
};

struct files_settings {
    const char *dir;          // made if it is not there; temporary files are in <dir>/tmp
    struct http_client *http; // downloads
    struct pool *pool;        // checks, syncs
    const struct files_announcer *announcer; // outlives the store; NULL: none
};

// files_open() opens the store: contents are at <dir>/ab/abcdef... by their SHA-256, and beside
// those that are text is a copy in gzip, abcdef....gz, if that is much smaller. Left-overs of
// killed processes are removed from <dir>/tmp: downloads that another run can go on with after a
// day. Any number of processes may share it. Blocks.
MUST_CHECK enum err files_open(const struct files_settings *settings, struct files **ret_files,
                               struct error *err);

// A bucket, and who may use it.
struct files_s3_settings {
    const char *url;           // s3://bucket or s3://bucket/prefix
    const char *endpoint;      // "https://host", "http://host:9000"; NULL: AWS
    const char *region;        // "us-east-1"
    const char *key_id;        // NULL is an error
    const char *secret;        // NULL is an error
    const char *session_token; // NULL: none
};

// files_use_s3() has contents kept in a bucket from now on, under the same names; <dir>/tmp stays.
// Nothing may have been put. It asks the store once: ERR_INVALID (the address), ERR_UNAUTHENTICATED
// (the key), ERR_NOT_FOUND (no such bucket), ERR_UPSTREAM (no S3 store). That the store cannot be
// reached now is logged, and no error. Blocks for 10 s at most. The HTTP client must be closed
// before the store then.
MUST_CHECK enum err files_use_s3(struct files *files, const struct files_s3_settings *settings,
                                 struct error *err);

// files_close() frees; nothing may be under way. The client and the pool must be closed before it
// or outlive it unused. NULL is fine.
void files_close(struct files *files);

// ---- Contents. They are named by their SHA-256 alone (64 lower-case hex digits, else ERR_INVALID)
// and never change. In each of these structs, which are zeroed at first, the texts are the caller's
// and live until done was called, once: on a thread of the pool, on the network thread, or before
// the function that starts the work returns.

// files_create_tmp() makes an empty file of a random name under <dir>/tmp for reading and writing,
// locked (flock) as long as it is open, so that others know that it is in use. ERR_UNAVAILABLE.
MUST_CHECK enum err files_create_tmp(const struct files *files, struct arena *arena,
                                     char **ret_path, int *ret_fd, struct error *err);

struct files_put;
typedef void files_put_done_fn(struct files_put *put);

// A finished temporary file that becomes a content.
struct files_put {
    int fd;               // stays the caller's
    const char *tmp_path; // gone when it is stored; else still the caller's
    int64_t size;
    struct str sha256; // of what is in it
    struct str content_type;
    files_put_done_fn *done;
    void *ctx;
    // out
    // ERR_UNAVAILABLE: not now (no room on disk, storage down, busy), try again.
    struct error error;
    // the store's own
    struct files *files;
    struct files_announce announce;
    struct pool_work work;
};

// files_put_start() announces and stores a content: when done says ERR_OK it is there whole and
// will be after a power cut; else it is not there at all, unless it was before. Does not block.
void files_put_start(struct files *files, struct files_put *put);

// Where a content can be read by who asked for it.
struct files_place {
    struct str sha256;
    struct str content_type;
    struct str download_name; // what an address calls it; null: nothing
    bool is_head;             // asked by HEAD: an address is signed for that
    bool takes_gzip;          // a copy in gzip will do, where there is one
    // out: an open file, which the caller closes, or an address to send him to
    int fd; // -1: url
    int64_t size;
    bool is_gzip;   // what is in the file is the content in gzip
    struct str url; // in the arena; good for a while, for him alone
};

// files_locate() finds a content. ERR_NOT_FOUND if it is gone (not known of an address),
// ERR_UNAVAILABLE. Does not wait for the network.
MUST_CHECK enum err files_locate(struct files *files, struct arena *arena,
                                 struct files_place *place, struct error *err);

struct files_get;
typedef void files_get_done_fn(struct files_get *get);

// A content to be read here.
struct files_get {
    struct str sha256;
    files_get_done_fn *done;
    void *ctx;
    // out
    // ERR_NOT_FOUND: it is gone. ERR_UNAVAILABLE: not now.
    struct error error;
    int fd; // open for reading at its start; the caller closes it. -1: none
    int64_t size;
    // the store's own
    struct files *files;
};

// files_get_start() opens a content for reading. Does not block.
void files_get_start(struct files *files, struct files_get *get);

struct files_remove;
typedef void files_remove_done_fn(struct files_remove *remove);

// A content that nobody needs any more.
struct files_remove {
    struct str sha256;
    files_remove_done_fn *done;
    void *ctx;
    // out
    struct error error; // ERR_OK also if it was gone. ERR_UNAVAILABLE: not now
    // the store's own
    struct files *files;
    struct pool_work work;
};

// files_remove_start() removes a content; who has it open reads on. Does not block.
void files_remove_start(struct files *files, struct files_remove *remove);

// ---- Downloads.

struct files_fetch;
typedef void files_fetch_done_fn(struct files_fetch *fetch);

// One download, in the caller's memory until done was called (on a pool's or the network thread).
// Zeroed at first. Several may run side by side.
struct files_fetch {
    struct str url; // http or https; copied
    enum model_file_kind kind;
    struct opt_i64 room; // bytes that it may have; not set: as many as any file
    files_fetch_done_fn *done;
    void *ctx;
    // out
    // ERR_OK: stored. ERR_NOT_FOUND: 404. ERR_CORRUPT: what came is not such a file (the message
    // says why). ERR_TOO_LARGE. ERR_EXHAUSTED: there is no room for it. ERR_UPSTREAM, ERR_TIMEOUT:
    // not fetched, try again (error.retry_after_s where it was said). ERR_UNAVAILABLE: our side
    // cannot now (no room on disk, busy, shutting down).
    struct error error;
    int64_t size;
    char sha256[SHA256_HEX + 1];
    struct files *files; // the store's own
};

// files_fetch_start() downloads to a temporary name, checks size, MD5 (where it is said) and
// content by its kind (file_check()), hashes, and only then puts the file into the store: it is
// there whole or not at all. What an earlier run had of it, here or in another process, is gone on
// with if it is still the same file (strong ETag), as is what breaks off on its way. Connecting may
// take 5 s, all of it 10 min, and 30 s without a byte break a request off; no credentials are
// sent. done is called exactly once, never inside this function. Does not block.
void files_fetch_start(struct files *files, struct files_fetch *fetch);

#endif
