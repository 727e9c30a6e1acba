// SHA-256, in one go or piece by piece, and the sums that storages give with a file.
#ifndef SUNLEAD_BASE_HASH_H
#define SUNLEAD_BASE_HASH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/str.h"

#define SHA256_BYTES 32
#define SHA256_HEX   64

struct sha256;

// sha256_open() starts a hash; sha256_close() frees it.
struct sha256 *sha256_open(void);

// sha256_add() feeds bytes.
void sha256_add(struct sha256 *hash, const void *bytes, size_t len);

// sha256_finish() writes the hash as 64 lower-case hex digits and a NUL. Nothing may be added
// after it.
void sha256_finish(struct sha256 *hash, char ret_hex[SHA256_HEX + 1]);

// sha256_close() frees; NULL is fine.
void sha256_close(struct sha256 *hash);

// sha256_hex() hashes one text.
void sha256_hex(struct str s, char ret_hex[SHA256_HEX + 1]);

#define MD5_BASE64 24

// md5_base64() is the MD5 of a text in base64, as x-goog-hash and Content-MD5 have it. It finds
// accidents, not attackers. False where libcrypto may not (FIPS).
bool md5_base64(struct str s, char ret_base64[MD5_BASE64 + 1]);

#endif
