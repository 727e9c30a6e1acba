// Drawing with a depth buffer: four times the pixels, then made smaller, so that edges are smooth.
#include "mesh/mesh_poster.h"

#include <math.h>

#include "mesh/mesh_image.h"

#define WIDTH    (2 * MESH_POSTER_WIDTH)
#define HEIGHT   (2 * MESH_POSTER_HEIGHT)
#define DISTANCE 3.0F // of the eye, in radii of the model
#define MARGIN   0.94F
// A hostile model may cover the picture many thousand times.
#define PIXELS_MAX ((size_t)150 * WIDTH * HEIGHT)

static const struct mesh_vec3 eye_direction = {0.62F, 0.55F, 0.78F};
static const struct mesh_vec3 light_direction = {0.35F, 0.85F, 0.40F};
static const struct mesh_rgb ground = {238, 241, 244};

// A vertex on the picture: x and y in pixels, nearness is 1 / depth.
struct spot {
    float x, y, nearness;
};

struct canvas {
    const struct mesh_model *model;
    const struct mesh_image *images;
    const struct spot *spots; // of the model's vertices
    struct mesh_rgb *pixels;
    float *nearness;
    size_t pixels_left;
};

// The triangle that is drawn.
struct face {
    const struct mesh_vertex *vertices[3];
    struct spot spots[3];
    enum mesh_skin skin;
    const struct mesh_image *image;
    struct mesh_rgb colour;
    float light;
};

struct camera {
    struct mesh_vec3 centre, right, up, forward;
    float distance;
};

static struct camera camera_of(const struct mesh_bounds *bounds)
{
    struct mesh_vec3 size = mesh_vec3_sub(bounds->max, bounds->min);
    float radius = fmaxf(mesh_vec3_length(size) / 2, 1e-6F);
    struct camera camera = {
        .centre = mesh_vec3_scale(mesh_vec3_add(bounds->min, bounds->max), 0.5F),
        .forward = mesh_vec3_scale(mesh_vec3_unit(eye_direction), -1),
        .distance = radius * DISTANCE,
    };
    struct mesh_vec3 y = {0, 1, 0};
    camera.right = mesh_vec3_unit(mesh_vec3_cross(camera.forward, y));
    camera.up = mesh_vec3_cross(camera.right, camera.forward);
    return camera;
}

static struct spot see(const struct camera *camera, struct mesh_vec3 p)
{
    struct mesh_vec3 from = mesh_vec3_sub(p, camera->centre);
    // The whole model is in front of the camera.
    float depth = mesh_vec3_dot(from, camera->forward) + camera->distance;
    float nearness = 1 / fmaxf(depth, camera->distance * 1e-3F);
    return (struct spot){
        .x = mesh_vec3_dot(from, camera->right) * nearness,
        .y = -mesh_vec3_dot(from, camera->up) * nearness,
        .nearness = nearness,
    };
}

// Moves and enlarges what is seen so that it fills the picture.
static void fill_picture(const struct mesh_model *model, struct spot *spots)
{
    const struct spot *first = &spots[model->indices[0]];
    float left = first->x, right = first->x, top = first->y, bottom = first->y;
    for (size_t i = 0; i < model->index_count; i++) {
        const struct spot *spot = &spots[model->indices[i]];
        left = fminf(left, spot->x);
        right = fmaxf(right, spot->x);
        top = fminf(top, spot->y);
        bottom = fmaxf(bottom, spot->y);
    }
    float zoom = MARGIN * fminf((float)WIDTH / fmaxf(right - left, 1e-6F),
                                (float)HEIGHT / fmaxf(bottom - top, 1e-6F));
    for (size_t i = 0; i < model->vertex_count; i++) {
        spots[i].x = (float)WIDTH / 2 + (spots[i].x - (left + right) / 2) * zoom;
        spots[i].y = (float)HEIGHT / 2 + (spots[i].y - (top + bottom) / 2) * zoom;
    }
}

static unsigned wrap(float place, unsigned size)
{
    float share = place - floorf(place);
    unsigned at = (unsigned)(share * (float)size);
    return at < size ? at : size - 1;
}

// The face's own colour at a point, by the weights of its corners.
static struct mesh_rgb colour_at(const struct face *face, const float weights[3])
{
    if (face->skin == MESH_PLAIN)
        return face->colour;
    float u = 0, v = 0, r = 0, g = 0, b = 0;
    for (int i = 0; i < 3; i++) {
        const struct mesh_vertex *vertex = face->vertices[i];
        u += vertex->uv.u * weights[i];
        v += vertex->uv.v * weights[i];
        r += (float)vertex->colour.r * weights[i];
        g += (float)vertex->colour.g * weights[i];
        b += (float)vertex->colour.b * weights[i];
    }
    if (face->skin == MESH_COLOURED)
        return (struct mesh_rgb){(uint8_t)r, (uint8_t)g, (uint8_t)b};
    const struct mesh_image *image = face->image;
    return image->pixels[(size_t)wrap(1 - v, image->height) * image->width + wrap(u, image->width)];
}

static void draw_pixel(struct canvas *canvas, const struct face *face, size_t at,
                       const float edges[3])
{
    float weights[3], nearness = 0;
    for (int i = 0; i < 3; i++) {
        weights[i] = edges[i] * face->spots[i].nearness;
        nearness += weights[i];
    }
    if (nearness <= canvas->nearness[at])
        return;
    canvas->nearness[at] = nearness;
    for (int i = 0; i < 3; i++)
        weights[i] /= nearness;
    struct mesh_rgb colour = colour_at(face, weights);
    canvas->pixels[at] = (struct mesh_rgb){(uint8_t)((float)colour.r * face->light),
                                           (uint8_t)((float)colour.g * face->light),
                                           (uint8_t)((float)colour.b * face->light)};
}

static float turn(const struct spot *a, const struct spot *b, float x, float y)
{
    return (b->x - a->x) * (y - a->y) - (b->y - a->y) * (x - a->x);
}

static int clamp(float value, int max)
{
    return value <= 0 ? 0 : value >= (float)max ? max : (int)value;
}

static void draw_face(struct canvas *canvas, const struct face *face)
{
    const struct spot *s = face->spots;
    float area = turn(&s[0], &s[1], s[2].x, s[2].y);
    if (!(fabsf(area) > 1e-6F))
        return;
    int left = clamp(floorf(fminf(s[0].x, fminf(s[1].x, s[2].x))), WIDTH);
    int right = clamp(ceilf(fmaxf(s[0].x, fmaxf(s[1].x, s[2].x))), WIDTH);
    int top = clamp(floorf(fminf(s[0].y, fminf(s[1].y, s[2].y))), HEIGHT);
    int bottom = clamp(ceilf(fmaxf(s[0].y, fmaxf(s[1].y, s[2].y))), HEIGHT);
    size_t covered = (size_t)(right - left) * (size_t)(bottom - top);
    if (covered > canvas->pixels_left)
        return;
    canvas->pixels_left -= covered;
    for (int y = top; y < bottom; y++) {
        for (int x = left; x < right; x++) {
            float px = (float)x + 0.5F, py = (float)y + 0.5F;
            float edges[3] = {turn(&s[1], &s[2], px, py) / area, turn(&s[2], &s[0], px, py) / area,
                              turn(&s[0], &s[1], px, py) / area};
            if (edges[0] >= 0 && edges[1] >= 0 && edges[2] >= 0)
                draw_pixel(canvas, face, (size_t)y * WIDTH + (size_t)x, edges);
        }
    }
}

static uint8_t level(float share)
{
    return (uint8_t)(share * 255);
}

// Textures have the day's light in them already: a little more is enough to see the shape.
static float light_on(const struct face *face)
{
    struct mesh_vec3 a = face->vertices[0]->position;
    struct mesh_vec3 normal =
        mesh_vec3_unit(mesh_vec3_cross(mesh_vec3_sub(face->vertices[1]->position, a),
                                       mesh_vec3_sub(face->vertices[2]->position, a)));
    float share = fabsf(mesh_vec3_dot(normal, mesh_vec3_unit(light_direction)));
    float dark = face->skin == MESH_TEXTURED ? 0.8F : 0.45F;
    return dark + (1 - dark) * fminf(share, 1);
}

static void draw_part(struct canvas *canvas, const struct mesh_part *part)
{
    const struct mesh_model *model = canvas->model;
    const struct mesh_vec3 *kd = &model->materials[part->material].diffuse;
    struct face face = {
        .skin = model->skins[part->material],
        .image = &canvas->images[part->material],
        .colour = {level(kd->x), level(kd->y), level(kd->z)},
    };
    if (face.skin == MESH_TEXTURED && face.image->pixels == NULL)
        face.skin = MESH_PLAIN;
    for (size_t i = 0; i + 2 < part->index_count; i += 3) {
        for (size_t k = 0; k < 3; k++) {
            uint32_t index = model->indices[part->first_index + i + k];
            face.vertices[k] = &model->vertices[index];
            face.spots[k] = canvas->spots[index];
        }
        face.light = light_on(&face);
        draw_face(canvas, &face);
    }
}

struct mesh_image mesh_poster_draw(const struct mesh_model *model, const struct mesh_image *images,
                                   struct arena *arena)
{
    CLEANUP(arena_close_ptr) struct arena *scratch = arena_open(0);
    struct camera camera = camera_of(&model->bounds);
    struct spot *spots = arena_raw(scratch, arena_array_size(model->vertex_count, sizeof(*spots)));
    for (size_t i = 0; i < model->vertex_count; i++)
        spots[i] = see(&camera, model->vertices[i].position);
    fill_picture(model, spots);
    struct canvas canvas = {
        .model = model,
        .images = images,
        .spots = spots,
        .pixels = arena_new(scratch, struct mesh_rgb, (size_t)WIDTH * HEIGHT),
        .nearness = arena_new(scratch, float, (size_t)WIDTH *HEIGHT),
        .pixels_left = PIXELS_MAX,
    };
    for (size_t i = 0; i < (size_t)WIDTH * HEIGHT; i++)
        canvas.pixels[i] = ground;
    for (size_t i = 0; i < model->part_count; i++)
        draw_part(&canvas, &model->parts[i]);
    struct mesh_image drawn = {canvas.pixels, WIDTH, HEIGHT};
    return mesh_image_fit(&drawn, MESH_POSTER_WIDTH, arena);
}
