// The kind of store that is a bucket: its contents are objects named as in the folder.
#include "base/clock.h"
#include "files/files_store.h"
#include "files/s3.h"

// An address is asked for and used at once, but downloads break and go on. Clocks may differ by a
// quarter of an hour.
#define ADDRESS_S 3600

static void bucket_put(struct files_put *put)
{
    s3_put_run(put->files->s3, put);
}

static void bucket_get(struct files_get *get)
{
    s3_get_run(get->files->s3, get);
}

static void bucket_remove(struct files_remove *remove)
{
    s3_remove_run(remove->files->s3, remove);
}

static enum err bucket_locate(struct files *files, struct arena *arena, struct files_place *place,
                              struct error *err)
{
    (void)err;
    const struct s3 *s3 = files->s3;
    struct s3_grant grant = {
        .method = place->is_head ? "HEAD" : "GET",
        .origin = s3->origin,
        .path = s3_object_path(s3, place->sha256, arena),
        .content_type = place->content_type,
        .now_us = clock_now_us(clock_system()),
        .expires_s = ADDRESS_S,
    };
    if (place->download_name.ptr != NULL) {
        check(str_find(place->download_name, '"', 0) == place->download_name.len);
        grant.disposition =
            arena_printf(arena, "inline; filename=\"%.*s\"", STR_ARG(place->download_name));
    }
    place->url = s3_presign(&s3->key, &grant, arena);
    return ERR_OK;
}

const struct files_kind files_s3_kind = {
    .is_remote = true,
    .put = bucket_put,
    .get = bucket_get,
    .remove = bucket_remove,
    .locate = bucket_locate,
};

enum err files_use_s3(struct files *files, const struct files_s3_settings *settings,
                      struct error *err)
{
    check(files->s3 == NULL);
    TRY(s3_open(settings, files->http, &files->s3, err));
    files->kind = &files_s3_kind;
    return ERR_OK;
}
