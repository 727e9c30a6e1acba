// The leads table: steps that read and change leads.
#ifndef SUNLEAD_STORE_LEAD_STORE_H
#define SUNLEAD_STORE_LEAD_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "domain/lead.h"
#include "sql/sql.h"
#include "store/event_store.h"

// All functions add steps to an operation; results are there when it is done. Rows are decoded into
// the operation's arena.

// lead_store_insert() adds a lead and its event, whose lead_id is ignored. created_at and
// updated_at are the lead's; its id is assigned by the database, and read back into lead->id.
void lead_store_insert(struct sql_op *op, struct lead *lead, const struct event *event);

// lead_store_get() reads one lead into *lead. when_none says what an unknown id does: ERR_NOT_FOUND
// fails the operation, ERR_OK leaves lead->id 0.
void lead_store_get(struct sql_op *op, int64_t id, enum err when_none, struct lead *lead);

// lead_store_get_of_order() reads the lead of an order; lead->id stays 0 if it is gone.
void lead_store_get_of_order(struct sql_op *op, int64_t order_id, struct lead *lead);

// lead_store_get_by_project() reads the lead of a LightFusion project, the oldest if there are
// several; lead->id stays 0 if there is none.
void lead_store_get_by_project(struct sql_op *op, int64_t project_id, struct lead *lead);

enum lead_filter_3d { LEAD_ANY_3D, LEAD_WITH_3D, LEAD_WITHOUT_3D };

struct lead_filter {
    struct opt_i64 company_id;
    enum lead_filter_3d has_3d_model;
    int64_t limit;
    int64_t offset;
};

// A page of leads, newest first.
struct lead_page {
    struct arena *arena;
    struct lead *leads; // limit elements at most
    size_t count;
    size_t max;
    int64_t total;
};

// lead_store_list() reads a page and the total into *page.
void lead_store_list(struct sql_op *op, const struct lead_filter *filter, struct lead_page *page);

// lead_store_list_lane() is the lane that fits a filter.
enum sql_lane lead_store_list_lane(const struct lead_filter *filter);

// A change of a lead.
struct lead_edit {
    int64_t id;
    const struct lead *values;
    uint64_t seen;      // the fields to set, bits by lead_table; those read-only are not
    struct event event; // its lead_id is ignored
};

// lead_store_change() sets the fields of a lead that were seen, and updated_at, adds the event, and
// reads the lead as it is then. ERR_NOT_FOUND fails the operation. For an operation of one step.
void lead_store_change(struct sql_op *op, const struct lead_edit *edit, struct lead *lead);

// lead_store_set_model() stores what an order said of the lead's model: ids, status, times,
// figures (null ones stay as they are). Does nothing if the lead is gone or order_id is not its
// newest order.
void lead_store_set_model(struct sql_op *op, const struct lead *lead, int64_t order_id);

// lead_store_show_earlier_model() gives a lead whose newest order, order_id, has failed the last
// model that was completed before it back, where there is one; sync_status tells that the newest
// failed.
void lead_store_show_earlier_model(struct sql_op *op, int64_t lead_id, int64_t order_id);

// lead_store_delete() removes a lead; ERR_NOT_FOUND fails the operation.
void lead_store_delete(struct sql_op *op, int64_t id);

#endif
