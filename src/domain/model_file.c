// The model file's fields, names and content types.
#include "domain/model_file.h"

#include <assert.h>

const char *const model_file_kind_names[] = {NULL,      "jpg",      "obj",          "ply", "mtl",
                                             "preview", "web",      "hd",           "ar",  "usdz",
                                             "poster",  "manifest", FIELD_NAMES_END};
const char *const model_file_state_names[] = {NULL,     "pending", "stored", "missing",
                                              "failed", "removed", "remote", FIELD_NAMES_END};

static const struct field model_file_fields[] = {
    {FIELD_AS_I64(struct model_file, project_id), .flags = FIELD_NO_JSON},
    {FIELD_AS_STR(struct model_file, name, 64)},
    {FIELD_AS_I64(struct model_file, company_id), .flags = FIELD_NO_JSON},
    {FIELD_AS_ENUM(struct model_file, kind, enum model_file_kind, model_file_kind_names)},
    {FIELD_AS_ENUM(struct model_file, state, enum model_file_state, model_file_state_names)},
    {FIELD_AS_OPT_I64(struct model_file, size)},
    {FIELD_AS_STR(struct model_file, sha256, 64)},
    {FIELD_AS_STR(struct model_file, content_type, 64)},
    {FIELD_AS_STR(struct model_file, error, 300)},
    {FIELD_AS_I64(struct model_file, tries), .flags = FIELD_NO_JSON},
    {FIELD_AS_RAW(struct model_file, data, MODEL_FILE_DATA_MAX), .flags = FIELD_NO_JSON},
    {FIELD_AS_TIME(struct model_file, updated_at), .flags = FIELD_NO_JSON},
};
const struct field_table model_file_table =
    FIELD_TABLE("file", model_file_fields, struct model_file);

static const struct {
    struct str name;
    struct str content_type;
} kinds[] = {
    [MODEL_FILE_NONE] = {STR_INIT(""), STR_INIT("application/octet-stream")},
    [MODEL_FILE_JPG] = {STR_INIT("scene.jpg"), STR_INIT("image/jpeg")},
    [MODEL_FILE_OBJ] = {STR_INIT("scene.obj"), STR_INIT("model/obj")},
    [MODEL_FILE_PLY] = {STR_INIT("scene.ply"), STR_INIT("application/octet-stream")},
    [MODEL_FILE_MTL] = {STR_INIT("scene.mtl"), STR_INIT("model/mtl")},
    [MODEL_FILE_PREVIEW] = {STR_INIT("preview.glb"), STR_INIT("model/gltf-binary")},
    [MODEL_FILE_WEB] = {STR_INIT("web.glb"), STR_INIT("model/gltf-binary")},
    [MODEL_FILE_HD] = {STR_INIT("hd.glb"), STR_INIT("model/gltf-binary")},
    [MODEL_FILE_AR] = {STR_INIT("ar.glb"), STR_INIT("model/gltf-binary")},
    [MODEL_FILE_USDZ] = {STR_INIT("model.usdz"), STR_INIT("model/vnd.usdz+zip")},
    [MODEL_FILE_POSTER] = {STR_INIT("poster.jpg"), STR_INIT("image/jpeg")},
    [MODEL_FILE_MANIFEST] = {STR_INIT("manifest.json"), STR_INIT("application/json")},
};
static_assert(COUNT_OF(kinds) == MODEL_FILE_KIND_COUNT, "each kind has its name");
static_assert(MODEL_FILE_ORIGINAL_MAX == MODEL_FILE_ORIGINAL_COUNT, "originals come first");

enum model_file_kind model_file_kind_of(struct str name)
{
    size_t kind = MODEL_FILE_KIND_COUNT - 1;
    while (kind > MODEL_FILE_NONE && !str_equal(kinds[kind].name, name))
        kind--;
    return (enum model_file_kind)kind;
}

struct str model_file_name(enum model_file_kind kind)
{
    check((size_t)kind < COUNT_OF(kinds));
    return kinds[kind].name;
}

struct str model_file_content_type(enum model_file_kind kind)
{
    check((size_t)kind < COUNT_OF(kinds));
    return kinds[kind].content_type;
}
