// A LightFusion client with a scripted server to talk to, for tests.
#ifndef SUNLEAD_TEST_LIGHTFUSION_FIXTURE_H
#define SUNLEAD_TEST_LIGHTFUSION_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/log.h"
#include "http/http_client.h"
#include "support/fake_server.h"
#include "support/waiter.h"
#include "upstream/lightfusion.h"

#define LOGIN    "POST /v1/users/sessions"
#define CREATE   "POST /v1/lead/create"
#define COMPLETE "POST /v1/leads/"
#define ADDERS   "POST /v3/adders.ListProjectAdders"
#define PRICES   "POST /v3/adders.GetPriceBreakdown"
#define LEADS    "GET /v1/leads?"
#define TOKEN    "secret-token-1"
#define PASSWORD "secret-password"

static const struct fake_route login_route = {
    LOGIN,
    {{.body = "{\"token\":\"" TOKEN "\",\"company\":{\"id\":7}}"},
     {.body = "{\"token\":\"secret-token-2\",\"company\":{\"id\":7}}"}}};

struct fixture {
    struct fake_server *server;
    struct http_client *http;
    struct lightfusion *lf;
    struct waiter *waiter;
    struct arena *arenas[1100]; // one for each call
    size_t arena_count;
};

// The login route comes before the given ones.
static inline void open_with(struct fixture *f, const struct fake_route *routes, size_t count,
                             struct lightfusion_settings settings)
{
    struct fake_route all[16] = {login_route};
    for (size_t i = 0; i < count; i++)
        all[i + 1] = routes[i];
    memset(f, 0, sizeof(*f));
    f->server = fake_server_open(all, count + 1);
    f->waiter = waiter_open();
    assert_int_equal(http_client_open("sunlead-test", 32, 32, &f->http, NULL), ERR_OK);
    settings.api = fake_server_url(f->server);
    settings.storage = "http://127.0.0.1:9/storage/";
    assert_int_equal(lightfusion_open(&settings, f->http, &f->lf, NULL), ERR_OK);
}

static inline struct lightfusion_settings with_login(void)
{
    return (struct lightfusion_settings){.email = "a@b.c", .password = PASSWORD};
}

static inline void open_fixture(struct fixture *f, const struct fake_route *routes, size_t count)
{
    open_with(f, routes, count, with_login());
}

static inline void close_fixture(struct fixture *f)
{
    http_client_close(f->http);
    lightfusion_close(f->lf);
    fake_server_close(f->server);
    waiter_close(f->waiter);
    while (f->arena_count > 0)
        arena_close(f->arenas[--f->arena_count]);
}

static inline void on_done(struct lf_call *call)
{
    waiter_add(call->ctx);
}

static inline struct lf_call new_call(struct fixture *f)
{
    check(f->arena_count < COUNT_OF(f->arenas));
    f->arenas[f->arena_count] = arena_open(0);
    return (struct lf_call){
        .arena = f->arenas[f->arena_count++], .done = on_done, .ctx = f->waiter};
}

static const struct project_request request = {
    .latitude = {37.7749, true},
    .longitude = {-122.4194, true},
    .unit = STR_INIT("kwh"),
};

static inline struct lf_create run_create(struct fixture *f)
{
    struct lf_create *create = malloc(sizeof(*create));
    check(create != NULL);
    *create = (struct lf_create){.call = new_call(f), .request = &request};
    size_t count = waiter_count(f->waiter);
    lightfusion_create(f->lf, create);
    waiter_wait(f->waiter, count + 1);
    struct lf_create result = *create;
    free(create);
    return result;
}

static inline struct lf_complete run_complete(struct fixture *f)
{
    struct lf_complete *complete = malloc(sizeof(*complete));
    check(complete != NULL);
    *complete = (struct lf_complete){.call = new_call(f), .house_id = 456};
    size_t count = waiter_count(f->waiter);
    lightfusion_complete(f->lf, complete);
    waiter_wait(f->waiter, count + 1);
    struct lf_complete result = *complete;
    free(complete);
    return result;
}

static inline struct lf_details run_details(struct fixture *f)
{
    struct lf_details *details = malloc(sizeof(*details));
    check(details != NULL);
    *details = (struct lf_details){.call = new_call(f), .project_id = 123, .house_id = 456};
    size_t count = waiter_count(f->waiter);
    lightfusion_details(f->lf, details);
    waiter_wait(f->waiter, count + 1);
    struct lf_details result = *details;
    free(details);
    return result;
}

static inline struct lf_find run_find(struct fixture *f)
{
    struct lf_find *find = malloc(sizeof(*find));
    check(find != NULL);
    *find = (struct lf_find){.call = new_call(f),
                             .latitude = 37.7749,
                             .longitude = -122.4194,
                             .since_us = 100 * US_PER_S};
    size_t count = waiter_count(f->waiter);
    lightfusion_find(f->lf, find);
    waiter_wait(f->waiter, count + 1);
    struct lf_find result = *find;
    free(find);
    return result;
}

static inline void assert_text(struct str text, const char *want)
{
    if (want == NULL) {
        assert_null(text.ptr);
        return;
    }
    if (text.ptr == NULL || text.len != strlen(want) || memcmp(text.ptr, want, text.len) != 0)
        print_error("got  %.*s\nwant %s\n", STR_ARG(text), want);
    assert_true(str_equal(text, str_of(want)));
}

static inline void start_completes(struct fixture *f, struct lf_complete *completes, size_t count)
{
    for (size_t i = 0; i < count; i++)
        completes[i] = (struct lf_complete){.call = new_call(f), .house_id = (int64_t)i + 1};
    for (size_t i = 0; i < count; i++)
        lightfusion_complete(f->lf, &completes[i]);
}

#endif
