// A piece of text by pointer and length, which owns nothing.
#ifndef SUNLEAD_BASE_STR_H
#define SUNLEAD_BASE_STR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/macro.h"

// ptr NULL is "no text" (null), which differs from the empty text. Not ended by NUL unless said so.
struct str {
    const char *ptr;
    size_t len;
};

// STR("literal") is the literal as a struct str; usable in constant expressions of static tables.
#define STR_INIT(literal)                                                                          \
    {                                                                                              \
        .ptr = (literal), .len = sizeof(literal) - 1                                               \
    }
#define STR(literal) ((struct str)STR_INIT(literal))
#define STR_NULL     ((struct str){0})

// STR_ARG(s) gives the two arguments that "%.*s" wants.
#define STR_ARG(s) (int)(s).len, ((s).ptr == NULL ? "" : (s).ptr)

// str_of() wraps a NUL-ended text; NULL gives STR_NULL. The text must outlive the result.
struct str str_of(const char *text);

// str_equal() compares bytes; null equals only null.
bool str_equal(struct str a, struct str b);

// str_equal_nocase() compares ASCII letters without their case (header names).
bool str_equal_nocase(struct str a, struct str b);

// str_starts() tells whether s begins with prefix.
bool str_starts(struct str s, struct str prefix);

// str_find() is the position of the first byte c at or after from, or s.len if there is none.
size_t str_find(struct str s, char c, size_t from);

// str_trim() is s without spaces and tabs at both ends.
struct str str_trim(struct str s);

// str_slice() is s from start (included) to end (excluded), both cut to s.len.
struct str str_slice(struct str s, size_t start, size_t end);

// str_split() cuts *rest at the first separator: the part before is returned, *rest becomes the
// part behind it, or null when no separator was left. Call while rest->ptr is not NULL.
struct str str_split(struct str *rest, char separator);

// str_is_utf8() tells whether s is well-formed UTF-8 (RFC 3629: no surrogates, no overlong forms).
bool str_is_utf8(struct str s);

// str_utf8_width() is the number of bytes (1 to 4) of the well-formed UTF-8 character at position
// at, or 0 if there is none.
size_t str_utf8_width(struct str s, size_t at);

// str_cut() is the longest beginning of s that has at most max bytes and does not end inside a
// UTF-8 character.
struct str str_cut(struct str s, size_t max);

// str_equal_secret() compares in a time that depends on the lengths only. Null equals nothing,
// not even null: a secret that is missing opens no door.
bool str_equal_secret(struct str a, struct str b);

#endif
