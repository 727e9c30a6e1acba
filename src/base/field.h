// Field tables: one description of a struct's members that JSON and SQL share.
#ifndef SUNLEAD_BASE_FIELD_H
#define SUNLEAD_BASE_FIELD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/number.h"
#include "base/str.h"

// The C type behind each field type. A field is null when its optional is not set, its text is
// null, or its enum is 0.
enum field_type {
    FIELD_I64,      // int64_t, never null
    FIELD_OPT_I64,  // struct opt_i64
    FIELD_F64,      // double, never null
    FIELD_OPT_F64,  // struct opt_f64
    FIELD_BOOL,     // bool, never null
    FIELD_STR,      // struct str, max_len bytes of UTF-8
    FIELD_TIME,     // struct opt_i64, UTC microseconds; RFC 3339 in JSON
    FIELD_ENUM,     // int-sized enum, text by names[]; 0 is null unless names[0] is set
    FIELD_F64_LIST, // double[count], exactly count numbers; never in SQL
    FIELD_OBJECT,   // struct by the table in object; never in SQL
    FIELD_RAW,      // struct str that holds JSON text, written as it is; text in SQL
};

enum field_flag {
    FIELD_REQUIRED = 1 << 0,  // must be present and not null when decoded as a new object
    FIELD_NOT_NULL = 1 << 1,  // null is an error, absent is not
    FIELD_READ_ONLY = 1 << 2, // ours to set; decoding takes it only where the caller allows it
    FIELD_NO_SQL = 1 << 3,    // not a column
    FIELD_NO_JSON = 1 << 4,   // not a member
    FIELD_VOLATILE =
        1 << 6, // with FIELD_READ_ONLY: changes by itself, so that a client's copy is soon old
    FIELD_OMIT_NULL = 1 << 5,    // left out of JSON when null, instead of null
    FIELD_ZERO_UNKNOWN = 1 << 7, // a number that is never 0: 0 is null in JSON
};

// One member. Bounds are inclusive; min == max == 0 means no bound for numbers.
struct field {
    const char *name;     // JSON member and SQL column
    const char *alias[2]; // other spellings accepted when decoding
    enum field_type type;
    unsigned flags;
    size_t offset;
    double min;
    double max;
    size_t max_len;                   // FIELD_STR, FIELD_RAW: bytes
    size_t count;                     // FIELD_F64_LIST
    const char *const *names;         // FIELD_ENUM: text by value, ended by FIELD_NAMES_END
    const struct field_table *object; // FIELD_OBJECT
};

// FIELD_NAMES_END closes a table of enum names (which may contain NULL for values without a text).
extern const char FIELD_NAMES_END[];

struct field_table {
    const char *what; // "lead", for messages
    const struct field *fields;
    size_t count;
    size_t size; // sizeof the struct
};

// FIELD_TABLE_MAX is the most fields a table may have: a set of them fits a uint64_t, bit i is
// field i.
#define FIELD_TABLE_MAX 64

// FIELD_OFFSET(struct_type, member, c_type) is offsetof() that does not compile if the member has
// another type.
// clang-format off
#define FIELD_OFFSET(struct_type, member, c_type)                                                  \
    (offsetof(struct_type, member) +                                                               \
     0 * sizeof(char[_Generic(((struct_type *)0)->member, c_type: 1, default: -1)]))
// clang-format on

// The members of a struct field for each type; flags, bounds and the rest follow as designated
// initializers:
//   {FIELD_AS_F64(struct lead, latitude), .flags = FIELD_REQUIRED, .min = -90, .max = 90},
#define FIELD_AS_I64(T, m) .name = #m, .type = FIELD_I64, .offset = FIELD_OFFSET(T, m, int64_t)
#define FIELD_AS_OPT_I64(T, m)                                                                     \
    .name = #m, .type = FIELD_OPT_I64, .offset = FIELD_OFFSET(T, m, struct opt_i64)
#define FIELD_AS_F64(T, m) .name = #m, .type = FIELD_F64, .offset = FIELD_OFFSET(T, m, double)
#define FIELD_AS_OPT_F64(T, m)                                                                     \
    .name = #m, .type = FIELD_OPT_F64, .offset = FIELD_OFFSET(T, m, struct opt_f64)
#define FIELD_AS_BOOL(T, m) .name = #m, .type = FIELD_BOOL, .offset = FIELD_OFFSET(T, m, bool)
#define FIELD_AS_STR(T, m, bytes)                                                                  \
    .name = #m, .type = FIELD_STR, .offset = FIELD_OFFSET(T, m, struct str), .max_len = (bytes)
#define FIELD_AS_TIME(T, m)                                                                        \
    .name = #m, .type = FIELD_TIME, .offset = FIELD_OFFSET(T, m, struct opt_i64)
#define FIELD_AS_RAW(T, m, bytes)                                                                  \
    .name = #m, .type = FIELD_RAW, .offset = FIELD_OFFSET(T, m, struct str), .max_len = (bytes)
#define FIELD_AS_ENUM(T, m, enum_type, texts)                                                      \
    .name = #m, .type = FIELD_ENUM, .offset = FIELD_OFFSET(T, m, enum_type), .names = (texts)
#define FIELD_AS_F64_LIST(T, m, n)                                                                 \
    .name = #m, .type = FIELD_F64_LIST, .offset = offsetof(T, m), .count = (n)
#define FIELD_AS_OBJECT(T, m, table)                                                               \
    .name = #m, .type = FIELD_OBJECT, .offset = offsetof(T, m), .object = (table)

// FIELD_TABLE(what, fields, struct_type) is the initializer of a struct field_table.
#define FIELD_TABLE(what_, fields_, struct_type)                                                   \
    {                                                                                              \
        .what = (what_), .fields = (fields_), .count = COUNT_OF(fields_),                          \
        .size = sizeof(struct_type)                                                                \
    }

// field_find() is the index of the field with this name or alias, or -1.
int field_find(const struct field_table *table, struct str name);

// field_is_null() tells whether the field's value in object is null.
bool field_is_null(const struct field *field, const void *object);

// field_set_null() makes the field's value null; for types that are never null it becomes 0.
void field_set_null(const struct field *field, void *object);

// field_equal() compares the field's value in two objects (doubles by value, texts by bytes).
bool field_equal(const struct field *field, const void *a, const void *b);

// field_enum_parse() is the value of text in a table of names; -1 if it is none of them.
int field_enum_parse(const char *const *names, struct str text);

// field_ptr() is the address of the field's value in object.
static inline void *field_ptr(const struct field *field, void *object)
{
    return (char *)object + field->offset;
}

// field_const_ptr() is field_ptr() for an object that is only read.
static inline const void *field_const_ptr(const struct field *field, const void *object)
{
    return (const char *)object + field->offset;
}

#endif
