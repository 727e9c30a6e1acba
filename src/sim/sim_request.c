// Decoding and checking of request bodies.
#include "sim/sim_request.h"

#include <math.h>

#include "base/field.h"
#include "json/json_read.h"
#include "sim/house.h"

struct homeowner {
    struct str email;
    struct str firstname;
    struct str lastname;
    struct str phone;
};

struct hardware {
    int64_t panel_id;
    int64_t inverter_id;
    struct opt_i64 storage_id;
    struct opt_i64 storage_quantity;
};

enum period { PERIOD_MONTH = 1, PERIOD_YEAR };
enum unit { UNIT_KWH = 1 };

struct create {
    double latitude;
    double longitude;
    struct sim_address address;
    struct homeowner homeowner;
    struct hardware hardware;
    double consumption[SIM_MONTHS];
    int64_t lse_id;
    enum period period;
    int64_t target_solar_offset;
    struct str mode;
    enum unit unit;
};

struct ids {
    int64_t project_id;
    struct opt_i64 house_id;
};

static const char *const periods[] = {NULL, "month", "year", FIELD_NAMES_END};
static const char *const units[] = {NULL, "kwh", FIELD_NAMES_END};

static const struct field address_fields[] = {
    {FIELD_AS_STR(struct sim_address, street, SIM_TEXT_MAX), .flags = FIELD_REQUIRED},
    {FIELD_AS_STR(struct sim_address, city, SIM_TEXT_MAX), .flags = FIELD_REQUIRED},
    {FIELD_AS_STR(struct sim_address, state, SIM_TEXT_MAX), .flags = FIELD_REQUIRED},
    {.name = "postalCode",
     .type = FIELD_STR,
     .offset = FIELD_OFFSET(struct sim_address, postal_code, struct str),
     .max_len = SIM_TEXT_MAX,
     .flags = FIELD_REQUIRED},
    {FIELD_AS_STR(struct sim_address, country, SIM_TEXT_MAX), .flags = FIELD_REQUIRED},
};
static const struct field_table address_table =
    FIELD_TABLE("address", address_fields, struct sim_address);

static const struct field homeowner_fields[] = {
    {FIELD_AS_STR(struct homeowner, email, SIM_TEXT_MAX), .flags = FIELD_REQUIRED},
    {FIELD_AS_STR(struct homeowner, firstname, SIM_TEXT_MAX), .flags = FIELD_REQUIRED},
    {FIELD_AS_STR(struct homeowner, lastname, SIM_TEXT_MAX), .flags = FIELD_REQUIRED},
    {FIELD_AS_STR(struct homeowner, phone, SIM_TEXT_MAX), .flags = FIELD_REQUIRED},
};
static const struct field_table homeowner_table =
    FIELD_TABLE("homeowner", homeowner_fields, struct homeowner);

static const struct field hardware_fields[] = {
    {FIELD_AS_I64(struct hardware, panel_id), .flags = FIELD_REQUIRED},
    {FIELD_AS_I64(struct hardware, inverter_id), .flags = FIELD_REQUIRED},
    {FIELD_AS_OPT_I64(struct hardware, storage_id)},
    {FIELD_AS_OPT_I64(struct hardware, storage_quantity), .min = 0, .max = SIM_STORAGE_MAX},
};
static const struct field_table hardware_table =
    FIELD_TABLE("hardware", hardware_fields, struct hardware);

static const struct field create_fields[] = {
    {FIELD_AS_F64(struct create, latitude), .flags = FIELD_REQUIRED, .min = -90, .max = 90},
    {FIELD_AS_F64(struct create, longitude), .flags = FIELD_REQUIRED, .min = -180, .max = 180},
    {FIELD_AS_OBJECT(struct create, address, &address_table), .flags = FIELD_REQUIRED},
    {FIELD_AS_OBJECT(struct create, homeowner, &homeowner_table), .flags = FIELD_REQUIRED},
    {FIELD_AS_OBJECT(struct create, hardware, &hardware_table), .flags = FIELD_REQUIRED},
    {FIELD_AS_F64_LIST(struct create, consumption, SIM_MONTHS), .flags = FIELD_REQUIRED, .min = 0,
     .max = 1e9},
    {.name = "lseId",
     .type = FIELD_I64,
     .offset = FIELD_OFFSET(struct create, lse_id, int64_t),
     .flags = FIELD_REQUIRED},
    {FIELD_AS_ENUM(struct create, period, enum period, periods), .flags = FIELD_REQUIRED},
    {.name = "targetSolarOffset",
     .type = FIELD_I64,
     .offset = FIELD_OFFSET(struct create, target_solar_offset, int64_t),
     .flags = FIELD_REQUIRED,
     .min = 0,
     .max = 1000},
    {FIELD_AS_STR(struct create, mode, SIM_TEXT_MAX)},
    {FIELD_AS_ENUM(struct create, unit, enum unit, units), .flags = FIELD_REQUIRED},
};
static const struct field_table create_table = FIELD_TABLE("create", create_fields, struct create);

static const struct field login_fields[] = {
    {FIELD_AS_STR(struct sim_login, contact, SIM_TEXT_MAX), .flags = FIELD_REQUIRED},
    {FIELD_AS_STR(struct sim_login, password, SIM_TEXT_MAX), .flags = FIELD_REQUIRED},
};
static const struct field_table login_table = FIELD_TABLE("login", login_fields, struct sim_login);

static const struct field ids_fields[] = {
    {FIELD_AS_I64(struct ids, project_id), .flags = FIELD_REQUIRED},
    {FIELD_AS_OPT_I64(struct ids, house_id)},
};
static const struct field_table ids_table = FIELD_TABLE("ids", ids_fields, struct ids);

static enum err decode(struct str body, const struct field_table *table, struct arena *arena,
                       void *object, struct error *err)
{
    struct json_decoding how = {.flags = JSON_NEW, .arena = arena};
    CLEANUP(json_doc_free_ptr) struct json_doc *doc = NULL;
    TRY(json_parse(body, &doc, err));
    return json_decode(table, json_root(doc), &how, object, err);
}

enum err sim_login_decode(struct str body, struct arena *arena, struct sim_login *ret_login,
                          struct error *err)
{
    *ret_login = (struct sim_login){0};
    return decode(body, &login_table, arena, ret_login, err);
}

enum err sim_ids_decode(struct str body, struct arena *arena, int64_t *ret_project_id,
                        int64_t *ret_house_id, struct error *err)
{
    struct ids ids = {0};
    TRY(decode(body, &ids_table, arena, &ids, err));
    if (ret_house_id != NULL && !ids.house_id.set)
        return error_place(err, STR("/house_id"), "is required");
    *ret_project_id = ids.project_id;
    if (ret_house_id != NULL)
        *ret_house_id = ids.house_id.value;
    return ERR_OK;
}

static enum err check_consumption(const struct create *create, struct error *err)
{
    enum err code = ERR_OK;
    for (size_t i = 0; i < SIM_MONTHS; i++) {
        if (create->consumption[i] == trunc(create->consumption[i]))
            continue;
        char pointer[32];
        snprintf(pointer, sizeof(pointer), "/consumption/%zu", i);
        code = error_place(err, str_of(pointer), "must be a whole number");
    }
    return code;
}

// Hardware that does not exist is a conflict rather than invalid: the body is well made.
static enum err find_hardware(const struct hardware *hardware, struct sim_system *system,
                              struct error *err)
{
    system->panel = sim_panel_find(hardware->panel_id);
    if (system->panel == NULL)
        error_place(err, STR("/hardware/panel_id"), "no panel has the id %lld",
                    (long long)hardware->panel_id);
    system->inverter = sim_inverter_find(hardware->inverter_id);
    if (system->inverter == NULL)
        error_place(err, STR("/hardware/inverter_id"), "no inverter has the id %lld",
                    (long long)hardware->inverter_id);
    bool no_storage = false;
    if (hardware->storage_id.set) {
        system->storage = sim_storage_find(hardware->storage_id.value);
        no_storage = system->storage == NULL;
        system->storage_quantity =
            hardware->storage_quantity.set ? hardware->storage_quantity.value : 1;
    }
    if (no_storage)
        error_place(err, STR("/hardware/storage_id"), "no storage has the id %lld",
                    (long long)hardware->storage_id.value);
    if (system->panel != NULL && system->inverter != NULL && !no_storage)
        return ERR_OK;
    err->code = ERR_CONFLICT;
    return ERR_CONFLICT;
}

enum err sim_create_decode(struct str body, struct arena *arena, struct sim_project *ret_project,
                           struct error *err)
{
    struct create create = {0};
    TRY(decode(body, &create_table, arena, &create, err));
    TRY(check_consumption(&create, err));
    struct sim_wish wish = {
        .latitude = create.latitude,
        .target_offset_percent = (double)create.target_solar_offset,
        .max = str_equal_nocase(create.mode, STR("max")),
    };
    for (size_t i = 0; i < SIM_MONTHS; i++)
        wish.annual_use_kwh += create.consumption[i];
    *ret_project = (struct sim_project){
        .latitude = create.latitude,
        .longitude = create.longitude,
        .address = create.address,
        .homeowner_email = create.homeowner.email,
        .system = {.latitude = create.latitude,
                   .annual_use_kwh = wish.annual_use_kwh,
                   .state = create.address.state},
        .target_offset_percent = create.target_solar_offset,
        .mode = create.mode,
    };
    memcpy(ret_project->consumption_kwh, create.consumption, sizeof(create.consumption));
    struct sim_system *system = &ret_project->system;
    TRY(find_hardware(&create.hardware, system, err));
    struct house_order order = {
        .latitude = create.latitude,
        .longitude = create.longitude,
        .panel_width_m = system->panel->width_m,
        .panel_height_m = system->panel->height_m,
    };
    system->panel_count = sim_panel_count(&wish, system->panel, house_panel_room(&order));
    return ERR_OK;
}
