// What a storage says of a file in the headers of an answer.
#ifndef SUNLEAD_FILES_RANGE_H
#define SUNLEAD_FILES_RANGE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/str.h"

// Which bytes came, both ends included, of how many.
struct files_range {
    int64_t first;
    int64_t last;
    int64_t total;
};

// files_range_parse() reads a Content-Range header (null: none), "bytes 0-9/10". False for anything
// else, and where the total is not said.
bool files_range_parse(struct str header, struct files_range *ret_range);

// files_hash_md5() is the MD5 in base64 of an x-goog-hash header, "crc32c=n03x6A==,md5=..."; null
// if there is none.
struct str files_hash_md5(struct str header);

#endif
