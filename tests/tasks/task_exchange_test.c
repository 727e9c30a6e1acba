// Tests of tasks/task_exchange.c: what is kept of the calls for an order, and what is not.
#include "support/task_fixture.h"

#include <string.h>

#include "store/exchange_store.h"
#include "tasks/project_json.h"

#define S US_PER_S

#define PROGRESS                                                                                   \
    "{\"lead\":{\"id\":456,\"state\":0,\"build\":{\"progress\":40},"                               \
    "\"creator\":{\"name\":\"Sally Seller\",\"email\":\"sally@example.com\"},"                     \
    "\"notes\":\"John is at home, +1 234 567 890\"}}"
#define DONE "{\"lead\":{\"id\":456,\"state\":1,\"build\":{\"progress\":100},\"notes\":\"doe\"}}"

static bool holds(struct str text, const char *part)
{
    return text.ptr != NULL && memmem(text.ptr, text.len, part, strlen(part)) != NULL;
}

// What a person has said of himself in the request of the specification's example.
static const char *const private[] = {
    "homeowner@example.com", "John", "Doe", "doe", "1234567890", "Sally", "sally", "234 567"};

static void set_request(struct task_fixture *f)
{
    struct project_request request = {0};
    struct order order = task_order(f);
    assert_int_equal(project_request_read(order.request, f->store->arena, &request, NULL), ERR_OK);
    request.homeowner = (struct project_homeowner){STR("homeowner@example.com"), STR("John"),
                                                   STR("Doe"), STR("+1234567890")};
    order.request = project_request_text(&request, f->store->arena);
    struct sql_op *op = store_write(f->store);
    order_store_save(op, &order);
    store_run(f->store, op);
}

struct kept {
    size_t count;
    struct exchange exchanges[EXCHANGES_MAX];
};

static struct kept kept_of(struct task_fixture *f)
{
    struct kept kept = {0};
    struct row_list list = {.arena = f->store->arena,
                            .table = &exchange_table,
                            .objects = kept.exchanges,
                            .max = EXCHANGES_MAX};
    struct sql_op *op = store_read(f->store);
    exchange_store_list(op, f->order_id, &list);
    store_run(f->store, op);
    kept.count = list.count;
    for (size_t i = 0; i < kept.count; i++) {
        const struct exchange *exchange = &kept.exchanges[i];
        assert_true(exchange->request.len <= EXCHANGE_TEXT_MAX);
        assert_true(exchange->answer.len <= EXCHANGE_TEXT_MAX);
        for (size_t k = 0; k < COUNT_OF(private); k++) {
            assert_false(holds(exchange->request, private[k]));
            assert_false(holds(exchange->answer, private[k]));
        }
    }
    return kept;
}

static struct exchange find(const struct kept *kept, enum exchange_call call,
                            enum exchange_outcome outcome)
{
    for (size_t i = 0; i < kept->count; i++) {
        if (kept->exchanges[i].call == call && kept->exchanges[i].outcome == outcome)
            return kept->exchanges[i];
    }
    fail_msg("there is no such exchange");
    return (struct exchange){0};
}

// From the request to the model, with a try that is not sent and a poll that fails.
static void test_an_orders_way(void **state)
{
    (void)state;
    const struct fake_route routes[] = {
        {TASK_CREATE,
         {{.status = 429, .body = "{\"error\":\"John Doe has to wait\"}"},
          {.body = "{\"id\":123,\"lead_id\":456,\"homeowner\":{\"firstname\":\"John\"}}"}}},
        {TASK_COMPLETE,
         {{.body = PROGRESS},
          {.status = 502, .body = "<b>ask homeowner@example.com</b>"},
          {.body = PROGRESS},
          {.body = PROGRESS},
          {.body = DONE}}},
        {TASK_ADDERS, {{.body = "{\"panel\":{\"ID\":1}}"}}},
        {TASK_PRICES, {{.body = "{\"total_amount\":25000}"}}},
    };
    struct task_fixture *f = task_fixture_open(routes, COUNT_OF(routes), NULL);
    set_request(f);
    task_fixture_start(f);
    task_fixture_settle(f);
    for (int i = 0; i < 6; i++)
        (void)task_fixture_next(f);
    assert_int_equal(task_order(f).state, ORDER_COMPLETED);

    struct kept kept = kept_of(f);
    assert_int_equal(kept.count, 5);
    struct exchange said = find(&kept, EXCHANGE_CREATE, EXCHANGE_NOT_SENT);
    assert_int_equal(said.status.value, 429);
    assert_true(str_equal(said.answer, STR("{\"error\":\"*** *** has to wait\"}")));
    said = find(&kept, EXCHANGE_CREATE, EXCHANGE_OK);
    assert_true(holds(said.request, "\"homeowner\":\"***\""));
    assert_true(holds(said.request, "\"latitude\":37.7749"));
    assert_true(holds(said.answer, "{\"id\":123,\"lead_id\":456"));
    said = find(&kept, EXCHANGE_COMPLETE, EXCHANGE_OK);
    assert_int_equal(said.times, 3); // the first, the one after the failure, the last
    assert_int_equal(said.at.value, test_clock_now(&f->clock));
    assert_null(said.request.ptr);
    assert_true(holds(said.answer, "\"state\":1"));
    said = find(&kept, EXCHANGE_COMPLETE, EXCHANGE_UNCLEAR);
    assert_int_equal(said.status.value, 502);
    assert_int_equal(said.times, 1);
    said = find(&kept, EXCHANGE_DETAILS, EXCHANGE_OK);
    assert_true(holds(said.answer, "25000"));
    task_fixture_close(f);
}

// Also where a run ends without a change of the order.
static void test_a_lookup_that_fails(void **state)
{
    (void)state;
    const struct fake_route routes[] = {{TASK_LEADS, {{.status = 503, .body = "down"}}}};
    struct task_fixture *f = task_fixture_open(routes, COUNT_OF(routes), NULL);
    task_set_order(f, "state = 'unknown', attempts = 1, sending_at = requested_at");
    task_fixture_start(f);
    task_fixture_settle(f);
    struct kept kept = kept_of(f);
    assert_int_equal(kept.count, 1);
    struct exchange said = find(&kept, EXCHANGE_FIND, EXCHANGE_UNCLEAR);
    assert_true(str_equal(said.answer, STR("down")));
    task_fixture_close(f);
}

// What was held back was not said; and it is no reason to give an order up.
static void test_held_back(void **state)
{
    (void)state;
    const struct fake_route routes[] = {{TASK_COMPLETE, {{.body = PROGRESS}}}};
    struct task_fixture *f = task_fixture_open(routes, COUNT_OF(routes), NULL);
    set_request(f);
    task_set_project(f);
    test_clock_add(&f->clock, 1900 * S);
    lightfusion_isolate(f->lf, true);
    task_fixture_start(f);
    task_fixture_settle(f);
    struct order order = task_order(f);
    assert_int_equal(order.state, ORDER_CREATED);
    assert_int_equal(order.polls, 0);
    assert_true(order.poll_failed);
    assert_int_equal(kept_of(f).count, 0);
    assert_int_equal(task_job_due_us(f, JOB_POLL), 30 * S);
    lightfusion_isolate(f->lf, false);
    (void)task_fixture_next(f);
    order = task_order(f);
    assert_int_equal(order.state, ORDER_FAILED);
    assert_int_equal(order.failure, FAILURE_TIMEOUT);
    assert_int_equal(kept_of(f).count, 1);
    task_fixture_close(f);
}

#define TEST(name) cmocka_unit_test(name)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_an_orders_way),
        TEST(test_a_lookup_that_fails),
        TEST(test_held_back),
    };
    return cmocka_run_group_tests_name("task_exchange", tests, NULL, NULL);
}
