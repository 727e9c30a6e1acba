// Answers that are our copies of files.
#include "api/file_answer.h"

#include "api/api_call.h"

static const struct str cache_controls[] = {
    [FILE_CACHING_ASK] = STR_INIT("private, no-cache"),
    // "public" for the caches of CDNs: who has the address, with its hash, may have the content.
    [FILE_CACHING_IMMUTABLE] = STR_INIT("public, max-age=31536000, immutable"),
};

// The address is signed for who asked now, so it is in no cache.
static void redirect(struct http_request *request, struct str url)
{
    http_set_header(request, "Cache-Control", STR("no-store"));
    http_set_header(request, "Location", url);
    http_respond(request, 302, "text/plain", STR(""));
}

void file_answer(struct http_request *request, const struct model_file *file,
                 enum file_caching caching)
{
    struct error err;
    struct files_place place = {
        .sha256 = file->sha256,
        .content_type = model_file_content_type(file->kind),
        .download_name = file->name,
        .is_head = http_is_head(request),
        .takes_gzip = model_file_is_text(file->kind) && http_accepts_gzip(request),
    };
    error_reset(&err);
    if (files_locate(api_of(request)->files, http_arena(request), &place, &err) != ERR_OK) {
        http_problem(request, &err);
        return;
    }
    if (place.fd < 0) {
        redirect(request, place.url);
        return;
    }
    struct str etag = file->sha256;
    if (place.is_gzip) {
        etag = arena_printf(http_arena(request), "%.*s-gzip", STR_ARG(etag));
        http_set_header(request, "Content-Encoding", STR("gzip"));
    }
    if (model_file_is_text(file->kind))
        http_set_header(request, "Vary", STR("Accept-Encoding"));
    http_set_header(request, "Cache-Control", cache_controls[caching]);
    http_set_header(request, "X-Content-Type-Options", STR("nosniff"));
    http_set_header(
        request, "Content-Disposition",
        arena_printf(http_arena(request), "inline; filename=\"%.*s\"", STR_ARG(file->name)));
    http_respond_file(request, place.content_type.ptr, place.fd, (uint64_t)place.size, etag);
}
