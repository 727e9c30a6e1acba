// Owns the decoding of JSON objects into structs by field table, with every mistake named.
#include "json/json_read.h"

#include <jansson.h>
#include <math.h>
#include <string.h>

#include <stdarg.h>
#include "base/buf.h"
#include "base/clock.h"

// jansson's own names for these tests are macros; ours are functions of the same names.
#undef json_is_object
#undef json_is_array
#undef json_is_null
#undef json_is_string

// Enough for error_place(), which cuts the pointer once more.
#define POINTER_MAX 256
// Bounds of a number as people write them.
#define BOUND_TEXT_MAX 32

// Where in the body a value stands: a chain up to the root, made into a pointer only when it is
// wrong.
struct path {
    const struct path *up; // NULL: name is the prefix of the whole, already a pointer
    const char *name;      // NULL: an element of an array
    size_t index;
};

struct decoder {
    unsigned flags;
    const char *aside; // of the outermost object
    struct arena *arena;
    struct error *err;
    unsigned mistakes;
};

// One field and the value that was given for it.
struct given {
    const struct field *field;
    const struct json_value *value;
    const struct path *path;
};

static bool is_lenient(const struct decoder *decoder)
{
    return (decoder->flags & JSON_LENIENT) != 0;
}

// RFC 6901, section 3.
static void append_token(struct buf *buf, const char *name)
{
    for (; *name != '\0'; name++) {
        if (*name == '~')
            BUF_LITERAL(buf, "~0");
        else if (*name == '/')
            BUF_LITERAL(buf, "~1");
        else
            buf_append_char(buf, *name);
    }
}

static void append_path(struct buf *buf, const struct path *path)
{
    if (path->up == NULL) {
        buf_append_str(buf, str_of(path->name));
        return;
    }
    append_path(buf, path->up);
    buf_append_char(buf, '/');
    if (path->name != NULL)
        append_token(buf, path->name);
    else
        number_append_i64(buf, (int64_t)path->index);
}

static void PRINTF_LIKE(3, 4)
    mistake(struct decoder *decoder, const struct path *path, const char *format, ...)
{
    if (decoder->mistakes++ >= ERROR_PLACES_MAX)
        return; // a hostile body may hold any number of them
    va_list args;
    va_start(args, format);
    char detail[sizeof(((struct error_place *)NULL)->detail)];
    vsnprintf(detail, sizeof detail, format, args);
    va_end(args);
    struct buf pointer CLEANUP(buf_done);
    buf_init(&pointer, POINTER_MAX);
    append_path(&pointer, path);
    error_place(decoder->err, buf_str(&pointer), "%s", detail);
}

static bool has_bounds(const struct field *field)
{
    return field->min != 0 || field->max != 0;
}

static bool in_bounds(const struct field *field, double value)
{
    return !has_bounds(field) || (value >= field->min && value <= field->max);
}

static const char *bound_text(double bound, char text[BOUND_TEXT_MAX])
{
    struct buf buf CLEANUP(buf_done);
    buf_init(&buf, BOUND_TEXT_MAX - 1);
    number_append_f64(&buf, bound);
    memcpy(text, buf_str(&buf).ptr, buf.len);
    text[buf.len] = '\0';
    return text;
}

static void number_mistake(struct decoder *decoder, const struct given *given, const char *what)
{
    const struct field *field = given->field;
    char min[BOUND_TEXT_MAX], max[BOUND_TEXT_MAX];
    if (!has_bounds(field))
        mistake(decoder, given->path, "must be %s", what);
    else if (isinf(field->max))
        mistake(decoder, given->path, "must be %s of at least %s", what,
                bound_text(field->min, min));
    else if (isinf(field->min))
        mistake(decoder, given->path, "must be %s of at most %s", what,
                bound_text(field->max, max));
    else
        mistake(decoder, given->path, "must be %s from %s to %s", what, bound_text(field->min, min),
                bound_text(field->max, max));
}

// Numbers that are written as texts count only where the sender is not ours to correct.
static bool may_be_number(const struct decoder *decoder, const struct json_value *value)
{
    return is_lenient(decoder) || !json_is_string(value);
}

static struct opt_i64 read_i64(struct decoder *decoder, const struct given *given)
{
    struct opt_i64 number = {0};
    if (may_be_number(decoder, given->value))
        number = json_i64(given->value);
    if (is_lenient(decoder) || (number.set && in_bounds(given->field, (double)number.value)))
        return number;
    number_mistake(decoder, given, "a whole number");
    return (struct opt_i64){0};
}

static struct opt_f64 read_f64(struct decoder *decoder, const struct given *given)
{
    struct opt_f64 number = {0};
    if (may_be_number(decoder, given->value))
        number = json_number(given->value);
    if (is_lenient(decoder) || (number.set && in_bounds(given->field, number.value)))
        return number;
    number_mistake(decoder, given, "a number");
    return (struct opt_f64){0};
}

static bool read_bool(struct decoder *decoder, const struct given *given)
{
    json_type type = json_typeof((const json_t *)given->value);
    if (type != JSON_TRUE && type != JSON_FALSE && !is_lenient(decoder))
        mistake(decoder, given->path, "must be true or false");
    return type == JSON_TRUE;
}

static struct str read_str(struct decoder *decoder, const struct given *given)
{
    const struct field *field = given->field;
    struct str text = json_text(given->value);
    bool too_long = field->max_len > 0 && text.len > field->max_len;
    if (text.ptr != NULL && (is_lenient(decoder) || !too_long))
        return arena_str(decoder->arena, text);
    if (is_lenient(decoder))
        return STR_NULL;
    if (field->max_len > 0)
        mistake(decoder, given->path, "must be text of at most %zu bytes", field->max_len);
    else
        mistake(decoder, given->path, "must be text");
    return STR_NULL;
}

static struct str read_raw(struct decoder *decoder, const struct given *given)
{
    const struct field *field = given->field;
    struct str text = json_dump(given->value, decoder->arena);
    if (is_lenient(decoder) || field->max_len == 0 || text.len <= field->max_len)
        return text;
    mistake(decoder, given->path, "must be at most %zu bytes of JSON", field->max_len);
    return STR_NULL;
}

static struct opt_i64 read_time(struct decoder *decoder, const struct given *given)
{
    int64_t time_us = 0;
    struct str text = json_text(given->value);
    if (text.ptr != NULL && time_parse(text, &time_us) == ERR_OK)
        return OPT_I64(time_us);
    if (!is_lenient(decoder))
        mistake(decoder, given->path, "must be an RFC 3339 time");
    return (struct opt_i64){0};
}

static int read_enum(struct decoder *decoder, const struct given *given)
{
    const char *const *names = given->field->names;
    struct str text = json_text(given->value);
    int value = text.ptr == NULL ? -1 : field_enum_parse(names, text);
    if (value >= 0)
        return value;
    if (is_lenient(decoder))
        return 0;
    struct buf words CLEANUP(buf_done);
    buf_init(&words, sizeof(((struct error_place *)NULL)->detail));
    for (const char *const *name = names; *name != FIELD_NAMES_END; name++) {
        if (*name == NULL)
            continue;
        if (words.len > 0)
            BUF_LITERAL(&words, ", ");
        buf_append_str(&words, str_of(*name));
    }
    mistake(decoder, given->path, "must be one of: %.*s", STR_ARG(buf_str(&words)));
    return 0;
}

static void read_f64_list(struct decoder *decoder, const struct given *given, double *to)
{
    const struct field *field = given->field;
    if (json_length(given->value) != field->count || !json_is_array(given->value)) {
        if (!is_lenient(decoder))
            mistake(decoder, given->path, "must be %zu numbers", field->count);
        return;
    }
    for (size_t i = 0; i < field->count; i++) {
        const struct path path = {.up = given->path, .index = i};
        const struct given element = {field, json_element(given->value, i), &path};
        to[i] = read_f64(decoder, &element).value;
    }
}

static void read_object(struct decoder *decoder, const struct field_table *table,
                        const struct given *given, void *object, uint64_t *ret_seen);

static void read_value(struct decoder *decoder, const struct given *given, void *object)
{
    void *to = field_ptr(given->field, object);
    switch (given->field->type) {
    case FIELD_I64:
        *(int64_t *)to = read_i64(decoder, given).value;
        return;
    case FIELD_OPT_I64:
        *(struct opt_i64 *)to = read_i64(decoder, given);
        return;
    case FIELD_F64:
        *(double *)to = read_f64(decoder, given).value;
        return;
    case FIELD_OPT_F64:
        *(struct opt_f64 *)to = read_f64(decoder, given);
        return;
    case FIELD_BOOL:
        *(bool *)to = read_bool(decoder, given);
        return;
    case FIELD_STR:
        *(struct str *)to = read_str(decoder, given);
        return;
    case FIELD_TIME:
        *(struct opt_i64 *)to = read_time(decoder, given);
        return;
    case FIELD_ENUM:
        *(int *)to = read_enum(decoder, given);
        return;
    case FIELD_F64_LIST:
        read_f64_list(decoder, given, to);
        return;
    case FIELD_OBJECT:
        read_object(decoder, given->field->object, given, to, NULL);
        return;
    case FIELD_RAW:
        *(struct str *)to = read_raw(decoder, given);
        return;
    }
    check(false && "a field type that is not in the enum");
}

// Whether the field allows null, and the struct can tell it from a value or the owner of the table
// reads zeros as nothing (lists).
static bool takes_null(const struct field *field)
{
    if (field->flags & (FIELD_REQUIRED | FIELD_NOT_NULL))
        return false;
    switch (field->type) {
    case FIELD_I64:
    case FIELD_F64:
    case FIELD_BOOL:
        return false;
    case FIELD_ENUM:
        return field->names[0] == NULL;
    case FIELD_OPT_I64:
    case FIELD_OPT_F64:
    case FIELD_STR:
    case FIELD_TIME:
    case FIELD_F64_LIST:
    case FIELD_OBJECT:
    case FIELD_RAW:
        return true;
    }
    return false;
}

static void read_given(struct decoder *decoder, const struct given *given, void *object)
{
    bool read_only_ok = (decoder->flags & (JSON_READ_ONLY_OK | JSON_LENIENT)) != 0;
    if ((given->field->flags & FIELD_READ_ONLY) && !read_only_ok)
        mistake(decoder, given->path, "is read-only");
    else if (!json_is_null(given->value))
        read_value(decoder, given, object);
    else if (takes_null(given->field) || is_lenient(decoder))
        field_set_null(given->field, object);
    else
        mistake(decoder, given->path, "must not be null");
}

// A member of an object, by the spelling under which it was given.
struct member {
    const struct json_value *value; // NULL: absent
    const char *name;
};

// Finds the field's member under any of its names. *ret_spellings counts the names that are there.
static struct member find_member(struct decoder *decoder, const struct field *field,
                                 const struct given *owner, size_t *ret_spellings)
{
    const char *const names[] = {field->name, field->alias[0], field->alias[1]};
    struct member found = {.name = field->name};
    for (size_t i = 0; i < COUNT_OF(names) && names[i] != NULL; i++) {
        const struct json_value *value = json_member(owner->value, names[i]);
        if (value == NULL)
            continue;
        ++*ret_spellings;
        if (found.value == NULL) {
            found = (struct member){value, names[i]};
        } else if (!is_lenient(decoder)) {
            const struct path path = {.up = owner->path, .name = names[i]};
            mistake(decoder, &path, "is the same as %s: give one of them", found.name);
        }
    }
    return found;
}

static void refuse_unknown(struct decoder *decoder, const struct field_table *table,
                           const struct given *owner)
{
    json_t *node = (json_t *)owner->value;
    const char *name = NULL;
    json_t *member = NULL;
    json_object_foreach(node, name, member)
    {
        int at = field_find(table, str_of(name));
        if (at >= 0 && !(table->fields[at].flags & FIELD_NO_JSON))
            continue;
        if (owner->path->up == NULL && str_equal(str_of(name), str_of(decoder->aside)))
            continue;
        const struct path path = {.up = owner->path, .name = name};
        mistake(decoder, &path, "unknown member");
    }
}

// given tells where the object stands; its field is not looked at.
static void read_object(struct decoder *decoder, const struct field_table *table,
                        const struct given *given, void *object, uint64_t *ret_seen)
{
    uint64_t seen = 0;
    size_t known = 0;
    check(table->count <= FIELD_TABLE_MAX);
    if (ret_seen != NULL)
        *ret_seen = 0;
    if (!json_is_object(given->value)) {
        if (!is_lenient(decoder))
            mistake(decoder, given->path, "must be an object");
        return;
    }
    for (size_t i = 0; i < table->count; i++) {
        const struct field *field = &table->fields[i];
        if (field->flags & FIELD_NO_JSON)
            continue;
        const struct member found = find_member(decoder, field, given, &known);
        const struct path path = {.up = given->path, .name = found.name};
        const struct given member = {field, found.value, &path};
        if (found.value != NULL) {
            seen |= UINT64_C(1) << i;
            read_given(decoder, &member, object);
        } else if ((field->flags & FIELD_REQUIRED) && (decoder->flags & JSON_NEW)) {
            mistake(decoder, &path, "is required");
        }
    }
    if (known < json_object_size((const json_t *)given->value) && !is_lenient(decoder))
        refuse_unknown(decoder, table, given);
    if (ret_seen != NULL)
        *ret_seen = seen;
}

enum err json_decode(const struct field_table *table, const struct json_value *value,
                     struct json_decoding *how, void *object, struct error *err)
{
    const struct path root = {.name = how->prefix == NULL ? "" : how->prefix};
    const struct given given = {.value = value, .path = &root};
    struct decoder decoder = {
        .flags = how->flags, .aside = how->aside, .arena = how->arena, .err = err};
    read_object(&decoder, table, &given, object, &how->seen);
    return decoder.mistakes > 0 ? ERR_INVALID : ERR_OK;
}
