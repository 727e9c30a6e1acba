// The statements on the exchanges table.
#include "store/exchange_store.h"

// An order's rows stand together under its number, so that one key finds and orders them.
static int64_t first_key(int64_t order_id)
{
    return order_id * EXCHANGE_SLOTS;
}

void exchange_store_put(struct sql_op *op, int64_t order_id, const struct exchange *exchange)
{
    static const struct sql_stmt stmt = {
        .name = "exchange_put",
        .text = "INSERT INTO sunlead_exchanges AS e (id, {columns}) "
                "VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) ON CONFLICT (id) DO UPDATE SET "
                "at = excluded.at, times = e.times + 1, status = excluded.status, "
                "duration_ms = excluded.duration_ms, request = excluded.request, "
                "answer = excluded.answer",
        .table = &exchange_table,
    };
    SQL_STEP(op, &stmt, SQLV_INT(first_key(order_id) + exchange_slot(exchange)),
             sql_value_opt_time(exchange->at),
             SQLV_TEXT(str_of(exchange_call_names[exchange->call])),
             SQLV_TEXT(str_of(exchange_outcome_names[exchange->outcome])), SQLV_INT(1),
             sql_value_opt_i64(exchange->status), SQLV_INT(exchange->duration_ms),
             SQLV_TEXT(exchange->request), SQLV_TEXT(exchange->answer));
}

void exchange_store_purge(struct sql_op *op, int64_t before_us)
{
    // The keys rise with the orders: the oldest stand first.
    static const struct sql_stmt stmt = {
        .name = "exchange_purge",
        .text = "DELETE FROM sunlead_exchanges WHERE at < $1 AND id IN "
                "(SELECT id FROM sunlead_exchanges ORDER BY id LIMIT $2)",
    };
    SQL_STEP(op, &stmt, SQLV_TIME(before_us), SQLV_INT(EXCHANGE_PURGE_MAX));
}

void exchange_store_list(struct sql_op *op, int64_t order_id, struct row_list *list)
{
    static const struct sql_stmt stmt = {
        .name = "exchange_list",
        .text = "SELECT {columns} FROM sunlead_exchanges WHERE id BETWEEN $1 AND $2 "
                "ORDER BY at DESC, id DESC LIMIT $3",
        .table = &exchange_table,
    };
    int64_t first = first_key(order_id);
    struct sql_step *step =
        SQL_STEP(op, &stmt, SQLV_INT(first), SQLV_INT(first + EXCHANGE_SLOTS - 1),
                 SQLV_INT((int64_t)list->max));
    step->on_row = row_list_take;
    step->ctx = list;
}
