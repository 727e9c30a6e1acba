// The orders table: steps that make, read and change model orders.
#ifndef SUNLEAD_STORE_ORDER_STORE_H
#define SUNLEAD_STORE_ORDER_STORE_H

#include <stdbool.h>
#include <stdint.h>

#include "domain/order.h"
#include "sql/sql.h"

// All functions add steps to an operation; results are there when it is done, in the operation's
// arena.

// order_store_insert() makes an order for an existing lead, unless the lead has a live order
// already or, without force, a completed model; then nothing is inserted. Its job, the lead's
// status and its event commit with it. order->op_id tells afterwards which order is whose. Who
// deletes the lead meanwhile comes before or after it.
void order_store_insert(struct sql_op *op, const struct order *order, bool force);

// order_store_insert_again() does the same after the lead's newest order failed, even where the
// lead shows a model that was completed before that.
void order_store_insert_again(struct sql_op *op, const struct order *order);

// order_store_insert_with_lead() makes an order for the lead that the same operation inserts
// (order->lead_id is ignored).
void order_store_insert_with_lead(struct sql_op *op, const struct order *order);

// order_store_adopt() makes the order of a lead that has a project of LightFusion but no order:
// another program on the same table had it made. Its state follows the lead's; the files of a
// completed one are fetched. Does nothing for other leads, nor where another order has the project.
// op_id tells afterwards whether it was made.
void order_store_adopt(struct sql_op *op, int64_t lead_id, int64_t op_id, int64_t now_us);

// order_store_get() reads an order by id; when_none as in lead_store_get().
void order_store_get(struct sql_op *op, int64_t id, enum err when_none, struct order *order);

// order_store_get_by_project() reads the order of a LightFusion project; order->id stays 0 if there
// is none.
void order_store_get_by_project(struct sql_op *op, int64_t project_id, struct order *order);

// order_store_get_newest() reads the newest order of a lead; order->id stays 0 if there is none.
void order_store_get_newest(struct sql_op *op, int64_t lead_id, struct order *order);

// order_store_get_outlook() reads what tells how the newest order of a lead will go on: id, state,
// failure, progress, created_at, and when its job is due, where it waits; order->id stays 0 if
// there is none.
void order_store_get_outlook(struct sql_op *op, int64_t lead_id, struct order *order,
                             struct opt_i64 *next_try_at);

// The outlooks of several leads' newest orders, as order_store_get_outlook() reads one; lead_id is
// set too.
struct order_outlooks {
    size_t count;
    size_t max;
    struct order *orders;
    struct opt_i64 *next_try_at;
};

// order_store_get_outlooks() reads those of the leads in a JSON array of ids.
void order_store_get_outlooks(struct sql_op *op, struct str lead_ids,
                              struct order_outlooks *outlooks);

// order_store_get_next_try() reads when an order's job is due, where it waits.
void order_store_get_next_try(struct sql_op *op, int64_t id, struct opt_i64 *next_try_at);

// order_store_get_previous() reads what a lead's newest order came after: the newest of the older
// ones that was not cancelled; order->id stays 0 if there is none.
void order_store_get_previous(struct sql_op *op, int64_t lead_id, struct order *order);

// order_store_get_by_op() reads the order that an operation made; order->id stays 0 if it made
// none.
void order_store_get_by_op(struct sql_op *op, int64_t op_id, struct order *order);

// order_store_save() stores all of an order that was read at order->version, and counts the version
// up. ERR_STALE fails the operation when somebody else changed the order since.
void order_store_save(struct sql_op *op, const struct order *order);

// order_store_cancel_unsent() cancels the orders of a lead that were never sent: their jobs go, an
// event tells. The lead is deleted before it, in the same operation, so that no order comes after.
void order_store_cancel_unsent(struct sql_op *op, int64_t lead_id, int64_t now_us);

// order_store_drop_jobs() removes the jobs of an order.
void order_store_drop_jobs(struct sql_op *op, int64_t order_id);

// order_store_is_linked() reads into *linked whether another order has this house id.
void order_store_is_linked(struct sql_op *op, int64_t house_id, int64_t but_order_id, bool *linked);

// order_store_count_parked() reads how many orders wait for a person.
void order_store_count_parked(struct sql_op *op, int64_t *count);

// The ids in LightFusion's status that may be the project's.
enum project_id_source { SOURCE_LEAD_ID, SOURCE_LEAD_LEAD_ID, SOURCE_BUILD_ID, SOURCE_COUNT };

// order_store_note_id_source() counts whether a source equalled the project id on an ordinary
// order.
void order_store_note_id_source(struct sql_op *op, enum project_id_source source, bool equal);

// order_store_get_id_sources() reads into usable[] which sources have always equalled it so far (at
// least once).
void order_store_get_id_sources(struct sql_op *op, bool usable[SOURCE_COUNT]);

#endif
