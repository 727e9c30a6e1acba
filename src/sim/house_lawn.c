// Painting the lot as it looks from the air.
#include "sim/house_paint.h"

#include <math.h>

#define BED_DEPTH 1.35F

// From the house to the street: pavement, verge, kerb, street.
#define PAVEMENT_FROM (PLAN_LOT_HALF - 4.6F)
#define VERGE_FROM    (PLAN_LOT_HALF - 3.1F)
#define KERB_FROM     (PLAN_LOT_HALF - 2.5F)
#define STREET_FROM   (PLAN_LOT_HALF - 2.25F)

static bool holds(const struct plan_rect *rect, float x, float z)
{
    return x >= rect->x0 && x <= rect->x1 && z >= rect->z0 && z <= rect->z1;
}

static struct colour grass(const struct paint *paint, float x, float z, float dry)
{
    static const struct colour lush = {74, 102, 44}, light = {112, 132, 66}, hay = {150, 142, 92};
    float fine = paint_noise(paint, x * 5, z * 5, PAINT_NOISE_SIZE);
    float grain = paint_grain(paint, x, z);
    struct colour colour = colour_mix(lush, light, dry);
    if (dry > 0.57F)
        colour = colour_mix(colour, hay, clamp((dry - 0.57F) * 3.2F, 0, 0.6F));
    int stripe;
    (void)paint_part_of(x, 1.1F, &stripe);
    float mown = stripe % 2 == 0 ? 1.025F : 0.975F;
    return colour_scale(colour, mown * (0.78F + 0.2F * fine + 0.24F * grain));
}

// Slabs of a size with joints between them.
static struct colour slabs(const struct paint *paint, float x, float z, float size,
                           struct colour colour)
{
    int column, row;
    float u = paint_part_of(x, size, &column), v = paint_part_of(z, size, &row);
    float joint = 0.035F / size;
    bool in_joint = u < joint || v < joint;
    float stain = paint_noise(paint, x * 0.7F, z * 0.7F, PAINT_NOISE_SIZE);
    float shade = 0.9F + 0.06F * paint_pick(paint, column, row) + 0.08F * stain +
                  0.1F * (paint_grain(paint, x, z) - 0.5F);
    return colour_scale(colour, in_joint ? shade * 0.72F : shade);
}

static struct colour street(const struct paint *paint, float x, float z, float dry)
{
    static const struct colour concrete = {178, 174, 166}, asphalt = {86, 87, 90};
    if (z < VERGE_FROM)
        return slabs(paint, x, z - PAVEMENT_FROM, 1.5F, concrete);
    if (z < KERB_FROM)
        return grass(paint, x, z, dry);
    if (z < STREET_FROM)
        return colour_scale(concrete, 1.06F - 0.1F * paint_grain(paint, x, z));
    float worn = paint_noise(paint, x * 0.35F, z * 1.1F, PAINT_NOISE_SIZE);
    return colour_scale(asphalt, 0.82F + 0.2F * worn + 0.2F * paint_grain(paint, x, z));
}

static struct colour bed(const struct paint *paint, float x, float z)
{
    static const struct colour mulch = {92, 64, 46};
    float clods = paint_noise(paint, x * 5.5F, z * 5.5F, PAINT_NOISE_SIZE);
    return colour_scale(mulch, 0.6F + 0.4F * clods + 0.35F * paint_grain(paint, x, z));
}

static struct colour surface(const struct paint *paint, float x, float z, float dry)
{
    static const struct colour concrete = {172, 168, 160}, stone = {168, 150, 130};
    const struct house_plan *plan = paint->plan;
    struct plan_rect drive = plan->driveway, path = plan->path;
    drive.z1 = STREET_FROM;
    path.z1 = PAVEMENT_FROM;
    float u = x + PLAN_LOT_HALF, v = z + PLAN_LOT_HALF; // noise wants positive places
    if (holds(&drive, x, z) && z < KERB_FROM)
        return slabs(paint, x - drive.x0, z - drive.z0, 2.6F, concrete);
    if (z >= PAVEMENT_FROM)
        return street(paint, u, z, dry);
    if (holds(&path, x, z))
        return slabs(paint, x - path.x0, z, 0.6F, stone);
    if (holds(&plan->patio, x, z))
        return slabs(paint, u, v, 0.5F, stone);
    const struct plan_rect *walls = &plan->main.walls;
    float edge = BED_DEPTH + 0.5F * (paint_noise(paint, u * 0.8F, 3, PAINT_NOISE_SIZE) - 0.5F);
    bool beside_garage =
        plan->has_garage && x > plan->garage.walls.x0 - 0.2F && x < plan->garage.walls.x1 + 0.2F;
    if (x > walls->x0 && x < walls->x1 && z > walls->z1 && z < walls->z1 + edge && !beside_garage)
        return bed(paint, u, v);
    for (size_t i = 0; i < plan->tree_count; i++) {
        float dx = plan->trees[i].x - x, dz = plan->trees[i].z - z;
        if (dx * dx + dz * dz < 0.7F)
            return bed(paint, u, v);
    }
    return grass(paint, u, v, dry);
}

struct colour paint_ground(const struct paint *paint, float x, float y)
{
    const float limit = PLAN_LOT_HALF - 0.01F;
    float at_x = clamp(x - PLAN_LOT_HALF, -limit, limit);
    float at_z = clamp(PLAN_LOT_HALF - y, -limit, limit);
    struct paint_lot lot = paint_lot_at(paint, at_x, at_z);
    return colour_scale(surface(paint, at_x, at_z, lot.dry), lot.light);
}
