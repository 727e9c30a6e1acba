// Tests of what the simulator still knows after a restart.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/fs.h"
#include "base/log.h"
#include "base/thread.h"
#include "sim/sim_request.h"
#include "sim/sim_state.h"

#define FILE_MAX   ((size_t)4 << 20)
#define START_US   (INT64_C(1790000000) * US_PER_S)
#define ADDERS     4
#define ADDS_EACH  25
#define LONGEST_US (20 * US_PER_S)

// The times are set by hand: a restart loses the monotonic one, as that of a machine does.
struct hands {
    struct clock clock;
    int64_t now_us;
    int64_t monotonic_us;
};

struct fixture {
    char folder[64];
    const char *path; // of the ledger, in a folder that is not there yet
    struct hands hands;
    struct sim_settings settings;
    struct sim_state *state;
    struct arena *arena;
    struct error err;
};

static int64_t hand_now(const struct clock *clock)
{
    return CONTAINER_OF(clock, struct hands, clock)->now_us;
}

static int64_t hand_monotonic(const struct clock *clock)
{
    return CONTAINER_OF(clock, struct hands, clock)->monotonic_us;
}

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));
    check(f != NULL);
    log_setup(LOG_OFF, LOG_TEXT, 2);
    snprintf(f->folder, sizeof(f->folder), "/tmp/sunlead-ledger-test-XXXXXX");
    if (mkdtemp(f->folder) == NULL)
        return -1;
    f->arena = arena_open(0);
    f->path = arena_printf(f->arena, "%s/data/simulator.jsonl", f->folder).ptr;
    f->hands = (struct hands){
        .clock = {hand_now, hand_monotonic}, .now_us = START_US + 123457, .monotonic_us = 77};
    f->settings = (struct sim_settings){
        .generation_min_ms = 10000,
        .generation_max_ms = 20000,
        .token_ttl_s = 900,
        .project_max = 300,
        .time_scale = 1,
        .clock = &f->hands.clock,
        .ledger_path = f->path,
    };
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    sim_state_close(f->state);
    (void)unlink(f->path);
    (void)rmdir(arena_printf(f->arena, "%s/data", f->folder).ptr);
    int code = rmdir(f->folder);
    arena_close(f->arena);
    free(f);
    return code;
}

static void start(struct fixture *f)
{
    error_reset(&f->err);
    if (sim_state_open(&f->settings, &f->state, &f->err) != ERR_OK)
        fail_msg("%s (%s)", f->err.message, f->err.cause);
}

static void stop(struct fixture *f)
{
    sim_state_close(TAKE_PTR(f->state));
    f->hands.monotonic_us = 5; // of a machine that was started again
}

static void assert_no_start(struct fixture *f, enum err want, const char *words)
{
    error_reset(&f->err);
    assert_int_equal(sim_state_open(&f->settings, &f->state, &f->err), want);
    assert_null(f->state);
    if (strstr(f->err.message, words) == NULL)
        fail_msg("%s", f->err.message);
}

static void pass_us(struct fixture *f, int64_t us)
{
    f->hands.now_us += us;
    f->hands.monotonic_us += us;
}

static const char plain[] =
    "{\"latitude\":37.7749,\"longitude\":-122.4194,"
    "\"address\":{\"street\":\"123 Solar Street\",\"city\":\"San Francisco\",\"state\":\"CA\","
    "\"postalCode\":\"94102\",\"country\":\"USA\"},"
    "\"homeowner\":{\"email\":\"homeowner@example.com\",\"firstname\":\"John\","
    "\"lastname\":\"Doe\",\"phone\":\"+1234567890\"},"
    "\"hardware\":{\"panel_id\":1,\"inverter_id\":1,\"storage_id\":1,\"storage_quantity\":2},"
    "\"consumption\":[800,850,900,950,1000,1050,1100,1150,1200,1250,1300,1350],"
    "\"lseId\":1,\"period\":\"month\",\"targetSolarOffset\":100,\"mode\":\"max\",\"unit\":\"kwh\"}";

// No storage, no mode, texts that need escapes, numbers with all their digits.
static const char odd[] =
    "{\"latitude\":-0.12345678901234568,\"longitude\":179.99999999999997,"
    "\"address\":{\"street\":\"\\\"\\\\\\u0001\\n\",\"city\":\"Z\u00fcrich\",\"state\":\"\","
    "\"postalCode\":\"\U0001f31e\",\"country\":\"\"},"
    "\"homeowner\":{\"email\":\"\",\"firstname\":\"\",\"lastname\":\"\",\"phone\":\"\"},"
    "\"hardware\":{\"panel_id\":4,\"inverter_id\":3},"
    "\"consumption\":[0,0,0,0,0,0,0,0,0,0,0,7],"
    "\"lseId\":1,\"period\":\"year\",\"targetSolarOffset\":0,\"unit\":\"kwh\"}";

static enum err try_add(struct fixture *f, const char *body, struct str asked_by,
                        const struct sim_project **ret_project)
{
    struct sim_project wanted;
    error_reset(&f->err);
    assert_int_equal(sim_create_decode(str_of(body), f->arena, &wanted, &f->err), ERR_OK);
    wanted.asked_by = asked_by;
    return sim_state_add(f->state, &wanted, ret_project, &f->err);
}

static const struct sim_project *add(struct fixture *f, const char *body)
{
    const struct sim_project *project = NULL;
    if (try_add(f, body, STR("me@example.com"), &project) != ERR_OK)
        fail_msg("%s", f->err.message);
    return project;
}

static struct str read_file(struct fixture *f)
{
    struct str text;
    assert_int_equal(fs_read_all(f->path, f->arena, FILE_MAX, &text, &f->err), ERR_OK);
    return text;
}

static void write_file(struct fixture *f, struct str text)
{
    assert_int_equal(fs_make_dirs(arena_printf(f->arena, "%s/data", f->folder).ptr, &f->err),
                     ERR_OK);
    CLEANUP(fd_close) int fd = open(f->path, O_CREAT | O_TRUNC | O_WRONLY | O_CLOEXEC, 0600);
    assert_true(fd >= 0);
    assert_int_equal(fs_write_all(fd, text.ptr, text.len, &f->err), ERR_OK);
}

static struct str replaced(struct fixture *f, struct str text, const char *old, const char *new)
{
    const char *found = memmem(text.ptr, text.len, old, strlen(old));
    assert_non_null(found);
    size_t at = (size_t)(found - text.ptr);
    return arena_printf(f->arena, "%.*s%s%.*s", STR_ARG(str_slice(text, 0, at)), new,
                        STR_ARG(str_slice(text, at + strlen(old), text.len)));
}

// A copy that outlives the state.
static struct sim_project copy_of(struct fixture *f, const struct sim_project *project)
{
    struct sim_project copy = *project;
    struct str *const texts[] = {&copy.address.street,
                                 &copy.address.city,
                                 &copy.address.state,
                                 &copy.address.country,
                                 &copy.address.postal_code,
                                 &copy.homeowner_email,
                                 &copy.asked_by,
                                 &copy.user_agent,
                                 &copy.request_id,
                                 &copy.answer_faults,
                                 &copy.mode};
    for (size_t i = 0; i < COUNT_OF(texts); i++)
        *texts[i] = arena_str(f->arena, *texts[i]);
    copy.system.state = copy.address.state;
    return copy;
}

static void assert_text(struct str text, struct str want)
{
    if (!str_equal(text, want))
        fail_msg("%.*s is not %.*s", STR_ARG(text), STR_ARG(want));
}

static void assert_same(const struct sim_project *project, const struct sim_project *want)
{
    assert_non_null(project);
    assert_int_equal(project->id, want->id);
    assert_int_equal(project->house_id, want->house_id);
    assert_int_equal(project->created_us, want->created_us);
    assert_int_equal(project->duration_us, want->duration_us);
    assert_true(project->latitude == want->latitude && project->longitude == want->longitude);
    const struct sim_system *system = &project->system;
    assert_true(system->latitude == want->system.latitude);
    assert_true(system->annual_use_kwh == want->system.annual_use_kwh);
    assert_text(system->state, want->system.state);
    assert_ptr_equal(system->panel, want->system.panel);
    assert_int_equal(system->panel_count, want->system.panel_count);
    assert_ptr_equal(system->inverter, want->system.inverter);
    assert_ptr_equal(system->storage, want->system.storage);
    assert_int_equal(system->storage_quantity, want->system.storage_quantity);
    assert_text(project->address.street, want->address.street);
    assert_text(project->address.city, want->address.city);
    assert_text(project->address.state, want->address.state);
    assert_text(project->address.postal_code, want->address.postal_code);
    assert_text(project->address.country, want->address.country);
    assert_text(project->homeowner_email, want->homeowner_email);
    assert_text(project->asked_by, want->asked_by);
    assert_int_equal(project->session, want->session);
    assert_text(project->user_agent, want->user_agent);
    assert_text(project->request_id, want->request_id);
    assert_text(project->answer_faults, want->answer_faults);
    assert_int_equal(project->unanswered, want->unanswered);
    assert_memory_equal(&project->fate, &want->fate, sizeof(want->fate));
    assert_memory_equal(project->consumption_kwh, want->consumption_kwh,
                        sizeof(want->consumption_kwh));
    assert_int_equal(project->target_offset_percent, want->target_offset_percent);
    assert_text(project->mode, want->mode);
}

static void test_restart(void **state)
{
    struct fixture *f = *state;
    start(f);
    struct sim_project first = copy_of(f, add(f, plain));
    pass_us(f, 1);
    struct sim_project second = copy_of(f, add(f, odd));
    for (int round = 0; round < 2; round++) {
        stop(f);
        start(f);
        assert_int_equal(sim_state_count(f->state), 2);
        assert_same(sim_state_at(f->state, 0), &first);
        assert_same(sim_state_project(f->state, 123), &first);
        assert_same(sim_state_house(f->state, 457), &second);
        assert_null(sim_state_project(f->state, 125));
        assert_null(sim_state_house(f->state, 455));
    }
    assert_int_equal(add(f, plain)->id, 125);
    assert_int_equal(sim_state_at(f->state, 2)->house_id, 458);
}

// Who asked, what the answer met and the project's fate are kept too.
static void test_faults_are_kept(void **state)
{
    struct fixture *f = *state;
    const struct sim_project *made = NULL;
    struct sim_project wanted;
    char longest[SIM_AGENT_MAX + 1], names[SIM_FAULTS_MAX + 1];
    memset(longest, '"', SIM_AGENT_MAX);
    memset(names, 'x', SIM_FAULTS_MAX);
    longest[SIM_AGENT_MAX] = names[SIM_FAULTS_MAX] = '\0';
    assert_int_equal(sim_create_decode(str_of(plain), f->arena, &wanted, &f->err), ERR_OK);
    wanted.asked_by = STR("me@example.com");
    wanted.session = 7;
    wanted.user_agent = wanted.request_id = str_of(longest);
    wanted.answer_faults = str_of(names);
    wanted.unanswered = true;
    sim_plan_add(&wanted.fate, SIM_FAULT_STUCK, 40);
    sim_plan_add(&wanted.fate, SIM_FAULT_TWIN, 0);
    start(f);
    assert_int_equal(sim_state_add(f->state, &wanted, &made, &f->err), ERR_OK);
    struct sim_project want = copy_of(f, made);
    int progress;
    stop(f);
    pass_us(f, LONGEST_US);
    start(f);
    assert_same(sim_state_at(f->state, 0), &want);
    assert_int_equal(sim_state_phase(f->state, sim_state_at(f->state, 0), &progress), SIM_PROGRESS);
    assert_int_equal(progress, 40);
}

// A file of a simulator that knew no faults.
static void test_plain_lines(void **state)
{
    struct fixture *f = *state;
    static const char added[] = ",\"session\":0,\"user_agent\":null,\"request_id\":null,"
                                "\"answer_faults\":null,\"unanswered\":false,\"fate\":null";
    start(f);
    struct sim_project want = copy_of(f, add(f, plain));
    stop(f);
    write_file(f, replaced(f, read_file(f), added, ""));
    start(f);
    assert_same(sim_state_at(f->state, 0), &want);
}

// What an uninterrupted simulator would draw is drawn after a restart too.
static void test_draws_go_on(void **state)
{
    struct fixture *f = *state;
    int64_t want_us[4];
    f->settings.ledger_path = NULL;
    start(f);
    for (size_t i = 0; i < COUNT_OF(want_us); i++)
        want_us[i] = add(f, plain)->duration_us;
    stop(f);
    assert_int_equal(access(f->path, F_OK), -1);
    f->settings.ledger_path = f->path;
    for (size_t i = 0; i < COUNT_OF(want_us); i++) {
        start(f);
        assert_int_equal(add(f, plain)->duration_us, want_us[i]);
        stop(f);
    }
}

static enum sim_phase phase_of(struct fixture *f, int64_t project_id, int *ret_progress)
{
    const struct sim_project *project = sim_state_project(f->state, project_id);
    assert_non_null(project);
    return sim_state_phase(f->state, project, ret_progress);
}

static void test_states_follow_from_the_times(void **state)
{
    struct fixture *f = *state;
    int progress;
    start(f);
    int64_t duration_us = add(f, plain)->duration_us;
    stop(f);
    pass_us(f, duration_us / 2);
    start(f);
    assert_int_equal(phase_of(f, 123, &progress), SIM_PROGRESS);
    assert_in_range(progress, 49, 50);
    stop(f);
    pass_us(f, duration_us - duration_us / 2 - 1);
    start(f);
    assert_int_equal(phase_of(f, 123, &progress), SIM_PROGRESS);
    pass_us(f, 1);
    assert_int_equal(phase_of(f, 123, &progress), SIM_DONE);
    stop(f);
    f->settings.generation_min_ms = f->settings.generation_max_ms = 3600000; // of others only
    start(f);
    assert_int_equal(phase_of(f, 123, &progress), SIM_DONE);
    stop(f);
    f->hands.now_us = START_US - LONGEST_US; // set back: it begins again
    start(f);
    assert_int_equal(phase_of(f, 123, &progress), SIM_INITIALIZED);
    pass_us(f, LONGEST_US);
    assert_int_equal(phase_of(f, 123, &progress), SIM_DONE);
}

static void test_longest_texts(void **state)
{
    struct fixture *f = *state;
    char escaped[SIM_TEXT_MAX * 6 + 1] = "";
    for (size_t i = 0; i < SIM_TEXT_MAX; i++)
        memcpy(escaped + i * 6, "\\u0001", 7);
    static const char *const olds[] = {
        "123 Solar Street", "San Francisco", "CA", "94102", "USA", "homeowner@example.com"};
    struct str body = str_of(plain);
    for (size_t i = 0; i < COUNT_OF(olds); i++)
        body = replaced(f, body, olds[i], escaped);
    body = replaced(f, body, "\"max\"", arena_printf(f->arena, "\"%s\"", escaped).ptr);
    char contact[SIM_CONTACT_MAX];
    memset(contact, 1, sizeof(contact));
    start(f);
    const struct sim_project *made = NULL;
    assert_int_equal(try_add(f, body.ptr, (struct str){contact, sizeof(contact) - 1}, &made),
                     ERR_OK);
    struct sim_project want = copy_of(f, made);
    stop(f);
    start(f);
    assert_same(sim_state_at(f->state, 0), &want);
}

// Contacts are cut where a character ends: what is kept must be text.
static void test_long_contact(void **state)
{
    struct fixture *f = *state;
    char contact[SIM_CONTACT_MAX + 2], token[SIM_TOKEN_TEXT];
    struct sim_caller who;
    memset(contact, 'x', sizeof(contact));
    memcpy(contact + SIM_CONTACT_MAX - 2, "\u00e9", 2);
    start(f);
    sim_state_login(f->state, (struct str){contact, sizeof(contact)}, token);
    assert_true(sim_state_who(f->state, str_of(token), &who));
    assert_int_equal(who.session, 1);
    assert_int_equal(str_of(who.contact).len, SIM_CONTACT_MAX - 2);
    const struct sim_project *made = NULL;
    assert_int_equal(try_add(f, plain, str_of(who.contact), &made), ERR_OK);
    stop(f);
    start(f);
    assert_text(sim_state_at(f->state, 0)->asked_by, str_of(who.contact));
    assert_false(sim_state_who(f->state, str_of(token), &who)); // sessions end with the process
}

static void test_cut_last_line(void **state)
{
    struct fixture *f = *state;
    start(f);
    (void)add(f, plain);
    (void)add(f, odd);
    stop(f);
    struct str whole = read_file(f);
    size_t first_len = str_find(whole, '\n', 0) + 1;
    size_t cuts[] = {first_len + 1, first_len + 100, whole.len - 2, whole.len - 1};
    for (size_t i = 0; i < COUNT_OF(cuts); i++) {
        write_file(f, str_slice(whole, 0, cuts[i]));
        start(f);
        assert_int_equal(sim_state_count(f->state), 1);
        assert_text(read_file(f), str_slice(whole, 0, first_len));
        assert_int_equal(add(f, odd)->id, 124);
        stop(f);
        start(f);
        assert_int_equal(sim_state_count(f->state), 2);
        stop(f);
    }
    write_file(f, str_slice(whole, 0, 40)); // the first line of all
    start(f);
    assert_int_equal(sim_state_count(f->state), 0);
    assert_int_equal(add(f, odd)->id, 123);
}

static void test_broken_line(void **state)
{
    static const struct {
        const char *old, *new, *cause;
    } table[] = {
        {"{\"project_id\":124", "", "column 1"},
        {"\"project_id\":124,", "", "/project_id is required"},
        {"{\"project_id\":124", "\n{\"project_id\":124", "there is no text"},
        {"\"project_id\":124", "\"project_id\":123", "/project_id must be above"},
        {"\"house_id\":457", "\"house_id\":456", "/house_id must be above"},
        {"\"house_id\":457", "\"house_id\":\"457\"", "/house_id"},
        {"\"house_id\":457", "\"house_id\":457,\"more\":1", "/more"},
        {"\"done\":\"2", "\"done\":\"1", "/done must not be before"},
        {"\"panel_id\":4", "\"panel_id\":77", "/hardware/panel_id"},
        {"\"fate\":null", "\"fate\":\"oops\"", "/fate"},
        {"\"inverter_id\":3", "\"inverter_id\":77", "/hardware/inverter_id"},
        {"\"storage_id\":null", "\"storage_id\":77", "/hardware/storage_id"},
        {"\"panel_count\":1", "\"panel_count\":0", "/hardware/panel_count"},
        {"-0.1234", "-91", "/latitude"},
        {"[0,", "[", "/consumption"},
    };
    struct fixture *f = *state;
    start(f);
    (void)add(f, plain);
    (void)add(f, odd);
    (void)add(f, plain);
    stop(f);
    struct str whole = read_file(f);
    size_t first_len = str_find(whole, '\n', 0) + 1;
    struct str others = str_slice(whole, first_len, whole.len);
    for (size_t i = 0; i < COUNT_OF(table); i++) {
        struct str spoilt = replaced(f, others, table[i].old, table[i].new);
        struct str broken = arena_printf(f->arena, "%.*s%.*s",
                                         STR_ARG(str_slice(whole, 0, first_len)), STR_ARG(spoilt));
        write_file(f, broken);
        assert_no_start(f, ERR_CORRUPT, "simulator.jsonl: line 2 is broken");
        if (strstr(f->err.cause, table[i].cause) == NULL)
            fail_msg("%s: %s", table[i].new, f->err.cause);
        assert_text(read_file(f), broken); // it is left for a person to look at
    }
    char *long_line = arena_raw(f->arena, 100000);
    memset(long_line, ' ', 100000);
    write_file(f, (struct str){long_line, 100000});
    assert_no_start(f, ERR_CORRUPT, "line 1 is broken");
}

// A person may take lines out.
static void test_gap(void **state)
{
    struct fixture *f = *state;
    start(f);
    for (int i = 0; i < 3; i++)
        (void)add(f, plain);
    stop(f);
    struct str whole = read_file(f);
    size_t first = str_find(whole, '\n', 0) + 1, second = str_find(whole, '\n', first) + 1;
    write_file(f, arena_printf(f->arena, "%.*s%.*s", STR_ARG(str_slice(whole, 0, first)),
                               STR_ARG(str_slice(whole, second, whole.len))));
    start(f);
    assert_int_equal(sim_state_count(f->state), 2);
    assert_int_equal(sim_state_project(f->state, 125)->house_id, 458);
    assert_null(sim_state_project(f->state, 124));
    assert_int_equal(add(f, plain)->id, 126);
}

static void test_project_max(void **state)
{
    struct fixture *f = *state;
    const struct sim_project *project;
    f->settings.project_max = 2;
    start(f);
    (void)add(f, plain);
    (void)add(f, plain);
    assert_int_equal(try_add(f, plain, STR("me"), &project), ERR_UNAVAILABLE);
    stop(f);
    start(f);
    assert_int_equal(try_add(f, plain, STR("me"), &project), ERR_UNAVAILABLE);
    stop(f);
    f->settings.project_max = 1;
    assert_no_start(f, ERR_TOO_LARGE, "more than 1 projects");
}

static void test_lock(void **state)
{
    struct fixture *f = *state;
    start(f);
    struct sim_state *first = TAKE_PTR(f->state);
    assert_no_start(f, ERR_CONFLICT, "another simulator keeps its projects in ");
    sim_state_close(first);
    start(f);
}

static void test_no_file(void **state)
{
    struct fixture *f = *state;
    f->settings.ledger_path = "/dev/null";
    assert_no_start(f, ERR_INVALID, "no regular file");
    f->settings.ledger_path = f->folder;
    assert_no_start(f, ERR_INTERNAL, "directory");
}

static void limit_file_bytes(rlim_t bytes)
{
    struct rlimit limit;
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
    limit.rlim_cur = bytes < limit.rlim_max ? bytes : limit.rlim_max;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

// A create that could not be kept was none, and half a line does not spoil the next one.
static void test_disk_full(void **state)
{
    struct fixture *f = *state;
    const struct sim_project *project;
    signal(SIGXFSZ, SIG_IGN);
    start(f);
    (void)add(f, plain);
    struct str before = read_file(f);
    limit_file_bytes(before.len + 100);
    enum err code = try_add(f, plain, STR("me"), &project);
    limit_file_bytes(RLIM_INFINITY);
    assert_int_not_equal(code, ERR_OK);
    assert_text(read_file(f), before);
    assert_int_equal(sim_state_count(f->state), 1);
    assert_int_equal(add(f, plain)->id, 124);
    stop(f);
    start(f);
    assert_int_equal(sim_state_count(f->state), 2);
}

struct adder {
    pthread_t thread;
    struct sim_state *state;
    const struct sim_project *wanted;
};

static void *adder_run(void *arg)
{
    struct adder *adder = arg;
    for (int i = 0; i < ADDS_EACH; i++) {
        const struct sim_project *project = NULL;
        struct error err;
        error_reset(&err);
        check(sim_state_add(adder->state, adder->wanted, &project, &err) == ERR_OK);
        check(sim_state_project(adder->state, project->id) == project);
    }
    return NULL;
}

static void test_at_the_same_time(void **state)
{
    struct fixture *f = *state;
    struct adder adders[ADDERS];
    struct sim_project wanted;
    assert_int_equal(sim_create_decode(str_of(plain), f->arena, &wanted, &f->err), ERR_OK);
    wanted.asked_by = STR("me");
    start(f);
    for (size_t i = 0; i < ADDERS; i++) {
        adders[i] = (struct adder){.state = f->state, .wanted = &wanted};
        assert_int_equal(pthread_create(&adders[i].thread, NULL, adder_run, &adders[i]), 0);
    }
    for (size_t i = 0; i < ADDERS; i++)
        assert_int_equal(pthread_join(adders[i].thread, NULL), 0);
    stop(f);
    start(f);
    assert_int_equal(sim_state_count(f->state), ADDERS * ADDS_EACH);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_restart),
        TEST(test_faults_are_kept),
        TEST(test_plain_lines),
        TEST(test_draws_go_on),
        TEST(test_states_follow_from_the_times),
        TEST(test_longest_texts),
        TEST(test_long_contact),
        TEST(test_cut_last_line),
        TEST(test_broken_line),
        TEST(test_gap),
        TEST(test_project_max),
        TEST(test_lock),
        TEST(test_no_file),
        TEST(test_disk_full),
        TEST(test_at_the_same_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
