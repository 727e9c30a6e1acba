// The table of checks by kind of file.
#include "files/file_check.h"

#include "files/file_check_kinds.h"

typedef enum err check_fn(struct str content, struct error *err);

static check_fn *const checks[] = {
    [MODEL_FILE_JPG] = file_check_jpg,
    [MODEL_FILE_OBJ] = file_check_obj,
    [MODEL_FILE_PLY] = file_check_ply,
    [MODEL_FILE_MTL] = file_check_mtl,
};

enum err file_check(enum model_file_kind kind, struct str content, struct error *err)
{
    check((size_t)kind < COUNT_OF(checks) && checks[kind] != NULL);
    if (content.len == 0)
        return error_set(err, ERR_CORRUPT, "the file is empty");
    return checks[kind](content, err);
}
