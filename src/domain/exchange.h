// The exchange: one request to LightFusion and its answer, kept with the order for people to look
// at.
#ifndef SUNLEAD_DOMAIN_EXCHANGE_H
#define SUNLEAD_DOMAIN_EXCHANGE_H

#include <stdint.h>

#include "base/field.h"
#include "base/number.h"
#include "base/str.h"

enum exchange_call {
    EXCHANGE_NONE,
    EXCHANGE_CREATE,   // the paid one
    EXCHANGE_COMPLETE, // the project's state
    EXCHANGE_DETAILS,  // hardware and prices
    EXCHANGE_FIND,     // LightFusion's list of leads
    EXCHANGE_CALL_COUNT,
};

// What became of it; as enum lf_outcome, which the client tells.
enum exchange_outcome {
    EXCHANGE_OK,
    EXCHANGE_NOT_SENT,
    EXCHANGE_REFUSED,
    EXCHANGE_NOT_FOUND,
    EXCHANGE_UNCLEAR,
    EXCHANGE_OUTCOME_COUNT,
};

// The last one of its call and outcome. Texts hold neither credentials nor a person's data.
struct exchange {
    struct opt_i64 at; // its end
    enum exchange_call call;
    enum exchange_outcome outcome;
    int64_t times;         // how many of this call and outcome there were
    struct opt_i64 status; // HTTP's
    int64_t duration_ms;
    struct str request; // body; null: none
    struct str answer;  // body, or why there was none
};

#define EXCHANGE_TEXT_MAX 1024 // bytes of a body
#define EXCHANGES_MAX     10   // that are shown of an order

// EXCHANGE_SLOTS is how many an order can have: one for each call and outcome.
#define EXCHANGE_SLOTS (EXCHANGE_CALL_COUNT * EXCHANGE_OUTCOME_COUNT)

extern const struct field_table exchange_table;
// The texts of enum exchange_call and enum exchange_outcome.
extern const char *const exchange_call_names[];
extern const char *const exchange_outcome_names[];

// exchange_slot() is the place of an exchange among those of its order, from 0.
int exchange_slot(const struct exchange *exchange);

#endif
