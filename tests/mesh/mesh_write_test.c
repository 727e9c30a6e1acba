// Tests of the mesh writers: what they write is read back.
#include "mesh/mesh_reader.h"

#include <locale.h>
#include <turbojpeg.h>

#include "mesh/mesh_write.h"

// Two triangles of a pyramid in two groups, with numbers that are hard to write.
static void make_sample(struct mesh *mesh, struct arena *arena)
{
    static const struct mesh_vertex vertices[] = {
        {{0, 0, 0}, {0, 1, 0}, {0, 0}, {1, 2, 3}},
        {{1, 0.5F, -0.00004F}, {0, 0.6F, 0.8F}, {1, 0.33333F}, {4, 5, 6}},
        {{-12345.678F, 1e-9F, 250000}, {-0.6F, -0.8F, 0}, {0.00001F, 1}, {255, 0, 128}},
        {{0.9999F, -0.9999F, 0.99999F}, {1, 0, 0}, {0.5F, 0.25F}, {7, 8, 9}},
    };
    mesh_init(mesh, arena);
    for (size_t i = 0; i < COUNT_OF(vertices); i++)
        assert_int_equal(mesh_add_vertex(mesh, &vertices[i]), i);
    mesh_add_group(mesh, STR("one"), STR("brick"));
    mesh_add_triangle(mesh, 0, 1, 2);
    mesh_add_group(mesh, STR("two"), STR("glass"));
    mesh_add_triangle(mesh, 0, 2, 3);
}

static void assert_same_vec3(struct mesh_vec3 a, struct mesh_vec3 b, float within)
{
    assert_float_equal(a.x, b.x, within);
    assert_float_equal(a.y, b.y, within);
    assert_float_equal(a.z, b.z, within);
}

static void assert_same_triangles(const struct mesh *a, const struct mesh *b)
{
    assert_int_equal(a->triangle_count, b->triangle_count);
    for (size_t i = 0; i < a->triangle_count; i++)
        assert_memory_equal(&a->triangles[i], &b->triangles[i], sizeof(a->triangles[i]));
}

static void test_obj_text(void **state)
{
    (void)state;
    CLEANUP(arena_close_ptr) struct arena *arena = arena_open(0);
    struct mesh mesh;
    struct buf buf;
    make_sample(&mesh, arena);
    buf_init_arena(&buf, arena, 100000);
    mesh_write_obj(&buf, &mesh, STR("scene.mtl"));
    assert_string_equal(buf_cstr(&buf), "mtllib scene.mtl\n"
                                        "v 0 0 0\n"
                                        "v 1 0.5 0\n"
                                        "v -12345.6777 0 250000\n"
                                        "v 0.9999 -0.9999 1\n"
                                        "vt 0 0\n"
                                        "vt 1 0.33333\n"
                                        "vt 0.00001 1\n"
                                        "vt 0.5 0.25\n"
                                        "vn 0 1 0\n"
                                        "vn 0 0.6 0.8\n"
                                        "vn -0.6 -0.8 0\n"
                                        "vn 1 0 0\n"
                                        "o one\n"
                                        "usemtl brick\n"
                                        "f 1/1/1 2/2/2 3/3/3\n"
                                        "o two\n"
                                        "usemtl glass\n"
                                        "f 1/1/1 3/3/3 4/4/4\n");
}

static void test_obj_back(void **state)
{
    (void)state;
    CLEANUP(arena_close_ptr) struct arena *arena = arena_open(0);
    struct mesh mesh, back;
    struct buf buf;
    struct str mtl = STR_NULL;
    make_sample(&mesh, arena);
    buf_init_arena(&buf, arena, 100000);
    mesh_write_obj(&buf, &mesh, STR("scene.mtl"));
    mesh_init(&back, arena);
    read_obj(buf_str(&buf), &back, &mtl);
    assert_true(str_equal(mtl, STR("scene.mtl")));
    assert_int_equal(back.vertex_count, mesh.vertex_count);
    for (size_t i = 0; i < mesh.vertex_count; i++) {
        assert_same_vec3(back.vertices[i].position, mesh.vertices[i].position, 0.001F);
        assert_same_vec3(back.vertices[i].normal, mesh.vertices[i].normal, 0.0001F);
        assert_float_equal(back.vertices[i].uv.u, mesh.vertices[i].uv.u, 0.00001);
        assert_float_equal(back.vertices[i].uv.v, mesh.vertices[i].uv.v, 0.00001);
    }
    assert_same_triangles(&mesh, &back);
    assert_int_equal(back.group_count, 2);
    assert_int_equal(back.groups[1].first_triangle, 1);
    assert_true(str_equal(back.groups[1].name, STR("two")));
    assert_true(str_equal(back.groups[1].material, STR("glass")));
}

// A comma as the decimal point of the program's locale must not show.
static void test_obj_locale(void **state)
{
    (void)state;
    CLEANUP(arena_close_ptr) struct arena *arena = arena_open(0);
    struct mesh mesh;
    struct buf buf;
    make_sample(&mesh, arena);
    buf_init_arena(&buf, arena, 100000);
    (void)setlocale(LC_ALL, "de_DE.UTF-8"); // where it is not installed the test shows less
    mesh_write_obj(&buf, &mesh, STR("scene.mtl"));
    (void)setlocale(LC_ALL, "C");
    assert_null(strchr(buf_cstr(&buf), ','));
}

static void test_mtl(void **state)
{
    (void)state;
    static const struct mesh_material materials[] = {
        {STR_INIT("house"), STR_INIT("scene.jpg"), {1, 1, 1}, 0},
        {STR_INIT("plain"), {0}, {0.25F, 0.5F, 0}, 0},
    };
    struct buf buf CLEANUP(buf_done);
    buf_init(&buf, 1000);
    mesh_write_mtl(&buf, materials, COUNT_OF(materials));
    assert_string_equal(buf_cstr(&buf),
                        "newmtl house\nKa 1 1 1\nKd 1 1 1\nKs 0 0 0\nd 1\nillum 1\n"
                        "map_Kd scene.jpg\n"
                        "newmtl plain\nKa 0.25 0.5 0\nKd 0.25 0.5 0\nKs 0 0 0\nd 1\n"
                        "illum 1\n");
}

static void test_ply_back(void **state)
{
    (void)state;
    CLEANUP(arena_close_ptr) struct arena *arena = arena_open(0);
    struct mesh mesh, back;
    struct buf buf;
    make_sample(&mesh, arena);
    buf_init_arena(&buf, arena, 100000);
    mesh_write_ply(&buf, &mesh, STR("scene.jpg"));
    mesh_init(&back, arena);
    read_ply(buf_str(&buf), &back);
    assert_int_equal(back.vertex_count, mesh.vertex_count);
    for (size_t i = 0; i < mesh.vertex_count; i++) {
        assert_same_vec3(back.vertices[i].position, mesh.vertices[i].position, 0);
        assert_same_vec3(back.vertices[i].normal, mesh.vertices[i].normal, 0);
        assert_memory_equal(&back.vertices[i].uv, &mesh.vertices[i].uv, 8);
        assert_memory_equal(&back.vertices[i].colour, &mesh.vertices[i].colour, 3);
    }
    assert_same_triangles(&mesh, &back);
}

static void test_ceiling(void **state)
{
    (void)state;
    CLEANUP(arena_close_ptr) struct arena *arena = arena_open(0);
    struct mesh mesh;
    make_sample(&mesh, arena);
    for (size_t max = 0; max < 700; max += 7) {
        struct buf obj CLEANUP(buf_done), ply CLEANUP(buf_done);
        buf_init(&obj, max);
        buf_init(&ply, max);
        mesh_write_obj(&obj, &mesh, STR("scene.mtl"));
        mesh_write_ply(&ply, &mesh, STR("scene.jpg"));
        assert_true(obj.len <= max && ply.len <= max);
        if (max < 200)
            assert_true(obj.overflow && ply.overflow);
    }
}

static void test_jpeg(void **state)
{
    (void)state;
    enum { WIDTH = 64, HEIGHT = 48 };
    struct mesh_rgb pixels[WIDTH * HEIGHT];
    for (size_t i = 0; i < COUNT_OF(pixels); i++)
        pixels[i] = i / WIDTH < HEIGHT / 2 ? (struct mesh_rgb){220, 40, 30}
                                           : (struct mesh_rgb){20, 60, 200};
    struct mesh_image image = {pixels, WIDTH, HEIGHT};
    struct buf buf CLEANUP(buf_done);
    struct error err = {0};
    buf_init(&buf, 1 << 20);
    assert_int_equal(mesh_write_jpeg(&buf, &image, 90, MESH_JPEG_HALF_COLOUR, &err), ERR_OK);
    tjhandle handle = tjInitDecompress();
    int width, height, sampling, space;
    const unsigned char *bytes = (const unsigned char *)buf.ptr;
    assert_int_equal(
        tjDecompressHeader3(handle, bytes, buf.len, &width, &height, &sampling, &space), 0);
    assert_int_equal(width, WIDTH);
    assert_int_equal(height, HEIGHT);
    struct mesh_rgb back[WIDTH * HEIGHT];
    assert_int_equal(
        tjDecompress2(handle, bytes, buf.len, (unsigned char *)back, WIDTH, 0, HEIGHT, TJPF_RGB, 0),
        0);
    tjDestroy(handle);
    assert_in_range(back[WIDTH * 5 + 5].r, 210, 230);
    assert_in_range(back[WIDTH * (HEIGHT - 5) + 5].b, 190, 210);

    buf_reset(&buf);
    buf.max = 100;
    assert_int_equal(mesh_write_jpeg(&buf, &image, 90, MESH_JPEG_HALF_COLOUR, &err), ERR_TOO_LARGE);
}

static void test_vectors(void **state)
{
    (void)state;
    struct mesh_vec3 x = {1, 0, 0}, y = {0, 1, 0}, z = {0, 0, 1};
    assert_same_vec3(mesh_vec3_cross(x, y), z, 0);
    assert_same_vec3(mesh_vec3_cross(y, z), x, 0);
    assert_float_equal(mesh_vec3_length((struct mesh_vec3){3, 4, 12}), 13, 0);
    assert_same_vec3(mesh_vec3_unit((struct mesh_vec3){0, 0, -7}), (struct mesh_vec3){0, 0, -1}, 0);
    assert_same_vec3(mesh_vec3_unit((struct mesh_vec3){0, 0, 0}), y, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_obj_text),   cmocka_unit_test(test_obj_back),
        cmocka_unit_test(test_obj_locale), cmocka_unit_test(test_mtl),
        cmocka_unit_test(test_ply_back),   cmocka_unit_test(test_ceiling),
        cmocka_unit_test(test_jpeg),       cmocka_unit_test(test_vectors),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
