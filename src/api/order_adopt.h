// The order of a lead whose project another program on the same table had made.
#ifndef SUNLEAD_API_ORDER_ADOPT_H
#define SUNLEAD_API_ORDER_ADOPT_H

#include <stdint.h>

#include "api/api.h"
#include "domain/lead.h"
#include "domain/order.h"

// An adoption, in the request's arena.
struct order_adopt {
    struct http_request *request;
    const struct lead *lead; // as it was read
    struct order *order;     // its newest order as it was read; out: the one that was made
    void (*end)(struct order_adopt *adopt);
    void *ctx;
};

// order_adopt_begin() calls end() once: now where the lead has an order or no project, else when an
// order was made of what the lead's row says (order->id stays 0 where another lead has the
// project). A failure answers the request instead. The request must be suspended.
void order_adopt_begin(struct order_adopt *adopt);

#endif
