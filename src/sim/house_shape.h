// Adding simple shapes to the mesh of a house, with their place in the texture.
#ifndef SUNLEAD_SIM_HOUSE_SHAPE_H
#define SUNLEAD_SIM_HOUSE_SHAPE_H

#include <stddef.h>

#include "mesh/mesh.h"
#include "sim/house_atlas.h"
#include "sim/house_plan.h"

// A mesh under construction. Shapes are given in the frame of the lot and turned into the world.
struct shape {
    struct mesh *mesh;
    float yaw_cos;
    float yaw_sin;
};

// A plane in space: along and up are unit vectors at a right angle, seen from outside along is to
// the right of up.
struct shape_plane {
    struct mesh_vec3 origin;
    struct mesh_vec3 along;
    struct mesh_vec3 up;
};

#define SHAPE_OUTLINE_MAX 8

// A box that stands upright; its front turns from +z towards +x by turn (radians).
struct shape_box {
    struct mesh_vec3 centre;
    struct mesh_vec3 size;
    float turn;
};

// shape_init() makes a builder for a mesh whose lot is turned by yaw radians.
void shape_init(struct shape *shape, struct mesh *mesh, float yaw);

// shape_vertex() adds a vertex and returns its index.
uint32_t shape_vertex(struct shape *shape, struct mesh_vec3 position, struct mesh_vec3 normal,
                      struct mesh_uv uv);

// shape_uv() is the place in the texture of a point of a region, 0 to 1 from its lower left corner.
struct mesh_uv shape_uv(enum atlas_region region, float u, float v);

// shape_at() is the place of a point of the plane.
struct mesh_vec3 shape_at(const struct shape_plane *plane, float u, float v);

// shape_quad() adds four corners, counter-clockwise from the lower left as seen from outside, with
// the whole region on them.
void shape_quad(struct shape *shape, const struct mesh_vec3 corners[4], enum atlas_region region);

// shape_tiled() adds a convex outline in a plane (counter-clockwise, at most SHAPE_OUTLINE_MAX
// points) with the region repeated over it in its true size.
void shape_tiled(struct shape *shape, const struct shape_plane *plane,
                 const struct plan_point *outline, size_t count, enum atlas_region region);

// shape_sheet() is shape_quad() for the rectangle of a plane between two points.
void shape_sheet(struct shape *shape, const struct shape_plane *plane, struct plan_point from,
                 struct plan_point to, enum atlas_region region);

// shape_add_box() adds the five sides of a box that can be seen, and the bottom, with the whole
// region on each.
void shape_add_box(struct shape *shape, const struct shape_box *box, enum atlas_region region);

// shape_add_tiled_box() is shape_add_box() with the region repeated in its true size.
void shape_add_tiled_box(struct shape *shape, const struct shape_box *box,
                         enum atlas_region region);

#endif
