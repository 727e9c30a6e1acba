// Tests of faults as a plain client sees them: sim/sim_call.c, sim/sim_admin.c and sim/sim_fate.c.
#include "sim/sim_world.h"

#include "base/log.h"

#define COMPLETE "POST /v1/leads/456/complete"
#define LEADS    "GET /v1/leads?company_id=42"
#define OBJ      "GET /storage/leads/123/mesh/scene.obj"

// What came of one request.
struct outcome {
    bool is_reset;
    int status; // 0: no answer
    struct str body;
    int64_t length; // that was announced
    struct answer answer;
};

static struct world *world_fast(void)
{
    log_setup(LOG_OFF, LOG_TEXT, 2);
    return world_open(&(struct sim_settings){.generation_max_ms = 0});
}

// Puts rules in place of those there are; each in quotes, between commas.
static void set_rules(struct world *world, const char *rules)
{
    const char *body = arena_printf(world->arena, "{\"rules\":[%s]}", rules).ptr;
    struct answer answer = ask(world, "PUT /faults", NULL, body);
    if (answer.status != 200)
        fail_msg("%.*s", STR_ARG(answer.body));
}

static void set_rule(struct world *world, const char *rule)
{
    set_rules(world, arena_printf(world->arena, "\"%s\"", rule).ptr);
}

static struct outcome call(struct world *world, const char *line, const char *body)
{
    struct outcome outcome = {0};
    struct str text =
        exchange_to_end(world, request_text(world, line, NULL, body), &outcome.is_reset);
    const char *end = memmem(text.ptr, text.len, "\r\n\r\n", 4);
    if (end == NULL) {
        assert_int_equal(text.len, 0);
        return outcome;
    }
    size_t head_len = (size_t)(end - text.ptr) + 4;
    int64_t status = 0;
    assert_int_equal(number_parse_i64(str_slice(text, 9, 12), 100, 599, &status), ERR_OK);
    outcome.status = (int)status;
    outcome.answer.head = str_slice(text, 0, head_len);
    outcome.body = str_slice(text, head_len, text.len);
    struct str length = header(&outcome.answer, "Content-Length");
    assert_int_equal(number_parse_i64(length, 0, INT64_MAX, &outcome.length), ERR_OK);
    return outcome;
}

// A download that is cut goes on where it was, and each time comes so many bytes further.
static void test_resume(void **state)
{
    (void)state;
    struct world *world = world_fast();
    log_in(world);
    create(world, example);
    struct str whole = call(world, OBJ, NULL).body;
    set_rule(world, "obj:cut:at=50000");
    size_t got = 0;
    for (int tries = 0; got < whole.len; tries++) {
        assert_true((size_t)tries <= whole.len / 50000);
        char range[64];
        bool is_reset;
        snprintf(range, sizeof(range), "Range: bytes=%zu-\r\n", got);
        struct str text = exchange_to_end(world, request_text(world, OBJ, range, NULL), &is_reset);
        const char *body = (const char *)memmem(text.ptr, text.len, "\r\n\r\n", 4) + 4;
        struct str piece = {.ptr = body, .len = text.len - (size_t)(body - text.ptr)};
        assert_in_range(piece.len, 1, 50000);
        assert_true(str_equal(piece, str_slice(whole, got, got + piece.len)));
        got += piece.len;
    }
    world_close(world);
}

// Between two parts the file becomes another one: what was asked for of the first is the whole
// second.
static void test_changed(void **state)
{
    static const char *const names[] = {"jpg", "obj", "ply", "mtl"};
    (void)state;
    struct world *world = world_fast();
    log_in(world);
    create(world, example);
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        char line[64], headers[200];
        snprintf(line, sizeof(line), "GET /storage/leads/123/mesh/scene.%s", names[i]);
        set_rules(world, "");
        struct answer before = ask(world, line, NULL, NULL);
        set_rule(world, "file:changed");
        snprintf(headers, sizeof(headers), "Range: bytes=100-\r\nIf-Range: %.*s\r\n",
                 STR_ARG(header(&before, "ETag")));
        struct answer after = ask(world, line, headers, NULL);
        assert_int_equal(before.status, 200);
        assert_int_equal(after.status, 200);
        assert_true(after.body.len > before.body.len);
        assert_non_null(memmem(after.body.ptr, after.body.len, "newer", 5));
        assert_false(str_equal(header(&after, "ETag"), header(&before, "ETag")));
        assert_false(str_equal(header(&after, "x-goog-hash"), header(&before, "x-goog-hash")));
        struct answer again = ask(world, line, NULL, NULL);
        assert_true(str_equal(header(&again, "ETag"), header(&after, "ETag")));
    }
    world_close(world);
}

static int64_t total(struct world *world)
{
    return json_i64(at(ask(world, "GET /ledger", NULL, NULL).json, "total")).value;
}

static int64_t now_ms(void)
{
    return clock_monotonic_us(clock_system()) / US_PER_MS;
}

static void test_instead(void **state)
{
    (void)state;
    static const struct {
        const char *rule, *line;
        int status; // 0: reset without an answer
        const char *retry_after;
    } table[] = {
        {"complete:400", COMPLETE, 400, NULL},
        {"complete:401", COMPLETE, 401, NULL},
        {"complete:403", COMPLETE, 403, NULL},
        {"complete:404", COMPLETE, 404, NULL},
        {"complete:408", COMPLETE, 408, NULL},
        {"complete:422", COMPLETE, 422, NULL},
        {"complete:429", COMPLETE, 429, "5"},
        {"any:429:retry-after=1500ms", COMPLETE, 429, "2"},
        {"complete:500", COMPLETE, 500, NULL},
        {"complete:502", COMPLETE, 502, NULL},
        {"complete:503", COMPLETE, 503, NULL},
        {"complete:503:retry-after=9s", COMPLETE, 503, "9"},
        {"complete:504", COMPLETE, 504, NULL},
        {"complete:reset-before", COMPLETE, 0, NULL},
        {"any:outage", COMPLETE, 0, NULL},
        {"any:outage", OBJ, 0, NULL},
        {"any:outage:status=502", LEADS, 502, NULL},
        {"lookup:404", LEADS, 404, NULL},
        {"lookup:404", "GET /v1/lead/456", 404, NULL},
        {"obj:404", OBJ, 404, NULL},
        {"mtl:404", OBJ, 200, NULL},
        {"lead:500", LEADS, 200, NULL},
        {"session:500", COMPLETE, 200, NULL},
    };
    struct world *world = world_fast();
    log_in(world);
    create(world, example);
    for (size_t i = 0; i < COUNT_OF(table); i++) {
        set_rule(world, table[i].rule);
        struct outcome outcome = call(world, table[i].line, NULL);
        if (outcome.status != table[i].status)
            fail_msg("%s: %d", table[i].rule, outcome.status);
        assert_int_equal(outcome.is_reset, table[i].status == 0);
        if (outcome.status >= 400)
            assert_non_null(memmem(outcome.body.ptr, outcome.body.len, "{\"error\":\"", 10));
        if (outcome.status != 0)
            assert_true(
                str_equal(header(&outcome.answer, "Retry-After"), str_of(table[i].retry_after)));
        set_rules(world, "");
        assert_int_equal(call(world, COMPLETE, NULL).status, 200);
    }
    world_close(world);
}

static void test_login_faults(void **state)
{
    (void)state;
    static const char login[] = "{\"contact\":\"me@example.com\",\"password\":\"secret\"}";
    struct world *world = world_fast();
    set_rule(world, "session:401:times=1");
    assert_int_equal(call(world, "POST /v1/users/sessions", login).status, 401);
    assert_int_equal(call(world, "POST /v1/users/sessions", login).status, 200);
    log_in(world);
    create(world, example);
    set_rule(world, "complete:expire:times=1");
    assert_int_equal(call(world, COMPLETE, NULL).status, 401);
    assert_int_equal(call(world, COMPLETE, NULL).status, 401); // the session is over
    assert_int_equal(call(world, LEADS, NULL).status, 401);
    log_in(world);
    assert_int_equal(call(world, COMPLETE, NULL).status, 200);
    world_close(world);
}

static void test_broken_answers(void **state)
{
    (void)state;
    static const struct {
        const char *rule, *line;
        bool is_reset;
        int64_t announced; // of the whole: percent
        int64_t sent;      // percent, or bytes below zero
    } table[] = {
        {"complete:reset-during", COMPLETE, true, 100, 50},
        {"complete:reset-during:at=7", COMPLETE, true, 100, -7},
        {"complete:reset-after", COMPLETE, true, 100, 100},
        {"complete:cut", COMPLETE, false, 100, 50},
        {"complete:cut:at=7", COMPLETE, false, 100, -7},
        {"complete:short", COMPLETE, false, 50, 50},
        {"file:reset-during", OBJ, true, 100, 50},
        {"file:reset-after", OBJ, true, 100, 100},
        {"file:cut", OBJ, false, 100, 50},
        {"file:short", OBJ, false, 50, 50},
        {"obj:short:at=1000", OBJ, false, -1000, -1000},
        {"complete:latency:by=1ms", COMPLETE, false, 100, 100},
    };
    struct world *world = world_fast();
    log_in(world);
    create(world, example);
    struct outcome wholes[] = {call(world, COMPLETE, NULL), call(world, OBJ, NULL)};
    for (size_t i = 0; i < COUNT_OF(table); i++) {
        struct str whole = wholes[strcmp(table[i].line, OBJ) == 0].body;
        int64_t len = (int64_t)whole.len;
        int64_t announced = table[i].announced, sent = table[i].sent;
        set_rule(world, table[i].rule);
        struct outcome outcome = call(world, table[i].line, NULL);
        assert_int_equal(outcome.status, 200);
        assert_int_equal(outcome.is_reset, table[i].is_reset);
        assert_int_equal(outcome.length, announced < 0 ? -announced : len * announced / 100);
        size_t want = (size_t)(sent < 0 ? -sent : len * sent / 100);
        if (!str_equal(outcome.body, str_slice(whole, 0, want)))
            fail_msg("%s: %zu bytes, not %zu", table[i].rule, outcome.body.len, want);
    }
    world_close(world);
}

static void test_wrong_answers(void **state)
{
    (void)state;
    struct world *world = world_fast();
    log_in(world);
    create(world, example);
    set_rule(world, "complete:wrong-types");
    struct answer answer = complete(world);
    assert_text(answer.json, "lead/state", "#1");
    assert_true(json_number(at(answer.json, "lead/address/postalcode")).set);
    set_rule(world, "complete:wrong-json");
    answer = complete(world);
    assert_int_equal(answer.status, 200);
    assert_non_null(answer.json);
    assert_null(at(answer.json, "lead"));
    set_rule(world, "any:page");
    static const char *const lines[] = {COMPLETE, LEADS, OBJ};
    for (size_t i = 0; i < COUNT_OF(lines); i++) {
        answer = ask(world, lines[i], NULL, NULL);
        assert_int_equal(answer.status, 200);
        assert_true(str_equal(header(&answer, "Content-Type"), STR("text/html")));
        assert_true(str_starts(answer.body, STR("<!DOCTYPE html>")));
    }
    world_close(world);
}

static void test_slow_and_huge_answers(void **state)
{
    (void)state;
    struct world *world = world_fast();
    log_in(world);
    create(world, example);
    struct str whole = call(world, COMPLETE, NULL).body;
    int64_t begun_ms = now_ms();
    set_rule(world, "complete:latency:by=100ms");
    assert_int_equal(call(world, COMPLETE, NULL).status, 200);
    assert_true(now_ms() - begun_ms >= 100);
    set_rule(world, "complete:drip:rate=10000");
    begun_ms = now_ms();
    struct outcome outcome = call(world, COMPLETE, NULL);
    assert_true(str_equal(outcome.body, whole));
    assert_true(now_ms() - begun_ms >= (int64_t)whole.len / 10 - 10);
    set_rule(world, "complete:huge:mb=3");
    outcome = call(world, COMPLETE, NULL);
    assert_int_equal(outcome.length, (int64_t)whole.len + (3 << 20));
    assert_int_equal(outcome.body.len, outcome.length);
    assert_true(str_starts(outcome.body, whole));
    assert_int_equal(outcome.body.ptr[outcome.body.len - 1], ' ');
    world_close(world);
}

static void test_clock_skew(void **state)
{
    (void)state;
    struct world *world = world_fast();
    log_in(world);
    create(world, example);
    struct answer answer = ask(world, LEADS, NULL, NULL);
    assert_text(answer.json, "leads/0/created_at", "2026-09-21T14:13:20Z");
    set_rule(world, "any:clock-skew:by=-1h");
    answer = ask(world, LEADS, NULL, NULL);
    assert_text(answer.json, "leads/0/created_at", "2026-09-21T13:13:20Z");
    assert_text(answer.json, "leads/0/updated_at", "2026-09-21T13:13:20Z");
    assert_true(str_equal(header(&answer, "Date"), STR("Mon, 21 Sep 2026 13:13:20 GMT")));
    const char *first = memmem(answer.head.ptr, answer.head.len, "\nDate:", 6);
    assert_non_null(first);
    assert_null(
        memmem(first + 1, answer.head.len - (size_t)(first + 1 - answer.head.ptr), "\nDate:", 6));
    // What was paid is told in true times.
    answer = ask(world, "GET /ledger", NULL, NULL);
    assert_text(answer.json, "projects/0/time", "2026-09-21T14:13:20Z");
    world_close(world);
}

// Paid or not, and whether the caller knows: the ledger tells.
static void test_creates(void **state)
{
    (void)state;
    static const struct {
        const char *rule;
        int status;
        bool is_paid, is_answered;
        const char *faults;
    } table[] = {
        {"create:500", 500, false, false, NULL},
        {"create:reset-before", 0, false, false, NULL},
        {"create:lost-after-commit", 0, true, false, "lost-after-commit=0"},
        {"create:lost-after-commit:status=502", 502, true, false, "lost-after-commit=502"},
        {"create:short", 201, true, false, "short=-1"},
        {"create:latency:by=1ms", 201, true, true, "latency=1"},
        {"lookup:404", 201, true, true, NULL},
    };
    struct world *world = world_fast();
    log_in(world);
    int64_t paid = 0;
    for (size_t i = 0; i < COUNT_OF(table); i++) {
        char path[64];
        set_rule(world, table[i].rule);
        struct outcome outcome = call(world, "POST /v1/lead/create", example);
        assert_int_equal(outcome.status, table[i].status);
        assert_int_equal(total(world), paid + table[i].is_paid);
        if (!table[i].is_paid)
            continue;
        struct answer ledger = ask(world, "GET /ledger", NULL, NULL);
        snprintf(path, sizeof(path), "projects/%lld/answer_faults", (long long)paid);
        assert_true(str_equal(json_text(at(ledger.json, path)), str_of(table[i].faults)));
        const char *found = memmem(ledger.body.ptr, ledger.body.len, "]}", 2);
        assert_non_null(found);
        struct str rest = ledger.body;
        for (int64_t line = 0; line <= paid; line++)
            (void)str_split(&rest, '\n');
        struct str entry = str_split(&rest, '\n');
        const char *want = table[i].is_answered ? "\"answered\":true" : "\"answered\":false";
        assert_non_null(memmem(entry.ptr, entry.len, want, strlen(want)));
        paid++;
    }
    // What is refused is not paid, so there is nothing to lose an answer about.
    set_rule(world, "create:lost-after-commit");
    assert_int_equal(call(world, "POST /v1/lead/create", "{}").status, 400);
    assert_int_equal(total(world), paid);
    world_close(world);
}

static void test_who_asked(void **state)
{
    (void)state;
    struct world *world = world_fast();
    log_in(world);
    log_in(world);
    ask(world, "POST /v1/lead/create", "User-Agent: tests/1\r\nX-Request-Id: r-7\r\n", example);
    ask(world, "POST /v1/lead/create", "User-Agent: tests/\xff\r\n", example);
    struct answer answer = ask(world, "GET /ledger", NULL, NULL);
    assert_text(answer.json, "projects/0/asked_by", "me@example.com");
    assert_number(answer.json, "projects/0/session", 2);
    assert_text(answer.json, "projects/0/user_agent", "tests/1");
    assert_text(answer.json, "projects/0/request_id", "r-7");
    assert_number(answer.json, "projects/0/house_id", 456);
    assert_true(json_is_null(at(answer.json, "projects/0/fate")));
    assert_true(json_is_null(at(answer.json, "projects/1/user_agent")));
    assert_true(json_text(at(answer.json, "projects/1/request_id")).len > 0);
    world_close(world);
}

// What /complete says every 10 s of a model that takes 100 s, as state and progress.
static void test_fates(void **state)
{
    (void)state;
    static const struct {
        const char *rule, *want;
        int64_t files_s; // when the files are there; -1: never
    } table[] = {
        {"lookup:404", "3:0 0:10 0:20 0:30 0:40 0:50 0:60 0:70 0:80 0:90 1:100 1:100 1:100 1:100 ",
         100},
        {"project:stuck", "3:0 0:0 0:0 0:0 0:0 0:0 0:0 0:0 0:0 0:0 0:0 0:0 0:0 0:0 ", -1},
        {"project:stuck:at=35",
         "3:0 0:10 0:20 0:30 0:35 0:35 0:35 0:35 0:35 0:35 0:35 0:35 0:35 0:35 ", -1},
        {"project:errored:at=35",
         "3:0 0:10 0:20 0:30 2:35 2:35 2:35 2:35 2:35 2:35 2:35 2:35 2:35 2:35 ", -1},
        {"project:flapping:by=25s",
         "3:0 0:10 0:20 3:0 3:0 0:50 0:60 0:70 3:0 3:0 1:100 1:100 1:100 3:0 ", 100},
        {"project:done-then-errored:by=15s",
         "3:0 0:10 0:20 0:30 0:40 0:50 0:60 0:70 0:80 0:90 1:100 1:100 2:100 2:100 ", 100},
        {"project:files-late:by=20s",
         "3:0 0:10 0:20 0:30 0:40 0:50 0:60 0:70 0:80 0:90 1:100 1:100 1:100 1:100 ", 120},
        {"project:files-missing",
         "3:0 0:10 0:20 0:30 0:40 0:50 0:60 0:70 0:80 0:90 1:100 1:100 1:100 1:100 ", -1},
    };
    log_setup(LOG_OFF, LOG_TEXT, 2);
    for (size_t i = 0; i < COUNT_OF(table); i++) {
        struct world *world = world_open(
            &(struct sim_settings){.generation_min_ms = 100000, .generation_max_ms = 100000});
        struct buf text;
        int64_t files_s = -1;
        buf_init_arena(&text, world->arena, 1000);
        log_in(world);
        set_rule(world, table[i].rule);
        create(world, example);
        set_rules(world, ""); // its fate is its own by now
        for (int64_t s = 0; s < 140; s += 10) {
            struct answer answer = complete(world);
            buf_printf(&text, "%g:%g ", json_number(at(answer.json, "lead/state")).value,
                       json_number(at(answer.json, "lead/build/progress")).value);
            if (ask(world, OBJ, NULL, NULL).status == 200 && files_s < 0)
                files_s = s;
            pass_s(world, 10);
        }
        if (strcmp(buf_cstr(&text), table[i].want) != 0 || files_s != table[i].files_s)
            fail_msg("%s: %s%lld", table[i].rule, buf_cstr(&text), (long long)files_s);
        world_close(world);
    }
}

static void test_look_ups(void **state)
{
    (void)state;
    struct world *world = world_fast();
    log_in(world);
    create(world, example);
    set_rule(world, "project:index-delay:by=60s");
    create(world, example);
    set_rule(world, "project:twin");
    create(world, example);
    set_rules(world, "");
    struct answer answer = ask(world, LEADS, NULL, NULL);
    assert_int_equal(json_length(at(answer.json, "leads")), 3);
    assert_number(answer.json, "leads/0/id", 458);
    assert_number(answer.json, "leads/1/id", 1000000458);
    assert_number(answer.json, "leads/2/id", 456);
    double apart = json_number(at(answer.json, "leads/1/latitude")).value -
                   json_number(at(answer.json, "leads/0/latitude")).value;
    assert_true(apart > 0 && apart < 0.00002); // two metres
    assert_int_equal(ask(world, "GET /v1/lead/457", NULL, NULL).status, 404);
    pass_s(world, 60);
    answer = ask(world, LEADS "&limit=2&offset=1", NULL, NULL);
    assert_int_equal(json_length(at(answer.json, "leads")), 2);
    assert_number(answer.json, "leads/0/id", 1000000458);
    assert_number(answer.json, "leads/1/id", 457);
    assert_int_equal(ask(world, "GET /v1/lead/457", NULL, NULL).status, 200);

    set_rule(world, "project:no-project-id");
    create(world, example);
    answer = ask(world, "POST /v1/leads/459/complete", NULL, NULL);
    assert_number(answer.json, "lead/id", 459);
    assert_number(answer.json, "lead/build/id", 1000000126);
    assert_number(answer.json, "lead/production/id", 1000000126);
    assert_text(ask(world, "GET /ledger", NULL, NULL).json, "projects/3/fate", "no-project-id");
    world_close(world);
}

// A day in minutes: all times of the simulator are shorter alike.
static void test_time_scale(void **state)
{
    (void)state;
    static const struct str rules[] = {STR_INIT("complete:500:after=1000s,for=100s"),
                                       STR_INIT("project:index-delay:by=500s")};
    log_setup(LOG_OFF, LOG_TEXT, 2);
    struct world *world = world_open(&(struct sim_settings){.generation_min_ms = 1000000,
                                                            .generation_max_ms = 1000000,
                                                            .token_ttl_s = 1200,
                                                            .time_scale = 100,
                                                            .rules = rules,
                                                            .rule_count = COUNT_OF(rules)});
    log_in(world);
    create(world, example);
    assert_int_equal(json_length(at(ask(world, LEADS, NULL, NULL).json, "leads")), 0);
    pass_s(world, 5);
    assert_int_equal(json_length(at(ask(world, LEADS, NULL, NULL).json, "leads")), 1);
    assert_number(complete(world).json, "lead/build/progress", 50);
    pass_s(world, 5);
    assert_int_equal(complete(world).status, 500);
    pass_s(world, 1);
    assert_number(complete(world).json, "lead/state", 1);
    pass_s(world, 1);
    assert_int_equal(complete(world).status, 401);
    // Times are told in true time.
    assert_text(ask(world, "GET /ledger", NULL, NULL).json, "projects/0/time",
                "2026-09-21T14:13:20Z");
    world_close(world);
}

static void test_faults_listed(void **state)
{
    (void)state;
    struct world *world = world_fast();
    log_in(world);
    struct answer answer =
        ask(world, "POST /faults", NULL, "{\"rules\":[\"create:500:times=1\",\"any:drip\"]}");
    assert_int_equal(answer.status, 200);
    create(world, example);
    answer = ask(world, "POST /faults", NULL, "{\"rules\":[\"project:twin\"]}");
    assert_text(answer.json, "rules/0/rule", "create:500:times=1");
    assert_number(answer.json, "rules/0/id", 1);
    assert_number(answer.json, "rules/0/calls", 1);
    assert_number(answer.json, "rules/0/hits", 1);
    assert_text(answer.json, "rules/2/rule", "project:twin");
    assert_int_equal(ask(world, "DELETE /faults/2", NULL, NULL).status, 204);
    assert_int_equal(ask(world, "DELETE /faults/2", NULL, NULL).status, 404);
    assert_int_equal(ask(world, "DELETE /faults/x", NULL, NULL).status, 404);
    assert_int_equal(json_length(at(ask(world, "GET /faults", NULL, NULL).json, "rules")), 2);
    assert_int_equal(ask(world, "DELETE /faults", NULL, NULL).status, 204);
    assert_int_equal(json_length(at(ask(world, "GET /faults", NULL, NULL).json, "rules")), 0);
    world_close(world);
}

static void test_faults_refused(void **state)
{
    (void)state;
    static const struct {
        const char *body, *pointer; // NULL: no JSON
    } table[] = {
        {"", NULL},
        {"{", NULL},
        {"[]", "/rules"},
        {"{}", "/rules"},
        {"{\"rules\":\"create:500\"}", "/rules"},
        {"{\"rules\":[\"create:500\",7]}", "/rules/1"},
        {"{\"rules\":[\"create:500\",\"create:oops\"]}", "/rules/1"},
        {"{\"rules\":[\"create:500:p=2\"]}", "/rules/0"},
    };
    struct world *world = world_fast();
    for (size_t i = 0; i < COUNT_OF(table); i++) {
        const char *const lines[] = {"POST /faults", "PUT /faults"};
        struct answer answer = ask(world, lines[i % 2], NULL, table[i].body);
        assert_int_equal(answer.status, 400);
        assert_number(answer.json, "status", 400);
        if (table[i].pointer != NULL)
            assert_text(answer.json, "errors/0/pointer", table[i].pointer);
    }
    // A fault of every call spares the simulator's own.
    set_rule(world, "any:outage");
    assert_int_equal(ask(world, "GET /ledger", NULL, NULL).status, 200);
    assert_int_equal(ask(world, "GET /health", NULL, NULL).status, 200);
    world_close(world);
}

static void test_wrong_settings(void **state)
{
    (void)state;
    static const struct str rule = STR_INIT("create:oops");
    static const struct {
        struct sim_settings settings;
        const char *words;
    } table[] = {
        {{.rules = &rule, .rule_count = 1}, "create:oops: oops: no such fault"},
        {{.time_scale = -1}, "time scale"},
        {{.time_scale = SIM_TIME_SCALE_MAX + 1}, "time scale"},
    };
    for (size_t i = 0; i < COUNT_OF(table); i++) {
        struct sim *sim = NULL;
        struct error err;
        error_reset(&err);
        assert_int_equal(sim_open(&table[i].settings, &sim, &err), ERR_INVALID);
        assert_non_null(strstr(err.message, table[i].words));
    }
}

// A latency far longer than anybody waits does not hold up the end.
static void test_end_with_waiting_calls(void **state)
{
    (void)state;
    struct world *world = world_fast();
    log_in(world);
    set_rule(world, "leads:latency:by=1h");
    int fd = dial(world);
    send_all(fd, request_text(world, LEADS, NULL, NULL));
    struct answer answer;
    do {
        answer = ask(world, "GET /faults", NULL, NULL);
        forget_answers(world);
    } while (memmem(answer.body.ptr, answer.body.len, "\"hits\":1", 8) == NULL);
    int64_t begun_ms = now_ms();
    world_close(world);
    assert_true(now_ms() - begun_ms < 5000);
    close(fd);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_instead),
        cmocka_unit_test(test_login_faults),
        cmocka_unit_test(test_broken_answers),
        cmocka_unit_test(test_wrong_answers),
        cmocka_unit_test(test_resume),
        cmocka_unit_test(test_changed),
        cmocka_unit_test(test_slow_and_huge_answers),
        cmocka_unit_test(test_clock_skew),
        cmocka_unit_test(test_creates),
        cmocka_unit_test(test_who_asked),
        cmocka_unit_test(test_fates),
        cmocka_unit_test(test_look_ups),
        cmocka_unit_test(test_time_scale),
        cmocka_unit_test(test_faults_listed),
        cmocka_unit_test(test_faults_refused),
        cmocka_unit_test(test_wrong_settings),
        cmocka_unit_test(test_end_with_waiting_calls),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
