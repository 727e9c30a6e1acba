// The migration files that are built into the program.
#ifndef SUNLEAD_SQL_MIGRATION_LIST_H
#define SUNLEAD_SQL_MIGRATION_LIST_H

#include <stddef.h>

// A file of db/migrations, by its name: NNN_name.sql is for PostgreSQL (or all),
// NNN_name.sqlite.sql for SQLite.
struct migration_file {
    const char *name;
    const char *text;
    size_t text_len;
};

// Files, sorted by name.
struct migration_set {
    const struct migration_file *files;
    size_t count;
};

// Sorted by name; made from db/migrations when building.
extern const struct migration_file migration_files[];
extern const size_t migration_file_count;

#endif
