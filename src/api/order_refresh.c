// Reads an order's project from LightFusion again, by its poll job.
#include "api/order_refresh.h"

#include "api/api_call.h"
#include "store/job_store.h"

#define FRESH_US        (3 * US_PER_S)
#define REFRESH_WAIT_US (10 * US_PER_S)

static bool has_project(const struct order *order)
{
    return order->project_id.set && order->house_id.set && order->state != ORDER_PARKED;
}

static bool was_polled_since(const struct order *order, int64_t since_us)
{
    return order->polled_at.set && order->polled_at.value >= since_us;
}

static bool is_refreshed(const struct order_wait *wait)
{
    return was_polled_since(&wait->order, wait->since_us);
}

static void poll_queued(struct sql_op *op)
{
    struct order_wait *wait = op->done_ctx;
    if (op->error.code != ERR_OK) {
        wait->error = op->error;
        wait->end(wait);
        return;
    }
    notices_job_added(api_of(wait->request)->notices);
    order_wait_begin(wait);
}

void order_refresh_begin(struct order_wait *wait)
{
    const struct order *order = &wait->order;
    int64_t now_us = api_now_us(wait->request);
    error_reset(&wait->error);
    wait->since_us = now_us - FRESH_US;
    if (!has_project(order) || was_polled_since(order, wait->since_us)) {
        wait->end(wait);
        return;
    }
    wait->order_id = order->id;
    wait->timeout_us = REFRESH_WAIT_US;
    wait->enough = is_refreshed;
    struct sql_op *op = api_op(wait->request, "order_refresh", SQL_LANE_WRITE, poll_queued, wait);
    op->is_idempotent = true;
    job_store_add(op, &(struct job){.kind = JOB_POLL,
                                    .order_id = order->id,
                                    .company_id = order->company_id,
                                    .run_at = OPT_I64(now_us),
                                    .created_at = OPT_I64(now_us)});
    api_submit(wait->request, op);
}

bool order_is_stale(const struct order_wait *wait)
{
    return order_lacks_house(&wait->order) ||
           (has_project(&wait->order) &&
            (wait->order.poll_failed || !was_polled_since(&wait->order, wait->since_us)));
}
