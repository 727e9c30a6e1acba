// Stores polls that found nothing new: those that end at about the same time together.
#ifndef SUNLEAD_TASKS_POLL_NOTES_H
#define SUNLEAD_TASKS_POLL_NOTES_H

#include <stdbool.h>

#include "base/clock.h"
#include "base/error.h"
#include "sql/sql.h"
#include "store/poll_store.h"

struct poll_notes;

// A poll to be stored, in the caller's memory until done() is called, once and on any thread, maybe
// before poll_notes_add() returns. stored is false when its order was changed meanwhile, or nothing
// could be stored.
struct noted_poll {
    struct poll_note note;
    void (*done)(struct noted_poll *poll, bool stored);
    bool stored;
    struct noted_poll *next; // in the list of those that wait
};

// poll_notes_open() makes one, empty; db and clock must outlive it.
struct poll_notes *poll_notes_open(struct sql *db, const struct clock *clock);

// poll_notes_add() hands a poll over. From any thread, never blocks.
void poll_notes_add(struct poll_notes *notes, struct noted_poll *poll);

// poll_notes_close() frees it; nothing may wait any more. NULL is fine.
void poll_notes_close(struct poll_notes *notes);

#endif
