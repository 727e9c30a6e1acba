// Threads and locks by pthreads, whose errors are programming errors.
#include "base/thread.h"

#include <errno.h>
#include <signal.h>
#include <time.h>

#include "base/clock.h"

// Signals go to the main thread. Those that a fault of the thread itself raises stay open: blocked,
// they would kill the process before a sanitizer or a core dump handler sees them.
static void block_signals(sigset_t *ret_before)
{
    static const int faults[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGABRT, SIGSYS};
    sigset_t blocked;
    sigfillset(&blocked);
    for (size_t i = 0; i < COUNT_OF(faults); i++)
        sigdelset(&blocked, faults[i]);
    check(pthread_sigmask(SIG_BLOCK, &blocked, ret_before) == 0);
}

enum err thread_start(pthread_t *ret_thread, const char *name, void *(*fn)(void *), void *ctx,
                      struct error *err)
{
    sigset_t before;
    block_signals(&before);
    int code = pthread_create(ret_thread, NULL, fn, ctx);
    check(pthread_sigmask(SIG_SETMASK, &before, NULL) == 0);
    if (code != 0)
        return error_set(err, ERR_INTERNAL, "cannot start thread %s: %s", name,
                         strerrordesc_np(code));
    char short_name[16];
    snprintf(short_name, sizeof(short_name), "%.15s", name);
    // The name only helps who looks at the process; a thread that has ended already has none.
    (void)pthread_setname_np(*ret_thread, short_name);
    return ERR_OK;
}

void thread_join(pthread_t thread)
{
    check(pthread_join(thread, NULL) == 0);
}

void thread_pause_ms(unsigned ms)
{
    const struct timespec time = {.tv_sec = ms / 1000, .tv_nsec = (long)(ms % 1000) * 1000000};
    (void)nanosleep(&time, NULL);
}

void mutex_lock(pthread_mutex_t *mutex)
{
    check(pthread_mutex_lock(mutex) == 0);
}

void mutex_unlock(pthread_mutex_t *mutex)
{
    check(pthread_mutex_unlock(mutex) == 0);
}

void cond_init(pthread_cond_t *cond)
{
    pthread_condattr_t attr;
    check(pthread_condattr_init(&attr) == 0);
    check(pthread_condattr_setclock(&attr, CLOCK_MONOTONIC) == 0);
    check(pthread_cond_init(cond, &attr) == 0);
    pthread_condattr_destroy(&attr);
}

bool cond_wait_until(pthread_cond_t *cond, pthread_mutex_t *mutex, int64_t deadline_us)
{
    if (deadline_us == INT64_MAX) {
        check(pthread_cond_wait(cond, mutex) == 0);
        return true;
    }
    if (deadline_us < 0)
        deadline_us = 0;
    struct timespec deadline = {.tv_sec = (time_t)(deadline_us / US_PER_S),
                                .tv_nsec = (long)(deadline_us % US_PER_S) * 1000};
    int code = pthread_cond_timedwait(cond, mutex, &deadline);
    check(code == 0 || code == ETIMEDOUT);
    return code == 0;
}
