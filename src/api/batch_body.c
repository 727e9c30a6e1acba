// Reads batches item by item, so that a mistake in one harms no other.
#include "api/batch_body.h"

#include "json/json_read.h"
#include "json/json_write.h"

#define MISTAKES_MAX 16384
#define ORDERS       "orders"

static const struct field batch_fields[] = {
    {FIELD_AS_OPT_I64(struct batch_body, company_id), .min = 1, .max = 9007199254740991.0},
    {FIELD_AS_OPT_I64(struct batch_body, creator_id), .min = 1, .max = 9007199254740991.0},
};

static const struct field_table batch_fields_table =
    FIELD_TABLE("batch", batch_fields, struct batch_body);

static struct str mistakes_of(const struct error *err, struct arena *arena)
{
    struct buf text;
    buf_init_arena(&text, arena, MISTAKES_MAX);
    json_write_places(&text, err);
    check(!text.overflow);
    return buf_str(&text);
}

void batch_item_refuse(struct batch_body *body, size_t index, struct arena *arena,
                       const char *pointer, const char *detail)
{
    struct error err;
    error_reset(&err);
    (void)error_place(&err, arena_printf(arena, "/" ORDERS "/%zu%s", index, pointer), "%s", detail);
    body->items[index].mistakes = mistakes_of(&err, arena);
}

static void read_item(const struct json_value *value, size_t index, struct arena *arena,
                      struct batch_body *body)
{
    struct batch_item_body *item = &body->items[index].body;
    struct json_decoding how = {
        .flags = JSON_NEW,
        .prefix = arena_printf(arena, "/" ORDERS "/%zu", index).ptr,
        .arena = arena,
    };
    struct error err;
    error_reset(&err);
    enum err code = json_decode(batch_item_table(), value, &how, item, &err);
    if (!item->project.company_id.set)
        item->project.company_id = body->company_id;
    if (!item->project.creator_id.set)
        item->project.creator_id = body->creator_id;
    if (item->reference.ptr != NULL && item->reference.len == 0)
        (void)error_place(&err, arena_printf(arena, "%s/reference", how.prefix),
                          "must be text of 1 to %d bytes", ORDER_REFERENCE_MAX);
    if (json_is_object(value))
        code = project_body_finish(&item->project, &how, &err);
    if (code != ERR_OK || err.place_count > 0)
        body->items[index].mistakes = mistakes_of(&err, arena);
}

enum err batch_body_read(struct str text, struct arena *arena, struct batch_body *body,
                         struct error *err)
{
    CLEANUP(json_doc_free_ptr) struct json_doc *doc = NULL;
    struct json_decoding how = {.flags = JSON_NEW, .aside = ORDERS, .arena = arena};
    TRY(json_parse(text, &doc, err));
    TRY(json_decode(&batch_fields_table, json_root(doc), &how, body, err));
    const struct json_value *orders = json_member(json_root(doc), ORDERS);
    body->count = json_length(orders);
    if (body->count == 0 || body->count > BATCH_ITEMS_MAX)
        return error_place(err, STR("/" ORDERS), "must be a list of 1 to %d project requests",
                           BATCH_ITEMS_MAX);
    body->items = arena_new(arena, struct batch_item, body->count);
    for (size_t i = 0; i < body->count; i++)
        read_item(json_element(orders, i), i, arena, body);
    return ERR_OK;
}

size_t batch_body_wrong(const struct batch_body *body)
{
    size_t wrong = 0;
    for (size_t i = 0; i < body->count; i++)
        wrong += body->items[i].mistakes.ptr != NULL;
    return wrong;
}
