// Images in memory: from JPEG, and made smaller.
#ifndef SUNLEAD_MESH_IMAGE_H
#define SUNLEAD_MESH_IMAGE_H

#include <stddef.h>

#include "base/arena.h"
#include "base/error.h"
#include "mesh/mesh_read.h"
#include "mesh/mesh_write.h"

// What the header of a JPEG tells.
struct mesh_jpeg_header {
    unsigned width;
    unsigned height;
    bool is_common; // grey or YCbCr, which every program shows
};

// mesh_read_jpeg_header() reads it. ERR_CORRUPT with the file's name.
MUST_CHECK enum err mesh_read_jpeg_header(const struct mesh_file *file,
                                          struct mesh_jpeg_header *ret_header, struct error *err);

// How large an image may be.
struct mesh_jpeg_bounds {
    unsigned side_px;     // the longer side of what is made of it, at most
    size_t source_pixels; // of the file, at most
};

// mesh_read_jpeg() decodes a JPEG; one with a side longer than bounds->side_px is made smaller.
// Halves, quarters and eighths are made while it is decoded, so that memory follows the result; for
// other sizes up to 32 Mi pixels are decoded at once. The pixels live in the arena. ERR_CORRUPT for
// what is broken or cut, ERR_TOO_LARGE beyond bounds->source_pixels.
MUST_CHECK enum err mesh_read_jpeg(const struct mesh_file *file,
                                   const struct mesh_jpeg_bounds *bounds, struct arena *arena,
                                   struct mesh_image *ret_image, struct error *err);

// mesh_image_side() is the longer side.
static inline unsigned mesh_image_side(const struct mesh_image *image)
{
    return image->width > image->height ? image->width : image->height;
}

// mesh_image_fit() gives the image with at most side_max pixels on its longer side: the mean of
// what each pixel covers. One that fits is given as it is; another's pixels live in the arena.
struct mesh_image mesh_image_fit(const struct mesh_image *image, unsigned side_max,
                                 struct arena *arena);

#endif
