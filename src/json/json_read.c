// Owns the parsing of JSON text into values that can be looked at.
#include "json/json_read.h"

#include <jansson.h>
#include <math.h>
#include <string.h>

#include "base/buf.h"
#include "json/json_write.h"

// jansson's own names for these tests are macros; ours are functions of the same names.
#undef json_is_object
#undef json_is_array
#undef json_is_null
#undef json_is_string

static json_t *node_of(const struct json_value *value)
{
    return (json_t *)value;
}

static const struct json_value *value_of(const json_t *node)
{
    return (const struct json_value *)node;
}

static struct str text_of(const json_t *node)
{
    return (struct str){.ptr = json_string_value(node), .len = json_string_length(node)};
}

// Where a text goes over a bound; column 0 is nowhere.
struct bound_check {
    size_t line;
    size_t column;
    bool too_deep; // else too many values
};

// Counts brackets and commas outside of strings, before anything is built from the text. A text
// that is no JSON may be counted wrongly, which does no harm: it is refused in any case.
static struct bound_check check_bounds(struct str text)
{
    size_t line = 1, column = 0, depth = 0, values = 1;
    bool quoted = false;
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];
        column += (c & 0xc0) != 0x80; // characters, not bytes
        if (c == '\n') {
            line++;
            column = 0;
        } else if (c == '"') {
            quoted = !quoted;
        } else if (quoted) {
            if (c == '\\')
                i++, column++;
        } else if (c == '[' || c == '{') {
            depth++;
            values++;
        } else if ((c == ']' || c == '}') && depth > 0) {
            depth--;
        } else if (c == ',') {
            values++;
        }
        if (depth > JSON_DEPTH_MAX || values > JSON_VALUES_MAX)
            return (struct bound_check){line, column, .too_deep = depth > JSON_DEPTH_MAX};
    }
    return (struct bound_check){0};
}

static enum err bounds_error(const struct bound_check *over, struct error *err)
{
    if (over->too_deep)
        return error_set(err, ERR_INVALID, "line %zu, column %zu: nested deeper than %d levels",
                         over->line, over->column, JSON_DEPTH_MAX);
    return error_set(err, ERR_INVALID, "line %zu, column %zu: more than %d values", over->line,
                     over->column, JSON_VALUES_MAX);
}

// Our words where jansson's speak of its own flags; NULL elsewhere.
static const char *parse_words(enum json_error_code code)
{
    static const struct {
        enum json_error_code code;
        const char *words;
    } table[] = {
        {json_error_null_character, "\\u0000 is not allowed in a text"},
        {json_error_null_byte_in_key, "\\u0000 is not allowed in a member's name"},
        {json_error_out_of_memory, "out of memory"},
    };
    for (size_t i = 0; i < COUNT_OF(table); i++) {
        if (table[i].code == code)
            return table[i].words;
    }
    return NULL;
}

static bool is_plain(struct str text)
{
    for (size_t i = 0; i < text.len; i++) {
        if ((unsigned char)text.ptr[i] < 0x20 || (unsigned char)text.ptr[i] > 0x7e)
            return false;
    }
    return true;
}

// jansson ends its sentences with "near '...'", a piece of the input, which may hold anything.
static struct str without_hostile_near(struct str text)
{
    static const char near[] = " near ";
    const char *at = memmem(text.ptr, text.len, near, sizeof near - 1);
    if (at == NULL)
        return text;
    size_t start = (size_t)(at - text.ptr);
    return is_plain(str_slice(text, start, text.len)) ? text : str_slice(text, 0, start);
}

static enum err parse_error(const json_error_t *jansson, struct error *err)
{
    enum json_error_code code = json_error_code(jansson);
    const char *words = parse_words(code);
    struct str text = words != NULL ? str_of(words) : without_hostile_near(str_of(jansson->text));
    return error_set(err, ERR_INVALID, "line %d, column %d: %.*s",
                     jansson->line > 0 ? jansson->line : 1,
                     jansson->column > 0 ? jansson->column : 1, STR_ARG(text));
}

enum err json_parse(struct str text, struct json_doc **ret_doc, struct error *err)
{
    if (text.len == 0)
        return error_set(err, ERR_INVALID, "line 1, column 1: there is no text");
    struct bound_check over = check_bounds(text);
    if (over.column > 0)
        return bounds_error(&over, err);
    json_error_t jansson;
    json_t *root =
        json_loadb(text.ptr, text.len, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &jansson);
    if (root == NULL)
        return parse_error(&jansson, err);
    *ret_doc = (struct json_doc *)root;
    return ERR_OK;
}

void json_doc_free(struct json_doc *doc)
{
    json_decref((json_t *)doc);
}

void json_doc_free_ptr(struct json_doc **doc)
{
    json_doc_free(*doc);
    *doc = NULL;
}

const struct json_value *json_root(const struct json_doc *doc)
{
    return (const struct json_value *)doc;
}

static bool is_type(const struct json_value *value, json_type type)
{
    return value != NULL && json_typeof(node_of(value)) == type;
}

bool json_is_object(const struct json_value *value)
{
    return is_type(value, JSON_OBJECT);
}

bool json_is_array(const struct json_value *value)
{
    return is_type(value, JSON_ARRAY);
}

bool json_is_null(const struct json_value *value)
{
    return is_type(value, JSON_NULL);
}

bool json_is_string(const struct json_value *value)
{
    return is_type(value, JSON_STRING);
}

const struct json_value *json_member(const struct json_value *value, const char *name)
{
    return value_of(json_object_get(node_of(value), name));
}

size_t json_length(const struct json_value *value)
{
    return json_array_size(node_of(value));
}

const struct json_value *json_element(const struct json_value *value, size_t index)
{
    return value_of(json_array_get(node_of(value), index));
}

struct str json_text(const struct json_value *value)
{
    return json_is_string(value) ? text_of(node_of(value)) : STR_NULL;
}

// A double that is a whole number of int64_t's range; the bounds are exact powers of two.
static struct opt_i64 whole_of(double value)
{
    if (value >= -0x1p63 && value < 0x1p63 && value == trunc(value))
        return OPT_I64((int64_t)value);
    return (struct opt_i64){0};
}

struct opt_f64 json_number(const struct json_value *value)
{
    double number = 0;
    if (is_type(value, JSON_INTEGER) || is_type(value, JSON_REAL))
        return OPT_F64(json_number_value(node_of(value)));
    if (json_is_string(value) && number_parse_f64(str_trim(json_text(value)), &number) == ERR_OK)
        return OPT_F64(number);
    return (struct opt_f64){0};
}

struct opt_i64 json_i64(const struct json_value *value)
{
    int64_t whole = 0;
    if (is_type(value, JSON_INTEGER))
        return OPT_I64(json_integer_value(node_of(value)));
    if (json_is_string(value) &&
        number_parse_i64(str_trim(json_text(value)), INT64_MIN, INT64_MAX, &whole) == ERR_OK)
        return OPT_I64(whole);
    struct opt_f64 number = json_number(value);
    return number.set ? whole_of(number.value) : (struct opt_i64){0};
}

static void dump_node(struct buf *buf, json_t *node);

static void dump_object(struct buf *buf, json_t *node)
{
    const char *name = NULL;
    json_t *member = NULL;
    bool first = true;
    buf_append_char(buf, '{');
    json_object_foreach(node, name, member)
    {
        if (!first)
            buf_append_char(buf, ',');
        json_write_str(buf, str_of(name));
        buf_append_char(buf, ':');
        dump_node(buf, member);
        first = false;
    }
    buf_append_char(buf, '}');
}

static void dump_array(struct buf *buf, const json_t *node)
{
    size_t count = json_array_size(node);
    buf_append_char(buf, '[');
    for (size_t i = 0; i < count; i++) {
        if (i > 0)
            buf_append_char(buf, ',');
        dump_node(buf, json_array_get(node, i));
    }
    buf_append_char(buf, ']');
}

// Recursion ends at JSON_DEPTH_MAX: nothing deeper was parsed.
static void dump_node(struct buf *buf, json_t *node)
{
    switch (json_typeof(node)) {
    case JSON_OBJECT:
        dump_object(buf, node);
        return;
    case JSON_ARRAY:
        dump_array(buf, node);
        return;
    case JSON_STRING:
        json_write_str(buf, text_of(node));
        return;
    case JSON_INTEGER:
        number_append_i64(buf, json_integer_value(node));
        return;
    case JSON_REAL:
        json_write_f64(buf, json_real_value(node));
        return;
    case JSON_TRUE:
        BUF_LITERAL(buf, "true");
        return;
    case JSON_FALSE:
        BUF_LITERAL(buf, "false");
        return;
    case JSON_NULL:
        BUF_LITERAL(buf, "null");
        return;
    }
}

struct str json_dump(const struct json_value *value, struct arena *arena)
{
    struct buf buf;
    buf_init_arena(&buf, arena, SIZE_MAX / 2);
    dump_node(&buf, node_of(value));
    buf_cstr(&buf);
    return buf_str(&buf);
}
