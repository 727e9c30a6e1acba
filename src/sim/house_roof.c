// Roofs with all that is on them.
#include "sim/house_build.h"

#include <math.h>

#define PANEL_LIFT  0.09F
#define PANEL_THICK 0.04F

static struct shape_plane face_plane(const struct plan_face *face)
{
    return (struct shape_plane){face->origin, face->along, face->up};
}

// A long thin block between two points, its top facing up as far as the slope lets it.
static void add_beam(struct shape *shape, struct mesh_vec3 from, struct mesh_vec3 to, float size,
                     enum atlas_region region)
{
    struct mesh_vec3 ahead = mesh_vec3_unit(mesh_vec3_sub(to, from));
    struct mesh_vec3 side = mesh_vec3_unit(mesh_vec3_cross(ahead, (struct mesh_vec3){0, 1, 0}));
    struct mesh_vec3 up = mesh_vec3_cross(side, ahead);
    struct mesh_vec3 ring[4];
    for (int i = 0; i < 4; i++) {
        float right = i == 0 || i == 3 ? -size / 2 : size / 2;
        float high = i < 2 ? -size / 2 : size / 2;
        ring[i] = mesh_vec3_add(mesh_vec3_scale(side, right), mesh_vec3_scale(up, high));
    }
    struct mesh_vec3 near[4], far[4];
    for (int i = 0; i < 4; i++) {
        near[i] = mesh_vec3_add(from, ring[i]);
        far[i] = mesh_vec3_add(to, ring[i]);
    }
    for (int i = 0; i < 4; i++) {
        int next = (i + 1) % 4;
        shape_quad(shape, (const struct mesh_vec3[]){near[next], near[i], far[i], far[next]},
                   region);
    }
    shape_quad(shape, near, region);
    shape_quad(shape, (const struct mesh_vec3[]){far[1], far[0], far[3], far[2]}, region);
}

// The underside of a roof side, seen from below: the same outline mirrored.
static void add_soffit(struct shape *shape, const struct plan_face *face)
{
    struct shape_plane plane = face_plane(face);
    plane.origin.y -= PLAN_ROOF_THICKNESS;
    plane.along = mesh_vec3_scale(plane.along, -1);
    struct plan_point outline[4];
    for (size_t i = 0; i < face->corner_count; i++) {
        struct plan_point p = face->outline[face->corner_count - 1 - i];
        outline[i] = (struct plan_point){-p.u, p.v};
    }
    shape_tiled(shape, &plane, outline, face->corner_count, ATLAS_TRIM);
}

// The board that closes the roof's edge between two corners of the outline.
static void add_fascia(struct shape *shape, const struct plan_face *face, size_t corner)
{
    struct shape_plane plane = face_plane(face);
    struct plan_point a = face->outline[corner];
    struct plan_point b = face->outline[(corner + 1) % face->corner_count];
    struct mesh_vec3 top_a = shape_at(&plane, a.u, a.v);
    struct mesh_vec3 top_b = shape_at(&plane, b.u, b.v);
    struct mesh_vec3 low_a = top_a, low_b = top_b;
    low_a.y -= PLAN_ROOF_THICKNESS;
    low_b.y -= PLAN_ROOF_THICKNESS;
    shape_quad(shape, (const struct mesh_vec3[]){low_a, low_b, top_b, top_a}, ATLAS_TRIM);
}

static void add_gutter(struct shape *shape, const struct plan_face *face)
{
    struct mesh_vec3 out = mesh_vec3_unit((struct mesh_vec3){-face->up.x, 0, -face->up.z});
    struct mesh_vec3 from = mesh_vec3_add(face->origin, mesh_vec3_scale(out, 0.06F));
    from.y -= 0.08F;
    struct mesh_vec3 to = mesh_vec3_add(from, mesh_vec3_scale(face->along, face->outline[1].u));
    add_beam(shape, from, to, 0.12F, ATLAS_TRIM);
}

static void add_face(struct shape *shape, const struct plan_face *face)
{
    struct shape_plane plane = face_plane(face);
    bool straight = face->corner_count == 4 && face->outline[3].u < 0.01F;
    shape_tiled(shape, &plane, face->outline, face->corner_count, ATLAS_ROOF);
    add_soffit(shape, face);
    add_fascia(shape, face, 0);
    if (straight) {
        add_fascia(shape, face, 1);
        add_fascia(shape, face, 3);
    }
    add_gutter(shape, face);
    // Each long side brings its hips; the ridge comes with those that face the street.
    struct mesh_vec3 top_left = shape_at(&plane, face->outline[3].u, face->outline[3].v);
    struct mesh_vec3 top_right = shape_at(&plane, face->outline[2].u, face->outline[2].v);
    if (face->corner_count == 4 && face->up.z < 0)
        add_beam(shape, top_left, top_right, 0.16F, ATLAS_RIDGE);
    if (face->corner_count == 4 && !straight) {
        add_beam(shape, face->origin, top_left, 0.14F, ATLAS_RIDGE);
        add_beam(shape, shape_at(&plane, face->outline[1].u, 0), top_right, 0.14F, ATLAS_RIDGE);
    }
}

static void add_chimney(struct shape *shape, const struct house_plan *plan)
{
    const struct plan_rect *place = &plan->chimney;
    float x = (place->x0 + place->x1) / 2;
    float z = (place->z0 + place->z1) / 2;
    float width = place->x1 - place->x0;
    float depth = place->z1 - place->z0;
    float low = plan->main.eave;
    float top = plan->chimney_top;
    struct shape_box stack = {{x, (low + top) / 2, z}, {width, top - low, depth}, 0};
    struct shape_box cap = {{x, top + 0.05F, z}, {width + 0.16F, 0.12F, depth + 0.16F}, 0};
    shape_add_tiled_box(shape, &stack, ATLAS_CHIMNEY);
    shape_add_box(shape, &cap, ATLAS_CONCRETE);
    for (int i = -1; i <= 1; i += 2) {
        struct shape_box pot = {{x + 0.24F * (float)i, top + 0.25F, z}, {0.26F, 0.32F, 0.26F}, 0};
        shape_add_box(shape, &pot, ATLAS_DARK);
    }
}

void build_roof(struct shape *shape, const struct house_plan *plan)
{
    for (size_t i = 0; i < plan->face_count; i++)
        add_face(shape, &plan->faces[i]);
    add_chimney(shape, plan);
}

static void add_panel(struct shape *shape, const struct panel_place *place)
{
    const struct plan_face *face = place->face;
    struct shape_plane plane = face_plane(face);
    struct mesh_vec3 low[4], top[4];
    const struct plan_point corners[4] = {
        place->from, {place->to.u, place->from.v}, place->to, {place->from.u, place->to.v}};
    for (int i = 0; i < 4; i++) {
        struct mesh_vec3 at = shape_at(&plane, corners[i].u, corners[i].v);
        low[i] = mesh_vec3_add(at, mesh_vec3_scale(face->normal, PANEL_LIFT));
        top[i] = mesh_vec3_add(at, mesh_vec3_scale(face->normal, PANEL_LIFT + PANEL_THICK));
    }
    if (place->lies)
        shape_quad(shape, top, ATLAS_PANEL);
    else // the picture lies: a quarter turn
        shape_quad(shape, (const struct mesh_vec3[]){top[1], top[2], top[3], top[0]}, ATLAS_PANEL);
    shape_quad(shape, (const struct mesh_vec3[]){low[1], low[0], low[3], low[2]}, ATLAS_DARK);
    for (int i = 0; i < 4; i++) {
        int next = (i + 1) % 4;
        shape_quad(shape, (const struct mesh_vec3[]){low[i], low[next], top[next], top[i]},
                   ATLAS_FRAME);
    }
}

void build_panels(struct shape *shape, const struct panel_place *places, size_t count)
{
    for (size_t i = 0; i < count; i++)
        add_panel(shape, &places[i]);
}
