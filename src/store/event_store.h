// The events table: what happened, one row for each change that somebody may ask about.
#ifndef SUNLEAD_STORE_EVENT_STORE_H
#define SUNLEAD_STORE_EVENT_STORE_H

#include <stdint.h>

#include "base/str.h"
#include "sql/sql.h"

// One event. Ids of 0 are stored as NULL.
struct event {
    const char *type; // "lead.created", "order.failed"
    int64_t lead_id;
    int64_t order_id;
    int64_t op_id; // of the operation that it happened in; tells afterwards whether that was stored
    int64_t at_us;
    struct str data; // JSON object, or null
};

// event_store_add() adds an event to the operation.
void event_store_add(struct sql_op *op, const struct event *event);

#define EVENT_STORE_VALUES 4

// event_store_values() binds at, type, op_id and data, for a statement that adds the event of what
// it changes. Returns EVENT_STORE_VALUES.
size_t event_store_values(struct sql_value *values, const struct event *event);

// event_store_add_for_order() adds an event for the order that the operation op_id inserted, if it
// did.
void event_store_add_for_order(struct sql_op *op, const struct event *event);

// event_store_find() finds an event of the operation op_id, for its proof, and reads the event's
// lead into *lead_id.
void event_store_find(struct sql_op *op, int64_t op_id, int64_t *lead_id);

// EVENT_PURGE_MAX is how many events are removed together.
#define EVENT_PURGE_MAX 500

// event_store_purge() removes the oldest events if they are from before a time, EVENT_PURGE_MAX at
// most.
void event_store_purge(struct sql_op *op, int64_t before_us);

#endif
