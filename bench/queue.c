// Measures the job runner: jobs a second, and the time from queueing to the start. Each job is durable,
// does 1 ms of work and is acknowledged by itself.
// queue URL JOBS CONCURRENCY [RATE]: without a rate all jobs are queued first.
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/number.h"
#include "base/thread.h"
#include "jobs/jobs.h"
#include "sql/migrate.h"
#include "store/job_store.h"

#define WORK_US INT64_C(1000)

struct bench {
    struct sql *db;
    struct jobs *jobs;
    pthread_mutex_t mutex; // guards what follows
    pthread_cond_t cond;
    struct work *first; // in the order of their ends
    struct work *last;
    size_t done;
    size_t total;
    int64_t *waited_us; // from run_at to the start, by job
};

struct work {
    struct job_run *run;
    int64_t end_us;
    struct work *next;
};

static void run_kind(struct job_run *run)
{
    struct bench *bench = run->app;
    struct work *work = arena_new(run->arena, struct work, 1);
    *work = (struct work){.run = run, .end_us = clock_monotonic_us(clock_system()) + WORK_US};
    int64_t waited_us = clock_now_us(clock_system()) - run->job.created_at.value;
    mutex_lock(&bench->mutex);
    bench->waited_us[run->job.order_id] = waited_us;
    if (bench->last == NULL)
        bench->first = work;
    else
        bench->last->next = work;
    bench->last = work;
    pthread_cond_signal(&bench->cond);
    mutex_unlock(&bench->mutex);
}

// Ends each job 1 ms after its start.
static void *work_loop(void *ctx)
{
    struct bench *bench = ctx;
    mutex_lock(&bench->mutex);
    while (bench->done < bench->total) {
        struct work *work = bench->first;
        if (work == NULL) {
            cond_wait_until(&bench->cond, &bench->mutex, INT64_MAX);
            continue;
        }
        if (clock_monotonic_us(clock_system()) < work->end_us) {
            cond_wait_until(&bench->cond, &bench->mutex, work->end_us);
            continue;
        }
        bench->first = work->next;
        if (bench->first == NULL)
            bench->last = NULL;
        bench->done++;
        mutex_unlock(&bench->mutex);
        job_run_finish(work->run);
        mutex_lock(&bench->mutex);
    }
    mutex_unlock(&bench->mutex);
    return NULL;
}

static void queue(struct bench *bench, size_t first, size_t count)
{
    CLEANUP(arena_close_ptr) struct arena *arena = arena_open(0);
    struct sql_op *op = NULL;
    for (size_t i = 0; i < count; i++) {
        int64_t now_us = clock_now_us(clock_system());
        if (op == NULL)
            op = sql_op_new(arena, "bench_queue", SQL_LANE_WRITE);
        job_store_add(op, &(struct job){.kind = JOB_POLL,
                                        .order_id = (int64_t)(first + i),
                                        .company_id = 1 + (int64_t)(i % 10),
                                        .run_at = OPT_I64(now_us),
                                        .created_at = OPT_I64(now_us)});
        if (op->step_count < SQL_STEPS_MAX && i + 1 < count)
            continue;
        check(sql_run(bench->db, op) == ERR_OK);
        op = NULL;
    }
}

static int compare_i64(const void *a, const void *b)
{
    int64_t left = *(const int64_t *)a;
    int64_t right = *(const int64_t *)b;
    return left < right ? -1 : left > right;
}

static void start_runner(struct bench *bench, size_t concurrency)
{
    const struct jobs_settings settings = {
        .db = bench->db,
        .clock = clock_system(),
        .kinds = {[JOB_POLL] = run_kind},
        .app = bench,
        .concurrency = concurrency,
    };
    check(jobs_open(&settings, &bench->jobs, NULL) == ERR_OK);
    check(jobs_start(bench->jobs, NULL) == ERR_OK);
}

static void queue_at_rate(struct bench *bench, size_t rate)
{
    int64_t begin_us = clock_monotonic_us(clock_system());
    for (size_t i = 0; i < bench->total; i++) {
        int64_t at_us = begin_us + (int64_t)(i * 1000000 / rate);
        int64_t wait_us = at_us - clock_monotonic_us(clock_system());
        if (wait_us > 0)
            thread_pause_ms((unsigned)((wait_us + 999) / 1000));
        queue(bench, i, 1);
        (void)jobs_wake(bench->jobs);
    }
}

int main(int argc, char **argv)
{
    int64_t numbers[3] = {0}; // jobs, concurrency, rate
    for (int i = 2; i < argc && i < 5; i++)
        check(number_parse_i64(str_of(argv[i]), 1, 10000000, &numbers[i - 2]) == ERR_OK);
    if (argc < 4) {
        fprintf(stderr, "queue URL JOBS CONCURRENCY [RATE]\n");
        return 2;
    }
    struct bench bench = {.total = (size_t)numbers[0]};
    size_t rate = (size_t)numbers[2];
    struct error err;
    size_t applied;
    error_reset(&err);
    bench.waited_us = calloc(bench.total, sizeof(int64_t));
    check(bench.waited_us != NULL && pthread_mutex_init(&bench.mutex, NULL) == 0);
    cond_init(&bench.cond);
    if (sql_open(argv[1], true, &bench.db, &err) != ERR_OK ||
        migrate_up(bench.db, &applied, &err) != ERR_OK) {
        fprintf(stderr, "%s (%s)\n", err.message, err.cause);
        return 1;
    }
    pthread_t worker;
    check(thread_start(&worker, "work", work_loop, &bench, NULL) == ERR_OK);
    if (rate == 0)
        queue(&bench, 0, bench.total);
    int64_t begin_us = clock_monotonic_us(clock_system());
    start_runner(&bench, (size_t)numbers[1]);
    if (rate > 0)
        queue_at_rate(&bench, rate);
    thread_join(worker);
    check(jobs_drain(bench.jobs, 60000) == 0);
    double took_s = (double)(clock_monotonic_us(clock_system()) - begin_us) / 1e6;
    qsort(bench.waited_us, bench.total, sizeof(int64_t), compare_i64);
    printf("%s: %zu jobs in %.2f s: %.0f a second", sql_engine(bench.db), bench.total, took_s,
           (double)bench.total / took_s);
    if (rate > 0)
        printf("; from queueing to start p50 %.1f ms, p99 %.1f ms",
               (double)bench.waited_us[bench.total / 2] / 1000,
               (double)bench.waited_us[bench.total * 99 / 100] / 1000);
    printf("\n");
    jobs_close(bench.jobs);
    sql_close(bench.db);
    free(bench.waited_us);
    return 0;
}
