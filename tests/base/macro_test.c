// Tests of base/macro.h.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <signal.h>
#include <stdbool.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/macro.h"

static void count_end(int **counter)
{
    ++**counter;
}

static void leave(int *counter, bool early)
{
    CLEANUP(count_end) int *first = counter;
    if (early)
        return;
    CLEANUP(count_end) int *second = first;
    (void)second;
}

static void test_cleanup(void **state)
{
    (void)state;
    int counter = 0;
    leave(&counter, true);
    assert_int_equal(counter, 1);
    leave(&counter, false);
    assert_int_equal(counter, 3);
}

static void test_pointers(void **state)
{
    (void)state;
    struct pair {
        int first;
        int second;
    } pair = {1, 2};
    int *second = &pair.second;
    assert_ptr_equal(CONTAINER_OF(second, struct pair, second), &pair);
    int *taken = TAKE_PTR(second);
    assert_null(second);
    assert_int_equal(*taken, 2);
    int numbers[7];
    assert_int_equal(COUNT_OF(numbers), 7);
}

static void run_check(bool condition)
{
    check(condition);
}

// A check that fails ends the process by SIGABRT and names the place on standard error.
static void test_check(void **state)
{
    (void)state;
    run_check(true);
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        signal(SIGABRT, SIG_DFL);
        dup2(ends[1], 2);
        run_check(false);
        _exit(0);
    }
    close(ends[1]);
    char text[200] = {0};
    assert_true(read(ends[0], text, sizeof(text) - 1) > 0);
    close(ends[0]);
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status));
    assert_int_equal(WTERMSIG(status), SIGABRT);
    assert_non_null(strstr(text, "macro_test.c:"));
    assert_non_null(strstr(text, "check failed: condition"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cleanup),
        cmocka_unit_test(test_pointers),
        cmocka_unit_test(test_check),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
