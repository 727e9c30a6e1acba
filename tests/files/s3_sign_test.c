// Tests of files/s3_sign.c.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/clock.h"
#include "files/s3_sign.h"

// 2013-05-24T00:00:00Z
#define THEN_US (INT64_C(1369353600) * US_PER_S)

static const struct s3_key aws_key = {
    .region = STR_INIT("us-east-1"),
    .id = STR_INIT("AKIAIOSFODNN7EXAMPLE"),
    .secret = STR_INIT("wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"),
};

// The example of "Authenticating Requests: Using Query Parameters" in the API reference of S3.
static void test_published_example(void **state)
{
    (void)state;
    CLEANUP(arena_close_ptr) struct arena *arena = arena_open(0);
    const struct s3_grant grant = {
        .method = "GET",
        .origin = STR("https://examplebucket.s3.amazonaws.com"),
        .path = STR("/test.txt"),
        .now_us = THEN_US + 999999,
        .expires_s = 86400,
    };
    assert_string_equal(
        s3_presign(&aws_key, &grant, arena).ptr,
        "https://examplebucket.s3.amazonaws.com/test.txt?X-Amz-Algorithm=AWS4-HMAC-SHA256"
        "&X-Amz-Credential=AKIAIOSFODNN7EXAMPLE%2F20130524%2Fus-east-1%2Fs3%2Faws4_request"
        "&X-Amz-Date=20130524T000000Z&X-Amz-Expires=86400&X-Amz-SignedHeaders=host"
        "&X-Amz-Signature=aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404");
}

// All that may be in an address stands in it, encoded, and each part of it changes the signature.
static void test_all_is_signed(void **state)
{
    (void)state;
    CLEANUP(arena_close_ptr) struct arena *arena = arena_open(0);
    struct s3_key key = aws_key;
    key.session_token = STR("to/ken+=");
    const struct s3_grant grant = {
        .method = "GET",
        .origin = STR("http://127.0.0.1:9000"),
        .path = STR("/bucket/some/prefix/ab/abc"),
        .disposition = STR("attachment; filename=\"scene.obj\""),
        .content_type = STR("model/obj"),
        .now_us = THEN_US,
        .expires_s = 3600,
    };
    struct str url = s3_presign(&key, &grant, arena);
    static const char *const parts[] = {
        "http://127.0.0.1:9000/bucket/some/prefix/ab/abc?X-Amz-Algorithm=",
        "&X-Amz-Expires=3600&X-Amz-Security-Token=to%2Fken%2B%3D&X-Amz-SignedHeaders=host"
        "&response-content-disposition=attachment%3B%20filename%3D%22scene.obj%22"
        "&response-content-type=model%2Fobj&X-Amz-Signature=",
    };
    for (size_t i = 0; i < COUNT_OF(parts); i++)
        assert_non_null(strstr(url.ptr, parts[i]));

    struct s3_grant others[5];
    for (size_t i = 0; i < COUNT_OF(others); i++)
        others[i] = grant;
    others[0].method = "HEAD";
    others[1].path = STR("/bucket/some/prefix/ab/abd");
    others[2].content_type = STR("model/obk");
    others[3].now_us += US_PER_S;
    others[4].origin = STR("http://127.0.0.1:9001");
    const char *mac = strstr(url.ptr, "X-Amz-Signature=");
    for (size_t i = 0; i < COUNT_OF(others); i++) {
        struct str other = s3_presign(&key, &others[i], arena);
        assert_string_not_equal(strstr(other.ptr, "X-Amz-Signature="), mac);
    }
    key.secret = STR("other");
    assert_string_not_equal(strstr(s3_presign(&key, &grant, arena).ptr, "X-Amz-Signature="), mac);
}

static void test_encoded(void **state)
{
    (void)state;
    CLEANUP(buf_done) struct buf buf;
    buf_init(&buf, 100);
    s3_append_encoded(&buf, STR("aZ09-._~ /+=&%\xc3\xa4"));
    s3_append_encoded(&buf, (struct str){.ptr = "\0", .len = 1});
    assert_string_equal(buf_cstr(&buf), "aZ09-._~%20%2F%2B%3D%26%25%C3%A4%00");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_published_example),
        cmocka_unit_test(test_all_is_signed),
        cmocka_unit_test(test_encoded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
