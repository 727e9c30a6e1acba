// The statements on the jobs table by which people look at jobs and direct them.
#include "store/job_admin_store.h"

static struct sql_value kind_value(enum job_kind kind)
{
    return SQLV_TEXT(str_of(job_kind_names[kind]));
}

void job_store_get(struct sql_op *op, int64_t id, enum err when_none, struct job *job)
{
    static const struct sql_stmt stmt = {
        .name = "job_get",
        .text = "SELECT {columns} FROM sunlead_jobs WHERE id = $1",
        .table = &job_table,
    };
    struct sql_step *step = SQL_STEP(op, &stmt, SQLV_INT(id));
    step->on_row = row_take_object;
    step->ctx = row_into_new(op->arena, &job_table, job);
    step->when_none = when_none;
    step->none_message = "There is no such job.";
}

// ---- Filters.

#define FILTERED                                                                                   \
    "(CAST($1 AS TEXT) IS NULL OR kind = $1) AND (CAST($2 AS TEXT) IS NULL OR state = $2) "        \
    "AND (CAST($3 AS BIGINT) IS NULL OR company_id = $3) "                                         \
    "AND (CAST($4 AS BIGINT) IS NULL OR order_id = $4) "                                           \
    "AND (CAST($5 AS BIGINT) IS NULL OR id < $5) "

#define FILTER_PARAMS(filter)                                                                      \
    kind_value((filter)->kind), SQLV_TEXT(str_of(job_state_names[(filter)->state])),               \
        sql_value_opt_i64((filter)->company_id), sql_value_opt_i64((filter)->order_id),            \
        sql_value_opt_i64((filter)->before)

void job_store_list(struct sql_op *op, const struct job_filter *filter, struct row_list *list)
{
    static const struct sql_stmt stmt = {
        .name = "job_list",
        .text = "SELECT {columns} FROM sunlead_jobs WHERE " FILTERED "ORDER BY id DESC LIMIT $6",
        .table = &job_table,
    };
    struct sql_step *step =
        SQL_STEP(op, &stmt, FILTER_PARAMS(filter), SQLV_INT((int64_t)list->max));
    step->on_row = row_list_take;
    step->ctx = list;
}

// ---- Retry and cancel.

// Not where another job does the same for the order, nor where the order is not to be sent any
// more. Of several that ended only the last one comes back.
#define MAY_RETRY                                                                                  \
    "NOT EXISTS (SELECT 1 FROM sunlead_jobs o WHERE o.order_id = j.order_id AND o.kind = j.kind "  \
    "AND o.id <> j.id AND (o.state IN ('ready', 'running') "                                       \
    "OR (o.state IN ('dead', 'cancelled') AND o.id > j.id))) "                                     \
    "AND NOT (j.kind = 'order' AND EXISTS (SELECT 1 FROM sunlead_orders s "                        \
    "WHERE s.id = j.order_id AND s.state NOT IN ('requested', 'sending', 'unknown'))) "

#define RETRY                                                                                      \
    "UPDATE sunlead_jobs AS j SET state = 'ready', turn = 0, failures = 0, run_at = $6, "          \
    "updated_at = $6 WHERE "

void job_store_retry(struct sql_op *op, int64_t id, int64_t now_us)
{
    static const struct sql_stmt stmt = {
        .name = "job_retry",
        .text = "UPDATE sunlead_jobs AS j SET state = 'ready', "
                "turn = CASE WHEN j.state = 'ready' THEN j.turn ELSE 0 END, failures = 0, "
                "run_at = CASE WHEN j.state = 'ready' AND j.run_at < $2 THEN j.run_at ELSE $2 END, "
                "updated_at = $2 WHERE id = $1 AND state IN ('ready', 'dead', 'cancelled') "
                "AND " MAY_RETRY,
    };
    struct sql_step *step = SQL_STEP(op, &stmt, SQLV_INT(id), SQLV_TIME(now_us));
    step->when_none = ERR_CONFLICT;
    step->none_message = "The job cannot be retried: it runs, another one does the same for its "
                         "order, or the order that it was to send is not to be sent any more.";
}

struct sql_step *job_store_retry_all(struct sql_op *op, const struct job_filter *filter,
                                     int64_t now_us)
{
#define RETRIED                                                                                    \
    "SELECT id FROM sunlead_jobs j WHERE state IN ('dead', 'cancelled') AND " FILTERED             \
    "AND " MAY_RETRY "ORDER BY id DESC LIMIT $7"
    static const struct sql_stmt stmt = {
        .name = "job_retry_all",
        .text = RETRY "id = ANY (ARRAY(" RETRIED ")) AND state IN ('dead', 'cancelled')",
        .sqlite = RETRY "id IN (" RETRIED ")",
    };
    return SQL_STEP(op, &stmt, FILTER_PARAMS(filter), SQLV_TIME(now_us), SQLV_INT(JOB_RETRY_MAX));
}

void job_store_cancel(struct sql_op *op, int64_t id, int64_t now_us)
{
    static const struct sql_stmt stmt = {
        .name = "job_cancel",
        .text = "UPDATE sunlead_jobs SET state = 'cancelled', lease_until = NULL, worker = NULL, "
                "updated_at = $2 WHERE id = $1 AND state IN ('ready', 'running')",
    };
    struct sql_step *step = SQL_STEP(op, &stmt, SQLV_INT(id), SQLV_TIME(now_us));
    step->when_none = ERR_CONFLICT;
    step->none_message = "The job has ended already.";
}

void job_store_hasten(struct sql_op *op, int64_t from_us)
{
#define HASTEN(soon)                                                                               \
    "UPDATE sunlead_jobs SET run_at = " soon " FROM (SELECT j.id AS held, "                        \
    "row_number() OVER (ORDER BY j.run_at) - 1 AS nth FROM sunlead_jobs j "                        \
    "JOIN sunlead_orders o ON o.id = j.order_id WHERE j.state = 'ready' AND j.turn = 0 "           \
    "AND j.kind IN ('order', 'poll') AND j.run_at > $1 AND j.last_error IS NOT NULL "              \
    "AND o.failure = 'unavailable' ORDER BY j.run_at LIMIT $2) AS h "                              \
    "WHERE id = h.held AND state = 'ready'"
    static const struct sql_stmt stmt = {
        .name = "job_hasten",
        .text = HASTEN("least(run_at, $1 + h.nth * CAST($3 AS BIGINT) * INTERVAL '1 microsecond')"),
        .sqlite = HASTEN("min(run_at, $1 + h.nth * $3)"),
    };
    SQL_STEP(op, &stmt, SQLV_TIME(from_us), SQLV_INT(JOB_HASTEN_MAX),
             SQLV_INT(JOB_HASTEN_EVERY_US));
}

void job_store_hasten_files(struct sql_op *op, int64_t company_id, int64_t now_us)
{
    static const struct sql_stmt stmt = {
        .name = "job_hasten_files",
        .text = "UPDATE sunlead_jobs SET run_at = $2, updated_at = $2 WHERE state = 'ready' "
                "AND kind IN ('files', 'convert') AND run_at > $2 AND company_id = $1",
    };
    SQL_STEP(op, &stmt, SQLV_INT(company_id), SQLV_TIME(now_us));
}

// ---- What is too old.

void job_store_purge(struct sql_op *op, int64_t before_us)
{
#define OLD                                                                                        \
    "SELECT id FROM sunlead_jobs WHERE state IN ('dead', 'cancelled') AND updated_at < $1 "        \
    "ORDER BY updated_at LIMIT $2"
    static const struct sql_stmt stmt = {
        .name = "job_purge",
        .text = "DELETE FROM sunlead_jobs WHERE id = ANY (ARRAY(" OLD " FOR UPDATE SKIP LOCKED))",
        .sqlite = "DELETE FROM sunlead_jobs WHERE id IN (" OLD ")",
    };
    SQL_STEP(op, &stmt, SQLV_TIME(before_us), SQLV_INT(JOB_PURGE_MAX));
}

// ---- Kinds.

static const struct field job_kind_fields[] = {
    {FIELD_AS_ENUM(struct job_kind_state, kind, enum job_kind, job_kind_names)},
    {FIELD_AS_BOOL(struct job_kind_state, paused)},
    {FIELD_AS_TIME(struct job_kind_state, paused_at)},
    {FIELD_AS_STR(struct job_kind_state, paused_by, 200)},
    {FIELD_AS_I64(struct job_kind_state, ready)},
    {FIELD_AS_I64(struct job_kind_state, running)},
    {FIELD_AS_I64(struct job_kind_state, dead)},
    {FIELD_AS_TIME(struct job_kind_state, next_run_at)},
};

const struct field_table job_kind_table =
    FIELD_TABLE("job kind", job_kind_fields, struct job_kind_state);

struct kinds_into {
    struct arena *arena;
    struct job_kind_state *kinds;
};

// A kind of a newer program is not told of.
static struct job_kind_state *kind_of(const struct kinds_into *into, const struct sql_row *row)
{
    int kind = field_enum_parse(job_kind_names, sql_row_str(row, 0));
    return kind > JOB_NONE ? &into->kinds[kind] : NULL;
}

static void take_paused(void *ctx, const struct sql_row *row)
{
    const struct kinds_into *into = ctx;
    struct job_kind_state *kind = kind_of(into, row);
    if (kind == NULL)
        return;
    kind->paused = true;
    kind->paused_at = sql_row_opt_i64(row, 1);
    kind->paused_by = arena_str(into->arena, sql_row_str(row, 2));
}

static void take_count(void *ctx, const struct sql_row *row)
{
    struct job_kind_state *kind = kind_of(ctx, row);
    if (kind == NULL)
        return;
    switch ((enum job_state)field_enum_parse(job_state_names, sql_row_str(row, 1))) {
    case JOB_READY:
        kind->ready = sql_row_i64(row, 2);
        kind->next_run_at = sql_row_opt_i64(row, 3);
        break;
    case JOB_RUNNING:
        kind->running = sql_row_i64(row, 2);
        break;
    case JOB_DEAD:
        kind->dead = sql_row_i64(row, 2);
        break;
    case JOB_CANCELLED:
    case JOB_STATE_NONE:
        break;
    }
}

void job_store_kinds(struct sql_op *op, struct job_kind_state kinds[JOB_KIND_COUNT])
{
    static const struct sql_stmt paused = {
        .name = "job_kinds_paused",
        .text = "SELECT kind, paused_at, paused_by FROM sunlead_job_kinds",
    };
    static const struct sql_stmt counts = {
        .name = "job_kinds_count",
        .text = "SELECT kind, state, count(*), min(run_at) FROM sunlead_jobs GROUP BY kind, state",
    };
    struct kinds_into *into = arena_new(op->arena, struct kinds_into, 1);
    *into = (struct kinds_into){.arena = op->arena, .kinds = kinds};
    for (int kind = JOB_NONE + 1; kind < JOB_KIND_COUNT; kind++)
        kinds[kind] = (struct job_kind_state){.kind = (enum job_kind)kind};
    struct sql_step *step = sql_op_step(op, &paused, 0, NULL);
    step->on_row = take_paused;
    step->ctx = into;
    step = sql_op_step(op, &counts, 0, NULL);
    step->on_row = take_count;
    step->ctx = into;
}

void job_store_pause(struct sql_op *op, enum job_kind kind, struct str by, int64_t now_us)
{
    static const struct sql_stmt stmt = {
        .name = "job_pause",
        .text = "INSERT INTO sunlead_job_kinds (kind, paused_at, paused_by) VALUES ($1, $2, $3) "
                "ON CONFLICT DO NOTHING",
    };
    SQL_STEP(op, &stmt, kind_value(kind), SQLV_TIME(now_us), SQLV_TEXT(by));
}

void job_store_resume(struct sql_op *op, enum job_kind kind)
{
    static const struct sql_stmt stmt = {
        .name = "job_resume",
        .text = "DELETE FROM sunlead_job_kinds WHERE kind = $1",
    };
    SQL_STEP(op, &stmt, kind_value(kind));
}
