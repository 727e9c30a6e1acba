// Values on their way to PostgreSQL.
#include "sql/driver_postgres.h"
#include "sql/driver_postgres_types.h"

#include <endian.h>
#include <limits.h>

#include "base/clock.h"

static void set_binary(struct postgres_values *values, const void *bytes, size_t len)
{
    size_t i = values->count;
    check(len <= sizeof(values->scratch[i]));
    memcpy(values->scratch[i], bytes, len);
    values->values[i] = values->scratch[i];
    values->lengths[i] = (int)len;
    values->formats[i] = 1;
}

static void set_i64(struct postgres_values *values, int64_t value)
{
    uint64_t wire = htobe64((uint64_t)value);
    set_binary(values, &wire, sizeof(wire));
}

static void set_f64(struct postgres_values *values, double value)
{
    uint64_t wire;
    memcpy(&wire, &value, sizeof(wire));
    wire = htobe64(wire);
    set_binary(values, &wire, sizeof(wire));
}

// A time that cannot be counted from PostgreSQL's epoch becomes one that it refuses (its ends mean
// infinity).
static void set_time(struct postgres_values *values, int64_t time_us)
{
    int64_t wire;
    if (__builtin_sub_overflow(time_us, POSTGRES_EPOCH_US, &wire) || wire == INT64_MIN)
        wire = INT64_MIN + 1;
    set_i64(values, wire);
}

static void set_text(struct postgres_values *values, struct str text, int format)
{
    size_t i = values->count;
    check(text.len <= INT_MAX);
    values->values[i] = text.ptr;
    values->lengths[i] = (int)text.len;
    values->formats[i] = format;
}

static bool is_text(unsigned type)
{
    return type == POSTGRES_TEXT || type == POSTGRES_VARCHAR || type == POSTGRES_BPCHAR ||
           type == POSTGRES_NAME || type == POSTGRES_JSON;
}

// An integer where the column has a binary form for it that fits.
static bool set_integer(struct postgres_values *values, int64_t value, unsigned type)
{
    if (type == POSTGRES_INT8) {
        set_i64(values, value);
    } else if (type == POSTGRES_INT4 && value >= INT32_MIN && value <= INT32_MAX) {
        uint32_t wire = htobe32((uint32_t)(int32_t)value);
        set_binary(values, &wire, sizeof(wire));
    } else if (type == POSTGRES_INT2 && value >= INT16_MIN && value <= INT16_MAX) {
        uint16_t wire = htobe16((uint16_t)(int16_t)value);
        set_binary(values, &wire, sizeof(wire));
    } else if (type == POSTGRES_FLOAT8) {
        set_f64(values, (double)value);
    } else if (type == POSTGRES_BOOL && (value == 0 || value == 1)) {
        char wire = (char)value;
        set_binary(values, &wire, 1);
    } else {
        return false;
    }
    return true;
}

// In binary, where the type has a simple form.
static bool set_in_binary(struct postgres_values *values, const struct sql_value *value,
                          unsigned type)
{
    switch (value->type) {
    case SQL_TIME:
        if (type == POSTGRES_TIMESTAMPTZ || type == POSTGRES_TIMESTAMP) {
            set_time(values, value->i64);
            return true;
        }
        return set_integer(values, value->i64, type);
    case SQL_INT:
    case SQL_BOOL:
        return set_integer(values, value->i64, type);
    case SQL_FLOAT:
        if (type != POSTGRES_FLOAT8)
            return false;
        set_f64(values, value->f64);
        return true;
    case SQL_TEXT:
        if (!is_text(type))
            return false;
        set_text(values, value->text, 1);
        return true;
    case SQL_NULL:
        set_text(values, STR_NULL, 0);
        return true;
    }
    check_failed("known type of value", __FILE__, __LINE__);
}

// As text, which fits any type; the server judges.
static void set_in_text(struct postgres_values *values, const struct sql_value *value,
                        unsigned type, struct arena *arena)
{
    struct buf text;
    buf_init_arena(&text, arena, SIZE_MAX);
    bool is_time =
        value->type == SQL_TIME && value->i64 >= TIME_MIN_US && value->i64 <= TIME_MAX_US;
    if (value->type == SQL_TEXT) {
        // The text form ends at a NUL: a byte that no text may hold stands for it.
        buf_append_str(&text, value->text);
        for (size_t i = 0; i < text.len; i++)
            text.ptr[i] = text.ptr[i] == '\0' ? '\xff' : text.ptr[i];
    } else if (value->type == SQL_FLOAT) {
        buf_printf(&text, "%.17g", value->f64);
    } else if (is_time && type == POSTGRES_DATE) {
        time_append(&text, value->i64);
    } else {
        number_append_i64(&text, value->i64);
    }
    const char *ended = buf_cstr(&text);
    set_text(values, (struct str){ended, text.len}, 0);
}

void postgres_values_fill(struct postgres_values *values, const struct sql_step *step,
                          const struct postgres_stmt *stmt, struct arena *arena)
{
    check(step->param_count == stmt->param_count);
    for (values->count = 0; values->count < step->param_count; values->count++) {
        const struct sql_value *value = &step->params[values->count];
        unsigned type = stmt->param_types[values->count];
        if (!set_in_binary(values, value, type))
            set_in_text(values, value, type, arena);
    }
}
