// Tests of http/http_encoding.c.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/macro.h"
#include "http/http_encoding.h"

static void test_gzip(void **state)
{
    static const struct {
        const char *header;
        bool want;
    } rows[] = {
        {NULL, false},
        {"", false},
        {"gzip", true},
        {"GZip", true},
        {"x-gzip", true},
        {"gzip, deflate, br", true},
        {"deflate,gzip", true},
        {" br , gzip ;q=0.5 ", true},
        {"gzip;q=1", true},
        {"gzip;q=1.000", true},
        {"gzip; Q=0.001", true},
        {"gzip;q=0", false},
        {"gzip;q=0.000", false},
        {"gzip;q=0, *", false},
        {"*", true},
        {"*;q=0", false},
        {"*;q=0, gzip", true},
        {"identity", false},
        {"identity, gzip", true},
        {"identity;q=1, gzip;q=0.5", false},
        {"identity;q=0.5, gzip;q=1", true},
        {"identity;q=0, gzip;q=0.1", true},
        {"identity;q=0", false},
        {"identity, *;q=0.5", false},
        {"deflate", false},
        {"gzipped", false},
        {"gzip;q=2", false},
        {"gzip;q=1.001", false},
        {"gzip;q=0.0001", false},
        {"gzip;q=-1", false},
        {"gzip;q=", false},
        {"gzip;level=9", false},
        {"gzip;", true},
        {",,gzip,,", true},
        {";q=1", false},
    };
    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        if (http_encoding_gzip(str_of(rows[i].header)) != rows[i].want)
            fail_msg("%s", rows[i].header);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_gzip),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
