// The header of PLY files, which tells what the rest holds.
#ifndef SUNLEAD_MESH_PLY_H
#define SUNLEAD_MESH_PLY_H

#include <stdbool.h>
#include <stdint.h>

#include "mesh/mesh_read.h"
#include "mesh/mesh_text.h"

#define PLY_ELEMENTS_MAX   16
#define PLY_PROPERTIES_MAX 256 // of all elements together
#define PLY_HEADER_MAX     65536

enum ply_format { PLY_NO_FORMAT, PLY_ASCII, PLY_LITTLE_ENDIAN, PLY_BIG_ENDIAN };

enum ply_number { PLY_I8, PLY_U8, PLY_I16, PLY_U16, PLY_I32, PLY_U32, PLY_F32, PLY_F64 };

// What a property means to us.
enum ply_meaning {
    PLY_UNKNOWN,
    PLY_X,
    PLY_Y,
    PLY_Z,
    PLY_NX,
    PLY_NY,
    PLY_NZ,
    PLY_S,
    PLY_T,
    PLY_RED,
    PLY_GREEN,
    PLY_BLUE,
    PLY_INDICES,
    PLY_MEANING_COUNT,
};

struct ply_property {
    enum ply_number type;
    enum ply_number length_type; // of a list
    bool is_list;
    enum ply_meaning meaning;
};

enum ply_kind { PLY_OTHER, PLY_VERTEX, PLY_FACE };

struct ply_element {
    enum ply_kind kind;
    uint64_t count;
    uint64_t least_bytes; // that an entry of it takes in the file
    size_t first;         // of its properties
    size_t property_count;
};

struct ply_header {
    struct mesh_text text; // behind the header
    struct str texture;    // that a comment names; null: none
    enum ply_format format;
    size_t element_count;
    size_t property_count;
    struct ply_element elements[PLY_ELEMENTS_MAX];
    struct ply_property properties[PLY_PROPERTIES_MAX];
};

// ply_number_size() is how many bytes a number of the type has in a binary file.
unsigned ply_number_size(enum ply_number type);

// ply_read_header() reads all up to end_header. Texts are copied into the arena.
MUST_CHECK enum err ply_read_header(const struct mesh_file *file, struct arena *arena,
                                    struct ply_header *ret_header, struct error *err);

#endif
