// Reading mesh files that are text: lines, words, numbers.
#ifndef SUNLEAD_FILES_FILE_CHECK_TEXT_H
#define SUNLEAD_FILES_FILE_CHECK_TEXT_H

#include <stdbool.h>
#include <stddef.h>

#include "base/str.h"

// A reader of lines. Set rest; the others start as zero.
struct text_lines {
    struct str rest; // what was not read yet
    bool continued;  // a backslash at a line's end joins the next line, but not in a # comment
    size_t number;   // of the line that was read last, from 1
    size_t more;     // how many lines were joined to it
};

// text_lines_next() reads the next line, which may hold joined ones. False at the end.
bool text_lines_next(struct text_lines *lines, struct str *ret_line);

// text_next_word() cuts the next word off the line; it is empty when there is none. Blanks and the
// joints of joined lines separate words.
struct str text_next_word(struct str *line);

// text_without_bom() is text without the byte order mark of UTF-8.
struct str text_without_bom(struct str text);

// text_number() reads a finite number as C writes it: beyond JSON's form also +1, .5, 1. and 007.
bool text_number(struct str word, double *ret_value);

#endif
