// Reading the header of PLY files.
#include "mesh/mesh_ply.h"

#include "base/number.h"

static const struct str format_names[] = {STR_INIT(""), STR_INIT("ascii"),
                                          STR_INIT("binary_little_endian"),
                                          STR_INIT("binary_big_endian")};

static const struct {
    struct str name;
    struct str alias;
    unsigned size;
} types[] = {
    [PLY_I8] = {STR_INIT("char"), STR_INIT("int8"), 1},
    [PLY_U8] = {STR_INIT("uchar"), STR_INIT("uint8"), 1},
    [PLY_I16] = {STR_INIT("short"), STR_INIT("int16"), 2},
    [PLY_U16] = {STR_INIT("ushort"), STR_INIT("uint16"), 2},
    [PLY_I32] = {STR_INIT("int"), STR_INIT("int32"), 4},
    [PLY_U32] = {STR_INIT("uint"), STR_INIT("uint32"), 4},
    [PLY_F32] = {STR_INIT("float"), STR_INIT("float32"), 4},
    [PLY_F64] = {STR_INIT("double"), STR_INIT("float64"), 8},
};

static const struct {
    struct str name;
    enum ply_kind kind;
    enum ply_meaning meaning;
} meanings[] = {
    {STR_INIT("x"), PLY_VERTEX, PLY_X},
    {STR_INIT("y"), PLY_VERTEX, PLY_Y},
    {STR_INIT("z"), PLY_VERTEX, PLY_Z},
    {STR_INIT("nx"), PLY_VERTEX, PLY_NX},
    {STR_INIT("ny"), PLY_VERTEX, PLY_NY},
    {STR_INIT("nz"), PLY_VERTEX, PLY_NZ},
    {STR_INIT("s"), PLY_VERTEX, PLY_S},
    {STR_INIT("t"), PLY_VERTEX, PLY_T},
    {STR_INIT("u"), PLY_VERTEX, PLY_S},
    {STR_INIT("v"), PLY_VERTEX, PLY_T},
    {STR_INIT("texture_u"), PLY_VERTEX, PLY_S},
    {STR_INIT("texture_v"), PLY_VERTEX, PLY_T},
    {STR_INIT("red"), PLY_VERTEX, PLY_RED},
    {STR_INIT("green"), PLY_VERTEX, PLY_GREEN},
    {STR_INIT("blue"), PLY_VERTEX, PLY_BLUE},
    {STR_INIT("diffuse_red"), PLY_VERTEX, PLY_RED},
    {STR_INIT("diffuse_green"), PLY_VERTEX, PLY_GREEN},
    {STR_INIT("diffuse_blue"), PLY_VERTEX, PLY_BLUE},
    {STR_INIT("vertex_indices"), PLY_FACE, PLY_INDICES},
    {STR_INIT("vertex_index"), PLY_FACE, PLY_INDICES},
};

// What is read, and where messages say that something is wrong.
struct reader {
    struct str name; // of the file
    struct arena *arena;
    struct ply_header *header;
};

unsigned ply_number_size(enum ply_number type)
{
    return types[type].size;
}

static enum err broken(const struct reader *reader, const char *what, struct error *err)
{
    return error_set(err, ERR_CORRUPT, "%.*s, line %zu: %s", STR_ARG(reader->name),
                     reader->header->text.line, what);
}

static bool find_type(struct str name, enum ply_number *ret_type)
{
    for (size_t i = 0; i < COUNT_OF(types); i++) {
        if (str_equal(name, types[i].name) || str_equal(name, types[i].alias)) {
            *ret_type = (enum ply_number)i;
            return true;
        }
    }
    return false;
}

static enum err read_format(struct reader *reader, struct error *err)
{
    struct ply_header *header = reader->header;
    struct str name = mesh_text_word(&header->text);
    for (int i = PLY_ASCII; i <= PLY_BIG_ENDIAN; i++) {
        if (str_equal(name, format_names[i]) && header->format == PLY_NO_FORMAT) {
            header->format = (enum ply_format)i;
            return ERR_OK;
        }
    }
    return broken(reader, "the format is not known, or told twice", err);
}

static enum err read_element(struct reader *reader, struct error *err)
{
    struct ply_header *header = reader->header;
    struct str name = mesh_text_word(&header->text);
    int64_t count;
    if (number_parse_i64(mesh_text_word(&header->text), 0, UINT32_MAX, &count) != ERR_OK)
        return broken(reader, "the element has no count, or too large a one", err);
    if (header->element_count == PLY_ELEMENTS_MAX)
        return broken(reader, "too many elements", err);
    enum ply_kind kind = PLY_OTHER;
    if (str_equal(name, STR("vertex")))
        kind = PLY_VERTEX;
    else if (str_equal(name, STR("face")))
        kind = PLY_FACE;
    for (size_t i = 0; i < header->element_count; i++) {
        if (kind != PLY_OTHER && header->elements[i].kind == kind)
            return broken(reader, "the element is there twice", err);
    }
    header->elements[header->element_count++] = (struct ply_element){
        .kind = kind, .count = (uint64_t)count, .first = header->property_count};
    return ERR_OK;
}

static enum ply_meaning find_meaning(const struct ply_header *header,
                                     const struct ply_element *element,
                                     const struct ply_property *property, struct str name)
{
    enum ply_meaning meaning = PLY_UNKNOWN;
    for (size_t i = 0; i < COUNT_OF(meanings); i++) {
        if (meanings[i].kind == element->kind && str_equal(name, meanings[i].name))
            meaning = meanings[i].meaning;
    }
    bool is_list_meant = meaning == PLY_INDICES;
    if (is_list_meant != property->is_list)
        return PLY_UNKNOWN;
    // Of two names for the same the first counts.
    for (size_t i = 0; i < element->property_count; i++) {
        if (header->properties[element->first + i].meaning == meaning)
            return PLY_UNKNOWN;
    }
    return meaning;
}

static enum err read_property(struct reader *reader, struct error *err)
{
    struct ply_header *header = reader->header;
    struct ply_property property = {0};
    struct str type = mesh_text_word(&header->text);
    if (header->element_count == 0)
        return broken(reader, "a property of no element", err);
    if (header->property_count == PLY_PROPERTIES_MAX)
        return broken(reader, "too many properties", err);
    if (str_equal(type, STR("list"))) {
        property.is_list = true;
        if (!find_type(mesh_text_word(&header->text), &property.length_type) ||
            property.length_type >= PLY_F32)
            return broken(reader, "the list's length has no integer type", err);
        type = mesh_text_word(&header->text);
    }
    if (!find_type(type, &property.type))
        return broken(reader, "the type is not known", err);
    struct str name = mesh_text_word(&header->text);
    if (name.len == 0)
        return broken(reader, "the property has no name", err);
    struct ply_element *element = &header->elements[header->element_count - 1];
    property.meaning = find_meaning(header, element, &property, name);
    enum ply_number least = property.is_list ? property.length_type : property.type;
    // A number of an ascii file takes a character and a separator at least.
    element->least_bytes += header->format == PLY_ASCII ? 2 : types[least].size;
    element->property_count++;
    header->properties[header->property_count++] = property;
    return ERR_OK;
}

static enum err read_comment(struct reader *reader, struct error *err)
{
    (void)err;
    struct ply_header *header = reader->header;
    if (!str_equal(mesh_text_word(&header->text), STR("TextureFile")))
        return ERR_OK;
    struct str name = mesh_base_name(mesh_text_rest(&header->text));
    if (header->texture.ptr == NULL && name.ptr != NULL)
        header->texture = arena_str(reader->arena, name);
    return ERR_OK;
}

static enum err read_nothing(struct reader *reader, struct error *err)
{
    (void)reader, (void)err;
    return ERR_OK;
}

static const struct {
    struct str keyword;
    enum err (*read)(struct reader *reader, struct error *err);
} lines[] = {
    {STR_INIT("format"), read_format},     {STR_INIT("element"), read_element},
    {STR_INIT("property"), read_property}, {STR_INIT("comment"), read_comment},
    {STR_INIT("obj_info"), read_nothing},
};

static enum err read_line(struct reader *reader, struct str keyword, struct error *err)
{
    for (size_t i = 0; i < COUNT_OF(lines); i++) {
        if (str_equal(keyword, lines[i].keyword))
            return lines[i].read(reader, err);
    }
    return broken(reader, "not what a PLY's header has", err);
}

// What the header announces must fit into the file, so that memory follows the file's size.
static enum err check_sizes(const struct reader *reader, struct error *err)
{
    const struct ply_header *header = reader->header;
    if (header->format == PLY_NO_FORMAT)
        return broken(reader, "the header names no format", err);
    uint64_t left = (uint64_t)(header->text.end - header->text.at) + 1; // the last line's end
    for (size_t i = 0; i < header->element_count; i++) {
        const struct ply_element *element = &header->elements[i];
        uint64_t bytes;
        if (__builtin_mul_overflow(element->count, element->least_bytes, &bytes) || bytes > left)
            return broken(reader, "the file is too short for what its header announces", err);
        left -= bytes;
    }
    return ERR_OK;
}

enum err ply_read_header(const struct mesh_file *file, struct arena *arena,
                         struct ply_header *ret_header, struct error *err)
{
    *ret_header = (struct ply_header){0};
    struct mesh_text *text = &ret_header->text;
    struct reader reader = {.name = file->name, .arena = arena, .header = ret_header};
    mesh_text_init(text, file->bytes, false);
    const char *start = text->at;
    if (!str_equal(mesh_text_word(text), STR("ply")) || !mesh_text_at_line_end(text))
        return broken(&reader, "the file does not begin as a PLY does", err);
    for (;;) {
        if (!mesh_text_next_line(text) || text->at - start > PLY_HEADER_MAX)
            return broken(&reader, "the header has no end", err);
        struct str keyword = mesh_text_word(text);
        if (str_equal(keyword, STR("end_header")))
            break;
        TRY(read_line(&reader, keyword, err));
    }
    (void)mesh_text_next_line(text);
    return check_sizes(&reader, err);
}
