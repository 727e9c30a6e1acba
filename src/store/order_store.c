// The statements on the orders table.
#include "store/order_store.h"

#include "store/event_store.h"
#include "store/job_store.h"
#include "store/order_commit.h"
#include "store/row_into.h"

static struct sql_step *get_step(struct sql_op *op, const struct sql_stmt *stmt, int64_t key,
                                 struct order *order)
{
    struct sql_step *step = SQL_STEP(op, stmt, SQLV_INT(key));
    step->on_row = row_take_object;
    step->ctx = row_into_new(op->arena, &order_table, order);
    return step;
}

static void add_job_and_event(struct sql_op *op, const struct order *order)
{
    int64_t now_us = order->requested_at.value;
    job_store_add_for_new_order(op, JOB_ORDER, order->op_id, JOB_PRIORITY_WAITING, now_us);
    event_store_add_for_order(
        op, &(struct event){.type = "order.requested", .op_id = order->op_id, .at_us = now_us});
}

static void insert_by(struct sql_op *op, const struct sql_stmt *insert, const struct order *order)
{
    static const struct sql_stmt mark_lead = {
        .name = "order_mark_lead",
        .text = "UPDATE leads SET model_3d_status = 'pending', sync_status = 'pending', "
                "model_3d_created_at = $2, model_3d_completed_at = NULL, updated_at = $3 "
                "WHERE id = (SELECT lead_id FROM sunlead_orders WHERE op_id = $1)",
    };
    step_with_fields(op, insert, &order_table, order, 1);
    // Twice, since the columns may be of different types in another system's table.
    SQL_STEP(op, &mark_lead, SQLV_INT(order->op_id), sql_value_opt_time(order->requested_at),
             sql_value_opt_time(order->requested_at));
    add_job_and_event(op, order);
}

void order_store_insert(struct sql_op *op, const struct order *order, bool force)
{
    // The parameters of {values} are the order's columns; the lead's row gives company and
    // permission, and is held so that who deletes it meets the order. The unique index on live
    // orders decides between two at once.
    static const struct sql_stmt insert = {
        .name = "order_insert",
        .text = "INSERT INTO sunlead_orders ({columns-id}) SELECT {values-id} "
                "WHERE EXISTS (SELECT 1 FROM leads WHERE id = CAST($1 AS BIGINT) "
                "AND model_3d_status IS DISTINCT FROM 'completed' FOR KEY SHARE) "
                "ON CONFLICT DO NOTHING",
        .sqlite = "INSERT INTO sunlead_orders ({columns-id}) SELECT {values-id} "
                  "WHERE EXISTS (SELECT 1 FROM leads WHERE id = $1 "
                  "AND model_3d_status IS NOT 'completed') "
                  "ON CONFLICT DO NOTHING",
        .table = &order_table,
    };
    static const struct sql_stmt insert_force = {
        .name = "order_insert_force",
        .text = "INSERT INTO sunlead_orders ({columns-id}) SELECT {values-id} "
                "WHERE EXISTS (SELECT 1 FROM leads WHERE id = CAST($1 AS BIGINT) FOR KEY SHARE) "
                "ON CONFLICT DO NOTHING",
        .sqlite = "INSERT INTO sunlead_orders ({columns-id}) SELECT {values-id} "
                  "WHERE EXISTS (SELECT 1 FROM leads WHERE id = $1) ON CONFLICT DO NOTHING",
        .table = &order_table,
    };
    insert_by(op, force ? &insert_force : &insert, order);
}

void order_store_insert_again(struct sql_op *op, const struct order *order)
{
    static const struct sql_stmt insert = {
        .name = "order_insert_again",
        .text = "INSERT INTO sunlead_orders ({columns-id}) SELECT {values-id} "
                "WHERE EXISTS (SELECT 1 FROM leads WHERE id = CAST($1 AS BIGINT) "
                "AND (model_3d_status IS DISTINCT FROM 'completed' OR 'failed' = "
                "(SELECT state FROM sunlead_orders WHERE lead_id = CAST($1 AS BIGINT) "
                "ORDER BY id DESC LIMIT 1)) FOR KEY SHARE) ON CONFLICT DO NOTHING",
        .sqlite = "INSERT INTO sunlead_orders ({columns-id}) SELECT {values-id} "
                  "WHERE EXISTS (SELECT 1 FROM leads WHERE id = $1 "
                  "AND (model_3d_status IS NOT 'completed' OR 'failed' = "
                  "(SELECT state FROM sunlead_orders WHERE lead_id = $1 "
                  "ORDER BY id DESC LIMIT 1))) ON CONFLICT DO NOTHING",
        .table = &order_table,
    };
    insert_by(op, &insert, order);
}

void order_store_insert_with_lead(struct sql_op *op, const struct order *order)
{
    // lead_id is the first of {columns-id}.
    static const struct sql_stmt insert = {
        .name = "order_insert_with_lead",
        .text = "INSERT INTO sunlead_orders ({columns-id}) VALUES ({values-id})",
        .table = &order_table,
    };
    static const struct sql_stmt link = {
        .name = "order_link_new_lead",
        .text = "UPDATE sunlead_orders SET lead_id = {last:leads} WHERE op_id = $1",
    };
    // Until the second statement the order stands for a lead that cannot exist.
    struct order placed = *order;
    placed.lead_id = -order->op_id;
    step_with_fields(op, &insert, &order_table, &placed, 1);
    SQL_STEP(op, &link, SQLV_INT(order->op_id));
    add_job_and_event(op, order);
}

void order_store_adopt(struct sql_op *op, int64_t lead_id, int64_t op_id, int64_t now_us)
{
    // Times of another system's table may be without a zone, and are UTC, whatever the session's
    // is.
    static const struct sql_stmt zone = {
        .name = "order_adopt_zone",
        .text = "SELECT set_config('TimeZone', 'UTC', TRUE)",
        .sqlite = "SELECT 1",
    };
    // Its end, if there was one, is now: a model that another system has waited for all the time
    // gets as long again.
    static const struct sql_stmt insert = {
        .name = "order_adopt",
        .text =
            "INSERT INTO sunlead_orders (lead_id, company_id, state, version, op_id, attempts, "
            "project_id, house_id, latitude, longitude, request, system_size, panel_count, "
            "annual_production, files, answered, polls, lookups, requested_at, created_at, "
            "poll_failed, completed_at, updated_at) "
            "SELECT id, coalesce(company_id, 0), CASE model_3d_status "
            "WHEN 'completed' THEN 'completed' WHEN 'failed' THEN 'failed' "
            "ELSE 'processing' END, 1, CAST($2 AS BIGINT), 0, lightfusion_3d_project_id, "
            "lightfusion_3d_house_id, coalesce(latitude, 0), coalesce(longitude, 0), '{}', "
            "system_size, panel_count, annual_production, "
            "CASE model_3d_status WHEN 'completed' THEN 'pending' ELSE 'none' END, FALSE, 0, 0, "
            "model_3d_created_at, $3, FALSE, "
            "CASE WHEN model_3d_status IN ('completed', 'failed') "
            "THEN coalesce(model_3d_completed_at, $4) END, $5 "
            "FROM leads WHERE id = CAST($1 AS BIGINT) AND lightfusion_3d_project_id > 0 "
            "AND NOT EXISTS (SELECT 1 FROM sunlead_orders WHERE lead_id = leads.id) "
            "ON CONFLICT DO NOTHING",
    };
    sql_op_step(op, &zone, 0, NULL);
    SQL_STEP(op, &insert, SQLV_INT(lead_id), SQLV_INT(op_id), SQLV_TIME(now_us), SQLV_TIME(now_us),
             SQLV_TIME(now_us));
    job_store_add_for_completed_order(op, JOB_FILES, op_id, now_us);
    event_store_add_for_order(
        op, &(struct event){.type = "order.adopted", .op_id = op_id, .at_us = now_us});
}

void order_store_get(struct sql_op *op, int64_t id, enum err when_none, struct order *order)
{
    static const struct sql_stmt stmt = {
        .name = "order_get",
        .text = "SELECT {columns} FROM sunlead_orders WHERE id = $1",
        .table = &order_table,
    };
    struct sql_step *step = get_step(op, &stmt, id, order);
    step->when_none = when_none;
    step->none_message = "There is no such order.";
}

void order_store_get_by_project(struct sql_op *op, int64_t project_id, struct order *order)
{
    static const struct sql_stmt stmt = {
        .name = "order_get_by_project",
        .text = "SELECT {columns} FROM sunlead_orders WHERE project_id = $1",
        .table = &order_table,
    };
    get_step(op, &stmt, project_id, order);
}

void order_store_get_newest(struct sql_op *op, int64_t lead_id, struct order *order)
{
    static const struct sql_stmt stmt = {
        .name = "order_get_newest",
        .text = "SELECT {columns} FROM sunlead_orders WHERE lead_id = $1 ORDER BY id DESC LIMIT 1",
        .table = &order_table,
    };
    get_step(op, &stmt, lead_id, order);
}

struct outlook_into {
    struct order *order;
    struct opt_i64 *next_try_at;
};

static int enum_of(const char *const *names, struct str text)
{
    int value = text.ptr == NULL ? 0 : field_enum_parse(names, text);
    return value < 0 ? 0 : value;
}

static void take_outlook(void *ctx, const struct sql_row *row)
{
    const struct outlook_into *into = ctx;
    struct order *order = into->order;
    order->id = sql_row_i64(row, 0);
    order->state = (enum order_state)enum_of(order_state_names, sql_row_str(row, 1));
    order->failure = (enum order_failure)enum_of(order_failure_names, sql_row_str(row, 2));
    order->progress = sql_row_opt_i64(row, 3);
    order->created_at = sql_row_opt_i64(row, 4);
    *into->next_try_at = sql_row_opt_i64(row, 5);
}

// The words of the index of live jobs, then those that wait; files are fetched and converted when
// all is over.
#define NEXT_TRY_OF(id)                                                                            \
    "(SELECT min(run_at) FROM sunlead_jobs WHERE order_id = " id                                   \
    " AND state IN ('ready', 'running') AND state = 'ready' AND kind NOT IN ('files', 'convert'))"

void order_store_get_outlook(struct sql_op *op, int64_t lead_id, struct order *order,
                             struct opt_i64 *next_try_at)
{
    static const struct sql_stmt stmt = {
        .name = "order_get_outlook",
        .text = "SELECT o.id, o.state, o.failure, o.progress, o.created_at, " NEXT_TRY_OF(
            "o.id") " FROM sunlead_orders AS o WHERE o.lead_id = $1 ORDER BY o.id DESC LIMIT 1",
    };
    struct outlook_into *into = arena_new(op->arena, struct outlook_into, 1);
    *into = (struct outlook_into){order, next_try_at};
    struct sql_step *step = SQL_STEP(op, &stmt, SQLV_INT(lead_id));
    step->on_row = take_outlook;
    step->ctx = into;
}

static void take_outlooks(void *ctx, const struct sql_row *row)
{
    struct order_outlooks *outlooks = ctx;
    if (outlooks->count == outlooks->max)
        return;
    struct outlook_into into = {&outlooks->orders[outlooks->count],
                                &outlooks->next_try_at[outlooks->count]};
    take_outlook(&into, row);
    into.order->lead_id = sql_row_i64(row, 6);
    outlooks->count++;
}

void order_store_get_outlooks(struct sql_op *op, struct str lead_ids,
                              struct order_outlooks *outlooks)
{
#define OUTLOOKS(ids)                                                                              \
    "SELECT o.id, o.state, o.failure, o.progress, o.created_at, " NEXT_TRY_OF(                     \
        "o.id") ", o.lead_id FROM sunlead_orders AS o WHERE o.id IN (SELECT max(id) FROM "         \
                "sunlead_orders "                                                                  \
                "WHERE lead_id IN (" ids ") GROUP BY lead_id)"
    static const struct sql_stmt stmt = {
        .name = "order_get_outlooks",
        .text = OUTLOOKS("SELECT value::bigint FROM json_array_elements_text($1::json)"),
        .sqlite = OUTLOOKS("SELECT value FROM json_each($1)"),
    };
#undef OUTLOOKS
    struct sql_step *step = SQL_STEP(op, &stmt, SQLV_TEXT(lead_ids));
    step->on_row = take_outlooks;
    step->ctx = outlooks;
}

static void take_next_try(void *ctx, const struct sql_row *row)
{
    struct opt_i64 *next_try_at = ctx;
    *next_try_at = sql_row_opt_i64(row, 0);
}

void order_store_get_next_try(struct sql_op *op, int64_t id, struct opt_i64 *next_try_at)
{
    static const struct sql_stmt stmt = {
        .name = "order_get_next_try",
        .text = "SELECT " NEXT_TRY_OF("$1"),
    };
    struct sql_step *step = SQL_STEP(op, &stmt, SQLV_INT(id));
    step->on_row = take_next_try;
    step->ctx = next_try_at;
}

void order_store_get_previous(struct sql_op *op, int64_t lead_id, struct order *order)
{
    static const struct sql_stmt stmt = {
        .name = "order_get_previous",
        .text = "SELECT {columns} FROM sunlead_orders WHERE lead_id = $1 AND state <> 'cancelled' "
                "AND id < (SELECT max(id) FROM sunlead_orders WHERE lead_id = $1) "
                "ORDER BY id DESC LIMIT 1",
        .table = &order_table,
    };
    get_step(op, &stmt, lead_id, order);
}

void order_store_get_by_op(struct sql_op *op, int64_t op_id, struct order *order)
{
    static const struct sql_stmt stmt = {
        .name = "order_get_by_op",
        .text = "SELECT {columns} FROM sunlead_orders WHERE op_id = $1",
        .table = &order_table,
    };
    get_step(op, &stmt, op_id, order);
}

void order_store_save(struct sql_op *op, const struct order *order)
{
    // {set-id} uses the parameters from $2 in the table's order; version is one of them, so the
    // version that was read comes last.
    static const struct sql_stmt stmt = {
        .name = "order_save",
        .text = "UPDATE sunlead_orders SET {set-id} WHERE id = $1 AND version = {after-all}",
        .table = &order_table,
    };
    struct order next = *order;
    next.version++;
    struct sql_value params[FIELD_TABLE_MAX + 1];
    size_t count = 0;
    for (size_t i = 0; i < order_table.count; i++)
        params[count++] = sql_value_field(&order_table.fields[i], &next);
    params[count++] = SQLV_INT(order->version);
    struct sql_step *step = sql_op_step(op, &stmt, count, params);
    step->when_none = ERR_STALE;
    step->none_message = "The order was changed by somebody else.";
}

void order_store_cancel_unsent(struct sql_op *op, int64_t lead_id, int64_t now_us)
{
    // The orders first: one that is being sent meanwhile keeps its job. A lead goes once, so that
    // the time tells which orders went with it.
    static const struct sql_stmt orders = {
        .name = "order_cancel_unsent",
        .text = "UPDATE sunlead_orders SET state = 'cancelled', version = version + 1, "
                "completed_at = $2, updated_at = $2 WHERE lead_id = $1 AND state = 'requested'",
    };
    static const struct sql_stmt jobs = {
        .name = "order_cancel_jobs",
        .text = "DELETE FROM sunlead_jobs WHERE state IN ('ready', 'running') AND order_id IN "
                "(SELECT id FROM sunlead_orders WHERE lead_id = $1 AND state = 'cancelled')",
    };
    static const struct sql_stmt events = {
        .name = "order_cancel_events",
        .text = "INSERT INTO sunlead_events (at, type, lead_id, order_id) "
                "SELECT $2, $3, lead_id, id FROM sunlead_orders "
                "WHERE lead_id = $1 AND state = 'cancelled' AND completed_at = $2",
    };
    const char *type = order_event_type(ORDER_CANCELLED);
    SQL_STEP(op, &orders, SQLV_INT(lead_id), SQLV_TIME(now_us));
    SQL_STEP(op, &jobs, SQLV_INT(lead_id));
    SQL_STEP(op, &events, SQLV_INT(lead_id), SQLV_TIME(now_us), SQLV_TEXT(str_of(type)));
}

void order_store_drop_jobs(struct sql_op *op, int64_t order_id)
{
    static const struct sql_stmt stmt = {
        .name = "order_drop_jobs",
        .text = "DELETE FROM sunlead_jobs WHERE order_id = $1 AND state IN ('ready', 'running')",
    };
    SQL_STEP(op, &stmt, SQLV_INT(order_id));
}

static void take_true(void *ctx, const struct sql_row *row)
{
    (void)row;
    *(bool *)ctx = true;
}

void order_store_is_linked(struct sql_op *op, int64_t house_id, int64_t but_order_id, bool *linked)
{
    static const struct sql_stmt stmt = {
        .name = "order_is_linked",
        .text = "SELECT 1 FROM sunlead_orders WHERE house_id = $1 AND id <> $2 LIMIT 1",
    };
    struct sql_step *step = SQL_STEP(op, &stmt, SQLV_INT(house_id), SQLV_INT(but_order_id));
    step->on_row = take_true;
    step->ctx = linked;
}

void order_store_count_parked(struct sql_op *op, int64_t *count)
{
    static const struct sql_stmt stmt = {
        .name = "order_count_parked",
        .text = "SELECT count(*) FROM sunlead_orders WHERE state = 'parked'",
    };
    struct sql_step *step = sql_op_step(op, &stmt, 0, NULL);
    step->on_row = row_take_id;
    step->ctx = count;
}

static const char *const source_names[SOURCE_COUNT + 1] = {"lead.id", "lead.lead_id", "build.id",
                                                           FIELD_NAMES_END};

void order_store_note_id_source(struct sql_op *op, enum project_id_source source, bool equal)
{
    static const struct sql_stmt stmt = {
        .name = "order_note_id_source",
        .text = "INSERT INTO sunlead_project_id_sources AS s (source, equal, differed) "
                "VALUES ($1, $2, $3) ON CONFLICT (source) DO UPDATE "
                "SET equal = s.equal + excluded.equal, differed = s.differed + excluded.differed",
    };
    SQL_STEP(op, &stmt, SQLV_TEXT(str_of(source_names[source])), SQLV_INT(equal ? 1 : 0),
             SQLV_INT(equal ? 0 : 1));
}

static void take_source(void *ctx, const struct sql_row *row)
{
    bool *usable = ctx;
    int source = field_enum_parse(source_names, sql_row_str(row, 0));
    if (source >= 0)
        usable[source] = true;
}

void order_store_get_id_sources(struct sql_op *op, bool usable[SOURCE_COUNT])
{
    static const struct sql_stmt stmt = {
        .name = "order_get_id_sources",
        .text = "SELECT source FROM sunlead_project_id_sources "
                "WHERE equal > 0 AND differed = 0",
    };
    struct sql_step *step = sql_op_step(op, &stmt, 0, NULL);
    step->on_row = take_source;
    step->ctx = usable;
}
