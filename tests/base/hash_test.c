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

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_whole), cmocka_unit_test(test_pieces)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
