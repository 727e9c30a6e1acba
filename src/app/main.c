// The program: finds the command and runs it.
#include <sys/resource.h>

#include "app/cli.h"
#include "app/commands.h"
#include "base/buf.h"

static const struct cli_command *const commands[] = {
    &cmd_serve, &cmd_worker, &cmd_migrate, &cmd_simulate, &cmd_mesh, &cmd_config, &cmd_version,
};

static int print_help(void)
{
    CLEANUP(buf_done) struct buf text;
    buf_init(&text, 4096);
    BUF_LITERAL(&text,
                "sunlead keeps the leads of solar companies and gets each of them a 3D model "
                "of its house\nfrom LightFusion.\n\nUsage: sunlead COMMAND [options]\n\n");
    for (size_t i = 0; i < COUNT_OF(commands); i++)
        buf_printf(&text, "  %-10s %s\n", commands[i]->name, commands[i]->summary);
    BUF_LITERAL(&text, "\nsunlead COMMAND --help tells the options of a command. Settings come "
                       "from the environment\nor from .env; sunlead config shows them.\n");
    return cli_print(buf_str(&text));
}

// Each connection is a descriptor: take as many as the system allows.
static void raise_descriptor_limit(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < limit.rlim_max) {
        limit.rlim_cur = limit.rlim_max;
        (void)setrlimit(RLIMIT_NOFILE, &limit);
    }
}

int main(int argc, char **argv)
{
    raise_descriptor_limit();
    if (argc < 2)
        return print_help() == 0 ? EXIT_USAGE : EXIT_FAILED;
    struct str name = str_of(argv[1]);
    if (str_equal(name, STR("--help")) || str_equal(name, STR("-h")) ||
        str_equal(name, STR("help")))
        return print_help();
    if (str_equal(name, STR("--version")))
        name = str_of(cmd_version.name);
    for (size_t i = 0; i < COUNT_OF(commands); i++) {
        if (str_equal(name, str_of(commands[i]->name)))
            return commands[i]->run(commands[i], argv + 1);
    }
    cli_fail("unknown %s %s (see sunlead --help)", argv[1][0] == '-' ? "option" : "command",
             argv[1]);
    return EXIT_USAGE;
}
