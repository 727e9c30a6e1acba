// Invented houses: grown from coordinates, always the same for the same place.
#ifndef SUNLEAD_SIM_HOUSE_H
#define SUNLEAD_SIM_HOUSE_H

#include <stdint.h>

#include "base/arena.h"
#include "base/error.h"
#include "base/str.h"

struct house_order {
    double latitude;
    double longitude;
    double panel_width_m; // the shorter side
    double panel_height_m;
    int64_t panel_count; // house_make(): at most house_panel_room()
};

// The files of a house: metres, Y up, X east, Z south, the ground near y = 0.
struct house_files {
    struct str obj;
    struct str mtl;
    struct str ply;
    struct str jpg;
};

// house_panel_room() is how many panels the roof takes: at least one. panel_count is not looked at.
int64_t house_panel_room(const struct house_order *order);

// house_make() builds the files in the arena; some 20 ms.
MUST_CHECK enum err house_make(const struct house_order *order, struct arena *arena,
                               struct house_files *ret_files, struct error *err);

#endif
