// Tests of the OBJ reader.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "mesh/mesh_read.h"

#define SQUARE "v 0 0 0\nv 1 0 0\nv 1 1 0\nv 0 1 0\n"

struct fixture {
    struct arena *arena;
    struct mesh mesh;
    struct mesh_links links;
    struct error err;
};

static enum err read_with(struct fixture *f, const char *text, const struct mesh_limits *limits)
{
    arena_close(f->arena);
    f->arena = arena_open(0);
    error_reset(&f->err);
    mesh_init(&f->mesh, f->arena);
    struct mesh_file file = {STR("scene.obj"), str_of(text)};
    return mesh_read_obj(&file, limits, &f->mesh, &f->links, &f->err);
}

static void read_good(struct fixture *f, const char *text)
{
    struct mesh_limits limits = MESH_LIMITS_DEFAULT;
    if (read_with(f, text, &limits) != ERR_OK)
        fail_msg("%s", f->err.message);
}

static int setup(void **state)
{
    static struct fixture fixture;
    fixture = (struct fixture){0};
    *state = &fixture;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    arena_close(f->arena);
    return 0;
}

static void test_shared_corners(void **state)
{
    struct fixture *f = *state;
    read_good(f, "mtllib a/b/scene.mtl\n" SQUARE "vt 0 0\nvt 0.5 1\nvt 1 1\n"
                 "usemtl brick\nf 1/1 2/2 3/3\nf 1/1 3/3 4/2\n");
    assert_int_equal(f->mesh.triangle_count, 2);
    assert_int_equal(f->mesh.vertex_count, 4);
    assert_true(f->mesh.has_uvs);
    assert_false(f->mesh.has_normals);
    assert_false(f->mesh.has_colours);
    assert_int_equal(f->mesh.group_count, 1);
    assert_true(str_equal(f->mesh.groups[0].material, STR("brick")));
    assert_int_equal(f->links.library_count, 1);
    assert_true(str_equal(f->links.libraries[0], STR("scene.mtl")));
    assert_float_equal(f->mesh.vertices[f->mesh.triangles[1].vertex[2]].uv.u, 0.5, 0);
}

// All of these are the square in two triangles, whatever the way to write it.
static void test_ways_to_write(void **state)
{
    static const char *const texts[] = {
        SQUARE "f 1 2 3 4\n",
        SQUARE "f -4 -3 -2 -1\n",
        SQUARE "f 1// 2// 3// 4//\n",
        SQUARE "f 1/ 2/ 3/ 4/",
        "\xEF\xBB\xBF" SQUARE "f 1 2 3\nf 1 3 4",
        "v 0 0 0\r\nv 1 0 0\r\nv 1 1 0\r\nv 0 1 0\r\ng x\r\ns 1\r\nf 1 2 3 4\r\n",
        SQUARE "f 1 2 \\\n3 \\\r\n 4\n",
        "f 1 2 3 4\n" SQUARE,
        "  v 0 0 0 # first\n\tv 1 0 0\n\n#v 9 9 9\nv 1 1 0 1.0\nv 0 1 0\nl 1 2\np 1\nf 1 2 3 4 # "
        "f\n",
        SQUARE "f 1 1 2 3 4 4\nf 2 2 2\n",
        "v 0 0 0\nv \\\n1 0 0\nv 1 1 0\nv 0 1 0\nf 1 2 3 4\n",
    };
    struct fixture *f = *state;
    for (size_t i = 0; i < COUNT_OF(texts); i++) {
        read_good(f, texts[i]);
        assert_int_equal(f->mesh.triangle_count, 2);
        assert_int_equal(f->mesh.vertex_count, 4);
        assert_false(f->mesh.has_uvs);
        float area = 0;
        for (size_t t = 0; t < 2; t++) {
            const uint32_t *v = f->mesh.triangles[t].vertex;
            struct mesh_vec3 a = f->mesh.vertices[v[0]].position;
            struct mesh_vec3 b = f->mesh.vertices[v[1]].position;
            struct mesh_vec3 c = f->mesh.vertices[v[2]].position;
            area += mesh_vec3_cross(mesh_vec3_sub(b, a), mesh_vec3_sub(c, a)).z / 2;
        }
        assert_float_equal(area, 1, 1e-6);
    }
}

static void test_colours_and_normals(void **state)
{
    struct fixture *f = *state;
    read_good(f, "v 0 0 0 1 0.5 0\nv 1 0 0 0 0 1\nv 0 1 0 255 128 0\nvn 0 0 2\n"
                 "f 1//1 2//1 3//1\n");
    assert_true(f->mesh.has_colours && f->mesh.has_normals);
    assert_int_equal(f->mesh.vertices[0].colour.g, 128);
    assert_int_equal(f->mesh.vertices[1].colour.b, 255);
    assert_int_equal(f->mesh.vertices[2].colour.g, 128);
    assert_float_equal(f->mesh.vertices[2].normal.z, 1, 1e-6);
}

static void test_materials(void **state)
{
    struct fixture *f = *state;
    read_good(f, SQUARE "f 1 2 3\nusemtl a\nusemtl b c\nf 1 2 3\nusemtl b c\nf 1 3 4\nusemtl a\n"
                        "f 1 2 4\n");
    assert_int_equal(f->mesh.group_count, 2);
    assert_int_equal(f->mesh.groups[0].first_triangle, 1);
    assert_true(str_equal(f->mesh.groups[0].material, STR("b c")));
    assert_int_equal(f->mesh.groups[1].first_triangle, 3);
}

// A float has steps of half a metre at this northing.
static void test_far_away(void **state)
{
    struct fixture *f = *state;
    read_good(f, "v 512345.12 5432100.25 3\nv 512345.13 5432100.25 3\nv 512345.12 5432100.27 3\n"
                 "f 1 2 3\n");
    const struct mesh_vertex *v = f->mesh.vertices;
    assert_float_equal(f->mesh.origin[0], 512345, 0);
    assert_float_equal(f->mesh.origin[2], 0, 0);
    assert_float_equal(v[1].position.x - v[0].position.x, 0.01, 1e-6);
    assert_float_equal(v[2].position.y - v[0].position.y, 0.02, 1e-6);
    assert_float_equal(v[0].position.z, 3, 0);
}

static void test_errors(void **state)
{
    static const struct {
        const char *text;
        const char *message;
    } rows[] = {
        {"", "scene.obj has no faces"},
        {SQUARE, "scene.obj has no faces"},
        {SQUARE "f 1 1 2\n", "scene.obj has no faces"},
        {SQUARE "f 1 2 5\n", "scene.obj, line 5: there is no v 5, only 4"},
        {SQUARE "f 1 2 500\n", "scene.obj, line 5: there is no v 500"},
        {SQUARE "f 1 2 0\n", "scene.obj, line 5: there is no v 0"},
        {SQUARE "f 1 2 -5\n", "scene.obj, line 5: there is no v -5"},
        {SQUARE "vt 1 1\nf 1/1 2/1 3/-2\n", "scene.obj, line 6: there is no vt -2"},
        {SQUARE "\\\nf 1 2 \\\n 9\n", "scene.obj, line 7: there is no v 9"},
        {SQUARE "f 1 2\n", "scene.obj, line 5: the face has fewer than three corners"},
        {SQUARE "f 1 2 x\n", "scene.obj, line 5: the face has a corner without a number"},
        {SQUARE "f 1 2 3/1/1/1\n", "scene.obj, line 5: the face has a corner that is no v/vt/vn"},
        {SQUARE "f 1 2 3///\n", "scene.obj, line 5: the face has a corner that is no v/vt/vn"},
        {SQUARE "f 1 2 3x\n", "scene.obj, line 5: the face has a corner that is no v/vt/vn"},
        {"v 1 2\n", "scene.obj, line 1: the vertex has fewer than three numbers"},
        {"v 1 2 nan\n", "scene.obj, line 1: the vertex has what is no finite number"},
        {"v 1 2 1e13\n", "scene.obj, line 1: the vertex is too far away"},
        {"vn 1 2\n", "scene.obj, line 1: a finite number is missing"},
        {"vt\n", "scene.obj, line 1: a finite number is missing"},
    };
    struct fixture *f = *state;
    struct mesh_limits limits = MESH_LIMITS_DEFAULT;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        enum err code = read_with(f, rows[i].text, &limits);
        if (strncmp(f->err.message, rows[i].message, strlen(rows[i].message)) != 0)
            fail_msg("row %zu: %s", i, f->err.message);
        assert_int_equal(code, ERR_CORRUPT);
    }
}

static void test_limits(void **state)
{
    struct fixture *f = *state;
    const char *text = SQUARE "f 1 2 3 4\n";
    struct mesh_limits limits = MESH_LIMITS_DEFAULT;
    limits.triangles = 2;
    limits.vertices = 5; // one more than there are: a counted line may be a continued one
    limits.file_bytes = strlen(text);
    assert_int_equal(read_with(f, text, &limits), ERR_OK);
    limits.triangles = 1;
    assert_int_equal(read_with(f, text, &limits), ERR_TOO_LARGE);
    assert_string_equal(f->err.message, "scene.obj, line 5: more than 1 triangles");
    limits.triangles = 2;
    limits.vertices = 4;
    assert_int_equal(read_with(f, text, &limits), ERR_TOO_LARGE);
    limits.vertices = 5;
    limits.file_bytes--;
    assert_int_equal(read_with(f, text, &limits), ERR_TOO_LARGE);
    assert_string_equal(f->err.message, "scene.obj has more than 41 bytes");
}

static void test_bounds(void **state)
{
    struct fixture *f = *state;
    struct mesh_limits limits = MESH_LIMITS_DEFAULT;
    struct buf text CLEANUP(buf_done);
    for (size_t over = 0; over < 2; over++) {
        buf_init(&text, 1 << 20);
        buf_printf(&text, SQUARE "f");
        for (size_t i = 0; i < MESH_FACE_CORNERS_MAX + over; i++)
            buf_printf(&text, " %zu", i % 4 + 1);
        assert_int_equal(read_with(f, buf_cstr(&text), &limits), over ? ERR_TOO_LARGE : ERR_OK);
        buf_reset(&text);
        buf_printf(&text, SQUARE "usemtl ");
        for (size_t i = 0; i < MESH_NAME_MAX + over; i++)
            buf_append_char(&text, 'n');
        buf_printf(&text, "\nf 1 2 3\n");
        assert_int_equal(read_with(f, buf_cstr(&text), &limits), over ? ERR_CORRUPT : ERR_OK);
        buf_done(&text);
    }
}

// One place with as many texture coordinates as faces: looking each of them up among all the others
// would take minutes.
static void test_one_place_many_corners(void **state)
{
    struct fixture *f = *state;
    enum { FACES = 100000 };
    struct buf text CLEANUP(buf_done);
    buf_init(&text, 16 << 20);
    buf_printf(&text, SQUARE);
    for (int i = 0; i < FACES; i++)
        buf_printf(&text, "vt %d 0\nf 1/%d 2/%d 3/%d\n", i, i + 1, i + 1, i + 1);
    read_good(f, buf_cstr(&text));
    assert_int_equal(f->mesh.triangle_count, FACES);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_shared_corners, setup, teardown),
        cmocka_unit_test_setup_teardown(test_ways_to_write, setup, teardown),
        cmocka_unit_test_setup_teardown(test_colours_and_normals, setup, teardown),
        cmocka_unit_test_setup_teardown(test_materials, setup, teardown),
        cmocka_unit_test_setup_teardown(test_far_away, setup, teardown),
        cmocka_unit_test_setup_teardown(test_errors, setup, teardown),
        cmocka_unit_test_setup_teardown(test_limits, setup, teardown),
        cmocka_unit_test_setup_teardown(test_bounds, setup, teardown),
        cmocka_unit_test_setup_teardown(test_one_place_many_corners, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
