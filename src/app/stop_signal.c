// Waiting for SIGTERM and SIGINT.
#include "app/stop_signal.h"

#include <signal.h>

#include "base/macro.h"

static sigset_t stop_signals(void)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    return set;
}

void stop_signal_block(void)
{
    sigset_t set = stop_signals();
    check(pthread_sigmask(SIG_BLOCK, &set, NULL) == 0);
    check(signal(SIGPIPE, SIG_IGN) != SIG_ERR);
    check(signal(SIGXFSZ, SIG_IGN) != SIG_ERR); // a write over the file size limit fails instead
}

int stop_signal_wait(void)
{
    sigset_t set = stop_signals();
    int number;
    check(sigwait(&set, &number) == 0);
    // A shell starts what it puts into the background with SIGINT ignored.
    check(signal(SIGTERM, SIG_DFL) != SIG_ERR);
    check(signal(SIGINT, SIG_DFL) != SIG_ERR);
    check(pthread_sigmask(SIG_UNBLOCK, &set, NULL) == 0);
    return number;
}
