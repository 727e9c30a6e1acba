// Owns the way JSON text is written: quoting, numbers, objects by field table, problem details.
#include "json/json_write.h"

#include <math.h>
#include <string.h>

#include "base/clock.h"

// From here on number_append_f64() writes an exponent.
#define NUMBER_EXPONENT_FROM 1e21

// What a byte of a text needs: nothing, an escape, or a look at the UTF-8 sequence that it begins.
enum byte_class { BYTE_PLAIN, BYTE_ESCAPE, BYTE_UTF8 };

static const unsigned char byte_classes[256] = {
    [0x00 ... 0x1f] = BYTE_ESCAPE,
    ['"'] = BYTE_ESCAPE,
    ['\\'] = BYTE_ESCAPE,
    [0x80 ... 0xff] = BYTE_UTF8,
};

static void write_escape(struct buf *buf, unsigned char byte)
{
    static const char short_escapes[256] = {
        ['"'] = '"',  ['\\'] = '\\', ['\b'] = 'b', ['\f'] = 'f',
        ['\n'] = 'n', ['\r'] = 'r',  ['\t'] = 't',
    };
    static const char hex[] = "0123456789abcdef";
    if (short_escapes[byte] != '\0') {
        const char text[2] = {'\\', short_escapes[byte]};
        buf_append(buf, text, sizeof text);
    } else {
        const char text[6] = {'\\', 'u', '0', '0', hex[byte >> 4], hex[byte & 15]};
        buf_append(buf, text, sizeof text);
    }
}

void json_write_str(struct buf *buf, struct str text)
{
    if (text.ptr == NULL) {
        BUF_LITERAL(buf, "null");
        return;
    }
    const unsigned char *bytes = (const unsigned char *)text.ptr;
    size_t run = 0; // where the bytes begin that can be copied as they are
    size_t at = 0;
    buf_append_char(buf, '"');
    while (at < text.len) {
        enum byte_class class = byte_classes[bytes[at]];
        if (class == BYTE_PLAIN) {
            at++;
            continue;
        }
        size_t sequence = class == BYTE_UTF8 ? str_utf8_width(text, at) : 0;
        if (sequence > 0) {
            at += sequence;
            continue;
        }
        buf_append(buf, bytes + run, at - run);
        if (class == BYTE_ESCAPE)
            write_escape(buf, bytes[at]);
        else
            BUF_LITERAL(buf, "\xef\xbf\xbd");
        run = ++at;
    }
    buf_append(buf, bytes + run, at - run);
    buf_append_char(buf, '"');
}

// Adds a comma where comma is true, and the name with its colon, in one piece.
static void write_name(struct buf *buf, const char *name, bool comma)
{
    size_t len = strlen(name);
    char *to = buf_grow(buf, len + 4);
    if (to == NULL)
        return;
    char *start = to;
    if (comma)
        *to++ = ',';
    *to++ = '"';
    memcpy(to, name, len);
    to += len;
    *to++ = '"';
    *to++ = ':';
    buf->len += (size_t)(to - start);
}

void json_write_name(struct buf *buf, const char *name)
{
    write_name(buf, name, buf->len > 0 && buf->ptr[buf->len - 1] != '{');
}

void json_write_f64(struct buf *buf, double value)
{
    double size = fabs(value);
    if (!isfinite(value)) {
        BUF_LITERAL(buf, "null");
        return;
    }
    number_append_f64(buf, size == 0 ? 0 : value); // minus zero is zero to everybody
    // Readers that tell integers from others (ours does) refuse whole numbers beyond 64 bits.
    if (size >= 0x1p63 && size < NUMBER_EXPONENT_FROM)
        BUF_LITERAL(buf, ".0");
}

static void write_f64_list(struct buf *buf, const double *values, size_t count)
{
    buf_append_char(buf, '[');
    for (size_t i = 0; i < count; i++) {
        if (i > 0)
            buf_append_char(buf, ',');
        json_write_f64(buf, values[i]);
    }
    buf_append_char(buf, ']');
}

static void write_time(struct buf *buf, const struct opt_i64 *time)
{
    if (!time->set || time->value < TIME_MIN_US || time->value > TIME_MAX_US) {
        BUF_LITERAL(buf, "null");
        return;
    }
    buf_append_char(buf, '"');
    time_append(buf, time->value);
    buf_append_char(buf, '"');
}

// A value without a text, or beyond the table, is null.
static void write_enum(struct buf *buf, const char *const *names, int value)
{
    const char *text = NULL;
    for (int i = 0; i <= value; i++) {
        text = names[i];
        if (text == FIELD_NAMES_END) {
            text = NULL;
            break;
        }
    }
    json_write_str(buf, str_of(text));
}

static void write_i64(struct buf *buf, const struct field *field, int64_t value)
{
    if (value == 0 && (field->flags & FIELD_ZERO_UNKNOWN) != 0)
        BUF_LITERAL(buf, "null");
    else
        number_append_i64(buf, value);
}

static void write_opt_i64(struct buf *buf, const struct opt_i64 *value)
{
    if (value->set)
        number_append_i64(buf, value->value);
    else
        BUF_LITERAL(buf, "null");
}

static void write_opt_f64(struct buf *buf, const struct opt_f64 *value)
{
    if (value->set)
        json_write_f64(buf, value->value);
    else
        BUF_LITERAL(buf, "null");
}

static void write_raw(struct buf *buf, struct str json)
{
    if (json.ptr == NULL || json.len == 0)
        BUF_LITERAL(buf, "null");
    else
        buf_append_str(buf, json);
}

void json_write_value(struct buf *buf, const struct field *field, const void *object)
{
    const void *value = field_const_ptr(field, object);
    switch (field->type) {
    case FIELD_I64:
        write_i64(buf, field, *(const int64_t *)value);
        return;
    case FIELD_OPT_I64:
        write_opt_i64(buf, value);
        return;
    case FIELD_F64:
        json_write_f64(buf, *(const double *)value);
        return;
    case FIELD_OPT_F64:
        write_opt_f64(buf, value);
        return;
    case FIELD_BOOL:
        buf_append_str(buf, *(const bool *)value ? STR("true") : STR("false"));
        return;
    case FIELD_STR:
        json_write_str(buf, *(const struct str *)value);
        return;
    case FIELD_TIME:
        write_time(buf, value);
        return;
    case FIELD_ENUM:
        write_enum(buf, field->names, *(const int *)value);
        return;
    case FIELD_F64_LIST:
        write_f64_list(buf, value, field->count);
        return;
    case FIELD_OBJECT:
        json_write_object(buf, field->object, value);
        return;
    case FIELD_RAW:
        write_raw(buf, *(const struct str *)value);
        return;
    }
    check(false && "a field type that is not in the enum");
}

bool json_write_members(struct buf *buf, const struct field_table *table, const void *object,
                        bool first)
{
    for (size_t i = 0; i < table->count; i++) {
        const struct field *field = &table->fields[i];
        if (field->flags & FIELD_NO_JSON)
            continue;
        if ((field->flags & FIELD_OMIT_NULL) && field_is_null(field, object))
            continue;
        write_name(buf, field->name, !first);
        json_write_value(buf, field, object);
        first = false;
    }
    return first;
}

void json_write_object(struct buf *buf, const struct field_table *table, const void *object)
{
    buf_append_char(buf, '{');
    json_write_members(buf, table, object, true);
    buf_append_char(buf, '}');
}

void json_write_places(struct buf *buf, const struct error *err)
{
    buf_append_char(buf, '[');
    for (unsigned i = 0; i < err->place_count; i++) {
        const struct error_place *place = &err->places[i];
        if (i > 0)
            buf_append_char(buf, ',');
        BUF_LITERAL(buf, "{\"pointer\":");
        json_write_str(buf, str_of(place->pointer));
        BUF_LITERAL(buf, ",\"detail\":");
        json_write_str(buf, str_of(place->detail));
        buf_append_char(buf, '}');
    }
    buf_append_char(buf, ']');
}

void json_write_problem(struct buf *buf, int status, const char *title, const struct error *err)
{
    struct str detail = str_of(err->message[0] != '\0' ? err->message : title);
    BUF_LITERAL(buf, "{\"type\":\"about:blank\",\"title\":");
    json_write_str(buf, str_of(title));
    BUF_LITERAL(buf, ",\"status\":");
    number_append_i64(buf, status);
    BUF_LITERAL(buf, ",\"detail\":");
    json_write_str(buf, detail);
    BUF_LITERAL(buf, ",\"errors\":");
    json_write_places(buf, err);
    BUF_LITERAL(buf, ",\"error\":");
    json_write_str(buf, detail);
    if (err->code == ERR_UNKNOWN_OUTCOME)
        BUF_LITERAL(buf, ",\"outcome\":\"unknown\"");
    buf_append_char(buf, '}');
}
