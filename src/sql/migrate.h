// Migrations: bringing a database to the shape that this program needs.
#ifndef SUNLEAD_SQL_MIGRATE_H
#define SUNLEAD_SQL_MIGRATE_H

#include "base/arena.h"
#include "base/error.h"
#include "sql/migrate_prepare.h"
#include "sql/migration_list.h"
#include "sql/sql.h"

// One migration and whether the database has it.
struct migration_state {
    const char *name; // "001_add_3d_fields_to_leads"
    struct opt_i64 applied_us;
    bool is_changed;  // applied, and its file had another text then
    bool is_unknown;  // applied, and this program does not have it: the database is newer
    struct str locks; // what its file says of the locks that it takes
};

// migrate_list() gives the state of all migrations, oldest first, in the arena: those that the
// program has and those that only the database knows. Reads only; a database that never saw a
// migration has none applied. Blocks.
MUST_CHECK enum err migrate_list(struct sql *db, struct arena *arena,
                                 struct migration_state **ret_states, size_t *ret_count,
                                 struct error *err);

// migrate_list_new() gives the same for a database of an engine that is still to be made.
void migrate_list_new(const char *engine, struct arena *arena, struct migration_state **ret_states,
                      size_t *ret_count);

// migrate_plan() tells what migrate_up() would do before it applies what is missing, and what it
// would refuse; see migrate_prepare.h. Changes and locks nothing. Blocks.
MUST_CHECK enum err migrate_plan(struct sql *db, struct arena *arena,
                                 struct migrate_prepare *ret_prepare, struct error *err);

// migrate_up() applies what is missing, each in a transaction of its own together with its record,
// and counts them in *ret_applied. A leads table that is there is adopted: it gets what it lacks,
// in a way that those who work on it hardly notice. Processes that migrate at once wait for each
// other. ERR_CONFLICT when the database has migrations that this program does not know (it is
// newer), or a leads table on which it cannot work. Blocks.
MUST_CHECK enum err migrate_up(struct sql *db, size_t *ret_applied, struct error *err);

// migrate_recount() counts the leads anew where that may be needed: of a table with partitions,
// which come, go and are emptied without a trigger that notices. Reads all of leads and locks
// nothing. Blocks.
MUST_CHECK enum err migrate_recount(struct sql *db, bool *ret_recounted, struct error *err);

// migrate_up_of() is migrate_up() with other files than those that are built in.
MUST_CHECK enum err migrate_up_of(struct sql *db, const struct migration_set *set,
                                  size_t *ret_applied, struct error *err);

#endif
