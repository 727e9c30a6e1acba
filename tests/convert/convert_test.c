// Tests of convert/: conversions in a process of their own, and whatever can become of that.
// This program is the process too: as `convert_test worker` it converts, as `convert_test bad NAME`
// it does what a process that was taken over might.
#include "convert/convert.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fs.h"
#include "base/number.h"
#include "base/thread.h"
#include "convert/convert_confine.h"
#include "convert/convert_report.h"
#include "convert/convert_worker.h"

#define WAIT_US (60 * US_PER_S)

// ---- What the process does in place of a conversion.

extern char **environ;

static void send_report(const struct convert_report *report)
{
    if (write(CONVERT_FD_REPORT, report, sizeof(*report)) < 0)
        _exit(3);
}

static struct convert_report good_report(void)
{
    return (struct convert_report){.magic = CONVERT_REPORT_MAGIC,
                                   .product_count = (uint32_t)convert_product_count()};
}

static int product_fd(void)
{
    return CONVERT_FD_FILES + 1; // these processes have one source
}

static void take_memory(void)
{
    for (;;)
        (void)arena_raw(arena_open(0), 64 << 20);
}

static void take_time(void)
{
    for (volatile unsigned i = 0;; i++)
        continue;
}

static void wait_for_ever(void)
{
    // What poll() does without poll().
    for (;;) {
        uint32_t word = 0;
        (void)syscall(SYS_futex, &word, 0, 0, NULL, NULL, 0);
    }
}

static void write_too_much(void)
{
    char byte = 'x';
    (void)!pwrite(product_fd(), &byte, 1, CONVERT_FILE_BYTES_MAX);
}

static void open_file(void)
{
    (void)open("/etc/passwd", O_RDONLY | O_CLOEXEC);
}

static void open_socket(void)
{
    (void)socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
}

static void make_process(void)
{
    if (fork() == 0)
        _exit(0);
}

static void run_program(void)
{
    char *words[] = {"true", NULL};
    execv("/bin/true", words);
}

static void make_code(void)
{
    (void)mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
}

static void kill_another(void)
{
    (void)syscall(SYS_tgkill, getppid(), getppid(), SIGKILL);
}

static void crash(void)
{
    raise(SIGTRAP); // sanitizers take the others
}

static void break_assumption(void)
{
    check(environ == NULL);
}

static void close_report(void)
{
    close(CONVERT_FD_REPORT);
    wait_for_ever();
}

static void end_at_once(void)
{
    _exit(7);
}

static void report_half(void)
{
    const struct convert_report report = good_report();
    (void)!write(CONVERT_FD_REPORT, &report, 100);
    _exit(0);
}

static void report_nonsense(void)
{
    char bytes[sizeof(struct convert_report)];
    memset(bytes, 'x', sizeof(bytes));
    for (;;)
        (void)!write(CONVERT_FD_REPORT, bytes, sizeof(bytes));
}

static void report_too_few(void)
{
    struct convert_report report = good_report();
    report.product_count--;
    send_report(&report);
}

// Files of another size than it says.
static void report_wrong_sizes(void)
{
    struct convert_report report = good_report();
    for (size_t i = 0; i < convert_product_count(); i++)
        report.sizes[i] = 10;
    send_report(&report);
}

static void report_wrong_code(void)
{
    struct convert_report report = good_report();
    report.code = 12345;
    send_report(&report);
}

static void report_evil_words(void)
{
    struct convert_report report = good_report();
    report.code = ERR_CORRUPT;
    memset(report.message, 0xFF, sizeof(report.message));
    memcpy(report.message, "a\nb\x01", 4);
    send_report(&report);
    wait_for_ever();
}

static void report_full_disk(void)
{
    struct convert_report report = good_report();
    report.code = ERR_UNAVAILABLE;
    memcpy(report.message, "no room", 8);
    send_report(&report);
}

// What it is given: 200 where all is as it should be.
static int count_flaws(void)
{
    int flaws = environ[0] == NULL ? 0 : 1;
    int last = CONVERT_FD_FILES + 1 + (int)convert_product_count();
    char byte = 'x';
    for (int fd = 0; fd < last; fd++)
        flaws += fcntl(fd, F_GETFD) == 0 ? 0 : 1;
    for (int fd = last; fd < 2000; fd++)
        flaws += fcntl(fd, F_GETFD) < 0 && errno == EBADF ? 0 : 1;
    flaws += write(CONVERT_FD_FILES, &byte, 1) < 0 && errno == EBADF ? 0 : 1;
    sigset_t blocked;
    sigemptyset(&blocked);
    sigprocmask(SIG_BLOCK, NULL, &blocked);
    for (int number = 1; number < SIGRTMAX; number++)
        flaws += sigismember(&blocked, number) == 1 ? 1 : 0;
    return flaws;
}

static void report_flaws(void)
{
    struct convert_report report = good_report();
    report.code = ERR_CORRUPT;
    snprintf(report.message, sizeof(report.message), "%d flaws", count_flaws());
    send_report(&report);
    _exit(0);
}

static const struct deed {
    const char *name;
    void (*act)(void);
    bool is_free; // not confined first, to see what it was given
    bool needs_filter;
    enum convert_end end;
    const char *words; // in the message
} deeds[] = {
    {"memory", take_memory, false, true, CONVERT_REFUSED, "needs more than 200 MB of memory"},
    {"time", take_time, false, false, CONVERT_REFUSED, "too much computing time"},
    {"sleep", wait_for_ever, false, false, CONVERT_DIED, "did not end in time"},
    {"size", write_too_much, false, false, CONVERT_REFUSED, "would be too large"},
    {"open", open_file, false, true, CONVERT_DIED, "what no conversion needs"},
    {"socket", open_socket, false, true, CONVERT_DIED, "what no conversion needs"},
    {"fork", make_process, false, true, CONVERT_DIED, "what no conversion needs"},
    {"exec", run_program, false, true, CONVERT_DIED, "what no conversion needs"},
    {"code", make_code, false, true, CONVERT_DIED, "what no conversion needs"},
    {"kill", kill_another, false, true, CONVERT_DIED, "what no conversion needs"},
    {"crash", crash, false, false, CONVERT_DIED, "crashed"},
    {"abort", break_assumption, false, false, CONVERT_DIED, "broke off"},
    {"close", close_report, false, false, CONVERT_DIED, "killed"},
    {"exit", end_at_once, false, false, CONVERT_DIED, "ended without a word"},
    {"half", report_half, false, false, CONVERT_DIED, "ended without a word"},
    {"nonsense", report_nonsense, false, false, CONVERT_DIED, "killed"},
    {"few", report_too_few, false, false, CONVERT_DIED, "did not report"},
    {"sizes", report_wrong_sizes, false, false, CONVERT_DIED, "did not report"},
    {"unknown", report_wrong_code, false, false, CONVERT_DIED, "did not report"},
    {"evil", report_evil_words, false, false, CONVERT_REFUSED, "a?b?????"},
    {"disk", report_full_disk, false, false, CONVERT_HINDERED, "no room"},
    {"given", report_flaws, true, false, CONVERT_REFUSED, "0 flaws"},
};

static int misbehave(char **argv)
{
    struct convert_worker worker;
    int64_t index = 0;
    struct error err;
    if (number_parse_i64(str_of(argv[2]), 0, COUNT_OF(deeds) - 1, &index) != ERR_OK)
        return 4;
    if (!deeds[index].is_free && convert_worker_begin(argv + 3, &worker, &err) != ERR_OK)
        return 5;
    deeds[index].act();
    return 6;
}

// ---- Running one.

struct fixture {
    struct convert *convert;
    struct convert_run run;
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    bool done;
    struct arena *arena;
};

static int memory_file(struct str content)
{
    int fd = memfd_create("convert-test", MFD_CLOEXEC);
    struct error err;
    assert_true(fd >= 0);
    assert_int_equal(fs_write_all(fd, content.ptr, content.len, &err), ERR_OK);
    return fd;
}

static void fixture_open(struct fixture *f, const struct convert_settings *settings)
{
    *f = (struct fixture){.arena = arena_open(0)};
    pthread_mutex_init(&f->mutex, NULL);
    cond_init(&f->changed);
    struct error err;
    assert_int_equal(convert_open(settings, &f->convert, &err), ERR_OK);
    for (size_t i = 0; i < convert_product_count(); i++)
        f->run.products[i].fd = memory_file(STR(""));
}

static void add_source(struct fixture *f, const char *name, struct str content)
{
    CLEANUP(fd_close) int fd = memory_file(content);
    char path[32];
    snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
    int read_only = open(path, O_RDONLY | O_CLOEXEC);
    assert_true(read_only >= 0);
    f->run.sources[f->run.source_count++] =
        (struct convert_source){.name = str_of(name), .fd = read_only};
}

static void fixture_close(struct fixture *f)
{
    convert_close(f->convert);
    for (size_t i = 0; i < convert_product_count(); i++)
        fd_close(&f->run.products[i].fd);
    for (size_t i = 0; i < f->run.source_count; i++)
        fd_close(&f->run.sources[i].fd);
    pthread_cond_destroy(&f->changed);
    pthread_mutex_destroy(&f->mutex);
    arena_close(f->arena);
}

static void run_done(struct convert_run *run)
{
    struct fixture *f = run->ctx;
    mutex_lock(&f->mutex);
    f->done = true;
    pthread_cond_broadcast(&f->changed);
    mutex_unlock(&f->mutex);
}

static void start(struct fixture *f)
{
    f->done = false;
    f->run.done = run_done;
    f->run.ctx = f;
    assert_int_equal(convert_start(f->convert, &f->run), ERR_OK);
}

static void finish(struct fixture *f)
{
    int64_t deadline_us = clock_monotonic_us(clock_system()) + WAIT_US;
    mutex_lock(&f->mutex);
    while (!f->done)
        assert_true(cond_wait_until(&f->changed, &f->mutex, deadline_us));
    mutex_unlock(&f->mutex);
}

static struct convert_settings worker_settings(void)
{
    static const char *const words[] = {"convert_test", "worker", NULL};
    return (struct convert_settings){
        .threads = 1,
        .limits = {CONVERT_MEMORY_MB_DEFAULT, CONVERT_CPU_S_DEFAULT},
        .words = words,
    };
}

#define OBJ                                                                                        \
    "mtllib other.mtl\nv 0 0 0\nv 4 0 0\nv 4 0 4\nv 0 0 4\nv 2 3 2\nvt 0 0\nvt 1 0\nvt 1 1\n"      \
    "usemtl roof\nf 1/1 2/2 5/3\nf 2/1 3/2 5/3\nf 3/1 4/2 5/3\nf 4/1 1/2 5/3\nf 4/1 3/1 2/1 1/1\n"
#define MTL "newmtl roof\nKd 1 0.5 0\nmap_Kd photo.jpeg\n"

// ---- Tests.

static struct str content_of(struct fixture *f, const char *name)
{
    for (size_t i = 0; i < convert_product_count(); i++) {
        if (!str_equal(convert_product_name(i), str_of(name)))
            continue;
        const struct convert_product *product = &f->run.products[i];
        char *bytes = arena_raw(f->arena, (size_t)product->size);
        assert_int_equal(pread(product->fd, bytes, (size_t)product->size, 0), product->size);
        return (struct str){.ptr = bytes, .len = (size_t)product->size};
    }
    fail_msg("there is no %s", name);
    return STR_NULL;
}

static bool holds(struct str text, const char *part)
{
    return memmem(text.ptr, text.len, part, strlen(part)) != NULL;
}

static void test_converts(void **state)
{
    (void)state;
    struct fixture f;
    const struct convert_settings settings = worker_settings();
    fixture_open(&f, &settings);
    add_source(&f, "scene.obj", STR(OBJ));
    add_source(&f, "scene.mtl", STR(MTL));
    start(&f);
    finish(&f);
    if (f.run.end != CONVERT_DONE)
        fail_msg("%s (%s)", f.run.error.message, f.run.error.cause);
    for (size_t i = 0; i < convert_product_count(); i++) {
        char hex[SHA256_HEX + 1];
        char name[64];
        snprintf(name, sizeof(name), "%.*s", STR_ARG(convert_product_name(i)));
        sha256_hex(content_of(&f, name), hex);
        assert_string_equal(f.run.products[i].sha256, hex);
    }
    assert_memory_equal(content_of(&f, "web.glb").ptr, "glTF", 4);
    assert_memory_equal(content_of(&f, "poster.jpg").ptr, "\xFF\xD8", 2);
    struct str manifest = content_of(&f, "manifest.json");
    // The materials were found under another name; the texture is not there under any.
    assert_false(holds(manifest, "materials"));
    assert_true(holds(manifest, "The texture photo.jpeg is not there"));
    assert_true(f.run.rss_kb > 0);
    fixture_close(&f);
}

// The cause is the system's word alone.
static void test_cannot_store(void **state)
{
    (void)state;
    struct fixture f;
    const struct convert_settings settings = worker_settings();
    fixture_open(&f, &settings);
    add_source(&f, "scene.obj", STR(OBJ));
    fd_close(&f.run.products[0].fd);
    f.run.products[0].fd = memfd_create("convert-test", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    assert_int_equal(fcntl(f.run.products[0].fd, F_ADD_SEALS, F_SEAL_GROW), 0);
    start(&f);
    finish(&f);
    assert_int_equal(f.run.end, CONVERT_HINDERED);
    assert_string_equal(f.run.error.message, "a model cannot be stored on our disk");
    assert_string_equal(f.run.error.cause, "Operation not permitted");
    fixture_close(&f);
}

static void test_refuses_broken_files(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        struct str content;
        const char *words;
    } table[] = {
        {"scene.obj", STR_INIT("v 0 0 0\nv 1 0 0\nv 0 1 0\nf 1 2 99\n"), "scene.obj"},
        {"scene.obj", STR_INIT(""), "scene.obj"},
        {"scene.ply", STR_INIT("ply\nformat klingon 1.0\n"), "scene.ply"},
        {"scene.txt", STR_INIT("v 0 0 0\n"), "neither .obj nor .ply"},
    };
    const struct convert_settings settings = worker_settings();
    for (size_t i = 0; i < COUNT_OF(table); i++) {
        struct fixture f;
        fixture_open(&f, &settings);
        add_source(&f, table[i].name, table[i].content);
        start(&f);
        finish(&f);
        assert_int_equal(f.run.end, CONVERT_REFUSED);
        assert_non_null(strstr(f.run.error.message, table[i].words));
        fixture_close(&f);
    }
}

static void test_bad_processes(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(deeds); i++) {
        const struct deed *deed = &deeds[i];
        char index[8];
        if (deed->needs_filter && !convert_is_filtered())
            continue;
        snprintf(index, sizeof(index), "%zu", i);
        const char *words[] = {"convert_test", "bad", index, NULL};
        // Elsewhere this limit must not come before the one that is meant, however busy all is.
        unsigned wall_ms = deed->act == wait_for_ever ? 3000 : 0;
        const struct convert_settings settings = {
            .threads = 1, .limits = {200, 1}, .wall_ms = wall_ms, .words = words};
        struct fixture f;
        fixture_open(&f, &settings);
        add_source(&f, "scene.obj", STR(OBJ));
        CLEANUP(fd_close) int leaky = memfd_create("leaky", 0); // not closed by exec
        assert_true(leaky >= 0);
        start(&f);
        finish(&f);
        if (f.run.end != deed->end || strstr(f.run.error.message, deed->words) == NULL)
            fail_msg("%s: end %d: %s (%s)", deed->name, (int)f.run.end, f.run.error.message,
                     f.run.error.cause);
        assert_true(str_is_utf8(str_of(f.run.error.message)));
        fixture_close(&f);
    }
}

static void test_no_program(void **state)
{
    (void)state;
    struct convert_settings settings = worker_settings();
    settings.program = "/nonexistent/sunlead";
    struct fixture f;
    fixture_open(&f, &settings);
    add_source(&f, "scene.obj", STR(OBJ));
    start(&f);
    finish(&f);
    assert_int_equal(f.run.end, CONVERT_HINDERED);
    assert_int_equal(f.run.error.code, ERR_UNAVAILABLE);
    fixture_close(&f);
}

// The only child of this process; 0: none yet.
static pid_t find_child(void)
{
    CLEANUP(arena_close_ptr) struct arena *arena = arena_open(0);
    DIR *tasks = opendir("/proc/self/task");
    int64_t pid = 0;
    assert_non_null(tasks);
    for (struct dirent *entry; pid == 0 && (entry = readdir(tasks)) != NULL;) {
        struct str text;
        const char *path = arena_printf(arena, "/proc/self/task/%s/children", entry->d_name).ptr;
        if (fs_read_all(path, arena, 4096, &text, NULL) == ERR_OK && text.len > 0)
            assert_int_equal(number_parse_i64(str_split(&text, ' '), 1, INT32_MAX, &pid), ERR_OK);
    }
    closedir(tasks);
    return (pid_t)pid;
}

// A file of /proc about a process, with single spaces.
static struct str read_about(struct arena *arena, pid_t pid, const char *name)
{
    struct str text;
    const char *path = arena_printf(arena, "/proc/%d/%s", (int)pid, name).ptr;
    assert_int_equal(fs_read_all(path, arena, 64 * 1024, &text, NULL), ERR_OK);
    char *bytes = (char *)text.ptr;
    size_t len = 0;
    for (size_t i = 0; i < text.len; i++) {
        char c = bytes[i] == '\t' ? ' ' : bytes[i];
        if (c != ' ' || (len > 0 && bytes[len - 1] != ' '))
            bytes[len++] = c;
    }
    return (struct str){.ptr = bytes, .len = len};
}

static void assert_confined(struct arena *arena, pid_t child)
{
    static const char *const limits[] = {
        "Max cpu time 10 11 ",
        "Max file size 536870912 536870912 ",
        "Max core file size 0 0 ",
        "Max processes 0 0 ",
    };
    struct str text = read_about(arena, child, "limits");
    for (size_t i = 0; i < COUNT_OF(limits); i++) {
        if (!holds(text, limits[i]))
            fail_msg("no \"%s\" in %.*s", limits[i], STR_ARG(text));
    }
    int files = CONVERT_FD_FILES + 1 + (int)convert_product_count();
    assert_true(holds(text, arena_printf(arena, "Max open files %d %d ", files, files).ptr));
    if (!convert_is_filtered())
        return;
    assert_true(holds(text, "Max address space 209715200 209715200 "));
    assert_true(holds(read_about(arena, child, "status"), "Seccomp: 2\n"));
}

// The last thing that is taken from it.
static bool is_confined(struct arena *arena, pid_t child)
{
    return convert_is_filtered() ? holds(read_about(arena, child, "status"), "Seccomp: 2\n")
                                 : holds(read_about(arena, child, "limits"), "Max processes 0 ");
}

static void test_confined_and_killed_by_others(void **state)
{
    (void)state;
    static const char *const words[] = {"convert_test", "bad", "2", NULL};
    const struct convert_settings settings = {.threads = 1, .limits = {200, 10}, .words = words};
    struct fixture f;
    assert_string_equal(deeds[2].name, "sleep");
    fixture_open(&f, &settings);
    add_source(&f, "scene.obj", STR(OBJ));
    start(&f);
    pid_t child = 0;
    while (child == 0 || !is_confined(f.arena, child))
        child = find_child();
    assert_confined(f.arena, child);
    assert_int_equal(kill(child, SIGKILL), 0);
    finish(&f);
    assert_int_equal(f.run.end, CONVERT_DIED);
    assert_non_null(strstr(f.run.error.message, "killed"));
    fixture_close(&f);
}

static void test_by_hand(void **state)
{
    (void)state;
    char *const tables[][6] = {
        {NULL},
        {"200", NULL},
        {"200", "10", NULL},
        {"200", "10", "scene.obj", NULL},
        {"0", "10", "scene.obj", NULL},
        {"200", "ten", "scene.obj", NULL},
    };
    for (size_t i = 0; i < COUNT_OF(tables); i++) {
        struct error err;
        convert_worker_run(tables[i], STR("1"), &err);
        assert_int_equal(err.code, ERR_INVALID);
        assert_non_null(strstr(err.message, "sunlead mesh convert"));
    }
}

int main(int argc, char **argv)
{
    if (argc > 2 && strcmp(argv[1], "worker") == 0) {
        struct error err;
        convert_worker_run(argv + 2, STR("1.2.3"), &err);
        return 2;
    }
    if (argc > 3 && strcmp(argv[1], "bad") == 0)
        return misbehave(argv);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_converts),
        cmocka_unit_test(test_cannot_store),
        cmocka_unit_test(test_refuses_broken_files),
        cmocka_unit_test(test_bad_processes),
        cmocka_unit_test(test_no_program),
        cmocka_unit_test(test_confined_and_killed_by_others),
        cmocka_unit_test(test_by_hand),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
