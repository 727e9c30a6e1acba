// Threads with names, and the locks between them.
#ifndef SUNLEAD_BASE_THREAD_H
#define SUNLEAD_BASE_THREAD_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "base/macro.h"

// thread_start() starts a thread that runs fn(ctx), with a name of up to 15 bytes for ps and gdb.
// All signals are blocked in it but those of faults (SIGSEGV and its like). ERR_INTERNAL if the
// system has no more threads.
MUST_CHECK enum err thread_start(pthread_t *ret_thread, const char *name, void *(*fn)(void *),
                                 void *ctx, struct error *err);

// thread_join() waits for a thread's end.
void thread_join(pthread_t thread);

// thread_pause_ms() does nothing for so long. For threads that nobody waits for.
void thread_pause_ms(unsigned ms);

// mutex_lock(), mutex_unlock() cannot fail on a correct program: an error is a programming error.
void mutex_lock(pthread_mutex_t *mutex);

// mutex_unlock() releases the lock.
void mutex_unlock(pthread_mutex_t *mutex);

// cond_init() makes a condition variable whose waits go by the monotonic clock.
void cond_init(pthread_cond_t *cond);

// cond_wait_until() waits for a signal until deadline_us (monotonic; INT64_MAX: for ever).
// Returns false when the deadline passed.
bool cond_wait_until(pthread_cond_t *cond, pthread_mutex_t *mutex, int64_t deadline_us);

#endif
