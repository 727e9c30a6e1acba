// Tests of base/log.c: lines are read back from a pipe.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/thread.h"

static int pipe_ends[2];
static char line[20000];

static int setup(void **state)
{
    (void)state;
    return pipe(pipe_ends);
}

static int teardown(void **state)
{
    (void)state;
    log_setup(LOG_OFF, LOG_TEXT, 2);
    close(pipe_ends[0]);
    close(pipe_ends[1]);
    return 0;
}

// One write is one read. The time, which differs, is checked and cut off, and so is the newline.
static const char *read_line(size_t time_at)
{
    ssize_t got = read(pipe_ends[0], line, sizeof(line) - 1);
    assert_true(got > 0 && line[got - 1] == '\n');
    line[got - 1] = '\0';
    assert_int_equal(strlen(line), got - 1);
    assert_null(strchr(line, '\n'));
    struct str rest = str_slice(str_of(line), time_at, SIZE_MAX);
    size_t time_len = str_find(rest, 'Z', 0) + 1;
    int64_t time_us = 0;
    assert_int_equal(time_parse(str_slice(rest, 0, time_len), &time_us), ERR_OK);
    assert_true(str_is_utf8(rest));
    return rest.ptr + time_len;
}

static const char *read_text(void)
{
    return read_line(0);
}

static const char *read_json(void)
{
    const char *rest = read_line(sizeof("{\"time\":\"") - 1);
    assert_true(str_starts(str_of(line), STR("{\"time\":\"")));
    return rest;
}

// Levels are padded to one width, so that events stand in one column.
static void test_levels(void **state)
{
    (void)state;
    log_setup(LOG_WARN, LOG_TEXT, pipe_ends[1]);
    assert_false(log_enabled(LOG_DEBUG));
    assert_false(log_enabled(LOG_INFO));
    assert_true(log_enabled(LOG_WARN));
    assert_true(log_enabled(LOG_ERROR));
    assert_false(log_enabled(LOG_OFF));
    log_event(LOG_INFO, "a", "not shown");
    log_event(LOG_WARN, "b", "shown");
    assert_string_equal(read_text(), " warn  b shown");
    log_event(LOG_ERROR, "c", "shown");
    assert_string_equal(read_text(), " error c shown");

    log_setup(LOG_OFF, LOG_TEXT, pipe_ends[1]);
    assert_false(log_enabled(LOG_ERROR));
    log_setup(LOG_DEBUG, LOG_TEXT, pipe_ends[1]);
    assert_true(log_enabled(LOG_DEBUG));
}

static const struct {
    struct str value;
    const char *text;
    const char *json;
} values[] = {
    {STR_INIT("word"), "word", "\"word\""},
    {STR_INIT("two words"), "\"two words\"", "\"two words\""},
    {STR_INIT(""), "\"\"", "\"\""},
    {STR_INIT("a=b"), "\"a=b\"", "\"a=b\""},
    {STR_INIT("q\"\\"), "\"q\\\"\\\\\"", "\"q\\\"\\\\\""},
    {STR_INIT("a\nb"), "\"a\\nb\"", "\"a\\nb\""},
    {STR_INIT("\x1b[31m\t\0\x7f"), "\"\\u001b[31m\\u0009\\u0000\\u007f\"",
     "\"\\u001b[31m\\u0009\\u0000\\u007f\""},
    {STR_INIT("\xc2\x9b"), "\"\\u009b\"", "\"\\u009b\""},
    {STR_INIT("caf\xc3\xa9"), "\"caf\xc3\xa9\"", "\"caf\xc3\xa9\""},
    {STR_INIT("x\xff\xe2\x82"), "\"x\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\"",
     "\"x\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\""},
};

static void test_values(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(values); i++) {
        char want[200];
        log_setup(LOG_INFO, LOG_TEXT, pipe_ends[1]);
        log_event(LOG_INFO, "e", "m", LOG_STR("k", values[i].value));
        snprintf(want, sizeof(want), " info  e m k=%s", values[i].text);
        assert_string_equal(read_text(), want);

        log_setup(LOG_INFO, LOG_JSON, pipe_ends[1]);
        log_event(LOG_INFO, "e", "m", LOG_STR("k", values[i].value));
        snprintf(want, sizeof(want),
                 "\",\"level\":\"info\",\"event\":\"e\",\"message\":\"m\",\"k\":%s}",
                 values[i].json);
        assert_string_equal(read_json(), want);
    }
}

static void test_numbers(void **state)
{
    (void)state;
    log_setup(LOG_INFO, LOG_TEXT, pipe_ends[1]);
    log_event(LOG_INFO, "order.created", "an order", LOG_I64("order_id", INT64_MIN),
              LOG_F64("size", 10.5), LOG_F64("nan", (double)NAN), LOG_F64("inf", (double)INFINITY),
              LOG_TEXT_FIELD("text", "plain"), LOG_TEXT_FIELD("none", NULL));
    assert_string_equal(read_text(), " info  order.created an order order_id=-9223372036854775808 "
                                     "size=10.5 nan=null inf=null text=plain");
}

static void test_message(void **state)
{
    (void)state;
    log_setup(LOG_INFO, LOG_TEXT, pipe_ends[1]);
    log_event(LOG_INFO, "e", "two\nlines \"quoted\"");
    assert_string_equal(read_text(), " info  e two\\nlines \"quoted\"");
    log_setup(LOG_INFO, LOG_JSON, pipe_ends[1]);
    log_event(LOG_INFO, "e", "two\nlines \"quoted\"");
    assert_non_null(strstr(read_json(), "\"message\":\"two\\nlines \\\"quoted\\\"\"}"));
}

// A line stays below its bound and is whole, whatever it is made of.
static void test_long(void **state)
{
    (void)state;
    static const char fillers[] = {'x', '\x01', '"', '\xff'};
    static char huge[20000];
    for (size_t i = 0; i < COUNT_OF(fillers); i++) {
        memset(huge, fillers[i], sizeof(huge) - 1);
        log_setup(LOG_INFO, LOG_JSON, pipe_ends[1]);
        log_event(LOG_INFO, "e", "m", LOG_I64("before", 1), LOG_TEXT_FIELD("huge", huge),
                  LOG_TEXT_FIELD("after", "not shown"));
        (void)read_json();
        struct str rest = str_of(line);
        assert_in_range(rest.len, 7000, 8191);
        assert_true(str_equal(str_slice(rest, rest.len - 5, SIZE_MAX), STR("...\"}")));
        assert_non_null(strstr(line, "\"before\":1"));
        assert_null(strstr(line, "after"));

        log_event(LOG_INFO, huge, huge, LOG_TEXT_FIELD("after", "not shown"));
        (void)read_json();
        assert_in_range(strlen(line), 7000, 8191);
        assert_true(line[strlen(line) - 1] == '}');

        log_setup(LOG_INFO, LOG_TEXT, pipe_ends[1]);
        log_event(LOG_INFO, "e", huge, LOG_TEXT_FIELD("after", "not shown"));
        (void)read_text();
        assert_in_range(strlen(line), 7000, 8191);
    }
}

static void test_error(void **state)
{
    (void)state;
    struct error err;
    log_setup(LOG_INFO, LOG_TEXT, pipe_ends[1]);
    (void)error_set(&err, ERR_UPSTREAM, "LightFusion is down");
    log_error(LOG_WARN, "upstream.failed", &err);
    assert_string_equal(read_text(), " warn  upstream.failed LightFusion is down code=upstream");
    error_cause(&err, "connect: refused");
    log_error(LOG_ERROR, "upstream.failed", &err);
    assert_string_equal(read_text(), " error upstream.failed LightFusion is down code=upstream "
                                     "cause=\"connect: refused\"");
}

static void *write_lines(void *ctx)
{
    for (int i = 0; i < 20; i++)
        log_event(LOG_INFO, "thread.line", ctx);
    return NULL;
}

static void test_threads(void **state)
{
    (void)state;
    static char messages[4][200];
    pthread_t threads[4];
    log_setup(LOG_INFO, LOG_TEXT, pipe_ends[1]);
    for (size_t i = 0; i < COUNT_OF(threads); i++) {
        memset(messages[i], (int)('a' + i), sizeof(messages[i]) - 1);
        assert_int_equal(thread_start(&threads[i], "log", write_lines, messages[i], NULL), ERR_OK);
    }
    for (size_t i = 0; i < COUNT_OF(threads); i++)
        thread_join(threads[i]);
    close(pipe_ends[1]);
    FILE *in = fdopen(pipe_ends[0], "r");
    assert_non_null(in);
    int count = 0;
    while (fgets(line, sizeof(line), in) != NULL) {
        const char *message = strstr(line, "thread.line ");
        assert_non_null(message);
        message += strlen("thread.line ");
        assert_int_equal(strlen(message), 200);
        assert_int_equal(strspn(message, (char[]){message[0], '\0'}), 199);
        count++;
    }
    assert_int_equal(count, 80);
    fclose(in);
    assert_int_equal(setup(NULL), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_levels),  cmocka_unit_test(test_values),
        cmocka_unit_test(test_numbers), cmocka_unit_test(test_message),
        cmocka_unit_test(test_long),    cmocka_unit_test(test_error),
        cmocka_unit_test(test_threads),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
