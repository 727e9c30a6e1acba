// Growing the arrays of a mesh, with a little vector arithmetic.
#include "mesh/mesh.h"

#include <math.h>

void mesh_init(struct mesh *mesh, struct arena *arena)
{
    *mesh = (struct mesh){.arena = arena};
}

// The array, copied to one with room for cap elements.
static void *array_set_cap(struct mesh *mesh, void *old, size_t count, size_t cap, size_t size)
{
    void *grown = arena_raw(mesh->arena, arena_array_size(cap, size));
    if (count > 0)
        memcpy(grown, old, count * size);
    return grown;
}

// Makes room for one more element behind count: the array becomes twice as long.
static void *array_grow(struct mesh *mesh, void *old, size_t count, size_t *cap, size_t size)
{
    if (count < *cap)
        return old;
    *cap = *cap == 0 ? 64 : *cap * 2;
    return array_set_cap(mesh, old, count, *cap, size);
}

void mesh_reserve(struct mesh *mesh, size_t vertices, size_t triangles)
{
    if (vertices > mesh->vertex_cap) {
        mesh->vertices = array_set_cap(mesh, mesh->vertices, mesh->vertex_count, vertices,
                                       sizeof(*mesh->vertices));
        mesh->vertex_cap = vertices;
    }
    if (triangles > mesh->triangle_cap) {
        mesh->triangles = array_set_cap(mesh, mesh->triangles, mesh->triangle_count, triangles,
                                        sizeof(*mesh->triangles));
        mesh->triangle_cap = triangles;
    }
}

uint32_t mesh_add_vertex(struct mesh *mesh, const struct mesh_vertex *vertex)
{
    check(mesh->vertex_count < UINT32_MAX / 2);
    mesh->vertices = array_grow(mesh, mesh->vertices, mesh->vertex_count, &mesh->vertex_cap,
                                sizeof(*mesh->vertices));
    mesh->vertices[mesh->vertex_count] = *vertex;
    return (uint32_t)mesh->vertex_count++;
}

void mesh_add_triangle(struct mesh *mesh, uint32_t a, uint32_t b, uint32_t c)
{
    check(a < mesh->vertex_count && b < mesh->vertex_count && c < mesh->vertex_count);
    mesh->triangles = array_grow(mesh, mesh->triangles, mesh->triangle_count, &mesh->triangle_cap,
                                 sizeof(*mesh->triangles));
    mesh->triangles[mesh->triangle_count++] = (struct mesh_triangle){.vertex = {a, b, c}};
}

void mesh_add_group(struct mesh *mesh, struct str name, struct str material)
{
    mesh->groups =
        array_grow(mesh, mesh->groups, mesh->group_count, &mesh->group_cap, sizeof(*mesh->groups));
    mesh->groups[mesh->group_count++] = (struct mesh_group){
        .name = name,
        .material = material,
        .first_triangle = mesh->triangle_count,
    };
}

struct mesh_vec3 mesh_vec3_add(struct mesh_vec3 a, struct mesh_vec3 b)
{
    return (struct mesh_vec3){a.x + b.x, a.y + b.y, a.z + b.z};
}

struct mesh_vec3 mesh_vec3_sub(struct mesh_vec3 a, struct mesh_vec3 b)
{
    return (struct mesh_vec3){a.x - b.x, a.y - b.y, a.z - b.z};
}

struct mesh_vec3 mesh_vec3_scale(struct mesh_vec3 a, float factor)
{
    return (struct mesh_vec3){a.x * factor, a.y * factor, a.z * factor};
}

struct mesh_vec3 mesh_vec3_cross(struct mesh_vec3 a, struct mesh_vec3 b)
{
    return (struct mesh_vec3){
        a.y * b.z - a.z * b.y,
        a.z * b.x - a.x * b.z,
        a.x * b.y - a.y * b.x,
    };
}

float mesh_vec3_dot(struct mesh_vec3 a, struct mesh_vec3 b)
{
    return a.x * b.x + a.y * b.y + a.z * b.z;
}

float mesh_vec3_length(struct mesh_vec3 a)
{
    return sqrtf(mesh_vec3_dot(a, a));
}

struct mesh_vec3 mesh_vec3_unit(struct mesh_vec3 a)
{
    float length = mesh_vec3_length(a);
    if (length < 1e-12F)
        return (struct mesh_vec3){0, 1, 0};
    return mesh_vec3_scale(a, 1 / length);
}
