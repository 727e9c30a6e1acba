// Quads, tiled planes and boxes.
#include "sim/house_shape.h"

#include <math.h>

// Triangles smaller than this are left out: clipping makes slivers.
#define AREA_MIN 1e-4F
// A polygon clipped by the four sides of a cell gains at most four corners.
#define CLIPPED_MAX (SHAPE_OUTLINE_MAX + 4)

struct polygon {
    struct plan_point points[CLIPPED_MAX];
    size_t count;
};

void shape_init(struct shape *shape, struct mesh *mesh, float yaw)
{
    *shape = (struct shape){.mesh = mesh, .yaw_cos = cosf(yaw), .yaw_sin = sinf(yaw)};
}

static struct mesh_vec3 to_world(const struct shape *shape, struct mesh_vec3 v)
{
    return (struct mesh_vec3){v.x * shape->yaw_cos + v.z * shape->yaw_sin, v.y,
                              v.z * shape->yaw_cos - v.x * shape->yaw_sin};
}

uint32_t shape_vertex(struct shape *shape, struct mesh_vec3 position, struct mesh_vec3 normal,
                      struct mesh_uv uv)
{
    struct mesh_vertex vertex = {
        .position = to_world(shape, position),
        .normal = to_world(shape, normal),
        .uv = uv,
    };
    return mesh_add_vertex(shape->mesh, &vertex);
}

struct mesh_uv shape_uv(enum atlas_region region, float u, float v)
{
    const struct atlas_part *part = atlas_part_of(region);
    return (struct mesh_uv){
        ((float)part->x + u * (float)part->width) / (float)ATLAS_SIZE,
        1 - ((float)part->y + (1 - v) * (float)part->height) / (float)ATLAS_SIZE,
    };
}

struct mesh_vec3 shape_at(const struct shape_plane *plane, float u, float v)
{
    return mesh_vec3_add(plane->origin, mesh_vec3_add(mesh_vec3_scale(plane->along, u),
                                                      mesh_vec3_scale(plane->up, v)));
}

void shape_quad(struct shape *shape, const struct mesh_vec3 corners[4], enum atlas_region region)
{
    struct mesh_vec3 normal = mesh_vec3_unit(mesh_vec3_cross(
        mesh_vec3_sub(corners[1], corners[0]), mesh_vec3_sub(corners[3], corners[0])));
    uint32_t a = shape_vertex(shape, corners[0], normal, shape_uv(region, 0, 0));
    uint32_t b = shape_vertex(shape, corners[1], normal, shape_uv(region, 1, 0));
    uint32_t c = shape_vertex(shape, corners[2], normal, shape_uv(region, 1, 1));
    uint32_t d = shape_vertex(shape, corners[3], normal, shape_uv(region, 0, 1));
    mesh_add_triangle(shape->mesh, a, b, c);
    mesh_add_triangle(shape->mesh, a, c, d);
}

void shape_sheet(struct shape *shape, const struct shape_plane *plane, struct plan_point from,
                 struct plan_point to, enum atlas_region region)
{
    shape_quad(shape,
               (const struct mesh_vec3[]){
                   shape_at(plane, from.u, from.v),
                   shape_at(plane, to.u, from.v),
                   shape_at(plane, to.u, to.v),
                   shape_at(plane, from.u, to.v),
               },
               region);
}

// Keeps the part of the polygon where sign * (coordinate - bound) is not negative.
static void clip(struct polygon *polygon, bool by_v, float bound, float sign)
{
    struct polygon kept = {.count = 0};
    for (size_t i = 0; i < polygon->count; i++) {
        struct plan_point a = polygon->points[i];
        struct plan_point b = polygon->points[(i + 1) % polygon->count];
        float a_in = sign * ((by_v ? a.v : a.u) - bound);
        float b_in = sign * ((by_v ? b.v : b.u) - bound);
        if (a_in >= 0)
            kept.points[kept.count++] = a;
        if ((a_in >= 0) == (b_in >= 0))
            continue;
        float part = a_in / (a_in - b_in);
        kept.points[kept.count++] =
            (struct plan_point){a.u + (b.u - a.u) * part, a.v + (b.v - a.v) * part};
    }
    *polygon = kept;
}

static float area_of(struct plan_point a, struct plan_point b, struct plan_point c)
{
    return ((b.u - a.u) * (c.v - a.v) - (b.v - a.v) * (c.u - a.u)) / 2;
}

static float inside(float value)
{
    return fminf(fmaxf(value, 0), 1);
}

// One cell's part of an outline, as a fan of triangles.
static void add_cell(struct shape *shape, const struct shape_plane *plane,
                     const struct polygon *polygon, struct plan_point corner,
                     enum atlas_region region)
{
    const struct atlas_part *part = atlas_part_of(region);
    struct mesh_vec3 normal = mesh_vec3_cross(plane->along, plane->up);
    uint32_t vertices[CLIPPED_MAX];
    bool have_vertices = false;
    for (size_t i = 2; i < polygon->count; i++) {
        if (area_of(polygon->points[0], polygon->points[i - 1], polygon->points[i]) < AREA_MIN)
            continue;
        for (size_t j = 0; j < polygon->count && !have_vertices; j++) {
            struct plan_point p = polygon->points[j];
            vertices[j] = shape_vertex(shape, shape_at(plane, p.u, p.v), normal,
                                       shape_uv(region, inside((p.u - corner.u) / part->width_m),
                                                inside((p.v - corner.v) / part->height_m)));
        }
        have_vertices = true;
        mesh_add_triangle(shape->mesh, vertices[0], vertices[i - 1], vertices[i]);
    }
}

void shape_tiled(struct shape *shape, const struct shape_plane *plane,
                 const struct plan_point *outline, size_t count, enum atlas_region region)
{
    const struct atlas_part *part = atlas_part_of(region);
    check(count >= 3 && count <= SHAPE_OUTLINE_MAX);
    struct plan_point low = outline[0], high = outline[0];
    for (size_t i = 1; i < count; i++) {
        low = (struct plan_point){fminf(low.u, outline[i].u), fminf(low.v, outline[i].v)};
        high = (struct plan_point){fmaxf(high.u, outline[i].u), fmaxf(high.v, outline[i].v)};
    }
    int columns = (int)ceilf((high.u - low.u) / part->width_m);
    int rows = (int)ceilf((high.v - low.v) / part->height_m);
    for (int i = 0; i < rows * columns; i++) {
        struct plan_point corner = {low.u + (float)(i % columns) * part->width_m,
                                    low.v + (float)(i / columns) * part->height_m};
        struct polygon cell = {.count = count};
        memcpy(cell.points, outline, count * sizeof(*outline));
        clip(&cell, false, corner.u, 1);
        clip(&cell, false, corner.u + part->width_m, -1);
        clip(&cell, true, corner.v, 1);
        clip(&cell, true, corner.v + part->height_m, -1);
        if (cell.count >= 3)
            add_cell(shape, plane, &cell, corner, region);
    }
}

// The planes of a box's six sides, each with its origin in the lower left corner, and their sizes.
static void box_sides(const struct shape_box *box, struct shape_plane ret_planes[6],
                      struct plan_point ret_sizes[6])
{
    struct mesh_vec3 right = {cosf(box->turn), 0, -sinf(box->turn)};
    struct mesh_vec3 front = {sinf(box->turn), 0, cosf(box->turn)};
    struct mesh_vec3 up = {0, 1, 0};
    struct mesh_vec3 left = mesh_vec3_scale(right, -1);
    struct mesh_vec3 back = mesh_vec3_scale(front, -1);
    const struct {
        struct mesh_vec3 along, up, out;
        float width, height, depth;
    } sides[6] = {
        {right, up, front, box->size.x, box->size.y, box->size.z},
        {left, up, back, box->size.x, box->size.y, box->size.z},
        {back, up, right, box->size.z, box->size.y, box->size.x},
        {front, up, left, box->size.z, box->size.y, box->size.x},
        {right, back, up, box->size.x, box->size.z, box->size.y},
        {right, front, {0, -1, 0}, box->size.x, box->size.z, box->size.y},
    };
    for (size_t i = 0; i < 6; i++) {
        struct mesh_vec3 corner = box->centre;
        corner = mesh_vec3_add(corner, mesh_vec3_scale(sides[i].out, sides[i].depth / 2));
        corner = mesh_vec3_add(corner, mesh_vec3_scale(sides[i].along, -sides[i].width / 2));
        corner = mesh_vec3_add(corner, mesh_vec3_scale(sides[i].up, -sides[i].height / 2));
        ret_planes[i] = (struct shape_plane){corner, sides[i].along, sides[i].up};
        ret_sizes[i] = (struct plan_point){sides[i].width, sides[i].height};
    }
}

void shape_add_box(struct shape *shape, const struct shape_box *box, enum atlas_region region)
{
    struct shape_plane planes[6];
    struct plan_point sizes[6];
    box_sides(box, planes, sizes);
    for (size_t i = 0; i < 6; i++)
        shape_sheet(shape, &planes[i], (struct plan_point){0, 0}, sizes[i], region);
}

void shape_add_tiled_box(struct shape *shape, const struct shape_box *box, enum atlas_region region)
{
    struct shape_plane planes[6];
    struct plan_point sizes[6];
    box_sides(box, planes, sizes);
    for (size_t i = 0; i < 6; i++) {
        struct plan_point outline[4] = {
            {0, 0}, {sizes[i].u, 0}, {sizes[i].u, sizes[i].v}, {0, sizes[i].v}};
        shape_tiled(shape, &planes[i], outline, 4, region);
    }
}
