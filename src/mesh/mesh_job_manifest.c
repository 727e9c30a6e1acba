// manifest.json: what a conversion was given and what it made.
#include <math.h>

#include "json/json_write.h"
#include "mesh/mesh_job.h"
#include "mesh/mesh_json.h"

#define MANIFEST_VERSION 1

static void write_vec3(struct buf *json, const char *name, struct mesh_vec3 v)
{
    mesh_json_numbers(json, name, (const double[]){(double)v.x, (double)v.y, (double)v.z}, 3);
}

static void write_source(const struct mesh_job *job, struct buf *json)
{
    mesh_json_begin(json, "source", '{');
    mesh_json_text(json, "name", job->source->name);
    mesh_json_number(json, "bytes", (double)job->source_bytes);
    mesh_json_number(json, "vertices", (double)job->source_vertices);
    mesh_json_number(json, "triangles", (double)job->source_triangles);
    mesh_json_number(json, "flat_triangles", (double)job->prepared.bad_triangles);
    mesh_json_text(json, "up_axis", job->prepared.up == MESH_UP_Z ? STR("z") : STR("y"));
    mesh_json_numbers(json, "origin", job->prepared.offset, 3);
    mesh_json_end(json, '}');
}

// The sizes that were written anew, the largest first as the products are.
static void write_sizes(const struct mesh_job *job, const struct mesh_texture *texture,
                        struct buf *json)
{
    uint32_t index = (uint32_t)(texture - job->textures);
    unsigned before = 0;
    mesh_json_begin(json, "sizes", '[');
    for (size_t i = 0; i < job->options->product_count; i++) {
        unsigned px = mesh_job_texture_px(job, index, i);
        if (texture->psnrs_db[i] == 0 || px == before)
            continue;
        before = px;
        mesh_json_item(json);
        mesh_json_number(json, "px", px);
        mesh_json_number(json, "bytes", (double)texture->jpegs[i].len);
        mesh_json_number(json, "psnr_db", round(texture->psnrs_db[i] * 100) / 100);
        mesh_json_end(json, '}');
    }
    mesh_json_end(json, ']');
}

static void write_textures(const struct mesh_job *job, struct buf *json)
{
    mesh_json_begin(json, "textures", '[');
    for (size_t i = 0; i < job->texture_count; i++) {
        const struct mesh_texture *texture = &job->textures[i];
        if (texture->width == 0)
            continue;
        mesh_json_item(json);
        mesh_json_text(json, "name", texture->name);
        mesh_json_number(json, "width", texture->width);
        mesh_json_number(json, "height", texture->height);
        write_sizes(job, texture, json);
        mesh_json_end(json, '}');
    }
    mesh_json_end(json, ']');
}

static void write_files(const struct mesh_job *job, struct buf *json)
{
    mesh_json_begin(json, "files", '[');
    for (size_t i = 0; i < job->made_count; i++) {
        const struct mesh_made *made = &job->made[i];
        mesh_json_item(json);
        mesh_json_text(json, "name", made->product->name);
        mesh_json_number(json, "bytes", (double)made->bytes);
        mesh_json_number(json, "triangles", (double)made->triangles);
        mesh_json_number(json, "texture_px", made->texture_px);
        mesh_json_end(json, '}');
    }
    mesh_json_end(json, ']');
}

void mesh_job_write_manifest(const struct mesh_job *job, struct buf *json)
{
    buf_append_char(json, '{');
    mesh_json_number(json, "version", MANIFEST_VERSION);
    mesh_json_text(json, "generator",
                   arena_printf(job->arena, "sunlead %.*s", STR_ARG(job->options->version)));
    mesh_json_text(json, "units", STR("m"));
    mesh_json_text(json, "up_axis", STR("y"));
    mesh_json_begin(json, "bounds", '{');
    write_vec3(json, "min", job->bounds.min);
    write_vec3(json, "max", job->bounds.max);
    mesh_json_end(json, '}');
    mesh_json_number(json, "triangles",
                     (double)(job->source_triangles - job->prepared.bad_triangles));
    write_source(job, json);
    write_textures(job, json);
    write_files(job, json);
    mesh_json_begin(json, "warnings", '[');
    for (size_t i = 0; i < job->warning_count; i++) {
        mesh_json_next(json);
        json_write_str(json, job->warnings[i]);
    }
    mesh_json_end(json, ']');
    mesh_json_begin(json, "timings_ms", '{');
    for (size_t i = 0; i < job->timing_count; i++) {
        if (i > 0)
            buf_append_char(json, ',');
        json_write_str(json, job->timings[i].name);
        buf_append_char(json, ':');
        json_write_f64(json, (double)job->timings[i].us / 1000);
    }
    mesh_json_end(json, '}');
    BUF_LITERAL(json, "}\n");
}
