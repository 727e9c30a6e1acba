// The model file: our copy of one of LightFusion's mesh files, or what was made of them.
#ifndef SUNLEAD_DOMAIN_MODEL_FILE_H
#define SUNLEAD_DOMAIN_MODEL_FILE_H

#include <stdint.h>

#include "base/field.h"
#include "base/number.h"
#include "base/str.h"

// Originals first: what LightFusion has. The others are made of them.
enum model_file_kind {
    MODEL_FILE_NONE,
    MODEL_FILE_JPG,
    MODEL_FILE_OBJ,
    MODEL_FILE_PLY,
    MODEL_FILE_MTL,
    MODEL_FILE_PREVIEW,
    MODEL_FILE_WEB,
    MODEL_FILE_HD,
    MODEL_FILE_AR,
    MODEL_FILE_USDZ,
    MODEL_FILE_POSTER,
    MODEL_FILE_MANIFEST,
    MODEL_FILE_KIND_COUNT
};

// MODEL_FILE_ORIGINAL_MAX is the last kind of an original.
#define MODEL_FILE_ORIGINAL_MAX   MODEL_FILE_MTL
#define MODEL_FILE_ORIGINAL_COUNT 4

// Stored: we have it. Missing: LightFusion answers 404 for it. Failed: what came was not such a
// file or could not be converted, or all tries are used up. Removed: it is not kept any longer.
// Remote: it is LightFusion's alone, and not to be stored.
enum model_file_state {
    MODEL_FILE_STATE_NONE,
    MODEL_FILE_PENDING,
    MODEL_FILE_STORED,
    MODEL_FILE_MISSING,
    MODEL_FILE_FAILED,
    MODEL_FILE_REMOVED,
    MODEL_FILE_REMOTE
};

struct model_file {
    int64_t project_id;
    struct str name;    // "scene.obj"
    int64_t company_id; // whose quota it counts for
    enum model_file_kind kind;
    enum model_file_state state;
    struct opt_i64 size; // bytes
    struct str sha256;   // hex
    struct str content_type;
    struct str error; // in words, where there is no copy
    int64_t tries;    // that failed, of the last job that fetched it
    struct str data;  // the manifest's content, JSON; null for other files
    struct opt_i64 updated_at;
};

extern const struct field_table model_file_table;
extern const char *const model_file_kind_names[]; // "jpg", "obj", ..., "preview", "web", ...
extern const char *const model_file_state_names[];

// Of a file that is removed.
#define MODEL_FILE_REMOVED_WORDS STR("it was removed: it is not kept any longer")

#define MODEL_FILE_MAX_BYTES (INT64_C(512) << 20) // larger ones are not taken

// model_file_is_original() tells whether a kind comes from LightFusion.
static inline bool model_file_is_original(enum model_file_kind kind)
{
    return kind > MODEL_FILE_NONE && kind <= MODEL_FILE_ORIGINAL_MAX;
}

// MODEL_FILE_DATA_MAX is how long a manifest may be that is kept in its row.
#define MODEL_FILE_DATA_MAX (32 * 1024)

// model_file_kind_of() is the kind of the file with a name; MODEL_FILE_NONE if there is none.
enum model_file_kind model_file_kind_of(struct str name);

// model_file_is_text() tells whether a kind is, or may be, text that gzip makes much smaller.
static inline bool model_file_is_text(enum model_file_kind kind)
{
    return kind == MODEL_FILE_OBJ || kind == MODEL_FILE_MTL || kind == MODEL_FILE_PLY ||
           kind == MODEL_FILE_MANIFEST;
}

// model_file_name() is "scene.jpg" and so on.
struct str model_file_name(enum model_file_kind kind);

// model_file_content_type() is what the kind is served as.
struct str model_file_content_type(enum model_file_kind kind);

#endif
