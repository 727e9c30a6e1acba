// The plan of an invented house: every size and place, before anything is built.
#ifndef SUNLEAD_SIM_HOUSE_PLAN_H
#define SUNLEAD_SIM_HOUSE_PLAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "mesh/mesh.h"

// All is in metres, in the frame of the lot: x runs along the ridge to the right as seen from the
// street, y up, z towards the street. The lot is a square around (0, 0); yaw turns it into the
// world, where x is east and z is south.
#define PLAN_LOT_HALF 19.0F
// The front of the lot is pavement and street.
#define PLAN_STREET_DEPTH 5.0F
// Roofs are this thick, measured straight down; walls end at their underside.
#define PLAN_ROOF_THICKNESS 0.18F

#define PLAN_FACES_MAX  6
#define PLAN_TREES_MAX  8
#define PLAN_SHRUBS_MAX 14
#define PLAN_SPOTS_MAX  3

enum plan_roof { PLAN_GABLE, PLAN_HIP };
enum plan_cladding { PLAN_SIDING, PLAN_BRICK, PLAN_STUCCO };
enum plan_tree { PLAN_BROADLEAF, PLAN_CONIFER };

// A rectangle on the ground.
struct plan_rect {
    float x0, x1, z0, z1;
};

// A block of the house: walls on a rectangle.
struct plan_block {
    struct plan_rect walls;
    float eave;  // height of the walls
    float ridge; // height of the roof's top
};

// A place in a plane, along and up from the plane's origin.
struct plan_point {
    float u, v;
};

// A side of a roof. The outline is convex, begins at the origin, runs counter-clockwise.
struct plan_face {
    struct mesh_vec3 origin; // the left end of the eave as seen from outside
    struct mesh_vec3 along;  // to the right
    struct mesh_vec3 up;     // towards the ridge
    struct mesh_vec3 normal;
    struct plan_point outline[4];
    size_t corner_count;
    float sun; // how well it faces the sun: 1 is best
    struct {
        struct plan_point from, to;
    } spots[PLAN_SPOTS_MAX]; // taken by chimney and vents
    size_t spot_count;
};

struct plan_plant {
    float x, z;
    float height;
    float radius;
    enum plan_tree kind;
    uint32_t seed;
};

struct plan_colours {
    struct mesh_rgb wall;
    struct mesh_rgb trim;
    struct mesh_rgb roof;
    struct mesh_rgb door;
};

struct house_plan {
    uint64_t seed;
    float yaw; // radians, about y
    enum plan_roof roof;
    enum plan_cladding cladding;
    bool tiled; // clay tiles instead of shingles
    struct plan_colours colours;
    unsigned storeys;
    float pitch; // radians
    float overhang;
    struct plan_block main;
    bool has_garage;
    float garage_side; // 1: at the right end, -1: at the left
    struct plan_block garage;
    float door_x;
    struct plan_rect chimney;
    float chimney_top;
    struct plan_face faces[PLAN_FACES_MAX]; // those of the main block first
    size_t face_count;
    size_t main_face_count;
    struct plan_plant trees[PLAN_TREES_MAX];
    size_t tree_count;
    struct plan_plant shrubs[PLAN_SHRUBS_MAX];
    size_t shrub_count;
    struct plan_rect driveway;
    struct plan_rect path;
    struct plan_rect patio;
    bool has_fence;
    float waves[3];       // of the ground
    struct mesh_vec3 sun; // unit, towards the sun, for shadows
};

// plan_make() draws the plan of the house at a place; the same place (to a millionth of a degree)
// gives the same plan.
void plan_make(double latitude, double longitude, struct house_plan *ret_plan);

// plan_distance() is how far a place is from a rectangle; 0 inside.
float plan_distance(const struct plan_rect *rect, float x, float z);

// plan_house_distance() is how far a place is from the nearest wall of the house; 0 inside.
float plan_house_distance(const struct house_plan *plan, float x, float z);

// plan_ground() is the height of the ground at a place: flat around the house and at the street.
float plan_ground(const struct house_plan *plan, float x, float z);

#endif
