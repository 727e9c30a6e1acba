// Runs the service for a command.
#include "app/service_command.h"

#include <malloc.h>

#include "app/stop_signal.h"
#include "app/trial.h"
#include "base/log.h"

#define ARENAS_MAX 2 // of malloc: one a thread, the default, keeps more memory than it saves time

struct str service_files_place(const struct config *config, struct arena *arena)
{
    return config->files_url != NULL ? str_of(config->files_url)
                                     : arena_printf(arena, "%s/files", config->data_dir);
}

int service_command(const struct cli_command *command, const struct cli_option *options,
                    char **argv, const struct service_options *service, service_started_fn *started)
{
    enum cli_parsed parsed = cli_parse(command, options, argv, NULL);
    if (parsed != CLI_GO)
        return CLI_EXIT(parsed);
    CLEANUP(arena_close_ptr) struct arena *arena = arena_open(0);
    struct config config;
    parsed = cli_load_config(arena, &config);
    if (parsed != CLI_GO)
        return CLI_EXIT(parsed);
    (void)mallopt(M_ARENA_MAX, ARENAS_MAX);
    stop_signal_block();
    struct service_options paced = *service;
    struct service *opened;
    struct error err;
    error_reset(&err);
    if (trial_begin(&config, &paced.pace, &err) != ERR_OK ||
        service_open(&config, &paced, &opened, &err) != ERR_OK)
        return cli_fail_error(&err);
    started(&config, &paced, opened, arena);
    return service_run(opened, command->name);
}
