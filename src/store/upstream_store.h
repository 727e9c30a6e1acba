// The upstreams table: what all processes share of the way to LightFusion.
#ifndef SUNLEAD_STORE_UPSTREAM_STORE_H
#define SUNLEAD_STORE_UPSTREAM_STORE_H

#include <stdint.h>

#include "base/number.h"
#include "sql/sql.h"

// What is asked of the budget of calls. The rule is the limiter's (upstream/limiter.h): one call
// each every_us, and what was not used is saved up, for burst_us at most.
struct budget_request {
    struct opt_i64 now_us; // unset: by the database's clock, which is the same for all
    int64_t every_us;
    int64_t burst_us;
    int64_t wanted; // calls, from 1
};

struct budget_grant {
    int64_t calls;   // that may go now, wanted at most
    int64_t wait_us; // until the next one may; below 0: it might have gone
};

// upstream_store_lease() takes calls from the budget that all processes share.
void upstream_store_lease(struct sql_op *op, const struct budget_request *request,
                          struct budget_grant *grant);

// upstream_store_isolate() notes that LightFusion is not to be called; does nothing if that is so
// already.
void upstream_store_isolate(struct sql_op *op, int64_t now_us);

// upstream_store_restore() lifts it.
void upstream_store_restore(struct sql_op *op);

// upstream_store_get() reads since when LightFusion is isolated; unset: it is not.
void upstream_store_get(struct sql_op *op, struct opt_i64 *isolated_at);

#endif
