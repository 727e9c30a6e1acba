// The statements on the files table.
#include "store/file_store.h"

#include "json/json_write.h"
#include "store/loose_store.h"

void file_store_put(struct sql_op *op, const struct model_file *file, int64_t now_us)
{
    static const struct sql_stmt stmt = {
        .name = "file_put",
        .text = "INSERT INTO sunlead_files AS f ({columns}) VALUES ({values}) "
                "ON CONFLICT (project_id, name) DO UPDATE SET kind = excluded.kind, "
                "state = excluded.state, size = excluded.size, sha256 = excluded.sha256, "
                "content_type = excluded.content_type, error = excluded.error, "
                "tries = excluded.tries, company_id = excluded.company_id, "
                "data = excluded.data, updated_at = excluded.updated_at "
                "WHERE excluded.state = 'stored' OR f.state <> 'stored' "
                "AND (excluded.state IN ('removed', 'remote') "
                "OR f.state NOT IN ('removed', 'remote'))",
        .table = &model_file_table,
    };
    if (file->state == MODEL_FILE_STORED)
        loose_store_hold(op, file->sha256, now_us);
    step_with_fields(op, &stmt, &model_file_table, file, 0);
}

struct row_list file_store_rows(struct arena *arena)
{
    return (struct row_list){
        .arena = arena,
        .table = &model_file_table,
        .objects = arena_new(arena, struct model_file, MODEL_FILE_KIND_COUNT),
        .max = MODEL_FILE_KIND_COUNT,
    };
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

void file_store_give_up(struct sql_op *op, int64_t project_id, struct str why, int64_t now_us)
{
    static const struct sql_stmt stmt = {
        .name = "file_give_up",
        .text = "UPDATE sunlead_files SET state = 'failed', error = $2, updated_at = $3 "
                "WHERE project_id = $1 AND state = 'pending' "
                "AND kind NOT IN ('jpg', 'obj', 'ply', 'mtl')",
    };
    SQL_STEP(op, &stmt, SQLV_INT(project_id), SQLV_TEXT(why), SQLV_TIME(now_us));
    file_store_note(op, project_id, why, now_us);
}

void file_store_note(struct sql_op *op, int64_t project_id, struct str why, int64_t now_us)
{
    static const struct sql_stmt stmt = {
        .name = "file_note",
        .text = "UPDATE sunlead_files SET error = $2, updated_at = $3 "
                "WHERE project_id = $1 AND state = 'stored' "
                "AND kind NOT IN ('jpg', 'obj', 'ply', 'mtl')",
    };
    SQL_STEP(op, &stmt, SQLV_INT(project_id), SQLV_TEXT(why), SQLV_TIME(now_us));
}

void file_store_await(struct sql_op *op, const struct model_file *files, size_t count)
{
#define AWAIT(item, items)                                                                         \
    "INSERT INTO sunlead_files AS f (project_id, company_id, name, kind, state, content_type, "    \
    "tries, updated_at) SELECT CAST($1 AS BIGINT), CAST($2 AS BIGINT), " item("0") ", " item(      \
        "1") ", 'pending', " item("2") ", 0, $3 FROM " items " WHERE TRUE "                        \
                                       "ON CONFLICT (project_id, name) DO UPDATE SET "             \
                                       "state = 'pending', size = NULL, error = NULL, tries = 0, " \
                                       "updated_at = excluded.updated_at "                         \
                                       "WHERE f.state <> 'stored'"
#define AWAIT_POSTGRES(at) "i.value ->> " at
#define AWAIT_SQLITE(at)   "i.value ->> '$[" at "]'"
    static const struct sql_stmt stmt = {
        .name = "file_await",
        .text = AWAIT(AWAIT_POSTGRES, "json_array_elements(CAST($4 AS JSON)) AS i(value)"),
        .sqlite = AWAIT(AWAIT_SQLITE, "json_each($4) AS i"),
    };
    struct buf text;
    buf_init_arena(&text, op->arena, 16 * 1024);
    for (size_t i = 0; i < count; i++) {
        buf_append_str(&text, i == 0 ? STR("[[") : STR(",["));
        json_write_str(&text, files[i].name);
        buf_append_char(&text, ',');
        json_write_str(&text, str_of(model_file_kind_names[files[i].kind]));
        buf_append_char(&text, ',');
        json_write_str(&text, files[i].content_type);
        buf_append_char(&text, ']');
    }
    buf_append_char(&text, ']');
    check(count > 0 && !text.overflow);
    SQL_STEP(op, &stmt, SQLV_INT(files[0].project_id), SQLV_INT(files[0].company_id),
             SQLV_TIME(files[0].updated_at.value), SQLV_TEXT(buf_str(&text)));
}
