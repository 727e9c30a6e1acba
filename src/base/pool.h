// A bounded pool of worker threads for work that blocks.
#ifndef SUNLEAD_BASE_POOL_H
#define SUNLEAD_BASE_POOL_H

#include <stddef.h>

#include "base/error.h"

struct pool;

// A piece of work, in the caller's memory until run() was called. Link and bound are the pool's.
struct pool_work {
    void (*run)(struct pool_work *work);
    struct pool_work *next;
};

// pool_open() starts `threads` threads that share one queue of at most `bound` waiting pieces.
MUST_CHECK enum err pool_open(struct pool **ret_pool, const char *name, unsigned threads,
                              size_t bound, struct error *err);

// pool_submit() queues work, which runs once on some thread of the pool. ERR_UNAVAILABLE when the
// queue is full or the pool is closing: the work will not run. Never blocks.
MUST_CHECK enum err pool_submit(struct pool *pool, struct pool_work *work);

// pool_close() takes no more work, runs what is queued, ends the threads and frees the pool. NULL
// is fine.
void pool_close(struct pool *pool);

#endif
