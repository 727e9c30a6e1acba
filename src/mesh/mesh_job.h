// What a conversion knows while it runs.
#ifndef SUNLEAD_MESH_JOB_H
#define SUNLEAD_MESH_JOB_H

#include "mesh/mesh_convert.h"
#include "mesh/mesh_write.h"

#define MESH_WARNINGS_MAX 16
#define MESH_TIMINGS_MAX  (MESH_PRODUCTS_MAX + 3)

// A texture file and what was made of it.
struct mesh_texture {
    struct str name;
    unsigned width;
    unsigned height;
    struct str original;                 // the file, where it may be used as it is
    struct str jpegs[MESH_PRODUCTS_MAX]; // for each product
    double psnrs_db[MESH_PRODUCTS_MAX];  // how near they are to the source in their size; 0: it is
                                         // the file itself
    struct mesh_image small;             // for the poster
};

struct mesh_timing {
    struct str name;
    int64_t us;
};

struct mesh_made {
    const struct mesh_product *product;
    size_t bytes;
    size_t triangles;
    unsigned texture_px; // of the longer side of its largest texture; 0: none
};

struct mesh_job {
    const struct mesh_source *source;
    const struct mesh_convert_options *options;
    const struct mesh_sink *sink;
    struct arena *arena;
    struct mesh_materials materials; // the first one is for triangles without a material
    enum mesh_skin *skins;
    uint32_t *texture_of; // of the materials
    struct mesh_texture *textures;
    size_t texture_count;
    size_t source_bytes;
    size_t source_triangles;
    size_t source_vertices;
    struct mesh_prepared prepared;
    struct mesh_bounds bounds;
    struct mesh_made made[MESH_PRODUCTS_MAX];
    size_t made_count;
    struct str warnings[MESH_WARNINGS_MAX];
    size_t warning_count;
    struct mesh_timing timings[MESH_TIMINGS_MAX];
    size_t timing_count;
    int64_t since_us;
};

// mesh_job_warn() tells the sink a sentence and keeps it for the manifest; it must live as long as
// the job.
void mesh_job_warn(struct mesh_job *job, struct str sentence);

// mesh_job_lap() notes the time since the last lap under a name.
void mesh_job_lap(struct mesh_job *job, struct str name);

// mesh_job_load_textures() reads the textures that materials name and makes them fit for each
// product. Sets texture_of; those that are missing or of another kind are warned of.
MUST_CHECK enum err mesh_job_load_textures(struct mesh_job *job, struct error *err);

// mesh_job_texture_px() is the longer side of a texture in a product.
unsigned mesh_job_texture_px(const struct mesh_job *job, uint32_t texture, size_t product);

// mesh_job_write_manifest() adds the manifest.
void mesh_job_write_manifest(const struct mesh_job *job, struct buf *json);

#endif
