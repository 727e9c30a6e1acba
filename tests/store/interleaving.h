// A database of PostgreSQL whose operations are run in every order of their steps: what the tests
// of jobs and of leads share.
#ifndef SUNLEAD_TESTS_STORE_INTERLEAVING_H
#define SUNLEAD_TESTS_STORE_INTERLEAVING_H

#include <stdio.h>
#include <stdlib.h>

#include "domain/job.h"
#include "domain/lead.h"
#include "domain/order.h"
#include "sql/postgres_db.h"
#include "store/row_into.h"
#include "support/interleave.h"
#include "support/store_fixture.h"

#define T0    STORE_T0_US
#define S     INT64_C(1000000)
#define NOW   (T0 + 1000 * S)
#define LATER (NOW + 60 * S)

// A time column as a number.
#define US_OF(column) "(extract(epoch FROM " column ") * 1000000)::bigint"

#define JOB(condition) "SELECT count(*) FROM sunlead_jobs WHERE " condition

// For the verdicts: says what does not hold.
#define WANT(condition)                                                                            \
    do {                                                                                           \
        if (!(condition))                                                                          \
            return #condition;                                                                     \
    } while (0)

struct scene {
    struct postgres_db_fixture *db;
    struct store_fixture f; // the same database, in the store's words
    struct interleave *it;
    // What the operations read, by operation.
    struct row_list claimed[INTERLEAVE_MAX];
    struct order newest[INTERLEAVE_MAX];
    struct lead leads[INTERLEAVE_MAX];
    struct order orders[INTERLEAVE_MAX]; // what they store
    // As it was read before.
    struct job job;
    struct order order;
    struct lead lead;
};

static inline int scene_setup(void **state)
{
    void *db = NULL;
    struct scene *s = calloc(1, sizeof(*s));
    if (s == NULL || postgres_db_setup(&db) != 0)
        return -1;
    s->db = db;
    postgres_db_migrate(s->db);
    s->f = (struct store_fixture){.db = s->db->sql, .arena = s->db->arena, .url = s->db->url};
    s->it = interleave_open(s->db->url);
    *state = s;
    return 0;
}

static inline int scene_teardown(void **state)
{
    struct scene *s = *state;
    void *db = s->db;
    interleave_close(s->it);
    free(s);
    return postgres_db_teardown(&db);
}

static inline int64_t count(struct scene *s, const char *query)
{
    return interleave_i64(s->it, query);
}

static inline void meet(struct scene *s, struct interleave_case what)
{
    what.ctx = s;
    interleave_all(s->it, &what);
}

static inline struct sql_op *write_op(struct arena *arena)
{
    return sql_op_new(arena, "test_write", SQL_LANE_WRITE);
}

#define SCENE_TEST(test) cmocka_unit_test_setup_teardown(test, scene_setup, scene_teardown)

#endif
