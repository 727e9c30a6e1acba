// Tests of cutting polygons into triangles.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "mesh/mesh_polygon.h"

#define CORNERS_MAX 64

static struct mesh_vec3 area_of(const struct mesh_vec3 *p, const uint32_t *t)
{
    return mesh_vec3_scale(
        mesh_vec3_cross(mesh_vec3_sub(p[t[1]], p[t[0]]), mesh_vec3_sub(p[t[2]], p[t[0]])), 0.5F);
}

// The triangles must all face the same way and cover the area once, in each of six directions.
static void check_polygon(const float (*flat)[2], size_t count, float wanted)
{
    for (int turned = 0; turned < 6; turned++) {
        struct mesh_vec3 p[CORNERS_MAX];
        for (size_t i = 0; i < count; i++) {
            float x = flat[i][0], y = flat[i][1], z = 5;
            struct mesh_vec3 ways[] = {{x, y, z}, {y, z, x}, {z, x, y},
                                       {y, x, z}, {x, z, y}, {z, y, x}};
            p[i] = ways[turned];
        }
        uint32_t triangles[CORNERS_MAX][3];
        mesh_polygon_cut(p, count, triangles);
        float sum = 0;
        for (size_t i = 0; i + 2 < count; i++) {
            struct mesh_vec3 a = area_of(p, triangles[i]);
            float size = (a.x + a.y + a.z) * (turned < 3 ? 1.0F : -1.0F);
            assert_true(size >= 0);
            sum += size;
        }
        assert_float_equal(sum, wanted, 1e-4);
    }
}

static void test_polygons(void **state)
{
    (void)state;
    static const float triangle[][2] = {{0, 0}, {1, 0}, {0, 1}};
    static const float square[][2] = {{0, 0}, {1, 0}, {1, 1}, {0, 1}};
    static const float arrow[][2] = {{0, 0}, {2, 1}, {0, 2}, {1, 1}};
    static const float comb[][2] = {{0, 0}, {5, 0}, {5, 3}, {4, 3}, {4, 1}, {3, 1},
                                    {3, 3}, {2, 3}, {2, 1}, {1, 1}, {1, 3}, {0, 3}};
    static const float with_points_on_edges[][2] = {{0, 0}, {1, 0}, {2, 0}, {2, 1},
                                                    {2, 2}, {1, 1}, {0, 2}, {0, 1}};
    check_polygon(triangle, COUNT_OF(triangle), 0.5F);
    check_polygon(square, COUNT_OF(square), 1);
    check_polygon(arrow, COUNT_OF(arrow), 1);
    check_polygon(comb, COUNT_OF(comb), 11);
    check_polygon(with_points_on_edges, COUNT_OF(with_points_on_edges), 3);
}

// What has no inside still gives the number of triangles that is promised.
static void test_crossed(void **state)
{
    (void)state;
    struct mesh_vec3 p[CORNERS_MAX] = {0};
    uint32_t triangles[CORNERS_MAX][3];
    for (size_t count = 3; count <= CORNERS_MAX; count++) {
        for (size_t i = 0; i < count; i++)
            p[i] = (struct mesh_vec3){(float)(i * 7 % 5), (float)(i * 3 % 4), 0};
        memset(triangles, 0xFF, sizeof(triangles));
        mesh_polygon_cut(p, count, triangles);
        for (size_t i = 0; i + 2 < count; i++)
            assert_true(triangles[i][0] < count && triangles[i][1] < count &&
                        triangles[i][2] < count);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_polygons),
        cmocka_unit_test(test_crossed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
