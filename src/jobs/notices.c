// What the notices between processes say: "order 123" for an order that changed, "jobs" for jobs
// that may be due.
#include "jobs/notices.h"

#include <stdio.h>

#include "base/log.h"

#define ORDER STR("order ")

// Of what another version may tell, only what is understood is taken.
static void heard(void *ctx, struct str text)
{
    struct notices *notices = ctx;
    int64_t order_id;
    log_event(LOG_DEBUG, "notices.heard", "told by another process",
              LOG_STR("text", text.ptr == NULL ? STR("*") : text));
    if (text.ptr == NULL) {
        watch_flush(notices->watch);
        (void)jobs_wake(notices->jobs);
    } else if (str_equal(text, JOBS_NOTICE)) {
        (void)jobs_wake(notices->jobs);
    } else if (str_starts(text, ORDER) && number_parse_i64(str_slice(text, ORDER.len, text.len), 1,
                                                           INT64_MAX, &order_id) == ERR_OK) {
        watch_notify(notices->watch, order_id);
    }
}

void notices_listen(struct notices *notices)
{
    sql_listen(notices->db, heard, notices);
}

void notices_close(struct notices *notices)
{
    sql_listen(notices->db, NULL, NULL);
}

void notices_order_changed(const struct notices *notices, int64_t order_id)
{
    char text[SQL_NOTICE_MAX];
    int len = snprintf(text, sizeof(text), "%.*s%lld", STR_ARG(ORDER), (long long)order_id);
    watch_notify(notices->watch, order_id);
    sql_broadcast(notices->db, (struct str){text, (size_t)len});
}

void notices_job_added(const struct notices *notices)
{
    if (!jobs_wake(notices->jobs))
        sql_broadcast(notices->db, JOBS_NOTICE);
}
