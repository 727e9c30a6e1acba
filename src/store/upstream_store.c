// The statements on the upstreams table, which has one row.
#include "store/upstream_store.h"

static void take_calls(void *ctx, const struct sql_row *row)
{
    struct budget_grant *grant = ctx;
    grant->calls = sql_row_i64(row, 0);
}

static void take_wait(void *ctx, const struct sql_row *row)
{
    struct budget_grant *grant = ctx;
    grant->wait_us = sql_row_i64(row, 0);
}

// $1 is a time that is given instead of the clock's, in microseconds.
#define NOW                                                                                        \
    "coalesce(CAST($1 AS BIGINT), CAST(extract(epoch FROM clock_timestamp()) * 1000000 AS "        \
    "BIGINT))"
#define NOW_SQLITE "coalesce($1, CAST((julianday('now') - 2440587.5) * 86400000000 AS INTEGER))"

// From when on calls count: what was not used is saved up for $2. No more than a minute of the
// future is ever taken: what lies behind comes of a clock that was wrong.
#define FROM(greatest)                                                                             \
    greatest "(CASE WHEN free_us > now_us + 60000000 THEN now_us ELSE free_us END, now_us - $2)"

// Calls go at that time, $3 after it, and so on.
#define CALLS(least, greatest) least "($4, (now_us - " FROM(greatest) ") / $3 + 1)"

#define LEASE(now, least, greatest)                                                                \
    "UPDATE sunlead_upstreams SET leased = " CALLS(least, greatest) ", free_us = " FROM(           \
        greatest) " + $3 * " CALLS(least, greatest) " FROM (SELECT " now " AS now_us) AS clock "   \
                                                    "WHERE name = 'lightfusion' AND " FROM(        \
                                                        greatest) " <= now_us RETURNING leased"

void upstream_store_lease(struct sql_op *op, const struct budget_request *request,
                          struct budget_grant *grant)
{
    static const struct sql_stmt lease = {
        .name = "upstream_lease",
        .text = LEASE(NOW, "LEAST", "GREATEST"),
        .sqlite = LEASE(NOW_SQLITE, "min", "max"),
    };
    static const struct sql_stmt look = {
        .name = "upstream_free",
        .text = "SELECT free_us - " NOW " FROM sunlead_upstreams WHERE name = 'lightfusion'",
        .sqlite =
            "SELECT free_us - " NOW_SQLITE " FROM sunlead_upstreams WHERE name = 'lightfusion'",
    };
    *grant = (struct budget_grant){0};
    struct sql_step *step =
        SQL_STEP(op, &lease, sql_value_opt_i64(request->now_us), SQLV_INT(request->burst_us),
                 SQLV_INT(request->every_us), SQLV_INT(request->wanted));
    step->on_row = take_calls;
    step->ctx = grant;
    step = SQL_STEP(op, &look, sql_value_opt_i64(request->now_us));
    step->on_row = take_wait;
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
