// A round: rows whose time is over become "removed", then contents that nobody names are removed.
#include "tasks/file_sweep.h"

#include <stdlib.h>

#include "base/buf.h"
#include "base/log.h"
#include "base/pace.h"
#include "base/thread.h"
#include "store/loose_store.h"
#include "store/retention_store.h"

#define ROUND_US   (60 * US_PER_S)
#define ORPHANS_US (3600 * US_PER_S)

struct file_sweep {
    struct file_sweep_settings settings;
    pthread_mutex_t mutex;
    pthread_cond_t idle;
    bool stopping;
    bool under_way; // a round
    // of the round
    struct http_timer timer;
    struct arena *arena;
    int64_t orphans_at_us; // monotonic: when leads that are gone are looked for again
    bool looks_for_orphans;
    int64_t removed_files;
    int64_t removed_contents;
    struct retention_portion due;
    struct loose_portion loose;
    int64_t marked_at_us; // monotonic
    size_t next;          // of the marked contents
    struct files_remove remove;
    struct buf gone; // JSON array of the hashes that are removed
};

static int64_t span_us(const struct file_sweep *sweep, int64_t span)
{
    return pace_us(sweep->settings.pace, span);
}

static int64_t monotonic_us(void)
{
    return clock_monotonic_us(clock_system());
}

static bool is_stopping(struct file_sweep *sweep)
{
    mutex_lock(&sweep->mutex);
    bool stopping = sweep->stopping;
    mutex_unlock(&sweep->mutex);
    return stopping;
}

static void end_round(struct file_sweep *sweep)
{
    if (sweep->removed_files > 0 || sweep->removed_contents > 0)
        log_event(LOG_INFO, "files.removed", "files that are not to be kept were removed",
                  LOG_I64("files", sweep->removed_files),
                  LOG_I64("contents", sweep->removed_contents));
    http_client_run_after(sweep->settings.http, &sweep->timer,
                          (unsigned)(span_us(sweep, ROUND_US) / US_PER_MS));
    mutex_lock(&sweep->mutex);
    sweep->under_way = false;
    pthread_cond_signal(&sweep->idle);
    mutex_unlock(&sweep->mutex);
}

// Whether a step succeeded and there is time for the next one; the round is over otherwise.
static bool goes_on(struct file_sweep *sweep, const struct error *err)
{
    if (err->code != ERR_OK && !sql_is_outage(sweep->settings.db, err))
        log_error(LOG_WARN, "files.sweep_failed", err);
    if (err->code == ERR_OK && !is_stopping(sweep))
        return true;
    end_round(sweep);
    return false;
}

static void submit(struct file_sweep *sweep, struct sql_op *op, sql_done_fn *done)
{
    op->done = done;
    op->done_ctx = sweep;
    sql_submit(sweep->settings.db, op);
}

// ---- Contents that nobody names.

static void remove_next(struct file_sweep *sweep);
static void mark(struct file_sweep *sweep);

static void dropped(struct sql_op *op)
{
    struct file_sweep *sweep = op->done_ctx;
    if (!goes_on(sweep, &op->error))
        return;
    if (sweep->loose.count == LOOSE_PORTION)
        mark(sweep);
    else
        end_round(sweep);
}

static void drop(struct file_sweep *sweep)
{
    if (sweep->gone.len == 1) {
        end_round(sweep);
        return;
    }
    buf_append_char(&sweep->gone, ']');
    struct sql_op *op = sql_op_new(sweep->arena, "loose_drop", SQL_LANE_WRITE);
    op->is_idempotent = true;
    loose_store_drop(op, buf_str(&sweep->gone));
    submit(sweep, op, dropped);
}

static void content_removed(struct files_remove *remove)
{
    struct file_sweep *sweep = remove->ctx;
    if (remove->error.code != ERR_OK) {
        // It stays marked, and is taken up again by whoever comes then.
        log_error(LOG_WARN, "files.remove_failed", &remove->error);
    } else {
        buf_printf(&sweep->gone, "%s\"%.*s\"", sweep->gone.len > 1 ? "," : "",
                   STR_ARG(remove->sha256));
        sweep->removed_contents++;
    }
    remove_next(sweep);
}

// Who was held up for too long does not know any more whether a content is still his to remove.
static void remove_next(struct file_sweep *sweep)
{
    bool late = monotonic_us() - sweep->marked_at_us > span_us(sweep, LOOSE_REMOVING_US) / 2;
    if (sweep->next == sweep->loose.count || late) {
        drop(sweep);
        return;
    }
    sweep->remove = (struct files_remove){
        .sha256 = sweep->loose.sha256[sweep->next++],
        .done = content_removed,
        .ctx = sweep,
    };
    files_remove_start(sweep->settings.files, &sweep->remove);
}

static void marked(struct sql_op *op)
{
    struct file_sweep *sweep = op->done_ctx;
    if (!goes_on(sweep, &op->error))
        return;
    sweep->next = 0;
    buf_init_arena(&sweep->gone, sweep->arena, SIZE_MAX);
    buf_append_char(&sweep->gone, '[');
    remove_next(sweep);
}

static void mark(struct file_sweep *sweep)
{
    int64_t now_us = clock_now_us(sweep->settings.clock);
    const struct loose_age age = {
        .now_us = now_us,
        .loose_before_us = now_us - span_us(sweep, LOOSE_KEPT_US),
        .removing_before_us = now_us - span_us(sweep, LOOSE_REMOVING_US),
    };
    sweep->marked_at_us = monotonic_us();
    arena_reset(sweep->arena);
    sweep->loose = (struct loose_portion){.arena = sweep->arena};
    struct sql_op *op = sql_op_new(sweep->arena, "loose_mark", SQL_LANE_WRITE);
    loose_store_mark(op, &age, &sweep->loose);
    submit(sweep, op, marked);
}

// ---- Files whose time is over.

static void look(struct file_sweep *sweep);

static struct retention_rule rule_of(const struct file_sweep *sweep)
{
    return (struct retention_rule){.now_us = clock_now_us(sweep->settings.clock),
                                   .settings = &sweep->settings.policy};
}

// A full portion tells that there is more, unless nothing of it was to be removed after all.
static void removed(struct sql_op *op)
{
    struct file_sweep *sweep = op->done_ctx;
    if (!goes_on(sweep, &op->error))
        return;
    sweep->removed_files += op->steps[0].rows;
    if (sweep->due.count >= RETENTION_PORTION && op->steps[0].rows > 0)
        look(sweep);
    else
        mark(sweep);
}

static void due_read(struct sql_op *op)
{
    struct file_sweep *sweep = op->done_ctx;
    const struct retention_rule rule = rule_of(sweep);
    if (!goes_on(sweep, &op->error))
        return;
    if (sweep->due.count == 0) {
        mark(sweep);
        return;
    }
    struct buf ids;
    buf_init_arena(&ids, sweep->arena, SIZE_MAX);
    for (size_t i = 0; i < sweep->due.count; i++)
        buf_printf(&ids, "%s%lld", i == 0 ? "[" : ",", (long long)sweep->due.project_ids[i]);
    buf_append_char(&ids, ']');
    struct sql_op *next = sql_op_new(sweep->arena, "retention_remove", SQL_LANE_WRITE);
    next->is_idempotent = true;
    retention_store_remove(next, &rule, buf_str(&ids));
    submit(sweep, next, removed);
}

static void look(struct file_sweep *sweep)
{
    const struct retention_rule rule = rule_of(sweep);
    arena_reset(sweep->arena);
    struct sql_op *op = sql_op_new(sweep->arena, "retention_due", SQL_LANE_LONG);
    retention_store_due(op, &rule, &sweep->due);
    if (sweep->looks_for_orphans)
        retention_store_orphans(op, &sweep->due);
    submit(sweep, op, due_read);
}

// ---- Its life.

static void begin_round(struct http_timer *timer)
{
    struct file_sweep *sweep = CONTAINER_OF(timer, struct file_sweep, timer);
    mutex_lock(&sweep->mutex);
    sweep->under_way = !sweep->stopping;
    bool goes = sweep->under_way;
    mutex_unlock(&sweep->mutex);
    if (!goes)
        return;
    sweep->removed_files = sweep->removed_contents = 0;
    sweep->looks_for_orphans = monotonic_us() >= sweep->orphans_at_us;
    if (sweep->looks_for_orphans)
        sweep->orphans_at_us = monotonic_us() + span_us(sweep, ORPHANS_US);
    look(sweep);
}

struct file_sweep *file_sweep_open(const struct file_sweep_settings *settings)
{
    struct file_sweep *sweep = calloc(1, sizeof(*sweep));
    check(sweep != NULL);
    sweep->settings = *settings;
    sweep->arena = arena_open(0);
    sweep->timer.run = begin_round;
    check(pthread_mutex_init(&sweep->mutex, NULL) == 0);
    cond_init(&sweep->idle);
    http_client_run_after(settings->http, &sweep->timer,
                          (unsigned)(span_us(sweep, ROUND_US) / US_PER_MS));
    return sweep;
}

void file_sweep_stop(struct file_sweep *sweep)
{
    if (sweep == NULL)
        return;
    mutex_lock(&sweep->mutex);
    sweep->stopping = true;
    while (sweep->under_way)
        cond_wait_until(&sweep->idle, &sweep->mutex, INT64_MAX);
    mutex_unlock(&sweep->mutex);
}

void file_sweep_close(struct file_sweep *sweep)
{
    if (sweep == NULL)
        return;
    check(sweep->stopping && !sweep->under_way);
    arena_close(sweep->arena);
    pthread_cond_destroy(&sweep->idle);
    pthread_mutex_destroy(&sweep->mutex);
    free(sweep);
}
