// The body of POST /api/projects/3d/batch: many project requests, each right or wrong by itself.
#ifndef SUNLEAD_API_BATCH_BODY_H
#define SUNLEAD_API_BATCH_BODY_H

#include <stddef.h>

#include "api/lead_body.h"
#include "base/arena.h"
#include "base/error.h"
#include "domain/batch.h"

// BATCH_BODY_MAX is how large the body may be in bytes.
#define BATCH_BODY_MAX (4u << 20)

struct batch_item {
    struct batch_item_body body;
    struct str mistakes; // a JSON array of places; null: the item is in order
};

struct batch_body {
    struct opt_i64 company_id; // for the items that name none
    struct opt_i64 creator_id;
    struct batch_item *items;
    size_t count; // 1 to BATCH_ITEMS_MAX
};

// batch_body_read() reads the body into the arena. ERR_INVALID when it is no list of items; what is
// wrong with a single one is noted with it.
MUST_CHECK enum err batch_body_read(struct str text, struct arena *arena, struct batch_body *body,
                                    struct error *err);

// batch_item_refuse() notes what is wrong with one member of an item: pointer is "/lead_id" or its
// like.
void batch_item_refuse(struct batch_body *body, size_t index, struct arena *arena,
                       const char *pointer, const char *detail);

// batch_body_wrong() counts the items with mistakes.
size_t batch_body_wrong(const struct batch_body *body);

#endif
