// What the simulator remembers: sessions and paid projects.
#ifndef SUNLEAD_SIM_STATE_H
#define SUNLEAD_SIM_STATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/str.h"
#include "sim/sim.h"
#include "sim/sim_fault.h"
#include "sim/sim_figures.h"

// What LightFusion calls the state of a lead.
enum sim_phase {
    SIM_PROGRESS = 0,
    SIM_DONE = 1,
    SIM_ERRORED = 2,
    SIM_INITIALIZED = 3,
};

#define SIM_MONTHS      12
#define SIM_TEXT_MAX    500  // bytes of each text of an order
#define SIM_STORAGE_MAX 1000 // storages of a system

struct sim_address {
    struct str street;
    struct str city;
    struct str state;
    struct str postal_code;
    struct str country;
};

// One paid project with its house. Once it is in the state it never changes and never goes away:
// how far it is follows from the clock.
struct sim_project {
    int64_t id;
    int64_t house_id;
    int64_t created_us; // UTC
    int64_t started_us; // monotonic
    int64_t duration_us;
    double latitude;
    double longitude;
    struct sim_system system;
    struct sim_address address;
    struct str homeowner_email;
    struct str asked_by; // the session's contact
    int64_t session;     // its number since the simulator's start; 0: an API key
    struct str user_agent;
    struct str request_id;
    struct str answer_faults; // what the answer to the create met; null: nothing
    bool unanswered;          // which kept it from arriving whole and right
    struct sim_plan fate;
    // What the system was designed for.
    double consumption_kwh[SIM_MONTHS];
    int64_t target_offset_percent;
    struct str mode; // null: none
};

// SIM_TOKEN_TEXT is the length of a token with its NUL; SIM_CONTACT_MAX bounds a session's contact,
// SIM_AGENT_MAX a user agent, SIM_FAULTS_MAX the names of faults.
#define SIM_TOKEN_TEXT  37
#define SIM_CONTACT_MAX 128
#define SIM_AGENT_MAX   200
#define SIM_FAULTS_MAX  1000

// Whose token a call has.
struct sim_caller {
    char contact[SIM_CONTACT_MAX];
    int64_t session;
};

struct sim_state;

// sim_state_open() makes a state with the projects of the ledger, or an empty one if there is none.
// The settings are copied and hold no zeros any more. ERR_CONFLICT, ERR_CORRUPT and ERR_TOO_LARGE
// as sim_open() says. Blocks.
MUST_CHECK enum err sim_state_open(const struct sim_settings *settings,
                                   struct sim_state **ret_state, struct error *err);

// sim_state_close() frees it with all projects. NULL is fine.
void sim_state_close(struct sim_state *state);

// sim_state_login() begins a session of a contact (cut to what SIM_CONTACT_MAX leaves room for).
// Only the last 256 sessions live.
void sim_state_login(struct sim_state *state, struct str contact, char ret_token[SIM_TOKEN_TEXT]);

// sim_state_who() finds whose token it is. False for tokens unknown or expired.
bool sim_state_who(struct sim_state *state, struct str token, struct sim_caller *ret_caller);

// sim_state_expire() ends the session of a token, if there is one.
void sim_state_expire(struct sim_state *state, struct str token);

// sim_state_add() copies a project into the state, giving it ids and times; *ret_project is the
// copy. It is in the ledger by then, and others see it only now. ERR_UNAVAILABLE when project_max
// are there; also fails when the ledger cannot be written. Blocks for the disk, which other calls
// do not wait for.
MUST_CHECK enum err sim_state_add(struct sim_state *state, const struct sim_project *project,
                                  const struct sim_project **ret_project, struct error *err);

// sim_state_now_us() is the time in UTC.
int64_t sim_state_now_us(const struct sim_state *state);

// sim_state_count() is the number of projects.
size_t sim_state_count(struct sim_state *state);

// sim_state_at() is the project at a place in the order of creation; NULL behind the last one.
const struct sim_project *sim_state_at(struct sim_state *state, size_t index);

// sim_state_project(), sim_state_house() find a project by its id or its house's id; NULL if there
// is none.
const struct sim_project *sim_state_project(struct sim_state *state, int64_t project_id);
const struct sim_project *sim_state_house(struct sim_state *state, int64_t house_id);

// sim_state_phase() is how far the project is now; *ret_progress is 0 to 100.
enum sim_phase sim_state_phase(const struct sim_state *state, const struct sim_project *project,
                               int *ret_progress);

// sim_state_has_files() tells whether the project's files are there by now.
bool sim_state_has_files(const struct sim_state *state, const struct sim_project *project);

// sim_state_is_listed() tells whether look-ups show the project by now.
bool sim_state_is_listed(const struct sim_state *state, const struct sim_project *project);

#endif
