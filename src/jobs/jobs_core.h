// What the runner's files share; nobody else includes it.
#ifndef SUNLEAD_JOBS_CORE_H
#define SUNLEAD_JOBS_CORE_H

#include "base/thread.h"
#include "jobs/jobs.h"

struct jobs {
    pthread_mutex_t mutex;
    pthread_cond_t cond;
    pthread_t thread;
    bool started;
    struct jobs_settings settings;
    int64_t upkeep_us; // heartbeat and rescue, and a look at the queue without a notice
    int64_t lease_us;
    int64_t worker;       // a number of this runner among all
    char kinds[128];      // those that it runs, as a JSON array
    struct job_run *runs; // doubly linked
    size_t running;
    size_t running_of[JOB_KIND_COUNT];
    bool woken;
    int64_t look_at_us;       // when something may be due without a word
    int64_t upkeep_at_us;     // when the thread minds leases again,
    int64_t purge_at_us;      // removes what is too old,
    int64_t mend_at_us;       // and looks for orders without a job
    bool dry[JOB_KIND_COUNT]; // nothing of the kind was due when it was looked for
    int first_kind;           // which kind is served first when room is short
    bool claiming;            // a claim is under way, which may add runs
    bool claim_lost;          // a claim failed, and it is not known what it took
    bool overflows;           // more is due than there is room for, and others were told
    bool draining;
    bool stopping;
    struct job_run *finished; // whose end is to be stored, newest first
    bool finishing;           // an operation that stores ends is under way
};

// How many more runs there may be of each kind.
struct jobs_room {
    size_t count; // of all together
    size_t of[JOB_KIND_COUNT];
};

// jobs_now_us() is the time by the runner's clock.
int64_t jobs_now_us(const struct jobs *jobs);

// jobs_run_op() runs an operation of the runner itself, whose thread may wait for the database.
// What fails is logged as event.
enum err jobs_run_op(struct jobs *jobs, struct sql_op *op, const char *event);

// jobs_running_ids() is the ids of the jobs that run here, as a JSON array.
struct str jobs_running_ids(struct jobs *jobs, struct arena *arena);

// jobs_start_run() starts the run of a claimed job, which is counted already.
void jobs_start_run(struct jobs *jobs, const struct job *job);

// jobs_find_room_locked() shares the room that there is among the kinds that may have jobs due.
void jobs_find_room_locked(struct jobs *jobs, struct jobs_room *room);

// jobs_claim() claims what is due, as much as there is room, and starts it.
void jobs_claim(struct jobs *jobs, const struct jobs_room *room);

// jobs_take_over() takes back what a killed process left running, where there can be no other.
void jobs_take_over(struct jobs *jobs);

// jobs_plan_upkeep() says when the first upkeep is.
void jobs_plan_upkeep(struct jobs *jobs, int64_t now_us);

// jobs_upkeep() does what of the upkeep it is time for: renews leases and takes lost jobs back,
// removes what is too old, finds orders without a job.
void jobs_upkeep(struct jobs *jobs, int64_t now_us);

// jobs_upkeep_due_us() is when there is something of it to do.
int64_t jobs_upkeep_due_us(const struct jobs *jobs);

// jobs_is_time() tells whether a time has come. Nothing is waited for longer than the upkeep: what
// seems further away than a while (longest_us) is so because the clock was set back.
bool jobs_is_time(int64_t now_us, int64_t at_us, int64_t longest_us);

#endif
