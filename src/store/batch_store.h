// The batches table: steps that order many models at once, and tell what became of them.
#ifndef SUNLEAD_STORE_BATCH_STORE_H
#define SUNLEAD_STORE_BATCH_STORE_H

#include <stdbool.h>
#include <stddef.h>

#include "domain/batch.h"
#include "domain/lead.h"
#include "domain/order.h"
#include "sql/sql.h"
#include "store/row_into.h"

// One order of a batch.
struct batch_order {
    size_t index;       // in the call
    struct order order; // lead_id 0: for the lead below
    struct lead lead;   // that is made with it
    bool force;         // although the lead's model is completed
};

// batch_store_insert() adds steps that order all that are not there yet, in one go: the batch, its
// orders with their jobs and events, their leads. An order is not made where its company has one
// with the reference, where its lead has a live one or, without force, a completed model, or is
// gone. Fields that are the same for all (requested_at) are the batch's.
void batch_store_insert(struct sql_op *op, const struct batch *batch,
                        const struct batch_order *orders, size_t count);

enum batch_fate { BATCH_NOT_ORDERED, BATCH_ACCEPTED, BATCH_REPEATED, BATCH_IN_THE_WAY };

// What became of an item of a call.
struct batch_outcome {
    enum batch_fate fate;
    int64_t lead_id;
    int64_t order_id; // its own; the one that was there before; or the one in the way
    enum order_state state;
};

// batch_store_outcomes() reads what became of the orders into outcomes, by index.
void batch_store_outcomes(struct sql_op *op, const struct batch_order *orders, size_t count,
                          struct batch_outcome *outcomes);

// batch_store_get() reads a batch by id; when_none as in lead_store_get().
void batch_store_get(struct sql_op *op, int64_t id, enum err when_none, struct batch *batch);

// batch_store_get_by_op() reads the batch that an operation made; batch->id stays 0 if it made
// none.
void batch_store_get_by_op(struct sql_op *op, int64_t op_id, struct batch *batch);

// batch_store_count() counts the orders of a batch by state.
void batch_store_count(struct sql_op *op, int64_t id, struct batch_counts *counts);

// batch_store_get_leads() reads those of some leads (a JSON array of ids) that are there, by id,
// into a list of struct lead.
void batch_store_get_leads(struct sql_op *op, struct str ids, struct row_list *list);

#endif
