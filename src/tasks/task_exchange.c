// Keeps what a task said to LightFusion until it is stored.
#include "store/exchange_store.h"
#include "tasks/project_json.h"
#include "tasks/task.h"

// The homeowner's data, wherever they turn up.
static void find_hidden(struct task *task)
{
    struct project_request request = {0};
    task->hides = true;
    if (project_request_read(task->order.request, task->arena, &request, NULL) != ERR_OK)
        return; // no name of it was ever sent
    const struct project_homeowner *person = &request.homeowner;
    const struct str hide[TASK_HIDE_MAX] = {person->email, person->first_name, person->last_name,
                                            person->phone};
    memcpy(task->hide, hide, sizeof(hide));
}

bool task_is_awaited(const struct task *task)
{
    const struct job *job = &task->run->job;
    return job->kind == JOB_POLL && (job->priority == JOB_PRIORITY_WAITING ||
                                     watch_has(task->tasks->notices->watch, task->order.id));
}

struct lf_call task_call(struct task *task, lf_done_fn *done)
{
    return (struct lf_call){
        .arena = task->arena,
        .done = done,
        .ctx = task,
        .class = task_is_awaited(task) ? LF_CLASS_USER : LF_CLASS_OF_KIND,
    };
}

void task_note_call(struct task *task, struct lf_call *call)
{
    size_t at = 0;
    if (!task->hides)
        find_hidden(task);
    struct exchange exchange = lightfusion_exchange(call, task->hide, TASK_HIDE_MAX);
    if (exchange.call == EXCHANGE_NONE)
        return;
    exchange.at = OPT_I64(task_now_us(task));
    while (at < task->exchange_count &&
           exchange_slot(&task->exchanges[at]) != exchange_slot(&exchange))
        at++;
    if (at == TASK_EXCHANGES_MAX)
        return;
    if (at == task->exchange_count)
        task->exchange_count++;
    task->exchanges[at] = exchange;
}

void task_store_exchanges(struct task *task, struct sql_op *op)
{
    for (size_t i = 0; i < task->exchange_count; i++)
        exchange_store_put(op, task->order.id, &task->exchanges[i]);
}
