// What the API says of a model order.
#ifndef SUNLEAD_API_ORDER_ANSWER_H
#define SUNLEAD_API_ORDER_ANSWER_H

#include "domain/order.h"
#include "http/http_server.h"

// order_answer_created() answers a request for a project with the state of its order: 201 (or 200
// for an order that was there before) when LightFusion has the project, 202 while it is pending,
// 422 when LightFusion refused it, 502 when it failed otherwise.
void order_answer_created(struct http_request *request, const struct order *order, bool is_new);

// order_answer_order() answers with the order itself.
void order_answer_order(struct http_request *request, int status, const struct order *order);

// order_answer_conflict() answers 409 with the order's ids beside the problem.
void order_answer_conflict(struct http_request *request, const struct order *order,
                           const char *detail);

#endif
