// Where the panels lie on a roof.
#ifndef SUNLEAD_SIM_HOUSE_PANELS_H
#define SUNLEAD_SIM_HOUSE_PANELS_H

#include <stdbool.h>
#include <stddef.h>

#include "sim/house_plan.h"

#define PANEL_PLACES_MAX 256

// The place of one panel in the plane of a roof side.
struct panel_place {
    const struct plan_face *face;
    struct plan_point from; // the corner nearest the origin
    struct plan_point to;
    bool lies; // its longer side runs along the eave
};

// panels_place() finds all places for panels of a size, those with most sun first. The places refer
// to the plan. Returns how many there are: at least one.
size_t panels_place(const struct house_plan *plan, struct plan_point panel_size,
                    struct panel_place ret_places[PANEL_PLACES_MAX]);

#endif
