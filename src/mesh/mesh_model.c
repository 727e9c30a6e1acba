// Making a mesh ready: one direction, one unit, one origin, each vertex once, parts by material.
#include "mesh/mesh_model.h"

#include <math.h>
#include <meshoptimizer.h>

#define NO_INDEX UINT32_MAX
// Ground and roofs seen from the air: this part of the area must face up along Z to call it up.
#define UP_SHARE 0.2
// Survey coordinates have large eastings and northings, and heights that are not.
#define SURVEY_METRES 10000.0

_Static_assert(sizeof(struct mesh_triangle) == 3 * sizeof(uint32_t), "triangles are indices");
_Static_assert(sizeof(struct mesh_vertex) == 36, "the bytes that make vertices differ");

static struct mesh_vec3 corner(const struct mesh *mesh, size_t triangle, int i)
{
    return mesh->vertices[mesh->triangles[triangle].vertex[i]].position;
}

// Open models, such as those of houses on their ground, have more area that faces up than down.
static enum mesh_up find_up(const struct mesh *mesh)
{
    const double *origin = mesh->origin;
    if (fabs(origin[0]) > SURVEY_METRES && fabs(origin[1]) > SURVEY_METRES &&
        fabs(origin[2]) < SURVEY_METRES)
        return MESH_UP_Z;
    double all = 0, y = 0, z = 0;
    for (size_t i = 0; i < mesh->triangle_count; i++) {
        struct mesh_vec3 a = corner(mesh, i, 0);
        struct mesh_vec3 n = mesh_vec3_cross(mesh_vec3_sub(corner(mesh, i, 1), a),
                                             mesh_vec3_sub(corner(mesh, i, 2), a));
        all += (double)mesh_vec3_length(n);
        y += (double)n.y;
        z += (double)n.z;
    }
    return fabs(z) > UP_SHARE * all && fabs(z) > 2 * fabs(y) ? MESH_UP_Z : MESH_UP_Y;
}

static void bounds_add(struct mesh_bounds *bounds, struct mesh_vec3 p)
{
    bounds->min = (struct mesh_vec3){fminf(bounds->min.x, p.x), fminf(bounds->min.y, p.y),
                                     fminf(bounds->min.z, p.z)};
    bounds->max = (struct mesh_vec3){fmaxf(bounds->max.x, p.x), fmaxf(bounds->max.y, p.y),
                                     fmaxf(bounds->max.z, p.z)};
}

static struct mesh_bounds bounds_of(const struct mesh_model *model)
{
    struct mesh_vec3 first = model->vertices[model->indices[0]].position;
    struct mesh_bounds bounds = {first, first};
    for (size_t i = 1; i < model->index_count; i++)
        bounds_add(&bounds, model->vertices[model->indices[i]].position);
    return bounds;
}

static void turn_z_up(struct mesh_vec3 *v)
{
    *v = (struct mesh_vec3){v->x, v->z, -v->y};
}

static uint32_t find_material(const struct mesh_prepare_options *options, struct str name)
{
    for (size_t i = 0; i < options->material_count; i++) {
        if (str_equal(options->materials[i].name, name))
            return (uint32_t)i;
    }
    return 0;
}

static bool is_flat(const struct mesh *mesh, const struct mesh_triangle *triangle)
{
    const struct mesh_vec3 *p[3];
    for (int i = 0; i < 3; i++)
        p[i] = &mesh->vertices[triangle->vertex[i]].position;
    return memcmp(p[0], p[1], sizeof(*p[0])) == 0 || memcmp(p[1], p[2], sizeof(*p[0])) == 0 ||
           memcmp(p[2], p[0], sizeof(*p[0])) == 0;
}

// Puts the triangles into the order of their materials, without those that are flat.
static void sort_triangles(const struct mesh *mesh, const struct mesh_prepare_options *options,
                           struct arena *arena, struct mesh_model *model)
{
    size_t groups = mesh->group_count;
    size_t runs = groups + 1; // those before the first group too
    uint32_t *material = arena_new(arena, uint32_t, runs);
    size_t *next = arena_new(arena, size_t, options->material_count);
    model->parts = arena_new(arena, struct mesh_part, options->material_count);
    model->indices =
        arena_raw(arena, arena_array_size(mesh->triangle_count, 3 * sizeof(*model->indices)));
    for (size_t i = 0; i < groups; i++)
        material[i + 1] = find_material(options, mesh->groups[i].material);
    for (int pass = 0; pass < 2; pass++) {
        for (size_t run = 0; run < runs; run++) {
            size_t t = run == 0 ? 0 : mesh->groups[run - 1].first_triangle;
            size_t end = run == groups ? mesh->triangle_count : mesh->groups[run].first_triangle;
            for (; t < end; t++) {
                if (is_flat(mesh, &mesh->triangles[t]))
                    continue;
                if (pass == 1)
                    memcpy(&model->indices[next[material[run]]], &mesh->triangles[t],
                           sizeof(mesh->triangles[t]));
                next[material[run]] += 3;
            }
        }
        if (pass == 1)
            break;
        for (size_t i = 0; i < options->material_count; i++) {
            if (next[i] == 0)
                continue;
            model->parts[model->part_count++] = (struct mesh_part){
                .material = (uint32_t)i, .first_index = model->index_count, .index_count = next[i]};
            model->index_count += next[i];
            next[i] = model->index_count - next[i];
        }
    }
}

// Writes the vertex with only what its material shows, so that vertices that look the same become
// one: they are compared as bytes, so the struct is cleared as a whole and never copied by
// assignment.
static void strip(const struct mesh_vertex *vertex, enum mesh_skin skin, bool has_normals,
                  struct mesh_vertex *into)
{
    memset(into, 0, sizeof(*into));
    into->position = vertex->position;
    switch (skin) {
    case MESH_TEXTURED:
        into->uv = vertex->uv;
        break;
    case MESH_COLOURED:
        into->colour = vertex->colour;
        break;
    case MESH_PLAIN:
        if (has_normals)
            into->normal = vertex->normal;
        break;
    }
}

// Gives each material vertices of its own.
static void split_vertices(const struct mesh *mesh, struct arena *arena, struct mesh_model *model)
{
    uint32_t *copy = arena_raw(arena, arena_array_size(mesh->vertex_count, sizeof(*copy)));
    size_t cap = mesh->vertex_count;
    for (size_t p = 1; p < model->part_count; p++)
        cap += model->parts[p].index_count < mesh->vertex_count ? model->parts[p].index_count
                                                                : mesh->vertex_count;
    model->vertices = arena_raw(arena, arena_array_size(cap, sizeof(*model->vertices)));
    for (size_t p = 0; p < model->part_count; p++) {
        const struct mesh_part *part = &model->parts[p];
        memset(copy, 0xFF, mesh->vertex_count * sizeof(*copy));
        uint32_t *indices = &model->indices[part->first_index];
        for (size_t i = 0; i < part->index_count; i++) {
            uint32_t from = indices[i];
            if (copy[from] == NO_INDEX) {
                copy[from] = (uint32_t)model->vertex_count;
                strip(&mesh->vertices[from], model->skins[part->material], model->has_normals,
                      &model->vertices[model->vertex_count++]);
            }
            indices[i] = copy[from];
        }
    }
}

static void weld(struct mesh_model *model, struct arena *arena)
{
    unsigned *remap = arena_raw(arena, arena_array_size(model->vertex_count, sizeof(*remap)));
    size_t count =
        meshopt_generateVertexRemap(remap, model->indices, model->index_count, model->vertices,
                                    model->vertex_count, sizeof(*model->vertices));
    meshopt_remapIndexBuffer(model->indices, model->indices, model->index_count, remap);
    meshopt_remapVertexBuffer(model->vertices, model->vertices, model->vertex_count,
                              sizeof(*model->vertices), remap);
    model->vertex_count = count;
}

// Moves the foot to the origin and makes the units metres.
static void place(struct mesh_model *model, double metres, struct mesh_prepared *prepared)
{
    struct mesh_bounds b = bounds_of(model);
    double foot[3] = {((double)b.min.x + (double)b.max.x) / 2, (double)b.min.y,
                      ((double)b.min.z + (double)b.max.z) / 2};
    for (size_t i = 0; i < model->vertex_count; i++) {
        struct mesh_vec3 *p = &model->vertices[i].position;
        *p = (struct mesh_vec3){(float)(((double)p->x - foot[0]) * metres),
                                (float)(((double)p->y - foot[1]) * metres),
                                (float)(((double)p->z - foot[2]) * metres)};
    }
    model->bounds = bounds_of(model);
    bool is_z = prepared->up == MESH_UP_Z;
    prepared->offset[0] += foot[0];
    prepared->offset[1] += is_z ? -foot[2] : foot[1];
    prepared->offset[2] += is_z ? foot[1] : foot[2];
}

enum err mesh_prepare(struct mesh *mesh, const struct mesh_prepare_options *options,
                      struct arena *arena, struct mesh_model *ret_model,
                      struct mesh_prepared *ret_prepared)
{
    check(options->material_count > 0 && options->metres > 0);
    CLEANUP(arena_close_ptr) struct arena *scratch = arena_open(0);
    *ret_model = (struct mesh_model){
        .materials = options->materials,
        .skins = options->skins,
        .material_count = options->material_count,
        .has_normals = mesh->has_normals,
    };
    *ret_prepared = (struct mesh_prepared){
        .up = options->up == MESH_UP_AUTO ? find_up(mesh) : options->up,
        .offset = {mesh->origin[0], mesh->origin[1], mesh->origin[2]},
    };
    if (ret_prepared->up == MESH_UP_Z) {
        for (size_t i = 0; i < mesh->vertex_count; i++) {
            turn_z_up(&mesh->vertices[i].position);
            turn_z_up(&mesh->vertices[i].normal);
        }
    }
    sort_triangles(mesh, options, arena, ret_model);
    ret_prepared->bad_triangles = mesh->triangle_count - ret_model->index_count / 3;
    if (ret_model->index_count == 0)
        return ERR_CORRUPT;
    split_vertices(mesh, scratch, ret_model);
    weld(ret_model, scratch);
    size_t bytes = arena_array_size(ret_model->vertex_count, sizeof(*ret_model->vertices));
    struct mesh_vertex *vertices = arena_raw(arena, bytes);
    memcpy(vertices, ret_model->vertices, bytes);
    ret_model->vertices = vertices;
    place(ret_model, options->metres, ret_prepared);
    return ERR_OK;
}

// ---- Fewer triangles.

// How far the surface may move, of the model's size: little first, more only if that is not enough.
static const float errors[] = {0.01F, 0.05F, 0.2F};
// From so many times the target on, a model without texture is simplified without regard for its
// shape's connections. A texture's pieces would be torn apart by that.
#define BADLY_MISSED 3

static size_t simplify_part(const struct mesh_model *model, const struct mesh_part *part,
                            size_t target, uint32_t *into)
{
    const uint32_t *from = &model->indices[part->first_index];
    const float *positions = &model->vertices->position.x;
    size_t stride = sizeof(*model->vertices);
    unsigned options = model->part_count > 1 ? meshopt_SimplifyLockBorder : 0;
    size_t count = part->index_count;
    memcpy(into, from, count * sizeof(*into));
    for (size_t i = 0; i < COUNT_OF(errors) && count > target + target / 10; i++)
        count = meshopt_simplify(into, into, count, positions, model->vertex_count, stride, target,
                                 errors[i], options, NULL);
    if (count > BADLY_MISSED * target && model->skins[part->material] != MESH_TEXTURED)
        count = meshopt_simplifySloppy(into, into, count, positions, model->vertex_count, stride,
                                       target, 1, NULL);
    return count;
}

void mesh_simplify(const struct mesh_model *model, size_t triangles, struct arena *arena,
                   struct mesh_model *ret_model)
{
    struct mesh_model out = *model;
    if (model->index_count > triangles * 3) {
        out.index_count = 0;
        out.part_count = 0;
        out.indices = arena_raw(arena, arena_array_size(model->index_count, sizeof(*out.indices)));
        out.parts = arena_new(arena, struct mesh_part, model->part_count);
        double share = (double)triangles * 3 / (double)model->index_count;
        for (size_t p = 0; p < model->part_count; p++) {
            const struct mesh_part *part = &model->parts[p];
            size_t target = (size_t)((double)(part->index_count / 3) * share) * 3;
            size_t count =
                simplify_part(model, part, target < 3 ? 3 : target, &out.indices[out.index_count]);
            if (count == 0)
                continue;
            out.parts[out.part_count++] = (struct mesh_part){
                .material = part->material, .first_index = out.index_count, .index_count = count};
            out.index_count += count;
        }
        if (out.index_count == 0)
            out = *model;
        out.bounds = bounds_of(&out);
    }
    *ret_model = out;
}

void mesh_piece_make(const struct mesh_model *model, const struct mesh_part *part,
                     bool sorted_by_depth, struct arena *arena, struct mesh_piece *ret_piece)
{
    CLEANUP(arena_close_ptr) struct arena *scratch = arena_open(0);
    size_t count = part->index_count;
    size_t stride = sizeof(*model->vertices);
    uint32_t *indices = arena_raw(arena, arena_array_size(count, sizeof(*indices)));
    unsigned *remap = arena_raw(scratch, arena_array_size(model->vertex_count, sizeof(*remap)));
    const uint32_t *from = &model->indices[part->first_index];
    size_t used = meshopt_optimizeVertexFetchRemap(remap, from, count, model->vertex_count);
    struct mesh_vertex *vertices = arena_raw(arena, arena_array_size(used, stride));
    meshopt_remapVertexBuffer(vertices, model->vertices, model->vertex_count, stride, remap);
    meshopt_remapIndexBuffer(indices, from, count, remap);
    meshopt_optimizeVertexCache(indices, indices, count, used);
    if (sorted_by_depth)
        meshopt_optimizeOverdraw(indices, indices, count, &vertices->position.x, used, stride,
                                 1.05F);
    used = meshopt_optimizeVertexFetch(vertices, indices, count, vertices, used, stride);
    *ret_piece = (struct mesh_piece){vertices, used, indices, count};
}
