// Makes a mesh as photogrammetry does, for the benchmark: mesh_model FOLDER [TRIANGLES [PIXELS]]
#include <math.h>

#include "base/fs.h"
#include "base/number.h"
#include "mesh/mesh_write.h"

#define SIZE_M  40.0F
#define PATCHES 24 // a side: the texture is cut into so many squares, laid out in another order
#define GAP     0.04F
// Pictures of nature have about the same contrast at every size of detail.
#define OCTAVE_FIRST    12
#define OCTAVE_CONTRAST 0.07F
#define JPEG_BYTES      ((size_t)64 << 20)
#define OBJ_BYTES       ((size_t)256 << 20)
#define QUALITY         85

// Noise without a seed: the same for the same place.
static float noise_at(int x, int y)
{
    uint32_t h = (uint32_t)x * 374761393U + (uint32_t)y * 668265263U;
    h = (h ^ h >> 13) * 1274126177U;
    return (float)((h ^ h >> 16) & 0xFFFF) / 65535.0F - 0.5F;
}

static float smooth_noise(float x, float y)
{
    float fx = floorf(x), fy = floorf(y);
    int ix = (int)fx, iy = (int)fy;
    float u = x - fx, v = y - fy;
    u = u * u * (3 - 2 * u);
    v = v * v * (3 - 2 * v);
    float top = noise_at(ix, iy) * (1 - u) + noise_at(ix + 1, iy) * u;
    float bottom = noise_at(ix, iy + 1) * (1 - u) + noise_at(ix + 1, iy + 1) * u;
    return top * (1 - v) + bottom * v;
}

// Ground with a house, bushes and the errors of measuring.
static float height_at(float x, float z)
{
    float height = smooth_noise(x * 0.15F, z * 0.15F) * 1.2F + smooth_noise(x * 3, z * 3) * 0.06F +
                   smooth_noise(x * 11, z * 11) * 0.02F;
    float house = fminf(6 - fabsf(x), 4.5F - fabsf(z));
    if (house > 0)
        height += fminf(house * 12, 3.2F) + fmaxf(0, 4.5F - fabsf(z)) * 0.5F;
    for (int i = 0; i < 9; i++) {
        float dx = x - noise_at(i, 90) * SIZE_M * 0.9F, dz = z - noise_at(i, 91) * SIZE_M * 0.9F;
        float round = 2.2F - dx * dx - dz * dz;
        if (round > 0 && house < -1)
            height += sqrtf(round) * (1.2F + smooth_noise(x * 6, z * 6) * 0.5F);
    }
    return height;
}

static unsigned patch_order(unsigned patch)
{
    return (patch * 211 + 57) % (PATCHES * PATCHES);
}

// Each patch of the ground has a place of its own in the texture.
static struct mesh_uv uv_at(unsigned patch, float u, float v)
{
    unsigned place = patch_order(patch);
    float x = (float)(place % PATCHES), y = (float)(place / PATCHES);
    return (struct mesh_uv){(x + GAP + u * (1 - 2 * GAP)) / PATCHES,
                            (y + GAP + v * (1 - 2 * GAP)) / PATCHES};
}

static void make_patch(struct mesh *mesh, unsigned patch, unsigned cells)
{
    float left = (float)(patch % PATCHES), top = (float)(patch / PATCHES);
    uint32_t first = (uint32_t)mesh->vertex_count;
    for (unsigned j = 0; j <= cells; j++) {
        for (unsigned i = 0; i <= cells; i++) {
            float u = (float)i / (float)cells, v = (float)j / (float)cells;
            int gx = (int)(patch % PATCHES * cells + i), gz = (int)(patch / PATCHES * cells + j);
            float step = SIZE_M / PATCHES / (float)cells;
            float x = (left + u) / PATCHES * SIZE_M - SIZE_M / 2 + noise_at(gx, gz) * step * 0.5F;
            float z = (top + v) / PATCHES * SIZE_M - SIZE_M / 2 + noise_at(gz, gx) * step * 0.5F;
            struct mesh_vertex vertex = {
                .position = {x, height_at(x, z), z}, .normal = {0, 1, 0}, .uv = uv_at(patch, u, v)};
            mesh_add_vertex(mesh, &vertex);
        }
    }
    for (unsigned j = 0; j < cells; j++) {
        for (unsigned i = 0; i < cells; i++) {
            uint32_t a = first + j * (cells + 1) + i, b = a + 1, c = a + cells + 1, d = c + 1;
            mesh_add_triangle(mesh, a, c, b);
            mesh_add_triangle(mesh, b, c, d);
        }
    }
}

static uint8_t level(float share)
{
    return (uint8_t)fminf(fmaxf(share * 255, 0), 255);
}

static void paint(struct mesh_rgb *pixels, unsigned side)
{
    for (unsigned y = 0; y < side; y++) {
        for (unsigned x = 0; x < side; x++) {
            float u = (float)x / (float)side, v = (float)y / (float)side;
            unsigned place = (unsigned)(u * PATCHES) + (unsigned)(v * PATCHES) * PATCHES;
            float base = noise_at((int)place, 5) * 0.15F;
            float detail = 0;
            for (float waves = OCTAVE_FIRST; waves < (float)side / 2; waves *= 2)
                detail += smooth_noise(u * waves, v * waves) * OCTAVE_CONTRAST;
            float grain = noise_at((int)x, (int)y) * 0.012F;
            float light = 0.5F + base + detail + grain;
            pixels[(size_t)y * side + x] = (struct mesh_rgb){
                level(light * 0.92F), level(light * 1.02F + base * 0.2F), level(light * 0.74F)};
        }
    }
}

// Photogrammetry writes no normals.
static void write_obj(struct buf *obj, const struct mesh *mesh)
{
    BUF_LITERAL(obj, "mtllib scene.mtl\nusemtl house\n");
    for (size_t i = 0; i < mesh->vertex_count; i++) {
        const struct mesh_vec3 *p = &mesh->vertices[i].position;
        buf_printf(obj, "v %.6f %.6f %.6f\n", (double)p->x, (double)p->y, (double)p->z);
    }
    for (size_t i = 0; i < mesh->vertex_count; i++) {
        const struct mesh_uv *uv = &mesh->vertices[i].uv;
        buf_printf(obj, "vt %.6f %.6f\n", (double)uv->u, (double)uv->v);
    }
    for (size_t i = 0; i < mesh->triangle_count; i++) {
        const uint32_t *v = mesh->triangles[i].vertex;
        buf_printf(obj, "f %u/%u %u/%u %u/%u\n", v[0] + 1, v[0] + 1, v[1] + 1, v[1] + 1, v[2] + 1,
                   v[2] + 1);
    }
}

static enum err write_file(const char *folder, const char *name, struct str bytes,
                           struct error *err)
{
    char path[4096];
    snprintf(path, sizeof(path), "%s/%s", folder, name);
    return fs_write_file(path, bytes, err);
}

static enum err write_model(const char *folder, unsigned triangles, unsigned side,
                            struct error *err)
{
    static const struct mesh_material material = {
        .name = STR_INIT("house"), .texture = STR_INIT("scene.jpg"), .diffuse = {1, 1, 1}};
    CLEANUP(arena_close_ptr) struct arena *arena = arena_open(0);
    struct mesh mesh;
    struct buf obj, mtl, jpg;
    mesh_init(&mesh, arena);
    mesh_add_group(&mesh, STR("scene"), STR("house"));
    unsigned cells = (unsigned)fmaxf(1, rintf(sqrtf((float)triangles / (2 * PATCHES * PATCHES))));
    for (unsigned patch = 0; patch < PATCHES * PATCHES; patch++)
        make_patch(&mesh, patch, cells);
    struct mesh_rgb *pixels = arena_new(arena, struct mesh_rgb, (size_t)side * side);
    paint(pixels, side);
    buf_init_arena(&obj, arena, OBJ_BYTES);
    buf_init_arena(&mtl, arena, OBJ_BYTES);
    buf_init_arena(&jpg, arena, JPEG_BYTES);
    write_obj(&obj, &mesh);
    mesh_write_mtl(&mtl, &material, 1);
    struct mesh_image image = {pixels, side, side};
    TRY(mesh_write_jpeg(&jpg, &image, QUALITY, MESH_JPEG_HALF_COLOUR, err));
    TRY(fs_make_dirs(folder, err));
    TRY(write_file(folder, "scene.obj", buf_str(&obj), err));
    TRY(write_file(folder, "scene.mtl", buf_str(&mtl), err));
    TRY(write_file(folder, "scene.jpg", buf_str(&jpg), err));
    printf("%zu triangles, %zu + %zu bytes\n", mesh.triangle_count, obj.len, jpg.len);
    return ERR_OK;
}

int main(int argc, char **argv)
{
    int64_t triangles = 300000, side = 4096;
    bool good = argc >= 2 && argc <= 4;
    if (argc > 2)
        good = good && number_parse_i64(str_of(argv[2]), 1, 4000000, &triangles) == ERR_OK;
    if (argc > 3)
        good = good && number_parse_i64(str_of(argv[3]), 16, 8192, &side) == ERR_OK;
    if (!good) {
        fprintf(stderr, "usage: mesh_model FOLDER [TRIANGLES [PIXELS]]\n");
        return 2;
    }
    struct error err;
    error_reset(&err);
    if (write_model(argv[1], (unsigned)triangles, (unsigned)side, &err) != ERR_OK) {
        fprintf(stderr, "%s\n", err.message);
        return 1;
    }
    return 0;
}
