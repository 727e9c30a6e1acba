// sunlead simulate: a LightFusion to try things with.
#include "app/commands.h"
#include "app/stop_signal.h"
#include "base/log.h"
#include "sim/sim.h"
#include "sim/sim_fault.h"

#define GENERATION_MS_MAX (24 * 3600 * 1000)
#define SKEW_MS_MAX       (INT64_C(365) * 24 * 3600 * 1000)
#define HELP_MAX          16384

struct texts {
    const char *port;
    const char *listen;
    const char *generation_ms;
    const char *seed;
    const char *keep;
    const char *time_scale;
    const char *clock_skew; // NULL: none
    bool same_house;
    struct cli_list faults;
};

static bool parse_range(struct str text, int64_t *ret_min, int64_t *ret_max)
{
    struct str rest = text;
    struct str min = str_split(&rest, ':');
    if (rest.ptr == NULL)
        rest = min; // one number is both
    return number_parse_i64(min, 0, GENERATION_MS_MAX, ret_min) == ERR_OK &&
           number_parse_i64(rest, *ret_min, GENERATION_MS_MAX, ret_max) == ERR_OK;
}

// The clock's skew is a fault as others are, with an option of its own.
static bool add_skew(struct texts *texts, struct arena *arena)
{
    int64_t ms;
    if (texts->clock_skew == NULL)
        return true;
    if (sim_duration_parse(str_of(texts->clock_skew), -SKEW_MS_MAX, SKEW_MS_MAX, &ms) != ERR_OK) {
        cli_fail("--clock-skew %s: wanted a duration, such as -90s or 5m", texts->clock_skew);
        return false;
    }
    if (texts->faults.count == CLI_LIST_MAX) {
        cli_fail("--clock-skew: there are too many faults");
        return false;
    }
    texts->faults.items[texts->faults.count++] =
        arena_printf(arena, "any:clock-skew:by=%s", texts->clock_skew);
    return true;
}

static bool parse_faults(struct texts *texts, struct arena *arena, struct sim_settings *settings)
{
    double scale;
    if (number_parse_f64(str_of(texts->time_scale), &scale) != ERR_OK || scale <= 0 ||
        scale > SIM_TIME_SCALE_MAX) {
        cli_fail("--time-scale %s: wanted a number above 0, %d at most", texts->time_scale,
                 SIM_TIME_SCALE_MAX);
        return false;
    }
    for (size_t i = 0; i < texts->faults.count; i++) {
        struct sim_rule rule;
        struct error err;
        error_reset(&err);
        if (sim_rule_parse(texts->faults.items[i], &rule, &err) != ERR_OK) {
            cli_fail("--fault %s (see sunlead simulate --help)", err.message);
            return false;
        }
    }
    if (!add_skew(texts, arena))
        return false;
    settings->time_scale = scale;
    settings->rules = texts->faults.items;
    settings->rule_count = texts->faults.count;
    return true;
}

static bool parse_settings(const struct texts *texts, struct sim_settings *settings)
{
    int64_t port;
    int64_t seed;
    if (number_parse_i64(str_of(texts->port), 0, 65535, &port) != ERR_OK) {
        cli_fail("--port %s: wanted a whole number from 0 to 65535", texts->port);
        return false;
    }
    if (!parse_range(str_of(texts->generation_ms), &settings->generation_min_ms,
                     &settings->generation_max_ms)) {
        cli_fail("--generation-ms %s: wanted MIN:MAX milliseconds, such as 30000:120000",
                 texts->generation_ms);
        return false;
    }
    if (number_parse_i64(str_of(texts->seed), 0, INT64_MAX, &seed) != ERR_OK) {
        cli_fail("--seed %s: wanted a whole number from 0 on", texts->seed);
        return false;
    }
    if (texts->keep[0] == '\0') {
        cli_fail("--keep: wanted a file, or none");
        return false;
    }
    if (strcmp(texts->keep, "none") != 0)
        settings->ledger_path = texts->keep;
    settings->listen = texts->listen;
    settings->port = (uint16_t)port;
    settings->seed = (uint64_t)seed;
    settings->same_house = texts->same_house;
    return true;
}

static void log_listening(const char *listen, uint16_t port, struct arena *arena)
{
    const char *url = cli_http_url(arena, listen, port).ptr;
    log_event(LOG_INFO, "simulate.listening",
              arena_printf(arena, "LightFusion simulated on %s", url).ptr,
              LOG_TEXT_FIELD("address", listen), LOG_I64("port", port));
    log_event(LOG_INFO, "simulate.hint",
              arena_printf(arena, "to use it: LIGHTFUSION_API=%s sunlead serve", url).ptr);
}

static int simulate(const struct sim_settings *settings, struct arena *arena)
{
    stop_signal_block();
    struct sim *sim;
    struct error err;
    error_reset(&err);
    if (sim_open(settings, &sim, &err) != ERR_OK)
        return cli_fail_error(&err);
    log_listening(settings->listen, sim_port(sim), arena);
    (void)stop_signal_wait();
    sim_close(sim);
    log_event(LOG_INFO, "simulate.stopped", "stopped");
    return 0;
}

// The help of the command with the tables of faults.
static const char *full_help(const struct cli_command *command, struct arena *arena)
{
    struct buf text;
    buf_init_arena(&text, arena, HELP_MAX);
    buf_printf(&text, "%s\n", command->help);
    sim_fault_help(&text);
    return buf_cstr(&text);
}

static int run(const struct cli_command *command, char **argv)
{
    CLEANUP(arena_close_ptr) struct arena *arena = arena_open(0);
    struct cli_command told = *command;
    told.help = full_help(command, arena);
    struct texts texts = {.port = "8085",
                          .listen = "127.0.0.1",
                          .generation_ms = "30000:120000",
                          .seed = "1",
                          .keep = "data/simulator.jsonl",
                          .time_scale = "1"};
    const struct cli_option options[] = {
        {.name = "--port",
         .value_name = "PORT",
         .help = "port to listen on (8085); 0 is any free one",
         .value = &texts.port},
        {.name = "--listen",
         .value_name = "ADDRESS",
         .help = "IP address to listen on (127.0.0.1)",
         .value = &texts.listen},
        {.name = "--generation-ms",
         .value_name = "MIN:MAX",
         .help = "how long a model takes, drawn for each (30000:120000)",
         .value = &texts.generation_ms},
        {.name = "--seed",
         .value_name = "N",
         .help = "number that draws start from: the same one, the same day (1)",
         .value = &texts.seed},
        {.name = "--keep",
         .value_name = "FILE",
         .help = "remembers paid projects (data/simulator.jsonl); none: forgets them",
         .value = &texts.keep},
        {.name = "--time-scale",
         .value_name = "X",
         .help = "models, tokens, delays and outages pass X times faster (1)",
         .value = &texts.time_scale},
        {.name = "--clock-skew",
         .value_name = "DURATION",
         .help = "its clock is so much ahead, such as 5m, or behind: -90s",
         .value = &texts.clock_skew},
        {.name = "--same-house",
         .help = "all models are of one house, made once: for trying many of them",
         .flag = &texts.same_house},
        {.name = "--fault",
         .value_name = "RULE",
         .help = "lets something go wrong (see above); can be given several times",
         .list = &texts.faults},
        {0},
    };
    enum cli_parsed parsed = cli_parse(&told, options, argv, NULL);
    if (parsed != CLI_GO)
        return CLI_EXIT(parsed);
    struct config config;
    parsed = cli_load_config(arena, &config);
    if (parsed != CLI_GO)
        return CLI_EXIT(parsed);
    struct sim_settings settings = {.api_key = config.lightfusion_api_key};
    if (!parse_settings(&texts, &settings) || !parse_faults(&texts, arena, &settings))
        return EXIT_USAGE;
    return simulate(&settings, arena);
}

const struct cli_command cmd_simulate = {
    .name = "simulate",
    .summary = "Plays LightFusion, with invented houses",
    .help =
        "Any e-mail and password open a session; LIGHTFUSION_API_KEY, where it is set, is a token\n"
        "that is always good. `sunlead serve` finds it where LIGHTFUSION_API is its address (on "
        "the\n"
        "default ports without any setting). GET /ledger lists what was ordered and who asked; "
        "the\n"
        "next start goes on from it. GET, POST, PUT and DELETE /faults show and change the "
        "faults.\n",
    .run = run,
};
