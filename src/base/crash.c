// Kills the process at a step of an order, where a trial asks for it.
#include "base/crash.h"

#include <signal.h>
#include <stdatomic.h>
#include <unistd.h>

#include "base/number.h"

#define PASSES_MAX 1000000

enum crash_step crash_armed = CRASH_NONE;
static atomic_llong passes_left;

static const char *const names[] = {[CRASH_NONE] = "",
#define CRASH_STEP_TEXT(step, name, what) [CRASH_##step] = name,
                                    CRASH_STEPS(CRASH_STEP_TEXT)
#undef CRASH_STEP_TEXT
};

enum err crash_arm(struct str text, struct error *err)
{
    struct str rest = text;
    struct str name = str_split(&rest, ':');
    int64_t count = 1;
    if (rest.ptr != NULL && number_parse_i64(rest, 1, PASSES_MAX, &count) != ERR_OK)
        return error_set(err, ERR_INVALID, "%.*s: wanted STEP or STEP:COUNT", STR_ARG(text));
    for (int step = CRASH_NONE + 1; step < CRASH_STEP_COUNT; step++) {
        if (!str_equal(name, str_of(names[step])))
            continue;
        atomic_store(&passes_left, count);
        crash_armed = (enum crash_step)step;
        return ERR_OK;
    }
    return error_set(err, ERR_INVALID, "%.*s: there is no such step", STR_ARG(name));
}

void crash_pass(enum crash_step step)
{
    (void)step;
    if (atomic_fetch_sub(&passes_left, 1) != 1)
        return;
    // Not the thread alone, and nothing of the C library runs any more.
    kill(getpid(), SIGKILL);
    for (;;)
        pause();
}
