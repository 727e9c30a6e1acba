// Fuzzes the decoders of LightFusion's answers: whatever comes, results are in range and fit to be
// kept.
#include "fuzz/fuzz.h"

#include <math.h>
#include <string.h>

#include "base/arena.h"
#include "json/json_read.h"
#include "upstream/wire.h"

static void check_json(struct str text)
{
    if (text.ptr == NULL)
        return;
    struct json_doc *doc CLEANUP(json_doc_free_ptr) = NULL;
    check(json_parse(text, &doc, NULL) == ERR_OK);
}

static void check_id(struct opt_i64 id)
{
    check(!id.set || id.value > 0);
}

static void check_number(struct opt_f64 number)
{
    check(!number.set || isfinite(number.value));
}

static void check_figures(const struct project_figures *figures)
{
    check_number(figures->system_size);
    check_number(figures->annual_production);
    check_number(figures->estimated_cost);
    check_number(figures->annual_savings);
    check(!figures->panel_count.set || figures->panel_count.value >= 0);
}

static void fuzz_login(struct str text, struct arena *arena)
{
    struct wire_login login;
    if (!wire_read_login(text, arena, &login))
        return;
    check(wire_is_token(login.token));
    check_id(login.company_id);
}

static void fuzz_create(struct str text, struct arena *arena)
{
    struct lf_create create = {.call.arena = arena};
    if (!wire_read_create(text, &create))
        return;
    check(create.project_id > 0);
    check_id(create.house_id);
    check_figures(&create.figures);
    check_json(create.details.adders);
    check_json(create.details.panel);
}

static void fuzz_complete(struct str text, struct arena *arena)
{
    struct lf_complete complete = {.call.arena = arena};
    if (!wire_read_complete(text, &complete))
        return;
    struct opt_i64 progress = complete.reading.progress;
    check(!progress.set || (progress.value >= 0 && progress.value <= 100));
    check_figures(&complete.reading.figures);
    check_id(complete.lead_id);
    check_id(complete.lead_own_id);
    check_id(complete.build_id);
    check_number(complete.latitude);
    check_json(complete.lead_completion);
}

static void fuzz_details(struct str text, struct arena *arena)
{
    struct lf_details details = {.call.arena = arena};
    if (wire_read_adders(text, &details)) {
        check_json(details.panel);
        check_json(details.inverter);
        check_json(details.storage);
        check_json(details.adders);
    }
    if (wire_read_prices(text, &details)) {
        check_number(details.total_amount);
        check_json(details.price_breakdown);
    }
}

static void fuzz_leads(struct str text, struct arena *arena)
{
    struct wire_leads page;
    if (!wire_read_leads(text, arena, &page))
        return;
    for (size_t i = 0; i < page.count; i++) {
        check_id(page.leads[i].id);
        check_number(page.leads[i].latitude);
        check_number(page.leads[i].longitude);
    }
}

static void fuzz_words(struct str text, struct arena *arena)
{
    struct str found = wire_find_words(text, arena);
    check(found.ptr == NULL || (found.len > 0 && found.len <= WIRE_WORDS_READ_MAX));
    struct str words = wire_cut_words(wire_clean_words(text, arena));
    check(words.len <= WIRE_WORDS_MAX && str_is_utf8(words));
    for (size_t i = 0; i < words.len; i++)
        check((unsigned char)words.ptr[i] >= ' ' && words.ptr[i] != 0x7f);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str text = {.ptr = (const char *)data, .len = size};
    struct arena *arena CLEANUP(arena_close_ptr) = arena_open(0);
    fuzz_login(text, arena);
    fuzz_create(text, arena);
    fuzz_complete(text, arena);
    fuzz_details(text, arena);
    fuzz_leads(text, arena);
    fuzz_words(text, arena);
    return 0;
}
