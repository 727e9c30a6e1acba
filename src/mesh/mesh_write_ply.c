// Meshes as binary PLY.
#include "mesh/mesh_write.h"

#include <endian.h>

#define VERTEX_BYTES   (8 * 4 + 3)
#define TRIANGLE_BYTES (1 + 3 * 4)

static char *put_u32(char *at, uint32_t value)
{
    uint32_t little = htole32(value);
    memcpy(at, &little, sizeof(little));
    return at + sizeof(little);
}

static char *put_float(char *at, float value)
{
    uint32_t bits;
    memcpy(&bits, &value, sizeof(bits));
    return put_u32(at, bits);
}

static void append_vertex(struct buf *buf, const struct mesh_vertex *vertex)
{
    char *at = buf_grow(buf, VERTEX_BYTES);
    if (at == NULL)
        return;
    at = put_float(at, vertex->position.x);
    at = put_float(at, vertex->position.y);
    at = put_float(at, vertex->position.z);
    at = put_float(at, vertex->normal.x);
    at = put_float(at, vertex->normal.y);
    at = put_float(at, vertex->normal.z);
    at = put_float(at, vertex->uv.u);
    at = put_float(at, vertex->uv.v);
    *at++ = (char)vertex->colour.r;
    *at++ = (char)vertex->colour.g;
    *at = (char)vertex->colour.b;
    buf->len += VERTEX_BYTES;
}

static void append_triangle(struct buf *buf, const struct mesh_triangle *triangle)
{
    char *at = buf_grow(buf, TRIANGLE_BYTES);
    if (at == NULL)
        return;
    *at++ = 3;
    for (size_t i = 0; i < 3; i++)
        at = put_u32(at, triangle->vertex[i]);
    buf->len += TRIANGLE_BYTES;
}

void mesh_write_ply(struct buf *buf, const struct mesh *mesh, struct str texture_name)
{
    BUF_LITERAL(buf, "ply\nformat binary_little_endian 1.0\n");
    if (texture_name.ptr != NULL)
        buf_printf(buf, "comment TextureFile %.*s\n", STR_ARG(texture_name));
    buf_printf(buf, "element vertex %zu\n", mesh->vertex_count);
    BUF_LITERAL(buf, "property float x\nproperty float y\nproperty float z\n"
                     "property float nx\nproperty float ny\nproperty float nz\n"
                     "property float s\nproperty float t\n"
                     "property uchar red\nproperty uchar green\nproperty uchar blue\n");
    buf_printf(buf, "element face %zu\n", mesh->triangle_count);
    BUF_LITERAL(buf, "property list uchar int vertex_indices\nend_header\n");
    for (size_t i = 0; i < mesh->vertex_count; i++)
        append_vertex(buf, &mesh->vertices[i]);
    for (size_t i = 0; i < mesh->triangle_count; i++)
        append_triangle(buf, &mesh->triangles[i]);
}
