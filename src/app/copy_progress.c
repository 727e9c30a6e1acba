// Logs the progress of a copy.
#include "app/copy_progress.h"

#include "base/clock.h"
#include "base/log.h"

#define TELL_EVERY_US (3 * US_PER_S)

void copy_progress_init(struct copy_progress *progress, const char *event, const char *message)
{
    *progress = (struct copy_progress){
        .event = event,
        .message = message,
        .told_us = clock_monotonic_us(clock_system()),
    };
}

void copy_progress_tell(struct copy_progress *progress, const char *table, int64_t rows,
                        int64_t total)
{
    int64_t now_us = clock_monotonic_us(clock_system());
    if (now_us - progress->told_us < TELL_EVERY_US)
        return;
    progress->told_us = now_us;
    log_event(LOG_INFO, progress->event, progress->message, LOG_TEXT_FIELD("table", table),
              LOG_I64("rows", rows), LOG_I64("of", total));
}
