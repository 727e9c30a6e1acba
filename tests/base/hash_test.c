// Tests of base/hash.c.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/hash.h"
#include "base/macro.h"

// FIPS 180-2, appendix B, and the empty text.
static const struct {
    struct str text;
    const char *want;
} cases[] = {
    {STR_INIT(""), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
    {{0}, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
    {STR_INIT("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},
    {STR_INIT("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq"),
     "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"},
};

static void test_whole(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        char hex[SHA256_HEX + 1];
        sha256_hex(cases[i].text, hex);
        assert_string_equal(hex, cases[i].want);
    }
}

static void test_pieces(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        char hex[SHA256_HEX + 1];
        struct sha256 *hash = sha256_open();
        for (size_t k = 0; k < cases[i].text.len; k++)
            sha256_add(hash, cases[i].text.ptr + k, 1);
        sha256_finish(hash, hex);
        sha256_close(hash);
        assert_string_equal(hex, cases[i].want);
    }
    sha256_close(NULL);
    sha256_close(sha256_open());
}

// RFC 1321, section A.5.
static void test_md5(void **state)
{
    static const struct {
        struct str text;
        const char *want;
    } rows[] = {
        {STR_INIT(""), "1B2M2Y8AsgTpgAmY7PhCfg=="},
        {STR_INIT("abc"), "kAFQmDzST7DWlj99KOF/cg=="},
        {STR_INIT("message digest"), "+WtpfXy3k41SWi8xqvFh0A=="},
    };
    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        char sum[MD5_BASE64 + 1];
        assert_true(md5_base64(rows[i].text, sum));
        assert_string_equal(sum, rows[i].want);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_whole), cmocka_unit_test(test_pieces),
                                       cmocka_unit_test(test_md5)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
