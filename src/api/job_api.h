// The routes of background jobs and of their kinds.
#ifndef SUNLEAD_API_JOB_API_H
#define SUNLEAD_API_JOB_API_H

#include "http/http_server.h"

// job_api_list() is GET /api/jobs.
http_handler job_api_list;
// job_api_get() is GET /api/jobs/{id}.
http_handler job_api_get;
// job_api_retry() is POST /api/jobs/{id}/retry.
http_handler job_api_retry;
// job_api_retry_all() is POST /api/jobs/retry.
http_handler job_api_retry_all;
// job_api_cancel() is POST /api/jobs/{id}/cancel.
http_handler job_api_cancel;
// job_api_kinds() is GET /api/job-kinds.
http_handler job_api_kinds;
// job_api_pause() is POST /api/job-kinds/{kind}/pause.
http_handler job_api_pause;
// job_api_resume() is POST /api/job-kinds/{kind}/resume.
http_handler job_api_resume;

#endif
