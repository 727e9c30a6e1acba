// The model order: one request for a 3D model, from click to picture, and its state machine.
#ifndef SUNLEAD_DOMAIN_ORDER_H
#define SUNLEAD_DOMAIN_ORDER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "base/field.h"
#include "base/number.h"
#include "base/str.h"
#include "domain/lead.h"
#include "domain/project.h"

enum order_state {
    ORDER_NONE,
    ORDER_REQUESTED,  // wanted; nothing was sent
    ORDER_SENDING,    // the fence: a POST may be on its way
    ORDER_UNKNOWN,    // the POST may have made a project; looked up, never sent again blindly
    ORDER_PARKED,     // a person has to decide: link or order again
    ORDER_CREATED,    // LightFusion has the project
    ORDER_PROCESSING, // seen to be at work on it
    ORDER_COMPLETED,
    ORDER_FAILED,
    ORDER_CANCELLED, // called off before it was sent
};

// Why an order failed, was parked or last stumbled.
enum order_failure {
    FAILURE_NONE,
    FAILURE_REFUSED,      // LightFusion refused the data (4xx)
    FAILURE_UNAVAILABLE,  // not reached, or not now
    FAILURE_UNAUTHORIZED, // our credentials do not pass
    FAILURE_LIMITED,      // 429
    FAILURE_UNCLEAR,      // no answer that tells whether a project was made
    FAILURE_ERRORED,      // LightFusion's generation failed (state 2)
    FAILURE_TIMEOUT,      // not done in time
    FAILURE_GONE,         // LightFusion does not know the project any more
    FAILURE_GIVEN_UP,     // by us: working on the order came to nothing again and again
};

// The state of the copies of an order's mesh files.
enum files_state {
    FILES_NONE,
    FILES_PENDING,
    FILES_PARTIAL,
    FILES_DONE,
    FILES_FAILED,
    FILES_REMOVED, // those that were stored are not kept any longer
    FILES_REMOTE,  // nothing is stored of the company's models
};

struct order {
    int64_t id;
    int64_t lead_id;
    int64_t company_id;
    enum order_state state;
    int64_t version; // counts changes; a save names the version that it read
    int64_t op_id;   // of the operation that made the order
    int64_t attempts;
    struct opt_i64 project_id;
    struct opt_i64 house_id;
    double latitude;
    double longitude;
    struct str request;      // JSON of struct project_request
    struct opt_i64 progress; // percent
    struct opt_f64 system_size;
    struct opt_i64 panel_count;
    struct opt_f64 annual_production;
    struct opt_f64 estimated_cost;
    struct opt_f64 annual_savings;
    struct str
        details; // JSON object: panel, inverter, storage, adders, price_breakdown, lead_completion
    enum order_failure failure;
    struct str failure_detail; // in words, LightFusion's where it gave some
    enum files_state files;
    bool answered; // LightFusion's own answer told the project, not a look-up or a person
    int64_t polls;
    int64_t lookups; // complete look-ups that found no candidate
    struct opt_i64 requested_at;
    struct opt_i64 sending_at;    // of the last attempt
    struct opt_i64 created_at;    // LightFusion's answer
    struct opt_i64 polled_at;     // last poll that ended, well or not
    bool poll_failed;             // whether that one failed
    struct opt_i64 unfinished_at; // last seen not to be done; not set: never
    struct opt_i64 completed_at;  // end of the order: completed, failed or cancelled
    struct opt_i64 updated_at;
    struct opt_i64 batch_id; // the batch that it came with
    struct str reference;    // the client's own name for it, unique in the company
};

#define ORDER_REFERENCE_MAX 200

// All members, as columns.
extern const struct field_table order_table;
// The texts of enum order_state and enum order_failure and enum files_state.
extern const char *const order_state_names[];
extern const char *const order_failure_names[];
extern const char *const files_state_names[];

// order_is_live() tells whether an order in this state still occupies its lead: at most one such
// order a lead.
bool order_is_live(enum order_state state);

// order_lacks_house() tells whether the order has a project, but not the house by which LightFusion
// tells how far it is: another program that ordered it did not store that.
bool order_lacks_house(const struct order *order);

// order_may_go() is the table of transitions. Staying is always allowed.
bool order_may_go(enum order_state from, enum order_state to);

// order_go() changes the state, keeps version and times (sending_at, created_at, completed_at,
// updated_at) and clears what the new state makes untrue (failure on success; completed_at when
// live again). ERR_CONFLICT with words if the table does not allow it.
MUST_CHECK enum err order_go(struct order *order, enum order_state to, int64_t now_us,
                             struct error *err);

// order_fail_with() notes a failure class and words (cut to ORDER_DETAIL_MAX, invalid UTF-8
// dropped); detail must outlive the order.
void order_fail_with(struct order *order, enum order_failure failure, struct str detail);

#define ORDER_DETAIL_MAX 500

// order_model_status() is what the public sees: requested, sending, unknown, parked are pending;
// created, processing are processing; cancelled is none.
enum model_status order_model_status(enum order_state state);

// order_apply_to_lead() carries an order's ids, status and figures over to its lead, by the lead's
// own methods. The caller makes sure that the order is the lead's newest.
void order_apply_to_lead(const struct order *order, struct lead *lead, int64_t now_us);

// What one reading of LightFusion's status says.
struct project_reading {
    bool known;              // false: LightFusion does not know the project
    struct opt_i64 state;    // enum lightfusion_state
    struct opt_i64 progress; // percent
    struct project_figures figures;
};

// order_take_reading() moves an order that LightFusion has (created, processing, failed by time-out
// or error, completed) by a reading: state, progress, figures (missing ones keep what is known).
// Returns whether anything but the time changed.
bool order_take_reading(struct order *order, const struct project_reading *reading, int64_t now_us);

// order_is_as_before() tells whether a reading changed nothing of an order but its progress and the
// times and number of its polls.
bool order_is_as_before(const struct order *before, const struct order *after);

// order_take_failed_poll() notes that a project could not be read; asked tells whether LightFusion
// was asked at all, or our own side held the poll back.
void order_take_failed_poll(struct order *order, bool asked, int64_t now_us);

// Timing of an order, in microseconds (design: "A model order").
#define ORDER_SEND_FRESH_US                                                                        \
    (5 * INT64_C(1000000)) // the fence is this old at most when the request goes out
#define ORDER_ABSENT_AFTER_US (300 * INT64_C(1000000)) // the second look-up that proves absence
#define ORDER_FIRST_POLL_US   (20 * INT64_C(1000000))
#define ORDER_GIVE_UP_US      (1800 * INT64_C(1000000)) // processing for longer: failed, class timeout
#define ORDER_LATE_LOOK_US    (3600 * INT64_C(1000000))  // a late Done is looked for this often ...
#define ORDER_LATE_UNTIL_US   (86400 * INT64_C(1000000)) // ... and this long
#define ORDER_TRIES_MAX       10                         // sends that certainly did not arrive

// order_next_poll_us() is how long to wait before the next poll of an order whose project's age is
// not known (else generation_next_look_us() tells): 20 s after creation, then 5 to 15 s, longer the
// older the order; jitter is from 0 to 1.
int64_t order_next_poll_us(const struct order *order, int64_t now_us, double jitter);

// order_backoff_us() is 1 s doubling to 10 min by tries (1: the first), +-20 % by jitter (0 to 1).
int64_t order_backoff_us(int64_t tries, double jitter);

#endif
