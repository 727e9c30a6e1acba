// Meshes as Wavefront OBJ and MTL text.
#include "mesh/mesh_write.h"

#include "mesh/mesh_number.h"

static void append_numbers(struct buf *buf, const char *keyword, const float *values, size_t count,
                           int64_t scale)
{
    char *start = buf_grow(buf, 4 + count * MESH_NUMBER_TEXT_MAX);
    if (start == NULL)
        return;
    char *at = start;
    while (*keyword != '\0')
        *at++ = *keyword++;
    for (size_t i = 0; i < count; i++) {
        *at++ = ' ';
        at = mesh_number_put_fixed(at, (double)values[i], scale);
    }
    *at++ = '\n';
    buf->len += (size_t)(at - start);
}

static void append_face(struct buf *buf, const struct mesh_triangle *triangle)
{
    char *start = buf_grow(buf, 128);
    if (start == NULL)
        return;
    char *at = start;
    *at++ = 'f';
    for (size_t i = 0; i < 3; i++) {
        uint32_t index = triangle->vertex[i] + 1;
        *at++ = ' ';
        at = mesh_number_put_index(at, index);
        *at++ = '/';
        at = mesh_number_put_index(at, index);
        *at++ = '/';
        at = mesh_number_put_index(at, index);
    }
    *at++ = '\n';
    buf->len += (size_t)(at - start);
}

static void append_group(struct buf *buf, const struct mesh_group *group)
{
    if (group->name.ptr != NULL)
        buf_printf(buf, "o %.*s\n", STR_ARG(group->name));
    if (group->material.ptr != NULL)
        buf_printf(buf, "usemtl %.*s\n", STR_ARG(group->material));
}

void mesh_write_obj(struct buf *buf, const struct mesh *mesh, struct str mtl_name)
{
    if (mtl_name.ptr != NULL)
        buf_printf(buf, "mtllib %.*s\n", STR_ARG(mtl_name));
    for (size_t i = 0; i < mesh->vertex_count; i++) {
        const struct mesh_vec3 *p = &mesh->vertices[i].position;
        append_numbers(buf, "v", (const float[]){p->x, p->y, p->z}, 3, 10000);
    }
    for (size_t i = 0; i < mesh->vertex_count; i++) {
        const struct mesh_uv *uv = &mesh->vertices[i].uv;
        append_numbers(buf, "vt", (const float[]){uv->u, uv->v}, 2, 100000);
    }
    for (size_t i = 0; i < mesh->vertex_count; i++) {
        const struct mesh_vec3 *n = &mesh->vertices[i].normal;
        append_numbers(buf, "vn", (const float[]){n->x, n->y, n->z}, 3, 10000);
    }
    size_t group = 0;
    for (size_t i = 0; i < mesh->triangle_count; i++) {
        for (; group < mesh->group_count && mesh->groups[group].first_triangle <= i; group++)
            append_group(buf, &mesh->groups[group]);
        append_face(buf, &mesh->triangles[i]);
    }
}

void mesh_write_mtl(struct buf *buf, const struct mesh_material *materials, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const struct mesh_material *material = &materials[i];
        const struct mesh_vec3 *kd = &material->diffuse;
        buf_printf(buf, "newmtl %.*s\n", STR_ARG(material->name));
        append_numbers(buf, "Ka", (const float[]){kd->x, kd->y, kd->z}, 3, 10000);
        append_numbers(buf, "Kd", (const float[]){kd->x, kd->y, kd->z}, 3, 10000);
        BUF_LITERAL(buf, "Ks 0 0 0\nd 1\nillum 1\n");
        if (material->texture.ptr != NULL)
            buf_printf(buf, "map_Kd %.*s\n", STR_ARG(material->texture));
    }
}
