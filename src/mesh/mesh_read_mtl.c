// Reading MTL, the materials of OBJ files.
#include "mesh/mesh_read.h"

#include <math.h>

#include "mesh/mesh_text.h"

struct str mesh_base_name(struct str path)
{
    size_t start = path.len;
    while (start > 0 && path.ptr[start - 1] != '/' && path.ptr[start - 1] != '\\')
        start--;
    struct str name = str_slice(path, start, path.len);
    if (name.len == 0 || name.len > MESH_NAME_MAX || str_equal(name, STR(".")) ||
        str_equal(name, STR("..")))
        return STR_NULL;
    for (size_t i = 0; i < name.len; i++) {
        if ((unsigned char)name.ptr[i] < ' ' || name.ptr[i] == 0x7F)
            return STR_NULL;
    }
    return name;
}

struct mtl {
    struct str name; // of the file
    struct mesh_text text;
    const struct mesh_limits *limits;
    struct arena *arena;
    struct mesh_materials *materials;
    struct mesh_material *current; // NULL before the first newmtl
};

static enum err broken(const struct mtl *mtl, const char *what, struct error *err)
{
    return error_set(err, ERR_CORRUPT, "%.*s, line %zu: %s", STR_ARG(mtl->name), mtl->text.line,
                     what);
}

static enum err read_newmtl(struct mtl *mtl, struct error *err)
{
    struct mesh_materials *all = mtl->materials;
    struct str name = mesh_text_rest(&mtl->text);
    if (name.len == 0 || name.len > MESH_NAME_MAX)
        return broken(mtl, "the material has no name or too long a one", err);
    if (all->count == mtl->limits->materials)
        return error_set(err, ERR_TOO_LARGE, "%.*s has more than %zu materials", STR_ARG(mtl->name),
                         mtl->limits->materials);
    if (all->count == all->cap) {
        size_t cap = all->cap == 0 ? 8 : all->cap * 2;
        struct mesh_material *grown = arena_new(mtl->arena, struct mesh_material, cap);
        if (all->count > 0)
            memcpy(grown, all->list, all->count * sizeof(*grown));
        all->list = grown;
        all->cap = cap;
    }
    mtl->current = &all->list[all->count++];
    *mtl->current =
        (struct mesh_material){.name = arena_str(mtl->arena, name), .diffuse = {1, 1, 1}};
    return ERR_OK;
}

// A share from 0 to 1; what is outside is cut.
static bool read_share(struct mtl *mtl, float *ret_share)
{
    double value;
    if (!mesh_text_number(&mtl->text, &value))
        return false;
    *ret_share = (float)fmin(fmax(value, 0), 1);
    return true;
}

// Kd r [g b]. Spectral curves and CIE colours are not read.
static enum err read_kd(struct mtl *mtl, struct error *err)
{
    struct mesh_text start = mtl->text;
    struct str word = mesh_text_word(&mtl->text);
    if (str_equal(word, STR("spectral")) || str_equal(word, STR("xyz")))
        return ERR_OK;
    mtl->text = start;
    struct mesh_vec3 kd;
    if (!read_share(mtl, &kd.x))
        return broken(mtl, "Kd has no number", err);
    kd.y = kd.z = kd.x;
    if (!mesh_text_at_line_end(&mtl->text) && (!read_share(mtl, &kd.y) || !read_share(mtl, &kd.z)))
        return broken(mtl, "Kd has neither one number nor three", err);
    mtl->current->diffuse = kd;
    return ERR_OK;
}

static enum err read_d(struct mtl *mtl, struct error *err)
{
    struct mesh_text start = mtl->text;
    if (!str_equal(mesh_text_word(&mtl->text), STR("-halo")))
        mtl->text = start;
    float opacity;
    if (!read_share(mtl, &opacity))
        return broken(mtl, "d has no number", err);
    mtl->current->transparency = 1 - opacity;
    return ERR_OK;
}

static enum err read_tr(struct mtl *mtl, struct error *err)
{
    if (!read_share(mtl, &mtl->current->transparency))
        return broken(mtl, "Tr has no number", err);
    return ERR_OK;
}

// The options of maps, and how many words follow them at most. Those of -o, -s and -t may be fewer:
// only numbers are skipped then.
static const struct {
    struct str name;
    size_t words;
    bool are_numbers;
} map_options[] = {
    {STR_INIT("-blendu"), 1, false},  {STR_INIT("-blendv"), 1, false},
    {STR_INIT("-bm"), 1, false},      {STR_INIT("-boost"), 1, false},
    {STR_INIT("-cc"), 1, false},      {STR_INIT("-clamp"), 1, false},
    {STR_INIT("-imfchan"), 1, false}, {STR_INIT("-mm"), 2, false},
    {STR_INIT("-o"), 3, true},        {STR_INIT("-s"), 3, true},
    {STR_INIT("-t"), 3, true},        {STR_INIT("-texres"), 1, false},
    {STR_INIT("-type"), 1, false},
};

static bool skip_option(struct mesh_text *text)
{
    struct mesh_text start = *text;
    struct str word = mesh_text_word(text);
    for (size_t i = 0; i < COUNT_OF(map_options); i++) {
        if (!str_equal(word, map_options[i].name))
            continue;
        for (size_t n = 0; n < map_options[i].words; n++) {
            struct mesh_text before = *text;
            double number;
            if (!map_options[i].are_numbers) {
                (void)mesh_text_word(text);
            } else if (!mesh_text_number(text, &number)) {
                *text = before;
                break;
            }
        }
        return true;
    }
    *text = start;
    return false;
}

static enum err read_map(struct mtl *mtl, struct error *err)
{
    (void)err;
    while (skip_option(&mtl->text))
        ;
    struct str name = mesh_base_name(mesh_text_rest(&mtl->text));
    if (name.ptr != NULL)
        mtl->current->texture = arena_str(mtl->arena, name);
    return ERR_OK;
}

static const struct {
    struct str keyword;
    enum err (*read)(struct mtl *mtl, struct error *err);
} lines[] = {
    {STR_INIT("newmtl"), read_newmtl}, {STR_INIT("Kd"), read_kd},      {STR_INIT("d"), read_d},
    {STR_INIT("Tr"), read_tr},         {STR_INIT("map_Kd"), read_map},
};

static enum err read_line(struct mtl *mtl, struct error *err)
{
    struct str word = mesh_text_word(&mtl->text);
    for (size_t i = 0; i < COUNT_OF(lines); i++) {
        if (str_equal_nocase(word, lines[i].keyword) && (i == 0 || mtl->current != NULL))
            return lines[i].read(mtl, err);
    }
    return ERR_OK;
}

enum err mesh_read_mtl(const struct mesh_file *file, const struct mesh_limits *limits,
                       struct arena *arena, struct mesh_materials *materials, struct error *err)
{
    if (file->bytes.len > limits->file_bytes)
        return error_set(err, ERR_TOO_LARGE, "%.*s has more than %zu bytes", STR_ARG(file->name),
                         limits->file_bytes);
    struct mtl mtl = {.name = file->name, .limits = limits, .arena = arena, .materials = materials};
    mesh_text_init(&mtl.text, file->bytes, true);
    do {
        TRY(read_line(&mtl, err));
    } while (mesh_text_next_line(&mtl.text));
    return ERR_OK;
}
