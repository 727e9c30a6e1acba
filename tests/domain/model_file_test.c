// Tests of domain/model_file.c.
#include "domain/table_check.h"

#include "domain/model_file.h"

static void test_table(void **state)
{
    (void)state;
    ASSERT_TABLE(&model_file_table, struct model_file, "project_id", "name", "company_id", "kind",
                 "state", "size", "sha256", "content_type", "error", "tries", "data", "updated_at");
    ASSERT_FLAGGED(&model_file_table, FIELD_NO_JSON, "project_id", "company_id", "tries", "data",
                   "updated_at");
    assert_int_equal(field_named(&model_file_table, "sha256")->max_len, 64);
    // A message of struct error fits.
    assert_true(field_named(&model_file_table, "error")->max_len >=
                sizeof(((struct error *)0)->message));
}

static void test_names(void **state)
{
    (void)state;
    ASSERT_NAMES(model_file_kind_names, NULL, "jpg", "obj", "ply", "mtl", "preview", "web", "hd",
                 "ar", "usdz", "poster", "manifest");
    ASSERT_NAMES(model_file_state_names, NULL, "pending", "stored", "missing", "failed", "removed",
                 "remote");
    assert_string_equal(model_file_state_names[MODEL_FILE_PENDING], "pending");
    assert_string_equal(model_file_state_names[MODEL_FILE_STORED], "stored");
    assert_string_equal(model_file_state_names[MODEL_FILE_MISSING], "missing");
    assert_string_equal(model_file_state_names[MODEL_FILE_FAILED], "failed");
}

static const struct {
    enum model_file_kind kind;
    const char *kind_name;
    const char *name;
    const char *content_type;
} kinds[] = {
    {MODEL_FILE_JPG, "jpg", "scene.jpg", "image/jpeg"},
    {MODEL_FILE_OBJ, "obj", "scene.obj", "model/obj"},
    {MODEL_FILE_PLY, "ply", "scene.ply", "application/octet-stream"},
    {MODEL_FILE_MTL, "mtl", "scene.mtl", "model/mtl"},
    {MODEL_FILE_PREVIEW, "preview", "preview.glb", "model/gltf-binary"},
    {MODEL_FILE_WEB, "web", "web.glb", "model/gltf-binary"},
    {MODEL_FILE_HD, "hd", "hd.glb", "model/gltf-binary"},
    {MODEL_FILE_AR, "ar", "ar.glb", "model/gltf-binary"},
    {MODEL_FILE_USDZ, "usdz", "model.usdz", "model/vnd.usdz+zip"},
    {MODEL_FILE_POSTER, "poster", "poster.jpg", "image/jpeg"},
    {MODEL_FILE_MANIFEST, "manifest", "manifest.json", "application/json"},
};

static void test_kinds(void **state)
{
    (void)state;
    assert_int_equal(MODEL_FILE_KIND_COUNT, 1 + COUNT_OF(kinds));
    for (size_t i = 0; i < COUNT_OF(kinds); i++) {
        enum model_file_kind kind = kinds[i].kind;
        assert_string_equal(model_file_kind_names[kind], kinds[i].kind_name);
        assert_true(str_equal(model_file_name(kind), str_of(kinds[i].name)));
        assert_true(str_equal(model_file_content_type(kind), str_of(kinds[i].content_type)));
        assert_int_equal(model_file_kind_of(str_of(kinds[i].name)), kind);
        assert_true(model_file_name(kind).len <= field_named(&model_file_table, "name")->max_len);
        assert_true(model_file_content_type(kind).len <=
                    field_named(&model_file_table, "content_type")->max_len);
    }
    assert_true(str_equal(model_file_name(MODEL_FILE_NONE), STR("")));
    assert_int_equal(model_file_kind_of(STR("scene.txt")), MODEL_FILE_NONE);
    assert_int_equal(model_file_kind_of(STR("")), MODEL_FILE_NONE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_table),
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_kinds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
