// Digits of numbers: printf() would ask the locale for the point and take several times as long.
#include "mesh/mesh_number.h"

#include <math.h>

static char *put_digits(char *at, uint64_t value)
{
    char digits[MESH_NUMBER_TEXT_MAX];
    size_t count = 0;
    do {
        digits[count++] = (char)('0' + value % 10);
        value /= 10;
    } while (value > 0);
    while (count > 0)
        *at++ = digits[--count];
    return at;
}

char *mesh_number_put_fixed(char *at, double value, int64_t scale)
{
    check(fabs(value) * (double)scale < 9e18);
    int64_t scaled = llround(value * (double)scale);
    if (scaled < 0) {
        *at++ = '-';
        scaled = -scaled;
    }
    at = put_digits(at, (uint64_t)(scaled / scale));
    int64_t rest = scaled % scale;
    if (rest > 0)
        *at++ = '.';
    while (rest > 0) {
        scale /= 10;
        *at++ = (char)('0' + rest / scale);
        rest %= scale;
    }
    return at;
}

char *mesh_number_put_index(char *at, uint32_t value)
{
    return put_digits(at, value);
}
