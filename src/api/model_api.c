// Tells of a lead's 3D model, sends to its files, and has it made again.
#include "api/model_api.h"

#include "api/api_call.h"
#include "api/file_url.h"
#include "api/model_accept.h"
#include "api/order_adopt.h"
#include "json/json_write.h"
#include "store/company_store.h"
#include "store/file_store.h"
#include "store/job_store.h"
#include "store/lead_store.h"
#include "store/order_store.h"
#include "store/retention_store.h"
#include "tasks/convert_plan.h"

enum model_state {
    MODEL_STATE_NONE,
    MODEL_STATE_PENDING,
    MODEL_STATE_READY,
    MODEL_STATE_FAILED,
    MODEL_STATE_REMOVED, // it is not kept any longer
    MODEL_STATE_REMOTE,  // nothing is stored of the company's models
};

static const char *const state_names[] = {"none",   "pending", "ready",
                                          "failed", "removed", "remote"};

// All that is known of a lead's model.
struct model_view {
    struct http_request *request;
    void (*answer)(struct model_view *view);
    int64_t lead_id;
    struct lead lead;
    struct order newest; // of the lead; id 0: none
    struct order order;  // that of the project which the lead shows
    struct order_adopt adopt;
    struct company company;                         // that ordered the project; id 0: none
    struct file_usage usage;                        // where it was asked for
    struct row_list rows;                           // of struct model_file
    struct model_file files[MODEL_FILE_KIND_COUNT]; // by kind; kind 0: no row
    enum model_state state;
    struct str error;
};

// ---- Reading.

static bool is_stored(const struct model_view *view, enum model_file_kind kind)
{
    return view->files[kind].state == MODEL_FILE_STORED;
}

static bool has_mesh(const struct model_view *view)
{
    return is_stored(view, MODEL_FILE_OBJ) || is_stored(view, MODEL_FILE_PLY);
}

// Whether the mesh is not stored, and why.
static bool is_mesh(const struct model_view *view, enum model_file_state state)
{
    return !has_mesh(view) && (view->files[MODEL_FILE_OBJ].state == state ||
                               view->files[MODEL_FILE_PLY].state == state);
}

// What keeps files from a kind on in a state; null: nothing that is known.
static struct str reason_from(const struct model_view *view, int kind, enum model_file_state state)
{
    for (; kind < MODEL_FILE_KIND_COUNT; kind++) {
        if (view->files[kind].state == state && view->files[kind].error.len > 0)
            return view->files[kind].error;
    }
    return STR_NULL;
}

#define FIRST_MADE (MODEL_FILE_ORIGINAL_MAX + 1)

// Where nothing was made yet, or all of it failed. What is not fetched yet comes before what is
// made of it.
static void judge_unmade(struct model_view *view)
{
    bool is_awaited = view->order.files == FILES_PENDING;
    for (int kind = MODEL_FILE_NONE + 1; kind < MODEL_FILE_KIND_COUNT; kind++)
        is_awaited = is_awaited || view->files[kind].state == MODEL_FILE_PENDING;
    view->error = reason_from(view, FIRST_MADE, MODEL_FILE_FAILED);
    if (is_awaited) {
        view->state = MODEL_STATE_PENDING;
        view->error = reason_from(view, MODEL_FILE_NONE + 1, MODEL_FILE_PENDING);
    } else if (is_mesh(view, MODEL_FILE_REMOVED)) {
        view->state = MODEL_STATE_REMOVED;
        view->error = MODEL_FILE_REMOVED_WORDS;
    } else if (is_mesh(view, MODEL_FILE_REMOTE)) {
        view->state = MODEL_STATE_REMOTE;
        view->error = STR_NULL;
    } else if (view->error.len > 0) {
        view->state = MODEL_STATE_FAILED;
    } else if (!has_mesh(view)) {
        view->state = MODEL_STATE_FAILED;
        view->error = STR("LightFusion's mesh is not stored here.");
    } else { // it was fetched just now
        view->state = MODEL_STATE_PENDING;
    }
}

static void judge(struct model_view *view)
{
    const struct order *order = view->order.state == ORDER_COMPLETED ? &view->order : &view->newest;
    view->state = MODEL_STATE_NONE;
    if (order->id == 0)
        return;
    if (order->state != ORDER_COMPLETED) {
        static const enum model_state states[] = {
            [MODEL_NONE] = MODEL_STATE_NONE,          [MODEL_PENDING] = MODEL_STATE_PENDING,
            [MODEL_PROCESSING] = MODEL_STATE_PENDING, [MODEL_COMPLETED] = MODEL_STATE_NONE,
            [MODEL_FAILED] = MODEL_STATE_FAILED,
        };
        view->state = states[order_model_status(order->state)];
        if (view->state == MODEL_STATE_FAILED)
            view->error = order->failure_detail;
        return;
    }
    for (int kind = MODEL_FILE_ORIGINAL_MAX + 1; kind < MODEL_FILE_KIND_COUNT; kind++) {
        if (is_stored(view, (enum model_file_kind)kind))
            view->state = MODEL_STATE_READY;
    }
    if (view->state != MODEL_STATE_READY)
        judge_unmade(view);
    else // of making it anew
        view->error = reason_from(view, FIRST_MADE, MODEL_FILE_STORED);
}

static void files_read(struct sql_op *op)
{
    struct model_view *view = op->done_ctx;
    const struct model_file *rows = view->rows.objects;
    if (op->error.code != ERR_OK) {
        http_problem(view->request, &op->error);
        return;
    }
    for (size_t i = 0; i < view->rows.count; i++) {
        if (rows[i].kind != MODEL_FILE_NONE)
            view->files[rows[i].kind] = rows[i];
    }
    judge(view);
    view->answer(view);
}

static void read_files(struct order_adopt *adopt)
{
    struct model_view *view = adopt->ctx;
    struct opt_i64 project_id = view->lead.lightfusion_3d_project_id;
    if (!project_id.set || view->newest.id == 0) {
        judge(view);
        view->answer(view);
        return;
    }
    view->rows = file_store_rows(http_arena(view->request));
    struct sql_op *op = api_op(view->request, "model_files", SQL_LANE_SHORT, files_read, view);
    order_store_get_by_project(op, project_id.value, &view->order);
    company_store_get_of_project(op, project_id.value, &view->company);
    file_store_list(op, project_id.value, &view->rows);
    api_submit(view->request, op);
}

static void lead_read(struct sql_op *op)
{
    struct model_view *view = op->done_ctx;
    if (op->error.code != ERR_OK) {
        http_problem(view->request, &op->error);
        return;
    }
    view->adopt = (struct order_adopt){
        .request = view->request,
        .lead = &view->lead,
        .order = &view->newest,
        .end = read_files,
        .ctx = view,
    };
    order_adopt_begin(&view->adopt);
}

static void view_begin(struct http_request *request, void (*answer)(struct model_view *view))
{
    struct model_view *view = arena_new(http_arena(request), struct model_view, 1);
    view->request = request;
    view->answer = answer;
    if (!api_id(request, "id", &view->lead_id))
        return;
    http_suspend(request);
    struct sql_op *op = api_op(request, "model_lead", SQL_LANE_SHORT, lead_read, view);
    lead_store_get(op, view->lead_id, ERR_NOT_FOUND, &view->lead);
    order_store_get_newest(op, view->lead_id, &view->newest);
    api_submit(request, op);
}

// ---- GET /api/leads/{id}/model.

static void write_id(struct buf *body, const char *name, struct opt_i64 id)
{
    json_write_name(body, name);
    if (id.set)
        number_append_i64(body, id.value);
    else
        BUF_LITERAL(body, "null");
}

static void write_ids(struct buf *body, const struct model_view *view)
{
    const struct order *order = view->order.id != 0 ? &view->order : &view->newest;
    struct opt_i64 order_id = {.set = order->id != 0, .value = order->id};
    buf_append_char(body, '{');
    write_id(body, "lead_id", OPT_I64(view->lead_id));
    write_id(body, "project_id", order->project_id);
    write_id(body, "order_id", order_id);
}

static void write_files(struct buf *body, const struct model_view *view)
{
    json_write_name(body, "files");
    buf_append_char(body, '{');
    for (int kind = MODEL_FILE_ORIGINAL_MAX + 1; kind < MODEL_FILE_MANIFEST; kind++) {
        const struct model_file *file = &view->files[kind];
        if (file->state != MODEL_FILE_STORED)
            continue;
        json_write_name(body, model_file_kind_names[kind]);
        buf_append_char(body, '{');
        json_write_name(body, "url");
        json_write_str(body, file_url(api_of(view->request), http_arena(view->request), file));
        write_id(body, "size", file->size);
        json_write_name(body, "sha256");
        json_write_str(body, file->sha256);
        json_write_name(body, "content_type");
        json_write_str(body, file->content_type);
        buf_append_char(body, '}');
    }
    buf_append_char(body, '}');
}

static struct file_policy policy_of(const struct model_view *view)
{
    return file_policy_of(&view->company, &api_of(view->request)->file_policy);
}

static void answer_view(struct model_view *view)
{
    struct str manifest = view->files[MODEL_FILE_MANIFEST].data;
    struct buf body;
    buf_init_arena(&body, http_arena(view->request), API_ANSWER_MAX);
    write_ids(&body, view);
    json_write_name(&body, "state");
    json_write_str(&body, str_of(state_names[view->state]));
    json_write_name(&body, "error");
    json_write_str(&body, view->error.len > 0 ? view->error : STR_NULL);
    json_write_name(&body, "attribution");
    json_write_str(&body, view->company.company_id != 0 ? policy_of(view).attribution : STR_NULL);
    json_write_name(&body, "manifest");
    buf_append_str(&body, manifest.len > 0 ? manifest : STR("null"));
    write_files(&body, view);
    buf_append_char(&body, '}');
    api_respond_json(view->request, 200, &body);
}

void model_api_get(struct http_request *request)
{
    view_begin(request, answer_view);
}

// ---- GET /api/leads/{id}/model/file.

// In the order in which they are given to who takes any.
enum format { FORMAT_GLB, FORMAT_USDZ, FORMAT_OBJ, FORMAT_COUNT };

static const char *const format_names[] = {"glb", "usdz", "obj", FIELD_NAMES_END};
static const enum model_file_kind format_kinds[] = {MODEL_FILE_WEB, MODEL_FILE_USDZ,
                                                    MODEL_FILE_OBJ};
// What ?quality= may be, of a GLB.
static const char *const quality_names[] = {"preview", "web", "hd", "ar", FIELD_NAMES_END};
static const enum model_file_kind quality_kinds[] = {MODEL_FILE_PREVIEW, MODEL_FILE_WEB,
                                                     MODEL_FILE_HD, MODEL_FILE_AR};

struct query_choice {
    const char *pointer; // the parameter with a question mark before it
    const char *const *names;
    const char *wanted;
};

static const struct query_choice format_choice = {"?format", format_names, "glb, usdz, obj"};
static const struct query_choice quality_choice = {"?quality", quality_names,
                                                   "preview, web, hd, ar"};

static enum err query_name(struct http_request *request, const struct query_choice *choice,
                           int *ret_value, struct error *err)
{
    struct str text = http_query(request, choice->pointer + 1);
    *ret_value = -1;
    if (text.ptr == NULL)
        return ERR_OK;
    *ret_value = field_enum_parse(choice->names, text);
    if (*ret_value < 0)
        return error_place(err, str_of(choice->pointer), "must be one of %s", choice->wanted);
    return ERR_OK;
}

// What was asked for; FORMAT_COUNT: that is left to the Accept header.
static enum err read_query(struct http_request *request, enum format *ret_format,
                           enum model_file_kind *ret_glb, struct error *err)
{
    static const char *const names[] = {"format", "quality", NULL};
    int format;
    int quality;
    TRY(http_query_check(request, names, err));
    TRY(query_name(request, &format_choice, &format, err));
    TRY(query_name(request, &quality_choice, &quality, err));
    if (quality >= 0 && format >= 0 && format != FORMAT_GLB)
        return error_place(err, STR("?quality"), "is for glb");
    *ret_glb = quality < 0 ? format_kinds[FORMAT_GLB] : quality_kinds[quality];
    *ret_format = format >= 0 ? (enum format)format : quality >= 0 ? FORMAT_GLB : FORMAT_COUNT;
    return ERR_OK;
}

static void refuse_type(struct model_view *view, const enum format *there, size_t count)
{
    struct error err;
    struct buf words;
    buf_init_arena(&words, http_arena(view->request), 256);
    for (size_t i = 0; i < count; i++)
        buf_printf(&words, "%s%s", i > 0 ? ", " : "",
                   model_file_content_type(format_kinds[there[i]]).ptr);
    error_reset(&err);
    (void)error_set(&err, ERR_INVALID, "The model is there as: %.*s.", STR_ARG(buf_str(&words)));
    http_problem_status(view->request, 406, &err);
}

static void refuse_state(struct model_view *view)
{
    struct error err;
    error_reset(&err);
    switch (view->state) {
    case MODEL_STATE_NONE:
        (void)error_set(&err, ERR_NOT_FOUND, "The lead has no 3D model.");
        break;
    case MODEL_STATE_PENDING:
        (void)error_set(&err, ERR_CONFLICT, "The 3D model is being made: its state is pending.");
        break;
    case MODEL_STATE_READY:
        (void)error_set(&err, ERR_NOT_FOUND, "The 3D model was not made in this format.");
        break;
    case MODEL_STATE_FAILED:
        (void)error_set(&err, ERR_CONFLICT, "There is no 3D model, its state is failed: %.*s",
                        STR_ARG(str_cut(view->error, 180)));
        break;
    case MODEL_STATE_REMOVED:
        (void)error_set(&err, ERR_CONFLICT, "The 3D model was removed: it is not kept any longer.");
        break;
    case MODEL_STATE_REMOTE:
        (void)error_set(&err, ERR_CONFLICT,
                        "There is no 3D model: nothing is stored of this company's.");
        break;
    }
    http_problem(view->request, &err);
}

static void send_to(struct model_view *view, const struct model_file *file)
{
    if (file->state != MODEL_FILE_STORED) {
        refuse_state(view);
        return;
    }
    http_set_header(view->request, "Location",
                    file_url(api_of(view->request), http_arena(view->request), file));
    // Another file has the name when the model is made again.
    http_set_header(view->request, "Cache-Control", STR("private, no-cache"));
    http_respond(view->request, 302, "text/plain", STR(""));
}

static void answer_file(struct model_view *view)
{
    struct http_request *request = view->request;
    enum format format = FORMAT_COUNT;
    enum model_file_kind kinds[FORMAT_COUNT];
    struct error err;
    error_reset(&err);
    memcpy(kinds, format_kinds, sizeof(kinds));
    http_set_header(request, "Vary", STR("Accept"));
    if (read_query(request, &format, &kinds[FORMAT_GLB], &err) != ERR_OK) {
        http_problem(request, &err);
        return;
    }
    if (format < FORMAT_COUNT) {
        send_to(view, &view->files[kinds[format]]);
        return;
    }
    if (view->state != MODEL_STATE_READY) {
        refuse_state(view);
        return;
    }
    enum format there[FORMAT_COUNT];
    struct str types[FORMAT_COUNT];
    size_t count = 0;
    for (int i = 0; i < FORMAT_COUNT; i++) {
        if (!is_stored(view, kinds[i]))
            continue;
        types[count] = model_file_content_type(kinds[i]);
        there[count++] = (enum format)i;
    }
    size_t chosen = model_accept_choose(http_header(request, "Accept"), types, count);
    if (chosen == count)
        refuse_type(view, there, count);
    else
        send_to(view, &view->files[kinds[there[chosen]]]);
}

void model_api_file(struct http_request *request)
{
    view_begin(request, answer_file);
}

// ---- POST /api/leads/{id}/reconvert.

static void reconvert_queued(struct sql_op *op)
{
    struct model_view *view = op->done_ctx;
    if (op->error.code != ERR_OK) {
        http_problem(view->request, &op->error);
        return;
    }
    notices_order_changed(api_of(view->request)->notices, view->order.id);
    notices_job_added(api_of(view->request)->notices);
    struct buf body;
    buf_init_arena(&body, http_arena(view->request), API_ANSWER_MAX);
    write_ids(&body, view);
    json_write_name(&body, "state");
    json_write_str(&body, STR("pending"));
    buf_append_char(&body, '}');
    api_location(view->request, "/api/leads/", view->lead_id);
    api_respond_json(view->request, 202, &body);
}

static void add_job(const struct model_view *view, struct sql_op *op, enum job_kind kind)
{
    int64_t now_us = api_now_us(view->request);
    job_store_add_once_more(op, &(struct job){.kind = kind,
                                              .order_id = view->order.id,
                                              .company_id = view->order.company_id,
                                              .run_at = OPT_I64(now_us),
                                              .created_at = OPT_I64(now_us)});
}

// What is not here is fetched, which ends with a conversion if something came. What is here is
// converted whatever comes.
static void reconvert(struct model_view *view)
{
    int64_t now_us = api_now_us(view->request);
    struct model_file files[CONVERT_PRODUCTS_MAX];
    bool lacks = false;
    for (int kind = MODEL_FILE_NONE + 1; kind <= MODEL_FILE_ORIGINAL_MAX; kind++)
        lacks = lacks || !is_stored(view, (enum model_file_kind)kind);
    struct sql_op *op = api_op(view->request, "reconvert", SQL_LANE_WRITE, reconvert_queued, view);
    op->is_idempotent = true;
    if (lacks) {
        retention_store_restore(op, view->order.project_id.value, now_us);
        add_job(view, op, JOB_FILES);
    }
    if (has_mesh(view)) {
        size_t count = convert_files_init(&view->order, now_us, files);
        file_store_await(op, files, count);
        add_job(view, op, JOB_CONVERT);
    }
    api_submit(view->request, op);
}

static void usage_read(struct sql_op *op)
{
    struct model_view *view = op->done_ctx;
    const struct file_policy policy = policy_of(view);
    struct error err;
    error_reset(&err);
    if (op->error.code != ERR_OK)
        http_problem(view->request, &op->error);
    else if (file_quota_check(&policy, view->usage.bytes, 0, &err) != ERR_OK)
        http_problem_status(view->request, 507, &err);
    else
        reconvert(view);
}

// What a company has is added up over many rows.
static void read_usage(struct model_view *view)
{
    struct sql_op *op = api_op(view->request, "model_usage", SQL_LANE_LONG, usage_read, view);
    company_store_usage(op, view->order.company_id, &view->usage);
    api_submit(view->request, op);
}

static void answer_reconvert(struct model_view *view)
{
    const struct file_policy policy = policy_of(view);
    struct error err;
    error_reset(&err);
    if (view->order.state != ORDER_COMPLETED)
        (void)error_set(&err, ERR_CONFLICT,
                        "There is nothing to convert: no 3D model is completed.");
    else if (policy.retention == RETENTION_STREAM)
        (void)error_set(&err, ERR_CONFLICT,
                        "There is nothing to convert: the company's settings say that nothing is "
                        "stored of its models.");
    if (err.code != ERR_OK)
        http_problem(view->request, &err);
    else if (policy.quota > 0)
        read_usage(view);
    else
        reconvert(view);
}

void model_api_reconvert(struct http_request *request)
{
    if (api_takes_nothing(request))
        view_begin(request, answer_reconvert);
}
