// The pool of worker threads: one queue, linked through the work itself.
#include "base/pool.h"

#include "base/thread.h"

struct pool {
    pthread_mutex_t mutex; // guards all but threads
    pthread_cond_t changed;
    struct pool_work *head;
    struct pool_work **tail;
    size_t waiting;
    size_t bound;
    bool closing;
    unsigned thread_count;
    pthread_t threads[];
};

// Waits for work; NULL when the pool is closing and nothing is left.
static struct pool_work *take_work(struct pool *pool)
{
    mutex_lock(&pool->mutex);
    while (pool->head == NULL && !pool->closing)
        (void)cond_wait_until(&pool->changed, &pool->mutex, INT64_MAX);
    struct pool_work *work = pool->head;
    if (work != NULL) {
        pool->head = work->next;
        if (pool->head == NULL)
            pool->tail = &pool->head;
        pool->waiting--;
    }
    mutex_unlock(&pool->mutex);
    return work;
}

static void *run_worker(void *ctx)
{
    struct pool *pool = ctx;
    struct pool_work *work;
    while ((work = take_work(pool)) != NULL) {
        work->next = NULL;
        work->run(work);
    }
    return NULL;
}

enum err pool_open(struct pool **ret_pool, const char *name, unsigned threads, size_t bound,
                   struct error *err)
{
    check(threads > 0);
    struct pool *pool = calloc(1, sizeof(*pool) + threads * sizeof(pool->threads[0]));
    check(pool != NULL);
    pthread_mutex_init(&pool->mutex, NULL);
    cond_init(&pool->changed);
    pool->tail = &pool->head;
    pool->bound = bound;
    for (unsigned i = 0; i < threads; i++) {
        enum err code = thread_start(&pool->threads[i], name, run_worker, pool, err);
        if (code != ERR_OK) {
            pool_close(pool);
            return code;
        }
        pool->thread_count++;
    }
    *ret_pool = pool;
    return ERR_OK;
}

enum err pool_submit(struct pool *pool, struct pool_work *work)
{
    mutex_lock(&pool->mutex);
    bool taken = !pool->closing && pool->waiting < pool->bound;
    if (taken) {
        work->next = NULL;
        *pool->tail = work;
        pool->tail = &work->next;
        pool->waiting++;
        pthread_cond_signal(&pool->changed);
    }
    mutex_unlock(&pool->mutex);
    return taken ? ERR_OK : ERR_UNAVAILABLE;
}

void pool_close(struct pool *pool)
{
    if (pool == NULL)
        return;
    mutex_lock(&pool->mutex);
    pool->closing = true;
    pthread_cond_broadcast(&pool->changed);
    mutex_unlock(&pool->mutex);
    for (unsigned i = 0; i < pool->thread_count; i++)
        thread_join(pool->threads[i]);
    pthread_cond_destroy(&pool->changed);
    pthread_mutex_destroy(&pool->mutex);
    free(pool);
}
