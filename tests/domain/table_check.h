// What every field table and every table of enum names must keep to.
#ifndef SUNLEAD_TEST_TABLE_CHECK_H
#define SUNLEAD_TEST_TABLE_CHECK_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/field.h"

// assert_names() compares a table of enum names with the wanted ones, count of them (NULL: no
// name).
static inline void assert_names(const char *const *names, const char *const *want, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        assert_true(names[i] != FIELD_NAMES_END);
        if (want[i] == NULL) {
            assert_null(names[i]);
        } else {
            assert_non_null(names[i]);
            assert_string_equal(names[i], want[i]);
            assert_int_equal(field_enum_parse(names, str_of(want[i])), i);
        }
    }
    assert_ptr_equal(names[count], FIELD_NAMES_END);
}

static inline void assert_field(const struct field_table *table, size_t i)
{
    const struct field *field = &table->fields[i];
    struct str name = str_of(field->name);
    if (field_find(table, name) != (int)i)
        fail_msg("%s.%s is there twice", table->what, field->name);
    for (size_t k = 0; k < COUNT_OF(field->alias) && field->alias[k] != NULL; k++)
        assert_int_equal(field_find(table, str_of(field->alias[k])), i);
    for (size_t k = 0; k < name.len; k++)
        assert_true(name.ptr[k] == '_' || (name.ptr[k] >= 'a' && name.ptr[k] <= 'z') ||
                    (name.ptr[k] >= '0' && name.ptr[k] <= '9'));
    assert_true(field->offset < table->size);
    assert_true(field->min <= field->max);
    unsigned both = FIELD_REQUIRED | FIELD_READ_ONLY;
    assert_int_not_equal(field->flags & both, both);
    assert_int_equal(field->max_len > 0, field->type == FIELD_STR || field->type == FIELD_RAW);
    assert_int_equal(field->names != NULL, field->type == FIELD_ENUM);
    assert_int_equal(field->count > 0, field->type == FIELD_F64_LIST);
    assert_int_equal(field->object != NULL, field->type == FIELD_OBJECT);
    for (size_t k = 0; k < i; k++)
        assert_int_not_equal(table->fields[k].offset, field->offset);
}

// assert_table() checks a table of a struct of this size: its names in order, and that no field is
// there twice, out of bounds or without what its type needs.
static inline void assert_table(const struct field_table *table, size_t size,
                                const char *const *names, size_t count)
{
    assert_int_equal(table->size, size);
    assert_true(table->count <= FIELD_TABLE_MAX);
    for (size_t i = 0; i < table->count && i < count; i++)
        assert_string_equal(table->fields[i].name, names[i]);
    assert_int_equal(table->count, count);
    for (size_t i = 0; i < table->count; i++)
        assert_field(table, i);
}

// The fields that have a flag.
static inline void assert_flagged(const struct field_table *table, unsigned flag,
                                  const char *const *names, size_t count)
{
    size_t found = 0;
    for (size_t i = 0; i < table->count; i++) {
        if ((table->fields[i].flags & flag) == 0)
            continue;
        if (found == count)
            fail_msg("%s.%s should not have flag %u", table->what, table->fields[i].name, flag);
        assert_string_equal(table->fields[i].name, names[found]);
        found++;
    }
    assert_int_equal(found, count);
}

// field_named() is a field by its name, which must be there.
static inline const struct field *field_named(const struct field_table *table, const char *name)
{
    int i = field_find(table, str_of(name));
    if (i < 0)
        fail_msg("%s has no %s", table->what, name);
    return &table->fields[i];
}

#define ASSERT_NAMES(names, ...)                                                                   \
    assert_names((names), (const char *const[]){__VA_ARGS__},                                      \
                 COUNT_OF(((const char *const[]){__VA_ARGS__})))
#define ASSERT_TABLE(table, struct_type, ...)                                                      \
    assert_table((table), sizeof(struct_type), (const char *const[]){__VA_ARGS__},                 \
                 COUNT_OF(((const char *const[]){__VA_ARGS__})))
#define ASSERT_FLAGGED(table, flag, ...)                                                           \
    assert_flagged((table), (flag), (const char *const[]){__VA_ARGS__},                            \
                   COUNT_OF(((const char *const[]){__VA_ARGS__})))

#endif
