// The order of a lead whose project another program on the same table had made.
#include "api/order_adopt.h"

#include "api/api_call.h"
#include "base/random.h"
#include "store/order_store.h"

static void adopted(struct sql_op *op)
{
    struct order_adopt *adopt = op->done_ctx;
    if (op->error.code != ERR_OK) {
        http_problem(adopt->request, &op->error);
        return;
    }
    notices_job_added(api_of(adopt->request)->notices);
    adopt->end(adopt);
}

void order_adopt_begin(struct order_adopt *adopt)
{
    if (adopt->order->id != 0 || adopt->lead->id == 0 || !lead_has_3d_model(adopt->lead)) {
        adopt->end(adopt);
        return;
    }
    struct sql_op *op = api_op(adopt->request, "order_adopt", SQL_LANE_WRITE, adopted, adopt);
    order_store_adopt(op, adopt->lead->id, random_id(), api_now_us(adopt->request));
    order_store_get_newest(op, adopt->lead->id, adopt->order);
    api_submit(adopt->request, op);
}
