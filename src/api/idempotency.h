// Idempotency-Key: a request that is sent again has its effect once and gets the same answer.
#ifndef SUNLEAD_API_IDEMPOTENCY_H
#define SUNLEAD_API_IDEMPOTENCY_H

#include <stdbool.h>
#include <stdint.h>

#include "api/api.h"
#include "store/request_store.h"

// IDEMPOTENCY_KEY_MAX is the longest key in bytes; all of them are visible ASCII.
#define IDEMPOTENCY_KEY_MAX 255
// How long a key is remembered, and for how long a request without an answer counts as running.
#define IDEMPOTENCY_KEPT_US    REQUEST_KEPT_US
#define IDEMPOTENCY_RUNNING_US (60 * US_PER_S)

// One request that may have a key, in the request's arena. request, first, again and ctx are set.
// The handler does its work in one operation, named by op_id, to which it adds idempotency_add().
struct idempotency {
    struct http_request *request;
    // Does the work.
    void (*first)(struct idempotency *once);
    // Answers from what the operation op_id stored when another process was about to answer; where
    // it stored nothing it calls idempotency_restart().
    void (*again)(struct idempotency *once);
    void *ctx;
    int64_t op_id;
    // its own
    struct stored_request row; // id null: the request has no key
    struct request_claim claim;
    struct stored_request known; // what is stored under the key
    bool had_effect;
};

// idempotency_begin() suspends the request and calls first(), if its key is new or it has none;
// else it answers: what was answered before, 422 for another body, 409 while the first one runs,
// 400 for a key that is none, or again(). Called when the body is found to be in order.
void idempotency_begin(struct idempotency *once);

// idempotency_add() adds the key to the operation that does the work.
void idempotency_add(struct idempotency *once, struct sql_op *op);

// idempotency_is_late() tells whether the operation failed because another request with the key was
// first; it answers then.
bool idempotency_is_late(struct idempotency *once, const struct error *err);

// idempotency_keep() has the next answer stored before it is given, for those who ask again. The
// operation is committed. An answer of 400 to 499 to a request without effect is not kept and the
// key is free again; one of 503 is not kept.
void idempotency_keep(struct idempotency *once, bool had_effect);

// idempotency_restart() calls first() after all: the operation that again() looked for did nothing.
void idempotency_restart(struct idempotency *once);

// idempotency_is_key() tells whether a text can be a key.
bool idempotency_is_key(struct str text);

#endif
