// The exchanges table: what was said to LightFusion for an order, and answered.
#ifndef SUNLEAD_STORE_EXCHANGE_STORE_H
#define SUNLEAD_STORE_EXCHANGE_STORE_H

#include <stdint.h>

#include "domain/exchange.h"
#include "sql/sql.h"
#include "store/row_into.h"

// exchange_store_put() stores an order's exchange in place of the last one of the same call and
// outcome, and counts them (exchange->times is not looked at).
void exchange_store_put(struct sql_op *op, int64_t order_id, const struct exchange *exchange);

// exchange_store_list() reads an order's exchanges into the list (of struct exchange), newest
// first.
void exchange_store_list(struct sql_op *op, int64_t order_id, struct row_list *list);

// The most that one exchange_store_purge() removes.
#define EXCHANGE_PURGE_MAX 1000

// exchange_store_purge() removes some of those of the oldest orders that ended before before_us;
// the rows of its step tell how many.
void exchange_store_purge(struct sql_op *op, int64_t before_us);

#endif
