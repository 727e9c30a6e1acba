// Which bytes of a file a request asks for.
#ifndef SUNLEAD_HTTP_RANGE_H
#define SUNLEAD_HTTP_RANGE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/str.h"

enum http_range_kind {
    HTTP_RANGE_WHOLE,         // no range, or one to be ignored (RFC 9110, section 14.2)
    HTTP_RANGE_PART,          // offset and length, which is not 0
    HTTP_RANGE_UNSATISFIABLE, // beyond the end
};

struct http_range {
    enum http_range_kind kind;
    uint64_t offset;
    uint64_t length;
};

// http_range_parse() reads a Range header (null: none) for total bytes. Several ranges, other units
// and bad syntax are ignored.
struct http_range http_range_parse(struct str header, uint64_t total);

// http_etag_listed() tells whether an If-None-Match header (null: none) holds the tag (without
// quotes) or '*', by weak comparison.
bool http_etag_listed(struct str header, struct str etag);

// http_etag_matches() is the same for If-Match: by strong comparison.
bool http_etag_matches(struct str header, struct str etag);

// http_etag_same() tells whether an If-Range header is exactly this strong tag (without quotes). A
// date is not.
bool http_etag_same(struct str header, struct str etag);

#endif
