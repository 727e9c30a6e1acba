// Runs jobs: one thread that claims what is due, keeps leases and rescues what others left.
#include "jobs/jobs.h"

#include <stdlib.h>

#include "base/buf.h"
#include "base/log.h"
#include "base/random.h"
#include "base/thread.h"
#include "store/row_into.h"

#define CLAIM_MAX           32
#define UPKEEP_US           (10 * US_PER_S) // heartbeat and rescue: three to a lease
#define LOOK_US             (5 * US_PER_S)  // without a notice the queue is looked at this often
#define PAUSE_US            US_PER_S        // after a failed look
#define CONCURRENCY_DEFAULT 64

struct jobs {
    pthread_mutex_t mutex;
    pthread_cond_t cond;
    pthread_t thread;
    bool started;
    struct jobs_settings settings;
    int64_t worker;       // a number of this runner among all
    struct job_run *runs; // doubly linked
    size_t running;
    size_t running_of[JOB_KIND_COUNT];
    bool woken;
    bool claiming; // a claim is under way, which may add runs
    bool draining;
    bool stopping;
};

// ---- Operations of the runner itself. Its thread may wait for the database.

static enum err run_op(struct jobs *jobs, struct sql_op *op, const char *event)
{
    enum err code = sql_run(jobs->settings.db, op);
    if (code != ERR_OK)
        log_error(LOG_WARN, event, &op->error);
    return code;
}

static int64_t now(const struct jobs *jobs)
{
    return clock_now_us(jobs->settings.clock);
}

// The ids of the jobs that run here, as a JSON array.
static struct str running_ids(struct jobs *jobs, struct arena *arena)
{
    struct buf ids;
    buf_init_arena(&ids, arena, SIZE_MAX);
    buf_append_char(&ids, '[');
    mutex_lock(&jobs->mutex);
    for (const struct job_run *run = jobs->runs; run != NULL; run = run->next) {
        if (run != jobs->runs)
            buf_append_char(&ids, ',');
        number_append_i64(&ids, run->job.id);
    }
    mutex_unlock(&jobs->mutex);
    buf_append_char(&ids, ']');
    return buf_str(&ids);
}

// Extends the leases of what runs here before it rescues what others lost, so that an outage of the
// database, in which no heartbeat passed, does not make this runner steal from itself.
static void upkeep(struct jobs *jobs)
{
    CLEANUP(arena_close_ptr) struct arena *arena = arena_open(0);
    struct sql_op *op = sql_op_new(arena, "jobs_upkeep", SQL_LANE_WRITE);
    int64_t now_us = now(jobs);
    op->is_idempotent = true;
    job_store_heartbeat(op, jobs->worker, running_ids(jobs, arena), now_us + JOB_LEASE_US);
    job_store_rescue(op, now_us);
    (void)run_op(jobs, op, "jobs.upkeep_failed");
}

static void take_over(struct jobs *jobs)
{
    CLEANUP(arena_close_ptr) struct arena *arena = arena_open(0);
    struct sql_op *op = sql_op_new(arena, "jobs_take_over", SQL_LANE_WRITE);
    op->is_idempotent = true;
    job_store_rescue_all(op, now(jobs));
    if (run_op(jobs, op, "jobs.take_over_failed") == ERR_OK && op->steps[0].rows > 0)
        log_event(LOG_INFO, "jobs.taken_over", "jobs of a killed process are run again",
                  LOG_I64("count", op->steps[0].rows));
}

// ---- Runs.

static void link_run_locked(struct jobs *jobs, struct job_run *run)
{
    jobs->running_of[run->job.kind]++;
    run->next = jobs->runs;
    if (run->next != NULL)
        run->next->prev = run;
    jobs->runs = run;
}

static void unlink_run_locked(struct jobs *jobs, struct job_run *run)
{
    jobs->running_of[run->job.kind]--;
    if (run->prev == NULL)
        jobs->runs = run->next;
    else
        run->prev->next = run->next;
    if (run->next != NULL)
        run->next->prev = run->prev;
}

void job_run_end(struct job_run *run)
{
    struct jobs *jobs = run->jobs;
    struct arena *arena = run->arena;
    mutex_lock(&jobs->mutex);
    check(jobs->running > 0);
    unlink_run_locked(jobs, run);
    mutex_unlock(&jobs->mutex);
    arena_close(arena);
    mutex_lock(&jobs->mutex);
    jobs->running--;
    jobs->woken = true;
    pthread_cond_broadcast(&jobs->cond);
    mutex_unlock(&jobs->mutex);
}

static struct str copy_str(struct arena *arena, struct str s)
{
    return s.ptr == NULL ? s : arena_str(arena, s);
}

static void start_run(struct jobs *jobs, const struct job *job)
{
    struct arena *arena = arena_open(0);
    struct job_run *run = arena_new(arena, struct job_run, 1);
    *run = (struct job_run){.job = *job, .arena = arena, .jobs = jobs, .app = jobs->settings.app};
    run->job.last_error = copy_str(arena, job->last_error);
    mutex_lock(&jobs->mutex);
    link_run_locked(jobs, run);
    mutex_unlock(&jobs->mutex);
    job_run_fn *start = jobs->settings.kinds[job->kind];
    if (start != NULL) {
        start(run);
        return;
    }
    // A newer program shares the database and left it for one of its like.
    log_event(LOG_WARN, "jobs.unknown_kind", "this program does not know the kind of a job",
              LOG_I64("job_id", job->id));
    job_run_end(run);
}

// How many more runs there may be: of any kind, and of which kinds (a JSON array) without going
// over a kind's own bound.
struct room {
    size_t count;
    char kinds[128];
};

static void find_room_locked(const struct jobs *jobs, struct room *room)
{
    size_t max = jobs->settings.concurrency;
    struct buf kinds = {.ptr = room->kinds, .cap = sizeof(room->kinds), .max = sizeof(room->kinds)};
    room->count = jobs->draining || jobs->running >= max ? 0 : max - jobs->running;
    buf_append_char(&kinds, '[');
    for (int kind = JOB_NONE + 1; kind < JOB_KIND_COUNT; kind++) {
        size_t kind_max = jobs->settings.kind_max[kind];
        if (kind_max > 0 && jobs->running_of[kind] >= kind_max)
            continue;
        if (kind_max > 0 && kind_max - jobs->running_of[kind] < room->count)
            room->count = kind_max - jobs->running_of[kind];
        buf_append_str(&kinds, kinds.len > 1 ? STR(",\"") : STR("\""));
        buf_append_str(&kinds, str_of(job_kind_names[kind]));
        buf_append_char(&kinds, '"');
    }
    buf_append_char(&kinds, ']');
    buf_append_char(&kinds, '\0');
    check(!kinds.overflow);
}

// Claims what is due and starts it. Returns how many it started; *ret_next_us is when to look
// again.
static size_t claim_due(struct jobs *jobs, const struct room *room, int64_t *ret_next_us)
{
    CLEANUP(arena_close_ptr) struct arena *arena = arena_open(0);
    struct job_summary summary = {0};
    struct sql_op *look = sql_op_new(arena, "jobs_look", SQL_LANE_SHORT);
    job_store_next(look, str_of(room->kinds), &summary);
    int64_t now_us = now(jobs);
    *ret_next_us = now_us + PAUSE_US;
    if (run_op(jobs, look, "jobs.look_failed") != ERR_OK)
        return 0;
    *ret_next_us = now_us + LOOK_US;
    if (!summary.next_run_at.set)
        return 0;
    if (summary.next_run_at.value > now_us) {
        if (summary.next_run_at.value < *ret_next_us)
            *ret_next_us = summary.next_run_at.value;
        return 0;
    }

    struct row_list list = {.arena = arena,
                            .table = &job_table,
                            .objects = arena_new(arena, struct job, CLAIM_MAX),
                            .max = room->count < CLAIM_MAX ? room->count : CLAIM_MAX};
    struct sql_op *claim = sql_op_new(arena, "jobs_claim", SQL_LANE_WRITE);
    const struct job_claim wanted = {.worker = jobs->worker,
                                     .kinds = str_of(room->kinds),
                                     .now_us = now_us,
                                     .lease_until_us = now_us + JOB_LEASE_US};
    job_store_claim(claim, &wanted, &list);
    if (run_op(jobs, claim, "jobs.claim_failed") != ERR_OK) {
        *ret_next_us = now_us + PAUSE_US;
        return 0;
    }
    mutex_lock(&jobs->mutex);
    jobs->running += list.count;
    mutex_unlock(&jobs->mutex);
    const struct job *claimed = list.objects;
    for (size_t i = 0; i < list.count; i++)
        start_run(jobs, &claimed[i]);
    *ret_next_us = now_us;
    return list.count;
}

// Nothing is waited for longer than the upkeep: what seems further away is so because the clock was
// set back.
static bool is_time(int64_t now_us, int64_t at_us)
{
    return now_us >= at_us || at_us - now_us > UPKEEP_US;
}

static int64_t until_monotonic(const struct jobs *jobs, int64_t due_us)
{
    int64_t wait_us = due_us - now(jobs);
    if (wait_us > UPKEEP_US)
        wait_us = UPKEEP_US;
    return clock_monotonic_us(clock_system()) + (wait_us > 0 ? wait_us : 0);
}

static void *run_loop(void *ctx)
{
    struct jobs *jobs = ctx;
    if ((sql_capabilities(jobs->settings.db) & SQL_CAP_SOLE_OWNER) != 0)
        take_over(jobs);
    int64_t upkeep_at_us = now(jobs) + UPKEEP_US;
    int64_t look_at_us = 0;
    mutex_lock(&jobs->mutex);
    while (!jobs->stopping) {
        bool look = jobs->woken || is_time(now(jobs), look_at_us);
        struct room room;
        find_room_locked(jobs, &room);
        jobs->woken = false;
        jobs->claiming = look && room.count > 0;
        mutex_unlock(&jobs->mutex);
        int64_t now_us = now(jobs);
        if (is_time(now_us, upkeep_at_us)) {
            upkeep(jobs);
            upkeep_at_us = now_us + UPKEEP_US;
        }
        if (look && room.count > 0)
            (void)claim_due(jobs, &room, &look_at_us);
        else if (room.count == 0)
            look_at_us = upkeep_at_us;
        mutex_lock(&jobs->mutex);
        if (jobs->claiming)
            pthread_cond_broadcast(&jobs->cond);
        jobs->claiming = false;
        int64_t due_us = look_at_us < upkeep_at_us ? look_at_us : upkeep_at_us;
        if (!jobs->woken && !jobs->stopping)
            cond_wait_until(&jobs->cond, &jobs->mutex, until_monotonic(jobs, due_us));
    }
    mutex_unlock(&jobs->mutex);
    return NULL;
}

// ---- The runner.

enum err jobs_open(const struct jobs_settings *settings, struct jobs **ret_jobs, struct error *err)
{
    struct jobs *jobs = calloc(1, sizeof(*jobs));
    if (jobs == NULL)
        return error_set(err, ERR_INTERNAL, "out of memory");
    check(pthread_mutex_init(&jobs->mutex, NULL) == 0);
    cond_init(&jobs->cond);
    jobs->settings = *settings;
    jobs->worker = random_id();
    if (jobs->settings.concurrency == 0)
        jobs->settings.concurrency = CONCURRENCY_DEFAULT;
    *ret_jobs = jobs;
    return ERR_OK;
}

enum err jobs_start(struct jobs *jobs, struct error *err)
{
    TRY(thread_start(&jobs->thread, "jobs", run_loop, jobs, err));
    jobs->started = true;
    return ERR_OK;
}

void jobs_wake(struct jobs *jobs)
{
    if (jobs == NULL)
        return;
    mutex_lock(&jobs->mutex);
    jobs->woken = true;
    pthread_cond_broadcast(&jobs->cond);
    mutex_unlock(&jobs->mutex);
}

size_t jobs_drain(struct jobs *jobs, unsigned timeout_ms)
{
    int64_t deadline_us = clock_monotonic_us(clock_system()) + timeout_ms * US_PER_MS;
    mutex_lock(&jobs->mutex);
    jobs->draining = true;
    while ((jobs->running > 0 || jobs->claiming) &&
           cond_wait_until(&jobs->cond, &jobs->mutex, deadline_us))
        continue;
    size_t left = jobs->running;
    mutex_unlock(&jobs->mutex);
    if (left > 0) {
        CLEANUP(arena_close_ptr) struct arena *arena = arena_open(0);
        struct sql_op *op = sql_op_new(arena, "jobs_release", SQL_LANE_WRITE);
        op->is_idempotent = true;
        job_store_release(op, jobs->worker, now(jobs));
        (void)run_op(jobs, op, "jobs.release_failed");
    }
    return left;
}

void jobs_close(struct jobs *jobs)
{
    if (jobs == NULL)
        return;
    mutex_lock(&jobs->mutex);
    check(jobs->running == 0);
    jobs->stopping = true;
    pthread_cond_broadcast(&jobs->cond);
    mutex_unlock(&jobs->mutex);
    if (jobs->started)
        thread_join(jobs->thread);
    pthread_cond_destroy(&jobs->cond);
    pthread_mutex_destroy(&jobs->mutex);
    free(jobs);
}

size_t jobs_running(struct jobs *jobs)
{
    mutex_lock(&jobs->mutex);
    size_t running = jobs->running;
    mutex_unlock(&jobs->mutex);
    return running;
}
