// What is done to a leads table that has rows before migrations run on it, so that these find
// nothing left that would lock it for long.
#ifndef SUNLEAD_SQL_MIGRATE_PREPARE_H
#define SUNLEAD_SQL_MIGRATE_PREPARE_H

#include "sql/migrate_leads.h"
#include "sql/migrate_lock.h"

enum migrate_step_kind { MIGRATE_STEP_COLUMNS, MIGRATE_STEP_INDEX };

struct migrate_step {
    enum migrate_step_kind kind;
    struct str name; // of the index, or the names of the columns
    struct str text; // the statement
    bool is_invalid; // an index that a build which was cut off left behind
};

#define MIGRATE_STEPS_MAX 32

struct migrate_prepare {
    bool is_adoption; // set by the caller: no migration ever ran here, so the table is another's
    struct migrate_leads leads;
    struct migrate_step steps[MIGRATE_STEPS_MAX];
    size_t step_count;
};

// migrate_prepare_plan() finds what the missing migrations, whose texts are given one after the
// other, need done before, and what is against an adoption. Where there is no table leads, nothing.
// Blocks.
MUST_CHECK enum err migrate_prepare_plan(struct sql_session *session, struct arena *arena,
                                         struct str texts, struct migrate_prepare *ret_prepare,
                                         struct error *err);

// migrate_prepare_run() does it. Killed at any point, it goes on from there the next time. Readers
// and writers of the table wait for moments at most. Blocks, for as long as the indexes take.
MUST_CHECK enum err migrate_prepare_run(const struct migrate_lock *lock,
                                        const struct migrate_prepare *prepare, struct error *err);

#endif
