// Values out of PostgreSQL's rows.
#include <libpq-fe.h> // first: one of its macros names what base/banned.h forbids

#include "sql/driver_postgres.h"
#include "sql/driver_postgres_types.h"

#include <endian.h>
#include <math.h>

#include "base/clock.h"

// More digits than any double needs.
#define NUMERIC_TEXT_MAX 2000

static struct str bytes_of(const struct postgres_cursor *cursor, size_t i)
{
    return (struct str){
        .ptr = PQgetvalue(cursor->result, cursor->row, (int)i),
        .len = (size_t)PQgetlength(cursor->result, cursor->row, (int)i),
    };
}

static unsigned type_of(const struct postgres_cursor *cursor, size_t i)
{
    return PQftype(cursor->result, (int)i);
}

// A signed big-endian integer of 1 to 8 bytes.
static int64_t integer_of(struct str bytes)
{
    uint64_t value = bytes.len > 0 && (bytes.ptr[0] & 0x80) != 0 ? UINT64_MAX : 0;
    for (size_t i = 0; i < bytes.len; i++)
        value = value << 8 | (unsigned char)bytes.ptr[i];
    return (int64_t)value;
}

static double float_of(struct str bytes)
{
    if (bytes.len == sizeof(uint32_t)) {
        uint32_t wire;
        float value;
        memcpy(&wire, bytes.ptr, sizeof(wire));
        wire = be32toh(wire);
        memcpy(&value, &wire, sizeof(value));
        return (double)value;
    }
    uint64_t wire;
    double value;
    memcpy(&wire, bytes.ptr, sizeof(wire));
    wire = be64toh(wire);
    memcpy(&value, &wire, sizeof(value));
    return value;
}

// Another program may have stored infinity, or the year 20000: the first and the last time that
// texts can hold stand for what is beyond them.
static int64_t time_of(struct str bytes, unsigned type)
{
    int64_t value = integer_of(bytes);
    if (type == POSTGRES_DATE && __builtin_mul_overflow(value, 86400 * US_PER_S, &value))
        value = INT64_MAX;
    if (__builtin_add_overflow(value, POSTGRES_EPOCH_US, &value))
        value = INT64_MAX;
    value = value < TIME_MIN_US ? TIME_MIN_US : value;
    return value > TIME_MAX_US ? TIME_MAX_US : value;
}

static double parse_f64(struct str text)
{
    double value = 0;
    (void)!number_parse_f64(text, &value);
    return value;
}

static int64_t to_i64(double value)
{
    if (!(value >= -0x1p63 && value < 0x1p63))
        return 0;
    return (int64_t)value;
}

static double numeric_to_f64(struct str bytes)
{
    CLEANUP(buf_done) struct buf text;
    buf_init(&text, NUMERIC_TEXT_MAX);
    postgres_numeric_append(bytes, &text);
    return parse_f64(buf_str(&text));
}

// Whole numbers (sums) to the last digit, others without their fraction.
static int64_t numeric_to_i64(struct str bytes)
{
    CLEANUP(buf_done) struct buf text;
    buf_init(&text, NUMERIC_TEXT_MAX);
    postgres_numeric_append(bytes, &text);
    int64_t value;
    if (number_parse_i64(buf_str(&text), INT64_MIN, INT64_MAX, &value) == ERR_OK)
        return value;
    return to_i64(parse_f64(buf_str(&text)));
}

size_t postgres_row_columns(const struct sql_row *row)
{
    const struct postgres_cursor *cursor = row->cursor;
    return (size_t)PQnfields(cursor->result);
}

// JSON has no word for infinity and NaN.
bool postgres_row_is_null(const struct sql_row *row, size_t i)
{
    const struct postgres_cursor *cursor = row->cursor;
    if (PQgetisnull(cursor->result, cursor->row, (int)i) != 0)
        return true;
    unsigned type = type_of(cursor, i);
    return (type == POSTGRES_FLOAT8 || type == POSTGRES_FLOAT4) &&
           !isfinite(float_of(bytes_of(cursor, i)));
}

int64_t postgres_row_i64(const struct sql_row *row, size_t i)
{
    const struct postgres_cursor *cursor = row->cursor;
    if (postgres_row_is_null(row, i))
        return 0;
    struct str bytes = bytes_of(cursor, i);
    int64_t value = 0;
    unsigned type = type_of(cursor, i);
    switch (type) {
    case POSTGRES_INT8:
    case POSTGRES_INT4:
    case POSTGRES_INT2:
    case POSTGRES_BOOL:
        return integer_of(bytes);
    case POSTGRES_TIMESTAMPTZ:
    case POSTGRES_TIMESTAMP:
    case POSTGRES_DATE:
        return time_of(bytes, type);
    case POSTGRES_FLOAT4:
    case POSTGRES_FLOAT8:
        return to_i64(float_of(bytes));
    case POSTGRES_NUMERIC:
        return numeric_to_i64(bytes);
    default:
        (void)!number_parse_i64(bytes, INT64_MIN, INT64_MAX, &value);
        return value;
    }
}

double postgres_row_f64(const struct sql_row *row, size_t i)
{
    const struct postgres_cursor *cursor = row->cursor;
    if (postgres_row_is_null(row, i))
        return 0;
    switch (type_of(cursor, i)) {
    case POSTGRES_FLOAT4:
    case POSTGRES_FLOAT8:
        return float_of(bytes_of(cursor, i));
    case POSTGRES_NUMERIC:
        return numeric_to_f64(bytes_of(cursor, i));
    case POSTGRES_TEXT:
    case POSTGRES_VARCHAR:
        return parse_f64(bytes_of(cursor, i));
    default:
        return (double)postgres_row_i64(row, i);
    }
}

// Types that are not known here (enums, citext, json) are texts in binary too.
struct str postgres_row_str(const struct sql_row *row, size_t i)
{
    const struct postgres_cursor *cursor = row->cursor;
    if (postgres_row_is_null(row, i))
        return STR_NULL;
    struct str bytes = bytes_of(cursor, i);
    struct buf text;
    buf_init_arena(&text, cursor->arena, SIZE_MAX);
    switch (type_of(cursor, i)) {
    case POSTGRES_INT8:
    case POSTGRES_INT4:
    case POSTGRES_INT2:
    case POSTGRES_BOOL:
    case POSTGRES_TIMESTAMPTZ:
    case POSTGRES_TIMESTAMP:
    case POSTGRES_DATE:
        number_append_i64(&text, postgres_row_i64(row, i));
        return buf_str(&text);
    case POSTGRES_FLOAT4:
    case POSTGRES_FLOAT8:
        number_append_f64(&text, float_of(bytes));
        return buf_str(&text);
    case POSTGRES_NUMERIC:
        postgres_numeric_append(bytes, &text);
        return buf_str(&text);
    case POSTGRES_JSONB: // a version comes first
        return str_slice(bytes, 1, bytes.len);
    default:
        return bytes;
    }
}
