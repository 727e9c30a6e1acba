// Writing meshes and their textures as files that other programs open.
#ifndef SUNLEAD_MESH_WRITE_H
#define SUNLEAD_MESH_WRITE_H

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/error.h"
#include "mesh/mesh.h"

// mesh_write_obj() adds the mesh as Wavefront OBJ text: v, vt, vn and f with all three, the groups
// as o and usemtl. Places have a tenth of a millimetre, everything is written without a locale.
// mtl_name is the file that mtllib names; null: no such line.
void mesh_write_obj(struct buf *buf, const struct mesh *mesh, struct str mtl_name);

// mesh_write_mtl() adds the materials as MTL text.
void mesh_write_mtl(struct buf *buf, const struct mesh_material *materials, size_t count);

// mesh_write_ply() adds the mesh as binary little-endian PLY: x y z, nx ny nz, s t, red green blue,
// and triangles as vertex_indices. texture_name goes into the TextureFile comment; null: no such
// line.
void mesh_write_ply(struct buf *buf, const struct mesh *mesh, struct str texture_name);

// An image of 8-bit red, green and blue, row after row from the top, without padding.
struct mesh_image {
    const struct mesh_rgb *pixels;
    unsigned width;
    unsigned height;
};

// How much of the colours a JPEG keeps: half in both directions, as is usual for photographs, or
// all.
enum mesh_jpeg_colour { MESH_JPEG_HALF_COLOUR, MESH_JPEG_FULL_COLOUR };

// mesh_write_jpeg() adds the image as a JPEG file, progressive if it is small; quality is 1 to
// 100. ERR_TOO_LARGE when the buffer's ceiling is in the way, ERR_INTERNAL when the library fails.
MUST_CHECK enum err mesh_write_jpeg(struct buf *buf, const struct mesh_image *image, int quality,
                                    enum mesh_jpeg_colour colour, struct error *err);

// MESH_JPEG_SLACK_DB is by how much mesh_write_jpeg_near() may miss what was wanted.
#define MESH_JPEG_SLACK_DB 0.4

// mesh_write_jpeg_near() adds the image to an empty buffer as the smallest JPEG that is about
// psnr_db decibels near to it (peak signal to noise, of the three colours together), as a sample
// tells. The whole is measured then, and written better if it misses by more than
// MESH_JPEG_SLACK_DB: what is still farther away has the highest quality there is.
MUST_CHECK enum err mesh_write_jpeg_near(struct buf *buf, const struct mesh_image *image,
                                         double psnr_db, double *ret_psnr_db, struct error *err);

#endif
