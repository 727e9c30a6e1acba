// Noise, and the light on the ground.
#include "sim/house_paint.h"

#include <math.h>

#include "base/random.h"

#define NOISE_SIZE   256U
#define HULL_MAX     16
#define SHADOW_LIGHT 0.56F
#define LIGHT_STEP   (2 * PLAN_LOT_HALF / (float)PAINT_LIGHT_CELLS)

struct place {
    float x, z;
};

// The outline of a shadow.
struct hull {
    struct place points[HULL_MAX * 2];
    size_t count;
};

float paint_noise(const struct paint *paint, float x, float y, unsigned period)
{
    x += (float)period;
    y += (float)period;
    unsigned column = (unsigned)x, row = (unsigned)y;
    float u = x - (float)column, v = y - (float)row;
    while (column >= period)
        column -= period;
    while (row >= period)
        row -= period;
    unsigned right = column + 1 == period ? 0 : column + 1;
    unsigned below = row + 1 == period ? 0 : row + 1;
    const uint8_t *noise = paint->noise;
    float a = noise[row * NOISE_SIZE + column], b = noise[row * NOISE_SIZE + right];
    float c = noise[below * NOISE_SIZE + column], d = noise[below * NOISE_SIZE + right];
    u = u * u * (3 - 2 * u);
    v = v * v * (3 - 2 * v);
    float top = a + (b - a) * u, low = c + (d - c) * u;
    return (top + (low - top) * v) / 255;
}

float paint_pick(const struct paint *paint, int column, int row)
{
    unsigned at = (unsigned)row * 101U + (unsigned)column * 37U;
    return (float)paint->noise[at % (NOISE_SIZE * NOISE_SIZE)] / 255;
}

float paint_grain(const struct paint *paint, float x, float y)
{
    unsigned column = (unsigned)((x + 64) * 131), row = (unsigned)((y + 64) * 137);
    return (float)paint->noise[row % NOISE_SIZE * NOISE_SIZE + column % NOISE_SIZE] / 255;
}

float paint_light(const struct paint *paint, float x, float z)
{
    float limit = (float)PAINT_LIGHT_CELLS - 1.001F;
    float column = fminf(fmaxf((x + PLAN_LOT_HALF) / LIGHT_STEP - 0.5F, 0), limit);
    float row = fminf(fmaxf((z + PLAN_LOT_HALF) / LIGHT_STEP - 0.5F, 0), limit);
    unsigned i = (unsigned)column, j = (unsigned)row;
    float u = column - (float)i, v = row - (float)j;
    const float *at = &paint->light[j * PAINT_LIGHT_CELLS + i];
    float top = at[0] + (at[1] - at[0]) * u;
    float low = at[PAINT_LIGHT_CELLS] + (at[PAINT_LIGHT_CELLS + 1] - at[PAINT_LIGHT_CELLS]) * u;
    return top + (low - top) * v;
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

static void block_shadow(const struct house_plan *plan, const struct plan_block *block,
                         bool hipped, struct hull *ret_hull)
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
static void blur(float *light, size_t step)
{
    const size_t n = PAINT_LIGHT_CELLS;
    size_t across = step == 1 ? n : 1;
    for (size_t line = 0; line < n; line++) {
        float *at = light + line * across;
        float before = at[0];
        for (size_t i = 1; i + 1 < n; i++) {
            float here = at[i * step];
            at[i * step] = (before + 2 * here + at[(i + 1) * step]) / 4;
            before = here;
        }
    }
}

static void light_make(struct paint *paint)
{
    const struct house_plan *plan = paint->plan;
    struct hull main = {.count = 0}, garage = {.count = 0};
    block_shadow(plan, &plan->main, plan->roof == PLAN_HIP, &main);
    if (plan->has_garage)
        block_shadow(plan, &plan->garage, false, &garage);
    for (unsigned i = 0; i < PAINT_LIGHT_CELLS * PAINT_LIGHT_CELLS; i++) {
        struct place at = {
            ((float)(i % PAINT_LIGHT_CELLS) + 0.5F) * LIGHT_STEP - PLAN_LOT_HALF,
            ((float)(i / PAINT_LIGHT_CELLS) + 0.5F) * LIGHT_STEP - PLAN_LOT_HALF,
        };
        float distance = plan_distance(&plan->main.walls, at.x, at.z);
        if (plan->has_garage)
            distance = fminf(distance, plan_distance(&plan->garage.walls, at.x, at.z));
        float light = tree_shadow(plan, at);
        if (hull_holds(&main, at) || (garage.count > 0 && hull_holds(&garage, at)))
            light = fminf(light, SHADOW_LIGHT);
        if (distance < 1.5F)
            light *= 1 - 0.3F * (1 - distance / 1.5F) * (1 - distance / 1.5F);
        paint->light[i] = light;
    }
    for (int i = 0; i < 2; i++) {
        blur(paint->light, 1);
        blur(paint->light, PAINT_LIGHT_CELLS);
    }
}

void paint_init(struct paint *paint, const struct house_plan *plan, struct arena *arena)
{
    struct random random;
    *paint = (struct paint){
        .plan = plan,
        .noise = arena_raw(arena, (size_t)NOISE_SIZE * NOISE_SIZE),
        .light = arena_new(arena, float, (size_t)PAINT_LIGHT_CELLS *PAINT_LIGHT_CELLS),
    };
    random_seed(&random, plan->seed);
    for (size_t i = 0; i < (size_t)NOISE_SIZE * NOISE_SIZE; i += sizeof(uint64_t)) {
        uint64_t bytes = random_u64(&random);
        memcpy(paint->noise + i, &bytes, sizeof(bytes));
    }
    light_make(paint);
}
