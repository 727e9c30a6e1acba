// Starts the process of a conversion, listens to it, ends it and judges its end.
#include "convert/convert_child.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/crash.h"
#include "base/fs.h"
#include "convert/convert_report.h"

#define WALL_MS   120000
#define WORDS_MAX 8 // before those of convert_worker_run()
#define KEPT_MAX  200

// Above all numbers that the process is given, so that none is in another's way.
#define HIGH_FD 64

#define FILES_MAX (CONVERT_SOURCES_MAX + CONVERT_PRODUCTS_MAX)

struct child {
    const struct convert_settings *settings;
    struct convert_run *run;
    pid_t pid;
    int report_fd; // the end that is read
    int words_fd;
    struct convert_report report;
    size_t reported;      // bytes
    char words[KEPT_MAX]; // the first ones that it said on standard error
    size_t said;
    bool is_late;
    int status;
};

static void hinder(struct convert_run *run, const char *what, int number)
{
    const char *reason = strerrordesc_np(number);
    run->end = CONVERT_HINDERED;
    error_set(&run->error, ERR_UNAVAILABLE, "the conversion cannot be started now");
    error_cause(&run->error, "%s: %s", what, reason == NULL ? "unknown error" : reason);
}

// ---- Its start.

// What the process gets under a number.
struct given {
    int high[FILES_MAX + 2];
    int count;
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t traits;
};

static void given_done(struct given *given)
{
    for (int i = 0; i < given->count; i++)
        fd_close(&given->high[i]);
    posix_spawn_file_actions_destroy(&given->actions);
    posix_spawnattr_destroy(&given->traits);
}

static int give(struct given *given, int fd, int number)
{
    int high = fcntl(fd, F_DUPFD_CLOEXEC, HIGH_FD);
    if (high < 0)
        return errno;
    given->high[given->count++] = high;
    return posix_spawn_file_actions_adddup2(&given->actions, high, number);
}

static int give_all(struct given *given, const struct convert_run *run, int report_fd, int words_fd)
{
    posix_spawn_file_actions_t *actions = &given->actions;
    int next = CONVERT_FD_FILES;
    int code = posix_spawn_file_actions_addopen(actions, 0, "/dev/null", O_RDWR, 0);
    if (code == 0)
        code = posix_spawn_file_actions_adddup2(actions, 0, 1);
    if (code == 0)
        code = give(given, words_fd, CONVERT_FD_WORDS);
    if (code == 0)
        code = give(given, report_fd, CONVERT_FD_REPORT);
    for (size_t i = 0; i < run->source_count && code == 0; i++)
        code = give(given, run->sources[i].fd, next++);
    for (size_t i = 0; i < convert_product_count() && code == 0; i++)
        code = give(given, run->products[i].fd, next++);
    return code == 0 ? posix_spawn_file_actions_addclosefrom_np(actions, next) : code;
}

// Threads of ours block signals, which a process would inherit. In a group of its own it does not
// get those of the terminal: when sunlead is told to stop, conversions may end.
static int set_traits(posix_spawnattr_t *traits)
{
    sigset_t none;
    sigset_t all;
    sigemptyset(&none);
    sigfillset(&all);
    int code = posix_spawnattr_setsigmask(traits, &none);
    if (code == 0)
        code = posix_spawnattr_setsigdefault(traits, &all);
    if (code == 0)
        code = posix_spawnattr_setpgroup(traits, 0);
    return code != 0
               ? code
               : posix_spawnattr_setflags(traits, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF |
                                                      POSIX_SPAWN_SETPGROUP);
}

static int spawn(struct child *child, int report_fd, int words_fd)
{
    static const char *const own_words[] = {"sunlead", "mesh", "worker", NULL};
    const struct convert_settings *settings = child->settings;
    const struct convert_run *run = child->run;
    const char *const *words = settings->words == NULL ? own_words : settings->words;
    const char *program = settings->program == NULL ? "/proc/self/exe" : settings->program;
    char memory_mb[16];
    char cpu_s[16];
    char names[CONVERT_SOURCES_MAX][64];
    char *argv[WORDS_MAX + 2 + CONVERT_SOURCES_MAX + 1];
    char *envp[] = {NULL};
    size_t count = 0;
    snprintf(memory_mb, sizeof(memory_mb), "%u", settings->limits.memory_mb);
    snprintf(cpu_s, sizeof(cpu_s), "%u", settings->limits.cpu_s);
    for (; words[count] != NULL; count++) {
        check(count < WORDS_MAX);
        argv[count] = (char *)words[count];
    }
    argv[count++] = memory_mb;
    argv[count++] = cpu_s;
    for (size_t i = 0; i < run->source_count; i++) {
        snprintf(names[i], sizeof(names[i]), "%.*s", STR_ARG(run->sources[i].name));
        argv[count++] = names[i];
    }
    argv[count] = NULL;
    CLEANUP(given_done) struct given given = {.count = 0};
    posix_spawn_file_actions_init(&given.actions);
    posix_spawnattr_init(&given.traits);
    int code = give_all(&given, run, report_fd, words_fd);
    if (code == 0)
        code = set_traits(&given.traits);
    return code != 0 ? code
                     : posix_spawn(&child->pid, program, &given.actions, &given.traits, argv, envp);
}

static bool start(struct child *child)
{
    int report[2] = {-1, -1};
    int words[2] = {-1, -1};
    int code = 0;
    if (pipe2(report, O_CLOEXEC) != 0 || pipe2(words, O_CLOEXEC) != 0)
        code = errno;
    if (code == 0)
        code = spawn(child, report[1], words[1]);
    fd_close(&report[1]);
    fd_close(&words[1]);
    child->report_fd = report[0];
    child->words_fd = words[0];
    if (code != 0)
        hinder(child->run, "spawn", code);
    return code == 0;
}

// ---- Listening.

// Keeps what fits of what a pipe holds. Returns whether more may come.
static bool take(int fd, void *kept, size_t max, size_t *len)
{
    char more[512];
    ssize_t got = read(fd, more, sizeof(more));
    if (got < 0)
        return errno == EINTR;
    size_t room = max - *len;
    size_t taken = (size_t)got < room ? (size_t)got : room;
    memcpy((char *)kept + *len, more, taken);
    *len += taken;
    return got > 0;
}

// Until it has reported, is gone, or its time is over.
static void listen_to(struct child *child)
{
    unsigned wall_ms = child->settings->wall_ms == 0 ? WALL_MS : child->settings->wall_ms;
    int64_t end_us = clock_monotonic_us(clock_system()) + (int64_t)wall_ms * US_PER_MS;
    struct pollfd pipes[] = {{.fd = child->report_fd, .events = POLLIN},
                             {.fd = child->words_fd, .events = POLLIN}};
    while (pipes[0].fd >= 0 && child->reported < sizeof(child->report)) {
        int64_t left_us = end_us - clock_monotonic_us(clock_system());
        child->is_late = left_us <= 0;
        if (child->is_late)
            return;
        if (poll(pipes, COUNT_OF(pipes), (int)(left_us / US_PER_MS) + 1) <= 0)
            continue;
        if (pipes[1].revents != 0 &&
            !take(child->words_fd, child->words, sizeof(child->words), &child->said))
            pipes[1].fd = -1;
        if (pipes[0].revents != 0 &&
            !take(child->report_fd, &child->report, sizeof(child->report), &child->reported))
            pipes[0].fd = -1;
    }
}

// After its report it has nothing more to do, without one it is not worth waiting for. That does
// not change how a process ends that is about to: its descriptors are closed after that is settled.
static void end(struct child *child)
{
    struct rusage usage;
    (void)kill(child->pid, SIGKILL);
    pid_t ended;
    do {
        ended = wait4(child->pid, &child->status, 0, &usage);
    } while (ended < 0 && errno == EINTR);
    check(ended == child->pid);
    child->run->cpu_ms = (usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1000 +
                         (usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1000;
    child->run->rss_kb = usage.ru_maxrss;
    // What was said before the end is in the pipe.
    struct pollfd words = {.fd = child->words_fd, .events = POLLIN};
    while (poll(&words, 1, 0) == 1 &&
           take(child->words_fd, child->words, sizeof(child->words), &child->said))
        continue;
}

// ---- Judging.

// A process that was taken over says what it likes: as text in a row it must do no harm.
static void make_harmless(char *text, size_t len)
{
    for (size_t at = 0; at < len;) {
        size_t width = str_utf8_width((struct str){.ptr = text, .len = len}, at);
        if (width == 0 || (unsigned char)text[at] < ' ' || text[at] == 0x7F)
            text[at] = '?';
        at += width == 0 ? 1 : width;
    }
}

static bool is_as_reported(const struct child *child)
{
    const struct convert_report *report = &child->report;
    struct convert_run *run = child->run;
    if (report->product_count != convert_product_count())
        return false;
    for (size_t i = 0; i < convert_product_count(); i++) {
        struct stat st;
        if (fstat(run->products[i].fd, &st) != 0 || report->sizes[i] <= 0 ||
            report->sizes[i] > CONVERT_FILE_BYTES_MAX || st.st_size != report->sizes[i])
            return false;
        run->products[i].size = report->sizes[i];
    }
    return true;
}

static void judge_report(struct child *child)
{
    struct convert_report *report = &child->report;
    struct convert_run *run = child->run;
    if (report->code == ERR_OK && is_as_reported(child)) {
        run->end = CONVERT_DONE;
        return;
    }
    if (report->code == ERR_OK || report->code > ERR_INTERNAL) {
        run->end = CONVERT_DIED;
        error_set(&run->error, ERR_INTERNAL, "the conversion did not report what it made");
        return;
    }
    report->message[sizeof(report->message) - 1] = '\0';
    make_harmless(report->message, strlen(report->message));
    run->end = report->code == ERR_UNAVAILABLE ? CONVERT_HINDERED : CONVERT_REFUSED;
    error_set(&run->error, (enum err)report->code, "%s", report->message);
}

static const struct {
    int number;
    enum convert_end end;
    const char *words;
} signals[] = {
    {SIGXCPU, CONVERT_REFUSED, "the conversion takes too much computing time"},
    {SIGXFSZ, CONVERT_REFUSED, "a model that the conversion makes would be too large"},
    {SIGSYS, CONVERT_DIED, "the conversion tried what no conversion needs, and was ended"},
    {SIGKILL, CONVERT_DIED, "the conversion was killed, perhaps because memory ran out"},
    {SIGABRT, CONVERT_DIED, "the conversion broke off"},
    {0, CONVERT_DIED, "the conversion crashed"},
};

static bool has_said(const struct child *child, const char *what)
{
    return memmem(child->words, child->said, what, strlen(what)) != NULL;
}

static void judge_death(struct child *child)
{
    struct convert_run *run = child->run;
    run->end = CONVERT_DIED;
    if (child->is_late) {
        error_set(&run->error, ERR_TIMEOUT, "the conversion did not end in time");
    } else if (has_said(child, "out of memory") || has_said(child, "bad_alloc")) {
        run->end = CONVERT_REFUSED;
        error_set(&run->error, ERR_TOO_LARGE, "the conversion needs more than %u MB of memory",
                  child->settings->limits.memory_mb);
    } else if (WIFSIGNALED(child->status)) {
        size_t i = 0;
        while (signals[i].number != 0 && signals[i].number != WTERMSIG(child->status))
            i++;
        run->end = signals[i].end;
        error_set(&run->error, ERR_INTERNAL, "%s", signals[i].words);
    } else {
        error_set(&run->error, ERR_INTERNAL, "the conversion ended without a word");
    }
}

static void judge(struct child *child)
{
    struct convert_run *run = child->run;
    bool has_reported =
        child->reported == sizeof(child->report) && child->report.magic == CONVERT_REPORT_MAGIC;
    if (has_reported)
        judge_report(child);
    else
        judge_death(child);
    if (run->end == CONVERT_DONE)
        return;
    while (child->said > 0 && child->words[child->said - 1] == '\n')
        child->said--;
    make_harmless(child->words, child->said);
    // One that reported has told why; it may have been on its way out when we ended it.
    if (has_reported && child->said > 0) {
        error_cause(&run->error, "%.*s", (int)child->said, child->words);
        return;
    }
    const char *signal_name =
        WIFSIGNALED(child->status) ? sigabbrev_np(WTERMSIG(child->status)) : NULL;
    error_cause(&run->error, "%s %d: %.*s", signal_name == NULL ? "exit" : signal_name,
                WEXITSTATUS(child->status), (int)child->said, child->words);
}

void convert_child_run(const struct convert_settings *settings, struct convert_run *run)
{
    struct child child = {.settings = settings, .run = run};
    error_reset(&run->error);
    if (start(&child)) {
        crash_here(CRASH_CONVERT_STARTED);
        listen_to(&child);
        end(&child);
        judge(&child);
    }
    fd_close(&child.report_fd);
    fd_close(&child.words_fd);
}
