// The tables of a copy are those that the database has, on every engine.
#include "support/store_fixture.h"

#include "store/copy_store.h"

#define NAMES_MAX 100

struct names {
    struct arena *arena;
    size_t count;
    struct str list[NAMES_MAX];
};

static void keep_name(void *ctx, const struct sql_row *row)
{
    struct names *names = ctx;
    assert_true(names->count < NAMES_MAX);
    names->list[names->count++] = arena_str(names->arena, sql_row_str(row, 0));
}

static struct names read_names(struct store_fixture *f, const struct sql_stmt *stmt)
{
    struct names names = {.arena = f->arena};
    struct sql_op *op = store_read(f);
    struct sql_step *step = sql_op_step(op, stmt, 0, NULL);
    step->on_row = keep_name;
    step->ctx = &names;
    store_run(f, op);
    return names;
}

static bool has_name(const struct names *names, const char *name)
{
    for (size_t i = 0; i < names->count; i++) {
        if (str_equal(names->list[i], str_of(name)))
            return true;
    }
    return false;
}

// A table that a migration makes is copied, or kept by triggers and compared by its view. What is
// known of the way to LightFusion is of the moment.
static void test_all_tables(void **state)
{
    static const struct sql_stmt stmt = {
        .name = "tables",
        .text = "SELECT table_name FROM information_schema.tables "
                "WHERE table_schema = current_schema() "
                "AND table_name NOT IN ('sunlead_migrations', 'sunlead_lead_counts', "
                "'sunlead_upstreams')",
        .sqlite = "SELECT name FROM sqlite_schema WHERE type IN ('table', 'view') "
                  "AND name NOT IN ('sunlead_migrations', 'sunlead_lead_counts', "
                  "'sunlead_upstreams', 'sqlite_sequence')",
    };
    struct names tables = read_names(*state, &stmt);
    assert_int_equal(tables.count, copy_table_count);
    for (size_t i = 0; i < copy_table_count; i++)
        assert_true(has_name(&tables, copy_tables[i].name));
}

// A column that a migration makes is copied.
static void test_all_columns(void **state)
{
    struct store_fixture *f = *state;
    for (size_t i = 0; i < copy_table_count; i++) {
        struct copy_part *part = arena_new(f->arena, struct copy_part, 1);
        copy_part_init(part, &copy_tables[i], f->arena);
        struct names names = read_names(f, &part->names);
        assert_int_equal(names.count, part->columns.count);
        for (size_t column = 0; column < part->columns.count; column++)
            assert_true(has_name(&names, part->columns.list[column].name));
    }
}

// The key that pages go by is the table's own.
static void test_keys(void **state)
{
    struct store_fixture *f = *state;
    static const char *const keys[] = {"id",
                                       "id",
                                       "project_id, name",
                                       "sha256",
                                       "company_id",
                                       "id",
                                       "id",
                                       "source",
                                       "id",
                                       "id",
                                       "id",
                                       "kind",
                                       "company_id, has_3d_model"};
    assert_int_equal(COUNT_OF(keys), copy_table_count);
    for (size_t i = 0; i < copy_table_count; i++) {
        size_t count;
        const struct copy_column *columns = copy_table_columns(&copy_tables[i], f->arena, &count);
        struct buf text;
        buf_init_arena(&text, f->arena, 1000);
        for (size_t column = 0; column < copy_tables[i].key_count; column++)
            buf_printf(&text, "%s%s", column > 0 ? ", " : "", columns[column].name);
        assert_string_equal(buf_cstr(&text), keys[i]);
    }
}

static void test_no_mark(void **state)
{
    bool has_mark = false;
    struct sql_op *op = store_read(*state);
    copy_store_has_mark(op, &has_mark);
    store_run(*state, op);
    assert_false(has_mark);
}

int main(void)
{
#define TEST(test)                                                                                 \
    cmocka_unit_test_setup_teardown(test, store_fixture_setup, store_fixture_teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_all_tables),
        TEST(test_all_columns),
        TEST(test_keys),
        TEST(test_no_mark),
    };
    return store_fixture_run_suite("copy_store", tests, COUNT_OF(tests));
}
