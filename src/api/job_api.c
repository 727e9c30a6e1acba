// Lets people look at background jobs, retry and cancel them, and pause their kinds.
#include "api/job_api.h"

#include "api/api_call.h"
#include "base/random.h"
#include "json/json_write.h"
#include "store/event_store.h"
#include "store/file_store.h"
#include "store/job_admin_store.h"
#include "store/lead_store.h"
#include "store/order_commit.h"
#include "store/order_store.h"

// ---- One job, and lists.

struct job_get {
    struct http_request *request;
    struct job job;
};

static void job_read(struct sql_op *op)
{
    struct job_get *get = op->done_ctx;
    if (op->error.code != ERR_OK)
        http_problem(get->request, &op->error);
    else
        api_respond(get->request, 200, &job_table, &get->job);
}

void job_api_get(struct http_request *request)
{
    struct job_get *get = arena_new(http_arena(request), struct job_get, 1);
    int64_t id = 0;
    if (!api_id(request, "id", &id))
        return;
    get->request = request;
    struct sql_op *op = api_op(request, "job_get", SQL_LANE_SHORT, job_read, get);
    job_store_get(op, id, ERR_NOT_FOUND, &get->job);
    http_suspend(request);
    api_submit(request, op);
}

#define LIST_LIMIT_DEFAULT 20
#define LIST_LIMIT_MAX     100

struct job_list {
    struct http_request *request;
    struct row_list jobs;
};

static void jobs_read(struct sql_op *op)
{
    struct job_list *list = op->done_ctx;
    const struct job *jobs = list->jobs.objects;
    struct buf body;
    if (op->error.code != ERR_OK) {
        http_problem(list->request, &op->error);
        return;
    }
    buf_init_arena(&body, op->arena, API_ANSWER_MAX);
    BUF_LITERAL(&body, "{\"jobs\":[");
    for (size_t i = 0; i < list->jobs.count; i++) {
        if (i > 0)
            buf_append_char(&body, ',');
        json_write_object(&body, &job_table, &jobs[i]);
    }
    buf_printf(&body, "],\"limit\":%zu,\"next_before\":", list->jobs.max);
    if (list->jobs.count == list->jobs.max)
        number_append_i64(&body, jobs[list->jobs.count - 1].id);
    else
        BUF_LITERAL(&body, "null");
    buf_append_char(&body, '}');
    api_respond_json(list->request, 200, &body);
}

// Reads a parameter that is one of a table of names; *value stays 0 where it is absent.
static enum err query_name(struct http_request *request, const char *name, const char *const *names,
                           int *value, struct error *err)
{
    struct str text = http_query(request, name);
    if (text.ptr == NULL)
        return ERR_OK;
    *value = field_enum_parse(names, text);
    if (*value > 0)
        return ERR_OK;
    struct buf wanted;
    char pointer[64];
    char detail[200];
    int len = snprintf(pointer, sizeof(pointer), "?%s", name);
    wanted = (struct buf){.ptr = detail, .cap = sizeof(detail), .max = sizeof(detail)};
    for (int i = 1; names[i] != FIELD_NAMES_END; i++)
        buf_printf(&wanted, "%s%s", i > 1 ? ", " : "", names[i]);
    return error_place(err, (struct str){pointer, (size_t)len}, "must be one of %.*s",
                       STR_ARG(buf_str(&wanted)));
}

static enum err read_filter(struct http_request *request, struct job_filter *filter,
                            size_t *ret_limit, struct error *err)
{
    static const char *const names[] = {"kind",  "state",  "company_id", "order_id",
                                        "limit", "before", NULL};
    struct opt_i64 limit = OPT_I64(LIST_LIMIT_DEFAULT);
    int kind = JOB_NONE;
    int state = JOB_STATE_NONE;
    TRY(http_query_check(request, names, err));
    TRY(query_name(request, "kind", job_kind_names, &kind, err));
    TRY(query_name(request, "state", job_state_names, &state, err));
    TRY(api_query_i64(request, "company_id", API_ID_RANGE, &filter->company_id, err));
    TRY(api_query_i64(request, "order_id", API_ID_RANGE, &filter->order_id, err));
    TRY(api_query_i64(request, "limit", (struct api_range){1, LIST_LIMIT_MAX}, &limit, err));
    TRY(api_query_i64(request, "before", API_ID_RANGE, &filter->before, err));
    filter->kind = (enum job_kind)kind;
    filter->state = (enum job_state)state;
    *ret_limit = (size_t)limit.value;
    return ERR_OK;
}

void job_api_list(struct http_request *request)
{
    struct job_list *list = arena_new(http_arena(request), struct job_list, 1);
    struct job_filter filter = {0};
    size_t limit;
    struct error err;
    error_reset(&err);
    if (read_filter(request, &filter, &limit, &err) != ERR_OK) {
        http_problem(request, &err);
        return;
    }
    list->request = request;
    list->jobs = (struct row_list){
        .arena = http_arena(request),
        .table = &job_table,
        .objects = arena_new(http_arena(request), struct job, limit),
        .max = limit,
    };
    struct sql_op *op = api_op(request, "job_list", SQL_LANE_LONG, jobs_read, list);
    job_store_list(op, &filter, &list->jobs);
    http_suspend(request);
    api_submit(request, op);
}

// ---- Retry.

// The notice goes out when the change is stored: also by the answer of one that was lost, since
// somebody looks then who need not have.
static void job_retried(struct sql_op *op)
{
    struct job_get *get = op->done_ctx;
    if (op->error.code != ERR_OK) {
        http_problem(get->request, &op->error);
        return;
    }
    notices_job_added(api_of(get->request)->notices);
    api_respond(get->request, 200, &job_table, &get->job);
}

void job_api_retry(struct http_request *request)
{
    struct job_get *get = arena_new(http_arena(request), struct job_get, 1);
    int64_t id = 0;
    if (!api_id(request, "id", &id) || !api_takes_nothing(request))
        return;
    get->request = request;
    struct sql_op *op = api_op(request, "job_retry", SQL_LANE_WRITE, job_retried, get);
    op->is_idempotent = true;
    job_store_get(op, id, ERR_NOT_FOUND, &get->job);
    job_store_retry(op, id, api_now_us(request));
    job_store_get(op, id, ERR_NOT_FOUND, &get->job);
    http_suspend(request);
    api_submit(request, op);
}

static const struct field filter_fields[] = {
    {FIELD_AS_ENUM(struct job_filter, kind, enum job_kind, job_kind_names)},
    {FIELD_AS_ENUM(struct job_filter, state, enum job_state, job_state_names)},
    {FIELD_AS_OPT_I64(struct job_filter, company_id), .min = 1, .max = API_ID_MAX},
    {FIELD_AS_OPT_I64(struct job_filter, order_id), .min = 1, .max = API_ID_MAX},
    {FIELD_AS_OPT_I64(struct job_filter, before), .min = 1, .max = API_ID_MAX},
};

static const struct field_table filter_table =
    FIELD_TABLE("filter", filter_fields, struct job_filter);

static void jobs_retried(struct sql_op *op)
{
    struct http_request *request = op->done_ctx;
    if (op->error.code != ERR_OK) {
        http_problem(request, &op->error);
        return;
    }
    struct buf body;
    notices_job_added(api_of(request)->notices);
    buf_init_arena(&body, op->arena, API_ANSWER_MAX);
    buf_printf(&body, "{\"retried\":%lld,\"more\":%s}", (long long)op->steps[0].rows,
               op->steps[0].rows == JOB_RETRY_MAX ? "true" : "false");
    api_respond_json(request, 200, &body);
}

void job_api_retry_all(struct http_request *request)
{
    struct job_filter filter = {0};
    struct json_decoding how = {.flags = JSON_NEW};
    struct error err;
    error_reset(&err);
    if (api_decode(request, &filter_table, &how, &filter, &err) != ERR_OK) {
        http_problem(request, &err);
        return;
    }
    struct sql_op *op = api_op(request, "job_retry_all", SQL_LANE_WRITE, jobs_retried, request);
    job_store_retry_all(op, &filter, api_now_us(request));
    http_suspend(request);
    api_submit(request, op);
}

// ---- Cancel: what the job was for must not be left half done.

struct job_cancel {
    struct http_request *request;
    struct job job;
    struct order order;
    struct lead lead;
};

static void job_cancelled(struct sql_op *op)
{
    struct job_cancel *cancel = op->done_ctx;
    if (op->error.code != ERR_OK) {
        http_problem(cancel->request, &op->error);
        return;
    }
    notices_order_changed(api_of(cancel->request)->notices, cancel->job.order_id);
    api_respond(cancel->request, 200, &job_table, &cancel->job);
}

// What becomes of the order whose job is called off. ERR_CONFLICT where nothing fits: a model that
// is sent is paid for, and must be followed.
static enum err call_off(struct job_cancel *cancel, int64_t now_us, struct error *err)
{
    struct order *order = &cancel->order;
    const struct job *job = &cancel->job;
    if (order->id == 0)
        return ERR_OK; // the order is gone
    if (job->kind == JOB_FILES && order->files == FILES_PENDING)
        order->files = FILES_FAILED;
    if (job->kind == JOB_FILES || job->kind == JOB_CONVERT || !order_is_live(order->state))
        return ERR_OK;
    if (job->kind == JOB_ORDER && order->state == ORDER_REQUESTED)
        return order_go(order, ORDER_CANCELLED, now_us, err);
    return error_set(err, ERR_CONFLICT, "The order is %s: its model may be made by now.",
                     order_state_names[order->state]);
}

static void cancel_read(struct sql_op *op)
{
    struct job_cancel *cancel = op->done_ctx;
    struct http_request *request = cancel->request;
    int64_t now_us = api_now_us(request);
    struct error err = op->error;
    const struct order before = cancel->order;
    if (err.code != ERR_OK || call_off(cancel, now_us, &err) != ERR_OK) {
        http_problem(request, &err);
        return;
    }
    struct sql_op *store = api_op(request, "job_cancel", SQL_LANE_WRITE, job_cancelled, cancel);
    int64_t op_id = random_id();
    if (before.state != cancel->order.state || before.files != cancel->order.files)
        order_commit(store, &cancel->order, before.state, &cancel->lead, now_us);
    job_store_cancel(store, cancel->job.id, now_us);
    if (cancel->job.kind == JOB_CONVERT && cancel->order.project_id.set)
        file_store_give_up(store, cancel->order.project_id.value,
                           STR("The conversion was called off."), now_us);
    event_store_add(store, &(struct event){
                               .type = "job.cancelled",
                               .lead_id = before.lead_id,
                               .order_id = cancel->job.order_id,
                               .op_id = op_id,
                               .at_us = now_us,
                           });
    job_store_get(store, cancel->job.id, ERR_NOT_FOUND, &cancel->job);
    event_store_find(sql_op_proof(store), op_id, &cancel->lead.id);
    job_store_get(store->proof, cancel->job.id, ERR_NOT_FOUND, &cancel->job);
    api_submit(request, store);
}

static void cancel_job_read(struct sql_op *op)
{
    struct job_cancel *cancel = op->done_ctx;
    if (op->error.code != ERR_OK) {
        http_problem(cancel->request, &op->error);
        return;
    }
    struct sql_op *read =
        api_op(cancel->request, "job_cancel_order", SQL_LANE_SHORT, cancel_read, cancel);
    order_store_get(read, cancel->job.order_id, ERR_OK, &cancel->order);
    lead_store_get_of_order(read, cancel->job.order_id, &cancel->lead);
    api_submit(cancel->request, read);
}

void job_api_cancel(struct http_request *request)
{
    struct job_cancel *cancel = arena_new(http_arena(request), struct job_cancel, 1);
    int64_t id = 0;
    if (!api_id(request, "id", &id) || !api_takes_nothing(request))
        return;
    cancel->request = request;
    struct sql_op *op = api_op(request, "job_cancel_read", SQL_LANE_SHORT, cancel_job_read, cancel);
    job_store_get(op, id, ERR_NOT_FOUND, &cancel->job);
    http_suspend(request);
    api_submit(request, op);
}

// ---- Kinds.

struct job_kinds {
    struct http_request *request;
    enum job_kind only; // JOB_NONE: all of them
    struct job_kind_state kinds[JOB_KIND_COUNT];
};

static void kinds_read(struct sql_op *op)
{
    const struct job_kinds *kinds = op->done_ctx;
    struct buf body;
    if (op->error.code != ERR_OK) {
        http_problem(kinds->request, &op->error);
        return;
    }
    if (kinds->only != JOB_NONE) {
        // What is resumed may be due.
        notices_job_added(api_of(kinds->request)->notices);
        api_respond(kinds->request, 200, &job_kind_table, &kinds->kinds[kinds->only]);
        return;
    }
    buf_init_arena(&body, op->arena, API_ANSWER_MAX);
    for (int kind = JOB_NONE + 1; kind < JOB_KIND_COUNT; kind++) {
        buf_append_str(&body, kind == JOB_NONE + 1 ? STR("{\"kinds\":[") : STR(","));
        json_write_object(&body, &job_kind_table, &kinds->kinds[kind]);
    }
    BUF_LITERAL(&body, "]}");
    api_respond_json(kinds->request, 200, &body);
}

void job_api_kinds(struct http_request *request)
{
    struct job_kinds *kinds = arena_new(http_arena(request), struct job_kinds, 1);
    kinds->request = request;
    struct sql_op *op = api_op(request, "job_kinds", SQL_LANE_LONG, kinds_read, kinds);
    job_store_kinds(op, kinds->kinds);
    http_suspend(request);
    api_submit(request, op);
}

// Reads the {kind} of the path. One that there is not answers 404 and gives false.
static bool read_kind(struct http_request *request, enum job_kind *ret_kind)
{
    int kind = field_enum_parse(job_kind_names, http_param(request, "kind"));
    struct error err;
    error_reset(&err);
    if (kind > JOB_NONE) {
        *ret_kind = (enum job_kind)kind;
        return true;
    }
    (void)error_set(&err, ERR_NOT_FOUND, "There is no such kind of jobs.");
    http_problem(request, &err);
    return false;
}

struct pause_body {
    struct str by;
};

static const struct field pause_fields[] = {
    {FIELD_AS_STR(struct pause_body, by, 200)},
};

static const struct field_table pause_table = FIELD_TABLE("pause", pause_fields, struct pause_body);

void job_api_pause(struct http_request *request)
{
    struct job_kinds *kinds = arena_new(http_arena(request), struct job_kinds, 1);
    struct pause_body body = {0};
    struct json_decoding how = {.flags = JSON_NEW};
    struct error err;
    error_reset(&err);
    kinds->request = request;
    if (!read_kind(request, &kinds->only))
        return;
    if (http_body(request).len > 0 &&
        api_decode(request, &pause_table, &how, &body, &err) != ERR_OK) {
        http_problem(request, &err);
        return;
    }
    struct sql_op *op = api_op(request, "job_pause", SQL_LANE_WRITE, kinds_read, kinds);
    op->is_idempotent = true;
    job_store_pause(op, kinds->only, body.by, api_now_us(request));
    job_store_kinds(op, kinds->kinds);
    http_suspend(request);
    api_submit(request, op);
}

void job_api_resume(struct http_request *request)
{
    struct job_kinds *kinds = arena_new(http_arena(request), struct job_kinds, 1);
    kinds->request = request;
    if (!read_kind(request, &kinds->only) || !api_takes_nothing(request))
        return;
    struct sql_op *op = api_op(request, "job_resume", SQL_LANE_WRITE, kinds_read, kinds);
    op->is_idempotent = true;
    job_store_resume(op, kinds->only);
    job_store_kinds(op, kinds->kinds);
    http_suspend(request);
    api_submit(request, op);
}
