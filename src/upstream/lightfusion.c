// Owns the client's life and the calls that concern one project.
#include "upstream/lightfusion.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/pace.h"
#include "base/thread.h"
#include "upstream/dispatch.h"
#include "upstream/redact.h"
#include "upstream/wire.h"

#define CREATE_MS        120000
#define CALL_MS          30000
#define ANSWER_MAX       (1024u * 1024u)
#define CONCURRENCY      8
#define BREAKER_FAILURES 5
#define BREAKER_OPEN_MS  30000

static struct lf_create *create_of(struct lf_call *call)
{
    return CONTAINER_OF(call, struct lf_create, call);
}

static bool create_take(struct lf_call *call)
{
    return wire_read_create(call->http.answer, create_of(call));
}

static bool create_still_wanted(struct http_call *http)
{
    struct lf_create *create = create_of(CONTAINER_OF(http, struct lf_call, http));
    return create->still_wanted == NULL || create->still_wanted(create);
}

static const struct lf_kind create_kind = {
    .name = "POST /v1/lead/create",
    .exchange = EXCHANGE_CREATE,
    .class = LF_CLASS_CREATE,
    .method = "POST",
    .paid = true,
    .total_ms = CREATE_MS,
    .answer_max_bytes = ANSWER_MAX,
    .take = create_take,
};

static const char *url_of(const struct lightfusion *lf, struct arena *arena, const char *path)
{
    return arena_printf(arena, "%s%s", lf->api, path).ptr;
}

void lightfusion_create(struct lightfusion *lf, struct lf_create *create)
{
    struct arena *arena = create->call.arena;
    create->project_id = 0;
    create->house_id = (struct opt_i64){0};
    create->figures = (struct project_figures){0};
    create->details = (struct project_details){0};
    create->call.http = (struct http_call){
        .arena = arena,
        .url = url_of(lf, arena, "/v1/lead/create"),
        .body = wire_write_create(create->request, arena),
        .still_wanted = create_still_wanted,
    };
    lf_call_start(lf, &create->call, &create_kind);
}

static bool complete_take(struct lf_call *call)
{
    return wire_read_complete(call->http.answer, CONTAINER_OF(call, struct lf_complete, call));
}

static const struct lf_kind complete_kind = {
    .name = "POST /v1/leads/{id}/complete",
    .exchange = EXCHANGE_COMPLETE,
    .class = LF_CLASS_POLL,
    .method = "POST",
    .total_ms = CALL_MS,
    .answer_max_bytes = ANSWER_MAX,
    .take = complete_take,
};

void lightfusion_complete(struct lightfusion *lf, struct lf_complete *complete)
{
    struct arena *arena = complete->call.arena;
    complete->reading = (struct project_reading){0};
    complete->lead_id = complete->lead_own_id = complete->build_id = (struct opt_i64){0};
    complete->latitude = complete->longitude = (struct opt_f64){0};
    complete->lead_completion = STR_NULL;
    complete->call.http = (struct http_call){
        .arena = arena,
        .url = arena_printf(arena, "%s/v1/leads/%" PRId64 "/complete", lf->api, complete->house_id)
                   .ptr,
    };
    lf_call_start(lf, &complete->call, &complete_kind);
}

static struct lf_details *details_of(struct lf_call *call)
{
    return CONTAINER_OF(call, struct lf_details, call);
}

static bool details_take(struct lf_call *call)
{
    struct lf_details *details = details_of(call);
    if (details->prices_asked)
        return wire_read_prices(call->http.answer, details);
    if (!wire_read_adders(call->http.answer, details))
        return false;
    details->prices_asked = true;
    lf_call_again(call, url_of(call->lf, call->arena, "/v3/adders.GetPriceBreakdown"),
                  wire_write_prices(details->project_id, details->house_id, call->arena));
    return true;
}

// The prices may be missing.
static void details_end(struct lf_call *call)
{
    if (!details_of(call)->prices_asked || call->outcome == LF_OK)
        return;
    call->outcome = LF_OK;
    call->failure = FAILURE_NONE;
    call->words = STR_NULL;
}

static const struct lf_kind details_kind = {
    .name = "POST /v3/adders.*",
    .exchange = EXCHANGE_DETAILS,
    .class = LF_CLASS_POLL,
    .method = "POST",
    .total_ms = CALL_MS,
    .answer_max_bytes = ANSWER_MAX,
    .take = details_take,
    .end = details_end,
};

void lightfusion_details(struct lightfusion *lf, struct lf_details *details)
{
    struct arena *arena = details->call.arena;
    details->panel = details->inverter = details->storage = STR_NULL;
    details->adders = details->price_breakdown = STR_NULL;
    details->total_amount = (struct opt_f64){0};
    details->prices_asked = false;
    details->call.http = (struct http_call){
        .arena = arena,
        .url = url_of(lf, arena, "/v3/adders.ListProjectAdders"),
        .body = wire_write_adders(details->project_id, arena),
    };
    lf_call_start(lf, &details->call, &details_kind);
}

struct exchange lightfusion_exchange(struct lf_call *call, const struct str *hide,
                                     size_t hide_count)
{
    static const enum exchange_outcome outcomes[] = {
        [LF_OK] = EXCHANGE_OK,           [LF_NOT_SENT] = EXCHANGE_NOT_SENT,
        [LF_REFUSED] = EXCHANGE_REFUSED, [LF_NOT_FOUND] = EXCHANGE_NOT_FOUND,
        [LF_UNCLEAR] = EXCHANGE_UNCLEAR,
    };
    const struct http_call *http = &call->http;
    struct str answer = http->fate == HTTP_ANSWERED ? http->answer : call->words;
    if (!call->said)
        return (struct exchange){0};
    if (call->gist.ptr != NULL)
        answer = call->gist;
    answer = session_hide(&call->lf->session, str_cut(answer, REDACT_READ_MAX), call->arena);
    return (struct exchange){
        .call = call->kind->exchange,
        .outcome = outcomes[call->outcome],
        .times = 1,
        .status = {.value = call->status, .set = call->status > 0},
        .duration_ms = call->duration_us / US_PER_MS,
        .request = redact_body(http->body, hide, hide_count, call->arena),
        .answer = redact_body(answer, hide, hide_count, call->arena),
    };
}

enum lf_health lightfusion_health(struct lightfusion *lf, struct arena *arena,
                                  struct str *ret_words)
{
    mutex_lock(&lf->report.mutex);
    enum lf_health health = lf->report.health;
    *ret_words = health == LF_HEALTH_DOWN ? arena_str(arena, str_of(lf->report.words)) : STR_NULL;
    mutex_unlock(&lf->report.mutex);
    return health;
}

struct str lightfusion_file_url(const struct lightfusion *lf, struct arena *arena,
                                int64_t project_id, const char *kind)
{
    return arena_printf(arena, "%s/leads/%" PRId64 "/mesh/scene.%s", lf->storage, project_id, kind);
}

// An http or https address with a host and without credentials, query or anything that cannot stand
// in an address.
static bool is_address(struct str address)
{
    struct str rest = STR_NULL;
    if (str_starts(address, STR("http://")))
        rest = str_slice(address, 7, address.len);
    else if (str_starts(address, STR("https://")))
        rest = str_slice(address, 8, address.len);
    if (rest.len == 0 || rest.ptr[0] == '/' || rest.len > 1000)
        return false;
    for (size_t i = 0; i < rest.len; i++) {
        if (rest.ptr[i] <= ' ' || rest.ptr[i] > '~' || strchr("@?#\"<>\\^`{|}", rest.ptr[i]))
            return false;
    }
    return true;
}

static enum err set_address(const char *what, const char *setting, struct arena *arena,
                            const char **ret_address, struct error *err)
{
    struct str address = str_of(setting);
    while (address.len > 0 && address.ptr[address.len - 1] == '/')
        address.len--;
    if (!is_address(address))
        return error_set(err, ERR_INVALID,
                         "%s must be an http or https address such as https://example.com/api",
                         what);
    *ret_address = arena_str(arena, address).ptr;
    return ERR_OK;
}

static enum err set_up(struct lightfusion *lf, const struct lightfusion_settings *settings,
                       struct error *err)
{
    TRY(set_address("LIGHTFUSION_API", settings->api, lf->arena, &lf->api, err));
    TRY(set_address("LIGHTFUSION_STORAGE", settings->storage, lf->arena, &lf->storage, err));
    struct str api_key = str_of(settings->api_key);
    if (api_key.len > 0 && !wire_is_token(api_key))
        return error_set(err, ERR_INVALID,
                         "LIGHTFUSION_API_KEY holds characters that cannot stand in a header");
    unsigned failures = settings->breaker_failures;
    unsigned open_ms = settings->breaker_open_ms;
    lf->clock = settings->clock == NULL ? clock_system() : settings->clock;
    lf->pace = settings->pace;
    turns_init(&lf->turns, settings->concurrency == 0 ? CONCURRENCY : settings->concurrency);
    limiter_init(&lf->limiter, settings->calls_per_minute);
    breaker_init(&lf->breaker, failures == 0 ? BREAKER_FAILURES : failures,
                 pace_us(settings->pace, (open_ms == 0 ? BREAKER_OPEN_MS : open_ms) * US_PER_MS));
    session_init(&lf->session, url_of(lf, lf->arena, "/v1/users/sessions"), settings->email,
                 settings->password, settings->api_key);
    return ERR_OK;
}

static void lightfusion_free(struct lightfusion *lf)
{
    pthread_mutex_destroy(&lf->inbox.mutex);
    pthread_mutex_destroy(&lf->report.mutex);
    arena_close(lf->arena);
    free(lf);
}

enum err lightfusion_open(const struct lightfusion_settings *settings, struct http_client *http,
                          struct lightfusion **ret_lf, struct error *err)
{
    struct lightfusion *lf = calloc(1, sizeof(*lf));
    check(lf != NULL);
    check(pthread_mutex_init(&lf->inbox.mutex, NULL) == 0);
    check(pthread_mutex_init(&lf->report.mutex, NULL) == 0);
    lf->arena = arena_open(0);
    lf->http = http;
    enum err set = set_up(lf, settings, err);
    if (set != ERR_OK) {
        lightfusion_free(lf);
        return set;
    }
    lf_dispatch_init(lf);
    *ret_lf = lf;
    return ERR_OK;
}

void lightfusion_close(struct lightfusion *lf)
{
    if (lf == NULL)
        return;
    check(lf->closing && lf->turns.busy == 0 && lf_dispatch_is_empty(lf));
    session_done(&lf->session);
    lightfusion_free(lf);
}
