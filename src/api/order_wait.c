// Waits for an order to change: registers first, reads afterwards, so that no change is missed.
#include "api/order_wait.h"

#include "api/api_call.h"
#include "store/lead_store.h"
#include "store/order_store.h"

#define LOOK_US US_PER_S // another process may have changed the order without a notice

// The reader and the waker meet in `stage`: whoever comes second goes on.
enum stage {
    READING, // a read is under way; the watcher is registered
    WOKEN,   // the watcher was woken during the read: what it reads may be old
    ASLEEP,  // the read was not enough; the waker begins the next one
    ENOUGH,  // the read was enough, but the waker is still to come: it calls end()
};

static void read_order(struct order_wait *wait);

// Without a runner here, and with no other process, nothing would change.
static bool nobody_works(const struct api *api)
{
    return api->jobs == NULL && (sql_capabilities(api->db) & SQL_CAP_SOLE_OWNER) != 0;
}

static bool is_over(const struct order_wait *wait)
{
    const struct api *api = api_of(wait->request);
    return nobody_works(api) || clock_monotonic_us(clock_system()) >= wait->deadline_us ||
           __atomic_load_n(&api->draining, __ATOMIC_ACQUIRE);
}

static void watch_and_read(struct order_wait *wait)
{
    const struct api *api = api_of(wait->request);
    int64_t look_us = clock_monotonic_us(clock_system()) + LOOK_US;
    atomic_store(&wait->stage, READING);
    wait->watcher.wake_at_us = look_us < wait->deadline_us ? look_us : wait->deadline_us;
    watch_add(api->watch, &wait->watcher);
    read_order(wait);
}

static void woken(struct watcher *watcher)
{
    struct order_wait *wait = CONTAINER_OF(watcher, struct order_wait, watcher);
    int expected = READING;
    if (atomic_compare_exchange_strong(&wait->stage, &expected, WOKEN))
        return;
    if (expected == ENOUGH)
        wait->end(wait);
    else
        watch_and_read(wait);
}

// The read told enough (or failed, or the time is over): ends the wait, here or by the waker who is
// on his way.
static void finish(struct order_wait *wait)
{
    int expected = READING;
    if (watch_remove(api_of(wait->request)->watch, &wait->watcher) ||
        !atomic_compare_exchange_strong(&wait->stage, &expected, ENOUGH))
        wait->end(wait);
}

static void read_done(struct sql_op *op)
{
    struct order_wait *wait = op->done_ctx;
    wait->error = op->error;
    bool content = op->error.code != ERR_OK || wait->enough(wait);
    if (!content && is_over(wait))
        content = wait->timed_out = true;
    if (content) {
        finish(wait);
        return;
    }
    int expected = READING;
    if (!atomic_compare_exchange_strong(&wait->stage, &expected, ASLEEP))
        watch_and_read(wait);
}

static void read_order(struct order_wait *wait)
{
    wait->order = (struct order){0};
    wait->lead = (struct lead){0};
    api_submit(wait->request, wait->read);
}

void order_wait_begin(struct order_wait *wait)
{
    wait->deadline_us = clock_monotonic_us(clock_system()) + wait->timeout_us;
    wait->watcher = (struct watcher){.order_id = wait->order_id, .woken = woken};
    wait->read = api_op(wait->request, "order_wait", SQL_LANE_SHORT, read_done, wait);
    order_store_get(wait->read, wait->order_id, ERR_NOT_FOUND, &wait->order);
    lead_store_get_of_order(wait->read, wait->order_id, &wait->lead);
    watch_and_read(wait);
}
