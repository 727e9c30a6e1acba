// The job: durable work that may be killed at any instruction.
#ifndef SUNLEAD_DOMAIN_JOB_H
#define SUNLEAD_DOMAIN_JOB_H

#include <stdint.h>

#include "base/field.h"
#include "base/number.h"
#include "base/str.h"

// The kinds of jobs there are; one file in tasks/ each.
enum job_kind {
    JOB_NONE,
    JOB_ORDER, // sends an order, or finds out what became of it
    JOB_POLL,  // follows LightFusion's work on a project
    JOB_FILES, // fetches the mesh files of a completed project
    JOB_KIND_COUNT,
};

// A job that succeeds goes away; its event stays. There is one live (ready or running) job per kind
// and order.
enum job_state { JOB_STATE_NONE, JOB_READY, JOB_RUNNING, JOB_DEAD };

struct job {
    int64_t id;
    enum job_kind kind;
    int64_t order_id;
    int64_t company_id;
    enum job_state state;
    int64_t attempt; // counts claims; a result counts only with the attempt that it was claimed by
    struct opt_i64 run_at;
    struct opt_i64 lease_until; // of a running job: after that it is anybody's
    struct opt_i64 worker;      // who holds the lease
    struct str last_error;
    struct opt_i64 created_at;
    struct opt_i64 updated_at;
};

extern const struct field_table job_table;
// The texts of enum job_kind and enum job_state.
extern const char *const job_kind_names[];
extern const char *const job_state_names[];

#define JOB_LEASE_US                                                                               \
    (30 * INT64_C(1000000)) // without a heartbeat for this long a job is taken away
#define JOB_ERROR_MAX 500

#endif
