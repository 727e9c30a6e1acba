// Orders a model: POST /api/projects/3d.
#include "api/order_create_api.h"

#include "api/api_call.h"
#include "api/idempotency.h"
#include "api/lead_body.h"
#include "api/order_answer.h"
#include "api/order_wait.h"
#include "base/random.h"
#include "json/json_read.h"
#include "store/event_store.h"
#include "store/lead_store.h"
#include "store/order_store.h"
#include "tasks/project_json.h"

#define CREATE_WAIT_US (30 * US_PER_S)

struct order_create {
    struct http_request *request;
    struct project_body body;
    struct lead lead;    // the lead as it is stored, or the one to be made
    struct order order;  // the one wanted
    struct order newest; // the lead's newest order after the operation
    struct order_wait wait;
    struct idempotency once;
};

static bool prefers_async(struct http_request *request)
{
    struct str rest = http_header(request, "Prefer");
    while (rest.ptr != NULL) {
        struct str preference = str_split(&rest, ',');
        struct str name = str_trim(str_slice(preference, 0, str_find(preference, ';', 0)));
        if (str_equal_nocase(name, STR("respond-async")))
            return true;
    }
    return false;
}

static bool is_ours(const struct order_create *create)
{
    return create->newest.op_id == create->once.op_id;
}

// Settled: LightFusion has answered, or did not get the order and will get it later.
static bool is_settled(const struct order_wait *wait)
{
    const struct order *order = &wait->order;
    bool waiting = order->state == ORDER_SENDING ||
                   (order->state == ORDER_REQUESTED && order->failure == FAILURE_NONE);
    return !waiting;
}

static void answer_waited(struct order_wait *wait)
{
    struct order_create *create = wait->ctx;
    // The order is stored: what is known of it is the answer, even if it cannot be read just now.
    const struct order *known = wait->error.code == ERR_OK ? &wait->order : &create->newest;
    order_answer_created(create->request, known, is_ours(create));
}

static void answer_gone(struct http_request *request)
{
    struct error err;
    error_reset(&err);
    (void)error_set(&err, ERR_NOT_FOUND, "The lead was deleted meanwhile.");
    http_problem(request, &err);
}

// An order is there: answers when it is settled.
static void answer_order(struct order_create *create)
{
    struct http_request *request = create->request;
    if (prefers_async(request)) {
        order_answer_created(request, &create->newest, is_ours(create));
        return;
    }
    create->wait = (struct order_wait){
        .request = request,
        .order_id = create->newest.id,
        .timeout_us = CREATE_WAIT_US,
        .enough = is_settled,
        .end = answer_waited,
        .ctx = create,
    };
    order_wait_begin(&create->wait);
}

// The order was stored, or the lead had one that stood against it.
static void order_stored(struct sql_op *op)
{
    struct order_create *create = op->done_ctx;
    struct http_request *request = create->request;
    if (idempotency_is_late(&create->once, &op->error))
        return;
    if (op->error.code != ERR_OK) {
        api_refuse(request, &op->error);
        return;
    }
    const struct order *newest = &create->newest;
    idempotency_keep(&create->once, is_ours(create));
    if (is_ours(create)) {
        notices_job_added(api_of(request)->notices);
    } else if (newest->id == 0 && create->lead.model_3d_status != MODEL_COMPLETED) {
        answer_gone(request);
        return;
    } else if (newest->id == 0 || !order_is_live(newest->state)) {
        order_answer_conflict(request, newest,
                              "The lead's 3D model is completed. Send \"force\": true to order "
                              "(and pay for) another one.");
        return;
    } else if (!str_equal(newest->request, create->order.request)) {
        order_answer_conflict(request, newest,
                              "The lead has a 3D model order under way, with other content.");
        return;
    }
    answer_order(create);
}

static void make_order(struct order_create *create, int64_t now_us)
{
    create->order = (struct order){
        .lead_id = create->lead.id,
        .company_id = create->lead.company_id,
        .op_id = create->once.op_id,
        .latitude = create->body.terms.latitude.value,
        .longitude = create->body.terms.longitude.value,
        .request = project_request_text(&create->body.terms, http_arena(create->request)),
    };
    check(order_go(&create->order, ORDER_REQUESTED, now_us, NULL) == ERR_OK);
}

// The lead is there: the order is for it.
static void order_for_lead(struct sql_op *op)
{
    struct order_create *create = op->done_ctx;
    struct http_request *request = create->request;
    if (op->error.code != ERR_OK) {
        http_problem(request, &op->error);
        return;
    }
    project_complete(&create->body.terms, &create->lead, &api_of(request)->defaults);
    if (!order_answer_has_place(request, &create->body.terms))
        return;
    make_order(create, api_now_us(request));
    struct sql_op *store = api_op(request, "order_create", SQL_LANE_WRITE, order_stored, create);
    idempotency_add(&create->once, store);
    // Another program may have had a project made, which stands against a new order as ours does.
    if (lead_has_3d_model(&create->lead))
        order_store_adopt(store, create->lead.id, random_id(), api_now_us(request));
    order_store_insert(store, &create->order, create->body.force);
    order_store_get_newest(store, create->lead.id, &create->newest);
    order_store_get_by_op(sql_op_proof(store), create->order.op_id, &create->newest);
    api_submit(request, store);
}

// No lead was named: one is made of what the request tells.
static void order_with_new_lead(struct order_create *create)
{
    struct http_request *request = create->request;
    struct project_request *terms = &create->body.terms;
    int64_t now_us = api_now_us(request);
    create->lead = project_body_lead(&create->body, http_arena(request), now_us);
    project_complete(terms, NULL, &api_of(request)->defaults);
    make_order(create, now_us);
    order_apply_to_lead(&create->order, &create->lead, now_us);

    struct sql_op *op = api_op(request, "order_create", SQL_LANE_WRITE, order_stored, create);
    idempotency_add(&create->once, op);
    lead_store_insert(op, &create->lead, &(struct event){.type = "lead.created", .at_us = now_us});
    order_store_insert_with_lead(op, &create->order);
    order_store_get_by_op(op, create->order.op_id, &create->newest);
    order_store_get_by_op(sql_op_proof(op), create->order.op_id, &create->newest);
    api_submit(request, op);
}

static enum err read_project(struct http_request *request, struct project_body *body,
                             struct error *err)
{
    struct json_decoding how = {.flags = JSON_NEW};
    // Without a place it is no JSON, and there is nothing further to look at.
    if (api_decode(request, project_body_table(), &how, body, err) != ERR_OK &&
        err->place_count == 0)
        return err->code;
    return project_body_finish(body, &how, err);
}

// The key is new, or there is none.
static void create_first(struct idempotency *once)
{
    struct order_create *create = once->ctx;
    create->lead = (struct lead){0};
    create->newest = (struct order){0};
    if (!create->body.lead_id.set) {
        order_with_new_lead(create);
        return;
    }
    struct sql_op *op =
        api_op(create->request, "order_lead", SQL_LANE_SHORT, order_for_lead, create);
    lead_store_get(op, create->body.lead_id.value, ERR_NOT_FOUND, &create->lead);
    api_submit(create->request, op);
}

static void again_read(struct sql_op *op)
{
    struct order_create *create = op->done_ctx;
    if (op->error.code != ERR_OK) {
        http_problem(create->request, &op->error);
        return;
    }
    if (create->newest.id == 0) {
        idempotency_restart(&create->once);
        return;
    }
    idempotency_keep(&create->once, true);
    answer_order(create);
}

// Another process made the order, and did not answer any more.
static void create_again(struct idempotency *once)
{
    struct order_create *create = once->ctx;
    struct sql_op *op = api_op(create->request, "order_again", SQL_LANE_SHORT, again_read, create);
    order_store_get_by_op(op, once->op_id, &create->newest);
    api_submit(create->request, op);
}

void order_create_api_post(struct http_request *request)
{
    struct order_create *create = arena_new(http_arena(request), struct order_create, 1);
    struct error err;
    error_reset(&err);
    create->request = request;
    if (read_project(request, &create->body, &err) != ERR_OK) {
        http_problem(request, &err);
        return;
    }
    create->once = (struct idempotency){
        .request = request, .first = create_first, .again = create_again, .ctx = create};
    idempotency_begin(&create->once);
}
