// The statements on the files table.
#include "store/file_store.h"

void file_store_put(struct sql_op *op, const struct model_file *file)
{
    static const struct sql_stmt stmt = {
        .name = "file_put",
        .text = "INSERT INTO sunlead_files AS f ({columns}) VALUES ({values}) "
                "ON CONFLICT (project_id, name) DO UPDATE SET kind = excluded.kind, "
                "state = excluded.state, size = excluded.size, sha256 = excluded.sha256, "
                "content_type = excluded.content_type, error = excluded.error, "
                "tries = excluded.tries, company_id = excluded.company_id, "
                "updated_at = excluded.updated_at "
                "WHERE f.state <> 'stored' OR excluded.state = 'stored'",
        .table = &model_file_table,
    };
    step_with_fields(op, &stmt, &model_file_table, file, 0);
}

void file_store_list(struct sql_op *op, int64_t project_id, struct row_list *list)
{
    static const struct sql_stmt stmt = {
        .name = "file_list",
        .text = "SELECT {columns} FROM sunlead_files WHERE project_id = $1 ORDER BY name",
        .table = &model_file_table,
    };
    struct sql_step *step = SQL_STEP(op, &stmt, SQLV_INT(project_id));
    step->on_row = row_list_take;
    step->ctx = list;
}

// One row, which must be there.
static void take_one(struct sql_step *step, struct sql_op *op, struct model_file *file)
{
    step->on_row = row_take_object;
    step->ctx = row_into_new(op->arena, &model_file_table, file);
    step->when_none = ERR_NOT_FOUND;
    step->none_message = "There is no such file.";
}

void file_store_get(struct sql_op *op, int64_t project_id, struct str name, struct model_file *file)
{
    static const struct sql_stmt stmt = {
        .name = "file_get",
        .text = "SELECT {columns} FROM sunlead_files "
                "WHERE project_id = $1 AND name = $2 AND state = 'stored'",
        .table = &model_file_table,
    };
    take_one(SQL_STEP(op, &stmt, SQLV_INT(project_id), SQLV_TEXT(name)), op, file);
}

void file_store_find(struct sql_op *op, struct str sha256, struct str name, struct model_file *file)
{
    static const struct sql_stmt stmt = {
        .name = "file_find",
        .text = "SELECT {columns} FROM sunlead_files "
                "WHERE sha256 = $1 AND name = $2 AND state = 'stored' LIMIT 1",
        .table = &model_file_table,
    };
    take_one(SQL_STEP(op, &stmt, SQLV_TEXT(sha256), SQLV_TEXT(name)), op, file);
}
