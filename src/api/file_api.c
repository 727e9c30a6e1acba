// Lists the mesh files of a project and serves our copies.
#include "api/file_api.h"

#include "api/api_call.h"
#include "api/order_adopt.h"
#include "json/json_write.h"
#include "store/file_store.h"
#include "store/lead_store.h"
#include "store/order_store.h"

// ---- GET /api/projects/3d/{id}/files.

struct file_list {
    struct http_request *request;
    int64_t project_id;
    struct lead lead; // with this project; id 0: none
    struct order order;
    struct order_adopt adopt;
    struct row_list rows;                           // of struct model_file
    struct model_file files[MODEL_FILE_KIND_COUNT]; // by kind
};

// The four originals, also those that have no row yet, and what has a row of that which is made of
// them.
static void sort_files(struct file_list *list)
{
    const struct model_file *rows = list->rows.objects;
    for (int kind = MODEL_FILE_NONE + 1; kind <= MODEL_FILE_ORIGINAL_MAX; kind++)
        list->files[kind] = (struct model_file){
            .name = model_file_name((enum model_file_kind)kind),
            .kind = (enum model_file_kind)kind,
            .state = MODEL_FILE_PENDING,
            .content_type = model_file_content_type((enum model_file_kind)kind),
        };
    for (size_t i = 0; i < list->rows.count; i++) {
        if (rows[i].kind != MODEL_FILE_NONE)
            list->files[rows[i].kind] = rows[i];
    }
}

struct str file_api_url(struct http_request *request, const struct model_file *file)
{
    return arena_printf(http_arena(request), "/media/%lld/%.*s", (long long)file->project_id,
                        STR_ARG(file->name));
}

// Ours once stored; before that LightFusion's, of what it has.
static struct str url_of(const struct file_list *list, const struct model_file *file)
{
    struct arena *arena = http_arena(list->request);
    if (file->state == MODEL_FILE_STORED)
        return file_api_url(list->request, file);
    if (!model_file_is_original(file->kind))
        return STR_NULL;
    return lightfusion_file_url(api_of(list->request)->lf, arena, list->project_id,
                                model_file_kind_names[file->kind]);
}

static void write_files(struct buf *body, const struct file_list *list)
{
    json_write_name(body, "files");
    buf_append_char(body, '[');
    for (int kind = MODEL_FILE_NONE + 1; kind < MODEL_FILE_KIND_COUNT; kind++) {
        const struct model_file *file = &list->files[kind];
        if (file->kind == MODEL_FILE_NONE)
            continue;
        buf_append_str(body, kind > MODEL_FILE_NONE + 1 ? STR(",{") : STR("{"));
        (void)json_write_members(body, &model_file_table, file, true);
        json_write_name(body, "url");
        json_write_str(body, url_of(list, file));
        buf_append_char(body, '}');
    }
    buf_append_char(body, ']');
}

static void write_errors(struct buf *body, const struct file_list *list)
{
    bool first = true;
    json_write_name(body, "errors");
    buf_append_char(body, '[');
    for (int kind = MODEL_FILE_NONE + 1; kind < MODEL_FILE_KIND_COUNT; kind++) {
        const struct model_file *file = &list->files[kind];
        if (file->error.len == 0)
            continue;
        buf_append_str(body, first ? STR("{\"name\":") : STR(",{\"name\":"));
        json_write_str(body, file->name);
        json_write_name(body, "detail");
        json_write_str(body, file->error);
        buf_append_char(body, '}');
        first = false;
    }
    buf_append_char(body, ']');
}

static void answer_files(struct file_list *list)
{
    struct buf body;
    bool downloaded = true;
    buf_init_arena(&body, http_arena(list->request), API_ANSWER_MAX);
    sort_files(list);
    buf_printf(&body, "{\"project_id\":%lld", (long long)list->project_id);
    write_files(&body, list);
    for (int kind = MODEL_FILE_NONE + 1; kind <= MODEL_FILE_ORIGINAL_MAX; kind++) {
        const struct model_file *file = &list->files[kind];
        downloaded = downloaded && file->state == MODEL_FILE_STORED;
        buf_printf(&body, ",\"%s_url\":", model_file_kind_names[kind]);
        json_write_str(&body, url_of(list, file));
    }
    buf_append_str(&body, downloaded ? STR(",\"downloaded\":true") : STR(",\"downloaded\":false"));
    write_errors(&body, list);
    buf_append_char(&body, '}');
    api_respond_json(list->request, 200, &body);
}

static void list_adopted(struct order_adopt *adopt)
{
    struct file_list *list = adopt->ctx;
    struct error err;
    error_reset(&err);
    if (list->order.id == 0) {
        (void)error_set(&err, ERR_NOT_FOUND, "There is no such project.");
        http_problem(list->request, &err);
        return;
    }
    if (list->order.state != ORDER_COMPLETED) {
        (void)error_set(&err, ERR_CONFLICT, "The 3D model is not completed: its status is %s.",
                        model_status_names[order_model_status(list->order.state)]);
        http_problem(list->request, &err);
        return;
    }
    answer_files(list);
}

static void list_read(struct sql_op *op)
{
    struct file_list *list = op->done_ctx;
    if (op->error.code != ERR_OK) {
        http_problem(list->request, &op->error);
        return;
    }
    list->adopt = (struct order_adopt){
        .request = list->request,
        .lead = &list->lead,
        .order = &list->order,
        .end = list_adopted,
        .ctx = list,
    };
    order_adopt_begin(&list->adopt);
}

void file_api_list(struct http_request *request)
{
    struct file_list *list = arena_new(http_arena(request), struct file_list, 1);
    if (!api_id(request, "id", &list->project_id))
        return;
    list->request = request;
    list->rows = (struct row_list){
        .arena = http_arena(request),
        .table = &model_file_table,
        .objects = arena_new(http_arena(request), struct model_file, MODEL_FILE_KIND_COUNT),
        .max = MODEL_FILE_KIND_COUNT,
    };
    struct sql_op *op = api_op(request, "file_list", SQL_LANE_SHORT, list_read, list);
    order_store_get_by_project(op, list->project_id, &list->order);
    lead_store_get_by_project(op, list->project_id, &list->lead);
    file_store_list(op, list->project_id, &list->rows);
    http_suspend(request);
    api_submit(request, op);
}

// ---- GET /media/{project_id}/{name}.

struct media {
    struct http_request *request;
    struct model_file file;
};

// The address is signed for who asked now, so it is in no cache.
static void redirect(struct media *media, struct str url)
{
    http_set_header(media->request, "Cache-Control", STR("no-store"));
    http_set_header(media->request, "Location", url);
    http_respond(media->request, 302, "text/plain", STR(""));
}

static void media_read(struct sql_op *op)
{
    struct media *media = op->done_ctx;
    struct http_request *request = media->request;
    struct error err;
    error_reset(&err);
    if (op->error.code != ERR_OK) {
        http_problem(request, &op->error);
        return;
    }
    struct files_place place = {
        .sha256 = media->file.sha256,
        .content_type = model_file_content_type(media->file.kind),
        .is_head = http_is_head(request),
    };
    if (files_locate(api_of(request)->files, http_arena(request), &place, &err) != ERR_OK) {
        http_problem(request, &err);
        return;
    }
    if (place.fd < 0) {
        redirect(media, place.url);
        return;
    }
    // The content behind a name changes when the model is ordered again, so caches have to ask.
    http_set_header(request, "Cache-Control", STR("private, no-cache"));
    http_set_header(request, "X-Content-Type-Options", STR("nosniff"));
    http_respond_file(request, place.content_type.ptr, place.fd, (uint64_t)place.size,
                      media->file.sha256);
}

void file_api_media(struct http_request *request)
{
    struct media *media = arena_new(http_arena(request), struct media, 1);
    int64_t project_id = 0;
    if (!api_id(request, "project_id", &project_id))
        return;
    media->request = request;
    struct sql_op *op = api_op(request, "media", SQL_LANE_SHORT, media_read, media);
    file_store_get(op, project_id, http_param(request, "name"), &media->file);
    http_suspend(request);
    api_submit(request, op);
}
