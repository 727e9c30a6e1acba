// Reads any bytes as JSON and decodes them; what was understood must survive being written and read
// again.
#include "fuzz/fuzz.h"

#include <string.h>

#include "base/arena.h"
#include "base/buf.h"
#include "json/json_read.h"
#include "json/json_write.h"

enum colour { COLOUR_NONE, COLOUR_RED, COLOUR_BLUE };
static const char *const colour_names[] = {NULL, "red", "blue", FIELD_NAMES_END};

struct inner {
    struct opt_i64 n;
    struct str text;
};

struct thing {
    int64_t i64;
    struct opt_i64 opt_i64;
    double f64;
    struct opt_f64 opt_f64;
    bool flag;
    struct str text;
    struct opt_i64 time;
    enum colour colour;
    double list[3];
    struct inner inner;
    struct str raw;
};

static const struct field inner_fields[] = {
    {FIELD_AS_OPT_I64(struct inner, n), .min = 1, .max = 1e15},
    {FIELD_AS_STR(struct inner, text, 20), .alias = {"Text"}},
};
static const struct field_table inner_table = FIELD_TABLE("inner", inner_fields, struct inner);

static const struct field thing_fields[] = {
    {FIELD_AS_I64(struct thing, i64), .min = -1e15, .max = 1e15},
    {FIELD_AS_OPT_I64(struct thing, opt_i64)},
    {FIELD_AS_F64(struct thing, f64), .min = -90, .max = 90},
    {FIELD_AS_OPT_F64(struct thing, opt_f64)},
    {FIELD_AS_BOOL(struct thing, flag)},
    {FIELD_AS_STR(struct thing, text, 100)},
    {FIELD_AS_TIME(struct thing, time)},
    {FIELD_AS_ENUM(struct thing, colour, enum colour, colour_names)},
    {FIELD_AS_F64_LIST(struct thing, list, 3)},
    {FIELD_AS_OBJECT(struct thing, inner, &inner_table)},
    {FIELD_AS_RAW(struct thing, raw, 1000)},
};
static const struct field_table thing_table = FIELD_TABLE("thing", thing_fields, struct thing);

// Parses a text that was written by us, which must work.
static struct json_doc *parse_ours(struct str text)
{
    struct json_doc *doc = NULL;
    check(json_parse(text, &doc, NULL) == ERR_OK);
    return doc;
}

// Whatever was parsed has one compact text.
static void check_dump(const struct json_value *root, struct arena *arena)
{
    struct str first = json_dump(root, arena);
    struct json_doc *doc CLEANUP(json_doc_free_ptr) = parse_ours(first);
    check(str_equal(json_dump(json_root(doc), arena), first));
}

static void check_equal(const struct thing *a, const struct thing *b)
{
    for (size_t i = 0; i < COUNT_OF(thing_fields); i++) {
        if (thing_fields[i].type != FIELD_OBJECT)
            check(field_equal(&thing_fields[i], a, b));
    }
    for (size_t i = 0; i < COUNT_OF(inner_fields); i++)
        check(field_equal(&inner_fields[i], &a->inner, &b->inner));
}

// Every mistake has a place, and the problem document that tells of them is JSON.
static void check_problem(const struct error *err)
{
    check(err->code == ERR_INVALID);
    struct buf text CLEANUP(buf_done);
    buf_init(&text, 65536);
    json_write_problem(&text, 400, "Bad Request", err);
    check(!text.overflow);
    struct json_doc *doc CLEANUP(json_doc_free_ptr) = parse_ours(buf_str(&text));
    check(json_length(json_member(json_root(doc), "errors")) == err->place_count);
}

static void check_round_trip(const struct thing *thing, struct arena *arena)
{
    struct buf text CLEANUP(buf_done);
    buf_init(&text, 65536);
    json_write_object(&text, &thing_table, thing);
    check(!text.overflow);
    struct json_doc *doc CLEANUP(json_doc_free_ptr) = parse_ours(buf_str(&text));
    struct thing again = {0};
    struct json_decoding how = {.flags = JSON_NEW, .arena = arena};
    check(json_decode(&thing_table, json_root(doc), &how, &again, NULL) == ERR_OK);
    check_equal(thing, &again);
}

static void check_decode(const struct json_value *root, struct arena *arena)
{
    struct error err;
    error_reset(&err);
    struct thing thing = {0};
    struct json_decoding how = {.flags = JSON_NEW, .arena = arena};
    if (json_decode(&thing_table, root, &how, &thing, &err) == ERR_OK) {
        check(how.seen < UINT64_C(1) << COUNT_OF(thing_fields));
        check_round_trip(&thing, arena);
    } else {
        check(err.place_count > 0);
        check_problem(&err);
    }
    struct thing lenient = {0};
    struct json_decoding easy = {.flags = JSON_LENIENT, .arena = arena};
    check(json_decode(&thing_table, root, &easy, &lenient, NULL) == ERR_OK);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct json_doc *doc CLEANUP(json_doc_free_ptr) = NULL;
    struct error err;
    error_reset(&err);
    if (json_parse((struct str){(const char *)data, size}, &doc, &err) != ERR_OK) {
        check(strncmp(err.message, "line ", 5) == 0);
        check_problem(&err);
        return 0;
    }
    struct arena *arena CLEANUP(arena_close_ptr) = arena_open(0);
    check_dump(json_root(doc), arena);
    check_decode(json_root(doc), arena);
    return 0;
}
