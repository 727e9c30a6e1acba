// The contract of store/loose_store.h, on every engine: what is named is never removed.
#include "support/store_fixture.h"

#include <stdio.h>

#include "domain/model_file.h"
#include "store/file_store.h"
#include "store/loose_store.h"

#define T0 STORE_T0_US
#define S  INT64_C(1000000)

static const char hash_a[] = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
static const char hash_b[] = "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb";

// ---- The steps of those who meet.

static enum err run(struct store_fixture *f, struct sql_op *op)
{
    return sql_run(f->db, op);
}

static enum err add(struct store_fixture *f, const char *hash, int64_t now_us)
{
    struct sql_op *op = store_write(f);
    loose_store_add(op, str_of(hash), now_us);
    return run(f, op);
}

static enum err name_it(struct store_fixture *f, int64_t project_id, const char *hash,
                        int64_t now_us)
{
    const struct model_file file = {
        .project_id = project_id,
        .company_id = 7,
        .name = STR("scene.obj"),
        .kind = MODEL_FILE_OBJ,
        .state = MODEL_FILE_STORED,
        .size = OPT_I64(5),
        .sha256 = str_of(hash),
        .updated_at = OPT_I64(now_us),
    };
    struct sql_op *op = store_write(f);
    file_store_put(op, &file, file.updated_at.value);
    return run(f, op);
}

static void mark(struct store_fixture *f, int64_t now_us, struct loose_portion *portion)
{
    const struct loose_age age = {now_us, now_us - LOOSE_KEPT_US, now_us - LOOSE_REMOVING_US};
    *portion = (struct loose_portion){.arena = f->arena};
    struct sql_op *op = store_write(f);
    loose_store_mark(op, &age, portion);
    store_run(f, op);
}

static size_t marked(struct store_fixture *f, int64_t now_us)
{
    struct loose_portion portion;
    mark(f, now_us, &portion);
    return portion.count;
}

static void drop(struct store_fixture *f, const char *hash)
{
    struct sql_op *op = store_write(f);
    loose_store_drop(op, arena_printf(f->arena, "[\"%s\"]", hash));
    store_run(f, op);
}

static int64_t loose(struct store_fixture *f)
{
    return store_i64(f, "SELECT count(*) FROM sunlead_loose_files");
}

static int64_t names(struct store_fixture *f)
{
    return store_i64(f, "SELECT count(*) FROM sunlead_files WHERE sha256 IS NOT NULL");
}

// ---- One after the other.

static void test_put_and_nobody_names_it(void **state)
{
    struct store_fixture *f = *state;
    struct loose_portion portion;
    assert_int_equal(add(f, hash_a, T0), ERR_OK);
    assert_int_equal(add(f, hash_b, T0 + 5 * S), ERR_OK);
    assert_int_equal(marked(f, T0 + LOOSE_KEPT_US), 0);
    mark(f, T0 + LOOSE_KEPT_US + 1, &portion);
    assert_int_equal(portion.count, 1);
    assert_true(str_equal(portion.sha256[0], str_of(hash_a)));
    // It is one process's, until that is long gone.
    int64_t now_us = T0 + LOOSE_KEPT_US + 1;
    assert_int_equal(marked(f, now_us), 0);
    assert_int_equal(add(f, hash_a, now_us), ERR_STALE);
    assert_int_equal(name_it(f, 1, hash_a, now_us), ERR_STALE);
    assert_int_equal(store_i64(f, "SELECT count(*) FROM sunlead_files"), 0);
    drop(f, hash_a);
    assert_int_equal(loose(f), 1);
    assert_int_equal(name_it(f, 1, hash_a, now_us), ERR_STALE);
    assert_int_equal(add(f, hash_a, now_us), ERR_OK);
    assert_int_equal(name_it(f, 1, hash_a, now_us), ERR_OK);
}

static void test_a_remover_was_killed(void **state)
{
    struct store_fixture *f = *state;
    int64_t now_us = T0 + LOOSE_KEPT_US + 1;
    assert_int_equal(add(f, hash_a, T0), ERR_OK);
    assert_int_equal(marked(f, now_us), 1);
    assert_int_equal(marked(f, now_us + LOOSE_REMOVING_US), 0);
    assert_int_equal(marked(f, now_us + LOOSE_REMOVING_US + 1), 1);
    assert_int_equal(marked(f, now_us + LOOSE_REMOVING_US + 1), 0);
}

static void test_what_is_named_is_not_loose(void **state)
{
    struct store_fixture *f = *state;
    assert_int_equal(add(f, hash_a, T0), ERR_OK);
    assert_int_equal(name_it(f, 1, hash_a, T0 + S), ERR_OK);
    assert_int_equal(loose(f), 1);
    assert_int_equal(marked(f, T0 + LOOSE_KEPT_US + 2 * S), 0);
    assert_int_equal(loose(f), 0);
}

// A row that loses its content makes it loose, however it loses it; one that names the same again
// does not.
static void test_what_is_lost(void **state)
{
    static const struct {
        const char *change;
        int64_t since; // of a loose row; 0: there is none
    } rows[] = {
        {"UPDATE sunlead_files SET state = 'removed', sha256 = NULL, updated_at = updated_at", T0},
        {"UPDATE sunlead_files SET error = 'x'", 0},
        {"UPDATE sunlead_files SET sha256 = sha256, size = 9", 0},
        {"UPDATE sunlead_files SET sha256 = 'other'", T0},
        {"DELETE FROM sunlead_files", T0},
    };
    struct store_fixture *f = *state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        store_exec(f, "DELETE FROM sunlead_files");
        store_exec(f, "DELETE FROM sunlead_loose_files");
        assert_int_equal(add(f, hash_a, T0), ERR_OK);
        assert_int_equal(name_it(f, 1, hash_a, T0), ERR_OK);
        store_exec(f, "DELETE FROM sunlead_loose_files");
        store_exec(f, rows[i].change);
        assert_int_equal(loose(f), rows[i].since > 0 ? 1 : 0);
        if (rows[i].since > 0)
            assert_int_equal(marked(f, T0 + LOOSE_KEPT_US + 1), 1);
    }
}

static void test_a_row_that_changes_its_content(void **state)
{
    struct store_fixture *f = *state;
    assert_int_equal(add(f, hash_a, T0), ERR_OK);
    assert_int_equal(name_it(f, 1, hash_a, T0), ERR_OK);
    assert_int_equal(add(f, hash_b, T0 + S), ERR_OK);
    assert_int_equal(name_it(f, 1, hash_b, T0 + S), ERR_OK);
    struct loose_portion portion;
    mark(f, T0 + LOOSE_KEPT_US + 2 * S, &portion);
    assert_int_equal(portion.count, 1);
    assert_true(str_equal(portion.sha256[0], str_of(hash_a)));
}

static void test_portions(void **state)
{
    struct store_fixture *f = *state;
    for (int i = 0; i < LOOSE_PORTION + 30; i++) {
        char hash[65];
        snprintf(hash, sizeof(hash), "%064d", i);
        assert_int_equal(add(f, hash, T0), ERR_OK);
    }
    assert_int_equal(marked(f, T0 + LOOSE_KEPT_US + 1), LOOSE_PORTION);
    assert_int_equal(marked(f, T0 + LOOSE_KEPT_US + 1), 30);
    assert_int_equal(marked(f, T0 + LOOSE_KEPT_US + 1), 0);
}

// ---- In every order: two who put the same content, one of whom began long ago, one who removes a
// row that names it, and one who sweeps, which takes three steps too.

enum actor { ACTOR_LATE, ACTOR_FRESH, ACTOR_SWEEP, ACTOR_REMOVE, ACTOR_COUNT };
static const unsigned actor_steps[ACTOR_COUNT] = {2, 3, 3, 1};

struct meeting {
    struct store_fixture *f;
    bool is_stored; // the content, in the store of files
    unsigned done[ACTOR_COUNT];
    bool gave_up[ACTOR_COUNT];
    bool sweeps; // it marked the content
    size_t orders;
    size_t removals;
    char trace[64];
};

#define LONG_AFTER (T0 + LOOSE_KEPT_US + S)

// One who puts: announces, puts, names. The late one announced it more than an hour ago.
static void put_step(struct meeting *m, enum actor actor, unsigned step, int64_t project_id)
{
    if (m->gave_up[actor])
        return;
    if (step == 0)
        m->gave_up[actor] = add(m->f, hash_a, LONG_AFTER) != ERR_OK;
    else if (step == 1)
        m->is_stored = true;
    else
        m->gave_up[actor] = name_it(m->f, project_id, hash_a, LONG_AFTER) != ERR_OK;
}

static void sweep_step(struct meeting *m, unsigned step)
{
    if (step == 0) {
        m->sweeps = marked(m->f, LONG_AFTER) > 0;
    } else if (m->sweeps && step == 1) {
        m->is_stored = false;
        m->removals++;
    } else if (m->sweeps) {
        drop(m->f, hash_a);
    }
}

static void take_step(struct meeting *m, enum actor actor)
{
    unsigned step = m->done[actor]++;
    switch (actor) {
    case ACTOR_LATE:
        put_step(m, actor, step + 1, 1);
        break;
    case ACTOR_FRESH:
        put_step(m, actor, step, 2);
        break;
    case ACTOR_SWEEP:
        sweep_step(m, step);
        break;
    case ACTOR_REMOVE:
        store_exec(m->f, "UPDATE sunlead_files SET state = 'removed', sha256 = NULL "
                         "WHERE project_id IN (1, 3)");
        break;
    case ACTOR_COUNT:
        break;
    }
    if (names(m->f) > 0 && !m->is_stored)
        fail_msg("order %s: it is named, and was removed", m->trace);
}

// Who was refused begins anew. What is stored then has a name, or a loose row by which it will be
// found.
static void try_again(struct meeting *m)
{
    for (int actor = ACTOR_LATE; actor <= ACTOR_FRESH; actor++) {
        bool refused = m->gave_up[actor];
        m->gave_up[actor] = false;
        for (unsigned step = 0; refused && step < 3; step++)
            put_step(m, (enum actor)actor, step, 1 + actor);
        assert_false(m->gave_up[actor]);
    }
    if (names(m->f) > 0 && !m->is_stored)
        fail_msg("order %s: it is named, and was removed", m->trace);
    if (m->is_stored && names(m->f) == 0 && loose(m->f) == 0)
        fail_msg("order %s: it stays for ever", m->trace);
}

static void play(struct meeting *m, const enum actor *order, size_t count, bool is_named)
{
    struct store_fixture *f = m->f;
    store_exec(f, "DELETE FROM sunlead_files");
    store_exec(f, "DELETE FROM sunlead_loose_files");
    memset(m->done, 0, sizeof(m->done));
    memset(m->gave_up, 0, sizeof(m->gave_up));
    m->sweeps = false;
    m->is_stored = true;
    assert_int_equal(add(f, hash_a, T0), ERR_OK);
    if (is_named)
        assert_int_equal(name_it(f, 3, hash_a, T0), ERR_OK);
    for (size_t i = 0; i < count; i++)
        m->trace[i] = (char)('a' + order[i]);
    m->trace[count] = '\0';
    for (size_t i = 0; i < count; i++)
        take_step(m, order[i]);
    try_again(m);
    m->orders++;
}

static void play_all(struct meeting *m, enum actor *order, size_t count, unsigned *left)
{
    bool any = false;
    for (int actor = 0; actor < ACTOR_COUNT; actor++) {
        if (left[actor] == 0)
            continue;
        any = true;
        left[actor]--;
        order[count] = (enum actor)actor;
        play_all(m, order, count + 1, left);
        left[actor]++;
    }
    if (any)
        return;
    play(m, order, count, false);
    if (m->orders % 16 == 0) // as likely to fail, and slower
        play(m, order, count, true);
}

static void test_every_order(void **state)
{
    struct meeting m = {.f = *state};
    enum actor order[16];
    unsigned left[ACTOR_COUNT];
    memcpy(left, actor_steps, sizeof(left));
    // Without the late one, and then without the one who removes: all four meet in 5040 orders.
    left[ACTOR_LATE] = 0;
    play_all(&m, order, 0, left);
    assert_true(m.orders >= 140);
    left[ACTOR_LATE] = actor_steps[ACTOR_LATE];
    left[ACTOR_REMOVE] = 0;
    left[ACTOR_FRESH] = 0;
    play_all(&m, order, 0, left);
    assert_true(m.removals > 0);
}

#define TEST(name)                                                                                 \
    cmocka_unit_test_setup_teardown(name, store_fixture_setup, store_fixture_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_put_and_nobody_names_it),
        TEST(test_a_remover_was_killed),
        TEST(test_what_is_named_is_not_loose),
        TEST(test_what_is_lost),
        TEST(test_a_row_that_changes_its_content),
        TEST(test_portions),
        TEST(test_every_order),
    };
    return store_fixture_run_suite("loose_store", tests, COUNT_OF(tests));
}
