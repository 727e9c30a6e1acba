// The statements on the upstreams table, which has one row.
#include "store/upstream_store.h"

static void take_calls(void *ctx, const struct sql_row *row)
{
    struct budget_grant *grant = ctx;
    grant->calls = sql_row_i64(row, 0);
}

static void take_free(void *ctx, const struct sql_row *row)
{
    struct budget_grant *grant = ctx;
    grant->free_at_us = sql_row_i64(row, 0);
}

void upstream_store_lease(struct sql_op *op, const struct budget_request *request,
                          struct budget_grant *grant)
{
    // $2 is the time from which calls are saved up. Calls go at free_us, free_us + $3, ...
    static const struct sql_stmt lease = {
        .name = "upstream_lease",
        .text = "UPDATE sunlead_upstreams SET "
                "leased = LEAST($4, ($1 - GREATEST(free_us, $2)) / $3 + 1), "
                "free_us = GREATEST(free_us, $2) + "
                "$3 * LEAST($4, ($1 - GREATEST(free_us, $2)) / $3 + 1) "
                "WHERE name = 'lightfusion' AND free_us <= $1 RETURNING leased",
        .sqlite = "UPDATE sunlead_upstreams SET "
                  "leased = min($4, ($1 - max(free_us, $2)) / $3 + 1), "
                  "free_us = max(free_us, $2) + "
                  "$3 * min($4, ($1 - max(free_us, $2)) / $3 + 1) "
                  "WHERE name = 'lightfusion' AND free_us <= $1 RETURNING leased",
    };
    static const struct sql_stmt look = {
        .name = "upstream_free",
        .text = "SELECT free_us FROM sunlead_upstreams WHERE name = 'lightfusion'",
    };
    *grant = (struct budget_grant){0};
    struct sql_step *step = SQL_STEP(op, &lease, SQLV_INT(request->now_us),
                                     SQLV_INT(request->now_us - request->burst_us),
                                     SQLV_INT(request->every_us), SQLV_INT(request->wanted));
    step->on_row = take_calls;
    step->ctx = grant;
    step = sql_op_step(op, &look, 0, NULL);
    step->on_row = take_free;
    step->ctx = grant;
}

void upstream_store_isolate(struct sql_op *op, int64_t now_us)
{
    static const struct sql_stmt stmt = {
        .name = "upstream_isolate",
        .text = "UPDATE sunlead_upstreams SET isolated_at = $1 "
                "WHERE name = 'lightfusion' AND isolated_at IS NULL",
    };
    SQL_STEP(op, &stmt, SQLV_TIME(now_us));
}

void upstream_store_restore(struct sql_op *op)
{
    static const struct sql_stmt stmt = {
        .name = "upstream_restore",
        .text = "UPDATE sunlead_upstreams SET isolated_at = NULL WHERE name = 'lightfusion'",
    };
    sql_op_step(op, &stmt, 0, NULL);
}

static void take_isolated(void *ctx, const struct sql_row *row)
{
    struct opt_i64 *isolated_at = ctx;
    *isolated_at = sql_row_opt_i64(row, 0);
}

void upstream_store_get(struct sql_op *op, struct opt_i64 *isolated_at)
{
    static const struct sql_stmt stmt = {
        .name = "upstream_get",
        .text = "SELECT isolated_at FROM sunlead_upstreams WHERE name = 'lightfusion'",
    };
    *isolated_at = (struct opt_i64){0};
    struct sql_step *step = sql_op_step(op, &stmt, 0, NULL);
    step->on_row = take_isolated;
    step->ctx = isolated_at;
}
