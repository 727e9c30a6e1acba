// Numbers to text and back: whole input, range checked, no locale.
#ifndef SUNLEAD_BASE_NUMBER_H
#define SUNLEAD_BASE_NUMBER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/error.h"
#include "base/str.h"

// An integer or a number that may be absent (NULL in SQL, null in JSON).
struct opt_i64 {
    int64_t value;
    bool set;
};
struct opt_f64 {
    double value;
    bool set;
};

// OPT_I64(v), OPT_F64(v) are present values.
#define OPT_I64(v) ((struct opt_i64){.value = (v), .set = true})
#define OPT_F64(v) ((struct opt_f64){.value = (v), .set = true})

// number_parse_i64() reads decimal digits with an optional '-', nothing before or behind, and min
// <= value <= max. ERR_INVALID otherwise, and *ret_value is untouched.
MUST_CHECK enum err number_parse_i64(struct str s, int64_t min, int64_t max, int64_t *ret_value);

// number_parse_f64() reads a number as JSON writes it (RFC 8259, section 6), finite. ERR_INVALID
// otherwise.
MUST_CHECK enum err number_parse_f64(struct str s, double *ret_value);

// number_append_i64() adds decimal digits.
void number_append_i64(struct buf *buf, int64_t value);

// number_append_f64() adds the shortest text that reads back as the same double (whole numbers
// without a fraction: 15000, not 15000.0; large and small ones with an exponent, valid in JSON).
// NaN and infinities are a programming error.
void number_append_f64(struct buf *buf, double value);

#endif
