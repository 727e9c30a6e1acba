// Claims due jobs, as many as there is room for, and starts them.
#include <stdlib.h>

#include "base/crash.h"
#include "base/log.h"
#include "jobs/jobs_core.h"

#define CLAIM_MAX 256
#define PAUSE_US  US_PER_S // after a failed claim

// ---- Room.

static size_t room_of_locked(const struct jobs *jobs, int kind)
{
    size_t max = jobs->settings.kind_max[kind];
    if (jobs->settings.kinds[kind] == NULL || jobs->dry[kind])
        return 0;
    if (max == 0)
        return SIZE_MAX;
    return jobs->running_of[kind] >= max ? 0 : max - jobs->running_of[kind];
}

void jobs_find_room_locked(struct jobs *jobs, struct jobs_room *room)
{
    const int kinds = JOB_KIND_COUNT - 1;
    size_t max = jobs->settings.concurrency;
    size_t left = jobs->draining || jobs->running >= max ? 0 : max - jobs->running;
    size_t open = 0;
    *room = (struct jobs_room){0};
    if (left > CLAIM_MAX)
        left = CLAIM_MAX;
    for (int kind = JOB_NONE + 1; kind < JOB_KIND_COUNT; kind++)
        open += room_of_locked(jobs, kind) > 0 ? 1 : 0;
    // Equal shares; what one kind does not need the others get with the next claim, which knows
    // that there is no more of it.
    for (int i = 0; i < kinds && left > 0; i++) {
        int kind = JOB_NONE + 1 + (jobs->first_kind + i) % kinds;
        size_t of_kind = room_of_locked(jobs, kind);
        if (of_kind == 0)
            continue;
        size_t share = (left + open - 1) / open;
        room->of[kind] = share < of_kind ? share : of_kind;
        room->count += room->of[kind];
        left -= room->of[kind];
        open--;
    }
    jobs->first_kind = (jobs->first_kind + 1) % kinds;
}

// ---- Claiming.

static struct sql_op *new_claim(struct jobs *jobs, const struct jobs_room *room,
                                struct row_list *list, struct opt_i64 *next_run_at)
{
    int64_t now_us = jobs_now_us(jobs);
    struct sql_op *op = sql_op_new(list->arena, "jobs_claim", SQL_LANE_WRITE);
    const struct job_claim claim = {
        .worker = jobs->worker,
        .now_us = now_us,
        .lease_until_us = now_us + jobs->lease_us,
        .company_max = (int64_t)jobs->settings.company_max,
    };
    if (jobs->claim_lost)
        job_store_release(op, jobs->worker, jobs_running_ids(jobs, list->arena), now_us);
    if (claim.company_max > 0)
        job_store_claim_lock(op);
    for (int kind = JOB_NONE + 1; kind < JOB_KIND_COUNT; kind++) {
        if (room->of[kind] == 0)
            continue;
        if (job_kind_rules[kind].takes_turns)
            job_store_take_turns(op, (enum job_kind)kind, now_us);
        job_store_claim(op, &claim, (enum job_kind)kind, room->of[kind], list);
    }
    job_store_next(op, str_of(jobs->kinds), now_us, next_run_at);
    return op;
}

static int compare_jobs(const void *a, const void *b)
{
    const struct job *left = a;
    const struct job *right = b;
    if (left->priority != right->priority)
        return left->priority < right->priority ? -1 : 1;
    if (left->turn != right->turn)
        return left->turn < right->turn ? -1 : 1;
    if (left->run_at.value != right->run_at.value)
        return left->run_at.value < right->run_at.value ? -1 : 1;
    return left->id < right->id ? -1 : 1;
}

// Counts the jobs before any of them runs, notes which kinds have no more, and tells others of what
// there is no room for here.
static void note_claimed(struct jobs *jobs, const struct jobs_room *room,
                         const struct row_list *list, struct opt_i64 next_run_at)
{
    const struct job *claimed = list->objects;
    size_t count_of[JOB_KIND_COUNT] = {0};
    bool is_full = false;
    bool has_more = false;
    for (size_t i = 0; i < list->count; i++)
        count_of[claimed[i].kind]++;
    mutex_lock(&jobs->mutex);
    jobs->running += list->count;
    for (int kind = JOB_NONE + 1; kind < JOB_KIND_COUNT; kind++) {
        jobs->running_of[kind] += count_of[kind];
        if (room->of[kind] == 0)
            continue;
        jobs->dry[kind] = count_of[kind] < room->of[kind];
        has_more |= !jobs->dry[kind];
        is_full |= !jobs->dry[kind] &&
                   (jobs->running >= jobs->settings.concurrency || room_of_locked(jobs, kind) == 0);
    }
    if (next_run_at.set && next_run_at.value < jobs->look_at_us)
        jobs->look_at_us = next_run_at.value;
    bool tell = is_full && !jobs->overflows;
    jobs->overflows = is_full || (jobs->overflows && has_more);
    mutex_unlock(&jobs->mutex);
    if (tell)
        sql_broadcast(jobs->settings.db, JOBS_NOTICE);
}

// What was to be claimed is looked for again after a pause.
static void note_failed(struct jobs *jobs)
{
    mutex_lock(&jobs->mutex);
    for (int kind = JOB_NONE + 1; kind < JOB_KIND_COUNT; kind++)
        jobs->dry[kind] = true;
    jobs->look_at_us = jobs_now_us(jobs) + PAUSE_US;
    mutex_unlock(&jobs->mutex);
}

void jobs_claim(struct jobs *jobs, const struct jobs_room *room)
{
    CLEANUP(arena_close_ptr) struct arena *arena = arena_open(0);
    struct opt_i64 next_run_at = {0};
    struct row_list list = {
        .arena = arena,
        .table = &job_table,
        .objects = arena_new(arena, struct job, room->count),
        .max = room->count,
    };
    struct sql_op *op = new_claim(jobs, room, &list, &next_run_at);
    crash_here(CRASH_JOB_CLAIMING);
    jobs->claim_lost = jobs_run_op(jobs, op, "jobs.claim_failed") != ERR_OK;
    if (jobs->claim_lost) {
        note_failed(jobs);
        return;
    }
    note_claimed(jobs, room, &list, next_run_at);
    qsort(list.objects, list.count, sizeof(struct job), compare_jobs);
    const struct job *claimed = list.objects;
    for (size_t i = 0; i < list.count; i++)
        jobs_start_run(jobs, &claimed[i]);
}
