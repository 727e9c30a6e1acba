// Tests of the MTL reader.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "mesh/mesh_error_row.h"
#include "mesh/mesh_read.h"

static enum err read_text(struct arena *arena, const char *text, struct mesh_materials *materials,
                          struct error *err)
{
    struct mesh_limits limits = MESH_LIMITS_DEFAULT;
    limits.materials = 3;
    *materials = (struct mesh_materials){0};
    error_reset(err);
    struct mesh_file file = {STR("scene.mtl"), str_of(text)};
    return mesh_read_mtl(&file, &limits, arena, materials, err);
}

static void test_materials(void **state)
{
    (void)state;
    CLEANUP(arena_close_ptr) struct arena *arena = arena_open(0);
    struct mesh_materials m;
    struct error err;
    assert_int_equal(read_text(arena,
                               "Kd 1 0 0\n# none yet\nnewmtl brick wall\r\nKd 0.5 0.25 2\r\n"
                               "map_Kd -s 1 1 1 -o 0.5 -clamp on textures\\my brick.jpg\r\n"
                               "newmtl glass\nKd 0.5\nd -halo 0.25\nTr 0.5\nmap_kd ../..\n"
                               "newmtl plain\nd 0.9\nKd spectral x.rfl 1\nNs 12\n",
                               &m, &err),
                     ERR_OK);
    assert_int_equal(m.count, 3);
    assert_true(str_equal(m.list[0].name, STR("brick wall")));
    assert_true(str_equal(m.list[0].texture, STR("my brick.jpg")));
    assert_float_equal(m.list[0].diffuse.y, 0.25, 0);
    assert_float_equal(m.list[0].diffuse.z, 1, 0);
    assert_float_equal(m.list[1].diffuse.z, 0.5, 0);
    assert_float_equal(m.list[1].transparency, 0.5, 0);
    assert_null(m.list[1].texture.ptr);
    assert_float_equal(m.list[2].transparency, 0.1, 1e-6);
    assert_float_equal(m.list[2].diffuse.x, 1, 0);
}

static void test_errors(void **state)
{
    (void)state;
    static const struct mesh_error_row rows[] = {
        {"newmtl\n", ERR_CORRUPT, "scene.mtl, line 1: the material has no name or too long a one"},
        {"newmtl a\nKd\n", ERR_CORRUPT, "scene.mtl, line 2: Kd has no number"},
        {"newmtl a\nKd 1 x\n", ERR_CORRUPT,
         "scene.mtl, line 2: Kd has neither one number nor three"},
        {"newmtl a\nd no\n", ERR_CORRUPT, "scene.mtl, line 2: d has no number"},
        {"newmtl a\nTr\n", ERR_CORRUPT, "scene.mtl, line 2: Tr has no number"},
        {"newmtl a\nnewmtl b\nnewmtl c\n", ERR_OK, ""},
        {"newmtl a\nnewmtl b\nnewmtl c\nnewmtl d\n", ERR_TOO_LARGE,
         "scene.mtl has more than 3 materials"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        CLEANUP(arena_close_ptr) struct arena *arena = arena_open(0);
        struct mesh_materials materials;
        struct error err;
        mesh_error_check(&rows[i], read_text(arena, rows[i].text, &materials, &err), &err);
    }
}

static void test_base_names(void **state)
{
    (void)state;
    static const struct {
        const char *path;
        const char *name;
    } rows[] = {
        {"a.jpg", "a.jpg"},
        {"/x/y/a.jpg", "a.jpg"},
        {"C:\\x\\a b.jpg", "a b.jpg"},
        {"../../etc/.x", ".x"},
        {"x/", NULL},
        {"x/..", NULL},
        {".", NULL},
        {"", NULL},
        {"a\x01", NULL},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++)
        assert_true(str_equal(mesh_base_name(str_of(rows[i].path)), str_of(rows[i].name)));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_materials),
        cmocka_unit_test(test_errors),
        cmocka_unit_test(test_base_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
