// sunlead version: which program this is.
#include "app/commands.h"

static int run(const struct cli_command *command, char **argv)
{
    static const struct cli_option options[] = {{0}};
    enum cli_parsed parsed = cli_parse(command, options, argv, NULL);
    if (parsed != CLI_GO)
        return CLI_EXIT(parsed);
    return cli_print(STR("sunlead " SUNLEAD_VERSION "\n"));
}

const struct cli_command cmd_version = {
    .name = "version",
    .summary = "Prints the version",
    .run = run,
};
