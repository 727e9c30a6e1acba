// Whether a project's files are to be converted, and the rows of what that makes.
#ifndef SUNLEAD_TASKS_CONVERT_PLAN_H
#define SUNLEAD_TASKS_CONVERT_PLAN_H

#include "tasks/task.h"

struct convert_plan {
    bool is_due;
    bool is_newer; // something was fetched that is not in what was made, or is being made
    struct model_file files[CONVERT_PRODUCTS_MAX]; // to be made, pending
    size_t count;
    // its own
    struct row_list known;
    task_step_fn *then;
};

// convert_files_init() fills in the rows of all that a conversion of an order's files makes, but
// for what became of them. Returns how many.
size_t convert_files_init(const struct order *order, int64_t now_us,
                          struct model_file files[CONVERT_PRODUCTS_MAX]);

// convert_plan_begin() reads the project's files into a zeroed plan, in the task's arena, and calls
// then(). A conversion is due if there is a mesh, and something was fetched that is not in what was
// made, or nothing was made.
void convert_plan_begin(struct task *task, struct convert_plan *plan, task_step_fn *then);

#endif
