// The lead: a house whose owner may buy a solar roof, and what is known of its 3D model.
#ifndef SUNLEAD_DOMAIN_LEAD_H
#define SUNLEAD_DOMAIN_LEAD_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "base/field.h"
#include "base/number.h"
#include "base/str.h"

// The public state of a lead's 3D model, model_3d_status. MODEL_NONE is null: none was ever asked
// for.
enum model_status { MODEL_NONE, MODEL_PENDING, MODEL_PROCESSING, MODEL_COMPLETED, MODEL_FAILED };

enum lead_sync {
    LEAD_SYNC_NONE,
    LEAD_SYNC_PENDING,
    LEAD_SYNC_SYNCED,
    LEAD_SYNC_FAILED,
    LEAD_SYNC_SYNCING
};

// LightFusion's states of a project.
enum lightfusion_state { LF_PROGRESS = 0, LF_DONE = 1, LF_ERRORED = 2, LF_INITIALIZED = 3 };

// Names and units are the specification's: system_size in kW, kwh_usage and annual_production in
// kWh a year, latitude and longitude in degrees (WGS 84). Times are UTC microseconds. A row of
// another system may lack what ours always has: company_id and creator_id are 0 then, a place is
// NaN.
struct lead {
    int64_t id;
    int64_t company_id;
    int64_t creator_id;
    double latitude;
    double longitude;
    struct str address;
    int64_t source; // 0 legacy, 1 drone, 2 earth, 3 flyover, 4 none
    struct opt_f64 kwh_usage;
    struct opt_f64 system_size;
    struct opt_i64 panel_count;
    struct opt_f64 annual_production;
    int64_t state; // 0 to 3, LightFusion's
    struct str promo_code;
    bool is_2d;
    struct str external_lead_id;
    enum lead_sync sync_status;
    struct opt_i64 last_synced_at;
    struct opt_i64 panel_id;
    struct opt_i64 inverter_id;
    struct opt_i64 utility_id;
    struct str roof_material;
    struct opt_i64 installation_date;
    struct opt_i64 lightfusion_3d_project_id;
    struct opt_i64 lightfusion_3d_house_id;
    enum model_status model_3d_status;
    struct opt_i64 model_3d_created_at;
    struct opt_i64 model_3d_completed_at;
    bool has_3d_model; // lead_has_3d_model(), for JSON
    struct opt_i64 created_at;
    struct opt_i64 updated_at;
};

#define LEAD_ADDRESS_MAX 500

// The largest id of LightFusion's: the specification's columns for them are INTEGER.
#define LIGHTFUSION_ID_MAX 2147483647
#define LEAD_SOURCE_NONE   4

// The lead's members: JSON names, columns, bounds.
extern const struct field_table lead_table;

// The texts of enum model_status, in its order ("pending", ...); MODEL_NONE has none.
extern const char *const model_status_names[];
// The texts of enum lead_sync.
extern const char *const lead_sync_names[];

// lead_has_3d_model() tells whether a LightFusion project is linked.
bool lead_has_3d_model(const struct lead *lead);

// lead_is_3d_model_ready() tells whether a project is linked and its model is completed.
bool lead_is_3d_model_ready(const struct lead *lead);

// lead_set_lightfusion_3d_project() links a project: both ids, status processing, completion time
// cleared. Ids are positive; others are a programming error.
void lead_set_lightfusion_3d_project(struct lead *lead, int64_t project_id, int64_t house_id);

// lead_update_3d_model_status() sets the status. Becoming completed sets model_3d_completed_at to
// now_us once; leaving completed clears it.
void lead_update_3d_model_status(struct lead *lead, enum model_status status, int64_t now_us);

// model_status_of_lightfusion() maps LightFusion's state: 0 and 3 processing, 1 completed, 2
// failed. Other numbers give MODEL_NONE.
enum model_status model_status_of_lightfusion(int64_t state);

#endif
