// Removes what is not to be kept: the rows of files whose time is over, and contents without a row.
#ifndef SUNLEAD_TASKS_FILE_SWEEP_H
#define SUNLEAD_TASKS_FILE_SWEEP_H

#include "base/clock.h"
#include "domain/company.h"
#include "files/files.h"
#include "http/http_client.h"
#include "sql/sql.h"

struct file_sweep;

// Everything outlives the sweep, but for the client (file_sweep_stop()).
struct file_sweep_settings {
    struct sql *db;
    struct http_client *http; // its timers
    struct files *files;
    const struct clock *clock;
    struct file_policy policy; // of companies that do not say
    unsigned pace;             // of all spans (base/pace.h)
};

// file_sweep_open() begins: once a minute it looks for what is to be removed, once an hour also for
// files of leads that are gone. Any number of processes may do so at once.
struct file_sweep *file_sweep_open(const struct file_sweep_settings *settings);

// file_sweep_stop() ends it; nothing of it is under way any more when it returns. Then the client
// is to be closed, and only then the sweep. NULL is fine. Blocks for a moment.
void file_sweep_stop(struct file_sweep *sweep);

// file_sweep_close() frees. NULL is fine.
void file_sweep_close(struct file_sweep *sweep);

#endif
