// Owns LightFusion's member names.
#include "upstream/wire.h"

#include <math.h>
#include <string.h>

#include "base/buf.h"
#include "base/clock.h"
#include "json/json_read.h"
#include "json/json_write.h"

#define BODY_MAX        (64u * 1024u)
#define WORDS_DEPTH_MAX 3

static void write_member_str(struct buf *buf, const char *name, struct str text)
{
    json_write_name(buf, name);
    json_write_str(buf, text.ptr == NULL ? STR("") : text);
}

static void write_member_i64(struct buf *buf, const char *name, int64_t value)
{
    json_write_name(buf, name);
    number_append_i64(buf, value);
}

static void write_member_f64(struct buf *buf, const char *name, double value)
{
    json_write_name(buf, name);
    number_append_f64(buf, value);
}

static void write_member_opt(struct buf *buf, const char *name, struct opt_i64 value)
{
    if (value.set)
        write_member_i64(buf, name, value.value);
}

static struct str finish(struct buf *buf)
{
    check(!buf->overflow); // requests are bounded where they come in
    return buf_str(buf);
}

struct str wire_write_login(const char *email, const char *password, struct arena *arena)
{
    struct buf buf;
    buf_init_arena(&buf, arena, BODY_MAX);
    buf_append_char(&buf, '{');
    write_member_str(&buf, "contact", str_of(email));
    write_member_str(&buf, "password", str_of(password));
    buf_append_char(&buf, '}');
    return finish(&buf);
}

static void write_address(struct buf *buf, const struct project_address *address)
{
    json_write_name(buf, "address");
    buf_append_char(buf, '{');
    write_member_str(buf, "street", address->street);
    write_member_str(buf, "city", address->city);
    write_member_str(buf, "state", address->state);
    write_member_str(buf, "postalCode", address->postal_code);
    write_member_str(buf, "country", address->country);
    buf_append_char(buf, '}');
}

static void write_homeowner(struct buf *buf, const struct project_homeowner *homeowner)
{
    json_write_name(buf, "homeowner");
    buf_append_char(buf, '{');
    write_member_str(buf, "email", homeowner->email);
    write_member_str(buf, "firstname", homeowner->first_name);
    write_member_str(buf, "lastname", homeowner->last_name);
    write_member_str(buf, "phone", homeowner->phone);
    buf_append_char(buf, '}');
}

static void write_hardware(struct buf *buf, const struct project_hardware *hardware)
{
    json_write_name(buf, "hardware");
    buf_append_char(buf, '{');
    write_member_opt(buf, "panel_id", hardware->panel_id);
    write_member_opt(buf, "inverter_id", hardware->inverter_id);
    write_member_opt(buf, "storage_id", hardware->storage_id);
    write_member_opt(buf, "storage_quantity", hardware->storage_quantity);
    buf_append_char(buf, '}');
}

static void write_consumption(struct buf *buf, const double months[PROJECT_MONTHS])
{
    json_write_name(buf, "consumption");
    for (size_t i = 0; i < PROJECT_MONTHS; i++) {
        buf_append_char(buf, i == 0 ? '[' : ',');
        number_append_f64(buf, round(months[i]));
    }
    buf_append_char(buf, ']');
}

struct str wire_write_create(const struct project_request *request, struct arena *arena)
{
    check(request->latitude.set && request->longitude.set);
    struct buf buf;
    buf_init_arena(&buf, arena, BODY_MAX);
    buf_append_char(&buf, '{');
    write_member_f64(&buf, "latitude", request->latitude.value);
    write_member_f64(&buf, "longitude", request->longitude.value);
    write_address(&buf, &request->address);
    write_homeowner(&buf, &request->homeowner);
    write_hardware(&buf, &request->hardware);
    write_consumption(&buf, request->consumption);
    write_member_opt(&buf, "lseId", request->lse_id);
    write_member_str(&buf, "period", request->period == PROJECT_YEAR ? STR("year") : STR("month"));
    write_member_opt(&buf, "targetSolarOffset", request->target_solar_offset);
    if (request->mode.ptr != NULL)
        write_member_str(&buf, "mode", request->mode);
    write_member_str(&buf, "unit", request->unit.ptr == NULL ? STR("kwh") : request->unit);
    buf_append_char(&buf, '}');
    return finish(&buf);
}

struct str wire_write_adders(int64_t project_id, struct arena *arena)
{
    struct buf buf;
    buf_init_arena(&buf, arena, BODY_MAX);
    buf_append_char(&buf, '{');
    write_member_i64(&buf, "project_id", project_id);
    buf_append_char(&buf, '}');
    return finish(&buf);
}

struct str wire_write_prices(int64_t project_id, int64_t house_id, struct arena *arena)
{
    struct buf buf;
    buf_init_arena(&buf, arena, BODY_MAX);
    buf_append_char(&buf, '{');
    write_member_i64(&buf, "project_id", project_id);
    write_member_i64(&buf, "house_id", house_id);
    buf_append_char(&buf, '}');
    return finish(&buf);
}

// NULL if the text is no JSON object.
static struct json_doc *read_object(struct str text)
{
    struct json_doc *doc = NULL;
    if (text.len == 0 || json_parse(text, &doc, NULL) != ERR_OK)
        return NULL;
    if (json_is_object(json_root(doc)))
        return doc;
    json_doc_free(doc);
    return NULL;
}

static struct opt_f64 number_of(const struct json_value *object, const char *name)
{
    return json_number(json_member(object, name));
}

static struct opt_i64 integer_of(const struct json_value *object, const char *name)
{
    return json_i64(json_member(object, name));
}

// LightFusion's numbers of things start at 1. A larger one than can be stored is none.
static struct opt_i64 id_of(const struct json_value *object, const char *name)
{
    struct opt_i64 id = integer_of(object, name);
    return id.set && id.value > 0 && id.value <= LIGHTFUSION_ID_MAX ? id : (struct opt_i64){0};
}

// The whole part of a number from min to max, cut to them.
static struct opt_i64 whole_of(const struct json_value *object, const char *name, double min,
                               double max)
{
    struct opt_f64 number = number_of(object, name);
    if (!number.set)
        return (struct opt_i64){0};
    return OPT_I64((int64_t)fmin(fmax(number.value, min), max));
}

static struct str raw_of(const struct json_value *object, const char *name, struct arena *arena)
{
    const struct json_value *value = json_member(object, name);
    return value == NULL || json_is_null(value) ? STR_NULL : json_dump(value, arena);
}

bool wire_is_token(struct str text)
{
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] <= ' ' || text.ptr[i] > '~')
            return false;
    }
    return text.len > 0 && text.len <= WIRE_TOKEN_MAX;
}

bool wire_read_login(struct str text, struct arena *arena, struct wire_login *ret_login)
{
    struct json_doc *doc CLEANUP(json_doc_free_ptr) = read_object(text);
    const struct json_value *root = doc == NULL ? NULL : json_root(doc);
    struct str token = json_text(json_member(root, "token"));
    if (!wire_is_token(token))
        return false;
    ret_login->token = arena_str(arena, token);
    ret_login->company_id = id_of(json_member(root, "company"), "id");
    return true;
}

// What a create tells of adders is the whole answer of ListProjectAdders, or only the adders.
static struct project_details read_hardware(const struct json_value *root, struct arena *arena)
{
    const struct json_value *whole = json_member(root, "adders");
    if (json_member(whole, "adders") == NULL)
        return (struct project_details){.adders = raw_of(root, "adders", arena)};
    return (struct project_details){
        .panel = raw_of(whole, "panel", arena),
        .inverter = raw_of(whole, "inverter", arena),
        .storage = raw_of(whole, "storage", arena),
        .adders = raw_of(whole, "adders", arena),
    };
}

bool wire_read_create(struct str text, struct lf_create *create)
{
    struct json_doc *doc CLEANUP(json_doc_free_ptr) = read_object(text);
    if (doc == NULL)
        return false;
    const struct json_value *root = json_root(doc);
    struct opt_i64 id = id_of(root, "id");
    if (!id.set)
        return false;
    create->project_id = id.value;
    create->house_id = id_of(root, "lead_id");
    create->figures = (struct project_figures){
        .system_size = number_of(root, "system_size"),
        .panel_count = whole_of(root, "panel_count", 0, INT32_MAX),
        .annual_production = number_of(root, "annual_production"),
        .estimated_cost = number_of(root, "estimated_cost"),
        .annual_savings = number_of(root, "annual_savings"),
    };
    create->details = read_hardware(root, create->call.arena);
    return true;
}

bool wire_read_complete(struct str text, struct lf_complete *complete)
{
    struct json_doc *doc CLEANUP(json_doc_free_ptr) = read_object(text);
    const struct json_value *lead = doc == NULL ? NULL : json_member(json_root(doc), "lead");
    if (!json_is_object(lead))
        return false;
    const struct json_value *build = json_member(lead, "build");
    const struct json_value *house = json_member(lead, "house");
    const struct json_value *production = json_member(lead, "production");
    complete->reading = (struct project_reading){
        .known = true,
        .state = integer_of(lead, "state"),
        .progress = whole_of(build, "progress", 0, 100),
        .figures =
            {
                .system_size = number_of(house, "system_size"),
                .panel_count = whole_of(house, "panel_count", 0, INT32_MAX),
                .annual_production = number_of(production, "annual"),
            },
    };
    complete->lead_id = id_of(lead, "lead_id");
    complete->lead_own_id = id_of(lead, "id");
    complete->build_id = id_of(build, "id");
    complete->latitude = number_of(lead, "latitude");
    complete->longitude = number_of(lead, "longitude");
    complete->lead_completion = json_dump(lead, complete->call.arena);
    return true;
}

bool wire_read_adders(struct str text, struct lf_details *details)
{
    struct json_doc *doc CLEANUP(json_doc_free_ptr) = read_object(text);
    if (doc == NULL)
        return false;
    const struct json_value *root = json_root(doc);
    struct arena *arena = details->call.arena;
    details->panel = raw_of(root, "panel", arena);
    details->inverter = raw_of(root, "inverter", arena);
    details->storage = raw_of(root, "storage", arena);
    details->adders = raw_of(root, "adders", arena);
    return true;
}

bool wire_read_prices(struct str text, struct lf_details *details)
{
    struct json_doc *doc CLEANUP(json_doc_free_ptr) = read_object(text);
    if (doc == NULL)
        return false;
    details->total_amount = number_of(json_root(doc), "total_amount");
    details->price_breakdown = json_dump(json_root(doc), details->call.arena);
    return true;
}

static void read_lead(const struct json_value *value, struct wire_lead *ret_lead)
{
    int64_t created_us;
    struct str created = json_text(json_member(value, "created_at"));
    ret_lead->id = id_of(value, "id");
    ret_lead->latitude = number_of(value, "latitude");
    ret_lead->longitude = number_of(value, "longitude");
    if (created.ptr != NULL && time_parse(created, &created_us) == ERR_OK)
        ret_lead->created_us = OPT_I64(created_us);
}

bool wire_read_leads(struct str text, struct arena *arena, struct wire_leads *ret_leads)
{
    struct json_doc *doc CLEANUP(json_doc_free_ptr) = read_object(text);
    const struct json_value *list = doc == NULL ? NULL : json_member(json_root(doc), "leads");
    *ret_leads = (struct wire_leads){0};
    if (json_is_null(list))
        return true;
    if (!json_is_array(list))
        return false;
    ret_leads->count = json_length(list);
    ret_leads->leads = arena_new(arena, struct wire_lead, ret_leads->count);
    for (size_t i = 0; i < ret_leads->count; i++) {
        const struct json_value *value = json_element(list, i);
        if (!json_is_object(value))
            return false;
        read_lead(value, &ret_leads->leads[i]);
    }
    return true;
}

// The text that explains a failure: a string itself, or such a member of an object, down to a
// depth. Null if there is none.
static struct str find_words(const struct json_value *value, int depth)
{
    static const char *const names[] = {"error", "message", "detail"};
    struct str text = json_text(value);
    if (text.len > 0 || !json_is_object(value) || depth == 0)
        return text;
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        text = find_words(json_member(value, names[i]), depth - 1);
        if (text.len > 0)
            return text;
    }
    return STR_NULL;
}

struct str wire_find_words(struct str text, struct arena *arena)
{
    struct json_doc *doc CLEANUP(json_doc_free_ptr) = read_object(text);
    struct str words = doc == NULL ? STR_NULL : find_words(json_root(doc), WORDS_DEPTH_MAX);
    words = words.len == 0 ? STR_NULL : wire_clean_words(words, arena);
    return words.len == 0 ? STR_NULL : words;
}

static bool is_control(struct str character)
{
    unsigned char first = (unsigned char)character.ptr[0];
    if (character.len == 2) // C1: U+0080 to U+009F
        return first == 0xc2 && (unsigned char)character.ptr[1] < 0xa0;
    return character.len == 1 && (first < 0x20 || first == 0x7f);
}

static bool parts_words(struct str character)
{
    char first = character.ptr[0];
    return first == '\n' || first == '\r' || first == '\t';
}

struct str wire_clean_words(struct str text, struct arena *arena)
{
    struct buf buf;
    buf_init_arena(&buf, arena, WIRE_WORDS_READ_MAX);
    struct str rest = text;
    while (rest.len > 0 && !buf.overflow) {
        size_t len = str_utf8_width(rest, 0);
        struct str character = str_slice(rest, 0, len == 0 ? 1 : len);
        if (len > 0 && !is_control(character))
            buf_append_str(&buf, character);
        else if (parts_words(character) && buf.len > 0 && buf.ptr[buf.len - 1] != ' ')
            buf_append_char(&buf, ' ');
        rest = str_slice(rest, character.len, rest.len);
    }
    return str_trim(buf_str(&buf));
}

struct str wire_cut_words(struct str text)
{
    return str_trim(str_cut(text, WIRE_WORDS_MAX));
}
