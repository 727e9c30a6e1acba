// The directory of the store: where a file lies, finished or under way.
#ifndef SUNLEAD_FILES_DIR_H
#define SUNLEAD_FILES_DIR_H

#include <stdint.h>

#include "base/arena.h"
#include "base/error.h"
#include "base/hash.h"
#include "files/files.h"

struct files {
    char *dir;
    int dir_fd;
    struct http_client *http;
    struct pool *pool;
    // What a download may take; files_open() sets them, tests make them smaller.
    int64_t max_bytes;
    unsigned connect_ms;
    unsigned total_ms;
    unsigned stall_s;
};

// files_create_tmp() makes an empty file of a random name under <dir>/tmp for writing, locked
// (flock) as long as it is open, so that others know that it is in use. ERR_UNAVAILABLE.
MUST_CHECK enum err files_create_tmp(const struct files *files, struct arena *arena,
                                     char **ret_path, int *ret_fd, struct error *err);

// files_publish() gives a temporary file its name in the store, after which the temporary name is
// gone; on disk when it returns. Blocks. ERR_UNAVAILABLE.
MUST_CHECK enum err files_publish(const struct files *files, int fd, const char *tmp_path,
                                  const char sha256[SHA256_HEX + 1], struct error *err);

// files_disk_err() turns the error of a failed file call (its errno still set) into the store's:
// ERR_UNAVAILABLE, "our disk is full" where that is it, with the reason as its cause, since paths
// are nobody's business. Returns the code.
enum err files_disk_err(struct error *err);

#endif
