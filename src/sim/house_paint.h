// What the painters of a house's texture share: colours, noise, the order to paint.
#ifndef SUNLEAD_SIM_HOUSE_PAINT_H
#define SUNLEAD_SIM_HOUSE_PAINT_H

#include <stdint.h>

#include "base/arena.h"
#include "mesh/mesh.h"
#include "sim/house_plan.h"

// Light as it is mixed: 0 to 255 each, may go over while mixing.
struct colour {
    float r, g, b;
};

// How much light reaches the ground, in squares of the lot, from the back left corner.
#define PAINT_LIGHT_CELLS 190U

struct paint {
    const struct house_plan *plan;
    uint8_t *noise; // 256 rows of 256
    float *light;   // PAINT_LIGHT_CELLS rows of as many, 0 to 1
};

// A painter gives the colour of a place of its region, in metres from the region's lower left corner. It is asked a
// little beyond the edges too.
typedef struct colour paint_fn(const struct paint *paint, float x, float y);

// paint_init() fills the noise and works out the light on the ground; memory comes from the arena.
void paint_init(struct paint *paint, const struct house_plan *plan, struct arena *arena);

// paint_noise() is smooth noise from 0 to 1 with one bump a unit, which repeats every period units (at most
// 256). x and y must be above -period.
float paint_noise(const struct paint *paint, float x, float y, unsigned period);

// paint_pick() is the same number from 0 to 1 for the same cell.
float paint_pick(const struct paint *paint, int column, int row);

// paint_grain() is fine noise from 0 to 1 without any pattern, x and y in metres.
float paint_grain(const struct paint *paint, float x, float y);

// paint_light() is how much light reaches a place of the lot.
float paint_light(const struct paint *paint, float x, float z);

// paint_ground() paints the lot seen from above; the upper edge is its back.
paint_fn paint_ground;

static inline struct colour colour_of(struct mesh_rgb rgb)
{
    return (struct colour){rgb.r, rgb.g, rgb.b};
}

static inline struct colour colour_scale(struct colour c, float factor)
{
    return (struct colour){c.r * factor, c.g * factor, c.b * factor};
}

// colour_mix() goes from a (part 0) to b (part 1).
static inline struct colour colour_mix(struct colour a, struct colour b, float part)
{
    return (struct colour){a.r + (b.r - a.r) * part, a.g + (b.g - a.g) * part,
                           a.b + (b.b - a.b) * part};
}

// paint_part_of() is where value stands in its cell of this size, 0 to 1; *ret_cell is the cell's number.
static inline float paint_part_of(float value, float size, int *ret_cell)
{
    float cells = value / size + 64; // keeps it positive: conversion cuts towards 0
    int cell = (int)cells;
    *ret_cell = cell - 64;
    return cells - (float)cell;
}

#endif
