// Kills a process that fetches, again and again: what is in the store is whole.
#include "files/store_fixture.h"

#include <sys/prctl.h>
#include <sys/wait.h>

#include "base/random.h"

#define KILLS      24
#define MESH_SIZES 3
#define MESH_FACES 3000

// Meshes that differ, of about 30 KB, as whole HTTP answers.
static void make_mesh_answers(struct arena *arena, struct raw_answer answers[MESH_SIZES + 1])
{
    for (int i = 0; i < MESH_SIZES; i++) {
        struct buf body;
        buf_init_arena(&body, arena, 1 << 20);
        buf_printf(&body, "# %d\nv 0 0 0\nv 1 0 0\nv 0 1 0\n", i);
        for (int face = 0; face < MESH_FACES * (i + 1); face++)
            BUF_LITERAL(&body, "f 1 2 3\n");
        answers[i] = (struct raw_answer){
            .request = arena_printf(arena, "GET /mesh%d ", i).ptr,
            .head = arena_printf(arena, OK "Content-Length: %zu\r\n\r\n", body.len).ptr,
            .body = buf_str(&body),
        };
    }
    answers[MESH_SIZES] = (struct raw_answer){0};
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

// Kills one process at a moment given by how much it was sent. No thread may run when it is forked.
static void kill_once(struct fixture *fixture, int64_t kill_at)
{
    raw_listen(&fixture->server);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0)
        fetch_for_ever(fixture);
    fixture->server.sent = 0;
    fixture->server.kill_at = kill_at;
    fixture->server.victim = child;
    raw_start(&fixture->server);
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status));
    assert_int_equal(WTERMSIG(status), SIGKILL);
    raw_stop(&fixture->server);
}

static void test_killed(void **state)
{
    (void)state;
    struct raw_answer answers[MESH_SIZES + 1];
    struct fixture fixture = {.server = {.answers = answers}};
    make_root(&fixture);
    make_mesh_answers(fixture.arena, answers);
    int64_t all = 0;
    for (int i = 0; i < MESH_SIZES; i++)
        all += (int64_t)answers[i].body.len;
    struct random random;
    random_seed(&random, 20240501);
    for (int i = 0; i < KILLS; i++) {
        kill_once(&fixture, random_between(&random, 1, 2 * all));
        assert_true(take_census(fixture.dir).stored <= MESH_SIZES);
    }
    kill_once(&fixture, 3 * all);
    assert_int_equal(take_census(fixture.dir).stored, MESH_SIZES);
    open_store(&fixture, 64);
    assert_census(fixture.dir, MESH_SIZES, 0);
    close_store(&fixture);
    remove_root(&fixture);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_killed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
