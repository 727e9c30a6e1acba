// Copies in gzip of contents that are text.
#ifndef SUNLEAD_FILES_GZIP_H
#define SUNLEAD_FILES_GZIP_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "base/str.h"

// GZIP_LEAST_GAIN: a copy that is not smaller by one part in so many is not worth its room.
#define GZIP_LEAST_GAIN 10

// files_gzip_is_text() tells whether a file is worth a try: JSON, an OBJ, an MTL, an ascii PLY.
bool files_gzip_is_text(int fd, struct str content_type);

// files_gzip_write() writes a file in gzip to another one. ERR_TOO_LARGE if that becomes larger
// than max bytes, ERR_UNAVAILABLE if there is no room on disk. Blocks, and takes its CPU time.
MUST_CHECK enum err files_gzip_write(int from_fd, int to_fd, int64_t max, struct error *err);

#endif
