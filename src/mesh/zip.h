// Zip archives whose entries are neither compressed nor encrypted, as USDZ wants them.
#ifndef SUNLEAD_MESH_ZIP_H
#define SUNLEAD_MESH_ZIP_H

#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/error.h"

// ZIP_ALIGNMENT is what the place of each entry's bytes in the file is a multiple of.
#define ZIP_ALIGNMENT 64

struct zip_entry {
    struct str name;
    size_t header; // where its header is
    size_t first_byte;
    size_t bytes;
    uint32_t crc;
};

// An archive while it is written into a buffer.
struct zip {
    struct buf *buf;
    struct zip_entry *entries;
    size_t count;
    size_t max;
    uint32_t crcs[256]; // of each byte
};

// zip_init() begins an archive with at most so many entries in an empty buffer.
void zip_init(struct zip *zip, struct buf *buf, size_t max, struct arena *arena);

// zip_begin() begins an entry: what is added to the buffer from now on are its bytes, up to
// zip_end(). The name is borrowed until zip_finish().
void zip_begin(struct zip *zip, struct str name);
void zip_end(struct zip *zip);

// zip_finish() adds the directory. ERR_TOO_LARGE for more than 4 GiB, or if the buffer was full.
MUST_CHECK enum err zip_finish(struct zip *zip, struct error *err);

#endif
