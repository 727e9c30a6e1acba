// The rules in force, and what they let happen to each call.
#ifndef SUNLEAD_SIM_FAULTS_H
#define SUNLEAD_SIM_FAULTS_H

#include "sim/sim.h"
#include "sim/sim_fault.h"

// SIM_RULE_MAX is how many rules there can be.
#define SIM_RULE_MAX 64

// From any thread. What a rule decides follows from the seed, its text and how many calls it has
// seen, so the same calls in the same order always meet the same faults.
struct sim_faults;

// sim_faults_open() makes a set with the rules of the settings, which are without zeros.
// ERR_INVALID for a wrong rule.
MUST_CHECK enum err sim_faults_open(const struct sim_settings *settings,
                                    struct sim_faults **ret_faults, struct error *err);

// sim_faults_close() frees it. NULL is fine.
void sim_faults_close(struct sim_faults *faults);

// sim_faults_add() adds rules, all or none, in place of those that are there where replace is set.
// ERR_INVALID with places "/rules/0" for wrong ones or more than SIM_RULE_MAX.
MUST_CHECK enum err sim_faults_add(struct sim_faults *faults, const struct str *texts, size_t count,
                                   bool replace, struct error *err);

// sim_faults_remove() removes a rule by its id. ERR_NOT_FOUND.
MUST_CHECK enum err sim_faults_remove(struct sim_faults *faults, int64_t id, struct error *err);

// sim_faults_draw() says what happens to one more call at a place, or to a new project.
void sim_faults_draw(struct sim_faults *faults, enum sim_place place, struct sim_plan *ret_plan);

// sim_faults_print() adds all rules as JSON, with how many calls each has seen and hit.
void sim_faults_print(struct sim_faults *faults, struct buf *buf);

#endif
