// The statements on the companies table.
#include "store/company_store.h"

#include "store/row_into.h"

static void read_company(struct sql_op *op, const struct sql_stmt *stmt, int64_t id,
                         struct company *company)
{
    struct sql_step *step = SQL_STEP(op, stmt, SQLV_INT(id));
    step->on_row = row_take_object;
    step->ctx = row_into_new(op->arena, &company_table, company);
}

void company_store_get(struct sql_op *op, int64_t company_id, struct company *company)
{
    static const struct sql_stmt stmt = {
        .name = "company_get",
        .text = "SELECT {columns} FROM sunlead_companies WHERE company_id = $1",
        .table = &company_table,
    };
    *company = (struct company){.company_id = company_id};
    read_company(op, &stmt, company_id, company);
}

void company_store_get_of_project(struct sql_op *op, int64_t project_id, struct company *company)
{
    static const struct sql_stmt stmt = {
        .name = "company_get_of_project",
        .text = "SELECT o.company_id, c.file_retention, c.file_days, c.file_quota, c.attribution, "
                "c.updated_at FROM sunlead_orders o "
                "LEFT JOIN sunlead_companies c ON c.company_id = o.company_id "
                "WHERE o.project_id = $1",
    };
    *company = (struct company){0};
    read_company(op, &stmt, project_id, company);
}

void company_store_change(struct sql_op *op, const struct company_edit *edit,
                          struct company *company)
{
    static const struct sql_stmt stmt = {
        .name = "company_change",
        .text = "INSERT INTO sunlead_companies AS c ({columns}) VALUES ({values}) "
                "ON CONFLICT (company_id) DO UPDATE SET "
                "file_retention = CASE WHEN $7 THEN excluded.file_retention "
                "ELSE c.file_retention END, "
                "file_days = CASE WHEN $7 THEN excluded.file_days ELSE c.file_days END, "
                "file_quota = CASE WHEN $8 THEN excluded.file_quota ELSE c.file_quota END, "
                "attribution = CASE WHEN $9 THEN excluded.attribution ELSE c.attribution END, "
                "updated_at = excluded.updated_at RETURNING {columns}",
        .table = &company_table,
    };
    struct sql_value values[FIELD_TABLE_MAX];
    size_t count = values_of_fields(values, &company_table, &edit->values, 0);
    values[count++] = SQLV_BOOL(edit->sets_retention);
    values[count++] = SQLV_BOOL(edit->sets_quota);
    values[count++] = SQLV_BOOL(edit->sets_attribution);
    struct sql_step *step = sql_op_step(op, &stmt, count, values);
    step->on_row = row_take_object;
    step->ctx = row_into_new(op->arena, &company_table, company);
}

static void take_usage(void *ctx, const struct sql_row *row)
{
    struct file_usage *usage = ctx;
    usage->files = sql_row_i64(row, 0);
    usage->bytes = sql_row_i64(row, 1);
}

// What the index of a company's stored files adds up to.
#define BYTES                                                                                      \
    "(SELECT CAST(coalesce(sum(size), 0) AS BIGINT) FROM sunlead_files "                           \
    "WHERE company_id = $1 AND state = 'stored')"

void company_store_usage(struct sql_op *op, int64_t company_id, struct file_usage *usage)
{
    static const struct sql_stmt stmt = {
        .name = "company_usage",
        .text = "SELECT count(*), CAST(coalesce(sum(size), 0) AS BIGINT) FROM sunlead_files "
                "WHERE company_id = $1 AND state = 'stored'",
    };
    *usage = (struct file_usage){0};
    struct sql_step *step = SQL_STEP(op, &stmt, SQLV_INT(company_id));
    step->on_row = take_usage;
    step->ctx = usage;
}

void company_store_usage_if_bounded(struct sql_op *op, int64_t company_id, int64_t default_quota,
                                    int64_t *bytes)
{
    static const struct sql_stmt stmt = {
        .name = "company_usage_if_bounded",
        .text = "SELECT CASE WHEN coalesce((SELECT file_quota FROM sunlead_companies "
                "WHERE company_id = $1), CAST($2 AS BIGINT)) > 0 THEN " BYTES " ELSE 0 END",
    };
    *bytes = 0;
    struct sql_step *step = SQL_STEP(op, &stmt, SQLV_INT(company_id), SQLV_INT(default_quota));
    step->on_row = row_take_id;
    step->ctx = bytes;
}
