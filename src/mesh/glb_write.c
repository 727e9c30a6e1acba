// Laying out a GLB file: views and accessors, then the JSON that tells of them, then both in one.
#include "mesh/glb.h"

#include <endian.h>
#include <meshoptimizer.h>

#include "json/json_write.h"
#include "mesh/glb_stream.h"
#include "mesh/mesh_json.h"

#define STREAMS_MAX 3 // of a part: positions, one more attribute, indices
#define ALIGNMENT   4
#define JSON_MAX    ((size_t)16 << 20)
#define BYTES_MAX   ((size_t)2 << 30)

// A run of the binary chunk.
struct view {
    size_t offset;
    size_t bytes;
    size_t raw_offset; // in the buffer that a reader decodes into
    bool is_image;
    struct glb_stream stream; // its bytes are gone
};

struct part {
    size_t first_view;
    size_t view_count; // the last one has the indices
    struct glb_grid uv_grid;
};

struct glb {
    const struct mesh_model *model;
    const struct glb_settings *settings;
    struct arena *arena;
    struct buf bytes;
    struct buf json;
    size_t raw_bytes;
    struct view *views;
    size_t view_count;
    struct part *parts; // of the model's parts
    struct glb_grid grid;
    uint32_t *image_of; // of the settings' textures; GLB_NO_TEXTURE: not used
    size_t image_count;
    bool is_unlit; // whether some material is
    bool has_texture;
};

// ---- The binary chunk.

static void align(struct buf *buf, char with)
{
    while (buf->len % ALIGNMENT != 0 && !buf->overflow)
        buf_append_char(buf, with);
}

static struct view *begin_view(struct glb *glb)
{
    align(&glb->bytes, 0);
    struct view *view = &glb->views[glb->view_count++];
    *view = (struct view){.offset = glb->bytes.len, .raw_offset = glb->raw_bytes};
    return view;
}

static void compress(struct glb *glb, const struct glb_stream *stream,
                     const struct mesh_piece *piece)
{
    bool are_indices = stream->attribute == NULL;
    size_t bound = are_indices ? meshopt_encodeIndexBufferBound(stream->count, piece->vertex_count)
                               : meshopt_encodeVertexBufferBound(stream->count, stream->stride);
    unsigned char *into = (unsigned char *)buf_grow(&glb->bytes, bound);
    if (into == NULL)
        return;
    size_t size =
        are_indices
            ? meshopt_encodeIndexBuffer(into, bound, piece->indices, stream->count)
            : meshopt_encodeVertexBuffer(into, bound, stream->bytes, stream->count, stream->stride);
    check(size > 0);
    glb->bytes.len += size;
}

static void add_stream(struct glb *glb, const struct glb_stream *stream,
                       const struct mesh_piece *piece)
{
    struct view *view = begin_view(glb);
    size_t raw_bytes = stream->count * stream->stride;
    if (glb->settings->is_compressed)
        compress(glb, stream, piece);
    else
        buf_append(&glb->bytes, stream->bytes, raw_bytes);
    view->bytes = glb->bytes.len - view->offset;
    view->stream = *stream;
    view->stream.bytes = NULL;
    glb->raw_bytes += (raw_bytes + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
}

static void add_part(struct glb *glb, size_t index)
{
    CLEANUP(arena_close_ptr) struct arena *scratch = arena_open(0);
    const struct mesh_model *model = glb->model;
    const struct mesh_part *from = &model->parts[index];
    struct part *part = &glb->parts[index];
    bool small = glb->settings->is_compressed;
    struct mesh_piece piece;
    mesh_piece_make(model, from, !small, scratch, &piece);
    part->first_view = glb->view_count;
    struct glb_stream stream = glb_stream_positions(&piece, small ? &glb->grid : NULL, scratch);
    add_stream(glb, &stream, &piece);
    enum mesh_skin skin = model->skins[from->material];
    if (skin == MESH_TEXTURED) {
        part->uv_grid = glb_grid_of_uvs(&piece);
        stream = glb_stream_uvs(&piece, small ? &part->uv_grid : NULL, scratch);
        add_stream(glb, &stream, &piece);
    } else if (skin == MESH_COLOURED) {
        stream = glb_stream_colours(&piece, scratch);
        add_stream(glb, &stream, &piece);
    } else if (model->has_normals) {
        stream = glb_stream_normals(&piece, small, scratch);
        add_stream(glb, &stream, &piece);
    }
    stream = glb_stream_indices(&piece, scratch);
    add_stream(glb, &stream, &piece);
    part->view_count = glb->view_count - part->first_view;
    glb->is_unlit = glb->is_unlit || skin != MESH_PLAIN;
}

static void add_image(struct glb *glb, uint32_t texture)
{
    if (glb->image_of[texture] != GLB_NO_TEXTURE)
        return;
    struct view *view = begin_view(glb);
    view->is_image = true;
    buf_append_str(&glb->bytes, glb->settings->textures[texture]);
    view->bytes = glb->bytes.len - view->offset;
    glb->image_of[texture] = (uint32_t)glb->image_count++;
}

// ---- The JSON chunk.

static void write_asset(struct glb *glb)
{
    struct buf *json = &glb->json;
    mesh_json_begin(json, "asset", '{');
    mesh_json_text(json, "version", STR("2.0"));
    mesh_json_text(json, "generator",
                   arena_printf(glb->arena, "sunlead %.*s", STR_ARG(glb->settings->version)));
    mesh_json_end(json, '}');
}

static void write_extension_names(struct glb *glb, const char *name, bool required_only)
{
    bool small = glb->settings->is_compressed;
    const struct {
        const char *name;
        bool is_used;
        bool is_required;
    } extensions[] = {
        {"EXT_meshopt_compression", small, true},
        {"KHR_mesh_quantization", small, true},
        {"KHR_texture_transform", small && glb->has_texture, false},
        {"KHR_materials_unlit", glb->is_unlit, false},
    };
    struct buf *json = &glb->json;
    size_t start = json->len;
    mesh_json_begin(json, name, '[');
    bool any = false;
    for (size_t i = 0; i < COUNT_OF(extensions); i++) {
        if (!extensions[i].is_used || (required_only && !extensions[i].is_required))
            continue;
        mesh_json_next(json);
        json_write_str(json, str_of(extensions[i].name));
        any = true;
    }
    mesh_json_end(json, ']');
    if (!any)
        json->len = start; // glTF knows no empty arrays
}

static void write_scene(struct glb *glb)
{
    struct buf *json = &glb->json;
    mesh_json_number(json, "scene", 0);
    BUF_LITERAL(json, ",\"scenes\":[{\"nodes\":[0]}],\"nodes\":[{\"mesh\":0");
    if (glb->settings->is_compressed) {
        mesh_json_numbers(json, "translation", glb->grid.offset, 3);
        mesh_json_numbers(json, "scale", glb->grid.scale, 3);
    }
    BUF_LITERAL(json, "}]");
}

static void write_primitive(struct glb *glb, size_t index)
{
    struct buf *json = &glb->json;
    const struct part *part = &glb->parts[index];
    size_t indices = part->first_view + part->view_count - 1;
    mesh_json_item(json);
    mesh_json_begin(json, "attributes", '{');
    // Accessors have the numbers of their views: images come behind them.
    for (size_t v = part->first_view; v < indices; v++)
        mesh_json_number(json, glb->views[v].stream.attribute, (double)v);
    mesh_json_end(json, '}');
    mesh_json_number(json, "indices", (double)indices);
    mesh_json_number(json, "material", (double)index);
    mesh_json_end(json, '}');
}

static void write_meshes(struct glb *glb)
{
    struct buf *json = &glb->json;
    mesh_json_begin(json, "meshes", '[');
    mesh_json_item(json);
    mesh_json_begin(json, "primitives", '[');
    for (size_t i = 0; i < glb->model->part_count; i++)
        write_primitive(glb, i);
    mesh_json_end(json, ']');
    mesh_json_end(json, '}');
    mesh_json_end(json, ']');
}

static void write_texture_info(struct glb *glb, const struct part *part, uint32_t image)
{
    struct buf *json = &glb->json;
    mesh_json_begin(json, "baseColorTexture", '{');
    mesh_json_number(json, "index", image);
    if (glb->settings->is_compressed) {
        mesh_json_begin(json, "extensions", '{');
        mesh_json_begin(json, "KHR_texture_transform", '{');
        mesh_json_numbers(json, "offset", part->uv_grid.offset, 2);
        mesh_json_numbers(json, "scale", part->uv_grid.scale, 2);
        mesh_json_end(json, '}');
        mesh_json_end(json, '}');
    }
    mesh_json_end(json, '}');
}

static void write_material(struct glb *glb, size_t index)
{
    struct buf *json = &glb->json;
    const struct mesh_model *model = glb->model;
    uint32_t number_of = model->parts[index].material;
    const struct mesh_material *material = &model->materials[number_of];
    enum mesh_skin skin = model->skins[number_of];
    // What is in a texture or in the vertices is not coloured twice.
    const double white[3] = {1, 1, 1};
    const double kd[3] = {(double)material->diffuse.x, (double)material->diffuse.y,
                          (double)material->diffuse.z};
    const double *share = skin == MESH_PLAIN ? kd : white;
    double colour[4] = {glb_srgb_to_linear(share[0]), glb_srgb_to_linear(share[1]),
                        glb_srgb_to_linear(share[2]), 1 - (double)material->transparency};
    mesh_json_item(json);
    if (material->name.len > 0)
        mesh_json_text(json, "name", material->name);
    mesh_json_begin(json, "pbrMetallicRoughness", '{');
    if (skin == MESH_TEXTURED)
        write_texture_info(glb, &glb->parts[index],
                           glb->image_of[glb->settings->texture_of[number_of]]);
    mesh_json_numbers(json, "baseColorFactor", colour, 4);
    mesh_json_number(json, "metallicFactor", 0);
    mesh_json_number(json, "roughnessFactor", 1);
    mesh_json_end(json, '}');
    if (material->transparency > 0)
        mesh_json_text(json, "alphaMode", STR("BLEND"));
    mesh_json_true(json, "doubleSided");
    if (skin != MESH_PLAIN)
        BUF_LITERAL(json, ",\"extensions\":{\"KHR_materials_unlit\":{}}");
    mesh_json_end(json, '}');
}

static void write_materials(struct glb *glb)
{
    struct buf *json = &glb->json;
    mesh_json_begin(json, "materials", '[');
    for (size_t i = 0; i < glb->model->part_count; i++)
        write_material(glb, i);
    mesh_json_end(json, ']');
    if (glb->image_count == 0)
        return;
    // Linear filters, with smaller images in the distance; what is outside of 0 to 1 repeats.
    BUF_LITERAL(json, ",\"samplers\":[{\"magFilter\":9729,\"minFilter\":9987}]");
    mesh_json_begin(json, "textures", '[');
    for (size_t i = 0; i < glb->image_count; i++) {
        mesh_json_item(json);
        mesh_json_number(json, "sampler", 0);
        mesh_json_number(json, "source", (double)i);
        mesh_json_end(json, '}');
    }
    mesh_json_end(json, ']');
    mesh_json_begin(json, "images", '[');
    for (size_t i = 0; i < glb->view_count; i++) {
        if (!glb->views[i].is_image)
            continue;
        mesh_json_item(json);
        mesh_json_number(json, "bufferView", (double)i);
        mesh_json_text(json, "mimeType", STR("image/jpeg"));
        mesh_json_end(json, '}');
    }
    mesh_json_end(json, ']');
}

static void write_accessors(struct glb *glb)
{
    static const char *const types[] = {"", "SCALAR", "VEC2", "VEC3", "VEC4"};
    struct buf *json = &glb->json;
    mesh_json_begin(json, "accessors", '[');
    for (size_t i = 0; i < glb->view_count && !glb->views[i].is_image; i++) {
        const struct glb_stream *stream = &glb->views[i].stream;
        mesh_json_item(json);
        mesh_json_number(json, "bufferView", (double)i);
        mesh_json_number(json, "componentType", stream->type);
        if (stream->is_normalized)
            mesh_json_true(json, "normalized");
        mesh_json_number(json, "count", (double)stream->count);
        mesh_json_text(json, "type", str_of(types[stream->components]));
        if (stream->attribute != NULL && strcmp(stream->attribute, "POSITION") == 0) {
            mesh_json_numbers(json, "min", stream->min, 3);
            mesh_json_numbers(json, "max", stream->max, 3);
        }
        mesh_json_end(json, '}');
    }
    mesh_json_end(json, ']');
}

static void write_compressed_view(struct glb *glb, const struct view *view)
{
    struct buf *json = &glb->json;
    const struct glb_stream *stream = &view->stream;
    mesh_json_begin(json, "extensions", '{');
    mesh_json_begin(json, "EXT_meshopt_compression", '{');
    mesh_json_number(json, "buffer", 0);
    mesh_json_number(json, "byteOffset", (double)view->offset);
    mesh_json_number(json, "byteLength", (double)view->bytes);
    mesh_json_number(json, "byteStride", stream->stride);
    mesh_json_number(json, "count", (double)stream->count);
    mesh_json_text(json, "mode", str_of(stream->attribute == NULL ? "TRIANGLES" : "ATTRIBUTES"));
    mesh_json_end(json, '}');
    mesh_json_end(json, '}');
}

static void write_views(struct glb *glb)
{
    enum { ARRAY_BUFFER = 34962, ELEMENT_ARRAY_BUFFER = 34963 };
    struct buf *json = &glb->json;
    mesh_json_begin(json, "bufferViews", '[');
    for (size_t i = 0; i < glb->view_count; i++) {
        const struct view *view = &glb->views[i];
        const struct glb_stream *stream = &view->stream;
        bool small = glb->settings->is_compressed && !view->is_image;
        mesh_json_item(json);
        mesh_json_number(json, "buffer", small ? 1 : 0);
        mesh_json_number(json, "byteOffset", (double)(small ? view->raw_offset : view->offset));
        mesh_json_number(json, "byteLength",
                         (double)(small ? stream->count * stream->stride : view->bytes));
        if (!view->is_image) {
            bool are_indices = stream->attribute == NULL;
            if (!are_indices)
                mesh_json_number(json, "byteStride", stream->stride);
            mesh_json_number(json, "target", are_indices ? ELEMENT_ARRAY_BUFFER : ARRAY_BUFFER);
        }
        if (small)
            write_compressed_view(glb, view);
        mesh_json_end(json, '}');
    }
    mesh_json_end(json, ']');
    mesh_json_begin(json, "buffers", '[');
    mesh_json_item(json);
    mesh_json_number(json, "byteLength", (double)glb->bytes.len);
    mesh_json_end(json, '}');
    if (glb->settings->is_compressed) {
        mesh_json_item(json);
        mesh_json_number(json, "byteLength", (double)glb->raw_bytes);
        BUF_LITERAL(json, ",\"extensions\":{\"EXT_meshopt_compression\":{\"fallback\":true}}");
        mesh_json_end(json, '}');
    }
    mesh_json_end(json, ']');
}

static void write_json(struct glb *glb)
{
    buf_append_char(&glb->json, '{');
    write_asset(glb);
    write_extension_names(glb, "extensionsUsed", false);
    write_extension_names(glb, "extensionsRequired", true);
    write_scene(glb);
    write_meshes(glb);
    write_materials(glb);
    write_accessors(glb);
    write_views(glb);
    buf_append_char(&glb->json, '}');
}

// ---- The file.

static void append_u32(struct buf *buf, size_t value)
{
    uint32_t little = htole32((uint32_t)value);
    buf_append(buf, &little, sizeof(little));
}

static void append_chunk(struct buf *buf, const char type[static 4], const struct buf *chunk)
{
    append_u32(buf, chunk->len);
    buf_append(buf, type, 4);
    buf_append(buf, chunk->ptr, chunk->len);
}

enum err glb_write(struct buf *buf, const struct mesh_model *model,
                   const struct glb_settings *settings, struct error *err)
{
    CLEANUP(arena_close_ptr) struct arena *arena = arena_open(0);
    struct glb glb = {.model = model, .settings = settings, .arena = arena};
    buf_init(&glb.bytes, buf->max < BYTES_MAX ? buf->max : BYTES_MAX);
    buf_init_arena(&glb.json, arena, JSON_MAX);
    glb.grid = glb_grid_of_model(model);
    glb.views =
        arena_new(arena, struct view, model->part_count * STREAMS_MAX + settings->texture_count);
    glb.parts = arena_new(arena, struct part, model->part_count);
    glb.image_of = arena_new(arena, uint32_t, settings->texture_count);
    for (size_t i = 0; i < settings->texture_count; i++)
        glb.image_of[i] = GLB_NO_TEXTURE;
    for (size_t i = 0; i < model->part_count; i++)
        add_part(&glb, i);
    for (size_t i = 0; i < model->part_count; i++) {
        uint32_t material = model->parts[i].material;
        if (model->skins[material] == MESH_TEXTURED)
            add_image(&glb, settings->texture_of[material]);
    }
    glb.has_texture = glb.image_count > 0;
    align(&glb.bytes, 0);
    write_json(&glb);
    align(&glb.json, ' ');
    BUF_LITERAL(buf, "glTF");
    append_u32(buf, 2);
    append_u32(buf, 12 + 8 + glb.json.len + 8 + glb.bytes.len);
    append_chunk(buf, "JSON", &glb.json);
    append_chunk(buf, "BIN\0", &glb.bytes);
    bool failed = buf->overflow || glb.json.overflow || glb.bytes.overflow;
    buf_done(&glb.bytes);
    if (failed)
        return error_set(err, ERR_TOO_LARGE, "The model is too large for one file");
    return ERR_OK;
}
