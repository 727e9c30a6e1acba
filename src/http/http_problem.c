// Answers that are problem details (RFC 9457).
#include "base/log.h"
#include "http/http_response.h"
#include "json/json_write.h"

#define PROBLEM_MAX   16384
#define RETRY_LATER_S 1 // where the error does not know better

static enum log_level level_of(enum err code)
{
    return code == ERR_INTERNAL || code == ERR_CORRUPT ? LOG_ERROR : LOG_WARN;
}

static void log_problem(const struct http_request *request, int status, const struct error *err)
{
    log_event(level_of(err->code), "http.problem", err->message, LOG_I64("status", status),
              LOG_STR("path", request->target.path), LOG_STR("request_id", request->id),
              LOG_TEXT_FIELD("code", err_name(err->code)),
              LOG_TEXT_FIELD("cause", err->cause[0] == '\0' ? NULL : err->cause));
}

void http_problem_status(struct http_request *request, int status, const struct error *err)
{
    http_answer_check(request);
    if (status >= 500)
        log_problem(request, status, err);
    // Clients take Retry-After for leave to repeat, which is wrong where it may have been done.
    if ((status == 503 || status == 429) && err->code != ERR_UNKNOWN_OUTCOME) {
        unsigned seconds = err->retry_after_s > 0 ? err->retry_after_s : RETRY_LATER_S;
        http_set_header(request, "Retry-After", arena_printf(request->arena, "%u", seconds));
    }
    struct buf buf;
    buf_init_arena(&buf, request->arena, PROBLEM_MAX);
    json_write_problem(&buf, status, http_status_title(status), err);
    check(!buf.overflow);
    http_respond(request, status, "application/problem+json", buf_str(&buf));
}

void http_problem(struct http_request *request, const struct error *err)
{
    http_problem_status(request, http_status_of(err->code), err);
}

void http_refuse(struct http_request *request, int status, const char *message)
{
    struct error err;
    error_set(&err, ERR_INVALID, "%s", message);
    http_problem_status(request, status, &err);
}
