// From a plan to files.
#include "sim/house.h"

#include "base/buf.h"
#include "mesh/mesh.h"
#include "mesh/mesh_write.h"
#include "sim/house_atlas.h"
#include "sim/house_build.h"
#include "sim/house_panels.h"
#include "sim/house_plan.h"

#define FILE_MAX     ((size_t)16 << 20)
#define JPEG_QUALITY 88
#define MATERIAL     "house"

static size_t find_places(const struct house_order *order, const struct house_plan *plan,
                          struct panel_place places[PANEL_PLACES_MAX])
{
    struct plan_point size = {(float)order->panel_width_m, (float)order->panel_height_m};
    return panels_place(plan, size, places);
}

int64_t house_panel_room(const struct house_order *order)
{
    struct house_plan plan;
    struct panel_place places[PANEL_PLACES_MAX];
    plan_make(order->latitude, order->longitude, &plan);
    return (int64_t)find_places(order, &plan, places);
}

static void build(const struct house_order *order, const struct house_plan *plan, struct mesh *mesh)
{
    struct panel_place places[PANEL_PLACES_MAX];
    size_t room = find_places(order, plan, places);
    size_t panels = order->panel_count < (int64_t)room ? (size_t)order->panel_count : room;
    struct shape shape;
    shape_init(&shape, mesh, plan->yaw);
    mesh_add_group(mesh, STR("ground"), STR(MATERIAL));
    build_ground(&shape, plan);
    mesh_add_group(mesh, STR("walls"), STR(MATERIAL));
    build_walls(&shape, plan);
    mesh_add_group(mesh, STR("roof"), STR(MATERIAL));
    build_roof(&shape, plan);
    mesh_add_group(mesh, STR("panels"), STR(MATERIAL));
    build_panels(&shape, places, panels);
    mesh_add_group(mesh, STR("plants"), STR(MATERIAL));
    build_plants(&shape, plan);
}

enum err house_make(const struct house_order *order, struct arena *arena,
                    struct house_files *ret_files, struct error *err)
{
    static const struct mesh_material material = {
        .name = STR_INIT(MATERIAL), .texture = STR_INIT("scene.jpg"), .diffuse = {1, 1, 1}};
    struct house_plan plan;
    struct mesh mesh;
    plan_make(order->latitude, order->longitude, &plan);
    mesh_init(&mesh, arena);
    build(order, &plan, &mesh);
    const struct mesh_rgb *pixels = atlas_paint(&plan, arena);
    for (size_t i = 0; i < mesh.vertex_count; i++)
        mesh.vertices[i].colour = atlas_colour(pixels, mesh.vertices[i].uv);
    struct buf obj, mtl, ply, jpg;
    buf_init_arena(&obj, arena, FILE_MAX);
    buf_init_arena(&mtl, arena, FILE_MAX);
    buf_init_arena(&ply, arena, FILE_MAX);
    buf_init_arena(&jpg, arena, FILE_MAX);
    mesh_write_obj(&obj, &mesh, STR("scene.mtl"));
    mesh_write_mtl(&mtl, &material, 1);
    mesh_write_ply(&ply, &mesh, STR("scene.jpg"));
    struct mesh_image image = {pixels, ATLAS_SIZE, ATLAS_SIZE};
    TRY(mesh_write_jpeg(&jpg, &image, JPEG_QUALITY, MESH_JPEG_HALF_COLOUR, err));
    check(!obj.overflow && !mtl.overflow && !ply.overflow);
    *ret_files = (struct house_files){buf_str(&obj), buf_str(&mtl), buf_str(&ply), buf_str(&jpg)};
    return ERR_OK;
}
