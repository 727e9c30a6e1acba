// Remembers requests by their Idempotency-Key, and answers those that come again.
#include "api/idempotency.h"

#include "api/api_call.h"
#include "base/hash.h"
#include "base/log.h"
#include "base/pace.h"
#include "base/random.h"

#define RETRY_AFTER STR("2") // while the first one runs
#define PURGE_MAX   10       // old requests that go with each new one

bool idempotency_is_key(struct str text)
{
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] <= ' ' || text.ptr[i] > '~')
            return false;
    }
    return text.len > 0 && text.len <= IDEMPOTENCY_KEY_MAX;
}

static void refuse(struct http_request *request, int status, const char *detail)
{
    struct error err;
    error_reset(&err);
    (void)error_set(&err, ERR_CONFLICT, "%s", detail);
    http_problem_status(request, status, &err);
}

static void begin_first(struct idempotency *once)
{
    int64_t now_us = api_now_us(once->request);
    once->op_id = random_id();
    once->row.op_id = once->op_id;
    once->row.created_at = OPT_I64(now_us);
    once->claim.expired_us = now_us - IDEMPOTENCY_KEPT_US;
    once->first(once);
}

static void respond(struct http_request *request, const struct stored_request *row)
{
    int status = (int)row->status.value;
    http_respond(request, status, status >= 400 ? "application/problem+json" : "application/json",
                 row->answer);
}

static void replay(struct idempotency *once)
{
    http_set_header(once->request, "Idempotency-Replayed", STR("true"));
    if (once->known.location.ptr != NULL)
        http_set_header(once->request, "Location", once->known.location);
    respond(once->request, &once->known);
}

// Another request has the key.
static void answer_known(struct idempotency *once)
{
    const struct stored_request *known = &once->known;
    int64_t age_us = api_now_us(once->request) - known->created_at.value;
    if (!str_equal(known->fingerprint, once->row.fingerprint)) {
        refuse(once->request, 422, "The Idempotency-Key was used for a request with another body.");
    } else if (known->status.set) {
        replay(once);
    } else if (age_us < pace_us(api_of(once->request)->pace, IDEMPOTENCY_RUNNING_US)) {
        http_set_header(once->request, "Retry-After", RETRY_AFTER);
        refuse(once->request, 409, "A request with this Idempotency-Key is still running.");
    } else {
        // Whoever did the work did not live to answer.
        once->op_id = once->row.op_id = known->op_id;
        once->again(once);
    }
}

static void key_read(struct sql_op *op)
{
    struct idempotency *once = op->done_ctx;
    if (op->error.code != ERR_OK)
        http_problem(once->request, &op->error);
    else if (once->known.id.ptr != NULL)
        answer_known(once);
    else
        begin_first(once);
}

static void read_key(struct idempotency *once)
{
    struct http_request *request = once->request;
    int64_t expired_us = api_now_us(request) - IDEMPOTENCY_KEPT_US;
    struct sql_op *op = api_op(request, "request_read", SQL_LANE_SHORT, key_read, once);
    once->known = (struct stored_request){0};
    request_store_get(op, once->row.id, expired_us, &once->known);
    api_submit(request, op);
}

void idempotency_begin(struct idempotency *once)
{
    struct http_request *request = once->request;
    struct arena *arena = http_arena(request);
    struct str key = http_header(request, "Idempotency-Key");
    if (key.ptr != NULL && !idempotency_is_key(key)) {
        refuse(request, 400, "The Idempotency-Key must be 1 to 255 visible ASCII characters.");
        return;
    }
    http_suspend(request);
    if (key.ptr == NULL) {
        begin_first(once);
        return;
    }
    char hex[SHA256_HEX + 1];
    sha256_hex(http_body(request), hex);
    once->row.fingerprint = arena_str(arena, str_of(hex));
    once->row.id = arena_printf(arena, "%s %.*s", http_pattern(request), STR_ARG(key));
    read_key(once);
}

void idempotency_add(struct idempotency *once, struct sql_op *op)
{
    if (once->row.id.ptr != NULL)
        request_store_add(op, &once->row, &once->claim);
}

bool idempotency_is_late(struct idempotency *once, const struct error *err)
{
    if (once->row.id.ptr == NULL || err->code != ERR_STALE)
        return false;
    read_key(once);
    return true;
}

void idempotency_restart(struct idempotency *once)
{
    once->claim.replaces_op = once->op_id;
    begin_first(once);
}

// ---- The answer.

static void answer_stored(struct sql_op *op)
{
    struct idempotency *once = op->done_ctx;
    // It is the right answer also where it could not be stored: who asks again gets one that is
    // made of what the operation stored.
    if (op->error.code != ERR_OK)
        log_error(LOG_WARN, "request.answer_not_stored", &op->error);
    respond(once->request, &once->row);
}

static void take_answer(struct http_request *request, int status, struct str body, void *ctx)
{
    struct idempotency *once = ctx;
    int64_t now_us = api_now_us(request);
    once->row.status = OPT_I64(status);
    once->row.location = http_answer_header(request, "Location");
    once->row.answer = body;
    if (status == 503) {
        respond(request, &once->row);
        return;
    }
    struct sql_op *op = api_op(request, "request_answer", SQL_LANE_WRITE, answer_stored, once);
    op->is_idempotent = true;
    if (status >= 400 && status < 500 && !once->had_effect)
        request_store_drop(op, &once->row);
    else
        request_store_answer(op, &once->row, now_us);
    request_store_purge(op, now_us - IDEMPOTENCY_KEPT_US, PURGE_MAX);
    api_submit(request, op);
}

void idempotency_keep(struct idempotency *once, bool had_effect)
{
    if (once->row.id.ptr == NULL)
        return;
    once->had_effect = had_effect;
    http_take_answer(once->request, take_answer, once);
}
