// The contract of store/file_store.h, on every engine.
#include "support/store_fixture.h"

#include "store/file_store.h"
#include "store/loose_store.h"

static const char hash_a[] = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
static const char hash_b[] = "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb";

static struct model_file file_of(int64_t project_id, enum model_file_kind kind,
                                 enum model_file_state state)
{
    struct model_file file = {
        .project_id = project_id,
        .name = model_file_name(kind),
        .kind = kind,
        .state = state,
        .content_type = model_file_content_type(kind),
        .updated_at = OPT_I64(STORE_T0_US),
    };
    if (state == MODEL_FILE_STORED) {
        file.size = OPT_I64(INT64_C(5000000000));
        file.sha256 = str_of(hash_a);
    } else {
        file.error = STR("it did not come");
    }
    return file;
}

static void put(struct store_fixture *f, struct model_file file)
{
    struct sql_op *op = store_write(f);
    if (file.state == MODEL_FILE_STORED)
        loose_store_add(op, file.sha256, STORE_T0_US);
    file_store_put(op, &file, file.updated_at.value);
    store_run(f, op);
}

static size_t list(struct store_fixture *f, int64_t project_id, struct model_file *files,
                   size_t max)
{
    struct row_list list = {
        .arena = f->arena, .table = &model_file_table, .objects = files, .max = max};
    struct sql_op *op = store_read(f);
    file_store_list(op, project_id, &list);
    store_run(f, op);
    return list.count;
}

static void assert_same_file(const struct model_file *got, const struct model_file *want)
{
    for (size_t i = 0; i < model_file_table.count; i++) {
        if (!field_equal(&model_file_table.fields[i], got, want))
            fail_msg("%s differs", model_file_table.fields[i].name);
    }
}

static void test_put_and_get(void **state)
{
    struct store_fixture *f = *state;
    struct model_file want = file_of(5, MODEL_FILE_OBJ, MODEL_FILE_STORED);
    put(f, want);
    struct model_file got = {0};
    struct sql_op *op = store_read(f);
    file_store_get(op, 5, STR("scene.obj"), &got);
    store_run(f, op);
    assert_same_file(&got, &want);
}

static void test_put_of_what_may_be_gone(void **state)
{
    struct store_fixture *f = *state;
    const struct model_file file = file_of(5, MODEL_FILE_OBJ, MODEL_FILE_STORED);
    struct sql_op *op = store_write(f);
    file_store_put(op, &file, file.updated_at.value);
    store_fails(f, op, ERR_STALE);
    struct model_file got[2] = {0};
    assert_int_equal(list(f, 5, got, 2), 0);
}

static void test_get_of_others(void **state)
{
    struct store_fixture *f = *state;
    put(f, file_of(5, MODEL_FILE_OBJ, MODEL_FILE_STORED));
    put(f, file_of(5, MODEL_FILE_PLY, MODEL_FILE_MISSING));
    static const struct {
        int64_t project_id;
        const char *name;
    } none[] = {{6, "scene.obj"}, {5, "scene.ply"}, {5, "scene.mtl"}, {5, ""}, {5, "SCENE.OBJ"}};
    for (size_t i = 0; i < COUNT_OF(none); i++) {
        struct model_file got = {0};
        struct sql_op *op = store_read(f);
        file_store_get(op, none[i].project_id, str_of(none[i].name), &got);
        store_fails(f, op, ERR_NOT_FOUND);
        assert_int_equal(got.kind, MODEL_FILE_NONE);
    }
}

// By content and name: any project's will do.
static void test_find(void **state)
{
    struct store_fixture *f = *state;
    put(f, file_of(5, MODEL_FILE_OBJ, MODEL_FILE_STORED));
    put(f, file_of(6, MODEL_FILE_OBJ, MODEL_FILE_STORED));
    struct model_file removed = file_of(7, MODEL_FILE_OBJ, MODEL_FILE_REMOVED);
    removed.sha256 = str_of(hash_b);
    put(f, removed);
    static const struct {
        const char *sha256;
        const char *name;
        bool found;
    } rows[] = {
        {hash_a, "scene.obj", true},  {hash_a, "scene.ply", false}, {hash_a, "", false},
        {hash_b, "scene.obj", false}, {"", "scene.obj", false},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct model_file got = {0};
        struct sql_op *op = store_read(f);
        file_store_find(op, str_of(rows[i].sha256), str_of(rows[i].name), &got);
        if (!rows[i].found) {
            store_fails(f, op, ERR_NOT_FOUND);
            continue;
        }
        store_run(f, op);
        assert_int_equal(got.kind, MODEL_FILE_OBJ);
        assert_true(str_equal(got.sha256, str_of(hash_a)));
    }
}

// What is left when a file's row is put a second time.
struct put_row {
    enum model_file_state first;
    enum model_file_state second;
    bool replaced;
};

static void test_put_again(void **state)
{
    static const struct put_row rows[] = {
        {MODEL_FILE_PENDING, MODEL_FILE_MISSING, true},
        {MODEL_FILE_MISSING, MODEL_FILE_PENDING, true},
        {MODEL_FILE_FAILED, MODEL_FILE_STORED, true},
        {MODEL_FILE_MISSING, MODEL_FILE_STORED, true},
        {MODEL_FILE_STORED, MODEL_FILE_STORED, true},
        {MODEL_FILE_STORED, MODEL_FILE_PENDING, false},
        {MODEL_FILE_STORED, MODEL_FILE_MISSING, false},
        {MODEL_FILE_STORED, MODEL_FILE_FAILED, false},
        {MODEL_FILE_STORED, MODEL_FILE_REMOVED, false},
        {MODEL_FILE_REMOVED, MODEL_FILE_PENDING, false},
        {MODEL_FILE_REMOVED, MODEL_FILE_FAILED, false},
        {MODEL_FILE_REMOTE, MODEL_FILE_FAILED, false},
        {MODEL_FILE_REMOTE, MODEL_FILE_REMOVED, true},
        {MODEL_FILE_REMOVED, MODEL_FILE_STORED, true},
        {MODEL_FILE_PENDING, MODEL_FILE_REMOTE, true},
    };
    struct store_fixture *f = *state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        int64_t project_id = 100 + (int64_t)i;
        struct model_file first = file_of(project_id, MODEL_FILE_JPG, rows[i].first);
        struct model_file second = file_of(project_id, MODEL_FILE_JPG, rows[i].second);
        second.updated_at = OPT_I64(STORE_T0_US + 1);
        if (second.sha256.ptr != NULL)
            second.sha256 = str_of(hash_b);
        put(f, first);
        put(f, second);
        struct model_file got[2] = {0};
        assert_int_equal(list(f, project_id, got, 2), 1);
        assert_same_file(&got[0], rows[i].replaced ? &second : &first);
    }
}

static void test_list(void **state)
{
    struct store_fixture *f = *state;
    struct model_file files[MODEL_FILE_KIND_COUNT] = {0};
    assert_int_equal(list(f, 5, files, COUNT_OF(files)), 0);
    put(f, file_of(5, MODEL_FILE_PLY, MODEL_FILE_STORED));
    put(f, file_of(5, MODEL_FILE_JPG, MODEL_FILE_MISSING));
    put(f, file_of(5, MODEL_FILE_MTL, MODEL_FILE_PENDING));
    put(f, file_of(6, MODEL_FILE_OBJ, MODEL_FILE_STORED));
    assert_int_equal(list(f, 5, files, COUNT_OF(files)), 3);
    assert_true(str_equal(files[0].name, STR("scene.jpg")));
    assert_true(str_equal(files[1].name, STR("scene.mtl")));
    assert_true(str_equal(files[2].name, STR("scene.ply")));
    assert_true(str_equal(files[0].error, STR("it did not come")));
    assert_int_equal(files[2].size.value, INT64_C(5000000000));
    assert_int_equal(list(f, 5, files, 2), 2); // rows over max are dropped
}

#define TEST(name)                                                                                 \
    cmocka_unit_test_setup_teardown(name, store_fixture_setup, store_fixture_teardown)

static void test_await_and_give_up(void **state)
{
    // What is stored stays; what was awaited in vain fails, but for originals.
    struct store_fixture *f = *state;
    put(f, file_of(5, MODEL_FILE_WEB, MODEL_FILE_STORED));
    put(f, file_of(5, MODEL_FILE_AR, MODEL_FILE_FAILED));
    put(f, file_of(5, MODEL_FILE_OBJ, MODEL_FILE_PENDING));
    const struct model_file wanted[] = {file_of(5, MODEL_FILE_WEB, MODEL_FILE_PENDING),
                                        file_of(5, MODEL_FILE_AR, MODEL_FILE_PENDING),
                                        file_of(5, MODEL_FILE_HD, MODEL_FILE_PENDING)};
    struct sql_op *op = store_write(f);
    file_store_await(op, wanted, COUNT_OF(wanted));
    store_run(f, op);
    struct model_file files[8] = {0};
    static const enum model_file_state awaited[] = {MODEL_FILE_PENDING, MODEL_FILE_PENDING,
                                                    MODEL_FILE_PENDING, MODEL_FILE_STORED};
    assert_int_equal(list(f, 5, files, COUNT_OF(files)), COUNT_OF(awaited));
    for (size_t i = 0; i < COUNT_OF(awaited); i++) // ar.glb, hd.glb, scene.obj, web.glb
        assert_int_equal(files[i].state, awaited[i]);
    assert_null(files[0].error.ptr);
    assert_true(str_equal(files[1].content_type, STR("model/gltf-binary")));
    op = store_write(f);
    file_store_give_up(op, 5, STR("called off"), STORE_T0_US);
    store_run(f, op);
    static const enum model_file_state given_up[] = {MODEL_FILE_FAILED, MODEL_FILE_FAILED,
                                                     MODEL_FILE_PENDING, MODEL_FILE_STORED};
    assert_int_equal(list(f, 5, files, COUNT_OF(files)), COUNT_OF(given_up));
    for (size_t i = 0; i < COUNT_OF(given_up); i++)
        assert_int_equal(files[i].state, given_up[i]);
    assert_true(str_equal(files[1].error, STR("called off")));
    assert_true(str_equal(files[2].error, STR("it did not come"))); // an original's
    assert_true(str_equal(files[3].error, STR("called off")));
    put(f, file_of(5, MODEL_FILE_WEB, MODEL_FILE_STORED));
    assert_int_equal(list(f, 5, files, COUNT_OF(files)), COUNT_OF(given_up));
    assert_null(files[3].error.ptr);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_put_and_get),       TEST(test_put_of_what_may_be_gone),
        TEST(test_get_of_others),     TEST(test_find),
        TEST(test_put_again),         TEST(test_list),
        TEST(test_await_and_give_up),
    };
    return store_fixture_run_suite_pooled("file_store", tests, COUNT_OF(tests));
}
