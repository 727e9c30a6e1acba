// Which tables a copy from one database to another takes along, and in what order.
#ifndef SUNLEAD_STORE_COPY_TABLE_H
#define SUNLEAD_STORE_COPY_TABLE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "base/field.h"
#include "sql/sql.h"

#define COPY_KEY_MAX 2

struct copy_column {
    const char *name;
    enum sql_type type;
};

// One table. Its key is its first key_count columns: at most one of them a number and one a text,
// where it is copied.
struct copy_table {
    const char *name;
    const struct field_table *fields; // the columns; NULL: those in own
    const struct copy_column *own;
    size_t own_count;
    size_t key_count;
    const char *where;  // the rows that count; NULL: all
    const char *newest; // an expression whose greatest value changes when a row does
    size_t batch_rows;  // in one transaction, so many that they fit into memory when they are long
    bool counts_ids;    // gives ids out by itself, each once
    bool is_kept;       // by triggers: not copied, but compared
};

// Jobs come last of what is copied, those that are kept after what they are kept from.
extern const struct copy_table copy_tables[];
extern const size_t copy_table_count;

// copy_table_columns() gives a table's columns, in the arena.
const struct copy_column *copy_table_columns(const struct copy_table *table, struct arena *arena,
                                             size_t *ret_count);

#endif
