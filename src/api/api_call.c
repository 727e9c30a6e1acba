// What handlers share: parameters and bodies in, operations, JSON answers out.
#include "api/api_call.h"

#include "base/crash.h"
#include "json/json_write.h"

#define JSON_TYPE  "application/json"
#define API_ID_MAX INT64_C(9007199254740991)

struct api *api_of(const struct http_request *request)
{
    return http_app(request);
}

int64_t api_now_us(const struct http_request *request)
{
    return clock_now_us(api_of(request)->clock);
}

bool api_id(struct http_request *request, const char *name, int64_t *ret_id)
{
    struct str text = http_param(request, name);
    bool plain = text.len > 0 && text.ptr[0] != '0';
    if (plain && number_parse_i64(text, 1, API_ID_MAX, ret_id) == ERR_OK)
        return true;
    struct error err;
    error_reset(&err);
    (void)error_set(&err, ERR_NOT_FOUND, "There is nothing at this address: an id is a number.");
    http_problem(request, &err);
    return false;
}

static enum err query_error(const char *name, const char *detail, struct error *err)
{
    char pointer[64];
    int len = snprintf(pointer, sizeof(pointer), "?%s", name);
    return error_place(err, (struct str){pointer, (size_t)len}, "%s", detail);
}

enum err api_query_i64(struct http_request *request, const char *name, struct api_range range,
                       struct opt_i64 *value, struct error *err)
{
    struct str text = http_query(request, name);
    if (text.ptr == NULL)
        return ERR_OK;
    if (number_parse_i64(text, range.min, range.max, &value->value) != ERR_OK) {
        char detail[96];
        snprintf(detail, sizeof(detail), "must be a whole number from %lld to %lld",
                 (long long)range.min, (long long)range.max);
        return query_error(name, detail, err);
    }
    value->set = true;
    return ERR_OK;
}

enum err api_query_bool(struct http_request *request, const char *name, bool *ret_value,
                        bool *ret_seen, struct error *err)
{
    struct str text = http_query(request, name);
    *ret_seen = text.ptr != NULL;
    if (text.ptr == NULL)
        return ERR_OK;
    *ret_value = str_equal(text, STR("true"));
    if (!*ret_value && !str_equal(text, STR("false")))
        return query_error(name, "must be true or false", err);
    return ERR_OK;
}

enum err api_decode(struct http_request *request, const struct field_table *table,
                    struct json_decoding *how, void *object, struct error *err)
{
    CLEANUP(json_doc_free_ptr) struct json_doc *doc = NULL;
    how->arena = http_arena(request);
    TRY(json_parse(http_body(request), &doc, err));
    return json_decode(table, json_root(doc), how, object, err);
}

bool api_takes_nothing(struct http_request *request)
{
    static const struct field_table nothing = {.what = "nothing"};
    struct json_decoding how = {0};
    struct error err;
    error_reset(&err);
    if (http_body(request).len == 0 || api_decode(request, &nothing, &how, NULL, &err) == ERR_OK)
        return true;
    http_problem(request, &err);
    return false;
}

struct sql_op *api_op(struct http_request *request, const char *name, enum sql_lane lane,
                      sql_done_fn *done, void *ctx)
{
    struct sql_op *op = sql_op_new(http_arena(request), name, lane);
    op->done = done;
    op->done_ctx = ctx;
    return op;
}

// The store's own message does not name the place, as that of a body that breaks a rule does.
void api_refuse(struct http_request *request, const struct error *err)
{
    struct error shown;
    error_reset(&shown);
    for (unsigned i = 0; err->code == ERR_INVALID && i < err->place_count; i++)
        (void)error_place(&shown, str_of(err->places[i].pointer), "%s", err->places[i].detail);
    http_problem_status(request, err->code == ERR_INVALID ? 422 : http_status_of(err->code),
                        shown.place_count > 0 ? &shown : err);
}

void api_submit(struct http_request *request, struct sql_op *op)
{
    if (op->lane == SQL_LANE_WRITE)
        crash_here(CRASH_REQUEST_STORING);
    sql_submit(api_of(request)->db, op);
}

void api_respond_json(struct http_request *request, int status, const struct buf *body)
{
    if (body->overflow) {
        struct error err;
        error_reset(&err);
        (void)error_set(&err, ERR_INTERNAL, "The answer is too large.");
        http_problem(request, &err);
        return;
    }
    http_respond(request, status, JSON_TYPE, buf_str(body));
}

void api_respond(struct http_request *request, int status, const struct field_table *table,
                 const void *object)
{
    struct buf body;
    buf_init_arena(&body, http_arena(request), API_ANSWER_MAX);
    (void)buf_grow(&body, 1400);
    json_write_object(&body, table, object);
    api_respond_json(request, status, &body);
}

void api_location(struct http_request *request, const char *prefix, int64_t id)
{
    http_set_header(request, "Location",
                    arena_printf(http_arena(request), "%s%lld", prefix, (long long)id));
}
