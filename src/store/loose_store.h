// The table of loose contents: those that the store of files may have although no file's row names
// them. A trigger adds what a row of files loses.
#ifndef SUNLEAD_STORE_LOOSE_STORE_H
#define SUNLEAD_STORE_LOOSE_STORE_H

#include <stdint.h>

#include "base/str.h"
#include "sql/sql.h"

// How long a content may be in the store without a name: longer than any put takes, and then its
// row's commit.
#define LOOSE_KEPT_US (3600 * INT64_C(1000000))

// How long whoever marked a content as being removed has to remove it. Nobody else takes it over
// sooner, and he himself does not begin to remove it later than after the half.
#define LOOSE_REMOVING_US (600 * INT64_C(1000000))

// loose_store_add() is the first thing before a content is put into the store: from then on it is
// not removed for LOOSE_KEPT_US. ERR_STALE fails the operation while it is being removed: try again
// soon.
void loose_store_add(struct sql_op *op, struct str sha256, int64_t now_us);

// loose_store_hold() belongs into the operation that stores the row which names the content, as
// the step before that. ERR_STALE fails the operation where the content may be gone, since it was
// put too long ago: put it once more.
void loose_store_hold(struct sql_op *op, struct str sha256, int64_t now_us);

#define LOOSE_PORTION 100

// The contents that one process is to remove.
struct loose_portion {
    struct arena *arena;
    size_t count;
    struct str sha256[LOOSE_PORTION];
};

// What is old enough.
struct loose_age {
    int64_t now_us;
    int64_t loose_before_us;    // loose for so long that nobody is about to name it
    int64_t removing_before_us; // marked for so long that whoever did it is gone
};

// loose_store_mark() marks contents that are to be removed now and reads them into the portion,
// each for one process only. Contents that were loose for as long and are named by a file's row
// are not loose any more: their rows go.
void loose_store_mark(struct sql_op *op, const struct loose_age *age,
                      struct loose_portion *portion);

// loose_store_drop() forgets marked contents that are removed: a JSON array of their hashes.
void loose_store_drop(struct sql_op *op, struct str sha256s);

#endif
