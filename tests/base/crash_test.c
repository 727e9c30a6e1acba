// Tests of base/crash.c, in processes that may die of it.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/crash.h"

#define LIVED 77

// Arms a step in a child, which passes two steps twice each; how it ended.
static int run(const char *armed)
{
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        if (armed != NULL && crash_arm(str_of(armed), NULL) != ERR_OK)
            _exit(1);
        for (int i = 0; i < 2; i++) {
            crash_here(CRASH_STORING_SENDING);
            crash_here(CRASH_STORED_SENDING);
        }
        _exit(LIVED);
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    return status;
}

static void test_dies_there(void **state)
{
    (void)state;
    static const struct {
        const char *armed;
        bool dies;
    } rows[] = {
        {NULL, false},
        {"storing.sending", true},
        {"stored.sending:2", true},
        {"stored.sending:3", false},
        {"stored.parked", false},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        int status = run(rows[i].armed);
        if (rows[i].dies)
            assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
        else
            assert_true(WIFEXITED(status) && WEXITSTATUS(status) == LIVED);
    }
}

static void test_bad_texts(void **state)
{
    (void)state;
    static const char *const texts[] = {"",
                                        "nowhere",
                                        "stored.sending:",
                                        "x:1",
                                        "stored.sending:0",
                                        "stored.sending:x",
                                        "stored.sen",
                                        ":1",
                                        "stored.sending:1000001"};
    for (size_t i = 0; i < COUNT_OF(texts); i++) {
        struct error err;
        error_reset(&err);
        assert_int_equal(crash_arm(str_of(texts[i]), &err), ERR_INVALID);
        assert_true(err.message[0] != '\0');
        assert_int_equal(crash_armed, CRASH_NONE);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_dies_there),
        cmocka_unit_test(test_bad_texts),
    };
    return cmocka_run_group_tests_name("crash", tests, NULL, NULL);
}
