// Calls an order off before it is sent.
#include "api/order_cancel_api.h"

#include "api/api_call.h"
#include "api/order_answer.h"
#include "base/random.h"
#include "store/event_store.h"
#include "store/lead_store.h"
#include "store/order_commit.h"
#include "store/order_store.h"

struct order_cancel {
    struct http_request *request;
    int64_t lead_id;
    struct lead lead;
    struct order order;    // the lead's newest
    struct order previous; // the one before it that was not cancelled; id 0: none
    struct order_view view;
};

static void read_lead(struct order_cancel *cancel);

static void cancelled(struct sql_op *op)
{
    struct order_cancel *cancel = op->done_ctx;
    if (op->error.code == ERR_STALE) {
        // The order moved on: what it is now decides.
        read_lead(cancel);
        return;
    }
    if (op->error.code != ERR_OK) {
        api_refuse(cancel->request, &op->error);
        return;
    }
    notices_order_changed(api_of(cancel->request)->notices, cancel->order.id);
    order_answer_view(cancel->request, 200, &cancel->view);
}

static void store(struct order_cancel *cancel)
{
    struct http_request *request = cancel->request;
    struct order *order = &cancel->order;
    int64_t now_us = api_now_us(request);
    int64_t op_id = random_id();
    check(order_go(order, ORDER_CANCELLED, now_us, NULL) == ERR_OK);
    struct sql_op *op = api_op(request, "order_cancel", SQL_LANE_WRITE, cancelled, cancel);
    order_commit_cancelled(op, order, &cancel->previous, &cancel->lead, now_us);
    event_store_add(op, &(struct event){.type = order_event_type(ORDER_CANCELLED),
                                        .lead_id = order->lead_id,
                                        .order_id = order->id,
                                        .op_id = op_id,
                                        .at_us = now_us});
    order_view_read(op, order->id, &cancel->view);
    event_store_find(sql_op_proof(op), op_id, &order->lead_id);
    order_view_read(op->proof, order->id, &cancel->view);
    api_submit(request, op);
}

static void view_read(struct sql_op *op)
{
    struct order_cancel *cancel = op->done_ctx;
    if (op->error.code != ERR_OK)
        http_problem(cancel->request, &op->error);
    else
        order_answer_view(cancel->request, 200, &cancel->view);
}

// It was called off before.
static void answer_again(struct order_cancel *cancel)
{
    struct sql_op *op =
        api_op(cancel->request, "order_cancel_view", SQL_LANE_SHORT, view_read, cancel);
    order_view_read(op, cancel->order.id, &cancel->view);
    api_submit(cancel->request, op);
}

static void lead_read(struct sql_op *op)
{
    struct order_cancel *cancel = op->done_ctx;
    struct http_request *request = cancel->request;
    const struct order *order = &cancel->order;
    struct error err = op->error;
    if (err.code == ERR_OK && order->id == 0)
        (void)error_set(&err, ERR_CONFLICT, "No 3D model was ordered for this lead.");
    if (err.code != ERR_OK)
        http_problem(request, &err);
    else if (order->state == ORDER_CANCELLED)
        answer_again(cancel);
    else if (order->state == ORDER_REQUESTED)
        store(cancel);
    else
        order_answer_conflict(
            request, order,
            arena_printf(http_arena(request),
                         "The order is %s: only one that was not sent yet can be cancelled.",
                         order_state_names[order->state])
                .ptr);
}

static void read_lead(struct order_cancel *cancel)
{
    cancel->lead = (struct lead){0};
    cancel->order = cancel->previous = (struct order){0};
    struct sql_op *op =
        api_op(cancel->request, "order_cancel_read", SQL_LANE_SHORT, lead_read, cancel);
    lead_store_get(op, cancel->lead_id, ERR_NOT_FOUND, &cancel->lead);
    order_store_get_newest(op, cancel->lead_id, &cancel->order);
    order_store_get_previous(op, cancel->lead_id, &cancel->previous);
    api_submit(cancel->request, op);
}

void order_cancel_api_post(struct http_request *request)
{
    struct order_cancel *cancel = arena_new(http_arena(request), struct order_cancel, 1);
    cancel->request = request;
    if (!api_id(request, "id", &cancel->lead_id) || !api_takes_nothing(request))
        return;
    http_suspend(request);
    read_lead(cancel);
}
