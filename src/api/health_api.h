// The routes for operators and load balancers.
#ifndef SUNLEAD_API_HEALTH_API_H
#define SUNLEAD_API_HEALTH_API_H

#include "http/http_server.h"

// health_api_get() is GET /health.
http_handler health_api_get;
// health_api_index() is GET /: where to go from here.
http_handler health_api_index;

#endif
