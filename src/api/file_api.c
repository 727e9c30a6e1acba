// Lists the mesh files of a project and serves our copies.
#include "api/file_api.h"

#include "api/api_call.h"
#include "api/file_answer.h"
#include "api/file_url.h"
#include "api/order_adopt.h"
#include "json/json_write.h"
#include "store/company_store.h"
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
    struct company company;                         // that ordered it
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

// Ours once stored; before that LightFusion's, of what it has.
static struct str url_of(const struct file_list *list, const struct model_file *file)
{
    struct arena *arena = http_arena(list->request);
    if (file->state == MODEL_FILE_STORED)
        return file_url(api_of(list->request), arena, file);
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
    json_write_name(&body, "attribution");
    json_write_str(&body,
                   file_policy_of(&list->company, &api_of(list->request)->file_policy).attribution);
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
    list->rows = file_store_rows(http_arena(request));
    struct sql_op *op = api_op(request, "file_list", SQL_LANE_SHORT, list_read, list);
    order_store_get_by_project(op, list->project_id, &list->order);
    lead_store_get_by_project(op, list->project_id, &list->lead);
    company_store_get_of_project(op, list->project_id, &list->company);
    file_store_list(op, list->project_id, &list->rows);
    http_suspend(request);
    api_submit(request, op);
}

// ---- GET /media/{content}/{name}.

struct media {
    struct http_request *request;
    struct model_file file;
    enum file_caching caching;
};

static void media_read(struct sql_op *op)
{
    struct media *media = op->done_ctx;
    if (op->error.code != ERR_OK)
        http_problem(media->request, &op->error);
    else
        file_answer(media->request, &media->file, media->caching);
}

// By a hash the content is meant, by an id whatever the project has by that name now: that changes
// when the model is ordered again.
void file_api_media(struct http_request *request)
{
    struct media *media = arena_new(http_arena(request), struct media, 1);
    struct str name = http_param(request, "name");
    struct str content = http_param(request, "content");
    int64_t project_id = 0;
    bool hashed = content.len == SHA256_HEX;
    if (!hashed && !api_id(request, "content", &project_id))
        return;
    media->request = request;
    media->caching = hashed ? FILE_CACHING_IMMUTABLE : FILE_CACHING_ASK;
    struct sql_op *op = api_op(request, "media", SQL_LANE_SHORT, media_read, media);
    if (hashed)
        file_store_find(op, content, name, &media->file);
    else
        file_store_get(op, project_id, name, &media->file);
    http_suspend(request);
    api_submit(request, op);
}
