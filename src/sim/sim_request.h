// What callers send to the simulator, and whether it is as it must be.
#ifndef SUNLEAD_SIM_REQUEST_H
#define SUNLEAD_SIM_REQUEST_H

#include <stdint.h>

#include "base/arena.h"
#include "base/error.h"
#include "base/str.h"
#include "sim/sim_state.h"

struct sim_login {
    struct str contact;
    struct str password;
};

// sim_login_decode() reads the body of a login. ERR_INVALID with places.
MUST_CHECK enum err sim_login_decode(struct str body, struct arena *arena,
                                     struct sim_login *ret_login, struct error *err);

// sim_create_decode() reads the body of a create and designs the system: the result lacks ids,
// times and asked_by. Texts live in the arena. ERR_INVALID with places when the body breaks a rule,
// ERR_CONFLICT with places when it names hardware that does not exist.
MUST_CHECK enum err sim_create_decode(struct str body, struct arena *arena,
                                      struct sim_project *ret_project, struct error *err);

// sim_ids_decode() reads {"project_id", "house_id"}; ret_house_id may be NULL where only the
// project is asked for. ERR_INVALID with places.
MUST_CHECK enum err sim_ids_decode(struct str body, struct arena *arena, int64_t *ret_project_id,
                                   int64_t *ret_house_id, struct error *err);

#endif
