// HMAC-SHA256 by libcrypto.

// Before banned.h, as in base/hash.c.
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "base/hmac.h"
#include "base/macro.h"

void hmac_sha256(struct str key, struct str text, unsigned char ret_bytes[SHA256_BYTES])
{
    unsigned len = 0;
    const void *key_bytes = key.len == 0 ? "" : key.ptr;
    const void *bytes = text.len == 0 ? "" : text.ptr;
    check(key.len <= INT_MAX);
    check(HMAC(EVP_sha256(), key_bytes, (int)key.len, bytes, text.len, ret_bytes, &len) != NULL);
    check(len == SHA256_BYTES);
}
