// Answers that are our copies of files.
#include "api/file_answer.h"

#include "api/api_call.h"

static const struct str cache_controls[] = {
    [FILE_CACHING_ASK] = STR_INIT("private, no-cache"),
    // "public" for the caches of CDNs: who has the address, with its hash, may have the content.
    [FILE_CACHING_IMMUTABLE] = STR_INIT("public, max-age=31536000, immutable"),
};

void file_answer(struct http_request *request, const struct model_file *file,
                 enum file_caching caching)
{
    struct error err;
    int fd = -1;
    int64_t size = 0;
    error_reset(&err);
    if (files_open_read(api_of(request)->files, file->sha256, &fd, &size, &err) != ERR_OK) {
        http_problem(request, &err);
        return;
    }
    http_set_header(request, "Cache-Control", cache_controls[caching]);
    http_set_header(request, "X-Content-Type-Options", STR("nosniff"));
    http_set_header(
        request, "Content-Disposition",
        arena_printf(http_arena(request), "inline; filename=\"%.*s\"", STR_ARG(file->name)));
    http_respond_file(request, model_file_content_type(file->kind).ptr, fd, (uint64_t)size,
                      file->sha256);
}
