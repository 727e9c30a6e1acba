// Tests of the store that is a bucket, against a scripted server. tests/service/test_s3.py has a
// real one.
#include "files/content_fixture.h"

#include "files/files_store.h"
#include "files/s3.h"
#include "support/fake_server.h"

#define NO_SUCH(what) "<?xml?><Error><Code>NoSuch" what "</Code></Error>"
#define REFUSED(what) "<?xml?><Error><Code>" what "</Code></Error>"
#define CREATED                                                                                    \
    "<InitiateMultipartUploadResult><UploadId>id+1</UploadId></InitiateMultipartUploadResult>"
#define COMPLETED "<CompleteMultipartUploadResult><Key>x</Key></CompleteMultipartUploadResult>"

// The routes of every test: an object is asked for at the start.
#define TRIAL                                                                                      \
    {                                                                                              \
        "GET /bucket/p/sunlead-check ",                                                            \
        {                                                                                          \
            {                                                                                      \
                .status = 404, .body = NO_SUCH("Key")                                              \
            }                                                                                      \
        }                                                                                          \
    }

static const struct raw_answer no_answers[] = {
    {0},
};

struct bucket {
    struct fixture base;
    struct fake_server *server;
    struct content content;
};

static struct files_s3_settings settings_of(const struct fake_server *server)
{
    return (struct files_s3_settings){
        .url = "s3://bucket/p",
        .endpoint = fake_server_url(server),
        .region = "eu-central-1",
        .key_id = "the-key",
        .secret = "the-secret",
        .session_token = "the-token",
    };
}

static void open_bucket(struct bucket *bucket, const struct fake_route *routes, size_t count)
{
    struct error err;
    setup(&bucket->base, no_answers);
    bucket->server = fake_server_open(routes, count);
    const struct files_s3_settings settings = settings_of(bucket->server);
    assert_int_equal(files_use_s3(bucket->base.files, &settings, &err), ERR_OK);
    bucket->base.files->s3->part_bytes = 4;
    make_content(&bucket->content, &bucket->base, STR("0123456789"));
}

static void close_bucket(struct bucket *bucket)
{
    fd_close(&bucket->content.fd);
    teardown(&bucket->base);
    fake_server_close(bucket->server);
}

static bool has_tmp(const struct bucket *bucket)
{
    return access(bucket->content.tmp_path, F_OK) == 0;
}

static void assert_said(const struct bucket *bucket, size_t n, const char *const *parts)
{
    const char *request = fake_server_request(bucket->server, n);
    for (; *parts != NULL; parts++) {
        if (strstr(request, *parts) == NULL)
            fail_msg("no \"%s\" in: %s", *parts, request);
    }
}

static void test_whole(void **state)
{
    (void)state;
    static const struct fake_route routes[] = {
        TRIAL,
        {"HEAD /bucket/p/84/84d89877", {{.status = 404}}},
        {"PUT /bucket/p/84/84d89877", {{.status = 200}}},
    };
    struct bucket bucket;
    open_bucket(&bucket, routes, COUNT_OF(routes));
    bucket.base.files->s3->part_bytes = 10;
    assert_int_equal(put_content(&bucket.content, &bucket.base), ERR_OK);
    assert_false(has_tmp(&bucket));
    assert_int_equal(fake_server_count(bucket.server, ""), 3);
    static const char *const parts[] = {
        "x-amz-content-sha256: 84d89877f0d4041efb6bf91a16f0248f2fd573e6af05c19f96bedb9f882f7882",
        "Authorization: AWS4-HMAC-SHA256 Credential=the-key/",
        "/eu-central-1/s3/aws4_request",
        "x-amz-security-token: the-token",
        "Content-Type: text/plain",
        "Content-Length: 10",
        "\r\n\r\n0123456789",
        NULL,
    };
    assert_said(&bucket, 2, parts);
    assert_null(strstr(fake_server_request(bucket.server, 2), "the-secret"));
    close_bucket(&bucket);
}

// What is there already is not sent; another size is no reason to believe it.
static void test_there_already(void **state)
{
    (void)state;
    static const struct fake_route routes[] = {
        TRIAL,
        {"HEAD ", {{.status = 200, .body = "0123456789"}, {.status = 200, .body = "0"}}},
        {"PUT ", {{.status = 200}}},
    };
    struct bucket bucket;
    open_bucket(&bucket, routes, COUNT_OF(routes));
    bucket.base.files->s3->part_bytes = 10;
    assert_int_equal(put_content(&bucket.content, &bucket.base), ERR_OK);
    assert_int_equal(fake_server_count(bucket.server, "PUT "), 0);
    assert_false(has_tmp(&bucket));
    fd_close(&bucket.content.fd);
    make_content(&bucket.content, &bucket.base, STR("0123456789"));
    assert_int_equal(put_content(&bucket.content, &bucket.base), ERR_OK);
    assert_int_equal(fake_server_count(bucket.server, "PUT "), 1);
    close_bucket(&bucket);
}

static void test_parts(void **state)
{
    (void)state;
    static const struct fake_route routes[] = {
        TRIAL,
        {"HEAD ", {{.status = 403}}}, // who may not list is not told that it is missing
        {"POST /bucket/p/84/84d89877f0d4041efb6bf91a16f0248f2fd573e6af05c19f96bedb9f882f7882"
         "?uploads= ",
         {{.body = CREATED}}},
        {"PUT ",
         {{.status = 200, .headers = "ETag: \"one\"\r\n"},
          {.status = 200, .headers = "ETag: \"two\"\r\n"},
          {.status = 200, .headers = "ETag: \"three\"\r\n"}}},
        {"POST ", {{.body = COMPLETED}}},
    };
    struct bucket bucket;
    open_bucket(&bucket, routes, COUNT_OF(routes));
    assert_int_equal(put_content(&bucket.content, &bucket.base), ERR_OK);
    assert_false(has_tmp(&bucket));
    static const char *const said[][4] = {
        {"?partNumber=1&uploadId=id%2B1 ", "\r\n\r\n0123", NULL},
        {"?partNumber=2&uploadId=id%2B1 ", "\r\n\r\n4567", NULL},
        {"?partNumber=3&uploadId=id%2B1 ", "\r\n\r\n89",
         // of "89"
         "x-amz-content-sha256: cd70bea023f752a0564abb6ed08d42c1440f2e33e29914e55e0be1595e24f45a",
         NULL},
        {"?uploadId=id%2B1 ",
         "<CompleteMultipartUpload><Part><PartNumber>1</PartNumber><ETag>\"one\"</ETag></Part>"
         "<Part><PartNumber>2</PartNumber><ETag>\"two\"</ETag></Part>"
         "<Part><PartNumber>3</PartNumber><ETag>\"three\"</ETag></Part></CompleteMultipartUpload>",
         NULL},
    };
    for (size_t i = 0; i < COUNT_OF(said); i++)
        assert_said(&bucket, 3 + i, said[i]);
    close_bucket(&bucket);
}

// What may go wrong with an upload in parts, and whether its parts are taken away.
static const struct {
    const char *what;
    struct fake_answer create;
    struct fake_answer part;
    struct fake_answer complete;
    const char *cause;
    bool aborted;
} part_failures[] = {
    {"no upload is begun", {.status = 503, .body = REFUSED("SlowDown")}, {0}, {0}, "503", false},
    {"an upload without a number", {.body = "<x/>"}, {0}, {0}, "", false},
    {"a part is not taken", {.body = CREATED}, {.status = 503}, {0}, "503", true},
    {"a part is cut off", {.body = CREATED}, {.end = FAKE_NO_ANSWER}, {0}, "PUT", true},
    {"a part without a tag", {.body = CREATED}, {.status = 200}, {0}, "", true},
    {"the parts are gone",
     {.body = CREATED},
     {.status = 200, .headers = "ETag: \"x\"\r\n"},
     {.status = 404, .body = NO_SUCH("Upload")},
     "404",
     true},
    {"an error after 200",
     {.body = CREATED},
     {.status = 200, .headers = "ETag: \"x\"\r\n"},
     {.body = REFUSED("InternalError")},
     "InternalError",
     true},
};

static void test_parts_fail(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(part_failures); i++) {
        const struct fake_route routes[] = {
            TRIAL,
            {"HEAD ", {{.status = 404}}},
            {"POST |uploads= ", {part_failures[i].create}},
            {"PUT ", {part_failures[i].part}},
            {"POST ", {part_failures[i].complete}},
            {"DELETE |uploadId=id%2B1 ", {{.status = 204}}},
        };
        struct bucket bucket;
        struct error err;
        open_bucket(&bucket, routes, COUNT_OF(routes));
        enum err code = put_content_as(&bucket.content, &bucket.base, &err);
        if (code != ERR_UNAVAILABLE || strstr(err.cause, part_failures[i].cause) == NULL ||
            !has_tmp(&bucket) ||
            fake_server_count(bucket.server, "DELETE ") != (part_failures[i].aborted ? 1 : 0))
            fail_msg("%s: %s, %s, %s", part_failures[i].what, err_name(code), err.message,
                     err.cause);
        close_bucket(&bucket);
    }
}

// What may go wrong with one piece.
static const struct {
    struct fake_answer answer;
    const char *cause;
    unsigned retry_after_s;
} put_failures[] = {
    {{.status = 503, .headers = "Retry-After: 7\r\n", .body = REFUSED("SlowDown")}, "503", 7},
    {{.status = 500}, "500", 0},
    {{.status = 429}, "429", 0},
    {{.status = 403, .body = REFUSED("AccessDenied")}, "403 AccessDenied", 0},
    {{.status = 404, .body = NO_SUCH("Bucket")}, "404 NoSuchBucket", 0},
    {{.status = 301, .body = REFUSED("PermanentRedirect")}, "301 PermanentRedirect", 0},
    {{.status = 400, .body = "<Code>a b</Code>"}, "400 ", 0},
    {{.end = FAKE_RESET}, "PUT: ", 0},
};

static void test_put_fails(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(put_failures); i++) {
        const struct fake_route routes[] = {
            TRIAL,
            {"HEAD ", {{.status = 404}}},
            {"PUT ", {put_failures[i].answer}},
        };
        struct bucket bucket;
        struct error err;
        open_bucket(&bucket, routes, COUNT_OF(routes));
        bucket.base.files->s3->part_bytes = 10;
        assert_int_equal(put_content_as(&bucket.content, &bucket.base, &err), ERR_UNAVAILABLE);
        assert_non_null(strstr(err.cause, put_failures[i].cause));
        assert_int_equal(err.retry_after_s, put_failures[i].retry_after_s);
        assert_null(strstr(err.message, "127.0.0.1"));
        assert_true(has_tmp(&bucket));
        close_bucket(&bucket);
    }
}

static void test_get(void **state)
{
    (void)state;
    static const struct fake_route routes[] = {
        TRIAL,
        {"GET /bucket/p/84/84d89877",
         {{.status = 200, .body = "0123456789"},
          {.status = 200, .body = "another"},
          {.status = 200, .body = "0123456789", .end = FAKE_CUT},
          {.status = 404, .body = NO_SUCH("Key")},
          {.status = 404, .body = NO_SUCH("Bucket")}}},
    };
    static const enum err wants[] = {ERR_OK, ERR_CORRUPT, ERR_UNAVAILABLE, ERR_NOT_FOUND,
                                     ERR_UNAVAILABLE};
    struct bucket bucket;
    open_bucket(&bucket, routes, COUNT_OF(routes));
    unlink(bucket.content.tmp_path);
    for (size_t i = 0; i < COUNT_OF(wants); i++) {
        CLEANUP(fd_close) int fd = -1;
        struct error err;
        char bytes[16];
        assert_int_equal(get_content(&bucket.content, &bucket.base, &fd, &err), wants[i]);
        if (wants[i] == ERR_OK)
            assert_int_equal(read(fd, bytes, sizeof(bytes)), 10);
        assert_census(bucket.base.dir, 0, 0);
    }
    close_bucket(&bucket);
}

static void test_remove(void **state)
{
    (void)state;
    static const struct fake_route routes[] = {
        TRIAL,
        {"DELETE /bucket/p/84/84d89877",
         {{.status = 204}, {.status = 404, .body = NO_SUCH("Key")}, {.status = 503}}},
    };
    struct bucket bucket;
    open_bucket(&bucket, routes, COUNT_OF(routes));
    assert_int_equal(remove_content(&bucket.content, &bucket.base), ERR_OK);
    assert_int_equal(remove_content(&bucket.content, &bucket.base), ERR_OK);
    assert_int_equal(remove_content(&bucket.content, &bucket.base), ERR_UNAVAILABLE);
    close_bucket(&bucket);
}

static void test_locate(void **state)
{
    (void)state;
    static const struct fake_route routes[] = {TRIAL};
    struct bucket bucket;
    struct error err;
    open_bucket(&bucket, routes, COUNT_OF(routes));
    struct files_place place = {
        .sha256 = str_of(bucket.content.sha256),
        .content_type = STR("model/obj"),
        .download_name = STR("scene.obj"),
    };
    assert_int_equal(files_locate(bucket.base.files, bucket.base.arena, &place, &err), ERR_OK);
    assert_int_equal(place.fd, -1);
    assert_non_null(strstr(place.url.ptr, "/bucket/p/84/84d89877"));
    assert_non_null(strstr(place.url.ptr, "filename%3D%22scene.obj%22"));
    assert_non_null(strstr(place.url.ptr, "X-Amz-Expires=3600"));
    assert_null(strstr(place.url.ptr, "the-secret"));
    place.sha256 = STR("../../x");
    assert_int_equal(files_locate(bucket.base.files, bucket.base.arena, &place, &err), ERR_INVALID);
    close_bucket(&bucket);
}

// ---- Settings.

static const struct {
    const char *url;
    const char *endpoint; // NULL: the server's
    enum err want;
} addresses[] = {
    {"s3://bucket", NULL, ERR_OK},
    {"s3://bucket/", NULL, ERR_OK},
    {"s3://bucket/a/B-c_d.e/", NULL, ERR_OK},
    {"s3://b.ck-3t", NULL, ERR_OK},
    {"", NULL, ERR_INVALID},
    {"s3://", NULL, ERR_INVALID},
    {"s3:///prefix", NULL, ERR_INVALID},
    {"s3://ab", NULL, ERR_INVALID},
    {"s3://Bucket", NULL, ERR_INVALID},
    {"s3://bucket/../other", NULL, ERR_INVALID},
    {"s3://bucket//a", NULL, ERR_INVALID},
    {"s3://bucket/a b", NULL, ERR_INVALID},
    {"s3://bucket/a?b", NULL, ERR_INVALID},
    {"https://bucket.s3.amazonaws.com", NULL, ERR_INVALID},
    {"s3://bucket", "http://user:secret@127.0.0.1:1", ERR_INVALID},
    {"s3://bucket", "http://127.0.0.1:1/a?b", ERR_INVALID},
};

static void test_addresses(void **state)
{
    (void)state;
    static const struct fake_route routes[] = {
        {"GET ", {{.status = 404, .body = NO_SUCH("Key")}}},
    };
    struct fake_server *server = fake_server_open(routes, COUNT_OF(routes));
    for (size_t i = 0; i < COUNT_OF(addresses); i++) {
        struct fixture fixture;
        struct error err;
        setup(&fixture, no_answers);
        struct files_s3_settings settings = settings_of(server);
        settings.url = addresses[i].url;
        if (addresses[i].endpoint != NULL)
            settings.endpoint = addresses[i].endpoint;
        if (files_use_s3(fixture.files, &settings, &err) != addresses[i].want)
            fail_msg("%s, %s: %s", settings.url, settings.endpoint, err.message);
        teardown(&fixture);
    }
    fake_server_close(server);
}

static const struct {
    struct fake_answer answer;
    enum err want;
} trials[] = {
    {{.status = 404, .body = NO_SUCH("Key")}, ERR_OK},
    {{.status = 404, .body = NO_SUCH("Bucket")}, ERR_NOT_FOUND},
    {{.status = 403, .body = REFUSED("AccessDenied")}, ERR_OK},
    {{.status = 403, .body = REFUSED("InvalidAccessKeyId")}, ERR_UNAUTHENTICATED},
    {{.status = 403, .body = REFUSED("SignatureDoesNotMatch")}, ERR_UNAUTHENTICATED},
    {{.status = 401}, ERR_UNAUTHENTICATED},
    {{.status = 404}, ERR_UPSTREAM},
    {{.status = 404, .body = "<html><h1>Not Found</h1></html>"}, ERR_UPSTREAM},
    {{.status = 200, .body = "<html>Welcome</html>"}, ERR_UPSTREAM},
    {{.status = 403, .body = REFUSED("RequestTimeTooSkewed")}, ERR_INVALID},
    {{.status = 301, .body = REFUSED("PermanentRedirect")}, ERR_INVALID},
    {{.status = 503, .body = REFUSED("SlowDown")}, ERR_OK},
    {{.end = FAKE_RESET}, ERR_OK},
};

static void test_trials(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(trials); i++) {
        const struct fake_route routes[] = {{"GET ", {trials[i].answer}}};
        struct fake_server *server = fake_server_open(routes, COUNT_OF(routes));
        struct fixture fixture;
        struct error err;
        setup(&fixture, no_answers);
        const struct files_s3_settings settings = settings_of(server);
        assert_int_equal(files_use_s3(fixture.files, &settings, &err), trials[i].want);
        teardown(&fixture);
        fake_server_close(server);
    }
}

static void test_no_key(void **state)
{
    (void)state;
    struct fixture fixture;
    struct error err;
    setup(&fixture, no_answers);
    struct files_s3_settings settings = {.url = "s3://bucket", .region = "x", .key_id = "k"};
    assert_int_equal(files_use_s3(fixture.files, &settings, &err), ERR_UNAUTHENTICATED);
    settings.url = "/var/files";
    assert_int_equal(files_use_s3(fixture.files, &settings, &err), ERR_INVALID);
    teardown(&fixture);
}

// A download that the bucket does not take now is not fetched once more.
static void test_kept_for_later(void **state)
{
    (void)state;
    static const struct raw_answer answers[] = {
        {.request = "GET /mesh ",
         .etag = "\"a-1\"",
         .body = STR_INIT("v 0 0 0\nv 1 0 0\nv 0 1 0\nf 1 2 3\n")},
        {0},
    };
    static const struct fake_route routes[] = {
        TRIAL,
        {"HEAD ", {{.status = 404}}},
        {"PUT ", {{.status = 503, .body = REFUSED("SlowDown")}, {.status = 200}}},
    };
    struct fake_server *server = fake_server_open(routes, COUNT_OF(routes));
    struct fixture fixture;
    struct wait wait;
    setup(&fixture, answers);
    const struct files_s3_settings settings = settings_of(server);
    assert_int_equal(files_use_s3(fixture.files, &settings, NULL), ERR_OK);
    fetch(&fixture, "mesh", MODEL_FILE_OBJ, &wait);
    assert_int_equal(wait.fetch.error.code, ERR_UNAVAILABLE);
    assert_census(fixture.dir, 0, 1);
    fetch(&fixture, "mesh", MODEL_FILE_OBJ, &wait);
    assert_int_equal(wait.fetch.error.code, ERR_OK);
    assert_census(fixture.dir, 0, 0);
    raw_pause(&fixture.server);
    assert_non_null(strstr(fixture.server.request, "Range: bytes=31-\r\n"));
    raw_start(&fixture.server);
    teardown(&fixture);
    fake_server_close(server);
}

// ---- Closing ends what is on its way and what waits for its turn.

#define MANY 50

struct many {
    pthread_mutex_t mutex;
    size_t ended;
};

static void many_done(struct files_remove *remove)
{
    struct many *many = remove->ctx;
    mutex_lock(&many->mutex);
    many->ended++;
    mutex_unlock(&many->mutex);
}

static void test_close(void **state)
{
    (void)state;
    static const struct fake_route routes[] = {TRIAL, {"DELETE ", {{.end = FAKE_SILENT}}}};
    struct many many = {.mutex = PTHREAD_MUTEX_INITIALIZER};
    struct files_remove removes[MANY];
    struct bucket bucket;
    open_bucket(&bucket, routes, COUNT_OF(routes));
    for (size_t i = 0; i < MANY; i++) {
        removes[i] = (struct files_remove){
            .sha256 = str_of(bucket.content.sha256),
            .done = many_done,
            .ctx = &many,
        };
        files_remove_start(bucket.base.files, &removes[i]);
    }
    fake_server_wait(bucket.server, "DELETE ", 8);
    http_client_close(TAKE_PTR(bucket.base.http));
    assert_int_equal(many.ended, MANY);
    for (size_t i = 0; i < MANY; i++)
        assert_int_equal(removes[i].error.code, ERR_UNAVAILABLE);
    // Who comes later, from a thread of the pool, is told so at once.
    assert_int_equal(put_content(&bucket.content, &bucket.base), ERR_UNAVAILABLE);
    close_bucket(&bucket);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_whole),     cmocka_unit_test(test_there_already),
        cmocka_unit_test(test_parts),     cmocka_unit_test(test_parts_fail),
        cmocka_unit_test(test_put_fails), cmocka_unit_test(test_get),
        cmocka_unit_test(test_remove),    cmocka_unit_test(test_locate),
        cmocka_unit_test(test_addresses), cmocka_unit_test(test_trials),
        cmocka_unit_test(test_no_key),    cmocka_unit_test(test_kept_for_later),
        cmocka_unit_test(test_close),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
