// The statements on the jobs table.
#include "store/job_store.h"

static struct sql_value kind_value(enum job_kind kind)
{
    return SQLV_TEXT(str_of(job_kind_names[kind]));
}

void job_store_add(struct sql_op *op, const struct job *job)
{
    static const struct sql_stmt stmt = {
        .name = "job_add",
        .text = "INSERT INTO sunlead_jobs AS j "
                "(kind, order_id, company_id, state, attempt, run_at, created_at, updated_at) "
                "VALUES ($1, $2, $3, 'ready', 0, $4, $5, $5) "
                "ON CONFLICT (order_id, kind) WHERE state IN ('ready', 'running') DO UPDATE "
                "SET run_at = excluded.run_at, updated_at = excluded.updated_at "
                "WHERE j.state = 'ready' AND j.run_at > excluded.run_at",
    };
    SQL_STEP(op, &stmt, kind_value(job->kind), SQLV_INT(job->order_id), SQLV_INT(job->company_id),
             sql_value_opt_time(job->run_at), sql_value_opt_time(job->created_at));
}

void job_store_add_for_new_order(struct sql_op *op, enum job_kind kind, int64_t op_id,
                                 int64_t now_us)
{
    static const struct sql_stmt stmt = {
        .name = "job_add_for_new_order",
        .text = "INSERT INTO sunlead_jobs "
                "(kind, order_id, company_id, state, attempt, run_at, created_at, updated_at) "
                "SELECT $1, id, company_id, 'ready', 0, $3, $3, $3 "
                "FROM sunlead_orders WHERE op_id = $2",
    };
    SQL_STEP(op, &stmt, kind_value(kind), SQLV_INT(op_id), SQLV_TIME(now_us));
}

void job_store_add_for_completed_order(struct sql_op *op, enum job_kind kind, int64_t op_id,
                                       int64_t now_us)
{
    static const struct sql_stmt stmt = {
        .name = "job_add_for_completed_order",
        .text = "INSERT INTO sunlead_jobs "
                "(kind, order_id, company_id, state, attempt, run_at, created_at, updated_at) "
                "SELECT $1, id, company_id, 'ready', 0, $3, $3, $3 "
                "FROM sunlead_orders WHERE op_id = $2 AND state = 'completed'",
    };
    SQL_STEP(op, &stmt, kind_value(kind), SQLV_INT(op_id), SQLV_TIME(now_us));
}

void job_store_claim(struct sql_op *op, const struct job_claim *claim, struct row_list *list)
{
    static const struct sql_stmt stmt = {
        .name = "job_claim",
        .text = "UPDATE sunlead_jobs SET state = 'running', attempt = attempt + 1, "
                "worker = $1, lease_until = $3, updated_at = $2 "
                "WHERE id = ANY (ARRAY(SELECT id FROM sunlead_jobs WHERE state = 'ready' "
                "AND run_at <= $2 AND kind IN (SELECT json_array_elements_text($5::json)) "
                "ORDER BY run_at LIMIT $4 FOR UPDATE SKIP LOCKED)) RETURNING {columns}",
        .sqlite = "UPDATE sunlead_jobs SET state = 'running', attempt = attempt + 1, "
                  "worker = $1, lease_until = $3, updated_at = $2 "
                  "WHERE id IN (SELECT id FROM sunlead_jobs WHERE state = 'ready' "
                  "AND run_at <= $2 AND kind IN (SELECT value FROM json_each($5)) "
                  "ORDER BY run_at LIMIT $4) RETURNING {columns}",
        .table = &job_table,
    };
    struct sql_step *step = SQL_STEP(op, &stmt, SQLV_INT(claim->worker), SQLV_TIME(claim->now_us),
                                     SQLV_TIME(claim->lease_until_us), SQLV_INT((int64_t)list->max),
                                     SQLV_TEXT(claim->kinds));
    step->on_row = row_list_take;
    step->ctx = list;
}

static void fail_without_lease(struct sql_step *step)
{
    step->when_none = ERR_CANCELLED;
    step->none_message = "The job's lease was lost.";
}

void job_store_finish(struct sql_op *op, const struct job *job)
{
    static const struct sql_stmt stmt = {
        .name = "job_finish",
        .text = "DELETE FROM sunlead_jobs WHERE id = $1 AND attempt = $2 AND state = 'running'",
    };
    fail_without_lease(SQL_STEP(op, &stmt, SQLV_INT(job->id), SQLV_INT(job->attempt)));
}

void job_store_reschedule(struct sql_op *op, const struct job *job, int64_t now_us)
{
    static const struct sql_stmt stmt = {
        .name = "job_reschedule",
        .text = "UPDATE sunlead_jobs SET state = 'ready', run_at = $3, last_error = $4, "
                "lease_until = NULL, worker = NULL, updated_at = $5 "
                "WHERE id = $1 AND attempt = $2 AND state = 'running'",
    };
    fail_without_lease(SQL_STEP(op, &stmt, SQLV_INT(job->id), SQLV_INT(job->attempt),
                                sql_value_opt_time(job->run_at), SQLV_TEXT(job->last_error),
                                SQLV_TIME(now_us)));
}

void job_store_heartbeat(struct sql_op *op, int64_t worker, struct str ids, int64_t lease_until_us)
{
    static const struct sql_stmt stmt = {
        .name = "job_heartbeat",
        .text = "UPDATE sunlead_jobs SET lease_until = $3 WHERE state = 'running' AND worker = $1 "
                "AND id IN (SELECT value::bigint FROM json_array_elements_text($2::json))",
        .sqlite = "UPDATE sunlead_jobs SET lease_until = $3 WHERE state = 'running' "
                  "AND worker = $1 AND id IN (SELECT value FROM json_each($2))",
    };
    SQL_STEP(op, &stmt, SQLV_INT(worker), SQLV_TEXT(ids), SQLV_TIME(lease_until_us));
}

void job_store_rescue(struct sql_op *op, int64_t now_us)
{
    // What somebody is changing just now is not lost: two runners that renew their leases at once
    // after an outage do not wait for each other.
    static const struct sql_stmt stmt = {
        .name = "job_rescue",
        .text = "UPDATE sunlead_jobs SET state = 'ready', run_at = $1, lease_until = NULL, "
                "worker = NULL, updated_at = $1 "
                "WHERE id = ANY (ARRAY(SELECT id FROM sunlead_jobs WHERE state = 'running' "
                "AND lease_until < $1 FOR UPDATE SKIP LOCKED))",
        .sqlite = "UPDATE sunlead_jobs SET state = 'ready', run_at = $1, lease_until = NULL, "
                  "worker = NULL, updated_at = $1 WHERE state = 'running' AND lease_until < $1",
    };
    SQL_STEP(op, &stmt, SQLV_TIME(now_us));
}

void job_store_rescue_all(struct sql_op *op, int64_t now_us)
{
    static const struct sql_stmt stmt = {
        .name = "job_rescue_all",
        .text = "UPDATE sunlead_jobs SET state = 'ready', run_at = $1, lease_until = NULL, "
                "worker = NULL, updated_at = $1 WHERE state = 'running'",
    };
    SQL_STEP(op, &stmt, SQLV_TIME(now_us));
}

void job_store_release(struct sql_op *op, int64_t worker, int64_t now_us)
{
    static const struct sql_stmt stmt = {
        .name = "job_release",
        .text = "UPDATE sunlead_jobs SET state = 'ready', run_at = $2, lease_until = NULL, "
                "worker = NULL, updated_at = $2 WHERE state = 'running' AND worker = $1",
    };
    SQL_STEP(op, &stmt, SQLV_INT(worker), SQLV_TIME(now_us));
}

static void take_next(void *ctx, const struct sql_row *row)
{
    struct job_summary *summary = ctx;
    summary->next_run_at = sql_row_opt_i64(row, 0);
}

void job_store_next(struct sql_op *op, struct str kinds, struct job_summary *summary)
{
    static const struct sql_stmt stmt = {
        .name = "job_next",
        .text = "SELECT run_at FROM sunlead_jobs WHERE state = 'ready' "
                "AND kind IN (SELECT json_array_elements_text($1::json)) "
                "ORDER BY run_at LIMIT 1",
        .sqlite = "SELECT run_at FROM sunlead_jobs WHERE state = 'ready' "
                  "AND kind IN (SELECT value FROM json_each($1)) ORDER BY run_at LIMIT 1",
    };
    struct sql_step *step = SQL_STEP(op, &stmt, SQLV_TEXT(kinds));
    step->on_row = take_next;
    step->ctx = summary;
}

static void take_count(void *ctx, const struct sql_row *row)
{
    struct job_summary *summary = ctx;
    switch ((enum job_state)field_enum_parse(job_state_names, sql_row_str(row, 0))) {
    case JOB_READY:
        summary->ready = sql_row_i64(row, 1);
        break;
    case JOB_RUNNING:
        summary->running = sql_row_i64(row, 1);
        break;
    case JOB_DEAD:
        summary->dead = sql_row_i64(row, 1);
        break;
    case JOB_STATE_NONE:
        break;
    }
}

void job_store_summary(struct sql_op *op, struct job_summary *summary)
{
    static const struct sql_stmt stmt = {
        .name = "job_summary",
        .text = "SELECT state, count(*) FROM sunlead_jobs GROUP BY state",
    };
    struct sql_step *step = sql_op_step(op, &stmt, 0, NULL);
    step->on_row = take_count;
    step->ctx = summary;
    static const struct sql_stmt next = {
        .name = "job_next_of_all",
        .text = "SELECT min(run_at) FROM sunlead_jobs WHERE state = 'ready'",
    };
    step = sql_op_step(op, &next, 0, NULL);
    step->on_row = take_next;
    step->ctx = summary;
}
