// Finding out what became of an order whose fate is unknown.
#ifndef SUNLEAD_TASKS_TASK_LOOKUP_H
#define SUNLEAD_TASKS_TASK_LOOKUP_H

#include "tasks/task.h"

// LightFusion may show a new project a little later than it made it.
#define TASK_LOOKUP_DELAY_US (5 * US_PER_S)

// task_lookup() looks for the project of an order in state unknown by place and time, and moves the
// order on: created when one is found whose project id is sure, requested again when two complete
// look-ups prove that there is none, parked otherwise. Ends the run.
void task_lookup(struct task *task);

#endif
