// Orders models again, and lets people look at orders and settle parked ones.
#include "api/order_api.h"

#include "api/api_call.h"
#include "api/order_adopt.h"
#include "api/order_answer.h"
#include "base/random.h"
#include "json/json_read.h"
#include "store/event_store.h"
#include "store/job_store.h"
#include "store/lead_store.h"
#include "store/order_commit.h"
#include "store/order_store.h"
#include "tasks/project_json.h"

// ---- POST /api/leads/{id}/retry-3d-model.

struct order_retry {
    struct http_request *request;
    struct lead lead;
    struct order_adopt adopt;
    struct order last;   // the one that failed
    struct order order;  // the new one
    struct order newest; // after the operation
};

static void retry_stored(struct sql_op *op)
{
    struct order_retry *retry = op->done_ctx;
    if (op->error.code != ERR_OK) {
        api_refuse(retry->request, &op->error);
        return;
    }
    notices_job_added(api_of(retry->request)->notices);
    order_answer_created(retry->request, &retry->newest, retry->newest.op_id == retry->order.op_id);
}

// The terms of the last order and its place; those of one that another program had made are not
// known, and are the lead's. False: answered, there is no place.
static bool take_terms(struct order_retry *retry)
{
    struct order *order = &retry->order;
    order->latitude = retry->last.latitude;
    order->longitude = retry->last.longitude;
    order->request = retry->last.request;
    if (!str_equal(retry->last.request, STR("{}")))
        return true;
    struct project_request *terms =
        arena_new(http_arena(retry->request), struct project_request, 1);
    project_complete(terms, &retry->lead, &api_of(retry->request)->defaults);
    order->latitude = terms->latitude.value;
    order->longitude = terms->longitude.value;
    order->request = project_request_text(terms, http_arena(retry->request));
    return order_answer_has_place(retry->request, terms);
}

static void retry_adopted(struct order_adopt *adopt)
{
    struct order_retry *retry = adopt->ctx;
    struct http_request *request = retry->request;
    struct error err;
    error_reset(&err);
    if (retry->last.id == 0) {
        (void)error_set(&err, ERR_CONFLICT, "No 3D model was ever ordered for this lead.");
        http_problem(request, &err);
        return;
    }
    if (order_is_live(retry->last.state)) {
        order_answer_created(request, &retry->last, false);
        return;
    }
    if (retry->last.state == ORDER_COMPLETED) {
        order_answer_conflict(request, &retry->last, "The lead's 3D model is completed.");
        return;
    }
    int64_t now_us = api_now_us(request);
    retry->order = (struct order){
        .lead_id = retry->lead.id,
        .company_id = retry->lead.company_id,
        .op_id = random_id(),
    };
    if (!take_terms(retry))
        return;
    check(order_go(&retry->order, ORDER_REQUESTED, now_us, NULL) == ERR_OK);
    struct sql_op *store = api_op(request, "order_retry", SQL_LANE_WRITE, retry_stored, retry);
    order_store_insert_again(store, &retry->order);
    order_store_get_newest(store, retry->lead.id, &retry->newest);
    order_store_get_by_op(sql_op_proof(store), retry->order.op_id, &retry->newest);
    api_submit(request, store);
}

static void retry_read(struct sql_op *op)
{
    struct order_retry *retry = op->done_ctx;
    if (op->error.code != ERR_OK) {
        http_problem(retry->request, &op->error);
        return;
    }
    retry->adopt = (struct order_adopt){
        .request = retry->request,
        .lead = &retry->lead,
        .order = &retry->last,
        .end = retry_adopted,
        .ctx = retry,
    };
    order_adopt_begin(&retry->adopt);
}

void order_api_retry(struct http_request *request)
{
    struct order_retry *retry = arena_new(http_arena(request), struct order_retry, 1);
    int64_t id = 0;
    if (!api_id(request, "id", &id) || !api_takes_nothing(request))
        return;
    retry->request = request;
    struct sql_op *op = api_op(request, "order_retry_read", SQL_LANE_SHORT, retry_read, retry);
    lead_store_get(op, id, ERR_NOT_FOUND, &retry->lead);
    order_store_get_newest(op, id, &retry->last);
    http_suspend(request);
    api_submit(request, op);
}

// ---- GET /api/orders/{id}.

struct order_get {
    struct http_request *request;
    struct order_view view;
};

static void get_done(struct sql_op *op)
{
    struct order_get *get = op->done_ctx;
    if (op->error.code != ERR_OK)
        http_problem(get->request, &op->error);
    else
        order_answer_view(get->request, 200, &get->view);
}

void order_api_get(struct http_request *request)
{
    struct order_get *get = arena_new(http_arena(request), struct order_get, 1);
    int64_t id = 0;
    if (!api_id(request, "id", &id))
        return;
    get->request = request;
    struct sql_op *op = api_op(request, "order_get", SQL_LANE_SHORT, get_done, get);
    order_view_read(op, id, &get->view);
    http_suspend(request);
    api_submit(request, op);
}

// ---- POST /api/orders/{id}/link and /order-again: a person settles a parked order.

struct link_body {
    struct opt_i64 project_id;
    struct opt_i64 house_id;
};

static const struct field link_fields[] = {
    {FIELD_AS_OPT_I64(struct link_body, project_id), .flags = FIELD_REQUIRED, .min = 1,
     .max = LIGHTFUSION_ID_MAX},
    {FIELD_AS_OPT_I64(struct link_body, house_id), .min = 1, .max = LIGHTFUSION_ID_MAX},
};

static const struct field_table link_table = FIELD_TABLE("link", link_fields, struct link_body);

struct order_settle {
    struct http_request *request;
    struct link_body body;
    enum order_state to; // created (linked) or requested (again)
    struct order order;
    struct lead lead;
    struct order_view view;      // after the change
    struct lf_details details;   // of the project that is to be linked
    struct lf_complete complete; // of its house
};

static void settle_stored(struct sql_op *op)
{
    struct order_settle *settle = op->done_ctx;
    struct http_request *request = settle->request;
    if (op->error.code == ERR_CONFLICT) {
        order_answer_conflict(request, &settle->order,
                              "Another order is linked to this project already.");
        return;
    }
    if (op->error.code != ERR_OK) {
        api_refuse(request, &op->error);
        return;
    }
    notices_job_added(api_of(request)->notices);
    notices_order_changed(api_of(request)->notices, settle->order.id);
    order_answer_view(request, 200, &settle->view);
}

// An order that only lacks its house is linked too, and stays what it is.
static bool is_to_settle(const struct order_settle *settle)
{
    const struct order *order = &settle->order;
    return order->state == ORDER_PARKED ||
           (settle->to == ORDER_CREATED && order_lacks_house(order));
}

static enum err settle(struct order_settle *settle, int64_t now_us, struct error *err)
{
    struct order *order = &settle->order;
    if (!is_to_settle(settle))
        return error_set(err, ERR_CONFLICT, "The order is %s, not parked.",
                         order_state_names[order->state]);
    if (order->state == ORDER_PARKED)
        TRY(order_go(order, settle->to, now_us, err));
    if (settle->to == ORDER_REQUESTED) {
        order->project_id = order->house_id = (struct opt_i64){0};
        order->attempts = 0;
        order_fail_with(order, FAILURE_NONE, STR_NULL);
        return ERR_OK;
    }
    order->project_id = settle->body.project_id;
    if (settle->body.house_id.set)
        order->house_id = settle->body.house_id;
    if (!order->house_id.set)
        return error_place(err, STR("/house_id"), "is required: it is not known from LightFusion");
    return ERR_OK;
}

// The order is parked and the change fits: stores it.
static void settle_store(struct order_settle *ours)
{
    struct http_request *request = ours->request;
    int64_t now_us = api_now_us(request);
    struct error err;
    error_reset(&err);
    enum order_state before = ours->order.state;
    if (settle(ours, now_us, &err) != ERR_OK) {
        http_problem(request, &err);
        return;
    }
    struct sql_op *store = api_op(request, "order_settle", SQL_LANE_WRITE, settle_stored, ours);
    order_commit(store, &ours->order, before, &ours->lead, now_us);
    job_store_add(store, &(struct job){.kind = ours->to == ORDER_CREATED ? JOB_POLL : JOB_ORDER,
                                       .order_id = ours->order.id,
                                       .company_id = ours->order.company_id,
                                       .run_at = OPT_I64(now_us),
                                       .created_at = OPT_I64(now_us)});
    int64_t op_id = random_id();
    event_store_add(store, &(struct event){
                               .type = ours->to == ORDER_CREATED ? "order.linked" : "order.again",
                               .lead_id = ours->order.lead_id,
                               .order_id = ours->order.id,
                               .op_id = op_id,
                               .at_us = now_us,
                           });
    order_view_read(store, ours->order.id, &ours->view);
    event_store_find(sql_op_proof(store), op_id, &ours->order.lead_id);
    order_view_read(store->proof, ours->order.id, &ours->view);
    api_submit(request, store);
}

// A slip of the pen would leave the lead with a model that never comes: LightFusion has to know the
// project and the house.
static void link_checked(struct lf_call *call)
{
    struct order_settle *ours = call->ctx;
    struct error err;
    error_reset(&err);
    if (call->outcome == LF_OK) {
        settle_store(ours);
        return;
    }
    if (call->outcome == LF_NOT_FOUND || call->outcome == LF_REFUSED) {
        (void)error_set(&err, ERR_INVALID, "LightFusion does not know this project and house: %.*s",
                        STR_ARG(call->words));
        http_problem_status(ours->request, 422, &err);
        return;
    }
    (void)error_set(&err, ERR_UPSTREAM, "LightFusion could not be asked about the project: %.*s",
                    STR_ARG(call->words));
    http_problem(ours->request, &err);
}

static struct lf_call link_call(struct order_settle *ours, lf_done_fn *done)
{
    return (struct lf_call){
        .arena = http_arena(ours->request), .done = done, .ctx = ours, .class = LF_CLASS_USER};
}

static void check_house(struct lf_call *call)
{
    struct order_settle *ours = call->ctx;
    if (call->outcome != LF_OK) {
        link_checked(call);
        return;
    }
    ours->complete = (struct lf_complete){
        .call = link_call(ours, link_checked),
        .house_id = ours->details.house_id,
    };
    lightfusion_complete(api_of(ours->request)->lf, &ours->complete);
}

static void check_link(struct order_settle *ours)
{
    struct opt_i64 house_id = ours->body.house_id.set ? ours->body.house_id : ours->order.house_id;
    ours->details = (struct lf_details){
        .call = link_call(ours, check_house),
        .project_id = ours->body.project_id.value,
        .house_id = house_id.value,
    };
    lightfusion_details(api_of(ours->request)->lf, &ours->details);
}

static void settle_read(struct sql_op *op)
{
    struct order_settle *ours = op->done_ctx;
    struct error err;
    error_reset(&err);
    if (op->error.code != ERR_OK) {
        http_problem(ours->request, &op->error);
        return;
    }
    bool has_house = ours->body.house_id.set || ours->order.house_id.set;
    if (is_to_settle(ours) && ours->to == ORDER_CREATED && has_house)
        check_link(ours);
    else
        settle_store(ours);
}

static void settle_begin(struct order_settle *settle)
{
    int64_t id = 0;
    if (!api_id(settle->request, "id", &id))
        return;
    struct sql_op *op =
        api_op(settle->request, "order_settle_read", SQL_LANE_SHORT, settle_read, settle);
    order_store_get(op, id, ERR_NOT_FOUND, &settle->order);
    lead_store_get_of_order(op, id, &settle->lead);
    http_suspend(settle->request);
    api_submit(settle->request, op);
}

void order_api_link(struct http_request *request)
{
    struct order_settle *settle = arena_new(http_arena(request), struct order_settle, 1);
    struct json_decoding how = {.flags = JSON_NEW};
    struct error err;
    error_reset(&err);
    *settle = (struct order_settle){.request = request, .to = ORDER_CREATED};
    if (api_decode(request, &link_table, &how, &settle->body, &err) != ERR_OK) {
        http_problem(request, &err);
        return;
    }
    settle_begin(settle);
}

void order_api_again(struct http_request *request)
{
    struct order_settle *settle = arena_new(http_arena(request), struct order_settle, 1);
    *settle = (struct order_settle){.request = request, .to = ORDER_REQUESTED};
    if (api_takes_nothing(request))
        settle_begin(settle);
}
