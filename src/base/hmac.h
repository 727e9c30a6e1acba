// HMAC-SHA256 (RFC 2104).
#ifndef SUNLEAD_BASE_HMAC_H
#define SUNLEAD_BASE_HMAC_H

#include "base/hash.h"
#include "base/str.h"

// hmac_sha256() authenticates a text with a key of any length.
void hmac_sha256(struct str key, struct str text, unsigned char ret_bytes[SHA256_BYTES]);

#endif
