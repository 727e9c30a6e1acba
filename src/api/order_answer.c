// Writes what the API says of a model order.
#include "api/order_answer.h"

#include "api/api_call.h"
#include "api/outlook.h"
#include "json/json_write.h"
#include "store/exchange_store.h"
#include "store/order_store.h"

// What an order's answer has beside the order's own members.
struct order_more {
    enum model_status model_3d_status;
    struct str model_3d_error;
    struct opt_i64 eta;
    struct opt_i64 next_try_at;
};

static const struct field more_fields[] = {
    {FIELD_AS_ENUM(struct order_more, model_3d_status, enum model_status, model_status_names)},
    {FIELD_AS_STR(struct order_more, model_3d_error, 200)},
    {FIELD_AS_TIME(struct order_more, eta)},
    {FIELD_AS_TIME(struct order_more, next_try_at)},
};

static const struct field_table more_table = FIELD_TABLE("order", more_fields, struct order_more);

#define PROBLEM_TYPE "application/problem+json"

// The answer of POST /api/projects/3d: the specification's members, then ours.
struct created {
    struct opt_i64 id;
    int64_t lead_id;
    enum model_status status;
    struct opt_f64 annual_production;
    struct opt_f64 system_size;
    struct opt_f64 estimated_cost;
    struct opt_f64 annual_savings;
    struct str message;
    struct opt_i64 house_id;
    int64_t order_id;
};

static const struct field created_fields[] = {
    {FIELD_AS_OPT_I64(struct created, id)},
    {FIELD_AS_I64(struct created, lead_id)},
    {FIELD_AS_ENUM(struct created, status, enum model_status, model_status_names)},
    {FIELD_AS_OPT_F64(struct created, annual_production)},
    {FIELD_AS_OPT_F64(struct created, system_size)},
    {FIELD_AS_OPT_F64(struct created, estimated_cost)},
    {FIELD_AS_OPT_F64(struct created, annual_savings)},
    {FIELD_AS_STR(struct created, message, 200)},
    {FIELD_AS_OPT_I64(struct created, house_id)},
    {FIELD_AS_I64(struct created, order_id)},
};

static const struct field_table created_table =
    FIELD_TABLE("project", created_fields, struct created);

// What each state of an order means to who asked for the project.
static const struct {
    int status;
    struct str message;
} answers[] = {
    [ORDER_NONE] = {500, STR_INIT("")},
    [ORDER_REQUESTED] = {202, STR_INIT("The 3D project is ordered and will be sent to LightFusion "
                                       "as soon as it can be reached.")},
    [ORDER_SENDING] = {202, STR_INIT("The 3D project is being sent to LightFusion.")},
    [ORDER_UNKNOWN] = {202, STR_INIT("LightFusion gave no clear answer. We are finding out whether "
                                     "the project was made.")},
    [ORDER_PARKED] = {202, STR_INIT("LightFusion gave no clear answer. Somebody has to link the "
                                    "project or order it again.")},
    [ORDER_CREATED] = {201, STR_INIT("3D project created successfully. Processing in background.")},
    [ORDER_PROCESSING] = {201, STR_INIT("3D project created successfully. "
                                        "Processing in background.")},
    [ORDER_COMPLETED] = {201, STR_INIT("The 3D project is completed.")},
    [ORDER_FAILED] = {502, STR_INIT("")},
    [ORDER_CANCELLED] = {409, STR_INIT("")},
};

// Answers with problem details and the order's ids as further members.
static void answer_problem(struct http_request *request, int status, const struct order *order,
                           const struct error *err)
{
    struct buf body;
    buf_init_arena(&body, http_arena(request), API_ANSWER_MAX);
    json_write_problem(&body, status, http_status_title(status), err);
    check(body.len > 0 && body.ptr[body.len - 1] == '}');
    body.len--;
    buf_printf(&body, ",\"lead_id\":%lld,\"order_id\":%lld}", (long long)order->lead_id,
               (long long)order->id);
    http_respond(request, status, PROBLEM_TYPE, buf_str(&body));
}

void order_answer_conflict(struct http_request *request, const struct order *order,
                           const char *detail)
{
    struct error err;
    error_reset(&err);
    (void)error_set(&err, ERR_CONFLICT, "%s", detail);
    answer_problem(request, 409, order, &err);
}

static void answer_failed(struct http_request *request, const struct order *order)
{
    struct error err;
    error_reset(&err);
    (void)error_set(&err, ERR_UPSTREAM, "%.*s",
                    STR_ARG(order->failure_detail.len > 0 ? order->failure_detail
                                                          : STR("LightFusion refused the order.")));
    answer_problem(request, order->failure == FAILURE_REFUSED ? 422 : 502, order, &err);
}

bool order_answer_has_place(struct http_request *request, const struct project_request *terms)
{
    struct error err;
    error_reset(&err);
    if (project_check_place(terms, &err) == ERR_OK)
        return true;
    http_problem_status(request, 422, &err);
    return false;
}

void order_answer_created(struct http_request *request, const struct order *order, bool is_new)
{
    if (order->state == ORDER_FAILED) {
        answer_failed(request, order);
        return;
    }
    if (order->state == ORDER_CANCELLED) {
        order_answer_conflict(request, order, "The order was cancelled.");
        return;
    }
    struct created created = {
        .lead_id = order->lead_id,
        .status = order_model_status(order->state),
        .annual_production = order->annual_production,
        .system_size = order->system_size,
        .estimated_cost = order->estimated_cost,
        .annual_savings = order->annual_savings,
        .message = answers[order->state].message,
        .order_id = order->id,
    };
    int status = answers[order->state].status;
    if (status == 201) {
        created.id = order->project_id;
        created.house_id = order->house_id;
        api_location(request, "/api/projects/3d/", order->project_id.value);
        status = is_new ? 201 : 200;
    } else {
        api_location(request, "/api/orders/", order->id);
    }
    api_respond(request, status, &created_table, &created);
}

void order_view_read(struct sql_op *op, int64_t id, struct order_view *view)
{
    view->exchanges = (struct row_list){
        .arena = op->arena,
        .table = &exchange_table,
        .objects = arena_new(op->arena, struct exchange, EXCHANGES_MAX),
        .max = EXCHANGES_MAX,
    };
    order_store_get(op, id, ERR_NOT_FOUND, &view->order);
    order_store_get_next_try(op, id, &view->next_try_at);
    exchange_store_list(op, id, &view->exchanges);
}

// The order's members, and those of its outlook that are not the order's own.
void order_answer_view(struct http_request *request, int status, const struct order_view *view)
{
    const struct order *order = &view->order;
    const struct outlook outlook = outlook_of_order(request, order, view->next_try_at);
    const struct exchange *exchanges = view->exchanges.objects;
    const struct order_more more = {
        .model_3d_status = order_model_status(order->state),
        .model_3d_error = outlook.model_3d_error,
        .eta = outlook.eta,
        .next_try_at = view->next_try_at,
    };
    struct buf body;
    buf_init_arena(&body, http_arena(request), API_ANSWER_MAX);
    buf_append_char(&body, '{');
    (void)json_write_members(&body, &order_table, order, true);
    (void)json_write_members(&body, &more_table, &more, false);
    json_write_name(&body, "exchanges");
    buf_append_char(&body, '[');
    for (size_t i = 0; i < view->exchanges.count; i++) {
        if (i > 0)
            buf_append_char(&body, ',');
        json_write_object(&body, &exchange_table, &exchanges[i]);
    }
    BUF_LITERAL(&body, "]}");
    api_respond_json(request, status, &body);
}
