// Holds all calls to LightFusion back, and lets them go again.
#include "api/upstream_api.h"

#include "api/api_call.h"
#include "store/event_store.h"
#include "store/job_admin_store.h"
#include "store/upstream_store.h"

// By then all processes know that it is over: each looks once a second.
#define HASTEN_AFTER_US (2 * US_PER_S)

struct upstream_change {
    struct http_request *request;
    int64_t now_us;
    bool isolates;
    struct opt_i64 isolated_at; // as it is stored then
};

static const struct field change_fields[] = {
    {FIELD_AS_TIME(struct upstream_change, isolated_at)},
};

static const struct field_table change_table =
    FIELD_TABLE("upstream", change_fields, struct upstream_change);

static void changed(struct sql_op *op)
{
    struct upstream_change *change = op->done_ctx;
    if (op->error.code != ERR_OK) {
        http_problem(change->request, &op->error);
        return;
    }
    const struct api *api = api_of(change->request);
    upstream_state_set_isolated(api->upstream, change->isolated_at);
    // What waited for minutes is due within seconds, in whichever process looks first.
    if (!change->isolates)
        jobs_wake_at(api->jobs, change->now_us + HASTEN_AFTER_US);
    api_respond(change->request, 200, &change_table, change);
}

static void change(struct http_request *request, bool isolate)
{
    struct upstream_change *ours = arena_new(http_arena(request), struct upstream_change, 1);
    int64_t now_us = api_now_us(request);
    if (!api_takes_nothing(request))
        return;
    *ours = (struct upstream_change){.request = request, .now_us = now_us, .isolates = isolate};
    struct sql_op *op = api_op(request, "upstream_change", SQL_LANE_WRITE, changed, ours);
    if (isolate) {
        upstream_store_isolate(op, now_us);
    } else {
        upstream_store_restore(op);
        job_store_hasten(op, now_us + HASTEN_AFTER_US);
    }
    event_store_add(op, &(struct event){.type = isolate ? "upstream.isolated" : "upstream.restored",
                                        .at_us = now_us});
    upstream_store_get(op, &ours->isolated_at);
    http_suspend(request);
    api_submit(request, op);
}

void upstream_api_isolate(struct http_request *request)
{
    change(request, true);
}

void upstream_api_restore(struct http_request *request)
{
    change(request, false);
}
