// Tests of the PLY reader: one model in every format.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "mesh/mesh_error_row.h"
#include "mesh/mesh_read.h"

static enum err read_bytes(struct arena *arena, struct str bytes, struct mesh *mesh,
                           struct mesh_links *links, struct error *err)
{
    struct mesh_limits limits = MESH_LIMITS_DEFAULT;
    limits.vertices = 1000;
    limits.triangles = 100;
    mesh_init(mesh, arena);
    error_reset(err);
    struct mesh_file file = {STR("scene.ply"), bytes};
    return mesh_read_ply(&file, &limits, mesh, links, err);
}

static void put(struct buf *buf, const void *number, size_t size, bool is_big)
{
    const char *bytes = number;
    for (size_t i = 0; i < size; i++)
        buf_append_char(buf, bytes[is_big ? size - 1 - i : i]);
}

#define PUT(buf, type, value, is_big) put((buf), &(type){value}, sizeof(type), (is_big))

// A square of four vertices and one face, among properties and elements that nobody knows.
static void write_binary(struct buf *buf, bool is_big)
{
    buf_printf(buf,
               "ply\r\nformat binary_%s_endian 1.0\r\ncomment TextureFile ../a b.jpg\r\n"
               "obj_info x\r\nelement camera 1\r\nproperty list uchar short zoom\r\n"
               "property double w\r\nelement vertex 4\r\nproperty double x\r\n"
               "property float y\r\nproperty short z\r\nproperty uint16 quality\r\n"
               "property uchar red\r\nproperty float green\r\nproperty ushort blue\r\n"
               "property list uint8 int8 tags\r\nproperty float texture_u\r\n"
               "property float texture_v\r\nelement face 1\r\nproperty int flags\r\n"
               "property list ushort uint vertex_index\r\nend_header\n",
               is_big ? "big" : "little");
    PUT(buf, uint8_t, 2, is_big);
    PUT(buf, int16_t, -1, is_big);
    PUT(buf, int16_t, 7, is_big);
    PUT(buf, double, 0.5, is_big);
    for (int i = 0; i < 4; i++) {
        PUT(buf, double, i == 1 || i == 2 ? 1.5 : 0, is_big);
        PUT(buf, float, i >= 2 ? 2.5F : 0, is_big);
        PUT(buf, int16_t, -3, is_big);
        PUT(buf, uint16_t, 9, is_big);
        PUT(buf, uint8_t, 200, is_big);
        PUT(buf, float, 0.5F, is_big);
        PUT(buf, uint16_t, 65535, is_big);
        PUT(buf, uint8_t, (uint8_t)i, is_big);
        for (int n = 0; n < i; n++)
            PUT(buf, int8_t, -1, is_big);
        PUT(buf, float, 0.25F, is_big);
        PUT(buf, float, 0.75F, is_big);
    }
    PUT(buf, int32_t, -1, is_big);
    PUT(buf, uint16_t, 4, is_big);
    for (uint32_t i = 0; i < 4; i++)
        put(buf, &i, sizeof(i), is_big);
}

static const char *const ascii =
    "ply\nformat ascii 1.0\ncomment TextureFile a b.jpg\nelement camera 1\n"
    "property list uchar short zoom\nproperty double w\nelement vertex 4\nproperty double x\n"
    "property float y\nproperty short z\nproperty uchar red\nproperty float green\n"
    "property uchar blue\nproperty list uint8 int8 tags\nproperty float s\nproperty float t\n"
    "element face 1\nproperty int flags\nproperty list ushort uint vertex_indices\nend_header\n"
    "2 -1 7 0.5\n0 0 -3 200 0.5 255 0 0.25 0.75\n1.5 0 -3 200 0.5 255 1 -1 0.25 0.75\n"
    "\n1.5 2.5 -3 200 0.5 255 0 0.25 0.75\r\n0 2.5 -3.0 200 0.5 255 0 0.25 0.75\n-1 4 0 1 2 3";

static void check_model(struct str bytes)
{
    CLEANUP(arena_close_ptr) struct arena *arena = arena_open(0);
    struct mesh mesh;
    struct mesh_links links;
    struct error err;
    if (read_bytes(arena, bytes, &mesh, &links, &err) != ERR_OK)
        fail_msg("%s", err.message);
    assert_int_equal(mesh.vertex_count, 4);
    assert_int_equal(mesh.triangle_count, 2);
    assert_true(mesh.has_uvs && mesh.has_colours && !mesh.has_normals);
    assert_true(str_equal(links.texture, STR("a b.jpg")));
    const struct mesh_vertex *v = &mesh.vertices[2];
    assert_float_equal(v->position.x, 1.5, 0);
    assert_float_equal(v->position.y, 2.5, 0);
    assert_float_equal(v->position.z, -3, 0);
    assert_float_equal(v->uv.v, 0.75, 0);
    assert_int_equal(v->colour.r, 200);
    assert_int_equal(v->colour.g, 128);
    assert_int_equal(v->colour.b, 255);
}

static void test_formats(void **state)
{
    (void)state;
    check_model(str_of(ascii));
    for (int is_big = 0; is_big < 2; is_big++) {
        struct buf buf CLEANUP(buf_done);
        buf_init(&buf, 4096);
        write_binary(&buf, is_big);
        check_model(buf_str(&buf));
    }
}

// Cut at any byte the model is refused, with a message.
static void test_cut(void **state)
{
    (void)state;
    struct buf buf CLEANUP(buf_done);
    buf_init(&buf, 4096);
    write_binary(&buf, true);
    struct str wholes[] = {buf_str(&buf), str_of(ascii)};
    for (size_t w = 0; w < COUNT_OF(wholes); w++) {
        for (size_t len = 0; len < wholes[w].len; len++) {
            CLEANUP(arena_close_ptr) struct arena *arena = arena_open(0);
            struct mesh mesh;
            struct mesh_links links;
            struct error err;
            struct str cut = str_slice(wholes[w], 0, len);
            assert_int_equal(read_bytes(arena, cut, &mesh, &links, &err), ERR_CORRUPT);
            assert_true(str_starts(str_of(err.message), STR("scene.ply")));
        }
    }
}

#define XYZ  "property float x\nproperty float y\nproperty float z\n"
#define FACE "element face 1\nproperty list uchar int vertex_indices\nend_header\n"
#define HEAD "ply\nformat ascii 1.0\nelement vertex 3\n" XYZ

static void test_errors(void **state)
{
    (void)state;
    static const struct mesh_error_row rows[] = {
        {"plx\n", ERR_CORRUPT, "scene.ply, line 1: the file does not begin as a PLY does"},
        {"ply\nformat x 1.0\n", ERR_CORRUPT,
         "scene.ply, line 2: the format is not known, or told twice"},
        {"ply\nend_header\n", ERR_CORRUPT, "scene.ply, line 3: the header names no format"},
        {"ply\nelement vertex -1\n", ERR_CORRUPT,
         "scene.ply, line 2: the element has no count, or too large a one"},
        {"ply\nproperty float x\n", ERR_CORRUPT, "scene.ply, line 2: a property of no element"},
        {"ply\nelement face 1\nproperty list float int x\n", ERR_CORRUPT,
         "scene.ply, line 3: the list's length has no integer type"},
        {"ply\nelement face 1\nproperty x x\n", ERR_CORRUPT,
         "scene.ply, line 3: the type is not known"},
        {"ply\nelement face 1\nelement face 1\n", ERR_CORRUPT,
         "scene.ply, line 3: the element is there twice"},
        {"ply\nhello\n", ERR_CORRUPT, "scene.ply, line 2: not what a PLY's header has"},
        {"ply\nformat ascii 1.0\nelement vertex 4000000000\n" XYZ FACE "0 0 0\n", ERR_CORRUPT,
         "scene.ply, line 10: the file is too short for what its header announces"},
        {HEAD FACE "0 0 0\n1 0 0\n0 1 0\n3 0 1 2\n", ERR_OK, ""},
        {HEAD FACE "0 0 0\n1 0 0\n0 1 0\n3 0 1 3\n", ERR_CORRUPT,
         "scene.ply, face 0: there is no vertex 3"},
        {HEAD FACE "0 0 0\n1 0 0\n0 1 0\n3 0 1 1.5\n", ERR_CORRUPT,
         "scene.ply, line 13: a number that cannot be right"},
        {HEAD FACE "0 0 0\n1 0 0\n0 1 0\n2 0 1      \n", ERR_CORRUPT, "scene.ply has no faces"},
        {HEAD FACE "0 0 0\n1 0 x\n0 1 0\n3 0 1 2\n", ERR_CORRUPT,
         "scene.ply, line 11: not the numbers that the header announces"},
        {HEAD FACE "0 0 0\n1 0 1e14\n0 1 0\n3 0 1 2\n", ERR_CORRUPT,
         "scene.ply, line 11: the vertex is nowhere, or too far away"},
        {"ply\nformat ascii 1.0\nelement vertex 3\nproperty float x\nend_header\n0\n1\n2\n",
         ERR_CORRUPT, "scene.ply has no vertices"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        CLEANUP(arena_close_ptr) struct arena *arena = arena_open(0);
        struct mesh mesh;
        struct mesh_links links;
        struct error err;
        enum err code = read_bytes(arena, str_of(rows[i].text), &mesh, &links, &err);
        mesh_error_check(&rows[i], code, &err);
    }
}

// At each bound of the header, and one beyond.
static void test_bounds(void **state)
{
    (void)state;
    static const struct {
        const char *line;
        size_t max;
    } rows[] = {{"property int p\n", 252}, {"element other 0\n", 14}, {"comment 12345\n", 4660}};
    for (size_t r = 0; r < COUNT_OF(rows); r++) {
        for (size_t over = 0; over < 2; over++) {
            CLEANUP(arena_close_ptr) struct arena *arena = arena_open(0);
            struct mesh mesh;
            struct mesh_links links;
            struct error err;
            struct buf buf CLEANUP(buf_done);
            buf_init(&buf, 1 << 20);
            buf_printf(&buf, "ply\nformat ascii 1.0\nelement vertex 3\n" XYZ
                             "element face 1\nproperty list uchar int vertex_indices\n");
            for (size_t i = 0; i < rows[r].max + (over ? 50 : 0); i++)
                buf_append_str(&buf, str_of(rows[r].line));
            buf_printf(&buf, "end_header\n0 0 0\n1 0 0\n0 1 0\n3 0 1 2");
            for (size_t i = 0; i < 400; i++)
                buf_printf(&buf, " 0");
            enum err code = read_bytes(arena, buf_str(&buf), &mesh, &links, &err);
            assert_int_equal(code, over ? ERR_CORRUPT : ERR_OK);
        }
    }
}

static void test_limits(void **state)
{
    (void)state;
    CLEANUP(arena_close_ptr) struct arena *arena = arena_open(0);
    struct mesh mesh;
    struct mesh_links links;
    struct error err;
    struct buf buf CLEANUP(buf_done);
    buf_init(&buf, 1 << 20);
    buf_printf(&buf, HEAD "element face 101\nproperty list uchar int vertex_indices\nend_header\n");
    for (size_t i = 0; i < 200; i++)
        buf_printf(&buf, "0 0 0\n");
    assert_int_equal(read_bytes(arena, buf_str(&buf), &mesh, &links, &err), ERR_TOO_LARGE);
    assert_string_equal(err.message, "scene.ply has more than 100 triangles");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_formats), cmocka_unit_test(test_cut),
        cmocka_unit_test(test_errors),  cmocka_unit_test(test_bounds),
        cmocka_unit_test(test_limits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
