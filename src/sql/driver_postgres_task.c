// An operation on its way through PostgreSQL, and lists of them.
#include <libpq-fe.h> // first: one of its macros names what base/banned.h forbids

#include "sql/driver_postgres.h"

void postgres_list_init(struct postgres_list *list)
{
    list->head = NULL;
    list->tail = &list->head;
}

void postgres_list_push(struct postgres_list *list, struct postgres_task *task)
{
    task->next = NULL;
    *list->tail = task;
    list->tail = &task->next;
}

struct postgres_task *postgres_list_pop(struct postgres_list *list)
{
    struct postgres_task *task = list->head;
    if (task == NULL)
        return NULL;
    list->head = task->next;
    if (list->head == NULL)
        list->tail = &list->head;
    return task;
}

size_t postgres_list_put_back(struct postgres_list *list, struct postgres_list *first)
{
    size_t count = 0;
    for (const struct postgres_task *task = first->head; task != NULL; task = task->next)
        count++;
    if (count == 0)
        return 0;
    *first->tail = list->head;
    if (list->head == NULL)
        list->tail = first->tail;
    list->head = first->head;
    postgres_list_init(first);
    return count;
}

struct postgres_task *postgres_task_new(struct sql_op *op)
{
    struct postgres_task *task = arena_new(op->arena, struct postgres_task, 1);
    task->op = op;
    task->fresh = arena_new(op->arena, struct postgres_stmt *, op->step_count);
    task->stmts = arena_new(op->arena, struct postgres_stmt *, op->step_count);
    task->results = arena_new(op->arena, struct pg_result *, op->step_count);
    return task;
}

// A step that finds no row undoes the others: only the server can do that, and only where there
// are others.
static bool is_required(const struct sql_op *op, const struct sql_step *step)
{
    return op->lane == SQL_LANE_WRITE && op->step_count > 1 && step->when_none != ERR_OK;
}

void postgres_task_resolve(struct postgres_task *task, struct postgres_stmts *stmts)
{
    const struct sql_op *op = task->op;
    for (size_t i = 0; i < op->step_count && task->stmts[i] == NULL; i++)
        task->stmts[i] =
            postgres_stmts_find(stmts, op->steps[i].stmt, is_required(op, &op->steps[i]));
}

void postgres_task_reset(struct postgres_task *task)
{
    for (size_t i = 0; i < task->op->step_count; i++)
        PQclear(TAKE_PTR(task->results[i]));
    task->at = 0;
    task->sqlstate[0] = '\0';
    task->is_by_commit = false;
    task->is_retyped = false;
    error_reset(&task->op->error);
}

static void take_failure(struct postgres_task *task, const PGresult *result)
{
    if (task->op->error.code != ERR_OK)
        return;
    const char *sqlstate = postgres_sqlstate(result);
    (void)snprintf(task->sqlstate, sizeof(task->sqlstate), "%s", sqlstate);
    bool found_none = task->phase == POSTGRES_RUN && strcmp(sqlstate, POSTGRES_NO_ROW) == 0;
    if (found_none)
        (void)!sql_step_count(&task->op->steps[task->at], 0, &task->op->error);
    else
        (void)postgres_error(result, &task->op->error);
    // A constraint that waits for the commit speaks up behind the last step.
    task->is_by_commit = task->phase == POSTGRES_RUN && task->at >= task->op->step_count;
    if (task->phase == POSTGRES_RUN && !task->is_by_commit)
        postgres_error_place_values(result, &task->op->steps[task->at], &task->op->error);
}

void postgres_task_take(struct postgres_task *task, struct pg_result *result)
{
    ExecStatusType status = PQresultStatus(result);
    bool is_good = status == PGRES_TUPLES_OK || status == PGRES_COMMAND_OK;
    if (!is_good && status != PGRES_PIPELINE_ABORTED)
        take_failure(task, result);
    bool is_kept = is_good && task->phase == POSTGRES_RUN && task->at < task->op->step_count &&
                   task->results[task->at] == NULL;
    if (!is_kept) {
        PQclear(result);
        return;
    }
    task->results[task->at] = result;
    task->is_retyped = task->is_retyped || !postgres_stmt_fits(task->stmts[task->at], result);
}

static int64_t count_rows(const struct postgres_stmt *stmt, PGresult *result)
{
    if (stmt->returns_count) {
        const struct postgres_cursor cursor = {.result = result};
        const struct sql_row row = {.driver = &sql_driver_postgres, .cursor = (void *)&cursor};
        return postgres_row_i64(&row, 0);
    }
    if (PQresultStatus(result) == PGRES_TUPLES_OK)
        return PQntuples(result);
    int64_t rows = 0;
    (void)!number_parse_i64(str_of(PQcmdTuples(result)), 0, INT64_MAX, &rows);
    return rows;
}

static enum err deliver_step(struct postgres_task *task, size_t i)
{
    struct sql_step *step = &task->op->steps[i];
    const struct postgres_stmt *stmt = task->stmts[i];
    check(task->results[i] != NULL);
    if (!stmt->returns_count)
        postgres_deliver_rows(step, task->results[i], task->op->arena);
    return sql_step_count(step, count_rows(stmt, task->results[i]), &task->op->error);
}

void postgres_task_finish(struct postgres_task *task)
{
    enum err code = task->op->error.code;
    for (size_t i = 0; i < task->op->step_count && code == ERR_OK; i++)
        code = deliver_step(task, i);
    postgres_task_fail(task);
}

void postgres_task_fail(struct postgres_task *task)
{
    for (size_t i = 0; i < task->op->step_count; i++)
        PQclear(TAKE_PTR(task->results[i]));
    sql_op_finish(task->op);
}
