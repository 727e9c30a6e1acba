// The statements of a copy from one database to another, and the mark of one that has not ended.
#ifndef SUNLEAD_STORE_COPY_STORE_H
#define SUNLEAD_STORE_COPY_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sql/sql.h"
#include "store/copy_row.h"
#include "store/copy_table.h"

// A table with its columns and statements, which live in an arena.
struct copy_part {
    const struct copy_table *table;
    struct copy_columns columns;
    struct sql_stmt any;        // whether it has a row
    struct sql_stmt names;      // the columns that the database has
    struct sql_stmt summary;    // how many rows, and the newest
    struct sql_stmt read_first; // a page from the beginning
    struct sql_stmt read_next;  // a page behind a key
    struct sql_stmt insert;     // rows of a JSON array
    struct sql_stmt try_cells;  // whether a row of the table can be made of a JSON object
    struct sql_stmt last_id;    // the greatest id that was ever given out
    struct sql_stmt set_last_id;
};

// How far a table was copied or read: the key of the last row.
struct copy_position {
    int64_t rows; // 0: at the beginning, without a key
    struct sql_value key[COPY_KEY_MAX];
    char *text; // the key's text, on the heap
};

// What was copied: an installation in one state of its data.
struct copy_source {
    struct str installation;
    struct str state;
};

// What a target tells about the copy that goes on in it.
struct copy_mark {
    struct arena *arena; // of the texts; set by the caller
    struct copy_source source;
    const struct copy_part *parts; // set by the caller
    size_t part_count;
    struct copy_position *positions; // one a part; the caller's, zeroed
    size_t found;                    // rows of the mark
};

// copy_part_init() fills a part for a table; the arena must outlive the databases.
void copy_part_init(struct copy_part *part, const struct copy_table *table, struct arena *arena);

// copy_position_take() moves the position to a row.
void copy_position_take(struct copy_position *position, const struct copy_columns *columns,
                        const struct sql_row *row);

// copy_position_set() makes position the same as another one.
void copy_position_set(struct copy_position *position, const struct copy_position *from);

// copy_position_done() frees the key's text; for CLEANUP.
void copy_position_done(struct copy_position *position);

// copy_store_read() reads a page of at most max rows, in the order of the key, behind a position.
// The caller sets on_row, which sees the columns of the part and may move the position.
struct sql_step *copy_store_read(struct sql_op *op, const struct copy_part *part,
                                 const struct copy_position *after, size_t max);

// copy_store_insert() adds the rows of a JSON array to a target, and carries its mark on from one
// position to the next. ERR_STALE fails the operation when another process moved the mark.
void copy_store_insert(struct sql_op *op, const struct copy_part *part, struct str rows,
                       const struct copy_position *from, const struct copy_position *to);

// copy_store_try_cells() fails the operation as the target refuses the cells of a JSON object.
void copy_store_try_cells(struct sql_op *op, const struct copy_part *part, struct str cells);

// copy_store_has_table() sets *has_table if the database has a table of that name.
void copy_store_has_table(struct sql_op *op, struct str name, bool *has_table);

// copy_store_has_mark() sets *has_mark if a copy into the database has not ended.
void copy_store_has_mark(struct sql_op *op, bool *has_mark);

// copy_store_read_mark() reads the mark, which must be there; mark->found stays 0 if it is empty.
// As a write: it waits for the end of a batch that the server still works on for a process that is
// gone.
void copy_store_read_mark(struct sql_op *op, struct copy_mark *mark);

// copy_store_write_mark() fills an empty mark for a part that is at its beginning.
void copy_store_write_mark(struct sql_op *op, const struct copy_part *part,
                           const struct copy_source *source);

// copy_store_begin() makes the mark in a target whose tables are empty, and from then on refuses
// writes of everybody else to them. ERR_CONFLICT when a table is not empty. Blocks.
MUST_CHECK enum err copy_store_begin(struct sql *db, struct error *err);

// copy_store_end() removes the mark and gives the tables free. Blocks.
MUST_CHECK enum err copy_store_end(struct sql *db, struct error *err);

#endif
