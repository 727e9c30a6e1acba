// JSON of files and manifests.
#include "mesh/mesh_json.h"

#include "json/json_write.h"

void mesh_json_next(struct buf *json)
{
    if (json->len > 0 && json->ptr[json->len - 1] != '[')
        buf_append_char(json, ',');
}

void mesh_json_begin(struct buf *json, const char *name, char bracket)
{
    json_write_name(json, name);
    buf_append_char(json, bracket);
}

void mesh_json_item(struct buf *json)
{
    mesh_json_next(json);
    buf_append_char(json, '{');
}

void mesh_json_end(struct buf *json, char bracket)
{
    buf_append_char(json, bracket);
}

void mesh_json_text(struct buf *json, const char *name, struct str value)
{
    json_write_name(json, name);
    json_write_str(json, value);
}

void mesh_json_number(struct buf *json, const char *name, double value)
{
    json_write_name(json, name);
    json_write_f64(json, value);
}

void mesh_json_true(struct buf *json, const char *name)
{
    json_write_name(json, name);
    BUF_LITERAL(json, "true");
}

void mesh_json_numbers(struct buf *json, const char *name, const double *values, size_t count)
{
    mesh_json_begin(json, name, '[');
    for (size_t i = 0; i < count; i++) {
        mesh_json_next(json);
        json_write_f64(json, values[i]);
    }
    mesh_json_end(json, ']');
}
