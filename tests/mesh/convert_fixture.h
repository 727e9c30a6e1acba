// Conversions in memory: files by name in, products by name out.
#ifndef SUNLEAD_TEST_CONVERT_FIXTURE_H
#define SUNLEAD_TEST_CONVERT_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "mesh/mesh_convert.h"
#include "mesh/mesh_write.h"

#define FIXTURE_FILES_MAX 10

struct fixture_file {
    struct str name;
    struct str bytes;
};

struct convert_fixture {
    struct arena *arena;
    struct fixture_file in[FIXTURE_FILES_MAX];
    size_t in_count;
    struct fixture_file out[FIXTURE_FILES_MAX];
    size_t out_count;
    size_t puts_until_full; // then put() fails
    struct error err;
};

static inline struct str fixture_find(const struct fixture_file *files, size_t count,
                                      struct str name)
{
    for (size_t i = 0; i < count; i++) {
        if (str_equal(files[i].name, name))
            return files[i].bytes;
    }
    return STR_NULL;
}

static inline enum err fixture_read(void *context, struct str name, struct arena *arena,
                                    struct str *ret_bytes, struct error *err)
{
    const struct convert_fixture *f = context;
    struct str bytes = fixture_find(f->in, f->in_count, name);
    if (bytes.ptr == NULL)
        return error_set(err, ERR_NOT_FOUND, "no %.*s", STR_ARG(name));
    *ret_bytes = arena_str(arena, bytes);
    return ERR_OK;
}

static inline enum err fixture_put(void *context, struct str name, struct str bytes,
                                   struct error *err)
{
    struct convert_fixture *f = context;
    if (f->puts_until_full == 0)
        return error_set(err, ERR_UNAVAILABLE, "full");
    f->puts_until_full--;
    f->out[f->out_count++] =
        (struct fixture_file){arena_str(f->arena, name), arena_str(f->arena, bytes)};
    return ERR_OK;
}

static inline void fixture_start(struct convert_fixture *f)
{
    *f = (struct convert_fixture){.arena = arena_open(0), .puts_until_full = SIZE_MAX};
}

static inline void fixture_add(struct convert_fixture *f, const char *name, struct str bytes)
{
    f->in[f->in_count++] = (struct fixture_file){str_of(name), bytes};
}

static inline struct mesh_convert_options fixture_options(void)
{
    struct mesh_convert_options options = {.limits = MESH_LIMITS_DEFAULT,
                                           .metres = 1,
                                           .with_manifest = true,
                                           .version = STR_INIT("test"),
                                           .clock = clock_system()};
    options.products = mesh_products_default(&options.product_count);
    return options;
}

// Converts the file that was added first.
static inline enum err fixture_convert(struct convert_fixture *f,
                                       const struct mesh_convert_options *options)
{
    const struct mesh_source source = {.read = fixture_read, .context = f, .name = f->in[0].name};
    const struct mesh_sink sink = {.put = fixture_put, .context = f};
    error_reset(&f->err);
    f->out_count = 0;
    return mesh_convert(&source, options, &sink, &f->err);
}

// A JPEG with a pattern.
static inline struct str fixture_jpeg(struct arena *arena, unsigned width, unsigned height)
{
    struct mesh_rgb *pixels = arena_new(arena, struct mesh_rgb, (size_t)width * height);
    for (unsigned i = 0; i < width * height; i++)
        pixels[i] = (struct mesh_rgb){(uint8_t)(i % width), (uint8_t)(i / width * 3), 90};
    struct mesh_image image = {pixels, width, height};
    struct buf buf;
    struct error err;
    buf_init_arena(&buf, arena, 1 << 20);
    assert_int_equal(mesh_write_jpeg(&buf, &image, 90, MESH_JPEG_FULL_COLOUR, &err), ERR_OK);
    return buf_str(&buf);
}

#define FIXTURE_OBJ                                                                                \
    "mtllib scene.mtl\nv 0 2 0\nv 10 2 0\nv 10 2 20\nv 0 2 20\nv 0 5 0\nv 0 5 20\n"                \
    "vt 0 0\nvt 1 0\nvt 1 1\nvt 0 1\nusemtl ground\nf 1/4 4/1 3/2 2/3\nusemtl wall\n"              \
    "f 1 5 6 4\n"
#define FIXTURE_MTL "newmtl ground\nmap_Kd scene.jpg\nnewmtl wall\nKd 1 0.5 0\nd 0.5\n"

#endif
