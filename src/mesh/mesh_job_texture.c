// The textures of a conversion: each read once, and written in each size that is wanted.
#include "mesh/glb.h"
#include "mesh/mesh_image.h"
#include "mesh/mesh_job.h"

#define TEXTURE_PSNR_DB 35.6
#define JPEG_MAX        ((size_t)256 << 20)
// The textures of the poster have so many pixels together.
#define POSTER_PIXELS_MAX ((size_t)4 << 20)
#define POSTER_PX         1024
#define POSTER_PX_MIN     64

static enum err write_jpeg(struct mesh_job *job, struct mesh_texture *texture, size_t product,
                           const struct mesh_image *image, struct error *err)
{
    CLEANUP(arena_close_ptr) struct arena *scratch = arena_open(0);
    struct mesh_image fitted =
        mesh_image_fit(image, job->options->products[product].texture_px, scratch);
    struct buf jpeg;
    buf_init_arena(&jpeg, scratch, JPEG_MAX);
    TRY(mesh_write_jpeg_near(&jpeg, &fitted, TEXTURE_PSNR_DB, &texture->psnrs_db[product], err));
    if (texture->psnrs_db[product] < TEXTURE_PSNR_DB - MESH_JPEG_SLACK_DB)
        mesh_job_warn(job,
                      arena_printf(job->arena, "The texture %.*s is only %.1f dB near at %u px",
                                   STR_ARG(texture->name), texture->psnrs_db[product],
                                   mesh_image_side(&fitted)));
    texture->jpegs[product] = arena_str(job->arena, buf_str(&jpeg));
    return ERR_OK;
}

// The same size for another product is not made again. An image that is small enough stays as it
// is.
static enum err make_size(struct mesh_job *job, struct mesh_texture *texture, size_t product,
                          const struct mesh_image *image, struct error *err)
{
    const struct mesh_product *products = job->options->products;
    unsigned side = products[product].texture_px;
    for (size_t i = 0; i < product; i++) {
        if (products[i].kind != MESH_PRODUCT_POSTER && products[i].texture_px == side) {
            texture->jpegs[product] = texture->jpegs[i];
            texture->psnrs_db[product] = texture->psnrs_db[i];
            return ERR_OK;
        }
    }
    if (texture->original.ptr != NULL && texture->width <= side && texture->height <= side) {
        texture->jpegs[product] = texture->original;
        return ERR_OK;
    }
    return write_jpeg(job, texture, product, image, err);
}

unsigned mesh_job_texture_px(const struct mesh_job *job, uint32_t index, size_t product)
{
    const struct mesh_texture *texture = &job->textures[index];
    const struct mesh_product *wanted = &job->options->products[product];
    bool is_poster = wanted->kind == MESH_PRODUCT_POSTER;
    const struct mesh_image whole = {.width = texture->width, .height = texture->height};
    unsigned side = mesh_image_side(is_poster ? &texture->small : &whole);
    return side > wanted->texture_px ? wanted->texture_px : side;
}

static unsigned poster_px(const struct mesh_job *job)
{
    unsigned side = POSTER_PX;
    while (side > POSTER_PX_MIN && (size_t)side * side * job->texture_count > POSTER_PIXELS_MAX)
        side /= 2;
    return side;
}

static enum err make_sizes(struct mesh_job *job, struct mesh_texture *texture,
                           const struct mesh_file *file, bool is_common, struct error *err)
{
    CLEANUP(arena_close_ptr) struct arena *scratch = arena_open(0);
    const struct mesh_convert_options *options = job->options;
    // Nothing larger than the products need: an image is made smaller in one step.
    unsigned largest = 0;
    for (size_t i = 0; i < options->product_count; i++) {
        if (options->products[i].texture_px > largest)
            largest = options->products[i].texture_px;
    }
    struct mesh_image image;
    const struct mesh_jpeg_bounds bounds = {largest, options->limits.texture_pixels};
    TRY(mesh_read_jpeg(file, &bounds, scratch, &image, err));
    if (is_common && texture->width <= largest && texture->height <= largest)
        texture->original = arena_str(job->arena, file->bytes);
    for (size_t i = 0; i < options->product_count; i++) {
        if (options->products[i].kind != MESH_PRODUCT_POSTER) {
            TRY(make_size(job, texture, i, &image, err));
            continue;
        }
        struct mesh_image small = mesh_image_fit(&image, poster_px(job), scratch);
        size_t bytes = (size_t)small.width * small.height * sizeof(*small.pixels);
        struct mesh_rgb *pixels = arena_raw(job->arena, bytes);
        memcpy(pixels, small.pixels, bytes);
        texture->small = (struct mesh_image){pixels, small.width, small.height};
    }
    return ERR_OK;
}

// Reads a texture file. *ret_loaded is false if there is none, or none that is known.
static enum err load(struct mesh_job *job, struct mesh_texture *texture, bool *ret_loaded,
                     struct error *err)
{
    CLEANUP(arena_close_ptr) struct arena *scratch = arena_open(0);
    struct mesh_file file = {.name = texture->name};
    const struct mesh_source *source = job->source;
    *ret_loaded = false;
    enum err code = source->read(source->context, file.name, scratch, &file.bytes, err);
    if (code == ERR_NOT_FOUND) {
        mesh_job_warn(
            job, arena_printf(job->arena, "The texture %.*s is not there", STR_ARG(file.name)));
        return ERR_OK;
    }
    TRY(code);
    if (!str_starts(file.bytes, STR("\xFF\xD8"))) {
        mesh_job_warn(job,
                      arena_printf(job->arena, "The texture %.*s is no JPEG", STR_ARG(file.name)));
        return ERR_OK;
    }
    struct mesh_jpeg_header header;
    TRY(mesh_read_jpeg_header(&file, &header, err));
    texture->width = header.width;
    texture->height = header.height;
    *ret_loaded = true;
    return make_sizes(job, texture, &file, header.is_common, err);
}

static uint32_t find_or_add(struct mesh_job *job, struct str name)
{
    for (size_t i = 0; i < job->texture_count; i++) {
        if (str_equal(job->textures[i].name, name))
            return (uint32_t)i;
    }
    job->textures[job->texture_count].name = name;
    return (uint32_t)job->texture_count++;
}

enum err mesh_job_load_textures(struct mesh_job *job, struct error *err)
{
    size_t count = job->materials.count;
    job->texture_of = arena_new(job->arena, uint32_t, count);
    job->textures = arena_new(job->arena, struct mesh_texture, count);
    for (size_t i = 0; i < count; i++) {
        struct str name = job->materials.list[i].texture;
        job->texture_of[i] = name.ptr == NULL ? GLB_NO_TEXTURE : find_or_add(job, name);
    }
    for (size_t t = 0; t < job->texture_count; t++) {
        bool loaded;
        TRY(load(job, &job->textures[t], &loaded, err));
        for (size_t i = 0; i < count && !loaded; i++) {
            if (job->texture_of[i] == t)
                job->texture_of[i] = GLB_NO_TEXTURE;
        }
    }
    return ERR_OK;
}
