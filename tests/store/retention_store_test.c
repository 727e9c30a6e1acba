// The contract of store/retention_store.h, on every engine.
#include "support/store_fixture.h"

#include <stdio.h>

#include "store/company_store.h"
#include "store/retention_store.h"

#define T0  STORE_T0_US
#define DAY INT64_C(86400000000)

// A project with an order of a company's lead; its number is the lead's.
static int64_t add_project(struct store_fixture *f, int64_t company_id)
{
    int64_t lead_id = store_add_lead(f, company_id);
    int64_t order_id = store_add_order(f, lead_id, T0);
    store_exec(f, arena_printf(f->arena,
                               "UPDATE sunlead_orders SET state = 'completed', files = 'done', "
                               "project_id = %lld WHERE id = %lld",
                               (long long)lead_id, (long long)order_id)
                      .ptr);
    return lead_id;
}

// Stored some days after T0, by the engine's own words for times.
static void add_file(struct store_fixture *f, int64_t project_id, const char *kind, int64_t day)
{
    struct sql_op *op = store_write(f);
    static const struct sql_stmt stmt = {
        .name = "test_add_file",
        .text = "INSERT INTO sunlead_files (project_id, company_id, name, kind, state, size, "
                "sha256, updated_at) SELECT $1, company_id, $2, $2, 'stored', 5, $3, $4 "
                "FROM sunlead_orders WHERE project_id = $1",
    };
    SQL_STEP(op, &stmt, SQLV_INT(project_id), SQLV_TEXT(str_of(kind)),
             SQLV_TEXT(arena_printf(f->arena, "%lld%s", (long long)project_id, kind)),
             SQLV_TIME(T0 + day * DAY));
    store_run(f, op);
}

static void say(struct store_fixture *f, int64_t company_id, enum file_retention retention,
                int64_t days)
{
    struct company_edit edit = {.sets_retention = true};
    struct company company;
    edit.values = (struct company){
        .company_id = company_id, .file_retention = retention, .updated_at = OPT_I64(T0)};
    if (retention == RETENTION_DAYS)
        edit.values.file_days = OPT_I64(days);
    struct sql_op *op = store_write(f);
    company_store_change(op, &edit, &company);
    store_run(f, op);
}

static const struct file_policy keep = {.retention = RETENTION_KEEP};
static const struct file_policy stream = {.retention = RETENTION_STREAM};
static const struct file_policy days10 = {.retention = RETENTION_DAYS, .days = 10};

static struct retention_portion due(struct store_fixture *f, const struct file_policy *settings,
                                    int64_t now_us)
{
    struct retention_portion portion;
    const struct retention_rule rule = {now_us, settings};
    struct sql_op *op = store_read(f);
    retention_store_due(op, &rule, &portion);
    store_run(f, op);
    return portion;
}

// Removes what is due of all projects, whether it was read or not; how many files are left.
static int64_t remove_all(struct store_fixture *f, const struct file_policy *settings,
                          int64_t now_us)
{
    const struct retention_rule rule = {now_us, settings};
    struct sql_op *op = store_write(f);
    retention_store_remove(op, &rule, STR("[1,2,3,4,5,6,7,8]"));
    store_run(f, op);
    return store_i64(f, "SELECT count(*) FROM sunlead_files WHERE state = 'stored'");
}

static void test_rules(void **state)
{
    // A file of day 0, and what the settings and the company itself say.
    static const struct {
        const struct file_policy *settings;
        enum file_retention own;
        int64_t own_days;
        int64_t day; // of the look
        bool due;
    } rows[] = {
        {&keep, RETENTION_NONE, 0, 36500, false},   {&days10, RETENTION_NONE, 0, 10, false},
        {&days10, RETENTION_NONE, 0, 11, true},     {&stream, RETENTION_NONE, 0, 1, true},
        {&keep, RETENTION_DAYS, 5, 5, false},       {&keep, RETENTION_DAYS, 5, 6, true},
        {&keep, RETENTION_STREAM, 0, 0, true},      {&days10, RETENTION_KEEP, 0, 36500, false},
        {&stream, RETENTION_KEEP, 0, 36500, false}, {&stream, RETENTION_DAYS, 20, 20, false},
        {&days10, RETENTION_DAYS, 20, 15, false},   {&days10, RETENTION_DAYS, 20, 21, true},
    };
    struct store_fixture *f = *state;
    assert_int_equal(add_project(f, 1), 1);
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        store_exec(f, "DELETE FROM sunlead_files");
        add_file(f, 1, "obj", 0);
        say(f, 1, rows[i].own, rows[i].own_days);
        int64_t now_us = T0 + rows[i].day * DAY;
        struct retention_portion portion = due(f, rows[i].settings, now_us);
        if (portion.count != (rows[i].due ? 1 : 0))
            fail_msg("row %zu: %zu are due", i, portion.count);
        if (remove_all(f, rows[i].settings, now_us) != (rows[i].due ? 0 : 1))
            fail_msg("row %zu: removed or not", i);
    }
}

// A model goes as a whole, when the newest of its originals is old enough.
static void test_a_model_as_a_whole(void **state)
{
    struct store_fixture *f = *state;
    assert_int_equal(add_project(f, 1), 1);
    add_file(f, 1, "obj", 0);
    add_file(f, 1, "jpg", 2);
    add_file(f, 1, "web", 9);
    store_exec(f, "UPDATE sunlead_files SET data = '{}' WHERE kind = 'web'");
    assert_int_equal(due(f, &days10, T0 + 12 * DAY).count, 0);
    assert_int_equal(remove_all(f, &days10, T0 + 12 * DAY), 3);
    assert_int_equal(due(f, &days10, T0 + 13 * DAY).count, 1);
    assert_int_equal(remove_all(f, &days10, T0 + 13 * DAY), 0);
    assert_int_equal(store_i64(f, "SELECT count(*) FROM sunlead_files WHERE state = 'removed' "
                                  "AND sha256 IS NULL AND size IS NULL AND data IS NULL "
                                  "AND error IS NOT NULL"),
                     3);
    assert_int_equal(store_i64(f, "SELECT count(*) FROM sunlead_loose_files"), 3);
    assert_string_equal(store_text(f, "SELECT files FROM sunlead_orders"), "removed");
    assert_int_equal(due(f, &days10, T0 + 14 * DAY).count, 0);
    // What was made of originals that are gone is as old as itself.
    add_file(f, 1, "hd", 13);
    assert_int_equal(due(f, &days10, T0 + 23 * DAY).count, 0);
    assert_int_equal(due(f, &days10, T0 + 24 * DAY).count, 1);
}

static struct retention_portion orphans(struct store_fixture *f)
{
    struct retention_portion portion = {0};
    struct sql_op *op = store_read(f);
    retention_store_orphans(op, &portion);
    store_run(f, op);
    return portion;
}

static void test_a_lead_that_is_gone(void **state)
{
    struct store_fixture *f = *state;
    assert_int_equal(add_project(f, 1), 1);
    assert_int_equal(add_project(f, 1), 2);
    add_file(f, 1, "obj", 0);
    add_file(f, 1, "web", 0);
    add_file(f, 2, "obj", 0);
    assert_int_equal(orphans(f).count, 0);
    assert_int_equal(remove_all(f, &keep, T0), 3);
    store_exec(f, "DELETE FROM leads WHERE id = 1");
    struct retention_portion portion = orphans(f);
    assert_int_equal(portion.count, 1);
    assert_int_equal(portion.project_ids[0], 1);
    assert_int_equal(remove_all(f, &keep, T0), 1);
    assert_int_equal(orphans(f).count, 0);
}

static void test_portions_and_others(void **state)
{
    struct store_fixture *f = *state;
    say(f, 7, RETENTION_STREAM, 0);
    for (int i = 0; i < RETENTION_PORTION + 3; i++)
        store_exec(f, arena_printf(f->arena,
                                   "INSERT INTO sunlead_files (project_id, company_id, name, kind, "
                                   "state, sha256) VALUES (%d, 7, 'scene.obj', 'obj', 'stored', "
                                   "'x')",
                                   1000 + i)
                          .ptr);
    assert_int_equal(due(f, &keep, T0).count, RETENTION_PORTION);
    // Of those that were read, none goes whose company changed its mind.
    say(f, 7, RETENTION_KEEP, 0);
    const struct retention_rule rule = {T0, &keep};
    struct sql_op *op = store_write(f);
    retention_store_remove(op, &rule, STR("[1000,1001]"));
    store_run(f, op);
    assert_int_equal(op->steps[0].rows, 0);
}

static void test_restore(void **state)
{
    struct store_fixture *f = *state;
    assert_int_equal(add_project(f, 1), 1);
    add_file(f, 1, "obj", 0);
    add_file(f, 1, "jpg", 0);
    add_file(f, 1, "web", 0);
    assert_int_equal(remove_all(f, &stream, T0), 0);
    store_exec(f, "UPDATE sunlead_files SET state = 'remote' WHERE kind = 'jpg'");
    struct sql_op *op = store_write(f);
    retention_store_restore(op, 1, T0);
    store_run(f, op);
    assert_int_equal(store_i64(f, "SELECT count(*) FROM sunlead_files WHERE state = 'pending' "
                                  "AND error IS NULL AND kind IN ('obj', 'jpg')"),
                     2);
    assert_int_equal(store_i64(f, "SELECT count(*) FROM sunlead_files WHERE state = 'removed'"), 1);
    assert_string_equal(store_text(f, "SELECT files FROM sunlead_orders"), "pending");
}

#define TEST(name)                                                                                 \
    cmocka_unit_test_setup_teardown(name, store_fixture_setup, store_fixture_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_rules),
        TEST(test_a_model_as_a_whole),
        TEST(test_a_lead_that_is_gone),
        TEST(test_portions_and_others),
        TEST(test_restore),
    };
    return store_fixture_run_suite("retention_store", tests, COUNT_OF(tests));
}
