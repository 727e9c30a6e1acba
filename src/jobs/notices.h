// Notices of changes: they wake those who wait, in this process and in the others on its database.
#ifndef SUNLEAD_JOBS_NOTICES_H
#define SUNLEAD_JOBS_NOTICES_H

#include <stdint.h>

#include "jobs/jobs.h"
#include "jobs/watch.h"
#include "sql/sql.h"

// Who is woken. Set up before work begins; all must outlive it. Nothing depends on a notice: it may
// get lost between processes, and whoever waits looks by himself now and then.
struct notices {
    struct sql *db;
    struct watch *watch;
    struct jobs *jobs; // NULL: no jobs here
};

// notices_listen() begins to wake those of this process by what other processes tell.
void notices_listen(struct notices *notices);

// notices_close() ends that; nobody is woken any more when it returns. Blocks for a moment.
void notices_close(struct notices *notices);

// notices_order_changed() wakes all who wait for an order. Call it after the commit, from any
// thread; watchers are woken inside it. Never blocks.
void notices_order_changed(const struct notices *notices, int64_t order_id);

// notices_job_added() tells the runner of this process that a job may have become due, and the
// others only if there is no room for it here: each notice has them look. Like the one above.
void notices_job_added(const struct notices *notices);

#endif
