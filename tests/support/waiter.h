// Waiting for things that happen on another thread.
#ifndef SUNLEAD_TEST_WAITER_H
#define SUNLEAD_TEST_WAITER_H

#include <stddef.h>

// Counts what happened.
struct waiter;

// waiter_open() makes a waiter that has counted nothing.
struct waiter *waiter_open(void);

// waiter_close() frees it.
void waiter_close(struct waiter *waiter);

// waiter_add() counts one more. From any thread.
void waiter_add(struct waiter *waiter);

// waiter_wait() waits until count was reached; fails the test after 20 s.
void waiter_wait(struct waiter *waiter, size_t count);

// waiter_count() is what was counted so far.
size_t waiter_count(struct waiter *waiter);

#endif
