// Waiting for an order to change, on behalf of a suspended request.
#ifndef SUNLEAD_API_ORDER_WAIT_H
#define SUNLEAD_API_ORDER_WAIT_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "api/api.h"
#include "domain/lead.h"
#include "domain/order.h"

struct order_wait;

// A wait, in the request's arena. It reads the order now, whenever it changes, and once a second,
// until enough() is content, the time is over or the process stops; then end() is called once, on
// any thread, to answer the request.
struct order_wait {
    struct http_request *request;
    int64_t order_id;
    int64_t timeout_us; // from order_wait_begin()
    bool (*enough)(const struct order_wait *wait);
    void (*end)(struct order_wait *wait);
    void *ctx;
    int64_t since_us; // for enough(): UTC
    // as last read
    struct order order;
    struct lead lead;   // its lead; id 0: gone
    bool timed_out;     // the time was over before enough() was content
    struct error error; // the read failed: end() answers with it
    // its own
    struct watcher watcher;
    struct sql_op *read; // the same each time: the arena grows only by the texts that are read
    int64_t deadline_us; // monotonic
    _Atomic int stage;
};

// order_wait_begin() begins a wait; the fields of the first group are set. The request must be
// suspended.
void order_wait_begin(struct order_wait *wait);

#endif
