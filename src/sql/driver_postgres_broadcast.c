// What a process tells the others by NOTIFY: at most one notice on its way, the rest waits for it.
#include "sql/driver_postgres.h"

#include "base/clock.h"
#include "base/random.h"
#include "base/thread.h"

// A payload is the process's number and a space, then a line a notice. The server takes less than
// 8000 bytes.
#define LINES_MAX 7900
#define ANYTHING  STR("*") // a null text

// Between two: all processes look when one of them tells something.
#define PAUSE_US (5 * US_PER_MS)

// The schema is a part of the channel's name, since several may share a database.
static const struct sql_stmt notify = {
    .name = "notify",
    .text = "SELECT pg_notify('" POSTGRES_CHANNEL "' || coalesce((" POSTGRES_SCHEMA "), 0), $1)",
};

void postgres_outbox_init(struct postgres_outbox *outbox)
{
    check(pthread_mutex_init(&outbox->mutex, NULL) == 0);
    buf_init(&outbox->lines, LINES_MAX);
    outbox->process = random_id();
}

void postgres_outbox_done(struct postgres_outbox *outbox)
{
    buf_done(&outbox->lines);
    pthread_mutex_destroy(&outbox->mutex);
}

static bool has_line(struct str lines, struct str line)
{
    while (lines.ptr != NULL) {
        if (str_equal(str_split(&lines, '\n'), line))
            return true;
    }
    return false;
}

static void add_locked(struct postgres_outbox *outbox, struct str text)
{
    struct buf *lines = &outbox->lines;
    if (text.ptr == NULL)
        outbox->is_everything = true;
    if (outbox->is_everything || has_line(buf_str(lines), text))
        return;
    if (lines->len > 0)
        buf_append_char(lines, '\n');
    buf_append_str(lines, text);
    outbox->is_everything = lines->overflow;
}

// After a failure nothing is sent until there is something new to tell: the database may be down.
static void sent(struct sql_op *op)
{
    struct postgres_outbox *outbox = &CONTAINER_OF(op->db, struct postgres_db, sql)->outbox;
    bool failed = op->error.code != ERR_OK;
    arena_close(op->arena);
    mutex_lock(&outbox->mutex);
    outbox->is_sending = false;
    if (failed) {
        outbox->is_everything = true;
        outbox->is_waiting = false;
    }
    mutex_unlock(&outbox->mutex);
}

// The operation that sends all that waits; NULL: nothing does, or it is not time yet.
static struct sql_op *take_locked(struct postgres_outbox *outbox)
{
    int64_t now_us = clock_monotonic_us(clock_system());
    if (!outbox->is_waiting || outbox->is_sending || now_us < outbox->next_us)
        return NULL;
    struct arena *arena = arena_open(0);
    struct str lines = outbox->is_everything ? ANYTHING : buf_str(&outbox->lines);
    struct str payload =
        arena_printf(arena, "%lld %.*s", (long long)outbox->process, STR_ARG(lines));
    struct sql_op *op = sql_op_new(arena, "notify", SQL_LANE_WRITE);
    (void)SQL_STEP(op, &notify, SQLV_TEXT(payload));
    op->done = sent;
    buf_reset(&outbox->lines);
    outbox->is_everything = false;
    outbox->is_waiting = false;
    outbox->is_sending = true;
    outbox->next_us = now_us + PAUSE_US;
    return op;
}

void postgres_outbox_run(struct postgres_db *db)
{
    mutex_lock(&db->outbox.mutex);
    struct sql_op *op = take_locked(&db->outbox);
    mutex_unlock(&db->outbox.mutex);
    if (op != NULL)
        sql_submit(&db->sql, op);
}

int64_t postgres_outbox_due_us(struct postgres_db *db)
{
    mutex_lock(&db->outbox.mutex);
    bool is_due = db->outbox.is_waiting && !db->outbox.is_sending;
    int64_t due_us = is_due ? db->outbox.next_us : INT64_MAX;
    mutex_unlock(&db->outbox.mutex);
    return due_us;
}

void postgres_broadcast(struct sql *sql, struct str text)
{
    struct postgres_db *db = CONTAINER_OF(sql, struct postgres_db, sql);
    struct postgres_outbox *outbox = &db->outbox;
    mutex_lock(&outbox->mutex);
    bool is_first = !outbox->is_waiting && !outbox->is_sending;
    add_locked(outbox, text);
    outbox->is_waiting = true;
    struct sql_op *op = take_locked(outbox);
    mutex_unlock(&outbox->mutex);
    if (op != NULL)
        sql_submit(sql, op);
    else if (is_first)
        postgres_wake(db); // to send it in time
}

struct str postgres_notice_begin(const struct postgres_outbox *outbox, struct str payload)
{
    struct str number = str_split(&payload, ' ');
    int64_t process;
    bool is_ours =
        number_parse_i64(number, 1, INT64_MAX, &process) != ERR_OK || process == outbox->process;
    return is_ours ? STR_NULL : payload;
}

bool postgres_notice_next(struct str *rest, struct str *ret_text)
{
    while (rest->ptr != NULL) {
        struct str line = str_split(rest, '\n');
        if (line.len == 0 || line.len > SQL_NOTICE_MAX)
            continue;
        *ret_text = str_equal(line, ANYTHING) ? STR_NULL : line;
        return true;
    }
    return false;
}
