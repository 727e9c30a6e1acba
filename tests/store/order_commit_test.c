// The contracts of store/order_commit.h and store/event_store.h, on every engine.
#include "support/store_fixture.h"

#include "store/event_store.h"
#include "store/job_store.h"
#include "store/lead_store.h"
#include "store/order_commit.h"
#include "store/order_store.h"

#define T0 STORE_T0_US

struct pair {
    struct lead lead;
    struct order order;
};

static struct pair add_pair(struct store_fixture *f)
{
    int64_t lead_id = store_add_lead(f, 1);
    int64_t order_id = store_add_order(f, lead_id, T0);
    store_exec(f, "DELETE FROM sunlead_events");
    return (struct pair){store_get_lead(f, lead_id), store_get_order(f, order_id)};
}

static void commit(struct store_fixture *f, const struct pair *pair, enum order_state before,
                   int64_t now_us)
{
    struct sql_op *op = store_write(f);
    order_commit(op, &pair->order, before, &pair->lead, now_us);
    store_run(f, op);
}

// Each state of an order: what its lead shows then, and the event.
struct state_row {
    enum order_state state;
    enum model_status lead;
    enum lead_sync sync;
    const char *event;
};

static void test_each_state(void **state)
{
    static const struct state_row rows[] = {
        {ORDER_SENDING, MODEL_PENDING, LEAD_SYNC_PENDING, "order.sending"},
        {ORDER_UNKNOWN, MODEL_PENDING, LEAD_SYNC_PENDING, "order.unknown"},
        {ORDER_PARKED, MODEL_PENDING, LEAD_SYNC_PENDING, "order.parked"},
        {ORDER_CREATED, MODEL_PROCESSING, LEAD_SYNC_SYNCING, "order.created"},
        {ORDER_PROCESSING, MODEL_PROCESSING, LEAD_SYNC_SYNCING, "order.processing"},
        {ORDER_COMPLETED, MODEL_COMPLETED, LEAD_SYNC_SYNCED, "order.completed"},
        {ORDER_FAILED, MODEL_FAILED, LEAD_SYNC_FAILED, "order.failed"},
        {ORDER_CANCELLED, MODEL_NONE, LEAD_SYNC_NONE, "order.cancelled"},
    };
    struct store_fixture *f = *state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        const struct state_row *row = &rows[i];
        struct pair pair = add_pair(f);
        bool linked = row->sync == LEAD_SYNC_SYNCING || row->sync == LEAD_SYNC_SYNCED;
        pair.order.state = row->state;
        if (linked) {
            pair.order.project_id = OPT_I64(1000 + (int64_t)i);
            pair.order.house_id = OPT_I64(2000 + (int64_t)i);
        }
        commit(f, &pair, ORDER_REQUESTED, T0 + 3);
        struct lead lead = store_get_lead(f, pair.lead.id);
        assert_int_equal(lead.model_3d_status, row->lead);
        assert_int_equal(lead.sync_status, row->sync);
        assert_int_equal(lead.has_3d_model, linked);
        assert_int_equal(lead.model_3d_completed_at.set, row->lead == MODEL_COMPLETED);
        // A lead that waits for its model already is as it was.
        bool waited = row->lead == MODEL_PENDING && row->sync == LEAD_SYNC_PENDING;
        assert_int_equal(lead.updated_at.value, waited ? T0 : T0 + 3);
        struct order order = store_get_order(f, pair.order.id);
        assert_int_equal(order.state, row->state);
        assert_int_equal(order.version, pair.order.version + 1);
        assert_int_equal(store_i64(f, "SELECT count(*) FROM sunlead_events"), 1);
        assert_string_equal(store_text(f, "SELECT type FROM sunlead_events"), row->event);
        assert_int_equal(store_i64(f, "SELECT order_id FROM sunlead_events"), pair.order.id);
        assert_int_equal(store_i64(f, "SELECT lead_id FROM sunlead_events"), pair.lead.id);
        assert_int_equal(store_i64(f, "SELECT at FROM sunlead_events"), T0 + 3);
    }
}

static void test_event_types(void **state)
{
    (void)state;
    assert_string_equal(order_event_type(ORDER_REQUESTED), "order.requested");
    for (int i = ORDER_NONE; i <= ORDER_CANCELLED; i++)
        assert_non_null(order_event_type((enum order_state)i));
}

// The same state again: no event, and the lead only changes if something of it does.
static void test_same_state(void **state)
{
    struct store_fixture *f = *state;
    struct pair pair = add_pair(f);
    pair.order.state = ORDER_PROCESSING;
    pair.order.project_id = OPT_I64(1);
    pair.order.house_id = OPT_I64(2);
    pair.order.polled_at = OPT_I64(T0 + 1);
    commit(f, &pair, ORDER_CREATED, T0 + 1);
    store_exec(f, "DELETE FROM sunlead_events");

    // A poll that brings nothing new: only the time of it.
    pair.lead = store_get_lead(f, pair.lead.id);
    pair.order = store_get_order(f, pair.order.id);
    pair.order.polled_at = OPT_I64(T0 + 2);
    commit(f, &pair, ORDER_PROCESSING, T0 + 2);
    struct lead lead = store_get_lead(f, pair.lead.id);
    assert_int_equal(lead.last_synced_at.value, T0 + 2);
    assert_int_equal(lead.updated_at.value, T0 + 1);

    // Nothing at all: the lead's row is left alone, whatever became of it meanwhile.
    pair.lead = lead;
    pair.order = store_get_order(f, pair.order.id);
    store_exec(f, "UPDATE leads SET sync_status = 'failed'");
    pair.order.attempts = 5;
    commit(f, &pair, ORDER_PROCESSING, T0 + 3);
    assert_int_equal(store_get_order(f, pair.order.id).attempts, 5);
    assert_int_equal(store_get_lead(f, pair.lead.id).sync_status, LEAD_SYNC_FAILED);

    // A figure.
    pair.lead = store_get_lead(f, pair.lead.id);
    pair.order = store_get_order(f, pair.order.id);
    pair.order.system_size = OPT_F64(10.5);
    commit(f, &pair, ORDER_PROCESSING, T0 + 4);
    lead = store_get_lead(f, pair.lead.id);
    assert_true(lead.system_size.value == 10.5);
    assert_int_equal(lead.updated_at.value, T0 + 4);
    assert_int_equal(store_i64(f, "SELECT count(*) FROM sunlead_events"), 0);
}

// Figures that a user sets between the reading and the commit stay, where the order has none.
static void test_keeps_what_was_set_meanwhile(void **state)
{
    struct store_fixture *f = *state;
    struct pair pair = add_pair(f);
    store_exec(f, "UPDATE leads SET system_size = 8.5, panel_count = 20, annual_production = 9000");
    pair.lead = store_get_lead(f, pair.lead.id);
    store_exec(f, "UPDATE leads SET system_size = 9.5, panel_count = 22, annual_production = 9900");
    pair.order.state = ORDER_SENDING;
    pair.order.panel_count = OPT_I64(30);
    commit(f, &pair, ORDER_REQUESTED, T0 + 1);
    struct lead lead = store_get_lead(f, pair.lead.id);
    assert_true(lead.system_size.value == 9.5);
    assert_int_equal(lead.panel_count.value, 30);
    assert_true(lead.annual_production.value == 9900);
}

static void test_lead_gone(void **state)
{
    struct store_fixture *f = *state;
    struct pair pair = add_pair(f);
    struct sql_op *op = store_write(f);
    lead_store_delete(op, pair.lead.id);
    store_run(f, op);
    pair.order.state = ORDER_COMPLETED;
    pair.order.project_id = OPT_I64(1);
    pair.order.house_id = OPT_I64(2);
    commit(f, &pair, ORDER_PROCESSING, T0 + 1); // as it was read before
    pair.order = store_get_order(f, pair.order.id);
    pair.lead = (struct lead){0};
    pair.order.state = ORDER_FAILED;
    commit(f, &pair, ORDER_COMPLETED, T0 + 2);
    assert_int_equal(store_i64(f, "SELECT count(*) FROM leads"), 0);
    assert_int_equal(store_i64(f, "SELECT count(*) FROM sunlead_events"), 2);
}

static void test_older_order_leaves_the_lead(void **state)
{
    struct store_fixture *f = *state;
    struct pair old = add_pair(f);
    old.order.state = ORDER_FAILED;
    commit(f, &old, ORDER_PROCESSING, T0 + 1);
    (void)store_add_order(f, old.lead.id, T0 + 2);
    old.order = store_get_order(f, old.order.id);
    old.lead = store_get_lead(f, old.lead.id);
    old.order.state = ORDER_COMPLETED; // a late Done
    old.order.project_id = OPT_I64(1);
    old.order.house_id = OPT_I64(2);
    commit(f, &old, ORDER_FAILED, T0 + 3);
    assert_int_equal(store_get_order(f, old.order.id).state, ORDER_COMPLETED);
    struct lead lead = store_get_lead(f, old.lead.id);
    assert_int_equal(lead.model_3d_status, MODEL_PENDING);
    assert_false(lead.has_3d_model);
}

// ---- All or nothing.

static void assert_untouched(struct store_fixture *f, const struct pair *pair)
{
    struct lead lead = store_get_lead(f, pair->lead.id);
    for (size_t i = 0; i < lead_table.count; i++)
        assert_true(field_equal(&lead_table.fields[i], &lead, &pair->lead));
    assert_int_equal(store_get_order(f, pair->order.id).state, ORDER_REQUESTED);
    assert_int_equal(
        store_i64(f, "SELECT count(*) FROM sunlead_events WHERE type <> 'lead.created'"), 0);
    assert_int_equal(store_i64(f, "SELECT count(*) FROM sunlead_jobs WHERE kind = 'poll'"), 0);
    assert_int_equal(store_i64(f, "SELECT count(*) FROM sunlead_project_id_sources"), 0);
}

// A lead with a completed model (project 7, house 8), and the order after that which was made by
// force.
static struct pair add_forced(struct store_fixture *f)
{
    struct pair pair = add_pair(f);
    pair.order.project_id = OPT_I64(7 * pair.lead.id);
    pair.order.house_id = OPT_I64(8);
    pair.order.panel_count = OPT_I64(30);
    check(order_go(&pair.order, ORDER_CREATED, T0 + 1, NULL) == ERR_OK);
    check(order_go(&pair.order, ORDER_COMPLETED, T0 + 2, NULL) == ERR_OK);
    commit(f, &pair, ORDER_REQUESTED, T0 + 2);
    struct order forced = store_new_order(pair.lead.id, T0 + 3);
    struct sql_op *op = store_write(f);
    order_store_insert(op, &forced, true);
    store_run(f, op);
    return (struct pair){store_get_lead(f, pair.lead.id), store_get_order_of_op(f, forced.op_id)};
}

static void fail_at(struct store_fixture *f, struct pair *pair, int64_t now_us)
{
    enum order_state before = pair->order.state;
    check(order_go(&pair->order, ORDER_FAILED, now_us, NULL) == ERR_OK);
    order_fail_with(&pair->order, FAILURE_ERRORED, STR_NULL);
    commit(f, pair, before, now_us);
    pair->order.version++;
    pair->lead = store_get_lead(f, pair->lead.id);
}

static void assert_shows_earlier(const struct lead *lead)
{
    assert_int_equal(lead->model_3d_status, MODEL_COMPLETED);
    assert_int_equal(lead->lightfusion_3d_project_id.value, 7 * lead->id);
    assert_int_equal(lead->lightfusion_3d_house_id.value, 8);
    assert_int_equal(lead->model_3d_created_at.value, T0);
    assert_int_equal(lead->model_3d_completed_at.value, T0 + 2);
    assert_int_equal(lead->panel_count.value, 30);
    assert_int_equal(lead->state, LF_DONE);
    assert_int_equal(lead->sync_status, LEAD_SYNC_FAILED);
}

static void test_an_earlier_model_is_shown_again(void **state)
{
    struct store_fixture *f = *state;
    struct pair pair = add_forced(f);
    pair.order.project_id = OPT_I64(9 + 7 * pair.lead.id);
    pair.order.house_id = OPT_I64(10);
    pair.order.panel_count = OPT_I64(40);
    check(order_go(&pair.order, ORDER_SENDING, T0 + 4, NULL) == ERR_OK);
    check(order_go(&pair.order, ORDER_CREATED, T0 + 4, NULL) == ERR_OK);
    commit(f, &pair, ORDER_REQUESTED, T0 + 4);
    pair.order.version++;
    pair.lead = store_get_lead(f, pair.lead.id);
    assert_int_equal(pair.lead.model_3d_status, MODEL_PROCESSING);
    fail_at(f, &pair, T0 + 5);
    assert_shows_earlier(&pair.lead);
    assert_int_equal(pair.lead.updated_at.value, T0 + 5);
    // Looked at once more, it is still so and nothing has changed.
    pair.order.polled_at = OPT_I64(T0 + 6);
    fail_at(f, &pair, T0 + 6);
    assert_shows_earlier(&pair.lead);
    assert_int_equal(pair.lead.updated_at.value, T0 + 5);
    // A model that comes late is the newest.
    check(order_go(&pair.order, ORDER_COMPLETED, T0 + 7, NULL) == ERR_OK);
    commit(f, &pair, ORDER_FAILED, T0 + 7);
    struct lead lead = store_get_lead(f, pair.lead.id);
    assert_int_equal(lead.model_3d_status, MODEL_COMPLETED);
    assert_int_equal(lead.lightfusion_3d_project_id.value, pair.order.project_id.value);
    assert_int_equal(lead.model_3d_completed_at.value, T0 + 7);
    assert_int_equal(lead.sync_status, LEAD_SYNC_SYNCED);
}

// One that was never sent fails too, and may be ordered again without force; a completed one not.
static void test_again_after_a_failed_one(void **state)
{
    struct store_fixture *f = *state;
    struct pair pair = add_forced(f);
    fail_at(f, &pair, T0 + 5);
    assert_shows_earlier(&pair.lead);
    for (int round = 0; round < 2; round++) {
        struct order again = store_new_order(pair.lead.id, T0 + 6);
        struct sql_op *op = store_write(f);
        order_store_insert(op, &again, false);
        store_run(f, op);
        assert_int_equal(store_get_order_of_op(f, again.op_id).id, 0);
        op = store_write(f);
        order_store_insert_again(op, &again);
        store_run(f, op);
        struct order made = store_get_order_of_op(f, again.op_id);
        assert_int_equal(made.id > 0, round == 0);
        if (round > 0)
            break;
        made.state = ORDER_COMPLETED;
        made.project_id = OPT_I64(1234567);
        made.house_id = OPT_I64(1);
        commit(f, &(struct pair){store_get_lead(f, pair.lead.id), made}, ORDER_REQUESTED, T0 + 7);
    }
}

// The step of a commit that fails.
enum failing { STALE_ORDER, LOST_LEASE, TAKEN_PROJECT };

// What a run commits when a project was made.
static struct sql_op *run_op(struct store_fixture *f, const struct pair *next, enum failing failing)
{
    struct job lost = {.id = 4711, .attempt = 1};
    struct sql_op *op = store_write(f);
    job_store_add(op, &(struct job){.kind = JOB_POLL,
                                    .order_id = next->order.id,
                                    .run_at = OPT_I64(T0),
                                    .created_at = OPT_I64(T0)});
    order_store_note_id_source(op, SOURCE_BUILD_ID, true);
    order_commit(op, &next->order, ORDER_REQUESTED, &next->lead, T0 + 1);
    if (failing == LOST_LEASE)
        job_store_finish(op, &lost);
    return op;
}

static struct sql_op *neighbour_op(struct store_fixture *f)
{
    struct lead *lead = arena_new(f->arena, struct lead, 1);
    *lead = store_new_lead(1);
    struct sql_op *op = store_write(f);
    lead_store_insert(op, lead, &store_lead_created);
    return op;
}

static void test_a_failing_step_leaves_nothing(void **state)
{
    static const enum err want[] = {ERR_STALE, ERR_CANCELLED, ERR_CONFLICT};
    struct store_fixture *f = *state;
    struct pair other = add_pair(f);
    other.order.project_id = OPT_I64(500);
    commit(f, &other, ORDER_REQUESTED, T0);
    for (int failing = STALE_ORDER; failing <= TAKEN_PROJECT; failing++) {
        struct pair pair = add_pair(f);
        struct pair next = pair;
        next.order.state = ORDER_CREATED;
        next.order.project_id = OPT_I64(failing == TAKEN_PROJECT ? 500 : 501);
        next.order.house_id = OPT_I64(1);
        if (failing == STALE_ORDER)
            next.order.version--;
        struct sql_op *ops[] = {neighbour_op(f), run_op(f, &next, (enum failing)failing),
                                neighbour_op(f)};
        store_run_together(f, ops, 3);
        assert_int_equal(ops[0]->error.code, ERR_OK);
        assert_int_equal(ops[1]->error.code, want[failing]);
        assert_int_equal(ops[2]->error.code, ERR_OK);
        assert_untouched(f, &pair);
    }
}

// ---- Events.

static void test_event_add(void **state)
{
    struct store_fixture *f = *state;
    struct sql_op *op = store_write(f);
    event_store_add(op, &(struct event){.type = "a",
                                        .lead_id = 1,
                                        .order_id = 2,
                                        .op_id = INT64_C(9007199254740991),
                                        .at_us = T0,
                                        .data = STR("{\"x\":1}")});
    event_store_add(op, &(struct event){.type = "b", .at_us = T0 + 1});
    store_run(f, op);
    assert_int_equal(store_i64(f, "SELECT count(*) FROM sunlead_events WHERE type = 'a' AND "
                                  "lead_id = 1 AND order_id = 2 AND op_id = 9007199254740991"),
                     1);
    assert_string_equal(store_text(f, "SELECT data FROM sunlead_events WHERE type = 'a'"),
                        "{\"x\":1}");
    assert_int_equal(store_i64(f, "SELECT count(*) FROM sunlead_events WHERE type = 'b' AND "
                                  "lead_id IS NULL AND order_id IS NULL AND op_id IS NULL AND "
                                  "data IS NULL"),
                     1);
    assert_int_equal(store_i64(f, "SELECT at FROM sunlead_events WHERE type = 'b'"), T0 + 1);
}

static void test_event_for_new_lead_and_order(void **state)
{
    struct store_fixture *f = *state;
    struct pair pair = add_pair(f);
    struct lead lead = store_new_lead(1);
    struct sql_op *op = store_write(f);
    lead_store_insert(op, &lead,
                      &(struct event){.type = "lead.x", .lead_id = 4711, .op_id = 7, .at_us = T0});
    event_store_add_for_order(
        op, &(struct event){.type = "order.x", .op_id = pair.order.op_id, .at_us = T0});
    event_store_add_for_order(op, &(struct event){.type = "order.y", .op_id = 1, .at_us = T0});
    store_run(f, op);
    assert_int_equal(
        store_i64(f, "SELECT lead_id FROM sunlead_events WHERE type = 'lead.x' AND op_id = 7"),
        lead.id);
    assert_int_equal(store_i64(f, "SELECT order_id FROM sunlead_events WHERE type = 'order.x'"),
                     pair.order.id);
    assert_int_equal(store_i64(f, "SELECT lead_id FROM sunlead_events WHERE type = 'order.x'"),
                     pair.lead.id);
    assert_int_equal(store_i64(f, "SELECT count(*) FROM sunlead_events"), 2);
}

#define TEST(name)                                                                                 \
    cmocka_unit_test_setup_teardown(name, store_fixture_setup, store_fixture_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_each_state),
        TEST(test_event_types),
        TEST(test_same_state),
        TEST(test_keeps_what_was_set_meanwhile),
        TEST(test_lead_gone),
        TEST(test_older_order_leaves_the_lead),
        TEST(test_an_earlier_model_is_shown_again),
        TEST(test_again_after_a_failed_one),
        TEST(test_a_failing_step_leaves_nothing),
        TEST(test_event_add),
        TEST(test_event_for_new_lead_and_order),
    };
    return store_fixture_run_suite_partitioned("order_commit", tests, COUNT_OF(tests));
}
