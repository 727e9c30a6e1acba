// What the store's files share: rows into structs, structs into parameters.
#ifndef SUNLEAD_STORE_ROW_INTO_H
#define SUNLEAD_STORE_ROW_INTO_H

#include "sql/sql.h"

// Where a row goes: by a field table into an object.
struct row_into {
    struct arena *arena;
    const struct field_table *table;
    void *object;
};

// row_into_new() makes one in an arena, as the ctx of a step.
struct row_into *row_into_new(struct arena *arena, const struct field_table *table, void *object);

// row_take_object() is an on_row that decodes all columns into the object of a struct row_into.
void row_take_object(void *ctx, const struct sql_row *row);

// row_take_id() is an on_row that stores the first column in the int64_t behind ctx.
void row_take_id(void *ctx, const struct sql_row *row);

// values_of_fields() binds an object's SQL fields in the table's order, without the first skip
// ones. Returns how many.
size_t values_of_fields(struct sql_value *values, const struct field_table *table,
                        const void *object, size_t skip);

// step_with_fields() adds a statement whose parameters are the object's SQL fields in the table's
// order, without the first skip ones.
struct sql_step *step_with_fields(struct sql_op *op, const struct sql_stmt *stmt,
                                  const struct field_table *table, const void *object, size_t skip);

// A list of objects that grows with its rows, up to max.
struct row_list {
    struct arena *arena;
    const struct field_table *table;
    void *objects; // max elements of the table's size
    size_t count;
    size_t max;
};

// row_list_take() is an on_row that decodes a row into the next object of a struct row_list; rows
// over max are dropped.
void row_list_take(void *ctx, const struct sql_row *row);

#endif
