// Packing attributes.
#include "mesh/glb_stream.h"

#include <endian.h>
#include <math.h>

#include "mesh/glb.h"

#define UV_STEPS 4095
// A texture that repeats wants as many steps in each of its copies as two bytes have.
#define UV_STEPS_REPEATED UINT16_MAX

static void put_u16(unsigned char *at, uint16_t value)
{
    uint16_t little = htole16(value);
    memcpy(at, &little, sizeof(little));
}

static void put_u32(unsigned char *at, uint32_t value)
{
    uint32_t little = htole32(value);
    memcpy(at, &little, sizeof(little));
}

static void put_float(unsigned char *at, float value)
{
    uint32_t bits;
    memcpy(&bits, &value, sizeof(bits));
    put_u32(at, bits);
}

static void stream_alloc(struct glb_stream *stream, struct arena *arena)
{
    stream->bytes = arena_bytes(arena, arena_array_size(stream->count, stream->stride));
}

struct glb_grid glb_grid_of_model(const struct mesh_model *model)
{
    struct mesh_vec3 size = mesh_vec3_sub(model->bounds.max, model->bounds.min);
    double longest = (double)fmaxf(size.x, fmaxf(size.y, size.z));
    double step = longest > 0 ? longest / GLB_POSITION_STEPS : 1;
    const struct mesh_vec3 *min = &model->bounds.min;
    return (struct glb_grid){.offset = {(double)min->x, (double)min->y, (double)min->z},
                             .scale = {step, step, step}};
}

// OBJ's and PLY's v goes up, glTF's goes down.
static void gltf_uv(const struct mesh_uv *uv, double ret_uv[2])
{
    ret_uv[0] = (double)uv->u;
    ret_uv[1] = 1 - (double)uv->v;
}

struct glb_grid glb_grid_of_uvs(const struct mesh_piece *piece)
{
    double min[2], max[2];
    gltf_uv(&piece->vertices[0].uv, min);
    gltf_uv(&piece->vertices[0].uv, max);
    for (size_t i = 1; i < piece->vertex_count; i++) {
        double uv[2];
        gltf_uv(&piece->vertices[i].uv, uv);
        for (int k = 0; k < 2; k++) {
            min[k] = fmin(min[k], uv[k]);
            max[k] = fmax(max[k], uv[k]);
        }
    }
    struct glb_grid grid = {0};
    for (int k = 0; k < 2; k++) {
        grid.offset[k] = min[k];
        double range = max[k] - min[k];
        grid.scale[k] = range > 0 ? range / (range > 1 ? UV_STEPS_REPEATED : UV_STEPS) : 1;
    }
    return grid;
}

static uint16_t to_grid(double value, const struct glb_grid *grid, int axis, double steps)
{
    double step = rint((value - grid->offset[axis]) / grid->scale[axis]);
    return (uint16_t)fmin(fmax(step, 0), steps);
}

struct glb_stream glb_stream_positions(const struct mesh_piece *piece, const struct glb_grid *grid,
                                       struct arena *arena)
{
    struct glb_stream stream = {.attribute = "POSITION",
                                .type = grid == NULL ? GLB_F32 : GLB_U16,
                                .components = 3,
                                .stride = grid == NULL ? 12 : 8,
                                .count = piece->vertex_count};
    stream_alloc(&stream, arena);
    for (size_t i = 0; i < piece->vertex_count; i++) {
        const struct mesh_vec3 *p = &piece->vertices[i].position;
        const float values[3] = {p->x, p->y, p->z};
        unsigned char *at = stream.bytes + i * stream.stride;
        for (int k = 0; k < 3; k++) {
            double written = (double)values[k];
            if (grid == NULL) {
                put_float(at + k * 4, values[k]);
            } else {
                uint16_t step = to_grid(written, grid, k, GLB_POSITION_STEPS);
                put_u16(at + k * 2, step);
                written = step;
            }
            stream.min[k] = i == 0 ? written : fmin(stream.min[k], written);
            stream.max[k] = i == 0 ? written : fmax(stream.max[k], written);
        }
    }
    return stream;
}

struct glb_stream glb_stream_uvs(const struct mesh_piece *piece, const struct glb_grid *grid,
                                 struct arena *arena)
{
    struct glb_stream stream = {.attribute = "TEXCOORD_0",
                                .type = grid == NULL ? GLB_F32 : GLB_U16,
                                .components = 2,
                                .stride = grid == NULL ? 8 : 4,
                                .count = piece->vertex_count};
    stream_alloc(&stream, arena);
    for (size_t i = 0; i < piece->vertex_count; i++) {
        double uv[2];
        gltf_uv(&piece->vertices[i].uv, uv);
        unsigned char *at = stream.bytes + i * stream.stride;
        for (int k = 0; k < 2; k++) {
            if (grid == NULL)
                put_float(at + k * 4, (float)uv[k]);
            else
                put_u16(at + k * 2, to_grid(uv[k], grid, k, UV_STEPS_REPEATED));
        }
    }
    return stream;
}

struct glb_stream glb_stream_normals(const struct mesh_piece *piece, bool is_small,
                                     struct arena *arena)
{
    struct glb_stream stream = {.attribute = "NORMAL",
                                .type = is_small ? GLB_I8 : GLB_F32,
                                .components = 3,
                                .stride = is_small ? 4 : 12,
                                .is_normalized = is_small,
                                .count = piece->vertex_count};
    stream_alloc(&stream, arena);
    for (size_t i = 0; i < piece->vertex_count; i++) {
        struct mesh_vec3 n = mesh_vec3_unit(piece->vertices[i].normal);
        const float values[3] = {n.x, n.y, n.z};
        unsigned char *at = stream.bytes + i * stream.stride;
        for (int k = 0; k < 3; k++) {
            if (is_small)
                at[k] = (unsigned char)(int)lrintf(values[k] * 127);
            else
                put_float(at + k * 4, values[k]);
        }
    }
    return stream;
}

double glb_srgb_to_linear(double share)
{
    return share <= 0.04045 ? share / 12.92 : pow((share + 0.055) / 1.055, 2.4);
}

struct glb_stream glb_stream_colours(const struct mesh_piece *piece, struct arena *arena)
{
    struct glb_stream stream = {.attribute = "COLOR_0",
                                .type = GLB_U16,
                                .components = 4,
                                .stride = 8,
                                .is_normalized = true,
                                .count = piece->vertex_count};
    uint16_t linear[256];
    for (int i = 0; i < 256; i++)
        linear[i] = (uint16_t)rint(glb_srgb_to_linear(i / 255.0) * UINT16_MAX);
    stream_alloc(&stream, arena);
    for (size_t i = 0; i < piece->vertex_count; i++) {
        const struct mesh_rgb *colour = &piece->vertices[i].colour;
        unsigned char *at = stream.bytes + i * stream.stride;
        put_u16(at, linear[colour->r]);
        put_u16(at + 2, linear[colour->g]);
        put_u16(at + 4, linear[colour->b]);
        put_u16(at + 6, UINT16_MAX);
    }
    return stream;
}

struct glb_stream glb_stream_indices(const struct mesh_piece *piece, struct arena *arena)
{
    // The highest index of a type is kept for other purposes.
    bool is_short = piece->vertex_count < UINT16_MAX;
    struct glb_stream stream = {.type = is_short ? GLB_U16 : GLB_U32,
                                .components = 1,
                                .stride = is_short ? 2 : 4,
                                .count = piece->index_count};
    stream_alloc(&stream, arena);
    for (size_t i = 0; i < piece->index_count; i++) {
        if (is_short)
            put_u16(stream.bytes + i * 2, (uint16_t)piece->indices[i]);
        else
            put_u32(stream.bytes + i * 4, piece->indices[i]);
    }
    return stream;
}
