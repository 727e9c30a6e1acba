// Tests of domain/order.c.
#include "domain/table_check.h"

#include <float.h>

#include "base/clock.h"
#include "domain/order.h"

#define STATE_COUNT (ORDER_CANCELLED + 1)
#define NOW         (INT64_C(1700000000) * US_PER_S)

static void test_table(void **state)
{
    (void)state;
    ASSERT_TABLE(&order_table, struct order, "id", "lead_id", "company_id", "state", "version",
                 "op_id", "attempts", "project_id", "house_id", "latitude", "longitude", "request",
                 "progress", "system_size", "panel_count", "annual_production", "estimated_cost",
                 "annual_savings", "details", "failure", "failure_detail", "files", "answered",
                 "polls", "lookups", "requested_at", "sending_at", "created_at", "polled_at",
                 "poll_failed", "unfinished_at", "completed_at", "updated_at", "batch_id",
                 "reference");
    // The request holds personal data of the homeowner.
    ASSERT_FLAGGED(&order_table, FIELD_NO_JSON, "version", "op_id", "latitude", "longitude",
                   "request", "details", "answered", "unfinished_at");
    assert_flagged(&order_table, FIELD_NO_SQL, NULL, 0);
    assert_int_equal(field_named(&order_table, "failure_detail")->max_len, ORDER_DETAIL_MAX);
    assert_int_equal(field_named(&order_table, "reference")->max_len, 200);
}

static void test_names(void **state)
{
    (void)state;
    ASSERT_NAMES(order_state_names, NULL, "requested", "sending", "unknown", "parked", "created",
                 "processing", "completed", "failed", "cancelled");
    assert_string_equal(order_state_names[ORDER_REQUESTED], "requested");
    assert_string_equal(order_state_names[ORDER_UNKNOWN], "unknown");
    assert_string_equal(order_state_names[ORDER_CANCELLED], "cancelled");
    ASSERT_NAMES(order_failure_names, NULL, "refused", "unavailable", "unauthorized", "limited",
                 "unclear", "errored", "timeout", "gone", "given_up");
    assert_string_equal(order_failure_names[FAILURE_REFUSED], "refused");
    assert_string_equal(order_failure_names[FAILURE_UNCLEAR], "unclear");
    assert_string_equal(order_failure_names[FAILURE_GONE], "gone");
    ASSERT_NAMES(files_state_names, "none", "pending", "partial", "done", "failed", "removed",
                 "remote");
    assert_string_equal(files_state_names[FILES_PARTIAL], "partial");
    assert_string_equal(files_state_names[FILES_FAILED], "failed");
}

// One letter a state, in the enum's order: N R S U P C p c f x. What each may become.
static const char letters[] = "NRSUPCpcfx";
static const char *const may_become[STATE_COUNT] = {
    [ORDER_NONE] = "NR",        [ORDER_REQUESTED] = "RSCfx", [ORDER_SENDING] = "SRUPCf",
    [ORDER_UNKNOWN] = "UCRP",   [ORDER_PARKED] = "PCRx",     [ORDER_CREATED] = "Cpcf",
    [ORDER_PROCESSING] = "pcf", [ORDER_COMPLETED] = "cf",    [ORDER_FAILED] = "fc",
    [ORDER_CANCELLED] = "x",
};

static bool wanted(int from, int to)
{
    return strchr(may_become[from], letters[to]) != NULL;
}

static void test_transitions(void **state)
{
    (void)state;
    for (int from = 0; from < STATE_COUNT; from++) {
        for (int to = 0; to < STATE_COUNT; to++) {
            if (order_may_go((enum order_state)from, (enum order_state)to) != wanted(from, to))
                fail_msg("%c to %c", letters[from], letters[to]);
        }
    }
}

// What the table must never hold, said once more in words.
static void test_never(void **state)
{
    (void)state;
    for (int i = ORDER_REQUESTED; i < STATE_COUNT; i++) {
        enum order_state from = (enum order_state)i;
        assert_false(order_may_go(from, ORDER_NONE));
        // The fence is passed from requested only: nothing of unknown fate is sent again blindly.
        assert_int_equal(order_may_go(from, ORDER_SENDING),
                         from == ORDER_REQUESTED || from == ORDER_SENDING);
        // An ended order is never live again.
        for (int to = ORDER_REQUESTED; to < STATE_COUNT; to++) {
            if (!order_is_live(from) && order_is_live((enum order_state)to))
                assert_false(order_may_go(from, (enum order_state)to));
        }
        // What LightFusion has (and charges for) is not cancelled.
        if (from == ORDER_CREATED || from == ORDER_PROCESSING || from == ORDER_SENDING)
            assert_false(order_may_go(from, ORDER_CANCELLED));
    }
}

static void test_live(void **state)
{
    (void)state;
    static const bool live[STATE_COUNT] = {
        [ORDER_REQUESTED] = true, [ORDER_SENDING] = true, [ORDER_UNKNOWN] = true,
        [ORDER_PARKED] = true,    [ORDER_CREATED] = true, [ORDER_PROCESSING] = true,
    };
    for (int i = 0; i < STATE_COUNT; i++)
        assert_int_equal(order_is_live((enum order_state)i), live[i]);
}

static void test_model_status(void **state)
{
    (void)state;
    static const enum model_status want[STATE_COUNT] = {
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
    for (int i = 0; i < STATE_COUNT; i++)
        assert_int_equal(order_model_status((enum order_state)i), want[i]);
}

static struct order order_in(enum order_state state)
{
    return (struct order){
        .id = 5,
        .state = state,
        .version = 3,
        .attempts = 2,
        .lookups = 1,
        .failure = FAILURE_UNAVAILABLE,
        .failure_detail = STR("no route"),
        .requested_at = OPT_I64(NOW - 9),
        .updated_at = OPT_I64(NOW - 9),
    };
}

static void assert_time(struct opt_i64 time, bool set, int64_t value)
{
    assert_int_equal(time.set, set);
    if (set)
        assert_int_equal(time.value, value);
}

// order_go() from every state to every other.
static void test_go(void **state)
{
    (void)state;
    for (int from = 0; from < STATE_COUNT; from++) {
        for (int to = 0; to < STATE_COUNT; to++) {
            struct order order = order_in((enum order_state)from);
            struct order before = order;
            struct error err;
            enum err code = order_go(&order, (enum order_state)to, NOW, &err);
            assert_int_equal(code, wanted(from, to) ? ERR_OK : ERR_CONFLICT);
            if (code != ERR_OK) {
                assert_memory_equal(&order, &before, sizeof(order));
                continue;
            }
            assert_int_equal(order.state, to);
            assert_int_equal(order.version, before.version); // counted by who saves
            assert_time(order.updated_at, true, NOW);
            assert_time(order.sending_at, to == ORDER_SENDING, NOW);
            assert_int_equal(order.attempts, to == ORDER_SENDING ? 3 : 2);
            assert_int_equal(order.lookups, to == ORDER_SENDING ? 0 : 1);
            assert_time(order.created_at, to == ORDER_CREATED, NOW);
            bool good = to == ORDER_CREATED || to == ORDER_PROCESSING || to == ORDER_COMPLETED;
            assert_int_equal(order.failure, good ? FAILURE_NONE : FAILURE_UNAVAILABLE);
            assert_int_equal(order.failure_detail.ptr == NULL, good);
            bool ended = to == ORDER_COMPLETED || to == ORDER_FAILED || to == ORDER_CANCELLED;
            if (to != ORDER_NONE)
                assert_time(order.completed_at, ended, NOW);
            assert_int_equal(order.progress.set, to == ORDER_COMPLETED);
            assert_int_equal(order.files, to == ORDER_COMPLETED ? FILES_PENDING : FILES_NONE);
        }
    }
}

static void test_go_words(void **state)
{
    (void)state;
    struct error err;
    struct order order = order_in(ORDER_CANCELLED);
    assert_int_equal(order_go(&order, ORDER_SENDING, NOW, &err), ERR_CONFLICT);
    assert_string_equal(err.message, "an order that is cancelled cannot become sending");
    order = order_in(ORDER_NONE);
    assert_int_equal(order_go(&order, ORDER_COMPLETED, NOW, &err), ERR_CONFLICT);
    assert_string_equal(err.message, "an order that is new cannot become completed");
    assert_int_equal(order_go(&order, ORDER_COMPLETED, NOW, NULL), ERR_CONFLICT);
}

static void go(struct order *order, enum order_state to, int64_t now_us)
{
    assert_int_equal(order_go(order, to, now_us, NULL), ERR_OK);
}

// Times along the way: the first answer and the first end count.
static void test_go_times(void **state)
{
    (void)state;
    struct order order = {0};
    go(&order, ORDER_REQUESTED, 10);
    assert_time(order.requested_at, true, 10);
    go(&order, ORDER_SENDING, 20);
    go(&order, ORDER_REQUESTED, 30);
    assert_time(order.requested_at, true, 10);
    go(&order, ORDER_SENDING, 40);
    assert_int_equal(order.attempts, 2);
    assert_time(order.sending_at, true, 40);
    go(&order, ORDER_UNKNOWN, 50);
    order.lookups = 1;
    go(&order, ORDER_CREATED, 60);
    go(&order, ORDER_CREATED, 70);
    assert_time(order.created_at, true, 60);
    assert_int_equal(order.lookups, 1);
    go(&order, ORDER_PROCESSING, 80);
    assert_false(order.completed_at.set);
    go(&order, ORDER_FAILED, 90);
    go(&order, ORDER_FAILED, 100);
    assert_time(order.completed_at, true, 90);
    order_fail_with(&order, FAILURE_TIMEOUT, STR("late"));
    go(&order, ORDER_COMPLETED, 110); // a late Done counts
    assert_time(order.completed_at, true, 110);
    assert_int_equal(order.failure, FAILURE_NONE);
    assert_time(order.progress, true, 100);
    order.files = FILES_DONE;
    go(&order, ORDER_COMPLETED, 120);
    assert_time(order.completed_at, true, 110);
    assert_int_equal(order.files, FILES_DONE); // fetched files are not asked for again
    assert_time(order.sending_at, true, 40);
    assert_time(order.created_at, true, 60);
    assert_time(order.updated_at, true, 120);
}

static void test_fail_with(void **state)
{
    (void)state;
    char text[ORDER_DETAIL_MAX + 2];
    memset(text, 'x', sizeof(text));
    struct order order = {0};
    order_fail_with(&order, FAILURE_REFUSED, (struct str){text, ORDER_DETAIL_MAX + 1});
    assert_int_equal(order.failure, FAILURE_REFUSED);
    assert_int_equal(order.failure_detail.len, ORDER_DETAIL_MAX);
    assert_ptr_equal(order.failure_detail.ptr, text);
    memcpy(text + ORDER_DETAIL_MAX - 1, "\xC3\xA9", 2); // a character over the edge
    order_fail_with(&order, FAILURE_REFUSED, (struct str){text, ORDER_DETAIL_MAX + 1});
    assert_int_equal(order.failure_detail.len, ORDER_DETAIL_MAX - 1);
    order_fail_with(&order, FAILURE_UNCLEAR, STR("caf\xC3\xA9 \xFF and more"));
    assert_true(str_equal(order.failure_detail, STR("caf\xC3\xA9 ")));
    static const struct str nothing[] = {{0}, STR_INIT(""), STR_INIT("\xFF\xFE")};
    for (size_t i = 0; i < COUNT_OF(nothing); i++) {
        order_fail_with(&order, FAILURE_LIMITED, nothing[i]);
        assert_int_equal(order.failure, FAILURE_LIMITED);
        assert_null(order.failure_detail.ptr);
    }
}

#define SAYS(n)                                                                                    \
    {                                                                                              \
        .value = (n), .set = true                                                                  \
    }

static const struct {
    const char *what;
    enum order_state from;
    enum order_failure failure;
    struct opt_i64 says;
    enum order_state want;
    enum order_failure want_failure;
} reading_cases[] = {
    {"silent on a created one", ORDER_CREATED, FAILURE_NONE, {0}, ORDER_CREATED, FAILURE_NONE},
    {"progress", ORDER_CREATED, FAILURE_NONE, SAYS(0), ORDER_PROCESSING, FAILURE_NONE},
    {"initialized", ORDER_CREATED, FAILURE_NONE, SAYS(3), ORDER_PROCESSING, FAILURE_NONE},
    {"done at once", ORDER_CREATED, FAILURE_NONE, SAYS(1), ORDER_COMPLETED, FAILURE_NONE},
    {"errored at once", ORDER_CREATED, FAILURE_NONE, SAYS(2), ORDER_FAILED, FAILURE_ERRORED},
    {"a number nobody knows", ORDER_CREATED, FAILURE_NONE, SAYS(7), ORDER_CREATED, FAILURE_NONE},
    {"still at work", ORDER_PROCESSING, FAILURE_NONE, SAYS(0), ORDER_PROCESSING, FAILURE_NONE},
    {"back to initialized", ORDER_PROCESSING, FAILURE_NONE, SAYS(3), ORDER_PROCESSING,
     FAILURE_NONE},
    {"after a poll that failed", ORDER_PROCESSING, FAILURE_UNAVAILABLE, SAYS(0), ORDER_PROCESSING,
     FAILURE_NONE},
    {"done", ORDER_PROCESSING, FAILURE_UNAVAILABLE, SAYS(1), ORDER_COMPLETED, FAILURE_NONE},
    {"errored", ORDER_PROCESSING, FAILURE_NONE, SAYS(2), ORDER_FAILED, FAILURE_ERRORED},
    {"done again", ORDER_COMPLETED, FAILURE_NONE, SAYS(1), ORDER_COMPLETED, FAILURE_NONE},
    {"at work after done", ORDER_COMPLETED, FAILURE_NONE, SAYS(0), ORDER_COMPLETED, FAILURE_NONE},
    {"errored after done", ORDER_COMPLETED, FAILURE_NONE, SAYS(2), ORDER_FAILED, FAILURE_ERRORED},
    {"done late", ORDER_FAILED, FAILURE_TIMEOUT, SAYS(1), ORDER_COMPLETED, FAILURE_NONE},
    {"at work after giving up", ORDER_FAILED, FAILURE_TIMEOUT, SAYS(0), ORDER_FAILED,
     FAILURE_TIMEOUT},
    {"errored after giving up", ORDER_FAILED, FAILURE_TIMEOUT, SAYS(2), ORDER_FAILED,
     FAILURE_TIMEOUT},
    {"silent after failing", ORDER_FAILED, FAILURE_ERRORED, {0}, ORDER_FAILED, FAILURE_ERRORED},
};

static void test_reading_states(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(reading_cases); i++) {
        struct order order = {.state = reading_cases[i].from,
                              .failure = reading_cases[i].failure,
                              .polls = 4,
                              .poll_failed = true,
                              .completed_at = OPT_I64(NOW - 5)};
        struct project_reading reading = {.known = true, .state = reading_cases[i].says};
        bool changed = order_take_reading(&order, &reading, NOW);
        if (order.state != reading_cases[i].want || order.failure != reading_cases[i].want_failure)
            fail_msg("%s: state %d, failure %d", reading_cases[i].what, order.state, order.failure);
        assert_int_equal(changed, reading_cases[i].want != reading_cases[i].from);
        assert_int_equal(order.polls, 5);
        assert_false(order.poll_failed);
        assert_time(order.polled_at, true, NOW);
        assert_time(order.unfinished_at, order.state != ORDER_COMPLETED, NOW);
        assert_time(order.updated_at, true, NOW);
        if (order.state == reading_cases[i].from && !order_is_live(order.state))
            assert_time(order.completed_at, true, NOW - 5);
        if (order.failure == FAILURE_ERRORED && changed)
            assert_true(order.failure_detail.len > 0);
    }
}

static const struct project_reading full_reading = {
    .known = true,
    .state = SAYS(LF_PROGRESS),
    .progress = SAYS(40),
    .figures =
        {
            .system_size = SAYS(10.5),
            .panel_count = SAYS(30),
            .annual_production = SAYS(15000),
            .estimated_cost = SAYS(25000),
            .annual_savings = SAYS(2500),
        },
};

static void assert_figures(const struct order *order)
{
    assert_true(order->system_size.set && order->system_size.value == 10.5);
    assert_true(order->panel_count.set && order->panel_count.value == 30);
    assert_true(order->annual_production.set && order->annual_production.value == 15000);
    assert_true(order->estimated_cost.set && order->estimated_cost.value == 25000);
    assert_true(order->annual_savings.set && order->annual_savings.value == 2500);
}

// What is missing keeps what is known; only a difference is a change.
static void test_reading_figures(void **state)
{
    (void)state;
    struct order order = {.state = ORDER_PROCESSING};
    assert_true(order_take_reading(&order, &full_reading, NOW));
    assert_figures(&order);
    assert_time(order.progress, true, 40);
    assert_false(order_take_reading(&order, &full_reading, NOW + 1));
    struct project_reading silent = {.known = true};
    assert_false(order_take_reading(&order, &silent, NOW + 2));
    assert_figures(&order);
    assert_time(order.progress, true, 40);
    assert_int_equal(order.polls, 3);

    struct project_reading one[6];
    for (size_t i = 0; i < COUNT_OF(one); i++)
        one[i] = full_reading;
    one[0].progress.value++;
    one[1].figures.system_size.value++;
    one[2].figures.panel_count.value++;
    one[3].figures.annual_production.value++;
    one[4].figures.estimated_cost.value++;
    one[5].figures.annual_savings.value++;
    for (size_t i = 0; i < COUNT_OF(one); i++) {
        struct order other = order;
        assert_true(order_take_reading(&other, &one[i], NOW));
    }
}

// A completed model is at 100 percent, whatever its build says then or later.
static void test_reading_progress_when_done(void **state)
{
    (void)state;
    struct order order = {.state = ORDER_PROCESSING, .progress = OPT_I64(80)};
    struct project_reading reading = full_reading;
    reading.state = (struct opt_i64)SAYS(LF_DONE);
    reading.progress = (struct opt_i64)SAYS(95);
    assert_true(order_take_reading(&order, &reading, NOW));
    assert_time(order.progress, true, 100);
    assert_int_equal(order.files, FILES_PENDING);
    assert_false(order_take_reading(&order, &reading, NOW));
    assert_time(order.progress, true, 100);
}

static void test_apply_status(void **state)
{
    (void)state;
    for (int i = ORDER_REQUESTED; i < STATE_COUNT; i++) {
        struct order order = {.state = (enum order_state)i, .requested_at = OPT_I64(NOW - 100)};
        struct lead lead = {.system_size = OPT_F64(3), .kwh_usage = OPT_F64(12000)};
        order_apply_to_lead(&order, &lead, NOW);
        assert_int_equal(lead.model_3d_status, order_model_status((enum order_state)i));
        assert_false(lead.lightfusion_3d_project_id.set);
        assert_false(lead.has_3d_model);
        assert_time(lead.model_3d_created_at, i != ORDER_CANCELLED, NOW - 100);
        assert_time(lead.model_3d_completed_at, i == ORDER_COMPLETED, NOW);
        assert_true(lead.system_size.value == 3 && lead.kwh_usage.value == 12000);
        assert_false(lead.last_synced_at.set);
    }
}

static void test_apply_link_and_figures(void **state)
{
    (void)state;
    struct order order = {
        .state = ORDER_PROCESSING,
        .project_id = OPT_I64(123),
        .house_id = OPT_I64(456),
        .requested_at = OPT_I64(NOW - 100),
        .polled_at = OPT_I64(NOW - 1),
    };
    struct lead lead = {.panel_count = OPT_I64(7), .annual_production = OPT_F64(8)};
    assert_true(order_take_reading(&order, &full_reading, NOW - 1));
    order_apply_to_lead(&order, &lead, NOW);
    assert_true(lead_has_3d_model(&lead) && lead.has_3d_model);
    assert_int_equal(lead.lightfusion_3d_project_id.value, 123);
    assert_int_equal(lead.lightfusion_3d_house_id.value, 456);
    assert_int_equal(lead.model_3d_status, MODEL_PROCESSING);
    assert_true(lead.system_size.value == 10.5);
    assert_int_equal(lead.panel_count.value, 30);
    assert_true(lead.annual_production.value == 15000);
    assert_time(lead.last_synced_at, true, NOW - 1);

    go(&order, ORDER_COMPLETED, NOW);
    order_apply_to_lead(&order, &lead, NOW + 1);
    assert_true(lead_is_3d_model_ready(&lead));
    order.polled_at = OPT_I64(NOW + 2);
    order.poll_failed = true;
    order_apply_to_lead(&order, &lead, NOW + 3);
    assert_time(lead.model_3d_completed_at, true, NOW + 1); // once
    assert_time(lead.last_synced_at, true, NOW - 1);        // a failed poll is no sync
}

// A newer order takes the lead over; the old link stays until there is a new one.
static void test_apply_newer_order(void **state)
{
    (void)state;
    struct lead lead = {0};
    lead_set_lightfusion_3d_project(&lead, 123, 456);
    lead_update_3d_model_status(&lead, MODEL_COMPLETED, NOW - 50);
    struct order order = {.state = ORDER_REQUESTED, .requested_at = OPT_I64(NOW)};
    order_apply_to_lead(&order, &lead, NOW);
    assert_int_equal(lead.lightfusion_3d_project_id.value, 123);
    assert_int_equal(lead.model_3d_status, MODEL_PENDING);
    assert_false(lead.model_3d_completed_at.set);
    assert_time(lead.model_3d_created_at, true, NOW);

    order.state = ORDER_COMPLETED;
    order.project_id = OPT_I64(124);
    order_apply_to_lead(&order, &lead, NOW + 1); // no house yet: no link
    assert_int_equal(lead.lightfusion_3d_project_id.value, 123);
    order.house_id = OPT_I64(457);
    order_apply_to_lead(&order, &lead, NOW + 2);
    assert_int_equal(lead.lightfusion_3d_project_id.value, 124);
    assert_int_equal(lead.lightfusion_3d_house_id.value, 457);
    assert_int_equal(lead.model_3d_status, MODEL_COMPLETED);
    assert_true(lead.model_3d_completed_at.set);
}

static void test_constants(void **state)
{
    (void)state;
    assert_int_equal(ORDER_SEND_FRESH_US, 5 * US_PER_S);
    assert_int_equal(ORDER_ABSENT_AFTER_US, 300 * US_PER_S);
    assert_int_equal(ORDER_FIRST_POLL_US, 20 * US_PER_S);
    assert_int_equal(ORDER_GIVE_UP_US, 30 * 60 * US_PER_S);
    assert_int_equal(ORDER_LATE_LOOK_US, 3600 * US_PER_S);
    assert_int_equal(ORDER_LATE_UNTIL_US, 24 * 3600 * US_PER_S);
    assert_int_equal(ORDER_TRIES_MAX, 10);
}

static void test_failed_poll(void **state)
{
    (void)state;
    struct order order = {.state = ORDER_CREATED, .created_at = OPT_I64(NOW - 90)};
    order_take_failed_poll(&order, true, NOW - 5);
    order_take_failed_poll(&order, false, NOW);
    assert_int_equal(order.polls, 1); // LightFusion was asked once
    assert_true(order.poll_failed);
    assert_time(order.polled_at, true, NOW);
    assert_time(order.updated_at, true, NOW);
    assert_time(order.unfinished_at, true, NOW - 90);
    order.unfinished_at = OPT_I64(NOW - 50);
    order_take_failed_poll(&order, true, NOW);
    assert_time(order.unfinished_at, true, NOW - 50);
}

static void test_next_poll(void **state)
{
    (void)state;
    struct order order = {.created_at = OPT_I64(NOW)};
    assert_int_equal(order_next_poll_us(&order, NOW, 0), 20 * US_PER_S);
    assert_int_equal(order_next_poll_us(&order, NOW + 900 * US_PER_S, 1), 20 * US_PER_S);
    order.polls = 1;
    int64_t last = 0;
    for (int age_s = -60; age_s <= 3600; age_s += 10) {
        int64_t now_us = NOW + age_s * US_PER_S;
        int64_t least = order_next_poll_us(&order, now_us, 0);
        int64_t most = order_next_poll_us(&order, now_us, 1);
        assert_in_range(least, 5 * US_PER_S, most - 1);
        assert_in_range(most, least + 1, 15 * US_PER_S);
        assert_in_range(order_next_poll_us(&order, now_us, 0.5), least, most);
        assert_true(least >= last); // longer the older
        last = least;
    }
    assert_int_equal(order_next_poll_us(&order, NOW, 0), 5 * US_PER_S);
    assert_int_equal(order_next_poll_us(&order, NOW + 3600 * US_PER_S, 1), 15 * US_PER_S);
    // A clock that is far off does no harm.
    assert_int_equal(order_next_poll_us(&order, 0, 0), 5 * US_PER_S);
    order.created_at = (struct opt_i64){0};
    assert_int_equal(order_next_poll_us(&order, NOW, 0), 5 * US_PER_S);
}

static void test_backoff(void **state)
{
    (void)state;
    static const struct {
        int64_t tries;
        int64_t seconds;
    } cases[] = {
        {INT64_MIN, 1}, {-1, 1},   {0, 1},    {1, 1},    {2, 2},      {3, 4},
        {4, 8},         {5, 16},   {6, 32},   {7, 64},   {8, 128},    {9, 256},
        {10, 512},      {11, 600}, {12, 600}, {64, 600}, {1000, 600}, {INT64_MAX, 600},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        int64_t whole = cases[i].seconds * US_PER_S;
        assert_in_range(order_backoff_us(cases[i].tries, 0), whole * 8 / 10 - 1, whole * 8 / 10);
        assert_in_range(order_backoff_us(cases[i].tries, 0.5), whole - 1, whole + 1);
        assert_in_range(order_backoff_us(cases[i].tries, 1), whole * 12 / 10 - 1,
                        whole * 12 / 10 + 1);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_table),
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_transitions),
        cmocka_unit_test(test_never),
        cmocka_unit_test(test_live),
        cmocka_unit_test(test_model_status),
        cmocka_unit_test(test_go),
        cmocka_unit_test(test_go_words),
        cmocka_unit_test(test_go_times),
        cmocka_unit_test(test_fail_with),
        cmocka_unit_test(test_reading_states),
        cmocka_unit_test(test_reading_figures),
        cmocka_unit_test(test_reading_progress_when_done),
        cmocka_unit_test(test_apply_status),
        cmocka_unit_test(test_apply_link_and_figures),
        cmocka_unit_test(test_apply_newer_order),
        cmocka_unit_test(test_constants),
        cmocka_unit_test(test_failed_poll),
        cmocka_unit_test(test_next_poll),
        cmocka_unit_test(test_backoff),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
