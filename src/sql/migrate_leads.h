// A table leads that somebody else made: whether sunlead can work on it, and which columns it
// lacks.
#ifndef SUNLEAD_SQL_MIGRATE_LEADS_H
#define SUNLEAD_SQL_MIGRATE_LEADS_H

#include "base/buf.h"
#include "sql/sql_driver.h"

// The table as it was found. Texts are in the arena.
struct migrate_leads {
    struct arena *arena;
    bool exists;
    bool is_table;          // rather than a view, ...
    bool is_partitioned;    // made so before it had rows
    int64_t rows;           // about
    unsigned problem_count; // what is against working on it
    struct buf problems;    // in words, a line each
    struct buf missing;     // names of columns, parted by commas
    struct buf change;      // the statement that adds them
    uint64_t seen;          // the columns of ours that are there, a bit each
};

// migrate_leads_read() looks at the table. Changes and locks nothing. Blocks.
MUST_CHECK enum err migrate_leads_read(struct sql_session *session, struct arena *arena,
                                       struct migrate_leads *ret_leads, struct error *err);

#endif
