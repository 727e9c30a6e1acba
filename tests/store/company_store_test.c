// The contract of store/company_store.h, on every engine.
#include "support/store_fixture.h"

#include "store/company_store.h"

static const struct company full = {
    .company_id = 7,
    .file_retention = RETENTION_DAYS,
    .file_days = {.value = 30, .set = true},
    .file_quota = {.value = INT64_C(10000000000), .set = true},
    .attribution = STR_INIT("Imagery \xC2\xA9 somebody"),
    .updated_at = {.value = STORE_T0_US, .set = true},
};

static struct company change(struct store_fixture *f, const struct company_edit *edit)
{
    struct company company = {0};
    struct sql_op *op = store_write(f);
    company_store_change(op, edit, &company);
    store_run(f, op);
    return company;
}

static struct company get(struct store_fixture *f, int64_t company_id)
{
    struct company company = {0};
    struct sql_op *op = store_read(f);
    company_store_get(op, company_id, &company);
    store_run(f, op);
    return company;
}

static void assert_same(const struct company *got, const struct company *want)
{
    for (size_t i = 0; i < company_table.count; i++) {
        if (!field_equal(&company_table.fields[i], got, want))
            fail_msg("%s differs", company_table.fields[i].name);
    }
}

static void test_get(void **state)
{
    struct store_fixture *f = *state;
    struct company got = get(f, 7);
    assert_same(&got, &(struct company){.company_id = 7});
    const struct company_edit edit = {full, true, true, true};
    got = change(f, &edit);
    assert_same(&got, &full);
    got = get(f, 7);
    assert_same(&got, &full);
    got = get(f, 8);
    assert_same(&got, &(struct company){.company_id = 8});
}

// What is not named stays; what is named as null is cleared.
static void test_change(void **state)
{
    struct store_fixture *f = *state;
    const struct company none = {.company_id = 7, .updated_at = OPT_I64(STORE_T0_US + 5)};
    for (unsigned sets = 0; sets < 8; sets++) {
        (void)change(f, &(struct company_edit){full, true, true, true});
        const struct company_edit edit = {none, (sets & 1) != 0, (sets & 2) != 0, (sets & 4) != 0};
        struct company want = full;
        want.updated_at = none.updated_at;
        if (edit.sets_retention) {
            want.file_retention = RETENTION_NONE;
            want.file_days = (struct opt_i64){0};
        }
        if (edit.sets_quota)
            want.file_quota = (struct opt_i64){0};
        if (edit.sets_attribution)
            want.attribution = STR_NULL;
        struct company got = change(f, &edit);
        assert_same(&got, &want);
        got = get(f, 7);
        assert_same(&got, &want);
    }
}

static void test_get_of_project(void **state)
{
    struct store_fixture *f = *state;
    struct order order = store_get_order(f, store_add_order(f, store_add_lead(f, 7), STORE_T0_US));
    store_exec(f, "UPDATE sunlead_orders SET project_id = 123");
    static const int64_t projects[] = {123, 124};
    for (size_t i = 0; i < COUNT_OF(projects); i++) {
        struct company company = {.company_id = 1};
        struct sql_op *op = store_read(f);
        company_store_get_of_project(op, projects[i], &company);
        store_run(f, op);
        assert_same(&company, &(struct company){.company_id = i == 0 ? order.company_id : 0});
    }
    struct company said = full;
    said.company_id = order.company_id;
    (void)change(f, &(struct company_edit){said, true, true, true});
    struct company company = {0};
    struct sql_op *op = store_read(f);
    company_store_get_of_project(op, 123, &company);
    store_run(f, op);
    assert_same(&company, &said);
}

static void test_usage(void **state)
{
    struct store_fixture *f = *state;
    store_exec(f, "INSERT INTO sunlead_files (project_id, company_id, name, kind, state, size) "
                  "VALUES (1, 7, 'a', 'obj', 'stored', 5000000000), "
                  "(1, 7, 'b', 'ply', 'stored', 20), (1, 7, 'c', 'jpg', 'pending', 9), "
                  "(1, 7, 'd', 'mtl', 'removed', NULL), (2, 8, 'a', 'obj', 'stored', 3)");
    static const struct {
        int64_t company_id;
        int64_t files;
        int64_t bytes;
    } rows[] = {{7, 2, INT64_C(5000000020)}, {8, 1, 3}, {9, 0, 0}};
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct file_usage usage = {.files = 77};
        struct sql_op *op = store_read(f);
        company_store_usage(op, rows[i].company_id, &usage);
        store_run(f, op);
        assert_int_equal(usage.files, rows[i].files);
        assert_int_equal(usage.bytes, rows[i].bytes);
    }
}

static int64_t usage_if_bounded(struct store_fixture *f, int64_t default_quota)
{
    int64_t bytes = 77;
    struct sql_op *op = store_read(f);
    company_store_usage_if_bounded(op, 7, default_quota, &bytes);
    store_run(f, op);
    return bytes;
}

static void test_usage_if_bounded(void **state)
{
    struct store_fixture *f = *state;
    store_exec(f, "INSERT INTO sunlead_files (project_id, company_id, name, kind, state, size) "
                  "VALUES (1, 7, 'a', 'obj', 'stored', 5000000000)");
    assert_int_equal(usage_if_bounded(f, 0), 0);
    assert_int_equal(usage_if_bounded(f, 1), INT64_C(5000000000));
    struct company own = {.company_id = 7, .file_quota = OPT_I64(0), .updated_at = OPT_I64(1)};
    (void)change(f, &(struct company_edit){own, false, true, false});
    assert_int_equal(usage_if_bounded(f, 1), 0);
    own.file_quota = OPT_I64(1);
    (void)change(f, &(struct company_edit){own, false, true, false});
    assert_int_equal(usage_if_bounded(f, 0), INT64_C(5000000000));
}

#define TEST(name)                                                                                 \
    cmocka_unit_test_setup_teardown(name, store_fixture_setup, store_fixture_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_get),   TEST(test_change),           TEST(test_get_of_project),
        TEST(test_usage), TEST(test_usage_if_bounded),
    };
    return store_fixture_run_suite_pooled("company_store", tests, COUNT_OF(tests));
}
