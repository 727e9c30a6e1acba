// Reading OBJ and PLY files back, strictly, as far as ours go.
#ifndef SUNLEAD_TEST_MESH_READER_H
#define SUNLEAD_TEST_MESH_READER_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/number.h"
#include "mesh/mesh.h"

static inline float read_number(struct str *line)
{
    double value = 0;
    struct str word = str_split(line, ' ');
    if (number_parse_f64(word, &value) != ERR_OK)
        fail_msg("no number: '%.*s'", STR_ARG(word));
    return (float)value;
}

static inline struct mesh_vec3 read_vec3(struct str line)
{
    struct mesh_vec3 v = {.x = read_number(&line)};
    v.y = read_number(&line);
    v.z = read_number(&line);
    assert_null(line.ptr);
    return v;
}

// One corner of a face, "7/7/7".
static inline uint32_t read_corner(struct str word, size_t vertex_count)
{
    int64_t place = 0, uv = 0, normal = 0;
    struct str rest = word;
    assert_int_equal(number_parse_i64(str_split(&rest, '/'), 1, (int64_t)vertex_count, &place), 0);
    assert_int_equal(number_parse_i64(str_split(&rest, '/'), 1, (int64_t)vertex_count, &uv), 0);
    assert_int_equal(number_parse_i64(rest, 1, (int64_t)vertex_count, &normal), 0);
    assert_true(place == uv && uv == normal);
    return (uint32_t)place - 1;
}

static inline void read_face(struct mesh *mesh, struct str line)
{
    uint32_t corners[3];
    for (size_t i = 0; i < 3; i++)
        corners[i] = read_corner(str_split(&line, ' '), mesh->vertex_count);
    assert_null(line.ptr);
    mesh_add_triangle(mesh, corners[0], corners[1], corners[2]);
}

// read_obj() reads OBJ text whose every line is known, into an empty mesh. *ret_mtl is what mtllib
// names.
static inline void read_obj(struct str text, struct mesh *mesh, struct str *ret_mtl)
{
    size_t uv_count = 0, normal_count = 0;
    struct str name = STR_NULL, rest = text;
    assert_true(text.len > 0 && text.ptr[text.len - 1] == '\n');
    while (rest.len > 0) {
        struct str line = str_split(&rest, '\n');
        struct str word = str_split(&line, ' ');
        if (str_equal(word, STR("v"))) {
            struct mesh_vertex vertex = {.position = read_vec3(line)};
            mesh_add_vertex(mesh, &vertex);
        } else if (str_equal(word, STR("vt"))) {
            struct mesh_uv *uv = &mesh->vertices[uv_count++].uv;
            uv->u = read_number(&line);
            uv->v = read_number(&line);
        } else if (str_equal(word, STR("vn"))) {
            mesh->vertices[normal_count++].normal = read_vec3(line);
        } else if (str_equal(word, STR("f"))) {
            read_face(mesh, line);
        } else if (str_equal(word, STR("o"))) {
            name = line;
        } else if (str_equal(word, STR("usemtl"))) {
            mesh_add_group(mesh, name, line);
        } else {
            assert_true(str_equal(word, STR("mtllib")));
            *ret_mtl = line;
        }
    }
    assert_int_equal(uv_count, mesh->vertex_count);
    assert_int_equal(normal_count, mesh->vertex_count);
}

static inline void read_bytes(struct str *rest, void *to, size_t len)
{
    assert_true(rest->len >= len);
    memcpy(to, rest->ptr, len);
    *rest = str_slice(*rest, len, rest->len);
}

static inline size_t read_ply_count(struct str *rest, const char *element)
{
    int64_t count = 0;
    struct str line = str_split(rest, '\n');
    assert_true(str_equal(str_split(&line, ' '), STR("element")));
    assert_true(str_equal(str_split(&line, ' '), str_of(element)));
    assert_int_equal(number_parse_i64(line, 0, 1 << 30, &count), ERR_OK);
    return (size_t)count;
}

static inline void read_ply_lines(struct str *rest, const char *const *lines, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct str line = str_split(rest, '\n');
        if (!str_equal(line, str_of(lines[i])))
            fail_msg("'%.*s' instead of '%s'", STR_ARG(line), lines[i]);
    }
}

// read_ply() reads a PLY file with exactly our header, into an empty mesh. Runs on little-endian
// machines.
static inline void read_ply(struct str bytes, struct mesh *mesh)
{
    static const char *const start[] = {"ply", "format binary_little_endian 1.0",
                                        "comment TextureFile scene.jpg"};
    static const char *const vertex_lines[] = {
        "property float x",   "property float y",     "property float z",   "property float nx",
        "property float ny",  "property float nz",    "property float s",   "property float t",
        "property uchar red", "property uchar green", "property uchar blue"};
    static const char *const face_lines[] = {"property list uchar int vertex_indices",
                                             "end_header"};
    struct str rest = bytes;
    read_ply_lines(&rest, start, COUNT_OF(start));
    size_t vertices = read_ply_count(&rest, "vertex");
    read_ply_lines(&rest, vertex_lines, COUNT_OF(vertex_lines));
    size_t faces = read_ply_count(&rest, "face");
    read_ply_lines(&rest, face_lines, COUNT_OF(face_lines));
    for (size_t i = 0; i < vertices; i++) {
        struct mesh_vertex vertex;
        read_bytes(&rest, &vertex.position, 12);
        read_bytes(&rest, &vertex.normal, 12);
        read_bytes(&rest, &vertex.uv, 8);
        read_bytes(&rest, &vertex.colour, 3);
        mesh_add_vertex(mesh, &vertex);
    }
    for (size_t i = 0; i < faces; i++) {
        uint8_t count = 0;
        uint32_t corners[3];
        read_bytes(&rest, &count, 1);
        assert_int_equal(count, 3);
        read_bytes(&rest, corners, sizeof(corners));
        assert_true(corners[0] < vertices && corners[1] < vertices && corners[2] < vertices);
        mesh_add_triangle(mesh, corners[0], corners[1], corners[2]);
    }
    assert_int_equal(rest.len, 0);
}

#endif
