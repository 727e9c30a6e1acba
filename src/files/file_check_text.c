// Cuts the text of mesh files into lines, words and numbers.
#include "files/file_check_text.h"

#include "base/number.h"

#define NUMBER_TEXT_MAX 100

static bool is_blank(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

// Whether the line break at position at has a backslash before it.
static bool is_joint(struct str text, size_t at)
{
    if (at > 0 && text.ptr[at - 1] == '\r')
        at--;
    return at > 0 && text.ptr[at - 1] == '\\';
}

static bool is_comment(struct str line)
{
    size_t at = 0;
    while (at < line.len && is_blank(line.ptr[at]))
        at++;
    return at < line.len && line.ptr[at] == '#';
}

bool text_lines_next(struct text_lines *lines, struct str *ret_line)
{
    struct str rest = lines->rest;
    if (rest.len == 0)
        return false;
    lines->number += 1 + lines->more;
    lines->more = 0;
    size_t end = str_find(rest, '\n', 0);
    if (lines->continued && !is_comment(str_slice(rest, 0, end))) {
        while (end < rest.len && is_joint(rest, end)) {
            end = str_find(rest, '\n', end + 1);
            lines->more++;
        }
    }
    *ret_line = str_slice(rest, 0, end);
    lines->rest = str_slice(rest, end + 1, rest.len);
    return true;
}

// The length of a backslash with the line break behind it; 0 if there is none at position at.
static size_t joint_len(struct str line, size_t at)
{
    if (line.ptr[at] != '\\')
        return 0;
    size_t end = at + 1;
    if (end < line.len && line.ptr[end] == '\r')
        end++;
    return end < line.len && line.ptr[end] == '\n' ? end + 1 - at : 0;
}

struct str text_next_word(struct str *line)
{
    size_t start = 0;
    while (start < line->len) {
        size_t joint = joint_len(*line, start);
        if (joint == 0 && !is_blank(line->ptr[start]))
            break;
        start += joint > 0 ? joint : 1;
    }
    size_t end = start;
    while (end < line->len && !is_blank(line->ptr[end]) && joint_len(*line, end) == 0)
        end++;
    struct str word = str_slice(*line, start, end);
    *line = str_slice(*line, end, line->len);
    return word;
}

struct str text_without_bom(struct str text)
{
    return str_starts(text, STR("\xEF\xBB\xBF")) ? str_slice(text, 3, text.len) : text;
}

static size_t copy_digits(struct str word, size_t at, char *to)
{
    size_t count = 0;
    for (; at + count < word.len && is_digit(word.ptr[at + count]); count++)
        to[count] = word.ptr[at + count];
    return count;
}

// Rewrites what stands before an exponent as JSON wants it.
bool text_number(struct str word, double *ret_value)
{
    if (number_parse_f64(word, ret_value) == ERR_OK)
        return true;
    char text[NUMBER_TEXT_MAX + 1]; // one more than word at most: the 0 before a point
    if (word.len == 0 || word.len > NUMBER_TEXT_MAX)
        return false;
    size_t at = word.ptr[0] == '+' || word.ptr[0] == '-' ? 1 : 0;
    size_t len = 0;
    if (word.ptr[0] == '-')
        text[len++] = '-';
    while (at + 1 < word.len && word.ptr[at] == '0' && is_digit(word.ptr[at + 1]))
        at++;
    size_t whole = copy_digits(word, at, text + len);
    if (whole == 0)
        text[len] = '0';
    len += whole == 0 ? 1 : whole;
    at += whole;
    size_t fraction = 0;
    if (at < word.len && word.ptr[at] == '.') {
        fraction = copy_digits(word, at + 1, text + len + 1);
        text[len] = '.';
        len += fraction == 0 ? 0 : 1 + fraction;
        at += 1 + fraction;
    }
    if (whole + fraction == 0)
        return false;
    memcpy(text + len, word.ptr + at, word.len - at);
    len += word.len - at;
    return number_parse_f64((struct str){.ptr = text, .len = len}, ret_value) == ERR_OK;
}
