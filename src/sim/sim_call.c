// Faults instead of an answer, around it and in it.
#include "sim/sim_call.h"

#include "base/log.h"
#include "http/http_flaw.h"
#include "sim/sim_spoil.h"

#define BYTES_PER_MIB ((uint64_t)1 << 20)

static bool has(const struct sim_call *call, enum sim_fault fault)
{
    return sim_plan_has(&call->plan, fault);
}

static int64_t value_of(const struct sim_call *call, enum sim_fault fault)
{
    return call->plan.values[fault];
}

static uint64_t end_after(int64_t at)
{
    return at == SIM_HALF ? HTTP_FLAW_HALF : (uint64_t)at;
}

static void set_end(const struct sim_call *call, bool is_lost, struct http_flaw *flaw)
{
    if (is_lost) {
        flaw->end = HTTP_FLAW_SILENT;
    } else if (has(call, SIM_FAULT_RESET_DURING)) {
        flaw->end = HTTP_FLAW_RESET;
        flaw->end_after = end_after(value_of(call, SIM_FAULT_RESET_DURING));
    } else if (has(call, SIM_FAULT_CUT)) {
        flaw->end = HTTP_FLAW_CLOSE;
        flaw->end_after = end_after(value_of(call, SIM_FAULT_CUT));
    } else if (has(call, SIM_FAULT_RESET_AFTER)) {
        flaw->end = HTTP_FLAW_RESET;
        flaw->end_after = UINT64_MAX - 1; // all there is
    }
}

static void set_date(const struct sim_call *call)
{
    struct buf date;
    if (!has(call, SIM_FAULT_CLOCK_SKEW))
        return;
    int64_t skew_us = value_of(call, SIM_FAULT_CLOCK_SKEW) * US_PER_MS;
    sim_call_buf(call, &date, 64);
    time_append_http(&date, sim_state_now_us(call->app->state) + skew_us);
    http_set_header(call->request, "Date", buf_str(&date));
}

// What the answer suffers on its way.
static void set_flaw(const struct sim_call *call, bool is_lost)
{
    struct http_flaw flaw = {0};
    if (call->plan.faults == 0)
        return;
    if (has(call, SIM_FAULT_LATENCY))
        flaw.delay_ms = (unsigned)value_of(call, SIM_FAULT_LATENCY);
    if (has(call, SIM_FAULT_DRIP))
        flaw.bytes_per_s = (unsigned)value_of(call, SIM_FAULT_DRIP);
    if (has(call, SIM_FAULT_HUGE))
        flaw.blanks = (uint64_t)value_of(call, SIM_FAULT_HUGE) * BYTES_PER_MIB;
    set_end(call, is_lost, &flaw);
    set_date(call);
    http_set_flaw(call->request, &flaw);
}

void sim_call_buf(const struct sim_call *call, struct buf *buf, size_t max)
{
    buf_init_arena(buf, http_arena(call->request), max);
}

static void write_error(const struct sim_call *call, const struct error *err, struct buf *buf)
{
    sim_call_buf(call, buf, SIM_ANSWER_MAX);
    sim_answer_error(buf, err);
    check(!buf->overflow);
}

// Answers with a status instead of what was asked for, or was done.
static void answer_status(struct sim_call *call, int status)
{
    struct error err = {0};
    struct buf buf;
    error_set(&err, ERR_UNAVAILABLE, "a fault of the simulator: %s", http_status_title(status));
    write_error(call, &err, &buf);
    http_respond(call->request, status, "application/json", buf_str(&buf));
}

static void set_retry_after(const struct sim_call *call, enum sim_fault fault)
{
    if (!has(call, fault) || value_of(call, fault) == 0)
        return;
    int64_t seconds = (value_of(call, fault) + 999) / 1000;
    http_set_header(call->request, "Retry-After",
                    arena_printf(http_arena(call->request), "%lld", (long long)seconds));
}

static struct str token_of(struct http_request *request)
{
    static const struct str scheme = STR_INIT("Bearer ");
    struct str header = http_header(request, "Authorization");
    if (header.len < scheme.len || !str_equal_nocase(str_slice(header, 0, scheme.len), scheme))
        return STR_NULL;
    return str_trim(str_slice(header, scheme.len, header.len));
}

// Answers by a fault instead of doing what is asked for. False where there is none.
static bool answer_instead(struct sim_call *call)
{
    int status = sim_plan_status(&call->plan);
    bool is_silent =
        has(call, SIM_FAULT_RESET_BEFORE) || (has(call, SIM_FAULT_OUTAGE) && status == 0);
    if (status == 0 && !is_silent)
        return false;
    if (has(call, SIM_FAULT_EXPIRE))
        sim_state_expire(call->app->state, token_of(call->request));
    if (status == 429)
        set_retry_after(call, SIM_FAULT_429);
    if (status == 503)
        set_retry_after(call, SIM_FAULT_503);
    set_flaw(call, is_silent);
    answer_status(call, is_silent ? 503 : status);
    return true;
}

static void log_faults(const struct sim_call *call)
{
    struct buf names;
    if (call->plan.faults == 0)
        return;
    sim_call_buf(call, &names, SIM_FAULTS_MAX);
    sim_plan_print(&names, &call->plan);
    log_event(sim_plan_spoils(&call->plan) ? LOG_INFO : LOG_DEBUG, "simulate.fault", "",
              LOG_STR("faults", buf_str(&names)), LOG_STR("path", http_path(call->request)),
              LOG_STR("request_id", http_request_id(call->request)));
}

void sim_call_run(struct http_request *request, enum sim_place place, bool wants_token,
                  sim_handler *handler)
{
    struct sim_app *app = http_app(request);
    struct sim_call *call = arena_new(http_arena(request), struct sim_call, 1);
    *call = (struct sim_call){.request = request, .app = app, .place = place};
    sim_faults_draw(app->faults, place, &call->plan);
    log_faults(call);
    if (answer_instead(call))
        return;
    if (wants_token && !sim_state_who(app->state, token_of(request), &call->caller)) {
        http_set_header(request, "WWW-Authenticate", STR("Bearer"));
        sim_call_refuse_with(call, 401, "the token is missing, unknown or expired");
        return;
    }
    handler(call);
}

static struct str spoiled(const struct sim_call *call, struct str body)
{
    if (has(call, SIM_FAULT_WRONG_JSON))
        body = STR(SIM_WRONG_JSON);
    else if (has(call, SIM_FAULT_WRONG_TYPES))
        body = sim_spoil_types(body, http_arena(call->request));
    if (has(call, SIM_FAULT_SHORT))
        body = str_slice(body, 0, sim_spoil_length(body.len, value_of(call, SIM_FAULT_SHORT)));
    return body;
}

static void send_page(struct sim_call *call)
{
    http_respond(call->request, 200, SIM_PAGE_TYPE, STR(SIM_PAGE));
}

void sim_call_answer(struct sim_call *call, int status, const struct buf *buf)
{
    check(!buf->overflow);
    bool is_lost = status == 201 && has(call, SIM_FAULT_LOST_AFTER_COMMIT);
    int lost_status = (int)value_of(call, SIM_FAULT_LOST_AFTER_COMMIT);
    set_flaw(call, is_lost && lost_status == 0);
    if (is_lost && lost_status != 0)
        answer_status(call, lost_status);
    else if (has(call, SIM_FAULT_PAGE))
        send_page(call);
    else
        http_respond(call->request, status, "application/json", spoiled(call, buf_str(buf)));
}

void sim_call_refuse(struct sim_call *call, int status, const struct error *err)
{
    struct buf buf;
    write_error(call, err, &buf);
    sim_call_answer(call, status, &buf);
}

void sim_call_refuse_with(struct sim_call *call, int status, const char *words)
{
    struct error err = {0};
    error_set(&err, ERR_INVALID, "%s", words);
    sim_call_refuse(call, status, &err);
}

void sim_call_answer_file(struct sim_call *call, const struct sim_project *project, struct str name)
{
    set_flaw(call, false);
    const struct sim_file_flaw flaw = {
        .is_newer = has(call, SIM_FAULT_CHANGED),
        .is_short = has(call, SIM_FAULT_SHORT),
        .short_at = value_of(call, SIM_FAULT_SHORT),
    };
    if (has(call, SIM_FAULT_PAGE))
        send_page(call);
    else
        sim_files_answer(call->app->files, call->request, project, name, flaw);
}

struct sim_view sim_call_view(const struct sim_call *call, const struct sim_project *project)
{
    struct sim_view view = {.project = project};
    view.phase = sim_state_phase(call->app->state, project, &view.progress);
    if (has(call, SIM_FAULT_CLOCK_SKEW))
        view.skew_us = value_of(call, SIM_FAULT_CLOCK_SKEW) * US_PER_MS;
    return view;
}
