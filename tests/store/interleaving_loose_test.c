// Those who put contents and those who remove them, on PostgreSQL, in every order of their
// statements.
#include "store/interleaving.h"
#include "store/file_store.h"
#include "store/loose_store.h"
#include "support/interleave.h"

#define OLD   (NOW - 500 * S) // older than what a content may be loose
#define NAMED "SELECT count(*) FROM sunlead_files WHERE sha256 = 'hash'"
#define LOOSE "SELECT count(*) FROM sunlead_loose_files WHERE NOT removing"
#define GOING "SELECT count(*) FROM sunlead_loose_files WHERE removing"

static struct loose_portion portions[INTERLEAVE_MAX];

static struct sql_op *mark_op(struct arena *arena, size_t i)
{
    struct sql_op *op = write_op(arena);
    portions[i] = (struct loose_portion){.arena = arena};
    const struct loose_age age = {NOW, OLD, OLD};
    loose_store_mark(op, &age, &portions[i]);
    return op;
}

static struct sql_op *add_op(struct arena *arena)
{
    struct sql_op *op = write_op(arena);
    loose_store_add(op, STR("hash"), NOW);
    return op;
}

static struct sql_op *name_op(struct arena *arena, int64_t project_id)
{
    struct sql_op *op = write_op(arena);
    struct model_file *file = arena_new(arena, struct model_file, 1);
    *file = (struct model_file){.project_id = project_id,
                                .company_id = 7,
                                .name = STR("scene.obj"),
                                .kind = MODEL_FILE_OBJ,
                                .state = MODEL_FILE_STORED,
                                .size = OPT_I64(1),
                                .sha256 = STR("hash"),
                                .updated_at = OPT_I64(NOW)};
    file_store_put(op, file, file->updated_at.value);
    return op;
}

static struct sql_op *lose_op(struct arena *arena)
{
    static const struct sql_stmt stmt = {
        .name = "test_lose",
        .text = "UPDATE sunlead_files SET sha256 = NULL, state = 'removed', updated_at = $1",
    };
    struct sql_op *op = write_op(arena);
    SQL_STEP(op, &stmt, SQLV_TIME(NOW));
    return op;
}

static void add_old(struct scene *s)
{
    struct sql_op *op = store_write(&s->f);
    loose_store_add(op, STR("hash"), T0);
    store_run(&s->f, op);
}

// ---- Two who sweep.

static struct sql_op *make_marks(void *ctx, struct arena *arena, size_t i)
{
    (void)ctx;
    return mark_op(arena, i);
}

static const char *check_marks(void *ctx, const struct interleave_side *sides)
{
    WANT(sides[0].op->error.code == ERR_OK && sides[1].op->error.code == ERR_OK);
    WANT(portions[0].count + portions[1].count == 1);
    WANT(count(ctx, GOING) == 1);
    return NULL;
}

static void test_two_sweeps(void **state)
{
    add_old(*state);
    meet(*state, (struct interleave_case){
                     .count = 2, .is_symmetric = true, .make = make_marks, .verdict = check_marks});
}

// ---- A sweep, and somebody who announces the content anew.

static struct sql_op *make_mark_add(void *ctx, struct arena *arena, size_t i)
{
    (void)ctx;
    return i == 0 ? mark_op(arena, i) : add_op(arena);
}

static const char *check_mark_add(void *ctx, const struct interleave_side *sides)
{
    bool added = sides[1].op->error.code == ERR_OK;
    WANT(added || sides[1].op->error.code == ERR_STALE);
    WANT(portions[0].count == (added ? 0 : 1));
    WANT(count(ctx, LOOSE) == (added ? 1 : 0));
    WANT(count(ctx, GOING) == (added ? 0 : 1));
    return NULL;
}

static void test_sweep_and_announcement(void **state)
{
    add_old(*state);
    meet(*state,
         (struct interleave_case){.count = 2, .make = make_mark_add, .verdict = check_mark_add});
}

// ---- A sweep, and two who name the content.

static struct sql_op *make_mark_names(void *ctx, struct arena *arena, size_t i)
{
    (void)ctx;
    return i == 0 ? mark_op(arena, i) : name_op(arena, (int64_t)i);
}

static const char *check_mark_names(void *ctx, const struct interleave_side *sides)
{
    int64_t named = 0;
    for (size_t i = 1; i < 3; i++) {
        WANT(sides[i].op->error.code == ERR_OK || sides[i].op->error.code == ERR_STALE);
        named += sides[i].op->error.code == ERR_OK ? 1 : 0;
    }
    WANT(count(ctx, NAMED) == named);
    WANT(portions[0].count == 0 || named == 0);
    WANT(portions[0].count == 1 || named == 2);
    return NULL;
}

static void test_sweep_and_names(void **state)
{
    add_old(*state);
    meet(*state, (struct interleave_case){
                     .count = 3, .make = make_mark_names, .verdict = check_mark_names});
}

// ---- A sweep that finds the content named, and somebody who takes the name away: the content is
// loose then, from now on.

static struct sql_op *make_mark_lose(void *ctx, struct arena *arena, size_t i)
{
    (void)ctx;
    return i == 0 ? mark_op(arena, i) : lose_op(arena);
}

static const char *check_mark_lose(void *ctx, const struct interleave_side *sides)
{
    WANT(sides[0].op->error.code == ERR_OK && sides[1].op->error.code == ERR_OK);
    WANT(portions[0].count == 0);
    WANT(count(ctx, NAMED) == 0);
    WANT(count(ctx, LOOSE) == 1);
    return NULL;
}

static void test_sweep_and_removal(void **state)
{
    struct scene *s = *state;
    add_old(s);
    store_run(&s->f, name_op(s->f.arena, 1));
    store_exec(&s->f, "UPDATE sunlead_loose_files SET since = since - INTERVAL '1 day'");
    meet(s,
         (struct interleave_case){.count = 2, .make = make_mark_lose, .verdict = check_mark_lose});
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        SCENE_TEST(test_two_sweeps),
        SCENE_TEST(test_sweep_and_announcement),
        SCENE_TEST(test_sweep_and_names),
        SCENE_TEST(test_sweep_and_removal),
    };
    return cmocka_run_group_tests(tests, postgres_db_start, postgres_db_stop);
}
