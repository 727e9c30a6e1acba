// The model file: our copy of one of LightFusion's mesh files.
#ifndef SUNLEAD_DOMAIN_MODEL_FILE_H
#define SUNLEAD_DOMAIN_MODEL_FILE_H

#include <stdint.h>

#include "base/field.h"
#include "base/number.h"
#include "base/str.h"

enum model_file_kind {
    MODEL_FILE_NONE,
    MODEL_FILE_JPG,
    MODEL_FILE_OBJ,
    MODEL_FILE_PLY,
    MODEL_FILE_MTL,
    MODEL_FILE_KIND_COUNT
};

// Missing: LightFusion answers 404 for it. Failed: what came was not such a file, or all tries are
// used up.
enum model_file_state {
    MODEL_FILE_STATE_NONE,
    MODEL_FILE_PENDING,
    MODEL_FILE_FETCHED,
    MODEL_FILE_MISSING,
    MODEL_FILE_FAILED
};

struct model_file {
    int64_t project_id;
    struct str name; // "scene.obj"
    enum model_file_kind kind;
    enum model_file_state state;
    struct opt_i64 size; // bytes
    struct str sha256;   // hex
    struct str content_type;
    struct str error; // in words, where there is no copy
    int64_t tries;    // that failed, of the last job that fetched it
    struct opt_i64 updated_at;
};

extern const struct field_table model_file_table;
extern const char *const model_file_kind_names[]; // "jpg", "obj", "ply", "mtl"
extern const char *const model_file_state_names[];

#define MODEL_FILE_MAX_BYTES (INT64_C(512) << 20) // larger ones are not taken

// model_file_name() is "scene.jpg" and so on.
struct str model_file_name(enum model_file_kind kind);

// model_file_content_type() is what the kind is served as.
struct str model_file_content_type(enum model_file_kind kind);

#endif
