// Working on one member of a struct by its row in a field table.
#include "base/field.h"

#include <math.h>

const char FIELD_NAMES_END[] = "";

int field_find(const struct field_table *table, struct str name)
{
    for (size_t i = 0; i < table->count; i++) {
        const struct field *field = &table->fields[i];
        if (str_equal(str_of(field->name), name))
            return (int)i;
        for (size_t k = 0; k < COUNT_OF(field->alias) && field->alias[k] != NULL; k++) {
            if (str_equal(str_of(field->alias[k]), name))
                return (int)i;
        }
    }
    return -1;
}

static size_t value_size(const struct field *field)
{
    switch (field->type) {
    case FIELD_I64:
        return sizeof(int64_t);
    case FIELD_F64:
        return sizeof(double);
    case FIELD_OPT_I64:
    case FIELD_TIME:
        return sizeof(struct opt_i64);
    case FIELD_OPT_F64:
        return sizeof(struct opt_f64);
    case FIELD_BOOL:
        return sizeof(bool);
    case FIELD_STR:
    case FIELD_RAW:
        return sizeof(struct str);
    case FIELD_ENUM:
        return sizeof(int);
    case FIELD_F64_LIST:
        return field->count * sizeof(double);
    case FIELD_OBJECT:
        return field->object->size;
    }
    check_failed("known field type", __FILE__, __LINE__);
}

static int enum_value(const void *ptr)
{
    int value;
    memcpy(&value, ptr, sizeof(value));
    return value;
}

bool field_is_null(const struct field *field, const void *object)
{
    const void *ptr = field_const_ptr(field, object);
    switch (field->type) {
    case FIELD_OPT_I64:
    case FIELD_TIME:
        return !((const struct opt_i64 *)ptr)->set;
    case FIELD_OPT_F64:
        return !((const struct opt_f64 *)ptr)->set;
    case FIELD_STR:
    case FIELD_RAW:
        return ((const struct str *)ptr)->ptr == NULL;
    case FIELD_ENUM:
        return enum_value(ptr) == 0 && field->names[0] == NULL;
    case FIELD_I64:
    case FIELD_F64:
    case FIELD_BOOL:
    case FIELD_F64_LIST:
    case FIELD_OBJECT:
        return false;
    }
    check_failed("known field type", __FILE__, __LINE__);
}

// All bytes zero is null, or 0, for every type.
void field_set_null(const struct field *field, void *object)
{
    memset(field_ptr(field, object), 0, value_size(field));
}

// What is not known (NaN) is equal to itself.
static bool equal_f64(double a, double b)
{
    return a == b || (isnan(a) && isnan(b));
}

static bool equal_opt_i64(const struct opt_i64 *a, const struct opt_i64 *b)
{
    return a->set == b->set && (!a->set || a->value == b->value);
}

static bool equal_opt_f64(const struct opt_f64 *a, const struct opt_f64 *b)
{
    return a->set == b->set && (!a->set || a->value == b->value);
}

static bool equal_list(const double *a, const double *b, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (a[i] != b[i])
            return false;
    }
    return true;
}

static bool equal_object(const struct field_table *table, const void *a, const void *b)
{
    for (size_t i = 0; i < table->count; i++) {
        if (!field_equal(&table->fields[i], a, b))
            return false;
    }
    return true;
}

bool field_equal(const struct field *field, const void *a, const void *b)
{
    const void *left = field_const_ptr(field, a);
    const void *right = field_const_ptr(field, b);
    switch (field->type) {
    case FIELD_I64:
        return *(const int64_t *)left == *(const int64_t *)right;
    case FIELD_F64:
        return equal_f64(*(const double *)left, *(const double *)right);
    case FIELD_BOOL:
        return *(const bool *)left == *(const bool *)right;
    case FIELD_OPT_I64:
    case FIELD_TIME:
        return equal_opt_i64(left, right);
    case FIELD_OPT_F64:
        return equal_opt_f64(left, right);
    case FIELD_STR:
    case FIELD_RAW:
        return str_equal(*(const struct str *)left, *(const struct str *)right);
    case FIELD_ENUM:
        return enum_value(left) == enum_value(right);
    case FIELD_F64_LIST:
        return equal_list(left, right, field->count);
    case FIELD_OBJECT:
        return equal_object(field->object, left, right);
    }
    check_failed("known field type", __FILE__, __LINE__);
}

int field_enum_parse(const char *const *names, struct str text)
{
    for (int i = 0; names[i] != FIELD_NAMES_END; i++) {
        if (names[i] != NULL && str_equal(str_of(names[i]), text))
            return i;
    }
    return -1;
}
