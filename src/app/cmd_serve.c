// sunlead serve: the API and the background work.
#include "app/commands.h"
#include "app/service_command.h"
#include "base/log.h"

static void log_started(const struct config *config, const struct service_options *options,
                        const struct service *service, struct arena *arena)
{
    uint16_t port = service_port(service);
    const char *url = cli_http_url(arena, config->listen, port).ptr;
    log_event(LOG_INFO, "serve.listening", arena_printf(arena, "listening on %s", url).ptr,
              LOG_TEXT_FIELD("address", config->listen), LOG_I64("port", port),
              LOG_STR("database", config_hide_password(str_of(config->database_url), arena)),
              LOG_STR("files", service_files_place(config, arena)),
              LOG_STR("lightfusion", config_hide_password(str_of(config->lightfusion_api), arena)));
    if (config->lightfusion_email == NULL && config->lightfusion_api_key == NULL)
        log_event(LOG_WARN, "serve.no_credentials",
                  "LightFusion will refuse every call: set LIGHTFUSION_EMAIL and "
                  "LIGHTFUSION_PASSWORD, or LIGHTFUSION_API_KEY",
                  LOG_STR("api", config_hide_password(str_of(config->lightfusion_api), arena)));
    if (options->insecure)
        log_event(LOG_WARN, "serve.insecure",
                  "whoever reaches this address may do everything: there is no authentication");
}

static int run(const struct cli_command *command, char **argv)
{
    struct service_options service = {0};
    const struct cli_option options[] = {
        {.name = "--insecure",
         .help = "listen beyond loopback and take requests that came through a proxy",
         .flag = &service.insecure},
        {.name = "--no-jobs",
         .help = "leave all background work to other processes (sunlead worker)",
         .flag = &service.no_jobs},
        {.name = "--no-migrate",
         .help = "fail if the database lacks a migration, instead of applying it",
         .flag = &service.no_migrate},
        {0},
    };
    return service_command(command, options, argv, &service, log_started);
}

const struct cli_command cmd_serve = {
    .name = "serve",
    .summary = "Serves the API and does the background work",
    .help = "SIGTERM or Ctrl-C drains: running requests and jobs get 10 seconds to end, jobs that\n"
            "do not are handed back. A second one ends at once.\n",
    .run = run,
};
