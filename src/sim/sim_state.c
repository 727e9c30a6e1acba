// Sessions in a ring, projects in blocks that never move, under one lock.
#include "sim/sim_state.h"

#include "base/arena.h"
#include "base/random.h"
#include "base/thread.h"

#define FIRST_PROJECT_ID 123
#define FIRST_HOUSE_ID   456
#define SESSION_MAX      256
#define BLOCK_PROJECTS   256
// A token is two hex digits that say where its session is, and 32 random ones.
#define TOKEN_RANDOM_BYTES 16
// Generation shows as initialized for this part of its time.
#define INITIALIZED_PART 20

struct session {
    char token[SIM_TOKEN_TEXT]; // empty: never used
    char contact[SIM_CONTACT_MAX];
    int64_t expires_us; // monotonic
};

struct sim_state {
    pthread_mutex_t lock; // guards all below but settings
    struct session sessions[SESSION_MAX];
    size_t next_session;
    struct arena *arena; // of projects and their texts
    struct random random;
    struct sim_project **blocks;
    size_t count;
    struct sim_settings settings;
};

struct sim_state *sim_state_open(const struct sim_settings *settings)
{
    struct arena *arena = arena_open(0);
    struct sim_state *state = arena_new(arena, struct sim_state, 1);
    pthread_mutex_init(&state->lock, NULL);
    state->arena = arena;
    state->settings = *settings;
    state->blocks =
        arena_new(arena, struct sim_project *, settings->project_max / BLOCK_PROJECTS + 1);
    random_seed(&state->random, settings->seed);
    return state;
}

void sim_state_close(struct sim_state *state)
{
    if (state == NULL)
        return;
    pthread_mutex_destroy(&state->lock);
    arena_close(state->arena);
}

static void token_make(size_t place, char ret_token[SIM_TOKEN_TEXT])
{
    unsigned char bytes[TOKEN_RANDOM_BYTES];
    random_bytes(bytes, sizeof(bytes));
    int at = snprintf(ret_token, SIM_TOKEN_TEXT, "%02zx", place);
    for (size_t i = 0; i < sizeof(bytes); i++)
        at += snprintf(ret_token + at, SIM_TOKEN_TEXT - (size_t)at, "%02x", bytes[i]);
}

void sim_state_login(struct sim_state *state, struct str contact, char ret_token[SIM_TOKEN_TEXT])
{
    int64_t ttl_us = state->settings.token_ttl_s * US_PER_S;
    int64_t expires_us = clock_monotonic_us(state->settings.clock) + ttl_us;
    mutex_lock(&state->lock);
    size_t place = state->next_session++ % SESSION_MAX;
    struct session *session = &state->sessions[place];
    token_make(place, session->token);
    memcpy(ret_token, session->token, SIM_TOKEN_TEXT);
    snprintf(session->contact, sizeof(session->contact), "%.*s", STR_ARG(contact));
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

bool sim_state_who(struct sim_state *state, struct str token, char ret_contact[SIM_CONTACT_MAX])
{
    struct str key = str_of(state->settings.api_key);
    if (key.len > 0 && str_equal_secret(token, key)) {
        snprintf(ret_contact, SIM_CONTACT_MAX, "API key");
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
        memcpy(ret_contact, session->contact, SIM_CONTACT_MAX);
    mutex_unlock(&state->lock);
    return good;
}

static struct sim_project *project_at_locked(struct sim_state *state, size_t index)
{
    return &state->blocks[index / BLOCK_PROJECTS][index % BLOCK_PROJECTS];
}

static struct sim_project *add_locked(struct sim_state *state, const struct sim_project *project)
{
    size_t index = state->count;
    if (index >= state->settings.project_max)
        return NULL;
    struct arena *arena = state->arena;
    if (index % BLOCK_PROJECTS == 0)
        state->blocks[index / BLOCK_PROJECTS] =
            arena_new(arena, struct sim_project, BLOCK_PROJECTS);
    struct sim_project *kept = project_at_locked(state, index);
    *kept = *project;
    kept->id = FIRST_PROJECT_ID + (int64_t)index;
    kept->house_id = FIRST_HOUSE_ID + (int64_t)index;
    kept->duration_us =
        random_between(&state->random, state->settings.generation_min_ms * US_PER_MS,
                       state->settings.generation_max_ms * US_PER_MS);
    kept->address.street = arena_str(arena, project->address.street);
    kept->address.city = arena_str(arena, project->address.city);
    kept->address.state = arena_str(arena, project->address.state);
    kept->address.postal_code = arena_str(arena, project->address.postal_code);
    kept->address.country = arena_str(arena, project->address.country);
    kept->system.state = kept->address.state;
    kept->homeowner_email = arena_str(arena, project->homeowner_email);
    kept->asked_by = arena_str(arena, project->asked_by);
    state->count++;
    return kept;
}

const struct sim_project *sim_state_add(struct sim_state *state, const struct sim_project *project)
{
    struct sim_project timed = *project;
    timed.created_us = clock_now_us(state->settings.clock);
    timed.started_us = clock_monotonic_us(state->settings.clock);
    mutex_lock(&state->lock);
    const struct sim_project *kept = add_locked(state, &timed);
    mutex_unlock(&state->lock);
    return kept;
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

const struct sim_project *sim_state_project(struct sim_state *state, int64_t project_id)
{
    if (project_id < FIRST_PROJECT_ID)
        return NULL;
    return sim_state_at(state, (size_t)(project_id - FIRST_PROJECT_ID));
}

const struct sim_project *sim_state_house(struct sim_state *state, int64_t house_id)
{
    if (house_id < FIRST_HOUSE_ID)
        return NULL;
    return sim_state_at(state, (size_t)(house_id - FIRST_HOUSE_ID));
}

enum sim_phase sim_state_phase(const struct sim_state *state, const struct sim_project *project,
                               int *ret_progress)
{
    int64_t passed_us = clock_monotonic_us(state->settings.clock) - project->started_us;
    *ret_progress = 0;
    if (passed_us >= project->duration_us) {
        *ret_progress = 100;
        return SIM_DONE;
    }
    if (passed_us < project->duration_us / INITIALIZED_PART)
        return SIM_INITIALIZED;
    *ret_progress = (int)(passed_us * 100 / project->duration_us);
    return SIM_PROGRESS;
}
