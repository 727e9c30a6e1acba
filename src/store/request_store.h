// The requests table: what was asked for under an Idempotency-Key, and what was answered.
#ifndef SUNLEAD_STORE_REQUEST_STORE_H
#define SUNLEAD_STORE_REQUEST_STORE_H

#include <stdint.h>

#include "base/number.h"
#include "base/str.h"
#include "sql/sql.h"

#define REQUEST_KEPT_US (24 * INT64_C(3600) * INT64_C(1000000))

// One request, as it is stored.
struct stored_request {
    struct str id;          // route and key; null: there is none
    struct str fingerprint; // SHA-256 of the body, in hex
    int64_t op_id;          // of the operation that the row commits with
    struct opt_i64 status;  // of the answer; not set: none was given yet
    struct str location;
    struct str answer;
    struct opt_i64 created_at;
};

// request_store_get() reads a request, unless it was made at or before expired_us; ret_row->id
// stays null if there is none.
void request_store_get(struct sql_op *op, struct str id, int64_t expired_us,
                       struct stored_request *ret_row);

// What a request may take the place of, beside itself.
struct request_claim {
    int64_t expired_us;  // rows as old as this
    int64_t replaces_op; // the row of an operation that turned out to have done nothing; 0: none
};

// request_store_add() adds a request (id, fingerprint, op_id, created_at) to the operation that
// does its work. ERR_STALE fails the operation when the key is taken by another.
void request_store_add(struct sql_op *op, const struct stored_request *row,
                       const struct request_claim *claim);

// request_store_answer() stores the answer (status, location, answer) of the request that its
// operation op_id made, if it has none yet.
void request_store_answer(struct sql_op *op, const struct stored_request *row, int64_t now_us);

// request_store_drop() forgets a request whose operation op_id did nothing.
void request_store_drop(struct sql_op *op, const struct stored_request *row);

// request_store_purge() removes up to max requests made at or before expired_us, but for those that
// somebody is changing just then.
void request_store_purge(struct sql_op *op, int64_t expired_us, int64_t max);

#endif
