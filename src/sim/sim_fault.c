// The tables of places, faults and options, and reading rules by them.
#include "sim/sim_fault.h"

#include "base/number.h"

#define MS_PER_S  INT64_C(1000)
#define MS_PER_H  (3600 * MS_PER_S)
#define WEEK_MS   (168 * MS_PER_H)
#define YEAR_MS   (8766 * MS_PER_H)
#define BODY_MAX  (INT64_C(1) << 40)
#define COUNT_MAX INT64_C(1000000000)

#define BIT(place)    (1u << (place))
#define FILE_PLACES   (BIT(SIM_JPG) | BIT(SIM_OBJ) | BIT(SIM_PLY) | BIT(SIM_MTL))
#define LOOKUP_PLACES (BIT(SIM_LEADS) | BIT(SIM_LEAD))
#define CALL_PLACES   (BIT(SIM_PROJECT) - 1)
#define JSON_PLACES   (CALL_PLACES & ~FILE_PLACES)
#define TOKEN_PLACES  (JSON_PLACES & ~BIT(SIM_SESSION))

static const struct {
    const char *name;
    unsigned places;
    const char *help;
} places[] = {
    {"any", CALL_PLACES, "every call"},
    {"session", BIT(SIM_SESSION), "POST /v1/users/sessions"},
    {"create", BIT(SIM_CREATE), "POST /v1/lead/create"},
    {"adders", BIT(SIM_ADDERS), "POST /v3/adders.ListProjectAdders"},
    {"price", BIT(SIM_PRICE), "POST /v3/adders.GetPriceBreakdown"},
    {"complete", BIT(SIM_COMPLETE), "POST /v1/leads/{id}/complete"},
    {"lookup", LOOKUP_PLACES, "both look-ups:"},
    {"leads", BIT(SIM_LEADS), "GET /v1/leads"},
    {"lead", BIT(SIM_LEAD), "GET /v1/lead/{id}"},
    {"file", FILE_PLACES, "every mesh file:"},
    {"jpg", BIT(SIM_JPG), "scene.jpg"},
    {"obj", BIT(SIM_OBJ), "scene.obj"},
    {"ply", BIT(SIM_PLY), "scene.ply"},
    {"mtl", BIT(SIM_MTL), "scene.mtl"},
    {"project", BIT(SIM_PROJECT), "a new project: its fate is drawn when it is made, and kept"},
};

enum unit { UNIT_NONE, UNIT_DURATION, UNIT_NUMBER };

// A fault's own option, which it has one of at most.
struct parameter {
    const char *name;
    enum unit unit;
    int64_t when_absent;
    int64_t min;
    int64_t max;
};

#define BY(when_absent, min, max)                                                                  \
    {                                                                                              \
        "by", UNIT_DURATION, when_absent, min, max                                                 \
    }
#define AT_BYTE                                                                                    \
    {                                                                                              \
        "at", UNIT_NUMBER, SIM_HALF, 0, BODY_MAX                                                   \
    }
#define AT_PERCENT(when_absent)                                                                    \
    {                                                                                              \
        "at", UNIT_NUMBER, when_absent, 0, 99                                                      \
    }
#define STATUS                                                                                     \
    {                                                                                              \
        "status", UNIT_NUMBER, 0, 400, 599                                                         \
    }
#define RETRY_AFTER(when_absent)                                                                   \
    {                                                                                              \
        "retry-after", UNIT_DURATION, when_absent, 0, WEEK_MS                                      \
    }
#define NOTHING                                                                                    \
    {                                                                                              \
        NULL, UNIT_NONE, 0, 0, 0                                                                   \
    }

static const struct {
    const char *name;
    unsigned places;
    struct parameter parameter;
    int status;  // that is answered instead; 0: none
    bool spoils; // a whole and right answer does not arrive
    const char *help;
} faults[SIM_FAULT_COUNT] = {
    [SIM_FAULT_OUTAGE] = {"outage", CALL_PLACES, STATUS, 0, true,
                          "the service is down: connections are reset, or get a status"},
    [SIM_FAULT_RESET_BEFORE] = {"reset-before", CALL_PLACES, NOTHING, 0, true,
                                "the connection is reset, nothing was done"},
    [SIM_FAULT_EXPIRE] = {"expire", TOKEN_PLACES, NOTHING, 401, true,
                          "401, and the session is over"},
    [SIM_FAULT_400] = {"400", CALL_PLACES, NOTHING, 400, true, "bad request"},
    [SIM_FAULT_401] = {"401", CALL_PLACES, NOTHING, 401, true, "unauthorized, this once"},
    [SIM_FAULT_403] = {"403", CALL_PLACES, NOTHING, 403, true, "forbidden"},
    [SIM_FAULT_404] = {"404", CALL_PLACES, NOTHING, 404, true, "not found; lookup:404 has none"},
    [SIM_FAULT_408] = {"408", CALL_PLACES, NOTHING, 408, true, "request time-out"},
    [SIM_FAULT_422] = {"422", CALL_PLACES, NOTHING, 422, true, "refused"},
    [SIM_FAULT_429] = {"429", CALL_PLACES, RETRY_AFTER(5 * MS_PER_S), 429, true,
                       "too many requests, with Retry-After"},
    [SIM_FAULT_500] = {"500", CALL_PLACES, NOTHING, 500, true, "server error, nothing was done"},
    [SIM_FAULT_502] = {"502", CALL_PLACES, NOTHING, 502, true, "bad gateway, nothing was done"},
    [SIM_FAULT_503] = {"503", CALL_PLACES, RETRY_AFTER(0), 503, true, "unavailable"},
    [SIM_FAULT_504] = {"504", CALL_PLACES, NOTHING, 504, true, "gateway time-out"},
    [SIM_FAULT_LOST_AFTER_COMMIT] = {"lost-after-commit", BIT(SIM_CREATE), STATUS, 0, true,
                                     "paid and made, but reset without an answer, or a status"},
    [SIM_FAULT_LATENCY] = {"latency", CALL_PLACES, BY(MS_PER_S, 0, MS_PER_H), 0, false,
                           "the answer comes late"},
    [SIM_FAULT_DRIP] = {"drip",
                        CALL_PLACES,
                        {"rate", UNIT_NUMBER, 100, 1, COUNT_MAX},
                        0,
                        false,
                        "the body comes slowly, in bytes a second"},
    [SIM_FAULT_RESET_DURING] = {"reset-during", CALL_PLACES, AT_BYTE, 0, true,
                                "reset in the middle of the body"},
    [SIM_FAULT_RESET_AFTER] = {"reset-after", CALL_PLACES, NOTHING, 0, false,
                               "reset right behind the body"},
    [SIM_FAULT_CUT] = {"cut", CALL_PLACES, AT_BYTE, 0, true,
                       "closed before the Content-Length is reached"},
    [SIM_FAULT_SHORT] = {"short", CALL_PLACES, AT_BYTE, 0, true,
                         "the body is truncated, its Content-Length fits"},
    [SIM_FAULT_HUGE] = {"huge",
                        CALL_PLACES,
                        {"mb", UNIT_NUMBER, 64, 1, 4096},
                        0,
                        false,
                        "so many MiB of blanks behind the body"},
    [SIM_FAULT_PAGE] = {"page", CALL_PLACES, NOTHING, 0, true, "200 with an HTML page"},
    [SIM_FAULT_CHANGED] = {"changed", FILE_PLACES, NOTHING, 0, false,
                           "the file is a newer one, with another ETag"},
    [SIM_FAULT_WRONG_JSON] = {"wrong-json", JSON_PLACES, NOTHING, 0, true,
                              "JSON that says nothing of what was asked for"},
    [SIM_FAULT_WRONG_TYPES] = {"wrong-types", JSON_PLACES, NOTHING, 0, true,
                               "texts where numbers belong, numbers where texts do"},
    [SIM_FAULT_CLOCK_SKEW] = {"clock-skew", CALL_PLACES, BY(300 * MS_PER_S, -YEAR_MS, YEAR_MS), 0,
                              false, "Date and times in answers are so much ahead"},
    [SIM_FAULT_STUCK] = {"stuck", BIT(SIM_PROJECT), AT_PERCENT(0), 0, false,
                         "stays in progress at so many percent"},
    [SIM_FAULT_ERRORED] = {"errored", BIT(SIM_PROJECT), AT_PERCENT(50), 0, false,
                           "fails at so many percent"},
    [SIM_FAULT_FLAPPING] = {"flapping", BIT(SIM_PROJECT), BY(5 * MS_PER_S, 1, WEEK_MS), 0, false,
                            "falls back to its beginning every other so long, done or not"},
    [SIM_FAULT_DONE_THEN_ERRORED] = {"done-then-errored", BIT(SIM_PROJECT),
                                     BY(10 * MS_PER_S, 0, WEEK_MS), 0, false,
                                     "is done, and fails so much later"},
    [SIM_FAULT_FILES_MISSING] = {"files-missing", BIT(SIM_PROJECT), NOTHING, 0, false,
                                 "is done, but its files never come (404)"},
    [SIM_FAULT_FILES_LATE] = {"files-late", BIT(SIM_PROJECT), BY(30 * MS_PER_S, 0, WEEK_MS), 0,
                              false, "its files come so long after it is done"},
    [SIM_FAULT_INDEX_DELAY] = {"index-delay", BIT(SIM_PROJECT), BY(60 * MS_PER_S, 0, WEEK_MS), 0,
                               false, "look-ups show it so late"},
    [SIM_FAULT_NO_PROJECT_ID] = {"no-project-id", BIT(SIM_PROJECT), NOTHING, 0, false,
                                 "/complete names its id nowhere"},
    [SIM_FAULT_TWIN] = {"twin", BIT(SIM_PROJECT), NOTHING, 0, false,
                        "the list shows a second lead at the same place"},
};
_Static_assert(SIM_FAULT_COUNT <= 64, "a plan is a set of 64 bits");

static const struct {
    const char *name;
    const char *help;
} options[] = {
    {"p=0.1", "each call with this probability, by --seed"},
    {"every=3", "every third call"},
    {"first=3", "only the first three calls"},
    {"times=3", "three times at most"},
    {"after=10s", "not before (ms, s, m, h; --time-scale counts)"},
    {"for=30s", "and for so long"},
};

// ---- Plans

void sim_plan_add(struct sim_plan *plan, enum sim_fault fault, int64_t value)
{
    if (sim_plan_has(plan, fault))
        return;
    plan->faults |= UINT64_C(1) << fault;
    plan->values[fault] = value;
}

int sim_plan_status(const struct sim_plan *plan)
{
    if (sim_plan_has(plan, SIM_FAULT_OUTAGE))
        return (int)plan->values[SIM_FAULT_OUTAGE];
    for (size_t i = 0; i < SIM_FAULT_COUNT; i++) {
        if (sim_plan_has(plan, (enum sim_fault)i) && faults[i].status != 0)
            return faults[i].status;
    }
    return 0;
}

bool sim_plan_spoils(const struct sim_plan *plan)
{
    for (size_t i = 0; i < SIM_FAULT_COUNT; i++) {
        if (sim_plan_has(plan, (enum sim_fault)i) && faults[i].spoils)
            return true;
    }
    return false;
}

void sim_plan_print(struct buf *buf, const struct sim_plan *plan)
{
    const char *separator = "";
    for (size_t i = 0; i < SIM_FAULT_COUNT; i++) {
        if (!sim_plan_has(plan, (enum sim_fault)i))
            continue;
        buf_printf(buf, "%s%s", separator, faults[i].name);
        if (faults[i].parameter.unit != UNIT_NONE)
            buf_printf(buf, "=%lld", (long long)plan->values[i]);
        separator = " ";
    }
}

static size_t fault_find(struct str name)
{
    size_t i = 0;
    while (i < SIM_FAULT_COUNT && !str_equal(name, str_of(faults[i].name)))
        i++;
    return i;
}

enum err sim_plan_parse(struct str text, struct sim_plan *ret_plan, struct error *err)
{
    *ret_plan = (struct sim_plan){0};
    struct str rest = text;
    while (rest.ptr != NULL && rest.len > 0) {
        struct str value = str_split(&rest, ' ');
        size_t fault = fault_find(str_split(&value, '='));
        int64_t number = 0;
        if (fault == SIM_FAULT_COUNT ||
            (value.ptr != NULL && number_parse_i64(value, SIM_HALF, INT64_MAX, &number) != ERR_OK))
            return error_set(err, ERR_INVALID, "%.*s are no faults", STR_ARG(text));
        sim_plan_add(ret_plan, (enum sim_fault)fault, number);
    }
    return ERR_OK;
}

// ---- Rules

enum err sim_duration_parse(struct str text, int64_t min_ms, int64_t max_ms, int64_t *ret_ms)
{
    static const struct {
        struct str name;
        int64_t ms;
    } units[] = {
        {STR_INIT("ms"), 1},
        {STR_INIT("s"), MS_PER_S},
        {STR_INIT("m"), 60 * MS_PER_S},
        {STR_INIT("h"), MS_PER_H},
    };
    int64_t factor = MS_PER_S;
    for (size_t i = 0; i < COUNT_OF(units); i++) {
        struct str name = units[i].name;
        if (text.len <= name.len ||
            !str_equal(str_slice(text, text.len - name.len, text.len), name))
            continue;
        factor = units[i].ms;
        text.len -= name.len;
        break;
    }
    int64_t number;
    TRY(number_parse_i64(text, INT64_MIN / MS_PER_H, INT64_MAX / MS_PER_H, &number));
    if (number * factor < min_ms || number * factor > max_ms)
        return ERR_INVALID;
    *ret_ms = number * factor;
    return ERR_OK;
}

static enum err value_parse(const struct parameter *parameter, struct str text, int64_t *ret_value,
                            struct error *err)
{
    bool is_duration = parameter->unit == UNIT_DURATION;
    enum err code = is_duration
                        ? sim_duration_parse(text, parameter->min, parameter->max, ret_value)
                        : number_parse_i64(text, parameter->min, parameter->max, ret_value);
    if (code == ERR_OK)
        return ERR_OK;
    int64_t unit = is_duration ? MS_PER_S : 1;
    return error_set(err, ERR_INVALID, "%s=%.*s: wanted a %s from %lld to %lld%s", parameter->name,
                     STR_ARG(text), is_duration ? "duration" : "whole number",
                     (long long)(parameter->min / unit), (long long)(parameter->max / unit),
                     is_duration ? " s" : "");
}

static enum err probability_parse(struct str text, double *ret_p, struct error *err)
{
    if (number_parse_f64(text, ret_p) == ERR_OK && *ret_p >= 0 && *ret_p <= 1)
        return ERR_OK;
    return error_set(err, ERR_INVALID, "p=%.*s: wanted a number from 0 to 1", STR_ARG(text));
}

static enum err option_parse(struct str name, struct str text, struct sim_rule *rule,
                             struct error *err)
{
    const struct parameter *own = &faults[rule->fault].parameter;
    const struct {
        struct parameter parameter;
        int64_t *value;
    } common[] = {
        {{"every", UNIT_NUMBER, 0, 1, COUNT_MAX}, &rule->every},
        {{"first", UNIT_NUMBER, 0, 1, COUNT_MAX}, &rule->first},
        {{"times", UNIT_NUMBER, 0, 1, COUNT_MAX}, &rule->times},
        {{"after", UNIT_DURATION, 0, 0, YEAR_MS}, &rule->after_ms},
        {{"for", UNIT_DURATION, 0, 1, YEAR_MS}, &rule->for_ms},
    };
    if (text.ptr == NULL)
        return error_set(err, ERR_INVALID, "%.*s: wanted OPTION=VALUE", STR_ARG(name));
    if (own->unit != UNIT_NONE && str_equal(name, str_of(own->name)))
        return value_parse(own, text, &rule->value, err);
    if (str_equal(name, STR("p")))
        return probability_parse(text, &rule->p, err);
    for (size_t i = 0; i < COUNT_OF(common); i++) {
        if (str_equal(name, str_of(common[i].parameter.name)))
            return value_parse(&common[i].parameter, text, common[i].value, err);
    }
    return error_set(err, ERR_INVALID, "%.*s: %s has no such option", STR_ARG(name),
                     faults[rule->fault].name);
}

// The places that a word names; 0: it is none.
static unsigned places_of(struct str word)
{
    for (size_t i = 0; i < COUNT_OF(places); i++) {
        if (str_equal(word, str_of(places[i].name)))
            return places[i].places;
    }
    return 0;
}

static enum err parse(struct str text, struct sim_rule *rule, struct error *err)
{
    struct str rest = text;
    struct str where = str_split(&rest, ':');
    struct str name = rest.ptr == NULL ? STR_NULL : str_split(&rest, ':');
    unsigned wanted = places_of(where);
    size_t fault = fault_find(name);
    if (wanted == 0)
        return error_set(err, ERR_INVALID, "%.*s: no such place", STR_ARG(where));
    if (fault == SIM_FAULT_COUNT)
        return error_set(err, ERR_INVALID, "%.*s: no such fault", STR_ARG(name));
    *rule = (struct sim_rule){
        .fault = (enum sim_fault)fault,
        .places = wanted & faults[fault].places,
        .value = faults[fault].parameter.when_absent,
        .p = 1,
        .every = 1,
    };
    if (rule->places == 0)
        return error_set(err, ERR_INVALID, "%.*s: %s cannot happen there", STR_ARG(where),
                         faults[fault].name);
    while (rest.ptr != NULL) {
        struct str value = str_split(&rest, ',');
        struct str option = str_split(&value, '=');
        TRY(option_parse(option, value, rule, err));
    }
    return ERR_OK;
}

enum err sim_rule_parse(struct str text, struct sim_rule *ret_rule, struct error *err)
{
    struct error wrong;
    error_reset(&wrong);
    if (text.len > SIM_RULE_TEXT_MAX)
        return error_set(err, ERR_INVALID, "the rule is longer than %d bytes", SIM_RULE_TEXT_MAX);
    if (parse(text, ret_rule, &wrong) == ERR_OK)
        return ERR_OK;
    return error_set(err, ERR_INVALID, "%.*s: %s", STR_ARG(text), wrong.message);
}

// ---- Help

static void append_line(struct buf *buf, const char *left, const char *help)
{
    buf_printf(buf, "  %-28s %s\n", left, help);
}

// A fault's name with its own option as it stands when it is left out.
static void fault_label(size_t i, char *ret_label, size_t max)
{
    const struct parameter *parameter = &faults[i].parameter;
    long long value = parameter->when_absent;
    if (parameter->unit == UNIT_NONE)
        snprintf(ret_label, max, "%s", faults[i].name);
    else if (parameter->unit == UNIT_DURATION)
        snprintf(ret_label, max, "%s:%s=%llds", faults[i].name, parameter->name, value / MS_PER_S);
    else if (value < parameter->min)
        snprintf(ret_label, max, "%s:%s=N", faults[i].name, parameter->name);
    else
        snprintf(ret_label, max, "%s:%s=%lld", faults[i].name, parameter->name, value);
}

void sim_fault_help(struct buf *buf)
{
    char label[64];
    BUF_LITERAL(buf,
                "A rule is WHERE:FAULT[:OPTION=VALUE,...], such as\n"
                "  --fault create:lost-after-commit:p=0.1 --fault any:outage:after=10s,for=30s\n"
                "Without options the fault happens on every call.\n\nWhere:\n");
    for (size_t i = 0; i < COUNT_OF(places); i++)
        append_line(buf, places[i].name, places[i].help);
    BUF_LITERAL(buf, "\nFaults of calls, with what their own option is where it is left out\n"
                     "(at=N: half of the body, status=N: none):\n");
    for (size_t i = 0; i < SIM_FAULT_COUNT; i++) {
        if (i == SIM_FAULT_STUCK)
            BUF_LITERAL(buf, "\nFaults of projects:\n");
        fault_label(i, label, sizeof(label));
        append_line(buf, label, faults[i].help);
    }
    BUF_LITERAL(buf, "\nOptions of every rule; all must hold:\n");
    for (size_t i = 0; i < COUNT_OF(options); i++)
        append_line(buf, options[i].name, options[i].help);
}
