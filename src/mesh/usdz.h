// Models as USDZ, for AR Quick Look of iOS: a zip archive of one USD layer and the textures.
#ifndef SUNLEAD_MESH_USDZ_H
#define SUNLEAD_MESH_USDZ_H

#include "mesh/glb.h"

// usdz_write() adds the model as a USDZ file to an empty buffer; is_compressed does not count.
// Positions are about as precise as in a compressed GLB, at least, but not below a picometre.
// ERR_TOO_LARGE when the buffer's ceiling is in the way.
MUST_CHECK enum err usdz_write(struct buf *buf, const struct mesh_model *model,
                               const struct glb_settings *settings, struct error *err);

#endif
