// Filling struct error: formatted texts that are cut to fit.
#include "base/error.h"

#include <stdarg.h>

// Formatting goes by way of a buffer of its own, because the arguments may point into the error. A
// text that is too long loses its end, never half a character.
__attribute__((format(printf, 3, 0))) static void format_cut(char *to, size_t size,
                                                             const char *format, va_list args)
{
    char text[512];
    int length = vsnprintf(text, sizeof(text), format, args);
    if (length < 0)
        length = 0;
    size_t whole = (size_t)length < sizeof(text) ? (size_t)length : sizeof(text) - 1;
    struct str kept = str_cut((struct str){.ptr = text, .len = whole}, size - 1);
    memcpy(to, kept.ptr, kept.len);
    to[kept.len] = '\0';
}

enum err error_set(struct error *err, enum err code, const char *format, ...)
{
    if (err == NULL)
        return code;
    va_list args;
    va_start(args, format);
    format_cut(err->message, sizeof(err->message), format, args);
    va_end(args);
    err->code = code;
    err->place_count = 0;
    err->retry_after_s = 0;
    err->cause[0] = '\0';
    return code;
}

void error_cause(struct error *err, const char *format, ...)
{
    if (err == NULL)
        return;
    va_list args;
    va_start(args, format);
    format_cut(err->cause, sizeof(err->cause), format, args);
    va_end(args);
}

// Pointers quote member names and parameters of a stranger: nothing in them may act on a terminal
// or break the text that shows them.
static void copy_pointer(char *to, size_t size, struct str pointer)
{
    size_t end = 0;
    for (size_t at = 0; at < pointer.len;) {
        size_t width = str_utf8_width(pointer, at);
        unsigned char first = (unsigned char)pointer.ptr[at];
        bool shown = width > 0 && first >= 0x20 && first != 0x7F;
        size_t step = width > 0 ? width : 1;
        size_t room = shown ? width : 1;
        if (end + room >= size)
            break;
        if (shown)
            memcpy(to + end, pointer.ptr + at, width);
        else
            to[end] = '?';
        end += room;
        at += step;
    }
    to[end] = '\0';
}

static void message_from_place(struct error *err, const struct error_place *place)
{
    char text[sizeof(place->pointer) + sizeof(place->detail) + 2];
    const char *colon = place->pointer[0] == '\0' ? "" : ": ";
    int length = snprintf(text, sizeof(text), "%s%s%s", place->pointer, colon, place->detail);
    struct str kept =
        str_cut((struct str){.ptr = text, .len = (size_t)length}, sizeof(err->message) - 1);
    memcpy(err->message, kept.ptr, kept.len);
    err->message[kept.len] = '\0';
}

enum err error_place(struct error *err, struct str pointer, const char *format, ...)
{
    if (err == NULL)
        return ERR_INVALID;
    err->code = ERR_INVALID;
    if (err->place_count >= ERROR_PLACES_MAX)
        return ERR_INVALID;
    struct error_place *place = &err->places[err->place_count++];
    copy_pointer(place->pointer, sizeof(place->pointer), pointer);
    va_list args;
    va_start(args, format);
    format_cut(place->detail, sizeof(place->detail), format, args);
    va_end(args);
    if (err->message[0] == '\0')
        message_from_place(err, place);
    return ERR_INVALID;
}

static const char *const err_names[] = {
    [ERR_OK] = "ok",
    [ERR_INVALID] = "invalid",
    [ERR_NOT_FOUND] = "not_found",
    [ERR_CONFLICT] = "conflict",
    [ERR_STALE] = "stale",
    [ERR_UNAUTHENTICATED] = "unauthenticated",
    [ERR_FORBIDDEN] = "forbidden",
    [ERR_LIMITED] = "limited",
    [ERR_TOO_LARGE] = "too_large",
    [ERR_UNAVAILABLE] = "unavailable",
    [ERR_TIMEOUT] = "timeout",
    [ERR_UPSTREAM] = "upstream",
    [ERR_UNKNOWN_OUTCOME] = "unknown_outcome",
    [ERR_CORRUPT] = "corrupt",
    [ERR_CANCELLED] = "cancelled",
    [ERR_EXHAUSTED] = "exhausted",
    [ERR_INTERNAL] = "internal",
};

const char *err_name(enum err code)
{
    return (size_t)code < COUNT_OF(err_names) ? err_names[code] : "unknown";
}
