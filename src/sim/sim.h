// The LightFusion simulator: an HTTP server that speaks LightFusion's API with invented houses.
#ifndef SUNLEAD_SIM_H
#define SUNLEAD_SIM_H

#include <stddef.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/str.h"

struct sim;

// Texts and the clock must outlive the simulator.
struct sim_settings {
    const char *listen; // address; NULL: 127.0.0.1
    uint16_t port;      // 0: any free port
    int64_t
        generation_min_ms; // a model takes from min to max, drawn for each project; 0:0 is at once
    int64_t generation_max_ms;
    uint64_t seed;           // of generation times and faults: the same calls meet the same again
    unsigned token_ttl_s;    // how long a session's token is good; 0: 900
    size_t project_max;      // creates beyond it get 503; 0: 100,000
    double time_scale;       // simulated time runs so many times faster; 0: 1
    bool same_house;         // all projects get the files of the one that is asked for first
    const struct str *rules; // of faults, as sim_rule_parse() reads them
    size_t rule_count;
    const char *api_key;       // a bearer token that is always good; NULL: none
    const char *ledger_path;   // file that keeps the projects for the next start; NULL: none
    const struct clock *clock; // NULL: clock_system()
};

// SIM_SETTINGS_DEFAULT is the initializer with what LightFusion is known for: 30 to 120 seconds a
// model.
#define SIM_SETTINGS_DEFAULT                                                                       \
    {                                                                                              \
        .generation_min_ms = 30000, .generation_max_ms = 120000                                    \
    }

// sim_open() listens and starts the threads, with the projects that the ledger holds. ERR_INVALID
// for a bad address, rule, time scale or generation times, ERR_CONFLICT when the port is taken or
// another simulator has the ledger, ERR_CORRUPT for a broken ledger, ERR_TOO_LARGE for one with
// more than project_max projects.
MUST_CHECK enum err sim_open(const struct sim_settings *settings, struct sim **ret_sim,
                             struct error *err);

// SIM_TIME_SCALE_MAX is how much faster simulated time can run: a day in less than a second.
#define SIM_TIME_SCALE_MAX 100000

// sim_port() is the port it listens on.
uint16_t sim_port(const struct sim *sim);

// sim_close() lets running requests end (up to 10 s), stops and frees; all state goes, but for what
// is in the ledger. NULL is fine. Blocks.
void sim_close(struct sim *sim);

#endif
