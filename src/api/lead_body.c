// Joins the tables of request bodies and works out what a table cannot say.
#include "api/lead_body.h"

#include <pthread.h>

#include "domain/order.h"

// The body's own bound is enough; the parts are bounded when they are decoded.
#define ADDRESS_JSON_MAX (1u << 20)
#define ID_BOUNDS        .min = 1, .max = 9007199254740991.0

static const struct field lead_extras[] = {
    {FIELD_AS_BOOL(struct lead_body, create_3d_model)},
};

static const struct field lead_address = {
    FIELD_AS_RAW(struct lead_body, address_json, ADDRESS_JSON_MAX)};

static const struct field project_extras[] = {
    {FIELD_AS_OPT_I64(struct project_body, lead_id), ID_BOUNDS},
    {FIELD_AS_OPT_I64(struct project_body, company_id), ID_BOUNDS},
    {FIELD_AS_OPT_I64(struct project_body, creator_id), ID_BOUNDS},
    {FIELD_AS_BOOL(struct project_body, force)},
};

static const struct field project_address = {
    FIELD_AS_RAW(struct project_body, address_json, ADDRESS_JSON_MAX)};

static const struct field batch_extras[] = {
    {FIELD_AS_STR(struct batch_item_body, reference, ORDER_REFERENCE_MAX)},
};

// A table put together once.
struct joined {
    struct field fields[FIELD_TABLE_MAX];
    struct field_table table;
};

static struct joined lead_create;
static struct joined lead_change;
static struct joined project;
static struct joined batch_item;

static void join_start(struct joined *joined, const char *what, size_t size)
{
    joined->table = (struct field_table){.what = what, .fields = joined->fields, .size = size};
}

// Adds fields whose struct stands at base in the joined one.
static void join(struct joined *joined, const struct field *fields, size_t count, size_t base)
{
    for (size_t i = 0; i < count; i++) {
        check(joined->table.count < FIELD_TABLE_MAX);
        struct field *field = &joined->fields[joined->table.count++];
        *field = fields[i];
        field->offset += base;
    }
}

static void join_replace(struct joined *joined, const char *name, const struct field *field)
{
    int at = field_find(&joined->table, str_of(name));
    check(at >= 0);
    joined->fields[at] = *field;
    // The raw field is called after its struct member; its JSON name is the one it stands for.
    joined->fields[at].name = name;
}

static void join_drop(struct joined *joined, const char *name)
{
    int at = field_find(&joined->table, str_of(name));
    check(at >= 0);
    for (size_t i = (size_t)at; i + 1 < joined->table.count; i++)
        joined->fields[i] = joined->fields[i + 1];
    joined->table.count--;
}

static void join_all(void)
{
    join_start(&lead_change, "lead", sizeof(struct lead_body));
    join(&lead_change, lead_table.fields, lead_table.count, 0);
    join_replace(&lead_change, "address", &lead_address);
    join(&lead_change, outlook_table.fields, outlook_table.count,
         offsetof(struct lead_body, outlook));

    // The terms' own place and address are the lead's: they come last, to be dropped.
    lead_create = lead_change;
    lead_create.table.fields = lead_create.fields;
    join(&lead_create, lead_extras, COUNT_OF(lead_extras), 0);
    struct joined terms = {0};
    join_start(&terms, "terms", sizeof(struct project_request));
    join(&terms, project_request_table.fields, project_request_table.count, 0);
    join_drop(&terms, "latitude");
    join_drop(&terms, "longitude");
    join_drop(&terms, "address");
    join(&lead_create, terms.fields, terms.table.count, offsetof(struct lead_body, terms));

    join_start(&project, "project request", sizeof(struct project_body));
    join(&project, project_extras, COUNT_OF(project_extras), 0);
    join(&project, project_request_table.fields, project_request_table.count,
         offsetof(struct project_body, terms));
    join_replace(&project, "address", &project_address);

    join_start(&batch_item, "project request", sizeof(struct batch_item_body));
    join(&batch_item, project.fields, project.table.count, 0);
    join(&batch_item, batch_extras, COUNT_OF(batch_extras), 0);
}

static void join_once(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    check(pthread_once(&once, join_all) == 0);
}

const struct field_table *lead_create_table(void)
{
    join_once();
    return &lead_create.table;
}

const struct field_table *lead_change_table(void)
{
    join_once();
    return &lead_change.table;
}

const struct field_table *project_body_table(void)
{
    join_once();
    return &project.table;
}

const struct field_table *batch_item_table(void)
{
    join_once();
    return &batch_item.table;
}

// ---- What the tables cannot say.

// A place in the body, behind the prefix of what is decoded.
static struct str place_of(const struct json_decoding *how, const char *pointer)
{
    return arena_printf(how->arena, "%s%s", how->prefix == NULL ? "" : how->prefix, pointer);
}

// Reads an address as one line or as an object; *ret_line is null for the object, whose parts are
// in *ret_address.
static enum err read_address(struct str json, const struct json_decoding *body,
                             struct str *ret_line, struct project_address *ret_address,
                             struct error *err)
{
    struct arena *arena = body->arena;
    struct str place = place_of(body, "/address");
    *ret_line = STR_NULL;
    *ret_address = (struct project_address){0};
    if (json.ptr == NULL)
        return ERR_OK;
    CLEANUP(json_doc_free_ptr) struct json_doc *doc = NULL;
    TRY(json_parse(json, &doc, err));
    const struct json_value *value = json_root(doc);
    if (json_is_object(value)) {
        struct json_decoding how = {.prefix = place.ptr, .arena = arena};
        return json_decode(&project_address_table, value, &how, ret_address, err);
    }
    if (!json_is_string(value))
        return error_place(err, place, "must be text or an object");
    struct str line = json_text(value);
    if (line.len > LEAD_ADDRESS_MAX)
        return error_place(err, place, "must be text of at most %d bytes", LEAD_ADDRESS_MAX);
    *ret_line = arena_str(arena, line);
    return ERR_OK;
}

static bool has_member(const struct field_table *table, uint64_t seen, struct str name)
{
    int at = field_find(table, name);
    return at >= 0 && (seen & (UINT64_C(1) << at)) != 0;
}

enum err lead_body_finish(struct lead_body *body, const struct json_decoding *how,
                          struct error *err)
{
    struct project_request *terms = &body->terms;
    TRY(read_address(body->address_json, how, &body->lead.address, &terms->address, err));
    if (body->lead.address.ptr == NULL)
        body->lead.address = project_address_join(&terms->address, how->arena);
    terms->has_consumption = has_member(lead_create_table(), how->seen, STR("consumption"));
    return ERR_OK;
}

static enum err require_without_lead(const struct project_body *body,
                                     const struct json_decoding *how, struct error *err)
{
    const struct {
        bool set;
        const char *pointer;
    } wanted[] = {
        {body->company_id.set, "/company_id"},
        {body->creator_id.set, "/creator_id"},
        {body->terms.latitude.set, "/latitude"},
        {body->terms.longitude.set, "/longitude"},
    };
    for (size_t i = 0; i < COUNT_OF(wanted); i++) {
        if (!wanted[i].set)
            (void)error_place(err, place_of(how, wanted[i].pointer), "is required without lead_id");
    }
    return err->code;
}

enum err project_body_finish(struct project_body *body, const struct json_decoding *how,
                             struct error *err)
{
    struct project_request *terms = &body->terms;
    struct str line;
    TRY(read_address(body->address_json, how, &line, &terms->address, err));
    if (line.len > 0)
        project_address_parse(line, STR_NULL, &terms->address);
    terms->has_consumption = has_member(project_body_table(), how->seen, STR("consumption"));
    if (err->code == ERR_OK && !body->lead_id.set)
        return require_without_lead(body, how, err);
    return err->code;
}

static double year_of(const double months[PROJECT_MONTHS])
{
    double sum = 0;
    for (int month = 0; month < PROJECT_MONTHS; month++)
        sum += months[month];
    return sum;
}

struct lead project_body_lead(const struct project_body *body, struct arena *arena, int64_t now_us)
{
    const struct project_request *terms = &body->terms;
    struct lead lead = {
        .company_id = body->company_id.value,
        .creator_id = body->creator_id.value,
        .latitude = terms->latitude.value,
        .longitude = terms->longitude.value,
        .address = project_address_join(&terms->address, arena),
        .source = LEAD_SOURCE_NONE,
        .panel_id = terms->hardware.panel_id,
        .inverter_id = terms->hardware.inverter_id,
        .utility_id = terms->lse_id,
        .created_at = OPT_I64(now_us),
        .updated_at = OPT_I64(now_us),
    };
    if (terms->has_consumption)
        lead.kwh_usage = OPT_F64(year_of(terms->consumption));
    return lead;
}
