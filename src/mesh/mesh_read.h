// Reading meshes and their materials from the files of other programs.
#ifndef SUNLEAD_MESH_READ_H
#define SUNLEAD_MESH_READ_H

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "mesh/mesh.h"

// MESH_NAME_MAX is how long names of materials and files may be.
#define MESH_NAME_MAX 255
// MESH_LIBRARIES_MAX is how many material files a mesh may name.
#define MESH_LIBRARIES_MAX 8
// MESH_FACE_CORNERS_MAX is how many corners a face may have.
#define MESH_FACE_CORNERS_MAX 4096
// MESH_COORDINATE_MAX is how far from zero a coordinate may be.
#define MESH_COORDINATE_MAX 1e12

// A file's content with the name that messages about it have.
struct mesh_file {
    struct str name;
    struct str bytes;
};

// How large a mesh may be. What goes beyond ends the reading with ERR_TOO_LARGE.
struct mesh_limits {
    size_t file_bytes;
    size_t vertices;
    size_t triangles;
    size_t materials;
    size_t texture_pixels; // of one texture, before it is made smaller
};

// MESH_LIMITS_DEFAULT is far above what a model of a house needs.
#define MESH_LIMITS_DEFAULT                                                                        \
    ((struct mesh_limits){.file_bytes = (size_t)512 << 20,                                         \
                          .vertices = 10000000,                                                    \
                          .triangles = 10000000,                                                   \
                          .materials = 256,                                                        \
                          .texture_pixels = (size_t)16384 * 16384})

// The other files that a mesh file names, by their base names.
struct mesh_links {
    struct str libraries[MESH_LIBRARIES_MAX]; // MTL files
    size_t library_count;
    struct str texture; // a PLY's; null: none
};

// mesh_read_obj() reads Wavefront OBJ text into an empty mesh: polygons become triangles, each
// usemtl a group with that material; curves, lines and points are skipped, as are triangles that
// use a vertex twice. Names are copied. ERR_CORRUPT, with file and line, for what is no OBJ or has
// no faces; ERR_TOO_LARGE. Memory grows with the size of the file, by less than 20 times.
MUST_CHECK enum err mesh_read_obj(const struct mesh_file *file, const struct mesh_limits *limits,
                                  struct mesh *mesh, struct mesh_links *ret_links,
                                  struct error *err);

// mesh_read_ply() does the same for PLY, ascii or binary of either byte order. Elements and
// properties that are not known are skipped. Texture coordinates are known as s t, u v, or
// texture_u texture_v.
MUST_CHECK enum err mesh_read_ply(const struct mesh_file *file, const struct mesh_limits *limits,
                                  struct mesh *mesh, struct mesh_links *ret_links,
                                  struct error *err);

// A list of materials in an arena.
struct mesh_materials {
    struct mesh_material *list;
    size_t count;
    size_t cap;
};

// mesh_read_mtl() adds the materials of an MTL file, names copied into the arena: newmtl, Kd, d, Tr
// and map_Kd, of whose path the base name is kept. ERR_CORRUPT with file and line, ERR_TOO_LARGE.
MUST_CHECK enum err mesh_read_mtl(const struct mesh_file *file, const struct mesh_limits *limits,
                                  struct arena *arena, struct mesh_materials *materials,
                                  struct error *err);

// mesh_base_name() is what follows the last slash or backslash of a path; null if that is nothing,
// "." or "..", is longer than MESH_NAME_MAX or has control characters.
struct str mesh_base_name(struct str path);

#endif
