// Stores a changed order together with its lead and its event.
#include "store/order_commit.h"

#include "store/event_store.h"
#include "store/lead_store.h"
#include "store/order_store.h"

const char *order_event_type(enum order_state state)
{
    static const char *const types[] = {
        [ORDER_NONE] = "order.none",
        [ORDER_REQUESTED] = "order.requested",
        [ORDER_SENDING] = "order.sending",
        [ORDER_UNKNOWN] = "order.unknown",
        [ORDER_PARKED] = "order.parked",
        [ORDER_CREATED] = "order.created",
        [ORDER_PROCESSING] = "order.processing",
        [ORDER_COMPLETED] = "order.completed",
        [ORDER_FAILED] = "order.failed",
        [ORDER_CANCELLED] = "order.cancelled",
    };
    return types[state];
}

// Tells whether the leads differ in a field without any of the flags.
static bool lead_differs(const struct lead *before, const struct lead *after, unsigned without)
{
    for (size_t i = 0; i < lead_table.count; i++) {
        const struct field *field = &lead_table.fields[i];
        if ((field->flags & without) == 0 && !field_equal(field, before, after))
            return true;
    }
    return false;
}

// Whether the lead shows a model that was completed before the order, which has failed.
static bool shows_earlier_model(const struct order *order, const struct lead *lead)
{
    return order->state == ORDER_FAILED && lead->model_3d_status == MODEL_COMPLETED &&
           order->project_id.value != lead->lightfusion_3d_project_id.value;
}

// Whether an order makes something else (next) of its lead; if it shows, it changes the lead's
// time.
static bool has_changed(const struct order *order, const struct lead *lead, struct lead *next,
                        int64_t now_us)
{
    if (lead->id == 0 || shows_earlier_model(order, lead) || !lead_differs(lead, next, 0))
        return false;
    if (lead_differs(lead, next, FIELD_VOLATILE))
        next->updated_at = OPT_I64(now_us);
    return true;
}

bool order_shows_on_lead(const struct order *order, const struct lead *lead, int64_t now_us)
{
    struct lead next = *lead;
    order_apply_to_lead(order, &next, now_us);
    return lead->id != 0 && lead_differs(lead, &next, FIELD_VOLATILE);
}

// Stores what an order made of its lead, whose newest order is newest_id.
static void set_lead(struct sql_op *op, const struct order *order, int64_t newest_id,
                     struct lead *next)
{
    // What the order does not know may have been changed by others since the lead was read.
    next->system_size = order->system_size;
    next->panel_count = order->panel_count;
    next->annual_production = order->annual_production;
    lead_store_set_model(op, next, newest_id);
    if (order->state == ORDER_FAILED)
        lead_store_show_earlier_model(op, next->id, newest_id);
}

// Carries an order over to its lead; newest_id is the lead's newest order.
static void save_lead(struct sql_op *op, const struct order *order, int64_t newest_id,
                      const struct lead *lead, int64_t now_us)
{
    struct lead next = *lead;
    // An older order ended when it did.
    order_apply_to_lead(order, &next, order->id == newest_id ? now_us : order->completed_at.value);
    if (has_changed(order, lead, &next, now_us))
        set_lead(op, order, newest_id, &next);
}

static void add_event(struct sql_op *op, const struct order *order, enum order_state before,
                      int64_t now_us)
{
    if (order->state != before)
        event_store_add(op, &(struct event){.type = order_event_type(order->state),
                                            .lead_id = order->lead_id,
                                            .order_id = order->id,
                                            .at_us = now_us});
}

void order_commit(struct sql_op *op, const struct order *order, enum order_state before,
                  const struct lead *lead, int64_t now_us)
{
    order_store_save(op, order);
    save_lead(op, order, order->id, lead, now_us);
    add_event(op, order, before, now_us);
}

void order_commit_without_figures(struct sql_op *op, const struct order *order,
                                  enum order_state before, const struct lead *lead, int64_t now_us)
{
    order_store_save(op, order);
    struct lead next = *lead;
    struct order bare = *order;
    bare.system_size = bare.annual_production = (struct opt_f64){0};
    bare.panel_count = (struct opt_i64){0};
    order_apply_to_lead(&bare, &next, now_us);
    next.sync_status = LEAD_SYNC_FAILED;
    if (has_changed(order, lead, &next, now_us))
        set_lead(op, &bare, order->id, &next);
    add_event(op, order, before, now_us);
}

void order_commit_cancelled(struct sql_op *op, const struct order *order,
                            const struct order *previous, const struct lead *lead, int64_t now_us)
{
    const struct order *shown = previous->id == 0 ? order : previous;
    order_store_save(op, order);
    save_lead(op, shown, order->id, lead, now_us);
    order_store_drop_jobs(op, order->id);
}
