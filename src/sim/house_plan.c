// Drawing plans from coordinates.
#include "sim/house_plan.h"

#include <math.h>

#include "base/random.h"

#define DEGREE ((float)M_PI / 180)
// What is drawn keeps this distance from the edge of the lot.
#define EDGE 1.5F

static const struct plan_colours wall_colours[] = {
    {{232, 228, 218}, {250, 250, 246}, {88, 86, 88}, {128, 44, 40}},
    {{196, 205, 196}, {246, 246, 240}, {84, 74, 66}, {48, 66, 60}},
    {{168, 182, 194}, {248, 248, 248}, {72, 76, 84}, {176, 132, 48}},
    {{222, 206, 176}, {246, 240, 228}, {112, 84, 64}, {84, 56, 40}},
    {{206, 190, 170}, {240, 236, 228}, {94, 80, 72}, {40, 72, 104}},
    {{236, 232, 226}, {70, 72, 76}, {58, 60, 66}, {58, 92, 74}},
};
static const struct mesh_rgb brick_colours[] = {{158, 88, 68}, {148, 100, 80}, {136, 74, 60}};
static const struct mesh_rgb clay_colours[] = {{176, 96, 66}, {164, 84, 58}, {150, 92, 70}};

static uint64_t place_seed(double latitude, double longitude)
{
    int64_t lat = llround(latitude * 1e6);
    int64_t lon = llround(longitude * 1e6);
    struct random random;
    random_seed(&random, (uint64_t)lat * UINT64_C(0x9e3779b97f4a7c15) + (uint64_t)lon);
    return random_u64(&random);
}

static float between(struct random *random, float min, float max)
{
    return min + (max - min) * (float)random_unit(random);
}

static bool chance(struct random *random, double part)
{
    return random_unit(random) < part;
}

static size_t pick(struct random *random, size_t count)
{
    return (size_t)random_between(random, 0, (int64_t)count - 1);
}

static struct plan_rect rect_around(float x, float z, float width, float depth)
{
    return (struct plan_rect){x - width / 2, x + width / 2, z - depth / 2, z + depth / 2};
}

static float ridge_height(const struct plan_rect *walls, float eave, float pitch)
{
    return eave + (walls->z1 - walls->z0) / 2 * tanf(pitch);
}

static void draw_blocks(struct house_plan *plan, struct random *random)
{
    float width = between(random, 12.4F, 15.2F);
    float depth = between(random, 8.8F, 10.4F);
    plan->storeys = chance(random, 0.4) ? 2 : 1;
    plan->pitch = between(random, 23, 32) * DEGREE;
    plan->overhang = between(random, 0.38F, 0.55F);
    plan->has_garage = chance(random, 0.75);
    plan->garage_side = chance(random, 0.5) ? 1 : -1;
    if (plan->storeys == 2)
        width -= 1.2F;
    float garage_width = between(random, 5.8F, 6.6F);
    float x = plan->has_garage ? -plan->garage_side * garage_width / 2 : 0;
    struct plan_block *main = &plan->main;
    main->walls = rect_around(x, -2.5F, width, depth);
    main->eave = plan->storeys == 2 ? 5.5F : 2.85F;
    main->ridge = ridge_height(&main->walls, main->eave, plan->pitch);
    struct plan_block *garage = &plan->garage;
    float end = plan->garage_side > 0 ? main->walls.x1 : main->walls.x0;
    // Far enough back that the eaves of its roof, which reaches into the house, do not come out
    // again.
    float front = main->walls.z1 - between(random, 0.75F, 1.2F);
    float garage_depth = between(random, 6.2F, 6.8F);
    garage->walls = rect_around(end + plan->garage_side * garage_width / 2,
                                front - garage_depth / 2, garage_width, garage_depth);
    garage->eave = 2.5F;
    garage->ridge = ridge_height(&garage->walls, garage->eave, plan->pitch);
}

static void draw_style(struct house_plan *plan, struct random *random, double latitude)
{
    plan->roof = chance(random, 0.6) ? PLAN_GABLE : PLAN_HIP;
    plan->cladding = (enum plan_cladding)pick(random, 3);
    plan->tiled = chance(random, fabs(latitude) < 38 ? 0.5 : 0.2);
    plan->colours = wall_colours[pick(random, COUNT_OF(wall_colours))];
    if (plan->cladding == PLAN_BRICK)
        plan->colours.wall = brick_colours[pick(random, COUNT_OF(brick_colours))];
    if (plan->tiled)
        plan->colours.roof = clay_colours[pick(random, COUNT_OF(clay_colours))];
    // Most streets run so that one side of the roof faces the sun.
    float quarter = chance(random, 0.75) ? 0 : 90;
    float turned = chance(random, 0.5) ? 180 : 0;
    plan->yaw = (quarter + turned + between(random, -16, 16)) * DEGREE;
}

// The side that faces the direction (d.u, d.v), which is an axis, of a roof over walls with this
// eave. inset is how much shorter the top is than the eave at each end.
static struct plan_face *add_face(struct house_plan *plan, const struct plan_block *block,
                                  struct plan_point d, float inset)
{
    const struct plan_rect *walls = &block->walls;
    bool to_side = d.u != 0;
    float half_x = (walls->x1 - walls->x0) / 2 + plan->overhang;
    float half_z = (walls->z1 - walls->z0) / 2 + plan->overhang;
    float out = to_side ? half_x : half_z;
    float half = to_side ? half_z : half_x;
    float slope = half_z / cosf(plan->pitch); // all sides rise at one pitch from one eave
    struct plan_face *face = &plan->faces[plan->face_count++];
    *face = (struct plan_face){.corner_count = 4};
    face->along = (struct mesh_vec3){d.v, 0, -d.u};
    face->up =
        (struct mesh_vec3){-d.u * cosf(plan->pitch), sinf(plan->pitch), -d.v * cosf(plan->pitch)};
    face->normal = mesh_vec3_cross(face->along, face->up);
    face->origin = (struct mesh_vec3){
        (walls->x0 + walls->x1) / 2 + d.u * out - face->along.x * half,
        block->eave - plan->overhang * tanf(plan->pitch) + PLAN_ROOF_THICKNESS,
        (walls->z0 + walls->z1) / 2 + d.v * out - face->along.z * half,
    };
    face->outline[1] = (struct plan_point){2 * half, 0};
    face->outline[2] = (struct plan_point){2 * half - inset, slope};
    face->outline[3] = (struct plan_point){inset, slope};
    if (2 * half - 2 * inset < 0.01F) {
        face->outline[2].u = half;
        face->corner_count = 3;
    }
    return face;
}

static void add_spot(struct plan_face *face, struct plan_point from, struct plan_point to)
{
    check(face->spot_count < PLAN_SPOTS_MAX);
    size_t at = face->spot_count++;
    face->spots[at].from = from;
    face->spots[at].to = to;
}

// The garage's roof reaches into the main one until it is under it; no panels there.
static void add_garage_faces(struct house_plan *plan)
{
    struct plan_block block = plan->garage;
    float rise = block.ridge - plan->main.eave;
    bool meets_slope = plan->roof == PLAN_HIP && rise > 0;
    float inward = meets_slope ? rise / tanf(plan->pitch) + plan->overhang : 0;
    bool right = plan->garage_side > 0;
    if (right)
        block.walls.x0 -= inward;
    else
        block.walls.x1 += inward;
    float taken = inward + 2 * plan->overhang + 0.2F;
    for (int side = 1; side >= -1; side -= 2) {
        struct plan_face *face = add_face(plan, &block, (struct plan_point){0, (float)side}, 0);
        float length = face->outline[1].u;
        bool at_start = right == (side > 0);
        add_spot(face, (struct plan_point){at_start ? 0 : length - taken, 0},
                 (struct plan_point){at_start ? taken : length, face->outline[2].v});
    }
    if (!meets_slope)
        return;
    struct plan_face *covered = &plan->faces[right ? 2 : 3];
    add_spot(covered, covered->outline[0],
             (struct plan_point){covered->outline[1].u, covered->outline[2].v});
}

static struct mesh_vec3 turn(struct mesh_vec3 v, float yaw)
{
    return (struct mesh_vec3){v.x * cosf(yaw) + v.z * sinf(yaw), v.y,
                              v.z * cosf(yaw) - v.x * sinf(yaw)};
}

static void draw_faces(struct house_plan *plan, double latitude)
{
    static const struct plan_point sides[] = {{0, 1}, {0, -1}, {1, 0}, {-1, 0}};
    float half_z = (plan->main.walls.z1 - plan->main.walls.z0) / 2 + plan->overhang;
    float inset = plan->roof == PLAN_HIP ? half_z : 0;
    for (size_t i = 0; i < (plan->roof == PLAN_HIP ? 4 : 2); i++)
        (void)add_face(plan, &plan->main, sides[i], inset);
    plan->main_face_count = plan->face_count;
    if (plan->has_garage)
        add_garage_faces(plan);
    // The sun at its yearly middle stands over the equator.
    float height = (90 - (float)fabs(latitude)) * DEGREE;
    struct mesh_vec3 noon = {0, sinf(height), latitude >= 0 ? cosf(height) : -cosf(height)};
    for (size_t i = 0; i < plan->face_count; i++)
        plan->faces[i].sun = mesh_vec3_dot(turn(plan->faces[i].normal, plan->yaw), noon);
    struct mesh_vec3 afternoon = {-0.55F, 0.85F, latitude >= 0 ? 0.6F : -0.6F};
    plan->sun = mesh_vec3_unit(turn(afternoon, -plan->yaw));
}

// The chimney stands near the ridge, on that long side of the roof which sees less sun.
static void draw_chimney(struct house_plan *plan, struct random *random)
{
    struct plan_face *face =
        plan->faces[0].sun < plan->faces[1].sun ? &plan->faces[0] : &plan->faces[1];
    float length = face->outline[1].u;
    float slope = face->outline[2].v;
    float part = between(random, 0.36F, 0.44F);
    struct plan_point at = {chance(random, 0.5) ? length * part : length * (1 - part),
                            slope - 1.1F};
    add_spot(face, (struct plan_point){at.u - 0.75F, at.v - 0.6F},
             (struct plan_point){at.u + 0.75F, at.v + 0.6F});
    float x = face->origin.x + face->along.x * at.u;
    float z = face->origin.z + face->up.z * at.v;
    plan->chimney = rect_around(x, z, 1.0F, 0.7F);
    plan->chimney_top = plan->main.ridge + 0.75F;
}

float plan_distance(const struct plan_rect *rect, float x, float z)
{
    float dx = fmaxf(fmaxf(rect->x0 - x, x - rect->x1), 0);
    float dz = fmaxf(fmaxf(rect->z0 - z, z - rect->z1), 0);
    return sqrtf(dx * dx + dz * dz);
}

float plan_house_distance(const struct house_plan *plan, float x, float z)
{
    float distance = plan_distance(&plan->main.walls, x, z);
    if (!plan->has_garage)
        return distance;
    return fminf(distance, plan_distance(&plan->garage.walls, x, z));
}

float plan_ground(const struct house_plan *plan, float x, float z)
{
    float height = 0.34F * sinf(0.21F * x + 0.11F * z + plan->waves[0]) +
                   0.24F * sinf(0.17F * x - 0.33F * z + plan->waves[1]) +
                   0.07F * sinf(0.9F * x + 0.7F * z + plan->waves[2]);
    float distance = plan_house_distance(plan, x, z);
    float street = PLAN_LOT_HALF - PLAN_STREET_DEPTH - z;
    float part = fminf((distance - 2) / 7, street / 5);
    part = fminf(fmaxf(part, 0), 1);
    return height * part * part * (3 - 2 * part);
}

static bool is_free(const struct house_plan *plan, float x, float z, float radius)
{
    if (plan_house_distance(plan, x, z) < radius + 1.2F)
        return false;
    if (plan_distance(&plan->driveway, x, z) < 0.9F || plan_distance(&plan->path, x, z) < 0.9F ||
        plan_distance(&plan->patio, x, z) < 0.9F)
        return false;
    for (size_t i = 0; i < plan->tree_count; i++) {
        float dx = plan->trees[i].x - x;
        float dz = plan->trees[i].z - z;
        if (sqrtf(dx * dx + dz * dz) < (plan->trees[i].radius + radius) * 0.9F)
            return false;
    }
    return true;
}

static void draw_trees(struct house_plan *plan, struct random *random)
{
    size_t wanted = 4 + pick(random, 4);
    for (size_t tries = 0; tries < 200 && plan->tree_count < wanted; tries++) {
        struct plan_plant tree = {
            .kind = chance(random, 0.7) ? PLAN_BROADLEAF : PLAN_CONIFER,
            .height = between(random, 4.2F, 7.5F),
            .seed = (uint32_t)random_u64(random),
        };
        tree.radius = tree.height * (tree.kind == PLAN_CONIFER ? 0.26F : 0.36F);
        float reach = PLAN_LOT_HALF - EDGE - tree.radius * 0.6F;
        tree.x = between(random, -reach, reach);
        tree.z = between(random, -reach, PLAN_LOT_HALF - PLAN_STREET_DEPTH - 1);
        if (is_free(plan, tree.x, tree.z, tree.radius))
            plan->trees[plan->tree_count++] = tree;
    }
}

static void draw_shrubs(struct house_plan *plan, struct random *random)
{
    const struct plan_rect *walls = &plan->main.walls;
    float x = walls->x0 + 0.7F;
    while (x < walls->x1 - 0.5F && plan->shrub_count < PLAN_SHRUBS_MAX) {
        float radius = between(random, 0.35F, 0.62F);
        bool at_door = fabsf(x - plan->door_x) < 1.5F;
        bool at_garage = plan->has_garage && x > plan->garage.walls.x0 - 0.9F &&
                         x < plan->garage.walls.x1 + 0.9F;
        if (!at_door && !at_garage && chance(random, 0.85))
            plan->shrubs[plan->shrub_count++] = (struct plan_plant){
                .x = x,
                .z = walls->z1 + 0.85F,
                .radius = radius,
                .height = radius * between(random, 1.3F, 1.9F),
                .seed = (uint32_t)random_u64(random),
            };
        x += radius + between(random, 0.55F, 1.5F);
    }
}

static void draw_paving(struct house_plan *plan, struct random *random)
{
    const struct plan_rect *walls = &plan->main.walls;
    float street = PLAN_LOT_HALF - PLAN_STREET_DEPTH;
    plan->door_x = (walls->x0 + walls->x1) / 2 + plan->garage_side * between(random, 0.4F, 1.6F);
    plan->path = (struct plan_rect){plan->door_x - 0.6F, plan->door_x + 0.6F, walls->z1, street};
    const struct plan_rect *garage = &plan->garage.walls;
    if (plan->has_garage)
        plan->driveway =
            (struct plan_rect){garage->x0 + 0.4F, garage->x1 - 0.4F, garage->z1, street};
    else
        plan->driveway = (struct plan_rect){walls->x1 + 1.0F, walls->x1 + 3.9F, walls->z0, street};
    float depth = between(random, 2.8F, 4.2F);
    float middle = (walls->x0 + walls->x1) / 2;
    plan->patio = (struct plan_rect){middle - 2.8F, middle + 2.4F, walls->z0 - depth, walls->z0};
}

void plan_make(double latitude, double longitude, struct house_plan *ret_plan)
{
    *ret_plan = (struct house_plan){.seed = place_seed(latitude, longitude)};
    struct random random;
    random_seed(&random, ret_plan->seed);
    draw_style(ret_plan, &random, latitude);
    draw_blocks(ret_plan, &random);
    draw_faces(ret_plan, latitude);
    draw_chimney(ret_plan, &random);
    draw_paving(ret_plan, &random);
    draw_trees(ret_plan, &random);
    draw_shrubs(ret_plan, &random);
    ret_plan->has_fence = chance(&random, 0.7);
    for (size_t i = 0; i < COUNT_OF(ret_plan->waves); i++)
        ret_plan->waves[i] = between(&random, 0, 6.28F);
}
