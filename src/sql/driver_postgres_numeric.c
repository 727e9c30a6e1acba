// PostgreSQL's NUMERIC, in which older tables keep coordinates and figures.
#include "sql/driver_postgres.h"

#include <endian.h>

// The head is four 16-bit words: how many digits (to the base 10000) follow, the power of 10000 of
// the first one, the sign, and how many decimals are shown.
#define HEAD_BYTES    8
#define SIGN_POSITIVE 0x0000
#define SIGN_NEGATIVE 0x4000
#define WEIGHT_MAX    100 // far beyond what a double holds

static unsigned word_at(struct str bytes, size_t i)
{
    uint16_t wire;
    memcpy(&wire, bytes.ptr + i * sizeof(wire), sizeof(wire));
    return be16toh(wire);
}

void postgres_numeric_append(struct str bytes, struct buf *out)
{
    if (bytes.len < HEAD_BYTES)
        return;
    int count = (int)word_at(bytes, 0);
    int weight = (int16_t)word_at(bytes, 1);
    unsigned sign = word_at(bytes, 2);
    bool is_sane = bytes.len == HEAD_BYTES + (size_t)count * 2 && weight <= WEIGHT_MAX &&
                   weight >= -WEIGHT_MAX;
    if (!is_sane || (sign != SIGN_POSITIVE && sign != SIGN_NEGATIVE))
        return;
    if (sign == SIGN_NEGATIVE)
        buf_append_char(out, '-');
    if (weight < 0)
        buf_append_char(out, '0');
    for (int power = weight < 0 ? -1 : weight; power >= 0 || power > weight - count; power--) {
        int i = weight - power;
        unsigned digit = i >= 0 && i < count ? word_at(bytes, HEAD_BYTES / 2 + (size_t)i) : 0;
        if (power == -1)
            buf_append_char(out, '.');
        buf_printf(out, power == weight && power >= 0 ? "%u" : "%04u", digit);
    }
}
