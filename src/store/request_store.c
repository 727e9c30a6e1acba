// The statements on the requests table.
#include "store/request_store.h"

#include "store/row_into.h"

static const struct field request_fields[] = {
    {FIELD_AS_STR(struct stored_request, id, 0)},
    {FIELD_AS_STR(struct stored_request, fingerprint, 0)},
    {FIELD_AS_I64(struct stored_request, op_id)},
    {FIELD_AS_OPT_I64(struct stored_request, status)},
    {FIELD_AS_STR(struct stored_request, location, 0)},
    {FIELD_AS_STR(struct stored_request, answer, 0)},
    {FIELD_AS_TIME(struct stored_request, created_at)},
};

static const struct field_table request_table =
    FIELD_TABLE("request", request_fields, struct stored_request);

void request_store_get(struct sql_op *op, struct str id, int64_t expired_us,
                       struct stored_request *ret_row)
{
    static const struct sql_stmt stmt = {
        .name = "request_get",
        .text = "SELECT {columns} FROM sunlead_requests WHERE id = $1 AND created_at > $2",
        .table = &request_table,
    };
    struct sql_step *step = SQL_STEP(op, &stmt, SQLV_TEXT(id), SQLV_TIME(expired_us));
    step->on_row = row_take_object;
    step->ctx = row_into_new(op->arena, &request_table, ret_row);
}

void request_store_add(struct sql_op *op, const struct stored_request *row,
                       const struct request_claim *claim)
{
    // An operation that is repeated finds its own row, where the first try had nothing to do but
    // that.
    static const struct sql_stmt stmt = {
        .name = "request_add",
        .text = "INSERT INTO sunlead_requests AS r (id, fingerprint, op_id, created_at) "
                "VALUES ($1, $2, $3, $4) ON CONFLICT (id) DO UPDATE "
                "SET fingerprint = excluded.fingerprint, op_id = excluded.op_id, status = NULL, "
                "location = NULL, answer = NULL, created_at = excluded.created_at, "
                "answered_at = NULL "
                "WHERE r.op_id = excluded.op_id OR r.created_at <= $5 OR r.op_id = $6",
    };
    struct sql_step *step = SQL_STEP(op, &stmt, SQLV_TEXT(row->id), SQLV_TEXT(row->fingerprint),
                                     SQLV_INT(row->op_id), sql_value_opt_time(row->created_at),
                                     SQLV_TIME(claim->expired_us), SQLV_INT(claim->replaces_op));
    step->when_none = ERR_STALE;
    step->none_message = "The key is taken by another request.";
}

void request_store_answer(struct sql_op *op, const struct stored_request *row, int64_t now_us)
{
    static const struct sql_stmt stmt = {
        .name = "request_answer",
        .text = "UPDATE sunlead_requests SET status = $3, location = $4, answer = $5, "
                "answered_at = $6 WHERE id = $1 AND op_id = $2 AND status IS NULL",
    };
    SQL_STEP(op, &stmt, SQLV_TEXT(row->id), SQLV_INT(row->op_id), sql_value_opt_i64(row->status),
             SQLV_TEXT(row->location), SQLV_TEXT(row->answer), SQLV_TIME(now_us));
}

void request_store_drop(struct sql_op *op, const struct stored_request *row)
{
    static const struct sql_stmt stmt = {
        .name = "request_drop",
        .text = "DELETE FROM sunlead_requests WHERE id = $1 AND op_id = $2 AND status IS NULL",
    };
    SQL_STEP(op, &stmt, SQLV_TEXT(row->id), SQLV_INT(row->op_id));
}

void request_store_purge(struct sql_op *op, int64_t expired_us, int64_t max)
{
    static const struct sql_stmt stmt = {
        .name = "request_purge",
        .text = "DELETE FROM sunlead_requests WHERE id = ANY (ARRAY(SELECT id "
                "FROM sunlead_requests WHERE created_at <= $1 ORDER BY created_at LIMIT $2 "
                "FOR UPDATE SKIP LOCKED))",
        .sqlite = "DELETE FROM sunlead_requests WHERE id IN (SELECT id FROM sunlead_requests "
                  "WHERE created_at <= $1 ORDER BY created_at LIMIT $2)",
    };
    SQL_STEP(op, &stmt, SQLV_TIME(expired_us), SQLV_INT(max));
}
