// The kinds of jobs and what they need.
#ifndef SUNLEAD_TASKS_H
#define SUNLEAD_TASKS_H

#include "base/clock.h"
#include "domain/company.h"
#include "convert/convert.h"
#include "files/files.h"
#include "http/http_client.h"
#include "jobs/jobs.h"
#include "jobs/notices.h"
#include "sql/sql.h"
#include "tasks/poll_notes.h"
#include "tasks/upstream_state.h"
#include "upstream/lightfusion.h"

// What all kinds work with: the app of their runs. Everything must outlive the runner.
struct tasks {
    struct sql *db;
    const struct clock *clock;
    struct lightfusion *lf;
    struct http_client *http;
    struct files *files;
    struct convert *convert; // NULL: this process makes no models
    const struct notices *notices;
    struct poll_notes *poll_notes;
    struct upstream_state *upstream; // NULL: polls go by the fixed schedule
    int64_t absent_after_us;         // the look-up that proves absence; 0: ORDER_ABSENT_AFTER_US
    struct file_policy file_policy;  // of companies that do not say
    unsigned pace;                   // of all spans below (base/pace.h)
};

// task_order_run() sends an order, or finds out what became of it (kind JOB_ORDER).
void task_order_run(struct job_run *run);

// task_poll_run() reads a project's state once and keeps order and lead in step (kind JOB_POLL).
void task_poll_run(struct job_run *run);

// task_files_run() fetches a completed project's mesh files (kind JOB_FILES).
void task_files_run(struct job_run *run);

// task_convert_run() makes models of them (kind JOB_CONVERT).
void task_convert_run(struct job_run *run);

#endif
