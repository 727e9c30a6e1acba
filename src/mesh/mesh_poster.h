// A picture of a model.
#ifndef SUNLEAD_MESH_POSTER_H
#define SUNLEAD_MESH_POSTER_H

#include "mesh/mesh_model.h"
#include "mesh/mesh_write.h"

#define MESH_POSTER_WIDTH  640
#define MESH_POSTER_HEIGHT 480

// mesh_poster_draw() draws the model as seen from above one of its corners, on a light ground.
// images are the textures of the model's materials (without pixels: none). The pixels live in the
// arena. A model whose triangles cover each other beyond measure is left unfinished.
struct mesh_image mesh_poster_draw(const struct mesh_model *model, const struct mesh_image *images,
                                   struct arena *arena);

#endif
