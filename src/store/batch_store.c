// The statements on batches. What they have to store comes as JSON arrays, one statement for all.
#include "store/batch_store.h"

#include "json/json_write.h"
#include "store/job_store.h"
#include "store/order_commit.h"

#define ROWS_MAX    (64u << 20) // the body's own bound is enough
#define LIVE_STATES "'requested', 'sending', 'unknown', 'parked', 'created', 'processing'"
#define THE_BATCH   "(SELECT id FROM sunlead_batches WHERE op_id = $2)"

static void write_opt_i64(struct buf *buf, const char *name, struct opt_i64 value)
{
    if (!value.set)
        return;
    json_write_name(buf, name);
    number_append_i64(buf, value.value);
}

static void write_i64(struct buf *buf, const char *name, int64_t value)
{
    write_opt_i64(buf, name, OPT_I64(value));
}

static void write_f64(struct buf *buf, const char *name, double value)
{
    json_write_name(buf, name);
    json_write_f64(buf, value);
}

static void write_str(struct buf *buf, const char *name, struct str value)
{
    if (value.ptr == NULL)
        return;
    json_write_name(buf, name);
    json_write_str(buf, value);
}

// How to find an order again.
static void write_key(struct buf *buf, const struct batch_order *item)
{
    const struct order *order = &item->order;
    write_i64(buf, "op", order->op_id);
    write_i64(buf, "company", order->company_id);
    write_str(buf, "reference", order->reference);
    if (order->lead_id != 0)
        write_i64(buf, "lead", order->lead_id);
}

static void write_order(struct buf *buf, const struct batch_order *item)
{
    const struct order *order = &item->order;
    write_i64(buf, "i", (int64_t)item->index);
    write_key(buf, item);
    write_i64(buf, "force", item->force ? 1 : 0);
    write_f64(buf, "latitude", order->latitude);
    write_f64(buf, "longitude", order->longitude);
    write_str(buf, "request", order->request);
}

static void write_lead(struct buf *buf, const struct batch_order *item)
{
    const struct lead *lead = &item->lead;
    write_i64(buf, "op", item->order.op_id);
    write_i64(buf, "creator", lead->creator_id);
    write_str(buf, "address", lead->address);
    if (lead->kwh_usage.set)
        write_f64(buf, "kwh", lead->kwh_usage.value);
    write_opt_i64(buf, "panel", lead->panel_id);
    write_opt_i64(buf, "inverter", lead->inverter_id);
    write_opt_i64(buf, "utility", lead->utility_id);
}

static void write_question(struct buf *buf, const struct batch_order *item)
{
    write_i64(buf, "i", (int64_t)item->index);
    write_key(buf, item);
    if (item->order.lead_id != 0)
        write_str(buf, "request", item->order.request);
}

typedef void write_fn(struct buf *buf, const struct batch_order *item);

// Writes the items, or those only that make a lead.
static struct str rows_of(struct arena *arena, const struct batch_order *orders, size_t count,
                          write_fn *write, bool with_new_lead)
{
    struct buf buf;
    buf_init_arena(&buf, arena, ROWS_MAX);
    buf_append_char(&buf, '[');
    for (size_t i = 0; i < count; i++) {
        if (with_new_lead && orders[i].order.lead_id != 0)
            continue;
        if (buf.len > 1)
            buf_append_char(&buf, ',');
        buf_append_char(&buf, '{');
        write(&buf, &orders[i]);
        buf_append_char(&buf, '}');
    }
    buf_append_char(&buf, ']');
    check(!buf.overflow);
    return buf_str(&buf);
}

static void insert_batch(struct sql_op *op, const struct batch *batch)
{
    static const struct sql_stmt stmt = {
        .name = "batch_insert",
        .text = "INSERT INTO sunlead_batches (op_id, company_id, creator_id, items, created_at) "
                "VALUES ($1, $2, $3, $4, $5)",
    };
    SQL_STEP(op, &stmt, SQLV_INT(batch->op_id), sql_value_opt_i64(batch->company_id),
             sql_value_opt_i64(batch->creator_id), SQLV_INT(batch->items),
             sql_value_opt_time(batch->created_at));
}

static void insert_orders(struct sql_op *op, const struct batch *batch, struct str rows)
{
    // The unique indexes decide between two at once. A model that another program ordered stands
    // against a new one as ours does. Leads that are to be made get their ids here.
    static const struct sql_stmt stmt = {
        .name = "batch_insert_orders",
        .text =
            "INSERT INTO sunlead_orders (lead_id, company_id, state, version, op_id, attempts, "
            "latitude, longitude, request, files, answered, polls, lookups, requested_at, "
            "poll_failed, updated_at, batch_id, reference) "
            "SELECT coalesce(i.lead, nextval(pg_get_serial_sequence('leads', 'id'))), i.company, "
            "'requested', 0, i.op, 0, i.latitude, i.longitude, i.request, 'none', FALSE, 0, 0, $3, "
            "FALSE, $3, " THE_BATCH ", i.reference "
            "FROM json_to_recordset($1::json) AS i(i BIGINT, op BIGINT, company BIGINT, "
            "reference TEXT, lead BIGINT, force BIGINT, latitude DOUBLE PRECISION, "
            "longitude DOUBLE PRECISION, request TEXT) "
            "WHERE i.lead IS NULL OR EXISTS (SELECT 1 FROM leads WHERE id = i.lead "
            "AND CASE WHEN model_3d_status = 'completed' THEN i.force = 1 "
            "ELSE lightfusion_3d_project_id IS NULL "
            "OR EXISTS (SELECT 1 FROM sunlead_orders AS o WHERE o.lead_id = leads.id) END "
            "FOR KEY SHARE) ORDER BY i.i ON CONFLICT DO NOTHING",
        .sqlite =
            "INSERT INTO sunlead_orders (lead_id, company_id, state, version, op_id, attempts, "
            "latitude, longitude, request, files, answered, polls, lookups, requested_at, "
            "poll_failed, updated_at, batch_id, reference) "
            "SELECT coalesce(i.value ->> '$.lead', (SELECT coalesce(max(seq), 0) "
            "FROM sqlite_sequence WHERE name = 'leads') + 1 + (i.value ->> '$.i')), "
            "i.value ->> '$.company', 'requested', 0, i.value ->> '$.op', 0, "
            "i.value ->> '$.latitude', i.value ->> '$.longitude', i.value ->> '$.request', 'none', "
            "FALSE, 0, 0, $3, FALSE, $3, " THE_BATCH ", i.value ->> '$.reference' "
            "FROM json_each($1) AS i WHERE i.value ->> '$.lead' IS NULL "
            "OR EXISTS (SELECT 1 FROM leads WHERE id = i.value ->> '$.lead' "
            "AND CASE WHEN model_3d_status = 'completed' THEN i.value ->> '$.force' = 1 "
            "ELSE lightfusion_3d_project_id IS NULL "
            "OR EXISTS (SELECT 1 FROM sunlead_orders AS o WHERE o.lead_id = leads.id) END) "
            "ORDER BY i.value ->> '$.i' ON CONFLICT DO NOTHING",
    };
    SQL_STEP(op, &stmt, SQLV_TEXT(rows), SQLV_INT(batch->op_id),
             sql_value_opt_time(batch->created_at));
}

// Before the new leads are there: those that the batch has orders for.
static void mark_leads(struct sql_op *op, const struct batch *batch)
{
    static const struct sql_stmt stmt = {
        .name = "batch_mark_leads",
        .text = "UPDATE leads SET model_3d_status = 'pending', sync_status = 'pending', "
                "model_3d_created_at = $1, model_3d_completed_at = NULL, updated_at = $3 "
                "WHERE id IN (SELECT lead_id FROM sunlead_orders WHERE batch_id = " THE_BATCH ")",
    };
    SQL_STEP(op, &stmt, sql_value_opt_time(batch->created_at), SQLV_INT(batch->op_id),
             sql_value_opt_time(batch->created_at));
}

static void insert_leads(struct sql_op *op, const struct batch *batch, struct str rows)
{
    // One parameter for each time: the columns may be of different types in another system's table.
    // CROSS JOIN keeps SQLite from going through the orders and looking each up in the array.
    static const struct sql_stmt stmt = {
        .name = "batch_insert_leads",
        .text =
            "INSERT INTO leads (id, company_id, creator_id, latitude, longitude, address, "
            "source, kwh_usage, panel_id, inverter_id, utility_id, state, is_2d, sync_status, "
            "model_3d_status, model_3d_created_at, created_at, updated_at) "
            "OVERRIDING SYSTEM VALUE "
            "SELECT o.lead_id, o.company_id, i.creator, o.latitude, o.longitude, i.address, $2, "
            "i.kwh, i.panel, i.inverter, i.utility, 0, FALSE, 'pending', 'pending', $3, $4, $5 "
            "FROM json_to_recordset($1::json) AS i(op BIGINT, creator BIGINT, address TEXT, "
            "kwh DOUBLE PRECISION, panel BIGINT, inverter BIGINT, utility BIGINT) "
            "JOIN sunlead_orders AS o ON o.op_id = i.op ORDER BY o.id",
        .sqlite = "INSERT INTO leads (id, company_id, creator_id, latitude, longitude, address, "
                  "source, kwh_usage, panel_id, inverter_id, utility_id, state, is_2d, "
                  "sync_status, model_3d_status, model_3d_created_at, created_at, updated_at) "
                  "SELECT o.lead_id, o.company_id, i.value ->> '$.creator', o.latitude, "
                  "o.longitude, i.value ->> '$.address', $2, i.value ->> '$.kwh', "
                  "i.value ->> '$.panel', i.value ->> '$.inverter', i.value ->> '$.utility', 0, "
                  "FALSE, 'pending', 'pending', $3, $4, $5 FROM json_each($1) AS i "
                  "CROSS JOIN sunlead_orders AS o ON o.op_id = i.value ->> '$.op' ORDER BY o.id",
    };
    static const struct sql_stmt tell = {
        .name = "batch_tell_leads",
        .text = "INSERT INTO sunlead_events (at, type, lead_id) SELECT $3, 'lead.created', "
                "o.lead_id FROM json_to_recordset($1::json) AS i(op BIGINT) "
                "JOIN sunlead_orders AS o ON o.op_id = i.op WHERE o.batch_id = " THE_BATCH
                " ORDER BY o.id",
        .sqlite = "INSERT INTO sunlead_events (at, type, lead_id) SELECT $3, 'lead.created', "
                  "o.lead_id FROM json_each($1) AS i "
                  "CROSS JOIN sunlead_orders AS o ON o.op_id = i.value ->> '$.op' "
                  "WHERE o.batch_id = " THE_BATCH " ORDER BY o.id",
    };
    struct sql_value at = sql_value_opt_time(batch->created_at);
    SQL_STEP(op, &stmt, SQLV_TEXT(rows), SQLV_INT(LEAD_SOURCE_NONE), at, at, at);
    SQL_STEP(op, &tell, SQLV_TEXT(rows), SQLV_INT(batch->op_id), at);
}

// The numbers of the orders' operations, as a JSON array.
static struct str op_ids_of(struct arena *arena, const struct batch_order *orders, size_t count)
{
    struct buf ids;
    buf_init_arena(&ids, arena, SIZE_MAX);
    buf_append_char(&ids, '[');
    for (size_t i = 0; i < count; i++) {
        if (i > 0)
            buf_append_char(&ids, ',');
        number_append_i64(&ids, orders[i].order.op_id);
    }
    buf_append_char(&ids, ']');
    return buf_str(&ids);
}

// What is to be done for the orders, and said of them.
static void insert_jobs(struct sql_op *op, const struct batch *batch, struct str op_ids)
{
    static const struct sql_stmt tell = {
        .name = "batch_tell_orders",
        .text = "INSERT INTO sunlead_events (at, type, lead_id, order_id, op_id) "
                "SELECT $1, $3, lead_id, id, op_id FROM sunlead_orders WHERE batch_id = " THE_BATCH
                " ORDER BY id",
    };
    struct sql_value at = sql_value_opt_time(batch->created_at);
    const char *type = order_event_type(ORDER_REQUESTED);
    job_store_add_for_new_orders(op, JOB_ORDER, op_ids, JOB_PRIORITY_BATCH,
                                 batch->created_at.value);
    SQL_STEP(op, &tell, at, SQLV_INT(batch->op_id), SQLV_TEXT(str_of(type)));
}

void batch_store_insert(struct sql_op *op, const struct batch *batch,
                        const struct batch_order *orders, size_t count)
{
    size_t with_lead = 0;
    for (size_t i = 0; i < count; i++)
        with_lead += orders[i].order.lead_id != 0;
    insert_batch(op, batch);
    insert_orders(op, batch, rows_of(op->arena, orders, count, write_order, false));
    if (with_lead > 0)
        mark_leads(op, batch);
    if (with_lead < count)
        insert_leads(op, batch, rows_of(op->arena, orders, count, write_lead, true));
    insert_jobs(op, batch, op_ids_of(op->arena, orders, count));
}

static void take_outcome(void *ctx, const struct sql_row *row)
{
    struct batch_outcome *outcomes = ctx;
    outcomes[sql_row_i64(row, 0)] = (struct batch_outcome){
        .fate = (enum batch_fate)sql_row_i64(row, 1),
        .lead_id = sql_row_i64(row, 2),
        .order_id = sql_row_i64(row, 3),
        .state = (enum order_state)field_enum_parse(order_state_names, sql_row_str(row, 4)),
    };
}

void batch_store_outcomes(struct sql_op *op, const struct batch_order *orders, size_t count,
                          struct batch_outcome *outcomes)
{
    // By enum batch_fate: its own order; the same one, made before; another order of its lead.
    // OFFSET 0 keeps PostgreSQL from joining by the three look-ups, for which it reads all orders.
    static const struct sql_stmt stmt = {
        .name = "batch_outcomes",
        .text = "SELECT i.i, CASE WHEN o.op_id = i.op THEN 1 WHEN o.reference = i.reference THEN 2 "
                "WHEN o.request = i.request AND o.state IN (" LIVE_STATES ") THEN 2 ELSE 3 END, "
                "o.lead_id, o.id, o.state FROM json_to_recordset($1::json) AS i(i BIGINT, "
                "op BIGINT, company BIGINT, reference TEXT, lead BIGINT, request TEXT) "
                "CROSS JOIN LATERAL (SELECT coalesce("
                "(SELECT id FROM sunlead_orders WHERE op_id = i.op), "
                "(SELECT id FROM sunlead_orders "
                "WHERE company_id = i.company AND reference = i.reference), "
                "(SELECT max(id) FROM sunlead_orders WHERE lead_id = i.lead)) AS id OFFSET 0) AS k "
                "JOIN sunlead_orders AS o ON o.id = k.id",
        .sqlite = "SELECT i.value ->> '$.i', CASE WHEN o.op_id = i.value ->> '$.op' THEN 1 "
                  "WHEN o.reference = i.value ->> '$.reference' THEN 2 "
                  "WHEN o.request = i.value ->> '$.request' "
                  "AND o.state IN (" LIVE_STATES ") THEN 2 ELSE 3 END, o.lead_id, o.id, o.state "
                  "FROM json_each($1) AS i CROSS JOIN sunlead_orders AS o ON o.id = coalesce("
                  "(SELECT id FROM sunlead_orders WHERE op_id = i.value ->> '$.op'), "
                  "(SELECT id FROM sunlead_orders WHERE company_id = i.value ->> '$.company' "
                  "AND reference = i.value ->> '$.reference'), "
                  "(SELECT max(id) FROM sunlead_orders WHERE lead_id = i.value ->> '$.lead'))",
    };
    struct str rows = rows_of(op->arena, orders, count, write_question, false);
    struct sql_step *step = SQL_STEP(op, &stmt, SQLV_TEXT(rows));
    step->on_row = take_outcome;
    step->ctx = outcomes;
}

void batch_store_get(struct sql_op *op, int64_t id, enum err when_none, struct batch *batch)
{
    static const struct sql_stmt stmt = {
        .name = "batch_get",
        .text = "SELECT {columns} FROM sunlead_batches WHERE id = $1",
        .table = &batch_table,
    };
    struct sql_step *step = SQL_STEP(op, &stmt, SQLV_INT(id));
    step->on_row = row_take_object;
    step->ctx = row_into_new(op->arena, &batch_table, batch);
    step->when_none = when_none;
    step->none_message = "There is no such batch.";
}

void batch_store_get_by_op(struct sql_op *op, int64_t op_id, struct batch *batch)
{
    static const struct sql_stmt stmt = {
        .name = "batch_get_by_op",
        .text = "SELECT {columns} FROM sunlead_batches WHERE op_id = $1",
        .table = &batch_table,
    };
    struct sql_step *step = SQL_STEP(op, &stmt, SQLV_INT(op_id));
    step->on_row = row_take_object;
    step->ctx = row_into_new(op->arena, &batch_table, batch);
}

static void take_count(void *ctx, const struct sql_row *row)
{
    struct batch_counts *counts = ctx;
    int state = field_enum_parse(order_state_names, sql_row_str(row, 0));
    if (state >= 0)
        counts->of[state] = sql_row_i64(row, 1);
}

void batch_store_count(struct sql_op *op, int64_t id, struct batch_counts *counts)
{
    static const struct sql_stmt stmt = {
        .name = "batch_count",
        .text = "SELECT state, count(*) FROM sunlead_orders WHERE batch_id = $1 GROUP BY state",
    };
    struct sql_step *step = SQL_STEP(op, &stmt, SQLV_INT(id));
    step->on_row = take_count;
    step->ctx = counts;
}

void batch_store_get_leads(struct sql_op *op, struct str ids, struct row_list *list)
{
    static const struct sql_stmt stmt = {
        .name = "batch_get_leads",
        .text = "SELECT {columns} FROM leads WHERE id IN "
                "(SELECT value::bigint FROM json_array_elements_text($1::json)) ORDER BY id",
        .sqlite = "SELECT {columns} FROM leads WHERE id IN (SELECT value FROM json_each($1)) "
                  "ORDER BY id",
        .table = &lead_table,
    };
    struct sql_step *step = SQL_STEP(op, &stmt, SQLV_TEXT(ids));
    step->on_row = row_list_take;
    step->ctx = list;
}
