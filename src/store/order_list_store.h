// Pages of orders.
#ifndef SUNLEAD_STORE_ORDER_LIST_STORE_H
#define SUNLEAD_STORE_ORDER_LIST_STORE_H

#include <stddef.h>
#include <stdint.h>

#include "base/number.h"
#include "domain/order.h"
#include "sql/sql.h"
#include "store/row_into.h"

// Which orders; what is not set does not matter.
struct order_filter {
    struct opt_i64 company_id;
    struct opt_i64 lead_id;
    struct opt_i64 batch_id;
    enum order_state state; // ORDER_NONE: any
    struct opt_i64 before;  // older than this id
    int64_t limit;
};

// order_list_table() has the members of an order that a page shows; long texts are not among them.
const struct field_table *order_list_table(void);

// order_list_read() reads the newest orders by id, filter->limit and one more where there are, into
// a list that it makes, of struct order.
void order_list_read(struct sql_op *op, const struct order_filter *filter, struct row_list *list);

// order_list_lane() is the lane that fits a filter.
enum sql_lane order_list_lane(const struct order_filter *filter);

#endif
