// The lead's fields and the rules of its 3D model.
#include "domain/lead.h"

const char *const model_status_names[] = {NULL,        "pending", "processing",
                                          "completed", "failed",  FIELD_NAMES_END};

const char *const lead_sync_names[] = {NULL,     "pending", "synced",
                                       "failed", "syncing", FIELD_NAMES_END};

#define ID_MAX    9007199254740991.0 // 2^53 - 1, exact in JSON
#define ID_BOUNDS .min = 1, .max = ID_MAX
#define LF_BOUNDS .min = 1, .max = LIGHTFUSION_ID_MAX
#define TEXT_MAX  200

static const struct field lead_fields[] = {
    {FIELD_AS_I64(struct lead, id), .flags = FIELD_READ_ONLY},
    {FIELD_AS_I64(struct lead, company_id), .flags = FIELD_REQUIRED | FIELD_ZERO_UNKNOWN,
     ID_BOUNDS},
    {FIELD_AS_I64(struct lead, creator_id), .flags = FIELD_REQUIRED | FIELD_ZERO_UNKNOWN,
     ID_BOUNDS},
    {FIELD_AS_F64(struct lead, latitude), .flags = FIELD_REQUIRED, .min = -90, .max = 90},
    {FIELD_AS_F64(struct lead, longitude), .flags = FIELD_REQUIRED, .min = -180, .max = 180},
    {FIELD_AS_STR(struct lead, address, LEAD_ADDRESS_MAX)},
    {FIELD_AS_I64(struct lead, source), .flags = FIELD_NOT_NULL, .min = 0, .max = 4},
    {FIELD_AS_OPT_F64(struct lead, kwh_usage), .min = 0, .max = 1e9},
    {FIELD_AS_OPT_F64(struct lead, system_size), .min = 0, .max = 1e6},
    {FIELD_AS_OPT_I64(struct lead, panel_count), .min = 0, .max = 1e6},
    {FIELD_AS_OPT_F64(struct lead, annual_production), .min = 0, .max = 1e9},
    {FIELD_AS_I64(struct lead, state), .flags = FIELD_NOT_NULL, .min = 0, .max = 3},
    {FIELD_AS_STR(struct lead, promo_code, TEXT_MAX)},
    {FIELD_AS_BOOL(struct lead, is_2d), .flags = FIELD_NOT_NULL},
    {FIELD_AS_STR(struct lead, external_lead_id, TEXT_MAX)},
    {FIELD_AS_ENUM(struct lead, sync_status, enum lead_sync, lead_sync_names)},
    {FIELD_AS_TIME(struct lead, last_synced_at), .flags = FIELD_READ_ONLY | FIELD_VOLATILE},
    {FIELD_AS_OPT_I64(struct lead, panel_id), LF_BOUNDS},
    {FIELD_AS_OPT_I64(struct lead, inverter_id), LF_BOUNDS},
    {FIELD_AS_OPT_I64(struct lead, utility_id), LF_BOUNDS},
    {FIELD_AS_STR(struct lead, roof_material, TEXT_MAX)},
    {FIELD_AS_TIME(struct lead, installation_date)},
    {FIELD_AS_OPT_I64(struct lead, lightfusion_3d_project_id), .flags = FIELD_READ_ONLY},
    {FIELD_AS_OPT_I64(struct lead, lightfusion_3d_house_id), .flags = FIELD_READ_ONLY},
    {FIELD_AS_ENUM(struct lead, model_3d_status, enum model_status, model_status_names),
     .flags = FIELD_READ_ONLY},
    {FIELD_AS_TIME(struct lead, model_3d_created_at), .flags = FIELD_READ_ONLY},
    {FIELD_AS_TIME(struct lead, model_3d_completed_at), .flags = FIELD_READ_ONLY},
    {FIELD_AS_BOOL(struct lead, has_3d_model), .flags = FIELD_READ_ONLY | FIELD_NO_SQL},
    {FIELD_AS_TIME(struct lead, created_at), .flags = FIELD_READ_ONLY},
    {FIELD_AS_TIME(struct lead, updated_at), .flags = FIELD_READ_ONLY | FIELD_VOLATILE},
};

const struct field_table lead_table = FIELD_TABLE("lead", lead_fields, struct lead);

bool lead_has_3d_model(const struct lead *lead)
{
    return lead->lightfusion_3d_project_id.set;
}

bool lead_is_3d_model_ready(const struct lead *lead)
{
    return lead_has_3d_model(lead) && lead->model_3d_status == MODEL_COMPLETED;
}

void lead_set_lightfusion_3d_project(struct lead *lead, int64_t project_id, int64_t house_id)
{
    check(project_id > 0 && house_id > 0);
    lead->lightfusion_3d_project_id = OPT_I64(project_id);
    lead->lightfusion_3d_house_id = OPT_I64(house_id);
    lead->model_3d_status = MODEL_PROCESSING;
    lead->model_3d_completed_at = (struct opt_i64){0};
    lead->has_3d_model = true;
}

void lead_update_3d_model_status(struct lead *lead, enum model_status status, int64_t now_us)
{
    if (status != MODEL_COMPLETED)
        lead->model_3d_completed_at = (struct opt_i64){0};
    else if (!lead->model_3d_completed_at.set)
        lead->model_3d_completed_at = OPT_I64(now_us);
    lead->model_3d_status = status;
}

enum model_status model_status_of_lightfusion(int64_t state)
{
    static const enum model_status map[] = {
        [LF_PROGRESS] = MODEL_PROCESSING,
        [LF_DONE] = MODEL_COMPLETED,
        [LF_ERRORED] = MODEL_FAILED,
        [LF_INITIALIZED] = MODEL_PROCESSING,
    };
    if (state < 0 || state >= (int64_t)COUNT_OF(map))
        return MODEL_NONE;
    return map[state];
}
