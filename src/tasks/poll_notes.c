// Gathers polls that found nothing new while those before them are stored.
#include "tasks/poll_notes.h"

#include <stdlib.h>

#include "base/log.h"
#include "base/thread.h"

#define TOGETHER_MAX 200

struct poll_notes {
    pthread_mutex_t mutex;
    struct sql *db;
    const struct clock *clock;
    struct noted_poll *waiting; // newest first
    bool storing;               // an operation is under way
};

// The polls of one operation, by their orders: so that two processes lock rows in one order.
struct storing {
    struct poll_notes *notes;
    struct arena *arena;
    struct noted_poll **polls;
    size_t count;
};

static int compare_polls(const void *a, const void *b)
{
    const struct noted_poll *left = *(struct noted_poll *const *)a;
    const struct noted_poll *right = *(struct noted_poll *const *)b;
    if (left->note.order_id != right->note.order_id)
        return left->note.order_id < right->note.order_id ? -1 : 1;
    return left->note.attempt < right->note.attempt   ? -1
           : left->note.attempt > right->note.attempt ? 1
                                                      : 0;
}

static int compare_to_order(const void *key, const void *element)
{
    int64_t order_id = *(const int64_t *)key;
    const struct noted_poll *poll = *(struct noted_poll *const *)element;
    return order_id < poll->note.order_id ? -1 : order_id > poll->note.order_id;
}

static void take_stored(void *ctx, const struct sql_row *row)
{
    const struct storing *storing = ctx;
    int64_t order_id = sql_row_i64(row, 0);
    struct noted_poll **found = bsearch(&order_id, storing->polls, storing->count,
                                        sizeof(storing->polls[0]), compare_to_order);
    if (found != NULL)
        (*found)->stored = true;
}

// Takes some of those that wait; none: nothing is under way any more.
static struct storing *take_waiting(struct poll_notes *notes)
{
    struct arena *arena = arena_open(0);
    struct storing *storing = arena_new(arena, struct storing, 1);
    *storing = (struct storing){
        .notes = notes,
        .arena = arena,
        .polls = arena_new(arena, struct noted_poll *, TOGETHER_MAX),
    };
    mutex_lock(&notes->mutex);
    while (notes->waiting != NULL && storing->count < TOGETHER_MAX) {
        storing->polls[storing->count++] = notes->waiting;
        notes->waiting = notes->waiting->next;
    }
    notes->storing = storing->count > 0;
    mutex_unlock(&notes->mutex);
    if (storing->count > 0)
        return storing;
    arena_close(arena);
    return NULL;
}

static void store_waiting(struct poll_notes *notes);

// The notes may be closed with the end of the last poll.
static void stored(struct sql_op *op)
{
    struct storing *storing = op->done_ctx;
    bool failed = op->error.code != ERR_OK;
    if (failed)
        log_error(LOG_WARN, "polls.store_failed", &op->error);
    store_waiting(storing->notes);
    for (size_t i = 0; i < storing->count; i++) {
        struct noted_poll *poll = storing->polls[i];
        poll->done(poll, poll->stored && !failed);
    }
    arena_close(storing->arena);
}

static void store_waiting(struct poll_notes *notes)
{
    struct storing *storing = take_waiting(notes);
    if (storing == NULL)
        return;
    struct poll_note *rows = arena_new(storing->arena, struct poll_note, storing->count);
    qsort(storing->polls, storing->count, sizeof(storing->polls[0]), compare_polls);
    for (size_t i = 0; i < storing->count; i++)
        rows[i] = storing->polls[i]->note;
    struct sql_op *op = sql_op_new(storing->arena, "polls_store", SQL_LANE_WRITE);
    // Who comes second finds the orders changed, and each poll is stored by itself then.
    op->is_idempotent = true;
    struct sql_step *step = poll_store_note(op, rows, storing->count, clock_now_us(notes->clock));
    step->on_row = take_stored;
    step->ctx = storing;
    op->done = stored;
    op->done_ctx = storing;
    sql_submit(notes->db, op);
}

void poll_notes_add(struct poll_notes *notes, struct noted_poll *poll)
{
    poll->stored = false;
    mutex_lock(&notes->mutex);
    poll->next = notes->waiting;
    notes->waiting = poll;
    bool is_first = !notes->storing;
    notes->storing = true;
    mutex_unlock(&notes->mutex);
    if (is_first)
        store_waiting(notes);
}

struct poll_notes *poll_notes_open(struct sql *db, const struct clock *clock)
{
    struct poll_notes *notes = calloc(1, sizeof(*notes));
    check(notes != NULL && pthread_mutex_init(&notes->mutex, NULL) == 0);
    notes->db = db;
    notes->clock = clock;
    return notes;
}

void poll_notes_close(struct poll_notes *notes)
{
    if (notes == NULL)
        return;
    check(!notes->storing);
    pthread_mutex_destroy(&notes->mutex);
    free(notes);
}
