// Stores the row of a content that is about to be put.
#include "tasks/file_announcer.h"

#include "store/loose_store.h"

struct announcement {
    struct arena *arena;
    struct files_announce *announce;
};

static void stored(struct sql_op *op)
{
    const struct announcement *announcement = op->done_ctx;
    struct files_announce *announce = announcement->announce;
    if (op->error.code != ERR_OK) {
        bool is_removed = op->error.code == ERR_STALE;
        error_set(&announce->error, ERR_UNAVAILABLE, "%s",
                  is_removed ? "the same content is just being removed"
                             : "the file cannot be stored now");
        error_cause(&announce->error, "%s: %s", op->error.message, op->error.cause);
    }
    arena_close(announcement->arena);
    announce->done(announce);
}

static void start(const struct files_announcer *base, struct files_announce *announce)
{
    const struct file_announcer *announcer =
        CONTAINER_OF(base, const struct file_announcer, announcer);
    struct arena *arena = arena_open(0);
    struct announcement *announcement = arena_new(arena, struct announcement, 1);
    *announcement = (struct announcement){.arena = arena, .announce = announce};
    struct sql_op *op = sql_op_new(arena, "file_announce", SQL_LANE_WRITE);
    op->is_idempotent = true;
    loose_store_add(op, announce->sha256, clock_now_us(announcer->clock));
    op->done = stored;
    op->done_ctx = announcement;
    sql_submit(announcer->db, op);
}

void file_announcer_init(struct file_announcer *announcer, struct sql *db,
                         const struct clock *clock)
{
    *announcer = (struct file_announcer){.announcer = {.start = start}, .db = db, .clock = clock};
}
