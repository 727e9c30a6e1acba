// The job: durable work that may be killed at any instruction.
#ifndef SUNLEAD_DOMAIN_JOB_H
#define SUNLEAD_DOMAIN_JOB_H

#include <stdbool.h>
#include <stdint.h>

#include "base/field.h"
#include "base/number.h"
#include "base/str.h"

// The kinds of jobs there are; one file in tasks/ each.
enum job_kind {
    JOB_NONE,
    JOB_ORDER,   // sends an order, or finds out what became of it
    JOB_POLL,    // follows LightFusion's work on a project
    JOB_FILES,   // fetches the mesh files of a completed project
    JOB_CONVERT, // makes models for browsers and phones of them
    JOB_KIND_COUNT,
};

// A job that succeeds goes away; its event stays. There is one live (ready or running) job per kind
// and order.
enum job_state {
    JOB_STATE_NONE,
    JOB_READY,
    JOB_RUNNING,
    JOB_DEAD,      // too many runs in a row came to nothing; a person may retry it
    JOB_CANCELLED, // by a person
};

// Who comes first, of jobs of a kind that takes turns. A poll that somebody waits for is a user's
// call, in whichever process it runs.
enum job_priority {
    JOB_PRIORITY_WAITING, // somebody waits for it
    JOB_PRIORITY_BATCH,
};

// How a kind is treated.
struct job_kind_rule {
    // Companies take turns: among jobs of one priority the one with the least turn is next. Kinds
    // without turns go by the time at which they are due.
    bool takes_turns;
    int64_t failures_max; // runs in a row that came to nothing, until the job is dead
    bool runs_once_more;  // what was asked for while it ran (job_store_add_once_more())
};

struct job {
    int64_t id;
    enum job_kind kind;
    int64_t order_id;
    int64_t company_id;
    enum job_state state;
    int64_t priority; // enum job_priority; smaller is sooner
    int64_t turn;     // 0: none yet, it is not due or its kind takes no turns
    int64_t attempt;  // counts claims; a result counts only with the attempt that it was claimed by
    int64_t failures; // runs that came to nothing since the last one that did something
    struct opt_i64 run_at;
    struct opt_i64 lease_until; // of a running job: after that it is anybody's
    struct opt_i64 worker;      // who holds the lease
    struct str last_error;
    struct str history; // JSON array of the last failures, newest last: at, attempt, error
    struct opt_i64 created_at;
    struct opt_i64 updated_at;
};

// job_is_exhausted() tells whether as many of its runs came to nothing as its kind allows: it takes
// the place of one that died, and is to bring its order to an end.
bool job_is_exhausted(const struct job *job);

extern const struct field_table job_table;
// The texts of enum job_kind and enum job_state.
extern const char *const job_kind_names[];
extern const char *const job_state_names[];
// By enum job_kind.
extern const struct job_kind_rule job_kind_rules[];

// Without a heartbeat for this long a job is taken away. With a look for lost ones every 5 s it
// runs again within 30 s, however its process ended.
#define JOB_LEASE_US           (20 * INT64_C(1000000))
#define JOB_RESCUE_WAIT_US     INT64_C(1000000)
#define JOB_RESCUE_WAIT_MAX_US (600 * INT64_C(1000000))
#define JOB_ERROR_MAX          500
#define JOB_HISTORY_MAX        10 // entries of history

#endif
