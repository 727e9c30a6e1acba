// The limits of a conversion's process and the filter of its system calls.
#include "convert/convert_confine.h"

#include <errno.h>
#include <seccomp.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "convert/convert_report.h"

// Shadow memory takes terabytes of addresses, and what a sanitizer calls to report is no
// conversion's need.
#if defined(__has_feature)
#define HAS_FEATURE(name) __has_feature(name)
#else
#define HAS_FEATURE(name) 0
#endif
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__) ||                               \
    HAS_FEATURE(address_sanitizer) || HAS_FEATURE(thread_sanitizer)
#define IS_FILTERED 0
#else
#define IS_FILTERED 1
#endif

#define NICE 5

bool convert_is_filtered(void)
{
    return IS_FILTERED;
}

static enum err refuse(const char *what, int number, struct error *err)
{
    enum err code =
        error_set(err, ERR_UNAVAILABLE, "this machine does not let a conversion be confined");
    const char *reason = strerrordesc_np(number);
    error_cause(err, "%s: %s", what, reason == NULL ? "unknown error" : reason);
    return code;
}

// ---- Limits.

static enum err set_limits(const struct convert_limits *limits, int fd_count, struct error *err)
{
    const struct {
        __rlimit_resource_t resource;
        const char *name;
        rlim_t soft;
        rlim_t hard;
    } table[] = {
        {RLIMIT_CPU, "RLIMIT_CPU", limits->cpu_s, limits->cpu_s + 1},
        {RLIMIT_FSIZE, "RLIMIT_FSIZE", CONVERT_FILE_BYTES_MAX, CONVERT_FILE_BYTES_MAX},
        {RLIMIT_NOFILE, "RLIMIT_NOFILE", (rlim_t)fd_count, (rlim_t)fd_count},
        {RLIMIT_CORE, "RLIMIT_CORE", 0, 0},
        {RLIMIT_NPROC, "RLIMIT_NPROC", 0, 0},
        {RLIMIT_AS, "RLIMIT_AS", (rlim_t)limits->memory_mb << 20, (rlim_t)limits->memory_mb << 20},
    };
    for (size_t i = 0; i < COUNT_OF(table); i++) {
        if (table[i].resource == RLIMIT_AS && !IS_FILTERED)
            continue;
        const struct rlimit limit = {.rlim_cur = table[i].soft, .rlim_max = table[i].hard};
        if (setrlimit(table[i].resource, &limit) != 0)
            return refuse(table[i].name, errno, err);
    }
    return ERR_OK;
}

static enum err set_traits(struct error *err)
{
    static const struct {
        int option;
        unsigned long value;
        const char *name;
    } table[] = {
        {PR_SET_DUMPABLE, 0, "PR_SET_DUMPABLE"},
        {PR_SET_NO_NEW_PRIVS, 1, "PR_SET_NO_NEW_PRIVS"},
    };
    for (size_t i = 0; i < COUNT_OF(table); i++) {
        if (prctl(table[i].option, table[i].value, 0UL, 0UL, 0UL) != 0)
            return refuse(table[i].name, errno, err);
    }
    (void)umask(077);
    // Requests come first; where that cannot be had it matters little.
    (void)setpriority(PRIO_PROCESS, 0, NICE);
    return ERR_OK;
}

// ---- The filter.

struct rule {
    int call;
    unsigned arg_count;
    struct scmp_arg_cmp arg; // with arg_count 1
};

static int add_rules(scmp_filter_ctx filter)
{
    const struct rule rules[] = {
        // What is open.
        {SCMP_SYS(read), 0, {0}},
        {SCMP_SYS(pread64), 0, {0}},
        {SCMP_SYS(write), 0, {0}},
        {SCMP_SYS(pwrite64), 0, {0}},
        {SCMP_SYS(lseek), 0, {0}},
        {SCMP_SYS(fstat), 0, {0}},
        {SCMP_SYS(close), 0, {0}},
        // Memory that holds no code.
        {SCMP_SYS(brk), 0, {0}},
        {SCMP_SYS(mmap), 1, SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0)},
        {SCMP_SYS(mprotect), 1, SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0)},
        {SCMP_SYS(munmap), 0, {0}},
        {SCMP_SYS(mremap), 0, {0}},
        {SCMP_SYS(madvise), 0, {0}},
        // Time and locks.
        {SCMP_SYS(clock_gettime), 0, {0}},
        {SCMP_SYS(futex), 0, {0}},
        // Its end, by abort() too.
        {SCMP_SYS(exit), 0, {0}},
        {SCMP_SYS(exit_group), 0, {0}},
        {SCMP_SYS(restart_syscall), 0, {0}},
        {SCMP_SYS(rt_sigreturn), 0, {0}},
        {SCMP_SYS(rt_sigprocmask), 0, {0}},
        {SCMP_SYS(getpid), 0, {0}},
        {SCMP_SYS(gettid), 0, {0}},
        {SCMP_SYS(tgkill), 1, SCMP_A0(SCMP_CMP_EQ, (scmp_datum_t)getpid(), 0)},
    };
    for (size_t i = 0; i < COUNT_OF(rules); i++) {
        int code = seccomp_rule_add_array(filter, SCMP_ACT_ALLOW, rules[i].call, rules[i].arg_count,
                                          &rules[i].arg);
        if (code != 0)
            return code;
    }
    // It could look at any path. printf() asks what it writes to by it, and goes on without.
    return seccomp_rule_add(filter, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(newfstatat), 0);
}

static void filter_free(scmp_filter_ctx *filter)
{
    if (*filter != NULL)
        seccomp_release(*filter);
}

static enum err set_filter(struct error *err)
{
    CLEANUP(filter_free) scmp_filter_ctx filter = seccomp_init(SCMP_ACT_KILL_PROCESS);
    if (filter == NULL)
        return refuse("seccomp_init", ENOMEM, err);
    int code = seccomp_attr_set(filter, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS);
    if (code == 0)
        code = add_rules(filter);
    if (code == 0)
        code = seccomp_load(filter);
    return code == 0 ? ERR_OK : refuse("seccomp", -code, err);
}

enum err convert_confine(const struct convert_limits *limits, int fd_count, struct error *err)
{
    if (close_range((unsigned)fd_count, ~0U, 0) != 0)
        return refuse("close_range", errno, err);
    TRY(set_traits(err));
    TRY(set_limits(limits, fd_count, err));
    return IS_FILTERED ? set_filter(err) : ERR_OK;
}
