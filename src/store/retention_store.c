// The statements that find and remove files that are not to be kept.
#include "store/retention_store.h"

#include "domain/model_file.h"

// When a model's files were stored, seen from one of them (f).
#define STORED_AT                                                                                  \
    "coalesce((SELECT max(n.updated_at) FROM sunlead_files n WHERE n.project_id = f.project_id "   \
    "AND n.state = 'stored' AND n.kind IN ('jpg', 'obj', 'ply', 'mtl')), f.updated_at)"

#define DAYS_BEFORE(now, days)                                                                     \
    "(CAST(" now " AS TIMESTAMPTZ) - " days " * INTERVAL '86400 seconds')"
#define DAYS_BEFORE_SQLITE(now, days) "(" now " - " days " * 86400000000)"

static void take_project(void *ctx, const struct sql_row *row)
{
    struct retention_portion *portion = ctx;
    if (portion->count < COUNT_OF(portion->project_ids))
        portion->project_ids[portion->count++] = sql_row_i64(row, 0);
}

static void take_projects(struct sql_step *step, struct retention_portion *portion)
{
    step->on_row = take_project;
    step->ctx = portion;
}

static void due_by_company(struct sql_op *op, const struct retention_rule *rule,
                           struct retention_portion *portion)
{
#define DUE_BY_COMPANY(before)                                                                     \
    "SELECT DISTINCT f.project_id FROM sunlead_companies c JOIN sunlead_files f "                  \
    "ON f.company_id = c.company_id AND f.state = 'stored' "                                       \
    "WHERE c.file_retention = 'stream' OR c.file_retention = 'days' AND "                          \
    "f.updated_at < " before " AND " STORED_AT " < " before " LIMIT $2"
    static const struct sql_stmt stmt = {
        .name = "retention_due_by_company",
        .text = DUE_BY_COMPANY(DAYS_BEFORE("$1", "c.file_days")),
        .sqlite = DUE_BY_COMPANY(DAYS_BEFORE_SQLITE("$1", "c.file_days")),
    };
    take_projects(SQL_STEP(op, &stmt, SQLV_TIME(rule->now_us), SQLV_INT(RETENTION_PORTION)),
                  portion);
}

static void due_by_settings(struct sql_op *op, const struct retention_rule *rule,
                            struct retention_portion *portion)
{
    static const struct sql_stmt stmt = {
        .name = "retention_due_by_settings",
        .text = "SELECT DISTINCT f.project_id FROM sunlead_files f WHERE f.state = 'stored' AND "
                "f.updated_at < $1 AND " STORED_AT " < $1 AND NOT EXISTS (SELECT 1 "
                "FROM sunlead_companies c WHERE c.company_id = f.company_id "
                "AND c.file_retention IS NOT NULL) LIMIT $2",
    };
    int64_t before_us = rule->now_us - rule->settings->days * INT64_C(86400000000);
    if (rule->settings->retention == RETENTION_STREAM)
        before_us = rule->now_us;
    take_projects(SQL_STEP(op, &stmt, SQLV_TIME(before_us), SQLV_INT(RETENTION_PORTION)), portion);
}

void retention_store_due(struct sql_op *op, const struct retention_rule *rule,
                         struct retention_portion *portion)
{
    portion->count = 0;
    due_by_company(op, rule, portion);
    if (rule->settings->retention != RETENTION_KEEP)
        due_by_settings(op, rule, portion);
}

#define LEAD_GONE(order) "NOT EXISTS (SELECT 1 FROM leads l WHERE l.id = " order ".lead_id)"

void retention_store_orphans(struct sql_op *op, struct retention_portion *portion)
{
    static const struct sql_stmt stmt = {
        .name = "retention_orphans",
        .text = "SELECT o.project_id FROM sunlead_orders o WHERE o.project_id IS NOT NULL "
                "AND " LEAD_GONE(
                    "o") " AND EXISTS (SELECT 1 FROM sunlead_files f "
                         "WHERE f.project_id = o.project_id AND f.state = 'stored') LIMIT $1",
    };
    take_projects(SQL_STEP(op, &stmt, SQLV_INT(RETENTION_PORTION)), portion);
}

#define IDS        "SELECT CAST(value AS BIGINT) FROM json_array_elements_text(CAST($1 AS JSON))"
#define IDS_SQLITE "SELECT value FROM json_each($1)"

// By the settings of now: they may have changed since the projects were read. A file that is stored
// meanwhile makes its model's others younger.
#define REMOVE(ids, before)                                                                        \
    "UPDATE sunlead_files AS f SET state = 'removed', size = NULL, sha256 = NULL, data = NULL, "   \
    "error = $5, tries = 0, updated_at = $2 WHERE f.project_id IN (" ids                           \
    ") AND f.state = 'stored' AND ("                                                               \
    "CASE coalesce((SELECT c.file_retention FROM sunlead_companies c "                             \
    "WHERE c.company_id = f.company_id), $3) WHEN 'stream' THEN TRUE "                             \
    "WHEN 'days' THEN " STORED_AT " < " before " ELSE FALSE END "                                  \
    "OR EXISTS (SELECT 1 FROM sunlead_orders o WHERE o.project_id = f.project_id "                 \
    "AND " LEAD_GONE("o") "))"

#define DAYS                                                                                       \
    "coalesce((SELECT c.file_days FROM sunlead_companies c WHERE c.company_id = f.company_id "     \
    "AND c.file_retention IS NOT NULL), $4)"

void retention_store_remove(struct sql_op *op, const struct retention_rule *rule, struct str ids)
{
    static const struct sql_stmt files = {
        .name = "retention_remove",
        .text = REMOVE(IDS, DAYS_BEFORE("$2", DAYS)),
        .sqlite = REMOVE(IDS_SQLITE, DAYS_BEFORE_SQLITE("$2", DAYS)),
    };
#define ORDERS(ids)                                                                                \
    "UPDATE sunlead_orders AS o SET files = 'removed', version = o.version + 1, updated_at = $2 "  \
    "WHERE o.project_id IN (" ids ") AND o.files IN ('partial', 'done') "                          \
    "AND NOT EXISTS (SELECT 1 FROM sunlead_files f WHERE f.project_id = o.project_id "             \
    "AND f.state = 'stored')"
    static const struct sql_stmt orders = {
        .name = "retention_tell_orders",
        .text = ORDERS(IDS),
        .sqlite = ORDERS(IDS_SQLITE),
    };
    SQL_STEP(op, &files, SQLV_TEXT(ids), SQLV_TIME(rule->now_us),
             SQLV_TEXT(str_of(file_retention_names[rule->settings->retention])),
             SQLV_INT(rule->settings->days), SQLV_TEXT(MODEL_FILE_REMOVED_WORDS));
    SQL_STEP(op, &orders, SQLV_TEXT(ids), SQLV_TIME(rule->now_us));
}

void retention_store_restore(struct sql_op *op, int64_t project_id, int64_t now_us)
{
    static const struct sql_stmt files = {
        .name = "retention_restore",
        .text = "UPDATE sunlead_files SET state = 'pending', error = NULL, tries = 0, "
                "updated_at = $2 WHERE project_id = $1 AND state IN ('removed', 'remote') "
                "AND kind IN ('jpg', 'obj', 'ply', 'mtl')",
    };
    static const struct sql_stmt order = {
        .name = "retention_restore_order",
        .text = "UPDATE sunlead_orders SET files = 'pending', version = version + 1, "
                "updated_at = $2 WHERE project_id = $1 AND state = 'completed' "
                "AND files IN ('removed', 'remote')",
    };
    SQL_STEP(op, &files, SQLV_INT(project_id), SQLV_TIME(now_us));
    SQL_STEP(op, &order, SQLV_INT(project_id), SQLV_TIME(now_us));
}
