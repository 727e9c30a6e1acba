// What a lead and an order say of the model that is to come.
#ifndef SUNLEAD_API_OUTLOOK_H
#define SUNLEAD_API_OUTLOOK_H

#include "base/buf.h"
#include "domain/lead.h"
#include "domain/order.h"
#include "http/http_server.h"

struct outlook {
    struct str model_3d_error; // what keeps the model from coming, in a sentence; null: nothing
    struct opt_i64 progress;   // percent
    struct opt_i64 eta;        // when it will probably be completed
};

extern const struct field_table outlook_table;

// outlook_of_order() is an order's; next_try_at is its job's.
struct outlook outlook_of_order(struct http_request *request, const struct order *order,
                                struct opt_i64 next_try_at);

// outlook_is_in_order() tells whether a lead's outlook is to be read from its newest order; others
// need none.
bool outlook_is_in_order(const struct lead *lead);

// outlook_write_lead() writes the members of a lead and of its outlook, without the braces.
// newest is the lead's newest order where outlook_is_in_order(), else not looked at; id 0: none.
void outlook_write_lead(struct buf *buf, struct http_request *request, const struct lead *lead,
                        const struct order *newest, struct opt_i64 next_try_at);

#endif
