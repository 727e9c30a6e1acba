// The steps of a conversion: read, prepare, textures, then product by product with fewer triangles.
#include "mesh/mesh_convert.h"

#include "mesh/glb.h"
#include "mesh/mesh_job.h"
#include "mesh/mesh_poster.h"
#include "mesh/mesh_write.h"
#include "mesh/usdz.h"

#define PRODUCT_BYTES_MAX ((size_t)1 << 30)
#define MANIFEST_MAX      ((size_t)1 << 20)
#define POSTER_QUALITY    85

static const struct mesh_product default_products[] = {
    {STR_INIT("hd.glb"), MESH_PRODUCT_GLB, SIZE_MAX, 2048, true},
    {STR_INIT("web.glb"), MESH_PRODUCT_GLB, 100000, 2048, true},
    {STR_INIT("ar.glb"), MESH_PRODUCT_GLB, 100000, 2048, false},
    {STR_INIT("model.usdz"), MESH_PRODUCT_USDZ, 100000, 2048, false},
    {STR_INIT("preview.glb"), MESH_PRODUCT_GLB, 20000, 1024, true},
    {STR_INIT("poster.jpg"), MESH_PRODUCT_POSTER, 20000, 1024, false},
};

const struct mesh_product *mesh_products_default(size_t *ret_count)
{
    *ret_count = COUNT_OF(default_products);
    return default_products;
}

void mesh_job_warn(struct mesh_job *job, struct str sentence)
{
    if (job->warning_count == MESH_WARNINGS_MAX)
        return;
    job->warnings[job->warning_count++] = sentence;
    if (job->sink->warn != NULL)
        job->sink->warn(job->sink->context, sentence);
}

void mesh_job_lap(struct mesh_job *job, struct str name)
{
    int64_t now_us = clock_monotonic_us(job->options->clock);
    check(job->timing_count < MESH_TIMINGS_MAX);
    job->timings[job->timing_count++] = (struct mesh_timing){name, now_us - job->since_us};
    job->since_us = now_us;
}

// ---- Reading.

static bool ends_with(struct str s, struct str end)
{
    return s.len >= end.len && str_equal_nocase(str_slice(s, s.len - end.len, s.len), end);
}

// The text of the mesh is gone when this returns.
static enum err read_mesh(struct mesh_job *job, struct mesh *mesh, struct mesh_links *links,
                          struct error *err)
{
    CLEANUP(arena_close_ptr) struct arena *scratch = arena_open(0);
    const struct mesh_source *source = job->source;
    const struct mesh_limits *limits = &job->options->limits;
    struct mesh_file file = {.name = source->name};
    TRY(source->read(source->context, file.name, scratch, &file.bytes, err));
    job->source_bytes = file.bytes.len;
    if (ends_with(file.name, STR(".obj")))
        return mesh_read_obj(&file, limits, mesh, links, err);
    if (ends_with(file.name, STR(".ply")))
        return mesh_read_ply(&file, limits, mesh, links, err);
    return error_set(err, ERR_INVALID, "%.*s is neither .obj nor .ply", STR_ARG(file.name));
}

static enum err read_library(struct mesh_job *job, struct str name, struct error *err)
{
    CLEANUP(arena_close_ptr) struct arena *scratch = arena_open(0);
    const struct mesh_source *source = job->source;
    struct mesh_file file = {.name = name};
    enum err code = source->read(source->context, name, scratch, &file.bytes, err);
    if (code == ERR_NOT_FOUND) {
        mesh_job_warn(job,
                      arena_printf(job->arena, "The materials %.*s are not there", STR_ARG(name)));
        return ERR_OK;
    }
    TRY(code);
    return mesh_read_mtl(&file, &job->options->limits, job->arena, &job->materials, err);
}

static enum err read_materials(struct mesh_job *job, const struct mesh_links *links,
                               struct error *err)
{
    struct mesh_materials *materials = &job->materials;
    materials->cap = 8;
    materials->list = arena_new(job->arena, struct mesh_material, materials->cap);
    materials->list[materials->count++] = (struct mesh_material){
        .name = STR_INIT(""), .texture = links->texture, .diffuse = {1, 1, 1}};
    for (size_t i = 0; i < links->library_count; i++)
        TRY(read_library(job, links->libraries[i], err));
    return ERR_OK;
}

static void choose_skins(struct mesh_job *job, const struct mesh *mesh)
{
    job->skins = arena_new(job->arena, enum mesh_skin, job->materials.count);
    for (size_t i = 0; i < job->materials.count; i++) {
        if (job->texture_of[i] != GLB_NO_TEXTURE && mesh->has_uvs)
            job->skins[i] = MESH_TEXTURED;
        else
            job->skins[i] = mesh->has_colours ? MESH_COLOURED : MESH_PLAIN;
    }
}

static enum err make_model(struct mesh_job *job, struct mesh_model *ret_model, struct error *err)
{
    CLEANUP(arena_close_ptr) struct arena *scratch = arena_open(0);
    struct mesh mesh;
    struct mesh_links links;
    mesh_init(&mesh, scratch);
    TRY(read_mesh(job, &mesh, &links, err));
    links.texture = arena_str(job->arena, links.texture);
    TRY(read_materials(job, &links, err));
    mesh_job_lap(job, STR("read"));
    TRY(mesh_job_load_textures(job, err));
    mesh_job_lap(job, STR("textures"));
    choose_skins(job, &mesh);
    job->source_vertices = mesh.vertex_count;
    job->source_triangles = mesh.triangle_count;
    const struct mesh_prepare_options prepare = {
        .up = job->options->up,
        .metres = job->options->metres,
        .materials = job->materials.list,
        .skins = job->skins,
        .material_count = job->materials.count,
    };
    if (mesh_prepare(&mesh, &prepare, job->arena, ret_model, &job->prepared) != ERR_OK)
        return error_set(err, ERR_CORRUPT, "%.*s has no triangle with an area",
                         STR_ARG(job->source->name));
    job->bounds = ret_model->bounds;
    mesh_job_lap(job, STR("prepare"));
    return ERR_OK;
}

// ---- Making.

static struct glb_settings settings_for(const struct mesh_job *job, size_t product)
{
    struct str *jpegs = arena_new(job->arena, struct str, job->texture_count);
    for (size_t i = 0; i < job->texture_count; i++)
        jpegs[i] = job->textures[i].jpegs[product];
    return (struct glb_settings){
        .textures = jpegs,
        .texture_count = job->texture_count,
        .texture_of = job->texture_of,
        .is_compressed = job->options->products[product].is_compressed,
        .version = job->options->version,
    };
}

static enum err make_poster(struct mesh_job *job, const struct mesh_model *model, struct buf *buf,
                            struct error *err)
{
    CLEANUP(arena_close_ptr) struct arena *scratch = arena_open(0);
    struct mesh_image *images = arena_new(scratch, struct mesh_image, job->materials.count);
    for (size_t i = 0; i < job->materials.count; i++) {
        if (job->texture_of[i] != GLB_NO_TEXTURE)
            images[i] = job->textures[job->texture_of[i]].small;
    }
    struct mesh_image poster = mesh_poster_draw(model, images, scratch);
    return mesh_write_jpeg(buf, &poster, POSTER_QUALITY, MESH_JPEG_HALF_COLOUR, err);
}

// The longer side of the largest texture that shows; 0 without one.
static unsigned texture_px(const struct mesh_job *job, size_t product,
                           const struct mesh_model *model)
{
    unsigned px = 0;
    for (size_t i = 0; i < model->part_count; i++) {
        uint32_t material = model->parts[i].material;
        if (model->skins[material] != MESH_TEXTURED)
            continue;
        unsigned side = mesh_job_texture_px(job, job->texture_of[material], product);
        px = side > px ? side : px;
    }
    return px;
}

static enum err make_product(struct mesh_job *job, size_t index, const struct mesh_model *model,
                             struct error *err)
{
    const struct mesh_product *product = &job->options->products[index];
    const struct glb_settings settings = settings_for(job, index);
    CLEANUP(buf_done) struct buf buf;
    buf_init(&buf, PRODUCT_BYTES_MAX);
    switch (product->kind) {
    case MESH_PRODUCT_GLB:
        TRY(glb_write(&buf, model, &settings, err));
        break;
    case MESH_PRODUCT_USDZ:
        TRY(usdz_write(&buf, model, &settings, err));
        break;
    case MESH_PRODUCT_POSTER:
        TRY(make_poster(job, model, &buf, err));
        break;
    }
    job->made[job->made_count++] = (struct mesh_made){
        .product = product,
        .bytes = buf.len,
        .triangles = model->index_count / 3,
        .texture_px = texture_px(job, index, model),
    };
    TRY(job->sink->put(job->sink->context, product->name, buf_str(&buf), err));
    mesh_job_lap(job, product->name);
    return ERR_OK;
}

// Fewer triangles, or as few as the surface allows.
static void make_fewer(struct mesh_job *job, struct mesh_model *model, size_t triangles)
{
    mesh_simplify(model, triangles, job->arena, model);
    size_t left = model->index_count / 3;
    if (left > triangles + triangles / 10)
        mesh_job_warn(job, arena_printf(job->arena,
                                        "%zu triangles are left where %zu were wanted: with fewer "
                                        "the surface would tear",
                                        left, triangles));
}

static enum err make_products(struct mesh_job *job, struct mesh_model *model, struct error *err)
{
    size_t before = SIZE_MAX;
    for (size_t i = 0; i < job->options->product_count; i++) {
        size_t triangles = job->options->products[i].triangles;
        check(triangles <= before);
        if (triangles < before)
            make_fewer(job, model, triangles);
        before = triangles;
        TRY(make_product(job, i, model, err));
    }
    return ERR_OK;
}

enum err mesh_convert(const struct mesh_source *source, const struct mesh_convert_options *options,
                      const struct mesh_sink *sink, struct error *err)
{
    check(options->product_count <= MESH_PRODUCTS_MAX);
    CLEANUP(arena_close_ptr) struct arena *arena = arena_open(0);
    struct mesh_job *job = arena_new(arena, struct mesh_job, 1);
    job->source = source;
    job->options = options;
    job->sink = sink;
    job->arena = arena;
    job->since_us = clock_monotonic_us(options->clock);
    struct mesh_model model;
    TRY(make_model(job, &model, err));
    TRY(make_products(job, &model, err));
    if (!options->with_manifest)
        return ERR_OK;
    struct buf json;
    buf_init_arena(&json, arena, MANIFEST_MAX);
    mesh_job_write_manifest(job, &json);
    if (json.overflow)
        return error_set(err, ERR_TOO_LARGE, "The manifest is too large");
    return sink->put(sink->context, STR(MESH_MANIFEST_NAME), buf_str(&json), err);
}
