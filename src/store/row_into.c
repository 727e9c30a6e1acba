// Rows into structs by field table, and structs into parameters.
#include "store/row_into.h"

struct row_into *row_into_new(struct arena *arena, const struct field_table *table, void *object)
{
    struct row_into *into = arena_new(arena, struct row_into, 1);
    *into = (struct row_into){.arena = arena, .table = table, .object = object};
    return into;
}

void row_take_object(void *ctx, const struct sql_row *row)
{
    struct row_into *into = ctx;
    sql_row_object(row, 0, into->table, into->arena, into->object);
}

void row_take_id(void *ctx, const struct sql_row *row)
{
    int64_t *id = ctx;
    *id = sql_row_i64(row, 0);
}

size_t values_of_fields(struct sql_value *values, const struct field_table *table,
                        const void *object, size_t skip)
{
    size_t seen = 0;
    size_t count = 0;
    for (size_t i = 0; i < table->count; i++) {
        if ((table->fields[i].flags & FIELD_NO_SQL) == 0 && seen++ >= skip)
            values[count++] = sql_value_field(&table->fields[i], object);
    }
    return count;
}

struct sql_step *step_with_fields(struct sql_op *op, const struct sql_stmt *stmt,
                                  const struct field_table *table, const void *object, size_t skip)
{
    struct sql_value params[FIELD_TABLE_MAX];
    size_t count = values_of_fields(params, table, object, skip);
    return sql_op_step(op, stmt, count, params);
}

void row_list_take(void *ctx, const struct sql_row *row)
{
    struct row_list *list = ctx;
    if (list->count == list->max)
        return;
    char *object = (char *)list->objects + list->count * list->table->size;
    sql_row_object(row, 0, list->table, list->arena, object);
    list->count++;
}
