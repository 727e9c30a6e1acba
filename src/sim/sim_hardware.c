// The tables of hardware and adders, with the members under which answers show them.
#include "sim/sim_hardware.h"

static const struct sim_panel panels[] = {
    {.id = 1,
     .manufacturer = STR_INIT("Solara"),
     .model = STR_INIT("SL-350M"),
     .display_name = STR_INIT("Solara SL-350M 350 W"),
     .active = true,
     .is_default = true,
     .power_w = 350,
     .price_per_watt = 0.38,
     .is_domestic = true,
     .width_m = 1.038,
     .height_m = 1.755},
    {.id = 2,
     .manufacturer = STR_INIT("Helion"),
     .model = STR_INIT("HX-370"),
     .display_name = STR_INIT("Helion HX-370 370 W"),
     .active = true,
     .power_w = 370,
     .price_per_watt = 0.42,
     .width_m = 1.03,
     .height_m = 1.77},
    {.id = 3,
     .manufacturer = STR_INIT("Norrlys"),
     .model = STR_INIT("NL-385 Black"),
     .display_name = STR_INIT("Norrlys NL-385 Black 385 W"),
     .active = true,
     .power_w = 385,
     .price_per_watt = 0.47,
     .width_m = 1.04,
     .height_m = 1.76},
    {.id = 4,
     .manufacturer = STR_INIT("Auralite"),
     .model = STR_INIT("AL-400 XT"),
     .display_name = STR_INIT("Auralite AL-400 XT 400 W"),
     .active = true,
     .power_w = 400,
     .price_per_watt = 0.52,
     .is_domestic = true,
     .width_m = 1.045,
     .height_m = 1.81},
};

static const struct sim_inverter inverters[] = {
    {.id = 1,
     .name = STR_INIT("Stringline 10"),
     .manufacturer = STR_INIT("Voltano"),
     .category = STR_INIT("string"),
     .cost_type = SIM_COST_FLAT,
     .cost = 1585,
     .capacity_kw = 10,
     .is_active = true},
    {.id = 2,
     .name = STR_INIT("Hybridline 7.6"),
     .manufacturer = STR_INIT("Voltano"),
     .category = STR_INIT("hybrid"),
     .cost_type = SIM_COST_FLAT,
     .cost = 2190,
     .capacity_kw = 7.6,
     .is_active = true},
    {.id = 3,
     .name = STR_INIT("MicroPeak 380"),
     .manufacturer = STR_INIT("Ampere Works"),
     .category = STR_INIT("microinverter"),
     .cost_type = SIM_COST_PER_PANEL,
     .cost = 119,
     .capacity_kw = 0.38,
     .is_active = true},
};

static const struct sim_storage storages[] = {
    {.id = 1,
     .manufacturer = STR_INIT("Cellar"),
     .model = STR_INIT("C5"),
     .display_name = STR_INIT("Cellar C5 5 kWh"),
     .capacity_kwh = 5,
     .cost = 3900,
     .active = true},
    {.id = 2,
     .manufacturer = STR_INIT("Cellar"),
     .model = STR_INIT("C13"),
     .display_name = STR_INIT("Cellar C13 13.5 kWh"),
     .capacity_kwh = 13.5,
     .cost = 8900,
     .active = true},
};

static const struct sim_adder adders[] = {
    {.id = 1,
     .company_id = SIM_COMPANY_ID,
     .name = STR_INIT("Permit and interconnection"),
     .cost = 450,
     .cost_type = SIM_COST_FLAT,
     .states = STR_INIT("[]"),
     .active = true,
     .category_id = 1,
     .is_automatic = true},
    {.id = 2,
     .company_id = SIM_COMPANY_ID,
     .name = STR_INIT("Rapid shutdown labels"),
     .cost = 180,
     .cost_type = SIM_COST_FLAT,
     .states = STR_INIT("[\"CA\"]"),
     .state = STR_INIT("CA"),
     .active = true,
     .category_id = 1,
     .is_automatic = true},
    {.id = 3,
     .company_id = SIM_COMPANY_ID,
     .name = STR_INIT("Small system"),
     .cost = 900,
     .cost_type = SIM_COST_FLAT,
     .states = STR_INIT("[]"),
     .active = true,
     .category_id = 2,
     .is_automatic = true,
     .max_system_size = {.value = 4, .set = true}},
    {.id = 4,
     .company_id = SIM_COMPANY_ID,
     .name = STR_INIT("Large array wiring"),
     .cost = 0.06,
     .cost_type = SIM_COST_PER_WATT,
     .states = STR_INIT("[]"),
     .active = true,
     .category_id = 2,
     .is_automatic = true,
     .min_system_size = {.value = 12, .set = true}},
    {.id = 5,
     .company_id = SIM_COMPANY_ID,
     .name = STR_INIT("Main panel upgrade"),
     .cost = 2500,
     .cost_type = SIM_COST_FLAT,
     .states = STR_INIT("[]"),
     .active = true,
     .category_id = 3},
};

static const char *const cost_types[] = {NULL, "flat", "per_watt", "per_panel", FIELD_NAMES_END};

// One member of an answer: its name there, its type, the struct's member and that member's C type.
#define MEMBER(json, field_type, T, m, c_type)                                                     \
    .name = (json), .type = (field_type), .offset = FIELD_OFFSET(T, m, c_type)
#define MEMBER_I64(json, T, m)  MEMBER(json, FIELD_I64, T, m, int64_t)
#define MEMBER_F64(json, T, m)  MEMBER(json, FIELD_F64, T, m, double)
#define MEMBER_OPT(json, T, m)  MEMBER(json, FIELD_OPT_F64, T, m, struct opt_f64)
#define MEMBER_BOOL(json, T, m) MEMBER(json, FIELD_BOOL, T, m, bool)
#define MEMBER_STR(json, T, m)  MEMBER(json, FIELD_STR, T, m, struct str)
#define MEMBER_COST_TYPE(json, T, m)                                                               \
    MEMBER(json, FIELD_ENUM, T, m, enum sim_cost_type), .names = cost_types

static const struct field panel_fields[] = {
    {MEMBER_I64("ID", struct sim_panel, id)},
    {MEMBER_STR("Manufacturer", struct sim_panel, manufacturer)},
    {MEMBER_STR("Model", struct sim_panel, model)},
    {MEMBER_STR("DisplayName", struct sim_panel, display_name)},
    {MEMBER_BOOL("Active", struct sim_panel, active)},
    {MEMBER_BOOL("IsDefault", struct sim_panel, is_default)},
    {MEMBER_F64("Power", struct sim_panel, power_w)},
    {MEMBER_F64("PricePerWatt", struct sim_panel, price_per_watt)},
    {MEMBER_BOOL("IsDomestic", struct sim_panel, is_domestic)},
};

static const struct field inverter_fields[] = {
    {MEMBER_I64("ID", struct sim_inverter, id)},
    {MEMBER_STR("Name", struct sim_inverter, name)},
    {MEMBER_STR("Manufacturer", struct sim_inverter, manufacturer)},
    {MEMBER_STR("Category", struct sim_inverter, category)},
    {MEMBER_COST_TYPE("CostType", struct sim_inverter, cost_type)},
    {MEMBER_F64("Cost", struct sim_inverter, cost)},
    {MEMBER_F64("Capacity", struct sim_inverter, capacity_kw)},
    {MEMBER_I64("Quantity", struct sim_inverter, quantity)},
    {MEMBER_BOOL("IsActive", struct sim_inverter, is_active)},
};

static const struct field storage_fields[] = {
    {MEMBER_I64("ID", struct sim_storage, id)},
    {MEMBER_STR("Manufacturer", struct sim_storage, manufacturer)},
    {MEMBER_STR("Model", struct sim_storage, model)},
    {MEMBER_STR("DisplayName", struct sim_storage, display_name)},
    {MEMBER_F64("Capacity", struct sim_storage, capacity_kwh)},
    {MEMBER_F64("Cost", struct sim_storage, cost)},
    {MEMBER_I64("Quantity", struct sim_storage, quantity)},
    {MEMBER_BOOL("Active", struct sim_storage, active)},
};

static const struct field adder_fields[] = {
    {MEMBER_I64("ID", struct sim_adder, id)},
    {MEMBER_I64("CompanyID", struct sim_adder, company_id)},
    {MEMBER_STR("Name", struct sim_adder, name)},
    {MEMBER_F64("Cost", struct sim_adder, cost)},
    {MEMBER_COST_TYPE("CostType", struct sim_adder, cost_type)},
    {MEMBER("States", FIELD_RAW, struct sim_adder, states, struct str)},
    {MEMBER_BOOL("Active", struct sim_adder, active)},
    {MEMBER_I64("CategoryID", struct sim_adder, category_id)},
    {MEMBER_BOOL("IsAutomatic", struct sim_adder, is_automatic)},
    {MEMBER_OPT("MinSystemSize", struct sim_adder, min_system_size)},
    {MEMBER_OPT("MaxSystemSize", struct sim_adder, max_system_size)},
    {MEMBER_I64("Quantity", struct sim_adder, quantity)},
    {MEMBER_OPT("CustomPrice", struct sim_adder, custom_price)},
};

const struct field_table sim_panel_table = FIELD_TABLE("panel", panel_fields, struct sim_panel);
const struct field_table sim_inverter_table =
    FIELD_TABLE("inverter", inverter_fields, struct sim_inverter);
const struct field_table sim_storage_table =
    FIELD_TABLE("storage", storage_fields, struct sim_storage);
const struct field_table sim_adder_table = FIELD_TABLE("adder", adder_fields, struct sim_adder);

const struct sim_panel *sim_panel_find(int64_t id)
{
    for (size_t i = 0; i < COUNT_OF(panels); i++) {
        if (panels[i].id == id)
            return &panels[i];
    }
    return NULL;
}

const struct sim_inverter *sim_inverter_find(int64_t id)
{
    for (size_t i = 0; i < COUNT_OF(inverters); i++) {
        if (inverters[i].id == id)
            return &inverters[i];
    }
    return NULL;
}

const struct sim_storage *sim_storage_find(int64_t id)
{
    for (size_t i = 0; i < COUNT_OF(storages); i++) {
        if (storages[i].id == id)
            return &storages[i];
    }
    return NULL;
}

const struct sim_adder *sim_adder_at(size_t index)
{
    return index < COUNT_OF(adders) ? &adders[index] : NULL;
}
