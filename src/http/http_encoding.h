// Which content coding a request prefers.
#ifndef SUNLEAD_HTTP_ENCODING_H
#define SUNLEAD_HTTP_ENCODING_H

#include <stdbool.h>

#include "base/str.h"

// http_encoding_gzip() tells whether an Accept-Encoding header (null: none) takes gzip and does not
// like identity better. What is malformed in it does not count.
bool http_encoding_gzip(struct str header);

#endif
