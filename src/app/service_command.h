// What the commands that run the service share.
#ifndef SUNLEAD_APP_SERVICE_COMMAND_H
#define SUNLEAD_APP_SERVICE_COMMAND_H

#include "app/cli.h"
#include "app/config.h"
#include "app/service.h"

// Logs that the service runs.
typedef void service_started_fn(const struct config *config, const struct service_options *options,
                                const struct service *service, struct arena *arena);

// service_command() reads the command line into what the options point to (flags of service, most
// of them), opens the service, calls started() and runs it until a signal. Returns the exit status.
int service_command(const struct cli_command *command, const struct cli_option *options,
                    char **argv, const struct service_options *service,
                    service_started_fn *started);

// service_files_place() is where model files are kept, for the log: the bucket, or the folder.
struct str service_files_place(const struct config *config, struct arena *arena);

#endif
