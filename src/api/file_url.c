// The addresses at which clients get our copies of files.
#include "api/file_url.h"

struct str file_url(const struct api *api, struct arena *arena, const struct model_file *file)
{
    check(file->state == MODEL_FILE_STORED && file->sha256.len > 0);
    const char *base = api->cdn_base_url == NULL ? "" : api->cdn_base_url;
    return arena_printf(arena, "%s/media/%.*s/%.*s", base, STR_ARG(file->sha256),
                        STR_ARG(file->name));
}
