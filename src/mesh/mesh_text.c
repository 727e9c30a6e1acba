// The scanner of OBJ, MTL and ascii PLY. Most of the time that a conversion takes to read is here.
#include "mesh/mesh_text.h"

#include <math.h>

// More decimal digits than these do not change a double.
#define DIGITS_MAX   19
#define EXPONENT_MAX 400
#define INTEGER_MAX  INT64_C(1000000000000)

static const double power_of_ten[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
                                      1e8,  1e9,  1e10, 1e11, 1e12, 1e13, 1e14, 1e15,
                                      1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};

#define POWER_MAX ((int)COUNT_OF(power_of_ten) - 1)

void mesh_text_init(struct mesh_text *text, struct str bytes, bool is_continued)
{
    if (str_starts(bytes, STR("\xEF\xBB\xBF")))
        bytes = str_slice(bytes, 3, bytes.len);
    const char *start = bytes.ptr == NULL ? "" : bytes.ptr;
    *text = (struct mesh_text){
        .at = start, .end = start + bytes.len, .line = 1, .is_continued = is_continued};
}

static bool is_digit(char c)
{
    return (unsigned char)(c - '0') < 10;
}

// The end of the line that a backslash at this place hides; NULL if it hides none.
static const char *continuation_end(const struct mesh_text *text)
{
    if (!text->is_continued || *text->at != '\\')
        return NULL;
    const char *at = text->at + 1;
    if (at < text->end && *at == '\r')
        at++;
    return at < text->end && *at == '\n' ? at + 1 : NULL;
}

static void skip_blanks(struct mesh_text *text)
{
    while (text->at < text->end) {
        if (mesh_text_is_blank(*text->at)) {
            text->at++;
            continue;
        }
        const char *next = continuation_end(text);
        if (next == NULL)
            return;
        text->at = next;
        text->line++;
    }
}

bool mesh_text_at_line_end(struct mesh_text *text)
{
    skip_blanks(text);
    return text->at == text->end || *text->at == '\n' || (*text->at == '#' && text->is_continued);
}

bool mesh_text_at_word_end(const struct mesh_text *text)
{
    return text->at == text->end || *text->at == '\n' || mesh_text_is_blank(*text->at) ||
           continuation_end(text) != NULL;
}

struct str mesh_text_word(struct mesh_text *text)
{
    if (mesh_text_at_line_end(text))
        return (struct str){.ptr = text->at, .len = 0};
    const char *start = text->at;
    while (!mesh_text_at_word_end(text))
        text->at++;
    return (struct str){.ptr = start, .len = (size_t)(text->at - start)};
}

struct str mesh_text_rest(struct mesh_text *text)
{
    skip_blanks(text);
    const char *start = text->at;
    const char *end = memchr(start, '\n', (size_t)(text->end - start));
    if (end == NULL)
        end = text->end;
    text->at = end;
    while (end > start && mesh_text_is_blank(end[-1]))
        end--;
    return (struct str){.ptr = start, .len = (size_t)(end - start)};
}

// What a number is made of: mantissa * 10^exponent.
struct decimal {
    uint64_t mantissa;
    int exponent;
    int digits; // of the mantissa
    bool any;   // whether a digit was there at all
};

static const char *take_digits(const char *at, const char *end, struct decimal *number, int step)
{
    for (; at < end && is_digit(*at); at++) {
        number->any = true;
        if (number->digits == DIGITS_MAX) {
            // Beyond a double's precision: only how large it is still counts.
            if (number->exponent < EXPONENT_MAX)
                number->exponent += 1 - step;
            continue;
        }
        number->mantissa = number->mantissa * 10 + (uint64_t)(*at - '0');
        number->digits += number->mantissa != 0;
        if (number->exponent > -EXPONENT_MAX)
            number->exponent -= step;
    }
    return at;
}

// Takes "e-7" behind a number. NULL if it has no digits.
static const char *take_exponent(const char *at, const char *end, struct decimal *number)
{
    if (at == end || (*at != 'e' && *at != 'E'))
        return at;
    at++;
    bool negative = at < end && *at == '-';
    if (at < end && (*at == '-' || *at == '+'))
        at++;
    if (at == end || !is_digit(*at))
        return NULL;
    int value = 0;
    for (; at < end && is_digit(*at); at++) {
        if (value < 2 * EXPONENT_MAX)
            value = value * 10 + (*at - '0');
    }
    number->exponent += negative ? -value : value;
    return at;
}

static double decimal_value(const struct decimal *number)
{
    double value = (double)number->mantissa;
    int exponent = number->exponent;
    if (value == 0)
        return 0;
    for (; exponent < -POWER_MAX && value > 0; exponent += POWER_MAX)
        value /= power_of_ten[POWER_MAX];
    for (; exponent > POWER_MAX && value < HUGE_VAL; exponent -= POWER_MAX)
        value *= power_of_ten[POWER_MAX];
    if (value == 0 || !isfinite(value))
        return value;
    return exponent < 0 ? value / power_of_ten[-exponent] : value * power_of_ten[exponent];
}

bool mesh_text_number(struct mesh_text *text, double *ret_value)
{
    skip_blanks(text);
    const char *at = text->at;
    const char *end = text->end;
    bool negative = at < end && *at == '-';
    if (at < end && (*at == '-' || *at == '+'))
        at++;
    struct decimal number = {0};
    at = take_digits(at, end, &number, 0);
    if (at < end && *at == '.')
        at = take_digits(at + 1, end, &number, 1);
    if (!number.any)
        return false;
    at = take_exponent(at, end, &number);
    if (at == NULL)
        return false;
    text->at = at;
    if (!mesh_text_at_word_end(text))
        return false;
    double value = decimal_value(&number);
    *ret_value = negative ? -value : value;
    return isfinite(value);
}

bool mesh_text_integer(struct mesh_text *text, int64_t *ret_value)
{
    const char *at = text->at;
    const char *end = text->end;
    bool negative = at < end && *at == '-';
    if (at < end && (*at == '-' || *at == '+'))
        at++;
    int64_t value = 0;
    const char *first = at;
    for (; at < end && is_digit(*at); at++) {
        value = value * 10 + (*at - '0');
        if (value > INTEGER_MAX)
            return false;
    }
    if (at == first)
        return false;
    text->at = at;
    *ret_value = negative ? -value : value;
    return true;
}

bool mesh_text_next_line(struct mesh_text *text)
{
    while (text->at < text->end) {
        const char *end = memchr(text->at, '\n', (size_t)(text->end - text->at));
        if (end == NULL)
            break;
        bool has_return = end > text->at && end[-1] == '\r';
        const char *last = end - (has_return ? 2 : 1);
        bool goes_on = text->is_continued && last >= text->at && *last == '\\';
        text->at = end + 1;
        text->line++;
        if (!goes_on)
            return text->at < text->end;
    }
    text->at = text->end;
    return false;
}
