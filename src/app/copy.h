// Taking an installation from one database to another.
#ifndef SUNLEAD_APP_COPY_H
#define SUNLEAD_APP_COPY_H

#include <stdbool.h>
#include <stddef.h>

#include "app/copy_compare.h"
#include "base/arena.h"
#include "base/error.h"
#include "sql/sql.h"

// A line for each table.
struct copy_report {
    struct copy_outcome *outcomes; // in the arena
    size_t count;
    bool is_equal;   // all of them
    bool was_copied; // before: nothing was done, and there are no lines
};

// copy_run() copies all rows of a SQLite database, which is only read, into a PostgreSQL database,
// which is migrated and must be empty or hold an unfinished copy of the same source in the same
// state; then it compares both. A copy that was cut off at any point goes on where it was; while it
// is unfinished nobody else can write to the target. It is finished when both are equal. The arena
// must outlive the databases. ERR_CONFLICT says in words what speaks against it; ERR_INVALID names
// a row that the target cannot take. Blocks.
MUST_CHECK enum err copy_run(struct sql *from, struct sql *to, struct arena *arena,
                             struct copy_report *ret_report, struct error *err);

#endif
