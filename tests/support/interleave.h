// Runs operations on PostgreSQL step by step, in every order in which their statements can meet.
#ifndef SUNLEAD_TEST_INTERLEAVE_H
#define SUNLEAD_TEST_INTERLEAVE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "sql/sql.h"

#define INTERLEAVE_MAX 3

// A database, with a session for each operation and one that looks.
struct interleave;

// interleave_open() opens them. Fails the test.
struct interleave *interleave_open(const char *url);

// interleave_close() closes. NULL is fine.
void interleave_close(struct interleave *it);

// How an operation went. Its code, rows and results are in the operation.
struct interleave_side {
    struct sql_op *op;
    size_t waits;      // statements that another session held up
    size_t deadlocks;  // how often it was begun again after one
    size_t first_turn; // when its first statement was done, counted over all
};

// Operations that meet, and what must hold after each order of their steps.
struct interleave_case {
    size_t count; // of operations, INTERLEAVE_MAX at most
    bool may_deadlock;
    bool is_symmetric; // the operations are alike: orders that begin with the first one are enough
    // Makes operation i, anew for each order; its results go where the context has room for them.
    struct sql_op *(*make)(void *ctx, struct arena *arena, size_t i);
    // Says what does not hold; NULL: all does.
    const char *(*verdict)(void *ctx, const struct interleave_side *sides);
    void *ctx;
};

// interleave_all() takes the database as it is, and for every order puts it back into that state,
// runs the steps (the statements of the driver, one session an operation, between BEGIN and COMMIT)
// and asks for the verdict. A step that another session holds up is waited for until that one goes
// on; what met a deadlock is begun again, as the driver does it. Leaves the database as it was.
// Fails the test.
void interleave_all(struct interleave *it, const struct interleave_case *what);

// interleave_i64() is the one number that a query gives; INT64_MIN for NULL or no row.
int64_t interleave_i64(struct interleave *it, const char *query);

#endif
