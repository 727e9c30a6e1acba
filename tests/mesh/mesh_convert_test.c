// Tests of whole conversions.
#include "mesh/convert_fixture.h"

static int setup(void **state)
{
    static struct convert_fixture fixture;
    fixture_start(&fixture);
    fixture_add(&fixture, "scene.obj", STR(FIXTURE_OBJ));
    fixture_add(&fixture, "scene.mtl", STR(FIXTURE_MTL));
    fixture_add(&fixture, "scene.jpg", fixture_jpeg(fixture.arena, 64, 48));
    *state = &fixture;
    return 0;
}

static int teardown(void **state)
{
    struct convert_fixture *f = *state;
    arena_close(f->arena);
    return 0;
}

static bool contains(struct str text, const char *part)
{
    return memmem(text.ptr, text.len, part, strlen(part)) != NULL;
}

static struct str product(const struct convert_fixture *f, const char *name)
{
    struct str bytes = fixture_find(f->out, f->out_count, str_of(name));
    if (bytes.ptr == NULL)
        fail_msg("no %s", name);
    return bytes;
}

static void test_products(void **state)
{
    struct convert_fixture *f = *state;
    struct mesh_convert_options options = fixture_options();
    if (fixture_convert(f, &options) != ERR_OK)
        fail_msg("%s", f->err.message);
    assert_int_equal(f->out_count, 7);
    struct str manifest = product(f, "manifest.json");
    assert_true(contains(manifest, "\"bounds\":{\"min\":[-5,0,-10],\"max\":[5,3,10]}"));
    assert_true(contains(manifest, "\"triangles\":4,"));
    assert_true(contains(manifest, "\"up_axis\":\"y\",\"origin\":[5,2,10]"));
    assert_true(contains(manifest, "\"warnings\":[]"));
    struct str web = product(f, "web.glb");
    assert_true(str_starts(web, STR("glTF\x02")));
    assert_true(contains(web, "\"extensionsRequired\":[\"EXT_meshopt_compression\","
                              "\"KHR_mesh_quantization\"]"));
    assert_true(contains(web, "\"alphaMode\":\"BLEND\""));
    // The texture is small enough: it stays as it is.
    struct str jpeg = fixture_find(f->in, f->in_count, STR("scene.jpg"));
    assert_non_null(memmem(web.ptr, web.len, jpeg.ptr, jpeg.len));
    struct str ar = product(f, "ar.glb");
    assert_false(contains(ar, "extensionsRequired"));
    assert_false(contains(ar, "meshopt"));
    assert_true(str_starts(product(f, "poster.jpg"), STR("\xFF\xD8")));
}

// The same files give the same products, down to the last byte.
static void test_again(void **state)
{
    struct convert_fixture *f = *state;
    struct mesh_convert_options options = fixture_options();
    options.with_manifest = false; // it has timings
    struct fixture_file first[FIXTURE_FILES_MAX];
    assert_int_equal(fixture_convert(f, &options), ERR_OK);
    memcpy(first, f->out, sizeof(first));
    assert_int_equal(fixture_convert(f, &options), ERR_OK);
    assert_int_equal(f->out_count, 6);
    for (size_t i = 0; i < f->out_count; i++)
        assert_true(str_equal(first[i].bytes, f->out[i].bytes));
}

static void test_units_and_axis(void **state)
{
    struct convert_fixture *f = *state;
    struct mesh_convert_options options = fixture_options();
    options.up = MESH_UP_Z;
    options.metres = 0.5;
    assert_int_equal(fixture_convert(f, &options), ERR_OK);
    struct str manifest = product(f, "manifest.json");
    assert_true(contains(manifest, "\"bounds\":{\"min\":[-2.5,0,-0.75],\"max\":[2.5,10,0.75]}"));
    assert_true(contains(manifest, "\"up_axis\":\"z\",\"origin\":[5,3.5,0]"));
}

static void test_missing_files(void **state)
{
    struct convert_fixture *f = *state;
    struct mesh_convert_options options = fixture_options();
    f->in_count = 2;
    assert_int_equal(fixture_convert(f, &options), ERR_OK);
    assert_true(contains(product(f, "manifest.json"), "The texture scene.jpg is not there"));
    assert_false(contains(product(f, "web.glb"), "image/jpeg"));
    fixture_add(f, "scene.jpg", STR("\x89PNG\r\n"));
    assert_int_equal(fixture_convert(f, &options), ERR_OK);
    assert_true(contains(product(f, "manifest.json"), "The texture scene.jpg is no JPEG"));
    f->in_count = 1;
    assert_int_equal(fixture_convert(f, &options), ERR_OK);
    assert_true(contains(product(f, "manifest.json"), "The materials scene.mtl are not there"));
}

static void test_broken_files(void **state)
{
    struct convert_fixture *f = *state;
    struct mesh_convert_options options = fixture_options();
    f->in[2].bytes.len /= 2;
    assert_int_equal(fixture_convert(f, &options), ERR_CORRUPT);
    assert_string_equal(f->err.message, "scene.jpg cannot be read as a JPEG");
    assert_int_equal(f->out_count, 0);
    f->in[1].bytes = STR("newmtl ground\nKd red\n");
    assert_int_equal(fixture_convert(f, &options), ERR_CORRUPT);
    assert_string_equal(f->err.message, "scene.mtl, line 2: Kd has no number");
    f->in[0].bytes = STR("v 0 0 0\nv 0 0 0\nv 0 0 0\nf 1 2 3\n");
    f->in_count = 1;
    assert_int_equal(fixture_convert(f, &options), ERR_CORRUPT);
    assert_string_equal(f->err.message, "scene.obj has no triangle with an area");
    f->in[0].name = STR("scene.fbx");
    assert_int_equal(fixture_convert(f, &options), ERR_INVALID);
    assert_string_equal(f->err.message, "scene.fbx is neither .obj nor .ply");
    f->in[0].name = STR("x.obj");
    f->in_count = 0;
    assert_int_equal(fixture_convert(f, &options), ERR_NOT_FOUND);
}

static void test_limits(void **state)
{
    struct convert_fixture *f = *state;
    struct mesh_convert_options options = fixture_options();
    options.limits.texture_pixels = 64 * 48;
    assert_int_equal(fixture_convert(f, &options), ERR_OK);
    options.limits.texture_pixels--;
    assert_int_equal(fixture_convert(f, &options), ERR_TOO_LARGE);
    assert_string_equal(f->err.message, "scene.jpg has more than 3071 pixels");
}

// What put() fails with is passed on, whichever file it was.
static void test_full(void **state)
{
    struct convert_fixture *f = *state;
    struct mesh_convert_options options = fixture_options();
    for (size_t n = 0; n < 7; n++) {
        f->puts_until_full = n;
        assert_int_equal(fixture_convert(f, &options), ERR_UNAVAILABLE);
        assert_int_equal(f->out_count, n);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_products, setup, teardown),
        cmocka_unit_test_setup_teardown(test_again, setup, teardown),
        cmocka_unit_test_setup_teardown(test_units_and_axis, setup, teardown),
        cmocka_unit_test_setup_teardown(test_missing_files, setup, teardown),
        cmocka_unit_test_setup_teardown(test_broken_files, setup, teardown),
        cmocka_unit_test_setup_teardown(test_limits, setup, teardown),
        cmocka_unit_test_setup_teardown(test_full, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
