// Making what was said to LightFusion fit to be kept and shown.
#ifndef SUNLEAD_UPSTREAM_REDACT_H
#define SUNLEAD_UPSTREAM_REDACT_H

#include <stddef.h>

#include "base/arena.h"
#include "base/str.h"

// REDACT_READ_MAX is how much of a body is looked at.
#define REDACT_READ_MAX 8192

// redact_body() is a body without credentials, e-mail addresses, phone numbers and names of
// persons: *** stands for the values of members called so, for texts that look like an address or a
// number, and for each of the words in hide (whole words, whatever their case). JSON may be cut or
// broken; what is no JSON is taken as text. Well-formed UTF-8 of EXCHANGE_TEXT_MAX bytes at most,
// in the arena; null for a null or empty body.
struct str redact_body(struct str body, const struct str *hide, size_t hide_count,
                       struct arena *arena);

#endif
