// The statements by which polls that found nothing new are stored.
#include "store/poll_store.h"

#include "base/buf.h"

// One array for each note: order, version, progress, job, attempt, time.
static struct str text_of(struct arena *arena, const struct poll_note *notes, size_t count)
{
    struct buf text;
    buf_init_arena(&text, arena, SIZE_MAX);
    for (size_t i = 0; i < count; i++) {
        const struct poll_note *note = &notes[i];
        buf_printf(&text, "%s[%lld,%lld,", i == 0 ? "[" : ",", (long long)note->order_id,
                   (long long)note->version);
        if (note->progress.set)
            number_append_i64(&text, note->progress.value);
        else
            BUF_LITERAL(&text, "null");
        buf_printf(&text, ",%lld,%lld,%lld]", (long long)note->job_id, (long long)note->attempt,
                   (long long)note->run_at_us);
    }
    buf_append_char(&text, ']');
    return buf_str(&text);
}

// The notes as rows. By their numbers first, so that no table is ever read as a whole.
#define NUMBER_PG(at)     "CAST(value ->> " #at " AS BIGINT)"
#define NUMBER_SQLITE(at) "json_extract(value, '$[" #at "]')"
#define COLUMNS(number)                                                                            \
    number(0) " AS order_id, " number(1) " AS seen, " number(2) " AS new_progress, " number(       \
        3) " AS job_id, " number(4) " AS claimed, " number(5) " AS new_run_at "
#define FROM_PG       "FROM json_array_elements(CAST($1 AS JSON))"
#define FROM_SQLITE   "FROM json_each($1)"
#define NOTES_PG      "(SELECT " COLUMNS(NUMBER_PG) FROM_PG ") AS n "
#define NOTES_SQLITE  "(SELECT " COLUMNS(NUMBER_SQLITE) FROM_SQLITE ") AS n "
#define ORDERS_PG     "o.id = ANY (ARRAY(SELECT " NUMBER_PG(0) " " FROM_PG ")) "
#define ORDERS_SQLITE "o.id IN (SELECT " NUMBER_SQLITE(0) " " FROM_SQLITE ") "
#define JOBS_PG       "j.id = ANY (ARRAY(SELECT " NUMBER_PG(3) " " FROM_PG ")) "
#define RUN_AT_PG     "TIMESTAMPTZ 'epoch' + n.new_run_at * INTERVAL '1 microsecond'"

static struct sql_step *note_orders(struct sql_op *op, struct str notes, int64_t now_us)
{
#define NOTE_ORDERS                                                                                \
    "UPDATE sunlead_orders AS o SET version = version + 1, polls = polls + 1, "                    \
    "progress = coalesce(n.new_progress, o.progress), polled_at = $2, poll_failed = FALSE, "       \
    "unfinished_at = $2, updated_at = $2 FROM "
#define AS_SEEN "WHERE o.id = n.order_id AND o.version = n.seen AND o.state = 'processing' "
    static const struct sql_stmt stmt = {
        .name = "poll_note_orders",
        .text = NOTE_ORDERS NOTES_PG AS_SEEN "AND " ORDERS_PG "RETURNING o.id",
        .sqlite = NOTE_ORDERS NOTES_SQLITE AS_SEEN "RETURNING id",
    };
    return SQL_STEP(op, &stmt, SQLV_TEXT(notes), SQLV_TIME(now_us));
}

// Not that of a lead which was ordered anew since, and not with every poll: another row's page is
// as dear as the order's own.
static void note_leads(struct sql_op *op, struct str notes, int64_t now_us)
{
#define NOTE_LEADS                                                                                 \
    "UPDATE leads SET last_synced_at = $2 WHERE (last_synced_at IS NULL OR last_synced_at < $4) "  \
    "AND id "
#define NEWEST_OF_NOTED                                                                            \
    "SELECT o.lead_id FROM sunlead_orders o WHERE o.polled_at = $3 AND NOT EXISTS "                \
    "(SELECT 1 FROM sunlead_orders later WHERE later.lead_id = o.lead_id AND later.id > o.id) "    \
    "AND "
    static const struct sql_stmt stmt = {
        .name = "poll_note_leads",
        .text = NOTE_LEADS "= ANY (ARRAY(" NEWEST_OF_NOTED ORDERS_PG "))",
        .sqlite = NOTE_LEADS "IN (" NEWEST_OF_NOTED ORDERS_SQLITE ")",
    };
    // Twice, since the columns may be of different types in another system's table.
    SQL_STEP(op, &stmt, SQLV_TEXT(notes), SQLV_TIME(now_us), SQLV_TIME(now_us),
             SQLV_TIME(now_us - POLL_LEAD_EVERY_US));
}

static void note_jobs(struct sql_op *op, struct str notes, int64_t now_us)
{
#define NOTE_JOBS(run_at)                                                                          \
    "UPDATE sunlead_jobs AS j SET state = 'ready', priority = 1, turn = 0, failures = 0, run_at "  \
    "= " run_at ", "                                                                               \
    "last_error = NULL, lease_until = NULL, worker = NULL, updated_at = $2 FROM "
#define OF_NOTED                                                                                   \
    "sunlead_orders AS o WHERE o.id = n.order_id AND o.version = n.seen + 1 "                      \
    "AND o.polled_at = $2 AND j.id = n.job_id AND j.attempt = n.claimed "                          \
    "AND coalesce(j.state, '') = 'running' "
    static const struct sql_stmt stmt = {
        .name = "poll_note_jobs",
        .text = NOTE_JOBS(RUN_AT_PG) NOTES_PG ", " OF_NOTED "AND " ORDERS_PG "AND " JOBS_PG,
        .sqlite = NOTE_JOBS("n.new_run_at") NOTES_SQLITE "CROSS JOIN " OF_NOTED,
    };
    SQL_STEP(op, &stmt, SQLV_TEXT(notes), SQLV_TIME(now_us));
}

struct sql_step *poll_store_note(struct sql_op *op, const struct poll_note *notes, size_t count,
                                 int64_t now_us)
{
    struct str text = text_of(op->arena, notes, count);
    struct sql_step *step = note_orders(op, text, now_us);
    note_leads(op, text, now_us);
    note_jobs(op, text, now_us);
    return step;
}
