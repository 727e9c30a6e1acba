// Painting the materials of a house, each into its region of the one image.
#include "sim/house_atlas.h"

#include <math.h>

#include "sim/house_paint.h"

#define TURN (2 * (float)M_PI)
// Each region is painted a little beyond its edges, so that filters mix in nothing else.
#define GUTTER 3

#define BRICK_WIDTH  (0.8F / 3)
#define BRICK_HEIGHT 0.08F

static struct colour grey(float level)
{
    return (struct colour){level, level, level};
}

// How far a place is from the nearest edge of a rectangle that begins at (0, 0).
static float edge_distance(float x, float y, float width, float height)
{
    float across = x < width - x ? x : width - x;
    float along = y < height - y ? y : height - y;
    return across < along ? across : along;
}

// Whether value is within half of middle.
static bool near(float value, float middle, float half)
{
    return fabsf(value - middle) < half;
}

static struct colour siding(const struct paint *paint, float x, float y)
{
    int board;
    float part = paint_part_of(y, 0.2F, &board);
    float streak = paint_noise(paint, x * 5, y * 20, 16);
    float shade =
        0.95F + 0.05F * part + 0.03F * paint_pick(paint, 3, board & 15) + 0.03F * (streak - 0.5F);
    if (part > 0.88F)
        shade *= 0.66F + 0.8F * (1 - part);
    return colour_scale(colour_of(paint->plan->colours.wall), shade);
}

static struct colour bricks(const struct paint *paint, struct colour colour, float x, float y)
{
    static const struct colour mortar = {176, 168, 156};
    int row, column;
    float v = paint_part_of(y, BRICK_HEIGHT, &row);
    float u = paint_part_of(x + (row % 2 == 0 ? 0 : BRICK_WIDTH / 2), BRICK_WIDTH, &column);
    float grain = paint_grain(paint, x, y);
    if (v < 0.16F || u < 0.05F)
        return colour_scale(mortar, 0.8F + 0.15F * grain);
    float tone = paint_pick(paint, column % 12, row % 40);
    return colour_scale(colour, 0.76F + 0.36F * tone + 0.14F * (grain - 0.5F));
}

static struct colour stucco(const struct paint *paint, float x, float y)
{
    float coarse = paint_noise(paint, x * 10, y * 10, 32);
    float wide = paint_noise(paint, x * 1.25F, y * 1.25F, 4);
    float shade = 0.9F + 0.07F * coarse + 0.05F * wide + 0.06F * paint_grain(paint, x, y);
    return colour_scale(colour_of(paint->plan->colours.wall), shade);
}

static struct colour wall(const struct paint *paint, float x, float y)
{
    switch (paint->plan->cladding) {
    case PLAN_SIDING:
        return siding(paint, x, y);
    case PLAN_BRICK:
        return bricks(paint, colour_of(paint->plan->colours.wall), x, y);
    case PLAN_STUCCO:
        return stucco(paint, x, y);
    }
    return grey(128);
}

static struct colour chimney(const struct paint *paint, float x, float y)
{
    return bricks(paint, (struct colour){146, 84, 64}, x, y);
}

static struct colour shingles(const struct paint *paint, float x, float y)
{
    int row, tab;
    float v = paint_part_of(y, 0.2F, &row);
    float shift = paint_pick(paint, 11, (row + 20) % 20) * 0.3F;
    float u = paint_part_of(x + shift, 1.0F / 3, &tab);
    float tone = paint_pick(paint, (tab + 12) % 12, (row + 20) % 20);
    float patch = paint_noise(paint, x, y, 4);
    float shade = 0.8F + 0.26F * tone + 0.12F * patch + 0.16F * paint_grain(paint, x, y);
    if (v < 0.12F)
        shade *= 0.62F;
    else if (u < 0.04F)
        shade *= 0.76F;
    return colour_scale(colour_of(paint->plan->colours.roof), shade);
}

static struct colour clay(const struct paint *paint, float x, float y)
{
    int row, column;
    float v = paint_part_of(y, 0.4F, &row);
    float u = paint_part_of(x, 0.25F, &column);
    float round = cosf((u - 0.42F) * TURN);
    float tone = paint_pick(paint, (column + 16) % 16, (row + 10) % 10);
    float shade = 0.8F + 0.22F * round + 0.22F * tone + 0.1F * paint_grain(paint, x, y);
    if (v < 0.1F)
        shade *= 0.6F + 2 * v;
    return colour_scale(colour_of(paint->plan->colours.roof), shade);
}

static struct colour roof(const struct paint *paint, float x, float y)
{
    return paint->plan->tiled ? clay(paint, x, y) : shingles(paint, x, y);
}

static struct colour ridge(const struct paint *paint, float x, float y)
{
    float shade = 0.84F + 0.2F * paint_grain(paint, x, y);
    return colour_scale(colour_of(paint->plan->colours.roof), shade);
}

// A panel lying on its longer side, which shows it larger.
static struct colour panel(const struct paint *paint, float x, float y)
{
    const float width = 1.755F, height = 1.04F, border = 0.03F;
    static const struct colour cell_low = {14, 20, 42}, cell_high = {38, 54, 96};
    bool black = paint->plan->seed % 4 == 0;
    float side = edge_distance(x, y, width, height);
    if (side < border)
        return black ? grey(52) : grey(180 + 24 * side / border);
    int column, row;
    float u = paint_part_of(x - border, (width - 2 * border) / 10, &column);
    float v = paint_part_of(y - border, (height - 2 * border) / 6, &row);
    if (u < 0.035F || v < 0.035F || near(x, width / 2, 0.01F))
        return black ? grey(70) : (struct colour){118, 128, 142};
    float tone = 0.3F * x / width + 0.3F * y / height + 0.2F * paint_pick(paint, column, row);
    struct colour colour = colour_mix(cell_low, cell_high, tone);
    if (near(v, 0.27F, 0.025F) || near(v, 0.52F, 0.025F) || near(v, 0.77F, 0.025F))
        colour = colour_mix(colour, grey(120), 0.25F);
    return colour;
}

// Glass that mirrors the sky above and the garden below.
static struct colour glass(const struct paint *paint, float x, float y, float height)
{
    static const struct colour low = {46, 56, 60}, middle = {70, 88, 100}, high = {150, 176, 196};
    float part =
        y / height + 0.14F * (paint_noise(paint, x * 2 + 5, y * 2, PAINT_NOISE_SIZE) - 0.5F);
    float glint = near(x * 0.6F + y, 1.05F, 0.09F) ? 16 : 0;
    struct colour colour = part < 0.4F ? colour_mix(low, middle, clamp(part, 0, 1) / 0.4F)
                                       : colour_mix(middle, high, (part - 0.4F) / 0.6F);
    return (struct colour){colour.r + glint, colour.g + glint, colour.b + glint};
}

// The frame, its bars and the shadow that the frame throws on the glass.
static struct colour window(const struct paint *paint, float x, float y, int panes,
                            bool has_curtain)
{
    const float width = panes == 2 ? 1.2F : 2.4F, height = 1.45F;
    struct colour trim = colour_of(paint->plan->colours.trim);
    float side = edge_distance(x, y, width, height);
    if (side < 0.075F)
        return colour_scale(trim, side > 0.06F ? 0.8F : 0.98F);
    int pane;
    float part = paint_part_of(x, width / (float)panes, &pane);
    if (part < 0.03F || part > 0.97F || near(y, height * 0.55F, 0.018F))
        return colour_scale(trim, 0.94F);
    struct colour colour = glass(paint, x, y, height);
    float from_side = x < width - x ? x : width - x;
    if (has_curtain && from_side < 0.34F + 0.05F * cosf(y * 3)) {
        static const struct colour cloth = {214, 206, 192};
        float fold = 0.78F + 0.2F * cosf(from_side * 70);
        colour = colour_mix(colour, colour_scale(cloth, fold), 0.68F);
    }
    return y > height - 0.2F ? colour_scale(colour, 0.7F) : colour;
}

static struct colour window_plain(const struct paint *paint, float x, float y)
{
    return window(paint, x, y, 2, false);
}

static struct colour window_curtain(const struct paint *paint, float x, float y)
{
    return window(paint, x, y, 2, true);
}

static struct colour window_wide(const struct paint *paint, float x, float y)
{
    return window(paint, x, y, 3, false);
}

// A raised field in a door: lit at the top, in shadow at the bottom.
static float field_shade(float u, float v)
{
    if (u < 0.12F || u > 0.88F || v < 0.1F || v > 0.9F)
        return 1;
    if (v > 0.85F || u < 0.17F)
        return 0.74F;
    if (v < 0.15F || u > 0.83F)
        return 1.16F;
    return 0.95F;
}

static struct colour door(const struct paint *paint, float x, float y)
{
    const float width = 1.05F, height = 2.15F;
    float side = edge_distance(x, y + height, width, 2 * height);
    if (side < 0.07F)
        return colour_scale(colour_of(paint->plan->colours.trim), side > 0.055F ? 0.75F : 0.98F);
    if (y < 0.05F)
        return grey(90);
    int column, row;
    float u = paint_part_of(x - 0.07F, (width - 0.14F) / 2, &column);
    float v = paint_part_of(y - 0.05F, 0.68F, &row);
    if (near(x, width - 0.17F, 0.03F) && near(y, 1.0F, 0.09F))
        return (struct colour){196, 176, 120};
    if (row == 2 && u > 0.14F && u < 0.86F && v > 0.14F && v < 0.86F)
        return glass(paint, x, y - 1.2F, 1);
    float shade = field_shade(u, v) * (0.96F + 0.06F * paint_grain(paint, x, y));
    return colour_scale(colour_of(paint->plan->colours.door), shade);
}

static struct colour garage_door(const struct paint *paint, float x, float y)
{
    int column, row;
    float u = paint_part_of(x, 4.9F / 6, &column);
    float v = paint_part_of(y, 0.55F, &row);
    struct colour trim = colour_of(paint->plan->colours.trim);
    struct colour colour = colour_mix(trim, colour_of(paint->plan->colours.wall), 0.25F);
    if (v < 0.03F)
        return colour_scale(colour, 0.55F);
    if (row == 3 && u > 0.14F && u < 0.86F && v > 0.25F && v < 0.78F)
        return glass(paint, x, v + 0.2F, 1.4F);
    float shade = field_shade(u, v) * (0.95F + 0.05F * paint_grain(paint, x, y));
    return colour_scale(colour, shade);
}

// Leaves from dark below (y = 0) to bright above.
static struct colour foliage(const struct paint *paint, float x, float y, struct colour dark,
                             struct colour bright)
{
    float clumps = paint_noise(paint, x * 4, y * 4, 64);
    float leaves = paint_noise(paint, x * 13 + 9, y * 13 + 5, PAINT_NOISE_SIZE);
    float grain = paint_grain(paint, x, y);
    float light = 0.5F * clumps + 0.3F * leaves + 0.2F * grain;
    struct colour colour = colour_mix(dark, bright, clamp(y / 2, 0, 1));
    return colour_scale(colour, 0.42F + 1.15F * light);
}

static struct colour leaves(const struct paint *paint, float x, float y)
{
    struct colour dark = {40, 58, 22}, bright = {112, 142, 56};
    if (paint->plan->seed % 5 == 0)
        bright = (struct colour){138, 138, 52};
    return foliage(paint, x, y, dark, bright);
}

static struct colour needles(const struct paint *paint, float x, float y)
{
    float streak = paint_noise(paint, x * 22, y * 3, PAINT_NOISE_SIZE);
    struct colour colour = foliage(paint, x, 0.5F + y * 0.6F, (struct colour){24, 42, 30},
                                   (struct colour){74, 104, 70});
    return colour_scale(colour, 0.7F + 0.6F * streak);
}

static struct colour blossom(const struct paint *paint, float x, float y)
{
    static const struct colour colours[] = {{214, 96, 128}, {232, 226, 214}, {168, 108, 190}};
    if (paint_noise(paint, x * 14 + 3, y * 14, PAINT_NOISE_SIZE) > 0.72F)
        return colour_scale(colours[paint->plan->seed % 3], 0.75F + 0.35F * y / 2);
    return leaves(paint, x, y);
}

static struct colour bark(const struct paint *paint, float x, float y)
{
    float streak = paint_noise(paint, x * 24, y * 4, PAINT_NOISE_SIZE);
    float shade = 0.6F + 0.5F * streak + 0.2F * paint_grain(paint, x, y);
    return colour_scale((struct colour){104, 84, 66}, shade);
}

static struct colour fence(const struct paint *paint, float x, float y)
{
    int plank;
    float part = paint_part_of(x, 0.15F, &plank);
    if (part < 0.07F)
        return (struct colour){58, 46, 36};
    float streak = paint_noise(paint, x * 26, y * 2.5F, PAINT_NOISE_SIZE);
    float shade = 0.76F + 0.2F * paint_pick(paint, plank & 15, 5) + 0.22F * streak;
    if (near(y, 0.35F, 0.03F) || near(y, 1.35F, 0.03F))
        shade *= 0.9F;
    return colour_scale((struct colour){160, 124, 88}, shade);
}

static struct colour concrete(const struct paint *paint, float x, float y)
{
    float shade =
        0.84F + 0.1F * paint_noise(paint, x * 4, y * 4, 4) + 0.14F * paint_grain(paint, x, y);
    return colour_scale((struct colour){168, 165, 158}, shade);
}

static struct colour soil(const struct paint *paint, float x, float y)
{
    static const struct colour humus = {62, 48, 34}, earth = {124, 96, 68};
    float stones = paint_noise(paint, x * 5, y * 9, 64);
    float part = (1.4F - y) * 1.4F + 0.5F * (stones - 0.5F);
    if (y > 1.32F)
        return colour_scale((struct colour){82, 104, 48}, 0.8F + 0.3F * stones);
    struct colour colour = colour_mix(humus, earth, clamp(part, 0, 1));
    return colour_scale(colour, 0.75F + 0.3F * stones + 0.15F * paint_grain(paint, x, y));
}

static struct colour trim(const struct paint *paint, float x, float y)
{
    float shade = 0.95F + 0.04F * paint_grain(paint, x, y);
    return colour_scale(colour_of(paint->plan->colours.trim), shade);
}

static struct colour frame(const struct paint *paint, float x, float y)
{
    return grey(paint->plan->seed % 4 == 0 ? 52 : 176 + 16 * paint_grain(paint, x, y));
}

static struct colour dark(const struct paint *paint, float x, float y)
{
    return grey(36 + 12 * paint_grain(paint, x, y));
}

static const struct {
    struct atlas_part part;
    paint_fn *paint;
} regions[ATLAS_REGION_COUNT] = {
    [ATLAS_GROUND] = {{4, 4, 632, 632, 2 * PLAN_LOT_HALF, 2 * PLAN_LOT_HALF}, paint_ground},
    [ATLAS_ROOF] = {{646, 4, 248, 248, 4, 4}, roof},
    [ATLAS_WALL] = {{646, 260, 248, 248, 3.2F, 3.2F}, wall},
    [ATLAS_PANEL] = {{446, 792, 388, 226, 1.755F, 1.04F}, panel},
    [ATLAS_WINDOW] = {{904, 4, 114, 138, 1.2F, 1.45F}, window_plain},
    [ATLAS_WINDOW_CURTAIN] = {{904, 150, 114, 138, 1.2F, 1.45F}, window_curtain},
    [ATLAS_WINDOW_WIDE] = {{4, 792, 240, 145, 2.4F, 1.45F}, window_wide},
    [ATLAS_DOOR] = {{312, 644, 96, 196, 1.05F, 2.15F}, door},
    [ATLAS_GARAGE_DOOR] = {{4, 644, 300, 138, 4.9F, 2.2F}, garage_door},
    [ATLAS_LEAVES] = {{646, 516, 182, 122, 3, 2}, leaves},
    [ATLAS_NEEDLES] = {{836, 516, 182, 122, 3, 2}, needles},
    [ATLAS_BLOSSOM] = {{252, 848, 182, 122, 3, 2}, blossom},
    [ATLAS_BARK] = {{416, 644, 64, 128, 0.8F, 1.6F}, bark},
    [ATLAS_CHIMNEY] = {{488, 648, 96, 102, 3.2F / 3, 1.12F}, chimney},
    [ATLAS_FENCE] = {{594, 648, 180, 120, 2.4F, 1.6F}, fence},
    [ATLAS_CONCRETE] = {{784, 648, 64, 64, 1, 1}, concrete},
    [ATLAS_SOIL] = {{858, 648, 160, 84, 2.6F, 1.4F}, soil},
    [ATLAS_TRIM] = {{784, 724, 40, 40, 6, 6}, trim},
    [ATLAS_FRAME] = {{834, 742, 40, 40, 1, 1}, frame},
    [ATLAS_DARK] = {{884, 742, 40, 40, 1, 1}, dark},
    [ATLAS_RIDGE] = {{934, 742, 80, 40, 1, 1}, ridge},
};

const struct atlas_part *atlas_part_of(enum atlas_region region)
{
    return &regions[region].part;
}

static uint8_t byte_of(float level)
{
    return level <= 0 ? 0 : level >= 255 ? 255 : (uint8_t)level;
}

static void paint_region(const struct paint *paint, enum atlas_region region,
                         struct mesh_rgb *pixels)
{
    const struct atlas_part *part = &regions[region].part;
    paint_fn *shade = regions[region].paint;
    float step_x = part->width_m / (float)part->width;
    float step_y = part->height_m / (float)part->height;
    for (int row = -GUTTER; row < (int)part->height + GUTTER; row++) {
        float y = part->height_m - ((float)row + 0.5F) * step_y;
        struct mesh_rgb *line = pixels + (size_t)((int)part->y + row) * ATLAS_SIZE + part->x;
        for (int column = -GUTTER; column < (int)part->width + GUTTER; column++) {
            struct colour colour = shade(paint, ((float)column + 0.5F) * step_x, y);
            line[column] =
                (struct mesh_rgb){byte_of(colour.r), byte_of(colour.g), byte_of(colour.b)};
        }
    }
}

struct mesh_rgb *atlas_paint(const struct house_plan *plan, struct arena *arena)
{
    struct paint paint;
    struct mesh_rgb *pixels = arena_new(arena, struct mesh_rgb, (size_t)ATLAS_SIZE * ATLAS_SIZE);
    paint_init(&paint, plan, arena);
    for (enum atlas_region region = 0; region < ATLAS_REGION_COUNT; region++)
        paint_region(&paint, region, pixels);
    return pixels;
}

struct mesh_rgb atlas_colour(const struct mesh_rgb *pixels, struct mesh_uv uv)
{
    const int reach = 2, limit = (int)ATLAS_SIZE - 1;
    int x = (int)(uv.u * (float)ATLAS_SIZE), y = (int)((1 - uv.v) * (float)ATLAS_SIZE);
    unsigned r = 0, g = 0, b = 0, count = 0;
    for (int row = y - reach; row <= y + reach; row += reach) {
        for (int column = x - reach; column <= x + reach; column += reach) {
            if (row < 0 || row > limit || column < 0 || column > limit)
                continue;
            const struct mesh_rgb *at = &pixels[row * (int)ATLAS_SIZE + column];
            r += at->r;
            g += at->g;
            b += at->b;
            count++;
        }
    }
    if (count == 0)
        return (struct mesh_rgb){0, 0, 0};
    return (struct mesh_rgb){(uint8_t)(r / count), (uint8_t)(g / count), (uint8_t)(b / count)};
}
