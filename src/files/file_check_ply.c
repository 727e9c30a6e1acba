// Checks that a file is a PLY that holds what its header announces.
#include "files/file_check_kinds.h"

#include <stdint.h>

#include "base/number.h"
#include "files/file_check_text.h"

#define ELEMENTS_MAX   16
#define PROPERTIES_MAX 256 // of all elements together

enum ply_format { PLY_NO_FORMAT, PLY_ASCII, PLY_LITTLE_ENDIAN, PLY_BIG_ENDIAN };

static const struct str format_names[] = {STR_INIT(""), STR_INIT("ascii"),
                                          STR_INIT("binary_little_endian"),
                                          STR_INIT("binary_big_endian")};

struct ply_type {
    struct str name;
    struct str alias;
    unsigned size;
    bool is_integer;
    bool is_signed;
};

static const struct ply_type types[] = {
    {STR_INIT("char"), STR_INIT("int8"), 1, true, true},
    {STR_INIT("uchar"), STR_INIT("uint8"), 1, true, false},
    {STR_INIT("short"), STR_INIT("int16"), 2, true, true},
    {STR_INIT("ushort"), STR_INIT("uint16"), 2, true, false},
    {STR_INIT("int"), STR_INIT("int32"), 4, true, true},
    {STR_INIT("uint"), STR_INIT("uint32"), 4, true, false},
    {STR_INIT("float"), STR_INIT("float32"), 4, false, true},
    {STR_INIT("double"), STR_INIT("float64"), 8, false, true},
};

// A number, or a list: its length and then as many numbers.
struct ply_property {
    const struct ply_type *length; // NULL: no list
    const struct ply_type *value;
};

struct ply_element {
    int64_t count;
    size_t first; // of its properties
    size_t property_count;
    bool has_list;
    uint64_t fixed_bytes; // of the properties that are no lists
};

struct ply {
    struct text_lines lines;
    enum ply_format format;
    bool has_vertices;
    size_t element_count;
    size_t property_count;
    struct ply_element elements[ELEMENTS_MAX];
    struct ply_property properties[PROPERTIES_MAX];
};

static enum err bad_line(const struct ply *ply, struct error *err)
{
    return error_set(err, ERR_CORRUPT, "line %zu: not what a PLY's header has", ply->lines.number);
}

static const struct ply_type *find_type(struct str name)
{
    for (size_t i = 0; i < COUNT_OF(types); i++) {
        if (str_equal(name, types[i].name) || str_equal(name, types[i].alias))
            return &types[i];
    }
    return NULL;
}

static enum err read_format(struct ply *ply, struct str line, struct error *err)
{
    struct str name = text_next_word(&line);
    for (int i = PLY_ASCII; i <= PLY_BIG_ENDIAN; i++) {
        if (str_equal(name, format_names[i]) && ply->format == PLY_NO_FORMAT) {
            ply->format = (enum ply_format)i;
            return ERR_OK;
        }
    }
    return bad_line(ply, err);
}

static enum err read_element(struct ply *ply, struct str line, struct error *err)
{
    struct str name = text_next_word(&line);
    int64_t count;
    if (number_parse_i64(text_next_word(&line), 0, INT64_MAX, &count) != ERR_OK)
        return bad_line(ply, err);
    if (ply->element_count == ELEMENTS_MAX)
        return error_set(err, ERR_CORRUPT, "the PLY has more than %d kinds of elements",
                         ELEMENTS_MAX);
    ply->elements[ply->element_count++] =
        (struct ply_element){.count = count, .first = ply->property_count};
    if (str_equal(name, STR("vertex")) && count > 0)
        ply->has_vertices = true;
    return ERR_OK;
}

static enum err read_property(struct ply *ply, struct str line, struct error *err)
{
    struct ply_property property = {0};
    struct str type = text_next_word(&line);
    bool is_list = str_equal(type, STR("list"));
    if (is_list) {
        property.length = find_type(text_next_word(&line));
        type = text_next_word(&line);
    }
    property.value = find_type(type);
    if (property.value == NULL || ply->element_count == 0 || text_next_word(&line).len == 0 ||
        (is_list && (property.length == NULL || !property.length->is_integer)))
        return bad_line(ply, err);
    if (ply->property_count == PROPERTIES_MAX)
        return error_set(err, ERR_CORRUPT, "the PLY has more than %d properties", PROPERTIES_MAX);
    ply->properties[ply->property_count++] = property;

    struct ply_element *element = &ply->elements[ply->element_count - 1];
    element->property_count++;
    if (is_list)
        element->has_list = true;
    else
        element->fixed_bytes += property.value->size;
    return ERR_OK;
}

static enum err read_nothing(struct ply *ply, struct str line, struct error *err)
{
    (void)ply, (void)line, (void)err;
    return ERR_OK;
}

static const struct {
    struct str keyword;
    enum err (*read)(struct ply *ply, struct str line, struct error *err);
} header_lines[] = {
    {STR_INIT("format"), read_format},     {STR_INIT("element"), read_element},
    {STR_INIT("property"), read_property}, {STR_INIT("comment"), read_nothing},
    {STR_INIT("obj_info"), read_nothing},
};

static enum err read_header_line(struct ply *ply, struct str line, struct error *err)
{
    struct str keyword = text_next_word(&line);
    for (size_t i = 0; i < COUNT_OF(header_lines); i++) {
        if (str_equal(keyword, header_lines[i].keyword))
            return header_lines[i].read(ply, line, err);
    }
    return bad_line(ply, err);
}

// Leaves the body as the lines' rest.
static enum err read_header(struct ply *ply, struct error *err)
{
    struct str line;
    if (!text_lines_next(&ply->lines, &line) || !str_equal(text_next_word(&line), STR("ply")) ||
        text_next_word(&line).len > 0)
        return error_set(err, ERR_CORRUPT, "the file does not begin as a PLY does");
    for (;;) {
        if (!text_lines_next(&ply->lines, &line))
            return error_set(err, ERR_CORRUPT, "the PLY's header has no end");
        struct str words = line;
        if (str_equal(text_next_word(&words), STR("end_header")))
            break;
        TRY(read_header_line(ply, line, err));
    }
    if (ply->format == PLY_NO_FORMAT)
        return error_set(err, ERR_CORRUPT, "the PLY's header names no format");
    if (!ply->has_vertices)
        return error_set(err, ERR_CORRUPT, "the PLY has no vertices");
    return ERR_OK;
}

static enum err cut_short(const struct ply *ply, size_t element, struct error *err)
{
    return error_set(err, ERR_CORRUPT,
                     "the PLY ends too early: its element %zu of %zu should have %lld entries",
                     element + 1, ply->element_count, (long long)ply->elements[element].count);
}

static enum err bad_entry(const struct ply *ply, struct error *err)
{
    return error_set(err, ERR_CORRUPT, "line %zu: not the numbers that the PLY's header announces",
                     ply->lines.number);
}

// An entry of an ascii element is a line; empty lines do not count.
static bool next_entry(struct ply *ply, struct str *ret_line)
{
    while (text_lines_next(&ply->lines, ret_line)) {
        struct str words = *ret_line;
        if (text_next_word(&words).len > 0)
            return true;
    }
    return false;
}

static bool has_numbers(struct str *line, int64_t count)
{
    for (int64_t i = 0; i < count; i++) {
        double value;
        if (!text_number(text_next_word(line), &value))
            return false;
    }
    return true;
}

static enum err check_ascii_entry(const struct ply *ply, const struct ply_element *element,
                                  struct str line, struct error *err)
{
    for (size_t i = 0; i < element->property_count; i++) {
        int64_t count = 1;
        if (ply->properties[element->first + i].length != NULL &&
            number_parse_i64(text_next_word(&line), 0, UINT32_MAX, &count) != ERR_OK)
            return bad_entry(ply, err);
        if (!has_numbers(&line, count))
            return bad_entry(ply, err);
    }
    return ERR_OK;
}

static enum err check_ascii(struct ply *ply, struct error *err)
{
    for (size_t i = 0; i < ply->element_count; i++) {
        const struct ply_element *element = &ply->elements[i];
        // Without properties its lines are empty.
        int64_t count = element->property_count > 0 ? element->count : 0;
        for (int64_t entry = 0; entry < count; entry++) {
            struct str line;
            if (!next_entry(ply, &line))
                return cut_short(ply, i, err);
            TRY(check_ascii_entry(ply, element, line, err));
        }
    }
    return ERR_OK;
}

// Takes bytes off the body. False if it has not as many.
static bool skip_bytes(struct str *body, uint64_t bytes)
{
    if (bytes > body->len)
        return false;
    *body = str_slice(*body, (size_t)bytes, body->len);
    return true;
}

// Takes a list's length off the body. False if it is negative or not there.
static bool take_length(struct str *body, const struct ply_type *type, enum ply_format format,
                        uint64_t *ret_length)
{
    const unsigned char *bytes = (const unsigned char *)body->ptr;
    if (!skip_bytes(body, type->size))
        return false;
    uint64_t length = 0;
    for (unsigned i = 0; i < type->size; i++)
        length = length << 8 | bytes[format == PLY_BIG_ENDIAN ? i : type->size - 1 - i];
    *ret_length = length;
    return !type->is_signed || length >> (8 * type->size - 1) == 0;
}

static bool skip_binary_entry(const struct ply *ply, const struct ply_element *element,
                              struct str *body)
{
    for (size_t i = 0; i < element->property_count; i++) {
        const struct ply_property *property = &ply->properties[element->first + i];
        uint64_t length = 1;
        if (property->length != NULL && !take_length(body, property->length, ply->format, &length))
            return false;
        if (!skip_bytes(body, length * property->value->size))
            return false;
    }
    return true;
}

// Entries with lists are walked, each of which takes a byte at least; the others are counted.
static enum err check_binary(struct ply *ply, struct error *err)
{
    struct str body = ply->lines.rest;
    for (size_t i = 0; i < ply->element_count; i++) {
        const struct ply_element *element = &ply->elements[i];
        if (!element->has_list) {
            uint64_t bytes;
            if (__builtin_mul_overflow((uint64_t)element->count, element->fixed_bytes, &bytes) ||
                !skip_bytes(&body, bytes))
                return cut_short(ply, i, err);
            continue;
        }
        for (int64_t entry = 0; entry < element->count; entry++) {
            if (!skip_binary_entry(ply, element, &body))
                return cut_short(ply, i, err);
        }
    }
    return ERR_OK;
}

enum err file_check_ply(struct str content, struct error *err)
{
    struct ply ply = {.lines = {.rest = content}};
    TRY(read_header(&ply, err));
    return ply.format == PLY_ASCII ? check_ascii(&ply, err) : check_binary(&ply, err);
}
