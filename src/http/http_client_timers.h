// The HTTP client's timers: a binary heap by due time.
#ifndef SUNLEAD_HTTP_CLIENT_TIMERS_H
#define SUNLEAD_HTTP_CLIENT_TIMERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "http/http_client.h"

// Timers that are due at the same time come out in the order in which they were put in.
struct timer_entry {
    struct http_timer *timer;
    int64_t due_us;
    uint64_t number;
};

// The waiting timers; zeroed at first. Not locked by itself.
struct timer_heap {
    struct timer_entry *entries;
    size_t count;
    size_t cap;
    uint64_t next_number;
};

// timer_heap_put() makes a timer due at due_us (monotonic), moving it if it waits already.
void timer_heap_put(struct timer_heap *heap, struct http_timer *timer, int64_t due_us);

// timer_heap_remove() takes a timer out. False if it was not waiting.
bool timer_heap_remove(struct timer_heap *heap, struct http_timer *timer);

// timer_heap_pop() takes out the next timer that is due at now_us; NULL if there is none. Timers
// put in when next_number was before_number or higher stay, so that a timer which starts itself
// again cannot hold the loop.
struct http_timer *timer_heap_pop(struct timer_heap *heap, int64_t now_us, uint64_t before_number);

// timer_heap_next_us() is when the next timer is due; INT64_MAX if none waits.
int64_t timer_heap_next_us(const struct timer_heap *heap);

// timer_heap_done() forgets all timers (they may be put into a heap again) and frees the heap's
// memory.
void timer_heap_done(struct timer_heap *heap);

#endif
