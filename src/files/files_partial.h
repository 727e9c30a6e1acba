// Temporary files that another run can go on with: named by their address and their entity tag.
#ifndef SUNLEAD_FILES_PARTIAL_H
#define SUNLEAD_FILES_PARTIAL_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/error.h"
#include "files/files.h"

// What of a download is here. Locked (flock) as long as it is open.
struct partial {
    const struct files *files;
    struct arena *arena;
    struct str url;
    char *path; // NULL: there is no file
    int fd;
    int64_t size;
    struct str etag; // strong, with its quotes; null: only this run can use it
};

// files_partial_find() begins with what an earlier run left of an address, if nobody else works on
// it and the machine was not started anew since (its last bytes may be lost then). files and arena
// are used until the end, url (not copied) too.
void files_partial_find(struct partial *partial, const struct files *files, struct arena *arena,
                        struct str url);

// files_partial_create() makes an empty file for an answer with this ETag header (null: none), in
// place of what is there. Where the tag is weak or too long, or another process has such a file, it
// is an ordinary temporary one. ERR_UNAVAILABLE.
MUST_CHECK enum err files_partial_create(struct partial *partial, struct str etag,
                                         struct error *err);

// files_partial_cut() takes away what is behind from; further bytes are written there.
// ERR_UNAVAILABLE.
MUST_CHECK enum err files_partial_cut(struct partial *partial, int64_t from, struct error *err);

// files_partial_reserve() takes the room for size bytes in all on the disk, where the file system
// can do so. ERR_UNAVAILABLE: there is not so much.
MUST_CHECK enum err files_partial_reserve(const struct partial *partial, int64_t size,
                                          struct error *err);

// files_partial_keep() closes the file and leaves it for a later run, if one can use it; else it is
// dropped.
void files_partial_keep(struct partial *partial);

// files_partial_drop() removes the file.
void files_partial_drop(struct partial *partial);

// files_partial_is_kept() tells of a left-over whether a later run may still use it.
bool files_partial_is_kept(const char *name, int fd);

#endif
