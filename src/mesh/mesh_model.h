// A mesh made ready to be written: metres, Y up, the house's foot at the origin, a part a material.
#ifndef SUNLEAD_MESH_MODEL_H
#define SUNLEAD_MESH_MODEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/error.h"
#include "mesh/mesh.h"
#include "mesh/mesh_read.h"

enum mesh_up { MESH_UP_AUTO, MESH_UP_Y, MESH_UP_Z };

// What a material's surface shows. Of a vertex only what this needs is kept.
enum mesh_skin {
    MESH_PLAIN,    // the material's colour, shaded by the normals where there are some
    MESH_COLOURED, // the vertices' colours
    MESH_TEXTURED, // a texture, by the vertices' uv
};

// The triangles of one material.
struct mesh_part {
    uint32_t material;
    size_t first_index;
    size_t index_count;
};

struct mesh_bounds {
    struct mesh_vec3 min;
    struct mesh_vec3 max;
};

struct mesh_model {
    const struct mesh_material *materials;
    const enum mesh_skin *skins; // of the materials
    size_t material_count;
    bool has_normals; // of plain materials
    struct mesh_vertex *vertices;
    size_t vertex_count;
    uint32_t *indices; // three a triangle
    size_t index_count;
    struct mesh_part *parts;
    size_t part_count;
    struct mesh_bounds bounds;
};

struct mesh_prepare_options {
    enum mesh_up up;
    double metres; // that one of the file's units has
    const struct mesh_material *materials;
    const enum mesh_skin *skins;
    size_t material_count;
};

// What was found and done.
struct mesh_prepared {
    enum mesh_up up;      // of the file: Y or Z
    double offset[3];     // the model's origin in the file's coordinates
    size_t bad_triangles; // that had no area and were left out
};

// mesh_prepare() makes a model of a mesh, whose groups must name materials of the list; triangles
// of no group belong to the first material. Vertices that are the same become one. The mesh's
// arrays are used up; the model's live in the arena. ERR_CORRUPT when no triangle has an area.
MUST_CHECK enum err mesh_prepare(struct mesh *mesh, const struct mesh_prepare_options *options,
                                 struct arena *arena, struct mesh_model *ret_model,
                                 struct mesh_prepared *ret_prepared);

// mesh_simplify() makes a model of about so many triangles (fewer if there are fewer) from the same
// vertices, its indices and parts in the arena. Borders of the model and between materials stay
// where they are. Where the surface does not allow the target there are more triangles.
void mesh_simplify(const struct mesh_model *model, size_t triangles, struct arena *arena,
                   struct mesh_model *ret_model);

// A part by itself, in the order that graphics processors like: its vertices in the order of their
// use.
struct mesh_piece {
    struct mesh_vertex *vertices;
    size_t vertex_count;
    uint32_t *indices;
    size_t index_count;
};

// mesh_piece_make() copies a part out of its model into the arena. With sorted_by_depth triangles
// in front come first where that costs little, which takes a few more bytes when compressed.
void mesh_piece_make(const struct mesh_model *model, const struct mesh_part *part,
                     bool sorted_by_depth, struct arena *arena, struct mesh_piece *ret_piece);

#endif
