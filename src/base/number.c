// Numbers to text and back. The program never calls setlocale(), so that strtod() and snprintf()
// work in the C locale.
#include "base/number.h"

#include <math.h>

#define F64_TEXT_MAX 400
#define I64_TEXT_MAX 20 // "-9223372036854775808"

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

// The value is gathered as a negative number, whose range is the larger one.
enum err number_parse_i64(struct str s, int64_t min, int64_t max, int64_t *ret_value)
{
    bool negative = s.len > 0 && s.ptr[0] == '-';
    size_t at = negative ? 1 : 0;
    if (at == s.len)
        return ERR_INVALID;
    int64_t value = 0;
    for (; at < s.len; at++) {
        if (!is_digit(s.ptr[at]))
            return ERR_INVALID;
        if (__builtin_mul_overflow(value, 10, &value) ||
            __builtin_sub_overflow(value, s.ptr[at] - '0', &value))
            return ERR_INVALID;
    }
    if (!negative && __builtin_sub_overflow(0, value, &value))
        return ERR_INVALID;
    if (value < min || value > max)
        return ERR_INVALID;
    *ret_value = value;
    return ERR_OK;
}

static size_t skip_digits(struct str s, size_t at)
{
    while (at < s.len && is_digit(s.ptr[at]))
        at++;
    return at;
}

// number = [ minus ] int [ frac ] [ exp ] of RFC 8259, section 6.
static bool is_json_number(struct str s)
{
    size_t at = s.len > 0 && s.ptr[0] == '-' ? 1 : 0;
    size_t end = skip_digits(s, at);
    if (end == at || (s.ptr[at] == '0' && end - at > 1))
        return false;
    at = end;
    if (at < s.len && s.ptr[at] == '.') {
        end = skip_digits(s, at + 1);
        if (end == at + 1)
            return false;
        at = end;
    }
    if (at < s.len && (s.ptr[at] == 'e' || s.ptr[at] == 'E')) {
        at++;
        if (at < s.len && (s.ptr[at] == '+' || s.ptr[at] == '-'))
            at++;
        end = skip_digits(s, at);
        if (end == at)
            return false;
        at = end;
    }
    return at == s.len;
}

enum err number_parse_f64(struct str s, double *ret_value)
{
    char text[F64_TEXT_MAX + 1];
    if (s.len > F64_TEXT_MAX || !is_json_number(s))
        return ERR_INVALID;
    memcpy(text, s.ptr, s.len);
    text[s.len] = '\0';
    double value = strtod(text, NULL);
    if (!isfinite(value))
        return ERR_INVALID;
    *ret_value = value;
    return ERR_OK;
}

// Writes the digits of value so that they end before end; returns where they begin.
static char *digits_before(char *end, uint64_t value)
{
    do {
        *--end = (char)('0' + value % 10);
        value /= 10;
    } while (value > 0);
    return end;
}

void number_append_i64(struct buf *buf, int64_t value)
{
    char text[I64_TEXT_MAX];
    char *end = text + sizeof(text);
    uint64_t size = value < 0 ? 0 - (uint64_t)value : (uint64_t)value;
    char *begin = digits_before(end, size);
    if (value < 0)
        *--begin = '-';
    buf_append(buf, begin, (size_t)(end - begin));
}

// A decimal number: 0.DIGITS * 10^point, without zeros at the end of the digits.
struct decimal {
    char digits[20];
    int count;
    int point;
};

static void decimal_set(struct decimal *decimal, uint64_t digits, int exponent)
{
    while (digits % 10 == 0) {
        digits /= 10;
        exponent++;
    }
    char text[20];
    char *end = text + sizeof(text);
    char *begin = digits_before(end, digits);
    decimal->count = (int)(end - begin);
    memcpy(decimal->digits, begin, (size_t)decimal->count);
    decimal->point = decimal->count + exponent;
}

// The powers of ten that a double holds exactly.
static const double exact_power[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
                                     1e8,  1e9,  1e10, 1e11, 1e12, 1e13, 1e14, 1e15,
                                     1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};

// Finds the shortest decimal with up to 15 digits, for numbers from 1e-7 to 1e15, which is what
// prices, places and sizes are. Any such decimal, padded to 15 digits, is the only one with 15
// digits that reads as this double. It is found by scaling to an integer R below 10^15: both R and
// the power are exact, so that R / power is rounded once, just as reading the text would do.
static bool decimal_by_scaling(struct decimal *decimal, double value)
{
    if (value < 1e-7 || value >= 1e15)
        return false;
    size_t scale = 0;
    while (scale + 1 < COUNT_OF(exact_power) && value * exact_power[scale + 1] < 1e15)
        scale++;
    double whole = rint(value * exact_power[scale]);
    if (whole / exact_power[scale] != value)
        return false;
    decimal_set(decimal, (uint64_t)whole, -(int)scale);
    return true;
}

// Reads what "%.*e" wrote, "d.ddde[+-]xx". False if that does not read back as value.
static bool decimal_from_text(struct decimal *decimal, const char *text, double value)
{
    if (strtod(text, NULL) != value)
        return false;
    uint64_t digits = 0;
    int count = 0;
    for (; *text != 'e'; text++) {
        if (is_digit(*text)) {
            digits = digits * 10 + (uint64_t)(*text - '0');
            count++;
        }
    }
    int exponent = 0;
    bool negative = text[1] == '-';
    for (text += 2; *text != '\0'; text++)
        exponent = exponent * 10 + (*text - '0');
    decimal_set(decimal, digits, (negative ? -exponent : exponent) - (count - 1));
    return true;
}

// 17 digits are always enough. (For a few powers of two 16 digits would do that are not the
// nearest.)
static void decimal_by_trial(struct decimal *decimal, double value)
{
    int digits = value < 1e-7 || value >= 1e15 ? 1 : 16;
    char text[32];
    do {
        check(digits <= 17);
        snprintf(text, sizeof(text), "%.*e", digits - 1, value);
        digits++;
    } while (!decimal_from_text(decimal, text, value));
}

static void append_zeros(struct buf *buf, int count)
{
    for (int i = 0; i < count; i++)
        buf_append_char(buf, '0');
}

// The notation is ECMAScript's (Number::toString), so that clients see what they would print
// themselves.
static void append_decimal(struct buf *buf, const struct decimal *decimal)
{
    int count = decimal->count;
    int point = decimal->point;
    if (count <= point && point <= 21) {
        buf_append(buf, decimal->digits, (size_t)count);
        append_zeros(buf, point - count);
    } else if (0 < point && point <= 21) {
        buf_append(buf, decimal->digits, (size_t)point);
        buf_append_char(buf, '.');
        buf_append(buf, decimal->digits + point, (size_t)(count - point));
    } else if (-6 < point && point <= 0) {
        BUF_LITERAL(buf, "0.");
        append_zeros(buf, -point);
        buf_append(buf, decimal->digits, (size_t)count);
    } else {
        buf_append_char(buf, decimal->digits[0]);
        if (count > 1)
            buf_append_char(buf, '.');
        buf_append(buf, decimal->digits + 1, (size_t)(count - 1));
        buf_append_char(buf, 'e');
        buf_append_char(buf, point > 0 ? '+' : '-');
        number_append_i64(buf, point > 0 ? point - 1 : 1 - point);
    }
}

void number_append_f64(struct buf *buf, double value)
{
    check(isfinite(value));
    if (signbit(value)) {
        buf_append_char(buf, '-');
        value = -value;
    }
    if (value < 0x1p53 && value == (double)(int64_t)value) {
        number_append_i64(buf, (int64_t)value);
        return;
    }
    struct decimal decimal;
    if (!decimal_by_scaling(&decimal, value))
        decimal_by_trial(&decimal, value);
    append_decimal(buf, &decimal);
}
