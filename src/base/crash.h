// The numbered steps of an order, at each of which a trial can have the process killed.
#ifndef SUNLEAD_BASE_CRASH_H
#define SUNLEAD_BASE_CRASH_H

#include "base/error.h"
#include "base/str.h"

// tests/service/chaos.py reads this table: each step has to be reached there.
// clang-format off
#define CRASH_STEPS(STEP)                                                                          \
    STEP(REQUEST_STORING, "request.storing", "a change was asked for; nothing of it is stored")    \
    STEP(REQUEST_ANSWERING, "request.answering", "it is stored; who asked was not told")           \
    STEP(DB_COMMITTING, "db.committing", "a transaction is written, its commit not begun")         \
    STEP(DB_COMMITTED, "db.committed", "a transaction is committed, and nobody here knows")        \
    STEP(JOB_CLAIMING, "job.claiming", "jobs are about to be claimed")                             \
    STEP(JOB_CLAIMED, "job.claimed", "a job is claimed and not begun")                             \
    STEP(JOB_LEAVING, "job.leaving", "a run came to nothing; its job is not given back yet")       \
    STEP(STORING_SENDING, "storing.sending", "the fence is about to be stored")                    \
    STEP(STORED_SENDING, "stored.sending", "the fence is stored; nothing was sent")                \
    STEP(CREATE_SENDING, "create.sending", "the last look is passed; curl sends the create now")   \
    STEP(CREATE_ANSWERING, "create.answering", "the first bytes of the create's answer are there") \
    STEP(CREATE_ANSWERED, "create.answered", "the create's answer is understood, not stored")      \
    STEP(STORING_CREATED, "storing.created", "the project is about to be stored")                  \
    STEP(STORED_CREATED, "stored.created", "the project is stored")                                \
    STEP(STORING_REQUESTED, "storing.requested", "not sent, or proved absent: about to be stored") \
    STEP(STORED_REQUESTED, "stored.requested", "the order waits to be sent again")                 \
    STEP(STORING_UNKNOWN, "storing.unknown", "an unclear fate is about to be stored")              \
    STEP(STORED_UNKNOWN, "stored.unknown", "an unclear fate is stored")                            \
    STEP(LOOKUP_ASKING, "lookup.asking", "the look-up is about to be sent")                        \
    STEP(LOOKUP_LISTED, "lookup.listed", "the look-up's list is read")                             \
    STEP(LOOKUP_TRIED, "lookup.tried", "a number was tried as the project's")                      \
    STEP(STORING_PARKED, "storing.parked", "the order is about to be parked")                      \
    STEP(STORED_PARKED, "stored.parked", "the order is parked")                                    \
    STEP(POLL_ASKING, "poll.asking", "a poll is about to be sent")                                 \
    STEP(POLL_ANSWERED, "poll.answered", "a poll's answer is there, not stored")                   \
    STEP(DETAILS_ANSWERED, "details.answered", "hardware and prices are there, not stored")        \
    STEP(STORING_PROCESSING, "storing.processing", "progress is about to be stored")               \
    STEP(STORED_PROCESSING, "stored.processing", "progress is stored")                             \
    STEP(STORING_COMPLETED, "storing.completed", "the end is about to be stored")                  \
    STEP(STORED_COMPLETED, "stored.completed", "the end is stored; no file was fetched")           \
    STEP(STORING_FAILED, "storing.failed", "a failure is about to be stored")                      \
    STEP(STORED_FAILED, "stored.failed", "a failure is stored")                                    \
    STEP(FILE_FETCHING, "file.fetching", "a file is about to be asked for")                        \
    STEP(FILE_NAMING, "file.naming", "a file is here whole, under its temporary name")             \
    STEP(FILE_NAMED, "file.named", "a file has its name; its row is not stored")                   \
    STEP(FILE_STORED, "file.stored", "a file's row is stored")                                     \
    STEP(CONVERT_STARTING, "convert.starting", "a conversion is about to be started")              \
    STEP(CONVERT_STARTED, "convert.started", "a conversion works in its own process")              \
    STEP(CONVERT_MADE, "convert.made", "models are made, under temporary names")                   \
    STEP(CONVERT_NAMED, "convert.named", "one of them has its name; no row is stored")             \
    STEP(CONVERT_STORING, "convert.storing", "their rows are about to be stored")                  \
    STEP(CONVERT_STORED, "convert.stored", "their rows are stored")
// clang-format on

enum crash_step {
    CRASH_NONE,
#define CRASH_STEP_NAME(step, name, what) CRASH_##step,
    CRASH_STEPS(CRASH_STEP_NAME)
#undef CRASH_STEP_NAME
        CRASH_STEP_COUNT
};

// crash_armed is the step at which the process is to die; CRASH_NONE but in a trial. Written before
// threads start.
extern enum crash_step crash_armed;

// crash_arm() arms one step by its text, "stored.sending" or "poll.asking:2" (the second time).
// Before threads start. ERR_INVALID if there is no such step.
MUST_CHECK enum err crash_arm(struct str text, struct error *err);

// crash_pass() counts a pass of the armed step, and kills the process at the last one.
void crash_pass(enum crash_step step);

// crash_here() kills the process, as kill -9 does, if this step is armed and its time has come.
static inline void crash_here(enum crash_step step)
{
    if (__builtin_expect(crash_armed != CRASH_NONE, 0) && crash_armed == step)
        crash_pass(step);
}

#endif
