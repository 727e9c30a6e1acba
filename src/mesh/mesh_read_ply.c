// Reading PLY, ascii and binary.
#include <endian.h>
#include <math.h>

#include "mesh/mesh_ply.h"
#include "mesh/mesh_polygon.h"

// From here on a float is too coarse: an origin is subtracted.
#define FAR_AWAY 1000.0

struct ply {
    struct str name; // of the file
    struct ply_header header;
    const struct mesh_limits *limits;
    struct mesh *mesh;
    uint64_t vertex_count; // as announced
    size_t element;        // that is read
    uint64_t entry;
    uint32_t face[MESH_FACE_CORNERS_MAX];
    struct mesh_vec3 outline[MESH_FACE_CORNERS_MAX];
    uint32_t cut[MESH_FACE_CORNERS_MAX][3];
};

static enum err broken(const struct ply *ply, const char *what, struct error *err)
{
    if (ply->header.format == PLY_ASCII)
        return error_set(err, ERR_CORRUPT, "%.*s, line %zu: %s", STR_ARG(ply->name),
                         ply->header.text.line, what);
    static const char *const kinds[] = {"entry", "vertex", "face"};
    const struct ply_element *element = &ply->header.elements[ply->element];
    return error_set(err, ERR_CORRUPT, "%.*s, %s %llu: %s", STR_ARG(ply->name),
                     kinds[element->kind], (unsigned long long)ply->entry, what);
}

// The bits of a binary number of so many bytes.
static uint64_t take_bits(struct ply *ply, unsigned size)
{
    struct mesh_text *text = &ply->header.text;
    const unsigned char *bytes = (const unsigned char *)text->at;
    uint64_t bits = 0;
    for (unsigned i = 0; i < size; i++) {
        unsigned from = ply->header.format == PLY_BIG_ENDIAN ? i : size - 1 - i;
        bits = bits << 8 | bytes[from];
    }
    text->at += size;
    return bits;
}

static double as_f32(uint32_t bits)
{
    float value;
    memcpy(&value, &bits, sizeof(value));
    return (double)value;
}

static double as_f64(uint64_t bits)
{
    double value;
    memcpy(&value, &bits, sizeof(value));
    return value;
}

static double value_of(enum ply_number type, uint64_t bits)
{
    switch (type) {
    case PLY_I8:
        return (int8_t)bits;
    case PLY_U8:
        return (uint8_t)bits;
    case PLY_I16:
        return (int16_t)bits;
    case PLY_U16:
        return (uint16_t)bits;
    case PLY_I32:
        return (int32_t)bits;
    case PLY_U32:
        return (uint32_t)bits;
    case PLY_F32:
        return as_f32((uint32_t)bits);
    case PLY_F64:
        return as_f64(bits);
    }
    check_failed("known type", __FILE__, __LINE__);
}

static enum err take_number(struct ply *ply, enum ply_number type, double *ret_value,
                            struct error *err)
{
    struct mesh_text *text = &ply->header.text;
    if (ply->header.format == PLY_ASCII) {
        if (!mesh_text_number(text, ret_value))
            return broken(ply, "not the numbers that the header announces", err);
        return ERR_OK;
    }
    unsigned size = ply_number_size(type);
    if ((size_t)(text->end - text->at) < size)
        return broken(ply, "the file ends here", err);
    *ret_value = value_of(type, take_bits(ply, size));
    return ERR_OK;
}

// A count or an index: a whole number from 0 to max.
static enum err take_whole(struct ply *ply, enum ply_number type, double max, uint32_t *ret_value,
                           struct error *err)
{
    double value;
    TRY(take_number(ply, type, &value, err));
    if (!(value >= 0 && value <= max) || value != floor(value))
        return broken(ply, "a number that cannot be right", err);
    *ret_value = (uint32_t)value;
    return ERR_OK;
}

static enum err skip_list(struct ply *ply, const struct ply_property *property, struct error *err)
{
    uint32_t length;
    double value;
    TRY(take_whole(ply, property->length_type, UINT32_MAX, &length, err));
    for (uint32_t i = 0; i < length; i++)
        TRY(take_number(ply, property->type, &value, err));
    return ERR_OK;
}

static uint8_t colour_of(const struct ply_property *property, double value)
{
    double level = property->type >= PLY_F32 ? value * 255 : value;
    if (property->type == PLY_U16)
        level = value / 257;
    return level >= 0 ? (uint8_t)(level >= 255 ? 255 : level + 0.5) : 0;
}

static enum err set_position(struct ply *ply, struct mesh_vertex *vertex, const double at[3],
                             struct error *err)
{
    double *origin = ply->mesh->origin;
    float position[3];
    for (int i = 0; i < 3; i++) {
        if (!(fabs(at[i]) <= MESH_COORDINATE_MAX))
            return broken(ply, "the vertex is nowhere, or too far away", err);
        if (ply->entry == 0 && fabs(at[i]) >= FAR_AWAY)
            origin[i] = rint(at[i]);
        position[i] = (float)(at[i] - origin[i]);
    }
    vertex->position = (struct mesh_vec3){position[0], position[1], position[2]};
    return ERR_OK;
}

static bool are_usable(const double *values, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (!(fabs(values[i]) <= MESH_COORDINATE_MAX))
            return false;
    }
    return true;
}

static enum err read_vertex(struct ply *ply, const struct ply_element *element, struct error *err)
{
    double values[PLY_MEANING_COUNT] = {0};
    struct mesh_vertex vertex = {0};
    uint8_t rgb[3] = {255, 255, 255};
    for (size_t i = 0; i < element->property_count; i++) {
        const struct ply_property *property = &ply->header.properties[element->first + i];
        if (property->is_list) {
            TRY(skip_list(ply, property, err));
            continue;
        }
        double *value = &values[property->meaning];
        TRY(take_number(ply, property->type, value, err));
        if (property->meaning >= PLY_RED && property->meaning <= PLY_BLUE)
            rgb[property->meaning - PLY_RED] = colour_of(property, *value);
    }
    TRY(set_position(ply, &vertex, &values[PLY_X], err));
    if (are_usable(&values[PLY_NX], 3))
        vertex.normal = mesh_vec3_unit((struct mesh_vec3){
            (float)values[PLY_NX], (float)values[PLY_NY], (float)values[PLY_NZ]});
    if (are_usable(&values[PLY_S], 2))
        vertex.uv = (struct mesh_uv){(float)values[PLY_S], (float)values[PLY_T]};
    vertex.colour = (struct mesh_rgb){rgb[0], rgb[1], rgb[2]};
    mesh_add_vertex(ply->mesh, &vertex);
    return ERR_OK;
}

static enum err add_triangle(struct ply *ply, uint32_t a, uint32_t b, uint32_t c, struct error *err)
{
    struct mesh *mesh = ply->mesh;
    if (a == b || b == c || c == a)
        return ERR_OK;
    if (mesh->triangle_count == ply->limits->triangles)
        return error_set(err, ERR_TOO_LARGE, "%.*s has more than %zu triangles", STR_ARG(ply->name),
                         ply->limits->triangles);
    if (mesh->triangle_count == mesh->triangle_cap)
        mesh_reserve(mesh, 0, mesh->triangle_cap * 2 + 16);
    mesh->triangles[mesh->triangle_count++] = (struct mesh_triangle){.vertex = {a, b, c}};
    return ERR_OK;
}

static enum err add_polygon(struct ply *ply, uint32_t count, struct error *err)
{
    // Faces may stand before the vertices: their outline is not known then.
    bool is_known = ply->mesh->vertex_count == ply->vertex_count;
    for (uint32_t i = 0; i < count; i++)
        ply->outline[i] =
            is_known ? ply->mesh->vertices[ply->face[i]].position : (struct mesh_vec3){0};
    mesh_polygon_cut(ply->outline, count, ply->cut);
    for (uint32_t i = 0; i + 2 < count; i++)
        TRY(add_triangle(ply, ply->face[ply->cut[i][0]], ply->face[ply->cut[i][1]],
                         ply->face[ply->cut[i][2]], err));
    return ERR_OK;
}

static enum err read_indices(struct ply *ply, const struct ply_property *property,
                             struct error *err)
{
    uint32_t count;
    TRY(take_whole(ply, property->length_type, UINT32_MAX, &count, err));
    if (count > MESH_FACE_CORNERS_MAX)
        return broken(ply, "the face has too many corners", err);
    for (uint32_t i = 0; i < count; i++) {
        TRY(take_whole(ply, property->type, UINT32_MAX, &ply->face[i], err));
        if (ply->face[i] >= ply->vertex_count)
            return error_set(err, ERR_CORRUPT, "%.*s, face %llu: there is no vertex %u",
                             STR_ARG(ply->name), (unsigned long long)ply->entry, ply->face[i]);
    }
    if (count == 3)
        return add_triangle(ply, ply->face[0], ply->face[1], ply->face[2], err);
    return count < 3 ? ERR_OK : add_polygon(ply, count, err);
}

static enum err read_other(struct ply *ply, const struct ply_element *element, struct error *err)
{
    for (size_t i = 0; i < element->property_count; i++) {
        const struct ply_property *property = &ply->header.properties[element->first + i];
        double value;
        if (property->meaning == PLY_INDICES)
            TRY(read_indices(ply, property, err));
        else if (property->is_list)
            TRY(skip_list(ply, property, err));
        else
            TRY(take_number(ply, property->type, &value, err));
    }
    return ERR_OK;
}

// Goes to the next line that holds something; an entry of an ascii file is a line.
static enum err start_entry(struct ply *ply, struct error *err)
{
    struct mesh_text *text = &ply->header.text;
    while (mesh_text_at_line_end(text)) {
        if (!mesh_text_next_line(text))
            return broken(ply, "the file ends here", err);
    }
    return ERR_OK;
}

static enum err read_element(struct ply *ply, const struct ply_element *element, struct error *err)
{
    // Without properties its lines are empty.
    uint64_t count = element->property_count > 0 ? element->count : 0;
    if (element->kind == PLY_VERTEX)
        mesh_reserve(ply->mesh, (size_t)count, 0);
    else if (element->kind == PLY_FACE)
        mesh_reserve(ply->mesh, 0, (size_t)count);
    for (ply->entry = 0; ply->entry < count; ply->entry++) {
        bool is_ascii = ply->header.format == PLY_ASCII;
        if (is_ascii)
            TRY(start_entry(ply, err));
        TRY(element->kind == PLY_VERTEX ? read_vertex(ply, element, err)
                                        : read_other(ply, element, err));
        if (is_ascii)
            (void)mesh_text_next_line(&ply->header.text);
    }
    return ERR_OK;
}

static bool has(const struct ply *ply, enum ply_meaning first, size_t count)
{
    size_t found = 0;
    for (size_t i = 0; i < ply->header.property_count; i++) {
        enum ply_meaning meaning = ply->header.properties[i].meaning;
        found += meaning >= first && meaning < first + count;
    }
    return found == count;
}

static enum err look_at_header(struct ply *ply, struct error *err)
{
    struct mesh *mesh = ply->mesh;
    for (size_t i = 0; i < ply->header.element_count; i++) {
        const struct ply_element *element = &ply->header.elements[i];
        bool is_vertex = element->kind == PLY_VERTEX;
        size_t max = is_vertex ? ply->limits->vertices : ply->limits->triangles;
        if (element->kind != PLY_OTHER && element->count > max)
            return error_set(err, ERR_TOO_LARGE, "%.*s has more than %zu %s", STR_ARG(ply->name),
                             max, is_vertex ? "vertices" : "triangles");
        if (is_vertex)
            ply->vertex_count = element->count;
    }
    mesh->has_normals = has(ply, PLY_NX, 3);
    mesh->has_uvs = has(ply, PLY_S, 2);
    mesh->has_colours = has(ply, PLY_RED, 3);
    if (!has(ply, PLY_X, 3) || ply->vertex_count == 0)
        return error_set(err, ERR_CORRUPT, "%.*s has no vertices", STR_ARG(ply->name));
    return ERR_OK;
}

enum err mesh_read_ply(const struct mesh_file *file, const struct mesh_limits *limits,
                       struct mesh *mesh, struct mesh_links *ret_links, struct error *err)
{
    if (file->bytes.len > limits->file_bytes)
        return error_set(err, ERR_TOO_LARGE, "%.*s has more than %zu bytes", STR_ARG(file->name),
                         limits->file_bytes);
    CLEANUP(arena_close_ptr) struct arena *scratch = arena_open(0);
    struct ply *ply = arena_new(scratch, struct ply, 1);
    ply->name = file->name;
    ply->limits = limits;
    ply->mesh = mesh;
    TRY(ply_read_header(file, mesh->arena, &ply->header, err));
    *ret_links = (struct mesh_links){.texture = ply->header.texture};
    TRY(look_at_header(ply, err));
    for (; ply->element < ply->header.element_count; ply->element++)
        TRY(read_element(ply, &ply->header.elements[ply->element], err));
    if (mesh->triangle_count == 0)
        return error_set(err, ERR_CORRUPT, "%.*s has no faces", STR_ARG(file->name));
    return ERR_OK;
}
