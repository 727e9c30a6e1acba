// Reading JSON into structs by field table.
#ifndef SUNLEAD_JSON_READ_H
#define SUNLEAD_JSON_READ_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/error.h"
#include "base/field.h"
#include "base/str.h"

// A parsed text. Values are borrowed from it.
struct json_doc;
// A value inside a document.
struct json_value;

// JSON_DEPTH_MAX is how deep objects and arrays may nest.
#define JSON_DEPTH_MAX 32

// JSON_VALUES_MAX is how many values a text may hold: it bounds the memory of a document (16 MB or
// so).
#define JSON_VALUES_MAX 100000

// json_parse() reads one JSON text strictly (RFC 8259: no duplicate members, no NUL in texts, valid
// UTF-8, nothing behind it, at most JSON_DEPTH_MAX deep and JSON_VALUES_MAX values). ERR_INVALID
// with line and column in the message otherwise. The document lives until json_doc_free().
MUST_CHECK enum err json_parse(struct str text, struct json_doc **ret_doc, struct error *err);

// json_doc_free() frees the document and all its values; NULL is fine.
void json_doc_free(struct json_doc *doc);

// json_doc_free_ptr() is json_doc_free() for CLEANUP.
void json_doc_free_ptr(struct json_doc **doc);

// json_root() is the outermost value.
const struct json_value *json_root(const struct json_doc *doc);

// json_is_object(), json_is_array(), json_is_null() tell the kind of a value; a NULL value is none
// of them.
bool json_is_object(const struct json_value *value);
// json_is_array() see json_is_object().
bool json_is_array(const struct json_value *value);
// json_is_null() see json_is_object().
bool json_is_null(const struct json_value *value);
// json_is_string() see json_is_object().
bool json_is_string(const struct json_value *value);

// json_member() is the member of an object by name; NULL if it is absent or value is no object.
const struct json_value *json_member(const struct json_value *value, const char *name);

// json_length() is the number of elements of an array; 0 for other values.
size_t json_length(const struct json_value *value);

// json_element() is an element of an array; NULL beyond its end.
const struct json_value *json_element(const struct json_value *value, size_t index);

// json_text() is a string's text, borrowed; null if value is no string.
struct str json_text(const struct json_value *value);

// json_number() reads any JSON number, or a text that holds one (lenient, for LightFusion's
// answers); not set for anything else.
struct opt_f64 json_number(const struct json_value *value);

// json_i64() reads a number without a fraction (123 or 123.0) as json_number() does; not set
// otherwise.
struct opt_i64 json_i64(const struct json_value *value);

// json_dump() copies the value as compact JSON text into the arena.
struct str json_dump(const struct json_value *value, struct arena *arena);

// How json_decode() treats members; or-ed together.
enum json_decode_flag {
    JSON_NEW = 1 << 0,          // FIELD_REQUIRED members must be there
    JSON_READ_ONLY_OK = 1 << 1, // read-only members are decoded like others (the caller compares
                                // them); without it they are errors
    JSON_LENIENT =
        1 << 2, // unknown members are ignored, wrong types become null, bounds are not checked
};

// How and where to one decoding goes.
struct json_decoding {
    unsigned flags;      // enum json_decode_flag
    const char *prefix;  // pointers start with it; NULL: at the root
    const char *aside;   // a member that the caller reads himself; NULL: none
    struct arena *arena; // texts are copied there
    uint64_t seen;       // out: bit i is set when field i was present (null included)
};

// json_decode() fills object (set to its defaults by the caller) from a JSON object. All mistakes
// are collected as places in err: wrong type, out of range, too long, null where not allowed,
// missing, unknown. Numbers may be integers where a double is wanted; an integer field takes 12 and
// 12.0 but not 12.5 or "12". null is taken by every type that can be null, by lists (zeros) and by
// objects (zeroed), unless the field is FIELD_NOT_NULL or FIELD_REQUIRED. A member given under two
// of its spellings is a mistake. ERR_INVALID if there is any mistake.
MUST_CHECK enum err json_decode(const struct field_table *table, const struct json_value *value,
                                struct json_decoding *how, void *object, struct error *err);

#endif
