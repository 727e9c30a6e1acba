// Finds out what became of an order whose fate is unknown.
#include "tasks/task_lookup.h"

#include "base/crash.h"
#include "base/log.h"

// More than this at one place are for a person to sort out.
#define TASK_CANDIDATES_MAX 12

// So many are named to that person.
#define TASK_NAMED_MAX 5

// A look-up under way.
struct lookup {
    struct lf_find find;
    struct lf_complete complete;
    bool linked[LF_CANDIDATES_MAX]; // candidates that other orders have
    bool usable[SOURCE_COUNT];      // ids that have always been the project's
    int64_t began_us;               // what is listed is as of then, however late it is stored
    int64_t house_id;               // of the one candidate
    struct opt_i64 project_id;
    struct str why; // the order is parked
    // ids that may be the project's, tried one after the other
    struct lf_details details;
    int64_t ids[SOURCE_COUNT];
    size_t id_count;
    size_t id_at;
    size_t refused; // ids that LightFusion does not take for a project of this house
};

static struct lookup *lookup_of(const struct task *task)
{
    return task->own;
}

static struct lf_call lookup_call(struct task *task, lf_done_fn *done)
{
    struct lf_call call = task_call(task, done);
    call.class = LF_CLASS_LOOKUP;
    return call;
}

// ---- What is found out.

// What was looked up is about one attempt: when another process has moved the order on meanwhile,
// it tells nothing any more.
static enum err must_be_unknown(const struct task *task, struct error *err)
{
    const struct order *order = &task->order;
    bool same =
        order->state == ORDER_UNKNOWN && order->sending_at.value == lookup_of(task)->find.since_us;
    return same ? ERR_OK : error_set(err, ERR_CONFLICT, "the order was settled meanwhile");
}

static enum err apply_found(struct task *task, struct task_change *change, int64_t now_us,
                            struct error *err)
{
    const struct lookup *lookup = lookup_of(task);
    TRY(must_be_unknown(task, err));
    TRY(order_go(&task->order, ORDER_CREATED, now_us, err));
    task->order.project_id = lookup->project_id;
    task->order.house_id = OPT_I64(lookup->house_id);
    change->job = TASK_JOB_FINISH;
    change->add = JOB_POLL;
    change->add_at_us = now_us;
    return ERR_OK;
}

static enum err apply_parked(struct task *task, struct task_change *change, int64_t now_us,
                             struct error *err)
{
    const struct lookup *lookup = lookup_of(task);
    TRY(must_be_unknown(task, err));
    TRY(order_go(&task->order, ORDER_PARKED, now_us, err));
    order_fail_with(&task->order, FAILURE_UNCLEAR, lookup->why);
    if (lookup->house_id > 0)
        task->order.house_id = OPT_I64(lookup->house_id);
    change->job = TASK_JOB_FINISH;
    return ERR_OK;
}

static void park(struct task *task, struct str why)
{
    lookup_of(task)->why = why;
    task_commit(task, apply_parked, NULL);
}

// Parks with the ids among which a person has to choose, as far as there is room for them.
static void park_among(struct task *task, const char *why, const int64_t *ids, size_t count)
{
    struct buf text;
    buf_init_arena(&text, task->arena, SIZE_MAX);
    buf_printf(&text, "%s%s", why, count == 0 ? " no id" : "");
    for (size_t i = 0; i < count && i < TASK_NAMED_MAX; i++)
        buf_printf(&text, "%s%lld", i == 0 ? ": " : ", ", (long long)ids[i]);
    buf_printf(&text, "%s", count > TASK_NAMED_MAX ? ", ..." : ".");
    park(task, buf_str(&text));
}

// The houses that were found and that no other order has.
static void park_among_houses(struct task *task, const char *why)
{
    const struct lookup *lookup = lookup_of(task);
    int64_t ids[LF_CANDIDATES_MAX];
    size_t count = 0;
    for (size_t i = 0; i < lookup->find.count; i++) {
        if (!lookup->linked[i])
            ids[count++] = lookup->find.candidates[i].house_id;
    }
    park_among(task, why, ids, count);
}

static void park_taken(struct task *task)
{
    park(task, STR("The project that was found belongs to another order."));
}

static int64_t absent_after_us(const struct task *task)
{
    int64_t set_us = task->tasks->absent_after_us;
    return task_span_us(task, set_us > 0 ? set_us : ORDER_ABSENT_AFTER_US);
}

// No candidate: absence is proved by two complete look-ups, the second long enough after the
// request.
static enum err apply_absent(struct task *task, struct task_change *change, int64_t now_us,
                             struct error *err)
{
    struct order *order = &task->order;
    int64_t proof_at_us = order->sending_at.value + absent_after_us(task);
    TRY(must_be_unknown(task, err));
    order->lookups++;
    bool proved = order->lookups >= 2 && lookup_of(task)->began_us >= proof_at_us;
    // LightFusion gave the project's number but no house: the project exists, whatever the list
    // says.
    bool made = order->project_id.set && order->lookups >= 2;
    if (made || (proved && order->attempts >= ORDER_TRIES_MAX)) {
        change->job = TASK_JOB_FINISH;
        return order_go(order, ORDER_PARKED, now_us, err);
    }
    change->job = TASK_JOB_AGAIN;
    if (proved) {
        change->again_at_us = now_us;
        return order_go(order, ORDER_REQUESTED, now_us, err);
    }
    int64_t soon_us =
        now_us + task_span_us(task, order_backoff_us(order->lookups + 4, task_jitter()));
    change->again_at_us = soon_us < proof_at_us ? proof_at_us : soon_us;
    order->updated_at = OPT_I64(now_us);
    return ERR_OK;
}

static void look_again(struct task *task, const struct lf_call *call)
{
    int64_t wait_us = task_span_us(task, order_backoff_us(task->run->job.attempt, task_jitter()));
    int64_t asked_us = (int64_t)call->retry_after_s * US_PER_S;
    task_leave(task, task_now_us(task) + (asked_us > wait_us ? asked_us : wait_us), call->words);
}

// ---- One candidate: which of its ids is the project's?

static void adopt(struct task *task, int64_t project_id)
{
    lookup_of(task)->project_id = OPT_I64(project_id);
    task_commit_or(task, apply_found, NULL, park_taken);
}

// All ids were tried. One is the project's if LightFusion takes it together with the house, and
// refuses at least one other (which shows that it looks at all).
static void judge_ids(struct task *task)
{
    struct lookup *lookup = lookup_of(task);
    if (lookup->project_id.set && lookup->refused > 0 && lookup->refused + 1 == lookup->id_count) {
        adopt(task, lookup->project_id.value);
        return;
    }
    park_among(task,
               "LightFusion has the house but does not tell the project's number; its status names",
               lookup->ids, lookup->id_count);
}

static void try_id(struct task *task);

static void id_tried(struct lf_call *call)
{
    struct task *task = call->ctx;
    struct lookup *lookup = lookup_of(task);
    crash_here(CRASH_LOOKUP_TRIED);
    task_note_call(task, call);
    if (call->outcome == LF_NOT_SENT || call->outcome == LF_UNCLEAR) {
        look_again(task, call);
        return;
    }
    if (call->outcome == LF_OK && lookup->details.price_breakdown.len > 0)
        lookup->project_id = OPT_I64(lookup->ids[lookup->id_at]);
    else
        lookup->refused++;
    lookup->id_at++;
    try_id(task);
}

// Prices are asked for by project and house together, so that the answer tells whether the two
// belong together.
static void try_id(struct task *task)
{
    struct lookup *lookup = lookup_of(task);
    if (lookup->id_at == lookup->id_count) {
        judge_ids(task);
        return;
    }
    lookup->details = (struct lf_details){
        .call = lookup_call(task, id_tried),
        .project_id = lookup->ids[lookup->id_at],
        .house_id = lookup->house_id,
    };
    lightfusion_details(task->tasks->lf, &lookup->details);
}

static void add_id(struct lookup *lookup, int64_t id)
{
    for (size_t i = 0; i < lookup->id_count; i++) {
        if (lookup->ids[i] == id)
            return;
    }
    lookup->ids[lookup->id_count++] = id;
}

static void completed_read(struct lf_call *call)
{
    struct task *task = call->ctx;
    struct lookup *lookup = lookup_of(task);
    task_note_call(task, call);
    if (call->outcome == LF_NOT_FOUND || call->outcome == LF_REFUSED) {
        park(task, STR("LightFusion lists the house but does not tell its state."));
        return;
    }
    if (call->outcome != LF_OK) {
        look_again(task, call);
        return;
    }
    const struct opt_i64 said[SOURCE_COUNT] = {
        [SOURCE_LEAD_ID] = lookup->complete.lead_own_id,
        [SOURCE_LEAD_LEAD_ID] = lookup->complete.lead_id,
        [SOURCE_BUILD_ID] = lookup->complete.build_id,
    };
    struct opt_i64 sure = {0};
    bool doubt = false; // ids that have always been the project's until now differ
    for (int i = 0; i < SOURCE_COUNT; i++) {
        if (!said[i].set || said[i].value <= 0)
            continue;
        add_id(lookup, said[i].value);
        if (!lookup->usable[i])
            continue;
        doubt |= sure.set && sure.value != said[i].value;
        sure = said[i];
    }
    if (sure.set && !doubt)
        adopt(task, sure.value);
    else
        try_id(task);
}

static void read_candidate(struct task *task)
{
    struct lookup *lookup = lookup_of(task);
    if (task->order.project_id.set) {
        adopt(task, task->order.project_id.value);
        return;
    }
    lookup->complete = (struct lf_complete){
        .call = lookup_call(task, completed_read),
        .house_id = lookup->house_id,
    };
    lightfusion_complete(task->tasks->lf, &lookup->complete);
}

// ---- The candidates that no other order has.

static void candidates_known(struct sql_op *op)
{
    struct task *task = op->done_ctx;
    struct lookup *lookup = lookup_of(task);
    if (task_failed_by(task, op, "order.lookup_failed"))
        return;
    size_t free_count = 0;
    for (size_t i = 0; i < lookup->find.count; i++) {
        if (lookup->linked[i])
            continue;
        free_count++;
        lookup->house_id = lookup->find.candidates[i].house_id;
    }
    if (free_count == 1) {
        read_candidate(task);
        return;
    }
    lookup->house_id = 0;
    if (free_count == 0)
        task_commit(task, apply_absent, NULL);
    else
        park_among_houses(task, "LightFusion has several projects at this place; their houses");
}

static void found(struct lf_call *call)
{
    struct task *task = call->ctx;
    struct lookup *lookup = lookup_of(task);
    crash_here(CRASH_LOOKUP_LISTED);
    task_note_call(task, call);
    if (call->outcome == LF_NOT_FOUND || call->outcome == LF_REFUSED) {
        park(task, STR("LightFusion gave no clear answer, and has no look-up to find out."));
        return;
    }
    if (call->outcome != LF_OK) {
        look_again(task, call);
        return;
    }
    if (lookup->find.count > TASK_CANDIDATES_MAX) {
        park_among_houses(task, "LightFusion has many projects at this place; their houses");
        return;
    }
    struct sql_op *op = sql_op_new(task->arena, "order_candidates", SQL_LANE_SHORT);
    order_store_get_id_sources(op, lookup->usable);
    for (size_t i = 0; i < lookup->find.count; i++)
        order_store_is_linked(op, lookup->find.candidates[i].house_id, task->order.id,
                              &lookup->linked[i]);
    op->done = candidates_known;
    op->done_ctx = task;
    sql_submit(task->tasks->db, op);
}

void task_lookup(struct task *task)
{
    struct lookup *lookup = arena_new(task->arena, struct lookup, 1);
    task->own = lookup;
    lookup->began_us = task_now_us(task);
    lookup->find = (struct lf_find){
        .call = lookup_call(task, found),
        .latitude = task->order.latitude,
        .longitude = task->order.longitude,
        .since_us = task->order.sending_at.value,
    };
    crash_here(CRASH_LOOKUP_ASKING);
    lightfusion_find(task->tasks->lf, &lookup->find);
}
