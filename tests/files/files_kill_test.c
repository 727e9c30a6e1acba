// Kills a process that fetches, again and again: what is in the store is whole, and the next one
// goes on.
#include "files/store_fixture.h"

#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include "base/crash.h"
#include "base/random.h"

#define KILLS       300 // CHAOS_KILLS=5000 for more
#define KILL_MAX_US 15000
#define MESH_SIZES  3
#define MESH_FACES  3000
#define TAG         "\"1\""

// Meshes that differ, of about 24, 48 and 72 KB.
static void make_mesh_answers(struct arena *arena, struct raw_answer answers[MESH_SIZES + 1])
{
    for (int i = 0; i < MESH_SIZES; i++)
        answers[i] = (struct raw_answer){
            .request = arena_printf(arena, "GET /mesh%d ", i).ptr,
            .etag = TAG,
            .body = make_mesh(arena, i, MESH_FACES * (size_t)(i + 1)),
        };
    answers[MESH_SIZES] = (struct raw_answer){0};
}

// The address stays the same for all processes.
static void set_up(struct fixture *fixture, struct raw_answer answers[MESH_SIZES + 1])
{
    *fixture = (struct fixture){.server = {.answers = answers}};
    make_root(fixture);
    make_mesh_answers(fixture->arena, answers);
    raw_listen(&fixture->server);
}

static void tear_down(struct fixture *fixture)
{
    raw_close_sockets(&fixture->server);
    remove_root(fixture);
}

// Fetches until it is killed.
static void fetch_for_ever(struct fixture *fixture)
{
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    open_store(fixture, 64);
    for (unsigned i = 0;; i++) {
        struct wait waits[MESH_SIZES];
        for (unsigned k = 0; k < MESH_SIZES; k++) {
            char path[16];
            snprintf(path, sizeof(path), "mesh%u", k);
            wait_start(&waits[k], fixture, path, MODEL_FILE_OBJ);
        }
        for (unsigned k = 0; k < MESH_SIZES; k++)
            wait_end(&waits[k]);
    }
}

static void assert_killed(pid_t child)
{
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status));
    assert_int_equal(WTERMSIG(status), SIGKILL);
}

// Kills one process when it was sent so many bytes, or, with kill_at 0, after a while. No thread
// may run when it is forked.
static void kill_once(struct fixture *fixture, int64_t kill_at, int64_t after_us)
{
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0)
        fetch_for_ever(fixture);
    fixture->server.sent = 0;
    fixture->server.kill_at = kill_at;
    fixture->server.victim = kill_at > 0 ? child : 0;
    raw_start(&fixture->server);
    if (kill_at == 0) {
        struct timespec after = {.tv_nsec = after_us * 1000};
        nanosleep(&after, NULL);
        assert_int_equal(kill(child, SIGKILL), 0);
    }
    assert_killed(child);
    raw_pause(&fixture->server);
}

static int kills_wanted(void)
{
    const char *text = getenv("CHAOS_KILLS");
    int64_t kills = KILLS;
    if (text != NULL && text[0] != '\0') // make exports it even if it is not set
        assert_int_equal(number_parse_i64(str_of(text), 1, 1000000, &kills), ERR_OK);
    return (int)kills;
}

static void test_killed(void **state)
{
    (void)state;
    struct raw_answer answers[MESH_SIZES + 1];
    struct fixture fixture;
    set_up(&fixture, answers);
    int64_t all = 0;
    for (int i = 0; i < MESH_SIZES; i++)
        all += (int64_t)answers[i].body.len;
    struct random random;
    random_seed(&random, 20240501);
    for (int i = kills_wanted(); i > 0; i--) {
        int64_t at = i % 2 == 0 ? random_between(&random, 1, 2 * all) : 0;
        kill_once(&fixture, at, random_between(&random, 0, KILL_MAX_US));
        assert_true(take_census(fixture.dir).stored <= MESH_SIZES);
    }
    kill_once(&fixture, 3 * all, 0);
    assert_int_equal(take_census(fixture.dir).stored, MESH_SIZES);
    tear_down(&fixture);
}

// Bytes in the only temporary file; -1: there is none.
static int64_t partial_size(const struct fixture *fixture)
{
    int64_t size = -1;
    char path[PATH_MAX];
    snprintf(path, sizeof(path), "%s/tmp", fixture->dir);
    DIR *folder = opendir(path);
    struct dirent *entry;
    while (folder != NULL && (entry = readdir(folder)) != NULL) {
        struct stat st;
        if (entry->d_name[0] != '.' && fstatat(dirfd(folder), entry->d_name, &st, 0) == 0)
            size = st.st_size;
    }
    if (folder != NULL)
        closedir(folder);
    return size;
}

static void fetch_one(struct fixture *fixture)
{
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    open_store(fixture, 64);
    struct wait wait;
    fetch(fixture, "mesh0", MODEL_FILE_OBJ, &wait);
    _exit(wait.fetch.error.code == ERR_OK ? 0 : 1);
}

static pid_t start_one(struct fixture *fixture, const char *crash_step)
{
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        check(crash_step == NULL || crash_arm(str_of(crash_step), NULL) == ERR_OK);
        fetch_one(fixture);
    }
    raw_start(&fixture->server);
    return child;
}

static void end_one(struct fixture *fixture)
{
    int status = 0;
    pid_t child = start_one(fixture, NULL);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    raw_pause(&fixture->server);
}

// Each process gets 10,000 bytes and is killed then; together they have the file.
static void test_goes_on(void **state)
{
    (void)state;
    struct raw_answer answers[MESH_SIZES + 1];
    struct fixture fixture;
    set_up(&fixture, answers);
    answers[0].cut = 10000;
    answers[0].hang = true;
    for (int64_t want = 10000; want < (int64_t)answers[0].body.len; want += 10000 - 1) {
        pid_t child = start_one(&fixture, NULL);
        int64_t give_up_us = clock_monotonic_us(clock_system()) + WAIT_US;
        while (partial_size(&fixture) < want) {
            assert_true(clock_monotonic_us(clock_system()) < give_up_us);
            struct timespec soon = {.tv_nsec = 1000000};
            nanosleep(&soon, NULL);
        }
        assert_int_equal(kill(child, SIGKILL), 0);
        assert_killed(child);
        raw_pause(&fixture.server);
        assert_census(fixture.dir, 0, 1);
        assert_int_equal(partial_size(&fixture), want);
    }
    end_one(&fixture);
    assert_census(fixture.dir, 1, 0);
    int64_t again = fixture.server.used[0] - 1; // one byte for each that went on
    assert_int_equal(fixture.server.sent, (int64_t)answers[0].body.len + again);
    tear_down(&fixture);
}

// Killed when the file is whole, before and behind its name.
static void test_steps(void **state)
{
    (void)state;
    static const struct {
        const char *step;
        size_t stored, temporary;
        int64_t sent; // to the next process
    } rows[] = {
        {"file.naming", 0, 1, 1},
        {"file.named", 1, 0, -1}, // all of it: nobody knows yet that it is stored
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct raw_answer answers[MESH_SIZES + 1];
        struct fixture fixture;
        set_up(&fixture, answers);
        assert_killed(start_one(&fixture, rows[i].step));
        raw_pause(&fixture.server);
        assert_census(fixture.dir, rows[i].stored, rows[i].temporary);
        fixture.server.sent = 0;
        end_one(&fixture);
        assert_census(fixture.dir, 1, 0);
        int64_t all = (int64_t)answers[0].body.len;
        assert_int_equal(fixture.server.sent, rows[i].sent < 0 ? all : rows[i].sent);
        tear_down(&fixture);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_killed),
        cmocka_unit_test(test_goes_on),
        cmocka_unit_test(test_steps),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
