// Owns the search for the house that a create of unknown fate may have made.
#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "upstream/dispatch.h"
#include "upstream/wire.h"

#define PAGE_LENGTH         100
#define ENTRIES_MAX         10000
#define PAGE_MAX_BYTES      (8u * 1024u * 1024u)
#define NEAR_M              5.0
#define CLOCK_DIFFERENCE_US (60 * US_PER_S)
#define EARTH_RADIUS_M      6371009.0

double lightfusion_distance_m(double latitude_a, double longitude_a, double latitude_b,
                              double longitude_b)
{
    const double radians = M_PI / 180.0;
    double up = sin((latitude_b - latitude_a) * radians / 2);
    double along = sin((longitude_b - longitude_a) * radians / 2);
    double a = up * up + cos(latitude_a * radians) * cos(latitude_b * radians) * along * along;
    return 2 * EARTH_RADIUS_M * asin(fmin(1.0, sqrt(a)));
}

static struct lf_find *find_of(struct lf_call *call)
{
    return CONTAINER_OF(call, struct lf_find, call);
}

static const char *page_url(const struct lightfusion *lf, const struct lf_find *find)
{
    return arena_printf(find->page, "%s/v1/leads?company_id=%" PRId64 "&limit=%d&offset=%" PRId64,
                        lf->api, find->company_id, PAGE_LENGTH, find->offset)
        .ptr;
}

static bool is_near(const struct lf_find *find, const struct wire_lead *lead)
{
    return lightfusion_distance_m(find->latitude, find->longitude, lead->latitude.value,
                                  lead->longitude.value) <= NEAR_M;
}

static bool is_known(const struct lf_find *find, int64_t house_id)
{
    for (size_t i = 0; i < find->count; i++) {
        if (find->candidates[i].house_id == house_id)
            return true;
    }
    return false;
}

// False if a lead may be the one but has no id, or is new and has no place yet: then the look-up
// tells nothing.
static bool take_lead(struct lf_find *find, const struct wire_lead *lead)
{
    bool placed = lead->latitude.set && lead->longitude.set;
    int64_t since_us = find->since_us - find->behind_us - CLOCK_DIFFERENCE_US;
    bool recent = !lead->created_us.set || lead->created_us.value >= since_us;
    if (recent && !placed && lead->created_us.set)
        return false;
    if (!recent || !placed || !is_near(find, lead))
        return true;
    if (!lead->id.set)
        return false;
    if (find->count == LF_CANDIDATES_MAX || is_known(find, lead->id.value))
        return true;
    find->candidates[find->count++] = (struct lf_candidate){
        .house_id = lead->id.value,
        .latitude = lead->latitude.value,
        .longitude = lead->longitude.value,
        .created_us = lead->created_us,
    };
    return true;
}

static bool find_prepare(struct lf_call *call)
{
    struct lf_find *find = find_of(call);
    struct opt_i64 company_id = call->lf->session.company_id;
    if (!company_id.set)
        return false;
    if (call->http.url == NULL) {
        find->company_id = company_id.value;
        call->http.url = page_url(call->lf, find);
    }
    return true;
}

// With a clock that is behind, a project that was just made looks older than the request for it.
// One that is ahead does no harm.
static void note_clock(const struct lf_call *call, struct lf_find *find)
{
    if (!call->http.date_us.set)
        return;
    int64_t behind_us = clock_now_us(call->lf->clock) - call->http.date_us.value;
    if (behind_us > find->behind_us)
        find->behind_us = behind_us;
}

// The list ends with an empty page. A page that begins like the one before comes from an
// installation that knows no pages: then that was all of it.
static bool find_take(struct lf_call *call)
{
    struct lf_find *find = find_of(call);
    struct wire_leads page;
    note_clock(call, find);
    if (!wire_read_leads(call->http.answer, find->page, &page))
        return false;
    if (page.count == 0)
        return true;
    struct opt_i64 first_id = page.leads[0].id;
    if (find->offset > 0 && first_id.set && find->first_id.set &&
        first_id.value == find->first_id.value)
        return true;
    for (size_t i = 0; i < page.count; i++) {
        if (!take_lead(find, &page.leads[i]))
            return false;
    }
    find->first_id = first_id;
    find->offset += (int64_t)page.count;
    if (find->offset > ENTRIES_MAX) {
        find->too_long = true;
        return true;
    }
    arena_reset(find->page); // the answer and the address in it have served
    lf_call_again(call, page_url(call->lf, find), STR_NULL);
    return true;
}

static void find_end(struct lf_call *call)
{
    struct lf_find *find = find_of(call);
    if (call->status == 405) // a route of that name, but not for this
        call->outcome = LF_NOT_FOUND;
    if (call->outcome == LF_OK && find->too_long) {
        call->outcome = LF_NOT_FOUND;
        call->words = STR("LightFusion's list of leads is too long to look through");
    }
    if (call->outcome == LF_NOT_FOUND)
        call->failure = FAILURE_UNAVAILABLE;
    // Other people's leads are in the answer.
    call->gist = call->words;
    if (call->outcome == LF_OK)
        call->gist = arena_printf(
            call->arena, "%" PRId64 " leads were looked through, %zu of them new and at the place.",
            find->offset, find->count);
    arena_close(find->page);
    find->page = NULL;
    call->http = (struct http_call){0};
}

static const struct lf_kind find_kind = {
    .name = "GET /v1/leads",
    .exchange = EXCHANGE_FIND,
    .class = LF_CLASS_LOOKUP,
    .method = "GET",
    .total_ms = 30000,
    .answer_max_bytes = PAGE_MAX_BYTES,
    .prepare = find_prepare,
    .take = find_take,
    .end = find_end,
};

void lightfusion_find(struct lightfusion *lf, struct lf_find *find)
{
    find->count = 0;
    find->behind_us = 0;
    find->offset = 0;
    find->first_id = (struct opt_i64){0};
    find->too_long = false;
    find->page = arena_open(64 * 1024);
    find->call.http = (struct http_call){.arena = find->page};
    lf_call_start(lf, &find->call, &find_kind);
}
