// Building the parts of a house.
#ifndef SUNLEAD_SIM_HOUSE_BUILD_H
#define SUNLEAD_SIM_HOUSE_BUILD_H

#include <stddef.h>

#include "sim/house_panels.h"
#include "sim/house_plan.h"
#include "sim/house_shape.h"

// build_walls() adds walls, windows, doors and steps.
void build_walls(struct shape *shape, const struct house_plan *plan);

// build_roof() adds the roofs with gutters, ridges and chimney.
void build_roof(struct shape *shape, const struct house_plan *plan);

// build_panels() adds solar panels on the roof.
void build_panels(struct shape *shape, const struct panel_place *places, size_t count);

// build_ground() adds the lot itself.
void build_ground(struct shape *shape, const struct house_plan *plan);

// build_plants() adds trees, shrubs and the fence.
void build_plants(struct shape *shape, const struct house_plan *plan);

#endif
