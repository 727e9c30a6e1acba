// Fuzzes mesh/mesh_read_mtl.c: names are bounded, numbers are in their range.
#include "fuzz/fuzz.h"

#include "mesh/mesh_read.h"

static void check_material(const struct mesh_material *material)
{
    check(material->name.len > 0 && material->name.len <= MESH_NAME_MAX);
    check(material->transparency >= 0 && material->transparency <= 1);
    check(material->diffuse.x >= 0 && material->diffuse.y >= 0 && material->diffuse.z <= 1);
    if (material->texture.ptr != NULL)
        check(memchr(material->texture.ptr, '/', material->texture.len) == NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    CLEANUP(arena_close_ptr) struct arena *arena = arena_open(0);
    struct mesh_file file = {STR("fuzz.mtl"), {.ptr = (const char *)data, .len = size}};
    struct mesh_limits limits = MESH_LIMITS_DEFAULT;
    struct mesh_materials materials = {0};
    struct error err;
    error_reset(&err);
    enum err code = mesh_read_mtl(&file, &limits, arena, &materials, &err);
    check(code == err.code && (code == ERR_OK || err.message[0] != '\0'));
    for (size_t i = 0; i < materials.count; i++)
        check_material(&materials.list[i]);
    return 0;
}
