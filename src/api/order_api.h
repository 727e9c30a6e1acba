// The routes that order a model again, and those of model orders.
#ifndef SUNLEAD_API_ORDER_API_H
#define SUNLEAD_API_ORDER_API_H

#include "http/http_server.h"

// order_api_retry() is POST /api/leads/{id}/retry-3d-model.
http_handler order_api_retry;
// order_api_get() is GET /api/orders/{id}.
http_handler order_api_get;
// order_api_link() is POST /api/orders/{id}/link.
http_handler order_api_link;
// order_api_again() is POST /api/orders/{id}/order-again.
http_handler order_api_again;

#endif
