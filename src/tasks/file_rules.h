// What a company's settings mean for the job that stores files of its models.
#ifndef SUNLEAD_TASKS_FILE_RULES_H
#define SUNLEAD_TASKS_FILE_RULES_H

#include "domain/company.h"
#include "store/row_into.h"
#include "tasks/task.h"

// FILE_QUOTA_WAIT_US is how long a job waits that found its company's quota full. A change of the
// settings makes it due at once.
#define FILE_QUOTA_WAIT_US (15 * 60 * US_PER_S)

enum file_ruling {
    FILE_MAY_BE_STORED,
    FILE_NOT_KEPT,   // nothing is stored of the company's models
    FILE_LEAD_GONE,  // nothing is stored of a lead that was deleted
    FILE_QUOTA_FULL, // not now
};

struct file_rules {
    struct company company;    // as read
    int64_t stored_bytes;      // 0 where there is no quota
    struct file_policy policy; // in force
    enum file_ruling ruling;
    struct error why; // of FILE_QUOTA_FULL, for people
};

// file_rules_read() adds the steps to a reading operation of a task that read its order: they fill
// the task's rules.
void file_rules_read(struct task *task, struct sql_op *op);

// file_rules_judge() says what the task may do with more_bytes that it is about to store (0: not
// known yet), after the operation above is done.
enum file_ruling file_rules_judge(struct task *task, int64_t more_bytes);

// file_rules_hold() ends the run of a task that may not store what it is about to fetch: the rows
// of the project's originals that are not stored (known: rows of struct model_file) say why, the
// order too, and the job waits or is done. False, and nothing is done, where files may be stored.
bool file_rules_hold(struct task *task, const struct row_list *known);

// file_rules_room() is how many bytes one file may have that the task is about to store; not set:
// any number. Several that are stored at once may come to more together.
struct opt_i64 file_rules_room(const struct task *task);

// file_rules_leave_alone() tells whether a file is not to be fetched by itself: it was removed, or
// was not to be stored. retention_store_restore() changes that.
bool file_rules_leave_alone(const struct model_file *file);

#endif
