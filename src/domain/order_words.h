// What is wrong with a lead's model, in a sentence for the people who sell it.
#ifndef SUNLEAD_DOMAIN_ORDER_WORDS_H
#define SUNLEAD_DOMAIN_ORDER_WORDS_H

#include "domain/order.h"

// order_error_sentence() is what keeps an order from its model, by its state and failure; null when
// it goes its way. Static text.
struct str order_error_sentence(const struct order *order);

#endif
