// Owns the turn of waiting calls and what becomes of them.
#include "upstream/dispatch.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "base/thread.h"
#include "upstream/answer.h"
#include "upstream/wire.h"

#define WAITING_MAX    1024
#define WAIT_MAX_US    (30 * US_PER_S)
#define LIMITED_MAX_US (60 * US_PER_S) // a 429 holds the other calls back for so long at most
#define NO_LOGIN_US    (30 * US_PER_S) // refused credentials are not tried again before

static const char closing_words[] = "sunlead is shutting down";

static void list_push(struct lf_list *list, struct lf_call *call)
{
    call->next = NULL;
    if (list->last == NULL)
        list->first = call;
    else
        list->last->next = call;
    list->last = call;
    list->count++;
}

static void list_push_front(struct lf_list *list, struct lf_call *call)
{
    call->next = list->first;
    list->first = call;
    if (list->last == NULL)
        list->last = call;
    list->count++;
}

static struct lf_call *list_pop(struct lf_list *list)
{
    struct lf_call *call = list->first;
    if (call == NULL)
        return NULL;
    list->first = call->next;
    if (list->first == NULL)
        list->last = NULL;
    list->count--;
    call->next = NULL;
    return call;
}

static struct lf_call *take_first(struct lightfusion *lf)
{
    struct lf_call *call = list_pop(&lf->waiting);
    check(call != NULL);
    return call;
}

static int64_t now_us(const struct lightfusion *lf)
{
    return clock_monotonic_us(lf->clock);
}

static void report_health(struct lightfusion *lf, enum lf_health health, struct str words)
{
    mutex_lock(&lf->report.mutex);
    lf->report.health = health;
    snprintf(lf->report.words, sizeof(lf->report.words), "%.*s", STR_ARG(words));
    mutex_unlock(&lf->report.mutex);
}

// The last step of every call: nothing of it may be touched afterwards.
static void end_call(struct lf_call *call, struct answer_meaning meaning)
{
    call->outcome = meaning.outcome;
    call->failure = meaning.failure;
    call->duration_us = now_us(call->lf) - call->started_us;
    if (call->kind->end != NULL)
        call->kind->end(call);
    call->done(call);
}

// Ends a call that is not sent.
static void deny(struct lf_call *call, enum order_failure failure, unsigned retry_after_s,
                 struct str words)
{
    call->status = 0;
    call->retry_after_s = retry_after_s;
    call->words = arena_str(call->arena, words);
    end_call(call, (struct answer_meaning){LF_NOT_SENT, failure});
}

static void tell_breaker(struct lightfusion *lf, const struct http_call *http, bool probe)
{
    enum breaker_verdict verdict = answer_verdict(http);
    switch (breaker_report(&lf->breaker, probe, verdict, now_us(lf))) {
    case BREAKER_SAME:
        break;
    case BREAKER_OPENED:
        log_event(LOG_WARN, "upstream.breaker_open",
                  "LightFusion fails again and again; calls are held back for a while",
                  LOG_I64("failures", lf->breaker.failures),
                  LOG_I64("open_ms", lf->breaker.open_us / US_PER_MS));
        break;
    case BREAKER_CLOSED:
        log_event(LOG_INFO, "upstream.breaker_closed", "LightFusion answers again");
        break;
    }
}

static void pump(struct lightfusion *lf);

static void deny_all_waiting(struct lightfusion *lf, enum order_failure failure,
                             unsigned retry_after_s, struct str words)
{
    struct lf_list waiting = lf->waiting;
    lf->waiting = (struct lf_list){0};
    struct lf_call *call;
    while ((call = list_pop(&waiting)) != NULL)
        deny(call, failure, retry_after_s, words);
}

static void note_limit(struct lightfusion *lf, const struct http_call *http)
{
    if (http->fate != HTTP_ANSWERED || http->status != 429)
        return;
    int64_t pause_us = http->retry_after_s * US_PER_S;
    lf->limited_until_us = now_us(lf) + (pause_us > LIMITED_MAX_US ? LIMITED_MAX_US : pause_us);
}

static void on_login(struct session *session, void *ctx)
{
    struct lightfusion *lf = ctx;
    const struct http_call *http = &session->http;
    tell_breaker(lf, http, session->login_is_probe);
    note_limit(lf, http);
    if (session->logged_in) {
        report_health(lf, LF_HEALTH_UP, STR_NULL);
        log_event(LOG_INFO, "upstream.login", "logged in to LightFusion",
                  LOG_I64("status", http->status), LOG_I64("duration_us", http->duration_us));
        pump(lf);
        return;
    }
    if (!http->held_back) {
        report_health(lf, LF_HEALTH_DOWN, session->words);
        log_event(LOG_WARN, "upstream.login", "login to LightFusion failed",
                  LOG_I64("status", http->status), LOG_STR("words", session->words),
                  LOG_I64("duration_us", http->duration_us));
    }
    if (session->failure == FAILURE_UNAUTHORIZED)
        session->no_login_until_us = now_us(lf) + NO_LOGIN_US;
    deny_all_waiting(lf, session->failure, session->retry_after_s, session->words);
}

static void start_login(struct lightfusion *lf, bool probe)
{
    if (probe)
        breaker_begin_probe(&lf->breaker);
    lf->session.login_is_probe = probe;
    session_login(&lf->session, lf->http, on_login, lf);
}

// What the answer to a request means for the rest of its call.
static void settle(struct lf_call *call)
{
    struct lightfusion *lf = call->lf;
    struct http_call *http = &call->http;
    bool paid = call->kind->paid;
    struct answer_meaning meaning = answer_meaning(http, paid);
    call->again = false;
    if (meaning.outcome == LF_OK && !call->kind->take(call))
        meaning = answer_nonsense(paid);
    if (meaning.outcome == LF_OK && call->again) {
        call->queued_us = now_us(lf);
        list_push_front(&lf->waiting, call);
        return;
    }
    if (meaning.outcome != LF_OK)
        call->words = session_words(&lf->session, http, call->arena);
    if (!http->held_back) {
        bool good = answer_verdict(http) == BREAKER_GOOD && http->status != 401;
        report_health(lf, good ? LF_HEALTH_UP : LF_HEALTH_DOWN, good ? STR_NULL : call->words);
    }
    end_call(call, meaning);
}

static void on_answer(struct http_call *http)
{
    struct lf_call *call = http->ctx;
    struct lightfusion *lf = call->lf;
    lf->in_flight--;
    call->status = http->status;
    call->retry_after_s = http->retry_after_s;
    tell_breaker(lf, http, call->probe);
    note_limit(lf, http);
    log_event(LOG_DEBUG, "upstream.call", "call to LightFusion",
              LOG_TEXT_FIELD("call", call->kind->name), LOG_I64("status", http->status),
              LOG_I64("duration_us", http->duration_us));
    bool unauthorized = http->fate == HTTP_ANSWERED && http->status == 401;
    if (unauthorized && !call->replayed && session_has_logins(&lf->session)) {
        session_reject(&lf->session, call->token_number);
        call->replayed = true;
        call->queued_us = now_us(lf);
        list_push_front(&lf->waiting, call);
    } else {
        settle(call);
    }
    pump(lf);
}

static void send_call(struct lightfusion *lf, struct lf_call *call)
{
    const struct lf_kind *kind = call->kind;
    struct http_call *http = &call->http;
    struct str bearer = session_header(&lf->session, http->arena);
    size_t count = 0;
    memset(http->headers, 0, sizeof(http->headers));
    http->headers[count++] = STR("Accept: application/json");
    if (http->body.ptr != NULL)
        http->headers[count++] = STR("Content-Type: application/json");
    if (bearer.ptr != NULL)
        http->headers[count] = bearer;
    http->method = kind->method;
    http->total_ms = kind->total_ms;
    http->answer_max_bytes = kind->answer_max_bytes;
    http->fresh_connection = kind->paid;
    http->done = on_answer;
    http->ctx = call;
    call->token_number = lf->session.number;
    lf->in_flight++;
    call->attempted = true;
    http_client_call(lf->http, http);
}

// A gate lets the first waiting call pass, keeps it waiting, or has ended it.
enum gate { GATE_OPEN, GATE_WAIT, GATE_ENDED };

static enum gate deny_first(struct lightfusion *lf, enum order_failure failure, int64_t until_us,
                            struct str words)
{
    int64_t wait_us = until_us - now_us(lf);
    unsigned wait_s = wait_us <= 0 ? 1 : (unsigned)((wait_us + US_PER_S - 1) / US_PER_S);
    deny(take_first(lf), failure, wait_s, words);
    return GATE_ENDED;
}

static enum gate pass_limit(struct lightfusion *lf)
{
    if (now_us(lf) >= lf->limited_until_us)
        return GATE_OPEN;
    return deny_first(lf, FAILURE_LIMITED, lf->limited_until_us,
                      STR("LightFusion asked for a pause"));
}

static enum gate pass_pace(struct lightfusion *lf)
{
    bool open = limiter_take(&lf->limiter, now_us(lf), &lf->pace_wait_us);
    return open ? GATE_OPEN : GATE_WAIT;
}

// A paid call is not to be the one that tries whether LightFusion is back: a login goes ahead of
// it.
static enum gate pass_session(struct lightfusion *lf, enum breaker_advice advice)
{
    struct session *session = &lf->session;
    bool canary =
        advice == BREAKER_PROBE && lf->waiting.first->kind->paid && session_has_logins(session);
    if (session_is_ready(session) && !canary)
        return GATE_OPEN;
    if (now_us(lf) < session->no_login_until_us)
        return deny_first(lf, FAILURE_UNAUTHORIZED, session->no_login_until_us,
                          STR("LightFusion refused our credentials a moment ago"));
    if (pass_pace(lf) == GATE_OPEN)
        start_login(lf, advice == BREAKER_PROBE);
    return GATE_WAIT;
}

// Moves the first waiting call on. False if it has to wait.
static bool move_first(struct lightfusion *lf)
{
    if (lf->closing) {
        deny(take_first(lf), FAILURE_UNAVAILABLE, 0, str_of(closing_words));
        return true;
    }
    if (lf->session.login_under_way)
        return false;
    enum gate gate = pass_limit(lf);
    if (gate != GATE_OPEN)
        return gate == GATE_ENDED;
    enum breaker_advice advice = breaker_ask(&lf->breaker, now_us(lf));
    if (advice == BREAKER_STOP) {
        deny_first(lf, FAILURE_UNAVAILABLE, lf->breaker.open_until_us,
                   STR("LightFusion has failed again and again; calls pause for a while"));
        return true;
    }
    if (lf->in_flight >= lf->concurrency)
        return false;
    gate = pass_session(lf, advice);
    if (gate != GATE_OPEN)
        return gate == GATE_ENDED;
    struct lf_call *call = lf->waiting.first;
    if (call->kind->prepare != NULL && !call->kind->prepare(call)) {
        take_first(lf);
        call->words = STR("LightFusion's session names no company");
        end_call(call, (struct answer_meaning){LF_NOT_FOUND, FAILURE_UNAVAILABLE});
        return true;
    }
    if (pass_pace(lf) != GATE_OPEN)
        return false;
    take_first(lf);
    call->probe = advice == BREAKER_PROBE;
    if (call->probe)
        breaker_begin_probe(&lf->breaker);
    send_call(lf, call);
    return true;
}

// Ends calls that waited too long for their turn; looks again when the next one may go or has
// waited too long.
static void pump(struct lightfusion *lf)
{
    lf->pace_wait_us = WAIT_MAX_US;
    while (lf->waiting.first != NULL && now_us(lf) - lf->waiting.first->queued_us >= WAIT_MAX_US)
        deny(take_first(lf), FAILURE_UNAVAILABLE, 1,
             STR("there are more calls to LightFusion than it may be sent"));
    while (lf->waiting.first != NULL && move_first(lf))
        ;
    if (lf->waiting.first == NULL)
        return;
    int64_t wait_us = lf->waiting.first->queued_us + WAIT_MAX_US - now_us(lf);
    if (wait_us > lf->pace_wait_us)
        wait_us = lf->pace_wait_us;
    http_client_run_after(lf->http, &lf->resume,
                          wait_us <= 0 ? 0 : (unsigned)(wait_us / US_PER_MS) + 1);
}

static struct lf_list take_inbox(struct lightfusion *lf, bool close)
{
    mutex_lock(&lf->inbox.mutex);
    struct lf_list calls = lf->inbox.calls;
    lf->inbox.calls = (struct lf_list){0};
    lf->inbox.closed = lf->inbox.closed || close;
    mutex_unlock(&lf->inbox.mutex);
    return calls;
}

static void admit(struct lightfusion *lf)
{
    struct lf_list calls = take_inbox(lf, false);
    struct lf_call *call;
    while ((call = list_pop(&calls)) != NULL) {
        call->queued_us = now_us(lf);
        if (lf->waiting.count < WAITING_MAX)
            list_push(&lf->waiting, call);
        else
            deny(call, FAILURE_UNAVAILABLE, 1, STR("too many calls to LightFusion are waiting"));
    }
    pump(lf);
}

static void on_wake(struct http_timer *timer)
{
    admit(CONTAINER_OF(timer, struct lightfusion, wake));
}

static void on_resume(struct http_timer *timer)
{
    pump(CONTAINER_OF(timer, struct lightfusion, resume));
}

static void on_close(struct http_close_hook *hook)
{
    struct lightfusion *lf = CONTAINER_OF(hook, struct lightfusion, close_hook);
    lf->closing = true;
    struct lf_list calls = take_inbox(lf, true);
    struct lf_call *call;
    while ((call = list_pop(&calls)) != NULL) {
        call->queued_us = now_us(lf);
        list_push(&lf->waiting, call);
    }
    pump(lf);
}

void lf_dispatch_init(struct lightfusion *lf)
{
    lf->wake.run = on_wake;
    lf->resume.run = on_resume;
    lf->close_hook.run = on_close;
    http_client_on_close(lf->http, &lf->close_hook);
}

void lf_call_start(struct lightfusion *lf, struct lf_call *call, const struct lf_kind *kind)
{
    check(call->arena != NULL && call->done != NULL);
    call->lf = lf;
    call->kind = kind;
    call->started_us = now_us(lf);
    call->status = 0;
    call->retry_after_s = 0;
    call->words = STR_NULL;
    call->attempted = call->replayed = call->probe = call->again = false;
    mutex_lock(&lf->inbox.mutex);
    bool closed = lf->inbox.closed;
    bool first = lf->inbox.calls.first == NULL;
    if (!closed)
        list_push(&lf->inbox.calls, call);
    mutex_unlock(&lf->inbox.mutex);
    if (closed) { // this is the network thread, whose HTTP client ends it as never sent
        call->http.url = lf->api;
        send_call(lf, call);
    } else if (first) {
        http_client_run_after(lf->http, &lf->wake, 0);
    }
}

void lf_call_again(struct lf_call *call, const char *url, struct str body)
{
    call->http.url = url;
    call->http.body = body;
    call->again = true;
}
