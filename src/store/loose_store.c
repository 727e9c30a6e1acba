// The statements on the table of loose contents.
#include "store/loose_store.h"

void loose_store_add(struct sql_op *op, struct str sha256, int64_t now_us)
{
#define ADD(greatest)                                                                              \
    "INSERT INTO sunlead_loose_files AS l (sha256, since, removing) VALUES ($1, $2, FALSE) "       \
    "ON CONFLICT (sha256) DO UPDATE SET since = " greatest "(l.since, excluded.since) "            \
    "WHERE NOT l.removing"
    static const struct sql_stmt stmt = {
        .name = "loose_add",
        .text = ADD("greatest"),
        .sqlite = ADD("max"),
    };
    struct sql_step *step = SQL_STEP(op, &stmt, SQLV_TEXT(sha256), SQLV_TIME(now_us));
    step->when_none = ERR_STALE;
    step->none_message = "the content is just being removed";
}

// The row stays: another file may be about to name the same content. It goes when it is old.
void loose_store_hold(struct sql_op *op, struct str sha256, int64_t now_us)
{
#define HOLD(greatest)                                                                             \
    "UPDATE sunlead_loose_files SET since = " greatest "(since, $2) "                              \
    "WHERE sha256 = $1 AND NOT removing"
    static const struct sql_stmt stmt = {
        .name = "loose_hold",
        .text = HOLD("greatest"),
        .sqlite = HOLD("max"),
    };
    struct sql_step *step = SQL_STEP(op, &stmt, SQLV_TEXT(sha256), SQLV_TIME(now_us));
    step->when_none = ERR_STALE;
    step->none_message = "the content was put into the store too long ago";
}

static void take_marked(void *ctx, const struct sql_row *row)
{
    struct loose_portion *portion = ctx;
    if (portion->count < LOOSE_PORTION)
        portion->sha256[portion->count++] = arena_str(portion->arena, sql_row_str(row, 0));
}

// Every path to a name goes over the loose row: who names its content has changed it in the same
// transaction, or before (loose_store_hold(), the trigger). So what is old when its row is locked
// has no name that is not seen here.
#define NAMED "EXISTS (SELECT 1 FROM sunlead_files f WHERE f.sha256 = l.sha256)"

void loose_store_mark(struct sql_op *op, const struct loose_age *age, struct loose_portion *portion)
{
#define FORGET_NAMED(lock)                                                                         \
    "DELETE FROM sunlead_loose_files WHERE sha256 IN (SELECT l.sha256 FROM sunlead_loose_files l " \
    "WHERE l.since < $1 AND NOT l.removing AND " NAMED " ORDER BY l.since LIMIT $2" lock ")"
    static const struct sql_stmt forget = {
        .name = "loose_forget_named",
        .text = FORGET_NAMED(" FOR UPDATE SKIP LOCKED"),
        .sqlite = FORGET_NAMED(""),
    };
#define MARK(lock)                                                                                 \
    "UPDATE sunlead_loose_files SET removing = TRUE, since = $1 WHERE sha256 IN "                  \
    "(SELECT l.sha256 FROM sunlead_loose_files l WHERE "                                           \
    "(l.since < $2 AND NOT l.removing OR l.since < $3 AND l.removing) AND NOT " NAMED              \
    " ORDER BY l.since LIMIT $4" lock ") RETURNING sha256"
    static const struct sql_stmt mark = {
        .name = "loose_mark",
        .text = MARK(" FOR UPDATE SKIP LOCKED"),
        .sqlite = MARK(""),
    };
    portion->count = 0;
    SQL_STEP(op, &forget, SQLV_TIME(age->loose_before_us), SQLV_INT(LOOSE_PORTION));
    struct sql_step *step =
        SQL_STEP(op, &mark, SQLV_TIME(age->now_us), SQLV_TIME(age->loose_before_us),
                 SQLV_TIME(age->removing_before_us), SQLV_INT(LOOSE_PORTION));
    step->on_row = take_marked;
    step->ctx = portion;
}

void loose_store_drop(struct sql_op *op, struct str sha256s)
{
    static const struct sql_stmt stmt = {
        .name = "loose_drop",
        .text = "DELETE FROM sunlead_loose_files WHERE removing AND sha256 IN "
                "(SELECT json_array_elements_text(CAST($1 AS JSON)))",
        .sqlite = "DELETE FROM sunlead_loose_files WHERE removing AND sha256 IN "
                  "(SELECT value FROM json_each($1))",
    };
    SQL_STEP(op, &stmt, SQLV_TEXT(sha256s));
}
