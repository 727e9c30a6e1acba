// The command line: options of a command, help, and the one line that says what is wrong.
#ifndef SUNLEAD_APP_CLI_H
#define SUNLEAD_APP_CLI_H

#include <stdbool.h>
#include <stddef.h>

#include "app/config.h"
#include "base/arena.h"
#include "base/error.h"
#include "base/macro.h"

// Exit statuses of the program.
enum { EXIT_FAILED = 1, EXIT_USAGE = 2 };

// CLI_LIST_MAX is how often an option can be given that collects its values.
#define CLI_LIST_MAX 64

// The values of an option that can be given several times.
struct cli_list {
    struct str items[CLI_LIST_MAX];
    size_t count;
};

// One option of a command. A flag sets *flag; one with a value ("--port 80" or "--port=80") sets
// *value to the text, or adds it to *list.
struct cli_option {
    const char *name;       // "--port"
    const char *value_name; // "PORT"; NULL: a flag
    const char *help;
    bool *flag;
    const char **value;
    struct cli_list *list;
};

struct cli_command {
    const char *name;
    const char *summary;   // one line, for the list of commands
    const char *arguments; // "up|status|check"; NULL: takes none
    const char *help;      // lines below the usage; NULL: the summary says it all
    int (*run)(const struct cli_command *command, char **argv); // argv[0]: its name
};

#define CLI_WORDS_MAX 2

// The words of a command line that are no options.
struct cli_words {
    const char *list[CLI_WORDS_MAX];
    size_t count;
    size_t max; // more are an error
};

enum cli_parsed { CLI_GO, CLI_HELPED, CLI_BAD };

// CLI_EXIT(parsed) is the exit status after --help or a wrong command line.
#define CLI_EXIT(parsed) ((parsed) == CLI_HELPED ? 0 : EXIT_USAGE)

// cli_parse() reads a command's arguments by its options (ended by one without a name). A word that
// is no option goes to *ret_argument, one at most (ret_argument NULL: none). --help prints the
// command's help: CLI_HELPED. A wrong word or option is said in one line: CLI_BAD.
MUST_CHECK enum cli_parsed cli_parse(const struct cli_command *command,
                                     const struct cli_option *options, char **argv,
                                     const char **ret_argument);

// cli_parse_words() is cli_parse() for a command that takes several words: words->max of them at
// most (CLI_WORDS_MAX at most), which the caller sets in a zeroed struct.
MUST_CHECK enum cli_parsed cli_parse_words(const struct cli_command *command,
                                           const struct cli_option *options, char **argv,
                                           struct cli_words *words);

// cli_fail() prints "sunlead: <message>" as one line to standard error.
void cli_fail(const char *format, ...) PRINTF_LIKE(1, 2);

// cli_fail_error() prints an error, with its cause, as cli_fail() does, and returns the exit status
// that fits: EXIT_USAGE for ERR_INVALID, else EXIT_FAILED.
int cli_fail_error(const struct error *err);

// cli_load_config() reads the settings from the environment and .env and sets up the log. A bad one
// is said in one line: CLI_BAD.
MUST_CHECK enum cli_parsed cli_load_config(struct arena *arena, struct config *ret_config);

// cli_print() writes text to standard output. Returns 0, or EXIT_FAILED after saying what failed.
MUST_CHECK int cli_print(struct str text);

// cli_http_url() is "http://address:port", in the arena; an IPv6 address gets its brackets.
struct str cli_http_url(struct arena *arena, const char *address, uint16_t port);

#endif
