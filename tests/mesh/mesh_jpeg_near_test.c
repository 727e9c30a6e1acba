// Tests of textures that are made smaller: how near they are to the mean of the source's pixels.
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "mesh/mesh_image.h"

#define NOISY_SIDE  2600
#define JPEG_MAX    ((size_t)64 << 20)
#define TEXTURE_DB  35.6
#define TEXTURE_MIN 35.0

// Pixels of a little order and so much noise.
static struct mesh_image paint(unsigned side, unsigned noise, struct arena *arena)
{
    struct mesh_rgb *pixels = arena_new(arena, struct mesh_rgb, (size_t)side * side);
    uint32_t seed = 7;
    for (unsigned i = 0; i < side * side; i++) {
        uint8_t level[3];
        for (int k = 0; k < 3; k++) {
            seed = seed * 1664525U + 1013904223U;
            unsigned order = 128 + (i % side / 16 + i / side / 16) % 2 * 20;
            level[k] = (uint8_t)(noise == 256 ? seed >> 24 : order + (seed >> 8) % (noise + 1));
        }
        pixels[i] = (struct mesh_rgb){level[0], level[1], level[2]};
    }
    return (struct mesh_image){pixels, side, side};
}

static struct str to_jpeg(const struct mesh_image *image, int quality, struct arena *arena)
{
    struct buf buf;
    struct error err;
    buf_init_arena(&buf, arena, JPEG_MAX);
    assert_int_equal(mesh_write_jpeg(&buf, image, quality, MESH_JPEG_FULL_COLOUR, &err), ERR_OK);
    return buf_str(&buf);
}

static struct mesh_image from_jpeg(struct str bytes, unsigned side, struct arena *arena)
{
    const struct mesh_file file = {STR("a.jpg"), bytes};
    const struct mesh_jpeg_bounds bounds = {side, SIZE_MAX};
    struct mesh_image image;
    struct error err;
    assert_int_equal(mesh_read_jpeg(&file, &bounds, arena, &image, &err), ERR_OK);
    return image;
}

static double psnr(const struct mesh_image *a, const struct mesh_image *b)
{
    assert_int_equal(a->width, b->width);
    assert_int_equal(a->height, b->height);
    const uint8_t *left = &a->pixels->r, *right = &b->pixels->r;
    size_t bytes = (size_t)a->width * a->height * 3;
    double sum = 0;
    for (size_t i = 0; i < bytes; i++)
        sum += (left[i] - right[i]) * (left[i] - right[i]);
    return 10 * log10(255.0 * 255.0 / (sum / (double)bytes));
}

static void test_made_smaller_while_decoded(void **state)
{
    (void)state;
    // A half and an eighth are the decoder's work.
    static const unsigned sides[] = {2048, 1300, 1024, 700, 325};
    for (size_t i = 0; i < COUNT_OF(sides); i++) {
        CLEANUP(arena_close_ptr) struct arena *arena = arena_open(0);
        struct mesh_image noise = paint(NOISY_SIDE, 256, arena);
        struct str jpeg = to_jpeg(&noise, 95, arena);
        struct mesh_image whole = from_jpeg(jpeg, NOISY_SIDE, arena);
        struct mesh_image wanted = mesh_image_fit(&whole, sides[i], arena);
        struct mesh_image found = from_jpeg(jpeg, sides[i], arena);
        double near_db = psnr(&wanted, &found);
        print_message("noise of %d px at %u px: %.1f dB\n", NOISY_SIDE, sides[i], near_db);
        assert_true(near_db >= 50);
    }
}

static void test_near(void **state)
{
    (void)state;
    static const struct {
        unsigned side, noise;
    } rows[] = {{64, 0}, {500, 20}, {700, 60}, {900, 120}, {1300, 256}, {40, 256}, {1, 256}};
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        CLEANUP(arena_close_ptr) struct arena *arena = arena_open(0);
        struct mesh_image image = paint(rows[i].side, rows[i].noise, arena);
        struct buf buf;
        struct error err;
        double told_db;
        buf_init_arena(&buf, arena, JPEG_MAX);
        assert_int_equal(mesh_write_jpeg_near(&buf, &image, TEXTURE_DB, &told_db, &err), ERR_OK);
        struct mesh_image back = from_jpeg(buf_str(&buf), rows[i].side, arena);
        double found_db = psnr(&image, &back);
        print_message("%u px, noise %u: %.2f dB, %zu bytes\n", rows[i].side, rows[i].noise,
                      found_db, buf.len);
        assert_true(found_db >= TEXTURE_MIN);
        assert_true(fabs(fmin(found_db, 100) - told_db) < 0.01);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_made_smaller_while_decoded),
        cmocka_unit_test(test_near),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
