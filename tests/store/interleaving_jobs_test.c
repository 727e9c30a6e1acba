// Operations that meet on a job, on PostgreSQL, in every order of their statements.
#include "store/interleaving.h"
#include "store/job_admin_store.h"
#include "store/job_store.h"
#include "support/interleave.h"

#define LEASE JOB_LEASE_US
#define LOST  INT64_C(99) // a worker whose lease is over

// ---- Claims.

static void add_job(struct scene *s, int64_t order_id, int64_t run_at_us)
{
    struct sql_op *op = store_write(&s->f);
    job_store_add(op, &(struct job){.kind = JOB_POLL,
                                    .order_id = order_id,
                                    .company_id = 7,
                                    .run_at = OPT_I64(run_at_us),
                                    .created_at = OPT_I64(T0)});
    store_run(&s->f, op);
}

static struct sql_op *claim_op(struct scene *s, struct arena *arena, size_t i, size_t max)
{
    struct sql_op *op = write_op(arena);
    s->claimed[i] = (struct row_list){.arena = arena,
                                      .table = &job_table,
                                      .objects = arena_new(arena, struct job, 10),
                                      .max = max};
    const struct job_claim claim = {(int64_t)i + 1, NOW, NOW + LEASE, 0};
    job_store_claim(op, &claim, JOB_POLL, max, &s->claimed[i]);
    return op;
}

static struct sql_op *claim_two(void *ctx, struct arena *arena, size_t i)
{
    return claim_op(ctx, arena, i, 2);
}

// A job that a worker claimed and whose lease is over.
static void lose_job(struct scene *s)
{
    add_job(s, 1, T0);
    struct sql_op *op = store_write(&s->f);
    struct row_list list = {.arena = s->f.arena, .table = &job_table, .objects = &s->job, .max = 1};
    const struct job_claim claim = {LOST, T0, NOW - S, 0};
    job_store_claim(op, &claim, JOB_POLL, 1, &list);
    store_run(&s->f, op);
    assert_int_equal(list.count, 1);
}

// Whether each job is with the one who was told so, and with nobody else.
static const char *check_claimed(struct scene *s, size_t claimers)
{
    bool seen[10] = {false};
    for (size_t i = 0; i < claimers; i++) {
        const struct job *jobs = s->claimed[i].objects;
        for (size_t k = 0; k < s->claimed[i].count; k++) {
            char query[200];
            WANT(!seen[jobs[k].order_id]);
            seen[jobs[k].order_id] = true;
            snprintf(query, sizeof(query),
                     JOB("id = %lld AND state = 'running' AND worker = %zu AND attempt = 1"),
                     (long long)jobs[k].id, i + 1);
            WANT(count(s, query) == 1);
        }
    }
    return NULL;
}

static const char *check_two_each(void *ctx, const struct interleave_side *sides)
{
    struct scene *s = ctx;
    WANT(sides[0].waits == 0 && sides[1].waits == 0);
    WANT(s->claimed[0].count == 2 && s->claimed[1].count == 2);
    return check_claimed(s, 2);
}

static void test_claims(void **state)
{
    struct scene *s = *state;
    for (int i = 1; i <= 4; i++)
        add_job(s, i, T0 + i);
    meet(s, (struct interleave_case){.count = 2, .make = claim_two, .verdict = check_two_each});
}

static const char *check_three_in_all(void *ctx, const struct interleave_side *sides)
{
    struct scene *s = ctx;
    WANT(sides[0].waits + sides[1].waits + sides[2].waits == 0);
    WANT(s->claimed[0].count + s->claimed[1].count + s->claimed[2].count == 3);
    return check_claimed(s, 3);
}

static void test_claims_of_few(void **state)
{
    struct scene *s = *state;
    for (int i = 1; i <= 3; i++)
        add_job(s, i, T0 + i);
    meet(s, (struct interleave_case){.count = 3, .make = claim_two, .verdict = check_three_in_all});
}

static struct sql_op *claim_and_add(void *ctx, struct arena *arena, size_t i)
{
    if (i == 0)
        return claim_op(ctx, arena, i, 2);
    struct sql_op *op = write_op(arena);
    job_store_add(op, &(struct job){.kind = JOB_POLL,
                                    .order_id = 1,
                                    .company_id = 7,
                                    .run_at = OPT_I64(i == 1 ? NOW - 2 * S : NOW + S),
                                    .created_at = OPT_I64(T0)});
    return op;
}

// The job of order 1 is due and may be moved up, but not once it runs; there is never a second one.
static const char *check_one_job(void *ctx, const struct interleave_side *sides)
{
    struct scene *s = ctx;
    const struct job *job = s->claimed[0].objects;
    bool runs = s->claimed[0].count == 1;
    WANT(sides[0].waits == 0);
    WANT(count(s, JOB("true")) == 1);
    WANT(count(s, JOB("state = 'running' AND attempt = 1")) == (runs ? 1 : 0));
    WANT(count(s, JOB("state = 'ready' AND attempt = 0")) == (runs ? 0 : 1));
    WANT(count(s, "SELECT " US_OF("run_at") " FROM sunlead_jobs") ==
         (runs ? job->run_at.value : NOW - 2 * S));
    return NULL;
}

static void test_claim_and_add(void **state)
{
    struct scene *s = *state;
    add_job(s, 1, NOW - S);
    meet(s, (struct interleave_case){.count = 3, .make = claim_and_add, .verdict = check_one_job});
}

// ---- Leases.

static struct sql_op *rescue_op(struct arena *arena)
{
    struct sql_op *op = write_op(arena);
    job_store_rescue(op, NOW, arena_new(arena, struct job_rescued, 1));
    return op;
}

static struct sql_op *claim_and_rescues(void *ctx, struct arena *arena, size_t i)
{
    return i == 0 ? claim_op(ctx, arena, i, 2) : rescue_op(arena);
}

// One of them gives the job back, and what is claimed then stays claimed.
static const char *check_rescued(void *ctx, const struct interleave_side *sides)
{
    struct scene *s = ctx;
    WANT(sides[1].waits == 0 && sides[2].waits == 0);
    WANT(sides[1].op->steps[0].rows + sides[2].op->steps[0].rows == 1);
    WANT(count(s, JOB("order_id = 2 AND state = 'running' AND worker = 1 AND attempt = 1")) == 1);
    if (s->claimed[0].count == 2)
        WANT(count(s, JOB("order_id = 1 AND state = 'running' AND worker = 1 AND attempt = 2")) ==
             1);
    else
        WANT(count(s, JOB("order_id = 1 AND state = 'ready' AND attempt = 1")) == 1);
    return NULL;
}

static void test_claim_and_rescues(void **state)
{
    struct scene *s = *state;
    lose_job(s);
    add_job(s, 2, T0);
    meet(s,
         (struct interleave_case){.count = 3, .make = claim_and_rescues, .verdict = check_rescued});
}

// What the worker that was thought lost still does, a rescuer, and who claims what is rescued.
static struct sql_op *with_rescue_and_claim(void *ctx, struct arena *arena, size_t i,
                                            struct sql_op *late)
{
    if (i == 0)
        return late;
    return i == 1 ? rescue_op(arena) : claim_op(ctx, arena, i, 2);
}

// The job is where it is when the late one came too late: ready, or with who claimed it.
static const char *check_taken_away(struct scene *s)
{
    WANT(count(s, JOB("kind = 'files'")) == 0);
    WANT(count(s, JOB("last_error = 'no luck'")) == 0);
    if (s->claimed[2].count == 1)
        WANT(count(s, JOB("state = 'running' AND worker = 3 AND attempt = 2")) == 1);
    else
        WANT(count(s, JOB("state = 'ready' AND attempt = 1")) == 1);
    return NULL;
}

static void add_files_job(struct sql_op *op)
{
    job_store_add(op, &(struct job){.kind = JOB_FILES,
                                    .order_id = 1,
                                    .run_at = OPT_I64(NOW),
                                    .created_at = OPT_I64(NOW)});
}

static struct sql_op *finish_and_rescue(void *ctx, struct arena *arena, size_t i)
{
    struct scene *s = ctx;
    struct sql_op *op = write_op(arena);
    add_files_job(op);
    job_store_finish(op, &s->job);
    return with_rescue_and_claim(s, arena, i, op);
}

static const char *check_finished(void *ctx, const struct interleave_side *sides)
{
    struct scene *s = ctx;
    if (sides[0].op->error.code == ERR_CANCELLED)
        return check_taken_away(s);
    WANT(sides[0].op->error.code == ERR_OK);
    WANT(sides[1].op->steps[0].rows == 0 && s->claimed[2].count == 0);
    WANT(count(s, JOB("kind = 'poll'")) == 0 && count(s, JOB("kind = 'files'")) == 1);
    return NULL;
}

static void test_finish_and_rescue(void **state)
{
    struct scene *s = *state;
    lose_job(s);
    meet(s, (struct interleave_case){
                .count = 3, .make = finish_and_rescue, .verdict = check_finished});
}

static struct sql_op *reschedule_and_rescue(void *ctx, struct arena *arena, size_t i)
{
    struct scene *s = ctx;
    struct sql_op *op = write_op(arena);
    struct job job = s->job;
    job.run_at = OPT_I64(LATER);
    job.last_error = STR("no luck");
    add_files_job(op);
    job_store_reschedule(op, &job, NOW);
    return with_rescue_and_claim(s, arena, i, op);
}

static const char *check_rescheduled(void *ctx, const struct interleave_side *sides)
{
    struct scene *s = ctx;
    if (sides[0].op->error.code == ERR_CANCELLED)
        return check_taken_away(s);
    WANT(sides[0].op->error.code == ERR_OK);
    WANT(sides[1].op->steps[0].rows == 0 && s->claimed[2].count == 0);
    WANT(count(s, JOB("kind = 'poll' AND state = 'ready' AND last_error = 'no luck'")) == 1);
    WANT(count(s, "SELECT " US_OF("run_at") " FROM sunlead_jobs WHERE kind = 'poll'") == LATER);
    WANT(count(s, JOB("kind = 'files'")) == 1);
    return NULL;
}

static void test_reschedule_and_rescue(void **state)
{
    struct scene *s = *state;
    lose_job(s);
    meet(s, (struct interleave_case){
                .count = 3, .make = reschedule_and_rescue, .verdict = check_rescheduled});
}

static struct sql_op *heartbeat_and_rescue(void *ctx, struct arena *arena, size_t i)
{
    struct scene *s = ctx;
    struct sql_op *op = write_op(arena);
    struct str ids = arena_printf(arena, "[%lld]", (long long)s->job.id);
    job_store_heartbeat(op, LOST, ids, NOW + LEASE);
    return with_rescue_and_claim(s, arena, i, op);
}

static const char *check_heartbeat(void *ctx, const struct interleave_side *sides)
{
    struct scene *s = ctx;
    if (sides[0].op->steps[0].rows == 0)
        return check_taken_away(s);
    WANT(sides[1].op->steps[0].rows == 0 && s->claimed[2].count == 0);
    WANT(count(s, JOB("state = 'running' AND worker = 99 AND attempt = 1")) == 1);
    WANT(count(s, "SELECT " US_OF("lease_until") " FROM sunlead_jobs") == NOW + LEASE);
    return NULL;
}

static void test_heartbeat_and_rescue(void **state)
{
    struct scene *s = *state;
    lose_job(s);
    meet(s, (struct interleave_case){
                .count = 3, .make = heartbeat_and_rescue, .verdict = check_heartbeat});
}

// Two runners after an outage in which all leases ended: each keeps its own job and gives back
// those of others.
static struct sql_op *upkeep_op(void *ctx, struct arena *arena, size_t i)
{
    struct sql_op *op = write_op(arena);
    (void)ctx;
    job_store_heartbeat(op, (int64_t)i + 1, i == 0 ? STR("[101]") : STR("[102]"), NOW + LEASE);
    job_store_rescue(op, NOW, arena_new(arena, struct job_rescued, 1));
    return op;
}

static const char *check_upkeep(void *ctx, const struct interleave_side *sides)
{
    struct scene *s = ctx;
    for (size_t i = 0; i < 2; i++) {
        bool kept = sides[i].op->steps[0].rows == 1;
        char query[300];
        snprintf(
            query, sizeof(query),
            "SELECT " US_OF("lease_until") " FROM sunlead_jobs WHERE id = %zu AND "
                                           "state = 'running' AND worker = %zu AND attempt = 1",
            101 + i, i + 1);
        WANT(count(s, query) == (kept ? NOW + LEASE : INT64_MIN));
        snprintf(query, sizeof(query), JOB("id = %zu AND state = 'ready' AND attempt = 1"),
                 101 + i);
        WANT(count(s, query) == (kept ? 0 : 1));
    }
    WANT(sides[0].op->steps[0].rows + sides[1].op->steps[0].rows > 0);
    return NULL;
}

static void test_upkeeps(void **state)
{
    struct scene *s = *state;
    store_exec(&s->f, "INSERT INTO sunlead_jobs (id, kind, order_id, company_id, state, attempt, "
                      "run_at, lease_until, worker) SELECT 100 + n, 'poll', n, 1, 'running', 1, "
                      "to_timestamp(0), to_timestamp(0), n FROM generate_series(1, 2) AS n");
    meet(s, (struct interleave_case){.count = 2, .make = upkeep_op, .verdict = check_upkeep});
}

// ---- Caps, ends of many, cancels.

static struct sql_op *claim_capped(void *ctx, struct arena *arena, size_t i)
{
    struct scene *s = ctx;
    struct sql_op *op = write_op(arena);
    s->claimed[i] = (struct row_list){.arena = arena,
                                      .table = &job_table,
                                      .objects = arena_new(arena, struct job, 10),
                                      .max = 10};
    const struct job_claim claim = {(int64_t)i + 1, NOW, NOW + LEASE, 1};
    job_store_claim_lock(op);
    job_store_claim(op, &claim, JOB_ORDER, 2, &s->claimed[i]);
    return op;
}

// One of each company in all, whoever has it.
static const char *check_cap(void *ctx, const struct interleave_side *sides)
{
    struct scene *s = ctx;
    (void)sides;
    WANT(s->claimed[0].count + s->claimed[1].count == 2);
    WANT(count(s, JOB("state = 'running'")) == 2);
    WANT(count(s, JOB("state = 'running' AND company_id = 1")) == 1);
    return check_claimed(s, 2);
}

static void test_capped_claims(void **state)
{
    struct scene *s = *state;
    store_exec(&s->f, "INSERT INTO sunlead_jobs (kind, order_id, company_id, state, attempt, turn, "
                      "run_at) SELECT 'order', n, 1 + n % 2, 'ready', 0, n, to_timestamp(0) "
                      "FROM generate_series(1, 6) AS n");
    meet(s, (struct interleave_case){.count = 2, .make = claim_capped, .verdict = check_cap});
}

static struct sql_op *finish_all_and_rescue(void *ctx, struct arena *arena, size_t i)
{
    struct scene *s = ctx;
    struct sql_op *op = write_op(arena);
    job_store_finish_all(op, arena_printf(arena, "[[%lld,%lld],[999,1]]", (long long)s->job.id,
                                          (long long)s->job.attempt));
    return with_rescue_and_claim(s, arena, i, op);
}

static const char *check_finished_all(void *ctx, const struct interleave_side *sides)
{
    struct scene *s = ctx;
    if (sides[0].op->steps[0].rows == 0)
        return check_taken_away(s);
    WANT(sides[1].op->steps[0].rows == 0 && s->claimed[2].count == 0);
    WANT(count(s, JOB("true")) == 0);
    return NULL;
}

static void test_finish_all_and_rescue(void **state)
{
    struct scene *s = *state;
    lose_job(s);
    meet(s, (struct interleave_case){
                .count = 3, .make = finish_all_and_rescue, .verdict = check_finished_all});
}

static struct sql_op *cancel_and_finish(void *ctx, struct arena *arena, size_t i)
{
    struct scene *s = ctx;
    struct sql_op *op = write_op(arena);
    if (i == 0) {
        job_store_cancel(op, s->job.id, NOW);
    } else {
        add_files_job(op);
        job_store_finish(op, &s->job);
    }
    return op;
}

static const char *check_one_of_both(void *ctx, const struct interleave_side *sides)
{
    struct scene *s = ctx;
    bool cancelled = sides[0].op->error.code == ERR_OK;
    WANT(sides[0].op->error.code == (cancelled ? ERR_OK : ERR_CONFLICT));
    WANT(sides[1].op->error.code == (cancelled ? ERR_CANCELLED : ERR_OK));
    WANT(count(s, JOB("state = 'cancelled'")) == (cancelled ? 1 : 0));
    WANT(count(s, JOB("kind = 'files'")) == (cancelled ? 0 : 1));
    return NULL;
}

static void test_cancel_and_finish(void **state)
{
    struct scene *s = *state;
    lose_job(s);
    meet(s, (struct interleave_case){
                .count = 2, .make = cancel_and_finish, .verdict = check_one_of_both});
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        SCENE_TEST(test_claims),
        SCENE_TEST(test_claims_of_few),
        SCENE_TEST(test_claim_and_add),
        SCENE_TEST(test_claim_and_rescues),
        SCENE_TEST(test_finish_and_rescue),
        SCENE_TEST(test_reschedule_and_rescue),
        SCENE_TEST(test_heartbeat_and_rescue),
        SCENE_TEST(test_upkeeps),
        SCENE_TEST(test_capped_claims),
        SCENE_TEST(test_finish_all_and_rescue),
        SCENE_TEST(test_cancel_and_finish),
    };
    return cmocka_run_group_tests(tests, postgres_db_start, postgres_db_stop);
}
