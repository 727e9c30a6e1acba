// The statement that reads generation times.
#include "store/history_store.h"

static void take_span(void *ctx, const struct sql_row *row)
{
    struct generation_history *history = ctx;
    int64_t created_us = sql_row_i64(row, 0);
    struct opt_i64 unfinished_at = sql_row_opt_i64(row, 1);
    if (history->count == GENERATION_SPANS_MAX)
        return;
    history->spans[history->count++] = (struct generation_span){
        .after_us = unfinished_at.set ? unfinished_at.value - created_us : 0,
        .by_us = sql_row_i64(row, 2) - created_us,
        .first = !unfinished_at.set,
    };
}

void history_store_get(struct sql_op *op, int64_t created_before_us,
                       struct generation_history *history)
{
    static const struct sql_stmt stmt = {
        .name = "history_get",
        .text = "SELECT created_at, unfinished_at, completed_at FROM sunlead_orders "
                "WHERE state = 'completed' AND answered AND created_at < $2 "
                "ORDER BY created_at DESC LIMIT $1",
    };
    history->count = 0;
    struct sql_step *step =
        SQL_STEP(op, &stmt, SQLV_INT(GENERATION_SPANS_MAX), SQLV_TIME(created_before_us));
    step->on_row = take_span;
    step->ctx = history;
}
