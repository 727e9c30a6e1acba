// The signals that end the program: waited for in one place, blocked in all threads.
#ifndef SUNLEAD_APP_STOP_SIGNAL_H
#define SUNLEAD_APP_STOP_SIGNAL_H

// stop_signal_block() keeps SIGTERM and SIGINT until stop_signal_wait(), and ignores SIGPIPE. Call
// before threads start.
void stop_signal_block(void);

// stop_signal_wait() waits for SIGTERM or SIGINT and returns its number. From then on another one
// ends the process at once.
int stop_signal_wait(void);

#endif
