// The simulator's routes.
#ifndef SUNLEAD_SIM_API_H
#define SUNLEAD_SIM_API_H

#include "http/http_server.h"

// sim_api_routes() is the route table, which lives for ever. Its handlers work on a struct sim_app.
const struct http_route *sim_api_routes(size_t *ret_count);

#endif
