// Owns the turn of waiting calls and what becomes of them.
#include "upstream/dispatch.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "base/pace.h"
#include "base/thread.h"
#include "upstream/answer.h"
#include "upstream/wire.h"

#define WAITING_MAX    1024 // of a class
#define WAIT_MAX_US    (30 * US_PER_S)
#define LIMITED_MAX_US (60 * US_PER_S) // a 429 holds the other calls back for so long at most
#define LEASE_US       (2 * US_PER_S)
#define ISOLATED_US    (30 * US_PER_S) // held back calls are tried again then
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

static enum lf_class class_of(const struct lf_call *call)
{
    return call->class == LF_CLASS_OF_KIND ? call->kind->class : call->class;
}

static struct lf_list *list_of(struct lightfusion *lf, const struct lf_call *call)
{
    return &lf->waiting[class_of(call)];
}

// The waiting call that is to be looked at next; NULL if none waits.
static struct lf_call *first_of_all(const struct lightfusion *lf)
{
    for (int class = 0; class < LF_CLASS_COUNT; class ++) {
        if (lf->waiting[class].first != NULL)
            return lf->waiting[class].first;
    }
    return NULL;
}

bool lf_dispatch_is_empty(const struct lightfusion *lf)
{
    return first_of_all(lf) == NULL;
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
    call->said = call->attempted && !call->http.held_back;
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
    struct lf_list waiting[LF_CLASS_COUNT];
    memcpy(waiting, lf->waiting, sizeof(waiting));
    memset(lf->waiting, 0, sizeof(lf->waiting));
    for (int class = 0; class < LF_CLASS_COUNT; class ++) {
        struct lf_call *call;
        while ((call = list_pop(&waiting[class])) != NULL)
            deny(call, failure, retry_after_s, words);
    }
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
        session->no_login_until_us = now_us(lf) + pace_us(lf->pace, NO_LOGIN_US);
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
        list_push_front(list_of(lf, call), call);
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
    turns_end(&lf->turns, class_of(call));
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
        list_push_front(list_of(lf, call), call);
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
    http->is_read = !kind->paid;
    http->fresh_connection = kind->paid;
    http->done = on_answer;
    http->ctx = call;
    call->token_number = lf->session.number;
    turns_begin(&lf->turns, class_of(call));
    call->attempted = true;
    http_client_call(lf->http, http);
}

// A gate lets a waiting call pass, keeps it waiting, or has ended it.
enum gate { GATE_OPEN, GATE_WAIT, GATE_ENDED };

static void take_out(struct lightfusion *lf, struct lf_call *call)
{
    check(list_pop(list_of(lf, call)) == call);
}

static enum gate deny_until(struct lf_call *call, enum order_failure failure, int64_t until_us,
                            struct str words)
{
    int64_t wait_us = until_us - now_us(call->lf);
    unsigned wait_s = wait_us <= 0 ? 1 : (unsigned)((wait_us + US_PER_S - 1) / US_PER_S);
    take_out(call->lf, call);
    deny(call, failure, wait_s, words);
    return GATE_ENDED;
}

// What holds all calls back, whichever is the next.
static enum gate pass_closed(struct lightfusion *lf, struct lf_call *call)
{
    int64_t now = now_us(lf);
    if (lf->isolated)
        return deny_until(call, FAILURE_UNAVAILABLE, now + pace_us(lf->pace, ISOLATED_US),
                          STR("LightFusion is isolated: an operator holds the calls back"));
    if (now < lf->limited_until_us)
        return deny_until(call, FAILURE_LIMITED, lf->limited_until_us,
                          STR("LightFusion asked for a pause"));
    if (breaker_ask(&lf->breaker, now) == BREAKER_STOP)
        return deny_until(call, FAILURE_UNAVAILABLE, lf->breaker.open_until_us,
                          STR("LightFusion has failed again and again; calls pause for a while"));
    return GATE_OPEN;
}

static unsigned waiting_count(const struct lightfusion *lf)
{
    size_t count = 0;
    for (int class = 0; class < LF_CLASS_COUNT; class ++)
        count += lf->waiting[class].count;
    return (unsigned)count;
}

// The cap that all processes share: what was leased, else more is asked for.
static enum gate pass_lease(struct lightfusion *lf)
{
    struct lf_lease *lease = &lf->lease;
    int64_t now = now_us(lf);
    if (lease->calls > 0 && now < lease->until_us) {
        lease->calls--;
        return GATE_OPEN;
    }
    lease->calls = 0;
    if (lease->asked)
        return GATE_WAIT;
    if (now < lease->again_us) {
        lf->pace_wait_us = lease->again_us - now;
        return GATE_WAIT;
    }
    lease->asked = true;
    lease->budget.ask(lease->budget.ctx, waiting_count(lf));
    return GATE_WAIT;
}

static enum gate pass_pace(struct lightfusion *lf)
{
    if (lf->lease.budget.ask != NULL)
        return pass_lease(lf);
    bool open = limiter_take(&lf->limiter, now_us(lf), &lf->pace_wait_us);
    return open ? GATE_OPEN : GATE_WAIT;
}

// A paid call is not to be the one that tries whether LightFusion is back: a login goes ahead of
// it.
static enum gate pass_session(struct lightfusion *lf, struct lf_call *call,
                              enum breaker_advice advice)
{
    struct session *session = &lf->session;
    bool canary = advice == BREAKER_PROBE && call->kind->paid && session_has_logins(session);
    if (session_is_ready(session) && !canary)
        return GATE_OPEN;
    if (now_us(lf) < session->no_login_until_us)
        return deny_until(call, FAILURE_UNAUTHORIZED, session->no_login_until_us,
                          STR("LightFusion refused our credentials a moment ago"));
    if (pass_pace(lf) == GATE_OPEN)
        start_login(lf, advice == BREAKER_PROBE);
    return GATE_WAIT;
}

// The waiting call whose turn it is; NULL if there is no slot for any.
static struct lf_call *next_in_turn(struct lightfusion *lf)
{
    bool waits[LF_CLASS_COUNT];
    for (int class = 0; class < LF_CLASS_COUNT; class ++)
        waits[class] = lf->waiting[class].first != NULL;
    return lf->waiting[turns_next(&lf->turns, waits)].first;
}

// Moves a waiting call on. False if all have to wait.
static bool move_next(struct lightfusion *lf)
{
    struct lf_call *call = first_of_all(lf);
    if (lf->closing) {
        take_out(lf, call);
        deny(call, FAILURE_UNAVAILABLE, 0, str_of(closing_words));
        return true;
    }
    if (lf->session.login_under_way)
        return false;
    if (pass_closed(lf, call) != GATE_OPEN)
        return true;
    call = next_in_turn(lf);
    if (call == NULL)
        return false;
    enum breaker_advice advice = breaker_ask(&lf->breaker, now_us(lf));
    enum gate gate = pass_session(lf, call, advice);
    if (gate != GATE_OPEN)
        return gate == GATE_ENDED;
    if (call->kind->prepare != NULL && !call->kind->prepare(call)) {
        take_out(lf, call);
        call->words = STR("LightFusion's session names no company");
        end_call(call, (struct answer_meaning){LF_NOT_FOUND, FAILURE_UNAVAILABLE});
        return true;
    }
    if (pass_pace(lf) != GATE_OPEN)
        return false;
    take_out(lf, call);
    call->probe = advice == BREAKER_PROBE;
    if (call->probe)
        breaker_begin_probe(&lf->breaker);
    send_call(lf, call);
    return true;
}

// Ends calls that waited too long for their turn.
static void expire(struct lightfusion *lf, struct lf_list *waiting)
{
    while (waiting->first != NULL && now_us(lf) - waiting->first->queued_us >= WAIT_MAX_US)
        deny(list_pop(waiting), FAILURE_UNAVAILABLE, 1,
             STR("there are more calls to LightFusion than it may be sent"));
}

// Looks again when the next call may go or has waited too long.
static void pump(struct lightfusion *lf)
{
    lf->pace_wait_us = WAIT_MAX_US;
    for (int class = 0; class < LF_CLASS_COUNT; class ++)
        expire(lf, &lf->waiting[class]);
    while (!lf_dispatch_is_empty(lf) && move_next(lf))
        ;
    if (lf_dispatch_is_empty(lf))
        return;
    int64_t wait_us = lf->pace_wait_us;
    for (int class = 0; class < LF_CLASS_COUNT; class ++) {
        const struct lf_call *first = lf->waiting[class].first;
        if (first != NULL && first->queued_us + WAIT_MAX_US - now_us(lf) < wait_us)
            wait_us = first->queued_us + WAIT_MAX_US - now_us(lf);
    }
    http_client_run_after(lf->http, &lf->resume,
                          wait_us <= 0 ? 0 : (unsigned)(wait_us / US_PER_MS) + 1);
}

// What others said since the last look: isolation, and the answer of a shared budget.
static void take_news(struct lightfusion *lf)
{
    struct lf_inbox *inbox = &lf->inbox;
    struct lf_lease *lease = &lf->lease;
    mutex_lock(&inbox->mutex);
    lf->isolated = inbox->isolated;
    if (inbox->granted) {
        lease->asked = inbox->granted = false;
        lease->calls = inbox->grant_calls;
        lease->until_us = now_us(lf) + LEASE_US;
        lease->again_us = inbox->grant_calls > 0 ? 0 : now_us(lf) + inbox->grant_wait_us;
    }
    mutex_unlock(&inbox->mutex);
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
    take_news(lf);
    while ((call = list_pop(&calls)) != NULL) {
        struct lf_list *waiting = list_of(lf, call);
        call->queued_us = now_us(lf);
        if (waiting->count < WAITING_MAX)
            list_push(waiting, call);
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
        list_push(list_of(lf, call), call);
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
    call->said = false;
    call->gist = STR_NULL;
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

void lightfusion_isolate(struct lightfusion *lf, bool isolated)
{
    mutex_lock(&lf->inbox.mutex);
    bool changed = lf->inbox.isolated != isolated;
    lf->inbox.isolated = isolated;
    mutex_unlock(&lf->inbox.mutex);
    if (changed)
        http_client_run_after(lf->http, &lf->wake, 0);
}

void lightfusion_share_budget(struct lightfusion *lf, const struct lf_budget *budget)
{
    lf->lease.budget = *budget;
}

void lightfusion_grant(struct lightfusion *lf, unsigned calls, int64_t wait_us)
{
    mutex_lock(&lf->inbox.mutex);
    lf->inbox.granted = true;
    lf->inbox.grant_calls = calls;
    lf->inbox.grant_wait_us = wait_us;
    mutex_unlock(&lf->inbox.mutex);
    http_client_run_after(lf->http, &lf->wake, 0);
}
