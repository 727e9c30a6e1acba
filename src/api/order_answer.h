// What the API says of a model order.
#ifndef SUNLEAD_API_ORDER_ANSWER_H
#define SUNLEAD_API_ORDER_ANSWER_H

#include "domain/order.h"
#include "http/http_server.h"
#include "sql/sql.h"
#include "store/row_into.h"

// order_answer_created() answers a request for a project with the state of its order: 201 (or 200
// for an order that was there before) when LightFusion has the project, 202 while it is pending,
// 422 when LightFusion refused it, 502 when it failed otherwise.
void order_answer_created(struct http_request *request, const struct order *order, bool is_new);

// An order as it is shown.
struct order_view {
    struct order order;
    struct opt_i64 next_try_at;
    struct row_list exchanges; // of struct exchange
};

// order_view_read() adds steps that read an order by id; ERR_NOT_FOUND fails the operation.
void order_view_read(struct sql_op *op, int64_t id, struct order_view *view);

// order_answer_has_place() tells whether a project request has a place, and else answers with 422:
// an order without one, or with 0 for what is not known, would be paid for the wrong house.
bool order_answer_has_place(struct http_request *request, const struct project_request *terms);

// order_answer_view() answers with the order itself.
void order_answer_view(struct http_request *request, int status, const struct order_view *view);

// order_answer_conflict() answers 409 with the order's ids beside the problem.
void order_answer_conflict(struct http_request *request, const struct order *order,
                           const char *detail);

#endif
