// The batch's fields, and what is said of its progress.
#include "domain/batch.h"

static const struct field batch_fields[] = {
    {FIELD_AS_I64(struct batch, id)},
    {FIELD_AS_I64(struct batch, op_id), .flags = FIELD_NO_JSON},
    {FIELD_AS_OPT_I64(struct batch, company_id)},
    {FIELD_AS_OPT_I64(struct batch, creator_id)},
    {FIELD_AS_I64(struct batch, items)},
    {FIELD_AS_TIME(struct batch, created_at)},
};

const struct field_table batch_table = FIELD_TABLE("batch", batch_fields, struct batch);

int64_t batch_count_of(const struct batch_counts *counts, enum model_status status)
{
    int64_t count = 0;
    for (int state = ORDER_REQUESTED; state <= ORDER_CANCELLED; state++) {
        if (order_model_status((enum order_state)state) == status)
            count += counts->of[state];
    }
    return count;
}

struct opt_i64 batch_eta(const struct batch *batch, const struct batch_counts *counts,
                         int64_t now_us)
{
    int64_t ended = batch_count_of(counts, MODEL_COMPLETED) + batch_count_of(counts, MODEL_FAILED);
    int64_t left = batch_count_of(counts, MODEL_PENDING) +
                   batch_count_of(counts, MODEL_PROCESSING) - counts->of[ORDER_PARKED];
    int64_t age_us = now_us - batch->created_at.value;
    if (ended == 0 || left == 0 || age_us <= 0)
        return (struct opt_i64){0};
    return OPT_I64(now_us + (int64_t)((double)age_us * (double)left / (double)ended));
}
