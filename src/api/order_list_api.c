// Lists model orders.
#include "api/order_list_api.h"

#include "api/api_call.h"
#include "json/json_write.h"
#include "store/order_list_store.h"

#define LIMIT_DEFAULT      20
#define LIMIT_MAX          100
#define ORDER_JSON_TYPICAL 1000 // bytes

struct order_list {
    struct http_request *request;
    struct order_filter filter;
    struct row_list page;
};

static void list_done(struct sql_op *op)
{
    struct order_list *list = op->done_ctx;
    const struct order *orders = list->page.objects;
    struct buf body;
    if (op->error.code != ERR_OK) {
        http_problem(list->request, &op->error);
        return;
    }
    size_t limit = (size_t)list->filter.limit;
    size_t count = list->page.count < limit ? list->page.count : limit;
    buf_init_arena(&body, op->arena, API_ANSWER_MAX);
    (void)buf_grow(&body, (count + 1) * ORDER_JSON_TYPICAL);
    BUF_LITERAL(&body, "{\"orders\":[");
    for (size_t i = 0; i < count; i++) {
        const char *status = model_status_names[order_model_status(orders[i].state)];
        buf_append_str(&body, i > 0 ? STR(",{") : STR("{"));
        (void)json_write_members(&body, order_list_table(), &orders[i], true);
        json_write_name(&body, "model_3d_status");
        json_write_str(&body, str_of(status));
        buf_append_char(&body, '}');
    }
    BUF_LITERAL(&body, "],\"limit\":");
    number_append_i64(&body, list->filter.limit);
    BUF_LITERAL(&body, ",\"next_before\":");
    if (list->page.count > limit)
        number_append_i64(&body, orders[limit - 1].id);
    else
        BUF_LITERAL(&body, "null");
    buf_append_char(&body, '}');
    api_respond_json(list->request, 200, &body);
}

static enum err read_state(struct http_request *request, enum order_state *ret_state,
                           struct error *err)
{
    struct str text = http_query(request, "state");
    if (text.ptr == NULL)
        return ERR_OK;
    int state = field_enum_parse(order_state_names, text);
    if (state < 0)
        return error_place(err, STR("?state"), "must be the state of an order");
    *ret_state = (enum order_state)state;
    return ERR_OK;
}

static enum err read_filter(struct http_request *request, struct order_filter *filter,
                            struct error *err)
{
    static const char *const names[] = {"company_id", "lead_id", "batch_id", "state",
                                        "limit",      "before",  NULL};
    struct opt_i64 limit = OPT_I64(LIMIT_DEFAULT);
    TRY(http_query_check(request, names, err));
    TRY(api_query_i64(request, "company_id", API_ID_RANGE, &filter->company_id, err));
    TRY(api_query_i64(request, "lead_id", API_ID_RANGE, &filter->lead_id, err));
    TRY(api_query_i64(request, "batch_id", API_ID_RANGE, &filter->batch_id, err));
    TRY(api_query_i64(request, "before", API_ID_RANGE, &filter->before, err));
    TRY(api_query_i64(request, "limit", (struct api_range){1, LIMIT_MAX}, &limit, err));
    filter->limit = limit.value;
    return read_state(request, &filter->state, err);
}

void order_list_api_get(struct http_request *request)
{
    struct order_list *list = arena_new(http_arena(request), struct order_list, 1);
    struct error err;
    error_reset(&err);
    list->request = request;
    if (read_filter(request, &list->filter, &err) != ERR_OK) {
        http_problem(request, &err);
        return;
    }
    struct sql_op *op =
        api_op(request, "order_list", order_list_lane(&list->filter), list_done, list);
    order_list_read(op, &list->filter, &list->page);
    http_suspend(request);
    api_submit(request, op);
}
