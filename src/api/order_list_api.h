// The route that lists model orders.
#ifndef SUNLEAD_API_ORDER_LIST_API_H
#define SUNLEAD_API_ORDER_LIST_API_H

#include "http/http_server.h"

// order_list_api_get() is GET /api/orders.
http_handler order_list_api_get;

#endif
