// The statements on the jobs table by which jobs are queued and worked off.
#include "store/job_store.h"

#include <assert.h>

#include "base/buf.h"
#include "base/clock.h"

static struct sql_value kind_value(enum job_kind kind)
{
    return SQLV_TEXT(str_of(job_kind_names[kind]));
}

// ---- Queueing.

#define ADD                                                                                        \
    "INSERT INTO sunlead_jobs AS j (kind, order_id, company_id, state, priority, turn, attempt, "  \
    "failures, run_at, created_at, updated_at) "                                                   \
    "VALUES ($1, $2, $3, 'ready', $6, 0, 0, 0, $4, $5, $5) "                                       \
    "ON CONFLICT (order_id, kind) WHERE state IN ('ready', 'running') DO UPDATE "

static void add_step(struct sql_op *op, const struct sql_stmt *stmt, const struct job *job)
{
    SQL_STEP(op, stmt, kind_value(job->kind), SQLV_INT(job->order_id), SQLV_INT(job->company_id),
             sql_value_opt_time(job->run_at), sql_value_opt_time(job->created_at),
             SQLV_INT(job->priority));
}

void job_store_add(struct sql_op *op, const struct job *job)
{
    static const struct sql_stmt stmt = {
        .name = "job_add",
        .text = ADD "SET run_at = excluded.run_at, priority = excluded.priority, "
                    "updated_at = excluded.updated_at WHERE j.state = 'ready' "
                    "AND j.run_at > excluded.run_at",
    };
    add_step(op, &stmt, job);
}

// A job that runs was due before it was claimed, which is when it was last updated. One that is due
// after that is to run once more.
#define IS_AGAIN "run_at > updated_at"

void job_store_add_once_more(struct sql_op *op, const struct job *job)
{
#define ADD_ONCE_MORE(greatest, microsecond)                                                       \
    ADD "SET run_at = CASE WHEN j.state = 'ready' THEN excluded.run_at "                           \
        "ELSE " greatest "(excluded.run_at, j.updated_at + " microsecond ") END, "                 \
        "updated_at = CASE WHEN j.state = 'ready' THEN excluded.updated_at ELSE j.updated_at END " \
        "WHERE j.state = 'running' OR j.run_at > excluded.run_at"
    static const struct sql_stmt stmt = {
        .name = "job_add_once_more",
        .text = ADD_ONCE_MORE("greatest", "INTERVAL '1 microsecond'"),
        .sqlite = ADD_ONCE_MORE("max", "1"),
    };
    check(job_kind_rules[job->kind].runs_once_more);
    add_step(op, &stmt, job);
}

// Start-time fair queueing: the turn of a newcomer is that of who is next of all, so that it
// catches up with those who have waited, or the one behind the last of its own company, so that it
// gets no more than its share. The turn before it; 0 where nobody waits.
#define TURN_BEFORE(greatest, kind, priority, company)                                             \
    greatest "(coalesce((SELECT turn FROM sunlead_jobs WHERE state = 'ready' AND turn > 0 "        \
             "AND kind = " kind " AND priority = " priority " ORDER BY turn LIMIT 1), 1) - 1, "    \
             "coalesce((SELECT turn FROM sunlead_jobs WHERE state = 'ready' AND turn > 0 "         \
             "AND kind = " kind " AND priority = " priority " AND company_id = " company           \
             " ORDER BY turn DESC LIMIT 1), 0))"

#define ADD_COLUMNS                                                                                \
    "INSERT INTO sunlead_jobs (kind, order_id, company_id, state, priority, turn, attempt, "       \
    "failures, run_at, created_at, updated_at) "

void job_store_add_for_new_order(struct sql_op *op, enum job_kind kind, int64_t op_id,
                                 enum job_priority priority, int64_t now_us)
{
#define ADD_FOR_NEW_ORDER(greatest)                                                                \
    ADD_COLUMNS                                                                                    \
    "SELECT CAST($1 AS TEXT), o.id, o.company_id, 'ready', CAST($4 AS BIGINT), " TURN_BEFORE(      \
        greatest, "$1", "$4", "o.company_id") " + 1, 0, 0, $3, $3, $3 "                            \
                                              "FROM sunlead_orders o WHERE o.op_id = $2"
    static const struct sql_stmt stmt = {
        .name = "job_add_for_new_order",
        .text = ADD_FOR_NEW_ORDER("greatest"),
        .sqlite = ADD_FOR_NEW_ORDER("max"),
    };
    check(job_kind_rules[kind].takes_turns);
    SQL_STEP(op, &stmt, kind_value(kind), SQLV_INT(op_id), SQLV_TIME(now_us), SQLV_INT(priority));
}

void job_store_add_for_new_orders(struct sql_op *op, enum job_kind kind, struct str op_ids,
                                  enum job_priority priority, int64_t now_us)
{
    // The turn before is one and the same for all of a company.
#define ADD_FOR_NEW_ORDERS(greatest, ids)                                                          \
    ADD_COLUMNS "SELECT CAST($1 AS TEXT), o.id, o.company_id, 'ready', CAST($4 AS BIGINT), "       \
                "c.before + row_number() OVER (PARTITION BY o.company_id ORDER BY o.id), 0, 0, "   \
                "$3, $3, $3 "                                                                      \
                "FROM sunlead_orders o JOIN (SELECT company_id, " TURN_BEFORE(                     \
                    greatest, "$1", "$4",                                                          \
                    "n.company_id") " AS before "                                                  \
                                    "FROM (SELECT DISTINCT company_id FROM sunlead_orders WHERE "  \
                                    "op_id IN (" ids ")) n) c "                                    \
                                    "ON c.company_id = o.company_id WHERE o.op_id IN (" ids ")"
    static const struct sql_stmt stmt = {
        .name = "job_add_for_new_orders",
        .text = ADD_FOR_NEW_ORDERS(
            "greatest",
            "SELECT CAST(value AS BIGINT) FROM json_array_elements_text(CAST($2 AS JSON))"),
        .sqlite = ADD_FOR_NEW_ORDERS("max", "SELECT value FROM json_each($2)"),
    };
    check(job_kind_rules[kind].takes_turns);
    SQL_STEP(op, &stmt, kind_value(kind), SQLV_TEXT(op_ids), SQLV_TIME(now_us), SQLV_INT(priority));
}

void job_store_add_for_completed_order(struct sql_op *op, enum job_kind kind, int64_t op_id,
                                       int64_t now_us)
{
    static const struct sql_stmt stmt = {
        .name = "job_add_for_completed_order",
        .text = ADD_COLUMNS "SELECT $1, id, company_id, 'ready', 0, 0, 0, 0, $3, $3, $3 "
                            "FROM sunlead_orders WHERE op_id = $2 AND state = 'completed'",
    };
    SQL_STEP(op, &stmt, kind_value(kind), SQLV_INT(op_id), SQLV_TIME(now_us));
}

// ---- Claiming.

void job_store_take_turns(struct sql_op *op, enum job_kind kind, int64_t now_us)
{
#define TAKE_TURNS(greatest, lock)                                                                 \
    "UPDATE sunlead_jobs SET turn = t.before + t.nth, updated_at = $2 FROM (SELECT w.id AS due, "  \
    "row_number() OVER (PARTITION BY w.company_id, w.priority ORDER BY w.run_at) AS "              \
    "nth, " TURN_BEFORE(greatest, "$1", "w.priority",                                              \
                        "w.company_id") " AS before "                                              \
                                        "FROM (SELECT id, company_id, priority, run_at FROM "      \
                                        "sunlead_jobs WHERE state = 'ready' "                      \
                                        "AND turn = 0 AND kind = $1 AND run_at <= $2 ORDER BY "    \
                                        "run_at LIMIT 1000" lock ") w) t "                         \
                                        "WHERE id = t.due"
    static const struct sql_stmt stmt = {
        .name = "job_take_turns",
        .text = TAKE_TURNS("greatest", " FOR UPDATE SKIP LOCKED"),
        .sqlite = TAKE_TURNS("max", ""),
    };
    SQL_STEP(op, &stmt, kind_value(kind), SQLV_TIME(now_us));
}

void job_store_claim_lock(struct sql_op *op)
{
    static const struct sql_stmt stmt = {
        .name = "job_claim_lock",
        .text = "SELECT pg_advisory_xact_lock(1937075820, "
                "CAST(CAST('sunlead_jobs' AS REGCLASS) AS INT))",
        .sqlite = "SELECT 1", // writes are one after the other
    };
    sql_op_step(op, &stmt, 0, NULL);
}

// The kind as a key, null where it is paused: so that no more than the index's end is looked at,
// however many wait.
#define KIND_IF_ON                                                                                 \
    "kind = (SELECT CAST($5 AS TEXT) WHERE NOT EXISTS "                                            \
    "(SELECT 1 FROM sunlead_job_kinds p WHERE p.kind = $5)) "

#define CLAIM                                                                                      \
    "UPDATE sunlead_jobs SET state = 'running', attempt = attempt + 1, worker = $1, "              \
    "lease_until = $3, updated_at = $2 WHERE id "

// Those next in turn: what is due is in line, whatever the clocks say.
#define NEXT_IN_TURN                                                                               \
    "SELECT id FROM sunlead_jobs WHERE state = 'ready' AND turn > 0 AND " KIND_IF_ON               \
    "ORDER BY priority, turn, run_at LIMIT $4"

// Those due for longest.
#define NEXT_DUE                                                                                   \
    "SELECT id FROM sunlead_jobs WHERE state = 'ready' AND turn = 0 AND " KIND_IF_ON               \
    "AND run_at <= $2 ORDER BY run_at LIMIT $4"

// Those next in turn, of companies that have less than $6 running. The claim comes again until it
// finds nothing, so it need not look at all that wait.
#define NEXT_BELOW_CAP                                                                             \
    "SELECT id FROM (SELECT id, company_id, priority, turn, run_at, "                              \
    "row_number() OVER (PARTITION BY company_id ORDER BY priority, turn, run_at) AS nth "          \
    "FROM (SELECT id, company_id, priority, turn, run_at FROM sunlead_jobs "                       \
    "WHERE state = 'ready' AND turn > 0 AND " KIND_IF_ON "AND company_id NOT IN "                  \
    "(SELECT company_id FROM sunlead_jobs WHERE state = 'running' AND kind = $5 "                  \
    "GROUP BY company_id HAVING count(*) >= $6) "                                                  \
    "ORDER BY priority, turn, run_at LIMIT 4 * CAST($4 AS BIGINT)) AS candidate) AS w "            \
    "WHERE nth + (SELECT count(*) FROM sunlead_jobs r WHERE r.state = 'running' "                  \
    "AND r.kind = $5 AND r.company_id = w.company_id) <= $6 "                                      \
    "ORDER BY priority, turn, run_at LIMIT $4"

// Beside a condition on the id: said so that the planner does not see that a partial index holds
// just these rows, which it would read as a whole.
#define STATE_IS(state) "coalesce(state, '') = '" state "' "

#define ARRAY_OF(query) "= ANY (ARRAY(" query ")) "
#define SKIP_LOCKED     " FOR UPDATE SKIP LOCKED"

static const struct sql_stmt claim_turns = {
    .name = "job_claim_turns",
    .text = CLAIM ARRAY_OF(NEXT_IN_TURN SKIP_LOCKED) "RETURNING {columns}",
    .sqlite = CLAIM "IN (" NEXT_IN_TURN ") RETURNING {columns}",
    .table = &job_table,
};

static const struct sql_stmt claim_due = {
    .name = "job_claim_due",
    .text = CLAIM ARRAY_OF(NEXT_DUE SKIP_LOCKED) "RETURNING {columns}",
    .sqlite = CLAIM "IN (" NEXT_DUE ") RETURNING {columns}",
    .table = &job_table,
};

static const struct sql_stmt claim_capped = {
    .name = "job_claim_capped",
    .text = CLAIM ARRAY_OF("SELECT id FROM sunlead_jobs WHERE " STATE_IS(
        "ready") "AND id " ARRAY_OF(NEXT_BELOW_CAP) SKIP_LOCKED) "RETURNING {columns}",
    .sqlite = CLAIM "IN (" NEXT_BELOW_CAP ") RETURNING {columns}",
    .table = &job_table,
};

void job_store_claim(struct sql_op *op, const struct job_claim *claim, enum job_kind kind,
                     size_t max, struct row_list *list)
{
    const struct sql_value params[] = {
        SQLV_INT(claim->worker), SQLV_TIME(claim->now_us), SQLV_TIME(claim->lease_until_us),
        SQLV_INT((int64_t)max),  kind_value(kind),         SQLV_INT(claim->company_max),
    };
    bool is_capped = job_kind_rules[kind].takes_turns && claim->company_max > 0;
    const struct sql_stmt *stmt = job_kind_rules[kind].takes_turns ? &claim_turns : &claim_due;
    struct sql_step *step = sql_op_step(op, is_capped ? &claim_capped : stmt,
                                        COUNT_OF(params) - (is_capped ? 0 : 1), params);
    step->on_row = row_list_take;
    step->ctx = list;
}

static void take_next(void *ctx, const struct sql_row *row)
{
    struct opt_i64 *next_run_at = ctx;
    *next_run_at = sql_row_opt_i64(row, 0);
}

void job_store_next(struct sql_op *op, struct str kinds, int64_t now_us,
                    struct opt_i64 *next_run_at)
{
    // One step down an index for each kind.
#define NEXT_OF_KIND                                                                               \
    "SELECT min((SELECT min(run_at) FROM sunlead_jobs WHERE state = 'ready' AND turn = 0 "         \
    "AND kind = value AND run_at > $2)) FROM "
    static const struct sql_stmt stmt = {
        .name = "job_next",
        .text = NEXT_OF_KIND "json_array_elements_text(CAST($1 AS JSON))",
        .sqlite = NEXT_OF_KIND "json_each($1)",
    };
    struct sql_step *step = SQL_STEP(op, &stmt, SQLV_TEXT(kinds), SQLV_TIME(now_us));
    step->on_row = take_next;
    step->ctx = next_run_at;
}

// ---- The end of a run.

static void fail_without_lease(struct sql_step *step)
{
    step->when_none = ERR_CANCELLED;
    step->none_message = "The job's lease was lost.";
}

// Gives a job back that was asked for again while it ran.
static struct sql_step *run_once_more(struct sql_op *op, struct job *job)
{
    static const struct sql_stmt stmt = {
        .name = "job_run_once_more",
        .text = "UPDATE sunlead_jobs SET state = CASE WHEN " IS_AGAIN " THEN 'ready' ELSE state "
                "END, failures = 0, "
                "lease_until = CASE WHEN " IS_AGAIN " THEN NULL ELSE lease_until END, "
                "worker = CASE WHEN " IS_AGAIN " THEN NULL ELSE worker END "
                "WHERE id = $1 AND attempt = $2 AND state = 'running' "
                "RETURNING CASE WHEN state = 'ready' THEN run_at END",
    };
    struct sql_step *step = SQL_STEP(op, &stmt, SQLV_INT(job->id), SQLV_INT(job->attempt));
    step->on_row = take_next;
    step->ctx = &job->run_at;
    return step;
}

void job_store_finish(struct sql_op *op, struct job *job)
{
    static const struct sql_stmt stmt = {
        .name = "job_finish",
        .text = "DELETE FROM sunlead_jobs WHERE id = $1 AND attempt = $2 AND state = 'running'",
    };
    bool is_asked_again = job_kind_rules[job->kind].runs_once_more;
    if (is_asked_again)
        fail_without_lease(run_once_more(op, job));
    struct sql_step *step = SQL_STEP(op, &stmt, SQLV_INT(job->id), SQLV_INT(job->attempt));
    if (!is_asked_again)
        fail_without_lease(step);
}

void job_store_finish_all(struct sql_op *op, struct str jobs)
{
#define FINISHED                                                                                   \
    "SELECT CAST(value ->> 0 AS BIGINT), CAST(value ->> 1 AS BIGINT) "                             \
    "FROM json_array_elements(CAST($1 AS JSON))"
    static const struct sql_stmt stmt = {
        .name = "job_finish_all",
        // By the ids first, so that the table is never read as a whole.
        .text = "DELETE FROM sunlead_jobs WHERE " STATE_IS("running") "AND id " ARRAY_OF(
            "SELECT CAST(value ->> 0 AS BIGINT) FROM json_array_elements(CAST($1 AS "
            "JSON))") "AND (id, attempt) IN (" FINISHED ")",
        .sqlite = "DELETE FROM sunlead_jobs WHERE id IN (SELECT j.id FROM json_each($1) AS f "
                  "JOIN sunlead_jobs j ON j.id = json_extract(f.value, '$[0]') "
                  "AND j.attempt = json_extract(f.value, '$[1]') AND j.state = 'running')",
    };
    SQL_STEP(op, &stmt, SQLV_TEXT(jobs));
}

// An entry of the history, whose oldest one goes when there are enough: time and error are
// parameters.
#define HISTORY_PG(at, error)                                                                      \
    "CAST(CASE WHEN jsonb_array_length(CAST(coalesce(history, '[]') AS JSONB)) >= 10 "             \
    "THEN CAST(history AS JSONB) - 0 ELSE CAST(coalesce(history, '[]') AS JSONB) END "             \
    "|| jsonb_build_array(jsonb_build_object('at', CAST(" at " AS TEXT), 'attempt', attempt, "     \
    "'error', CAST(" error " AS TEXT))) AS TEXT)"
#define HISTORY_SQLITE(at, error)                                                                  \
    "json_insert(CASE WHEN json_array_length(coalesce(history, '[]')) >= 10 "                      \
    "THEN json_remove(history, '$[0]') ELSE coalesce(history, '[]') END, '$[#]', "                 \
    "json_object('at', " at ", 'attempt', attempt, 'error', " error "))"
static_assert(JOB_HISTORY_MAX == 10, "the statements hold the number");

static struct sql_value time_text(struct sql_op *op, int64_t at_us)
{
    struct buf text;
    buf_init_arena(&text, op->arena, 40);
    time_append(&text, at_us);
    return SQLV_TEXT(buf_str(&text));
}

void job_store_reschedule(struct sql_op *op, const struct job *job, int64_t now_us)
{
#define RESCHEDULE(history)                                                                        \
    "UPDATE sunlead_jobs SET state = 'ready', turn = 0, failures = 0, run_at = $3, "               \
    "priority = CASE WHEN kind = 'poll' THEN 1 ELSE priority END, last_error = $4, history = "     \
    "CASE WHEN CAST($4 AS TEXT) IS NULL THEN history ELSE " history                                \
    " END, lease_until = NULL, worker = NULL, updated_at = $5 "                                    \
    "WHERE id = $1 AND attempt = $2 AND state = 'running'"
    static const struct sql_stmt stmt = {
        .name = "job_reschedule",
        .text = RESCHEDULE(HISTORY_PG("$6", "$4")),
        .sqlite = RESCHEDULE(HISTORY_SQLITE("$6", "$4")),
    };
    fail_without_lease(SQL_STEP(op, &stmt, SQLV_INT(job->id), SQLV_INT(job->attempt),
                                sql_value_opt_time(job->run_at), SQLV_TEXT(job->last_error),
                                SQLV_TIME(now_us), time_text(op, now_us)));
}

// What becomes of a job after one more run that came to nothing.
#define STATE_AFTER(failures_max)                                                                  \
    "CASE WHEN failures + 1 >= " failures_max " THEN 'dead' ELSE 'ready' END"

void job_store_fail(struct sql_op *op, const struct job *job, int64_t now_us)
{
#define FAIL(history)                                                                              \
    "UPDATE sunlead_jobs SET state = " STATE_AFTER(                                                \
        "CAST($7 AS BIGINT)") ", turn = 0, "                                                       \
                              "failures = failures + 1, run_at = $3, last_error = $4, history "    \
                              "= " history ", "                                                    \
                              "lease_until = NULL, worker = NULL, updated_at = $5 "                \
                              "WHERE id = $1 AND attempt = $2 AND state = 'running'"
    static const struct sql_stmt stmt = {
        .name = "job_fail",
        .text = FAIL(HISTORY_PG("$6", "$4")),
        .sqlite = FAIL(HISTORY_SQLITE("$6", "$4")),
    };
    fail_without_lease(SQL_STEP(op, &stmt, SQLV_INT(job->id), SQLV_INT(job->attempt),
                                sql_value_opt_time(job->run_at), SQLV_TEXT(job->last_error),
                                SQLV_TIME(now_us), time_text(op, now_us),
                                SQLV_INT(job_kind_rules[job->kind].failures_max)));
}

// ---- Leases.

void job_store_heartbeat(struct sql_op *op, int64_t worker, struct str ids, int64_t lease_until_us)
{
    static const struct sql_stmt stmt = {
        .name = "job_heartbeat",
        .text = "UPDATE sunlead_jobs SET lease_until = $3 WHERE " STATE_IS(
            "running") "AND worker = $1 "
                       "AND id " ARRAY_OF("SELECT CAST(value AS BIGINT) "
                                          "FROM json_array_elements_text(CAST($2 AS JSON))"),
        .sqlite = "UPDATE sunlead_jobs SET lease_until = $3 WHERE state = 'running' "
                  "AND worker = $1 AND id IN (SELECT value FROM json_each($2))",
    };
    SQL_STEP(op, &stmt, SQLV_INT(worker), SQLV_TEXT(ids), SQLV_TIME(lease_until_us));
}

static void take_rescued(void *ctx, const struct sql_row *row)
{
    struct job_rescued *rescued = ctx;
    if (field_enum_parse(job_state_names, sql_row_str(row, 0)) == JOB_DEAD)
        rescued->dead++;
    else
        rescued->ready++;
}

// The most failures of each kind, as a JSON object.
static struct str failures_max(struct arena *arena)
{
    struct buf text;
    buf_init_arena(&text, arena, 1024);
    for (int kind = JOB_NONE + 1; kind < JOB_KIND_COUNT; kind++)
        buf_printf(&text, "%c\"%s\":%lld", kind == JOB_NONE + 1 ? '{' : ',', job_kind_names[kind],
                   (long long)job_kind_rules[kind].failures_max);
    buf_append_char(&text, '}');
    return buf_str(&text);
}

static void rescue_step(struct sql_op *op, const struct sql_stmt *stmt, int64_t now_us,
                        struct job_rescued *rescued)
{
    struct sql_step *step = SQL_STEP(
        op, stmt, SQLV_TIME(now_us), time_text(op, now_us), SQLV_TEXT(failures_max(op->arena)),
        SQLV_TEXT(STR("The process that ran it ended, or could not renew the lease.")),
        SQLV_INT(rescued->wait_us > 0 ? rescued->wait_us : JOB_RESCUE_WAIT_US),
        SQLV_INT(rescued->wait_max_us > 0 ? rescued->wait_max_us : JOB_RESCUE_WAIT_MAX_US));
    step->on_row = take_rescued;
    step->ctx = rescued;
}

// A kind that this program does not know never dies by it. The turn is kept: it had come.
// clang-format off
#define RESCUE_PG                                                                                  \
    "UPDATE sunlead_jobs SET state = "                                                             \
    STATE_AFTER("coalesce(CAST(CAST($3 AS JSON) ->> kind AS BIGINT), 1000000)") ", "               \
    "failures = failures + 1, run_at = CAST($1 AS TIMESTAMPTZ) + INTERVAL '1 microsecond' * "      \
    "CASE WHEN failures = 0 THEN 0 ELSE least(CAST(CAST($6 AS BIGINT) AS FLOAT8), "                \
    "CAST(CAST($5 AS BIGINT) AS FLOAT8) * power(2, least(failures, 20) - 1)) END, "                \
    "last_error = $4, history = " HISTORY_PG("$2", "$4") ", "                                      \
    "lease_until = NULL, worker = NULL, updated_at = $1 "
#define RESCUE_SQLITE                                                                              \
    "UPDATE sunlead_jobs SET state = "                                                             \
    STATE_AFTER("coalesce(json_extract($3, '$.' || kind), 1000000)") ", "                          \
    "failures = failures + 1, run_at = $1 + "                                                      \
    "CASE WHEN failures = 0 THEN 0 ELSE min($6, $5 << (min(failures, 20) - 1)) END, "              \
    "last_error = $4, history = " HISTORY_SQLITE("$2", "$4") ", "                                  \
    "lease_until = NULL, worker = NULL, updated_at = $1 "
// clang-format on

void job_store_rescue(struct sql_op *op, int64_t now_us, struct job_rescued *rescued)
{
    // What somebody is changing just now is not lost: two runners that renew their leases at once
    // after an outage do not wait for each other.
    static const struct sql_stmt stmt = {
        .name = "job_rescue",
        .text = RESCUE_PG "FROM (SELECT id AS lost, attempt AS lost_attempt FROM sunlead_jobs "
                          "WHERE state = 'running' AND lease_until < $1 "
                          "FOR UPDATE SKIP LOCKED) AS l WHERE id = lost AND state = 'running' "
                          "AND attempt = lost_attempt AND lease_until < $1 RETURNING state",
        .sqlite = RESCUE_SQLITE "WHERE state = 'running' AND lease_until < $1 RETURNING state",
    };
    rescue_step(op, &stmt, now_us, rescued);
}

void job_store_rescue_all(struct sql_op *op, int64_t now_us, struct job_rescued *rescued)
{
    static const struct sql_stmt stmt = {
        .name = "job_rescue_all",
        .text = RESCUE_PG "WHERE state = 'running' RETURNING state",
        .sqlite = RESCUE_SQLITE "WHERE state = 'running' RETURNING state",
    };
    rescue_step(op, &stmt, now_us, rescued);
}

struct sql_step *job_store_mend(struct sql_op *op, int64_t before_us, int64_t now_us)
{
    // The words of the index of live orders first.
#define MEND(failures_of)                                                                          \
    ADD_COLUMNS "SELECT kind, id, company_id, 'ready', 0, 0, 0, CASE WHEN ended THEN " failures_of \
                " ELSE 0 END, $1, $1, $1 FROM (SELECT o.id, o.company_id, o.kind, EXISTS "         \
                "(SELECT 1 FROM sunlead_jobs e WHERE e.state IN ('dead', 'cancelled') "            \
                "AND e.order_id = o.id AND e.kind = o.kind) AS ended "                             \
                "FROM (SELECT id, company_id, "                                                    \
                "CASE WHEN state IN ('created', 'processing') THEN 'poll' ELSE 'order' END AS "    \
                "kind FROM sunlead_orders WHERE state IN ('requested', 'sending', 'unknown', "     \
                "'parked', 'created', 'processing') AND state <> 'parked' AND updated_at < $2 "    \
                "AND (state IN ('requested', 'sending', 'unknown') "                               \
                "OR (project_id IS NOT NULL AND house_id IS NOT NULL)) "                           \
                "AND NOT EXISTS (SELECT 1 FROM sunlead_jobs j WHERE j.order_id = "                 \
                "sunlead_orders.id AND j.kind IN ('order', 'poll') "                               \
                "AND j.state IN ('ready', 'running')) LIMIT $3) AS o) AS stuck "                   \
                "WHERE TRUE ON CONFLICT DO NOTHING"
    static const struct sql_stmt stmt = {
        .name = "job_mend",
        .text = MEND("CAST(CAST($4 AS JSON) ->> kind AS BIGINT)"),
        .sqlite = MEND("json_extract($4, '$.' || kind)"),
    };
    return SQL_STEP(op, &stmt, SQLV_TIME(now_us), SQLV_TIME(before_us), SQLV_INT(JOB_MEND_MAX),
                    SQLV_TEXT(failures_max(op->arena)));
}

void job_store_release(struct sql_op *op, int64_t worker, struct str but_ids, int64_t now_us)
{
#define RELEASE                                                                                    \
    "UPDATE sunlead_jobs SET state = 'ready', run_at = $2, lease_until = NULL, worker = NULL, "    \
    "updated_at = $2 WHERE state = 'running' AND worker = $1 AND id "
    static const struct sql_stmt stmt = {
        .name = "job_release",
        .text = RELEASE "NOT IN (SELECT CAST(value AS BIGINT) "
                        "FROM json_array_elements_text(CAST($3 AS JSON)))",
        .sqlite = RELEASE "NOT IN (SELECT value FROM json_each($3))",
    };
    SQL_STEP(op, &stmt, SQLV_INT(worker), SQLV_TIME(now_us), SQLV_TEXT(but_ids));
}

// ---- The state of the queue.

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
    case JOB_CANCELLED:
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
    step->ctx = &summary->next_run_at;
}
