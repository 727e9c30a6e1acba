// The one texture of a house: which part of the image shows what.
#ifndef SUNLEAD_SIM_HOUSE_ATLAS_H
#define SUNLEAD_SIM_HOUSE_ATLAS_H

#include <stdint.h>

#include "mesh/mesh.h"
#include "sim/house_plan.h"

// The image is a square of this many pixels.
#define ATLAS_SIZE 1024U

enum atlas_region {
    ATLAS_GROUND,
    ATLAS_ROOF,
    ATLAS_WALL,
    ATLAS_PANEL,
    ATLAS_WINDOW,
    ATLAS_WINDOW_CURTAIN,
    ATLAS_WINDOW_WIDE,
    ATLAS_DOOR,
    ATLAS_GARAGE_DOOR,
    ATLAS_LEAVES,
    ATLAS_NEEDLES,
    ATLAS_BLOSSOM,
    ATLAS_BARK,
    ATLAS_CHIMNEY,
    ATLAS_FENCE,
    ATLAS_CONCRETE,
    ATLAS_SOIL,
    ATLAS_TRIM,
    ATLAS_FRAME,
    ATLAS_DARK,
    ATLAS_RIDGE,
    ATLAS_REGION_COUNT,
};

// A rectangle of pixels from the image's top left corner, and what it measures on the house.
// Patterns that repeat do so from edge to edge.
struct atlas_part {
    unsigned x, y, width, height;
    float width_m, height_m;
};

// atlas_part_of() is where a region is; it lives for ever.
const struct atlas_part *atlas_part_of(enum atlas_region region);

// atlas_paint() paints the whole texture of a house: ATLAS_SIZE rows of ATLAS_SIZE pixels from the
// arena.
struct mesh_rgb *atlas_paint(const struct house_plan *plan, struct arena *arena);

// atlas_colour() is the mean colour around a place of the texture.
struct mesh_rgb atlas_colour(const struct mesh_rgb *pixels, struct mesh_uv uv);

#endif
