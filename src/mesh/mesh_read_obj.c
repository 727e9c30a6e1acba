// Reading Wavefront OBJ. A first pass counts, so that arrays have their size at once; the second
// reads.
#include "mesh/mesh_read.h"

#include <math.h>

#include "mesh/mesh_polygon.h"
#include "mesh/mesh_text.h"

#define NO_INDEX UINT32_MAX
// A vertex with more different corners than this gets some twice: looking through all of them
// would take a hostile file a time that grows with the square of its size.
#define CHAIN_MAX 16
// From here on a float is too coarse: an origin is subtracted.
#define FAR_AWAY 1000.0

// The lists that a corner of a face points into.
enum obj_list { OBJ_V, OBJ_VT, OBJ_VN, OBJ_LIST_COUNT };

static const char *const list_names[] = {"v", "vt", "vn"};

// A vertex of the result: what it takes from each list (NO_INDEX: nothing).
struct obj_corner {
    uint32_t from[OBJ_LIST_COUNT];
    uint32_t next; // with the same v
};

struct obj_place {
    struct mesh_vec3 position;
    struct mesh_rgb colour;
};

struct obj {
    struct str name; // of the file
    struct mesh_text text;
    const struct mesh_limits *limits;
    struct mesh *mesh;
    struct mesh_links *links;
    struct arena *scratch;
    // What the first pass counted: at most, since lines that go on are counted as several.
    size_t room[OBJ_LIST_COUNT];
    size_t face_room;
    size_t count[OBJ_LIST_COUNT]; // read by now
    int64_t highest[OBJ_LIST_COUNT];
    size_t highest_line[OBJ_LIST_COUNT];
    struct obj_place *places;
    struct mesh_uv *uvs;
    struct mesh_vec3 *normals;
    uint32_t *first; // corner of each v
    struct obj_corner *corners;
    size_t corner_count;
    size_t corner_cap;
    bool has_material;
    uint32_t face[MESH_FACE_CORNERS_MAX];
    struct mesh_vec3 outline[MESH_FACE_CORNERS_MAX];
    uint32_t cut[MESH_FACE_CORNERS_MAX][3];
};

static enum err broken(const struct obj *obj, const char *what, struct error *err)
{
    return error_set(err, ERR_CORRUPT, "%.*s, line %zu: %s", STR_ARG(obj->name), obj->text.line,
                     what);
}

static enum err too_many(const struct obj *obj, const char *what, size_t max, struct error *err)
{
    return error_set(err, ERR_TOO_LARGE, "%.*s, line %zu: more than %zu %s", STR_ARG(obj->name),
                     obj->text.line, max, what);
}

static void count_lines(struct obj *obj, struct str bytes)
{
    const char *at = bytes.ptr;
    const char *end = bytes.ptr + bytes.len;
    while (at != NULL && at < end) {
        while (at < end && mesh_text_is_blank(*at))
            at++;
        char first = at < end ? *at : '\n';
        char second = at + 1 < end ? at[1] : '\n';
        if (first == 'v' && second == 't')
            obj->room[OBJ_VT]++;
        else if (first == 'v' && second == 'n')
            obj->room[OBJ_VN]++;
        else if (first == 'v')
            obj->room[OBJ_V]++;
        else if (first == 'f')
            obj->face_room++;
        at = memchr(at, '\n', (size_t)(end - at));
        at = at == NULL ? end : at + 1;
    }
}

// The counts are too high where a backslash hides the end of a line, and too low by one where a
// byte order mark hides the first keyword, for which there is room.
static enum err make_room(struct obj *obj, struct error *err)
{
    for (int i = 0; i < OBJ_LIST_COUNT; i++) {
        obj->room[i]++;
        if (obj->room[i] > obj->limits->vertices)
            return too_many(obj, list_names[i], obj->limits->vertices, err);
    }
    if (obj->face_room > obj->limits->triangles)
        return too_many(obj, "faces", obj->limits->triangles, err);
    obj->places = arena_raw(obj->scratch, arena_array_size(obj->room[OBJ_V], sizeof(*obj->places)));
    obj->uvs = arena_raw(obj->scratch, arena_array_size(obj->room[OBJ_VT], sizeof(*obj->uvs)));
    obj->normals =
        arena_raw(obj->scratch, arena_array_size(obj->room[OBJ_VN], sizeof(*obj->normals)));
    size_t first_bytes = arena_array_size(obj->room[OBJ_V], sizeof(*obj->first));
    obj->first = arena_raw(obj->scratch, first_bytes);
    memset(obj->first, 0xFF, first_bytes);
    mesh_reserve(obj->mesh, 0, obj->face_room);
    return ERR_OK;
}

static uint8_t colour_of(double value, double scale)
{
    double level = value * scale;
    return level <= 0 ? 0 : level >= 255 ? 255 : (uint8_t)(level + 0.5);
}

static bool is_coordinate(double value)
{
    return fabs(value) <= MESH_COORDINATE_MAX;
}

// v x y z, then perhaps w, and perhaps a colour of three from 0 to 1 (some write 0 to 255).
static enum err read_v(struct obj *obj, struct error *err)
{
    double numbers[7];
    size_t count = 0;
    check(obj->count[OBJ_V] < obj->room[OBJ_V]);
    while (count < COUNT_OF(numbers) && !mesh_text_at_line_end(&obj->text)) {
        if (!mesh_text_number(&obj->text, &numbers[count++]))
            return broken(obj, "the vertex has what is no finite number", err);
    }
    if (count < 3)
        return broken(obj, "the vertex has fewer than three numbers", err);
    double *origin = obj->mesh->origin;
    float position[3];
    for (int i = 0; i < 3; i++) {
        if (!is_coordinate(numbers[i]))
            return broken(obj, "the vertex is too far away", err);
        if (obj->count[OBJ_V] == 0 && fabs(numbers[i]) >= FAR_AWAY)
            origin[i] = rint(numbers[i]);
        position[i] = (float)(numbers[i] - origin[i]);
    }
    struct obj_place *place = &obj->places[obj->count[OBJ_V]++];
    *place = (struct obj_place){.position = {position[0], position[1], position[2]},
                                .colour = {255, 255, 255}};
    if (count < 6)
        return ERR_OK;
    const double *rgb = &numbers[count - 3];
    double scale = rgb[0] > 1 || rgb[1] > 1 || rgb[2] > 1 ? 1 : 255;
    place->colour = (struct mesh_rgb){colour_of(rgb[0], scale), colour_of(rgb[1], scale),
                                      colour_of(rgb[2], scale)};
    obj->mesh->has_colours = true;
    return ERR_OK;
}

static enum err read_numbers(struct obj *obj, float *ret_numbers, size_t count, struct error *err)
{
    for (size_t i = 0; i < count; i++) {
        double value;
        if (!mesh_text_number(&obj->text, &value))
            return broken(obj, "a finite number is missing", err);
        if (!is_coordinate(value))
            return broken(obj, "the number is too large", err);
        ret_numbers[i] = (float)value;
    }
    return ERR_OK;
}

static enum err read_vt(struct obj *obj, struct error *err)
{
    check(obj->count[OBJ_VT] < obj->room[OBJ_VT]);
    float uv[2] = {0};
    TRY(read_numbers(obj, uv, 1, err));
    if (!mesh_text_at_line_end(&obj->text))
        TRY(read_numbers(obj, &uv[1], 1, err));
    obj->uvs[obj->count[OBJ_VT]++] = (struct mesh_uv){uv[0], uv[1]};
    return ERR_OK;
}

static enum err read_vn(struct obj *obj, struct error *err)
{
    check(obj->count[OBJ_VN] < obj->room[OBJ_VN]);
    float n[3];
    TRY(read_numbers(obj, n, 3, err));
    obj->normals[obj->count[OBJ_VN]++] = mesh_vec3_unit((struct mesh_vec3){n[0], n[1], n[2]});
    return ERR_OK;
}

// Positive indices may point to what comes later in the file; at the end they are looked at again.
static enum err resolve(struct obj *obj, enum obj_list list, int64_t index, uint32_t *ret_index,
                        struct error *err)
{
    int64_t count = (int64_t)obj->count[list];
    bool is_there = index > 0 ? index <= (int64_t)obj->room[list] : index != 0 && index >= -count;
    if (!is_there)
        return error_set(err, ERR_CORRUPT, "%.*s, line %zu: there is no %s %lld",
                         STR_ARG(obj->name), obj->text.line, list_names[list], (long long)index);
    if (index > obj->highest[list]) {
        obj->highest[list] = index;
        obj->highest_line[list] = obj->text.line;
    }
    *ret_index = (uint32_t)(index > 0 ? index - 1 : count + index);
    return ERR_OK;
}

// One corner: v, v/vt, v//vn or v/vt/vn; some programs leave slashes at the end.
static enum err read_corner(struct obj *obj, uint32_t from[OBJ_LIST_COUNT], struct error *err)
{
    struct mesh_text *text = &obj->text;
    from[OBJ_VT] = from[OBJ_VN] = NO_INDEX;
    for (int list = 0; list < OBJ_LIST_COUNT; list++) {
        if (list > 0 && !mesh_text_take(text, '/'))
            break;
        bool is_left_out = list > 0 && (mesh_text_at_word_end(text) || *text->at == '/');
        if (is_left_out)
            continue;
        int64_t index;
        if (!mesh_text_integer(text, &index))
            return broken(obj, "the face has a corner without a number", err);
        TRY(resolve(obj, (enum obj_list)list, index, &from[list], err));
    }
    if (!mesh_text_at_word_end(text))
        return broken(obj, "the face has a corner that is no v/vt/vn", err);
    return ERR_OK;
}

static bool same_corner(const struct obj_corner *corner, const uint32_t from[OBJ_LIST_COUNT])
{
    return corner->from[OBJ_VT] == from[OBJ_VT] && corner->from[OBJ_VN] == from[OBJ_VN];
}

static enum err add_corner(struct obj *obj, const uint32_t from[OBJ_LIST_COUNT],
                           uint32_t *ret_index, struct error *err)
{
    uint32_t at = obj->first[from[OBJ_V]];
    for (int i = 0; i < CHAIN_MAX && at != NO_INDEX; i++, at = obj->corners[at].next) {
        if (same_corner(&obj->corners[at], from)) {
            *ret_index = at;
            return ERR_OK;
        }
    }
    if (obj->corner_count == obj->limits->vertices)
        return too_many(obj, "vertices", obj->limits->vertices, err);
    if (obj->corner_count == obj->corner_cap) {
        size_t most = obj->room[OBJ_V] > obj->room[OBJ_VT] ? obj->room[OBJ_V] : obj->room[OBJ_VT];
        size_t cap = obj->corner_cap == 0 ? most + 16 : obj->corner_cap * 2;
        struct obj_corner *grown = arena_raw(obj->scratch, arena_array_size(cap, sizeof(*grown)));
        if (obj->corner_count > 0)
            memcpy(grown, obj->corners, obj->corner_count * sizeof(*grown));
        obj->corners = grown;
        obj->corner_cap = cap;
    }
    uint32_t index = (uint32_t)obj->corner_count++;
    obj->corners[index] = (struct obj_corner){.from = {from[OBJ_V], from[OBJ_VT], from[OBJ_VN]},
                                              .next = obj->first[from[OBJ_V]]};
    obj->first[from[OBJ_V]] = index;
    *ret_index = index;
    return ERR_OK;
}

static enum err add_triangle(struct obj *obj, uint32_t a, uint32_t b, uint32_t c, struct error *err)
{
    uint32_t va = obj->corners[a].from[OBJ_V], vb = obj->corners[b].from[OBJ_V],
             vc = obj->corners[c].from[OBJ_V];
    if (va == vb || vb == vc || vc == va)
        return ERR_OK;
    struct mesh *mesh = obj->mesh;
    if (mesh->triangle_count == obj->limits->triangles)
        return too_many(obj, "triangles", obj->limits->triangles, err);
    if (mesh->triangle_count == mesh->triangle_cap)
        mesh_reserve(mesh, 0, mesh->triangle_cap * 2 + 16);
    mesh->triangles[mesh->triangle_count++] = (struct mesh_triangle){.vertex = {a, b, c}};
    return ERR_OK;
}

static enum err add_polygon(struct obj *obj, size_t count, struct error *err)
{
    bool is_known = true; // whether all of its vertices have been read
    for (size_t i = 0; i < count; i++) {
        uint32_t v = obj->corners[obj->face[i]].from[OBJ_V];
        is_known = is_known && v < obj->count[OBJ_V];
        obj->outline[i] = is_known ? obj->places[v].position : (struct mesh_vec3){0};
    }
    if (!is_known)
        memset(obj->outline, 0, count * sizeof(*obj->outline));
    mesh_polygon_cut(obj->outline, count, obj->cut);
    for (size_t i = 0; i + 2 < count; i++)
        TRY(add_triangle(obj, obj->face[obj->cut[i][0]], obj->face[obj->cut[i][1]],
                         obj->face[obj->cut[i][2]], err));
    return ERR_OK;
}

static enum err read_f(struct obj *obj, struct error *err)
{
    size_t count = 0;
    while (!mesh_text_at_line_end(&obj->text)) {
        if (count == MESH_FACE_CORNERS_MAX)
            return too_many(obj, "corners of a face", MESH_FACE_CORNERS_MAX, err);
        uint32_t from[OBJ_LIST_COUNT];
        TRY(read_corner(obj, from, err));
        TRY(add_corner(obj, from, &obj->face[count++], err));
    }
    if (count < 3)
        return broken(obj, "the face has fewer than three corners", err);
    if (count == 3)
        return add_triangle(obj, obj->face[0], obj->face[1], obj->face[2], err);
    return add_polygon(obj, count, err);
}

static enum err read_name(struct obj *obj, struct str *ret_name, struct error *err)
{
    *ret_name = mesh_text_rest(&obj->text);
    if (ret_name->len > MESH_NAME_MAX)
        return broken(obj, "the name is too long", err);
    return ERR_OK;
}

static enum err read_usemtl(struct obj *obj, struct error *err)
{
    struct str name;
    struct mesh *mesh = obj->mesh;
    TRY(read_name(obj, &name, err));
    struct mesh_group *last = mesh->group_count == 0 ? NULL : &mesh->groups[mesh->group_count - 1];
    if (last != NULL && str_equal(last->material, name))
        return ERR_OK;
    name = arena_str(mesh->arena, name);
    if (last != NULL && last->first_triangle == mesh->triangle_count)
        last->material = name; // nothing used the one before
    else
        mesh_add_group(mesh, STR_NULL, name);
    return ERR_OK;
}

static enum err read_mtllib(struct obj *obj, struct error *err)
{
    struct str name;
    TRY(read_name(obj, &name, err));
    name = mesh_base_name(name);
    struct mesh_links *links = obj->links;
    if (name.ptr != NULL && links->library_count < MESH_LIBRARIES_MAX)
        links->libraries[links->library_count++] = arena_str(obj->mesh->arena, name);
    return ERR_OK;
}

static const struct {
    struct str keyword;
    enum err (*read)(struct obj *obj, struct error *err);
} lines[] = {
    {STR_INIT("f"), read_f},   {STR_INIT("v"), read_v},           {STR_INIT("vt"), read_vt},
    {STR_INIT("vn"), read_vn}, {STR_INIT("usemtl"), read_usemtl}, {STR_INIT("mtllib"), read_mtllib},
};

static enum err read_line(struct obj *obj, struct error *err)
{
    struct str word = mesh_text_word(&obj->text);
    for (size_t i = 0; i < COUNT_OF(lines); i++) {
        if (str_equal(word, lines[i].keyword))
            return lines[i].read(obj, err);
    }
    return ERR_OK;
}

static enum err check_end(const struct obj *obj, struct error *err)
{
    for (int i = 0; i < OBJ_LIST_COUNT; i++) {
        if (obj->highest[i] > (int64_t)obj->count[i])
            return error_set(err, ERR_CORRUPT, "%.*s, line %zu: there is no %s %lld, only %zu",
                             STR_ARG(obj->name), obj->highest_line[i], list_names[i],
                             (long long)obj->highest[i], obj->count[i]);
    }
    if (obj->mesh->triangle_count == 0)
        return error_set(err, ERR_CORRUPT, "%.*s has no faces", STR_ARG(obj->name));
    return ERR_OK;
}

static void make_vertices(struct obj *obj)
{
    struct mesh *mesh = obj->mesh;
    mesh_reserve(mesh, obj->corner_count, 0);
    mesh->has_normals = true;
    for (size_t i = 0; i < obj->corner_count; i++) {
        const uint32_t *from = obj->corners[i].from;
        struct mesh_vertex *vertex = &mesh->vertices[i];
        memset(vertex, 0, sizeof(*vertex));
        vertex->position = obj->places[from[OBJ_V]].position;
        vertex->colour = obj->places[from[OBJ_V]].colour;
        if (from[OBJ_VT] != NO_INDEX) {
            vertex->uv = obj->uvs[from[OBJ_VT]];
            mesh->has_uvs = true;
        }
        if (from[OBJ_VN] != NO_INDEX)
            vertex->normal = obj->normals[from[OBJ_VN]];
        else
            mesh->has_normals = false;
    }
    mesh->vertex_count = obj->corner_count;
}

enum err mesh_read_obj(const struct mesh_file *file, const struct mesh_limits *limits,
                       struct mesh *mesh, struct mesh_links *ret_links, struct error *err)
{
    if (file->bytes.len > limits->file_bytes)
        return error_set(err, ERR_TOO_LARGE, "%.*s has more than %zu bytes", STR_ARG(file->name),
                         limits->file_bytes);
    CLEANUP(arena_close_ptr) struct arena *scratch = arena_open(0);
    struct obj *obj = arena_new(scratch, struct obj, 1);
    obj->name = file->name;
    obj->limits = limits;
    obj->mesh = mesh;
    obj->links = ret_links;
    obj->scratch = scratch;
    *ret_links = (struct mesh_links){0};
    count_lines(obj, file->bytes);
    mesh_text_init(&obj->text, file->bytes, true);
    TRY(make_room(obj, err));
    do {
        TRY(read_line(obj, err));
    } while (mesh_text_next_line(&obj->text));
    TRY(check_end(obj, err));
    make_vertices(obj);
    return ERR_OK;
}
