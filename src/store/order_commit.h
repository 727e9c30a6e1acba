// Storing a changed order together with what follows from it: its lead and its event.
#ifndef SUNLEAD_STORE_ORDER_COMMIT_H
#define SUNLEAD_STORE_ORDER_COMMIT_H

#include "domain/lead.h"
#include "domain/order.h"
#include "sql/sql.h"

// order_commit() adds steps that save an order (as order_store_save() does), carry it over to its
// lead where that changes something, and note an event if the state is another than before. lead is
// the order's lead as it was read (id 0: gone). A lead whose order failed shows the last model that
// was completed before it again, if there is one.
void order_commit(struct sql_op *op, const struct order *order, enum order_state before,
                  const struct lead *lead, int64_t now_us);

// order_commit_cancelled() adds steps that save an order that was cancelled before it was sent; its
// jobs go. Its lead is what the order before made of it again (previous->id 0: there was none).
void order_commit_cancelled(struct sql_op *op, const struct order *order,
                            const struct order *previous, const struct lead *lead, int64_t now_us);

// order_commit_without_figures() does the same where the lead's row refuses LightFusion's figures:
// it leaves those of the lead as they are, and its sync_status tells that they are not in step.
void order_commit_without_figures(struct sql_op *op, const struct order *order,
                                  enum order_state before, const struct lead *lead, int64_t now_us);

// order_event_type() is the event that tells of an order's new state, "order.created" and so on.
const char *order_event_type(enum order_state state);

// order_shows_on_lead() tells whether an order's change shows on its lead (id 0: gone), otherwise
// than by when it was synced.
bool order_shows_on_lead(const struct order *order, const struct lead *lead, int64_t now_us);

#endif
