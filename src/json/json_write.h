// Writing JSON straight into a buffer, by field table or piece by piece.
#ifndef SUNLEAD_JSON_WRITE_H
#define SUNLEAD_JSON_WRITE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/error.h"
#include "base/field.h"
#include "base/str.h"

// json_write_object() adds an object with all fields of the table that are members, in table order.
void json_write_object(struct buf *buf, const struct field_table *table, const void *object);

// json_write_members() adds the members without the braces, to be put beside others.
// first tells whether the first member goes without a comma; returns whether nothing was written
// yet.
bool json_write_members(struct buf *buf, const struct field_table *table, const void *object,
                        bool first);

// json_write_value() adds one field's value (without its name).
void json_write_value(struct buf *buf, const struct field *field, const void *object);

// json_write_str() adds a quoted text with escapes (RFC 8259, section 7); null for a null text.
// Invalid UTF-8 becomes U+FFFD.
void json_write_str(struct buf *buf, struct str text);

// json_write_f64() adds a number; null for NaN and infinities, which JSON does not have (a database
// may).
void json_write_f64(struct buf *buf, double value);

// json_write_name() adds `"name":`, with a comma before it unless the buffer ends in '{'. Names are
// ours and need no escapes.
void json_write_name(struct buf *buf, const char *name);

// json_write_places() adds an error's places: [{"pointer": ..., "detail": ...}, ...].
void json_write_places(struct buf *buf, const struct error *err);

// json_write_problem() adds problem details (RFC 9457): type, title, status, detail, errors and
// error, and for ERR_UNKNOWN_OUTCOME "outcome": "unknown". A body that is no JSON has its line and
// column in the detail.
void json_write_problem(struct buf *buf, int status, const char *title, const struct error *err);

#endif
