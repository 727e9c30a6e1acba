// Tests of tasks/task_order.c: what each answer to a create means, and the fence before it.
#include "support/task_fixture.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/thread.h"

#define S US_PER_S

static const char created_body[] =
    "{\"id\":123,\"lead_id\":456,\"status\":\"processing\",\"annual_production\":15000,"
    "\"system_size\":10.5,\"estimated_cost\":25000,\"annual_savings\":2500,\"adders\":{\"a\":1}}";

// A name that no resolver has to be asked about.
#define LONG_LABEL "a-name-with-a-part-of-more-than-sixty-three-letters-is-none-at-all"

// What one run of an order makes of the answers.
struct answer_row {
    const char *what;
    struct fake_answer answers[3];
    enum { API, API_CLOSED, API_NO_HOST, API_NO_TLS } api;
    enum order_state state;
    enum order_failure failure;
    const char *words; // part of the failure's words
    int64_t attempts;
    enum model_status lead;
    enum job_kind job; // what is left: JOB_NONE, or due after ...
    int64_t min_us;
    int64_t max_us;
    const char *event;
    size_t creates; // requests that LightFusion saw
};

// The backoff of the first try.
#define SOON_MIN (8 * S / 10)
#define SOON_MAX (12 * S / 10)

#define NOT_SENT(failure_, words_, min_, max_, creates_)                                           \
    API, ORDER_REQUESTED, FAILURE_##failure_, words_, 1, MODEL_PENDING, JOB_ORDER, min_, max_,     \
        "order.requested", creates_
#define REFUSED(words_)                                                                            \
    API, ORDER_FAILED, FAILURE_REFUSED, words_, 1, MODEL_FAILED, JOB_NONE, 0, 0, "order.failed", 1
#define UNKNOWN(words_)                                                                            \
    API, ORDER_UNKNOWN, FAILURE_UNCLEAR, words_, 1, MODEL_PENDING, JOB_ORDER, 5 * S, 5 * S,        \
        "order.unknown", 1
#define CREATED                                                                                    \
    API, ORDER_CREATED, FAILURE_NONE, NULL, 1, MODEL_PROCESSING, JOB_POLL, 20 * S, 20 * S,         \
        "order.created"

static const struct answer_row answer_rows[] = {
    {"200 with both ids", {{.body = created_body}}, CREATED, 1},
    {"201 with both ids", {{.status = 201, .body = created_body}}, CREATED, 1},
    {"201 with ids only", {{.status = 201, .body = "{\"id\":123,\"lead_id\":456}"}}, CREATED, 1},
    {"closed after the answer",
     {{.status = 201, .body = created_body, .end = FAKE_CLOSE_SOON}},
     CREATED,
     1},
    {"401, a login, then made",
     {{.status = 401}, {.status = 201, .body = created_body}},
     CREATED,
     2},

    {"401 twice",
     {{.status = 401, .body = "who?"}},
     NOT_SENT(UNAUTHORIZED, "who?", SOON_MIN, SOON_MAX, 2)},
    {"429",
     {{.status = 429, .body = "slow down"}},
     NOT_SENT(LIMITED, "slow down", SOON_MIN, SOON_MAX, 1)},
    {"429 with a time",
     {{.status = 429, .headers = "Retry-After: 17\r\n", .body = "slow down"}},
     NOT_SENT(LIMITED, "slow down", 17 * S, 17 * S, 1)},

    {"400", {{.status = 400, .body = "{\"error\":\"no roof\"}"}}, REFUSED("no roof")},
    {"402", {{.status = 402, .body = "pay first"}}, REFUSED("pay first")},
    {"403", {{.status = 403}}, REFUSED("403")},
    {"404", {{.status = 404, .body = "nothing here"}}, REFUSED("nothing here")},
    {"422", {{.status = 422, .body = "{\"message\":\"bad\"}"}}, REFUSED("bad")},

    {"302", {{.status = 302, .headers = "Location: /v1/lead/create\r\n"}}, UNKNOWN("302")},
    {"307", {{.status = 307, .headers = "Location: /v1/lead/create\r\n"}}, UNKNOWN("307")},
    {"408", {{.status = 408}}, UNKNOWN("408")},
    {"500", {{.status = 500, .body = "oops"}}, UNKNOWN("oops")},
    {"502", {{.status = 502}}, UNKNOWN("502")},
    {"503 with a time", {{.status = 503, .headers = "Retry-After: 9\r\n"}}, UNKNOWN("503")},
    {"504", {{.status = 504}}, UNKNOWN("504")},
    {"2xx without an id", {{.body = "{\"status\":\"processing\"}"}}, UNKNOWN("makes no sense")},
    {"2xx that is no JSON", {{.body = "<html>"}}, UNKNOWN("makes no sense")},
    {"204", {{.status = 204}}, UNKNOWN("makes no sense")},
    {"closed without an answer", {{.end = FAKE_NO_ANSWER}}, UNKNOWN("lost")},
    {"reset", {{.end = FAKE_RESET}}, UNKNOWN("lost")},
    {"cut", {{.status = 201, .body = created_body, .end = FAKE_CUT}}, UNKNOWN("lost")},

    // LightFusion's number without the house: made, but not to be followed yet.
    {"no house", {{.body = "{\"id\":123}"}}, UNKNOWN(NULL)},

    {"connection refused",
     {{0}},
     API_CLOSED,
     ORDER_REQUESTED,
     FAILURE_UNAVAILABLE,
     "not reached",
     1,
     MODEL_PENDING,
     JOB_ORDER,
     SOON_MIN,
     SOON_MAX,
     "order.requested",
     0},
    {"no such host",
     {{0}},
     API_NO_HOST,
     ORDER_REQUESTED,
     FAILURE_UNAVAILABLE,
     "not reached",
     1,
     MODEL_PENDING,
     JOB_ORDER,
     SOON_MIN,
     SOON_MAX,
     "order.requested",
     0},
    {"no TLS",
     {{0}},
     API_NO_TLS,
     ORDER_REQUESTED,
     FAILURE_UNAVAILABLE,
     "not reached",
     1,
     MODEL_PENDING,
     JOB_ORDER,
     SOON_MIN,
     SOON_MAX,
     "order.requested",
     0},
};

static void check_answer(struct task_fixture *f, const struct answer_row *row)
{
    struct order order = task_order(f);
    struct lead lead = task_lead(f);
    if (order.state != row->state)
        print_error("%.*s\n", STR_ARG(order.failure_detail));
    assert_int_equal(order.state, row->state);
    task_assert_failure(&order, row->failure, row->words);
    assert_int_equal(order.attempts, row->attempts);
    assert_int_equal(order.sending_at.value, STORE_T0_US);
    assert_int_equal(lead.model_3d_status, row->lead);
    assert_int_equal(lead.model_3d_created_at.value, STORE_T0_US);
    assert_int_equal(lead.has_3d_model, row->state == ORDER_CREATED);
    int64_t jobs = store_i64(f->store, "SELECT count(*) FROM sunlead_jobs");
    assert_int_equal(jobs, row->job == JOB_NONE ? 0 : 1);
    if (row->job != JOB_NONE)
        assert_in_range(task_job_due_us(f, row->job), row->min_us, row->max_us);
    assert_int_equal(task_events(f, "order.sending"), 1);
    assert_true(task_events(f, row->event) > 0);
    assert_int_equal(store_i64(f->store, "SELECT count(*) FROM sunlead_events"), 3);
    assert_int_equal(fake_server_count(f->server, TASK_CREATE), row->creates);
    if (row->state == ORDER_CREATED) {
        assert_int_equal(order.project_id.value, 123);
        assert_int_equal(order.house_id.value, 456);
        assert_int_equal(order.created_at.value, STORE_T0_US);
        assert_int_equal(lead.lightfusion_3d_project_id.value, 123);
        assert_int_equal(lead.lightfusion_3d_house_id.value, 456);
    }
}

// A port that nobody listens on, for as long as the socket is open.
static int take_port(char *url, size_t size)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof(address);
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    assert_true(fd >= 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&address, len), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &len), 0);
    snprintf(url, size, "http://127.0.0.1:%u", ntohs(address.sin_port));
    return fd;
}

// Greets everybody in plain text, which is no TLS, until the listener is shut down.
static void *greet(void *ctx)
{
    static const char greeting[] = "HTTP/1.1 400 plain\r\n\r\n";
    int listener = *(const int *)ctx;
    int fd;
    while ((fd = accept(listener, NULL, NULL)) >= 0) {
        (void)!write(fd, greeting, sizeof(greeting) - 1);
        close(fd);
    }
    return NULL;
}

static void test_answers(void **state)
{
    (void)state;
    char closed[80];
    char plain[80];
    char by_tls[96];
    pthread_t thread;
    int fd = take_port(closed, sizeof(closed));
    int plain_fd = take_port(plain, sizeof(plain));
    snprintf(by_tls, sizeof(by_tls), "https%s", plain + strlen("http"));
    assert_int_equal(listen(plain_fd, 8), 0);
    assert_int_equal(thread_start(&thread, "greet", greet, &plain_fd, NULL), ERR_OK);
    const char *const apis[] = {NULL, closed, "http://" LONG_LABEL ".invalid", by_tls};
    for (size_t i = 0; i < COUNT_OF(answer_rows); i++) {
        const struct answer_row *row = &answer_rows[i];
        struct fake_route route = {.request = TASK_CREATE};
        memcpy(route.answers, row->answers, sizeof(row->answers));
        print_message("%s\n", row->what);
        struct task_fixture *f = task_fixture_open(&route, 1, apis[row->api]);
        task_fixture_start(f);
        task_fixture_settle(f);
        check_answer(f, row);
        task_fixture_close(f);
    }
    shutdown(plain_fd, SHUT_RDWR);
    thread_join(thread);
    close(plain_fd);
    close(fd);
}

static void test_created_figures(void **state)
{
    (void)state;
    const struct fake_route route = {TASK_CREATE, {{.status = 201, .body = created_body}}};
    struct task_fixture *f = task_fixture_open(&route, 1, NULL);
    task_fixture_start(f);
    task_fixture_settle(f);
    struct order order = task_order(f);
    assert_true(order.system_size.value == 10.5);
    assert_true(order.annual_production.value == 15000);
    assert_true(order.estimated_cost.value == 25000);
    assert_true(order.annual_savings.value == 2500);
    assert_false(order.panel_count.set);
    assert_non_null(memmem(order.details.ptr, order.details.len, "{\"a\":1}", 7));
    struct lead lead = task_lead(f);
    assert_true(lead.system_size.value == 10.5);
    assert_true(lead.annual_production.value == 15000);
    assert_int_equal(lead.sync_status, LEAD_SYNC_SYNCING);
    task_fixture_close(f);
}

static void test_house_missing_keeps_the_project(void **state)
{
    (void)state;
    const struct fake_route route = {TASK_CREATE, {{.body = "{\"id\":123}"}}};
    struct task_fixture *f = task_fixture_open(&route, 1, NULL);
    task_fixture_start(f);
    task_fixture_settle(f);
    struct order order = task_order(f);
    assert_int_equal(order.state, ORDER_UNKNOWN);
    assert_int_equal(order.project_id.value, 123);
    assert_false(order.house_id.set);
    task_fixture_close(f);
}

// ---- Again and again.

static void test_enough_tries(void **state)
{
    (void)state;
    const struct fake_route route = {TASK_CREATE, {{.status = 429, .body = "slow down"}}};
    struct task_fixture *f = task_fixture_open(&route, 1, NULL);
    task_fixture_start(f);
    task_fixture_settle(f);
    int64_t least_us = 0;
    for (int64_t tries = 1; tries < ORDER_TRIES_MAX; tries++) {
        struct order order = task_order(f);
        assert_int_equal(order.state, ORDER_REQUESTED);
        assert_int_equal(order.attempts, tries);
        int64_t waited_us = task_fixture_next(f);
        assert_true(waited_us > least_us);
        least_us = waited_us;
    }
    struct order order = task_order(f);
    assert_int_equal(order.state, ORDER_FAILED);
    task_assert_failure(&order, FAILURE_LIMITED, "slow down");
    assert_int_equal(order.attempts, ORDER_TRIES_MAX);
    assert_int_equal(task_lead(f).model_3d_status, MODEL_FAILED);
    assert_int_equal(store_i64(f->store, "SELECT count(*) FROM sunlead_jobs"), 0);
    task_fixture_close(f);
}

static void test_made_at_the_second_try(void **state)
{
    (void)state;
    const struct fake_route route = {TASK_CREATE, {{.status = 429}, {.body = created_body}}};
    struct task_fixture *f = task_fixture_open(&route, 1, NULL);
    task_fixture_start(f);
    task_fixture_settle(f);
    (void)task_fixture_next(f);
    struct order order = task_order(f);
    assert_int_equal(order.state, ORDER_CREATED);
    assert_int_equal(order.attempts, 2);
    task_assert_failure(&order, FAILURE_NONE, NULL);
    task_fixture_close(f);
}

// What our own client holds back is no try of the order's.
static void test_held_back_is_no_try(void **state)
{
    (void)state;
    const struct fake_route route = {
        TASK_CREATE, {{.status = 429, .headers = "Retry-After: 60\r\n"}, {.body = created_body}}};
    struct task_fixture *f = task_fixture_open(&route, 1, NULL);
    task_fixture_start(f);
    task_fixture_settle(f);
    for (int i = 0; i < 5; i++) {
        (void)task_fixture_next(f); // LightFusion's pause is in real time and goes on
        struct order order = task_order(f);
        assert_int_equal(order.state, ORDER_REQUESTED);
        assert_int_equal(order.attempts, 1);
        task_assert_failure(&order, FAILURE_LIMITED, "pause");
    }
    assert_int_equal(fake_server_count(f->server, TASK_CREATE), 1);
    task_fixture_close(f);
}

// ---- The fence.

static void test_found_in_sending(void **state)
{
    // The process that was sending is gone: never sent again, looked up instead.
    (void)state;
    const struct fake_route routes[] = {{TASK_CREATE, {{.body = created_body}}},
                                        {TASK_LEADS, {{.body = "{\"leads\":[]}"}}}};
    struct task_fixture *f = task_fixture_open(routes, COUNT_OF(routes), NULL);
    task_set_order(f, "state = 'sending', attempts = 1, sending_at = requested_at");
    store_exec(f->store, "UPDATE sunlead_jobs SET state = 'running', attempt = 1, worker = 5");
    task_fixture_start(f);
    task_fixture_settle(f);
    struct order order = task_order(f);
    assert_int_equal(order.state, ORDER_UNKNOWN);
    task_assert_failure(&order, FAILURE_UNCLEAR, "stopped while");
    assert_int_equal(order.attempts, 1);
    assert_int_equal(task_job_due_us(f, JOB_ORDER), 5 * S);
    assert_int_equal(task_events(f, "order.unknown"), 1);
    (void)task_fixture_next(f);
    assert_int_equal(fake_server_count(f->server, TASK_CREATE), 0);
    assert_int_equal(fake_server_count(f->server, TASK_FIRST), 1);
    task_fixture_close(f);
}

// The fence is stored, then the sender is held up by a login.
struct age_row {
    int64_t age_us;
    bool sent;
};

static void test_sender_gives_up(void **state)
{
    (void)state;
    static const struct age_row rows[] = {
        {0, true}, {5 * S - 1, true}, {5 * S, false}, {1000 * S, false}, {-1, false}};
    const struct fake_route routes[] = {
        {TASK_LOGIN,
         {{.delay_ms = 100, .body = "{\"token\":\"secret-token\",\"company\":{\"id\":7}}"}}},
        {TASK_CREATE, {{.body = created_body}}}};
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct task_fixture *f = task_fixture_open(routes, COUNT_OF(routes), NULL);
        task_fixture_start(f);
        fake_server_wait(f->server, TASK_LOGIN, 1);
        assert_int_equal(task_order(f).state, ORDER_SENDING);
        test_clock_add(&f->clock, rows[i].age_us);
        task_fixture_settle(f);
        struct order order = task_order(f);
        assert_int_equal(fake_server_count(f->server, TASK_CREATE), rows[i].sent);
        assert_int_equal(order.state, rows[i].sent ? ORDER_CREATED : ORDER_REQUESTED);
        // What never left is no try.
        assert_int_equal(order.attempts, rows[i].sent);
        if (!rows[i].sent) {
            (void)task_fixture_next(f);
            assert_int_equal(task_order(f).state, ORDER_CREATED);
            assert_int_equal(task_order(f).attempts, 1);
        }
        assert_int_equal(fake_server_count(f->server, TASK_CREATE), 1);
        task_fixture_close(f);
    }
}

// ---- Another process between two steps of this one.

static void await_idle(struct task_fixture *f)
{
    int64_t deadline_us = clock_monotonic_us(clock_system()) + 10 * S;
    while (jobs_running(f->jobs) > 0) {
        assert_true(clock_monotonic_us(clock_system()) < deadline_us);
        usleep(500);
    }
}

static void free_op(struct sql_op *op)
{
    arena_close(op->done_ctx);
}

// Queues a write of another process, ahead of the one that the kind is about to store. Called on
// threads that must not wait.
static void write_ahead(struct task_fixture *f, const struct sql_stmt *stmt)
{
    struct arena *arena = arena_open(0);
    struct sql_op *op = sql_op_new(arena, "another", SQL_LANE_WRITE);
    (void)sql_op_step(op, stmt, 0, NULL);
    op->done = free_op;
    op->done_ctx = arena;
    sql_submit(f->store->db, op);
}

// Between the reading of the order and the storing of the fence another process stores its own.
static void fence_of_another(struct task_fixture *f)
{
    static const struct sql_stmt stmt = {
        .name = "fence_of_another",
        .text = "UPDATE sunlead_orders SET version = version + 1, state = 'sending', attempts = 1, "
                "sending_at = requested_at WHERE state = 'requested' "
                "AND EXISTS (SELECT 1 FROM sunlead_jobs WHERE state = 'running')",
    };
    write_ahead(f, &stmt);
}

static void test_fence_of_another(void **state)
{
    (void)state;
    const struct fake_route route = {TASK_CREATE, {{.body = created_body}}};
    struct task_fixture *f = task_fixture_open(&route, 1, NULL);
    atomic_store(&f->on_read, fence_of_another);
    task_fixture_start(f);
    int64_t deadline_us = clock_monotonic_us(clock_system()) + 10 * S;
    while (task_job_due_us(f, JOB_ORDER) <= 0 && task_job_due_us(f, JOB_POLL) <= 0) {
        assert_true(clock_monotonic_us(clock_system()) < deadline_us);
        usleep(500);
    }
    atomic_store(&f->on_read, NULL);
    task_fixture_settle(f);
    struct order order = task_order(f);
    assert_int_equal(fake_server_count(f->server, TASK_CREATE), 0);
    assert_int_equal(order.state, ORDER_SENDING);
    assert_int_equal(order.attempts, 1);
    task_fixture_close(f);
}

// What an answer does when another process has taken the order over while it was on its way.
struct late_row {
    const char *what;
    const char *meanwhile; // SET part for the order
    struct fake_answer answer;
    enum order_state state;
    enum order_failure failure;
    int64_t attempts;
};

#define NEXT_ATTEMPT "state = 'sending', attempts = 2, sending_at = sending_at + 400000000"
#define TAKEN_OVER   "state = 'unknown', failure = 'unclear', failure_detail = 'stopped'"
#define WAIT         .delay_ms = 100

static const struct late_row late_rows[] = {
    // It was sent again meanwhile: the first answer is not about that.
    {"429, sent again", NEXT_ATTEMPT, {WAIT, .status = 429}, ORDER_SENDING, FAILURE_NONE, 2},
    {"400, sent again", NEXT_ATTEMPT, {WAIT, .status = 400}, ORDER_SENDING, FAILURE_NONE, 2},
    {"500, sent again", NEXT_ATTEMPT, {WAIT, .status = 500}, ORDER_SENDING, FAILURE_NONE, 2},
    {"made, sent again",
     NEXT_ATTEMPT,
     {WAIT, .body = created_body},
     ORDER_SENDING,
     FAILURE_NONE,
     2},
    // It was found in `sending` and waits for its look-up: the answer settles it.
    {"made", TAKEN_OVER, {WAIT, .body = created_body}, ORDER_CREATED, FAILURE_NONE, 1},
    {"429", TAKEN_OVER, {WAIT, .status = 429}, ORDER_REQUESTED, FAILURE_LIMITED, 1},
    {"500", TAKEN_OVER, {WAIT, .status = 500}, ORDER_UNKNOWN, FAILURE_UNCLEAR, 1},
    // It was looked up in vain, and is to be sent again.
    {"made, wanted again",
     "state = 'requested', lookups = 2",
     {WAIT, .body = created_body},
     ORDER_CREATED,
     FAILURE_NONE,
     1},
    // It was parked, even.
    {"made, parked",
     "state = 'parked', house_id = 456",
     {WAIT, .body = created_body},
     ORDER_CREATED,
     FAILURE_NONE,
     1},
    {"429, parked", "state = 'parked'", {WAIT, .status = 429}, ORDER_PARKED, FAILURE_NONE, 1},
    // Somebody linked a project by hand: that stands.
    {"made, linked",
     "state = 'created', project_id = 777, house_id = 778",
     {WAIT, .body = created_body},
     ORDER_CREATED,
     FAILURE_NONE,
     1},
};

static void test_late_answers(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(late_rows); i++) {
        const struct late_row *row = &late_rows[i];
        const struct fake_route route = {TASK_CREATE, {row->answer}};
        print_message("%s\n", row->what);
        struct task_fixture *f = task_fixture_open(&route, 1, NULL);
        task_fixture_start(f);
        fake_server_wait(f->server, TASK_CREATE, 1);
        task_set_order(f, row->meanwhile);
        store_exec(f->store, "UPDATE sunlead_jobs SET attempt = attempt + 1, worker = 5");
        await_idle(f);
        struct order order = task_order(f);
        assert_int_equal(order.state, row->state);
        assert_int_equal(order.failure, row->failure);
        assert_int_equal(order.attempts, row->attempts);
        if (row->state == ORDER_CREATED) {
            bool linked = strstr(row->meanwhile, "777") != NULL;
            assert_int_equal(order.project_id.value, linked ? 777 : 123);
            assert_int_equal(task_job_due_us(f, JOB_POLL) >= 0, !linked);
        }
        // The other one's lease is left alone.
        assert_int_equal(store_i64(f->store, "SELECT worker FROM sunlead_jobs "
                                             "WHERE kind = 'order' AND state = 'running'"),
                         5);
        task_fixture_close(f);
    }
}

// The order is changed by others again and again while its answer waits to be stored.
static void change_again(struct task_fixture *f)
{
    static const struct sql_stmt stmt = {
        .name = "change_again",
        .text = "UPDATE sunlead_orders SET version = version + 1 "
                "WHERE state = 'sending' AND version < 80",
    };
    if (fake_server_count(f->server, TASK_CREATE) > 0)
        write_ahead(f, &stmt);
}

static void test_result_survives_many_changes(void **state)
{
    (void)state;
    const struct fake_route route = {TASK_CREATE, {{.body = created_body}}};
    struct task_fixture *f = task_fixture_open(&route, 1, NULL);
    task_fixture_start(f);
    fake_server_wait(f->server, TASK_LOGIN, 1);
    atomic_store(&f->on_read, change_again);
    await_idle(f);
    atomic_store(&f->on_read, NULL);
    task_fixture_settle(f);
    assert_int_equal(task_order(f).state, ORDER_CREATED);
    assert_int_equal(fake_server_count(f->server, TASK_CREATE), 1);
    task_fixture_close(f);
}

// ---- The place of a job that died.

static void test_exhausted(void **state)
{
    (void)state;
    static const struct {
        const char *state;
        enum order_state end;
        enum order_failure failure;
        enum model_status lead;
    } rows[] = {
        {"requested", ORDER_FAILED, FAILURE_GIVEN_UP, MODEL_FAILED},
        {"sending", ORDER_PARKED, FAILURE_UNCLEAR, MODEL_PENDING},
        {"unknown", ORDER_PARKED, FAILURE_UNCLEAR, MODEL_PENDING},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        const struct fake_route route = {TASK_CREATE, {{.body = created_body}}};
        struct task_fixture *f = task_fixture_open(&route, 1, NULL);
        char text[100];
        snprintf(text, sizeof(text), "state = '%s', sending_at = requested_at", rows[i].state);
        task_set_order(f, text);
        store_exec(f->store, "UPDATE sunlead_jobs SET failures = 20");
        task_fixture_start(f);
        task_fixture_settle(f);
        struct order order = task_order(f);
        assert_int_equal(order.state, rows[i].end);
        task_assert_failure(&order, rows[i].failure, "again and again");
        assert_int_equal(task_lead(f).model_3d_status, rows[i].lead);
        assert_int_equal(fake_server_count(f->server, TASK_CREATE), 0);
        assert_int_equal(task_job_due_us(f, JOB_ORDER), -1);
        task_fixture_close(f);
    }
}

// ---- A project that another order has.

static void test_project_of_another_order(void **state)
{
    (void)state;
    static const char *const bodies[] = {"{\"id\":123,\"lead_id\":456}", "{\"id\":123}"};
    for (size_t i = 0; i < COUNT_OF(bodies); i++) {
        const struct fake_route route = {TASK_CREATE, {{.body = bodies[i]}}};
        struct task_fixture *f = task_fixture_open(&route, 1, NULL);
        int64_t mine = f->order_id;
        f->order_id = store_add_order(f->store, store_add_lead(f->store, 1), STORE_T0_US);
        task_set_order(f, "state = 'completed', project_id = 123");
        store_exec(f->store, "DELETE FROM sunlead_jobs WHERE order_id = "
                             "(SELECT max(id) FROM sunlead_orders)");
        f->order_id = mine;
        task_fixture_start(f);
        task_fixture_settle(f);
        struct order order = task_order(f);
        assert_int_equal(order.state, ORDER_PARKED);
        task_assert_failure(&order, FAILURE_UNCLEAR, "project 123, which another order has");
        assert_false(order.project_id.set);
        assert_int_equal(task_lead(f).model_3d_status, MODEL_PENDING);
        assert_int_equal(store_i64(f->store, "SELECT count(*) FROM sunlead_jobs"), 0);
        assert_int_equal(task_events(f, "order.parked"), 1);
        task_fixture_close(f);
    }
}

// ---- Orders that are not to be sent.

static void test_states_that_are_not_sent(void **state)
{
    static const char *const states[] = {"parked",    "created", "processing",
                                         "completed", "failed",  "cancelled"};
    (void)state;
    const struct fake_route route = {TASK_CREATE, {{.body = created_body}}};
    struct task_fixture *f = task_fixture_open(&route, 1, NULL);
    task_fixture_start(f);
    task_fixture_settle(f);
    for (size_t i = 0; i < COUNT_OF(states); i++) {
        task_set_order(f, arena_printf(f->store->arena, "state = '%s'", states[i]).ptr);
        store_exec(f->store, "UPDATE sunlead_jobs SET kind = 'order', run_at = 0");
        task_fixture_settle(f);
        assert_string_equal(store_text(f->store, "SELECT state FROM sunlead_orders"), states[i]);
        assert_int_equal(store_i64(f->store, "SELECT count(*) FROM sunlead_jobs"), 0);
        store_exec(f->store, "INSERT INTO sunlead_jobs (kind, order_id, company_id, state, "
                             "attempt, run_at) VALUES ('poll', 1, 1, 'ready', 0, "
                             "9000000000000000)");
    }
    assert_int_equal(fake_server_count(f->server, TASK_CREATE), 1);
    task_fixture_close(f);
}

static void test_order_gone(void **state)
{
    (void)state;
    struct task_fixture *f = task_fixture_open(NULL, 0, NULL);
    store_exec(f->store, "DELETE FROM sunlead_orders");
    task_fixture_start(f);
    task_fixture_settle(f);
    assert_int_equal(store_i64(f->store, "SELECT count(*) FROM sunlead_jobs"), 0);
    task_fixture_close(f);
}

static void test_unreadable_request(void **state)
{
    (void)state;
    struct task_fixture *f = task_fixture_open(NULL, 0, NULL);
    task_set_order(f, "request = '[1, 2'");
    task_fixture_start(f);
    task_fixture_settle(f);
    struct order order = task_order(f);
    assert_int_equal(order.state, ORDER_FAILED);
    task_assert_failure(&order, FAILURE_REFUSED, "cannot be read");
    assert_int_equal(fake_server_count(f->server, TASK_CREATE), 0);
    assert_int_equal(store_i64(f->store, "SELECT count(*) FROM sunlead_jobs"), 0);
    task_fixture_close(f);
}

static void test_lead_gone(void **state)
{
    // What is paid for is stored, whoever wanted it.
    (void)state;
    const struct fake_route route = {TASK_CREATE, {{.body = created_body, .delay_ms = 100}}};
    struct task_fixture *f = task_fixture_open(&route, 1, NULL);
    task_fixture_start(f);
    fake_server_wait(f->server, TASK_CREATE, 1);
    store_exec(f->store, "DELETE FROM leads");
    task_fixture_settle(f);
    assert_int_equal(task_order(f).state, ORDER_CREATED);
    assert_int_equal(task_order(f).project_id.value, 123);
    task_fixture_close(f);
}

// ---- Those who wait for the order.

struct notice {
    struct watcher watcher;
    struct waiter *waiter;
};

static void on_notice(struct watcher *watcher)
{
    waiter_add(CONTAINER_OF(watcher, struct notice, watcher)->waiter);
}

static void test_notice(void **state)
{
    (void)state;
    const struct fake_route route = {TASK_CREATE, {{.body = created_body}}};
    struct task_fixture *f = task_fixture_open(&route, 1, NULL);
    struct notice notice = {
        .waiter = waiter_open(),
        .watcher = {.order_id = f->order_id, .wake_at_us = INT64_MAX, .woken = on_notice}};
    watch_add(f->watch, &notice.watcher);
    task_fixture_start(f);
    waiter_wait(notice.waiter, 1);
    assert_true(task_order(f).state != ORDER_REQUESTED);
    task_fixture_settle(f);
    task_fixture_close(f);
    waiter_close(notice.waiter);
}

#define TEST(name) cmocka_unit_test(name)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_answers),
        TEST(test_created_figures),
        TEST(test_house_missing_keeps_the_project),
        TEST(test_enough_tries),
        TEST(test_made_at_the_second_try),
        TEST(test_held_back_is_no_try),
        TEST(test_found_in_sending),
        TEST(test_sender_gives_up),
        TEST(test_fence_of_another),
        TEST(test_late_answers),
        TEST(test_result_survives_many_changes),
        TEST(test_project_of_another_order),
        TEST(test_states_that_are_not_sent),
        TEST(test_order_gone),
        TEST(test_unreadable_request),
        TEST(test_lead_gone),
        TEST(test_notice),
        cmocka_unit_test(test_exhausted),
    };
    return cmocka_run_group_tests_name("task_order", tests, NULL, NULL);
}
