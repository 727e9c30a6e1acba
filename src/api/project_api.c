// Tells the status of a 3D project, and syncs a lead with it.
#include "api/project_api.h"

#include "api/api_call.h"
#include "api/order_adopt.h"
#include "api/outlook.h"
#include "api/order_refresh.h"
#include "base/log.h"
#include "json/json_write.h"
#include "store/lead_store.h"
#include "store/order_commit.h"
#include "store/order_store.h"
#include "tasks/project_json.h"

// ---- The answer of GET /api/projects/3d/{id}.

struct status {
    int64_t id;
    struct opt_i64 lead_id;
    struct opt_i64 house_id;
    enum model_status status;
    struct opt_i64 progress;
    struct project_figures figures;
    struct project_details details;
};

static const struct field status_fields[] = {
    {FIELD_AS_I64(struct status, id)},
    {FIELD_AS_OPT_I64(struct status, lead_id)},
    {FIELD_AS_OPT_I64(struct status, house_id)},
    {FIELD_AS_ENUM(struct status, status, enum model_status, model_status_names)},
    {FIELD_AS_OPT_I64(struct status, progress)},
};

static const struct field figures_fields[] = {
    {FIELD_AS_OPT_F64(struct project_figures, system_size)},
    {FIELD_AS_OPT_I64(struct project_figures, panel_count)},
    {FIELD_AS_OPT_F64(struct project_figures, annual_production)},
    {FIELD_AS_OPT_F64(struct project_figures, estimated_cost)},
    {FIELD_AS_OPT_F64(struct project_figures, annual_savings)},
};

static const struct field_table status_table = FIELD_TABLE("status", status_fields, struct status);
static const struct field_table figures_table =
    FIELD_TABLE("figures", figures_fields, struct project_figures);

static void answer_status(struct http_request *request, const struct status *status, bool stale)
{
    struct buf body;
    buf_init_arena(&body, http_arena(request), API_ANSWER_MAX);
    buf_append_char(&body, '{');
    (void)json_write_members(&body, &status_table, status, true);
    (void)json_write_members(&body, &figures_table, &status->figures, false);
    (void)json_write_members(&body, &project_details_table, &status->details, false);
    if (stale)
        BUF_LITERAL(&body, ",\"stale\":true");
    buf_append_char(&body, '}');
    api_respond_json(request, 200, &body);
}

static void answer_order_status(struct http_request *request, const struct order *order, bool stale)
{
    struct error err;
    error_reset(&err);
    struct status status = {
        .id = order->project_id.value,
        .lead_id = OPT_I64(order->lead_id),
        .house_id = order->house_id,
        .status = order_model_status(order->state),
        .progress = order->progress,
        .figures =
            {
                .system_size = order->system_size,
                .panel_count = order->panel_count,
                .annual_production = order->annual_production,
                .estimated_cost = order->estimated_cost,
                .annual_savings = order->annual_savings,
            },
    };
    if (project_details_read(order->details, http_arena(request), &status.details, &err) != ERR_OK)
        log_error(LOG_WARN, "order.details_unreadable", &err);
    answer_status(request, &status, stale);
}

// ---- A project that no order of ours has: LightFusion is asked, and nothing is stored. One whose
// order lacks the house is asked for in the same way, to see whether the house is its own.

struct project_get;

struct foreign {
    struct http_request *request;
    int64_t project_id;
    int64_t house_id;
    struct project_get *get; // of the order that lacks this house, or NULL
    struct lf_details details;
    struct lf_complete complete;
};

static void answer_upstream_failure(struct http_request *request, const struct lf_call *call)
{
    struct error err;
    error_reset(&err);
    if (call->outcome == LF_NOT_FOUND)
        (void)error_set(&err, ERR_NOT_FOUND, "LightFusion does not know this project.");
    else
        (void)error_set(&err, ERR_UPSTREAM, "LightFusion could not be asked: %.*s",
                        STR_ARG(call->words));
    http_problem(request, &err);
}

static void take_house(struct project_get *get);

static void foreign_completed(struct lf_call *call)
{
    struct foreign *foreign = call->ctx;
    const struct lf_complete *complete = &foreign->complete;
    if (call->outcome != LF_OK) {
        answer_upstream_failure(foreign->request, call);
        return;
    }
    if (foreign->get != NULL) {
        take_house(foreign->get);
        return;
    }
    struct status status = {
        .id = foreign->project_id,
        .house_id = OPT_I64(foreign->house_id),
        .progress = complete->reading.progress,
        .figures = complete->reading.figures,
        .details =
            {
                .panel = foreign->details.panel,
                .inverter = foreign->details.inverter,
                .storage = foreign->details.storage,
                .adders = foreign->details.adders,
                .price_breakdown = foreign->details.price_breakdown,
                .lead_completion = complete->lead_completion,
            },
    };
    if (complete->reading.state.set)
        status.status = model_status_of_lightfusion(complete->reading.state.value);
    if (foreign->details.total_amount.set)
        status.figures.estimated_cost = foreign->details.total_amount;
    answer_status(foreign->request, &status, false);
}

static struct lf_call foreign_call(struct foreign *foreign, lf_done_fn *done)
{
    return (struct lf_call){.arena = http_arena(foreign->request),
                            .done = done,
                            .ctx = foreign,
                            .class = LF_CLASS_USER};
}

static void foreign_detailed(struct lf_call *call)
{
    struct foreign *foreign = call->ctx;
    if (call->outcome != LF_OK) {
        answer_upstream_failure(foreign->request, call);
        return;
    }
    foreign->complete = (struct lf_complete){
        .call = foreign_call(foreign, foreign_completed),
        .house_id = foreign->house_id,
    };
    lightfusion_complete(api_of(foreign->request)->lf, &foreign->complete);
}

static void ask_foreign(const struct foreign *what)
{
    struct foreign *foreign = arena_new(http_arena(what->request), struct foreign, 1);
    *foreign = *what;
    foreign->details = (struct lf_details){
        .call = foreign_call(foreign, foreign_detailed),
        .project_id = foreign->project_id,
        .house_id = foreign->house_id,
    };
    lightfusion_details(api_of(foreign->request)->lf, &foreign->details);
}

// ---- GET /api/projects/3d/{id}.

struct project_get {
    struct http_request *request;
    int64_t project_id;
    struct opt_i64 house_id;
    struct lead lead; // with this project; id 0: none
    struct order_adopt adopt;
    struct order_wait wait;
};

static void get_waited(struct order_wait *wait)
{
    if (wait->error.code != ERR_OK)
        http_problem(wait->request, &wait->error);
    else
        answer_order_status(wait->request, &wait->order, order_is_stale(wait));
}

static void house_taken(struct sql_op *op)
{
    struct project_get *get = op->done_ctx;
    // Stale: somebody changed the order meanwhile, which is not worth an error to who only looks.
    if (op->error.code != ERR_OK && op->error.code != ERR_STALE)
        http_problem(get->request, &op->error);
    else
        order_refresh_begin(&get->wait);
}

// LightFusion knows the house as the project's: the order goes on with it.
static void take_house(struct project_get *get)
{
    struct order *order = &get->wait.order;
    bool is_its_lead = get->lead.id == order->lead_id;
    order->house_id = get->house_id;
    struct sql_op *op = api_op(get->request, "order_house", SQL_LANE_WRITE, house_taken, get);
    order_commit(op, order, order->state, is_its_lead ? &get->lead : &(const struct lead){0},
                 api_now_us(get->request));
    api_submit(get->request, op);
}

static void get_adopted(struct order_adopt *adopt)
{
    struct project_get *get = adopt->ctx;
    struct error err;
    error_reset(&err);
    if (order_lacks_house(&get->wait.order) && get->house_id.set) {
        ask_foreign(&(struct foreign){.request = get->request,
                                      .project_id = get->project_id,
                                      .house_id = get->house_id.value,
                                      .get = get});
        return;
    }
    if (get->wait.order.id != 0) {
        order_refresh_begin(&get->wait);
        return;
    }
    if (!get->house_id.set) {
        (void)error_place(&err, STR("?house_id"),
                          "is required for a project that is not linked to a lead");
        http_problem(get->request, &err);
        return;
    }
    ask_foreign(&(struct foreign){
        .request = get->request, .project_id = get->project_id, .house_id = get->house_id.value});
}

static void get_read(struct sql_op *op)
{
    struct project_get *get = op->done_ctx;
    if (op->error.code != ERR_OK) {
        http_problem(get->request, &op->error);
        return;
    }
    get->adopt = (struct order_adopt){
        .request = get->request,
        .lead = &get->lead,
        .order = &get->wait.order,
        .end = get_adopted,
        .ctx = get,
    };
    order_adopt_begin(&get->adopt);
}

void project_api_get(struct http_request *request)
{
    static const char *const names[] = {"house_id", NULL};
    static const struct api_range house_range = {1, LIGHTFUSION_ID_MAX};
    struct project_get *get = arena_new(http_arena(request), struct project_get, 1);
    struct error err;
    error_reset(&err);
    if (!api_id(request, "id", &get->project_id))
        return;
    get->request = get->wait.request = request;
    get->wait.end = get_waited;
    if (http_query_check(request, names, &err) != ERR_OK ||
        api_query_i64(request, "house_id", house_range, &get->house_id, &err) != ERR_OK) {
        http_problem(request, &err);
        return;
    }
    struct sql_op *op = api_op(request, "project_get", SQL_LANE_SHORT, get_read, get);
    order_store_get_by_project(op, get->project_id, &get->wait.order);
    lead_store_get_by_project(op, get->project_id, &get->lead);
    http_suspend(request);
    api_submit(request, op);
}

// ---- POST /api/leads/{id}/sync-3d-status.

struct project_sync {
    struct http_request *request;
    int64_t lead_id;
    struct order_adopt adopt;
    struct order_wait wait;
    struct lead lead;
};

static struct str sync_error_of(const struct order_wait *wait, struct arena *arena)
{
    const struct order *order = &wait->order;
    if (order_lacks_house(order))
        return arena_printf(arena,
                            "The house id of project %lld is not known. Give it: "
                            "GET /api/projects/3d/%lld?house_id=...",
                            (long long)order->project_id.value, (long long)order->project_id.value);
    if (!order_is_stale(wait))
        return STR_NULL;
    if (order->poll_failed && order->failure_detail.len > 0)
        return order->failure_detail;
    if (order->poll_failed)
        return STR("LightFusion could not be asked, or its answer was lost.");
    return STR("LightFusion was not asked yet, or has not answered yet.");
}

static void sync_answer(struct sql_op *op)
{
    struct project_sync *sync = op->done_ctx;
    struct buf body;
    if (op->error.code != ERR_OK) {
        http_problem(sync->request, &op->error);
        return;
    }
    struct str sync_error = sync_error_of(&sync->wait, op->arena);
    if (sync_error.len > 0)
        sync->lead.sync_status = LEAD_SYNC_FAILED;
    buf_init_arena(&body, op->arena, API_ANSWER_MAX);
    buf_append_char(&body, '{');
    outlook_write_lead(&body, sync->request, &sync->lead, &sync->wait.order, (struct opt_i64){0});
    json_write_name(&body, "sync_error");
    json_write_str(&body, sync_error);
    buf_printf(&body, ",\"order_id\":%lld}", (long long)sync->wait.order.id);
    api_respond_json(sync->request, 200, &body);
}

// The order is as fresh as it gets: the lead is read again.
static void sync_waited(struct order_wait *wait)
{
    struct project_sync *sync = wait->ctx;
    if (wait->error.code != ERR_OK) {
        http_problem(sync->request, &wait->error);
        return;
    }
    struct sql_op *op = api_op(sync->request, "sync_lead", SQL_LANE_SHORT, sync_answer, sync);
    lead_store_get(op, sync->lead_id, ERR_NOT_FOUND, &sync->lead);
    api_submit(sync->request, op);
}

static void sync_adopted(struct order_adopt *adopt)
{
    struct project_sync *sync = adopt->ctx;
    struct error err;
    error_reset(&err);
    if (sync->wait.order.id == 0) {
        (void)error_set(&err, ERR_INVALID,
                        lead_has_3d_model(&sync->lead)
                            ? "The lead's project is that of another lead."
                            : "No 3D model was ever ordered for this lead.");
        http_problem(sync->request, &err);
        return;
    }
    order_refresh_begin(&sync->wait);
}

static void sync_read(struct sql_op *op)
{
    struct project_sync *sync = op->done_ctx;
    if (op->error.code != ERR_OK) {
        http_problem(sync->request, &op->error);
        return;
    }
    sync->adopt = (struct order_adopt){
        .request = sync->request,
        .lead = &sync->lead,
        .order = &sync->wait.order,
        .end = sync_adopted,
        .ctx = sync,
    };
    order_adopt_begin(&sync->adopt);
}

void project_api_sync(struct http_request *request)
{
    struct project_sync *sync = arena_new(http_arena(request), struct project_sync, 1);
    if (!api_id(request, "id", &sync->lead_id) || !api_takes_nothing(request))
        return;
    sync->request = sync->wait.request = request;
    sync->wait.end = sync_waited;
    sync->wait.ctx = sync;
    struct sql_op *op = api_op(request, "sync_read", SQL_LANE_SHORT, sync_read, sync);
    lead_store_get(op, sync->lead_id, ERR_NOT_FOUND, &sync->lead);
    order_store_get_newest(op, sync->lead_id, &sync->wait.order);
    http_suspend(request);
    api_submit(request, op);
}
