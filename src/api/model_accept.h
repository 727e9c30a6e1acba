// Which format of a model a client wants, by its Accept header.
#ifndef SUNLEAD_API_MODEL_ACCEPT_H
#define SUNLEAD_API_MODEL_ACCEPT_H

#include <stddef.h>

#include "base/str.h"

// model_accept_choose() is the index of the content type that an Accept header (RFC 9110, section
// 12.5.1) prefers; of those it likes as much the first one. count if it takes none of them. A null
// or empty header takes all.
size_t model_accept_choose(struct str accept, const struct str *types, size_t count);

#endif
