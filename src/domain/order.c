// The model order's fields, transitions and timing.
#include "domain/order.h"

#include <math.h>

const char *const order_state_names[] = {NULL,     "requested", "sending",      "unknown",
                                         "parked", "created",   "processing",   "completed",
                                         "failed", "cancelled", FIELD_NAMES_END};
const char *const order_failure_names[] = {NULL,      "refused",  "unavailable",  "unauthorized",
                                           "limited", "unclear",  "errored",      "timeout",
                                           "gone",    "given_up", FIELD_NAMES_END};
const char *const files_state_names[] = {"none",   "pending", "partial", "done",
                                         "failed", "removed", "remote",  FIELD_NAMES_END};

#define JSON_TEXT_MAX 65536

// The request holds personal data of the homeowner: it is stored, and not a member of the public
// answer.
static const struct field order_fields[] = {
    {FIELD_AS_I64(struct order, id)},
    {FIELD_AS_I64(struct order, lead_id)},
    {FIELD_AS_I64(struct order, company_id)},
    {FIELD_AS_ENUM(struct order, state, enum order_state, order_state_names)},
    {FIELD_AS_I64(struct order, version), .flags = FIELD_NO_JSON},
    {FIELD_AS_I64(struct order, op_id), .flags = FIELD_NO_JSON},
    {FIELD_AS_I64(struct order, attempts)},
    {FIELD_AS_OPT_I64(struct order, project_id)},
    {FIELD_AS_OPT_I64(struct order, house_id)},
    {FIELD_AS_F64(struct order, latitude), .flags = FIELD_NO_JSON},
    {FIELD_AS_F64(struct order, longitude), .flags = FIELD_NO_JSON},
    {FIELD_AS_RAW(struct order, request, JSON_TEXT_MAX), .flags = FIELD_NO_JSON},
    {FIELD_AS_OPT_I64(struct order, progress)},
    {FIELD_AS_OPT_F64(struct order, system_size)},
    {FIELD_AS_OPT_I64(struct order, panel_count)},
    {FIELD_AS_OPT_F64(struct order, annual_production)},
    {FIELD_AS_OPT_F64(struct order, estimated_cost)},
    {FIELD_AS_OPT_F64(struct order, annual_savings)},
    {FIELD_AS_RAW(struct order, details, PROJECT_DETAILS_MAX), .flags = FIELD_NO_JSON},
    {FIELD_AS_ENUM(struct order, failure, enum order_failure, order_failure_names)},
    {FIELD_AS_STR(struct order, failure_detail, ORDER_DETAIL_MAX)},
    {FIELD_AS_ENUM(struct order, files, enum files_state, files_state_names)},
    {FIELD_AS_BOOL(struct order, answered), .flags = FIELD_NO_JSON},
    {FIELD_AS_I64(struct order, polls)},
    {FIELD_AS_I64(struct order, lookups)},
    {FIELD_AS_TIME(struct order, requested_at)},
    {FIELD_AS_TIME(struct order, sending_at)},
    {FIELD_AS_TIME(struct order, created_at)},
    {FIELD_AS_TIME(struct order, polled_at)},
    {FIELD_AS_BOOL(struct order, poll_failed)},
    {FIELD_AS_TIME(struct order, unfinished_at), .flags = FIELD_NO_JSON},
    {FIELD_AS_TIME(struct order, completed_at)},
    {FIELD_AS_TIME(struct order, updated_at)},
    {FIELD_AS_OPT_I64(struct order, batch_id)},
    {FIELD_AS_STR(struct order, reference, ORDER_REFERENCE_MAX)},
};
const struct field_table order_table = FIELD_TABLE("order", order_fields, struct order);

#define STATE(s) (1u << ORDER_##s)

// What each state may become; a set of states each.
static const unsigned transitions[] = {
    [ORDER_NONE] = STATE(REQUESTED),
    // Created by an answer that came late, when the order was given up for lost but not sent again.
    [ORDER_REQUESTED] = STATE(SENDING) | STATE(CREATED) | STATE(FAILED) | STATE(CANCELLED),
    // Created by the answer, or requested again when certainly nothing was sent.
    [ORDER_SENDING] =
        STATE(CREATED) | STATE(REQUESTED) | STATE(UNKNOWN) | STATE(PARKED) | STATE(FAILED),
    // By look-up: found, absent (ordered again), or for a person to decide.
    [ORDER_UNKNOWN] = STATE(CREATED) | STATE(REQUESTED) | STATE(PARKED),
    [ORDER_PARKED] = STATE(CREATED) | STATE(REQUESTED) | STATE(CANCELLED),
    [ORDER_CREATED] = STATE(PROCESSING) | STATE(COMPLETED) | STATE(FAILED),
    [ORDER_PROCESSING] = STATE(COMPLETED) | STATE(FAILED),
    // An ended order is never live again, since its lead may have another one by now. But
    // LightFusion has the last word on how it ended: a late Done counts.
    [ORDER_COMPLETED] = STATE(FAILED),
    [ORDER_FAILED] = STATE(COMPLETED),
    [ORDER_CANCELLED] = 0,
};

#define LIVE                                                                                       \
    (STATE(REQUESTED) | STATE(SENDING) | STATE(UNKNOWN) | STATE(PARKED) | STATE(CREATED) |         \
     STATE(PROCESSING))

bool order_is_live(enum order_state state)
{
    return (LIVE & (1u << state)) != 0;
}

bool order_lacks_house(const struct order *order)
{
    bool is_made = order->state == ORDER_CREATED || order->state == ORDER_PROCESSING ||
                   order->state == ORDER_COMPLETED;
    return is_made && order->project_id.set && !order->house_id.set;
}

bool order_may_go(enum order_state from, enum order_state to)
{
    return from == to || (transitions[from] & (1u << to)) != 0;
}

enum err order_go(struct order *order, enum order_state to, int64_t now_us, struct error *err)
{
    if (!order_may_go(order->state, to))
        return error_set(err, ERR_CONFLICT, "an order that is %s cannot become %s",
                         order->state == ORDER_NONE ? "new" : order_state_names[order->state],
                         order_state_names[to]);
    if (order->state == ORDER_NONE)
        order->requested_at = OPT_I64(now_us);
    if (to == ORDER_SENDING) {
        order->sending_at = OPT_I64(now_us);
        order->attempts++;
        order->lookups = 0;
    }
    if (to == ORDER_CREATED && !order->created_at.set)
        order->created_at = OPT_I64(now_us);
    if (to == ORDER_CREATED || to == ORDER_PROCESSING || to == ORDER_COMPLETED)
        order_fail_with(order, FAILURE_NONE, STR_NULL);
    if (order_is_live(to))
        order->completed_at = (struct opt_i64){0};
    else if (to != order->state || !order->completed_at.set)
        order->completed_at = OPT_I64(now_us);
    if (to == ORDER_COMPLETED) {
        order->progress = OPT_I64(100);
        if (order->files == FILES_NONE)
            order->files = FILES_PENDING;
    }
    order->state = to;
    order->updated_at = OPT_I64(now_us);
    return ERR_OK;
}

void order_fail_with(struct order *order, enum order_failure failure, struct str detail)
{
    detail = str_cut(detail, ORDER_DETAIL_MAX);
    while (detail.len > 0 && !str_is_utf8(detail))
        detail.len--;
    order->failure = failure;
    order->failure_detail = detail.len > 0 ? detail : STR_NULL;
}

enum model_status order_model_status(enum order_state state)
{
    static const enum model_status map[] = {
        [ORDER_NONE] = MODEL_NONE,
        [ORDER_REQUESTED] = MODEL_PENDING,
        [ORDER_SENDING] = MODEL_PENDING,
        [ORDER_UNKNOWN] = MODEL_PENDING,
        [ORDER_PARKED] = MODEL_PENDING,
        [ORDER_CREATED] = MODEL_PROCESSING,
        [ORDER_PROCESSING] = MODEL_PROCESSING,
        [ORDER_COMPLETED] = MODEL_COMPLETED,
        [ORDER_FAILED] = MODEL_FAILED,
        [ORDER_CANCELLED] = MODEL_NONE,
    };
    return map[state];
}

// What LightFusion's own state number is for an order's state; the lead's where it says nothing.
static int64_t lightfusion_state_of(enum order_state state, int64_t known)
{
    switch (state) {
    case ORDER_CREATED:
        return LF_INITIALIZED;
    case ORDER_PROCESSING:
        return LF_PROGRESS;
    case ORDER_COMPLETED:
        return LF_DONE;
    case ORDER_FAILED:
        return LF_ERRORED;
    case ORDER_NONE:
    case ORDER_REQUESTED:
    case ORDER_SENDING:
    case ORDER_UNKNOWN:
    case ORDER_PARKED:
    case ORDER_CANCELLED:
        break;
    }
    return known;
}

static enum lead_sync sync_of(const struct order *order)
{
    if (order->poll_failed || order->state == ORDER_FAILED)
        return LEAD_SYNC_FAILED;
    if (order->state == ORDER_COMPLETED)
        return LEAD_SYNC_SYNCED;
    if (order->state == ORDER_CANCELLED)
        return LEAD_SYNC_NONE;
    return order->project_id.set ? LEAD_SYNC_SYNCING : LEAD_SYNC_PENDING;
}

void order_apply_to_lead(const struct order *order, struct lead *lead, int64_t now_us)
{
    bool linked = order->project_id.set && order->house_id.set;
    bool same = linked && lead->lightfusion_3d_project_id.set &&
                lead->lightfusion_3d_house_id.set &&
                lead->lightfusion_3d_project_id.value == order->project_id.value &&
                lead->lightfusion_3d_house_id.value == order->house_id.value;
    if (linked && !same)
        lead_set_lightfusion_3d_project(lead, order->project_id.value, order->house_id.value);
    lead_update_3d_model_status(lead, order_model_status(order->state), now_us);
    if (order->system_size.set)
        lead->system_size = order->system_size;
    if (order->panel_count.set)
        lead->panel_count = order->panel_count;
    if (order->annual_production.set)
        lead->annual_production = order->annual_production;
    lead->model_3d_created_at = order->requested_at;
    if (order->polled_at.set && !order->poll_failed)
        lead->last_synced_at = order->polled_at;
    lead->state = lightfusion_state_of(order->state, lead->state);
    lead->sync_status = sync_of(order);
    if (order->state == ORDER_CANCELLED)
        lead->model_3d_created_at = (struct opt_i64){0};
}

static bool take_f64(struct opt_f64 *known, struct opt_f64 said)
{
    if (!said.set || (known->set && known->value == said.value))
        return false;
    *known = said;
    return true;
}

static bool take_i64(struct opt_i64 *known, struct opt_i64 said)
{
    if (!said.set || (known->set && known->value == said.value))
        return false;
    *known = said;
    return true;
}

// The state that an order comes to by LightFusion's state; the order's own where that says nothing.
static enum order_state state_by_reading(const struct order *order,
                                         const struct project_reading *reading)
{
    if (!reading->state.set)
        return order->state;
    switch (model_status_of_lightfusion(reading->state.value)) {
    case MODEL_COMPLETED:
        return ORDER_COMPLETED;
    case MODEL_FAILED:
        return ORDER_FAILED;
    case MODEL_PROCESSING:
        return ORDER_PROCESSING;
    case MODEL_NONE:
    case MODEL_PENDING:
        break;
    }
    return order->state;
}

bool order_take_reading(struct order *order, const struct project_reading *reading, int64_t now_us)
{
    order->polls++;
    order->polled_at = OPT_I64(now_us);
    order->poll_failed = false;
    enum order_state next = state_by_reading(order, reading);
    if (!order_may_go(order->state, next))
        next = order->state;
    bool went = next != order->state;
    bool changed = went;
    if (next != ORDER_COMPLETED) // which is 100, whatever the build says
        changed |= take_i64(&order->progress, reading->progress);
    changed |= take_f64(&order->system_size, reading->figures.system_size);
    changed |= take_i64(&order->panel_count, reading->figures.panel_count);
    changed |= take_f64(&order->annual_production, reading->figures.annual_production);
    changed |= take_f64(&order->estimated_cost, reading->figures.estimated_cost);
    changed |= take_f64(&order->annual_savings, reading->figures.annual_savings);
    if (went)
        check(order_go(order, next, now_us, NULL) == ERR_OK);
    if (went && next == ORDER_FAILED)
        order_fail_with(order, FAILURE_ERRORED, STR("LightFusion could not make this model."));
    else if (order_is_live(order->state) || order->state == ORDER_COMPLETED)
        order_fail_with(order, FAILURE_NONE, STR_NULL);
    if (order->state != ORDER_COMPLETED)
        order->unfinished_at = OPT_I64(now_us);
    order->updated_at = OPT_I64(now_us);
    return changed;
}

bool order_is_as_before(const struct order *before, const struct order *after)
{
    struct order same = *after;
    same.progress = before->progress;
    same.polls = before->polls;
    same.polled_at = before->polled_at;
    same.unfinished_at = before->unfinished_at;
    same.updated_at = before->updated_at;
    for (size_t i = 0; i < order_table.count; i++) {
        if (!field_equal(&order_table.fields[i], before, &same))
            return false;
    }
    return true;
}

void order_take_failed_poll(struct order *order, bool asked, int64_t now_us)
{
    order->polls += asked ? 1 : 0;
    order->polled_at = OPT_I64(now_us);
    order->poll_failed = true;
    // Had it been seen, it might have been done already: only of its creation it is known that it
    // was not.
    if (!order->unfinished_at.set)
        order->unfinished_at = order->created_at;
    order->updated_at = OPT_I64(now_us);
}

int64_t order_next_poll_us(const struct order *order, int64_t now_us, double jitter)
{
    if (order->polls == 0)
        return ORDER_FIRST_POLL_US;
    // 5 s for a young order, growing to 15 s when it is five minutes old, with half as much again
    // by chance.
    int64_t age_us = order->created_at.set ? now_us - order->created_at.value : 0;
    double age_s = fmin(fmax((double)age_us / 1e6, 0), 300);
    double wait_s = 5 + 5 * age_s / 300 + jitter * (2 + 3 * age_s / 300);
    return (int64_t)(wait_s * 1e6);
}

int64_t order_backoff_us(int64_t tries, double jitter)
{
    double wait_s = 600;
    if (tries < 11)
        wait_s = fmin(ldexp(1, (int)(tries < 1 ? 0 : tries - 1)), 600);
    return (int64_t)(wait_s * (0.8 + 0.4 * jitter) * 1e6);
}
