// Comparing a table of two databases, row by row.
#ifndef SUNLEAD_APP_COPY_COMPARE_H
#define SUNLEAD_APP_COPY_COMPARE_H

#include <stdbool.h>
#include <stdint.h>

#include "app/copy_progress.h"
#include "base/arena.h"
#include "base/error.h"
#include "base/hash.h"
#include "sql/sql.h"
#include "store/copy_store.h"

// What a table holds: its rows, and the SHA-256 of them as copy_row_append_bytes() writes them, in
// the order of the key.
struct copy_sum {
    int64_t rows;
    char sha256[SHA256_HEX + 1];
};

struct copy_outcome {
    const char *table;
    struct copy_sum from;
    struct copy_sum to;
    const char *difference; // where the first one is, in the arena; NULL: they are equal
};

// The two databases, an arena for the outcome, and who is told how far it is.
struct copy_pair {
    struct sql *from;
    struct sql *to;
    struct arena *arena;
    struct copy_progress *progress;
    int64_t total; // rows of the table, for the progress
};

// copy_compare() reads a table from both databases to its end, page by page. Blocks.
MUST_CHECK enum err copy_compare(const struct copy_pair *pair, const struct copy_part *part,
                                 struct copy_outcome *ret_outcome, struct error *err);

#endif
