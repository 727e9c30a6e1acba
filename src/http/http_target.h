// Taking a request target apart: decoded path, segments and query.
#ifndef SUNLEAD_HTTP_TARGET_H
#define SUNLEAD_HTTP_TARGET_H

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "base/str.h"

#define HTTP_SEGMENTS_MAX 16 // deeper paths match no route
#define HTTP_PAIRS_MAX    64 // parameters in a query

struct http_pair {
    struct str name;
    struct str value;
};

// All texts are decoded and live in the arena they were parsed into, NUL-ended.
struct http_target {
    struct str path;                        // as a whole; "*" for the asterisk form
    struct str authority;                   // of the absolute form (http://host/path), else null
    struct str segments[HTTP_SEGMENTS_MAX]; // none for "/"
    size_t segment_count;                   // may be more than are kept
    struct http_pair *pairs;                // of the query, in its order
    size_t pair_count;
};

// http_target_parse() takes raw apart and returns NULL, or in a few words what is wrong with it
// (then target is not to be used). Strict: bad escapes, control characters (escaped ones too),
// invalid UTF-8, segments
// "." and "..", and more than HTTP_PAIRS_MAX parameters are errors. An escaped '/' is data within
// its segment.
MUST_CHECK const char *http_target_parse(struct str raw, struct arena *arena,
                                         struct http_target *ret_target);

#endif
