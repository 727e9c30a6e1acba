// Reads what a trial asks for, and sees to it that only a trial does.
#include "app/trial.h"

#include <stdlib.h>

#include "base/crash.h"
#include "base/log.h"
#include "base/number.h"
#include "base/pace.h"

#define TIME_SCALE "SUNLEAD_TIME_SCALE"
#define CRASH_AT   "SUNLEAD_CRASH_AT"

enum err trial_begin(const struct config *config, unsigned *ret_pace, struct error *err)
{
    const char *scale = getenv(TIME_SCALE);
    const char *crash_at = getenv(CRASH_AT);
    int64_t pace = 1;
    *ret_pace = 1;
    if (scale == NULL && crash_at == NULL)
        return ERR_OK;
    if (!config_is_simulated(config))
        return error_set(err, ERR_INVALID,
                         TIME_SCALE " and " CRASH_AT " are for trials with a LightFusion on this "
                                    "machine only, and LIGHTFUSION_API is another");
    if (scale != NULL && number_parse_i64(str_of(scale), 1, PACE_MAX, &pace) != ERR_OK)
        return error_set(err, ERR_INVALID, TIME_SCALE "=%.40s: wanted a whole number from 1 to %d",
                         scale, PACE_MAX);
    if (crash_at != NULL)
        TRY(crash_arm(str_of(crash_at), err));
    *ret_pace = (unsigned)pace;
    log_event(LOG_WARN, "trial.begun", "time-outs are shortened, or this process is to die",
              LOG_I64("time_scale", pace), LOG_TEXT_FIELD("crash_at", crash_at));
    return ERR_OK;
}
