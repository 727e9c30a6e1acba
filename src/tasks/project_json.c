// Requests and details to JSON text and back.
#include "tasks/project_json.h"

#include "json/json_read.h"
#include "json/json_write.h"

static struct str object_text(const struct field_table *table, const void *object,
                              struct arena *arena)
{
    struct buf text;
    buf_init_arena(&text, arena, PROJECT_DETAILS_MAX);
    json_write_object(&text, table, object);
    return text.overflow ? STR_NULL : buf_str(&text);
}

static enum err object_read(const struct field_table *table, struct str text, struct arena *arena,
                            void *object, struct error *err)
{
    struct json_decoding how = {.arena = arena};
    CLEANUP(json_doc_free_ptr) struct json_doc *doc = NULL;
    if (json_parse(text, &doc, err) != ERR_OK ||
        json_decode(table, json_root(doc), &how, object, err) != ERR_OK) {
        error_cause(err, "stored %s", table->what);
        return error_set(err, ERR_CORRUPT, "a stored %s cannot be read", table->what);
    }
    return ERR_OK;
}

struct str project_request_text(const struct project_request *request, struct arena *arena)
{
    return object_text(&project_request_table, request, arena);
}

enum err project_request_read(struct str text, struct arena *arena,
                              struct project_request *ret_request, struct error *err)
{
    *ret_request = (struct project_request){.has_consumption = true};
    return object_read(&project_request_table, text, arena, ret_request, err);
}

struct str project_details_text(const struct project_details *details, struct arena *arena)
{
    return object_text(&project_details_table, details, arena);
}

enum err project_details_read(struct str text, struct arena *arena,
                              struct project_details *ret_details, struct error *err)
{
    *ret_details = (struct project_details){0};
    if (text.len == 0)
        return ERR_OK;
    return object_read(&project_details_table, text, arena, ret_details, err);
}
