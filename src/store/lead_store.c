// The statements on the leads table. Its ids may be narrower than ours where another system made
// it: a cast keeps what is too large for them from being an error.
#include "store/lead_store.h"

#include <math.h>

#include "store/row_into.h"

static void count_total(void *ctx, const struct sql_row *row)
{
    struct lead_page *page = ctx;
    page->total = sql_row_i64(row, 0);
}

// The first columns are id, company_id, creator_id, latitude, longitude.
enum { LATITUDE_COLUMN = 3, LONGITUDE_COLUMN = 4 };

static void read_lead(struct arena *arena, const struct sql_row *row, struct lead *lead)
{
    sql_row_object(row, 0, &lead_table, arena, lead);
    if (sql_row_is_null(row, LATITUDE_COLUMN))
        lead->latitude = (double)NAN;
    if (sql_row_is_null(row, LONGITUDE_COLUMN))
        lead->longitude = (double)NAN;
    lead->has_3d_model = lead_has_3d_model(lead);
}

static void take_lead(void *ctx, const struct sql_row *row)
{
    struct row_into *into = ctx;
    read_lead(into->arena, row, into->object);
}

static void page_lead(void *ctx, const struct sql_row *row)
{
    struct lead_page *page = ctx;
    if (page->count < page->max)
        read_lead(page->arena, row, &page->leads[page->count++]);
}

// Of the event behind the parameters of a list.
#define EVENT_COLUMNS       "at, type, op_id, data, lead_id"
#define EVENT_VALUES(after) "{" after "}, {" after "+1}, {" after "+2}, {" after "+3}"

// What the columns of another system's table may round. Those of SQLite are ours, and give the id
// alone.
#define STORED_COLUMNS "id, latitude, longitude, kwh_usage, system_size, annual_production"

static void take_stored(void *ctx, const struct sql_row *row)
{
    struct lead *lead = ctx;
    lead->id = sql_row_i64(row, 0);
    if (sql_row_columns(row) == 1)
        return;
    lead->latitude = sql_row_f64(row, 1);
    lead->longitude = sql_row_f64(row, 2);
    lead->kwh_usage = sql_row_opt_f64(row, 3);
    lead->system_size = sql_row_opt_f64(row, 4);
    lead->annual_production = sql_row_opt_f64(row, 5);
}

// A lead and its event are one statement where the engine can: each one more costs its server as
// much as the row itself.
void lead_store_insert(struct sql_op *op, struct lead *lead, const struct event *event)
{
    static const struct sql_stmt stmt = {
        .name = "lead_insert",
        .text = "WITH lead AS (INSERT INTO leads ({columns-id}) VALUES ({values-id}) "
                "RETURNING " STORED_COLUMNS "), "
                "event AS (INSERT INTO sunlead_events (" EVENT_COLUMNS ") "
                "SELECT " EVENT_VALUES("after-values-id") ", id FROM lead) "
                                                          "SELECT " STORED_COLUMNS " FROM lead",
        .sqlite = "INSERT INTO leads ({columns-id}) VALUES ({values-id}) RETURNING id; "
                  "INSERT INTO sunlead_events (" EVENT_COLUMNS ") "
                  "VALUES (" EVENT_VALUES("after-values-id") ", {last:leads})",
        .table = &lead_table,
    };
    struct sql_value params[FIELD_TABLE_MAX + EVENT_STORE_VALUES];
    size_t count = values_of_fields(params, &lead_table, lead, 1);
    count += event_store_values(&params[count], event);
    struct sql_step *step = sql_op_step(op, &stmt, count, params);
    step->on_row = take_stored;
    step->ctx = lead;
}

void lead_store_get(struct sql_op *op, int64_t id, enum err when_none, struct lead *lead)
{
    static const struct sql_stmt stmt = {
        .name = "lead_get",
        .text = "SELECT {columns} FROM leads WHERE id = CAST($1 AS BIGINT)",
        .table = &lead_table,
    };
    struct sql_step *step = SQL_STEP(op, &stmt, SQLV_INT(id));
    step->on_row = take_lead;
    step->ctx = row_into_new(op->arena, NULL, lead);
    step->when_none = when_none;
    step->none_message = "There is no such lead.";
}

void lead_store_get_of_order(struct sql_op *op, int64_t order_id, struct lead *lead)
{
    static const struct sql_stmt stmt = {
        .name = "lead_get_of_order",
        .text = "SELECT {columns} FROM leads "
                "WHERE id = (SELECT lead_id FROM sunlead_orders WHERE id = $1)",
        .table = &lead_table,
    };
    struct sql_step *step = SQL_STEP(op, &stmt, SQLV_INT(order_id));
    step->on_row = take_lead;
    step->ctx = row_into_new(op->arena, NULL, lead);
}

void lead_store_get_by_project(struct sql_op *op, int64_t project_id, struct lead *lead)
{
    static const struct sql_stmt stmt = {
        .name = "lead_get_by_project",
        .text = "SELECT {columns} FROM leads WHERE lightfusion_3d_project_id = CAST($1 AS BIGINT) "
                "ORDER BY id LIMIT 1",
        .table = &lead_table,
    };
    struct sql_step *step = SQL_STEP(op, &stmt, SQLV_INT(project_id));
    step->on_row = take_lead;
    step->ctx = row_into_new(op->arena, NULL, lead);
}

// By filter: [company given][has_3d_model].
static const struct sql_stmt list_stmts[2][3] = {
    {
        {"lead_list", "SELECT {columns} FROM leads ORDER BY id DESC LIMIT $1 OFFSET $2", NULL,
         &lead_table},
        {"lead_list_3d",
         "SELECT {columns} FROM leads WHERE lightfusion_3d_project_id IS NOT NULL "
         "ORDER BY id DESC LIMIT $1 OFFSET $2",
         NULL, &lead_table},
        {"lead_list_no_3d",
         "SELECT {columns} FROM leads WHERE lightfusion_3d_project_id IS NULL "
         "ORDER BY id DESC LIMIT $1 OFFSET $2",
         NULL, &lead_table},
    },
    {
        {"lead_list_company",
         "SELECT {columns} FROM leads WHERE company_id = CAST($3 AS BIGINT) "
         "ORDER BY id DESC LIMIT $1 OFFSET $2",
         NULL, &lead_table},
        {"lead_list_company_3d",
         "SELECT {columns} FROM leads WHERE company_id = CAST($3 AS BIGINT) AND "
         "lightfusion_3d_project_id IS NOT "
         "NULL "
         "ORDER BY id DESC LIMIT $1 OFFSET $2",
         NULL, &lead_table},
        {"lead_list_company_no_3d",
         "SELECT {columns} FROM leads WHERE company_id = CAST($3 AS BIGINT) AND "
         "lightfusion_3d_project_id IS NULL "
         "ORDER BY id DESC LIMIT $1 OFFSET $2",
         NULL, &lead_table},
    },
};

static const struct sql_stmt total_stmts[2][3] = {
    {
        {.name = "lead_total",
         .text = "SELECT CAST(coalesce(sum(leads), 0) AS BIGINT) FROM sunlead_lead_counts"},
        {.name = "lead_total_3d",
         .text = "SELECT CAST(coalesce(sum(leads), 0) AS BIGINT) FROM sunlead_lead_counts WHERE "
                 "has_3d_model"},
        {.name = "lead_total_no_3d",
         .text = "SELECT CAST(coalesce(sum(leads), 0) AS BIGINT) FROM sunlead_lead_counts WHERE "
                 "NOT has_3d_model"},
    },
    {
        {.name = "lead_total_company",
         .text = "SELECT CAST(coalesce(sum(leads), 0) AS BIGINT) FROM sunlead_lead_counts WHERE "
                 "company_id = $1"},
        {.name = "lead_total_company_3d",
         .text = "SELECT CAST(coalesce(sum(leads), 0) AS BIGINT) FROM sunlead_lead_counts "
                 "WHERE company_id = $1 AND has_3d_model"},
        {.name = "lead_total_company_no_3d",
         .text = "SELECT CAST(coalesce(sum(leads), 0) AS BIGINT) FROM sunlead_lead_counts "
                 "WHERE company_id = $1 AND NOT has_3d_model"},
    },
};

void lead_store_list(struct sql_op *op, const struct lead_filter *filter, struct lead_page *page)
{
    bool company = filter->company_id.set;
    page->arena = op->arena;
    page->max = (size_t)filter->limit;
    page->leads = arena_raw(op->arena, arena_array_size(page->max, sizeof(struct lead)));
    struct sql_value params[] = {SQLV_INT(filter->limit), SQLV_INT(filter->offset),
                                 SQLV_INT(filter->company_id.value)};
    struct sql_step *step =
        sql_op_step(op, &list_stmts[company][filter->has_3d_model], company ? 3 : 2, params);
    step->on_row = page_lead;
    step->ctx = page;
    step =
        sql_op_step(op, &total_stmts[company][filter->has_3d_model], company ? 1 : 0, &params[2]);
    step->on_row = count_total;
    step->ctx = page;
}

enum sql_lane lead_store_list_lane(const struct lead_filter *filter)
{
    // Leads without a model have no index of their own, and what is skipped has to be read.
    bool quick = filter->has_3d_model != LEAD_WITHOUT_3D && filter->offset <= 1000;
    return quick ? SQL_LANE_SHORT : SQL_LANE_LONG;
}

void lead_store_change(struct sql_op *op, const struct lead_edit *edit, struct lead *lead)
{
    // Behind the changes: the event, then updated_at.
    static const struct sql_stmt stmt = {
        .name = "lead_change",
        .text = "WITH lead AS (UPDATE leads SET {changes}, updated_at = {after-changes+4} "
                "WHERE id = CAST($1 AS BIGINT) RETURNING {columns}), "
                "event AS (INSERT INTO sunlead_events (" EVENT_COLUMNS ") "
                "SELECT " EVENT_VALUES("after-changes") ", id FROM lead) "
                                                        "SELECT {columns} FROM lead",
        .sqlite =
            "UPDATE leads SET {changes}, updated_at = {after-changes+4} "
            "WHERE id = $1; "
            "INSERT INTO sunlead_events (" EVENT_COLUMNS ") "
            "VALUES (" EVENT_VALUES(
                "after-changes") ", $1); "
                                 "SELECT {columns} FROM leads WHERE id = $1", // RETURNING costs
                                                                              // more here
        .table = &lead_table,
    };
    struct sql_value params[FIELD_TABLE_MAX + EVENT_STORE_VALUES + 3];
    size_t count = 0;
    params[count++] = SQLV_INT(edit->id);
    params[count++] = SQLV_INT((int64_t)edit->seen);
    for (size_t i = 0; i < lead_table.count; i++) {
        const struct field *field = &lead_table.fields[i];
        if ((field->flags & (FIELD_NO_SQL | FIELD_READ_ONLY)) == 0)
            params[count++] = sql_value_field(field, edit->values);
    }
    count += event_store_values(&params[count], &edit->event);
    params[count++] = sql_value_opt_time(edit->values->updated_at);
    struct sql_step *step = sql_op_step(op, &stmt, count, params);
    step->on_row = take_lead;
    step->ctx = row_into_new(op->arena, NULL, lead);
    step->when_none = ERR_NOT_FOUND;
    step->none_message = "There is no such lead.";
}

void lead_store_set_model(struct sql_op *op, const struct lead *lead, int64_t order_id)
{
    static const struct sql_stmt stmt = {
        .name = "lead_set_model",
        .text = "UPDATE leads SET lightfusion_3d_project_id = $3, lightfusion_3d_house_id = $4, "
                "model_3d_status = $5, model_3d_created_at = $6, model_3d_completed_at = $7, "
                "system_size = coalesce($8, system_size), panel_count = coalesce($9, panel_count), "
                "annual_production = coalesce($10, annual_production), "
                "sync_status = $11, last_synced_at = $12, state = $13, updated_at = $14 "
                "WHERE id = CAST($1 AS BIGINT) AND NOT EXISTS "
                "(SELECT 1 FROM sunlead_orders WHERE lead_id = CAST($1 AS BIGINT) AND id > $2)",
    };
    SQL_STEP(op, &stmt, SQLV_INT(lead->id), SQLV_INT(order_id),
             sql_value_opt_i64(lead->lightfusion_3d_project_id),
             sql_value_opt_i64(lead->lightfusion_3d_house_id),
             SQLV_TEXT(str_of(model_status_names[lead->model_3d_status])),
             sql_value_opt_time(lead->model_3d_created_at),
             sql_value_opt_time(lead->model_3d_completed_at), sql_value_opt_f64(lead->system_size),
             sql_value_opt_i64(lead->panel_count), sql_value_opt_f64(lead->annual_production),
             SQLV_TEXT(str_of(lead_sync_names[lead->sync_status])),
             sql_value_opt_time(lead->last_synced_at), SQLV_INT(lead->state),
             sql_value_opt_time(lead->updated_at));
}

void lead_store_show_earlier_model(struct sql_op *op, int64_t lead_id, int64_t order_id)
{
    // Times of another system's table may be without a zone, and are UTC, whatever the session's
    // is.
    static const struct sql_stmt zone = {
        .name = "lead_earlier_zone",
        .text = "SELECT set_config('TimeZone', 'UTC', TRUE)",
        .sqlite = "SELECT 1",
    };
    static const struct sql_stmt stmt = {
        .name = "lead_show_earlier_model",
        .text = "UPDATE leads SET lightfusion_3d_project_id = o.project_id, "
                "lightfusion_3d_house_id = o.house_id, model_3d_status = 'completed', "
                "model_3d_created_at = o.requested_at, model_3d_completed_at = o.completed_at, "
                "system_size = coalesce(o.system_size, leads.system_size), "
                "panel_count = coalesce(o.panel_count, leads.panel_count), "
                "annual_production = coalesce(o.annual_production, leads.annual_production), "
                "sync_status = 'failed', state = $3 FROM sunlead_orders AS o "
                "WHERE leads.id = CAST($1 AS BIGINT) AND o.id = (SELECT max(id) "
                "FROM sunlead_orders WHERE lead_id = CAST($1 AS BIGINT) AND id < $2 "
                "AND state = 'completed' AND project_id IS NOT NULL) AND NOT EXISTS "
                "(SELECT 1 FROM sunlead_orders WHERE lead_id = CAST($1 AS BIGINT) AND id > $2)",
    };
    sql_op_step(op, &zone, 0, NULL);
    SQL_STEP(op, &stmt, SQLV_INT(lead_id), SQLV_INT(order_id), SQLV_INT(LF_DONE));
}

void lead_store_delete(struct sql_op *op, int64_t id)
{
    static const struct sql_stmt stmt = {
        .name = "lead_delete",
        .text = "DELETE FROM leads WHERE id = CAST($1 AS BIGINT)",
    };
    struct sql_step *step = SQL_STEP(op, &stmt, SQLV_INT(id));
    step->when_none = ERR_NOT_FOUND;
    step->none_message = "There is no such lead.";
}
