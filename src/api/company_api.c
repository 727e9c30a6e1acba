// Shows and changes what a company keeps of its models' files.
#include "api/company_api.h"

#include "api/api_call.h"
#include "base/random.h"
#include "json/json_write.h"
#include "store/company_store.h"
#include "store/event_store.h"
#include "store/job_admin_store.h"

// The body of a change, and of every answer. The company comes first, so that its table's offsets
// hold.
struct settings {
    struct company company;
    struct str file_retention; // JSON: "keep", "stream" or a number of days
    struct str file_retention_in_force;
    struct opt_i64 file_quota_in_force;
    struct str attribution_in_force;
    struct opt_i64 stored_files;
    struct opt_i64 stored_bytes;
};

#define RETENTION_JSON_MAX 64
#define SHOWN_ONLY         (FIELD_READ_ONLY | FIELD_VOLATILE)

// In the order of the answer. What is only shown changes by itself: sent back, it is not looked at.
enum settings_field {
    SET_COMPANY_ID,
    SET_RETENTION,
    SET_RETENTION_IN_FORCE,
    SET_QUOTA,
    SET_QUOTA_IN_FORCE,
    SET_ATTRIBUTION,
};

static const struct field settings_fields[] = {
    [SET_COMPANY_ID] = {FIELD_AS_I64(struct company, company_id), .flags = FIELD_READ_ONLY},
    [SET_RETENTION] = {FIELD_AS_RAW(struct settings, file_retention, RETENTION_JSON_MAX)},
    [SET_RETENTION_IN_FORCE] = {FIELD_AS_RAW(struct settings, file_retention_in_force,
                                             RETENTION_JSON_MAX),
                                .flags = SHOWN_ONLY},
    [SET_QUOTA] = {FIELD_AS_OPT_I64(struct company, file_quota), .max = 9007199254740991.0},
    [SET_QUOTA_IN_FORCE] = {FIELD_AS_OPT_I64(struct settings, file_quota_in_force),
                            .flags = SHOWN_ONLY},
    [SET_ATTRIBUTION] = {FIELD_AS_STR(struct company, attribution, COMPANY_ATTRIBUTION_MAX)},
    {FIELD_AS_STR(struct settings, attribution_in_force, COMPANY_ATTRIBUTION_MAX),
     .flags = SHOWN_ONLY},
    {FIELD_AS_OPT_I64(struct settings, stored_files), .flags = SHOWN_ONLY},
    {FIELD_AS_OPT_I64(struct settings, stored_bytes), .flags = SHOWN_ONLY},
    {FIELD_AS_TIME(struct company, updated_at), .flags = SHOWN_ONLY},
};

static const struct field_table settings_table =
    FIELD_TABLE("settings", settings_fields, struct settings);

struct settings_call {
    struct http_request *request;
    int64_t company_id;
    struct company company;
    struct file_usage usage;
    int64_t found; // by the proof
};

// ---- The answer.

static struct str retention_json(struct arena *arena, enum file_retention retention, int64_t days)
{
    if (retention == RETENTION_NONE)
        return STR_NULL;
    if (retention == RETENTION_DAYS)
        return arena_printf(arena, "%lld", (long long)days);
    return arena_printf(arena, "\"%s\"", file_retention_names[retention]);
}

static void answer(struct settings_call *call)
{
    struct arena *arena = http_arena(call->request);
    const struct company *company = &call->company;
    const struct file_policy policy = file_policy_of(company, &api_of(call->request)->file_policy);
    const struct settings settings = {
        .company = *company,
        .file_retention = retention_json(arena, company->file_retention, company->file_days.value),
        .file_retention_in_force = retention_json(arena, policy.retention, policy.days),
        .file_quota_in_force = policy.quota > 0 ? OPT_I64(policy.quota) : (struct opt_i64){0},
        .attribution_in_force = policy.attribution,
        .stored_files = OPT_I64(call->usage.files),
        .stored_bytes = OPT_I64(call->usage.bytes),
    };
    api_respond(call->request, 200, &settings_table, &settings);
}

static void answer_read(struct sql_op *op)
{
    struct settings_call *call = op->done_ctx;
    if (op->error.code != ERR_OK)
        http_problem(call->request, &op->error);
    else
        answer(call);
}

// What a company has is added up over many rows.
static void read_and_answer(struct settings_call *call)
{
    struct sql_op *op = api_op(call->request, "company_settings", SQL_LANE_LONG, answer_read, call);
    company_store_get(op, call->company_id, &call->company);
    company_store_usage(op, call->company_id, &call->usage);
    api_submit(call->request, op);
}

static struct settings_call *begin(struct http_request *request)
{
    struct settings_call *call = arena_new(http_arena(request), struct settings_call, 1);
    call->request = request;
    return api_id(request, "id", &call->company_id) ? call : NULL;
}

void company_api_get(struct http_request *request)
{
    struct settings_call *call = begin(request);
    if (call == NULL)
        return;
    http_suspend(request);
    read_and_answer(call);
}

// ---- The change.

static bool is_seen(const struct json_decoding *how, enum settings_field field)
{
    return (how->seen & (UINT64_C(1) << field)) != 0;
}

// "keep", "stream" and days; a number in quotes is none.
static enum err read_retention(struct str json, struct company *company, struct error *err)
{
    enum file_retention retention = RETENTION_NONE;
    int64_t days = 0;
    bool is_text = json.len >= 2 && json.ptr[0] == '"';
    struct str text = is_text ? str_slice(json, 1, json.len - 1) : json;
    if (!file_retention_parse(text, &retention, &days) ||
        is_text != (retention != RETENTION_DAYS)) {
        (void)error_place(err, STR("/file_retention"),
                          "must be \"keep\", \"stream\", a number of days from 1 to %d, or null",
                          RETENTION_DAYS_MAX);
        return ERR_INVALID;
    }
    company->file_retention = retention;
    if (retention == RETENTION_DAYS)
        company->file_days = OPT_I64(days);
    return ERR_OK;
}

static enum err read_edit(struct settings_call *call, struct company_edit *edit, struct error *err)
{
    struct json_decoding how = {.flags = JSON_READ_ONLY_OK};
    struct settings body = {0};
    TRY(api_decode(call->request, &settings_table, &how, &body, err));
    edit->sets_retention = is_seen(&how, SET_RETENTION);
    edit->sets_quota = is_seen(&how, SET_QUOTA);
    edit->sets_attribution = is_seen(&how, SET_ATTRIBUTION);
    if (is_seen(&how, SET_COMPANY_ID) && body.company.company_id != call->company_id)
        (void)error_place(err, STR("/company_id"), "is read-only, and differs from the path's");
    if (body.file_retention.ptr != NULL)
        (void)read_retention(body.file_retention, &body.company, err);
    edit->values = body.company;
    edit->values.company_id = call->company_id;
    edit->values.updated_at = OPT_I64(api_now_us(call->request));
    return err->code;
}

static void changed(struct sql_op *op)
{
    struct settings_call *call = op->done_ctx;
    if (op->error.code != ERR_OK) {
        api_refuse(call->request, &op->error);
        return;
    }
    notices_job_added(api_of(call->request)->notices);
    read_and_answer(call);
}

void company_api_put(struct http_request *request)
{
    struct settings_call *call = begin(request);
    struct company_edit edit = {0};
    struct error err;
    error_reset(&err);
    if (call == NULL)
        return;
    if (read_edit(call, &edit, &err) != ERR_OK) {
        http_problem(request, &err);
        return;
    }
    int64_t now_us = edit.values.updated_at.value;
    int64_t op_id = random_id();
    struct sql_op *op = api_op(request, "company_change", SQL_LANE_WRITE, changed, call);
    company_store_change(op, &edit, &call->company);
    job_store_hasten_files(op, call->company_id, now_us);
    event_store_add(
        op, &(struct event){.type = "company.changed",
                            .op_id = op_id,
                            .at_us = now_us,
                            .data = arena_printf(http_arena(request), "{\"company_id\":%lld}",
                                                 (long long)call->company_id)});
    event_store_find(sql_op_proof(op), op_id, &call->found);
    http_suspend(request);
    api_submit(request, op);
}
