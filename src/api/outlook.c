// Works out the outlook of leads and orders.
#include "api/outlook.h"

#include "api/api_call.h"
#include "domain/order_words.h"
#include "json/json_write.h"

#define SENTENCE_MAX 200

static const struct field outlook_fields[] = {
    {FIELD_AS_STR(struct outlook, model_3d_error, SENTENCE_MAX), .flags = FIELD_READ_ONLY},
    {FIELD_AS_OPT_I64(struct outlook, progress), .flags = FIELD_READ_ONLY},
    {FIELD_AS_TIME(struct outlook, eta), .flags = FIELD_READ_ONLY},
};

const struct field_table outlook_table = FIELD_TABLE("outlook", outlook_fields, struct outlook);

struct outlook outlook_of_order(struct http_request *request, const struct order *order,
                                struct opt_i64 next_try_at)
{
    return (struct outlook){
        .model_3d_error = order_error_sentence(order),
        .progress = order->progress,
        .eta =
            upstream_state_eta(api_of(request)->upstream, order, next_try_at, api_now_us(request)),
    };
}

bool outlook_is_in_order(const struct lead *lead)
{
    return lead->model_3d_status == MODEL_PENDING || lead->model_3d_status == MODEL_PROCESSING ||
           lead->model_3d_status == MODEL_FAILED ||
           (lead->model_3d_status == MODEL_COMPLETED && lead->sync_status == LEAD_SYNC_FAILED);
}

void outlook_write_lead(struct buf *buf, struct http_request *request, const struct lead *lead,
                        const struct order *newest, struct opt_i64 next_try_at)
{
    struct outlook outlook = {0};
    if (outlook_is_in_order(lead) && newest->id != 0)
        outlook = outlook_of_order(request, newest, next_try_at);
    if (lead->model_3d_status == MODEL_COMPLETED) { // whatever became of an order after it
        outlook.progress = OPT_I64(100);
        outlook.eta = (struct opt_i64){0};
    }
    (void)json_write_members(buf, &lead_table, lead, true);
    (void)json_write_members(buf, &outlook_table, &outlook, false);
}
