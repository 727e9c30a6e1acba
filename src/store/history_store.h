// What the orders of this installation tell of LightFusion's generation times.
#ifndef SUNLEAD_STORE_HISTORY_STORE_H
#define SUNLEAD_STORE_HISTORY_STORE_H

#include <stddef.h>

#include "domain/generation.h"
#include "sql/sql.h"

struct generation_history {
    size_t count;
    struct generation_span spans[GENERATION_SPANS_MAX]; // newest first
};

// history_store_get() reads the newest completed orders that were created before a time and whose
// creation LightFusion answered itself, so that their age is known.
void history_store_get(struct sql_op *op, int64_t created_before_us,
                       struct generation_history *history);

#endif
