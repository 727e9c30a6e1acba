// All that the kinds of jobs work with: a database, a scripted LightFusion, a clock that stands
// still, the runner.
#ifndef SUNLEAD_TEST_TASK_FIXTURE_H
#define SUNLEAD_TEST_TASK_FIXTURE_H

#include "base/pool.h"
#include "store/job_store.h"
#include "store/order_store.h"
#include "support/fake_server.h"
#include "support/store_fixture.h"
#include "support/test_clock.h"
#include "support/waiter.h"
#include "tasks/file_announcer.h"
#include "tasks/tasks.h"

// Requests of the scripts.
#define TASK_LOGIN    "POST /v1/users/sessions"
#define TASK_CREATE   "POST /v1/lead/create"
#define TASK_COMPLETE "POST /v1/leads/"
#define TASK_ADDERS   "POST /v3/adders.ListProjectAdders"
#define TASK_PRICES   "POST /v3/adders.GetPriceBreakdown"
#define TASK_LEADS    "GET /v1/leads?"
#define TASK_FIRST    "GET /v1/leads?company_id=7&limit=100&offset=0 "
#define TASK_MESH     "GET /leads/"

struct task_fixture {
    struct store_fixture *store;
    struct test_clock clock;
    struct clock tasks_clock; // the same time, by which on_read() is called
    // Called, if not NULL, whenever a kind reads the time: between two of its steps.
    void (*_Atomic on_read)(struct task_fixture *f);
    struct fake_server *server;
    struct http_client *http;
    struct pool *pool;
    struct lightfusion *lf;
    struct file_announcer announcer;
    struct files *files;
    struct watch *watch;
    struct notices notices;
    struct jobs *jobs; // NULL until started
    struct tasks tasks;
    char files_dir[64];
    int64_t lead_id;
    int64_t order_id;
};

// task_fixture_open() sets all up but the runner, with one lead and one order requested at
// STORE_T0_US, and its job. The scripted server has a login beside the given routes. Where api is
// given, LightFusion is looked for there, with an API key instead of a login.
struct task_fixture *task_fixture_open(const struct fake_route *routes, size_t count,
                                       const char *api);

// task_fixture_close() drains, closes and removes all.
void task_fixture_close(struct task_fixture *f);

// task_fixture_start() starts the runner.
void task_fixture_start(struct task_fixture *f);

// task_fixture_stop() ends it; what runs has 10 s to end.
void task_fixture_stop(struct task_fixture *f);

// task_fixture_settle() waits until nothing runs and nothing is due.
void task_fixture_settle(struct task_fixture *f);

// task_fixture_advance() moves the clock on and settles.
void task_fixture_advance(struct task_fixture *f, int64_t by_us);

// task_fixture_next() moves the clock on to the time of the next job and settles; how far it went.
int64_t task_fixture_next(struct task_fixture *f);

// task_set_order() stores the order in another state: text is the SET part of a statement.
void task_set_order(struct task_fixture *f, const char *text);

// task_set_project() makes it a created one with project 123 and house 456, and its job a poll.
void task_set_project(struct task_fixture *f);

// task_order() reads the order.
struct order task_order(struct task_fixture *f);

// task_lead() reads its lead.
struct lead task_lead(struct task_fixture *f);

// task_job_due_us() is how long until the order's job of a kind is due, or -1 if there is none
// that is ready.
int64_t task_job_due_us(struct task_fixture *f, enum job_kind kind);

// task_events() counts events of a type.
int64_t task_events(struct task_fixture *f, const char *type);

// task_assert_failure() compares the order's failure; part is in its words, NULL: there are none.
void task_assert_failure(const struct order *order, enum order_failure failure, const char *part);

#endif
