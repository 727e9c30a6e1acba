// Tests of upstream/wire.h: requests to the letter, answers leniently.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/arena.h"
#include "upstream/wire.h"

static int open_arena(void **state)
{
    *state = arena_open(0);
    return 0;
}

static int close_arena(void **state)
{
    arena_close(*state);
    return 0;
}

static void assert_text(struct str text, const char *want)
{
    if (want == NULL) {
        assert_null(text.ptr);
        return;
    }
    assert_non_null(text.ptr);
    if (text.len != strlen(want) || memcmp(text.ptr, want, text.len) != 0)
        print_error("got  %.*s\nwant %s\n", STR_ARG(text), want);
    assert_int_equal(text.len, strlen(want));
    assert_memory_equal(text.ptr, want, text.len);
}

static void test_login_is_written(void **state)
{
    assert_text(wire_write_login("a@b.c", "p\"w\\\n", *state),
                "{\"contact\":\"a@b.c\",\"password\":\"p\\\"w\\\\\\n\"}");
}

static struct project_request full_request(void)
{
    return (struct project_request){
        .latitude = OPT_F64(37.7749),
        .longitude = OPT_F64(-122.4194),
        .address = {STR("123 Solar Street"), STR("San Francisco"), STR("CA"), STR("94102"),
                    STR("USA")},
        .homeowner = {STR("homeowner@example.com"), STR("John"), STR("Doe"), STR("+1234567890")},
        .hardware = {OPT_I64(1), OPT_I64(2), OPT_I64(3), OPT_I64(4)},
        .consumption = {800, 850, 900, 950, 1000, 1050, 1100, 1150, 1200, 1250, 1300, 1350.4},
        .has_consumption = true,
        .lse_id = OPT_I64(7),
        .period = PROJECT_YEAR,
        .target_solar_offset = OPT_I64(110),
        .mode = STR("max"),
        .unit = STR("kwh"),
    };
}

static void test_create_is_written(void **state)
{
    struct project_request request = full_request();
    assert_text(
        wire_write_create(&request, *state),
        "{\"latitude\":37.7749,\"longitude\":-122.4194,"
        "\"address\":{\"street\":\"123 Solar Street\",\"city\":\"San Francisco\",\"state\":\"CA\","
        "\"postalCode\":\"94102\",\"country\":\"USA\"},"
        "\"homeowner\":{\"email\":\"homeowner@example.com\",\"firstname\":\"John\","
        "\"lastname\":\"Doe\",\"phone\":\"+1234567890\"},"
        "\"hardware\":{\"panel_id\":1,\"inverter_id\":2,\"storage_id\":3,\"storage_quantity\":4},"
        "\"consumption\":[800,850,900,950,1000,1050,1100,1150,1200,1250,1300,1350],"
        "\"lseId\":7,\"period\":\"year\",\"targetSolarOffset\":110,\"mode\":\"max\","
        "\"unit\":\"kwh\"}");
}

static void test_create_leaves_out_what_is_optional(void **state)
{
    struct project_request request = {
        .latitude = OPT_F64(0),
        .longitude = OPT_F64(0),
        .hardware = {.panel_id = OPT_I64(1), .inverter_id = OPT_I64(1)},
        .lse_id = OPT_I64(1),
        .period = PROJECT_MONTH,
        .target_solar_offset = OPT_I64(100),
        .unit = STR("kwh"),
    };
    assert_text(wire_write_create(&request, *state),
                "{\"latitude\":0,\"longitude\":0,"
                "\"address\":{\"street\":\"\",\"city\":\"\",\"state\":\"\",\"postalCode\":\"\","
                "\"country\":\"\"},"
                "\"homeowner\":{\"email\":\"\",\"firstname\":\"\",\"lastname\":\"\","
                "\"phone\":\"\"},"
                "\"hardware\":{\"panel_id\":1,\"inverter_id\":1},"
                "\"consumption\":[0,0,0,0,0,0,0,0,0,0,0,0],"
                "\"lseId\":1,\"period\":\"month\",\"targetSolarOffset\":100,\"unit\":\"kwh\"}");
}

static void test_status_requests_are_written(void **state)
{
    assert_text(wire_write_adders(123, *state), "{\"project_id\":123}");
    assert_text(wire_write_prices(123, 456, *state), "{\"project_id\":123,\"house_id\":456}");
}

static void test_login_is_read(void **state)
{
    static const struct {
        const char *text;
        const char *token; // NULL: refused
        int64_t company_id;
    } rows[] = {
        {"{\"token\":\"abc\",\"company\":{\"id\":5}}", "abc", 5},
        {"{\"token\":\"abc\",\"company\":{\"id\":\"5\"},\"user\":{}}", "abc", 5},
        {"{\"token\":\"abc\",\"company\":null}", "abc", 0},
        {"{\"token\":\"abc\",\"company\":{\"id\":-5}}", "abc", 0},
        {"{\"token\":\"abc\",\"company\":[{\"id\":5}]}", "abc", 0},
        {"{\"token\":\"\"}", NULL, 0},
        {"{\"token\":null}", NULL, 0},
        {"{\"token\":12}", NULL, 0},
        {"{\"token\":\"a b\"}", NULL, 0},
        {"{\"token\":\"a\\r\\nX-Evil: 1\"}", NULL, 0},
        {"{\"token\":\"\\u00e4\"}", NULL, 0},
        {"{}", NULL, 0},
        {"[]", NULL, 0},
        {"", NULL, 0},
        {"{\"token\":\"abc\"", NULL, 0},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct wire_login login;
        bool read = wire_read_login(str_of(rows[i].text), *state, &login);
        assert_int_equal(read, rows[i].token != NULL);
        if (!read)
            continue;
        assert_text(login.token, rows[i].token);
        assert_int_equal(login.company_id.set, rows[i].company_id != 0);
        assert_int_equal(login.company_id.value, rows[i].company_id);
    }
}

static bool read_create(void **state, const char *text, struct lf_create *create)
{
    *create = (struct lf_create){.call.arena = *state};
    return wire_read_create(str_of(text), create);
}

static void test_create_is_read(void **state)
{
    struct lf_create create;
    assert_true(read_create(
        state,
        "{\"id\":123,\"lead_id\":456,\"status\":\"processing\",\"annual_production\":15000,"
        "\"system_size\":10.5,\"estimated_cost\":25000,\"annual_savings\":2500,"
        "\"adders\":{\"a\":[1, 2]},\"new\":true}",
        &create));
    assert_int_equal(create.project_id, 123);
    assert_int_equal(create.house_id.value, 456);
    assert_true(create.figures.annual_production.value == 15000);
    assert_true(create.figures.system_size.value == 10.5);
    assert_true(create.figures.estimated_cost.value == 25000);
    assert_true(create.figures.annual_savings.value == 2500);
    assert_false(create.figures.panel_count.set);
    assert_text(create.details.adders, "{\"a\":[1,2]}");
    assert_null(create.details.panel.ptr);

    assert_true(read_create(state,
                            "{\"id\":\"123\",\"lead_id\":456.0,\"system_size\":\"10.5\","
                            "\"annual_production\":null,\"estimated_cost\":{},\"adders\":null}",
                            &create));
    assert_int_equal(create.project_id, 123);
    assert_int_equal(create.house_id.value, 456);
    assert_true(create.figures.system_size.value == 10.5);
    assert_false(create.figures.annual_production.set);
    assert_false(create.figures.estimated_cost.set);
    assert_null(create.details.adders.ptr);

    // The adders as the status calls give them, with the hardware beside them.
    assert_true(read_create(state,
                            "{\"id\":1,\"adders\":{\"panel\":{\"ID\":1},\"inverter\":[{\"ID\":2}],"
                            "\"storage\":null,\"adders\":[{\"ID\":3}]}}",
                            &create));
    assert_text(create.details.panel, "{\"ID\":1}");
    assert_text(create.details.inverter, "[{\"ID\":2}]");
    assert_null(create.details.storage.ptr);
    assert_text(create.details.adders, "[{\"ID\":3}]");
}

static void test_create_without_an_id_is_nonsense(void **state)
{
    static const char *const texts[] = {
        "",
        "{}",
        "[]",
        "null",
        "\"123\"",
        "123",
        "{\"id\":null}",
        "{\"id\":0}",
        "{\"id\":-1}",
        "{\"id\":1.5}",
        "{\"id\":1e300}",
        "{\"id\":2147483648}", // more than the specification's columns hold
        "{\"id\":[1]}",
        "{\"id\":true}",
        "{\"id\":\"x1\"}",
        "{\"ID\":1}",
        "{\"lead_id\":1}",
        "{\"id\":123",
        "{\"id\":123}}",
        "<html>",
    };
    for (size_t i = 0; i < COUNT_OF(texts); i++) {
        struct lf_create create;
        if (read_create(state, texts[i], &create))
            print_error("taken: %s\n", texts[i]);
        assert_false(read_create(state, texts[i], &create));
    }
}

static bool read_complete(void **state, const char *text, struct lf_complete *complete)
{
    *complete = (struct lf_complete){.call.arena = *state};
    return wire_read_complete(str_of(text), complete);
}

static void test_complete_is_read(void **state)
{
    struct lf_complete complete;
    assert_true(read_complete(
        state,
        "{\"lead\":{\"id\":1,\"state\":1,\"house_id\":456,\"lead_id\":123,\"latitude\":37.5,"
        "\"longitude\":-122,\"build\":{\"id\":9,\"state\":1,\"progress\":100},"
        "\"house\":{\"id\":456,\"kwh_usage\":1,\"panel_count\":30,\"system_size\":10},"
        "\"production\":{\"id\":1,\"annual\":15000.5}}}",
        &complete));
    assert_true(complete.reading.known);
    assert_int_equal(complete.reading.state.value, LF_DONE);
    assert_int_equal(complete.reading.progress.value, 100);
    assert_int_equal(complete.reading.figures.panel_count.value, 30);
    assert_true(complete.reading.figures.system_size.value == 10);
    assert_true(complete.reading.figures.annual_production.value == 15000.5);
    assert_int_equal(complete.lead_id.value, 123);
    assert_int_equal(complete.lead_own_id.value, 1);
    assert_int_equal(complete.build_id.value, 9);
    assert_true(complete.latitude.value == 37.5);
    assert_true(complete.longitude.value == -122);
    assert_memory_equal(complete.lead_completion.ptr, "{\"id\":1,", 8);
}

static void test_complete_is_read_leniently(void **state)
{
    struct lf_complete complete;
    assert_true(read_complete(state,
                              "{\"lead\":{\"state\":\"0\",\"build\":{\"progress\":42.9},"
                              "\"house\":[],\"production\":null}}",
                              &complete));
    assert_true(complete.reading.state.set);
    assert_int_equal(complete.reading.state.value, LF_PROGRESS);
    assert_int_equal(complete.reading.progress.value, 42);
    assert_false(complete.reading.figures.panel_count.set);
    assert_false(complete.lead_id.set);

    assert_true(read_complete(
        state, "{\"lead\":{\"build\":{\"progress\":1e300},\"house\":{\"panel_count\":-1e300}}}",
        &complete));
    assert_false(complete.reading.state.set);
    assert_int_equal(complete.reading.progress.value, 100);
    assert_int_equal(complete.reading.figures.panel_count.value, 0);

    assert_false(read_complete(state, "{\"lead\":null}", &complete));
    assert_false(read_complete(state, "{\"lead\":[]}", &complete));
    assert_false(read_complete(state, "{}", &complete));
    assert_false(read_complete(state, "", &complete));
}

static void test_details_are_read(void **state)
{
    struct lf_details details = {.call.arena = *state};
    assert_true(wire_read_adders(STR("{\"panel\":{\"ID\":1},\"inverter\":[{\"ID\":2}],"
                                     "\"storage\":null,\"adders\":[]}"),
                                 &details));
    assert_text(details.panel, "{\"ID\":1}");
    assert_text(details.inverter, "[{\"ID\":2}]");
    assert_text(details.storage, NULL);
    assert_text(details.adders, "[]");
    assert_true(
        wire_read_adders(STR("{\"panel\":[{\"ID\":1}],\"inverter\":{\"ID\":2}}"), &details));
    assert_text(details.panel, "[{\"ID\":1}]");
    assert_text(details.inverter, "{\"ID\":2}");
    assert_text(details.adders, NULL);
    assert_false(wire_read_adders(STR("[]"), &details));

    assert_true(wire_read_prices(STR("{\"items\":[], \"total_amount\":\"25000.5\"}"), &details));
    assert_true(details.total_amount.value == 25000.5);
    assert_text(details.price_breakdown, "{\"items\":[],\"total_amount\":\"25000.5\"}");
    assert_false(wire_read_prices(STR("null"), &details));
}

static void test_leads_are_read(void **state)
{
    struct wire_leads page;
    assert_true(wire_read_leads(
        STR("{\"leads\":[{\"id\":1,\"latitude\":\"1.5\",\"longitude\":2,"
            "\"created_at\":\"2024-01-01T00:00:00Z\"},{\"id\":null,\"created_at\":17}],"
            "\"total\":2}"),
        *state, &page));
    assert_int_equal(page.count, 2);
    assert_int_equal(page.leads[0].id.value, 1);
    assert_true(page.leads[0].latitude.value == 1.5);
    assert_true(page.leads[0].longitude.value == 2);
    assert_true(page.leads[0].created_us.value == INT64_C(1704067200) * US_PER_S);
    assert_false(page.leads[1].id.set);
    assert_false(page.leads[1].created_us.set);

    assert_true(wire_read_leads(STR("{\"leads\":null}"), *state, &page));
    assert_int_equal(page.count, 0);
    assert_true(wire_read_leads(STR("{\"leads\":[]}"), *state, &page));
    assert_int_equal(page.count, 0);
    assert_false(wire_read_leads(STR("{}"), *state, &page));
    assert_false(wire_read_leads(STR("[]"), *state, &page));
    assert_false(wire_read_leads(STR("{\"leads\":{}}"), *state, &page));
    assert_false(wire_read_leads(STR("{\"leads\":[1]}"), *state, &page));
}

static void test_words_are_taken_from_failures(void **state)
{
    static const struct {
        const char *text;
        const char *want;
    } rows[] = {
        {"{\"error\":\"no roof\"}", "no roof"},
        {"{\"message\":\"no roof\",\"code\":3}", "no roof"},
        {"{\"detail\":\"no roof\"}", "no roof"},
        {"{\"message\":\"second\",\"error\":\"first\"}", "first"},
        {"{\"error\":{\"message\":\"inner\"}}", "inner"},
        {"{\"error\":true,\"message\":\"m\"}", "m"},
        {"{\"error\":\"\",\"message\":\"m\"}", "m"},
        {"{\"errors\":[\"x\"]}", NULL},
        {"{\"error\":\"\\u0007\"}", NULL},
        {"{\"error\":{\"error\":{\"error\":{\"error\":\"deep\"}}}}", NULL},
        {"[\"x\"]", NULL},
        {"plain words", NULL},
        {"{\"error\":\"tab\\there\"}", "tab here"},
        {"", NULL},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++)
        assert_text(wire_find_words(str_of(rows[i].text), *state), rows[i].want);
}

static void test_words_are_cleaned(void **state)
{
    static const struct {
        const char *text;
        const char *want;
    } rows[] = {
        {"plain words", "plain words"},       {"  two\r\nlines\n", "two lines"},
        {"a\x01\x7f\xc2\x85z", "az"},         {"bad \xff utf\xc3", "bad  utf"},
        {"\xe2\x82\xac 5", "\xe2\x82\xac 5"}, {"", ""},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++)
        assert_text(wire_clean_words(str_of(rows[i].text), *state), rows[i].want);
}

static void test_words_are_cut_between_characters(void **state)
{
    char text[WIRE_WORDS_READ_MAX + 100];
    memset(text, 'x', sizeof(text));
    struct str words = {.ptr = text, .len = WIRE_WORDS_MAX};
    assert_int_equal(wire_cut_words(words).len, WIRE_WORDS_MAX);
    words.len++;
    assert_int_equal(wire_cut_words(words).len, WIRE_WORDS_MAX);
    memcpy(text + WIRE_WORDS_MAX - 1, "\xc3\xa4", 2);
    assert_int_equal(wire_cut_words(words).len, WIRE_WORDS_MAX - 1);
    words.len = sizeof(text);
    assert_int_equal(wire_clean_words(words, *state).len, WIRE_WORDS_READ_MAX);
}

static void test_hostile_answers_are_refused(void **state)
{
    static char deep[200000];
    memset(deep, '[', sizeof(deep));
    memcpy(deep, "{\"id\":1,\"lead\":", 15);
    struct str text = {.ptr = deep, .len = sizeof(deep)};
    struct lf_create create = {.call.arena = *state};
    struct lf_complete complete = {.call.arena = *state};
    struct wire_leads page;
    assert_false(wire_read_create(text, &create));
    assert_false(wire_read_complete(text, &complete));
    assert_false(wire_read_leads(text, *state, &page));
    assert_null(wire_find_words(text, *state).ptr);
    assert_false(wire_read_create(STR("{\"id\":1,\"id\":2}"), &create));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, open_arena, close_arena)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_login_is_written),
        TEST(test_create_is_written),
        TEST(test_create_leaves_out_what_is_optional),
        TEST(test_status_requests_are_written),
        TEST(test_login_is_read),
        TEST(test_create_is_read),
        TEST(test_create_without_an_id_is_nonsense),
        TEST(test_complete_is_read),
        TEST(test_complete_is_read_leniently),
        TEST(test_details_are_read),
        TEST(test_leads_are_read),
        TEST(test_words_are_taken_from_failures),
        TEST(test_words_are_cleaned),
        TEST(test_words_are_cut_between_characters),
        TEST(test_hostile_answers_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
