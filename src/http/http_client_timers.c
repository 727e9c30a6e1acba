// Owns the order in which waiting timers become due.
#include "http/http_client_timers.h"

#include <stdlib.h>

#include "base/macro.h"

static bool comes_first(const struct timer_entry *a, const struct timer_entry *b)
{
    return a->due_us != b->due_us ? a->due_us < b->due_us : a->number < b->number;
}

static void place(struct timer_heap *heap, size_t at, struct timer_entry entry)
{
    heap->entries[at] = entry;
    entry.timer->slot = at + 1;
}

static void sift_up(struct timer_heap *heap, size_t at)
{
    struct timer_entry entry = heap->entries[at];
    while (at > 0) {
        size_t parent = (at - 1) / 2;
        if (!comes_first(&entry, &heap->entries[parent]))
            break;
        place(heap, at, heap->entries[parent]);
        at = parent;
    }
    place(heap, at, entry);
}

static void sift_down(struct timer_heap *heap, size_t at)
{
    struct timer_entry entry = heap->entries[at];
    for (;;) {
        size_t child = 2 * at + 1;
        if (child >= heap->count)
            break;
        if (child + 1 < heap->count &&
            comes_first(&heap->entries[child + 1], &heap->entries[child]))
            child++;
        if (!comes_first(&heap->entries[child], &entry))
            break;
        place(heap, at, heap->entries[child]);
        at = child;
    }
    place(heap, at, entry);
}

bool timer_heap_remove(struct timer_heap *heap, struct http_timer *timer)
{
    if (timer->slot == 0)
        return false;
    size_t at = timer->slot - 1;
    check(at < heap->count && heap->entries[at].timer == timer);
    timer->slot = 0;
    heap->count--;
    if (at == heap->count)
        return true;
    place(heap, at, heap->entries[heap->count]);
    sift_up(heap, at);
    sift_down(heap, at);
    return true;
}

void timer_heap_put(struct timer_heap *heap, struct http_timer *timer, int64_t due_us)
{
    timer_heap_remove(heap, timer);
    if (heap->count == heap->cap) {
        heap->cap = heap->cap == 0 ? 64 : heap->cap * 2;
        heap->entries = reallocarray(heap->entries, heap->cap, sizeof(*heap->entries));
        check(heap->entries != NULL);
    }
    timer->due_us = due_us;
    struct timer_entry entry = {.timer = timer, .due_us = due_us, .number = heap->next_number++};
    place(heap, heap->count++, entry);
    sift_up(heap, heap->count - 1);
}

struct http_timer *timer_heap_pop(struct timer_heap *heap, int64_t now_us, uint64_t before_number)
{
    if (heap->count == 0)
        return NULL;
    const struct timer_entry *first = &heap->entries[0];
    if (first->due_us > now_us || first->number >= before_number)
        return NULL;
    struct http_timer *timer = first->timer;
    timer_heap_remove(heap, timer);
    return timer;
}

int64_t timer_heap_next_us(const struct timer_heap *heap)
{
    return heap->count == 0 ? INT64_MAX : heap->entries[0].due_us;
}

void timer_heap_done(struct timer_heap *heap)
{
    for (size_t i = 0; i < heap->count; i++)
        heap->entries[i].timer->slot = 0;
    free(heap->entries);
    *heap = (struct timer_heap){0};
}
