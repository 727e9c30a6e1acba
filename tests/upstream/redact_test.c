// Tests of upstream/redact.c.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/arena.h"
#include "domain/exchange.h"
#include "upstream/redact.h"
#include "upstream/wire.h"

static const struct str nobody[4] = {{0}};
static const struct str john[] = {STR_INIT("homeowner@example.com"), STR_INIT("John"),
                                  STR_INIT("Doe"), STR_INIT("+1234567890")};

static void test_bodies(void **state)
{
    static const struct {
        const char *body;
        const char *want;
    } rows[] = {
        {"", NULL},
        {"  ", NULL},
        {"{}", "{}"},
        {"{\"id\":123,\"lead_id\":456}", "{\"id\":123,\"lead_id\":456}"},
        {"{\"firstname\": \"Ann\", \"a\": 1}", "{\"firstname\":\"***\", \"a\": 1}"},
        {"{\"first_name\":\"A\\\"nn\",\"a\":1}", "{\"first_name\":\"***\",\"a\":1}"},
        {"{\"LastName\":null}", "{\"LastName\":\"***\"}"},
        {"{\"phone\":4155550100,\"b\":2}", "{\"phone\":\"***\",\"b\":2}"},
        {"{\"homeowner\":{\"x\":[1,{\"y\":\"}\"}]},\"b\":2}", "{\"homeowner\":\"***\",\"b\":2}"},
        {"{\"contact\":[\"]\",2],\"b\":[]}", "{\"contact\":\"***\",\"b\":[]}"},
        {"{\"token\":\"t\"}", "{\"token\":\"***\"}"},
        {"{\"api-key\":\"t\",\"e_mail\":3}", "{\"api-key\":\"***\",\"e_mail\":\"***\"}"},
        {"{\"ph\\u006fne\":\"1\"}", "{\"ph\\u006fne\":\"***\"}"},
        {"{\"name\":\"Ann\",\"filename\":\"scene.obj\"}",
         "{\"name\":\"***\",\"filename\":\"scene.obj\"}"},
        {"[\"a@b.c\",\"(415) 555-0100\",\"94102\"]", "[\"***\",\"***\",\"94102\"]"},
        {"{\"at\":\"2026-11-23T04:27:17Z\",\"production\":15000.25}",
         "{\"at\":\"2026-11-23T04:27:17Z\",\"production\":15000.25}"},
        {"{\"note\":\"please call +1 415 555 0100, now\",\"at\":\"2026-11-23T04:27:17Z\"}",
         "{\"note\":\"please call ***, now\",\"at\":\"2026-11-23T04:27:17Z\"}"},
        // Cut or broken.
        {"{\"a\":1,\"email\":\"ann@exa", "{\"a\":1,\"email\":\"***\""},
        {"{\"note\":\"call ann@example.com or", "{\"note\":\"call *** or"},
        {"{\"owner\":{\"x\":[1", "{\"owner\":\"***\""},
        {"{\"phone\"", "{\"phone\""},
        {"\"", "\""},
        // No JSON.
        {"the roof is too small", "the roof is too small"},
        {"mail <ann@example.com> or +1 (415) 555-0100!", "mail <***> or ***!"},
        {"<html>404: house 456 of 123456</html>", "<html>404: house 456 of 123456</html>"},
        {"a\nb\x01\xFF c", "a b c"},
    };
    struct arena *arena = arena_open(0);
    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct str got = redact_body(str_of(rows[i].body), nobody, 4, arena);
        if (!str_equal(got, str_of(rows[i].want)))
            fail_msg("%s: got %.*s", rows[i].body, STR_ARG(got));
    }
    assert_null(redact_body(STR_NULL, NULL, 0, arena).ptr);
    arena_close(arena);
}

static void test_words(void **state)
{
    static const struct {
        const char *body;
        const char *want;
    } rows[] = {
        {"John Doe lives in Johnstown, said JOHN", "*** *** lives in Johnstown, said ***"},
        {"{\"error\":\"doe, john: no such roof\"}", "{\"error\":\"***, ***: no such roof\"}"},
        {"does+1234567890", "does***"},
        {"+1234567890", "***"},
    };
    struct arena *arena = arena_open(0);
    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct str got = redact_body(str_of(rows[i].body), john, COUNT_OF(john), arena);
        if (!str_equal(got, str_of(rows[i].want)))
            fail_msg("%s: got %.*s", rows[i].body, STR_ARG(got));
    }
    // A letter is no word to look for, and an empty name none at all.
    static const struct str tiny[] = {STR_INIT("a"), STR_INIT("")};
    assert_true(str_equal(redact_body(STR("a cat"), tiny, 2, arena), STR("a cat")));
    arena_close(arena);
}

static bool holds(struct str text, const char *part)
{
    return memmem(text.ptr, text.len, part, strlen(part)) != NULL;
}

// The request of the specification's example, as it goes out.
static void test_sample_request(void **state)
{
    (void)state;
    struct arena *arena = arena_open(0);
    const struct project_request request = {
        .latitude = OPT_F64(37.7749),
        .longitude = OPT_F64(-122.4194),
        .address = {.street = STR("123 Solar Street"), .city = STR("San Francisco")},
        .homeowner = {.email = STR("homeowner@example.com"),
                      .first_name = STR("John"),
                      .last_name = STR("Doe"),
                      .phone = STR("+1234567890")},
        .hardware = {.panel_id = OPT_I64(1), .inverter_id = OPT_I64(1)},
        .unit = STR("kwh"),
    };
    struct str body = wire_write_create(&request, arena);
    assert_true(holds(body, "homeowner@example.com") && holds(body, "John"));
    for (int hidden = 0; hidden < 2; hidden++) { // also by the members' names alone
        struct str got = redact_body(body, hidden ? john : nobody, 4, arena);
        static const char *const never[] = {"example.com", "John", "Doe", "1234567890"};
        for (size_t i = 0; i < COUNT_OF(never); i++)
            assert_false(holds(got, never[i]));
        static const char *const kept[] = {"\"latitude\":37.7749", "123 Solar Street",
                                           "\"homeowner\":\"***\"", "\"panel_id\":1"};
        for (size_t i = 0; i < COUNT_OF(kept); i++)
            assert_true(holds(got, kept[i]));
    }
    arena_close(arena);
}

// Whatever comes: bounded, well-formed, and nothing private at the edges.
static void test_bounds(void **state)
{
    (void)state;
    struct arena *arena = arena_open(0);
    char body[3 * REDACT_READ_MAX];
    static const char *const pieces[] = {"@ ", "\"@\",", "\xC3\xA9", "{\"phone\":1,", "John "};
    for (size_t i = 0; i < COUNT_OF(pieces); i++) {
        for (int bracket = 0; bracket < 2; bracket++) {
            size_t len = 0;
            if (bracket)
                body[len++] = '[';
            while (len + 16 < sizeof(body)) {
                memcpy(body + len, pieces[i], strlen(pieces[i]));
                len += strlen(pieces[i]);
            }
            struct str got = redact_body((struct str){body, len}, john, COUNT_OF(john), arena);
            assert_in_range(got.len, EXCHANGE_TEXT_MAX - 4, EXCHANGE_TEXT_MAX);
            assert_true(str_is_utf8(got));
            assert_false(holds(got, "Joh"));
            assert_false(holds(got, "@"));
        }
    }
    arena_close(arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bodies),
        cmocka_unit_test(test_words),
        cmocka_unit_test(test_sample_request),
        cmocka_unit_test(test_bounds),
    };
    return cmocka_run_group_tests_name("redact", tests, NULL, NULL);
}
