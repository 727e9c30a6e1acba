// Sessions in a ring, projects in blocks that never move, under one lock that no disk is waited
// for.
#include "sim/sim_state.h"

#include "base/arena.h"
#include "base/log.h"
#include "base/random.h"
#include "base/thread.h"
#include "sim/sim_fate.h"
#include "sim/sim_ledger.h"

#define FIRST_PROJECT_ID 123
#define FIRST_HOUSE_ID   456
#define SESSION_MAX      256
#define BLOCK_PROJECTS   256
// A token is two hex digits that say where its session is, and 32 random ones.
#define TOKEN_RANDOM_BYTES 16

struct session {
    char token[SIM_TOKEN_TEXT]; // empty: never used
    struct sim_caller caller;
    int64_t expires_us; // monotonic
};

struct sim_state {
    pthread_mutex_t lock; // guards all up to count
    struct session sessions[SESSION_MAX];
    int64_t session_count;
    struct arena *arena;         // of projects and their texts
    struct sim_project **blocks; // by ids that grow
    size_t count;
    pthread_mutex_t adding; // one create at a time, all the time that its line takes to the disk;
                            // guards random and ledger, and is taken before lock
    struct random random;
    struct sim_ledger *ledger; // NULL: none
    struct sim_settings settings;
};

static void token_make(size_t place, char ret_token[SIM_TOKEN_TEXT])
{
    unsigned char bytes[TOKEN_RANDOM_BYTES];
    random_bytes(bytes, sizeof(bytes));
    int at = snprintf(ret_token, SIM_TOKEN_TEXT, "%02zx", place);
    for (size_t i = 0; i < sizeof(bytes); i++)
        at += snprintf(ret_token + at, SIM_TOKEN_TEXT - (size_t)at, "%02x", bytes[i]);
}

// What takes so long in simulated time takes so long.
static int64_t scaled_us(const struct sim_state *state, int64_t us)
{
    return (int64_t)((double)us / state->settings.time_scale);
}

void sim_state_login(struct sim_state *state, struct str contact, char ret_token[SIM_TOKEN_TEXT])
{
    int64_t ttl_us = scaled_us(state, state->settings.token_ttl_s * US_PER_S);
    int64_t expires_us = clock_monotonic_us(state->settings.clock) + ttl_us;
    mutex_lock(&state->lock);
    size_t place = (size_t)state->session_count++ % SESSION_MAX;
    struct session *session = &state->sessions[place];
    token_make(place, session->token);
    memcpy(ret_token, session->token, SIM_TOKEN_TEXT);
    snprintf(session->caller.contact, SIM_CONTACT_MAX, "%.*s",
             STR_ARG(str_cut(contact, SIM_CONTACT_MAX - 1)));
    session->caller.session = state->session_count;
    session->expires_us = expires_us;
    mutex_unlock(&state->lock);
}

// The place that a token names; SESSION_MAX or more if it is no token.
static size_t token_place(struct str token)
{
    static const char digits[] = "0123456789abcdef";
    size_t place = 0;
    if (token.len < 2)
        return SESSION_MAX;
    for (size_t i = 0; i < 2; i++) {
        const char *digit = memchr(digits, token.ptr[i], sizeof(digits) - 1);
        if (digit == NULL)
            return SESSION_MAX;
        place = place * 16 + (size_t)(digit - digits);
    }
    return place;
}

bool sim_state_who(struct sim_state *state, struct str token, struct sim_caller *ret_caller)
{
    struct str key = str_of(state->settings.api_key);
    if (key.len > 0 && str_equal_secret(token, key)) {
        *ret_caller = (struct sim_caller){.contact = "API key"};
        return true;
    }
    size_t place = token_place(token);
    if (place >= SESSION_MAX)
        return false;
    int64_t now_us = clock_monotonic_us(state->settings.clock);
    mutex_lock(&state->lock);
    const struct session *session = &state->sessions[place];
    bool good = str_equal_secret(token, str_of(session->token)) && now_us < session->expires_us;
    if (good)
        *ret_caller = session->caller;
    mutex_unlock(&state->lock);
    return good;
}

void sim_state_expire(struct sim_state *state, struct str token)
{
    size_t place = token_place(token);
    if (place >= SESSION_MAX)
        return;
    mutex_lock(&state->lock);
    struct session *session = &state->sessions[place];
    if (str_equal_secret(token, str_of(session->token)))
        session->token[0] = '\0';
    mutex_unlock(&state->lock);
}

static struct sim_project *project_at_locked(struct sim_state *state, size_t index)
{
    return &state->blocks[index / BLOCK_PROJECTS][index % BLOCK_PROJECTS];
}

static const struct sim_project *keep_locked(struct sim_state *state,
                                             const struct sim_project *project)
{
    struct arena *arena = state->arena;
    size_t index = state->count;
    if (index % BLOCK_PROJECTS == 0)
        state->blocks[index / BLOCK_PROJECTS] =
            arena_new(arena, struct sim_project, BLOCK_PROJECTS);
    struct sim_project *kept = project_at_locked(state, index);
    *kept = *project;
    kept->address.street = arena_str(arena, project->address.street);
    kept->address.city = arena_str(arena, project->address.city);
    kept->address.state = arena_str(arena, project->address.state);
    kept->address.postal_code = arena_str(arena, project->address.postal_code);
    kept->address.country = arena_str(arena, project->address.country);
    kept->system.state = kept->address.state;
    kept->homeowner_email = arena_str(arena, project->homeowner_email);
    kept->asked_by = arena_str(arena, project->asked_by);
    kept->mode = arena_str(arena, project->mode);
    kept->user_agent = arena_str(arena, project->user_agent);
    kept->request_id = arena_str(arena, project->request_id);
    kept->answer_faults = arena_str(arena, project->answer_faults);
    state->count++;
    return kept;
}

// From now on all see the project.
static const struct sim_project *publish(struct sim_state *state, const struct sim_project *project)
{
    mutex_lock(&state->lock);
    const struct sim_project *kept = keep_locked(state, project);
    mutex_unlock(&state->lock);
    return kept;
}

static int64_t draw_duration_us_locked(struct sim_state *state)
{
    return scaled_us(state,
                     random_between(&state->random, state->settings.generation_min_ms * US_PER_MS,
                                    state->settings.generation_max_ms * US_PER_MS));
}

static enum err add_locked(struct sim_state *state, const struct sim_project *project,
                           const struct sim_project **ret_project, struct error *err)
{
    size_t count = sim_state_count(state);
    if (count >= state->settings.project_max)
        return error_set(err, ERR_UNAVAILABLE, "the simulator holds as many projects as it may");
    const struct sim_project *last = count == 0 ? NULL : sim_state_at(state, count - 1);
    struct sim_project next = *project;
    next.id = last == NULL ? FIRST_PROJECT_ID : last->id + 1;
    next.house_id = last == NULL ? FIRST_HOUSE_ID : last->house_id + 1;
    next.created_us = clock_now_us(state->settings.clock);
    next.started_us = clock_monotonic_us(state->settings.clock);
    next.duration_us = draw_duration_us_locked(state);
    if (state->ledger != NULL)
        TRY(sim_ledger_append(state->ledger, &next, err));
    *ret_project = publish(state, &next);
    return ERR_OK;
}

enum err sim_state_add(struct sim_state *state, const struct sim_project *project,
                       const struct sim_project **ret_project, struct error *err)
{
    mutex_lock(&state->adding);
    enum err code = add_locked(state, project, ret_project, err);
    mutex_unlock(&state->adding);
    return code;
}

// The project's time goes on as if the simulator had never been away.
static enum err restore(struct sim_state *state, struct sim_project *project, struct error *err)
{
    const struct clock *clock = state->settings.clock;
    if (state->count == state->settings.project_max)
        return error_set(err, ERR_TOO_LARGE, "%s holds more than %zu projects",
                         state->settings.ledger_path, state->settings.project_max);
    int64_t age_us = clock_now_us(clock) - project->created_us;
    if (age_us < 0)
        age_us = 0; // the clock was set back
    project->started_us = clock_monotonic_us(clock) - age_us;
    (void)draw_duration_us_locked(state); // the draws go on too
    (void)publish(state, project);
    return ERR_OK;
}

static enum err restore_all(struct sim_state *state, struct error *err)
{
    CLEANUP(arena_close_ptr) struct arena *arena = arena_open(0);
    bool found = true;
    while (found) {
        struct sim_project project;
        arena_reset(arena);
        TRY(sim_ledger_read(state->ledger, arena, &project, &found, err));
        if (found)
            TRY(restore(state, &project, err));
    }
    if (state->count > 0)
        log_event(LOG_INFO, "simulate.restored", "the projects of before are there again",
                  LOG_TEXT_FIELD("file", state->settings.ledger_path),
                  LOG_I64("projects", (int64_t)state->count));
    return ERR_OK;
}

static void close_ptr(struct sim_state **state)
{
    sim_state_close(*state);
}

enum err sim_state_open(const struct sim_settings *settings, struct sim_state **ret_state,
                        struct error *err)
{
    struct arena *arena = arena_open(0);
    CLEANUP(close_ptr) struct sim_state *state = arena_new(arena, struct sim_state, 1);
    pthread_mutex_init(&state->lock, NULL);
    pthread_mutex_init(&state->adding, NULL);
    state->arena = arena;
    state->settings = *settings;
    state->blocks =
        arena_new(arena, struct sim_project *, settings->project_max / BLOCK_PROJECTS + 1);
    random_seed(&state->random, settings->seed);
    if (settings->ledger_path != NULL) {
        TRY(sim_ledger_open(settings->ledger_path, &state->ledger, err));
        TRY(restore_all(state, err));
    }
    *ret_state = TAKE_PTR(state);
    return ERR_OK;
}

void sim_state_close(struct sim_state *state)
{
    if (state == NULL)
        return;
    sim_ledger_close(state->ledger);
    pthread_mutex_destroy(&state->lock);
    pthread_mutex_destroy(&state->adding);
    arena_close(state->arena);
}

int64_t sim_state_now_us(const struct sim_state *state)
{
    return clock_now_us(state->settings.clock);
}

size_t sim_state_count(struct sim_state *state)
{
    mutex_lock(&state->lock);
    size_t count = state->count;
    mutex_unlock(&state->lock);
    return count;
}

const struct sim_project *sim_state_at(struct sim_state *state, size_t index)
{
    const struct sim_project *project = NULL;
    mutex_lock(&state->lock);
    if (index < state->count)
        project = project_at_locked(state, index);
    mutex_unlock(&state->lock);
    return project;
}

static int64_t project_id_of(const struct sim_project *project)
{
    return project->id;
}

static int64_t house_id_of(const struct sim_project *project)
{
    return project->house_id;
}

// Both ids grow with the place.
static const struct sim_project *find(struct sim_state *state,
                                      int64_t (*id_of)(const struct sim_project *), int64_t id)
{
    size_t low = 0, high = sim_state_count(state);
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        const struct sim_project *project = sim_state_at(state, middle);
        if (id_of(project) == id)
            return project;
        if (id_of(project) < id)
            low = middle + 1;
        else
            high = middle;
    }
    return NULL;
}

const struct sim_project *sim_state_project(struct sim_state *state, int64_t project_id)
{
    return find(state, project_id_of, project_id);
}

const struct sim_project *sim_state_house(struct sim_state *state, int64_t house_id)
{
    return find(state, house_id_of, house_id);
}

static struct sim_age age_of(const struct sim_state *state, const struct sim_project *project)
{
    return (struct sim_age){
        .passed_us = clock_monotonic_us(state->settings.clock) - project->started_us,
        .time_scale = state->settings.time_scale,
    };
}

enum sim_phase sim_state_phase(const struct sim_state *state, const struct sim_project *project,
                               int *ret_progress)
{
    return sim_fate_phase(project, age_of(state, project), ret_progress);
}

bool sim_state_has_files(const struct sim_state *state, const struct sim_project *project)
{
    return sim_fate_has_files(project, age_of(state, project));
}

bool sim_state_is_listed(const struct sim_state *state, const struct sim_project *project)
{
    return sim_fate_is_listed(project, age_of(state, project));
}
