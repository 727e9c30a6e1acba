// How a project goes on by its age and by the faults that were drawn for it.
#ifndef SUNLEAD_SIM_FATE_H
#define SUNLEAD_SIM_FATE_H

#include "sim/sim_state.h"

// How long a project has been there, and how much faster simulated time runs.
struct sim_age {
    int64_t passed_us;
    double time_scale;
};

// sim_fate_phase() is how far a project of that age is; *ret_progress is 0 to 100.
enum sim_phase sim_fate_phase(const struct sim_project *project, struct sim_age age,
                              int *ret_progress);

// sim_fate_has_files() tells whether its files are there.
bool sim_fate_has_files(const struct sim_project *project, struct sim_age age);

// sim_fate_is_listed() tells whether look-ups show it.
bool sim_fate_is_listed(const struct sim_project *project, struct sim_age age);

#endif
