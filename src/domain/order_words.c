// The table of sentences by state and failure.
#include "domain/order_words.h"

// How far an order has come, as far as the words depend on it.
enum stage {
    STAGE_GOES,    // nothing to say
    STAGE_WAITING, // not sent yet
    STAGE_DOUBT,   // nobody knows whether it arrived
    STAGE_PARKED,  // and a person has to find out
    STAGE_MAKING,  // LightFusion has it
    STAGE_ENDED,   // without a model
    STAGE_COUNT,
};

static const enum stage stages[] = {
    [ORDER_NONE] = STAGE_GOES,         [ORDER_REQUESTED] = STAGE_WAITING,
    [ORDER_SENDING] = STAGE_GOES,      [ORDER_UNKNOWN] = STAGE_DOUBT,
    [ORDER_PARKED] = STAGE_PARKED,     [ORDER_CREATED] = STAGE_MAKING,
    [ORDER_PROCESSING] = STAGE_MAKING, [ORDER_COMPLETED] = STAGE_GOES,
    [ORDER_FAILED] = STAGE_ENDED,      [ORDER_CANCELLED] = STAGE_GOES,
};

#define DOUBT                                                                                      \
    "LightFusion did not confirm the order. We are finding out whether it arrived; this can take " \
    "some minutes."
#define PARKED                                                                                     \
    "LightFusion did not confirm the order, and we could not find out whether it arrived. "        \
    "Somebody has to look at it."
#define UNREAD                                                                                     \
    "The model is being made. LightFusion cannot be asked how far it is at the moment; we keep "   \
    "trying."

// By failure, FAILURE_NONE first.
static const struct str sentences[STAGE_COUNT][FAILURE_GIVEN_UP + 1] = {
    [STAGE_WAITING] =
        {
            [FAILURE_UNAVAILABLE] = STR_INIT("LightFusion cannot be reached at the moment. The "
                                             "order is sent as soon as it can."),
            [FAILURE_UNAUTHORIZED] = STR_INIT("LightFusion does not accept our account. The order "
                                              "is sent as soon as that is mended."),
            [FAILURE_LIMITED] = STR_INIT("LightFusion has too much to do at the moment. The order "
                                         "is sent a little later."),
            [FAILURE_UNCLEAR] = STR_INIT("The order did not arrive at LightFusion. It is sent "
                                         "again."),
        },
    [STAGE_DOUBT] =
        {
            [FAILURE_NONE] = STR_INIT(DOUBT),
            [FAILURE_UNAVAILABLE] = STR_INIT(DOUBT),
            [FAILURE_UNCLEAR] = STR_INIT(DOUBT),
        },
    [STAGE_PARKED] =
        {
            [FAILURE_NONE] = STR_INIT(PARKED),
            [FAILURE_UNAVAILABLE] = STR_INIT(PARKED),
            [FAILURE_UNCLEAR] = STR_INIT(PARKED),
        },
    [STAGE_MAKING] =
        {
            [FAILURE_REFUSED] = STR_INIT(UNREAD),
            [FAILURE_UNAVAILABLE] = STR_INIT(UNREAD),
            [FAILURE_UNAUTHORIZED] = STR_INIT(UNREAD),
            [FAILURE_LIMITED] = STR_INIT(UNREAD),
            [FAILURE_UNCLEAR] = STR_INIT(UNREAD),
            [FAILURE_GONE] = STR_INIT(UNREAD),
        },
    [STAGE_ENDED] =
        {
            [FAILURE_NONE] = STR_INIT("The model could not be made. Order it again."),
            [FAILURE_REFUSED] = STR_INIT("LightFusion did not accept the data of this house. Check "
                                         "address, place and consumption, then order again."),
            [FAILURE_UNAVAILABLE] = STR_INIT("LightFusion could not be reached for a long time. "
                                             "Order again."),
            [FAILURE_UNAUTHORIZED] = STR_INIT("LightFusion does not accept our account. Tell your "
                                              "administrator, then order again."),
            [FAILURE_LIMITED] = STR_INIT("LightFusion had too much to do for a long time. Order "
                                         "again later."),
            [FAILURE_UNCLEAR] = STR_INIT("LightFusion did not confirm the order. Order again."),
            [FAILURE_ERRORED] = STR_INIT("LightFusion could not make a model of this house. Check "
                                         "the address, or order again."),
            [FAILURE_TIMEOUT] = STR_INIT("LightFusion did not finish the model in time. It may "
                                         "still come; if not, order again."),
            [FAILURE_GONE] =
                STR_INIT("LightFusion does not know this model any more. Order again."),
            [FAILURE_GIVEN_UP] = STR_INIT("An error on our side kept the order from being sent. "
                                          "Order again."),
        },
};

struct str order_error_sentence(const struct order *order)
{
    return sentences[stages[order->state]][order->failure];
}
