// The route that orders one model.
#ifndef SUNLEAD_API_ORDER_CREATE_API_H
#define SUNLEAD_API_ORDER_CREATE_API_H

#include "http/http_server.h"

// order_create_api_post() is POST /api/projects/3d.
http_handler order_create_api_post;

#endif
