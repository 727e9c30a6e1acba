// sunlead config: shows the settings.
#include "app/commands.h"
#include "app/config_text.h"

#define TEXT_MAX (256 * 1024)

static int run(const struct cli_command *command, char **argv)
{
    bool markdown = false;
    bool env_example = false;
    const struct cli_option options[] = {
        {.name = "--markdown", .help = "the table of settings for README.md", .flag = &markdown},
        {.name = "--env-example", .help = "a .env with every default", .flag = &env_example},
        {0},
    };
    enum cli_parsed parsed = cli_parse(command, options, argv, NULL);
    if (parsed != CLI_GO)
        return CLI_EXIT(parsed);

    CLEANUP(arena_close_ptr) struct arena *arena = arena_open(0);
    struct buf text;
    buf_init_arena(&text, arena, TEXT_MAX);
    if (markdown) {
        config_text_markdown(&text);
        return cli_print(buf_str(&text));
    }
    if (env_example) {
        config_text_env_example(&text);
        return cli_print(buf_str(&text));
    }
    struct config config;
    parsed = cli_load_config(arena, &config);
    if (parsed != CLI_GO)
        return CLI_EXIT(parsed);
    config_text_values(&text, &config, arena);
    return cli_print(buf_str(&text));
}

const struct cli_command cmd_config = {
    .name = "config",
    .summary = "Shows every setting with its value and where that comes from",
    .help = "Settings are read from the environment, then from .env in the working directory.\n"
            "Columns: name, value (- is unset, *** a secret), source, meaning.\n",
    .run = run,
};
