// Fuzzes mesh/mesh_read_obj.c: what is read can be used, what is not is told.
#include "fuzz/fuzz.h"

#include "mesh/mesh_read.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    CLEANUP(arena_close_ptr) struct arena *arena = arena_open(0);
    struct mesh_file file = {STR("fuzz.obj"), {.ptr = (const char *)data, .len = size}};
    struct mesh_limits limits = MESH_LIMITS_DEFAULT;
    struct mesh mesh;
    struct mesh_links links;
    struct error err;
    error_reset(&err);
    mesh_init(&mesh, arena);
    enum err code = mesh_read_obj(&file, &limits, &mesh, &links, &err);
    check(code == err.code);
    check(arena_used(arena) <= 20 * size + 65536);
    if (code != ERR_OK) {
        check((code == ERR_CORRUPT || code == ERR_TOO_LARGE) && err.message[0] != '\0');
        return 0;
    }
    check(mesh.triangle_count > 0);
    for (size_t i = 0; i < mesh.triangle_count; i++) {
        for (size_t k = 0; k < 3; k++)
            check(mesh.triangles[i].vertex[k] < mesh.vertex_count);
    }
    for (size_t i = 0; i < mesh.vertex_count; i++)
        check(mesh_vec3_length(mesh.vertices[i].position) < 1e13F);
    return 0;
}
