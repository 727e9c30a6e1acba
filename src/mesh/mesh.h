// A triangle mesh in memory: vertices, triangles, groups of one material each.
#ifndef SUNLEAD_MESH_H
#define SUNLEAD_MESH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/str.h"

// A place, direction or size in three dimensions. Where a unit matters it is metres.
struct mesh_vec3 {
    float x, y, z;
};

// A place in a texture: (0, 0) is its lower left corner, (1, 1) its upper right one, as in OBJ.
struct mesh_uv {
    float u, v;
};

struct mesh_rgb {
    uint8_t r, g, b;
};

struct mesh_vertex {
    struct mesh_vec3 position;
    struct mesh_vec3 normal; // unit length
    struct mesh_uv uv;
    struct mesh_rgb colour;
};

// Three vertices, counter-clockwise when seen from outside.
struct mesh_triangle {
    uint32_t vertex[3];
};

// A run of triangles, up to the next group's first one, that share a material.
struct mesh_group {
    struct str name;
    struct str material;
    size_t first_triangle;
};

// All arrays live in the arena and grow in it. Triangles before the first group have no name and no
// material. Where the file that was read had coordinates too large for a float, origin was
// subtracted from all of them; else it is zero.
struct mesh {
    struct arena *arena;
    double origin[3];
    bool has_normals;
    bool has_uvs;
    bool has_colours;
    struct mesh_vertex *vertices;
    size_t vertex_count;
    size_t vertex_cap;
    struct mesh_triangle *triangles;
    size_t triangle_count;
    size_t triangle_cap;
    struct mesh_group *groups;
    size_t group_count;
    size_t group_cap;
};

// How a surface looks: one newmtl of an MTL file.
struct mesh_material {
    struct str name;
    struct str texture; // a file beside the MTL file; null: none
    struct mesh_vec3 diffuse;
    float transparency; // 0: opaque, 1: cannot be seen
};

// mesh_init() makes an empty mesh whose memory comes from the arena and goes with it.
void mesh_init(struct mesh *mesh, struct arena *arena);

// mesh_reserve() makes room for so many vertices and triangles altogether, for who knows or guesses
// how many will come: growing leaves the old arrays behind in the arena.
void mesh_reserve(struct mesh *mesh, size_t vertices, size_t triangles);

// mesh_add_vertex() adds a vertex and returns its index. At most UINT32_MAX / 2 vertices.
uint32_t mesh_add_vertex(struct mesh *mesh, const struct mesh_vertex *vertex);

// mesh_add_triangle() adds a triangle of vertices that are there already.
void mesh_add_triangle(struct mesh *mesh, uint32_t a, uint32_t b, uint32_t c);

// mesh_add_group() begins a group: triangles added from now on belong to it. The texts are
// borrowed.
void mesh_add_group(struct mesh *mesh, struct str name, struct str material);

// mesh_vec3_add(), mesh_vec3_sub() add and subtract; mesh_vec3_scale() multiplies by a number.
struct mesh_vec3 mesh_vec3_add(struct mesh_vec3 a, struct mesh_vec3 b);
struct mesh_vec3 mesh_vec3_sub(struct mesh_vec3 a, struct mesh_vec3 b);
struct mesh_vec3 mesh_vec3_scale(struct mesh_vec3 a, float factor);

// mesh_vec3_cross() is the vector product: a right angle to both, by the right-hand rule.
struct mesh_vec3 mesh_vec3_cross(struct mesh_vec3 a, struct mesh_vec3 b);

// mesh_vec3_dot() is the scalar product.
float mesh_vec3_dot(struct mesh_vec3 a, struct mesh_vec3 b);

// mesh_vec3_length() is how long a vector is.
float mesh_vec3_length(struct mesh_vec3 a);

// mesh_vec3_unit() is a with length 1; straight up for a vector that is too short to have a
// direction.
struct mesh_vec3 mesh_vec3_unit(struct mesh_vec3 a);

#endif
