// SHA-256 and MD5 by libcrypto, which uses the processor's instructions for them.

// Before banned.h, since it has a parameter named like a banned function.
#include <openssl/evp.h>

#include "base/hash.h"
#include "base/macro.h"

struct sha256 {
    EVP_MD_CTX *ctx;
};

struct sha256 *sha256_open(void)
{
    struct sha256 *hash = malloc(sizeof(*hash));
    check(hash != NULL);
    hash->ctx = EVP_MD_CTX_new();
    check(hash->ctx != NULL);
    check(EVP_DigestInit_ex(hash->ctx, EVP_sha256(), NULL) == 1);
    return hash;
}

void sha256_add(struct sha256 *hash, const void *bytes, size_t len)
{
    check(EVP_DigestUpdate(hash->ctx, bytes, len) == 1);
}

static void to_hex(const unsigned char digest[SHA256_BYTES], char ret_hex[SHA256_HEX + 1])
{
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < SHA256_BYTES; i++) {
        ret_hex[2 * i] = digits[digest[i] >> 4];
        ret_hex[2 * i + 1] = digits[digest[i] & 15];
    }
    ret_hex[SHA256_HEX] = '\0';
}

void sha256_finish(struct sha256 *hash, char ret_hex[SHA256_HEX + 1])
{
    unsigned char digest[SHA256_BYTES];
    check(EVP_DigestFinal_ex(hash->ctx, digest, NULL) == 1);
    to_hex(digest, ret_hex);
}

void sha256_close(struct sha256 *hash)
{
    if (hash == NULL)
        return;
    EVP_MD_CTX_free(hash->ctx);
    free(hash);
}

void sha256_hex(struct str s, char ret_hex[SHA256_HEX + 1])
{
    unsigned char digest[SHA256_BYTES];
    check(EVP_Digest(s.ptr, s.len, digest, NULL, EVP_sha256(), NULL) == 1);
    to_hex(digest, ret_hex);
}

bool md5_base64(struct str s, char ret_base64[MD5_BASE64 + 1])
{
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned len = 0;
    ret_base64[0] = '\0';
    if (EVP_Digest(s.ptr, s.len, digest, &len, EVP_md5(), NULL) != 1)
        return false;
    check(EVP_EncodeBlock((unsigned char *)ret_base64, digest, (int)len) == MD5_BASE64);
    return true;
}
