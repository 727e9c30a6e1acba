// Starting and stopping the simulator.
#include "sim/sim.h"

#include "http/http_server.h"
#include "sim/sim_api.h"
#include "sim/sim_call.h"
#include "sim/sim_faults.h"
#include "sim/sim_files.h"
#include "sim/sim_state.h"

#define TOKEN_TTL_S       900
#define PROJECT_MAX       100000
#define GENERATION_MS_MAX (INT64_C(24) * 3600 * 1000)
#define DRAIN_MS          10000
#define LOOPS             2

struct sim {
    struct sim_app app;
    struct http_server *server;
};

static void sim_close_ptr(struct sim **sim)
{
    sim_close(*sim);
}

static struct sim_settings without_zeros(const struct sim_settings *settings)
{
    struct sim_settings full = *settings;
    if (full.listen == NULL)
        full.listen = "127.0.0.1";
    if (full.token_ttl_s == 0)
        full.token_ttl_s = TOKEN_TTL_S;
    if (full.project_max == 0)
        full.project_max = PROJECT_MAX;
    if (full.time_scale == 0)
        full.time_scale = 1;
    if (full.clock == NULL)
        full.clock = clock_system();
    return full;
}

enum err sim_open(const struct sim_settings *settings, struct sim **ret_sim, struct error *err)
{
    struct sim_settings full = without_zeros(settings);
    if (full.generation_min_ms < 0 || full.generation_max_ms < full.generation_min_ms ||
        full.generation_max_ms > GENERATION_MS_MAX)
        return error_set(err, ERR_INVALID,
                         "generation times must be min:max milliseconds, at most a day");
    if (!(full.time_scale > 0 && full.time_scale <= SIM_TIME_SCALE_MAX))
        return error_set(err, ERR_INVALID, "the time scale must be above 0 and at most %d",
                         SIM_TIME_SCALE_MAX);
    CLEANUP(sim_close_ptr) struct sim *sim = calloc(1, sizeof(*sim));
    check(sim != NULL);
    TRY(sim_faults_open(&full, &sim->app.faults, err));
    TRY(sim_state_open(&full, &sim->app.state, err));
    TRY(sim_files_open(full.same_house, &sim->app.files, err));
    struct http_server_settings http = {
        .listen = full.listen,
        .port = full.port,
        .loops = LOOPS,
        .app = &sim->app,
    };
    http.routes = sim_api_routes(&http.route_count);
    TRY(http_server_open(&http, &sim->server, err));
    *ret_sim = TAKE_PTR(sim);
    return ERR_OK;
}

uint16_t sim_port(const struct sim *sim)
{
    return http_server_port(sim->server);
}

void sim_close(struct sim *sim)
{
    if (sim == NULL)
        return;
    if (sim->server != NULL)
        (void)http_server_drain(sim->server, DRAIN_MS);
    sim_files_stop(sim->app.files); // answers all that is suspended
    http_server_close(sim->server);
    sim_files_close(sim->app.files);
    sim_state_close(sim->app.state);
    sim_faults_close(sim->app.faults);
    free(sim);
}
