// sunlead worker: the background work alone.
#include "app/commands.h"
#include "app/service_command.h"
#include "base/log.h"

static void log_started(const struct config *config, const struct service_options *options,
                        const struct service *service, struct arena *arena)
{
    (void)options;
    (void)service;
    log_event(LOG_INFO, "worker.started", "doing the background work",
              LOG_STR("database", config_hide_password(str_of(config->database_url), arena)),
              LOG_STR("files", service_files_place(config, arena)),
              LOG_STR("lightfusion", config_hide_password(str_of(config->lightfusion_api), arena)),
              LOG_I64("concurrency", config->job_concurrency));
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
    return service_command(command, options, argv, &service, log_started);
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
