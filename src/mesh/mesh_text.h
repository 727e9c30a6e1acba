// Scanning the text formats of meshes: words, numbers and lines, without copies.
#ifndef SUNLEAD_MESH_TEXT_H
#define SUNLEAD_MESH_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/str.h"

// A place in a text. Lines end with LF or CRLF; in OBJ and MTL (is_continued) a backslash at the
// end of a line joins it with the next.
struct mesh_text {
    const char *at;
    const char *end;
    size_t line; // of at, from 1
    bool is_continued;
};

// mesh_text_init() begins at the start of a text, behind a byte order mark.
void mesh_text_init(struct mesh_text *text, struct str bytes, bool is_continued);

// mesh_text_is_blank() tells whether a character separates words.
static inline bool mesh_text_is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\v' || c == '\f';
}

// mesh_text_at_line_end() skips blanks and tells whether nothing is left on the line but a comment
// (#, in OBJ and MTL only).
bool mesh_text_at_line_end(struct mesh_text *text);

// mesh_text_word() takes the next word of the line; empty when there is none.
struct str mesh_text_word(struct mesh_text *text);

// mesh_text_at_word_end() tells whether the word goes on, without skipping anything: true if not.
bool mesh_text_at_word_end(const struct mesh_text *text);

// mesh_text_take() takes one character if it is c.
static inline bool mesh_text_take(struct mesh_text *text, char c)
{
    bool is_there = text->at < text->end && *text->at == c;
    text->at += is_there;
    return is_there;
}

// mesh_text_rest() takes the rest of the line, without blanks at both ends. A backslash does not
// continue it: it may be part of a path.
struct str mesh_text_rest(struct mesh_text *text);

// mesh_text_number() takes the next word of the line as a number, without a locale. It is precise
// to two units in the last place of a double. False if it is none or not finite.
bool mesh_text_number(struct mesh_text *text, double *ret_value);

// mesh_text_integer() takes decimal digits with an optional sign, and leaves what follows them.
// False if there are none or too many.
bool mesh_text_integer(struct mesh_text *text, int64_t *ret_value);

// mesh_text_next_line() goes to the beginning of the next line; false at the end of the text.
bool mesh_text_next_line(struct mesh_text *text);

#endif
