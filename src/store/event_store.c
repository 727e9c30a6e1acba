// The statements on the events table.
#include "store/event_store.h"

#include "store/row_into.h"

static struct sql_value id_value(int64_t id)
{
    return id == 0 ? SQLV_NULL : SQLV_INT(id);
}

void event_store_add(struct sql_op *op, const struct event *event)
{
    static const struct sql_stmt stmt = {
        .name = "event_add",
        .text = "INSERT INTO sunlead_events (at, type, lead_id, order_id, op_id, data) "
                "VALUES ($1, $2, $3, $4, $5, $6)",
    };
    SQL_STEP(op, &stmt, SQLV_TIME(event->at_us), SQLV_TEXT(str_of(event->type)),
             id_value(event->lead_id), id_value(event->order_id), id_value(event->op_id),
             SQLV_TEXT(event->data));
}

size_t event_store_values(struct sql_value *values, const struct event *event)
{
    size_t count = 0;
    values[count++] = SQLV_TIME(event->at_us);
    values[count++] = SQLV_TEXT(str_of(event->type));
    values[count++] = id_value(event->op_id);
    values[count++] = SQLV_TEXT(event->data);
    return count;
}

void event_store_add_for_order(struct sql_op *op, const struct event *event)
{
    static const struct sql_stmt stmt = {
        .name = "event_add_for_order",
        .text = "INSERT INTO sunlead_events (at, type, lead_id, order_id, op_id, data) "
                "SELECT $1, $2, lead_id, id, op_id, $4 FROM sunlead_orders WHERE op_id = $3",
    };
    SQL_STEP(op, &stmt, SQLV_TIME(event->at_us), SQLV_TEXT(str_of(event->type)),
             SQLV_INT(event->op_id), SQLV_TEXT(event->data));
}

void event_store_find(struct sql_op *op, int64_t op_id, int64_t *lead_id)
{
    static const struct sql_stmt stmt = {
        .name = "event_find",
        .text = "SELECT lead_id FROM sunlead_events WHERE op_id = $1 LIMIT 1",
    };
    struct sql_step *step = SQL_STEP(op, &stmt, SQLV_INT(op_id));
    step->on_row = row_take_id;
    step->ctx = lead_id;
}

void event_store_purge(struct sql_op *op, int64_t before_us)
{
    // By their ids, which rise with the time: there is no index on the time to be kept for this.
    static const struct sql_stmt stmt = {
        .name = "event_purge",
        .text = "DELETE FROM sunlead_events WHERE id IN (SELECT id FROM sunlead_events "
                "ORDER BY id LIMIT $2) AND at < $1",
    };
    SQL_STEP(op, &stmt, SQLV_TIME(before_us), SQLV_INT(EVENT_PURGE_MAX));
}
