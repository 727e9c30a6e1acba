// The contract of store/lead_store.h, on every engine.
#include "support/store_fixture.h"

#include <stdio.h>

#include "store/lead_store.h"
#include "store/order_store.h"

#define BIG       INT64_C(9007199254740991) // 2^53 - 1, the largest id
#define MODEL_BIG INT64_C(2147483647)       // of the columns that the specification makes INTEGER

static int64_t insert(struct store_fixture *f, struct lead lead)
{
    struct sql_op *op = store_write(f);
    lead_store_insert(op, &lead, &store_lead_created);
    store_run(f, op);
    assert_true(lead.id > 0);
    return lead.id;
}

static void assert_same_lead(const struct lead *got, const struct lead *want)
{
    for (size_t i = 0; i < lead_table.count; i++) {
        if (!field_equal(&lead_table.fields[i], got, want))
            fail_msg("%s differs", lead_table.fields[i].name);
    }
}

static void test_insert_and_get(void **state)
{
    struct store_fixture *f = *state;
    struct lead lead = {
        .company_id = BIG,
        .creator_id = BIG,
        .latitude = -89.123456789012,
        .longitude = 179.987654321098,
        .address = STR("123 Solar St, \xC3\xA9\xF0\x9F\x8C\x9E'\"; --"),
        .source = 2,
        .kwh_usage = OPT_F64(10800.25),
        .system_size = OPT_F64(0),
        .panel_count = OPT_I64(0),
        .annual_production = OPT_F64(1e-9),
        .state = 3,
        .promo_code = STR(""),
        .is_2d = true,
        .external_lead_id = STR("x"),
        .sync_status = LEAD_SYNC_SYNCING,
        .last_synced_at = OPT_I64(STORE_T0_US + 1),
        .panel_id = OPT_I64(BIG),
        .inverter_id = OPT_I64(1),
        .utility_id = OPT_I64(2),
        .roof_material = STR("slate"),
        .installation_date = OPT_I64(-1),
        .lightfusion_3d_project_id = OPT_I64(MODEL_BIG),
        .lightfusion_3d_house_id = OPT_I64(MODEL_BIG - 1),
        .model_3d_status = MODEL_COMPLETED,
        .model_3d_created_at = OPT_I64(STORE_T0_US),
        .model_3d_completed_at = OPT_I64(STORE_T0_US + 999999),
        .created_at = OPT_I64(STORE_T0_US),
        .updated_at = OPT_I64(STORE_T0_US + 5),
    };
    lead.id = insert(f, lead);
    struct lead got = store_get_lead(f, lead.id);
    lead.has_3d_model = true;
    assert_same_lead(&got, &lead);
}

static void test_insert_with_nulls(void **state)
{
    struct store_fixture *f = *state;
    struct lead lead = store_new_lead(1);
    lead.id = insert(f, lead);
    struct lead got = store_get_lead(f, lead.id);
    assert_same_lead(&got, &lead);
    assert_null(got.address.ptr);
    assert_null(got.promo_code.ptr);
    assert_false(got.kwh_usage.set);
    assert_int_equal(got.sync_status, LEAD_SYNC_NONE);
    assert_int_equal(got.model_3d_status, MODEL_NONE);
    assert_false(got.has_3d_model);
}

static void test_id_is_never_given_twice(void **state)
{
    struct store_fixture *f = *state;
    int64_t first = store_add_lead(f, 1);
    struct sql_op *op = store_write(f);
    lead_store_delete(op, first);
    store_run(f, op);
    assert_true(store_add_lead(f, 1) > first);
}

static void test_insert_given_id(void **state)
{
    // The database gives the id, whatever the struct holds.
    struct store_fixture *f = *state;
    struct lead lead = store_new_lead(1);
    lead.id = 777777;
    int64_t id = insert(f, lead);
    assert_true(id > 0 && id != 777777);
}

static void test_get_none(void **state)
{
    struct store_fixture *f = *state;
    struct lead lead = {0};
    struct sql_op *op = store_read(f);
    lead_store_get(op, BIG, ERR_NOT_FOUND, &lead);
    store_fails(f, op, ERR_NOT_FOUND);
    assert_string_equal(op->error.message, "There is no such lead.");
    op = store_read(f);
    lead_store_get(op, BIG, ERR_OK, &lead);
    store_run(f, op);
    assert_int_equal(lead.id, 0);
}

static void test_get_of_order(void **state)
{
    struct store_fixture *f = *state;
    int64_t id = store_add_lead(f, 1);
    int64_t order_id = store_add_order(f, id, STORE_T0_US);
    struct lead lead = {0};
    struct sql_op *op = store_read(f);
    lead_store_get_of_order(op, order_id, &lead);
    store_run(f, op);
    assert_int_equal(lead.id, id);

    struct sql_op *gone = store_write(f);
    lead_store_delete(gone, id);
    store_run(f, gone);
    lead = (struct lead){0};
    op = store_read(f);
    lead_store_get_of_order(op, order_id, &lead);
    store_run(f, op);
    assert_int_equal(lead.id, 0);
}

// ---- Lists.

static struct lead_page list(struct store_fixture *f, struct lead_filter filter)
{
    struct lead_page page = {0};
    struct sql_op *op = store_read(f);
    lead_store_list(op, &filter, &page);
    store_run(f, op);
    return page;
}

// 1..10 belong to company 1 if odd, else 2; those divisible by 3 have a project. Returns their ids.
static void fill(struct store_fixture *f, int64_t ids[11])
{
    for (int i = 1; i <= 10; i++) {
        struct lead lead = store_new_lead(i % 2 == 1 ? 1 : 2);
        if (i % 3 == 0) {
            lead.lightfusion_3d_project_id = OPT_I64(100 + i);
            lead.lightfusion_3d_house_id = OPT_I64(200 + i);
        }
        ids[i] = insert(f, lead);
    }
}

struct list_row {
    int64_t company; // 0: any
    enum lead_filter_3d filter;
    int64_t limit;
    int64_t offset;
    int64_t total;
    int want[11]; // numbers of fill(), ended by 0
};

static const struct list_row list_rows[] = {
    {0, LEAD_ANY_3D, 100, 0, 10, {10, 9, 8, 7, 6, 5, 4, 3, 2, 1}},
    {0, LEAD_ANY_3D, 3, 0, 10, {10, 9, 8}},
    {0, LEAD_ANY_3D, 3, 9, 10, {1}},
    {0, LEAD_ANY_3D, 3, 10, 10, {0}},
    {0, LEAD_ANY_3D, 1, 1000000000000, 10, {0}},
    {0, LEAD_WITH_3D, 100, 0, 3, {9, 6, 3}},
    {0, LEAD_WITH_3D, 1, 1, 3, {6}},
    {0, LEAD_WITHOUT_3D, 100, 0, 7, {10, 8, 7, 5, 4, 2, 1}},
    {0, LEAD_WITHOUT_3D, 2, 2, 7, {7, 5}},
    {1, LEAD_ANY_3D, 100, 0, 5, {9, 7, 5, 3, 1}},
    {1, LEAD_ANY_3D, 2, 2, 5, {5, 3}},
    {1, LEAD_WITH_3D, 100, 0, 2, {9, 3}},
    {1, LEAD_WITHOUT_3D, 100, 0, 3, {7, 5, 1}},
    {2, LEAD_WITH_3D, 100, 0, 1, {6}},
    {2, LEAD_WITHOUT_3D, 100, 0, 4, {10, 8, 4, 2}},
    {3, LEAD_ANY_3D, 100, 0, 0, {0}},
    {BIG, LEAD_WITH_3D, 100, 0, 0, {0}},
};

static void test_list(void **state)
{
    struct store_fixture *f = *state;
    int64_t ids[11];
    fill(f, ids);
    for (size_t i = 0; i < COUNT_OF(list_rows); i++) {
        const struct list_row *row = &list_rows[i];
        struct lead_filter filter = {
            .has_3d_model = row->filter, .limit = row->limit, .offset = row->offset};
        if (row->company != 0)
            filter.company_id = OPT_I64(row->company);
        struct lead_page page = list(f, filter);
        size_t count = 0;
        while (row->want[count] != 0)
            count++;
        if (page.total != row->total || page.count != count)
            fail_msg("row %zu: %zu of %lld", i, page.count, (long long)page.total);
        for (size_t k = 0; k < count; k++) {
            assert_int_equal(page.leads[k].id, ids[row->want[k]]);
            assert_int_equal(page.leads[k].has_3d_model, row->want[k] % 3 == 0);
        }
    }
}

static void test_list_lane(void **state)
{
    (void)state;
    static const struct {
        enum lead_filter_3d filter;
        int64_t offset;
        enum sql_lane want;
    } rows[] = {
        {LEAD_ANY_3D, 0, SQL_LANE_SHORT},    {LEAD_ANY_3D, 1000, SQL_LANE_SHORT},
        {LEAD_ANY_3D, 1001, SQL_LANE_LONG},  {LEAD_WITH_3D, 0, SQL_LANE_SHORT},
        {LEAD_WITH_3D, 5000, SQL_LANE_LONG}, {LEAD_WITHOUT_3D, 0, SQL_LANE_LONG},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct lead_filter filter = {
            .has_3d_model = rows[i].filter, .limit = 20, .offset = rows[i].offset};
        assert_int_equal(lead_store_list_lane(&filter), rows[i].want);
    }
}

// ---- Counters.

// The totals must be what counting says, in all filters.
static void assert_counters(struct store_fixture *f)
{
    assert_int_equal(store_i64(f, "SELECT count(*) FROM sunlead_lead_totals c WHERE leads <> "
                                  "(SELECT count(*) FROM leads l WHERE l.company_id = c.company_id "
                                  "AND (l.lightfusion_3d_project_id IS NOT NULL) = "
                                  "c.has_3d_model)"),
                     0);
    assert_int_equal(store_i64(f, "SELECT coalesce(sum(leads), 0) FROM sunlead_lead_counts"),
                     store_i64(f, "SELECT count(*) FROM leads"));
}

static uint64_t bit_of(const char *name)
{
    int at = field_find(&lead_table, str_of(name));
    assert_true(at >= 0);
    return UINT64_C(1) << at;
}

// A change that is not run yet; *ret_lead is the lead behind it.
static struct sql_op *change_op(struct store_fixture *f, int64_t id, const struct lead *values,
                                uint64_t seen, struct lead *ret_lead)
{
    struct sql_op *op = store_write(f);
    const struct lead_edit edit = {
        .id = id,
        .values = values,
        .seen = seen,
        .event = {.type = "lead.changed", .op_id = 5, .at_us = STORE_T0_US},
    };
    *ret_lead = (struct lead){0};
    lead_store_change(op, &edit, ret_lead);
    return op;
}

static void change(struct store_fixture *f, int64_t id, const struct lead *values, uint64_t seen)
{
    struct lead changed;
    store_run(f, change_op(f, id, values, seen, &changed));
    struct lead got = store_get_lead(f, id);
    assert_same_lead(&changed, &got);
}

static void test_counters(void **state)
{
    struct store_fixture *f = *state;
    int64_t ids[11];
    fill(f, ids);
    assert_counters(f);
    // Another company: one with a project, one without.
    struct lead moved = {.company_id = 3, .updated_at = OPT_I64(STORE_T0_US)};
    change(f, ids[3], &moved, bit_of("company_id"));
    change(f, ids[5], &moved, bit_of("company_id"));
    change(f, ids[5], &moved, bit_of("company_id")); // to where it is
    assert_counters(f);
    assert_int_equal(list(f, (struct lead_filter){.company_id = OPT_I64(3), .limit = 10}).total, 2);
    // Linked and cut off again.
    struct lead lead = store_get_lead(f, ids[7]);
    int64_t order_id = store_add_order(f, ids[7], STORE_T0_US);
    lead_set_lightfusion_3d_project(&lead, 999, 998);
    for (int i = 0; i < 3; i++) {
        struct sql_op *op = store_write(f);
        lead_store_set_model(op, &lead, order_id);
        store_run(f, op);
        assert_counters(f);
        if (i == 1)
            lead.lightfusion_3d_project_id = (struct opt_i64){0};
    }
    // Deleted, both kinds; a failing operation changes nothing.
    struct sql_op *op = store_write(f);
    lead_store_delete(op, ids[9]);
    lead_store_delete(op, ids[10]);
    store_run(f, op);
    assert_counters(f);
    op = store_write(f);
    lead_store_delete(op, ids[1]);
    lead_store_delete(op, ids[10]);
    store_fails(f, op, ERR_NOT_FOUND);
    assert_counters(f);
    assert_int_equal(list(f, (struct lead_filter){.limit = 10}).total, 8);
}

// ---- Changes.

static void test_change_by_mask(void **state)
{
    struct store_fixture *f = *state;
    struct lead before = store_new_lead(1);
    before.address = STR("old");
    before.kwh_usage = OPT_F64(1);
    before.panel_count = OPT_I64(5);
    before.is_2d = true;
    before.id = insert(f, before);
    struct lead wanted = {
        .company_id = 9,
        .latitude = 1.5,
        .address = STR("new"),
        .kwh_usage = {0}, // null clears
        .panel_id = OPT_I64(BIG),
        .sync_status = LEAD_SYNC_FAILED,
        .is_2d = false,
        .state = 2,
        // Not the client's to set, whatever the mask says.
        .id = 4711,
        .lightfusion_3d_project_id = OPT_I64(1),
        .created_at = OPT_I64(1),
        .updated_at = OPT_I64(STORE_T0_US + 7),
    };
    change(f, before.id, &wanted,
           bit_of("latitude") | bit_of("address") | bit_of("kwh_usage") | bit_of("panel_id") |
               bit_of("sync_status") | bit_of("is_2d") | bit_of("id") | bit_of("created_at") |
               bit_of("lightfusion_3d_project_id") | bit_of("has_3d_model"));
    struct lead want = before;
    want.latitude = 1.5;
    want.address = STR("new");
    want.kwh_usage = (struct opt_f64){0};
    want.panel_id = OPT_I64(BIG);
    want.sync_status = LEAD_SYNC_FAILED;
    want.is_2d = false;
    want.updated_at = OPT_I64(STORE_T0_US + 7);
    struct lead got = store_get_lead(f, before.id);
    assert_same_lead(&got, &want);
}

static void test_change_each_field(void **state)
{
    // Each writable field alone, set and cleared, changes itself and nothing else.
    struct store_fixture *f = *state;
    struct lead full = store_new_lead(7);
    full.id = insert(f, full);
    struct lead other = {
        .company_id = BIG,
        .creator_id = BIG,
        .latitude = -1,
        .longitude = 1,
        .address = STR("a"),
        .source = 1,
        .kwh_usage = OPT_F64(2),
        .system_size = OPT_F64(3),
        .panel_count = OPT_I64(4),
        .annual_production = OPT_F64(5),
        .state = 1,
        .promo_code = STR("p"),
        .is_2d = true,
        .external_lead_id = STR("e"),
        .sync_status = LEAD_SYNC_SYNCED,
        .panel_id = OPT_I64(6),
        .inverter_id = OPT_I64(7),
        .utility_id = OPT_I64(8),
        .roof_material = STR("r"),
        .installation_date = OPT_I64(9),
        .updated_at = OPT_I64(STORE_T0_US),
    };
    for (size_t i = 0; i < lead_table.count; i++) {
        const struct field *field = &lead_table.fields[i];
        if ((field->flags & (FIELD_READ_ONLY | FIELD_NO_SQL)) != 0)
            continue;
        change(f, full.id, &other, UINT64_C(1) << i);
        struct lead got = store_get_lead(f, full.id);
        for (size_t k = 0; k < lead_table.count; k++) {
            const struct lead *want = k == i ? &other : &full;
            if (!field_equal(&lead_table.fields[k], &got, want))
                fail_msg("%s set: %s is wrong", field->name, lead_table.fields[k].name);
        }
        change(f, full.id, &full, UINT64_C(1) << i);
        got = store_get_lead(f, full.id);
        assert_same_lead(&got, &full);
    }
}

static void test_change_nothing_and_none(void **state)
{
    struct store_fixture *f = *state;
    struct lead lead = store_new_lead(1);
    lead.id = insert(f, lead);
    struct lead wanted = {.updated_at = OPT_I64(STORE_T0_US + 1)};
    change(f, lead.id, &wanted, 0);
    lead.updated_at = wanted.updated_at;
    struct lead got = store_get_lead(f, lead.id);
    assert_same_lead(&got, &lead);
    assert_int_equal(store_i64(f, "SELECT lead_id FROM sunlead_events "
                                  "WHERE type = 'lead.changed' AND op_id = 5"),
                     lead.id);
    store_fails(f, change_op(f, BIG, &wanted, 0, &got), ERR_NOT_FOUND);
    assert_int_equal(
        store_i64(f, "SELECT count(*) FROM sunlead_events WHERE type = 'lead.changed'"), 1);
}

// ---- The model.

static void set_model(struct store_fixture *f, const struct lead *lead, int64_t order_id)
{
    struct sql_op *op = store_write(f);
    lead_store_set_model(op, lead, order_id);
    store_run(f, op);
}

static void test_set_model(void **state)
{
    struct store_fixture *f = *state;
    struct lead lead = store_new_lead(1);
    lead.system_size = OPT_F64(1);
    lead.panel_count = OPT_I64(2);
    lead.annual_production = OPT_F64(3);
    lead.address = STR("stays");
    lead.id = insert(f, lead);
    int64_t order_id = store_add_order(f, lead.id, STORE_T0_US);
    struct lead next = store_get_lead(f, lead.id);
    lead_set_lightfusion_3d_project(&next, MODEL_BIG, MODEL_BIG - 1);
    next.address = STR("not by this");
    next.system_size = OPT_F64(10.5);
    next.panel_count = (struct opt_i64){0}; // missing figures stay
    next.annual_production = (struct opt_f64){0};
    next.sync_status = LEAD_SYNC_SYNCING;
    next.last_synced_at = OPT_I64(STORE_T0_US + 3);
    next.state = 3;
    next.updated_at = OPT_I64(STORE_T0_US + 4);
    set_model(f, &next, order_id);
    struct lead want = next;
    want.address = STR("stays");
    want.panel_count = OPT_I64(2);
    want.annual_production = OPT_F64(3);
    struct lead got = store_get_lead(f, lead.id);
    assert_same_lead(&got, &want);
    // Status none is null.
    lead_update_3d_model_status(&next, MODEL_NONE, 0);
    next.sync_status = LEAD_SYNC_NONE;
    set_model(f, &next, order_id);
    assert_int_equal(store_i64(f, "SELECT count(*) FROM leads WHERE model_3d_status IS NULL "
                                  "AND sync_status IS NULL"),
                     1);
}

static void test_set_model_of_newest_order_only(void **state)
{
    struct store_fixture *f = *state;
    int64_t id = store_add_lead(f, 1);
    int64_t old = store_add_order(f, id, STORE_T0_US);
    store_exec(f, "UPDATE sunlead_orders SET state = 'failed'");
    int64_t newest = store_add_order(f, id, STORE_T0_US + 1);
    // An order of another lead does not count.
    (void)store_add_order(f, store_add_lead(f, 1), STORE_T0_US + 2);
    struct lead next = store_get_lead(f, id);
    lead_set_lightfusion_3d_project(&next, 5, 6);
    set_model(f, &next, old);
    assert_false(store_get_lead(f, id).has_3d_model);
    set_model(f, &next, newest);
    assert_true(store_get_lead(f, id).has_3d_model);
    // A lead that is gone is no error.
    next.id = BIG;
    set_model(f, &next, newest);
}

static void test_delete(void **state)
{
    struct store_fixture *f = *state;
    int64_t id = store_add_lead(f, 1);
    struct sql_op *op = store_write(f);
    lead_store_delete(op, id);
    store_run(f, op);
    op = store_write(f);
    lead_store_delete(op, id);
    store_fails(f, op, ERR_NOT_FOUND);
    assert_string_equal(op->error.message, "There is no such lead.");
    assert_int_equal(store_i64(f, "SELECT count(*) FROM leads"), 0);
}

static void test_bad_values_name_their_place(void **state)
{
    struct store_fixture *f = *state;
    struct lead lead = store_new_lead(1);
    lead.state = 4; // the table's own check
    struct sql_op *op = store_write(f);
    lead_store_insert(op, &lead, &store_lead_created);
    store_fails(f, op, ERR_INVALID);
    assert_int_equal(op->error.place_count, 1);
    assert_string_equal(op->error.places[0].pointer, "/state");
    assert_counters(f);
}

#define TEST(name)                                                                                 \
    cmocka_unit_test_setup_teardown(name, store_fixture_setup, store_fixture_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_insert_and_get),
        TEST(test_insert_with_nulls),
        TEST(test_id_is_never_given_twice),
        TEST(test_insert_given_id),
        TEST(test_get_none),
        TEST(test_get_of_order),
        TEST(test_list),
        TEST(test_list_lane),
        TEST(test_counters),
        TEST(test_change_by_mask),
        TEST(test_change_each_field),
        TEST(test_change_nothing_and_none),
        TEST(test_set_model),
        TEST(test_set_model_of_newest_order_only),
        TEST(test_delete),
        TEST(test_bad_values_name_their_place),
    };
    return store_fixture_run_suite_partitioned("lead_store", tests, COUNT_OF(tests));
}
