// Polls that found nothing but time passed: those of many orders are stored by a few statements.
#ifndef SUNLEAD_STORE_POLL_STORE_H
#define SUNLEAD_STORE_POLL_STORE_H

#include <stddef.h>
#include <stdint.h>

#include "base/number.h"
#include "sql/sql.h"

// What one poll leaves behind.
struct poll_note {
    int64_t order_id;
    int64_t version; // of the order, as the poll knew it
    struct opt_i64 progress;
    int64_t job_id; // the job that polled, and its attempt
    int64_t attempt;
    int64_t run_at_us; // when it is to poll again
};

// A lead tells when it was last synced to so much.
#define POLL_LEAD_EVERY_US (30 * INT64_C(1000000))

// poll_store_note() stores polls that found their projects at work: the orders' progress and times,
// now and then when their leads were synced, and when their jobs run again. An order that was
// changed meanwhile is left as it is, as is its job; the rows of the step are the ids of the
// others.
struct sql_step *poll_store_note(struct sql_op *op, const struct poll_note *notes, size_t count,
                                 int64_t now_us);

#endif
