// Walls with what is in them.
#include "sim/house_build.h"

#include <math.h>

#define BASE         -0.4F // walls begin below the ground
#define STOREY       2.7F
#define SILL         1.0F
#define WINDOW_WIDTH 1.2F
#define WINDOW_HIGH  1.45F
#define WINDOW_STEP  2.7F
#define DEPTH        0.05F // how far frames stand out of the wall

// Where a window, a door or the like is in a wall.
struct opening {
    float middle; // along the wall
    float sill;   // above the wall's origin
    float width;
    float height;
    enum atlas_region region;
};

static struct mesh_vec3 outward(const struct shape_plane *plane)
{
    return mesh_vec3_cross(plane->along, plane->up);
}

static struct shape_plane moved_out(const struct shape_plane *plane, float distance)
{
    struct shape_plane moved = *plane;
    moved.origin = mesh_vec3_add(plane->origin, mesh_vec3_scale(outward(plane), distance));
    return moved;
}

// A board on a wall, from one point to another, standing out by depth.
static void add_board(struct shape *shape, const struct shape_plane *wall,
                      const struct opening *board, float depth)
{
    struct mesh_vec3 out = outward(wall);
    struct mesh_vec3 centre = shape_at(wall, board->middle, board->sill + board->height / 2);
    struct shape_box box = {
        .centre = mesh_vec3_add(centre, mesh_vec3_scale(out, depth / 2)),
        .size = {board->width, board->height, depth},
        .turn = atan2f(out.x, out.z),
    };
    shape_add_box(shape, &box, board->region);
}

static void add_opening(struct shape *shape, const struct shape_plane *wall,
                        const struct opening *opening)
{
    struct opening frame = *opening;
    frame.region = ATLAS_TRIM;
    add_board(shape, wall, &frame, DEPTH);
    struct shape_plane front = moved_out(wall, DEPTH + 0.01F);
    float left = opening->middle - opening->width / 2;
    shape_sheet(shape, &front, (struct plan_point){left, opening->sill},
                (struct plan_point){left + opening->width, opening->sill + opening->height},
                opening->region);
}

static void add_window(struct shape *shape, const struct shape_plane *wall,
                       const struct opening *opening)
{
    add_opening(shape, wall, opening);
    struct opening sill = {
        .middle = opening->middle,
        .sill = opening->sill - 0.08F,
        .width = opening->width + 0.18F,
        .height = 0.08F,
        .region = ATLAS_TRIM,
    };
    add_board(shape, wall, &sill, 0.14F);
}

// The four walls of a block: front, back, right and left.
enum side { SIDE_FRONT, SIDE_BACK, SIDE_RIGHT, SIDE_LEFT, SIDE_COUNT };

static struct shape_plane wall_plane(const struct plan_rect *walls, enum side side,
                                     float *ret_width)
{
    const struct shape_plane planes[SIDE_COUNT] = {
        [SIDE_FRONT] = {{walls->x0, 0, walls->z1}, {1, 0, 0}, {0, 1, 0}},
        [SIDE_BACK] = {{walls->x1, 0, walls->z0}, {-1, 0, 0}, {0, 1, 0}},
        [SIDE_RIGHT] = {{walls->x1, 0, walls->z1}, {0, 0, -1}, {0, 1, 0}},
        [SIDE_LEFT] = {{walls->x0, 0, walls->z0}, {0, 0, 1}, {0, 1, 0}},
    };
    bool is_end = side == SIDE_RIGHT || side == SIDE_LEFT;
    *ret_width = is_end ? walls->z1 - walls->z0 : walls->x1 - walls->x0;
    return planes[side];
}

static void add_block(struct shape *shape, const struct plan_block *block, bool gabled)
{
    for (enum side side = SIDE_FRONT; side < SIDE_COUNT; side++) {
        float width;
        struct shape_plane plane = wall_plane(&block->walls, side, &width);
        plane.origin.y = BASE;
        float high = block->eave - BASE;
        struct plan_point outline[5] = {{0, 0}, {width, 0}, {width, high}, {0, high}};
        size_t count = 4;
        if (gabled && (side == SIDE_RIGHT || side == SIDE_LEFT)) {
            outline[4] = outline[3];
            outline[3] = (struct plan_point){width / 2, block->ridge - BASE};
            count = 5;
        }
        shape_tiled(shape, &plane, outline, count, ATLAS_WALL);
    }
    const struct plan_rect *walls = &block->walls;
    struct shape_box foundation = {
        .centre = {(walls->x0 + walls->x1) / 2, -0.06F, (walls->z0 + walls->z1) / 2},
        .size = {walls->x1 - walls->x0 + 0.08F, 0.62F, walls->z1 - walls->z0 + 0.08F},
    };
    shape_add_tiled_box(shape, &foundation, ATLAS_CONCRETE);
}

static void add_corner_boards(struct shape *shape, const struct plan_block *block)
{
    const struct plan_rect *walls = &block->walls;
    for (int i = 0; i < 4; i++) {
        struct shape_box box = {
            .centre = {i % 2 == 0 ? walls->x0 : walls->x1, block->eave / 2,
                       i / 2 == 0 ? walls->z0 : walls->z1},
            .size = {0.14F, block->eave, 0.14F},
        };
        shape_add_box(shape, &box, ATLAS_TRIM);
    }
}

// Whether a ground-floor window would be in the way of something else.
static bool is_blocked(const struct house_plan *plan, enum side side, float middle)
{
    const struct plan_rect *walls = &plan->main.walls;
    if (side == SIDE_FRONT)
        return fabsf(walls->x0 + middle - plan->door_x) < 1.6F;
    if (side == SIDE_BACK)
        return fabsf(walls->x1 - middle - (plan->patio.x0 + plan->patio.x1) / 2) < 2.2F;
    bool garage_side = side == (plan->garage_side > 0 ? SIDE_RIGHT : SIDE_LEFT);
    return plan->has_garage && garage_side;
}

static void add_storey(struct shape *shape, const struct house_plan *plan, enum side side,
                       unsigned storey)
{
    float width;
    struct shape_plane wall = wall_plane(&plan->main.walls, side, &width);
    int count = (int)floorf((width - 0.8F) / WINDOW_STEP);
    for (int i = 0; i < count; i++) {
        float middle = width / 2 + ((float)i - (float)(count - 1) / 2) * WINDOW_STEP;
        if (storey == 0 && is_blocked(plan, side, middle))
            continue;
        bool curtain = (plan->seed >> ((unsigned)i + storey * 5 + (unsigned)side * 9) & 1) != 0;
        struct opening window = {
            .middle = middle,
            .sill = SILL + (float)storey * STOREY,
            .width = WINDOW_WIDTH,
            .height = WINDOW_HIGH,
            .region = curtain ? ATLAS_WINDOW_CURTAIN : ATLAS_WINDOW,
        };
        add_window(shape, &wall, &window);
    }
}

static void add_gable_windows(struct shape *shape, const struct house_plan *plan)
{
    for (enum side side = SIDE_RIGHT; side < SIDE_COUNT; side++) {
        float width;
        struct shape_plane wall = wall_plane(&plan->main.walls, side, &width);
        struct opening window = {
            .middle = width / 2,
            .sill = plan->main.eave + 0.45F,
            .width = 0.8F,
            .height = 0.95F,
            .region = ATLAS_WINDOW,
        };
        if (plan->main.ridge - plan->main.eave > 2.1F)
            add_window(shape, &wall, &window);
    }
}

static void add_step(struct shape *shape, float x, const struct plan_rect *walls, int step)
{
    float out = 0.5F + 0.35F * (float)(2 - step);
    struct shape_box box = {
        .centre = {x, 0.085F * (float)step - 0.1F, walls->z1 + out / 2},
        .size = {1.5F + 0.3F * (float)(2 - step), 0.17F * (float)step + 0.2F, out},
    };
    shape_add_tiled_box(shape, &box, ATLAS_CONCRETE);
}

// The front door with steps and a lamp, the garden door, and the garage door.
static void add_doors(struct shape *shape, const struct house_plan *plan)
{
    float width;
    const struct plan_rect *walls = &plan->main.walls;
    struct shape_plane front = wall_plane(walls, SIDE_FRONT, &width);
    struct opening door = {plan->door_x - walls->x0, 0.3F, 1.05F, 2.15F, ATLAS_DOOR};
    add_opening(shape, &front, &door);
    struct opening lamp = {door.middle + 0.85F, 1.85F, 0.14F, 0.26F, ATLAS_DARK};
    add_board(shape, &front, &lamp, 0.14F);
    add_step(shape, plan->door_x, walls, 1);
    add_step(shape, plan->door_x, walls, 2);
    struct shape_plane back = wall_plane(walls, SIDE_BACK, &width);
    float patio = (plan->patio.x0 + plan->patio.x1) / 2;
    struct opening garden = {walls->x1 - patio, 0.15F, 2.6F, 2.2F, ATLAS_WINDOW_WIDE};
    add_opening(shape, &back, &garden);
    if (!plan->has_garage)
        return;
    struct shape_plane garage = wall_plane(&plan->garage.walls, SIDE_FRONT, &width);
    struct opening gate = {width / 2, 0.02F, fminf(4.9F, width - 0.8F), 2.2F, ATLAS_GARAGE_DOOR};
    add_opening(shape, &garage, &gate);
}

// The inverter and the meter, on an end wall where there is no garage.
static void add_inverter(struct shape *shape, const struct house_plan *plan)
{
    float width;
    bool on_right = !plan->has_garage || plan->garage_side < 0;
    struct shape_plane wall =
        wall_plane(&plan->main.walls, on_right ? SIDE_RIGHT : SIDE_LEFT, &width);
    struct opening inverter = {0.75F, 1.2F, 0.45F, 0.65F, ATLAS_TRIM};
    struct opening meter = {1.3F, 1.3F, 0.28F, 0.4F, ATLAS_FRAME};
    add_board(shape, &wall, &inverter, 0.2F);
    add_board(shape, &wall, &meter, 0.14F);
}

void build_walls(struct shape *shape, const struct house_plan *plan)
{
    bool gabled = plan->roof == PLAN_GABLE;
    add_block(shape, &plan->main, gabled);
    if (plan->has_garage)
        add_block(shape, &plan->garage, true);
    if (plan->cladding == PLAN_SIDING) {
        add_corner_boards(shape, &plan->main);
        if (plan->has_garage)
            add_corner_boards(shape, &plan->garage);
    }
    for (unsigned storey = 0; storey < plan->storeys; storey++) {
        for (enum side side = SIDE_FRONT; side < SIDE_COUNT; side++)
            add_storey(shape, plan, side, storey);
    }
    if (gabled)
        add_gable_windows(shape, plan);
    add_doors(shape, plan);
    add_inverter(shape, plan);
}
