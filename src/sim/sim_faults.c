// A list of rules with a count of calls each, under one lock.
#include "sim/sim_faults.h"

#include "base/random.h"
#include "base/thread.h"
#include "json/json_write.h"

struct kept_rule {
    int64_t id;
    char text[SIM_RULE_TEXT_MAX + 1];
    struct sim_rule rule;
    struct random random; // one draw a call
    int64_t made_us;      // monotonic
    int64_t calls;        // that it could have hit
    int64_t hits;
};

struct sim_faults {
    pthread_mutex_t lock;
    struct kept_rule rules[SIM_RULE_MAX];
    size_t count;
    int64_t last_id;
    uint64_t seed;
    double time_scale;
    const struct clock *clock;
};

// Parses all before anything changes.
static enum err parse_all(const struct str *texts, size_t count, struct kept_rule *ret_rules,
                          struct error *err)
{
    enum err code = ERR_OK;
    for (size_t i = 0; i < count; i++) {
        struct error wrong;
        error_reset(&wrong);
        if (sim_rule_parse(texts[i], &ret_rules[i].rule, &wrong) == ERR_OK) {
            snprintf(ret_rules[i].text, sizeof(ret_rules[i].text), "%.*s", STR_ARG(texts[i]));
            continue;
        }
        char pointer[32];
        snprintf(pointer, sizeof(pointer), "/rules/%zu", i);
        code = error_place(err, str_of(pointer), "%s", wrong.message);
    }
    return code;
}

// FNV-1a: a start of its own for each rule's draws, wherever it stands in the list.
static uint64_t hash(const char *text)
{
    uint64_t value = UINT64_C(0xcbf29ce484222325);
    for (; *text != '\0'; text++)
        value = (value ^ (unsigned char)*text) * UINT64_C(0x100000001b3);
    return value;
}

static void add_locked(struct sim_faults *faults, struct kept_rule *rules, size_t count)
{
    int64_t now_us = clock_monotonic_us(faults->clock);
    for (size_t i = 0; i < count; i++) {
        struct kept_rule *kept = &faults->rules[faults->count++];
        *kept = rules[i];
        kept->id = ++faults->last_id;
        kept->made_us = now_us;
        random_seed(&kept->random, faults->seed ^ hash(kept->text));
    }
}

enum err sim_faults_add(struct sim_faults *faults, const struct str *texts, size_t count,
                        bool replace, struct error *err)
{
    struct kept_rule rules[SIM_RULE_MAX] = {0};
    enum err code = ERR_OK;
    if (count <= SIM_RULE_MAX)
        TRY(parse_all(texts, count, rules, err));
    mutex_lock(&faults->lock);
    size_t before = replace ? 0 : faults->count;
    if (count > SIM_RULE_MAX - before) {
        code = error_place(err, STR("/rules"), "there can be %d rules at most", SIM_RULE_MAX);
    } else {
        faults->count = before;
        add_locked(faults, rules, count);
    }
    mutex_unlock(&faults->lock);
    return code;
}

static enum err remove_locked(struct sim_faults *faults, int64_t id, struct error *err)
{
    for (size_t i = 0; i < faults->count; i++) {
        if (faults->rules[i].id != id)
            continue;
        faults->count--;
        memmove(&faults->rules[i], &faults->rules[i + 1],
                (faults->count - i) * sizeof(faults->rules[0]));
        return ERR_OK;
    }
    return error_set(err, ERR_NOT_FOUND, "There is no such rule.");
}

enum err sim_faults_remove(struct sim_faults *faults, int64_t id, struct error *err)
{
    mutex_lock(&faults->lock);
    enum err code = remove_locked(faults, id, err);
    mutex_unlock(&faults->lock);
    return code;
}

static bool is_now(const struct sim_faults *faults, const struct kept_rule *kept)
{
    const struct sim_rule *rule = &kept->rule;
    int64_t passed_us = clock_monotonic_us(faults->clock) - kept->made_us;
    double passed_ms = (double)passed_us / US_PER_MS * faults->time_scale;
    double begin_ms = (double)rule->after_ms;
    return passed_ms >= begin_ms &&
           (rule->for_ms == 0 || passed_ms < begin_ms + (double)rule->for_ms);
}

static bool happens_locked(const struct sim_faults *faults, struct kept_rule *kept)
{
    const struct sim_rule *rule = &kept->rule;
    if (!is_now(faults, kept))
        return false;
    kept->calls++;
    double chance = random_unit(&kept->random);
    bool hit = (rule->first == 0 || kept->calls <= rule->first) && kept->calls % rule->every == 0 &&
               (rule->times == 0 || kept->hits < rule->times) && chance < rule->p;
    if (hit)
        kept->hits++;
    return hit;
}

void sim_faults_draw(struct sim_faults *faults, enum sim_place place, struct sim_plan *ret_plan)
{
    *ret_plan = (struct sim_plan){0};
    mutex_lock(&faults->lock);
    for (size_t i = 0; i < faults->count; i++) {
        struct kept_rule *kept = &faults->rules[i];
        if ((kept->rule.places >> place & 1) != 0 && happens_locked(faults, kept))
            sim_plan_add(ret_plan, kept->rule.fault, kept->rule.value);
    }
    mutex_unlock(&faults->lock);
}

void sim_faults_print(struct sim_faults *faults, struct buf *buf)
{
    BUF_LITERAL(buf, "{\"rules\":[");
    mutex_lock(&faults->lock);
    for (size_t i = 0; i < faults->count; i++) {
        const struct kept_rule *kept = &faults->rules[i];
        buf_printf(buf, "%s\n{\"id\":%lld,\"rule\":", i == 0 ? "" : ",", (long long)kept->id);
        json_write_str(buf, str_of(kept->text));
        buf_printf(buf, ",\"calls\":%lld,\"hits\":%lld}", (long long)kept->calls,
                   (long long)kept->hits);
    }
    mutex_unlock(&faults->lock);
    BUF_LITERAL(buf, "]}\n");
}

// The first wrong rule is told in words: whoever starts a simulator sees no pointers.
static enum err add_first(struct sim_faults *faults, const struct sim_settings *settings,
                          struct error *err)
{
    struct sim_rule rule;
    for (size_t i = 0; i < settings->rule_count; i++)
        TRY(sim_rule_parse(settings->rules[i], &rule, err));
    return sim_faults_add(faults, settings->rules, settings->rule_count, true, err);
}

enum err sim_faults_open(const struct sim_settings *settings, struct sim_faults **ret_faults,
                         struct error *err)
{
    struct sim_faults *faults = calloc(1, sizeof(*faults));
    check(faults != NULL);
    pthread_mutex_init(&faults->lock, NULL);
    faults->seed = settings->seed;
    faults->time_scale = settings->time_scale;
    faults->clock = settings->clock;
    enum err code = add_first(faults, settings, err);
    if (code != ERR_OK) {
        sim_faults_close(faults);
        return code;
    }
    *ret_faults = faults;
    return ERR_OK;
}

void sim_faults_close(struct sim_faults *faults)
{
    if (faults == NULL)
        return;
    pthread_mutex_destroy(&faults->lock);
    free(faults);
}
