// What the fuzzers of mesh readers check: what is read can be used, what is not is told.
#ifndef SUNLEAD_TESTS_FUZZ_MESH_FUZZ_H
#define SUNLEAD_TESTS_FUZZ_MESH_FUZZ_H

#include "fuzz/fuzz.h"

#include "mesh/mesh_read.h"

typedef enum err mesh_read_fn(const struct mesh_file *file, const struct mesh_limits *limits,
                              struct mesh *mesh, struct mesh_links *links, struct error *err);

static inline void fuzz_check_mesh(const struct mesh *mesh)
{
    check(mesh->triangle_count > 0);
    for (size_t i = 0; i < mesh->triangle_count; i++) {
        for (size_t k = 0; k < 3; k++)
            check(mesh->triangles[i].vertex[k] < mesh->vertex_count);
    }
    for (size_t i = 0; i < mesh->vertex_count; i++)
        check(mesh_vec3_length(mesh->vertices[i].position) < 1e13F);
}

// fuzz_mesh_read() has a reader take the bytes as a file of this name.
static inline int fuzz_mesh_read(mesh_read_fn *reader, struct str name, const uint8_t *data,
                                 size_t size)
{
    CLEANUP(arena_close_ptr) struct arena *arena = arena_open(0);
    struct mesh_file file = {name, {.ptr = (const char *)data, .len = size}};
    struct mesh_limits limits = MESH_LIMITS_DEFAULT;
    struct mesh mesh;
    struct mesh_links links;
    struct error err;
    error_reset(&err);
    mesh_init(&mesh, arena);
    enum err code = reader(&file, &limits, &mesh, &links, &err);
    check(code == err.code);
    check(arena_used(arena) <= 20 * size + 65536);
    if (code == ERR_OK)
        fuzz_check_mesh(&mesh);
    else
        check((code == ERR_CORRUPT || code == ERR_TOO_LARGE) && err.message[0] != '\0');
    return 0;
}

#endif
