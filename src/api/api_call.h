// What handlers share: parameters and bodies in, operations, JSON answers out.
#ifndef SUNLEAD_API_CALL_H
#define SUNLEAD_API_CALL_H

#include <stdbool.h>
#include <stdint.h>

#include "api/api.h"
#include "base/buf.h"
#include "base/field.h"
#include "json/json_read.h"

// API_ANSWER_MAX is the ceiling of an answer's body in bytes: a page of 100 leads with long texts.
#define API_ANSWER_MAX (4u << 20)

// api_of() is the app of a request.
struct api *api_of(const struct http_request *request);

// api_now_us() is the time by the API's clock.
int64_t api_now_us(const struct http_request *request);

// api_id() reads a {name} segment as an id from 1 up. A malformed one answers 404 and gives false.
bool api_id(struct http_request *request, const char *name, int64_t *ret_id);

// The bounds of a query parameter, both included.
struct api_range {
    int64_t min;
    int64_t max;
};

// API_ID_MAX is the largest id: 2^53 - 1, exact in JSON.
#define API_ID_MAX   INT64_C(9007199254740991)
#define API_ID_RANGE ((struct api_range){1, API_ID_MAX})

// api_query_i64() reads a query parameter, which keeps its value where it is absent. ERR_INVALID
// with a place.
MUST_CHECK enum err api_query_i64(struct http_request *request, const char *name,
                                  struct api_range range, struct opt_i64 *value, struct error *err);

// api_query_bool() reads true or false likewise; *ret_seen tells whether it was there.
MUST_CHECK enum err api_query_bool(struct http_request *request, const char *name, bool *ret_value,
                                   bool *ret_seen, struct error *err);

// api_decode() reads the body by a table into object (set to its defaults by the caller).
// how->flags is set; its arena is the request's.
MUST_CHECK enum err api_decode(struct http_request *request, const struct field_table *table,
                               struct json_decoding *how, void *object, struct error *err);

// api_takes_nothing() tells whether the body of a route that needs none is empty or an empty
// object; anything else is answered with what is wrong.
bool api_takes_nothing(struct http_request *request);

// api_op() makes an operation in the request's arena whose done gets ctx. The request must be
// suspended before it is submitted.
struct sql_op *api_op(struct http_request *request, const char *name, enum sql_lane lane,
                      sql_done_fn *done, void *ctx);

// api_refuse() answers an operation that failed. What the database itself refuses (a check, a
// foreign key, a value that its column has no room for) is 422: the rules are not ours.
void api_refuse(struct http_request *request, const struct error *err);

// api_submit() hands an operation to the database.
void api_submit(struct http_request *request, struct sql_op *op);

// api_respond() answers with one object as JSON.
void api_respond(struct http_request *request, int status, const struct field_table *table,
                 const void *object);

// api_respond_json() answers with what was written into a buffer in the request's arena.
void api_respond_json(struct http_request *request, int status, const struct buf *body);

// api_location() sets the Location header: prefix and id.
void api_location(struct http_request *request, const char *prefix, int64_t id);

#endif
