// From the mesh files of a house to what browsers, phones and proposals show.
#ifndef SUNLEAD_MESH_CONVERT_H
#define SUNLEAD_MESH_CONVERT_H

#include "base/clock.h"
#include "mesh/mesh_model.h"

enum mesh_product_kind { MESH_PRODUCT_GLB, MESH_PRODUCT_USDZ, MESH_PRODUCT_POSTER };

// A file to make.
struct mesh_product {
    struct str name;
    enum mesh_product_kind kind;
    size_t triangles;    // at most, about; SIZE_MAX: all
    unsigned texture_px; // of the longer side, at most
    bool is_compressed;  // of a GLB: a reader must know EXT_meshopt_compression
};

// MESH_PRODUCTS_MAX is how many products one conversion can make.
#define MESH_PRODUCTS_MAX 8

// mesh_products_default() is what viewers want, in the order in which it is made: hd.glb, web.glb,
// ar.glb, model.usdz, preview.glb, poster.jpg.
const struct mesh_product *mesh_products_default(size_t *ret_count);

// MESH_MANIFEST_NAME is the file that tells of the others, made last.
#define MESH_MANIFEST_NAME "manifest.json"

// Where the files come from. read() gives a file by its name (never a path), in the arena;
// ERR_NOT_FOUND when there is none. context is the caller's.
struct mesh_source {
    enum err (*read)(void *context, struct str name, struct arena *arena, struct str *ret_bytes,
                     struct error *err);
    void *context;
    struct str name; // of the OBJ or PLY
};

// Where the products go. put() may keep nothing of the bytes. warn(), which may be NULL, is told in
// a sentence what was missing or could not be done as wanted: what the manifest lists as warnings.
struct mesh_sink {
    enum err (*put)(void *context, struct str name, struct str bytes, struct error *err);
    void (*warn)(void *context, struct str sentence);
    void *context;
};

struct mesh_convert_options {
    struct mesh_limits limits;
    enum mesh_up up;
    double metres;                       // that one of the file's units has
    const struct mesh_product *products; // by falling number of triangles
    size_t product_count;
    bool with_manifest;
    struct str version;        // of the program
    const struct clock *clock; // for the timings
};

// mesh_convert() reads the mesh with its materials and textures and makes the products. It uses no
// network and no files but by the source and the sink, and no globals: it can run in a process that
// may do nothing else. Materials and textures that are not there are told in the manifest; a
// broken file ends the conversion: ERR_CORRUPT or ERR_TOO_LARGE with its name and place. What
// read() and put() fail with is passed on. Takes about a second for 300,000 triangles.
MUST_CHECK enum err mesh_convert(const struct mesh_source *source,
                                 const struct mesh_convert_options *options,
                                 const struct mesh_sink *sink, struct error *err);

#endif
