// Checks that files are Wavefront OBJ or MTL text.
#include "files/file_check_kinds.h"

#include <stdint.h>

#include "base/number.h"
#include "files/file_check_text.h"

#define FACE_CORNERS_MIN 3

// What a face's corner names: position/texture/normal.
enum obj_list { OBJ_V, OBJ_VT, OBJ_VN, OBJ_LIST_COUNT };

static const struct str list_keywords[] = {STR_INIT("v"), STR_INIT("vt"), STR_INIT("vn")};

struct obj {
    struct text_lines lines;
    int64_t count[OBJ_LIST_COUNT];
    // Positive indices may name what comes later: the highest is looked at in the end.
    int64_t highest[OBJ_LIST_COUNT];
    size_t highest_line[OBJ_LIST_COUNT];
    bool has_face;
};

static enum err check_is_text(struct str content, const char *what, struct error *err)
{
    if (str_find(content, '\0', 0) < content.len)
        return error_set(err, ERR_CORRUPT, "the file is not text, as %s is", what);
    return ERR_OK;
}

static enum err check_vertex(const struct obj *obj, struct str line, struct error *err)
{
    for (int i = 0; i < 3; i++) {
        double value;
        if (!text_number(text_next_word(&line), &value))
            return error_set(err, ERR_CORRUPT, "line %zu: the vertex has no three finite numbers",
                             obj->lines.number);
    }
    return ERR_OK;
}

static enum err check_index(struct obj *obj, enum obj_list list, int64_t index, struct error *err)
{
    if (index > 0) {
        if (index > obj->highest[list]) {
            obj->highest[list] = index;
            obj->highest_line[list] = obj->lines.number;
        }
        return ERR_OK;
    }
    // Negative ones count back from the last one read.
    if (index == 0 || index < -obj->count[list])
        return error_set(err, ERR_CORRUPT, "line %zu: there is no %s %lld", obj->lines.number,
                         list_keywords[list].ptr, (long long)index);
    return ERR_OK;
}

static enum err check_corner(struct obj *obj, struct str corner, struct error *err)
{
    struct str rest = corner;
    for (int list = 0; list < OBJ_LIST_COUNT && rest.ptr != NULL; list++) {
        struct str part = str_split(&rest, '/');
        if (part.len == 0 && list != OBJ_V)
            continue;
        int64_t index;
        if (number_parse_i64(part, -INT64_MAX, INT64_MAX, &index) != ERR_OK)
            return error_set(err, ERR_CORRUPT, "line %zu: the face has a corner without a number",
                             obj->lines.number);
        TRY(check_index(obj, (enum obj_list)list, index, err));
    }
    if (rest.ptr != NULL)
        return error_set(err, ERR_CORRUPT, "line %zu: the face has a corner of four numbers",
                         obj->lines.number);
    return ERR_OK;
}

static enum err check_face(struct obj *obj, struct str line, struct error *err)
{
    size_t corners = 0;
    for (;;) {
        struct str corner = text_next_word(&line);
        if (corner.len == 0 || corner.ptr[0] == '#')
            break;
        TRY(check_corner(obj, corner, err));
        corners++;
    }
    if (corners < FACE_CORNERS_MIN)
        return error_set(err, ERR_CORRUPT, "line %zu: the face has fewer than 3 corners",
                         obj->lines.number);
    obj->has_face = true;
    return ERR_OK;
}

static enum err check_line(struct obj *obj, struct str line, struct error *err)
{
    struct str keyword = text_next_word(&line);
    if (str_equal(keyword, STR("f")))
        return check_face(obj, line, err);
    for (int list = 0; list < OBJ_LIST_COUNT; list++) {
        if (!str_equal(keyword, list_keywords[list]))
            continue;
        obj->count[list]++;
        return list == OBJ_V ? check_vertex(obj, line, err) : ERR_OK;
    }
    return ERR_OK;
}

enum err file_check_obj(struct str content, struct error *err)
{
    TRY(check_is_text(content, "OBJ", err));
    struct obj obj = {.lines = {.rest = text_without_bom(content), .continued = true}};
    struct str line;
    while (text_lines_next(&obj.lines, &line))
        TRY(check_line(&obj, line, err));
    if (obj.count[OBJ_V] == 0)
        return error_set(err, ERR_CORRUPT, "the OBJ has no vertices");
    if (!obj.has_face)
        return error_set(err, ERR_CORRUPT, "the OBJ has no faces");
    for (int list = 0; list < OBJ_LIST_COUNT; list++) {
        if (obj.highest[list] > obj.count[list])
            return error_set(err, ERR_CORRUPT, "line %zu: there is no %s %lld, only %lld",
                             obj.highest_line[list], list_keywords[list].ptr,
                             (long long)obj.highest[list], (long long)obj.count[list]);
    }
    return ERR_OK;
}

enum err file_check_mtl(struct str content, struct error *err)
{
    TRY(check_is_text(content, "MTL", err));
    struct text_lines lines = {.rest = text_without_bom(content), .continued = true};
    struct str line;
    while (text_lines_next(&lines, &line)) {
        struct str keyword = text_next_word(&line);
        if (str_equal(keyword, STR("newmtl")) && text_next_word(&line).len > 0)
            return ERR_OK;
    }
    return error_set(err, ERR_CORRUPT, "the MTL names no material");
}
