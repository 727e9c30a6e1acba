// What only trials of the program ask for, by the environment: a faster pace, and its own death.
#ifndef SUNLEAD_APP_TRIAL_H
#define SUNLEAD_APP_TRIAL_H

#include "app/config.h"
#include "base/error.h"

// trial_begin() reads SUNLEAD_TIME_SCALE into *ret_pace (base/pace.h; 1 without it) and arms the
// step of SUNLEAD_CRASH_AT (base/crash.h). Before threads start. ERR_INVALID for a bad value, and
// with a LightFusion that is not on this machine: there each project costs money.
MUST_CHECK enum err trial_begin(const struct config *config, unsigned *ret_pace, struct error *err);

#endif
