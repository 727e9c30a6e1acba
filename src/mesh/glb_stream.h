// Vertices and indices as the bytes that GLB files have.
#ifndef SUNLEAD_MESH_GLB_STREAM_H
#define SUNLEAD_MESH_GLB_STREAM_H

#include "base/arena.h"
#include "mesh/mesh_model.h"

// Component types of glTF.
enum glb_type { GLB_I8 = 5120, GLB_U16 = 5123, GLB_U32 = 5125, GLB_F32 = 5126 };

// One attribute of a piece's vertices, or its indices.
struct glb_stream {
    const char *attribute; // "POSITION"; NULL: indices
    enum glb_type type;
    unsigned components;
    unsigned stride;
    bool is_normalized;
    size_t count;
    unsigned char *bytes;
    double min[3]; // of POSITION
    double max[3];
};

// A number n in a stream stands for n * scale + offset.
struct glb_grid {
    double offset[3];
    double scale[3];
};

// glb_grid_of_model() is the grid of the positions of a compressed model: the same step on all
// axes.
struct glb_grid glb_grid_of_model(const struct mesh_model *model);

// glb_grid_of_uvs() is that of a piece's texture coordinates, as glTF counts them.
struct glb_grid glb_grid_of_uvs(const struct mesh_piece *piece);

// glb_stream_positions(), glb_stream_uvs(), glb_stream_normals(), glb_stream_colours() and
// glb_stream_indices() make a stream in the arena. With a grid numbers are whole and small, without
// they are floats.
struct glb_stream glb_stream_positions(const struct mesh_piece *piece, const struct glb_grid *grid,
                                       struct arena *arena);
struct glb_stream glb_stream_uvs(const struct mesh_piece *piece, const struct glb_grid *grid,
                                 struct arena *arena);
struct glb_stream glb_stream_normals(const struct mesh_piece *piece, bool is_small,
                                     struct arena *arena);
struct glb_stream glb_stream_colours(const struct mesh_piece *piece, struct arena *arena);
struct glb_stream glb_stream_indices(const struct mesh_piece *piece, struct arena *arena);

// glb_srgb_to_linear() is a colour's share, as screens have it, in the linear scale of glTF.
double glb_srgb_to_linear(double share);

#endif
