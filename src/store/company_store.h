// The companies table: what companies themselves say of their files.
#ifndef SUNLEAD_STORE_COMPANY_STORE_H
#define SUNLEAD_STORE_COMPANY_STORE_H

#include <stdint.h>

#include "domain/company.h"
#include "sql/sql.h"

// company_store_get() reads a company; all is null but its id where it never said anything.
void company_store_get(struct sql_op *op, int64_t company_id, struct company *company);

// company_store_get_of_project() reads the company that ordered a project; id 0: there is no such
// project.
void company_store_get_of_project(struct sql_op *op, int64_t project_id, struct company *company);

// A change of a company: what is not set stays.
struct company_edit {
    struct company values; // company_id and updated_at count always
    bool sets_retention;   // file_retention and file_days
    bool sets_quota;
    bool sets_attribution;
};

// company_store_change() stores a change and reads what the company says then.
void company_store_change(struct sql_op *op, const struct company_edit *edit,
                          struct company *company);

// What a company has.
struct file_usage {
    int64_t files;
    int64_t bytes;
};

// company_store_usage() reads what a company has stored; a content counts as often as it is named.
void company_store_usage(struct sql_op *op, int64_t company_id, struct file_usage *usage);

// company_store_usage_if_bounded() reads only the bytes, and only where the company has a quota
// (default_quota: where it does not say): they stay 0 otherwise.
void company_store_usage_if_bounded(struct sql_op *op, int64_t company_id, int64_t default_quota,
                                    int64_t *bytes);

#endif
