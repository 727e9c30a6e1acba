// What the files of this folder share: the open store, and a kind of store as a table of functions.
#ifndef SUNLEAD_FILES_STORE_H
#define SUNLEAD_FILES_STORE_H

#include <stdint.h>

#include "base/arena.h"
#include "base/error.h"
#include "base/hash.h"
#include "files/files.h"

// Where contents lie. The SHA-256 of what is handed over was looked at before.
struct files_kind {
    bool is_remote; // a put that failed has nothing to do with the temporary file, which is good
    // Each calls done by itself, once.
    void (*put)(struct files_put *put);
    void (*get)(struct files_get *get);
    void (*remove)(struct files_remove *remove);
    enum err (*locate)(struct files *files, struct arena *arena, struct files_place *place,
                       struct error *err);
};

extern const struct files_kind files_dir_kind; // a folder of our own
extern const struct files_kind files_s3_kind;  // a bucket

struct files {
    const struct files_kind *kind;
    struct s3 *s3; // NULL: not that kind
    char *dir;     // of temporary files, whatever the kind
    int dir_fd;
    struct http_client *http;
    struct pool *pool;
    const struct files_announcer *announcer;
    // What a download may take; files_open() sets them, tests make them smaller.
    int64_t max_bytes;
    unsigned connect_ms;
    unsigned total_ms;
    unsigned stall_s;
};

#define FILES_FOLDER_HEX 2 // digits of the hash that name the folder

// files_make_folder() makes a folder directly below <dir>; on disk when it returns. Blocks.
MUST_CHECK enum err files_make_folder(const struct files *files, const char *name,
                                      struct error *err);

// files_disk_err() turns the error of a failed file call (its errno still set) into the store's:
// ERR_UNAVAILABLE, "our disk is full" where that is it, with the reason as its cause, since paths
// are nobody's business. Returns the code.
enum err files_disk_err(struct error *err);

#endif
