// Fuzzes base/number.c: what is read and written again reads as the same number.
#include "fuzz/fuzz.h"

#include <math.h>

#include "base/number.h"

static void fuzz_i64(struct str text)
{
    int64_t value = 0;
    if (number_parse_i64(text, INT64_MIN, INT64_MAX, &value) != ERR_OK)
        return;
    CLEANUP(buf_done) struct buf buf;
    buf_init(&buf, 20);
    number_append_i64(&buf, value);
    check(!buf.overflow);
    int64_t back = 0;
    check(number_parse_i64(buf_str(&buf), value, value, &back) == ERR_OK);
    check(back == value);
    if (value > INT64_MIN)
        check(number_parse_i64(text, INT64_MIN, value - 1, &back) == ERR_INVALID);
    if (value < INT64_MAX)
        check(number_parse_i64(text, value + 1, INT64_MAX, &back) == ERR_INVALID);
}

// The text of a double is valid JSON, reads back bit by bit and has at most 25 bytes
// ("-1.2345678901234567e-100" and the like).
static void check_f64(double value)
{
    CLEANUP(buf_done) struct buf buf;
    buf_init(&buf, 25);
    number_append_f64(&buf, value);
    check(!buf.overflow);
    double back = 0;
    check(number_parse_f64(buf_str(&buf), &back) == ERR_OK);
    check(memcmp(&back, &value, sizeof(value)) == 0);
}

static void fuzz_f64(struct str text)
{
    double value = 0;
    if (number_parse_f64(text, &value) == ERR_OK)
        check_f64(value);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str text = {.ptr = (const char *)data, .len = size};
    fuzz_i64(text);
    fuzz_f64(text);

    double value;
    if (size == sizeof(value)) {
        memcpy(&value, data, sizeof(value));
        if (isfinite(value))
            check_f64(value);
    }
    return 0;
}
