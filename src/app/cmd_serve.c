// sunlead serve: the API and the background work.
#include <malloc.h>

#include "app/commands.h"
#include "app/service.h"
#include "app/stop_signal.h"
#include "base/log.h"

#define ARENAS_MAX 2 // of malloc: one a thread, the default, keeps more memory than it saves time

static void log_listening(const struct config *config, uint16_t port, struct arena *arena)
{
    const char *url = cli_http_url(arena, config->listen, port).ptr;
    log_event(LOG_INFO, "serve.listening", arena_printf(arena, "listening on %s", url).ptr,
              LOG_TEXT_FIELD("address", config->listen), LOG_I64("port", port),
              LOG_STR("database", config_hide_password(str_of(config->database_url), arena)),
              LOG_TEXT_FIELD("files", config->data_dir),
              LOG_STR("lightfusion", config_hide_password(str_of(config->lightfusion_api), arena)));
    if (config->lightfusion_email == NULL && config->lightfusion_api_key == NULL)
        log_event(LOG_WARN, "serve.no_credentials",
                  "LightFusion will refuse every call: set LIGHTFUSION_EMAIL and "
                  "LIGHTFUSION_PASSWORD, or LIGHTFUSION_API_KEY",
                  LOG_STR("api", config_hide_password(str_of(config->lightfusion_api), arena)));
}

static int serve(const struct config *config, const struct service_options *options,
                 struct arena *arena)
{
    stop_signal_block();
    struct service *service;
    struct error err;
    error_reset(&err);
    if (service_open(config, options, &service, &err) != ERR_OK)
        return cli_fail_error(&err);
    log_listening(config, service_port(service), arena);
    if (options->insecure)
        log_event(LOG_WARN, "serve.insecure",
                  "whoever reaches this address may do everything: there is no authentication");
    return service_run(service, "serve");
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
    enum cli_parsed parsed = cli_parse(command, options, argv, NULL);
    if (parsed != CLI_GO)
        return CLI_EXIT(parsed);
    CLEANUP(arena_close_ptr) struct arena *arena = arena_open(0);
    struct config config;
    parsed = cli_load_config(arena, &config);
    if (parsed != CLI_GO)
        return CLI_EXIT(parsed);
    (void)mallopt(M_ARENA_MAX, ARENAS_MAX);
    return serve(&config, &service, arena);
}

const struct cli_command cmd_serve = {
    .name = "serve",
    .summary = "Serves the API and does the background work",
    .help = "SIGTERM or Ctrl-C drains: running requests and jobs get 10 seconds to end, jobs that\n"
            "do not are handed back. A second one ends at once.\n",
    .run = run,
};
