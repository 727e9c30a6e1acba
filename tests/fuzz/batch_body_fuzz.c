// Reads any bytes as the body of a batch: what is taken keeps to the bounds, and an item is either
// in order or says what is wrong with it.
#include "fuzz/fuzz.h"

#include "api/batch_body.h"
#include "json/json_read.h"

static void check_item(const struct batch_item *item)
{
    const struct str *reference = &item->body.reference;
    struct json_doc *doc = NULL;
    if (item->mistakes.ptr != NULL) {
        check(item->mistakes.len > 2 && json_parse(item->mistakes, &doc, NULL) == ERR_OK);
        json_doc_free(doc);
        return;
    }
    check(reference->ptr == NULL || (reference->len > 0 && reference->len <= ORDER_REFERENCE_MAX));
    check(item->body.project.lead_id.set || item->body.project.company_id.set);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena *arena = arena_open(0);
    struct batch_body body = {0};
    struct error err;
    error_reset(&err);
    if (batch_body_read((struct str){(const char *)data, size}, arena, &body, &err) == ERR_OK) {
        check(body.count >= 1 && body.count <= BATCH_ITEMS_MAX);
        check(batch_body_wrong(&body) <= body.count);
        for (size_t i = 0; i < body.count; i++)
            check_item(&body.items[i]);
        batch_item_refuse(&body, 0, arena, "/lead_id", "is not known");
        check(batch_body_wrong(&body) >= 1);
    }
    arena_close(arena);
    return 0;
}
