// The contract of store/order_store.h, on every engine.
#include "support/store_fixture.h"

#include <pthread.h>
#include <stdio.h>

#include "base/random.h"
#include "base/thread.h"
#include "store/event_store.h"
#include "store/lead_store.h"
#include "store/order_store.h"

#define T0 STORE_T0_US

static void assert_same_order(const struct order *got, const struct order *want)
{
    for (size_t i = 0; i < order_table.count; i++) {
        if (!field_equal(&order_table.fields[i], got, want))
            fail_msg("%s differs", order_table.fields[i].name);
    }
}

static struct order insert(struct store_fixture *f, int64_t lead_id, bool force, int64_t now_us)
{
    struct order order = store_new_order(lead_id, now_us);
    struct sql_op *op = store_write(f);
    order_store_insert(op, &order, force);
    store_run(f, op);
    return store_get_order_of_op(f, order.op_id);
}

static void test_insert(void **state)
{
    struct store_fixture *f = *state;
    int64_t lead_id = store_add_lead(f, 1);
    struct order want = store_new_order(lead_id, T0 + 9);
    struct sql_op *op = store_write(f);
    order_store_insert(op, &want, false);
    store_run(f, op);
    struct order got = store_get_order_of_op(f, want.op_id);
    want.id = got.id;
    assert_true(got.id > 0);
    assert_same_order(&got, &want);
    // Its lead, its job and its event come with it.
    struct lead lead = store_get_lead(f, lead_id);
    assert_int_equal(lead.model_3d_status, MODEL_PENDING);
    assert_int_equal(lead.model_3d_created_at.value, T0 + 9);
    assert_int_equal(lead.updated_at.value, T0 + 9);
    assert_int_equal(store_i64(f, "SELECT count(*) FROM sunlead_jobs WHERE kind = 'order' "
                                  "AND state = 'ready' AND attempt = 0"),
                     1);
    assert_int_equal(store_i64(f, "SELECT order_id FROM sunlead_jobs"), got.id);
    assert_int_equal(store_i64(f, "SELECT run_at FROM sunlead_jobs"), T0 + 9);
    assert_int_equal(store_i64(f, "SELECT count(*) FROM sunlead_events"), 1);
    assert_string_equal(store_text(f, "SELECT type FROM sunlead_events"), "order.requested");
    assert_int_equal(store_i64(f, "SELECT order_id FROM sunlead_events"), got.id);
    assert_int_equal(store_i64(f, "SELECT lead_id FROM sunlead_events"), lead_id);
    assert_int_equal(store_i64(f, "SELECT op_id FROM sunlead_events"), want.op_id);
}

// Whether an order is made: by what the lead has.
struct insert_row {
    enum order_state had; // the lead's order before; ORDER_NONE: none
    bool made;
    bool made_by_force;
};

static void test_insert_after(void **state)
{
    static const struct insert_row rows[] = {
        {ORDER_NONE, true, true},         {ORDER_REQUESTED, false, false},
        {ORDER_SENDING, false, false},    {ORDER_UNKNOWN, false, false},
        {ORDER_PARKED, false, false},     {ORDER_CREATED, false, false},
        {ORDER_PROCESSING, false, false}, {ORDER_COMPLETED, false, true},
        {ORDER_FAILED, true, true},       {ORDER_CANCELLED, true, true},
    };
    struct store_fixture *f = *state;
    for (size_t i = 0; i < 2 * COUNT_OF(rows); i++) {
        const struct insert_row *row = &rows[i / 2];
        bool force = i % 2 == 1;
        int64_t lead_id = store_add_lead(f, 1);
        if (row->had != ORDER_NONE) {
            struct order had = insert(f, lead_id, false, T0);
            had.state = row->had;
            struct lead lead = store_get_lead(f, lead_id);
            lead_update_3d_model_status(&lead, order_model_status(row->had), T0);
            struct sql_op *op = store_write(f);
            order_store_save(op, &had);
            lead_store_set_model(op, &lead, had.id);
            store_run(f, op);
        }
        store_exec(f, "DELETE FROM sunlead_jobs");
        store_exec(f, "DELETE FROM sunlead_events");
        struct lead before = store_get_lead(f, lead_id);
        bool made = insert(f, lead_id, force, T0 + 1).id != 0;
        if (made != (force ? row->made_by_force : row->made))
            fail_msg("after %s, force %d", order_state_names[row->had], force);
        assert_int_equal(store_i64(f, "SELECT count(*) FROM sunlead_jobs"), made);
        assert_int_equal(store_i64(f, "SELECT count(*) FROM sunlead_events"), made);
        struct lead after = store_get_lead(f, lead_id);
        assert_int_equal(after.model_3d_status, made ? MODEL_PENDING : before.model_3d_status);
        assert_int_equal(after.updated_at.value, made ? T0 + 1 : before.updated_at.value);
    }
}

static void test_insert_without_lead(void **state)
{
    struct store_fixture *f = *state;
    assert_int_equal(insert(f, 4711, false, T0).id, 0);
    assert_int_equal(insert(f, 4711, true, T0).id, 0);
    assert_int_equal(store_i64(f, "SELECT count(*) FROM sunlead_jobs"), 0);
    assert_int_equal(store_i64(f, "SELECT count(*) FROM sunlead_events"), 0);
}

static void test_force_clears_the_completion(void **state)
{
    struct store_fixture *f = *state;
    int64_t lead_id = store_add_lead(f, 1);
    struct order had = insert(f, lead_id, false, T0);
    had.state = ORDER_COMPLETED;
    struct lead lead = store_get_lead(f, lead_id);
    lead_set_lightfusion_3d_project(&lead, 5, 6);
    lead_update_3d_model_status(&lead, MODEL_COMPLETED, T0);
    struct sql_op *op = store_write(f);
    order_store_save(op, &had);
    lead_store_set_model(op, &lead, had.id);
    store_run(f, op);
    assert_true(insert(f, lead_id, true, T0 + 3).id > had.id);
    lead = store_get_lead(f, lead_id);
    assert_int_equal(lead.model_3d_status, MODEL_PENDING);
    assert_false(lead.model_3d_completed_at.set);
    assert_int_equal(lead.model_3d_created_at.value, T0 + 3);
    assert_int_equal(lead.lightfusion_3d_project_id.value, 5); // until there is another
}

// ---- Two at once.

static void assert_one_order(struct store_fixture *f, int64_t lead_id)
{
    assert_int_equal(store_i64(f, "SELECT count(*) FROM sunlead_orders"), 1);
    assert_int_equal(store_i64(f, "SELECT count(*) FROM sunlead_jobs"), 1);
    assert_int_equal(store_i64(f, "SELECT count(*) FROM sunlead_events"), 1);
    assert_int_equal(store_i64(f, "SELECT lead_id FROM sunlead_orders"), lead_id);
}

static void test_one_live_order_in_one_group(void **state)
{
    struct store_fixture *f = *state;
    int64_t lead_id = store_add_lead(f, 1);
    struct order orders[8];
    struct order newest[8] = {0};
    struct sql_op *ops[8];
    for (size_t i = 0; i < COUNT_OF(ops); i++) {
        orders[i] = store_new_order(lead_id, T0);
        ops[i] = store_write(f);
        order_store_insert(ops[i], &orders[i], i % 2 == 1);
        order_store_get_newest(ops[i], lead_id, &newest[i]);
    }
    store_run_together(f, ops, COUNT_OF(ops));
    size_t ours = 0;
    for (size_t i = 0; i < COUNT_OF(ops); i++) {
        assert_int_equal(ops[i]->error.code, ERR_OK);
        // Each operation reads the one that was made.
        assert_int_equal(newest[i].id, newest[0].id);
        ours += newest[i].op_id == orders[i].op_id;
    }
    assert_int_equal(ours, 1);
    assert_one_order(f, lead_id);
}

struct racer {
    pthread_t thread;
    struct sql *db;
    int64_t lead_id;
    enum err code;
};

static void *race(void *ctx)
{
    struct racer *racer = ctx;
    for (int i = 0; i < 20 && racer->code == ERR_OK; i++) {
        struct arena *arena = arena_open(0);
        struct order order = store_new_order(racer->lead_id, T0);
        struct sql_op *op = sql_op_new(arena, "race", SQL_LANE_WRITE);
        order_store_insert(op, &order, false);
        racer->code = sql_run(racer->db, op);
        arena_close(arena);
    }
    return NULL;
}

static void test_one_live_order_from_many_threads(void **state)
{
    struct store_fixture *f = *state;
    int64_t lead_id = store_add_lead(f, 1);
    struct racer racers[6];
    for (size_t i = 0; i < COUNT_OF(racers); i++) {
        racers[i] = (struct racer){.db = f->db, .lead_id = lead_id};
        assert_int_equal(thread_start(&racers[i].thread, "race", race, &racers[i], NULL), ERR_OK);
    }
    for (size_t i = 0; i < COUNT_OF(racers); i++) {
        thread_join(racers[i].thread);
        assert_int_equal(racers[i].code, ERR_OK);
    }
    assert_one_order(f, lead_id);
}

// ---- With a new lead.

struct new_pair {
    struct lead lead;
    struct order order;
    struct order stored;
};

static struct sql_op *new_pair_op(struct store_fixture *f, struct new_pair *pair, int64_t company)
{
    struct sql_op *op = store_write(f);
    pair->lead = store_new_lead(company);
    pair->order = store_new_order(0, T0 + 1);
    pair->order.company_id = company;
    order_apply_to_lead(&pair->order, &pair->lead, T0 + 1);
    lead_store_insert(op, &pair->lead, &store_lead_created);
    order_store_insert_with_lead(op, &pair->order);
    pair->stored = (struct order){0};
    order_store_get_by_op(op, pair->order.op_id, &pair->stored);
    return op;
}

static void test_insert_with_lead(void **state)
{
    struct store_fixture *f = *state;
    (void)store_add_lead(f, 1); // ids of leads and orders are not the same numbers
    (void)store_add_lead(f, 1);
    struct new_pair pairs[5] = {0};
    struct sql_op *ops[5];
    for (int i = 0; i < 5; i++)
        ops[i] = new_pair_op(f, &pairs[i], i + 1);
    store_run_together(f, ops, 5);
    for (int i = 0; i < 5; i++) {
        assert_int_equal(ops[i]->error.code, ERR_OK);
        assert_true(pairs[i].lead.id > 0);
        assert_int_equal(pairs[i].stored.lead_id, pairs[i].lead.id);
        assert_int_equal(pairs[i].stored.company_id, i + 1);
        struct lead lead = store_get_lead(f, pairs[i].lead.id);
        assert_int_equal(lead.company_id, i + 1);
        assert_int_equal(lead.model_3d_status, MODEL_PENDING);
    }
    assert_int_equal(store_i64(f, "SELECT count(*) FROM sunlead_jobs j JOIN sunlead_orders o "
                                  "ON j.order_id = o.id AND j.company_id = o.company_id"),
                     5);
    assert_int_equal(store_i64(f, "SELECT count(*) FROM sunlead_events e JOIN sunlead_orders o "
                                  "ON e.order_id = o.id AND e.lead_id = o.lead_id "
                                  "AND e.op_id = o.op_id WHERE e.type = 'order.requested'"),
                     5);
    assert_int_equal(store_i64(f, "SELECT count(DISTINCT lead_id) FROM sunlead_events "
                                  "WHERE type = 'lead.created'"),
                     5);
}

static void test_insert_with_lead_all_or_nothing(void **state)
{
    struct store_fixture *f = *state;
    struct new_pair pair = {0};
    struct sql_op *op = new_pair_op(f, &pair, 1);
    lead_store_delete(op, 4711); // fails behind all that
    store_fails(f, op, ERR_NOT_FOUND);
    assert_int_equal(store_i64(f, "SELECT count(*) FROM leads"), 0);
    assert_int_equal(store_i64(f, "SELECT count(*) FROM sunlead_orders"), 0);
    assert_int_equal(store_i64(f, "SELECT count(*) FROM sunlead_jobs"), 0);
    assert_int_equal(store_i64(f, "SELECT count(*) FROM sunlead_events"), 0);
    assert_int_equal(store_i64(f, "SELECT coalesce(sum(leads), 0) FROM sunlead_lead_counts"), 0);
}

// ---- Reading.

static void test_get(void **state)
{
    struct store_fixture *f = *state;
    int64_t lead_id = store_add_lead(f, 1);
    struct order first = insert(f, lead_id, false, T0);
    first.state = ORDER_FAILED;
    first.project_id = OPT_I64(123);
    struct sql_op *op = store_write(f);
    order_store_save(op, &first);
    store_run(f, op);
    struct order second = insert(f, lead_id, false, T0 + 1);
    insert(f, store_add_lead(f, 1), false, T0 + 2);

    struct order got[5] = {0};
    op = store_read(f);
    order_store_get(op, second.id, ERR_NOT_FOUND, &got[0]);
    order_store_get_by_project(op, 123, &got[1]);
    order_store_get_by_project(op, 124, &got[2]);
    order_store_get_newest(op, lead_id, &got[3]);
    order_store_get_by_op(op, first.op_id, &got[4]);
    store_run(f, op);
    assert_same_order(&got[0], &second);
    assert_int_equal(got[1].id, first.id);
    assert_int_equal(got[2].id, 0);
    assert_int_equal(got[3].id, second.id);
    assert_int_equal(got[4].id, first.id);

    struct order none[3] = {0};
    op = store_read(f);
    order_store_get(op, 4711, ERR_OK, &none[0]);
    order_store_get_newest(op, 4711, &none[1]);
    order_store_get_by_op(op, 4711, &none[2]);
    store_run(f, op);
    assert_int_equal(none[0].id + none[1].id + none[2].id, 0);
    op = store_read(f);
    order_store_get(op, 4711, ERR_NOT_FOUND, &none[0]);
    store_fails(f, op, ERR_NOT_FOUND);
    assert_string_equal(op->error.message, "There is no such order.");
}

// ---- Saving.

static void test_save(void **state)
{
    struct store_fixture *f = *state;
    struct order order = insert(f, store_add_lead(f, 1), false, T0);
    struct order next = {
        .id = order.id,
        .lead_id = order.lead_id,
        .company_id = 1,
        .state = ORDER_PROCESSING,
        .version = order.version,
        .op_id = order.op_id,
        .attempts = 3,
        .project_id = OPT_I64(INT64_C(9007199254740991)),
        .house_id = OPT_I64(456),
        .latitude = 1.25,
        .longitude = -2.5,
        .request = STR("{\"a\":1}"),
        .progress = OPT_I64(50),
        .system_size = OPT_F64(10.5),
        .panel_count = OPT_I64(26),
        .annual_production = OPT_F64(15000.5),
        .estimated_cost = OPT_F64(25000),
        .annual_savings = OPT_F64(2500),
        .details = STR("{}"),
        .failure = FAILURE_LIMITED,
        .failure_detail = STR("slow \xC3\xA9"),
        .files = FILES_PARTIAL,
        .polls = 7,
        .lookups = 2,
        .requested_at = OPT_I64(T0 + 1),
        .sending_at = OPT_I64(T0 + 2),
        .created_at = OPT_I64(T0 + 3),
        .polled_at = OPT_I64(T0 + 4),
        .poll_failed = true,
        .completed_at = OPT_I64(T0 + 5),
        .updated_at = OPT_I64(T0 + 6),
    };
    struct sql_op *op = store_write(f);
    order_store_save(op, &next);
    store_run(f, op);
    struct order got = store_get_order(f, order.id);
    next.version++;
    assert_same_order(&got, &next);
    // And back to nothing but what must be.
    struct order bare = order;
    bare.version = next.version;
    op = store_write(f);
    order_store_save(op, &bare);
    store_run(f, op);
    got = store_get_order(f, order.id);
    bare.version++;
    assert_same_order(&got, &bare);
}

static void test_save_stale(void **state)
{
    struct store_fixture *f = *state;
    struct order order = insert(f, store_add_lead(f, 1), false, T0);
    struct sql_op *ops[2];
    for (int i = 0; i < 2; i++) {
        struct order ours = order;
        ours.attempts = i + 1;
        ops[i] = store_write(f);
        order_store_save(ops[i], &ours);
    }
    store_run_together(f, ops, 2);
    int winner = ops[0]->error.code == ERR_OK ? 0 : 1; // a server may take the second one first
    assert_int_equal(ops[winner]->error.code, ERR_OK);
    assert_int_equal(ops[1 - winner]->error.code, ERR_STALE);
    struct order got = store_get_order(f, order.id);
    assert_int_equal(got.attempts, winner + 1);
    assert_int_equal(got.version, order.version + 1);
    order.id = 4711;
    struct sql_op *op = store_write(f);
    order_store_save(op, &order);
    store_fails(f, op, ERR_STALE);
}

static void test_save_project_of_another(void **state)
{
    struct store_fixture *f = *state;
    struct order first = insert(f, store_add_lead(f, 1), false, T0);
    struct order second = insert(f, store_add_lead(f, 1), false, T0);
    struct sql_op *op = store_write(f);
    first.project_id = second.project_id = OPT_I64(123);
    order_store_save(op, &first);
    store_run(f, op);
    op = store_write(f);
    event_store_add(op, &(struct event){.type = "x", .at_us = T0});
    order_store_save(op, &second);
    store_fails(f, op, ERR_CONFLICT);
    assert_false(store_get_order(f, second.id).project_id.set);
    assert_int_equal(store_i64(f, "SELECT count(*) FROM sunlead_events WHERE type = 'x'"), 0);
}

static void test_save_second_live_order(void **state)
{
    // A cancelled order cannot come back beside a live one.
    struct store_fixture *f = *state;
    int64_t lead_id = store_add_lead(f, 1);
    struct order first = insert(f, lead_id, false, T0);
    struct sql_op *op = store_write(f);
    first.state = ORDER_FAILED;
    order_store_save(op, &first);
    store_run(f, op);
    (void)insert(f, lead_id, false, T0);
    first = store_get_order(f, first.id);
    first.state = ORDER_PROCESSING;
    op = store_write(f);
    order_store_save(op, &first);
    store_fails(f, op, ERR_CONFLICT);
}

// ---- Calling off.

static void test_cancel_unsent(void **state)
{
    static const enum order_state states[] = {
        ORDER_REQUESTED, ORDER_SENDING,    ORDER_UNKNOWN,   ORDER_PARKED,
        ORDER_CREATED,   ORDER_PROCESSING, ORDER_COMPLETED, ORDER_FAILED,
    };
    struct store_fixture *f = *state;
    for (size_t i = 0; i < COUNT_OF(states); i++) {
        int64_t lead_id = store_add_lead(f, 1);
        int64_t other = store_add_order(f, store_add_lead(f, 1), T0);
        struct order order = insert(f, lead_id, false, T0);
        struct sql_op *op = store_write(f);
        order.state = states[i];
        order_store_save(op, &order);
        store_run(f, op);
        store_exec(f, "DELETE FROM sunlead_events");
        op = store_write(f);
        order_store_cancel_unsent(op, lead_id, T0 + 8);
        store_run(f, op);
        bool cancelled = states[i] == ORDER_REQUESTED;
        struct order got = store_get_order(f, order.id);
        assert_int_equal(got.state, cancelled ? ORDER_CANCELLED : states[i]);
        assert_int_equal(got.version, order.version + (cancelled ? 2 : 1));
        if (cancelled) {
            assert_int_equal(got.completed_at.value, T0 + 8);
            assert_int_equal(got.updated_at.value, T0 + 8);
            assert_int_equal(store_i64(f, "SELECT order_id FROM sunlead_events "
                                          "WHERE type = 'order.cancelled'"),
                             order.id);
            assert_int_equal(store_i64(f, "SELECT lead_id FROM sunlead_events"), lead_id);
            assert_int_equal(store_i64(f, "SELECT at FROM sunlead_events"), T0 + 8);
        }
        assert_int_equal(store_i64(f, "SELECT count(*) FROM sunlead_events"), cancelled);
        // The order's job goes, nobody else's does.
        assert_int_equal(store_i64(f, "SELECT count(*) FROM sunlead_jobs"), cancelled ? 1 : 2);
        assert_int_equal(store_get_order(f, other).state, ORDER_REQUESTED);
        store_exec(f, "DELETE FROM sunlead_jobs");
    }
}

// ---- Houses and sources of project ids.

static void test_is_linked(void **state)
{
    struct store_fixture *f = *state;
    struct order order = insert(f, store_add_lead(f, 1), false, T0);
    order.house_id = OPT_I64(456);
    struct sql_op *op = store_write(f);
    order_store_save(op, &order);
    store_run(f, op);
    bool linked[3] = {false};
    op = store_read(f);
    order_store_is_linked(op, 456, 0, &linked[0]);
    order_store_is_linked(op, 456, order.id, &linked[1]); // its own does not count
    order_store_is_linked(op, 457, 0, &linked[2]);
    store_run(f, op);
    assert_true(linked[0]);
    assert_false(linked[1]);
    assert_false(linked[2]);
}

static void note(struct store_fixture *f, enum project_id_source source, bool equal)
{
    struct sql_op *op = store_write(f);
    order_store_note_id_source(op, source, equal);
    store_run(f, op);
}

static void assert_sources(struct store_fixture *f, bool lead_id, bool lead_lead_id, bool build_id)
{
    bool usable[SOURCE_COUNT] = {false};
    struct sql_op *op = store_read(f);
    order_store_get_id_sources(op, usable);
    store_run(f, op);
    assert_int_equal(usable[SOURCE_LEAD_ID], lead_id);
    assert_int_equal(usable[SOURCE_LEAD_LEAD_ID], lead_lead_id);
    assert_int_equal(usable[SOURCE_BUILD_ID], build_id);
}

static void test_id_sources(void **state)
{
    struct store_fixture *f = *state;
    assert_sources(f, false, false, false);
    note(f, SOURCE_BUILD_ID, true);
    assert_sources(f, false, false, true);
    note(f, SOURCE_LEAD_ID, false);
    note(f, SOURCE_LEAD_ID, true); // once different: never again
    note(f, SOURCE_LEAD_LEAD_ID, true);
    note(f, SOURCE_LEAD_LEAD_ID, true);
    assert_sources(f, false, true, true);
    note(f, SOURCE_LEAD_LEAD_ID, false);
    assert_sources(f, false, false, true);
    assert_int_equal(store_i64(f, "SELECT sum(equal) FROM sunlead_project_id_sources"), 4);
    assert_int_equal(store_i64(f, "SELECT sum(differed) FROM sunlead_project_id_sources"), 2);
}

static struct order adopt(struct store_fixture *f, int64_t lead_id)
{
    int64_t op_id = random_id();
    struct sql_op *op = store_write(f);
    order_store_adopt(op, lead_id, op_id, T0 + 5);
    store_run(f, op);
    return store_get_order_of_op(f, op_id);
}

// Times without a zone in another system's table are UTC, whatever zone the server's sessions have.
static void test_adopt_times_without_a_zone(void **state)
{
    struct store_fixture *f = *state;
    if ((sql_capabilities(f->db) & SQL_CAP_SOLE_OWNER) != 0)
        return; // its times are numbers
    int64_t lead_id = store_add_lead(f, 3);
    store_exec(f, "UPDATE leads SET lightfusion_3d_project_id = 70, model_3d_status = 'completed', "
                  "model_3d_created_at = '2024-01-02 03:04:05Z', "
                  "model_3d_completed_at = '2024-01-02 04:04:05Z'");
    store_exec(f, "ALTER TABLE leads ALTER model_3d_created_at TYPE TIMESTAMP, "
                  "ALTER model_3d_completed_at TYPE TIMESTAMP");
    store_exec(f, "DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET timezone = %L', "
                  "current_database(), 'Asia/Tokyo'); END $$");
    struct sql *ours = f->db;
    // As behind a pooler: sessions are as the server has them.
    const struct sql_settings settings = {.url = f->url, .is_pooled = true};
    assert_int_equal(sql_open_as(&settings, &f->db, NULL), ERR_OK);
    struct order order = adopt(f, lead_id);
    sql_close(f->db);
    f->db = ours;
    const int64_t created_us = INT64_C(1704164645000000);
    assert_int_equal(order.requested_at.value, created_us);
    assert_int_equal(order.completed_at.value, created_us + INT64_C(3600000000));
}

// What another program had LightFusion make becomes an order, once, in the state that the lead
// tells.
static void test_adopt(void **state)
{
    static const struct {
        const char *set;
        enum order_state want;
    } cases[] = {
        {"model_3d_status = NULL", ORDER_PROCESSING},
        {"model_3d_status = 'pending'", ORDER_PROCESSING},
        {"model_3d_status = 'processing'", ORDER_PROCESSING},
        {"model_3d_status = 'completed', system_size = 7.5", ORDER_COMPLETED},
        {"model_3d_status = 'failed'", ORDER_FAILED},
    };
    struct store_fixture *f = *state;
    assert_int_equal(adopt(f, store_add_lead(f, 1)).id, 0); // without a project
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        int64_t lead_id = store_add_lead(f, 3);
        store_exec(f, arena_printf(f->arena,
                                   "UPDATE leads SET lightfusion_3d_project_id = %zu, "
                                   "lightfusion_3d_house_id = 9, %s WHERE id = %lld",
                                   i + 70, cases[i].set, (long long)lead_id)
                          .ptr);
        struct order order = adopt(f, lead_id);
        assert_int_equal(order.state, cases[i].want);
        assert_int_equal(order.lead_id, lead_id);
        assert_int_equal(order.company_id, 3);
        assert_int_equal(order.project_id.value, i + 70);
        assert_int_equal(order.house_id.value, 9);
        assert_int_equal(order.created_at.value, T0 + 5);
        assert_int_equal(order.completed_at.set, !order_is_live(order.state));
        assert_int_equal(order.files, order.state == ORDER_COMPLETED ? FILES_PENDING : FILES_NONE);
        assert_int_equal(adopt(f, lead_id).id, 0); // it has one now
        order.updated_at = OPT_I64(T0 + 6);
        struct sql_op *op = store_write(f);
        order_store_save(op, &order);
        store_run(f, op);
    }
    assert_int_equal(store_i64(f, "SELECT count(*) FROM sunlead_jobs WHERE kind = 'files'"), 1);
    assert_int_equal(
        store_i64(f, "SELECT count(*) FROM sunlead_events WHERE type = 'order.adopted'"), 5);
    // Another lead's project.
    int64_t lead_id = store_add_lead(f, 3);
    store_exec(f, "UPDATE leads SET lightfusion_3d_project_id = 70 "
                  "WHERE id = (SELECT max(id) FROM leads)");
    assert_int_equal(adopt(f, lead_id).id, 0);
}

#define TEST(name)                                                                                 \
    cmocka_unit_test_setup_teardown(name, store_fixture_setup, store_fixture_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_insert),
        TEST(test_insert_after),
        TEST(test_insert_without_lead),
        TEST(test_force_clears_the_completion),
        TEST(test_one_live_order_in_one_group),
        TEST(test_one_live_order_from_many_threads),
        TEST(test_insert_with_lead),
        TEST(test_insert_with_lead_all_or_nothing),
        TEST(test_get),
        TEST(test_save),
        TEST(test_save_stale),
        TEST(test_save_project_of_another),
        TEST(test_save_second_live_order),
        TEST(test_cancel_unsent),
        TEST(test_is_linked),
        TEST(test_id_sources),
        TEST(test_adopt),
        TEST(test_adopt_times_without_a_zone),
    };
    return store_fixture_run_suite_pooled("order_store", tests, COUNT_OF(tests));
}
