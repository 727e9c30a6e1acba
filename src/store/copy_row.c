// Rows as JSON and as bytes.
#include "store/copy_row.h"

#include <endian.h>
#include <math.h>

#include "base/clock.h"
#include "json/json_write.h"

#define YEAR_1_US (INT64_C(-62135596800) * US_PER_S)

// NULL: the value can be held everywhere.
static const char *problem_of(const struct copy_column *column, const struct sql_row *row, size_t i)
{
    switch (column->type) {
    case SQL_TEXT: {
        struct str text = sql_row_str(row, i);
        if (str_find(text, '\0', 0) < text.len)
            return "holds a NUL";
        return str_is_utf8(text) ? NULL : "is not UTF-8";
    }
    case SQL_FLOAT:
        return isfinite(sql_row_f64(row, i)) ? NULL : "is not a finite number";
    case SQL_TIME: {
        int64_t time_us = sql_row_i64(row, i);
        return time_us >= TIME_MIN_US && time_us <= TIME_MAX_US ? NULL : "is not a time";
    }
    case SQL_INT:
    case SQL_BOOL:
    case SQL_NULL:
        break;
    }
    return NULL;
}

enum err copy_row_check(const struct copy_columns *columns, const struct sql_row *row,
                        struct error *err)
{
    for (size_t i = 0; i < columns->count; i++) {
        const char *problem =
            sql_row_is_null(row, i) ? NULL : problem_of(&columns->list[i], row, i);
        if (problem != NULL)
            return error_set(err, ERR_INVALID, "column %s: %s", columns->list[i].name, problem);
    }
    return ERR_OK;
}

// PostgreSQL knows no year 0: it is 1 BC there.
static void append_time(struct buf *out, int64_t time_us)
{
    buf_append_char(out, '"');
    size_t at = out->len;
    time_append(out, time_us);
    if (time_us < YEAR_1_US) {
        if (!out->overflow)
            memcpy(out->ptr + at, "0001", 4);
        BUF_LITERAL(out, " BC");
    }
    buf_append_char(out, '"');
}

// The shortest text that reads back as the same number; minus zero too.
static void append_value(const struct copy_column *column, const struct sql_row *row, size_t i,
                         struct buf *out)
{
    json_write_name(out, column->name);
    switch (column->type) {
    case SQL_INT:
        number_append_i64(out, sql_row_i64(row, i));
        return;
    case SQL_FLOAT:
        number_append_f64(out, sql_row_f64(row, i));
        return;
    case SQL_BOOL:
        buf_append_str(out, sql_row_i64(row, i) != 0 ? STR("true") : STR("false"));
        return;
    case SQL_TIME:
        append_time(out, sql_row_i64(row, i));
        return;
    case SQL_TEXT:
        json_write_str(out, sql_row_str(row, i));
        return;
    case SQL_NULL:
        break;
    }
    check_failed("type of a column", __FILE__, __LINE__);
}

void copy_row_append_json(const struct copy_columns *columns, const struct sql_row *row,
                          struct buf *out)
{
    buf_append_char(out, '{');
    for (size_t i = 0; i < columns->count; i++) {
        if (!sql_row_is_null(row, i))
            append_value(&columns->list[i], row, i, out);
    }
    buf_append_char(out, '}');
}

void copy_row_append_cell(const struct copy_columns *columns, const struct sql_row *row, size_t i,
                          struct buf *out)
{
    buf_append_char(out, '{');
    if (!sql_row_is_null(row, i))
        append_value(&columns->list[i], row, i, out);
    buf_append_char(out, '}');
}

static void append_field(struct buf *out, const void *bytes, size_t len)
{
    uint32_t wire = htole32((uint32_t)len);
    buf_append_char(out, 1);
    buf_append(out, &wire, sizeof(wire));
    buf_append(out, bytes, len);
}

static void append_field_u64(struct buf *out, uint64_t value)
{
    uint64_t wire = htole64(value);
    append_field(out, &wire, sizeof(wire));
}

static void append_field_of(const struct copy_column *column, const struct sql_row *row, size_t i,
                            struct buf *out)
{
    double number;
    uint64_t bits;
    struct str text;
    switch (column->type) {
    case SQL_INT:
    case SQL_TIME:
        append_field_u64(out, (uint64_t)sql_row_i64(row, i));
        return;
    case SQL_BOOL:
        append_field_u64(out, sql_row_i64(row, i) != 0);
        return;
    case SQL_FLOAT:
        number = sql_row_f64(row, i);
        memcpy(&bits, &number, sizeof(bits));
        append_field_u64(out, bits);
        return;
    case SQL_TEXT:
        text = sql_row_str(row, i);
        append_field(out, text.ptr, text.len);
        return;
    case SQL_NULL:
        break;
    }
    check_failed("type of a column", __FILE__, __LINE__);
}

void copy_row_append_bytes(const struct copy_columns *columns, const struct sql_row *row,
                           struct buf *out)
{
    for (size_t i = 0; i < columns->count; i++) {
        if (sql_row_is_null(row, i))
            buf_append_char(out, 0);
        else
            append_field_of(&columns->list[i], row, i, out);
    }
}

// Takes the next field off a row's bytes; null for a null.
static struct str next_field(struct str *rest)
{
    bool is_null = rest->ptr[0] == 0;
    *rest = str_slice(*rest, 1, rest->len);
    if (is_null)
        return STR_NULL;
    uint32_t len;
    memcpy(&len, rest->ptr, sizeof(len));
    len = le32toh(len);
    struct str field = {.ptr = rest->ptr + sizeof(len), .len = len};
    *rest = str_slice(*rest, sizeof(len) + len, rest->len);
    return field;
}

static int64_t integer_of(struct str field)
{
    uint64_t wire = 0;
    check(field.len == sizeof(wire));
    memcpy(&wire, field.ptr, sizeof(wire));
    return (int64_t)le64toh(wire);
}

void copy_row_describe(const struct copy_columns *columns, struct str bytes, struct buf *out)
{
    for (size_t i = 0; i < columns->key_count; i++) {
        struct str field = next_field(&bytes);
        buf_printf(out, "%s%s ", i > 0 ? ", " : "", columns->list[i].name);
        if (columns->list[i].type == SQL_TEXT || field.ptr == NULL)
            buf_append_str(out, field);
        else
            number_append_i64(out, integer_of(field));
    }
}

static int compare_texts(struct str a, struct str b)
{
    size_t len = a.len < b.len ? a.len : b.len;
    int order = len == 0 ? 0 : memcmp(a.ptr, b.ptr, len);
    return order != 0 ? order : (a.len > b.len) - (a.len < b.len);
}

int copy_row_compare(const struct copy_columns *columns, struct str a, struct str b)
{
    int order = 0;
    for (size_t i = 0; i < columns->key_count && order == 0; i++) {
        struct str left = next_field(&a);
        struct str right = next_field(&b);
        if (columns->list[i].type == SQL_TEXT || left.ptr == NULL || right.ptr == NULL)
            order = compare_texts(left, right);
        else
            order = (integer_of(left) > integer_of(right)) - (integer_of(left) < integer_of(right));
    }
    return order;
}

const char *copy_row_difference(const struct copy_columns *columns, struct str a, struct str b)
{
    for (size_t i = 0; i < columns->count; i++) {
        if (!str_equal(next_field(&a), next_field(&b)))
            return columns->list[i].name;
    }
    return NULL;
}
