// Tests of images: what is read, made smaller and written is near to what it was.
#include "mesh/convert_fixture.h"

#include "mesh/mesh_image.h"

static void test_fit(void **state)
{
    (void)state;
    CLEANUP(arena_close_ptr) struct arena *arena = arena_open(0);
    struct mesh_rgb pixels[6 * 2] = {0};
    for (size_t i = 0; i < COUNT_OF(pixels); i++)
        pixels[i] = (struct mesh_rgb){(uint8_t)(i * 10), 7, i % 6 < 2 ? 200 : 0};
    struct mesh_image image = {pixels, 6, 2};
    struct mesh_image same = mesh_image_fit(&image, 6, arena);
    assert_ptr_equal(same.pixels, pixels);
    struct mesh_image half = mesh_image_fit(&image, 3, arena);
    assert_int_equal(half.width, 3);
    assert_int_equal(half.height, 1);
    assert_int_equal(half.pixels[0].r, (0 + 10 + 60 + 70) / 4);
    assert_int_equal(half.pixels[0].g, 7);
    assert_int_equal(half.pixels[0].b, 200);
    struct mesh_image four = mesh_image_fit(&image, 4, arena);
    assert_int_equal(four.height, 1);
    assert_int_equal(four.pixels[1].b, 67); // a third of it is covered by the second of two columns
    struct mesh_image one = mesh_image_fit(&image, 1, arena);
    assert_int_equal(one.pixels[0].r, 55);
}

static enum err read_bounded(const struct mesh_file *file, unsigned side, struct arena *arena,
                             struct mesh_image *ret_image, struct error *err)
{
    const struct mesh_jpeg_bounds bounds = {side, (size_t)1 << 20};
    return mesh_read_jpeg(file, &bounds, arena, ret_image, err);
}

static void test_read(void **state)
{
    (void)state;
    CLEANUP(arena_close_ptr) struct arena *arena = arena_open(0);
    struct mesh_file file = {STR("a.jpg"), fixture_jpeg(arena, 240, 80)};
    struct mesh_jpeg_header header;
    struct error err;
    assert_int_equal(mesh_read_jpeg_header(&file, &header, &err), ERR_OK);
    assert_int_equal(header.width, 240);
    assert_true(header.is_common);
    static const unsigned sides[] = {240, 120, 100, 31, 1, 1000};
    for (size_t i = 0; i < COUNT_OF(sides); i++) {
        struct mesh_image image;
        assert_int_equal(read_bounded(&file, sides[i], arena, &image, &err), ERR_OK);
        assert_int_equal(image.width, sides[i] < 240 ? sides[i] : 240);
        const struct mesh_rgb *middle =
            &image.pixels[image.height / 2 * image.width + image.width / 2];
        assert_in_range(middle->r, 110, 130);
        assert_in_range(middle->b, 80, 100);
    }
}

// At each length that is too short it is refused.
static void test_cut(void **state)
{
    (void)state;
    CLEANUP(arena_close_ptr) struct arena *arena = arena_open(0);
    struct str whole = fixture_jpeg(arena, 24, 16);
    for (size_t len = 0; len + 2 < whole.len; len++) {
        struct mesh_file file = {STR("a.jpg"), str_slice(whole, 0, len)};
        struct mesh_image image;
        struct error err;
        enum err code = read_bounded(&file, 100, arena, &image, &err);
        // Cut within its size the rest may look like a large one.
        assert_true(code == ERR_CORRUPT || code == ERR_TOO_LARGE);
        assert_true(str_starts(str_of(err.message), STR("a.jpg ")));
    }
}

// The files are as near as is asked for, and grow with it.
static void test_near(void **state)
{
    (void)state;
    CLEANUP(arena_close_ptr) struct arena *arena = arena_open(0);
    enum { SIDE = 600 };
    struct mesh_rgb *pixels = arena_new(arena, struct mesh_rgb, SIDE * SIDE);
    uint32_t random = 1;
    for (size_t i = 0; i < SIDE * SIDE; i++) {
        random = random * 1664525U + 1013904223U;
        pixels[i] = (struct mesh_rgb){(uint8_t)(i % SIDE / 3 + (random >> 27)),
                                      (uint8_t)(i / SIDE / 3), (uint8_t)(i / 40 % 2 * 200)};
    }
    struct mesh_image image = {pixels, SIDE, SIDE};
    size_t before = 0;
    for (double wanted_db = 30; wanted_db <= 38; wanted_db += 4) {
        struct buf jpeg;
        struct error err;
        struct mesh_image back;
        buf_init_arena(&jpeg, arena, 1 << 22);
        double told_db;
        assert_int_equal(mesh_write_jpeg_near(&jpeg, &image, wanted_db, &told_db, &err), ERR_OK);
        struct mesh_file file = {STR("a.jpg"), buf_str(&jpeg)};
        assert_int_equal(read_bounded(&file, SIDE, arena, &back, &err), ERR_OK);
        double squares = 0;
        for (size_t i = 0; i < SIDE * SIDE; i++) {
            int r = pixels[i].r - back.pixels[i].r, g = pixels[i].g - back.pixels[i].g,
                b = pixels[i].b - back.pixels[i].b;
            squares += r * r + g * g + b * b;
        }
        // 255^2 / 10^(dB / 10) is the mean square of the differences.
        double most = 255.0 * 255.0 * 3 * SIDE * SIDE;
        for (double db = 0; db < wanted_db - 0.5; db += 0.5)
            most /= 1.1220184543;
        assert_true(squares <= most);
        assert_true(jpeg.len > before);
        before = jpeg.len;
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_fit),
        cmocka_unit_test(test_read),
        cmocka_unit_test(test_cut),
        cmocka_unit_test(test_near),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
