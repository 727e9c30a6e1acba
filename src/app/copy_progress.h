// Telling from time to time how far a copy is.
#ifndef SUNLEAD_APP_COPY_PROGRESS_H
#define SUNLEAD_APP_COPY_PROGRESS_H

#include <stdint.h>

struct copy_progress {
    const char *event; // "copy.copied"
    const char *message;
    int64_t told_us; // when it was told last, or begun
};

// copy_progress_init() begins a piece of work.
void copy_progress_init(struct copy_progress *progress, const char *event, const char *message);

// copy_progress_tell() logs how many rows of a table are done, every few seconds.
void copy_progress_tell(struct copy_progress *progress, const char *table, int64_t rows,
                        int64_t total);

#endif
