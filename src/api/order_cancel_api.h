// The route that calls an order off before it is sent.
#ifndef SUNLEAD_API_ORDER_CANCEL_API_H
#define SUNLEAD_API_ORDER_CANCEL_API_H

#include "http/http_server.h"

// order_cancel_api_post() is POST /api/leads/{id}/cancel-3d-model.
http_handler order_cancel_api_post;

#endif
