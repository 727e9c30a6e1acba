// Tests of app/cli.c.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "app/cli.h"

static const struct cli_command command = {.name = "try", .summary = "Tries"};

static void test_parse(void **state)
{
    static const struct {
        const char *words[4];
        enum cli_parsed want;
        bool force;
        const char *port;
        const char *argument;
    } cases[] = {
        {{0}, CLI_GO, false, "1", NULL},
        {{"--force"}, CLI_GO, true, "1", NULL},
        {{"--port", "2"}, CLI_GO, false, "2", NULL},
        {{"--port=3", "up", "--force"}, CLI_GO, true, "3", "up"},
        {{"--port="}, CLI_GO, false, "", NULL},
        {{"--port", "--force"}, CLI_GO, false, "--force", NULL},
        {{"--port"}, CLI_BAD, false, "1", NULL},
        {{"--force=1"}, CLI_BAD, false, "1", NULL},
        {{"--forc"}, CLI_BAD, false, "1", NULL},
        {{"-f"}, CLI_BAD, false, "1", NULL},
        {{"up", "down"}, CLI_BAD, false, "1", "up"},
        {{"--help"}, CLI_HELPED, false, "1", NULL},
        {{"--force", "-h"}, CLI_HELPED, true, "1", NULL},
    };
    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        bool force = false;
        const char *port = "1";
        const char *argument = NULL;
        const struct cli_option options[] = {
            {.name = "--force", .help = "by force", .flag = &force},
            {.name = "--port", .value_name = "PORT", .help = "where", .value = &port},
            {0},
        };
        char *argv[6] = {"try"};
        for (size_t word = 0; word < COUNT_OF(cases[i].words); word++)
            argv[word + 1] = (char *)cases[i].words[word];
        assert_int_equal(cli_parse(&command, options, argv, &argument), cases[i].want);
        assert_int_equal(force, cases[i].force);
        assert_string_equal(port, cases[i].port);
        assert_true((argument == NULL) == (cases[i].argument == NULL));
        if (argument != NULL)
            assert_string_equal(argument, cases[i].argument);
    }
}

static void test_no_argument(void **state)
{
    static const struct cli_option options[] = {{0}};
    char *argv[] = {"try", "up", NULL};
    (void)state;
    assert_int_equal(cli_parse(&command, options, argv, NULL), CLI_BAD);
}

static void test_fail_error(void **state)
{
    struct error err;
    (void)state;
    (void)error_set(&err, ERR_INVALID, "the setting is wrong");
    assert_int_equal(cli_fail_error(&err), EXIT_USAGE);
    (void)error_set(&err, ERR_CONFLICT, "the port is taken\nby %s", "somebody");
    assert_int_equal(cli_fail_error(&err), EXIT_FAILED);
}

static void test_http_url(void **state)
{
    struct arena *arena = arena_open(0);
    (void)state;
    assert_string_equal(cli_http_url(arena, "127.0.0.1", 80).ptr, "http://127.0.0.1:80");
    assert_string_equal(cli_http_url(arena, "::1", 8080).ptr, "http://[::1]:8080");
    arena_close(arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_parse),
        cmocka_unit_test(test_no_argument),
        cmocka_unit_test(test_fail_error),
        cmocka_unit_test(test_http_url),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
