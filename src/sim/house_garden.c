// What is around the house: ground, trees, shrubs, fence.
#include "sim/house_build.h"

#include <math.h>

#define GROUND_CELLS 58U
#define GROUND_DEPTH 1.4F
#define FENCE_STEP   2.4F
#define FENCE_HEIGHT 1.6F
#define TRUNK_SIDES  8
#define CONE_SIDES   14
#define FULL_TURN    (2 * (float)M_PI)

static struct mesh_vec3 ground_at(const struct house_plan *plan, unsigned column, unsigned row)
{
    float step = 2 * PLAN_LOT_HALF / (float)GROUND_CELLS;
    float x = (float)column * step - PLAN_LOT_HALF;
    float z = (float)row * step - PLAN_LOT_HALF;
    return (struct mesh_vec3){x, plan_ground(plan, x, z), z};
}

static struct mesh_vec3 ground_normal(const struct house_plan *plan, float x, float z)
{
    float reach = 0.2F;
    float dx = plan_ground(plan, x + reach, z) - plan_ground(plan, x - reach, z);
    float dz = plan_ground(plan, x, z + reach) - plan_ground(plan, x, z - reach);
    return mesh_vec3_unit((struct mesh_vec3){-dx, 2 * reach, -dz});
}

// The lot is a slab: its cut sides show soil.
static void add_cut(struct shape *shape, struct mesh_vec3 left, struct mesh_vec3 right)
{
    struct mesh_vec3 low_left = left, low_right = right;
    low_left.y = -GROUND_DEPTH;
    low_right.y = -GROUND_DEPTH;
    shape_quad(shape, (const struct mesh_vec3[]){low_left, low_right, right, left}, ATLAS_SOIL);
}

void build_ground(struct shape *shape, const struct house_plan *plan)
{
    const unsigned n = GROUND_CELLS;
    uint32_t first = 0;
    for (unsigned row = 0; row <= n; row++) {
        for (unsigned column = 0; column <= n; column++) {
            struct mesh_vec3 at = ground_at(plan, column, row);
            struct mesh_uv uv =
                shape_uv(ATLAS_GROUND, (float)column / (float)n, 1 - (float)row / (float)n);
            uint32_t index = shape_vertex(shape, at, ground_normal(plan, at.x, at.z), uv);
            if (row == 0 && column == 0)
                first = index;
        }
    }
    for (unsigned i = 0; i < n * n; i++) {
        uint32_t a = first + i / n * (n + 1) + i % n;
        uint32_t below = a + n + 1;
        mesh_add_triangle(shape->mesh, a, below, below + 1);
        mesh_add_triangle(shape->mesh, a, below + 1, a + 1);
    }
    for (unsigned i = 0; i < n; i++) {
        add_cut(shape, ground_at(plan, i, n), ground_at(plan, i + 1, n));
        add_cut(shape, ground_at(plan, i + 1, 0), ground_at(plan, i, 0));
        add_cut(shape, ground_at(plan, n, i + 1), ground_at(plan, n, i));
        add_cut(shape, ground_at(plan, 0, i), ground_at(plan, 0, i + 1));
    }
    float half = PLAN_LOT_HALF, low = -GROUND_DEPTH;
    shape_quad(shape,
               (const struct mesh_vec3[]){
                   {-half, low, -half}, {half, low, -half}, {half, low, half}, {-half, low, half}},
               ATLAS_SOIL);
}

// A lump of leaves: a ball whose surface is pushed in and out.
struct lump {
    struct shape *shape;
    struct mesh_vec3 centre;
    struct mesh_vec3 size;
    struct mesh_vec3 shade_centre; // normals point away from here: lumps of one tree look like one
    float phase;
    enum atlas_region region;
};

static struct mesh_vec3 lump_point(const struct lump *lump, struct mesh_vec3 d)
{
    float out = 1 + 0.1F * sinf(5.1F * d.x + 3.7F * d.y + lump->phase) +
                0.09F * sinf(6.3F * d.z - 4.3F * d.y + 2 * lump->phase) +
                0.06F * sinf(13 * d.x + 11 * d.z + 3 * lump->phase) +
                0.05F * sinf(17 * d.y + 15 * d.x - lump->phase);
    return (struct mesh_vec3){
        lump->centre.x + d.x * lump->size.x * out,
        lump->centre.y + d.y * lump->size.y * out,
        lump->centre.z + d.z * lump->size.z * out,
    };
}

static float whole_part_off(float value)
{
    return value - floorf(value);
}

static float inside(float value)
{
    return fminf(fmaxf(value, 0), 1);
}

// The picture of leaves is bright at the top and dark at the bottom, like a tree.
static void add_leaf(const struct lump *lump, const struct mesh_vec3 directions[3])
{
    struct mesh_vec3 middle =
        mesh_vec3_unit(mesh_vec3_add(directions[0], mesh_vec3_add(directions[1], directions[2])));
    struct mesh_vec3 right =
        mesh_vec3_unit(mesh_vec3_cross((struct mesh_vec3){0.01F, 1, 0.01F}, middle));
    float turned = whole_part_off(atan2f(middle.z, middle.x) / FULL_TURN * 2 + lump->phase);
    uint32_t vertices[3];
    for (int i = 0; i < 3; i++) {
        struct mesh_vec3 at = lump_point(lump, directions[i]);
        struct mesh_vec3 off = mesh_vec3_sub(directions[i], middle);
        float u = 0.12F + 0.76F * turned + 0.32F * mesh_vec3_dot(off, right);
        float v = 0.5F + 0.44F * middle.y + 0.4F * off.y;
        struct mesh_vec3 normal = mesh_vec3_unit(mesh_vec3_add(
            mesh_vec3_scale(mesh_vec3_unit(mesh_vec3_sub(at, lump->shade_centre)), 0.4F),
            directions[i]));
        vertices[i] =
            shape_vertex(lump->shape, at, normal, shape_uv(lump->region, inside(u), inside(v)));
    }
    mesh_add_triangle(lump->shape->mesh, vertices[0], vertices[1], vertices[2]);
}

static void add_lump_part(const struct lump *lump, const struct mesh_vec3 corners[3], int depth)
{
    if (depth == 0) {
        add_leaf(lump, corners);
        return;
    }
    struct mesh_vec3 middles[3];
    for (int i = 0; i < 3; i++)
        middles[i] = mesh_vec3_unit(mesh_vec3_add(corners[i], corners[(i + 1) % 3]));
    for (int i = 0; i < 3; i++)
        add_lump_part(lump,
                      (const struct mesh_vec3[]){corners[i], middles[i], middles[(i + 2) % 3]},
                      depth - 1);
    add_lump_part(lump, middles, depth - 1);
}

// An octahedron, divided further.
static void add_lump(const struct lump *lump, int depth)
{
    for (int i = 0; i < 8; i++) {
        float x = i & 1 ? 1 : -1, y = i & 2 ? 1 : -1, z = i & 4 ? 1 : -1;
        struct mesh_vec3 corners[3] = {{x, 0, 0}, {0, y, 0}, {0, 0, z}};
        if (x * y * z < 0) {
            corners[0] = (struct mesh_vec3){0, 0, z};
            corners[2] = (struct mesh_vec3){x, 0, 0};
        }
        add_lump_part(lump, corners, depth);
    }
}

// A piece of a round trunk or cone.
struct ring {
    struct mesh_vec3 centre;
    float radius;
    float uneven; // every second corner is this part further in
};

static struct mesh_vec3 ring_at(const struct ring *ring, int corner, int corners)
{
    float angle = FULL_TURN * (float)corner / (float)corners;
    float radius = ring->radius * (corner % 2 == 0 ? 1 : 1 - ring->uneven);
    return (struct mesh_vec3){ring->centre.x + radius * cosf(angle), ring->centre.y,
                              ring->centre.z + radius * sinf(angle)};
}

static void add_tube(struct shape *shape, const struct ring *low, const struct ring *high,
                     int corners, enum atlas_region region)
{
    for (int i = 0; i < corners; i++) {
        const struct mesh_vec3 quad[4] = {
            ring_at(low, i + 1, corners),
            ring_at(low, i, corners),
            ring_at(high, i, corners),
            ring_at(high, i + 1, corners),
        };
        shape_quad(shape, quad, region);
    }
}

static void add_trunk(struct shape *shape, const struct plan_plant *tree, float ground, float top)
{
    float radius = 0.05F + 0.022F * tree->height;
    struct ring root = {{tree->x, ground - 0.2F, tree->z}, radius * 1.5F, 0};
    struct ring low = {{tree->x, ground + 0.5F, tree->z}, radius, 0};
    struct ring high = {{tree->x, ground + top, tree->z}, radius * 0.7F, 0};
    add_tube(shape, &root, &low, TRUNK_SIDES, ATLAS_BARK);
    add_tube(shape, &low, &high, TRUNK_SIDES, ATLAS_BARK);
}

static void add_broadleaf(struct shape *shape, const struct plan_plant *tree, float ground)
{
    float phase = (float)(tree->seed % 628) / 100;
    float crown = ground + tree->height * 0.64F;
    add_trunk(shape, tree, ground, tree->height * 0.55F);
    for (int i = 0; i < 6; i++) {
        float angle = phase + FULL_TURN * (float)i / 5;
        float out = i == 5 ? 0 : tree->radius * 0.52F;
        float high = i == 5 ? tree->height * 0.13F : tree->height * 0.05F * sinf(angle * 3);
        float radius = tree->radius * (i == 5 ? 0.72F : 0.56F);
        struct lump lump = {
            .shape = shape,
            .centre = {tree->x + out * cosf(angle), crown + high, tree->z + out * sinf(angle)},
            .size = {radius, radius * 0.92F, radius},
            .shade_centre = {tree->x, crown - tree->radius * 0.4F, tree->z},
            .phase = phase + (float)i,
            .region = ATLAS_LEAVES,
        };
        add_lump(&lump, 2);
    }
}

// Layers of branches that hang over each other; each is closed from below.
static void add_conifer(struct shape *shape, const struct plan_plant *tree, float ground)
{
    add_trunk(shape, tree, ground, tree->height * 0.25F);
    for (int i = 0; i < 6; i++) {
        float from = tree->height * (0.13F + 0.13F * (float)i);
        float reach = tree->radius * (1 - 0.14F * (float)i);
        struct ring low = {{tree->x, ground + from, tree->z}, reach, 0.2F};
        struct ring top = {
            {tree->x, ground + from + tree->height * 0.24F, tree->z}, reach * 0.08F, 0};
        struct ring middle = {{tree->x, ground + from + 0.1F, tree->z}, 0.04F, 0};
        add_tube(shape, &low, &top, CONE_SIDES, ATLAS_NEEDLES);
        add_tube(shape, &middle, &low, CONE_SIDES, ATLAS_DARK);
    }
}

static void add_shrub(struct shape *shape, const struct plan_plant *shrub, float ground)
{
    struct lump lump = {
        .shape = shape,
        .centre = {shrub->x, ground + shrub->height * 0.4F, shrub->z},
        .size = {shrub->radius, shrub->height * 0.55F, shrub->radius},
        .shade_centre = {shrub->x, ground, shrub->z},
        .phase = (float)(shrub->seed % 628) / 100,
        .region = shrub->seed % 3 == 0 ? ATLAS_BLOSSOM : ATLAS_LEAVES,
    };
    add_lump(&lump, 2);
}

static void add_fence_run(struct shape *shape, const struct house_plan *plan, struct mesh_vec3 from,
                          struct mesh_vec3 to)
{
    struct mesh_vec3 way = mesh_vec3_sub(to, from);
    float length = mesh_vec3_length(way);
    int count = (int)ceilf(length / FENCE_STEP);
    for (int i = 0; i < count; i++) {
        struct mesh_vec3 at =
            mesh_vec3_add(from, mesh_vec3_scale(way, ((float)i + 0.5F) / (float)count));
        float ground = plan_ground(plan, at.x, at.z);
        struct shape_box board = {
            .centre = {at.x, ground + FENCE_HEIGHT / 2 - 0.15F, at.z},
            .size = {length / (float)count - 0.1F, FENCE_HEIGHT, 0.05F},
            .turn = atan2f(-way.z, way.x),
        };
        struct shape_box post = {
            .centre = mesh_vec3_add(from, mesh_vec3_scale(way, (float)i / (float)count)),
            .size = {0.12F, FENCE_HEIGHT + 0.2F, 0.12F},
        };
        post.centre.y = ground + FENCE_HEIGHT / 2 - 0.1F;
        shape_add_box(shape, &board, ATLAS_FENCE);
        shape_add_box(shape, &post, ATLAS_BARK);
    }
}

static void add_fence(struct shape *shape, const struct house_plan *plan)
{
    float side = PLAN_LOT_HALF - 0.6F;
    float front = plan->main.walls.z1 - 1;
    struct mesh_vec3 corners[4] = {
        {-side, 0, front}, {-side, 0, -side}, {side, 0, -side}, {side, 0, front}};
    for (size_t i = 0; i + 1 < COUNT_OF(corners); i++)
        add_fence_run(shape, plan, corners[i], corners[i + 1]);
}

void build_plants(struct shape *shape, const struct house_plan *plan)
{
    for (size_t i = 0; i < plan->tree_count; i++) {
        const struct plan_plant *tree = &plan->trees[i];
        float ground = plan_ground(plan, tree->x, tree->z);
        if (tree->kind == PLAN_CONIFER)
            add_conifer(shape, tree, ground);
        else
            add_broadleaf(shape, tree, ground);
    }
    for (size_t i = 0; i < plan->shrub_count; i++)
        add_shrub(shape, &plan->shrubs[i], plan_ground(plan, plan->shrubs[i].x, plan->shrubs[i].z));
    if (plan->has_fence)
        add_fence(shape, plan);
}
