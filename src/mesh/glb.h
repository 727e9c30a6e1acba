// Models as GLB: one binary glTF 2.0 file with geometry and textures.
#ifndef SUNLEAD_MESH_GLB_H
#define SUNLEAD_MESH_GLB_H

#include "base/buf.h"
#include "base/error.h"
#include "mesh/mesh_model.h"

#define GLB_NO_TEXTURE UINT32_MAX

struct glb_settings {
    const struct str *textures; // JPEG files
    size_t texture_count;
    const uint32_t *texture_of; // the textures of the model's materials, or GLB_NO_TEXTURE
    bool is_compressed; // EXT_meshopt_compression and KHR_mesh_quantization, which a reader must
                        // know
    struct str version; // of the program
};

// GLB_POSITION_STEPS is into how many steps the longest side of a compressed model is divided.
#define GLB_POSITION_STEPS 16383

// glb_write() adds the model as a GLB file. Without compression it needs no extension.
// ERR_TOO_LARGE when the buffer's ceiling is in the way.
MUST_CHECK enum err glb_write(struct buf *buf, const struct mesh_model *model,
                              const struct glb_settings *settings, struct error *err);

#endif
