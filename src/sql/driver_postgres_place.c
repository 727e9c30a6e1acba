// Which value it was that did not fit its column: PostgreSQL tells only the limit.
#include <libpq-fe.h> // first: one of its macros names what base/banned.h forbids

#include "sql/driver_postgres.h"
#include "sql/sql_text.h"

#include <math.h>

#define TOO_LONG     "22001"
#define OUT_OF_RANGE "22003"

// What the server said, whatever its language: numbers and marks only.
struct limits {
    struct opt_i64 length;  // "(50)": characters
    struct opt_i64 decades; // "10^8": the absolute value is less
    struct str quoted;      // "3000000000": the value itself
};

static struct opt_i64 number_behind(const char *text, const char *mark)
{
    const char *at = text == NULL ? NULL : strstr(text, mark);
    struct opt_i64 number = {0};
    if (at == NULL)
        return number;
    struct str digits = str_of(at + strlen(mark));
    size_t len = strspn(digits.ptr, "0123456789");
    if (number_parse_i64(str_slice(digits, 0, len), 0, INT32_MAX, &number.value) == ERR_OK)
        number.set = true;
    return number;
}

static struct limits limits_of(const PGresult *result)
{
    const char *message = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);
    const char *detail = PQresultErrorField(result, PG_DIAG_MESSAGE_DETAIL);
    struct limits limits = {
        .length = number_behind(message, "("),
        .decades = number_behind(detail, "10^"),
    };
    struct str rest = str_of(message);
    if (rest.ptr != NULL && str_find(rest, '"', 0) < rest.len) {
        (void)str_split(&rest, '"');
        limits.quoted = str_split(&rest, '"');
    }
    return limits;
}

static int64_t count_characters(struct str text)
{
    int64_t count = 0;
    for (size_t i = 0; i < text.len; i++)
        count += ((unsigned char)text.ptr[i] & 0xc0) != 0x80;
    return count;
}

static bool is_too_long(const struct sql_value *value, const struct limits *limits)
{
    return limits->length.set && value->type == SQL_TEXT &&
           count_characters(value->text) > limits->length.value;
}

static bool is_out_of_range(const struct sql_value *value, const struct limits *limits)
{
    int64_t quoted;
    if (value->type == SQL_FLOAT)
        return limits->decades.set &&
               fabs(value->f64) + 0.5 >= pow(10, (double)limits->decades.value);
    return value->type == SQL_INT &&
           number_parse_i64(limits->quoted, INT64_MIN, INT64_MAX, &quoted) == ERR_OK &&
           quoted == value->i64;
}

void postgres_error_place_values(const struct pg_result *result, const struct sql_step *step,
                                 struct error *err)
{
    const char *sqlstate = postgres_sqlstate(result);
    bool is_length = strcmp(sqlstate, TOO_LONG) == 0;
    if (!is_length && strcmp(sqlstate, OUT_OF_RANGE) != 0)
        return;
    struct limits limits = limits_of(result);
    for (size_t i = 0; i < step->param_count; i++) {
        const struct sql_value *value = &step->params[i];
        const struct field *field = sql_text_param_field(step->stmt, i);
        char pointer[64];
        if (field == NULL ||
            !(is_length ? is_too_long(value, &limits) : is_out_of_range(value, &limits)))
            continue;
        int len = snprintf(pointer, sizeof(pointer), "/%s", field->name);
        (void)error_place(err, (struct str){pointer, (size_t)len},
                          is_length ? "is longer than its column" : "is too large for its column");
    }
}
