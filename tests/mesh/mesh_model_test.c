// Tests of making meshes ready and of making them smaller.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>

#include "mesh/mesh_model.h"

#define SIDE 60

static const struct mesh_material materials[] = {{.name = STR_INIT("left")},
                                                 {.name = STR_INIT("right")}};
static const enum mesh_skin coloured[] = {MESH_COLOURED, MESH_COLOURED};

static void make_square(struct mesh *mesh, int i, int j)
{
    static const int corners[6][2] = {{0, 0}, {0, 1}, {1, 0}, {1, 0}, {0, 1}, {1, 1}};
    uint32_t v[6];
    for (int k = 0; k < 6; k++) {
        float x = (float)(i + corners[k][0]), z = (float)(j + corners[k][1]);
        struct mesh_vertex vertex = {.position = {x, 2 * sinf(x / 9) * cosf(z / 7), z},
                                     .colour = {200, 100, 50}};
        v[k] = mesh_add_vertex(mesh, &vertex);
    }
    mesh_add_triangle(mesh, v[0], v[1], v[2]);
    mesh_add_triangle(mesh, v[3], v[4], v[5]);
}

// Hilly ground of two materials, each corner of each triangle a vertex of its own.
static void make_ground(struct mesh *mesh, struct arena *arena)
{
    mesh_init(mesh, arena);
    for (int i = 0; i < SIDE; i++) {
        if (i % (SIDE / 2) == 0)
            mesh_add_group(mesh, STR_NULL, materials[i / (SIDE / 2)].name);
        for (int j = 0; j < SIDE; j++)
            make_square(mesh, i, j);
    }
}

static void prepare(struct mesh *mesh, struct arena *arena, struct mesh_model *model,
                    struct mesh_prepared *prepared)
{
    const struct mesh_prepare_options options = {
        .metres = 1, .materials = materials, .skins = coloured, .material_count = 2};
    assert_int_equal(mesh_prepare(mesh, &options, arena, model, prepared), ERR_OK);
}

static void test_prepare(void **state)
{
    (void)state;
    CLEANUP(arena_close_ptr) struct arena *arena = arena_open(0);
    struct mesh mesh;
    struct mesh_model model;
    struct mesh_prepared prepared;
    make_ground(&mesh, arena);
    mesh_add_triangle(&mesh, 0, 1, 0);
    prepare(&mesh, arena, &model, &prepared);
    assert_int_equal(prepared.up, MESH_UP_Y);
    assert_int_equal(prepared.bad_triangles, 1);
    assert_int_equal(model.part_count, 2);
    assert_int_equal(model.index_count, SIDE * SIDE * 2 * 3);
    // A vertex on the border between the materials is one vertex, as it looks the same.
    assert_int_equal(model.vertex_count, (SIDE + 1) * (SIDE + 1));
    assert_float_equal(model.bounds.min.x, -SIDE / 2, 1e-4);
    assert_float_equal(model.bounds.max.z, SIDE / 2, 1e-4);
    assert_float_equal(model.bounds.min.y, 0, 0);
}

static void test_simplify(void **state)
{
    (void)state;
    CLEANUP(arena_close_ptr) struct arena *arena = arena_open(0);
    struct mesh mesh;
    struct mesh_model model, less, same;
    struct mesh_prepared prepared;
    make_ground(&mesh, arena);
    prepare(&mesh, arena, &model, &prepared);
    mesh_simplify(&model, SIDE * SIDE * 2, arena, &same);
    assert_ptr_equal(same.indices, model.indices);
    mesh_simplify(&model, 1000, arena, &less);
    assert_in_range(less.index_count / 3, 700, 1300);
    assert_int_equal(less.part_count, 2);
    // Borders stay: the bounds are the same, and each material still ends at the middle.
    assert_float_equal(less.bounds.min.x, model.bounds.min.x, 0);
    assert_float_equal(less.bounds.max.z, model.bounds.max.z, 0);
    for (size_t p = 0; p < 2; p++) {
        float nearest = 100;
        for (size_t i = 0; i < less.parts[p].index_count; i++) {
            uint32_t v = less.indices[less.parts[p].first_index + i];
            nearest = fminf(nearest, fabsf(less.vertices[v].position.x));
        }
        assert_float_equal(nearest, 0, 1e-4);
    }
}

static void test_piece(void **state)
{
    (void)state;
    CLEANUP(arena_close_ptr) struct arena *arena = arena_open(0);
    struct mesh mesh;
    struct mesh_model model;
    struct mesh_prepared prepared;
    make_ground(&mesh, arena);
    prepare(&mesh, arena, &model, &prepared);
    for (int sorted = 0; sorted < 2; sorted++) {
        struct mesh_piece piece;
        mesh_piece_make(&model, &model.parts[1], sorted, arena, &piece);
        assert_int_equal(piece.index_count, model.parts[1].index_count);
        assert_int_equal(piece.vertex_count, (SIDE / 2 + 1) * (SIDE + 1));
        uint32_t next = 0; // vertices are in the order of their first use
        for (size_t i = 0; i < piece.index_count; i++) {
            assert_true(piece.indices[i] <= next);
            next += piece.indices[i] == next;
        }
    }
}

static void test_up(void **state)
{
    (void)state;
    CLEANUP(arena_close_ptr) struct arena *arena = arena_open(0);
    static const struct {
        double origin_x, origin_y;
        bool turned;
        enum mesh_up up;
    } rows[] = {
        {0, 0, false, MESH_UP_Y},
        {0, 0, true, MESH_UP_Z},
        {500000, 5400000, true, MESH_UP_Z},
        {500000, 5400000, false, MESH_UP_Z},
    };
    for (size_t r = 0; r < COUNT_OF(rows); r++) {
        struct mesh mesh;
        struct mesh_model model;
        struct mesh_prepared prepared;
        make_ground(&mesh, arena);
        mesh.origin[0] = rows[r].origin_x;
        mesh.origin[1] = rows[r].origin_y;
        for (size_t i = 0; i < mesh.vertex_count && rows[r].turned; i++) {
            struct mesh_vec3 *p = &mesh.vertices[i].position;
            *p = (struct mesh_vec3){p->x, -p->z, p->y};
        }
        prepare(&mesh, arena, &model, &prepared);
        assert_int_equal(prepared.up, rows[r].up);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_prepare),
        cmocka_unit_test(test_simplify),
        cmocka_unit_test(test_piece),
        cmocka_unit_test(test_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
