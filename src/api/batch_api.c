// Orders many models in one operation, and tells how far they are.
#include "api/batch_api.h"

#include "api/api_call.h"
#include "api/batch_body.h"
#include "api/idempotency.h"
#include "base/random.h"
#include "json/json_write.h"
#include "store/batch_store.h"
#include "store/lead_store.h"
#include "tasks/project_json.h"

// All items wrong in all places that are named.
#define ANSWER_MAX (16u << 20)

struct batch_create {
    struct http_request *request;
    struct batch_body body;
    struct row_list leads; // those that are named, as they are stored, by id
    struct batch batch;
    struct batch_order *orders; // of the items in order
    size_t order_count;
    struct batch_outcome *outcomes; // by item
    bool anew;                      // only tells what the operation stored
    struct idempotency once;
};

// ---- The answer.

static const struct lead *find_lead(const struct batch_create *create, int64_t id)
{
    const struct lead *leads = create->leads.objects;
    size_t from = 0;
    size_t to = create->leads.count;
    while (from < to) {
        size_t middle = from + (to - from) / 2;
        if (leads[middle].id == id)
            return &leads[middle];
        if (leads[middle].id < id)
            from = middle + 1;
        else
            to = middle;
    }
    return NULL;
}

// Why an item that is in order was not ordered: only those for a lead may be.
static const char *objection(const struct batch_create *create, size_t index)
{
    const struct batch_outcome *outcome = &create->outcomes[index];
    const struct lead *lead =
        find_lead(create, create->body.items[index].body.project.lead_id.value);
    bool in_the_way = outcome->fate == BATCH_IN_THE_WAY;
    if (in_the_way && order_is_live(outcome->state))
        return "The lead has a 3D model order under way, with other content.";
    if (in_the_way || (lead != NULL && lead->model_3d_status == MODEL_COMPLETED))
        return "The lead's 3D model is completed. Send \"force\": true to order (and pay for) "
               "another one.";
    if (lead != NULL && lead_has_3d_model(lead))
        return "The lead has a 3D model that another program ordered.";
    return "The lead was deleted meanwhile.";
}

static void write_result(struct buf *buf, const struct batch_create *create, size_t index)
{
    static const char *const names[] = {
        [BATCH_NOT_ORDERED] = "rejected",
        [BATCH_ACCEPTED] = "accepted",
        [BATCH_REPEATED] = "repeated",
        [BATCH_IN_THE_WAY] = "rejected",
    };
    const struct batch_item *item = &create->body.items[index];
    const struct batch_outcome *outcome = &create->outcomes[index];
    bool known = outcome->fate != BATCH_NOT_ORDERED;
    buf_printf(buf, "{\"index\":%zu,\"reference\":", index);
    json_write_str(buf, item->body.reference.len > 0 ? item->body.reference : STR_NULL);
    buf_printf(buf, ",\"status\":\"%s\",\"lead_id\":", names[outcome->fate]);
    if (known)
        number_append_i64(buf, outcome->lead_id);
    else
        BUF_LITERAL(buf, "null");
    BUF_LITERAL(buf, ",\"order_id\":");
    if (known)
        number_append_i64(buf, outcome->order_id);
    else
        BUF_LITERAL(buf, "null");
    BUF_LITERAL(buf, ",\"errors\":");
    buf_append_str(buf, item->mistakes.ptr == NULL ? STR("[]") : item->mistakes);
    buf_append_char(buf, '}');
}

// The members that tell what became of the items.
static void write_results(struct buf *buf, const struct batch_create *create)
{
    size_t count[BATCH_IN_THE_WAY + 1] = {0};
    for (size_t i = 0; i < create->body.count; i++)
        count[create->outcomes[i].fate]++;
    buf_printf(buf, "\"accepted\":%zu,\"rejected\":%zu,\"repeated\":%zu,\"results\":[",
               count[BATCH_ACCEPTED], count[BATCH_NOT_ORDERED] + count[BATCH_IN_THE_WAY],
               count[BATCH_REPEATED]);
    for (size_t i = 0; i < create->body.count; i++) {
        if (i > 0)
            buf_append_char(buf, ',');
        write_result(buf, create, i);
    }
    buf_append_char(buf, ']');
}

// No item was taken.
static void answer_rejected(struct batch_create *create)
{
    struct error err;
    struct buf body;
    error_reset(&err);
    (void)error_set(&err, ERR_INVALID, "None of the orders can be taken.");
    buf_init_arena(&body, http_arena(create->request), ANSWER_MAX);
    json_write_problem(&body, 422, http_status_title(422), &err);
    check(body.len > 0 && body.ptr[body.len - 1] == '}');
    body.ptr[body.len - 1] = ',';
    write_results(&body, create);
    buf_append_char(&body, '}');
    http_respond(create->request, 422, "application/problem+json", buf_str(&body));
}

static void answer_batch(struct batch_create *create)
{
    struct buf body;
    buf_init_arena(&body, http_arena(create->request), ANSWER_MAX);
    buf_printf(&body, "{\"batch_id\":%lld,", (long long)create->batch.id);
    write_results(&body, create);
    buf_append_char(&body, '}');
    api_location(create->request, "/api/batches/", create->batch.id);
    api_respond_json(create->request, 202, &body);
}

static void batch_stored(struct sql_op *op)
{
    struct batch_create *create = op->done_ctx;
    struct http_request *request = create->request;
    bool accepted = false;
    bool repeated = false;
    if (idempotency_is_late(&create->once, &op->error))
        return;
    if (op->error.code != ERR_OK) {
        api_refuse(request, &op->error);
        return;
    }
    if (create->anew && create->batch.id == 0) {
        create->anew = false;
        idempotency_restart(&create->once);
        return;
    }
    for (size_t i = 0; i < create->order_count; i++) {
        size_t index = create->orders[i].index;
        enum batch_fate fate = create->outcomes[index].fate;
        accepted = accepted || fate == BATCH_ACCEPTED;
        repeated = repeated || fate == BATCH_REPEATED;
        if (fate != BATCH_ACCEPTED && fate != BATCH_REPEATED)
            batch_item_refuse(&create->body, index, http_arena(request), "/lead_id",
                              objection(create, index));
    }
    if (accepted)
        notices_job_added(api_of(request)->notices);
    idempotency_keep(&create->once, accepted);
    if (accepted || repeated)
        answer_batch(create);
    else
        answer_rejected(create);
}

// ---- The work.

// Makes the order of an item; lead is the one it names, NULL where it names none.
static void make_order(struct batch_create *create, size_t index, const struct lead *lead,
                       int64_t op_id)
{
    struct arena *arena = http_arena(create->request);
    struct batch_item_body *item = &create->body.items[index].body;
    struct batch_order *made = &create->orders[create->order_count++];
    struct project_request terms = item->project.terms;
    *made = (struct batch_order){.index = index, .force = item->project.force};
    if (lead == NULL)
        made->lead = project_body_lead(&item->project, arena, create->batch.created_at.value);
    project_complete(&terms, lead, &api_of(create->request)->defaults);
    made->order = (struct order){
        .lead_id = lead == NULL ? 0 : lead->id,
        .company_id = lead == NULL ? made->lead.company_id : lead->company_id,
        .op_id = op_id,
        .latitude = terms.latitude.value,
        .longitude = terms.longitude.value,
        .request = project_request_text(&terms, arena),
        .reference = item->reference,
    };
}

// The number of each item's order follows from the operation's, so that it is found again by
// whoever has the same items.
static void make_orders(struct batch_create *create)
{
    struct random random;
    struct batch_body *body = &create->body;
    random_seed(&random, (uint64_t)create->once.op_id);
    create->order_count = 0;
    for (size_t i = 0; i < body->count; i++) {
        int64_t op_id = random_between(&random, 1, API_ID_MAX);
        struct opt_i64 lead_id = body->items[i].body.project.lead_id;
        const struct lead *lead = lead_id.set ? find_lead(create, lead_id.value) : NULL;
        bool is_gone = lead_id.set && lead == NULL && !create->anew;
        if (body->items[i].mistakes.ptr == NULL && is_gone)
            batch_item_refuse(body, i, http_arena(create->request), "/lead_id",
                              "There is no such lead.");
        if (body->items[i].mistakes.ptr == NULL)
            make_order(create, i, lead, op_id);
    }
}

static void add_reads(struct batch_create *create, struct sql_op *op)
{
    batch_store_get_by_op(op, create->once.op_id, &create->batch);
    batch_store_outcomes(op, create->orders, create->order_count, create->outcomes);
}

static void submit(struct batch_create *create)
{
    struct http_request *request = create->request;
    create->batch = (struct batch){
        .op_id = create->once.op_id,
        .company_id = create->body.company_id,
        .creator_id = create->body.creator_id,
        .items = (int64_t)create->body.count,
        .created_at = OPT_I64(api_now_us(request)),
    };
    make_orders(create);
    if (create->order_count == 0) {
        answer_rejected(create);
        return;
    }
    enum sql_lane lane = create->anew ? SQL_LANE_LONG : SQL_LANE_WRITE;
    struct sql_op *op = api_op(request, "batch_create", lane, batch_stored, create);
    if (!create->anew) {
        idempotency_add(&create->once, op);
        batch_store_insert(op, &create->batch, create->orders, create->order_count);
        add_reads(create, sql_op_proof(op));
    }
    add_reads(create, op);
    api_submit(request, op);
}

static void leads_read(struct sql_op *op)
{
    struct batch_create *create = op->done_ctx;
    if (op->error.code != ERR_OK)
        http_problem(create->request, &op->error);
    else
        submit(create);
}

// The ids of the leads that are named, as a JSON array.
static struct str lead_ids(const struct batch_create *create, size_t *ret_count)
{
    struct buf ids;
    buf_init_arena(&ids, http_arena(create->request), BATCH_BODY_MAX);
    buf_append_char(&ids, '[');
    *ret_count = 0;
    for (size_t i = 0; i < create->body.count; i++) {
        struct opt_i64 id = create->body.items[i].body.project.lead_id;
        if (id.set)
            buf_printf(&ids, "%s%lld", (*ret_count)++ > 0 ? "," : "", (long long)id.value);
    }
    buf_append_char(&ids, ']');
    return buf_str(&ids);
}

static void begin(struct batch_create *create)
{
    struct arena *arena = http_arena(create->request);
    size_t count;
    struct str ids = lead_ids(create, &count);
    create->orders = arena_new(arena, struct batch_order, create->body.count);
    create->outcomes = arena_new(arena, struct batch_outcome, create->body.count);
    create->leads = (struct row_list){.arena = arena, .table = &lead_table, .max = count};
    if (count == 0) {
        submit(create);
        return;
    }
    create->leads.objects = arena_new(arena, struct lead, count);
    struct sql_op *op = api_op(create->request, "batch_leads", SQL_LANE_LONG, leads_read, create);
    batch_store_get_leads(op, ids, &create->leads);
    api_submit(create->request, op);
}

// The key is new, or there is none.
static void create_first(struct idempotency *once)
{
    begin(once->ctx);
}

// Another process stored the batch, and did not answer any more.
static void create_again(struct idempotency *once)
{
    struct batch_create *create = once->ctx;
    create->anew = true;
    begin(create);
}

void batch_api_post(struct http_request *request)
{
    struct batch_create *create = arena_new(http_arena(request), struct batch_create, 1);
    struct error err;
    error_reset(&err);
    create->request = request;
    if (batch_body_read(http_body(request), http_arena(request), &create->body, &err) != ERR_OK) {
        http_problem(request, &err);
        return;
    }
    create->once = (struct idempotency){
        .request = request, .first = create_first, .again = create_again, .ctx = create};
    idempotency_begin(&create->once);
}

// ---- GET /api/batches/{id}.

struct batch_get {
    struct http_request *request;
    struct batch batch;
    struct batch_counts counts;
};

static void get_done(struct sql_op *op)
{
    static const struct {
        const char *name;
        enum model_status status;
    } shown[] = {{"pending", MODEL_PENDING},
                 {"processing", MODEL_PROCESSING},
                 {"completed", MODEL_COMPLETED},
                 {"failed", MODEL_FAILED},
                 {"cancelled", MODEL_NONE}};
    struct batch_get *get = op->done_ctx;
    struct buf body;
    int64_t accepted = 0;
    if (op->error.code != ERR_OK) {
        http_problem(get->request, &op->error);
        return;
    }
    buf_init_arena(&body, op->arena, API_ANSWER_MAX);
    buf_append_char(&body, '{');
    (void)json_write_members(&body, &batch_table, &get->batch, true);
    for (size_t i = 0; i < COUNT_OF(shown); i++) {
        int64_t count = batch_count_of(&get->counts, shown[i].status);
        accepted += count;
        json_write_name(&body, shown[i].name);
        number_append_i64(&body, count);
    }
    buf_printf(&body, ",\"parked\":%lld,\"accepted\":%lld,\"eta\":",
               (long long)get->counts.of[ORDER_PARKED], (long long)accepted);
    struct opt_i64 eta = batch_eta(&get->batch, &get->counts, api_now_us(get->request));
    if (eta.set) {
        buf_append_char(&body, '"');
        time_append(&body, eta.value);
        buf_append_char(&body, '"');
    } else {
        BUF_LITERAL(&body, "null");
    }
    buf_append_char(&body, '}');
    api_respond_json(get->request, 200, &body);
}

void batch_api_get(struct http_request *request)
{
    struct batch_get *get = arena_new(http_arena(request), struct batch_get, 1);
    int64_t id = 0;
    if (!api_id(request, "id", &id))
        return;
    get->request = request;
    struct sql_op *op = api_op(request, "batch_get", SQL_LANE_SHORT, get_done, get);
    batch_store_get(op, id, ERR_NOT_FOUND, &get->batch);
    batch_store_count(op, id, &get->counts);
    http_suspend(request);
    api_submit(request, op);
}
