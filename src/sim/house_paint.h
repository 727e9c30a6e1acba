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

#define PAINT_NOISE_SIZE 256
// The lot is divided into squares, row after row from the back left corner.
#define PAINT_LOT_CELLS 190U

// What changes slowly over the lot, each 0 to 1.
struct paint_lot {
    float light; // how much of the sun comes there
    float dry;   // grass
};

struct paint {
    const struct house_plan *plan;
    float *noise; // PAINT_NOISE_SIZE rows of as many, 0 to 1
    struct paint_lot *lot;
};

// A painter gives the colour of a place of its region, in metres from the region's lower left
// corner. It is asked a little beyond the edges too.
typedef struct colour paint_fn(const struct paint *paint, float x, float y);

// paint_init() fills the noise and works out the lot; memory comes from the arena.
void paint_init(struct paint *paint, const struct house_plan *plan, struct arena *arena);

// paint_noise() is smooth noise from 0 to 1 with one bump a unit, which repeats every period units
// (at most PAINT_NOISE_SIZE). x and y must be above -period.
static inline float paint_noise(const struct paint *paint, float x, float y, int period)
{
    x += (float)period;
    y += (float)period;
    int column = (int)x, row = (int)y;
    float u = x - (float)column, v = y - (float)row;
    while (column >= period)
        column -= period;
    while (row >= period)
        row -= period;
    int right = column + 1 == period ? 0 : column + 1;
    const float *top = paint->noise + row * PAINT_NOISE_SIZE;
    const float *low = paint->noise + (row + 1 == period ? 0 : row + 1) * PAINT_NOISE_SIZE;
    u = u * u * (3 - 2 * u);
    v = v * v * (3 - 2 * v);
    float above = top[column] + (top[right] - top[column]) * u;
    float below = low[column] + (low[right] - low[column]) * u;
    return above + (below - above) * v;
}

// paint_pick() is the same number from 0 to 1 for the same cell.
static inline float paint_pick(const struct paint *paint, int column, int row)
{
    unsigned at = (unsigned)row * 101U + (unsigned)column * 37U;
    return paint->noise[at % (PAINT_NOISE_SIZE * PAINT_NOISE_SIZE)];
}

// paint_grain() is fine noise from 0 to 1 without any pattern, x and y in metres above -64.
static inline float paint_grain(const struct paint *paint, float x, float y)
{
    int column = (int)((x + 64) * 131) % PAINT_NOISE_SIZE;
    int row = (int)((y + 64) * 137) % PAINT_NOISE_SIZE;
    return paint->noise[row * PAINT_NOISE_SIZE + column];
}

// paint_lot_at() is what changes slowly at a place of the lot, smooth between squares.
struct paint_lot paint_lot_at(const struct paint *paint, float x, float z);

// paint_ground() paints the lot seen from above; the upper edge is its back.
paint_fn paint_ground;

// clamp() is value, or the bound that it is beyond.
static inline float clamp(float value, float low, float high)
{
    if (value < low)
        return low;
    return value > high ? high : value;
}

// colour_of(), colour_scale() make a colour from bytes and from one that is brighter or darker.
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

// paint_part_of() is where value stands in its cell of this size, 0 to 1; *ret_cell is the cell's
// number.
static inline float paint_part_of(float value, float size, int *ret_cell)
{
    float cells = value / size + 64; // keeps it positive: conversion cuts towards 0
    int cell = (int)cells;
    *ret_cell = cell - 64;
    return cells - (float)cell;
}

#endif
