// The log: one line an event, to standard error, as text or JSON.
#ifndef SUNLEAD_BASE_LOG_H
#define SUNLEAD_BASE_LOG_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "base/str.h"

enum log_level { LOG_DEBUG, LOG_INFO, LOG_WARN, LOG_ERROR, LOG_OFF };
enum log_format { LOG_TEXT, LOG_JSON };

// One value beside the message; a null text is left out. Values are escaped: a log line is always
// one line, whatever they hold.
struct log_field {
    const char *name;
    enum { LOG_FIELD_END, LOG_FIELD_I64, LOG_FIELD_F64, LOG_FIELD_STR } type;
    int64_t i64;
    double f64;
    struct str str;
};

#define LOG_I64(name_, v)        ((struct log_field){.name = (name_), .type = LOG_FIELD_I64, .i64 = (v)})
#define LOG_F64(name_, v)        ((struct log_field){.name = (name_), .type = LOG_FIELD_F64, .f64 = (v)})
#define LOG_STR(name_, v)        ((struct log_field){.name = (name_), .type = LOG_FIELD_STR, .str = (v)})
#define LOG_TEXT_FIELD(name_, v) LOG_STR(name_, str_of(v))

// log_setup() sets the least level shown and the format, and where lines go (a file descriptor; 2
// until told). Call before threads start.
void log_setup(enum log_level level, enum log_format format, int fd);

// log_enabled() tells whether a line of this level would be written.
bool log_enabled(enum log_level level);

// log_write() writes one line with the time, the level, the event (a fixed word such as
// "order.created", which operators search for), a message and the fields. Use the macros.
void log_write(enum log_level level, const char *event, const char *message,
               const struct log_field *fields);

// log_event(LOG_INFO, "order.created", "message", LOG_I64("order_id", id), ...) with any number
// of fields.
#define log_event(level, event, message, ...)                                                      \
    do {                                                                                           \
        if (log_enabled(level))                                                                    \
            log_write(                                                                             \
                (level), (event), (message),                                                       \
                (const struct log_field[]){__VA_ARGS__ __VA_OPT__(, ){.type = LOG_FIELD_END}});    \
    } while (0)

// log_error() writes a struct error at the place where it stops: its code, message and cause.
void log_error(enum log_level level, const char *event, const struct error *err);

#endif
