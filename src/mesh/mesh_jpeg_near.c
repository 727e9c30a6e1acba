// JPEG files as small as a wanted nearness to the image allows, found by trying on a sample of it.
#include <math.h>
#include <turbojpeg.h>

#include "mesh/mesh_image.h"

// The sample: tiles from all over the image, or all of a small image.
#define TILES_A_SIDE 4
#define TILE_PX      128
#define SAMPLE_BYTES ((size_t)8 << 20)

static const int qualities[] = {40, 50, 58, 65, 71, 76, 80, 84, 87, 90, 92, 94, 96, 98, 100};
#define QUALITY_BEST (COUNT_OF(qualities) - 1)

// One way to write it: of two that are near enough the one with fewer bytes is taken.
struct way {
    enum mesh_jpeg_colour colour;
    size_t quality; // its number in the table
    size_t bytes;   // of the sample
};

static struct mesh_image sample_of(const struct mesh_image *image, struct arena *arena)
{
    unsigned side = TILES_A_SIDE * TILE_PX;
    if (image->width <= side || image->height <= side)
        return *image;
    struct mesh_rgb *pixels = arena_new(arena, struct mesh_rgb, (size_t)side * side);
    for (unsigned y = 0; y < side; y++) {
        // Tiles begin at multiples of 16, where the blocks of the whole image do too.
        unsigned from_y =
            y / TILE_PX * ((image->height - TILE_PX) / (TILES_A_SIDE - 1)) / 16 * 16 + y % TILE_PX;
        for (unsigned x = 0; x < side; x += TILE_PX) {
            unsigned from_x =
                x / TILE_PX * ((image->width - TILE_PX) / (TILES_A_SIDE - 1)) / 16 * 16;
            memcpy(&pixels[(size_t)y * side + x],
                   &image->pixels[(size_t)from_y * image->width + from_x],
                   TILE_PX * sizeof(*pixels));
        }
    }
    return (struct mesh_image){pixels, side, side};
}

static double psnr_of(const struct mesh_image *a, const struct mesh_image *b)
{
    uint64_t sum = 0;
    size_t bytes = (size_t)a->width * a->height * 3;
    const uint8_t *left = &a->pixels->r, *right = &b->pixels->r;
    for (size_t i = 0; i < bytes; i++) {
        int difference = left[i] - right[i];
        sum += (uint64_t)(difference * difference);
    }
    return sum == 0 ? 100 : 10 * log10(255.0 * 255.0 * (double)bytes / (double)sum);
}

// Adds the image to an empty buffer and tells how near it is to what a reader sees.
static enum err write_measured(struct buf *jpeg, const struct mesh_image *image,
                               const struct way *way, double *ret_psnr_db, struct error *err)
{
    CLEANUP(arena_close_ptr) struct arena *scratch = arena_open(0);
    TRY(mesh_write_jpeg(jpeg, image, qualities[way->quality], way->colour, err));
    const struct mesh_file file = {STR("texture"), buf_str(jpeg)};
    struct mesh_image back;
    const struct mesh_jpeg_bounds bounds = {
        .side_px = mesh_image_side(image),
        .source_pixels = (size_t)image->width * image->height,
    };
    TRY(mesh_read_jpeg(&file, &bounds, scratch, &back, err));
    *ret_psnr_db = psnr_of(image, &back);
    return ERR_OK;
}

static enum err try_way(const struct mesh_image *sample, struct way *way, double *ret_psnr_db,
                        struct error *err)
{
    CLEANUP(arena_close_ptr) struct arena *scratch = arena_open(0);
    struct buf jpeg;
    buf_init_arena(&jpeg, scratch, SAMPLE_BYTES);
    TRY(write_measured(&jpeg, sample, way, ret_psnr_db, err));
    way->bytes = jpeg.len;
    return ERR_OK;
}

// The lowest quality that is near enough, or the highest there is.
static enum err find_quality(const struct mesh_image *sample, double psnr_db, struct way *way,
                             struct error *err)
{
    size_t low = 0, high = QUALITY_BEST;
    double found_db;
    while (low < high) {
        way->quality = (low + high) / 2;
        TRY(try_way(sample, way, &found_db, err));
        if (found_db >= psnr_db)
            high = way->quality;
        else
            low = way->quality + 1;
    }
    way->quality = low;
    TRY(try_way(sample, way, &found_db, err));
    if (found_db < psnr_db)
        way->bytes = SIZE_MAX;
    return ERR_OK;
}

// The next better way; false when there is none.
static bool improve(struct way *way)
{
    if (way->quality < QUALITY_BEST)
        way->quality++;
    else if (way->colour == MESH_JPEG_HALF_COLOUR)
        *way = (struct way){.colour = MESH_JPEG_FULL_COLOUR, .quality = QUALITY_BEST};
    else
        return false;
    return true;
}

enum err mesh_write_jpeg_near(struct buf *buf, const struct mesh_image *image, double psnr_db,
                              double *ret_psnr_db, struct error *err)
{
    CLEANUP(arena_close_ptr) struct arena *scratch = arena_open(0);
    check(buf->len == 0);
    struct mesh_image sample = sample_of(image, scratch);
    struct way full = {.colour = MESH_JPEG_FULL_COLOUR}, half = {.colour = MESH_JPEG_HALF_COLOUR};
    TRY(find_quality(&sample, psnr_db, &full, err));
    TRY(find_quality(&sample, psnr_db, &half, err));
    struct way way = half.bytes < full.bytes ? half : full;
    TRY(write_measured(buf, image, &way, ret_psnr_db, err));
    while (*ret_psnr_db < psnr_db - MESH_JPEG_SLACK_DB && improve(&way)) {
        buf_reset(buf);
        TRY(write_measured(buf, image, &way, ret_psnr_db, err));
    }
    return ERR_OK;
}
