// Notes each content that is about to be put into the store of files, before it is.
#ifndef SUNLEAD_TASKS_FILE_ANNOUNCER_H
#define SUNLEAD_TASKS_FILE_ANNOUNCER_H

#include "base/clock.h"
#include "files/files.h"
#include "sql/sql.h"

// In its owner's memory; the database and the clock outlive it.
struct file_announcer {
    struct files_announcer announcer; // for struct files_settings
    struct sql *db;
    const struct clock *clock;
};

// file_announcer_init() makes one whose announcements are rows of loose contents
// (store/loose_store.h). An announcement ends with ERR_UNAVAILABLE while the content is just being
// removed, or the database cannot be reached.
void file_announcer_init(struct file_announcer *announcer, struct sql *db,
                         const struct clock *clock);

#endif
