// Compares what was fetched of a project with what was made of it.
#include "tasks/convert_plan.h"

#include "base/log.h"
#include "convert/convert.h"
#include "store/file_store.h"

size_t convert_files_init(const struct order *order, int64_t now_us,
                          struct model_file files[CONVERT_PRODUCTS_MAX])
{
    for (size_t i = 0; i < convert_product_count(); i++) {
        struct str name = convert_product_name(i);
        enum model_file_kind kind = model_file_kind_of(name);
        check(kind != MODEL_FILE_NONE);
        files[i] = (struct model_file){
            .project_id = order->project_id.value,
            .company_id = order->company_id,
            .name = name,
            .kind = kind,
            .state = MODEL_FILE_PENDING,
            .content_type = model_file_content_type(kind),
            .updated_at = OPT_I64(now_us),
        };
    }
    return convert_product_count();
}

static void judge(struct convert_plan *plan)
{
    const struct model_file *files = plan->known.objects;
    bool has_mesh = false;
    bool is_awaited = false;
    int64_t fetched_us = INT64_MIN; // the last one
    int64_t made_us = INT64_MAX;    // the first one
    for (size_t i = 0; i < plan->known.count; i++) {
        const struct model_file *file = &files[i];
        int64_t at_us = file->updated_at.value;
        if (!model_file_is_original(file->kind)) {
            is_awaited = is_awaited || file->state == MODEL_FILE_PENDING;
            made_us = at_us < made_us ? at_us : made_us;
        } else if (file->state == MODEL_FILE_STORED) {
            has_mesh = has_mesh || file->kind == MODEL_FILE_OBJ || file->kind == MODEL_FILE_PLY;
            fetched_us = at_us > fetched_us ? at_us : fetched_us;
        }
    }
    plan->is_newer = has_mesh && fetched_us > made_us;
    plan->is_due = plan->is_newer || (has_mesh && (made_us == INT64_MAX || is_awaited));
}

static void files_known(struct sql_op *op)
{
    struct task *task = op->done_ctx;
    if (task_failed_by(task, op, "convert.plan_failed"))
        return;
    struct convert_plan *plan = task->plan;
    judge(plan);
    plan->count = convert_files_init(&task->order, task_now_us(task), plan->files);
    plan->then(task);
}

void convert_plan_begin(struct task *task, struct convert_plan *plan, task_step_fn *then)
{
    task->plan = plan;
    plan->then = then;
    plan->known = file_store_rows(task->arena);
    struct sql_op *op = sql_op_new(task->arena, "convert_plan", SQL_LANE_SHORT);
    file_store_list(op, task->order.project_id.value, &plan->known);
    op->done = files_known;
    op->done_ctx = task;
    sql_submit(task->tasks->db, op);
}
