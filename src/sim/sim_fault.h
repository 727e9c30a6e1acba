// The faults that the simulator knows, where each can happen, and rules that say when.
#ifndef SUNLEAD_SIM_FAULT_H
#define SUNLEAD_SIM_FAULT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/error.h"
#include "base/str.h"

// Where a fault can happen: a call, or the project that a create makes.
enum sim_place {
    SIM_SESSION,
    SIM_CREATE,
    SIM_ADDERS,
    SIM_PRICE,
    SIM_COMPLETE,
    SIM_LEADS,
    SIM_LEAD,
    SIM_JPG,
    SIM_OBJ,
    SIM_PLY,
    SIM_MTL,
    SIM_PROJECT,
    SIM_PLACE_COUNT,
};

enum sim_fault {
    // Instead of what was asked for, which is not done.
    SIM_FAULT_OUTAGE,
    SIM_FAULT_RESET_BEFORE,
    SIM_FAULT_EXPIRE,
    SIM_FAULT_400,
    SIM_FAULT_401,
    SIM_FAULT_403,
    SIM_FAULT_404,
    SIM_FAULT_408,
    SIM_FAULT_422,
    SIM_FAULT_429,
    SIM_FAULT_500,
    SIM_FAULT_502,
    SIM_FAULT_503,
    SIM_FAULT_504,
    // On the way of the answer to what was done.
    SIM_FAULT_LOST_AFTER_COMMIT,
    SIM_FAULT_LATENCY,
    SIM_FAULT_DRIP,
    SIM_FAULT_RESET_DURING,
    SIM_FAULT_RESET_AFTER,
    SIM_FAULT_CUT,
    SIM_FAULT_SHORT,
    SIM_FAULT_HUGE,
    SIM_FAULT_PAGE,
    SIM_FAULT_CHANGED,
    SIM_FAULT_WRONG_JSON,
    SIM_FAULT_WRONG_TYPES,
    SIM_FAULT_CLOCK_SKEW,
    // The fate of a project.
    SIM_FAULT_STUCK,
    SIM_FAULT_ERRORED,
    SIM_FAULT_FLAPPING,
    SIM_FAULT_DONE_THEN_ERRORED,
    SIM_FAULT_FILES_MISSING,
    SIM_FAULT_FILES_LATE,
    SIM_FAULT_INDEX_DELAY,
    SIM_FAULT_NO_PROJECT_ID,
    SIM_FAULT_TWIN,
    SIM_FAULT_COUNT,
};

// SIM_HALF is the value of a place in a body that was not given: half of it.
#define SIM_HALF (-1)

// The faults that come together on one call or one project, with the value of each (durations in
// milliseconds).
struct sim_plan {
    uint64_t faults; // bit i is set where fault i happens
    int64_t values[SIM_FAULT_COUNT];
};

// sim_plan_has() tells whether a fault happens.
static inline bool sim_plan_has(const struct sim_plan *plan, enum sim_fault fault)
{
    return (plan->faults >> fault & 1) != 0;
}

// sim_plan_add() adds a fault; one that is there keeps its value.
void sim_plan_add(struct sim_plan *plan, enum sim_fault fault, int64_t value);

// sim_plan_status() is the status that is answered instead of what was asked for; 0: none is.
int sim_plan_status(const struct sim_plan *plan);

// sim_plan_spoils() tells whether the plan keeps a whole and right answer from arriving.
bool sim_plan_spoils(const struct sim_plan *plan);

// sim_plan_print() adds the faults as "stuck=0 twin" (for the ledger).
void sim_plan_print(struct buf *buf, const struct sim_plan *plan);

// sim_plan_parse() reads what sim_plan_print() wrote. ERR_INVALID otherwise.
MUST_CHECK enum err sim_plan_parse(struct str text, struct sim_plan *ret_plan, struct error *err);

// SIM_RULE_TEXT_MAX bounds the text of a rule, in bytes.
#define SIM_RULE_TEXT_MAX 200

// When which fault happens where. All conditions must hold.
struct sim_rule {
    enum sim_fault fault;
    unsigned places; // bit i is set for place i
    int64_t value;
    double p;         // for each call, 1: certainly
    int64_t every;    // only every n-th call; 1: each
    int64_t first;    // only the first n calls; 0: all
    int64_t times;    // so often at most; 0: no limit
    int64_t after_ms; // not before, from when the rule is made
    int64_t for_ms;   // and for so long; 0: for ever
};

// sim_rule_parse() reads WHERE:FAULT[:OPTION=VALUE,...], such as "create:500:p=0.1,times=3".
// ERR_INVALID with the wrong word in the message.
MUST_CHECK enum err sim_rule_parse(struct str text, struct sim_rule *ret_rule, struct error *err);

// sim_duration_parse() reads "250ms", "-90s", "2m", "1h" or seconds as a bare number, from min_ms
// to max_ms. ERR_INVALID otherwise.
MUST_CHECK enum err sim_duration_parse(struct str text, int64_t min_ms, int64_t max_ms,
                                       int64_t *ret_ms);

// sim_fault_help() adds a description of rules, places and faults, for people.
void sim_fault_help(struct buf *buf);

#endif
