// The statements that page through the orders table.
#include "store/order_list_store.h"

#include <pthread.h>

static struct field list_fields[FIELD_TABLE_MAX];
static struct field_table list_table = {
    .what = "order", .fields = list_fields, .size = sizeof(struct order)};

// An order may hold hundreds of kilobytes of JSON.
static void make_table(void)
{
    for (size_t i = 0; i < order_table.count; i++) {
        if (order_table.fields[i].type != FIELD_RAW)
            list_fields[list_table.count++] = order_table.fields[i];
    }
}

const struct field_table *order_list_table(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    check(pthread_once(&once, make_table) == 0);
    return &list_table;
}

// What each parameter is compared with, where it is not null.
#define PAGE                                                                                       \
    "AND (CAST($2 AS BIGINT) IS NULL OR company_id = CAST($2 AS BIGINT)) "                         \
    "AND (CAST($3 AS BIGINT) IS NULL OR lead_id = CAST($3 AS BIGINT)) "                            \
    "AND (CAST($4 AS TEXT) IS NULL OR state = CAST($4 AS TEXT)) AND id < $5 "                      \
    "ORDER BY id DESC LIMIT $6"

// By the index that leaves the fewest.
enum list_index { BY_BATCH, BY_LEAD, BY_COMPANY, BY_ID };

static const struct sql_stmt stmts[] = {
    [BY_BATCH] = {"order_list_batch",
                  "SELECT {columns} FROM sunlead_orders WHERE batch_id = $1 " PAGE, NULL,
                  &list_table},
    [BY_LEAD] = {"order_list_lead", "SELECT {columns} FROM sunlead_orders WHERE lead_id = $1 " PAGE,
                 NULL, &list_table},
    [BY_COMPANY] = {"order_list_company",
                    "SELECT {columns} FROM sunlead_orders WHERE company_id = $1 " PAGE, NULL,
                    &list_table},
    [BY_ID] = {"order_list", "SELECT {columns} FROM sunlead_orders WHERE id > $1 " PAGE, NULL,
               &list_table},
};

static enum list_index index_of(const struct order_filter *filter, int64_t *ret_key)
{
    const struct opt_i64 keys[] = {filter->batch_id, filter->lead_id, filter->company_id};
    for (int by = BY_BATCH; by < BY_ID; by++) {
        if (keys[by].set) {
            *ret_key = keys[by].value;
            return (enum list_index)by;
        }
    }
    *ret_key = 0;
    return BY_ID;
}

void order_list_read(struct sql_op *op, const struct order_filter *filter, struct row_list *list)
{
    int64_t key;
    enum list_index by = index_of(filter, &key);
    const char *state = order_state_names[filter->state];
    *list = (struct row_list){
        .arena = op->arena, .table = order_list_table(), .max = (size_t)filter->limit + 1};
    list->objects = arena_new(op->arena, struct order, list->max);
    struct sql_step *step =
        SQL_STEP(op, &stmts[by], SQLV_INT(key), sql_value_opt_i64(filter->company_id),
                 sql_value_opt_i64(filter->lead_id), SQLV_TEXT(str_of(state)),
                 SQLV_INT(filter->before.set ? filter->before.value : INT64_MAX),
                 SQLV_INT((int64_t)list->max));
    step->on_row = row_list_take;
    step->ctx = list;
}

enum sql_lane order_list_lane(const struct order_filter *filter)
{
    // What an index does not leave out has to be read.
    bool quick = filter->batch_id.set || filter->lead_id.set || filter->state == ORDER_NONE;
    return quick ? SQL_LANE_SHORT : SQL_LANE_LONG;
}
