// The contract of store/batch_store.h, on every engine.
#include "support/store_fixture.h"

#include "store/batch_store.h"

#define T0    STORE_T0_US
#define COUNT 6

struct call {
    struct batch batch;
    struct batch_order orders[COUNT];
    struct batch_outcome outcomes[COUNT];
    size_t count;
};

// A call of orders for new leads, without names.
static struct call call_of(size_t count, int64_t op_id)
{
    struct call call = {.count = count,
                        .batch = {.op_id = op_id,
                                  .company_id = OPT_I64(7),
                                  .items = (int64_t)count,
                                  .created_at = OPT_I64(T0)}};
    for (size_t i = 0; i < count; i++) {
        struct batch_order *item = &call.orders[i];
        item->index = i;
        item->order = store_new_order(0, T0);
        item->order.company_id = 7;
        item->order.op_id = op_id * 100 + (int64_t)i;
        item->lead = store_new_lead(7);
    }
    return call;
}

static void run(struct store_fixture *f, struct call *call)
{
    memset(call->outcomes, 0, sizeof(call->outcomes));
    struct sql_op *op = store_write(f);
    batch_store_insert(op, &call->batch, call->orders, call->count);
    batch_store_get_by_op(op, call->batch.op_id, &call->batch);
    batch_store_outcomes(op, call->orders, call->count, call->outcomes);
    store_run(f, op);
    assert_true(call->batch.id > 0);
}

static void assert_fates(const struct call *call, const enum batch_fate *want)
{
    for (size_t i = 0; i < call->count; i++) {
        if (call->outcomes[i].fate != want[i])
            fail_msg("item %zu: %d", i, call->outcomes[i].fate);
    }
}

static void test_new_leads(void **state)
{
    struct store_fixture *f = *state;
    int64_t before = store_add_lead(f, 7);
    struct call call = call_of(3, 11);
    call.orders[1].lead.address = STR("1 \"Main\" St \xc3\xa9 \xe2\x98\x80");
    call.orders[1].lead.kwh_usage = OPT_F64(1234.5);
    call.orders[1].lead.panel_id = OPT_I64(3);
    call.orders[1].order.latitude = -12.345678901234567;
    call.orders[1].order.longitude = 0.1;
    call.orders[1].order.request = STR("{\"mode\":\"a\\\\b\\\"\"}");
    run(f, &call);
    assert_fates(&call, (enum batch_fate[]){BATCH_ACCEPTED, BATCH_ACCEPTED, BATCH_ACCEPTED});
    for (size_t i = 0; i < 3; i++) {
        const struct batch_outcome *outcome = &call.outcomes[i];
        struct order order = store_get_order(f, outcome->order_id);
        struct lead lead = store_get_lead(f, outcome->lead_id);
        assert_true(outcome->lead_id > before && order.lead_id == lead.id);
        assert_true(i == 0 || outcome->order_id > call.outcomes[i - 1].order_id);
        assert_true(i == 0 || outcome->lead_id > call.outcomes[i - 1].lead_id);
        assert_int_equal(outcome->state, ORDER_REQUESTED);
        assert_int_equal(order.batch_id.value, call.batch.id);
        assert_int_equal(order.op_id, call.orders[i].order.op_id);
        assert_int_equal(order.requested_at.value, T0);
        assert_int_equal(lead.model_3d_status, MODEL_PENDING);
        assert_int_equal(lead.created_at.value, T0);
        assert_true(lead.latitude == order.latitude && lead.longitude == order.longitude);
    }
    struct order order = store_get_order(f, call.outcomes[1].order_id);
    struct lead lead = store_get_lead(f, order.lead_id);
    assert_true(order.latitude == call.orders[1].order.latitude && order.longitude == 0.1);
    assert_true(str_equal(order.request, call.orders[1].order.request));
    assert_true(str_equal(lead.address, call.orders[1].lead.address));
    assert_true(lead.kwh_usage.value == 1234.5);
    assert_int_equal(lead.panel_id.value, 3);
    assert_false(lead.inverter_id.set);
    assert_int_equal(store_i64(f, "SELECT count(*) FROM sunlead_jobs WHERE kind = 'order'"), 3);
    assert_int_equal(
        store_i64(f, "SELECT count(*) FROM sunlead_events WHERE type = 'order.requested'"), 3);
    assert_int_equal(
        store_i64(f, "SELECT count(*) FROM sunlead_events WHERE type = 'lead.created'"), 3);
    // The next lead gets an id of its own.
    assert_true(store_add_lead(f, 7) > call.outcomes[2].lead_id);
}

static void test_references(void **state)
{
    struct store_fixture *f = *state;
    struct call first = call_of(3, 11);
    first.orders[0].order.reference = STR("a");
    first.orders[1].order.reference = STR("a");
    first.orders[2].order.reference = STR("b");
    run(f, &first);
    assert_fates(&first, (enum batch_fate[]){BATCH_ACCEPTED, BATCH_REPEATED, BATCH_ACCEPTED});
    assert_int_equal(first.outcomes[1].order_id, first.outcomes[0].order_id);
    struct call second = call_of(3, 12);
    second.orders[0].order.reference = STR("b");
    second.orders[1].order.reference = STR("c");
    second.orders[2].order.reference = STR("a");
    second.orders[2].order.company_id = 8;
    run(f, &second);
    assert_fates(&second, (enum batch_fate[]){BATCH_REPEATED, BATCH_ACCEPTED, BATCH_ACCEPTED});
    assert_int_equal(second.outcomes[0].order_id, first.outcomes[2].order_id);
    assert_int_equal(store_i64(f, "SELECT count(*) FROM leads"), 4);
    assert_int_equal(store_i64(f, "SELECT count(*) FROM sunlead_jobs"), 4);
}

// The leads that are named, how they stand, and what becomes of an order for each.
static void test_existing_leads(void **state)
{
    static const struct {
        const char *lead; // what its row says
        bool has_order;   // a live one
        bool same;        // with the same content
        bool force;
        enum batch_fate want;
    } rows[COUNT] = {
        {"model_3d_status = NULL", false, false, false, BATCH_ACCEPTED},
        {"model_3d_status = 'pending'", true, true, false, BATCH_REPEATED},
        {"model_3d_status = 'pending'", true, false, true, BATCH_IN_THE_WAY},
        {"model_3d_status = 'completed'", false, false, false, BATCH_NOT_ORDERED},
        {"model_3d_status = 'completed'", false, false, true, BATCH_ACCEPTED},
        // Another program had it made.
        {"model_3d_status = 'processing', lightfusion_3d_project_id = 5", false, false, true,
         BATCH_NOT_ORDERED},
    };
    struct store_fixture *f = *state;
    struct call call = call_of(COUNT, 11);
    enum batch_fate want[COUNT];
    for (size_t i = 0; i < COUNT; i++) {
        struct order *order = &call.orders[i].order;
        order->lead_id = store_add_lead(f, 7);
        if (rows[i].has_order)
            store_add_order(f, order->lead_id, T0);
        store_exec(f, arena_printf(f->arena, "UPDATE leads SET %s WHERE id = %lld", rows[i].lead,
                                   (long long)order->lead_id)
                          .ptr);
        if (!rows[i].same)
            order->request = STR("{\"mode\":\"other\"}");
        call.orders[i].force = rows[i].force;
        want[i] = rows[i].want;
    }
    run(f, &call);
    assert_fates(&call, want);
    assert_int_equal(store_i64(f, "SELECT count(*) FROM leads"), COUNT);
    assert_int_equal(store_get_lead(f, call.outcomes[4].lead_id).model_3d_status, MODEL_PENDING);
    assert_int_equal(store_get_lead(f, call.orders[3].order.lead_id).model_3d_status,
                     MODEL_COMPLETED);
    assert_int_equal(store_i64(f, "SELECT count(*) FROM sunlead_orders WHERE batch_id IS NOT NULL"),
                     2);
}

static void test_a_lead_that_is_gone_and_one_twice(void **state)
{
    struct store_fixture *f = *state;
    struct call call = call_of(3, 11);
    call.orders[0].order.lead_id = 999;
    call.orders[1].order.lead_id = call.orders[2].order.lead_id = store_add_lead(f, 7);
    run(f, &call);
    assert_fates(&call, (enum batch_fate[]){BATCH_NOT_ORDERED, BATCH_ACCEPTED, BATCH_REPEATED});
}

// Two calls at once for the same things: each is ordered by one of them.
static void test_at_once(void **state)
{
    static const char *const names[] = {"a", "b", "c", "d"};
    struct store_fixture *f = *state;
    struct call calls[4];
    struct sql_op *ops[4];
    for (size_t c = 0; c < 4; c++) {
        calls[c] = call_of(4, 11 + (int64_t)c);
        for (size_t i = 0; i < 4; i++)
            calls[c].orders[i].order.reference = str_of(names[c % 2 == 0 ? i : 3 - i]);
        ops[c] = store_write(f);
        batch_store_insert(ops[c], &calls[c].batch, calls[c].orders, 4);
        batch_store_outcomes(ops[c], calls[c].orders, 4, calls[c].outcomes);
    }
    store_run_together(f, ops, 4);
    size_t accepted = 0;
    for (size_t c = 0; c < 4; c++) {
        assert_int_equal(ops[c]->error.code, ERR_OK);
        for (size_t i = 0; i < 4; i++) {
            accepted += calls[c].outcomes[i].fate == BATCH_ACCEPTED;
            assert_int_not_equal(calls[c].outcomes[i].fate, BATCH_NOT_ORDERED);
        }
    }
    assert_int_equal(accepted, 4);
    assert_int_equal(store_i64(f, "SELECT count(*) FROM leads"), 4);
    assert_int_equal(store_i64(f, "SELECT count(*) FROM sunlead_orders"), 4);
}

static void test_counts(void **state)
{
    struct store_fixture *f = *state;
    struct call call = call_of(3, 11);
    run(f, &call);
    store_exec(f, "UPDATE sunlead_orders SET state = 'parked' WHERE op_id = 1101");
    struct batch_counts counts = {0};
    struct batch batch = {0};
    struct sql_op *op = store_read(f);
    batch_store_get(op, call.batch.id, ERR_NOT_FOUND, &batch);
    batch_store_count(op, call.batch.id, &counts);
    store_run(f, op);
    assert_int_equal(counts.of[ORDER_REQUESTED], 2);
    assert_int_equal(counts.of[ORDER_PARKED], 1);
    assert_int_equal(batch.items, 3);
    assert_int_equal(batch.company_id.value, 7);
    assert_false(batch.creator_id.set);
    assert_int_equal(batch.created_at.value, T0);
    op = store_read(f);
    batch_store_get(op, call.batch.id + 1, ERR_NOT_FOUND, &batch);
    store_fails(f, op, ERR_NOT_FOUND);
}

static void test_leads_by_id(void **state)
{
    struct store_fixture *f = *state;
    int64_t ids[3];
    for (size_t i = 0; i < 3; i++)
        ids[i] = store_add_lead(f, 7);
    struct lead leads[3] = {0};
    struct row_list list = {.arena = f->arena, .table = &lead_table, .objects = leads, .max = 3};
    struct str asked = arena_printf(f->arena, "[%lld,%lld,99999,%lld]", (long long)ids[2],
                                    (long long)ids[0], (long long)ids[2]);
    struct sql_op *op = store_read(f);
    batch_store_get_leads(op, asked, &list);
    store_run(f, op);
    assert_int_equal(list.count, 2);
    assert_int_equal(leads[0].id, ids[0]);
    assert_int_equal(leads[1].id, ids[2]);
}

int main(void)
{
#define ON_DB(test)                                                                                \
    cmocka_unit_test_setup_teardown(test, store_fixture_setup, store_fixture_teardown)
    const struct CMUnitTest tests[] = {
        ON_DB(test_new_leads),      ON_DB(test_references),
        ON_DB(test_existing_leads), ON_DB(test_a_lead_that_is_gone_and_one_twice),
        ON_DB(test_at_once),        ON_DB(test_counts),
        ON_DB(test_leads_by_id),
    };
    return store_fixture_run_suite_pooled("batch_store", tests, COUNT_OF(tests));
}
