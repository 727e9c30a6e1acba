// Log lines: put together on the stack, written with one write(2) each, so that lines of threads
// never mix.
#include "base/log.h"

#include <errno.h>
#include <math.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/number.h"

#define LOG_LINE_MAX 8192
// Values end here, so that the names and the closing of a line always find room behind them.
#define VALUES_END (LOG_LINE_MAX - 512)

static struct {
    enum log_level level;
    enum log_format format;
    int fd;
} settings = {.level = LOG_INFO, .format = LOG_TEXT, .fd = 2};

static const char *const level_names[] = {"debug", "info", "warn", "error", "off"};

void log_setup(enum log_level level, enum log_format format, int fd)
{
    settings.level = level;
    settings.format = format;
    settings.fd = fd;
}

bool log_enabled(enum log_level level)
{
    return level >= settings.level && level < LOG_OFF;
}

static void append_control(struct buf *line, unsigned code)
{
    static const char digits[] = "0123456789abcdef";
    if (code == '\n') {
        BUF_LITERAL(line, "\\n");
        return;
    }
    BUF_LITERAL(line, "\\u00");
    buf_append_char(line, digits[code >> 4]);
    buf_append_char(line, digits[code & 15]);
}

// The control character at p, of which width bytes are well-formed, or -1. U+0080 to U+009F act on
// some terminals too.
static int control_at(const char *p, size_t width)
{
    unsigned char first = (unsigned char)p[0];
    if (width == 1 && (first < 0x20 || first == 0x7F))
        return first;
    if (width == 2 && first == 0xC2 && (unsigned char)p[1] < 0xA0)
        return (unsigned char)p[1];
    return -1;
}

// quoted: quotes and backslashes are escaped too. What goes beyond the line's bound is left out.
static void append_escaped(struct buf *line, struct str s, bool quoted)
{
    for (size_t at = 0; at < s.len;) {
        if (line->len >= VALUES_END) {
            BUF_LITERAL(line, "...");
            return;
        }
        const char *p = s.ptr + at;
        size_t width = str_utf8_width(s, at);
        int control = control_at(p, width);
        if (width == 0) {
            BUF_LITERAL(line, "\xEF\xBF\xBD"); // U+FFFD
        } else if (control >= 0) {
            append_control(line, (unsigned)control);
        } else {
            if (quoted && (*p == '"' || *p == '\\'))
                buf_append_char(line, '\\');
            buf_append(line, p, width);
        }
        at += width == 0 ? 1 : width;
    }
}

static void append_quoted(struct buf *line, struct str s)
{
    buf_append_char(line, '"');
    append_escaped(line, s, true);
    buf_append_char(line, '"');
}

static void append_json_member(struct buf *line, const char *name, struct str value)
{
    buf_append_char(line, line->len == 0 ? '{' : ',');
    append_quoted(line, str_of(name));
    buf_append_char(line, ':');
    append_quoted(line, value);
}

// Words stand bare in a text line; whatever could be misread is quoted.
static bool is_word(struct str s)
{
    for (size_t i = 0; i < s.len; i++) {
        unsigned char c = (unsigned char)s.ptr[i];
        if (c <= ' ' || c >= 0x7F || c == '"' || c == '=' || c == '\\')
            return false;
    }
    return s.len > 0;
}

static void append_value(struct buf *line, const struct log_field *field)
{
    bool json = settings.format == LOG_JSON;
    if (field->type == LOG_FIELD_I64)
        number_append_i64(line, field->i64);
    else if (field->type == LOG_FIELD_F64 && isfinite(field->f64))
        number_append_f64(line, field->f64);
    else if (field->type == LOG_FIELD_F64)
        BUF_LITERAL(line, "null");
    else if (!json && is_word(field->str))
        append_escaped(line, field->str, false);
    else
        append_quoted(line, field->str);
}

static void append_fields(struct buf *line, const struct log_field *fields)
{
    bool json = settings.format == LOG_JSON;
    for (const struct log_field *field = fields; field->type != LOG_FIELD_END; field++) {
        if (line->len >= VALUES_END)
            return;
        if (field->type == LOG_FIELD_STR && field->str.ptr == NULL)
            continue;
        if (json) {
            buf_append_char(line, ',');
            append_quoted(line, str_of(field->name));
            buf_append_char(line, ':');
        } else {
            buf_append_char(line, ' ');
            append_escaped(line, str_of(field->name), false);
            buf_append_char(line, '=');
        }
        append_value(line, field);
    }
}

static void append_text_head(struct buf *line, enum log_level level, const char *event,
                             const char *message)
{
    time_append(line, clock_now_us(clock_system()));
    buf_append_char(line, ' ');
    buf_append_str(line, str_of(level_names[level]));
    buf_append(line, "  ", 6 - strlen(level_names[level]));
    append_escaped(line, str_of(event), false);
    buf_append_char(line, ' ');
    append_escaped(line, str_of(message), false);
}

static void append_json_head(struct buf *line, enum log_level level, const char *event,
                             const char *message)
{
    char bytes[TIME_TEXT_MAX];
    struct buf time = {.ptr = bytes, .cap = sizeof(bytes), .max = sizeof(bytes)};
    time_append(&time, clock_now_us(clock_system()));
    append_json_member(line, "time", buf_str(&time));
    append_json_member(line, "level", str_of(level_names[level]));
    append_json_member(line, "event", str_of(event));
    append_json_member(line, "message", str_of(message));
}

// A line that cannot be written is lost: there is nowhere left to say so.
static void write_line(const struct buf *line)
{
    ssize_t done;
    do {
        done = write(settings.fd, line->ptr, line->len);
    } while (done < 0 && errno == EINTR);
}

void log_write(enum log_level level, const char *event, const char *message,
               const struct log_field *fields)
{
    if (!log_enabled(level))
        return;
    char bytes[LOG_LINE_MAX];
    struct buf line = {.ptr = bytes, .cap = sizeof(bytes), .max = sizeof(bytes)};
    int number = errno;
    if (settings.format == LOG_JSON)
        append_json_head(&line, level, event, message);
    else
        append_text_head(&line, level, event, message);
    append_fields(&line, fields);
    if (settings.format == LOG_JSON)
        buf_append_char(&line, '}');
    buf_append_char(&line, '\n');
    write_line(&line);
    errno = number;
}

void log_error(enum log_level level, const char *event, const struct error *err)
{
    struct str cause = err->cause[0] == '\0' ? STR_NULL : str_of(err->cause);
    const struct log_field fields[] = {
        LOG_TEXT_FIELD("code", err_name(err->code)),
        {.name = "cause", .type = cause.ptr == NULL ? LOG_FIELD_END : LOG_FIELD_STR, .str = cause},
        {.type = LOG_FIELD_END},
    };
    log_write(level, event, err->message, fields);
}
