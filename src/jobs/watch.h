// Change notices: waking those who wait for an order to change.
#ifndef SUNLEAD_JOBS_WATCH_H
#define SUNLEAD_JOBS_WATCH_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"

struct watch;

// Somebody who waits, in his own memory. woken() is called exactly once after watch_add(), on
// another thread or on the notifier's; the watcher is out of the list by then and may be added
// again.
struct watcher {
    int64_t order_id;
    int64_t wake_at_us; // monotonic: woken then at the latest
    void (*woken)(struct watcher *watcher);
    struct watcher *next; // the list's
    struct watcher *prev; // the list's
};

// watch_open() starts the thread that minds the time limits.
MUST_CHECK enum err watch_open(struct watch **ret_watch, struct error *err);

// watch_add() begins a wait. Read what you wait for once more afterwards: it may have changed
// before.
void watch_add(struct watch *watch, struct watcher *watcher);

// watch_remove() takes a watcher back; false when it was or is being woken.
bool watch_remove(struct watch *watch, struct watcher *watcher);

// watch_has() tells whether somebody waits for an order here.
bool watch_has(struct watch *watch, int64_t order_id);

// watch_notify() wakes all who wait for an order. From any thread; woken() runs inside it, so it
// must be short.
void watch_notify(struct watch *watch, int64_t order_id);

// watch_flush() wakes everybody: notices were missed, or the process stops.
void watch_flush(struct watch *watch);

// watch_close() ends the thread and frees; nobody may wait any more. NULL is fine.
void watch_close(struct watch *watch);

#endif
