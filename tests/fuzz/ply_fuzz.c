// Fuzzes mesh/mesh_read_ply.c.
#include "fuzz/mesh_fuzz.h"
#include "mesh/mesh_read.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    return fuzz_mesh_read(mesh_read_ply, STR("fuzz.ply"), data, size);
}
