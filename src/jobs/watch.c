// Keeps the list of those who wait for an order, and wakes them by notice or by time.
#include "jobs/watch.h"

#include <stdlib.h>

#include "base/clock.h"
#include "base/thread.h"

// Waiters are found by their order's slot; each slot is a list.
#define SLOTS 256

struct watch {
    pthread_mutex_t mutex;
    pthread_cond_t cond;
    pthread_t thread;
    bool stopping;
    int64_t next_us; // when the thread looks around by itself
    size_t count;
    struct watcher *slots[SLOTS];
};

static struct watcher **slot_of(struct watch *watch, int64_t order_id)
{
    return &watch->slots[(uint64_t)order_id % SLOTS];
}

static void link_locked(struct watch *watch, struct watcher *watcher)
{
    struct watcher **slot = slot_of(watch, watcher->order_id);
    watcher->prev = NULL;
    watcher->next = *slot;
    if (*slot != NULL)
        (*slot)->prev = watcher;
    *slot = watcher;
    watch->count++;
}

static void unlink_locked(struct watch *watch, struct watcher *watcher)
{
    if (watcher->prev != NULL)
        watcher->prev->next = watcher->next;
    else
        *slot_of(watch, watcher->order_id) = watcher->next;
    if (watcher->next != NULL)
        watcher->next->prev = watcher->prev;
    watcher->next = watcher->prev = NULL;
    watch->count--;
}

// Moves the watchers of a slot that fit to a list of their own. order_id 0: of any order, due by
// now_us.
static void take_locked(struct watch *watch, size_t slot, int64_t order_id, int64_t now_us,
                        struct watcher **taken)
{
    struct watcher *next = NULL;
    for (struct watcher *watcher = watch->slots[slot]; watcher != NULL; watcher = next) {
        next = watcher->next;
        if (order_id != 0 ? watcher->order_id != order_id : watcher->wake_at_us > now_us)
            continue;
        unlink_locked(watch, watcher);
        watcher->next = *taken;
        *taken = watcher;
    }
}

static void wake_all(struct watcher *taken)
{
    while (taken != NULL) {
        // A woken watcher may be gone, or wait again, before woken() returns.
        struct watcher *next = taken->next;
        taken->next = NULL;
        taken->woken(taken);
        taken = next;
    }
}

static int64_t earliest_locked(const struct watch *watch)
{
    int64_t earliest = INT64_MAX;
    for (size_t slot = 0; slot < SLOTS && watch->count > 0; slot++) {
        for (const struct watcher *w = watch->slots[slot]; w != NULL; w = w->next) {
            if (w->wake_at_us < earliest)
                earliest = w->wake_at_us;
        }
    }
    return earliest;
}

static void *mind_time(void *ctx)
{
    struct watch *watch = ctx;
    mutex_lock(&watch->mutex);
    while (!watch->stopping) {
        watch->next_us = earliest_locked(watch);
        cond_wait_until(&watch->cond, &watch->mutex, watch->next_us);
        struct watcher *due = NULL;
        int64_t now_us = clock_monotonic_us(clock_system());
        for (size_t slot = 0; slot < SLOTS; slot++)
            take_locked(watch, slot, 0, now_us, &due);
        mutex_unlock(&watch->mutex);
        wake_all(due);
        mutex_lock(&watch->mutex);
    }
    mutex_unlock(&watch->mutex);
    return NULL;
}

enum err watch_open(struct watch **ret_watch, struct error *err)
{
    struct watch *watch = calloc(1, sizeof(*watch));
    if (watch == NULL)
        return error_set(err, ERR_INTERNAL, "out of memory");
    check(pthread_mutex_init(&watch->mutex, NULL) == 0);
    cond_init(&watch->cond);
    enum err code = thread_start(&watch->thread, "watch", mind_time, watch, err);
    if (code != ERR_OK) {
        free(watch);
        return code;
    }
    *ret_watch = watch;
    return ERR_OK;
}

void watch_add(struct watch *watch, struct watcher *watcher)
{
    mutex_lock(&watch->mutex);
    link_locked(watch, watcher);
    if (watcher->wake_at_us < watch->next_us)
        pthread_cond_signal(&watch->cond);
    mutex_unlock(&watch->mutex);
}

bool watch_remove(struct watch *watch, struct watcher *watcher)
{
    mutex_lock(&watch->mutex);
    bool waiting = watcher->prev != NULL || *slot_of(watch, watcher->order_id) == watcher;
    if (waiting)
        unlink_locked(watch, watcher);
    mutex_unlock(&watch->mutex);
    return waiting;
}

bool watch_has(struct watch *watch, int64_t order_id)
{
    bool found = false;
    mutex_lock(&watch->mutex);
    for (const struct watcher *w = *slot_of(watch, order_id); w != NULL && !found; w = w->next)
        found = w->order_id == order_id;
    mutex_unlock(&watch->mutex);
    return found;
}

void watch_notify(struct watch *watch, int64_t order_id)
{
    struct watcher *taken = NULL;
    mutex_lock(&watch->mutex);
    if (watch->count > 0)
        take_locked(watch, (uint64_t)order_id % SLOTS, order_id, 0, &taken);
    mutex_unlock(&watch->mutex);
    wake_all(taken);
}

void watch_flush(struct watch *watch)
{
    struct watcher *all = NULL;
    mutex_lock(&watch->mutex);
    for (size_t slot = 0; slot < SLOTS; slot++)
        take_locked(watch, slot, 0, INT64_MAX, &all);
    mutex_unlock(&watch->mutex);
    wake_all(all);
}

void watch_close(struct watch *watch)
{
    if (watch == NULL)
        return;
    mutex_lock(&watch->mutex);
    check(watch->count == 0);
    watch->stopping = true;
    pthread_cond_signal(&watch->cond);
    mutex_unlock(&watch->mutex);
    thread_join(watch->thread);
    pthread_cond_destroy(&watch->cond);
    pthread_mutex_destroy(&watch->mutex);
    free(watch);
}
