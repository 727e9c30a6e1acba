// The simulator's routes.
#ifndef SUNLEAD_SIM_API_H
#define SUNLEAD_SIM_API_H

#include "http/http_server.h"
#include "sim/sim_files.h"
#include "sim/sim_state.h"

// What handlers work on: settings.app of the server.
struct sim_app {
    struct sim_state *state;
    struct sim_files *files;
};

// sim_api_routes() is the route table, which lives for ever.
const struct http_route *sim_api_routes(size_t *ret_count);

// sim_api_guard() is the server's guard: it sees every request first, and refuses API calls without
// a good token.
bool sim_api_guard(struct http_request *request, void *app);

#endif
