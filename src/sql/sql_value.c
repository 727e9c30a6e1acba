// Values on their way into statements and out of rows.
#include "sql/sql.h"

#include "sql/sql_driver.h"

struct sql_value sql_value_text(struct str text)
{
    if (text.ptr == NULL)
        return SQLV_NULL;
    return (struct sql_value){.type = SQL_TEXT, .text = text};
}

struct sql_value sql_value_opt_i64(struct opt_i64 value)
{
    return value.set ? SQLV_INT(value.value) : SQLV_NULL;
}

struct sql_value sql_value_opt_f64(struct opt_f64 value)
{
    return value.set ? SQLV_FLOAT(value.value) : SQLV_NULL;
}

struct sql_value sql_value_opt_time(struct opt_i64 value)
{
    return value.set ? SQLV_TIME(value.value) : SQLV_NULL;
}

// Enums are int-sized whatever their type; memcpy keeps the compiler's aliasing rules.
static struct sql_value enum_value(const struct field *field, const void *ptr)
{
    int value;
    memcpy(&value, ptr, sizeof(value));
    return sql_value_text(str_of(field->names[value]));
}

struct sql_value sql_value_field(const struct field *field, const void *object)
{
    const void *ptr = field_const_ptr(field, object);
    switch (field->type) {
    case FIELD_I64:
        return SQLV_INT(*(const int64_t *)ptr);
    case FIELD_OPT_I64:
        return sql_value_opt_i64(*(const struct opt_i64 *)ptr);
    case FIELD_F64:
        return SQLV_FLOAT(*(const double *)ptr);
    case FIELD_OPT_F64:
        return sql_value_opt_f64(*(const struct opt_f64 *)ptr);
    case FIELD_BOOL:
        return SQLV_BOOL(*(const bool *)ptr);
    case FIELD_STR:
    case FIELD_RAW:
        return sql_value_text(*(const struct str *)ptr);
    case FIELD_TIME:
        return sql_value_opt_time(*(const struct opt_i64 *)ptr);
    case FIELD_ENUM:
        return enum_value(field, ptr);
    case FIELD_F64_LIST:
    case FIELD_OBJECT:
        break;
    }
    check_failed("field that is a column", __FILE__, __LINE__);
}

size_t sql_row_columns(const struct sql_row *row)
{
    return row->driver->row_columns(row);
}

bool sql_row_is_null(const struct sql_row *row, size_t i)
{
    return row->driver->row_is_null(row, i);
}

int64_t sql_row_i64(const struct sql_row *row, size_t i)
{
    return row->driver->row_i64(row, i);
}

double sql_row_f64(const struct sql_row *row, size_t i)
{
    return row->driver->row_f64(row, i);
}

struct str sql_row_str(const struct sql_row *row, size_t i)
{
    return row->driver->row_str(row, i);
}

struct opt_i64 sql_row_opt_i64(const struct sql_row *row, size_t i)
{
    if (row->driver->row_is_null(row, i))
        return (struct opt_i64){0};
    return OPT_I64(row->driver->row_i64(row, i));
}

struct opt_f64 sql_row_opt_f64(const struct sql_row *row, size_t i)
{
    if (row->driver->row_is_null(row, i))
        return (struct opt_f64){0};
    return OPT_F64(row->driver->row_f64(row, i));
}

// A text that is none of the names (a column shared with another program) reads as 0.
static void read_enum(const struct sql_row *row, size_t i, const struct field *field, void *ptr)
{
    struct str text = row->driver->row_str(row, i);
    int value = text.ptr == NULL ? 0 : field_enum_parse(field->names, text);
    if (value < 0)
        value = 0;
    memcpy(ptr, &value, sizeof(value));
}

static void read_field(const struct sql_row *row, size_t i, const struct field *field,
                       struct arena *arena, void *object)
{
    void *ptr = field_ptr(field, object);
    switch (field->type) {
    case FIELD_I64:
        *(int64_t *)ptr = sql_row_i64(row, i);
        return;
    case FIELD_OPT_I64:
    case FIELD_TIME:
        *(struct opt_i64 *)ptr = sql_row_opt_i64(row, i);
        return;
    case FIELD_F64:
        *(double *)ptr = sql_row_f64(row, i);
        return;
    case FIELD_OPT_F64:
        *(struct opt_f64 *)ptr = sql_row_opt_f64(row, i);
        return;
    case FIELD_BOOL:
        *(bool *)ptr = sql_row_i64(row, i) != 0;
        return;
    case FIELD_STR:
    case FIELD_RAW:
        *(struct str *)ptr = arena_str(arena, sql_row_str(row, i));
        return;
    case FIELD_ENUM:
        read_enum(row, i, field, ptr);
        return;
    case FIELD_F64_LIST:
    case FIELD_OBJECT:
        break;
    }
    check_failed("field that is a column", __FILE__, __LINE__);
}

size_t sql_row_object(const struct sql_row *row, size_t first, const struct field_table *table,
                      struct arena *arena, void *object)
{
    size_t column = first;
    for (size_t i = 0; i < table->count; i++) {
        const struct field *field = &table->fields[i];
        bool is_column = (field->flags & FIELD_NO_SQL) == 0 && field->type != FIELD_F64_LIST &&
                         field->type != FIELD_OBJECT;
        if (is_column)
            read_field(row, column++, field, arena, object);
    }
    return column;
}
