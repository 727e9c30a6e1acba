// A row on its way from one database to another: as JSON that the target reads, and as bytes that
// are the same for the same row on every engine.
#ifndef SUNLEAD_STORE_COPY_ROW_H
#define SUNLEAD_STORE_COPY_ROW_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "base/error.h"
#include "base/str.h"
#include "sql/sql.h"
#include "store/copy_table.h"

// All rows are read as columns in the order of their table.
struct copy_columns {
    const struct copy_column *list;
    size_t count;
    size_t key_count; // the first ones
};

// copy_row_check() is ERR_INVALID, and names the column, for a row that not every engine can hold:
// a text that is not UTF-8 or holds a NUL, a number that is not finite, a time outside of the years
// 0 to 9999.
MUST_CHECK enum err copy_row_check(const struct copy_columns *columns, const struct sql_row *row,
                                   struct error *err);

// copy_row_append_json() adds the row as a JSON object that json_populate_record() turns into the
// same row; nulls are left out.
void copy_row_append_json(const struct copy_columns *columns, const struct sql_row *row,
                          struct buf *out);

// copy_row_append_cell() adds an object with column i alone.
void copy_row_append_cell(const struct copy_columns *columns, const struct sql_row *row, size_t i,
                          struct buf *out);

// copy_row_append_bytes() adds the row as bytes: for each column one byte (0: null), and where it
// is 1 the length of the value (4 bytes, the lowest first) and the value: integers, times in UTC
// microseconds, booleans and the bits of numbers as 8 bytes, the lowest first; texts as they are.
void copy_row_append_bytes(const struct copy_columns *columns, const struct sql_row *row,
                           struct buf *out);

// copy_row_describe() adds the key of a row that was written as bytes, for people: "id 5".
void copy_row_describe(const struct copy_columns *columns, struct str bytes, struct buf *out);

// copy_row_compare() compares the keys of two rows that were written as bytes, as memcmp() does.
int copy_row_compare(const struct copy_columns *columns, struct str a, struct str b);

// copy_row_difference() is the first column in which two rows that were written as bytes differ;
// NULL: none.
const char *copy_row_difference(const struct copy_columns *columns, struct str a, struct str b);

#endif
