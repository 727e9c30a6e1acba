// Tests of invented houses: their files are sound meshes, always the same for the same place.
#include "mesh/mesh_reader.h"

#include <math.h>
#include <turbojpeg.h>

#include "sim/house.h"
#include "sim/house_atlas.h"
#include "sim/house_panels.h"

#define PANEL_TRIANGLES 12

static const struct {
    double latitude, longitude;
} places[] = {
    {37.7749, -122.4194}, {34.05, -118.24}, {40.71, -74.0},  {51.5, -0.12},
    {33.45, -112.07},     {-33.87, 151.2},  {47.6, -122.33}, {30.27, -97.74},
    {59.9, 10.75},        {0, 0},           {90, 0},         {-90, 180},
    {89.999, -180},       {-45.03, 168.7},  {35.68, 139.7},  {19.43, -99.13},
    {64.15, -21.9},       {25.76, -80.19},  {1.35, 103.8},   {-1.29, 36.8},
};

static struct house_order order_at(size_t place, int64_t panels)
{
    return (struct house_order){
        .latitude = places[place].latitude,
        .longitude = places[place].longitude,
        .panel_width_m = 1.038,
        .panel_height_m = 1.755,
        .panel_count = panels,
    };
}

static struct house_files make(const struct house_order *order, struct arena *arena)
{
    struct house_files files;
    struct error err = {0};
    if (house_make(order, arena, &files, &err) != ERR_OK)
        fail_msg("%s", err.message);
    return files;
}

static struct mesh_vec3 face_vector(const struct mesh *mesh, const struct mesh_triangle *triangle)
{
    struct mesh_vec3 a = mesh->vertices[triangle->vertex[0]].position;
    struct mesh_vec3 b = mesh->vertices[triangle->vertex[1]].position;
    struct mesh_vec3 c = mesh->vertices[triangle->vertex[2]].position;
    return mesh_vec3_cross(mesh_vec3_sub(b, a), mesh_vec3_sub(c, a));
}

static void check_mesh(const struct mesh *mesh)
{
    assert_in_range(mesh->triangle_count, 5000, 25000);
    for (size_t i = 0; i < mesh->vertex_count; i++) {
        const struct mesh_vertex *vertex = &mesh->vertices[i];
        assert_true(vertex->uv.u >= 0 && vertex->uv.u <= 1);
        assert_true(vertex->uv.v >= 0 && vertex->uv.v <= 1);
        assert_float_equal(mesh_vec3_length(vertex->normal), 1, 0.001F);
        assert_true(fabsf(vertex->position.x) < 30 && fabsf(vertex->position.z) < 30);
        assert_true(vertex->position.y > -2 && vertex->position.y < 15);
    }
    for (size_t i = 0; i < mesh->triangle_count; i++) {
        struct mesh_vec3 vector = face_vector(mesh, &mesh->triangles[i]);
        assert_true(mesh_vec3_length(vector) / 2 > 1e-6F);
        for (size_t j = 0; j < 3; j++) {
            const struct mesh_vertex *vertex = &mesh->vertices[mesh->triangles[i].vertex[j]];
            assert_true(mesh_vec3_dot(vertex->normal, vector) > 0);
        }
    }
}

static size_t find_group(const struct mesh *mesh, const char *name)
{
    for (size_t i = 0; i < mesh->group_count; i++) {
        if (str_equal(mesh->groups[i].name, str_of(name)))
            return i;
    }
    fail_msg("no group %s", name);
    return 0;
}

static size_t group_size(const struct mesh *mesh, size_t group)
{
    size_t end = group + 1 < mesh->group_count ? mesh->groups[group + 1].first_triangle
                                               : mesh->triangle_count;
    return end - mesh->groups[group].first_triangle;
}

// The volume within a group's triangles, from its middle: it would be negative if what is seen from
// outside were the backs of triangles.
static float group_volume(const struct mesh *mesh, size_t group)
{
    size_t first = mesh->groups[group].first_triangle;
    size_t end = first + group_size(mesh, group);
    struct mesh_vec3 middle = {0, 0, 0};
    for (size_t i = first; i < end; i++)
        middle = mesh_vec3_add(middle, mesh->vertices[mesh->triangles[i].vertex[0]].position);
    middle = mesh_vec3_scale(middle, 1 / (float)(end - first));
    float volume = 0;
    for (size_t i = first; i < end; i++) {
        struct mesh_vec3 at = mesh->vertices[mesh->triangles[i].vertex[0]].position;
        struct mesh_vec3 vector = face_vector(mesh, &mesh->triangles[i]);
        volume += mesh_vec3_dot(vector, mesh_vec3_sub(at, middle)) / 6;
    }
    return volume;
}

static void test_files(void **state)
{
    (void)state;
    CLEANUP(arena_close_ptr) struct arena *arena = arena_open(1 << 20);
    for (size_t i = 0; i < COUNT_OF(places); i++) {
        arena_reset(arena);
        struct house_order order = order_at(i, 0);
        order.panel_count = house_panel_room(&order) / 2 + 1;
        struct house_files files = make(&order, arena);
        struct mesh obj, ply;
        struct str mtl = STR_NULL;
        mesh_init(&obj, arena);
        mesh_init(&ply, arena);
        read_obj(files.obj, &obj, &mtl);
        read_ply(files.ply, &ply);
        assert_true(str_equal(mtl, STR("scene.mtl")));
        assert_int_equal(obj.vertex_count, ply.vertex_count);
        assert_int_equal(obj.triangle_count, ply.triangle_count);
        check_mesh(&obj);
        check_mesh(&ply);
        size_t panels = find_group(&obj, "panels");
        assert_int_equal(group_size(&obj, panels), order.panel_count * PANEL_TRIANGLES);
        for (size_t j = 0; j < obj.group_count; j++)
            assert_true(group_volume(&obj, j) > 0);
        assert_true(group_volume(&obj, find_group(&obj, "walls")) > 150);
        assert_true(group_volume(&obj, find_group(&obj, "ground")) > 1000);
        assert_non_null(memmem(files.mtl.ptr, files.mtl.len, "map_Kd scene.jpg\n", 17));
        assert_non_null(memmem(files.mtl.ptr, files.mtl.len, "newmtl house\n", 13));
    }
}

static void test_texture(void **state)
{
    (void)state;
    CLEANUP(arena_close_ptr) struct arena *arena = arena_open(1 << 20);
    struct house_order order = order_at(0, 20);
    struct house_files files = make(&order, arena);
    tjhandle handle = tjInitDecompress();
    int width, height, sampling, space;
    assert_int_equal(tjDecompressHeader3(handle, (const unsigned char *)files.jpg.ptr,
                                         files.jpg.len, &width, &height, &sampling, &space),
                     0);
    tjDestroy(handle);
    assert_int_equal(width, ATLAS_SIZE);
    assert_int_equal(height, ATLAS_SIZE);
}

// Regions with what is painted around them lie in the image and not on each other.
static void test_atlas(void **state)
{
    (void)state;
    const unsigned gutter = 3;
    for (int i = 0; i < ATLAS_REGION_COUNT; i++) {
        const struct atlas_part *a = atlas_part_of((enum atlas_region)i);
        assert_true(a->x >= gutter && a->x + a->width + gutter <= ATLAS_SIZE);
        assert_true(a->y >= gutter && a->y + a->height + gutter <= ATLAS_SIZE);
        for (int j = 0; j < i; j++) {
            const struct atlas_part *b = atlas_part_of((enum atlas_region)j);
            bool apart =
                a->x + a->width + 2 * gutter <= b->x || b->x + b->width + 2 * gutter <= a->x ||
                a->y + a->height + 2 * gutter <= b->y || b->y + b->height + 2 * gutter <= a->y;
            if (!apart)
                fail_msg("regions %d and %d lie on each other", i, j);
        }
    }
}

static void test_same_again(void **state)
{
    (void)state;
    CLEANUP(arena_close_ptr) struct arena *arena = arena_open(1 << 20);
    struct house_order order = order_at(3, 10), other = order_at(4, 10);
    struct house_files first = make(&order, arena);
    struct house_files again = make(&order, arena);
    struct house_files elsewhere = make(&other, arena);
    assert_true(str_equal(first.obj, again.obj));
    assert_true(str_equal(first.ply, again.ply));
    assert_true(str_equal(first.jpg, again.jpg));
    assert_false(str_equal(first.obj, elsewhere.obj));
    assert_false(str_equal(first.jpg, elsewhere.jpg));
}

static bool overlap(const struct panel_place *a, const struct panel_place *b)
{
    return a->face == b->face && a->from.u < b->to.u && b->from.u < a->to.u &&
           a->from.v < b->to.v && b->from.v < a->to.v;
}

// Whether a point is in a convex outline that runs counter-clockwise.
static bool holds(const struct plan_face *face, float u, float v)
{
    for (size_t i = 0; i < face->corner_count; i++) {
        struct plan_point a = face->outline[i];
        struct plan_point b = face->outline[(i + 1) % face->corner_count];
        if ((b.u - a.u) * (v - a.v) - (b.v - a.v) * (u - a.u) < 0)
            return false;
    }
    return true;
}

// Panels lie on the roof, none on another, on the sunniest side first.
static void test_panel_places(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(places); i++) {
        struct house_plan plan;
        struct panel_place found[PANEL_PLACES_MAX];
        plan_make(places[i].latitude, places[i].longitude, &plan);
        size_t count = panels_place(&plan, (struct plan_point){1.038F, 1.755F}, found);
        assert_true(count >= 12);
        for (size_t j = 0; j < count; j++) {
            const struct panel_place *place = &found[j];
            assert_true(holds(place->face, place->from.u, place->from.v));
            assert_true(holds(place->face, place->to.u, place->from.v));
            assert_true(holds(place->face, place->from.u, place->to.v));
            assert_true(holds(place->face, place->to.u, place->to.v));
            if (j > 0)
                assert_true(place->face->sun <= found[j - 1].face->sun);
            for (size_t k = 0; k < j; k++)
                assert_false(overlap(place, &found[k]));
        }
    }
}

// Nothing grows in the house, on the drive or in each other, whatever the place.
static void test_many_plans(void **state)
{
    (void)state;
    for (int i = 0; i < 2000; i++) {
        struct house_plan plan;
        struct panel_place found[PANEL_PLACES_MAX];
        plan_make(-90 + i * 0.09, -180 + i * 0.18, &plan);
        assert_true(panels_place(&plan, (struct plan_point){1.045F, 1.81F}, found) >= 12);
        for (size_t j = 0; j < plan.tree_count; j++) {
            const struct plan_plant *tree = &plan.trees[j];
            assert_true(plan_house_distance(&plan, tree->x, tree->z) > tree->radius);
            assert_true(plan_distance(&plan.driveway, tree->x, tree->z) > 0.5F);
        }
        const struct plan_rect *walls = &plan.main.walls;
        assert_true(walls->x0 > -PLAN_LOT_HALF + 1 && walls->x1 < PLAN_LOT_HALF - 1);
        if (plan.has_garage)
            assert_true(plan.garage.walls.x0 > -PLAN_LOT_HALF + 0.5F &&
                        plan.garage.walls.x1 < PLAN_LOT_HALF - 0.5F);
        for (size_t j = 0; j < plan.face_count; j++) {
            const struct plan_face *face = &plan.faces[j];
            assert_float_equal(mesh_vec3_length(face->normal), 1, 0.001F);
            assert_true(face->normal.y > 0.5F);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_files),        cmocka_unit_test(test_texture),
        cmocka_unit_test(test_atlas),        cmocka_unit_test(test_same_again),
        cmocka_unit_test(test_panel_places), cmocka_unit_test(test_many_plans),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
