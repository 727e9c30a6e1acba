// Creates, reads, lists, changes and deletes leads.
#include "api/lead_api.h"

#include "api/api_call.h"
#include "api/idempotency.h"
#include "api/lead_body.h"
#include "api/outlook.h"
#include "base/random.h"
#include "json/json_read.h"
#include "json/json_write.h"
#include "store/event_store.h"
#include "store/lead_store.h"
#include "store/order_store.h"
#include "tasks/project_json.h"

// Reads a body by one of the tables of api/lead_body.h, all mistakes in one go.
static enum err read_body(struct http_request *request, const struct field_table *table,
                          struct json_decoding *how, struct lead_body *body, struct error *err)
{
    // Without a place it is no JSON, and there is nothing further to look at.
    if (api_decode(request, table, how, body, err) != ERR_OK && err->place_count == 0)
        return err->code;
    TRY(lead_body_finish(body, how, err));
    return err->code;
}

#define LEAD_JSON_TYPICAL 1400 // bytes

// ---- The answer: a lead and its outlook.

struct lead_answer {
    struct http_request *request;
    struct lead lead;
    struct order newest; // where the lead's outlook is in it
    struct opt_i64 next_try_at;
    bool is_stored; // it was changed: without its outlook the answer still tells that
};

static void write_answer(struct http_request *request, const struct lead_answer *answer)
{
    struct buf body;
    buf_init_arena(&body, http_arena(request), API_ANSWER_MAX);
    (void)buf_grow(&body, LEAD_JSON_TYPICAL);
    buf_append_char(&body, '{');
    outlook_write_lead(&body, request, &answer->lead, &answer->newest, answer->next_try_at);
    buf_append_char(&body, '}');
    api_respond_json(request, 200, &body);
}

static void outlook_read(struct sql_op *op)
{
    struct lead_answer *answer = op->done_ctx;
    if (op->error.code != ERR_OK && !answer->is_stored)
        http_problem(answer->request, &op->error);
    else
        write_answer(answer->request, answer);
}

// Most leads wait for nothing: only for the others a second row is read.
static void answer_lead(struct http_request *request, struct lead_answer *answer)
{
    answer->request = request;
    if (!outlook_is_in_order(&answer->lead)) {
        write_answer(request, answer);
        return;
    }
    struct sql_op *op = api_op(request, "lead_outlook", SQL_LANE_SHORT, outlook_read, answer);
    order_store_get_outlook(op, answer->lead.id, &answer->newest, &answer->next_try_at);
    api_submit(request, op);
}

// ---- Create.

struct lead_create {
    struct http_request *request;
    struct lead_body body;
    struct order order; // with create_3d_model
    struct idempotency once;
};

static void answer_created(struct lead_create *create)
{
    const struct lead *lead = &create->body.lead;
    api_location(create->request, "/api/leads/", lead->id);
    struct buf body;
    buf_init_arena(&body, http_arena(create->request), API_ANSWER_MAX);
    (void)buf_grow(&body, LEAD_JSON_TYPICAL);
    buf_append_char(&body, '{');
    outlook_write_lead(&body, create->request, lead, &create->order, (struct opt_i64){0});
    if (create->body.create_3d_model)
        buf_printf(&body, ",\"order_id\":%lld", (long long)create->order.id);
    buf_append_char(&body, '}');
    api_respond_json(create->request, 201, &body);
}

static void create_done(struct sql_op *op)
{
    struct lead_create *create = op->done_ctx;
    if (idempotency_is_late(&create->once, &op->error))
        return;
    if (op->error.code != ERR_OK) {
        api_refuse(create->request, &op->error);
        return;
    }
    if (create->body.create_3d_model)
        notices_job_added(api_of(create->request)->notices);
    idempotency_keep(&create->once, true);
    answer_created(create);
}

// Adds the order that create_3d_model asks for; the lead is stored as waiting for it.
static void add_order(struct lead_create *create, struct sql_op *op, int64_t op_id, int64_t now_us)
{
    struct api *api = api_of(create->request);
    struct lead *lead = &create->body.lead;
    project_complete(&create->body.terms, lead, &api->defaults);
    struct order order = {
        .company_id = lead->company_id,
        .op_id = op_id,
        .latitude = lead->latitude,
        .longitude = lead->longitude,
        .request = project_request_text(&create->body.terms, op->arena),
    };
    check(order_go(&order, ORDER_REQUESTED, now_us, NULL) == ERR_OK);
    order_apply_to_lead(&order, lead, now_us);
    lead_store_insert(op, lead, &(struct event){.type = "lead.created", .at_us = now_us});
    order_store_insert_with_lead(op, &order);
    order_store_get_by_op(op, op_id, &create->order);
    order_store_get_by_op(op->proof, op_id, &create->order);
}

// The key is new, or there is none.
static void create_first(struct idempotency *once)
{
    struct lead_create *create = once->ctx;
    struct http_request *request = create->request;
    struct lead *lead = &create->body.lead;
    int64_t now_us = api_now_us(request);
    lead->created_at = lead->updated_at = OPT_I64(now_us);
    struct sql_op *op = api_op(request, "lead_create", SQL_LANE_WRITE, create_done, create);
    idempotency_add(once, op);
    event_store_find(sql_op_proof(op), once->op_id, &lead->id);
    if (create->body.create_3d_model)
        add_order(create, op, once->op_id, now_us);
    else
        lead_store_insert(
            op, lead,
            &(struct event){.type = "lead.created", .op_id = once->op_id, .at_us = now_us});
    api_submit(request, op);
}

static void again_read(struct sql_op *op)
{
    struct lead_create *create = op->done_ctx;
    if (op->error.code != ERR_OK) {
        http_problem(create->request, &op->error);
        return;
    }
    idempotency_keep(&create->once, true);
    answer_created(create);
}

static void again_found(struct sql_op *op)
{
    struct lead_create *create = op->done_ctx;
    int64_t id = create->body.lead.id;
    if (op->error.code != ERR_OK) {
        http_problem(create->request, &op->error);
        return;
    }
    if (id == 0) {
        idempotency_restart(&create->once);
        return;
    }
    struct sql_op *read = api_op(create->request, "lead_again", SQL_LANE_SHORT, again_read, create);
    lead_store_get(read, id, ERR_NOT_FOUND, &create->body.lead);
    api_submit(create->request, read);
}

// Another process made the lead, and did not answer any more.
static void create_again(struct idempotency *once)
{
    struct lead_create *create = once->ctx;
    struct sql_op *op = api_op(create->request, "lead_find", SQL_LANE_SHORT, again_found, create);
    event_store_find(op, once->op_id, &create->body.lead.id);
    order_store_get_by_op(op, once->op_id, &create->order);
    api_submit(create->request, op);
}

void lead_api_create(struct http_request *request)
{
    struct lead_create *create = arena_new(http_arena(request), struct lead_create, 1);
    struct error err;
    struct json_decoding how = {.flags = JSON_NEW};
    error_reset(&err);
    create->request = request;
    create->body.lead.source = LEAD_SOURCE_NONE;
    if (read_body(request, lead_create_table(), &how, &create->body, &err) != ERR_OK) {
        http_problem(request, &err);
        return;
    }
    create->once = (struct idempotency){
        .request = request, .first = create_first, .again = create_again, .ctx = create};
    idempotency_begin(&create->once);
}

// ---- Get.

struct lead_get {
    struct http_request *request;
    struct lead_answer answer;
};

static void get_done(struct sql_op *op)
{
    struct lead_get *get = op->done_ctx;
    if (op->error.code != ERR_OK)
        http_problem(get->request, &op->error);
    else
        answer_lead(get->request, &get->answer);
}

void lead_api_get(struct http_request *request)
{
    struct lead_get *get = arena_new(http_arena(request), struct lead_get, 1);
    int64_t id = 0;
    if (!api_id(request, "id", &id))
        return;
    get->request = request;
    struct sql_op *op = api_op(request, "lead_get", SQL_LANE_SHORT, get_done, get);
    lead_store_get(op, id, ERR_NOT_FOUND, &get->answer.lead);
    http_suspend(request);
    api_submit(request, op);
}

// ---- List.

#define LIST_LIMIT_DEFAULT 20
#define LIST_LIMIT_MAX     100
#define LIST_OFFSET_MAX    INT64_C(1000000000)

struct lead_list {
    struct http_request *request;
    struct lead_filter filter;
    struct lead_page page;
    struct order_outlooks outlooks; // of those that wait
};

static void write_entry(struct buf *body, const struct lead_list *list, const struct lead *lead)
{
    const struct order_outlooks *outlooks = &list->outlooks;
    size_t at = 0;
    while (at < outlooks->count && outlooks->orders[at].lead_id != lead->id)
        at++;
    bool known = at < outlooks->count;
    const struct order *newest = known ? &outlooks->orders[at] : &(const struct order){0};
    buf_append_char(body, '{');
    outlook_write_lead(body, list->request, lead, newest,
                       known ? outlooks->next_try_at[at] : (struct opt_i64){0});
    buf_append_char(body, '}');
}

static void write_list(struct sql_op *op)
{
    struct lead_list *list = op->done_ctx;
    struct buf body;
    if (op->error.code != ERR_OK) {
        http_problem(list->request, &op->error);
        return;
    }
    buf_init_arena(&body, op->arena, API_ANSWER_MAX);
    (void)buf_grow(&body, (list->page.count + 1) * LEAD_JSON_TYPICAL);
    BUF_LITERAL(&body, "{\"leads\":[");
    for (size_t i = 0; i < list->page.count; i++) {
        if (i > 0)
            buf_append_char(&body, ',');
        write_entry(&body, list, &list->page.leads[i]);
    }
    BUF_LITERAL(&body, "],\"total\":");
    number_append_i64(&body, list->page.total);
    BUF_LITERAL(&body, ",\"limit\":");
    number_append_i64(&body, list->filter.limit);
    BUF_LITERAL(&body, ",\"offset\":");
    number_append_i64(&body, list->filter.offset);
    buf_append_char(&body, '}');
    api_respond_json(list->request, 200, &body);
}

// The ids of the leads whose outlook is in an order, as a JSON array; how many there are.
static size_t waiting_leads(const struct lead_page *page, struct buf *ids)
{
    size_t count = 0;
    buf_append_char(ids, '[');
    for (size_t i = 0; i < page->count; i++) {
        if (!outlook_is_in_order(&page->leads[i]))
            continue;
        if (count++ > 0)
            buf_append_char(ids, ',');
        number_append_i64(ids, page->leads[i].id);
    }
    buf_append_char(ids, ']');
    return count;
}

static void list_done(struct sql_op *op)
{
    struct lead_list *list = op->done_ctx;
    struct buf ids;
    buf_init_arena(&ids, op->arena, API_ANSWER_MAX);
    size_t count = op->error.code == ERR_OK ? waiting_leads(&list->page, &ids) : 0;
    if (count == 0) {
        write_list(op);
        return;
    }
    list->outlooks = (struct order_outlooks){
        .max = count,
        .orders = arena_new(op->arena, struct order, count),
        .next_try_at = arena_new(op->arena, struct opt_i64, count),
    };
    struct sql_op *more = api_op(list->request, "list_outlooks", SQL_LANE_SHORT, write_list, list);
    order_store_get_outlooks(more, buf_str(&ids), &list->outlooks);
    api_submit(list->request, more);
}

static enum err read_filter(struct http_request *request, struct lead_filter *filter,
                            struct error *err)
{
    static const char *const names[] = {"company_id", "has_3d_model", "limit", "offset", NULL};
    struct opt_i64 limit = OPT_I64(LIST_LIMIT_DEFAULT);
    struct opt_i64 offset = OPT_I64(0);
    bool with_model = false;
    bool model_asked = false;
    TRY(http_query_check(request, names, err));
    TRY(api_query_i64(request, "limit", (struct api_range){1, LIST_LIMIT_MAX}, &limit, err));
    TRY(api_query_i64(request, "offset", (struct api_range){0, LIST_OFFSET_MAX}, &offset, err));
    TRY(api_query_i64(request, "company_id", API_ID_RANGE, &filter->company_id, err));
    TRY(api_query_bool(request, "has_3d_model", &with_model, &model_asked, err));
    filter->limit = limit.value;
    filter->offset = offset.value;
    filter->has_3d_model = LEAD_ANY_3D;
    if (model_asked)
        filter->has_3d_model = with_model ? LEAD_WITH_3D : LEAD_WITHOUT_3D;
    return ERR_OK;
}

void lead_api_list(struct http_request *request)
{
    struct lead_list *list = arena_new(http_arena(request), struct lead_list, 1);
    struct error err;
    error_reset(&err);
    list->request = request;
    if (read_filter(request, &list->filter, &err) != ERR_OK) {
        http_problem(request, &err);
        return;
    }
    struct sql_op *op =
        api_op(request, "lead_list", lead_store_list_lane(&list->filter), list_done, list);
    lead_store_list(op, &list->filter, &list->page);
    http_suspend(request);
    api_submit(request, op);
}

// ---- Change.

struct lead_change {
    struct http_request *request;
    int64_t id;
    uint64_t seen;
    struct lead_body body;
    struct lead_answer answer; // its lead as it is stored, before and after
};

static void change_done(struct sql_op *op)
{
    struct lead_change *change = op->done_ctx;
    change->answer.is_stored = true;
    if (op->error.code != ERR_OK)
        api_refuse(change->request, &op->error);
    else
        answer_lead(change->request, &change->answer);
}

static void submit_change(struct lead_change *change)
{
    int64_t now_us = api_now_us(change->request);
    struct sql_op *op = api_op(change->request, "lead_change", SQL_LANE_WRITE, change_done, change);
    int64_t op_id = random_id();
    change->body.lead.updated_at = OPT_I64(now_us);
    const struct lead_edit edit = {
        .id = change->id,
        .values = &change->body.lead,
        .seen = change->seen,
        .event = {.type = "lead.changed", .op_id = op_id, .at_us = now_us},
    };
    lead_store_change(op, &edit, &change->answer.lead);
    event_store_find(sql_op_proof(op), op_id, &change->id);
    lead_store_get(op->proof, change->id, ERR_NOT_FOUND, &change->answer.lead);
    api_submit(change->request, op);
}

// Whether a field is ours to set, and stays as it is until somebody acts.
static bool is_compared(const struct field *field)
{
    return (field->flags & FIELD_READ_ONLY) != 0 && (field->flags & FIELD_VOLATILE) == 0;
}

static bool names_compared_fields(uint64_t seen)
{
    for (size_t i = 0; i < lead_table.count; i++) {
        if ((seen & (UINT64_C(1) << i)) != 0 && is_compared(&lead_table.fields[i]))
            return true;
    }
    return false;
}

// Read-only members may be sent if they are what they are, so that what GET gave can be sent back.
static void compare_read_only(struct sql_op *op)
{
    struct lead_change *change = op->done_ctx;
    struct error err;
    error_reset(&err);
    if (op->error.code != ERR_OK) {
        http_problem(change->request, &op->error);
        return;
    }
    for (size_t i = 0; i < lead_table.count; i++) {
        const struct field *field = &lead_table.fields[i];
        if ((change->seen & (UINT64_C(1) << i)) == 0 || !is_compared(field) ||
            field_equal(field, &change->answer.lead, &change->body.lead))
            continue;
        char pointer[64];
        int len = snprintf(pointer, sizeof(pointer), "/%s", field->name);
        (void)error_place(&err, (struct str){pointer, (size_t)len},
                          "is read-only, and differs from what is stored");
    }
    if (err.code != ERR_OK)
        http_problem(change->request, &err);
    else
        submit_change(change);
}

void lead_api_change(struct http_request *request)
{
    struct lead_change *change = arena_new(http_arena(request), struct lead_change, 1);
    struct json_decoding how = {.flags = JSON_READ_ONLY_OK};
    struct error err;
    error_reset(&err);
    if (!api_id(request, "id", &change->id))
        return;
    change->request = request;
    if (read_body(request, lead_change_table(), &how, &change->body, &err) != ERR_OK) {
        http_problem(request, &err);
        return;
    }
    change->seen = how.seen;
    http_suspend(request);
    if (!names_compared_fields(change->seen)) {
        submit_change(change);
        return;
    }
    struct sql_op *op = api_op(request, "lead_compare", SQL_LANE_SHORT, compare_read_only, change);
    lead_store_get(op, change->id, ERR_NOT_FOUND, &change->answer.lead);
    api_submit(request, op);
}

// ---- Delete.

struct lead_delete {
    struct http_request *request;
    int64_t id;
};

// A table of another system may refer to its leads.
static void delete_done(struct sql_op *op)
{
    struct lead_delete *delete = op->done_ctx;
    struct error err = op->error;
    if (err.code == ERR_INVALID) {
        (void)error_set(&err, ERR_CONFLICT, "Another table still refers to this lead.");
        error_cause(&err, "%s", op->error.cause);
    }
    if (err.code != ERR_OK)
        http_problem(delete->request, &err);
    else
        http_respond(delete->request, 204, NULL, STR_NULL);
}

void lead_api_delete(struct http_request *request)
{
    struct lead_delete *delete = arena_new(http_arena(request), struct lead_delete, 1);
    if (!api_id(request, "id", &delete->id))
        return;
    delete->request = request;
    int64_t now_us = api_now_us(request);
    int64_t op_id = random_id();
    struct sql_op *op = api_op(request, "lead_delete", SQL_LANE_WRITE, delete_done, delete);
    lead_store_delete(op, delete->id);
    order_store_cancel_unsent(op, delete->id, now_us);
    event_store_add(
        op, &(struct event){
                .type = "lead.deleted", .lead_id = delete->id, .op_id = op_id, .at_us = now_us});
    event_store_find(sql_op_proof(op), op_id, &delete->id);
    http_suspend(request);
    api_submit(request, op);
}
