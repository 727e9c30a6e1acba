// The exchange's fields.
#include "domain/exchange.h"

#include "base/macro.h"

const char *const exchange_call_names[] = {NULL,      "create", "complete",
                                           "details", "find",   FIELD_NAMES_END};
const char *const exchange_outcome_names[] = {"ok",        "not_sent", "refused",
                                              "not_found", "unclear",  FIELD_NAMES_END};

static const struct field exchange_fields[] = {
    {FIELD_AS_TIME(struct exchange, at)},
    {FIELD_AS_ENUM(struct exchange, call, enum exchange_call, exchange_call_names)},
    {FIELD_AS_ENUM(struct exchange, outcome, enum exchange_outcome, exchange_outcome_names)},
    {FIELD_AS_I64(struct exchange, times)},
    {FIELD_AS_OPT_I64(struct exchange, status)},
    {FIELD_AS_I64(struct exchange, duration_ms)},
    {FIELD_AS_STR(struct exchange, request, EXCHANGE_TEXT_MAX)},
    {FIELD_AS_STR(struct exchange, answer, EXCHANGE_TEXT_MAX)},
};

const struct field_table exchange_table = FIELD_TABLE("exchange", exchange_fields, struct exchange);

int exchange_slot(const struct exchange *exchange)
{
    return (int)exchange->call * EXCHANGE_OUTCOME_COUNT + (int)exchange->outcome;
}
