// Reading command lines by tables, and talking to whoever typed them.
#include "app/cli.h"

#include <stdarg.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/fs.h"
#include "base/log.h"

#define HELP_MAX 16384

void cli_fail(const char *format, ...)
{
    char line[1024];
    va_list args;
    va_start(args, format);
    vsnprintf(line, sizeof(line), format, args);
    va_end(args);
    for (char *c = line; *c != '\0'; c++) {
        if ((unsigned char)*c < ' ' || *c == 0x7F)
            *c = '?';
    }
    fprintf(stderr, "sunlead: %s\n", line);
}

int cli_fail_error(const struct error *err)
{
    if (err->cause[0] == '\0')
        cli_fail("%s", err->message);
    else
        cli_fail("%s (%s)", err->message, err->cause);
    return err->code == ERR_INVALID ? EXIT_USAGE : EXIT_FAILED;
}

int cli_print(struct str text)
{
    struct error err;
    error_reset(&err);
    if (fs_write_all(STDOUT_FILENO, text.ptr, text.len, &err) != ERR_OK)
        return cli_fail_error(&err);
    return 0;
}

static void append_option(struct buf *text, const struct cli_option *option)
{
    char left[64];
    snprintf(left, sizeof(left), "%s%s%s", option->name, option->value_name == NULL ? "" : " ",
             option->value_name == NULL ? "" : option->value_name);
    buf_printf(text, "  %-28s %s\n", left, option->help);
}

static enum cli_parsed print_help(const struct cli_command *command,
                                  const struct cli_option *options)
{
    static const struct cli_option help = {.name = "--help", .help = "show this"};
    CLEANUP(buf_done) struct buf text;
    buf_init(&text, HELP_MAX);
    buf_printf(&text, "Usage: sunlead %s%s%s [options]\n\n%s.\n", command->name,
               command->arguments == NULL ? "" : " ",
               command->arguments == NULL ? "" : command->arguments, command->summary);
    if (command->help != NULL)
        buf_printf(&text, "\n%s", command->help);
    BUF_LITERAL(&text, "\nOptions:\n");
    for (; options->name != NULL; options++)
        append_option(&text, options);
    append_option(&text, &help);
    return cli_print(buf_str(&text)) == 0 ? CLI_HELPED : CLI_BAD;
}

// The option that the word names, up to a "=".
static const struct cli_option *find_option(const struct cli_option *options, struct str word)
{
    struct str name = str_slice(word, 0, str_find(word, '=', 0));
    for (; options->name != NULL; options++) {
        if (str_equal(name, str_of(options->name)))
            return options;
    }
    return NULL;
}

// Takes the option in (*argv)[0], with its value; leaves *argv at the last word of it.
static enum cli_parsed take_option(const struct cli_command *command,
                                   const struct cli_option *option, char ***argv)
{
    char *equal = strchr(**argv, '=');
    if (option->value_name == NULL) {
        if (equal != NULL) {
            cli_fail("%s takes no value", option->name);
            return CLI_BAD;
        }
        *option->flag = true;
        return CLI_GO;
    }
    if (equal == NULL && (*argv)[1] == NULL) {
        cli_fail("%s wants a value: %s (see sunlead %s --help)", option->name, option->value_name,
                 command->name);
        return CLI_BAD;
    }
    const char *value = equal == NULL ? *++*argv : equal + 1;
    if (option->list == NULL) {
        *option->value = value;
        return CLI_GO;
    }
    if (option->list->count == CLI_LIST_MAX) {
        cli_fail("%s can be given %d times at most", option->name, CLI_LIST_MAX);
        return CLI_BAD;
    }
    option->list->items[option->list->count++] = str_of(value);
    return CLI_GO;
}

enum cli_parsed cli_parse_words(const struct cli_command *command, const struct cli_option *options,
                                char **argv, struct cli_words *words)
{
    check(words->max <= CLI_WORDS_MAX);
    for (argv++; *argv != NULL; argv++) {
        struct str word = str_of(*argv);
        if (str_equal(word, STR("--help")) || str_equal(word, STR("-h")))
            return print_help(command, options);
        const struct cli_option *option = find_option(options, word);
        if (option != NULL) {
            enum cli_parsed parsed = take_option(command, option, &argv);
            if (parsed != CLI_GO)
                return parsed;
            continue;
        }
        bool is_option = str_starts(word, STR("-"));
        if (is_option || words->count == words->max) {
            cli_fail("%s: unknown %s %s (see sunlead %s --help)", command->name,
                     is_option ? "option" : "argument", *argv, command->name);
            return CLI_BAD;
        }
        words->list[words->count++] = *argv;
    }
    return CLI_GO;
}

enum cli_parsed cli_parse(const struct cli_command *command, const struct cli_option *options,
                          char **argv, const char **ret_argument)
{
    struct cli_words words = {.max = ret_argument == NULL ? 0 : 1};
    enum cli_parsed parsed = cli_parse_words(command, options, argv, &words);
    if (words.count > 0)
        *ret_argument = words.list[0];
    return parsed;
}

enum cli_parsed cli_load_config(struct arena *arena, struct config *ret_config)
{
    struct error err;
    error_reset(&err);
    if (config_load(environ, ".env", arena, ret_config, &err) != ERR_OK) {
        cli_fail_error(&err);
        return CLI_BAD;
    }
    log_setup((enum log_level)ret_config->log_level, (enum log_format)ret_config->log_format,
              STDERR_FILENO);
    return CLI_GO;
}

struct str cli_http_url(struct arena *arena, const char *address, uint16_t port)
{
    bool six = strchr(address, ':') != NULL;
    return arena_printf(arena, "http://%s%s%s:%u", six ? "[" : "", address, six ? "]" : "", port);
}
