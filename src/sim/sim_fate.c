// Phases follow from the age alone, so that they are the same after a restart.
#include "sim/sim_fate.h"

// Generation shows as initialized for this part of its time.
#define INITIALIZED_PART 20

// How long the value of a fault of the project takes; -1: it has no such fault.
static int64_t fault_us(const struct sim_project *project, enum sim_fault fault, struct sim_age age)
{
    if (!sim_plan_has(&project->fate, fault))
        return -1;
    return (int64_t)((double)(project->fate.values[fault] * US_PER_MS) / age.time_scale);
}

static enum sim_phase natural_phase(const struct sim_project *project, int64_t passed_us,
                                    int *ret_progress)
{
    *ret_progress = 0;
    if (passed_us >= project->duration_us) {
        *ret_progress = 100;
        return SIM_DONE;
    }
    if (passed_us < project->duration_us / INITIALIZED_PART)
        return SIM_INITIALIZED;
    *ret_progress = (int)(passed_us * 100 / project->duration_us);
    return SIM_PROGRESS;
}

// Whether a fate stops the project, which is at *progress, at its percentage.
static bool is_stopped(const struct sim_project *project, enum sim_fault fault, int *progress)
{
    int64_t at = project->fate.values[fault];
    if (!sim_plan_has(&project->fate, fault) || *progress < at)
        return false;
    *progress = (int)at;
    return true;
}

enum sim_phase sim_fate_phase(const struct sim_project *project, struct sim_age age,
                              int *ret_progress)
{
    enum sim_phase phase = natural_phase(project, age.passed_us, ret_progress);
    int64_t flap_us = fault_us(project, SIM_FAULT_FLAPPING, age);
    int64_t fail_us = fault_us(project, SIM_FAULT_DONE_THEN_ERRORED, age);
    if (phase != SIM_INITIALIZED && is_stopped(project, SIM_FAULT_ERRORED, ret_progress))
        return SIM_ERRORED;
    if (phase != SIM_INITIALIZED && is_stopped(project, SIM_FAULT_STUCK, ret_progress))
        return SIM_PROGRESS;
    if (phase == SIM_DONE && fail_us >= 0 && age.passed_us - project->duration_us >= fail_us)
        return SIM_ERRORED;
    if (flap_us >= 0 && age.passed_us / (flap_us > 0 ? flap_us : 1) % 2 == 1) {
        *ret_progress = 0;
        return SIM_INITIALIZED;
    }
    return phase;
}

bool sim_fate_has_files(const struct sim_project *project, struct sim_age age)
{
    int64_t late_us = fault_us(project, SIM_FAULT_FILES_LATE, age);
    int64_t from_us = project->duration_us + (late_us > 0 ? late_us : 0);
    return age.passed_us >= from_us && !sim_plan_has(&project->fate, SIM_FAULT_FILES_MISSING) &&
           !sim_plan_has(&project->fate, SIM_FAULT_ERRORED) &&
           !sim_plan_has(&project->fate, SIM_FAULT_STUCK);
}

bool sim_fate_is_listed(const struct sim_project *project, struct sim_age age)
{
    return age.passed_us >= fault_us(project, SIM_FAULT_INDEX_DELAY, age);
}
