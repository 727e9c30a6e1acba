// sunlead worker: the background work alone.
#include <malloc.h>

#include "app/commands.h"
#include "app/service.h"
#include "app/stop_signal.h"
#include "base/log.h"

#define ARENAS_MAX 2 // as in sunlead serve

static int work(const struct config *config, const struct service_options *options,
                struct arena *arena)
{
    stop_signal_block();
    struct service *service;
    struct error err;
    error_reset(&err);
    if (service_open(config, options, &service, &err) != ERR_OK)
        return cli_fail_error(&err);
    log_event(LOG_INFO, "worker.started", "doing the background work",
              LOG_STR("database", config_hide_password(str_of(config->database_url), arena)),
              LOG_TEXT_FIELD("files", config->data_dir),
              LOG_STR("lightfusion", config_hide_password(str_of(config->lightfusion_api), arena)),
              LOG_I64("concurrency", config->job_concurrency));
    return service_run(service, "worker");
}

static int run(const struct cli_command *command, char **argv)
{
    struct service_options service = {.no_server = true};
    const struct cli_option options[] = {
        {.name = "--no-migrate",
         .help = "fail if the database lacks a migration, instead of applying it",
         .flag = &service.no_migrate},
        {0},
    };
    enum cli_parsed parsed = cli_parse(command, options, argv, NULL);
    if (parsed != CLI_GO)
        return CLI_EXIT(parsed);
    CLEANUP(arena_close_ptr) struct arena *arena = arena_open(0);
    struct config config;
    parsed = cli_load_config(arena, &config);
    if (parsed != CLI_GO)
        return CLI_EXIT(parsed);
    (void)mallopt(M_ARENA_MAX, ARENAS_MAX);
    return work(&config, &service, arena);
}

const struct cli_command cmd_worker = {
    .name = "worker",
    .summary = "Does the background work alone, beside other processes",
    .help =
        "Any number of processes may work on one PostgreSQL. SIGTERM or Ctrl-C drains: running\n"
        "jobs get 10 seconds to end, those that do not are handed back. A second one ends at\n"
        "once.\n",
    .run = run,
};
