// Tests of http/http_client.h: bodies that are read from files, and signed calls.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/arena.h"
#include "http/http_client.h"
#include "support/fake_server.h"
#include "support/waiter.h"

struct fixture {
    struct http_client *client;
    struct fake_server *server;
    struct waiter *waiter;
    struct arena *arena; // calls follow one another
};

static void open_fixture(struct fixture *f, const struct fake_route *routes, size_t count)
{
    f->server = fake_server_open(routes, count);
    f->waiter = waiter_open();
    f->arena = arena_open(0);
    assert_int_equal(http_client_open("sunlead-test", 16, 16, &f->client, NULL), ERR_OK);
}

static void close_fixture(struct fixture *f)
{
    http_client_close(f->client);
    fake_server_close(f->server);
    waiter_close(f->waiter);
    arena_close(f->arena);
}

static void on_done(struct http_call *call)
{
    waiter_add(call->ctx);
}

static struct http_call new_call(struct fixture *f, const char *method, const char *path)
{
    return (struct http_call){
        .arena = f->arena,
        .method = method,
        .url = arena_printf(f->arena, "%s%s", fake_server_url(f->server), path).ptr,
        .done = on_done,
        .ctx = f->waiter,
    };
}

static void run_call(struct fixture *f, struct http_call *call)
{
    size_t count = waiter_count(f->waiter);
    http_client_call(f->client, call);
    waiter_wait(f->waiter, count + 1);
}

static int make_body(const char *text)
{
    int fd = memfd_create("body", MFD_CLOEXEC);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), strlen(text));
    return fd;
}

// A piece of a file is sent, and sent again from its start where the connection had gone.
static void test_file_body(void **state)
{
    (void)state;
    static const struct fake_route routes[] = {
        {"PUT ", {{.status = 200, .end = FAKE_CLOSE_SOON}, {.status = 200}}},
    };
    struct fixture f;
    open_fixture(&f, routes, 1);
    int fd = make_body("0123456789");
    const struct http_file_body body = {.fd = fd, .offset = 2, .len = 5};
    for (size_t i = 0; i < 2; i++) {
        struct http_call call = new_call(&f, "PUT", "/x");
        call.file_body = &body;
        call.is_read = true;
        run_call(&f, &call);
        assert_int_equal(call.fate, HTTP_ANSWERED);
        assert_int_equal(call.status, 200);
        const char *request = fake_server_request(f.server, i);
        assert_non_null(strstr(request, "Content-Length: 5\r\n"));
        assert_non_null(strstr(request, "\r\n\r\n23456"));
    }
    close(fd);
    close_fixture(&f);
}

// A file that has become shorter does not make a request that hangs.
static void test_file_body_too_short(void **state)
{
    (void)state;
    static const struct fake_route routes[] = {{"PUT ", {{.status = 200}}}};
    struct fixture f;
    open_fixture(&f, routes, 1);
    int fd = make_body("012");
    const struct http_file_body body = {.fd = fd, .len = 5};
    struct http_call call = new_call(&f, "PUT", "/x");
    call.file_body = &body;
    run_call(&f, &call);
    assert_int_equal(call.fate, HTTP_BROKEN);
    assert_string_equal(call.detail, "the body cannot be read: it has become shorter");
    close(fd);
    close_fixture(&f);
}

// What is signed is sent, and no more is signed than that. (The signature itself is checked by
// tests/service/test_s3.py.)
static void test_signed(void **state)
{
    (void)state;
    static const char *const methods[] = {"GET", "HEAD", "DELETE"};
    static const struct fake_route routes[] = {{"", {{.status = 200}}}};
    static const struct http_signer signer = {
        .scope = "aws:amz:eu-central-1:s3",
        .key_id = "the-key:1",
        .secret = "the:secret",
    };
    for (size_t i = 0; i < COUNT_OF(methods); i++) {
        struct fixture f;
        open_fixture(&f, routes, 1);
        struct http_call call = new_call(&f, methods[i], "/x?a=");
        call.signer = &signer;
        call.headers[0] = STR("x-amz-content-sha256: UNSIGNED-PAYLOAD");
        run_call(&f, &call);
        assert_int_equal(call.status, 200);
        const char *request = fake_server_request(f.server, 0);
        assert_non_null(strstr(request, "Authorization: AWS4-HMAC-SHA256 Credential=the-key:1/20"));
        assert_non_null(strstr(request, "/eu-central-1/s3/aws4_request"));
        assert_non_null(strstr(request, "SignedHeaders=host;x-amz-content-sha256;x-amz-date,"));
        assert_null(strstr(request, "the:secret"));
        close_fixture(&f);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_file_body),
        cmocka_unit_test(test_file_body_too_short),
        cmocka_unit_test(test_signed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
