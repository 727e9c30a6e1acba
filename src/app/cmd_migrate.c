// sunlead migrate: brings the database to the shape that this program needs.
#include "app/commands.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/log.h"
#include "sql/migrate.h"

#define TEXT_MAX (64 * 1024)

static int up(struct sql *db, struct arena *arena)
{
    struct error err;
    error_reset(&err);
    size_t applied;
    if (migrate_up(db, &applied, &err) != ERR_OK)
        return cli_fail_error(&err);
    bool recounted = false;
    if (applied == 0 && migrate_recount(db, &recounted, &err) != ERR_OK)
        return cli_fail_error(&err);
    if (recounted)
        return cli_print(STR("up to date; leads has partitions and was counted anew\n"));
    if (applied == 0)
        return cli_print(STR("up to date\n"));
    return cli_print(arena_printf(arena, "applied %zu migrations\n", applied));
}

static int list(struct sql *db, struct arena *arena, struct migration_state **ret_states,
                size_t *ret_count)
{
    struct error err;
    error_reset(&err);
    if (migrate_list(db, arena, ret_states, ret_count, &err) != ERR_OK)
        return cli_fail_error(&err);
    return 0;
}

static void append_state(struct buf *text, const struct migration_state *state)
{
    buf_printf(text, "%-40s ", state->name);
    if (state->applied_us.set) {
        BUF_LITERAL(text, "applied ");
        time_append(text, state->applied_us.value);
    } else {
        BUF_LITERAL(text, "missing");
    }
    if (state->is_changed)
        BUF_LITERAL(text, ", with another text than this program has");
    if (state->is_unknown)
        BUF_LITERAL(text, ", not known to this program");
    buf_append_char(text, '\n');
}

static int status(struct sql *db, struct arena *arena)
{
    struct migration_state *states;
    size_t count;
    int exit_status = list(db, arena, &states, &count);
    if (exit_status != 0)
        return exit_status;
    struct buf text;
    buf_init_arena(&text, arena, TEXT_MAX);
    for (size_t i = 0; i < count; i++)
        append_state(&text, &states[i]);
    return cli_print(buf_str(&text));
}

// ---- check: what up would do.

static void append_problems(struct buf *text, const struct migrate_leads *leads)
{
    struct str rest = buf_str(&leads->problems);
    BUF_LITERAL(text, "the table leads cannot be adopted:\n");
    for (struct str line = str_split(&rest, '\n'); line.len > 0; line = str_split(&rest, '\n'))
        buf_printf(text, "  %.*s\n", STR_ARG(line));
}

// A busy machine of two cores builds an index over so many rows a second, or more.
#define INDEX_ROWS_PER_S 300000

static void append_step(struct buf *text, const struct migrate_step *step, int64_t rows)
{
    switch (step->kind) {
    case MIGRATE_STEP_COLUMNS:
        buf_printf(text, "would add to leads: %.*s\n", STR_ARG(step->name));
        BUF_LITERAL(text, "  locks: leads, for moments\n");
        return;
    case MIGRATE_STEP_INDEX:
        buf_printf(text, "would build %.*s%s\n", STR_ARG(step->name),
                   step->is_invalid ? ", which a build that was cut off left behind" : "");
        buf_printf(text, "  locks: nothing, and reads all of leads twice: for %lld s or so\n",
                   (long long)(rows / INDEX_ROWS_PER_S + 1));
        return;
    }
    check_failed("known step", __FILE__, __LINE__);
}

static void append_preparation(struct buf *text, const struct migrate_prepare *prepare)
{
    const struct migrate_leads *leads = &prepare->leads;
    if (leads->exists && prepare->is_adoption)
        buf_printf(text, "the table leads is there, with about %lld rows, and would be adopted\n",
                   (long long)leads->rows);
    for (size_t i = 0; i < prepare->step_count; i++)
        append_step(text, &prepare->steps[i], leads->rows);
}

static void append_missing(struct buf *text, const struct migration_state *states, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (states[i].applied_us.set)
            continue;
        buf_printf(text, "would apply %s\n", states[i].name);
        if (states[i].locks.len > 0)
            buf_printf(text, "  locks: %.*s\n", STR_ARG(states[i].locks));
    }
}

static int check_missing(struct sql *db, struct arena *arena)
{
    struct migration_state *states;
    size_t count;
    int exit_status = list(db, arena, &states, &count);
    if (exit_status != 0)
        return exit_status;
    struct migrate_prepare prepare;
    struct error err;
    error_reset(&err);
    if (migrate_plan(db, arena, &prepare, &err) != ERR_OK)
        return cli_fail_error(&err);
    struct buf text;
    buf_init_arena(&text, arena, TEXT_MAX);
    if (prepare.leads.problem_count > 0) {
        append_problems(&text, &prepare.leads);
    } else {
        append_preparation(&text, &prepare);
        append_missing(&text, states, count);
    }
    bool up_to_date = text.len == 0;
    if (up_to_date)
        BUF_LITERAL(&text, "up to date\n");
    int printed = cli_print(buf_str(&text));
    return up_to_date ? printed : EXIT_FAILED;
}

// ---- A database that is not there yet, and that nobody but up makes.

static int status_new(const char *url, struct arena *arena)
{
    (void)url;
    (void)arena;
    return cli_print(STR("no database yet\n"));
}

static int check_new(const char *url, struct arena *arena)
{
    struct migration_state *states;
    size_t count;
    migrate_list_new(sql_engine_of(url), arena, &states, &count);
    struct buf text;
    buf_init_arena(&text, arena, TEXT_MAX);
    BUF_LITERAL(&text, "no database yet: would make it\n");
    append_missing(&text, states, count);
    (void)!cli_print(buf_str(&text));
    return EXIT_FAILED;
}

static const struct {
    const char *name;
    bool lock; // changes the database: nobody else may use it
    int (*run)(struct sql *db, struct arena *arena);
    int (*run_new)(const char *url, struct arena *arena); // without a database; NULL: it is made
} actions[] = {
    {"up", true, up, NULL},
    {"status", false, status, status_new},
    {"check", false, check_missing, check_new},
};

static int run_action(const char *name, const struct config *config, struct arena *arena)
{
    for (size_t i = 0; i < COUNT_OF(actions); i++) {
        if (strcmp(name, actions[i].name) != 0)
            continue;
        if (actions[i].run_new != NULL && !sql_exists(config->database_url))
            return actions[i].run_new(config->database_url, arena);
        CLEANUP(sql_close_ptr) struct sql *db = NULL;
        struct error err;
        error_reset(&err);
        const struct sql_settings settings = {
            .url = config->database_url,
            .is_pooled = config->database_pooler != 0,
            .direct_url = config->database_direct_url,
            .lock = actions[i].lock,
        };
        if (sql_open_as(&settings, &db, &err) != ERR_OK)
            return cli_fail_error(&err);
        return actions[i].run(db, arena);
    }
    cli_fail("migrate: unknown argument %s: wanted up, status, check or copy", name);
    return EXIT_USAGE;
}

static int run(const struct cli_command *command, char **argv)
{
    if (argv[1] != NULL && strcmp(argv[1], "copy") == 0)
        return cmd_migrate_copy.run(&cmd_migrate_copy, argv + 1);
    static const struct cli_option options[] = {{0}};
    const char *action = NULL;
    enum cli_parsed parsed = cli_parse(command, options, argv, &action);
    if (parsed != CLI_GO)
        return CLI_EXIT(parsed);
    if (action == NULL) {
        cli_fail("migrate: wanted up, status, check or copy (see sunlead migrate --help)");
        return EXIT_USAGE;
    }
    CLEANUP(arena_close_ptr) struct arena *arena = arena_open(0);
    struct config config;
    parsed = cli_load_config(arena, &config);
    if (parsed != CLI_GO)
        return CLI_EXIT(parsed);
    return run_action(action, &config, arena);
}

const struct cli_command cmd_migrate = {
    .name = "migrate",
    .summary = "Brings the database to the shape that this program needs",
    .arguments = "up|status|check|copy",
    .help = "  up      applies what is missing; nobody else may use a SQLite database meanwhile;\n"
            "          counts the leads anew if nothing is and their table has partitions\n"
            "  status  lists the migrations and when they were applied\n"
            "  check   tells what up would do, and exits with 1 if that is something\n"
            "  copy    takes a SQLite database to PostgreSQL: sunlead migrate copy --help\n",
    .run = run,
};
