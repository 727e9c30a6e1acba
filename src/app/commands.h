// The commands of the program, one file each.
#ifndef SUNLEAD_APP_COMMANDS_H
#define SUNLEAD_APP_COMMANDS_H

#include "app/cli.h"

extern const struct cli_command cmd_serve;
extern const struct cli_command cmd_worker;
extern const struct cli_command cmd_migrate;
extern const struct cli_command cmd_migrate_copy; // run by cmd_migrate
extern const struct cli_command cmd_simulate;
extern const struct cli_command cmd_mesh;
extern const struct cli_command cmd_config;
extern const struct cli_command cmd_version;

#endif
