// A fresh, migrated database of each engine for the store's tests, and short words for working on
// it.
#ifndef SUNLEAD_TEST_STORE_FIXTURE_H
#define SUNLEAD_TEST_STORE_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/arena.h"
#include "domain/job.h"
#include "domain/lead.h"
#include "domain/order.h"
#include "sql/sql.h"
#include "store/event_store.h"

// 2026-01-01T00:00:00Z, where the tests' time begins.
#define STORE_T0_US INT64_C(1767225600000000)

struct store_fixture {
    struct sql *db;
    struct arena *arena; // what the test takes; freed with the fixture
    char folder[64];     // of an engine that keeps files
    const char *url;     // of one that has a server
};

// store_fixture_run_suite() runs the tests once on every engine; how many failed.
int store_fixture_run_suite(const char *name, const struct CMUnitTest *tests, size_t count);

// store_fixture_run_suite_pooled() runs them by way of PgBouncer too.
int store_fixture_run_suite_pooled(const char *name, const struct CMUnitTest *tests, size_t count);

// store_fixture_run_suite_partitioned() runs them with leads in partitions too.
int store_fixture_run_suite_partitioned(const char *name, const struct CMUnitTest *tests,
                                        size_t count);

// store_fixture_setup() opens a database of the suite's engine (the first one outside of a suite).
int store_fixture_setup(void **state);

// store_fixture_teardown() closes and removes it.
int store_fixture_teardown(void **state);

// store_write() and store_read() are empty operations.
struct sql_op *store_write(struct store_fixture *f);

// store_read() is one for reading.
struct sql_op *store_read(struct store_fixture *f);

// store_run() runs an operation, which must succeed.
void store_run(struct store_fixture *f, struct sql_op *op);

// store_fails() runs an operation, which must end with a code.
void store_fails(struct store_fixture *f, struct sql_op *op, enum err code);

// store_run_together() submits operations so that an engine that commits in groups puts them into
// one, and waits for all of them. Their codes are in them.
void store_run_together(struct store_fixture *f, struct sql_op **ops, size_t count);

// store_exec() runs a statement of the test's own.
void store_exec(struct store_fixture *f, const char *text);

// store_i64() is the one number that a query gives; INT64_MIN for NULL or no row.
int64_t store_i64(struct store_fixture *f, const char *text);

// store_text() is the one text that a query gives, "" for NULL or no row.
const char *store_text(struct store_fixture *f, const char *text);

// store_new_lead() is a lead of a company that is not stored yet.
struct lead store_new_lead(int64_t company_id);

// The event of a lead that the tests make.
extern const struct event store_lead_created;

// store_add_lead() stores one, without an event, and returns its id.
int64_t store_add_lead(struct store_fixture *f, int64_t company_id);

// store_get_lead() reads one; it must be there.
struct lead store_get_lead(struct store_fixture *f, int64_t id);

// store_new_order() is an order for a lead that is requested at now_us and not stored yet.
struct order store_new_order(int64_t lead_id, int64_t now_us);

// store_add_order() stores one with its job and returns its id; the lead must have no live one.
int64_t store_add_order(struct store_fixture *f, int64_t lead_id, int64_t now_us);

// store_get_order() reads one; it must be there.
struct order store_get_order(struct store_fixture *f, int64_t id);

// store_get_order_of_op() reads the order that an operation made; id 0: none.
struct order store_get_order_of_op(struct store_fixture *f, int64_t op_id);

#endif
