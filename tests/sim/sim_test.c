// Tests of the simulator by what it says on the wire.
#include "sim/sim_world.h"

#include "base/hash.h"

#define TTL_S      900
#define SHORTEST_S 30
#define LONGEST_S  120

static void test_login(void **state)
{
    (void)state;
    static const struct {
        const char *body;
        int status;
    } table[] = {
        {"{\"contact\":\"a@b.c\",\"password\":\"x\"}", 200},
        {"{\"contact\":\"\",\"password\":\"x\"}", 401},
        {"{\"contact\":\"a@b.c\",\"password\":\"\"}", 401},
        {"{\"contact\":\"a@b.c\"}", 400},
        {"{\"contact\":7,\"password\":\"x\"}", 400},
        {"[]", 400},
        {"{", 400},
    };
    struct world *world = world_default();
    for (size_t i = 0; i < COUNT_OF(table); i++) {
        struct answer answer = ask(world, "POST /v1/users/sessions", NULL, table[i].body);
        assert_int_equal(answer.status, table[i].status);
        if (answer.status == 200) {
            assert_text(answer.json, "contact/email", "a@b.c");
            assert_text(answer.json, "user/email", "a@b.c");
            assert_number(answer.json, "company/id", 42);
        } else {
            assert_true(json_text(at(answer.json, "error")).len > 0);
        }
    }
    world_close(world);
}

static void test_token(void **state)
{
    (void)state;
    static const char *const calls[] = {
        "POST /v1/lead/create",
        "POST /v3/adders.ListProjectAdders",
        "POST /v3/adders.GetPriceBreakdown",
        "POST /v1/leads/456/complete",
    };
    static const char *const tokens[] = {
        "", "x", "zz", "00", "00000000000000000000000000000000000000", "ff"};
    struct world *world = world_default();
    for (size_t i = 0; i < COUNT_OF(calls); i++) {
        for (size_t j = 0; j < COUNT_OF(tokens); j++) {
            snprintf(world->token, sizeof(world->token), "%s", tokens[j]);
            struct answer answer = ask(world, calls[i], NULL, example);
            assert_int_equal(answer.status, 401);
            assert_true(json_text(at(answer.json, "error")).len > 0);
        }
    }
    world->token[0] = '\0';
    assert_int_equal(ask(world, "GET /v1/leads?company_id=42", NULL, NULL).status, 401);
    assert_int_equal(ask(world, "GET /v1/lead/456", NULL, NULL).status, 401);
    assert_int_equal(ask(world, "GET /health", NULL, NULL).status, 200);
    struct answer ledger = ask(world, "GET /ledger", NULL, NULL);
    assert_int_equal(ledger.status, 200);
    assert_number(ledger.json, "total", 0);
    world_close(world);
}

static void test_token_expires(void **state)
{
    (void)state;
    struct world *world = world_default();
    log_in(world);
    pass_s(world, TTL_S - 1);
    assert_int_equal(create(world, example).status, 201);
    pass_s(world, 1);
    assert_int_equal(create(world, example).status, 401);
    assert_int_equal(complete(world).status, 401);
    log_in(world);
    assert_int_equal(complete(world).status, 200);
    world_close(world);
}

static void test_many_sessions(void **state)
{
    (void)state;
    struct world *world = world_default();
    log_in(world);
    char first[sizeof(world->token)];
    memcpy(first, world->token, sizeof(first));
    for (int i = 0; i < 255; i++) {
        log_in(world);
        forget_answers(world);
    }
    memcpy(world->token, first, sizeof(first));
    assert_int_equal(ask(world, "GET /v1/leads?company_id=42", NULL, NULL).status, 200);
    log_in(world); // the 257th takes the first one's place
    memcpy(world->token, first, sizeof(first));
    assert_int_equal(ask(world, "GET /v1/leads?company_id=42", NULL, NULL).status, 401);
    world_close(world);
}

static void test_api_key(void **state)
{
    (void)state;
    struct sim_settings settings = SIM_SETTINGS_DEFAULT;
    settings.api_key = "the-key";
    struct world *world = world_open(&settings);
    snprintf(world->token, sizeof(world->token), "the-key");
    pass_s(world, TTL_S * 10);
    assert_int_equal(create(world, example).status, 201);
    snprintf(world->token, sizeof(world->token), "the-kez");
    assert_int_equal(create(world, example).status, 401);
    world_close(world);
}

static void test_create(void **state)
{
    (void)state;
    struct world *world = world_default();
    log_in(world);
    struct answer answer = create(world, example);
    assert_int_equal(answer.status, 201);
    assert_number(answer.json, "id", 123);
    assert_number(answer.json, "lead_id", 456);
    assert_text(answer.json, "status", "processing");
    assert_number(answer.json, "annual_production", 15000);
    assert_number(answer.json, "system_size", 10.5);
    assert_number(answer.json, "estimated_cost", 25000);
    assert_number(answer.json, "annual_savings", 2500);
    assert_number(answer.json, "adders/panel/Power", 350);
    answer = create(world, example);
    assert_number(answer.json, "id", 124);
    assert_number(answer.json, "lead_id", 457);
    world_close(world);
}

static void test_create_refused(void **state)
{
    (void)state;
    static const struct {
        const char *old, *new;
        int status;
        const char *field; // of the first detail
    } table[] = {
        {"37.7749", "91", 400, "/latitude"},
        {"37.7749", "\"37\"", 400, "/latitude"},
        {"\"latitude\":37.7749,", "", 400, "/latitude"},
        {"-122.4194", "null", 400, "/longitude"},
        {"\"postalCode\"", "\"Postalcode\"", 400, "/address/postalCode"},
        {"\"firstname\":\"John\",", "", 400, "/homeowner/firstname"},
        {"\"panel_id\":1", "\"panel_id\":1.5", 400, "/hardware/panel_id"},
        {"\"panel_id\":1", "\"panel_id\":77", 422, "/hardware/panel_id"},
        {"\"inverter_id\":1", "\"inverter_id\":77", 422, "/hardware/inverter_id"},
        {"\"storage_id\":1", "\"storage_id\":77", 422, "/hardware/storage_id"},
        {"800,", "", 400, "/consumption"},
        {"800,", "800.5,", 400, "/consumption/0"},
        {"1350]", "-1]", 400, "/consumption/11"},
        {"\"lseId\":1,", "", 400, "/lseId"},
        {"\"month\"", "\"week\"", 400, "/period"},
        {"\"targetSolarOffset\":100", "\"targetSolarOffset\":1.5", 400, "/targetSolarOffset"},
        {"\"max\"", "7", 400, "/mode"},
        {"\"kwh\"", "\"joule\"", 400, "/unit"},
        {"\"lseId\"", "\"lse_id\"", 400, "/lseId"},
        {"{\"latitude\"", "{\"more\":1,\"latitude\"", 400, "/more"},
    };
    struct world *world = world_default();
    log_in(world);
    for (size_t i = 0; i < COUNT_OF(table); i++) {
        struct answer answer = create(world, example_with(world, table[i].old, table[i].new));
        if (answer.status != table[i].status)
            fail_msg("%s: %d", table[i].new, answer.status);
        assert_text(answer.json, "details/0/field", table[i].field);
        assert_true(json_text(at(answer.json, "details/0/message")).len > 0);
        assert_true(json_text(at(answer.json, "error")).len > 0);
    }
    assert_number(ask(world, "GET /ledger", NULL, NULL).json, "total", 0);
    world_close(world);
}

static void test_create_optional(void **state)
{
    (void)state;
    struct world *world = world_default();
    log_in(world);
    const char *no_mode = example_with(world, "\"mode\":\"max\",", "");
    struct answer answer = create(world, no_mode);
    assert_int_equal(answer.status, 201);
    assert_number(answer.json, "system_size", 9.1); // 26 panels: no more than the target
    answer = create(world, example_with(world, ",\"storage_id\":1,\"storage_quantity\":2", ""));
    assert_int_equal(answer.status, 201);
    assert_true(json_is_null(at(answer.json, "adders/storage")));
    world_close(world);
}

static void test_status_calls(void **state)
{
    (void)state;
    struct world *world = world_default();
    log_in(world);
    create(world, example);
    struct answer adders =
        ask(world, "POST /v3/adders.ListProjectAdders", NULL, "{\"project_id\":123}");
    assert_int_equal(adders.status, 200);
    assert_number(adders.json, "panel/ID", 1);
    assert_number(adders.json, "panel/PricePerWatt", 0.38);
    assert_number(adders.json, "inverter/0/Quantity", 1);
    assert_number(adders.json, "storage/Quantity", 2);
    assert_number(adders.json, "adders/1/ID", 2);
    assert_text(adders.json, "adders/1/States/0", "CA");
    struct answer price = ask(world, "POST /v3/adders.GetPriceBreakdown", NULL,
                              "{\"project_id\":123,\"house_id\":456}");
    assert_int_equal(price.status, 200);
    assert_text(price.json, "items/0/name", "Solar system");
    assert_number(price.json, "items/0/price", 19425);
    assert_number(price.json, "base_price_per_watt", 1.85);
    assert_true(json_number(at(price.json, "total_fee")).value > 0);
    static const struct {
        const char *line, *body;
        int status;
    } wrong[] = {
        {"POST /v3/adders.ListProjectAdders", "{\"project_id\":999}", 404},
        {"POST /v3/adders.ListProjectAdders", "{}", 400},
        {"POST /v3/adders.GetPriceBreakdown", "{\"project_id\":123,\"house_id\":457}", 404},
        {"POST /v3/adders.GetPriceBreakdown", "{\"project_id\":123}", 400},
        {"POST /v1/leads/455/complete", NULL, 404},
        {"POST /v1/leads/457/complete", NULL, 404},
        {"POST /v1/leads/x/complete", NULL, 404},
        {"POST /v1/leads/456/complete", "{}", 200},
    };
    for (size_t i = 0; i < COUNT_OF(wrong); i++)
        assert_int_equal(ask(world, wrong[i].line, NULL, wrong[i].body).status, wrong[i].status);
    world_close(world);
}

static void test_generation(void **state)
{
    (void)state;
    struct world *world = world_default();
    log_in(world);
    create(world, example);
    struct answer answer = complete(world);
    assert_number(answer.json, "lead/state", 3);
    assert_number(answer.json, "lead/build/progress", 0);
    assert_number(answer.json, "lead/build/id", 123);
    assert_number(answer.json, "lead/house_id", 456);
    assert_number(answer.json, "lead/latitude", 37.7749);
    assert_number(answer.json, "lead/house/panel_count", 30);
    assert_number(answer.json, "lead/house/battery_count", 2);
    assert_number(answer.json, "lead/production/annual", 15000);
    assert_text(answer.json, "lead/address/postalcode", "94102");
    assert_number(answer.json, "lead/company/id", 42);
    double state_now = 3, progress = 0;
    int seconds = 0;
    for (; state_now != 1; seconds++) {
        assert_true(seconds <= LONGEST_S);
        assert_int_equal(ask(world, "GET /storage/leads/123/mesh/scene.jpg", NULL, NULL).status,
                         404);
        pass_s(world, 1);
        answer = complete(world);
        double next_state = json_number(at(answer.json, "lead/state")).value;
        double next = json_number(at(answer.json, "lead/build/progress")).value;
        assert_true(next_state == state_now || next_state == (state_now == 3 ? 0 : 1));
        assert_true(next >= progress && (next < 100) == (next_state != 1));
        state_now = next_state;
        progress = next;
        forget_answers(world);
    }
    assert_true(seconds >= SHORTEST_S);
    assert_int_equal(ask(world, "GET /storage/leads/123/mesh/scene.jpg", NULL, NULL).status, 200);
    world_close(world);
}

// How many seconds each of eight projects took.
static void measure(uint64_t seed, int ret_seconds[8])
{
    struct sim_settings settings = SIM_SETTINGS_DEFAULT;
    settings.seed = seed;
    settings.token_ttl_s = 10000;
    struct world *world = world_open(&settings);
    log_in(world);
    for (int i = 0; i < 8; i++)
        create(world, example);
    memset(ret_seconds, 0, 8 * sizeof(ret_seconds[0]));
    for (int second = 1; second <= LONGEST_S; second++) {
        pass_s(world, 1);
        struct answer answer = ask(world, "GET /ledger", NULL, NULL);
        for (int i = 0; i < 8; i++) {
            char path[32];
            snprintf(path, sizeof(path), "projects/%d/status", i);
            if (ret_seconds[i] == 0 && str_equal(json_text(at(answer.json, path)), STR("done")))
                ret_seconds[i] = second;
        }
        forget_answers(world);
    }
    world_close(world);
}

static void test_generation_times(void **state)
{
    (void)state;
    int first[8], again[8], other[8];
    measure(1, first);
    measure(1, again);
    measure(2, other);
    assert_memory_equal(first, again, sizeof(first));
    assert_memory_not_equal(first, other, sizeof(first));
    for (int i = 0; i < 8; i++) {
        assert_in_range(first[i], SHORTEST_S, LONGEST_S);
        assert_in_range(other[i], SHORTEST_S, LONGEST_S);
    }
}

static void test_files(void **state)
{
    (void)state;
    static const struct {
        const char *name, *type, *start;
    } table[] = {
        {"scene.jpg", "image/jpeg", "\xff\xd8\xff"},
        {"scene.obj", "model/obj", "mtllib scene.mtl\nv "},
        {"scene.mtl", "model/mtl", "newmtl house\n"},
        {"scene.ply", "application/octet-stream", "ply\nformat binary_little_endian 1.0\n"},
    };
    struct sim_settings settings = {.generation_max_ms = 0}; // at once
    struct world *world = world_open(&settings);
    log_in(world);
    create(world, example);
    world->token[0] = '\0'; // storage wants no credentials
    for (size_t i = 0; i < COUNT_OF(table); i++) {
        char line[128], headers[200];
        snprintf(line, sizeof(line), "GET /storage/leads/123/mesh/%s", table[i].name);
        struct answer whole = ask(world, line, NULL, NULL);
        assert_int_equal(whole.status, 200);
        assert_true(str_equal(header(&whole, "Content-Type"), str_of(table[i].type)));
        assert_true(str_starts(whole.body, str_of(table[i].start)));
        struct str etag = header(&whole, "ETag");
        assert_true(etag.len > 2);
        char sum[4 + MD5_BASE64 + 1] = "md5=";
        assert_true(md5_base64(whole.body, sum + 4));
        assert_true(str_equal(header(&whole, "x-goog-hash"), str_of(sum)));
        struct answer part = ask(world, line, "Range: bytes=10-29\r\n", NULL);
        assert_int_equal(part.status, 206);
        assert_true(str_equal(part.body, str_slice(whole.body, 10, 30)));
        assert_true(str_equal(header(&part, "x-goog-hash"), str_of(sum))); // of the whole file
        snprintf(headers, sizeof(headers), "Range: bytes=10-\r\nIf-Range: %.*s\r\n", STR_ARG(etag));
        assert_int_equal(ask(world, line, headers, NULL).status, 206);
        snprintf(headers, sizeof(headers), "If-None-Match: %.*s\r\n", STR_ARG(etag));
        assert_int_equal(ask(world, line, headers, NULL).status, 304);
        snprintf(line, sizeof(line), "HEAD /storage/leads/123/mesh/%s", table[i].name);
        struct answer head = ask(world, line, NULL, NULL);
        assert_true(str_equal(header(&head, "ETag"), etag));
        assert_int_equal(head.body.len, 0);
    }
    static const char *const missing[] = {
        "123/mesh/scene.glb", "123/mesh/scene",   "124/mesh/scene.obj",
        "0/mesh/scene.obj",   "x/mesh/scene.obj",
    };
    for (size_t i = 0; i < COUNT_OF(missing); i++) {
        char line[128];
        snprintf(line, sizeof(line), "GET /storage/leads/%s", missing[i]);
        assert_int_equal(ask(world, line, NULL, NULL).status, 404);
    }
    world_close(world);
}

// Two projects' files of one kind: whether they are the same.
static bool have_same_files(bool same_house)
{
    struct sim_settings settings = {.same_house = same_house}; // done at once
    struct world *world = world_open(&settings);
    log_in(world);
    create(world, example);
    create(world, example_with(world, "37.7749", "38.5"));
    struct answer first = ask(world, "GET /storage/leads/123/mesh/scene.ply", NULL, NULL);
    struct answer second = ask(world, "GET /storage/leads/124/mesh/scene.ply", NULL, NULL);
    assert_int_equal(first.status, 200);
    assert_int_equal(second.status, 200);
    bool are_same = str_equal(first.body, second.body);
    world_close(world);
    return are_same;
}

static void test_same_house(void **state)
{
    (void)state;
    assert_false(have_same_files(false));
    assert_true(have_same_files(true));
}

// More houses than are kept: those that were dropped come back the same.
static void test_files_dropped(void **state)
{
    (void)state;
    struct sim_settings settings = {.generation_max_ms = 0};
    struct world *world = world_open(&settings);
    log_in(world);
    struct str etags[20];
    for (int round = 0; round < 2; round++) {
        for (int i = 0; i < (int)COUNT_OF(etags); i++) {
            char latitude[32], line[80];
            snprintf(latitude, sizeof(latitude), "37.%d", 1000 + i);
            if (round == 0)
                create(world, example_with(world, "37.7749", latitude));
            snprintf(line, sizeof(line), "GET /storage/leads/%d/mesh/scene.mtl", 123 + i);
            struct answer mtl = ask(world, line, NULL, NULL);
            snprintf(line, sizeof(line), "HEAD /storage/leads/%d/mesh/scene.obj", 123 + i);
            struct answer obj = ask(world, line, NULL, NULL);
            assert_int_equal(mtl.status, 200);
            if (round == 0)
                etags[i] = header(&obj, "ETag");
            assert_true(str_equal(header(&obj, "ETag"), etags[i]));
        }
    }
    world_close(world);
}

static void test_look_up(void **state)
{
    (void)state;
    struct world *world = world_default();
    log_in(world);
    for (int i = 0; i < 5; i++) {
        create(world, example);
        pass_s(world, 1);
    }
    struct answer answer = ask(world, "GET /v1/leads?company_id=42&limit=2&offset=1", NULL, NULL);
    assert_int_equal(answer.status, 200);
    assert_int_equal(json_length(at(answer.json, "leads")), 2);
    assert_number(answer.json, "leads/0/id", 459); // newest first
    assert_number(answer.json, "leads/1/id", 458);
    assert_number(answer.json, "leads/0/company_id", 42);
    assert_number(answer.json, "leads/0/panel_count", 30);
    assert_text(answer.json, "leads/0/created_at", "2026-09-21T14:13:23Z");
    assert_text(answer.json, "leads/0/address", "123 Solar Street, San Francisco, CA 94102");
    static const struct {
        const char *query;
        int status;
        size_t count;
    } table[] = {
        {"company_id=42", 200, 5},
        {"company_id=42&limit=100&offset=4", 200, 1},
        {"company_id=42&offset=5", 200, 0},
        {"company_id=42&offset=9223372036854775807", 200, 0},
        {"company_id=42&limit=0", 200, 0},
        {"company_id=1", 200, 0},
        {"", 400, 0},
        {"company_id=x", 400, 0},
        {"company_id=42&limit=-1", 400, 0},
    };
    for (size_t i = 0; i < COUNT_OF(table); i++) {
        char line[128];
        snprintf(line, sizeof(line), "GET /v1/leads?%s", table[i].query);
        answer = ask(world, line, NULL, NULL);
        assert_int_equal(answer.status, table[i].status);
        assert_int_equal(json_length(at(answer.json, "leads")), table[i].count);
    }
    answer = ask(world, "GET /v1/lead/457", NULL, NULL);
    assert_int_equal(answer.status, 200);
    assert_number(answer.json, "id", 457);
    assert_int_equal(ask(world, "GET /v1/lead/123", NULL, NULL).status, 404);
    world_close(world);
}

static void test_ledger(void **state)
{
    (void)state;
    struct sim_settings settings = SIM_SETTINGS_DEFAULT;
    settings.project_max = 2;
    struct world *world = world_open(&settings);
    log_in(world);
    assert_int_equal(create(world, example).status, 201);
    assert_int_equal(create(world, example).status, 201);
    assert_int_equal(create(world, example).status, 503);
    struct answer answer = ask(world, "GET /ledger", NULL, NULL);
    assert_number(answer.json, "total", 2);
    assert_int_equal(json_length(at(answer.json, "projects")), 2);
    assert_number(answer.json, "projects/1/project_id", 124);
    assert_number(answer.json, "projects/1/house_id", 457);
    assert_text(answer.json, "projects/0/time", "2026-09-21T14:13:20Z");
    assert_number(answer.json, "projects/0/latitude", 37.7749);
    assert_number(answer.json, "projects/0/longitude", -122.4194);
    assert_text(answer.json, "projects/0/homeowner_email", "homeowner@example.com");
    assert_text(answer.json, "projects/0/status", "initialized");
    assert_text(answer.json, "projects/0/asked_by", "me@example.com");
    world_close(world);
}

static void test_settings(void **state)
{
    (void)state;
    struct error err;
    error_reset(&err);
    struct sim *sim = NULL;
    struct sim_settings settings = {.generation_min_ms = 2, .generation_max_ms = 1};
    assert_int_equal(sim_open(&settings, &sim, &err), ERR_INVALID);
    settings = (struct sim_settings){.generation_min_ms = -1};
    assert_int_equal(sim_open(&settings, &sim, &err), ERR_INVALID);
    settings = (struct sim_settings){.listen = "nowhere"};
    assert_int_equal(sim_open(&settings, &sim, &err), ERR_INVALID);
    struct world *world = world_default();
    settings = (struct sim_settings){.port = sim_port(world->sim)};
    assert_int_equal(sim_open(&settings, &sim, &err), ERR_CONFLICT);
    assert_null(sim);
    world_close(world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_login),
        cmocka_unit_test(test_token),
        cmocka_unit_test(test_token_expires),
        cmocka_unit_test(test_many_sessions),
        cmocka_unit_test(test_api_key),
        cmocka_unit_test(test_create),
        cmocka_unit_test(test_create_refused),
        cmocka_unit_test(test_create_optional),
        cmocka_unit_test(test_status_calls),
        cmocka_unit_test(test_generation),
        cmocka_unit_test(test_generation_times),
        cmocka_unit_test(test_files),
        cmocka_unit_test(test_same_house),
        cmocka_unit_test(test_files_dropped),
        cmocka_unit_test(test_look_up),
        cmocka_unit_test(test_ledger),
        cmocka_unit_test(test_settings),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
