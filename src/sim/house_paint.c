// Noise, and what changes slowly over the lot: light and growth.
#include "sim/house_paint.h"

#include <math.h>

#include "base/random.h"

#define HULL_MAX     16
#define SHADOW_LIGHT 0.56F
#define LOT_STEP     (2 * PLAN_LOT_HALF / (float)PAINT_LOT_CELLS)

struct place {
    float x, z;
};

// The outline of a shadow.
struct hull {
    struct place points[HULL_MAX * 2];
    size_t count;
};

static float between(float a, float b, float part)
{
    return a + (b - a) * part;
}

struct paint_lot paint_lot_at(const struct paint *paint, float x, float z)
{
    const float limit = (float)PAINT_LOT_CELLS - 1.001F;
    float column = clamp((x + PLAN_LOT_HALF) / LOT_STEP - 0.5F, 0, limit);
    float row = clamp((z + PLAN_LOT_HALF) / LOT_STEP - 0.5F, 0, limit);
    int i = (int)column, j = (int)row;
    float u = column - (float)i, v = row - (float)j;
    const struct paint_lot *top = &paint->lot[j * (int)PAINT_LOT_CELLS + i];
    const struct paint_lot *low = top + PAINT_LOT_CELLS;
    return (struct paint_lot){
        .light = between(between(top[0].light, top[1].light, u),
                         between(low[0].light, low[1].light, u), v),
        .dry = between(between(top[0].dry, top[1].dry, u), between(low[0].dry, low[1].dry, u), v),
    };
}

static float turn_of(struct place a, struct place b, struct place c)
{
    return (b.x - a.x) * (c.z - a.z) - (b.z - a.z) * (c.x - a.x);
}

static int place_compare(const void *a, const void *b)
{
    const struct place *left = a, *right = b;
    if (left->x != right->x)
        return left->x < right->x ? -1 : 1;
    return (left->z > right->z) - (left->z < right->z);
}

// The convex outline of the points: Andrew's monotone chain.
static void hull_make(struct place *points, size_t count, struct hull *ret_hull)
{
    struct place *out = ret_hull->points;
    size_t kept = 0;
    qsort(points, count, sizeof(*points), place_compare);
    for (size_t i = 0; i < count; i++) {
        while (kept >= 2 && turn_of(out[kept - 2], out[kept - 1], points[i]) <= 0)
            kept--;
        out[kept++] = points[i];
    }
    size_t lower = kept + 1;
    for (size_t i = count - 1; i-- > 0;) {
        while (kept >= lower && turn_of(out[kept - 2], out[kept - 1], points[i]) <= 0)
            kept--;
        out[kept++] = points[i];
    }
    ret_hull->count = kept - 1;
}

static bool hull_holds(const struct hull *hull, struct place at)
{
    for (size_t i = 0; i < hull->count; i++) {
        if (turn_of(hull->points[i], hull->points[(i + 1) % hull->count], at) < 0)
            return false;
    }
    return true;
}

static struct place cast(const struct house_plan *plan, float x, float z, float height)
{
    return (struct place){x - plan->sun.x / plan->sun.y * height,
                          z - plan->sun.z / plan->sun.y * height};
}

static void block_shadow(const struct house_plan *plan, const struct plan_block *block, bool hipped,
                         struct hull *ret_hull)
{
    const struct plan_rect *walls = &block->walls;
    float over = plan->overhang;
    float inset = hipped ? (walls->z1 - walls->z0) / 2 : -over;
    float middle = (walls->z0 + walls->z1) / 2;
    struct place points[HULL_MAX];
    size_t count = 0;
    for (int i = 0; i < 4; i++) {
        bool right = i % 2 == 1, front = i / 2 == 1;
        float x = right ? walls->x1 : walls->x0;
        float z = front ? walls->z1 : walls->z0;
        points[count++] = cast(plan, x, z, 0);
        points[count++] =
            cast(plan, x + (right ? over : -over), z + (front ? over : -over), block->eave);
    }
    points[count++] = cast(plan, walls->x0 + inset, middle, block->ridge);
    points[count++] = cast(plan, walls->x1 - inset, middle, block->ridge);
    hull_make(points, count, ret_hull);
}

static float tree_shadow(const struct house_plan *plan, struct place at)
{
    float light = 1;
    for (size_t i = 0; i < plan->tree_count; i++) {
        const struct plan_plant *tree = &plan->trees[i];
        struct place centre = cast(plan, tree->x, tree->z, tree->height * 0.6F);
        float dx = at.x - centre.x, dz = at.z - centre.z;
        float far = sqrtf(dx * dx + dz * dz) / tree->radius;
        if (far < 1)
            light = fminf(light, SHADOW_LIGHT + 0.05F);
        dx = at.x - tree->x;
        dz = at.z - tree->z;
        far = sqrtf(dx * dx + dz * dz) / tree->radius;
        light *= 1 - 0.25F * fmaxf(0, 1 - far);
    }
    return light;
}

// Each square becomes the mean of itself and those beside it, first along rows, then along columns.
static void blur(struct paint_lot *lot, size_t step)
{
    const size_t n = PAINT_LOT_CELLS;
    size_t across = step == 1 ? n : 1;
    for (size_t line = 0; line < n; line++) {
        struct paint_lot *at = lot + line * across;
        float before = at[0].light;
        for (size_t i = 1; i + 1 < n; i++) {
            float here = at[i * step].light;
            at[i * step].light = (before + 2 * here + at[(i + 1) * step].light) / 4;
            before = here;
        }
    }
}

// Dry patches: a wide pattern with a smaller one on it.
static float dry_at(const struct paint *paint, float x, float z)
{
    float u = x + PLAN_LOT_HALF, v = z + PLAN_LOT_HALF;
    return 0.55F * paint_noise(paint, u * 0.16F, v * 0.16F, PAINT_NOISE_SIZE) +
           0.45F * paint_noise(paint, u * 0.9F + 7, v * 0.9F + 3, PAINT_NOISE_SIZE);
}

static void lot_make(struct paint *paint)
{
    const struct house_plan *plan = paint->plan;
    struct hull main = {.count = 0}, garage = {.count = 0};
    block_shadow(plan, &plan->main, plan->roof == PLAN_HIP, &main);
    if (plan->has_garage)
        block_shadow(plan, &plan->garage, false, &garage);
    for (unsigned i = 0; i < PAINT_LOT_CELLS * PAINT_LOT_CELLS; i++) {
        struct place at = {
            ((float)(i % PAINT_LOT_CELLS) + 0.5F) * LOT_STEP - PLAN_LOT_HALF,
            ((float)(i / PAINT_LOT_CELLS) + 0.5F) * LOT_STEP - PLAN_LOT_HALF,
        };
        float distance = plan_house_distance(plan, at.x, at.z);
        float light = tree_shadow(plan, at);
        if (hull_holds(&main, at) || (garage.count > 0 && hull_holds(&garage, at)))
            light = fminf(light, SHADOW_LIGHT);
        if (distance < 1.5F)
            light *= 1 - 0.3F * (1 - distance / 1.5F) * (1 - distance / 1.5F);
        paint->lot[i] = (struct paint_lot){light, dry_at(paint, at.x, at.z)};
    }
    for (int i = 0; i < 2; i++) {
        blur(paint->lot, 1);
        blur(paint->lot, PAINT_LOT_CELLS);
    }
}

void paint_init(struct paint *paint, const struct house_plan *plan, struct arena *arena)
{
    struct random random;
    size_t count = (size_t)PAINT_NOISE_SIZE * PAINT_NOISE_SIZE;
    *paint = (struct paint){
        .plan = plan,
        .noise = arena_new(arena, float, count),
        .lot = arena_new(arena, struct paint_lot, (size_t)PAINT_LOT_CELLS * PAINT_LOT_CELLS),
    };
    random_seed(&random, plan->seed);
    for (size_t i = 0; i < count; i++)
        paint->noise[i] = (float)(random_u64(&random) >> 40) / (float)(1 << 24);
    lot_make(paint);
}
