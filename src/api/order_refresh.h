// Reading an order's project from LightFusion again, on behalf of a user.
#ifndef SUNLEAD_API_ORDER_REFRESH_H
#define SUNLEAD_API_ORDER_REFRESH_H

#include "api/order_wait.h"

// order_refresh_begin() makes the order's poll due now and waits for it, 10 s at most; wait->end()
// is called with what is known then. An order that has no project, or was read less than 3 s ago,
// is answered from what is known. wait->order holds the order as read; request, end and ctx are
// set. The request must be suspended.
void order_refresh_begin(struct order_wait *wait);

// order_is_stale() tells whether what a wait brought is older than wanted, because LightFusion did
// not answer.
bool order_is_stale(const struct order_wait *wait);

#endif
