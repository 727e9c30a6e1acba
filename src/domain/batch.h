// The batch: many models ordered by one call, and how far they are.
#ifndef SUNLEAD_DOMAIN_BATCH_H
#define SUNLEAD_DOMAIN_BATCH_H

#include <stdint.h>

#include "base/field.h"
#include "base/number.h"
#include "domain/order.h"

// BATCH_ITEMS_MAX is how many orders a batch may have.
#define BATCH_ITEMS_MAX 1000

struct batch {
    int64_t id;
    int64_t op_id;             // of the operation that made it
    struct opt_i64 company_id; // for the items that name none
    struct opt_i64 creator_id;
    int64_t items; // in the call; those that are ordered name the batch
    struct opt_i64 created_at;
};

// All members, as columns.
extern const struct field_table batch_table;

// How many orders of a batch are in which state.
struct batch_counts {
    int64_t of[ORDER_CANCELLED + 1]; // by enum order_state
};

// batch_count_of() is how many orders have a public status; MODEL_NONE counts the cancelled ones.
int64_t batch_count_of(const struct batch_counts *counts, enum model_status status);

// batch_eta() is when the last order of a batch will have ended if the rest goes at the pace of
// those that have: not set before one has, when none is left, or when only parked ones are, which
// wait for a person.
struct opt_i64 batch_eta(const struct batch *batch, const struct batch_counts *counts,
                         int64_t now_us);

#endif
