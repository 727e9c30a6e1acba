// sunlead migrate copy: takes a SQLite installation to PostgreSQL.
#include <unistd.h>

#include "app/commands.h"
#include "app/copied_note.h"
#include "app/copy.h"
#include "base/buf.h"

#define TEXT_MAX (64 * 1024)

static const char sqlite_scheme[] = "sqlite:";

static bool has_schemes(const char *from, const char *to)
{
    return str_starts(str_of(from), STR(sqlite_scheme)) &&
           (str_starts(str_of(to), STR("postgres:")) || str_starts(str_of(to), STR("postgresql:")));
}

static void append_sum(struct buf *text, const struct copy_sum *sum)
{
    buf_printf(text, "%lld rows, sha256 %s", (long long)sum->rows, sum->sha256);
}

static void append_outcome(struct buf *text, const struct copy_outcome *outcome)
{
    buf_printf(text, "%-27s", outcome->table);
    append_sum(text, &outcome->from);
    if (outcome->difference == NULL) {
        BUF_LITERAL(text, ", equal\n");
        return;
    }
    BUF_LITERAL(text, " in the source\n");
    buf_printf(text, "%-27s", "");
    append_sum(text, &outcome->to);
    buf_printf(text, " in the target\n%-27sDIFFERENT: %s\n", "", outcome->difference);
}

// From now on sunlead does not start on the source by mistake.
static int note_copied(const char *from, const char *to, struct arena *arena)
{
    struct error err;
    error_reset(&err);
    if (copied_note_write(from, config_hide_password(str_of(to), arena), &err) == ERR_OK)
        return 0;
    cli_fail("the note that the source was copied cannot be written beside it");
    return cli_fail_error(&err);
}

static int print_report(const struct copy_report *report, const char *from, const char *to,
                        struct arena *arena)
{
    struct buf text;
    buf_init_arena(&text, arena, TEXT_MAX);
    for (size_t i = 0; i < report->count; i++)
        append_outcome(&text, &report->outcomes[i]);
    if (report->was_copied)
        BUF_LITERAL(&text, "The copy was completed before: each table of the target has as many "
                           "rows as the source,\nand the same newest one. Nothing was done.\n");
    else if (report->is_equal)
        buf_printf(
            &text,
            "\nThe copy is complete. Set DATABASE_URL to the new database:\n\n"
            "    DATABASE_URL=%.*s\n\n"
            "The model files stay where they are: DATA_DIR is needed as before. Do not "
            "start sunlead on\n%s again: both would order the same models. It refuses to, as "
            "long as\nthe note of the copy (.copied) is beside that file.\n",
            STR_ARG(config_hide_password(str_of(to), arena)), from);
    int printed = cli_print(buf_str(&text));
    if (printed != 0)
        return printed;
    if (report->is_equal)
        return note_copied(from, to, arena);
    cli_fail("the databases differ: the copy is not complete");
    return EXIT_FAILED;
}

// What may have to do with the moment only is told to be tried again.
static int fail_copy(const struct error *err, const char *from, struct arena *arena)
{
    int status = cli_fail_error(err);
    struct error ignored;
    error_reset(&ignored);
    struct str note = STR_NULL;
    if (err->code == ERR_CONFLICT && copied_note_read(from, arena, &note, &ignored) == ERR_OK &&
        note.ptr != NULL)
        cli_fail("the source was copied to %.*s; what was copied may have gone on since",
                 STR_ARG(note));
    if (err->code == ERR_UNAVAILABLE || err->code == ERR_UNKNOWN_OUTCOME ||
        err->code == ERR_TIMEOUT)
        cli_fail("run the same command again: the copy goes on where it is");
    return status == EXIT_USAGE ? EXIT_FAILED : status;
}

static int copy(const char *from_url, const char *to_url, struct arena *arena)
{
    struct error err;
    error_reset(&err);
    CLEANUP(sql_close_ptr) struct sql *from = NULL;
    CLEANUP(sql_close_ptr) struct sql *to = NULL;
    const char *path = from_url + sizeof(sqlite_scheme) - 1;
    if (access(path, F_OK) != 0) { // opening it would make it
        cli_fail("%s: there is no such file", from_url);
        return EXIT_FAILED;
    }
    // Whether or not there is a pooler on the way: nothing is set up that would outlive a
    // transaction there, and then be everybody's.
    const struct sql_settings target = {.url = to_url, .is_pooled = true};
    if (sql_open(from_url, true, &from, &err) != ERR_OK ||
        sql_open_as(&target, &to, &err) != ERR_OK)
        return cli_fail_error(&err);
    struct copy_report report;
    if (copy_run(from, to, arena, &report, &err) != ERR_OK)
        return fail_copy(&err, from_url, arena);
    return print_report(&report, from_url, to_url, arena);
}

static int run(const struct cli_command *command, char **argv)
{
    static const struct cli_option options[] = {{0}};
    struct cli_words words = {.max = 2};
    enum cli_parsed parsed = cli_parse_words(command, options, argv, &words);
    if (parsed != CLI_GO)
        return CLI_EXIT(parsed);
    if (words.count < words.max || !has_schemes(words.list[0], words.list[1])) {
        cli_fail("migrate copy: wanted two databases, sqlite:PATH and postgres://... (see sunlead "
                 "migrate copy --help)");
        return EXIT_USAGE;
    }
    CLEANUP(arena_close_ptr) struct arena *arena = arena_open(0);
    struct config config;
    parsed = cli_load_config(arena, &config);
    if (parsed != CLI_GO)
        return CLI_EXIT(parsed);
    return copy(words.list[0], words.list[1], arena);
}

const struct cli_command cmd_migrate_copy = {
    .name = "migrate copy",
    .summary = "Takes a SQLite installation to PostgreSQL",
    .arguments = "FROM TO",
    .help = "  FROM    sqlite:PATH; it is only read, and nobody else may use it meanwhile\n"
            "  TO      postgres://..., a database without leads; it is migrated\n\n"
            "A copy that was cut off goes on where it was when the same command is run again. At\n"
            "the end all rows are compared. Exits with 1 if they differ.\n",
    .run = run,
};
