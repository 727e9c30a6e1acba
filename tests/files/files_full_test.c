// Downloads onto a disk that is full: a file system of 1 MiB, where one can be mounted.
#include "files/store_fixture.h"

#include <sched.h>
#include <sys/mount.h>
#include <sys/statvfs.h>
#include <sys/wait.h>

#define DISK_BYTES  1048576
#define LARGE_FACES 250000 // 2 MB
#define SMALL_FACES 25000  // 200 KB
#define NO_MOUNT    77

static bool write_text(const char *path, const char *text)
{
    CLEANUP(fd_close) int fd = open(path, O_WRONLY | O_CLOEXEC);
    return fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text);
}

// A user who may not mount anything becomes root of a name space of his own.
static bool become_root(void)
{
    char user[32];
    char group[32];
    snprintf(user, sizeof(user), "0 %u 1", (unsigned)getuid());
    snprintf(group, sizeof(group), "0 %u 1", (unsigned)getgid());
    return unshare(CLONE_NEWUSER | CLONE_NEWNS) == 0 &&
           write_text("/proc/self/setgroups", "deny") && write_text("/proc/self/uid_map", user) &&
           write_text("/proc/self/gid_map", group);
}

// In a process of its own: mounts are seen by it alone.
static void mount_or_exit(const char *dir)
{
    bool is_alone = unshare(CLONE_NEWNS) == 0 || become_root();
    char options[32];
    snprintf(options, sizeof(options), "size=%d", DISK_BYTES);
    if (!is_alone || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0 ||
        mount("tmpfs", dir, "tmpfs", 0, options) != 0) {
        (void)rmdir(dir);
        _exit(NO_MOUNT);
    }
}

static uint64_t free_bytes(const struct fixture *fixture)
{
    struct statvfs disk;
    assert_int_equal(statvfs(fixture->root, &disk), 0);
    return disk.f_bfree * disk.f_bsize;
}

static void assert_full(struct fixture *fixture, const char *path)
{
    uint64_t before = free_bytes(fixture);
    struct wait wait;
    fetch(fixture, path, MODEL_FILE_OBJ, &wait);
    assert_int_equal(wait.fetch.error.code, ERR_UNAVAILABLE);
    assert_string_equal(wait.fetch.error.message, "our disk is full");
    assert_non_null(strstr(wait.fetch.error.cause, "No space left"));
    assert_int_equal(free_bytes(fixture), before);
    assert_int_equal(take_census(fixture->dir).temporary, 0);
}

static void assert_fits(struct fixture *fixture, const char *path, size_t stored)
{
    struct wait wait;
    fetch(fixture, path, MODEL_FILE_OBJ, &wait);
    if (wait.fetch.error.code != ERR_OK)
        fail_msg("%s", wait.fetch.error.message);
    assert_census(fixture->dir, stored, 0);
}

static void fill_and_empty(struct fixture *fixture)
{
    const char *path = arena_printf(fixture->arena, "%s/others", fixture->root).ptr;
    CLEANUP(fd_close) int fd = open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
    char page[4096] = {1};
    while (write(fd, page, sizeof(page)) > 0)
        ;
    assert_int_equal(errno, ENOSPC);
    assert_full(fixture, "small");
    assert_full(fixture, "unsaid");
    assert_full(fixture, "in-pieces");
    assert_int_equal(unlink(path), 0);
}

static void run_on_small_disk(void)
{
    struct fixture fixture = {0};
    struct raw_answer answers[] = {
        {.request = "GET /large ", .etag = "\"1\""},
        {.request = "GET /unsaid ", .head = OK "ETag: \"1\"\r\n\r\n"},
        {.request = "GET /small ", .etag = "\"1\""},
        {.request = "GET /in-pieces ", .etag = "\"2\"", .cut = 100000},
        {0},
    };
    make_root(&fixture);
    mount_or_exit(fixture.root);
    answers[0].body = make_mesh(fixture.arena, 0, LARGE_FACES);
    answers[1].body = answers[0].body;
    answers[2].body = make_mesh(fixture.arena, 1, SMALL_FACES);
    answers[3].body = make_mesh(fixture.arena, 2, SMALL_FACES);
    fixture.server.answers = answers;
    raw_listen(&fixture.server);
    raw_start(&fixture.server);
    open_store(&fixture, 64);

    assert_full(&fixture, "large");  // it says how large it is
    assert_full(&fixture, "unsaid"); // and this one does not
    assert_fits(&fixture, "small", 1);
    assert_full(&fixture, "large");
    fill_and_empty(&fixture);
    assert_fits(&fixture, "in-pieces", 2);

    close_store(&fixture);
    raw_stop(&fixture.server);
    assert_int_equal(umount2(fixture.root, MNT_DETACH), 0);
    remove_root(&fixture);
    _exit(0);
}

static void test_small_disk(void **state)
{
    (void)state;
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0)
        run_on_small_disk();
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    if (WEXITSTATUS(status) == NO_MOUNT) {
        print_message("nothing can be mounted here\n");
        skip();
    }
    assert_int_equal(WEXITSTATUS(status), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_small_disk),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
