// Operations that meet on a lead or its order, on PostgreSQL, in every order of their statements.
#include "store/event_store.h"
#include "store/interleaving.h"
#include "store/job_store.h"
#include "store/lead_store.h"
#include "store/order_commit.h"
#include "store/order_store.h"
#include "support/interleave.h"

// ---- Orders.

#define LIVE_ORDERS "SELECT count(*) FROM sunlead_orders WHERE state IN ('requested', 'sending')"

// One lead and its order, which is requested and whose job waits.
static void add_ordered_lead(struct scene *s)
{
    int64_t lead_id = store_add_lead(&s->f, 1);
    s->order = store_get_order(&s->f, store_add_order(&s->f, lead_id, T0));
    s->lead = store_get_lead(&s->f, lead_id);
}

static struct sql_op *order_op(struct scene *s, struct arena *arena, size_t i)
{
    struct sql_op *op = write_op(arena);
    s->orders[i] = store_new_order(s->lead.id, NOW);
    order_store_insert(op, &s->orders[i], false);
    return op;
}

// As POST /api/projects/3d stores it.
static struct sql_op *order_and_read(void *ctx, struct arena *arena, size_t i)
{
    struct scene *s = ctx;
    struct sql_op *op = order_op(s, arena, i);
    s->newest[i] = (struct order){0};
    order_store_get_newest(op, s->lead.id, &s->newest[i]);
    return op;
}

static const char *check_one_order(void *ctx, const struct interleave_side *sides)
{
    struct scene *s = ctx;
    bool ours[2];
    for (size_t i = 0; i < 2; i++) {
        WANT(sides[i].op->error.code == ERR_OK);
        ours[i] = s->newest[i].op_id == s->orders[i].op_id;
    }
    WANT(ours[0] != ours[1]);
    // The other one sees it, whole.
    WANT(s->newest[0].id > 0 && s->newest[0].id == s->newest[1].id);
    WANT(count(s, LIVE_ORDERS) == 1 && count(s, "SELECT count(*) FROM sunlead_orders") == 1);
    WANT(count(s, "SELECT order_id FROM sunlead_jobs WHERE state = 'ready'") == s->newest[0].id);
    WANT(count(s, "SELECT order_id FROM sunlead_events") == s->newest[0].id);
    WANT(count(s, "SELECT count(*) FROM leads WHERE model_3d_status = 'pending'") == 1);
    return NULL;
}

static void test_orders(void **state)
{
    struct scene *s = *state;
    s->lead = store_get_lead(&s->f, store_add_lead(&s->f, 1));
    meet(s,
         (struct interleave_case){
             .count = 2, .is_symmetric = true, .make = order_and_read, .verdict = check_one_order});
}

static void go(struct order *order, enum order_state state)
{
    assert_int_equal(order_go(order, state, NOW, NULL), ERR_OK);
}

// Two saves of one reading: a sender that sets out, and one that gives up.
static struct sql_op *save_op(void *ctx, struct arena *arena, size_t i)
{
    struct scene *s = ctx;
    struct sql_op *op = write_op(arena);
    struct order *order = &s->orders[i];
    *order = s->order;
    go(order, i == 0 ? ORDER_SENDING : ORDER_FAILED);
    order_commit(op, order, s->order.state, &s->lead, NOW);
    job_store_add(op, &(struct job){.kind = i == 0 ? JOB_POLL : JOB_FILES,
                                    .order_id = order->id,
                                    .run_at = OPT_I64(NOW),
                                    .created_at = OPT_I64(NOW)});
    return op;
}

static const char *check_one_save(void *ctx, const struct interleave_side *sides)
{
    struct scene *s = ctx;
    size_t winner = sides[0].op->error.code == ERR_OK ? 0 : 1;
    WANT(sides[winner].op->error.code == ERR_OK);
    WANT(sides[1 - winner].op->error.code == ERR_STALE);
    WANT(count(s, "SELECT version FROM sunlead_orders") == s->order.version + 1);
    const char *const states[] = {
        "SELECT count(*) FROM sunlead_orders JOIN leads ON leads.id = lead_id "
        "WHERE sunlead_orders.state = 'sending' AND attempts = 1 AND model_3d_status = 'pending'",
        "SELECT count(*) FROM sunlead_orders JOIN leads ON leads.id = lead_id "
        "WHERE sunlead_orders.state = 'failed' AND attempts = 0 AND model_3d_status = 'failed'",
    };
    const char *const events[] = {
        "SELECT count(*) FROM sunlead_events WHERE type = 'order.sending'",
        "SELECT count(*) FROM sunlead_events WHERE type = 'order.failed'",
    };
    WANT(count(s, states[winner]) == 1);
    WANT(count(s, events[winner]) == 1 && count(s, events[1 - winner]) == 0);
    WANT(count(s, JOB("kind = 'poll'")) == (winner == 0 ? 1 : 0));
    WANT(count(s, JOB("kind = 'files'")) == (winner == 1 ? 1 : 0));
    return NULL;
}

static void test_saves(void **state)
{
    struct scene *s = *state;
    add_ordered_lead(s);
    meet(s, (struct interleave_case){.count = 2, .make = save_op, .verdict = check_one_save});
}

// ---- Leads that go while they are ordered for.

// As DELETE /api/leads/{id} does it.
static struct sql_op *delete_op(struct scene *s, struct arena *arena)
{
    struct sql_op *op = write_op(arena);
    lead_store_delete(op, s->lead.id);
    order_store_cancel_unsent(op, s->lead.id, NOW);
    event_store_add(op,
                    &(struct event){.type = "lead.deleted", .lead_id = s->lead.id, .at_us = NOW});
    return op;
}

static const char *check_counts(struct scene *s)
{
    WANT(count(s, "SELECT count(*) FROM "
                  "(SELECT company_id, lightfusion_3d_project_id IS NOT NULL AS has_3d_model, "
                  "count(*) AS leads FROM leads GROUP BY 1, 2) AS real "
                  "FULL JOIN sunlead_lead_totals AS kept USING (company_id, has_3d_model) "
                  "WHERE coalesce(real.leads, 0) <> coalesce(kept.leads, 0)") == 0);
    return NULL;
}

static struct sql_op *order_and_delete(void *ctx, struct arena *arena, size_t i)
{
    return i == 0 ? order_op(ctx, arena, i) : delete_op(ctx, arena);
}

// An order that is not sent yet never outlives its lead: it would be paid for.
static const char *check_gone(void *ctx, const struct interleave_side *sides)
{
    struct scene *s = ctx;
    WANT(sides[0].op->error.code == ERR_OK && sides[1].op->error.code == ERR_OK);
    WANT(count(s, "SELECT count(*) FROM leads") == 0);
    WANT(count(s, LIVE_ORDERS) == 0);
    WANT(count(s, JOB("true")) == 0);
    // What is gone is told as it came.
    WANT(count(s, "SELECT count(*) FROM sunlead_events WHERE type = 'order.requested'") ==
         count(s, "SELECT count(*) FROM sunlead_events WHERE type = 'order.cancelled'"));
    return check_counts(s);
}

static void test_order_and_delete(void **state)
{
    struct scene *s = *state;
    s->lead = store_get_lead(&s->f, store_add_lead(&s->f, 1));
    meet(s, (struct interleave_case){.count = 2, .make = order_and_delete, .verdict = check_gone});
}

static struct sql_op *send_and_delete(void *ctx, struct arena *arena, size_t i)
{
    struct scene *s = ctx;
    if (i == 1)
        return delete_op(s, arena);
    struct sql_op *op = write_op(arena);
    s->orders[0] = s->order;
    go(&s->orders[0], ORDER_SENDING);
    order_commit(op, &s->orders[0], s->order.state, &s->lead, NOW);
    return op;
}

// Either it is called off in time, or it goes on, and then with its job.
static const char *check_sent_or_cancelled(void *ctx, const struct interleave_side *sides)
{
    struct scene *s = ctx;
    bool sent = sides[0].op->error.code == ERR_OK;
    WANT(sent || sides[0].op->error.code == ERR_STALE);
    WANT(sides[1].op->error.code == ERR_OK);
    WANT(count(s, "SELECT count(*) FROM leads") == 0);
    WANT(count(s, "SELECT count(*) FROM sunlead_orders WHERE state = 'sending'") == (sent ? 1 : 0));
    WANT(count(s, "SELECT count(*) FROM sunlead_orders WHERE state = 'cancelled'") ==
         (sent ? 0 : 1));
    WANT(count(s, JOB("state = 'ready'")) == (sent ? 1 : 0));
    WANT(count(s, "SELECT count(*) FROM sunlead_events WHERE type = 'order.cancelled'") ==
         (sent ? 0 : 1));
    return check_counts(s);
}

static void test_send_and_delete(void **state)
{
    struct scene *s = *state;
    const struct interleave_case what = {.count = 2,
                                         .may_deadlock = true,
                                         .make = send_and_delete,
                                         .verdict = check_sent_or_cancelled};
    add_ordered_lead(s);
    meet(s, what);
    // Where the lead is to be changed as well, the two take their rows the other way round.
    s->lead.model_3d_status = MODEL_FAILED;
    meet(s, what);
}

// ---- Leads.

// Every member of a lead that a client may write, told apart by a number.
static struct lead whole_lead(struct arena *arena, int64_t n)
{
    struct lead lead = store_new_lead(n);
    lead.creator_id = n;
    lead.latitude = (double)n;
    lead.longitude = (double)n;
    lead.address = arena_printf(arena, "%lld", (long long)n);
    lead.kwh_usage = OPT_F64((double)n);
    lead.system_size = OPT_F64((double)n);
    lead.panel_count = OPT_I64(n);
    lead.annual_production = OPT_F64((double)n);
    lead.promo_code = lead.address;
    lead.external_lead_id = lead.address;
    lead.panel_id = OPT_I64(n);
    lead.inverter_id = OPT_I64(n);
    lead.utility_id = OPT_I64(n);
    lead.roof_material = lead.address;
    lead.updated_at = OPT_I64(NOW + n);
    return lead;
}

// As PUT /api/leads/{id} does it.
static struct sql_op *change_op(struct scene *s, struct arena *arena, size_t i, uint64_t seen)
{
    struct sql_op *op = write_op(arena);
    struct lead lead = whole_lead(arena, (int64_t)i + 11);
    s->leads[i] = (struct lead){0};
    const struct lead_edit edit = {
        .id = s->lead.id,
        .values = &lead,
        .seen = seen,
        .event = {.type = "lead.changed", .at_us = NOW},
    };
    lead_store_change(op, &edit, &s->leads[i]);
    return op;
}

static struct sql_op *change_all(void *ctx, struct arena *arena, size_t i)
{
    return change_op(ctx, arena, i, UINT64_MAX);
}

#define IS_WHOLE(n)                                                                                \
    "SELECT count(*) FROM leads WHERE company_id = " n " AND creator_id = " n " AND latitude = " n \
    " AND longitude = " n " AND address = '" n "' AND kwh_usage = " n " AND system_size = " n      \
    " AND panel_count = " n " AND annual_production = " n " AND promo_code = '" n                  \
    "' AND external_lead_id = '" n "' AND panel_id = " n " AND inverter_id = " n                   \
    " AND utility_id = " n " AND roof_material = '" n "' AND " US_OF("updated_at") " % 100 = " n

// The one whose statement ran last, and each was answered with what it wrote.
static const char *check_last_wins(void *ctx, const struct interleave_side *sides)
{
    struct scene *s = ctx;
    size_t last = sides[0].first_turn > sides[1].first_turn ? 0 : 1;
    for (size_t i = 0; i < 2; i++) {
        WANT(sides[i].op->error.code == ERR_OK);
        WANT(s->leads[i].company_id == (int64_t)i + 11);
        WANT(s->leads[i].panel_id.value == (int64_t)i + 11);
    }
    WANT(count(s, last == 0 ? IS_WHOLE("11") : IS_WHOLE("12")) == 1);
    return check_counts(s);
}

static void test_changes(void **state)
{
    struct scene *s = *state;
    s->lead = store_get_lead(&s->f, store_add_lead(&s->f, 1));
    meet(s, (struct interleave_case){.count = 2, .make = change_all, .verdict = check_last_wins});
}

static uint64_t bit_of(const char *name)
{
    return UINT64_C(1) << field_find(&lead_table, str_of(name));
}

static struct sql_op *change_parts(void *ctx, struct arena *arena, size_t i)
{
    uint64_t seen = i == 0 ? bit_of("address") | bit_of("panel_id")
                           : bit_of("company_id") | bit_of("kwh_usage");
    return change_op(ctx, arena, i, seen);
}

static const char *check_both_parts(void *ctx, const struct interleave_side *sides)
{
    struct scene *s = ctx;
    WANT(sides[0].op->error.code == ERR_OK && sides[1].op->error.code == ERR_OK);
    WANT(count(s, "SELECT count(*) FROM leads WHERE address = '11' AND panel_id = 11 "
                  "AND company_id = 12 AND kwh_usage = 12 AND creator_id = 2") == 1);
    return check_counts(s);
}

static void test_changes_of_parts(void **state)
{
    struct scene *s = *state;
    s->lead = store_get_lead(&s->f, store_add_lead(&s->f, 1));
    meet(s,
         (struct interleave_case){.count = 2, .make = change_parts, .verdict = check_both_parts});
}

// A model's project arrives while a client moves the lead to another company.
static struct sql_op *change_and_link(void *ctx, struct arena *arena, size_t i)
{
    struct scene *s = ctx;
    if (i == 1)
        return change_op(s, arena, i, bit_of("company_id") | bit_of("address"));
    struct sql_op *op = write_op(arena);
    s->orders[0] = s->order;
    go(&s->orders[0], ORDER_CREATED);
    s->orders[0].project_id = OPT_I64(123);
    s->orders[0].house_id = OPT_I64(456);
    order_commit(op, &s->orders[0], s->order.state, &s->lead, NOW);
    return op;
}

static const char *check_moved_and_linked(void *ctx, const struct interleave_side *sides)
{
    struct scene *s = ctx;
    WANT(sides[0].op->error.code == ERR_OK && sides[1].op->error.code == ERR_OK);
    WANT(count(s, "SELECT count(*) FROM leads WHERE company_id = 12 AND address = '12' "
                  "AND lightfusion_3d_project_id = 123 AND model_3d_status = 'processing'") == 1);
    return check_counts(s);
}

static void test_change_and_link(void **state)
{
    struct scene *s = *state;
    add_ordered_lead(s);
    meet(s, (struct interleave_case){
                .count = 2, .make = change_and_link, .verdict = check_moved_and_linked});
}

static struct sql_op *change_and_delete(void *ctx, struct arena *arena, size_t i)
{
    return i == 0 ? change_all(ctx, arena, i) : delete_op(ctx, arena);
}

static const char *check_deleted(void *ctx, const struct interleave_side *sides)
{
    struct scene *s = ctx;
    bool changed = sides[0].op->error.code == ERR_OK;
    WANT(changed || sides[0].op->error.code == ERR_NOT_FOUND);
    WANT(changed == (sides[0].first_turn < sides[1].first_turn));
    WANT(sides[1].op->error.code == ERR_OK);
    WANT(count(s, "SELECT count(*) FROM leads") == 0);
    WANT(count(s, "SELECT count(*) FROM sunlead_events WHERE type = 'lead.changed'") ==
         (changed ? 1 : 0));
    return check_counts(s);
}

static void test_change_and_delete(void **state)
{
    struct scene *s = *state;
    s->lead = store_get_lead(&s->f, store_add_lead(&s->f, 1));
    meet(s,
         (struct interleave_case){.count = 2, .make = change_and_delete, .verdict = check_deleted});
}

// The first leads of a company, one of them with an order, and the last one of another that goes.
static struct sql_op *insert_and_delete(void *ctx, struct arena *arena, size_t i)
{
    struct scene *s = ctx;
    struct sql_op *op = write_op(arena);
    s->leads[i] = store_new_lead(i == 2 ? 1 : 5);
    lead_store_insert(op, &s->leads[i], &(struct event){.type = "lead.created", .at_us = NOW});
    if (i == 2)
        lead_store_delete(op, s->lead.id);
    return op;
}

static const char *check_inserted(void *ctx, const struct interleave_side *sides)
{
    struct scene *s = ctx;
    for (size_t i = 0; i < 3; i++)
        WANT(sides[i].op->error.code == ERR_OK && s->leads[i].id > 0);
    WANT(count(s, "SELECT count(*) FROM leads WHERE company_id = 1") == 1);
    return check_counts(s);
}

static void test_inserts_and_delete(void **state)
{
    struct scene *s = *state;
    s->lead = store_get_lead(&s->f, store_add_lead(&s->f, 1));
    const struct interleave_case what = {
        .count = 3, .make = insert_and_delete, .verdict = check_inserted};
    meet(s, what);
    // The same beside a lead that is there already.
    (void)store_add_lead(&s->f, 5);
    meet(s, what);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        SCENE_TEST(test_orders),
        SCENE_TEST(test_saves),
        SCENE_TEST(test_order_and_delete),
        SCENE_TEST(test_send_and_delete),
        SCENE_TEST(test_changes),
        SCENE_TEST(test_changes_of_parts),
        SCENE_TEST(test_change_and_link),
        SCENE_TEST(test_change_and_delete),
        SCENE_TEST(test_inserts_and_delete),
    };
    return cmocka_run_group_tests(tests, postgres_db_start, postgres_db_stop);
}
