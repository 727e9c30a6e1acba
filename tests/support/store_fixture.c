// Owns the databases of the store's tests.
#include "support/store_fixture.h"

#include <dirent.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "base/random.h"
#include "sql/migrate.h"
#include "store/lead_store.h"
#include "store/order_store.h"
#include "support/postgres.h"

// What a kind of database needs: what the suite starts and stops, an empty one, and its removal.
struct engine {
    const char *name;
    int (*start)(void **state);
    int (*stop)(void **state);
    bool (*make)(struct store_fixture *f, struct sql_settings *ret_settings);
    int (*remove)(struct store_fixture *f);
};

static bool sqlite_make(struct store_fixture *f, struct sql_settings *ret_settings)
{
    snprintf(f->folder, sizeof(f->folder), "/tmp/sunlead-store-test-XXXXXX");
    if (mkdtemp(f->folder) == NULL)
        return false;
    ret_settings->url = arena_printf(f->arena, "sqlite:%s/test.db", f->folder).ptr;
    return true;
}

static int sqlite_remove(struct store_fixture *f)
{
    DIR *dir = opendir(f->folder);
    if (dir == NULL)
        return -1;
    struct dirent *entry;
    while ((entry = readdir(dir)) != NULL)
        (void)unlinkat(dirfd(dir), entry->d_name, 0);
    closedir(dir);
    return rmdir(f->folder);
}

// One server for all tests of a suite. Their databases are copies of one that was migrated.
static struct {
    struct postgres *server;
    const char *migrated;
} postgres;

static int start_and_migrate(const char *before)
{
    log_setup(LOG_OFF, LOG_TEXT, 2);
    postgres.server = postgres_start();
    if (postgres.server == NULL)
        return -1;
    postgres.migrated = postgres_create(postgres.server, NULL);
    postgres_exec(postgres.server, postgres.migrated, before);
    struct sql *db = NULL;
    size_t applied;
    struct error err;
    error_reset(&err);
    enum err code = sql_open(postgres.migrated, false, &db, &err);
    if (code == ERR_OK)
        code = migrate_up(db, &applied, &err);
    sql_close(db);
    if (code != ERR_OK)
        print_error("%s (%s)\n", err.message, err.cause);
    return code == ERR_OK ? 0 : -1;
}

static int postgres_engine_start(void **state)
{
    (void)state;
    return start_and_migrate("");
}

// As docs/scaling.md has it.
static int partitions_start(void **state)
{
    (void)state;
    return start_and_migrate(
        "CREATE TABLE leads (id BIGSERIAL, company_id BIGINT NOT NULL, creator_id BIGINT NOT NULL, "
        "latitude DOUBLE PRECISION NOT NULL, longitude DOUBLE PRECISION NOT NULL, "
        "state INTEGER NOT NULL DEFAULT 0 CHECK (state BETWEEN 0 AND 3), "
        "sync_status TEXT CHECK (sync_status IN ('pending', 'synced', 'failed', 'syncing')), "
        "PRIMARY KEY (id, company_id)) PARTITION BY HASH (company_id); "
        "CREATE TABLE leads_0 PARTITION OF leads FOR VALUES WITH (MODULUS 2, REMAINDER 0); "
        "CREATE TABLE leads_1 PARTITION OF leads FOR VALUES WITH (MODULUS 2, REMAINDER 1); "
        "ALTER TABLE leads OWNER TO sunlead; ALTER TABLE leads_0 OWNER TO sunlead; "
        "ALTER TABLE leads_1 OWNER TO sunlead");
}

static int postgres_engine_stop(void **state)
{
    (void)state;
    postgres_stop(TAKE_PTR(postgres.server));
    return 0;
}

static bool postgres_make(struct store_fixture *f, struct sql_settings *ret_settings)
{
    f->url = postgres_create(postgres.server, postgres.migrated);
    ret_settings->url = f->url;
    return true;
}

static bool pooled_make(struct store_fixture *f, struct sql_settings *ret_settings)
{
    f->url = postgres_create(postgres.server, postgres.migrated);
    ret_settings->url = postgres_pool(postgres.server, f->url);
    ret_settings->is_pooled = true;
    return true;
}

static int postgres_remove(struct store_fixture *f)
{
    postgres_drop(postgres.server, f->url);
    return 0;
}

static const struct engine engines[] = {
    {"sqlite", NULL, NULL, sqlite_make, sqlite_remove},
    {"postgres", postgres_engine_start, postgres_engine_stop, postgres_make, postgres_remove},
    // Not for every suite:
    {"pgbouncer", postgres_engine_start, postgres_engine_stop, pooled_make, postgres_remove},
    {"partitions", partitions_start, postgres_engine_stop, postgres_make, postgres_remove},
};

#define ENGINES           2
#define ENGINES_POOLED    3
#define ENGINES_PARTITION 4

static const struct engine *engine = &engines[0]; // of the suite that runs

static int run_on(size_t engine_count, const char *name, const struct CMUnitTest *tests,
                  size_t count)
{
    int failed = 0;
    for (size_t i = 0; i < engine_count; i++) {
        char group[100];
        engine = &engines[i];
        snprintf(group, sizeof(group), "%s on %s", name, engine->name);
        failed += _cmocka_run_group_tests(group, tests, count, engine->start, engine->stop);
    }
    return failed;
}

int store_fixture_run_suite(const char *name, const struct CMUnitTest *tests, size_t count)
{
    return run_on(ENGINES, name, tests, count);
}

int store_fixture_run_suite_pooled(const char *name, const struct CMUnitTest *tests, size_t count)
{
    return run_on(ENGINES_POOLED, name, tests, count);
}

int store_fixture_run_suite_partitioned(const char *name, const struct CMUnitTest *tests,
                                        size_t count)
{
    return run_on(ENGINES_PARTITION, name, tests, count);
}

int store_fixture_setup(void **state)
{
    struct store_fixture *f = calloc(1, sizeof(*f));
    check(f != NULL);
    log_setup(LOG_OFF, LOG_TEXT, 2);
    f->arena = arena_open(0);
    struct sql_settings settings = {.lock = true};
    struct error err;
    size_t applied;
    error_reset(&err);
    if (!engine->make(f, &settings) || sql_open_as(&settings, &f->db, &err) != ERR_OK ||
        migrate_up(f->db, &applied, &err) != ERR_OK) {
        print_error("%s (%s)\n", err.message, err.cause);
        return -1;
    }
    *state = f;
    return 0;
}

int store_fixture_teardown(void **state)
{
    struct store_fixture *f = *state;
    sql_close(f->db);
    int code = engine->remove(f);
    arena_close(f->arena);
    free(f);
    return code;
}

struct sql_op *store_write(struct store_fixture *f)
{
    return sql_op_new(f->arena, "test_write", SQL_LANE_WRITE);
}

struct sql_op *store_read(struct store_fixture *f)
{
    return sql_op_new(f->arena, "test_read", SQL_LANE_SHORT);
}

void store_run(struct store_fixture *f, struct sql_op *op)
{
    store_fails(f, op, ERR_OK);
}

void store_fails(struct store_fixture *f, struct sql_op *op, enum err code)
{
    enum err got = sql_run(f->db, op);
    if (got != code)
        print_error("%s: %s (%s)\n", err_name(got), op->error.message, op->error.cause);
    assert_int_equal(got, code);
}

// Holds the engine's writer in the middle of an operation.
struct gate {
    sem_t reached;
    sem_t go;
    sem_t done;
};

static void gate_hold(void *ctx, const struct sql_row *row)
{
    struct gate *gate = ctx;
    (void)row;
    sem_post(&gate->reached);
    sem_wait(&gate->go);
}

static void post_done(struct sql_op *op)
{
    sem_post(op->done_ctx);
}

void store_run_together(struct store_fixture *f, struct sql_op **ops, size_t count)
{
    static const struct sql_stmt one_row = {.name = "one_row", .text = "SELECT 1"};
    struct gate gate;
    sem_init(&gate.reached, 0, 0);
    sem_init(&gate.go, 0, 0);
    sem_init(&gate.done, 0, 0);
    struct sql_op *hold = store_write(f);
    struct sql_step *step = sql_op_step(hold, &one_row, 0, NULL);
    step->on_row = gate_hold;
    step->ctx = &gate;
    hold->done = post_done;
    hold->done_ctx = &gate.done;
    sql_submit(f->db, hold);
    sem_wait(&gate.reached);
    for (size_t i = 0; i < count; i++) {
        ops[i]->done = post_done;
        ops[i]->done_ctx = &gate.done;
        sql_submit(f->db, ops[i]);
    }
    sem_post(&gate.go);
    for (size_t i = 0; i <= count; i++)
        sem_wait(&gate.done);
    sem_destroy(&gate.reached);
    sem_destroy(&gate.go);
    sem_destroy(&gate.done);
}

// A statement that lives as long as the fixture.
static const struct sql_stmt *make_stmt(struct store_fixture *f, const char *text)
{
    struct sql_stmt *stmt = arena_new(f->arena, struct sql_stmt, 1);
    stmt->name = text;
    stmt->text = arena_str(f->arena, str_of(text)).ptr;
    return stmt;
}

void store_exec(struct store_fixture *f, const char *text)
{
    struct sql_op *op = store_write(f);
    (void)sql_op_step(op, make_stmt(f, text), 0, NULL);
    store_run(f, op);
}

struct one_value {
    struct arena *arena;
    int64_t i64;
    const char *text;
};

static void take_value(void *ctx, const struct sql_row *row)
{
    struct one_value *value = ctx;
    if (sql_row_is_null(row, 0))
        return;
    value->i64 = sql_row_i64(row, 0);
    value->text = arena_str(value->arena, sql_row_str(row, 0)).ptr;
}

static struct one_value read_value(struct store_fixture *f, const char *text)
{
    struct one_value value = {.arena = f->arena, .i64 = INT64_MIN, .text = ""};
    struct sql_op *op = store_read(f);
    struct sql_step *step = sql_op_step(op, make_stmt(f, text), 0, NULL);
    step->on_row = take_value;
    step->ctx = &value;
    store_run(f, op);
    return value;
}

int64_t store_i64(struct store_fixture *f, const char *text)
{
    return read_value(f, text).i64;
}

const char *store_text(struct store_fixture *f, const char *text)
{
    return read_value(f, text).text;
}

struct lead store_new_lead(int64_t company_id)
{
    return (struct lead){
        .company_id = company_id,
        .creator_id = 2,
        .latitude = 37.7749,
        .longitude = -122.4194,
        .source = LEAD_SOURCE_NONE,
        .created_at = OPT_I64(STORE_T0_US),
        .updated_at = OPT_I64(STORE_T0_US),
    };
}

const struct event store_lead_created = {.type = "lead.created", .at_us = STORE_T0_US};

int64_t store_add_lead(struct store_fixture *f, int64_t company_id)
{
    struct lead lead = store_new_lead(company_id);
    struct sql_op *op = store_write(f);
    lead_store_insert(op, &lead, &store_lead_created);
    store_run(f, op);
    store_exec(f, "DELETE FROM sunlead_events WHERE type = 'lead.created'");
    return lead.id;
}

struct lead store_get_lead(struct store_fixture *f, int64_t id)
{
    struct lead lead = {0};
    struct sql_op *op = store_read(f);
    lead_store_get(op, id, ERR_NOT_FOUND, &lead);
    store_run(f, op);
    return lead;
}

struct order store_new_order(int64_t lead_id, int64_t now_us)
{
    struct order order = {
        .lead_id = lead_id,
        .company_id = 1,
        .op_id = random_id(),
        .latitude = 37.7749,
        .longitude = -122.4194,
        .request = STR("{\"latitude\":37.7749,\"longitude\":-122.4194}"),
    };
    check(order_go(&order, ORDER_REQUESTED, now_us, NULL) == ERR_OK);
    return order;
}

int64_t store_add_order(struct store_fixture *f, int64_t lead_id, int64_t now_us)
{
    struct order order = store_new_order(lead_id, now_us);
    struct sql_op *op = store_write(f);
    order_store_insert(op, &order, true);
    store_run(f, op);
    struct order stored = store_get_order_of_op(f, order.op_id);
    assert_true(stored.id > 0);
    return stored.id;
}

struct order store_get_order(struct store_fixture *f, int64_t id)
{
    struct order order = {0};
    struct sql_op *op = store_read(f);
    order_store_get(op, id, ERR_NOT_FOUND, &order);
    store_run(f, op);
    return order;
}

struct order store_get_order_of_op(struct store_fixture *f, int64_t op_id)
{
    struct order order = {0};
    struct sql_op *op = store_read(f);
    order_store_get_by_op(op, op_id, &order);
    store_run(f, op);
    return order;
}
