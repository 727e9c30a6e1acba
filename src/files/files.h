// The store of mesh files: verified downloads into a content-addressed directory.
#ifndef SUNLEAD_FILES_H
#define SUNLEAD_FILES_H

#include <stdint.h>

#include "base/arena.h"
#include "base/error.h"
#include "base/hash.h"
#include "base/pool.h"
#include "domain/model_file.h"
#include "http/http_client.h"

struct files;

// files_open() uses a directory (made if it is not there): files are at <dir>/ab/abcdef... by their
// SHA-256, downloads under way in <dir>/tmp, from which what killed processes left is removed:
// downloads that another run can go on with after a day. Any number of processes may share it. http
// and pool (for checking and syncing) must outlive it. Blocks.
MUST_CHECK enum err files_open(const char *dir, struct http_client *http, struct pool *pool,
                               struct files **ret_files, struct error *err);

// files_close() frees; no fetch may be under way. NULL is fine.
void files_close(struct files *files);

struct files_fetch;
typedef void files_fetch_done_fn(struct files_fetch *fetch);

// One download, in the caller's memory until done was called (on a pool's or the network thread).
// Zeroed at first. Several may run side by side.
struct files_fetch {
    struct str url; // http or https; copied
    enum model_file_kind kind;
    files_fetch_done_fn *done;
    void *ctx;
    // out
    // ERR_OK: stored. ERR_NOT_FOUND: 404. ERR_CORRUPT: what came is not such a file (the message
    // says why). ERR_TOO_LARGE. ERR_UPSTREAM, ERR_TIMEOUT: not fetched, try again
    // (error.retry_after_s where it was said). ERR_UNAVAILABLE: our side cannot now (no room on
    // disk, busy, shutting down).
    struct error error;
    int64_t size;
    char sha256[SHA256_HEX + 1];
    struct files *files; // the store's own
};

// files_fetch_start() downloads to a temporary name, checks size, MD5 (where it is said) and
// content by its kind (file_check()), hashes, syncs, and only then gives the file its name: it is
// there whole or not at all. What an earlier run had of it, here or in another process, is gone on
// with if it is still the same file (strong ETag), as is what breaks off on its way. Connecting may
// take 5 s, all of it 10 min, and 30 s without a byte break a request off; no credentials are
// sent. done is called exactly once, never inside this function. Does not block.
void files_fetch_start(struct files *files, struct files_fetch *fetch);

// files_open_read() opens a stored file by its SHA-256 (64 lower-case hex digits, else ERR_INVALID)
// for reading; the caller closes *ret_fd. ERR_NOT_FOUND if it is gone.
MUST_CHECK enum err files_open_read(struct files *files, struct str sha256, int *ret_fd,
                                    int64_t *ret_size, struct error *err);

#endif
