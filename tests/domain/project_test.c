// Tests of domain/project.c.
#include "domain/table_check.h"

#include "domain/project.h"
#include "json/json_read.h"
#include "json/json_write.h"

static void test_tables(void **state)
{
    (void)state;
    ASSERT_TABLE(&project_address_table, struct project_address, "street", "city", "state",
                 "postal_code", "country");
    ASSERT_TABLE(&project_homeowner_table, struct project_homeowner, "email", "first_name",
                 "last_name", "phone");
    ASSERT_TABLE(&project_hardware_table, struct project_hardware, "panel_id", "inverter_id",
                 "storage_id", "storage_quantity");
    ASSERT_TABLE(&project_request_table, struct project_request, "latitude", "longitude", "address",
                 "homeowner", "hardware", "consumption", "lse_id", "period", "target_solar_offset",
                 "mode", "unit");
    ASSERT_TABLE(&project_details_table, struct project_details, "panel", "inverter", "storage",
                 "adders", "price_breakdown", "lead_completion");
    int postal_code = field_find(&project_address_table, STR("postal_code"));
    assert_int_equal(field_find(&project_address_table, STR("Postalcode")), postal_code);
    assert_int_equal(field_find(&project_address_table, STR("postalCode")), postal_code);
    assert_int_equal(field_named(&project_request_table, "consumption")->count, 12);
    ASSERT_NAMES(field_named(&project_request_table, "period")->names, NULL, "month", "year");
}

static void test_spread(void **state)
{
    (void)state;
    static const struct {
        double year;
        double first;
        int more; // months that have one more than the last
    } cases[] = {
        {0, 0, 0},         {1, 1, 1},       {11, 1, 11},        {12, 1, 0},
        {13, 2, 1},        {10800, 900, 0}, {12000, 1000, 0},   {12345, 1029, 9},
        {10805.9, 901, 5}, {-5, 0, 0},      {1e9, 83333334, 4}, {0.99, 0, 0},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        double months[PROJECT_MONTHS];
        project_spread_usage(cases[i].year, months);
        double sum = 0;
        int more = 0;
        for (int month = 0; month < PROJECT_MONTHS; month++) {
            sum += months[month];
            more += months[month] > months[PROJECT_MONTHS - 1];
            assert_true(months[month] == (double)(int64_t)months[month]);
            if (month > 0)
                assert_true(months[month] <= months[month - 1]); // the remainder comes first
        }
        double whole = cases[i].year < 0 ? 0 : (double)(int64_t)cases[i].year;
        assert_true(sum == whole);
        assert_true(months[0] == cases[i].first);
        assert_int_equal(more, cases[i].more);
    }
}

static const struct {
    const char *line;
    const char *street;
    const char *city; // NULL: not split
    const char *state;
    const char *postal_code;
} address_cases[] = {
    {"123 Solar St, San Francisco, CA 94102", "123 Solar St", "San Francisco", "CA", "94102"},
    {"123 Solar St, San Francisco, CA 94102-1234", "123 Solar St", "San Francisco", "CA",
     "94102-1234"},
    {"  1 A St ,\tB  ,  NY   10001 ", "1 A St", "B", "NY", "10001"},
    {"1 A St, Apt 4, Springfield, IL 62704", "1 A St, Apt 4", "Springfield", "IL", "62704"},
    {"1 A St,B,TX 75001", "1 A St", "B", "TX", "75001"},
    {", B, TX 75001", "", "B", "TX", "75001"},
    {"123 Solar St", "123 Solar St", NULL, NULL, NULL},
    {"", "", NULL, NULL, NULL},
    {"   ", "", NULL, NULL, NULL},
    {",", ",", NULL, NULL, NULL},
    {",,", ",,", NULL, NULL, NULL},
    {"San Francisco, CA 94102", "San Francisco, CA 94102", NULL, NULL, NULL},
    {"1 A St, San Francisco, CA 94102, USA", "1 A St, San Francisco, CA 94102, USA", NULL, NULL,
     NULL},
    {"1 A St, B, Ca 94102", "1 A St, B, Ca 94102", NULL, NULL, NULL},
    {"1 A St, B, CA94102", "1 A St, B, CA94102", NULL, NULL, NULL},
    {"1 A St, B, CAL 94102", "1 A St, B, CAL 94102", NULL, NULL, NULL},
    {"1 A St, B, CA 9410", "1 A St, B, CA 9410", NULL, NULL, NULL},
    {"1 A St, B, CA 941021", "1 A St, B, CA 941021", NULL, NULL, NULL},
    {"1 A St, B, CA 94102-12", "1 A St, B, CA 94102-12", NULL, NULL, NULL},
    {"1 A St, B, CA 94102 1234", "1 A St, B, CA 94102 1234", NULL, NULL, NULL},
    {"1 A St, B, CA 9410x", "1 A St, B, CA 9410x", NULL, NULL, NULL},
    {"1 A St, B, CA", "1 A St, B, CA", NULL, NULL, NULL},
    {"1 A St, , CA 94102", "1 A St, , CA 94102", NULL, NULL, NULL},
    {"1 A St, B, CA 94102,", "1 A St, B, CA 94102,", NULL, NULL, NULL},
    {"Hauptstra\xC3\x9F"
     "e 1, 80331 M\xC3\xBCnchen",
     "Hauptstra\xC3\x9F"
     "e 1, 80331 M\xC3\xBCnchen",
     NULL, NULL, NULL},
};

static void assert_text(const char *what, struct str got, const char *want)
{
    if (!str_equal(got, str_of(want)))
        fail_msg("%s: got \"%.*s\", want \"%s\"", what, STR_ARG(got),
                 want == NULL ? "(null)" : want);
}

static void test_address_parse(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(address_cases); i++) {
        struct project_address address;
        memset(&address, 0x55, sizeof(address));
        const char *line = address_cases[i].line;
        project_address_parse(str_of(line), STR("USA"), &address);
        assert_text(line, address.street, address_cases[i].street);
        assert_text(line, address.city, address_cases[i].city);
        assert_text(line, address.state, address_cases[i].state);
        assert_text(line, address.postal_code, address_cases[i].postal_code);
        assert_text(line, address.country, "USA");
    }
    struct project_address address;
    project_address_parse(STR_NULL, STR_NULL, &address);
    assert_int_equal(address.street.len, 0);
    assert_null(address.country.ptr);
}

// Parts that are NULL are null.
static const struct {
    const char *street;
    const char *city;
    const char *state;
    const char *postal_code;
    const char *country;
    const char *want;
} join_cases[] = {
    {"123 Solar Street", "San Francisco", "CA", "94102", "USA",
     "123 Solar Street, San Francisco, CA 94102, USA"},
    {"1 A St", NULL, NULL, NULL, NULL, "1 A St"},
    {"1 A St", NULL, NULL, "94102", NULL, "1 A St, 94102"},
    {"1 A St", NULL, "CA", NULL, NULL, "1 A St, CA"},
    {NULL, NULL, "CA", "94102", NULL, "CA 94102"},
    {"", "B", "", "1", "", "B, 1"},
    {NULL, NULL, NULL, NULL, "USA", "USA"},
    {"", "", "", "", "", NULL},
    {NULL, NULL, NULL, NULL, NULL, NULL},
};

static void test_address_join(void **state)
{
    (void)state;
    struct arena *arena CLEANUP(arena_close_ptr) = arena_open(0);
    for (size_t i = 0; i < COUNT_OF(join_cases); i++) {
        struct project_address address = {
            .street = str_of(join_cases[i].street),
            .city = str_of(join_cases[i].city),
            .state = str_of(join_cases[i].state),
            .postal_code = str_of(join_cases[i].postal_code),
            .country = str_of(join_cases[i].country),
        };
        assert_text("joined", project_address_join(&address, arena), join_cases[i].want);
    }
}

// A joined address is one that a lead may have: cut at a whole character.
static void test_address_join_bound(void **state)
{
    (void)state;
    struct arena *arena CLEANUP(arena_close_ptr) = arena_open(0);
    char text[LEAD_ADDRESS_MAX];
    memset(text, 'x', sizeof(text));
    struct str part = {text, 200};
    struct project_address address = {part, part, part, part, part};
    assert_int_equal(project_address_join(&address, arena).len, LEAD_ADDRESS_MAX);
    address.street.len = LEAD_ADDRESS_MAX; // the longest there is
    assert_int_equal(project_address_join(&address, arena).len, LEAD_ADDRESS_MAX);
    // The last character has two bytes, of which one or both fit.
    for (size_t fit = 1; fit <= 2; fit++) {
        memcpy(text + LEAD_ADDRESS_MAX - 2, "\xC3\xA9", 2);
        struct project_address two = {.street = {text, 3 - fit},
                                      .city = {text + 3, LEAD_ADDRESS_MAX - 3}};
        struct str joined = project_address_join(&two, arena);
        assert_true(str_is_utf8(joined));
        assert_int_equal(joined.len, fit == 1 ? LEAD_ADDRESS_MAX - 1 : LEAD_ADDRESS_MAX);
    }
}

static const struct project_defaults defaults = {
    .homeowner = {STR_INIT("a@example.com"), STR_INIT("Ann"), STR_INIT("Other"), {0}},
    .hardware = {{1, true}, {2, true}, {0}, {0}},
    .lse_id = 3,
    .kwh_usage = 10800,
    .country = STR_INIT("USA"),
};

static void assert_i64(struct opt_i64 got, int64_t want)
{
    assert_true(got.set);
    assert_int_equal(got.value, want);
}

// The flag alone is enough: a lead with a place and an address.
static void test_complete_from_lead(void **state)
{
    (void)state;
    struct lead lead = {.latitude = 37.7749,
                        .longitude = -122.4194,
                        .address = STR("123 Solar St, San Francisco, CA 94102")};
    struct project_request request = {0};
    project_complete(&request, &lead, &defaults);
    assert_true(request.latitude.set && request.latitude.value == 37.7749);
    assert_true(request.longitude.set && request.longitude.value == -122.4194);
    assert_text("street", request.address.street, "123 Solar St");
    assert_text("city", request.address.city, "San Francisco");
    assert_text("state", request.address.state, "CA");
    assert_text("postal code", request.address.postal_code, "94102");
    assert_text("country", request.address.country, "USA");
    assert_text("email", request.homeowner.email, "a@example.com");
    assert_text("first name", request.homeowner.first_name, "Ann");
    assert_text("last name", request.homeowner.last_name, "Other");
    assert_text("phone", request.homeowner.phone, ""); // sent as empty text
    assert_i64(request.hardware.panel_id, 1);
    assert_i64(request.hardware.inverter_id, 2);
    assert_false(request.hardware.storage_id.set);
    assert_false(request.hardware.storage_quantity.set);
    assert_true(request.has_consumption);
    for (int month = 0; month < PROJECT_MONTHS; month++)
        assert_true(request.consumption[month] == 900);
    assert_i64(request.lse_id, 3);
    assert_int_equal(request.period, PROJECT_MONTH);
    assert_i64(request.target_solar_offset, 100);
    assert_text("mode", request.mode, "max");
    assert_text("unit", request.unit, "kwh");
}

// What a request says is not touched, 0 and empty texts included.
static void test_complete_keeps(void **state)
{
    (void)state;
    struct lead lead = {
        .latitude = 1, .longitude = 2, .address = STR("x"), .kwh_usage = OPT_F64(5)};
    struct project_request request = {
        .latitude = OPT_F64(0),
        .longitude = OPT_F64(0),
        .address = {STR("1 A St"), STR("B"), STR("TX"), STR("75001"), STR("Canada")},
        .homeowner = {STR(""), STR("F"), STR("L"), STR("+1")},
        .hardware = {OPT_I64(11), OPT_I64(12), OPT_I64(13), OPT_I64(0)},
        .has_consumption = true,
        .lse_id = OPT_I64(14),
        .period = PROJECT_YEAR,
        .target_solar_offset = OPT_I64(80),
        .mode = STR(""),
        .unit = STR("usd"),
    };
    struct project_request before = request;
    project_complete(&request, &lead, &defaults);
    for (size_t i = 0; i < project_request_table.count; i++)
        assert_true(field_equal(&project_request_table.fields[i], &request, &before));
    assert_true(request.consumption[0] == 0);
}

static void test_complete_without_lead(void **state)
{
    (void)state;
    struct project_request request = {.latitude = OPT_F64(1), .longitude = OPT_F64(2)};
    struct project_defaults none = {.lse_id = 1};
    project_complete(&request, NULL, &none);
    assert_text("street", request.address.street, "");
    assert_text("country", request.address.country, "");
    assert_text("email", request.homeowner.email, "");
    assert_false(request.hardware.panel_id.set);
    assert_true(request.has_consumption && request.consumption[0] == 0);
}

static void test_complete_consumption(void **state)
{
    (void)state;
    static const struct {
        struct opt_f64 usage;
        double first;
        double last;
    } cases[] = {
        {{0}, 900, 900},
        {{12000, true}, 1000, 1000},
        {{12001, true}, 1001, 1000},
        {{0, true}, 900, 900}, // 0 is not known
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct lead lead = {.kwh_usage = cases[i].usage};
        struct project_request request = {0};
        project_complete(&request, &lead, &defaults);
        assert_true(request.consumption[0] == cases[i].first);
        assert_true(request.consumption[PROJECT_MONTHS - 1] == cases[i].last);
    }
}

// The lead's address is taken only where the request has none; a country said with none stays.
static void test_complete_address(void **state)
{
    (void)state;
    struct lead lead = {.address = STR("1 A St, B, TX 75001")};
    struct project_request request = {.address = {.city = STR("Austin")}};
    project_complete(&request, &lead, &defaults);
    assert_text("street", request.address.street, "");
    assert_text("city", request.address.city, "Austin");
    assert_text("country", request.address.country, "USA");

    request = (struct project_request){.address = {.country = STR("Canada")}};
    project_complete(&request, &lead, &defaults);
    assert_text("city", request.address.city, "B");
    assert_text("country", request.address.country, "Canada");

    request = (struct project_request){.address = {.street = STR(""), .country = STR("")}};
    project_complete(&request, &lead, &defaults);
    assert_text("street", request.address.street, "1 A St");
}

// Whatever a lead holds, the completed request is stored and read back within its bounds.
static void test_complete_is_storable(void **state)
{
    (void)state;
    struct arena *arena CLEANUP(arena_close_ptr) = arena_open(0);
    char long_address[LEAD_ADDRESS_MAX];
    memset(long_address, 'x', sizeof(long_address));
    char long_city[LEAD_ADDRESS_MAX];
    memset(long_city, 'x', sizeof(long_city));
    memcpy(long_city, "1 A St, ", 8);
    memcpy(long_city + LEAD_ADDRESS_MAX - 10, ", CA 94102", 10);
    struct lead leads[] = {
        {.latitude = 90, .longitude = -180, .address = {long_address, sizeof(long_address)}},
        {.latitude = -90, .longitude = 180, .kwh_usage = OPT_F64(1e9)},
        {.address = {long_city, sizeof(long_city)}},
        {.kwh_usage = OPT_F64(0.5), .address = STR("\xC3\xA9, \"B\", CA 94102")},
    };
    for (size_t i = 0; i < COUNT_OF(leads); i++) {
        struct project_request request = {0};
        project_complete(&request, &leads[i], &defaults);
        struct buf text;
        buf_init_arena(&text, arena, 1 << 16);
        json_write_object(&text, &project_request_table, &request);
        assert_false(text.overflow);
        struct json_doc *doc CLEANUP(json_doc_free_ptr) = NULL;
        struct error err;
        error_reset(&err);
        assert_int_equal(json_parse(buf_str(&text), &doc, &err), ERR_OK);
        struct json_decoding how = {.arena = arena};
        struct project_request back = {0};
        if (json_decode(&project_request_table, json_root(doc), &how, &back, &err) != ERR_OK)
            fail_msg("%zu: %s %s", i, err.places[0].pointer, err.places[0].detail);
        for (size_t k = 0; k < project_request_table.count; k++)
            assert_true(field_equal(&project_request_table.fields[k], &request, &back));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_tables),
        cmocka_unit_test(test_spread),
        cmocka_unit_test(test_address_parse),
        cmocka_unit_test(test_address_join),
        cmocka_unit_test(test_address_join_bound),
        cmocka_unit_test(test_complete_from_lead),
        cmocka_unit_test(test_complete_keeps),
        cmocka_unit_test(test_complete_without_lead),
        cmocka_unit_test(test_complete_consumption),
        cmocka_unit_test(test_complete_address),
        cmocka_unit_test(test_complete_is_storable),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
